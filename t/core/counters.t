#!/usr/bin/perl

# Counters and blocks of the zone: kept over reloads, right after deaths.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(15);
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 2;
events { }
mra { zone 1m; }
END

$t->run();
my ($w1, $w2) = $remote->workers;

$w1->do('counter token 10');
$w2->do('counter token 5');
is($w1->do('counter token'), 15, 'the sum over workers');

$w1->do('counter gauge 7');
$w2->do('counter gauge 3');
is($w2->do('counter gauge -1'), 9, 'a gauge');

$t->kill_worker($w1->pid, 'KILL');
$t->expect(qr/worker process \d+ exited on signal 9/);

is($w2->do('counter token'), 15, 'what a killed worker has counted stays');
is($w2->do('counter gauge'), 2, 'what it had on a gauge does not');

$t->reload;
($w1, $w2) = $remote->workers;

is($w1->do('counter token'), 15, 'after a reload');
ok(wait_for(5, sub { $w1->do('counter gauge') == 0 }), 'gauges are empty');
is($w1->do('counter token 1'), 16, 'counting goes on');


# blocks

is($w1->do('block hops 16 3'), 3, 'a new block is zeroed');
is($w2->do('block hops 16 4'), 7, 'all see it');
is($w2->do('block hops 24'), 0, 'another size is another block');
is($w2->do('block hop 16 1'), 1, 'another name too');
is($w1->do('blocks hop'), 'hops=7 hops=0 hop=1 end', 'walk');

my $blocks = 0;
$blocks++ while $w1->do("block many$blocks 900 1") eq '1';
cmp_ok($blocks, '>', 20, 'there is room for them beside the store');

$w1->do('clock 3700000');
is($w1->do('blocks hop'), 'end', 'untouched for an hour: not shown');
is($w1->do('block another 900 1'), 1, 'and given away');
