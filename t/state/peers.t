#!/usr/bin/perl

# Nodes with one Redis hear of each other: what each carries, who is in
# maintenance, who has not been heard of for long.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(16);
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, workers => 2,
    redis => '127.0.0.1:' . $redis->port);

my ($one, $two) = $nodes->all;
my ($r1, $r2) = map { $nodes->remote($_) } $one, $two;

ok($nodes->connected, 'both are connected');

# all that a node says, by name of the node

sub heard {
    my ($remote) = @_;
    return map { (/^(\w+)/)[0] => $_ } split /; /, $remote->do('nodes');
}

sub hears {
    my ($remote, $name, $re, $what) = @_;
    ok(wait_for(15, sub { ({heard($remote)}->{$name} // '') =~ $re }), $what)
        or diag($remote->do('nodes'));
}

hears($r1, 'node2', qr{^node2 registrations=0/0}, 'one hears of two');
hears($r2, 'node1', qr{^node1 registrations=0/0}, 'and two of one');

$r2->do("set binding phone$_ x 600000") for 1 .. 3;
$r1->do('set binding phone x 600000');
$r2->do('del binding phone3');

hears($r1, 'node2', qr{registrations=2/3\@[1-9]\d+ }, 'what it carries');
hears($r1, 'all', qr{registrations=3/}, 'and both together');
hears($r2, 'all', qr{registrations=3/[34]\@[1-9]}, 'on either');

my %one = heard($r1);
like($one{node1}, qr{^node1 self }, 'itself it knows');
is(scalar(keys %one), 4, 'nobody else is there');


# maintenance is news

is($r2->do('maintenance on'), 'OK on', 'maintenance');
hears($r1, 'node2', qr{^node2 maintenance}, 'which the other hears of');
$r2->do('maintenance off');
hears($r1, 'node2', qr{^node2 registrations}, 'and of its end');


# a reload is none

$two->reload;
($r2) = $two->{remote}->workers;
hears($r2, 'node1', qr{^node1 registrations}, 'the young know it all');


# who is gone

$two->stop;
hears($r1, 'node2', qr{^node2 stale .*registrations=2/3}, 'stale, not gone');
hears($r1, 'all', qr{^all registrations=1/}, 'but carries nothing');


# nobody is known after Redis was emptied and all have gone but one

$redis->cli('FLUSHALL');
hears($r1, 'node2', qr{^node2 stale}, 'near, it is remembered');

my @keys = split /\n/, $redis->cli('KEYS', '*');
ok((grep { /^mra:n/ } @keys) <= 1, 'all are in one place');
