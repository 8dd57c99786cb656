# A Redis that is slow, and one that is slower than "timeout".

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Proxy;
use MRA::UC;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new()->plan(16);
my @users = map { "user$_" } 1 .. 10;
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    'alice', 'bob', @users });
my $redis = MRA::Daemon->redis($t);
my ($slow, $late) = map { MRA::Proxy->new($t, $redis->port) } 1, 2;

my $nodes = MRA::Nodes->new($t, uc => $uc, redis => [
    '127.0.0.1:' . $slow->port . ' timeout=60s',
    '127.0.0.1:' . $late->port . ' timeout=1s']);
my ($one, $two) = $nodes->all;
ok($nodes->connected, 'connected');

my $seconds;

sub timed {
    my ($node, @headers) = @_;
    my $from = time;
    my $r = request($node->port('http'), GET => '/', timeout => 60, @headers);
    $seconds = time - $from;
    return $r;
}


my $token = timed($one, basic('alice', 'wonderland'))->cookie('X-Auth');
ok(wait_for(10, sub { timed($two, Cookie => "X-Auth=$token")->{status}
    == 200 }), 'known to both');


# every answer takes five seconds

my $delay = 5;
$slow->behave(delay => $delay);

my @s = map { timed($one, Cookie => "X-Auth=$token")->{status} } 1 .. 20;
is("@s", join(' ', (200) x 20), 'slow: who is signed in');
cmp_ok($seconds, '<', $delay, 'does not wait');

is(timed($one, basic('bob', 'wonderland'))->{status}, 200, 'a sign-in');
cmp_ok($seconds, '>=', $delay, 'waits');
cmp_ok($seconds, '<', 2 * $delay, 'for one answer only');

# one after the other they would take as many

my @c = map { MRA::HTTP->new($one->port('http'), timeout => 60) } @users;
my $from = time;
$c[$_]->send(GET => '/', basic($users[$_], 'wonderland')) for 0 .. $#c;
is(scalar(grep { $_->receive->{status} == 200 } @c), 10, 'ten at once');
cmp_ok(time - $from, '<', 5 * $delay, 'wait together');

$slow->behave();
is(timed($two, basic('bob', 'wonderland'))->{status}, 200,
    'the other node is not slow');
unlike($one->log, qr/is lost|refuses/, 'and nothing is lost');


# later than we wait

$late->behave(delay => 30);
is(timed($two, basic('bob', 'wonderland'))->{status}, 200,
    'too slow: a sign-in');
cmp_ok($seconds, '<', 20, 'is decided here');
ok($two->wait_log(qr/is lost: no (?:reply|connection) in time, this node/,
    20), 'and it is told why');

$late->behave();
ok($two->wait_log(qr/redis \S+ is back/, 60), 'fast again');

my @wrong = grep { /^5/ } map { $nodes->statuses($_) } $one, $two;
is("@wrong", '', 'no 5xx');
