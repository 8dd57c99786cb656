# One contract, whatever stands behind the store: what two workers see of
# values and windows.

use strict;
use warnings;

use MRA::Cluster;
use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(136);
my $redis = MRA::Daemon->redis($t);


sub contract {
    my ($name, $node, $other) = @_;
    my ($w1) = $node->{remote}->workers;
    my ($w2) = reverse $other->{remote}->workers;
    my $is = sub { my ($w, $command, $expected) = @_;
        my $answer = $w->do($command);
        like($answer, qr/^$expected$/, "$name: " . substr $command, 0, 40) };
    my $soon = sub { my ($w, $command, $expected) = @_;
        ok(wait_for(1, sub { $w->do($command) =~ /^$expected$/ }),
            "$name: " . substr $command, 0, 40) };

    # values

    $is->($w1, 'get token t1', 'DECLINED');
    $is->($w1, 'set token t1 alice 60000', 'OK');
    $soon->($w2, 'get token t1', 'OK alice (?:60000|5\d\d\d\d) 0 0');
    $is->($w2, 'get credential t1', 'DECLINED');
    $is->($w2, 'get token t1 5', 'OK alice \d+ 0 0');

    # too small a buffer, once it is near: what others change just then is not

    ok(wait_for(5, sub { $w2->do('get token t1 5');
        $w2->do('get token t1 4') eq 'ERROR' }), "$name: a small buffer");
    $is->($w1, 'set token t1 bob 5000', 'OK');
    $soon->($w2, 'get token t1', 'OK bob (?:5000|4\d\d\d) 0 0');
    $is->($w1, 'del token t1', 'OK');
    $soon->($w2, 'get token t1', 'DECLINED');
    $is->($w2, 'del token t1', 'DECLINED');

    my $large = 'v' x 1024;
    $is->($w1, "set credential c $large 60000", 'OK');
    $soon->($w2, 'get credential c', "OK $large \\d+ 0 0");
    $is->($w1, "set credential c ${large}v 60000", 'ERROR');
    $is->($w1, 'set authorization alice x 60000', 'ERROR');
    $is->($w1, 'hit token alice 8 300000', 'ERROR 0 0');
    $is->($w1, 'set token t2 x 0', 'OK');
    $is->($w1, 'get token t2', 'DECLINED');
    $is->($w1, 'set token t3 x 300', 'OK');
    $soon->($w2, 'get token t3', 'DECLINED');

    # windows

    my @hits = map { ($_ % 2 ? $w1 : $w2)
        ->do('hit authorization alice 8 300000') } 1 .. 9;
    is("@hits[0 .. 7]", join(' ', map { "OK $_ 0" } 1 .. 8),
        "$name: eight are admitted");
    like($hits[8], qr/^DECLINED 8 (?:299\d\d\d|300000)$/,
        "$name: the ninth is not");
    $is->($w2, 'hit authorization alice 10 300000', 'OK 9 0');
    $is->($w1, 'hit authorization alice 3 300000', 'DECLINED 9 \d+');
    $is->($w1, 'hit authorization alice 101 300000', 'ERROR 0 0');
    $is->($w1, 'hit authorization carol 0 300000', 'OK 0 0');

    # an attempt with an id is counted once, in a full window too

    $is->($w1, 'hit authorization zoe 2 300000 77', 'OK 1 0');
    $is->($w2, 'hit authorization zoe 2 300000 77', 'OK 1 0');
    $is->($w2, 'hit authorization zoe 2 300000 78', 'OK 2 0');
    $is->($w1, 'hit authorization zoe 2 300000 79', 'DECLINED 2 \d+');
    $is->($w1, 'hit authorization zoe 2 300000 77', 'OK 2 0');

    # the sliding log: the first of two leaves before the second

    $w1->do('hit failure slide 2 3000');
    select undef, undef, undef, 1;
    $w2->do('hit failure slide 2 3000');
    my ($rc, $used, $retry) = split ' ', $w1->do('hit failure slide 2 3000');
    ok($rc eq 'DECLINED' && $used == 2 && $retry <= 2000, "$name: two in 3 s");
    select undef, undef, undef, $retry / 1000 + 0.01;
    $is->($w2, 'hit failure slide 2 3000', 'OK 2 0');
    $is->($w1, 'hit failure slide 2 3000', 'DECLINED 2 \d+');
}


# shared memory is what a node has whose Redis is not there

my $alone = MRA::Nodes->new($t, n => 1, workers => 2,
    redis => '127.0.0.1:' . $t->port('nobody'));
my ($node) = $alone->all;
$node->wait_log(qr/is lost/);
contract('memory', $node, $node);

my $nodes = MRA::Nodes->new($t, workers => 2,
    redis => '127.0.0.1:' . $redis->port);
$nodes->connected;
contract('redis', $nodes->all);

my $port = $t->port('sentinel');
my $dir = $t->dir;

$t->write_file('sentinel.conf', join "\n", "port $port", 'bind 127.0.0.1',
    "dir $dir", 'sentinel monitor edge 127.0.0.1 ' . $redis->port . ' 1', '');

my $sentinel = MRA::Daemon->start($t, name => 'sentinel', ports => [$port],
    command => ['redis-sentinel', "$dir/sentinel.conf"]);
my $watched = MRA::Nodes->new($t, workers => 2,
    redis => "127.0.0.1:$port sentinel=edge prefix=watched:");
$watched->connected;
contract('sentinel', $watched->all);

my $cluster = MRA::Cluster->new($t, masters => 3);
my $many = MRA::Nodes->new($t, workers => 2,
    redis => $cluster->addresses . ' cluster=on');
$many->connected;
contract('cluster', $many->all);
