# The API and the metrics of two nodes with one Redis: what each tells of the
# other and of Redis, and that what one is asked to forget is forgotten by
# both.

use strict;
use warnings;

use JSON::PP;
use MRA::API;
use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(31);
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    qw(alice bob carol) });
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, uc => $uc, workers => 2,
    redis => '127.0.0.1:' . $redis->port,
    mra => 'max_authorizations 3;',
    locations => 'location /api/ { mra_api write=on; }
        location = /metrics { mra_metrics; }');

my ($one, $two) = $nodes->all;
$t->secret('wonderland');
ok($nodes->connected, 'both are connected');

sub metric {
    my ($node, $sample) = @_;
    my ($value) = get($node->port('http'), '/metrics')->{body}
        =~ /^nginx_mra_\Q$sample\E (\S+)$/m;
    return $value // 'none';
}

sub sign_in {
    my ($node, $user) = @_;
    return get($node->port('http'), '/', basic($user, 'wonderland'));
}


# of Redis and of each other

my $told = api($one, 'redis');
is($told->{state}, 'up', 'Redis is there');
is_deeply($told->{servers}, ['127.0.0.1:' . $redis->port], 'which one');
is(metric($one, 'redis_up'), 1, 'metrics: it is there');

ok(wait_for(15, sub { metric($one, 'peers{state="up"}') eq 1 }),
    'metrics: a peer');
my ($peer, @more) = @{api($one, 'peers')};
is_deeply([@{$peer}{qw(name state registrations)}, scalar @more],
    ['node2', 'up', 0, 0], 'the same by the API');
ok(!$peer->{maintenance}, 'it is active');

my $r2 = $nodes->remote($two);
$r2->do("set binding phone$_ x 600000") for 1 .. 3;
ok(wait_for(15, sub { metric($one, 'peer_registrations{peer="node2"}') eq 3 }),
    'metrics: what it carries');
is(api($one, 'registrations')->{all}{current}, 3, 'the same by the API');

is(metric($two, 'maintenance'), 0, 'metrics: no maintenance');
is(change($two, PATCH => 'maintenance', { maintenance => true })->{status},
    200, 'maintenance of the other');
is(metric($two, 'maintenance'), 1, 'metrics: it says so');
is(sign_in($two, 'carol')->{status}, 503, 'it refuses');
is(metric($two, 'http_authorizations_total{result="maintenance"}'), 1,
    'metrics: it counts that');
ok(wait_for(15, sub { metric($one, 'peers{state="maintenance"}') eq 1 }),
    'metrics: the one hears of it');
ok(api($one, 'peers')->[0]{maintenance}, 'the same by the API');
change($two, PATCH => 'maintenance', { maintenance => false });


# who is over the limit begins anew, whoever is asked

sign_in($two, 'alice') for 1 .. 3;
is(sign_in($one, 'alice')->{status}, 429, 'over the limit, on one');
is(sign_in($two, 'alice')->{status}, 429, 'and on the other');
is(change($one, DELETE => 'rate_control/alice')->{status}, 204,
    'let go by the one that has let nobody in');
is(sign_in($two, 'alice')->{status}, 200, 'in again on the other');
is(sign_in($one, 'alice')->{status}, 200, 'and here');
is(change($one, DELETE => 'rate_control/nobody')->{status}, 404,
    'nobody is not known to either');
is(change($one, DELETE => 'rate_control/alice')->{status}, 204, 'once more');
ok(wait_for(15, sub { !grep { $_->{user} eq 'alice' }
    @{api($two, 'rate_control')->{items}} }), 'nobody thinks so still');


# who is signed out is it on both

my $token = sign_in($one, 'bob')->cookie('X-Auth');
is(get($two->port('http'), '/', Cookie => "X-Auth=$token")->{status}, 200,
    'a token of one is good on the other');
is(decode_json(change($two, DELETE => 'tokens/bob')->{body})->{revoked}, 1,
    'the other revokes it');
ok(wait_for(15, sub { get($one->port('http'), '/',
    Cookie => "X-Auth=$token")->{status} == 401 }), 'it is good no more');


# without Redis each is for itself

$redis->stop;
ok(wait_for(15, sub { api($one, 'redis')->{state} ne 'up' }), 'Redis is away');
is(metric($one, 'redis_up'), 0, 'metrics: it is away');
sign_in($one, 'carol') for 1 .. 3;
is(change($one, DELETE => 'rate_control/carol')->{status}, 204,
    'let go here at least');
is(sign_in($one, 'carol')->{status}, 200, 'in again');
