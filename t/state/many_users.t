# Ten thousand who are signed in, while Redis goes away, comes back as it was,
# and comes back empty: all are served, and asked for once at most.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(19);
my $n = 10000;
my $redis = MRA::Daemon->redis($t);

# verifies everybody

my $uc = MRA::Nginx->new();
$uc->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
http {
    %%HTTP%%
    server { listen 127.0.0.1:%%PORT_http%%; location / { return 200; } }
}
END
$uc->run();

{
    package UC;
    sub port { $uc->port('http') }
}

my $nodes = MRA::Nodes->new($t, uc => 'UC', workers => 2, zone => '16m',
    redis => '127.0.0.1:' . $redis->port . ' timeout=3s');
my ($one, $two) = $nodes->all;
ok($nodes->connected, 'connected');


# many at once on one connection; the answers in their order

sub pipeline {
    my ($node, $headers) = @_;
    my @answers;

    for (my $i = 0; $i < @$headers; $i += 100) {
        my $c = MRA::HTTP->new($node->port('http'), timeout => 60);
        my $last = $i + 99 < $#$headers ? $i + 99 : $#$headers;

        $c->write(join '', map { "GET / HTTP/1.1\r\nHost: x\r\n"
            . "$headers->[$_]\r\n\r\n" } $i .. $last);
        push @answers, map { $c->receive } $i .. $last;
        $c->close;
    }

    return @answers;
}


my @first = pipeline($one, [map {
    join ': ', basic("user$_", 'wonderland') } 1 .. $n]);
my @tokens = grep { $_ } map { $_ && $_->cookie('X-Auth') } @first;
is(scalar @tokens, $n, 'all are signed in');


# how many of them a node serves

sub served {
    my ($node) = @_;
    return scalar grep { $_ && $_->{status} == 200 }
        pipeline($node, [map { "Cookie: X-Auth=$_" } @tokens]);
}


# calls of scripts, but those for heartbeats

sub calls {
    my %n = $redis->cli('INFO', 'commandstats')
        =~ /^cmdstat_(\S+):calls=(\d+)/mg;
    return ($n{evalsha} // 0) + ($n{eval} // 0) - ($n{hset} // 0);
}


sub lines { my ($node, $re) = @_; scalar(() = $node->log =~ /$re/g) }

sub back {
    my ($times) = @_;
    return !grep { my $node = $_; !wait_for(60, sub {
        lines($node, qr/redis \S+ is back/) == $times }) } $one, $two;
}


ok(wait_for(60, sub { $redis->cli('DBSIZE') >= 3 * $n }), 'Redis has them');
my $before = calls();
is(served($two), $n, 'the other node serves all');
cmp_ok(calls() - $before, '<=', $n, 'after one look at each');
$before = calls();
is(served($_), $n, 'again') for $one, $two;
is(calls() - $before, 0, 'and none any more');


# frozen and back

$redis->kill('STOP');
ok($_->wait_log(qr/is lost/, 60), 'frozen') for $one, $two;
is(served($_), $n, 'all are served') for $one, $two;
$redis->kill('CONT');
ok(back(1), 'back');

$before = calls();
my @served = map { served($_) } $one, $two;
is("@served", "$n $n", 'all are served');
cmp_ok(calls() - $before, '<=', 2 * $n, 'each looked at once at most by each');


# restarted, empty: what it had it gets, and not twice from each

$redis->kill('KILL');
$redis->restart;
ok(back(2), 'back, empty');
@served = map { served($_) } $one, $two;
is("@served", "$n $n", 'all are served');
ok(wait_for(60, sub { $redis->cli('DBSIZE') >= 3 * $n }), 'and there again');

# two nodes with a token, a credential and a window of each

sleep 2;
cmp_ok(calls(), '<=', 2 * 3 * $n + $n / 10, 'told once by each node');
