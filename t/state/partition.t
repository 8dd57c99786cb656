# One node of two is cut off from Redis: packets vanish, nobody says why.
# Redis is in a network of its own, with a cable to each node.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

my ($ns, @cables) = ("mra$$", map { "mra$$" . $_ } qw(a b));
my $owner = $$;


sub ip { return system("ip @_ > /dev/null 2>&1") == 0 }

END {
    if ($$ == $owner) {
        local $?;
        ip("link del $_") for @cables;
        ip("netns del $ns");
    }
}


my $t = MRA::Nginx->new();

plan(skip_all => 'needs root and network namespaces')
    if $> != 0 || !ip("netns add $ns");

# addresses that nobody uses: of the networks for benchmarks

my $net = '198.18.' . ($$ % 250);
my @address = map { "$net." . (4 * $_ + 1) } 1, 2;

for my $i (0, 1) {
    my $here = "$net." . (4 * ($i + 1) + 2);

    ip("link add $cables[$i] type veth peer name far$i netns $ns")
        && ip("addr add $here/30 dev $cables[$i]")
        && ip("link set $cables[$i] up")
        && ip("-n $ns addr add $address[$i]/30 dev far$i")
        && ip("-n $ns link set far$i up")
        or plan(skip_all => 'no cables for a network namespace');
}

$t->plan(21);

my $port = $t->port('redis');
my $dir = $t->dir;
my $redis = MRA::Daemon->start($t, name => 'redis',
    ready => qr/Ready to accept connections/, command => ['ip', 'netns',
        'exec', $ns, 'redis-server', '--port', $port, '--bind', '0.0.0.0',
        '--protected-mode', 'no', '--dir', $dir, '--save', '']);

my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    qw(alice bob carol) });
my $nodes = MRA::Nodes->new($t, uc => $uc, redis => [map {
    "$_:$port timeout=2s" } @address]);
my ($one, $two) = $nodes->all;
ok($nodes->connected, 'connected') or diag $one->log;
my ($ra, $rb) = map { $nodes->remote($_) } $one, $two;


sub sign_in {
    my ($node, $user) = @_;
    return get($node->port('http'), '/', basic($user, 'wonderland'));
}

sub with_token {
    my ($node, $token) = @_;
    return get($node->port('http'), '/', Cookie => "X-Auth=$token")->{status};
}


my $token = sign_in($one, 'alice')->cookie('X-Auth');
ok(wait_for(10, sub { with_token($two, $token) == 200 }), 'known to both');
$ra->do('set token old alice 28800000');
ok(wait_for(10, sub { $rb->do('get token old') =~ /^OK / }), 'as another');
sign_in($one, 'bob') for 1 .. 3;


# cut off

ok(ip("-n $ns link set far1 down"), 'cut');

my $from = time;
is(with_token($two, $token), 200, 'who is signed in');
my $r = sign_in($two, 'carol');
is($r->{status}, 200, 'a sign-in');
cmp_ok(time - $from, '<', 20, 'in time');
my $carol = $r->cookie('X-Auth');
is(with_token($two, $carol), 200, 'and its token');
ok($two->wait_log(qr/redis \S+ is lost: .*, this node decides/, 20),
    'it is told');

my @two = map { sign_in($two, 'bob')->{status} } 1 .. 9;
is("@two", '200 200 200 200 200 200 200 200 429', 'a limit of its own');


# the other one goes on, and hears nothing of it

my @one = map { sign_in($one, 'bob')->{status} } 1 .. 6;
is("@one", '200 200 200 200 200 429', 'the limit of Redis');
$ra->do('del token old');
$ra->do('set ban 192.0.2.1 why 600000');
is($rb->do('get token old') =~ s/ .*//r, 'OK', 'a revocation is not heard');
unlike($one->log, qr/is lost/, 'the other one is not cut off');


# back: each knows what the other one did

ok(ip("-n $ns link set far1 up"), 'back');
ok($two->wait_log(qr/redis \S+ is back/, 60), 'it is told');

ok(wait_for(1.5, sub { $rb->do('get token old') eq 'DECLINED' }),
    'the revocation');
ok(wait_for(1.5, sub { $rb->do('get ban 192.0.2.1') =~ /^OK why / }),
    'the ban');
ok(wait_for(20, sub { with_token($one, $carol) == 200 }), 'the sign-in');
is(sign_in($_, 'bob')->{status}, 429, 'one limit') for $one, $two;

my @wrong = grep { /^5/ } map { $nodes->statuses($_) } $one, $two;
is("@wrong", '', 'no 5xx');
