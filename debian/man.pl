#!/usr/bin/perl

# man.pl README.md > nginx_mra.5: the manual page is what the README says of
# directives, variables, answers, log lines and operations.

use strict;
use warnings;

my @wanted = ('A configuration that works', 'Directives of the core',
    'Directives of http', 'Directives of stream', 'Variables', 'Answers',
    'Log lines', 'Operations', 'What survives what', 'What it does not do');

my $readme = do { local $/; <> };
my ($version, $date) = changelog();


sub changelog {
    open my $in, '<', 'debian/changelog' or die "debian/changelog: $!\n";
    my $text = do { local $/; <$in> };
    my ($v) = $text =~ /^\S+ \((.*?)\)/;
    my ($d) = $text =~ /^ -- .*?  \w+, (\d+ \w+ \d+)/m;
    return ($v, $d);
}


# text of a paragraph: what roff would read as its own is escaped

sub plain {
    my ($text) = @_;
    $text =~ s/\\/\\e/g;
    $text =~ s/-/\\-/g;
    $text =~ s/^([.'])/\\&$1/mg;
    $text =~ s/\xc2\xb7/\\(bu/g;
    return $text;
}


sub inline {
    my ($text) = @_;
    my @parts = split /(`[^`]*`|\*\*.*?\*\*|\[[^\]]*\]\([^)]*\))/s, $text;

    for (@parts) {
        if (/^`(.*)`$/s || /^\*\*(.*)\*\*$/s) {
            $_ = '\fB' . plain($1) . '\fR';

        } elsif (/^\[(.*)\]\(.*\)$/s) {
            $_ = inline($1);

        } else {
            $_ = plain($_);
        }
    }

    return join('', @parts) =~ s/^(\\fB)?([.'])/($1 \/\/ '') . "\\&$2"/mger;
}


sub table {
    my ($head, undef, @rows) = map { [cells($_)] } split /\n/, $_[0];
    my $page = '';

    for my $row (@rows) {
        my ($first, @rest) = @$row;
        my @lines;

        for my $i (0 .. $#rest) {
            next unless length $rest[$i];
            my $name = $head->[$i + 1] // '';
            push @lines, (length $name ? inline($name) . ': ' : '')
                . inline($rest[$i]);
        }

        $page .= ".TP\n" . inline($first) . "\n"
            . join("\n.br\n", @lines ? @lines : '\&') . "\n";
    }

    return "$page.PP\n";
}


sub cells {
    my ($line) = @_;
    $line =~ s/^\|\s*|\s*\|\s*$//g;
    return map { s/\\\|/|/gr } split /\s*(?<!\\)\|\s*/, $line, -1;
}


sub block {
    my ($text) = @_;

    return ".PP\n.nf\n.RS 4\n" . plain($1) . ".RE\n.fi\n"
        if $text =~ /^```\w*\n(.*)^```$/ms;
    return '.SS ' . inline($1) . "\n" if $text =~ /^#{3,} (.*)/;
    return table($text) if $text =~ /^\|/;
    return join '', map { ".IP \\(bu 2\n" . inline($_) . "\n" }
        split /^- /m, substr $text, 2 if $text =~ /^- /;
    return ".PP\n" . inline($text) . "\n";
}


my %section;
my ($title, $summary) = $readme =~ /^# (.*?)\n\n(.*?)\n\n/s;
my ($rest) = $readme =~ /\n\n(.*)/s;
my $code = qr/^```.*?^```$/ms;

# headings in code are none
$rest =~ s/($code)/$1 =~ s{^#}{\0}mgr/ge;
$section{$1} = $2 while $rest =~ /^## (.*?)\n(.*?)(?=^## |\z)/msg;

print ".TH NGINX_MRA 5 \"$date\" \"ngx_mra $version\" \"nginx\"\n",
    ".SH NAME\nnginx_mra \\- collaboration edge: sign\\-in and SIP through ",
    "nginx\n.SH DESCRIPTION\n", inline($summary), "\n";

for my $name (grep { exists $section{$_} } @wanted) {
    print '.SH ', uc $name, "\n";

    my $body = $section{$name} =~ tr/\0/#/r;
    my @blocks = split /($code)|\n\s*\n/m, $body;
    print map { block(s/^\n+|\n+$//gr) } grep { defined && /\S/ } @blocks;
}

print ".SH SEE ALSO\n.BR nginx (8),\n.I /usr/share/doc/libnginx\\-mod\\-mra\n";
