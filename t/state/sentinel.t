# Sentinel: the master is followed, also while it moves.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(9);
my $master = MRA::Daemon->redis($t);
my $replica = MRA::Daemon->redis($t, '--replicaof', '127.0.0.1',
    $master->port);

my $port = $t->port('sentinel');
my $dir = $t->dir;

$t->write_file('sentinel.conf', join "\n", "port $port", 'bind 127.0.0.1',
    "dir $dir", 'sentinel monitor edge 127.0.0.1 ' . $master->port . ' 1',
    'sentinel down-after-milliseconds edge 1000',
    'sentinel failover-timeout edge 5000', '');

my $sentinel = MRA::Daemon->start($t, name => 'sentinel', ports => [$port],
    command => ['redis-sentinel', "$dir/sentinel.conf"]);

my $dead = $t->port('dead');
my $nodes = MRA::Nodes->new($t, redis => "127.0.0.1:$dead 127.0.0.1:$port "
    . 'sentinel=edge timeout=500ms');
my ($one, $two) = $nodes->all;

ok($nodes->connected, 'connected by the sentinel that lives');
my ($ra, $rb) = map { $nodes->remote($_) } $one, $two;

$ra->do('set token before alice 60000');
ok(wait_for(2, sub { $rb->do('get token before') =~ /^OK alice / }), 'works');
$ra->do('hit authorization alice 8 300000') for 1 .. 3;

ok(wait_for(10, sub { $sentinel->cli('SENTINEL', 'REPLICAS', 'edge')
    =~ /ip/ }), 'the sentinel knows the replica');
ok(wait_for(10, sub { $replica->cli('KEYS', 'mra:a*') =~ /mra:a/ }),
    'the replica has it all');


# killed: the replica takes over

my ($name) = $one->log =~ /redis (\S+) is (?:connected|back)/;
is($name, '127.0.0.1:' . $master->port, 'the master is named');
my $old = $master->port;
$master->kill('KILL');
ok(wait_for(30, sub { !grep { $_->log !~ /redis 127\.0\.0\.1:@{[
    $replica->port ]} is back/ } $one, $two }), 'the new master is found');
$ra->do('set token after alice 60000');
ok(wait_for(5, sub { $rb->do('get token after') =~ /^OK alice / }),
    'and works');
like($rb->do('hit authorization alice 8 300000'), qr/^OK 4 0/,
    'the limit goes on');


# moved on request: nobody dies, the old one becomes a replica

$master->restart;
my $moved = wait_for(20, sub {
    $master->cli('ROLE') =~ /^slave/ && $sentinel->cli('SENTINEL', 'FAILOVER',
        'edge') =~ /OK/ });
ok($moved && wait_for(30, sub { $ra->do('hit authorization bob 8 300000');
    $master->cli('ROLE') =~ /^master/ && $master->cli('KEYS', 'mra:a*')
        =~ /mra:a.*mra:a/s }), 'moved back, and followed');
