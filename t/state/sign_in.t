# What a sign-in asks of Redis, how long it waits for that, and when its token
# is good on the other node: as soon as the client has it.

use strict;
use warnings;

use IO::Socket::INET;
use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Proxy;
use MRA::UC;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new()->plan(14);
my @users = map { "user$_" } 0 .. 200;
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' } @users });
my $redis = MRA::Daemon->redis($t);
my $proxy = MRA::Proxy->new($t, $redis->port);
my $nodes = MRA::Nodes->new($t, n => 3, uc => $uc, redis => [map {
    "127.0.0.1:$_ timeout=60s" } $proxy->port, ($redis->port) x 2]);

my ($behind, $one, $two) = $nodes->all;
$t->secret('wonderland');
ok($nodes->connected, 'all are connected');

sub sign_in {
    my ($node, $user) = @_;
    return get($node->port('http'), '/', basic($user, 'wonderland'),
        timeout => 60);
}

# how it goes on another one with the token

sub goes_on {
    my ($node, $r) = @_;
    return get($node->port('http'), '/',
        Cookie => 'X-Auth=' . ($r->cookie('X-Auth') // ''))->{status};
}


# what Redis is asked, but what nodes say of themselves

my $monitor = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $redis->port);
syswrite $monitor, "MONITOR\r\n";
sysread $monitor, my $seen, 5;
$monitor->blocking(0);

sub asked {
    sysread $monitor, $seen, 65536, length $seen;
    return map { /"mra:([a-z])/ } grep { /"EVAL(?:SHA)?"/ && !/"mra:n/ }
        split /\n/, $seen;
}

is(sign_in($one, 'user0')->{status}, 200, 'signed in');
ok(wait_for(5, sub { asked() >= 3 }), 'Redis is asked');
is(join(' ', sort(asked())), 'a c t', 'one script for the limit and what is '
    . 'remembered, and one each to tell of credential and token');


# it waits once, and the token is good before Redis has said so

my $delay = 3;
my $requests = $uc->requests;
$proxy->behave(delay => $delay);

my $begun = time;
my $r = sign_in($behind, 'user1');
my $waited = int((time - $begun) / $delay);

is($r->{status}, 200, 'signed in, with a slow Redis');
is($waited, 1, 'it is waited for once');
ok(wait_for(2, sub { goes_on($two, $r) == 200 }),
    'the token is good on another node before Redis has answered');
is($uc->requests - $requests, 1, 'which asks Redis only');
$proxy->behave();


# as soon as a client has it, and each time

$requests = $uc->requests;
my %status;

for my $user (@users[2 .. 200]) {
    my $status = goes_on($two, sign_in($one, $user));
    $status{$status}++;
}

is(join(' ', %status), '200 199', 'each token is good at once');
is($uc->requests - $requests, 199, 'nobody is verified twice');


# one that is cut as it is written is so when the connection is back

for my $when (qw(before after)) {
    $proxy->behave(cut => $when, of => 'mra:t');
    my $r = sign_in($behind, 'user0');
    $proxy->behave();

    is($r->{status}, 200, "cut $when it was written: signed in");
    ok(wait_for(10, sub { goes_on($two, $r) == 200 }), 'it is good later');
}
