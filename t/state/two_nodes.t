# Two nodes with one Redis are one: tokens, remembered credentials, the limit
# and what is deleted.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(22);
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    qw(alice bob carol dave) });
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, uc => $uc, workers => 2,
    redis => '127.0.0.1:' . $redis->port);

my ($one, $two) = $nodes->all;
$t->secret('wonderland');
ok($nodes->connected, 'both are connected');


# calls of scripts by clients, but those for heartbeats

sub calls {
    my %n = $redis->cli('INFO', 'commandstats')
        =~ /^cmdstat_(\S+):calls=(\d+)/mg;
    return ($n{evalsha} // 0) + ($n{eval} // 0) - ($n{hset} // 0);
}


# a sign-in on one, known on the other

my $before = calls();
my $r = get($one->port('http'), '/', basic('alice', 'wonderland'));

is($r->{status}, 200, 'signed in');
my $token = $r->cookie('X-Auth');
ok($token, 'with a token');

$r = get($two->port('http'), '/', Cookie => "X-Auth=$token");
is($r->{status}, 200, 'which is good on the other');
is($uc->requests, 1, 'nobody asks the UC node again');

is(calls() - $before, 4, 'three operations for it, one for the other node');

$before = calls();
get($_->port('http'), '/', Cookie => "X-Auth=$token")
    for $one, $two, $one, $two;
is(calls() - $before, 0, 'and none for a known token');

$r = get($two->port('http'), '/', basic('alice', 'wonderland'));
is($r->{status}, 200, 'the credential is known on the other');
is($uc->requests, 1, 'and not asked for');


# the limit is one

my %count;

for my $node ($one, $two, $one, $two) {
    $count{$_->{status}}++ for parallel($node->port('http'), 100,
        GET => '/', basic('bob', 'wonderland'));
}

is($count{200}, 8, 'eight of 400 for both');
is($count{429}, 392, 'the rest refused');

$r = get($two->port('http'), '/', basic('bob', 'wonderland'));
like($r->header('Retry-After'), qr/^(?:2\d\d|300)$/, 'Retry-After');


# what one deletes or changes, the other forgets

my ($ra, $rb) = map { $nodes->remote($_) } $one, $two;

sub within {
    my ($seconds, $command, $expected) = @_;
    return wait_for($seconds, sub { $rb->do($command) =~ $expected });
}

is($ra->do('set token t1 alice 60000'), 'OK', 'set on one');
ok(within(1, 'get token t1', qr/^OK alice /), 'there on the other');
is($ra->do('del token t1'), 'OK', 'deleted on one');
ok(within(1, 'get token t1', qr/^DECLINED/), 'gone on the other');

$ra->do('set credential c1 old 60000');
ok(within(1, 'get credential c1', qr/^OK old /), 'a credential');
$ra->do('set credential c1 new 60000');
ok(within(1, 'get credential c1', qr/^OK new /), 'changed in time');

$ra->do('set ban 192.0.2.1 why 60000');
ok(within(1, 'get ban 192.0.2.1', qr/^OK why /), 'a ban');
$ra->do('del ban 192.0.2.1');
ok(within(1, 'get ban 192.0.2.1', qr/^DECLINED/), 'lifted');


# what Redis holds

my $dump = join "\n", map { ($_, $redis->cli('--no-raw', 'GET', $_)) }
    grep { !/changes$/ } split /\n/, $redis->cli('KEYS', '*');

unlike($dump, qr/wonderland|\Q$token\E/, 'no password or token in Redis');

get($one->port('http'), '/', basic('carol', 'wonderland')) for 1 .. 8;

my %bytes = map { $_ => $redis->cli('MEMORY', 'USAGE', $_) }
    grep { /^mra:[tca].{22}$/ } split /\n/, $redis->cli('KEYS', '*');

my $bytes = 0;

for my $kind (qw(t c a)) {
    my ($most) = sort { $b <=> $a }
        map { $bytes{$_} } grep { /^mra:$kind/ } keys %bytes;
    $bytes += $most;
}

cmp_ok($bytes, '<=', 600, "$bytes bytes for a user with a full window");
