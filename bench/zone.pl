#!/usr/bin/perl
#
# Copyright (C) ngx_mra contributors
#
# What the zone costs: operations a second of one worker and of two on one
# zone, and bytes for a user.  They call the store in nginx's workers, without
# requests around it: medians of short turns, one worker and two in turn.
#
# BUILD=directory of our modules; arguments: names, turns

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

my ($names, $turns) = (@ARGV, 100_000, 15)[0, 1];
my $mb = int($names * 600 / 2 ** 20) + 2;

my $t = MRA::Nginx->new(log_level => 'warn');
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
error_log @{[$t->dir]}/error.log notice;
worker_processes 2;
events { }
mra { zone ${mb}m; }
END

$t->run();
my @workers = $remote->workers;


sub used { (split ' ', $workers[0]->do('stat'))[1] }

sub fill {
    my ($what, $names) = @_;
    my $before = used();
    my ($ns, $ok) = split ' ', $workers[0]->do("bench $what once");

    $ok == $names or die "$what: only $ok of $names\n";
    return (used() - $before) / $names;
}

my %bytes;
$bytes{window} = fill("hit $names $names authorization", $names);
$bytes{token} = fill("set $names $names token", $names);
$bytes{credential} = fill("set $names $names credential", $names);


# the same work in each turn, whether one worker does it or both

sub median { (sort { $a <=> $b } @_)[$#_ / 2] }

sub measure {
    my ($what, $kind) = @_;
    my $ops = 100_000;
    my (@one, @two, @ns);

    for (1 .. $turns) {
        my ($ns, undef, $cpu) = split ' ',
            $workers[0]->do("bench $what $names $ops $kind");
        push @ns, $cpu;
        push @one, 1e9 / $ns;

        $_->ask("bench $what $names $ops $kind") for @workers;
        my $sum = 0;
        $sum += 1e9 / (split ' ', $_->answer)[0] for @workers;
        push @two, $sum;
    }

    printf "%-26s %10d %10.2f %12.2f %8.2f\n", "$what $kind",
        median(@ns), median(@one) / 1e6, median(@two) / 1e6,
        median(@two) / median(@one);
}

printf "zone of %s names in memory\n\n", $names;
printf "%-26s %10s %10s %12s %8s\n", 'operation', 'CPU ns', 'one: M/s',
    'two: M/s', 'two/one';

measure('get', 'token');
measure('get', 'credential');
measure('hit', 'authorization');
measure('set', 'token');

print "\nbytes of zone\n\n";
printf "%-40s %6d\n", 'user with a full window of 8', $bytes{window};
printf "%-40s %6d\n", 'token', $bytes{token};
printf "%-40s %6d\n", 'credential', $bytes{credential};
printf "%-40s %6d\n", 'a million users, all three, MB',
    ($bytes{window} + $bytes{token} + $bytes{credential}) * 1.05;

$t->stop;
