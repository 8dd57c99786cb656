# Protection on two nodes with one Redis: failures add up, a ban of one is a
# ban of the other, and so is its end.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new();
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, redis => '127.0.0.1:' . $redis->port,
    mra => 'protection http-ce-auth trigger=3 window=60s block=100s;');

my ($one, $two) = map { $nodes->remote($_) } $nodes->all;
ok($nodes->connected, 'both are connected');

sub failed {
    my ($n, $of) = @_;
    return wait_for(5, sub {
        (() = join('', map { $_->log } $nodes->all)
            =~ /failure of \Q$of\E, /g) >= $n;
    });
}

sub banned {
    my ($w, $address, $wanted) = @_;
    return wait_for(1, sub { $w->do("banned $address") == $wanted });
}


# failures of both

$one->do('fail 192.0.2.1 0');
failed(1, '192.0.2.1');
$two->do('fail 192.0.2.1 0');
failed(2, '192.0.2.1');
is($one->do('banned 192.0.2.1'), 0, 'two failures');
$one->do('fail 192.0.2.1 0');

ok(banned($one, '192.0.2.1', 1), 'the third bans here');
ok(banned($two, '192.0.2.1', 1), 'and there within a second');
like($two->do('bans'), qr/^192\.0\.2\.1 http-ce-auth 1 (?:100|99)s;$/,
    'for as long');
is(scalar(() = join('', map { $_->log } $nodes->all) =~ / ban of /g), 1,
    'it is logged once');


# lifted on the other node: failures are forgotten on both

is($two->do('unban 192.0.2.1 1'), 'OK', 'lifted');
ok(banned($one, '192.0.2.1', 0), 'on the other as well');

$one->do('fail 192.0.2.1 0');
failed(4, '192.0.2.1');
$two->do('fail 192.0.2.1 0');
failed(5, '192.0.2.1');
is($one->do('banned 192.0.2.1') + $two->do('banned 192.0.2.1'), 0,
    'two failures are two again');


# a node that comes later

is($one->do('ban 192.0.2.9 0 50000'), 'OK', 'banned by hand');
my ($late) = MRA::Nodes->new($t, redis => '127.0.0.1:' . $redis->port,
    n => 1)->all;
my ($three) = $late->{remote}->workers;
ok(wait_for(5, sub { $three->do('banned 192.0.2.9') }), 'knows it');


# without Redis

$redis->stop;
ok(wait_for(10, sub { $nodes->{nodes}[0]->log =~ /redis \S+ is lost/ }),
    'Redis is lost');
is($one->do('banned 192.0.2.9'), 1, 'bans hold');
my $answer;
$answer = $one->do('fail 192.0.2.5 0') for 1 .. 3;
is($answer, 1, 'and are made');

$t->done_testing();
