# redis_lost deny and allow.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(10);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my $redis = MRA::Daemon->redis($t);

my %node;

for my $lost (qw(deny allow)) {
    my $nodes = MRA::Nodes->new($t, n => 1, uc => $uc,
        redis => '127.0.0.1:' . $redis->port, mra => "redis_lost $lost;");
    $nodes->connected;
    ($node{$lost}) = $nodes->all;
}

sub sign_in {
    my ($node) = @_;
    return get($node->port('http'), '/', basic('alice', 'wonderland'));
}

my %token = map { $_ => sign_in($node{$_})->cookie('X-Auth') } keys %node;

$redis->kill('KILL');
ok($node{deny}->wait_log(qr/is lost: .*, authorizations are refused/),
    'deny: says so');
ok($node{allow}->wait_log(qr/is lost: .*, authorizations are not limited/),
    'allow: says so');

my $r = sign_in($node{deny});
is($r->{status}, 429, 'deny: no new sign-in');
is($r->header('Retry-After'), 5, 'and when to try again');

my @status = map { sign_in($node{allow})->{status} } 1 .. 12;
is("@status", join(' ', (200) x 12), 'allow: any number');

for my $lost (qw(deny allow)) {
    is(get($node{$lost}->port('http'), '/',
        Cookie => "X-Auth=$token{$lost}")->{status}, 200,
        "$lost: who is signed in notices nothing");
}

$redis->restart;
ok($node{$_}->wait_log(qr/is back/, 10), "$_: back") for qw(deny allow);
ok(wait_for(5, sub { sign_in($node{deny})->{status} == 200 }),
    'deny: sign-ins again');
