# Redis goes away and comes back: killed, frozen, restarted empty, cut.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new()->plan(40);
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    qw(alice bob carol dave erin) });
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, uc => $uc, workers => 2,
    redis => '127.0.0.1:' . $redis->port . ' timeout=2s');

my ($one, $two) = $nodes->all;
ok($nodes->connected, 'both are connected');

sub sign_in {
    my ($node, $user) = @_;
    return get($node->port('http'), '/', basic($user, 'wonderland'));
}


sub with_token {
    my ($node, $token) = @_;
    return get($node->port('http'), '/', Cookie => "X-Auth=$token")->{status};
}


sub lines { my ($node, $re) = @_; scalar(() = $node->log =~ /$re/g) }

sub lost { lines($_[0], qr/redis \S+ is lost/) }
sub back { lines($_[0], qr/redis \S+ is back/) }

sub wait_back {
    my ($n) = @_;
    return !grep { my $node = $_; !wait_for(20, sub { back($node) == $n }) }
        $one, $two;
}


# the merge follows the return

sub key_count { scalar grep { /^mra:$_[0]/ } split /\n/,
    $redis->cli('KEYS', '*') }


my $token = sign_in($one, 'alice')->cookie('X-Auth');
is(with_token($two, $token), 200, 'signed in on both');
my $other = sign_in($one, 'dave')->cookie('X-Auth');
sign_in($one, 'bob') for 1 .. 3;


# killed

$redis->kill('KILL');
ok($one->wait_log(qr{\[error\] .* redis \S+ is lost: .*, this node}),
    'a line');
ok($two->wait_log(qr/redis \S+ is lost/), 'on both');

is(with_token($_, $token), 200, 'who is signed in notices nothing')
    for $one, $two;
is(with_token($two, $other), 401, 'a token that a node has not seen');

my $r = sign_in($one, 'carol');
is($r->{status}, 200, 'a new sign-in');
my $carol = $r->cookie('X-Auth');
is(with_token($one, $carol), 200, 'with a token');

my @bob = map { sign_in($one, 'bob')->{status} } 1 .. 6;
is("@bob", '200 200 200 200 200 429', 'the limit goes on from where it was');

is($nodes->remote($one)->do('set token gone x 60000'), 'OK', 'a token');
is($nodes->remote($one)->do('del token gone'), 'OK', 'deleted meanwhile');

is(lost($_), 1, 'one line a node') for $one, $two;


# restarted, empty

$redis->restart;
ok(wait_back(1), 'back');
is(back($_), 1, 'one line a node') for $one, $two;

ok(wait_for(5, sub { with_token($two, $carol) == 200 }),
    'the sign-in meanwhile is good on the other');
ok(wait_for(5, sub { with_token($two, $other) == 200 }),
    'and what Redis has lost');
is(with_token($_, $token), 200, 'signed in still') for $one, $two;
ok(wait_for(5, sub { sign_in($two, 'bob')->{status} == 429 }),
    'the limit is merged');
is($nodes->remote($two)->do('get token gone'), 'DECLINED',
    'deleted is deleted');


# frozen

$redis->kill('STOP');

my $start = time;
is(sign_in($one, 'erin')->{status}, 200, 'frozen: a new sign-in');
cmp_ok(time - $start, '<', 8, 'in time');
is(with_token($_, $token), 200, 'a known token') for $one, $two;
ok(wait_for(20, sub { lost($one) == 2 && lost($two) == 2 }),
    'both have noticed');

$start = time;
is(sign_in($two, 'erin')->{status}, 200, 'now they do not wait');
cmp_ok(time - $start, '<', 2, 'any more');

$redis->kill('CONT');
ok(wait_back(2), 'back');


# connections cut, also those with a request on them

my $cut = child(sub {
    for (1 .. 30) {
        $redis->cli('CLIENT', 'KILL', 'TYPE', 'normal');
        select undef, undef, undef, 0.02;
    }
});

my %count;
for (1 .. 10) {
    $count{$_->{status}}++ for parallel($one->port('http'), 20, GET => '/',
        basic('dave', 'wonderland'));
}

waitpid $cut, 0;
is(join(' ', grep { !/^(?:200|429)$/ } keys %count), '', 'never an error');
cmp_ok($count{200}, '>=', 1, 'some were admitted');
cmp_ok($count{200}, '<=', 8, 'and not more than one node may');

ok(wait_for(5, sub { my $x = sign_in($two, 'alice');
    $x->{status} == 200 && with_token($one, $x->cookie('X-Auth')) == 200 }),
    'and it goes on');


# scripts forgotten

my @lost = map { lost($_) } $one, $two;
$redis->cli('SCRIPT', 'FLUSH');
$r = sign_in($one, 'carol');
is($r->{status}, 200, 'scripts forgotten: a sign-in');
ok(wait_for(2, sub { with_token($two, $r->cookie('X-Auth')) == 200 }),
    'good on both');
is(join(' ', map { lost($_) } $one, $two), "@lost", 'and no alarm');


# never an error

for my $node ($one, $two) {
    my @wrong = grep { /^5/ } $nodes->statuses($node);
    is("@wrong", '', 'no 5xx');
}
