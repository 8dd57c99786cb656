# What operators do by the API of one node holds on all: who is exempt, and
# who is signed out, with tokens that the node which is asked has never seen.

use strict;
use warnings;

use JSON::PP;
use MRA::API;
use MRA::Cluster;
use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new();
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    qw(alice bob carol) });
my $redis = MRA::Daemon->redis($t);

sub nodes {
    my (%option) = @_;
    my $nodes = MRA::Nodes->new($t, uc => $uc,
        redis => '127.0.0.1:' . $redis->port,
        mra => 'max_authorizations 0;
            protection http-ce-auth trigger=3 window=60s block=100s;
            protection sip-auth trigger=3;',
        locations => 'location /api/ { mra_api write=on; }', %option);
    ok($nodes->connected, 'the nodes are connected');
    return $nodes;
}

my $nodes = nodes(workers => 2);
my ($one, $two) = $nodes->all;
my ($w1, $w2) = map { $nodes->remote($_) } $one, $two;
$t->secret('wonderland');

sub exempt {
    my ($node, $address, $category) = @_;
    return change($node, POST => 'protection/exemptions', {
        address => $address, category => $category })->{status};
}

sub made {
    my ($node) = @_;
    return join ' ', sort map { "$_->{address}=" . join ',',
        @{$_->{categories}} } grep { !$_->{configured} }
        @{api($node, 'protection/exemptions')};
}

sub within_a_second { return wait_for(1, $_[0]) }

sub sign_in {
    my ($node, $user) = @_;
    return get($node->port('http'), '/', basic($user, 'wonderland'));
}

sub with_token {
    my ($node, $token) = @_;
    return get($node->port('http'), '/', Cookie => "X-Auth=$token")->{status};
}


# exemptions

is($w2->do('ban 192.0.2.1 0 50000'), 'OK', 'banned on the other');
ok(within_a_second(sub { $w1->do('banned 192.0.2.1') == 1 }), 'and here');

is(exempt($one, '192.0.2.0/24', 'http-ce-auth'), 204, 'exempt by one');
is($w1->do('banned 192.0.2.1'), 0, 'here at once');
ok(within_a_second(sub { $w2->do('banned 192.0.2.1') == 0 }),
    'on the other within a second');
is(made($two), '192.0.2.0/24=http-ce-auth', 'it is listed there');

is(exempt($two, '192.0.2.0/24', 'sip-auth'), 204,
    'another category by the other');
ok(within_a_second(sub {
    made($one) eq '192.0.2.0/24=http-ce-auth,sip-auth' }), 'they add up');

is(change($two, DELETE => 'protection/exemptions/http-ce-auth/192.0.2.0/24')
    ->{status}, 204, 'taken back by the other');
ok(within_a_second(sub { $w1->do('banned 192.0.2.1') == 1 }),
    'the ban holds again on both');
is($w2->do('banned 192.0.2.1'), 1, 'there as well');
is(made($one), '192.0.2.0/24=sip-auth', 'the other category stays');

my $late = nodes(n => 1);
my ($three) = $late->all;
ok(within_a_second(sub { made($three) eq '192.0.2.0/24=sip-auth' }),
    'a node that comes later knows it');


# a token of one, which the other has never seen

my $token = sign_in($one, 'alice')->cookie('X-Auth');
my $other = sign_in($one, 'bob')->cookie('X-Auth');
is(with_token($one, $token), 200, 'the token is good');

is(decode_json(change($two, DELETE => 'tokens/alice')->{body})->{revoked}, 0,
    'the other revokes, and has seen none');
ok(within_a_second(sub { with_token($one, $token) == 401 }),
    'it is good no more where it was made');
is(with_token($two, $token), 401, 'nor on the other');
is(with_token($three, $token), 401, 'nor on a third, which asks Redis');
is(with_token($three, $other), 200, 'somebody else goes on');

my $asked = $uc->requests;
is(sign_in($one, 'alice')->{status}, 200, 'signing in again works');
is($uc->requests, $asked + 1, 'not by what was remembered');

ok(wait_for(5, sub { $token = sign_in($one, 'alice')->cookie('X-Auth') }),
    'a moment later with a token');
is(with_token($_, $token), 200, 'which is good everywhere')
    for $one, $two, $three;


# while Redis is away: what each has been asked for is told when it is back

$token = sign_in($one, 'carol')->cookie('X-Auth');
is(with_token($two, $token), 200, 'a token on both');

$redis->stop;
ok(wait_for(15, sub { $two->log =~ /redis \S+ is lost/
    && $one->log =~ /redis \S+ is lost/ }), 'Redis is away');

is(exempt($two, '198.51.100.0/24', 'all'), 204, 'exempt on the other');
change($two, DELETE => 'tokens/carol');
is(with_token($two, $token), 401, 'signed out on the other');
is(with_token($one, $token), 200, 'here not yet');

$redis->restart;
ok(wait_for(15, sub { with_token($one, $token) == 401 }),
    'signed out here when Redis is back');
ok(wait_for(15, sub { made($one) =~ m{198\.51\.100\.0/24=http-ce-auth,} }),
    'and exempt');


# a cluster tells as fast

my $cluster = MRA::Cluster->new($t, masters => 3);
my ($four, $five) = nodes(redis => $cluster->addresses
    . ' cluster=on timeout=2s')->all;

$token = sign_in($four, 'alice')->cookie('X-Auth');
is(exempt($four, '192.0.2.0/24', 'all'), 204, 'cluster: exempt');
ok(within_a_second(sub { made($five) =~ m{192\.0\.2\.0/24=(?:[^,]+,){8}} }),
    'on the other too, from all categories');
change($five, DELETE => 'tokens/alice');
ok(within_a_second(sub { with_token($four, $token) == 401 }), 'signed out');

$t->done_testing();
