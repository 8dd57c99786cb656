# A node that was away while others changed something: it reads what it has
# missed, and asks again for all when too much was.  Reloads and workers that
# die lose nothing.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(16);
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, workers => 2, redis => '127.0.0.1:'
    . $redis->port);
my ($one, $two) = $nodes->all;
$nodes->connected;
$two->expect(qr/exited on signal 9/);

sub fresh { my ($node) = @_; return ($node->{remote}->workers)[0] }
sub do_two { fresh($two)->do($_[0]) }


# frozen, as if the network had gone

my $ra = $nodes->remote($one);
my @all = ('a' .. 'e');

$ra->do("set token $_ alice 28800000") for @all;
like(do_two("get token $_"), qr/^OK/, "$_ is known") for @all;

kill 'STOP', $_ for $two->workers;
$ra->do('del token a');
sleep 1;
kill 'CONT', $_ for $two->workers;
ok(wait_for(2, sub { do_two('get token a') eq 'DECLINED' }),
    'a deletion that it slept through');

kill 'STOP', $_ for $two->workers;
my $changes = $redis->cli('XLEN', 'mra:changes');
$redis->cli('CLIENT', 'KILL', 'TYPE', 'normal');
sleep 1;
$ra->do('del token b');
wait_for(5, sub { $redis->cli('XLEN', 'mra:changes') > $changes });
$redis->cli('XTRIM', 'mra:changes', 'MAXLEN', 0);
$redis->cli('XADD', 'mra:changes', '*', 'k', 'x', 'n', 'x');
kill 'CONT', $_ for $two->workers;
ok(wait_for(3, sub { do_two('get token b') eq 'DECLINED' }),
    'and one that was dropped meanwhile');
ok($two->wait_log(qr/redis \S+ has dropped changes that this node has not/),
    'said so');
like(do_two('get token c'), qr/^OK/, 'the others are there');


# the worker that listens dies, and a reload takes its place

$two->kill_worker($_) for $two->workers;
like(do_two('get token c'), qr/^OK/, 'workers died: known');
$ra = fresh($one);
ok(wait_for(3, sub { $ra->do('del token c');
    do_two('get token c') eq 'DECLINED' }), 'deletions arrive');

$two->reload;
like(do_two('get token d'), qr/^OK/, 'a reload: known');
$ra->do('del token d');
ok(wait_for(2, sub { do_two('get token d') eq 'DECLINED' }),
    'deletions arrive');


# bans that were set before a node was there

$ra->do('set ban 192.0.2.7 why 60000');
my $late = MRA::Nodes->new($t, n => 1, redis => '127.0.0.1:'
    . $redis->port);
my ($three) = $late->all;
ok(wait_for(3, sub { fresh($three)->do('get ban 192.0.2.7') =~ /^OK why / }),
    'a node that comes later knows of bans');
ok(wait_for(2, sub { do_two('get ban 192.0.2.7') =~ /^OK why / }),
    'as the others do');
$ra->do('del ban 192.0.2.7');
ok(wait_for(1, sub { fresh($three)->do('get ban 192.0.2.7') eq 'DECLINED' }),
    'and when they are lifted');
