#!/usr/bin/perl

# Nodes with one Redis hear of each other: what each carries, who is in
# maintenance, who has not been heard of for long.  So they do by Sentinel and
# in a cluster, whose masters are lost meanwhile.

use strict;
use warnings;

use MRA::Cluster;
use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(3 * 17 + 2);
my ($dir, $port) = ($t->dir, $t->port('sentinel'));

my $redis = MRA::Daemon->redis($t);
my $master = MRA::Daemon->redis($t);
my $replica = MRA::Daemon->redis($t, '--replicaof', '127.0.0.1',
    $master->port, '--repl-diskless-sync-delay', 0);

$t->write_file('sentinel.conf', join "\n", "port $port", 'bind 127.0.0.1',
    "dir $dir", 'sentinel monitor edge 127.0.0.1 ' . $master->port . ' 1',
    'sentinel down-after-milliseconds edge 1000',
    'sentinel failover-timeout edge 5000', '');

my $sentinel = MRA::Daemon->start($t, name => 'sentinel', ports => [$port],
    command => ['redis-sentinel', "$dir/sentinel.conf"]);

my $cluster = MRA::Cluster->new($t, masters => 3, replicas => 3);

my @sets = map { my ($name, $servers, $redis) = @$_;
    { name => $name, servers => $servers, nodes => MRA::Nodes->new($t,
        workers => 2, redis => "$redis timeout=3s") }
} ['redis', [$redis], '127.0.0.1:' . $redis->port],
    ['sentinel', [$master, $replica], "127.0.0.1:$port sentinel=edge"],
    ['cluster', [$cluster->servers], $cluster->addresses . ' cluster=on'];


# all that a node says, by name of the node

sub heard {
    my ($remote) = @_;
    return map { (/^(\w+)/)[0] => $_ } split /; /, $remote->do('nodes');
}

sub hears {
    my ($who, $name, $re, $what) = @_;

    for my $set (@sets) {
        ok(wait_for(30, sub { ({heard($set->{$who})}->{$name} // '') =~ $re }),
            "$set->{name}: $what") or diag($set->{$who}->do('nodes'));
    }
}

sub each_set {
    my ($code) = @_;
    $code->(@{$_}{qw(one two)}) for @sets;
}

for my $set (@sets) {
    my @nodes = $set->{nodes}->all;
    ok($set->{nodes}->connected, "$set->{name}: both are connected");
    $set->{node2} = $nodes[1];
    ($set->{one}, $set->{two}) = map { $set->{nodes}->remote($_) } @nodes;
}

hears(one => 'node2', qr{^node2 registrations=0/0}, 'one hears of two');
hears(two => 'node1', qr{^node1 registrations=0/0}, 'and two of one');

each_set(sub { my ($one, $two) = @_;
    $two->do("set binding phone$_ x 600000") for 1 .. 3;
    $one->do('set binding phone x 600000');
    $two->do('del binding phone3') });

hears(one => 'node2', qr{registrations=2/3\@[1-9]\d+ }, 'what it carries');
hears(one => 'all', qr{registrations=3/}, 'and both together');
hears(two => 'all', qr{registrations=3/[34]\@[1-9]}, 'on either');

for my $set (@sets) {
    my %one = heard($set->{one});
    like($one{node1}, qr{^node1 self }, "$set->{name}: itself it knows");
    is(scalar(keys %one), 4, 'nobody else is there');
}


# maintenance is news

each_set(sub { $_[1]->do('maintenance on') });
hears(one => 'node2', qr{^node2 maintenance}, 'maintenance is heard of');
each_set(sub { $_[1]->do('maintenance off') });
hears(one => 'node2', qr{^node2 registrations}, 'and its end');


# the server that has what nodes say is lost, another one takes its place

my ($holder) = grep { $_->cli('ROLE') =~ /^master/
    && $_->cli('KEYS', '*') =~ /\{..\}n/ } $cluster->servers;

ok(wait_for(20, sub { $sentinel->cli('SENTINEL', 'REPLICAS', 'edge') =~ /ip/
    && $replica->cli('KEYS', '*') =~ /mra:n/ }), 'a replica is there');
ok($holder, 'a server of the cluster has it');
$_->kill('KILL') for $master, $holder;
$_->stop for $master, $holder;

each_set(sub { $_[1]->do("set binding phone$_ x 600000") for 3 .. 9 });
hears(one => 'node2', qr{registrations=9/}, 'the next one tells more');
each_set(sub { $_[0]->do('maintenance on') });
hears(two => 'node1', qr{^node1 maintenance}, 'both ways');


# a reload is no news

for my $set (@sets) {
    $set->{node2}->reload;
    ($set->{two}) = $set->{node2}{remote}->workers;
}

hears(two => 'node1', qr{^node1 maintenance}, 'the young know it all');


# who is gone

$_->{node2}->stop for @sets;
hears(one => 'node2', qr{^node2 stale .*registrations=9/9}, 'stale, not gone');
hears(one => 'all', qr{^all registrations=1/}, 'but carries nothing');


# nobody is known after Redis was emptied and all have gone but one

for my $set (@sets) {
    $_->cli('FLUSHALL') for grep { $_->alive } @{$set->{servers}};
}

hears(one => 'node2', qr{^node2 stale}, 'near, it is remembered');

for my $set (@sets) {
    my @keys = grep { /(?:^mra:|\})n/ } map { split /\n/,
        $_->cli('KEYS', '*') } grep { $_->cli('ROLE') =~ /^master/ }
        grep { $_->alive } @{$set->{servers}};
    ok(@keys <= 1, "$set->{name}: all are in one place");
}
