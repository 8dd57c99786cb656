#!/usr/bin/perl

# A worker is killed at any instruction of an operation: whoever comes next
# finds the zone whole, the operation done or not, and everything else as it
# was.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use Test::More;
use Time::HiRes qw(sleep);

my $t = MRA::Nginx->new();
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 2;
events { }
mra { zone 256k; }
END

$t->run();

my ($w, $other) = $remote->workers;

if ($ENV{MRA_VALGRIND} || $w->do('crash 1 get token none') !~ /^killed/) {
    plan(skip_all => 'no ptrace here');
}

# each run another third of them; sanitizers make one instruction many

my $stride = MRA::Nginx::sanitized() ? 499 : 3;

my $long = 'v' x 300;


# name, what is done before, the operation, what may be found after it

my @cases = (
    ['set', 'del token x', 'set token x new 60000', 'get token x',
        qr/^(DECLINED$|OK new )/],

    ['set of many blocks', 'del token x', "set token x $long 60000",
        'get token x', qr/^(DECLINED$|OK $long )/],

    ['replace', "set token x old 60000", "set token x $long 60000",
        'get token x', qr/^OK (old|$long) /],

    ['del', "set token x $long 60000", 'del token x', 'get token x',
        qr/^(DECLINED$|OK $long )/],

    ['hit of an attempt with an id',
        ['del authorization x', 'hit authorization x 8 300000 1'],
        'hit authorization x 8 300000 2', 'get authorization x 8 300000',
        qr/^OK x (300|299)\d\d\d [12] 0$/],

    ['hit', 'del authorization x', 'hit authorization x 8 300000',
        'get authorization x 8 300000',
        qr/^(DECLINED$|OK x (300|299)\d\d\d 1 0$)/],

    ['hit again', undef, 'hit authorization y 100 86400000',
        'get authorization y 100 86400000', qr/^OK y \d+ \d+ \d+$/],

    # from before the others to behind them, some on several levels

    ['move', ['del authorization z%', 'hit authorization z% 8 1000000'],
        'hit authorization z% 8 86400000',
        'get authorization z% 8 86400000',
        qr/^OK z\d+ (\d{6,7} 1|8\d{7} 2) 0$/],
);

# others in the same trees and buckets

$w->do("set token k$_ value$_ 80000000") for 1 .. 60;
$w->do("hit authorization k$_ 8 80000000") for 1 .. 60;
$w->do('hit authorization y 100 86400000');

for my $case (@cases) {
    my ($name, $before, $op, $look, $expected) = @$case;
    my ($steps, $busy, @wrong) = ($$ % $stride, 0);

    for (;;) {
        my ($this, $there, @before) = map { s/%/$steps % 50/er }
            $op, $look, ref $before ? @$before : $before // ();

        $w->do($_) for @before;

        my $recovered = (split ' ', $w->do('stat'))[3];
        my $how = $w->do("crash $steps $this");

        my $found = $other->do($there);
        my $check = $other->do('check');
        $busy += (split ' ', $w->do('stat'))[3] - $recovered;

        push @wrong, "$steps ($how): $found, $check"
            if $found !~ $expected || $check !~ /^checked \d+$/;

        last if $how eq 'done' || @wrong > 5;

        # every instruction with the lock held, some of those before it

        $steps += $how eq 'killed locked' ? $stride : 7 * $stride;
    }

    is_deeply(\@wrong, [], "$name: killed at any of $steps instructions");
    cmp_ok($busy, '>', 0, "$name: the zone was repaired");
}

my @lost = grep { $other->do("get token k$_") !~ /^OK value$_ /
                  || $other->do("get authorization k$_") !~ /^OK k$_ / }
    1 .. 60;
is_deeply(\@lost, [], 'nothing else is lost');

like($t->log, qr/\[warn\].*left half changed by a worker that died/,
    'it is said');


# a full zone: others make room

my ($size) = split ' ', $w->do('stat');
$w->do("set token f$_ x " . (100000 + $_)) for 1 .. $size / 128;

my ($steps, @wrong) = (0);

for (;;) {
    my $how = $w->do("crash $steps set token g$steps $long 60000000");
    my $check = $other->do('check');

    push @wrong, "$steps ($how): $check" if $check !~ /^checked \d+$/;
    last if $how eq 'done' || @wrong > 5;

    $steps += $how eq 'killed locked' ? $stride : 7 * $stride;
}

is_deeply(\@wrong, [], "full zone: killed at any of $steps instructions");


# the other one waits for the lock when its holder dies on giving it back

my $op = 'get token k1';
my ($last, $stuck) = (0, 0);
$last += $stride until $w->do("crash $last $op") eq 'done';

$w->do('pause 20');

for my $steps ($last - 20 .. $last + 60) {
    $w->ask("crash $steps $op");
    sleep 0.01;
    $other->ask('stat');
    $w->answer;
    $stuck = !defined $other->answer(10);
    last if $stuck;
}

ok(!$stuck, 'a worker that waits for the lock gets it');


# the real thing: a worker dies with the lock, the master opens it

$other->do('die');
ok(wait_for(5, sub { $t->log =~ /was locked by @{[$other->pid]}/ }),
    'the master opens the lock of a dead worker');
is($w->do('set token after x 60000'), 'OK', 'others go on');

$t->expect(qr/shared memory zone "mra" was locked by/,
    qr/worker process \d+ exited on signal 9/);

$t->done_testing();
