#!/usr/bin/perl

# A full zone gives up what expires first, says so once, and never fails.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(24);
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 1;
events { }
mra { zone 512k; }
END

$t->run();

my ($w) = $remote->workers;

my ($size) = split ' ', $w->do('stat');
my $blocks = $size / 128;
cmp_ok($blocks, '>', 2500, 'most of the zone is for entries');

sub stat_of {
    my %stat;
    @stat{qw(size used evicted recovered token credential authorization
             failure ban binding node)} = split ' ', $w->do('stat');
    return \%stat;
}

sub warnings_in_log { scalar(() = $t->log =~ /\[warn\].*mra zone is full/g) }


# one of each, long-lived

$w->do("set $_ one kept 10000000") for qw(token credential ban binding node);
$w->do('hit authorization victim 8 300000') for 1 .. 8;

$w->do('hit failure early 8 200000');

my $windows = $blocks - stat_of()->{used} / 128;
my $failed = grep { $_ ne 'OK 1 0' }
    map { $w->do("hit authorization flood$_ 8 300000") } 1 .. $windows;

is($failed, 0, 'windows until the zone is full');
is(stat_of()->{used}, $size, 'it is');
is(stat_of()->{evicted}, 0, 'nothing is lost');
is(warnings_in_log(), 0, 'nothing is said');


# one more

is($w->do('hit authorization more 8 300000'), 'OK 1 0', 'one more');
is(stat_of()->{evicted}, 1, 'one is given up');
like($w->do('get failure early'), qr/^OK/, 'none of a kind that has few');
is($w->do('get authorization victim'), 'DECLINED',
    'of those that have most what expires first');
like($w->do('get authorization flood1'), qr/^OK/, 'not the next');
$w->do('hit authorization more2 8 300000');
is($w->do('get authorization flood1'), 'DECLINED', 'until one more');
is(warnings_in_log(), 1, 'and it is said');

$failed = grep { $_ ne 'OK 1 0' }
    map { $w->do("hit authorization again$_ 8 300000") } 1 .. 2 * $blocks;

is($failed, 0, 'a flood goes on');
is(warnings_in_log(), 1, 'said once');
like($w->do("get $_ one"), qr/^OK kept/, "the $_ is still there")
    for qw(token binding node);


# values need many blocks; tokens may fill three quarters of the zone

is($w->do('set binding large ' . 'v' x 1024 . ' 60000'), 'OK',
    'a large value');

$failed = grep { $_ ne 'OK' }
    map { $w->do("set token t$_ alice 20000000") } 1 .. 2 * $blocks;

is($failed, 0, 'a flood of tokens');

my $stat = stat_of();
cmp_ok($stat->{authorization} / $blocks, '>', 0.24, 'leaves windows alone');
cmp_ok($stat->{token} / $blocks, '>', 0.7, 'but has the rest');

like($w->do('check'), qr/^checked \d+$/, 'whole');


# room again

$w->do('clock 60000000');
wait_for(20, sub { $w->do("sweep"); $t->log =~ /mra zone has room again/ });
like($t->log, qr/\[notice\].*mra zone has room again/, 'room is noticed');
$w->do('clock 0');

$w->do("hit authorization third$_ 8 300000") for 1 .. $blocks + 1;
is(warnings_in_log(), 2, 'the next time it is full is said again');
