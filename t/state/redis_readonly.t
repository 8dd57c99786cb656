# A master that becomes a replica, or is full, while it serves.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(23);
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    qw(alice bob carol dave) });
my $redis = MRA::Daemon->redis($t);
my $other = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, uc => $uc, redis => '127.0.0.1:'
    . $redis->port);
my ($one, $two) = $nodes->all;
ok($nodes->connected, 'connected');


sub sign_in {
    my ($node, $user) = @_;
    return get($node->port('http'), '/', basic($user, 'wonderland'));
}

sub with_token {
    my ($node, $token) = @_;
    return get($node->port('http'), '/', Cookie => "X-Auth=$token")->{status};
}


my $token = sign_in($one, 'alice')->cookie('X-Auth');
is(with_token($two, $token), 200, 'signed in on both');

sub story {
    my ($name, $user, $why, $better) = @_;
    my $from = length $one->log;
    my @status = map { sign_in($one, $user)->{status} } 1 .. 8;

    is("@status", join(' ', (200) x 8), "$name: sign-ins");
    is(sign_in($one, $user)->{status}, 429, "$name: a limit");
    is(with_token($_, $token), 200, "$name: who is signed in") for $one, $two;
    my $new = sign_in($two, 'bob');
    is(with_token($two, $new->cookie('X-Auth')), 200, "$name: a new token");
    ok(wait_for(10, sub { substr($one->log, $from) =~ $why }),
        "$name: says why") or diag $one->log;

    $better->();
    ok(wait_for(30, sub { substr($one->log, $from)
        =~ /redis \S+ (?:is back|does its work again)/ }), "$name: better")
        or diag $one->log;
    ok(wait_for(30, sub { with_token($one, $new->cookie('X-Auth')) == 200 }),
        "$name: the new token is known to both");
    ok(wait_for(30, sub { sign_in($two, $user)->{status} == 429 }),
        "$name: so is the limit");
}


$redis->cli('CONFIG', 'SET', 'maxmemory', 1);
story('full', 'carol', qr/redis \S+ refuses: "OOM /,
    sub { $redis->cli('CONFIG', 'SET', 'maxmemory', 0) });

# a replica of one that is not there keeps what it has

$other->kill('STOP');
$redis->cli('REPLICAOF', '127.0.0.1', $other->port);
story('replica', 'dave', qr/redis \S+ refuses: "READONLY |is a replica/,
    sub { $redis->cli('REPLICAOF', 'NO', 'ONE') });

my @wrong = grep { /^5/ } map { $nodes->statuses($_) } $one, $two;
is("@wrong", '', 'no 5xx');
unlike($_->log, qr/has lost what it had/, 'nothing is lost') for $one, $two;
