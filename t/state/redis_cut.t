# Connections that are cut between a request and its reply: what was asked is
# counted once or twice, never not, and nobody gets an error.

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

my $t = MRA::Nginx->new()->plan(13);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my $redis = MRA::Daemon->redis($t);
my $proxy = MRA::Proxy->new($t, $redis->port);

# the other node sees by a way of its own what was counted

my $nodes = MRA::Nodes->new($t, uc => $uc, redis => [
    '127.0.0.1:' . $proxy->port . ' timeout=10s',
    '127.0.0.1:' . $redis->port . ' timeout=10s']);
my ($one, $two) = $nodes->all;
ok($nodes->connected, 'connected');
my ($ra, $rb) = map { $nodes->remote($_) } $one, $two;


# attempts that Redis knows of: five bytes each

sub counted {
    my $bytes = 0;
    $bytes += $redis->cli('STRLEN', $_)
        for split /\n/, $redis->cli('KEYS', 'mra:a*');
    return $bytes / 5;
}


# a connection that serves, proved by a look-up that nobody cuts

my $probe = 0;

sub served {
    return wait_for(20, sub {
        my $name = 'probe' . $probe++;
        $rb->do("set token $name x 60000");
        return $ra->do("get token $name") =~ /^OK x /;
    });
}


# by Redis and by this node, where it was cut after Redis had counted it

for my $when (qw(before after)) {
    my $cuts = $proxy->cuts;
    my $expected = counted();
    my (@said, $merged);

    for my $i (1 .. 3) {
        served();
        $proxy->behave(cut => $when, of => 'mra:a');
        push @said, $ra->do("hit authorization $when 8 300000");
        $proxy->behave();

        # once it is merged, nothing else is on the way

        $expected += $when eq 'before' ? 1 : 2;
        $merged += wait_for(20, sub { counted() >= $expected });
    }

    is(join(' ', map { (split)[0] } @said), 'OK OK OK',
        "$when: nobody is turned away");
    cmp_ok($proxy->cuts - $cuts, '>=', 3, "$when: each was cut");
    is($merged, 3, "$when: none was lost");
    ok(served(), "$when: it goes on");
}


# over HTTP: an error for nobody, and no more than one node may admit

$proxy->behave(cut => 'after', of => 'mra:a');
my $cuts = $proxy->cuts;
my %count;

for (1 .. 6) {
    $count{$_->{status}}++ for parallel($one->port('http'), 10, GET => '/',
        basic('alice', 'wonderland'));
}

$proxy->behave();

cmp_ok($proxy->cuts, '>', $cuts, 'cut under requests');
is(join(' ', grep { !/^(?:200|429)$/ } keys %count), '', 'never an error');
cmp_ok($count{200}, '>=', 1, 'some were admitted');
cmp_ok($count{200}, '<=', 8, 'not more than may be');
