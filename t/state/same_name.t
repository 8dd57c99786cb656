#!/usr/bin/perl

# Two nodes with one name replace each other's heartbeat: both say so, once.
# A node that is restarted does not take itself for another one.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(5);
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, name => 'edge', n => 1,
    redis => '127.0.0.1:' . $redis->port);

my ($one) = $nodes->all;
my $line = qr/\[warn\] \S+ another node is named "edge", too/;

sub beats {
    my ($calls) = $redis->cli('INFO', 'commandstats')
        =~ /cmdstat_hset:calls=(\d+)/;
    return $calls // 0;
}

sub beaten {
    my ($times) = @_;
    my $from = beats();
    return wait_for(30, sub { beats() >= $from + $times });
}

ok($nodes->connected, 'connected');
beaten(2);
$one->stop;
$one->run;
ok(beaten(5), 'a node is restarted');
unlike($one->log, $line, 'and knows itself');

my $two = $nodes->node(2);
$two->run;

for my $node ($one, $two) {
    ok(wait_for(30, sub { $node->log =~ $line }), 'another one has its name');
}

$two->stop;
