# How a server is reached, and servers that do not do what they should.

use strict;
use warnings;

use IO::Socket::INET;
use MRA::Cert;
use MRA::DNS;
use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new()->plan(49);
my $dir = $t->dir;

$t->write_file('password', "open sesame\n");
$t->write_file('wrong', "open barley\n");
$t->secret('open sesame', 'open barley');


# a token set on one of two nodes is there on the other

sub works {
    my ($name, $redis, %option) = @_;
    my $nodes = MRA::Nodes->new($t, redis => $redis, %option);
    my ($one, $two) = $nodes->all;

    ok($nodes->connected, "$name: connected") or diag $one->log;
    $nodes->remote($one)->do('set token t alice 60000');
    ok(wait_for(2, sub { $nodes->remote($two)->do('get token t')
        =~ /^OK alice / }), "$name: works");
    $_->stop for $one, $two;
}


# one node says why it does not, and goes on alone

sub fails {
    my ($name, $redis, $why) = @_;
    my $nodes = MRA::Nodes->new($t, n => 1, redis => $redis);
    my ($node) = $nodes->all;

    ok($node->wait_log(qr/redis \S+ is lost: $why, this node decides alone/),
        "$name: says so") or diag $node->log;
    is($nodes->remote($node)->do('hit authorization alice 8 300000'),
        'OK 1 0', "$name: goes on");
    $node->stop;
}


# the user can do what we need and nothing else

my $acl = '~mra:* +ping +role +script|load +evalsha +eval +time +get +set '
    . '+pttl +del +setnx +scan +xadd +xrange +xrevrange +xread '
    . '+hset +hgetall +hdel +pexpire +info';

my $redis = MRA::Daemon->redis($t, '--bind', '127.0.0.1', '-::1',
    '--unixsocket', "$dir/redis.sock",
    '--unixsocketperm', 777);

my $port = $redis->port;

works('unix', "unix:$dir/redis.sock db=3 prefix=x:y*z");
is($redis->cli('-n', 3, 'EXISTS', 'x:y*zepoch'), 1, 'in its database');

my $dns = MRA::DNS->new($t);
my $resolver = 'resolver 127.0.0.1:' . $dns->port . ' ipv6=off;';

$dns->tell('redis.example' => ['127.0.0.1'],
    'many.example' => ['127.0.0.9', '127.0.0.1']);

SKIP: {
    skip 'no IPv6 here', 4 unless slurp('/proc/net/if_inet6') =~ / lo$/m;
    my ($ipv6) = $resolver =~ s/ipv6=off/ipv6=on/r;
    $dns->tell('six.example' => ['::1']);
    works('IPv6', "[::1]:$port");
    works('a name with an IPv6 address', "six.example:$port", mra => $ipv6);
}

works('a name', "redis.example:$port", mra => $resolver);
works('several addresses', "many.example:$port", mra => $resolver);

# no numbers for nginx, but for the system, whatever it knows of localhost

works('a name, looked up at start', "127.1:$port");

is($redis->cli('ACL', 'SETUSER', 'mra', 'on', '>open sesame', 'resetkeys',
    split ' ', $acl), 'OK', 'a user');
works('a user', "127.0.0.1:$port user=mra password_file=$dir/password");
fails('a wrong password',
    "127.0.0.1:$port user=mra password_file=$dir/wrong",
    qr/it answered "WRONGPASS"/);
fails('an unknown user',
    "127.0.0.1:$port user=nobody password_file=$dir/password",
    qr/it answered "WRONGPASS"/);
fails('no such database', "127.0.0.1:$port db=99",
    qr/it answered "ERR DB index is out of range"/);

$redis->cli('CONFIG', 'SET', 'requirepass', 'open sesame');
works('a password', "127.0.0.1:$port password_file=$dir/password");
fails('without it', "127.0.0.1:$port", qr/it answered "NOAUTH .*"/);
fails('nobody there', '127.0.0.1:' . $t->port('nobody'),
    qr/connect\(\) failed \(111: Connection refused\)/);


# it is tried again, ever more rarely

my $closes = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64);
my @tried;

child(sub { while (my $c = $closes->accept) {
    open my $notes, '>>', "$dir/tried";
    print $notes time, "\n";
} });

my $tries = MRA::Nodes->new($t, n => 1,
    redis => '127.0.0.1:' . $closes->sockport);

ok(wait_for(60, sub { (@tried = split /\n/, slurp("$dir/tried")) >= 16 }),
    'a server that closes is tried again');
my @pauses = map { $tried[$_] - $tried[$_ - 1] } 1 .. $#tried;
cmp_ok($tried[-1] - $tried[0], '>', 3, 'ever more rarely');
cmp_ok((sort { $a <=> $b } @pauses)[-1], '<', 10, 'but not too rarely');
cmp_ok($tried[3] - $tried[0], '<', ($tried[-1] - $tried[0]) / 2,
    'soon at first');
$_->stop for $tries->all;


# TLS

my $ca = MRA::Cert->new($dir);
my ($crt, $key) = $ca->issue('redis', names => ['redis.example']);
MRA::Cert->new($dir, 'foreign');

my $tls_port = $t->port('tls');
my $tls = MRA::Daemon->redis($t, '--tls-port', $tls_port, '--tls-cert-file',
    $crt, '--tls-key-file', $key, '--tls-ca-cert-file', $ca->file);
my $options = "127.0.0.1:$tls_port tls=on tls_name=redis.example";

works('TLS', "$options tls_trusted=$dir/ca.crt tls_certificate=$crt "
    . "tls_key=$key");
fails('a foreign certificate', "$options tls_trusted=$dir/foreign.crt "
    . "tls_certificate=$crt tls_key=$key",
    qr/.*(?:certificate|issuer).*/);
fails('a certificate of another name', "127.0.0.1:$tls_port tls=on "
    . "tls_name=other.example tls_trusted=$dir/ca.crt tls_certificate=$crt "
    . "tls_key=$key", qr/its certificate is for another name/);
fails('no TLS there', '127.0.0.1:' . $tls->port . " tls=on "
    . "tls_name=redis.example tls_trusted=$dir/ca.crt",
    qr/(?:TLS handshake failed|.*)/);


# a replica, and one that is full

my $master = MRA::Daemon->redis($t);
my $replica = MRA::Daemon->redis($t, '--replicaof', '127.0.0.1',
    $master->port);
fails('a replica', '127.0.0.1:' . $replica->port, qr/it is a replica/);

my $nodes = MRA::Nodes->new($t, n => 1, redis => '127.0.0.1:'
    . $master->port);
my ($node) = $nodes->all;
$nodes->connected;
$master->cli('CONFIG', 'SET', 'maxmemory', '1');
is($nodes->remote($node)->do('hit authorization alice 8 300000'), 'OK 1 0',
    'full: decided here');
ok($node->wait_log(qr/redis \S+ refuses: "OOM /), 'says so');
$nodes->remote($node)->do("set token t$_ alice 28800000") for 1 .. 20;
$master->cli('CONFIG', 'SET', 'maxmemory', '0');
ok($node->wait_log(qr/redis \S+ does its work again/, 10), 'room again');
ok(wait_for(5, sub { $master->cli('DBSIZE') >= 22 }), 'and all of it there');
is($nodes->remote($node)->do('hit authorization alice 8 300000'), 'OK 2 0',
    'the limit too');
is(scalar(() = $node->log =~ /refuses: /g), 1, 'said once');
is(scalar(() = $node->log =~ /does its work again/g), 1, 'as this');
