# Redis is killed and comes back with what it had some time before: what was
# done meanwhile is in the nodes, who tell it again.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Proxy;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(16);
my $redis = MRA::Daemon->redis($t, '--dbfilename', 'old.rdb');
my $proxy = MRA::Proxy->new($t, $redis->port);
my $nodes = MRA::Nodes->new($t, redis => ['127.0.0.1:' . $redis->port,
    '127.0.0.1:' . $proxy->port]);
my ($one, $two) = $nodes->all;
my ($ra, $rb) = map { $nodes->remote($_) } $one, $two;
ok($nodes->connected, 'connected');

sub there {
    my ($remote, $token) = @_;
    return wait_for(20, sub { $remote->do("get token $token") =~ /^OK x / });
}

sub lines {
    my ($re) = @_;
    return join ' ', map { scalar(() = $_->log =~ /$re/g) } $one, $two;
}

# one hit and one token before, the rest after it

$ra->do('hit authorization alice 8 300000');
$ra->do("set token $_ x 600000") for qw(old revoked);
ok(there($rb, $_), 'a token') for qw(old revoked);

is($redis->cli('SAVE'), 'OK', 'a snapshot');

$_->do('hit authorization alice 8 300000') for $ra, $rb, $ra;
$ra->do('set token new x 600000');
$ra->do('set ban 192.0.2.1 why 600000');
ok(wait_for(5, sub { $rb->do('get ban 192.0.2.1') =~ /^OK why / }), 'a ban');

$redis->kill('KILL');
ok(wait_for(10, sub { lines(qr/is lost/) eq '1 1' }), 'Redis is killed');
$redis->restart;
ok(wait_for(20, sub { lines(qr/is back/) eq '1 1' }), 'and back');

ok(there($rb, 'new'), 'a token that Redis had lost');
ok(wait_for(20, sub { my ($key) = $redis->cli('KEYS', 'mra:a*');
    $redis->cli('STRLEN', $key) == 36 }), 'all attempts, each once');
is($rb->do('hit authorization alice 8 300000'), 'OK 5 0', 'the limit goes on');
ok(wait_for(20, sub { $redis->cli('KEYS', 'mra:b*') =~ /^mra:b\S+$/ }),
    'the ban');
is(lines(qr/tells it what/), '1 1', 'each says so once');
is(lines(qr/has lost|has dropped/), '0 0', 'Redis knows that it is the same');


# a token that one node revokes while the other one hears nothing is not
# brought back by that

# (what is told twice within a second is said once)

select undef, undef, undef, 2;
$proxy->behave(cut => 'before', of => '');
ok(wait_for(20, sub { lines(qr/is lost/) eq '1 2' }), 'one is cut off');
$ra->do('del token revoked');
$redis->cli('SAVE');
$redis->kill('KILL');
$redis->restart;
$proxy->behave();

ok(wait_for(20, sub { lines(qr/tells it what/) eq '2 2' }), 'both are back')
    or diag map { $_->log =~ /(.*\bredis .*\n)/g } $one, $two;
is($rb->do('get token revoked') . ' ' . $ra->do('get token revoked'),
    'DECLINED DECLINED', 'what was revoked meanwhile stays so');
