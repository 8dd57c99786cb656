package Lint;

# What the lint scripts share.  Each prints "file:line: what is wrong" and
# ends with 1 if it printed anything.

use strict;
use warnings;

use Exporter 'import';
use File::Find ();

our @EXPORT = qw(complain files text code symbols);

my $complaints = 0;


sub complain {
    my ($where, $what) = @_;
    print STDERR "$where: $what\n";
    $complaints++;
}


END { $? = 1 if $complaints && !$? }


# paths below the given directories that match

sub files {
    my ($pattern, @dirs) = @_;
    my @found;

    File::Find::find({ no_chdir => 1, wanted => sub {
        $File::Find::prune = 1
            if -d && m{^\./(?:\.git|build[^/]*|t/unit/vectors|t/fuzz/seeds)$};
        my $path = $_;
        $path =~ s{^\./}{};
        push @found, $path if -f && $path =~ $pattern;
    } }, grep { -e } @dirs ? @dirs : '.');

    return sort @found;
}


sub text {
    my ($path) = @_;
    open my $in, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar <$in> // '';
}


# C without what comments say; strings stay unless told, lines stay too

sub code {
    my ($path, $without_strings) = @_;
    my $text = text($path);

    $text =~ s{(/\*.*?\*/)|("(?:\\.|[^"\\])*")|('(?:\\.|[^'\\])*')}{
        my ($comment, $string, $char) = ($1, $2, $3);
        my $lines = ($& =~ tr/\n//);
        defined $comment ? "\n" x $lines
            : defined $string && $without_strings ? '""' . "\n" x $lines
            : defined $char && $without_strings ? "' '" : $&
    }gsex;

    return $text;
}


# (name => type) of nm with the given options

sub symbols {
    my ($path, @options) = @_;
    my %type;

    open my $nm, '-|', 'nm', @options, $path or die "nm: $!\n";

    while (<$nm>) {
        $type{$2} = $1 if /(\S) (\S+)$/;
    }

    close $nm or die "nm $path failed\n";
    return %type;
}


1;
