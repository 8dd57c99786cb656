#!/usr/bin/perl
#
# Copyright (C) ngx_mra contributors
#
# What the look-up of a connection that was just accepted costs, while so many
# addresses are banned: CPU time in a worker, median of turns.  Every other
# look-up is that of a banned address.
#
# BUILD=directory of our modules; arguments: addresses, turns

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);

my $root;
BEGIN { $root = Cwd::abs_path(dirname(__FILE__) . '/..') }
use lib "$root/t/lib";

BEGIN { $ENV{MRA_BUILD} = $ENV{BUILD} if $ENV{BUILD} }

use MRA::Nginx;
use MRA::Remote;

my ($addresses, $turns) = (@ARGV, 100_000, 15)[0, 1];
my $mb = int($addresses * 320 / 2 ** 20) + 4;

my $t = MRA::Nginx->new(log_level => 'warn');
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
error_log @{[$t->dir]}/error.log notice;
events { }
mra { zone ${mb}m; }
END

$t->run();
my ($w) = $remote->workers;

sub measure {
    my ($banned) = @_;
    my $ops = 200_000;
    my @ns;

    for (1 .. $turns) {
        my ($ns, $found) = split ' ', $w->do("banbench $addresses $ops");
        $found == ($banned ? $ops / 2 : 0) or die "found $found\n";
        push @ns, $ns;
    }

    return (sort { $a <=> $b } @ns)[$#ns / 2];
}

printf "%-40s %6d ns\n", 'nobody is banned', measure(0);

my $n = $w->do("banbench $addresses 0 fill");
$n == $addresses or die "$n of $addresses banned\n";

printf "%-40s %6d ns\n", "$addresses addresses are banned", measure(1);

$t->stop;
