# Nodes whose clocks are minutes apart: it is Redis' clock that counts.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new();
plan(skip_all => 'no libfaketime') unless MRA::Nodes::faketime();
$t->plan(22);

my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    qw(alice bob carol) });
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, n => 3, uc => $uc,
    clocks => [undef, '+7m', '-7m'], redis => '127.0.0.1:' . $redis->port
        . ' timeout=10s');
my ($right, $ahead, $behind) = my @nodes = $nodes->all;
ok($nodes->connected, 'connected');
my @workers = map { $nodes->remote($_) } @nodes;


# they really are: an hour that is told in the log

sub minute {
    my ($h, $m) = $_[0]->log =~ m{^\S+ (\d\d):(\d\d):}m;
    return $h * 60 + $m;
}

sub apart { (minute($_[0]) - minute($right) + 1440) % 1440 }

cmp_ok(apart($ahead), '>=', 6, 'one is ahead');
cmp_ok(apart($ahead), '<=', 10, 'by some minutes');
cmp_ok(apart($behind), '>=', 1430, 'one is behind');


# a token of each is good on all

for my $i (0 .. 2) {
    my $r = get($nodes[$i]->port('http'), '/', basic('alice', 'wonderland'));
    my $token = $r->cookie('X-Auth');
    my @status = map { get($_->port('http'), '/',
        Cookie => "X-Auth=$token")->{status} } @nodes;
    is("@status", '200 200 200', "a token of node $i");
}


# one limit, and a sign-in is possible as soon for each

my %count;
for my $node (@nodes, @nodes) {
    $count{$_->{status}}++ for parallel($node->port('http'), 10, GET => '/',
        basic('bob', 'wonderland'));
}
is($count{200}, 8, 'eight of all');
is($count{429}, 52, 'the others not');

for my $node (@nodes) {
    my $after = get($node->port('http'), '/', basic('bob', 'wonderland'))
        ->header('Retry-After');
    ok($after > 200 && $after <= 300, "again after $after seconds");
}


# a window, a token and a ban end for all when they should, not before

$_->do('hit failure slide 3 6000') for @workers;
my @full = map { $_->do('hit failure slide 3 6000') } @workers;
is(scalar(grep { /^DECLINED 3 [1-6]\d{0,3}$/ } @full), 3, 'a window');
my ($wait) = sort { $b <=> $a } map { (split)[2] } @full;

$workers[1]->do('set token short x 6000');
$workers[2]->do('set ban 192.0.2.1 why 60000');
ok(wait_for(5, sub { 3 == grep { $_->do('get token short') =~ /^OK x / }
    @workers }), 'a short token, on all');
ok(wait_for(5, sub { 3 == grep { $_->do('get ban 192.0.2.1')
    =~ /^OK why (?:60000|5\d\d\d\d) / } @workers }), 'a ban');

select undef, undef, undef, $wait / 1000 + 0.1;
ok(wait_for(5, sub { 3 == grep { $_->do('get token short') eq 'DECLINED' }
    @workers }), 'the token ends on all');
like($workers[2]->do('hit failure slide 3 6000'), qr/^OK /,
    'and the window goes on');


# what one takes away is gone everywhere

$workers[2]->do('set token t x 600000');
ok(wait_for(5, sub { 3 == grep { $_->do('get token t') =~ /^OK x / }
    @workers }), 'a token, on all');
$workers[1]->do('del token t');
ok(wait_for(5, sub { 3 == grep { $_->do('get token t') eq 'DECLINED' }
    @workers }), 'revoked on all');


# cut off and back: what was decided alone is merged

$redis->cli('CONFIG', 'SET', 'maxmemory', 1);
$_->do('hit authorization carol 8 300000') for @workers;
$redis->cli('CONFIG', 'SET', 'maxmemory', 0);

my $bytes;
ok(wait_for(30, sub {
    ($bytes) = sort { $a <=> $b } map { $redis->cli('STRLEN', $_) }
        split /\n/, $redis->cli('KEYS', 'mra:a*');
    return $bytes == 27 && 3 == grep { $_->log =~ /does its work again/ }
        @nodes }), 'what each decided alone is merged');
like($workers[1]->do('hit authorization carol 8 300000'), qr/^OK 4 /,
    'one limit again');
is(join(' ', map { scalar(() = $_->log =~ /is lost|has lost/g) } @nodes),
    '0 0 0', 'nobody was lost');
