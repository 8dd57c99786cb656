# What nodes decided alone is added to what Redis has, once.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(16);
my $dir = $t->dir;
my $redis = MRA::Daemon->redis($t, '--unixsocket', "$dir/redis.sock");
my $nodes = MRA::Nodes->new($t, redis => '127.0.0.1:' . $redis->port
    . ' timeout=300ms');
my ($one, $two) = $nodes->all;
$nodes->connected;
my ($w1, $w2) = map { $nodes->remote($_) } $one, $two;


# through the other door, while nobody comes in by the port

sub admin {
    my @command = @_;
    open my $out, '-|', 'redis-cli', '-s', "$dir/redis.sock", @command
        or die "redis-cli: $!\n";
    return join '', <$out>;
}


sub hits {
    my ($worker, $user, $n) = @_;
    return join ' ', map {
        (split ' ', $worker->do("hit authorization $user 8 300000"))[0, 1]
    } 1 .. $n;
}


is(hits($w1, 'bob', 3), 'OK 1 OK 2 OK 3', 'three by Redis');
$w1->do("set token kept alice 28800000");

my $port = $redis->port;
admin('CONFIG', 'SET', 'port', 0);
admin('CLIENT', 'KILL', 'TYPE', 'normal');
ok($_->wait_log(qr/redis \S+ is lost/), 'lost') for $one, $two;

is(hits($w1, 'bob', 2), 'OK 4 OK 5', 'two alone');
is(hits($w2, 'bob', 1), 'OK 1', 'one on the other node');
is($w1->do('del token kept'), 'OK', 'a token is deleted');
is($w2->do('set token new bob 28800000'), 'OK', 'another one is set');

admin('CONFIG', 'SET', 'port', $port);
ok($_->wait_log(qr/redis \S+ is back/, 10), 'back') for $one, $two;
ok(wait_for(5, sub { $w1->do('get token new') =~ /^OK bob / }), 'merged');
ok(wait_for(5, sub { $w2->do('get token kept') eq 'DECLINED' }), 'deleted');
sleep 1;
is(hits($w2, 'bob', 3), 'OK 7 OK 8 DECLINED 8', 'six were counted');


# what Redis counted while something else could not be told to it

admin('ACL', 'SETUSER', 'default', '-xadd');
$w1->do('set token t x 28800000');
$w1->do('del token t');
is(hits($w1, 'carol', 3), 'OK 1 OK 2 OK 3', 'three by Redis');
sleep 5;
admin('ACL', 'SETUSER', 'default', '+xadd');
ok($one->wait_log(qr/redis \S+ does its work again/, 5), 'all is told');
like($one->log, qr/redis \S+ refuses: "\S+/, 'and why not');
sleep 3;
is(hits($w2, 'carol', 2), 'OK 4 OK 5', 'and counted once');
