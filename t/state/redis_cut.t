# Connections that are cut between a request and its reply: what was asked is
# counted once, whether Redis had counted it or not, and however often it is
# merged; nobody gets an error.

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

my $t = MRA::Nginx->new()->plan(20);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my $redis = MRA::Daemon->redis($t);
my $proxy = MRA::Proxy->new($t, $redis->port);

# the other node sees by a way of its own what was counted

my $nodes = MRA::Nodes->new($t, uc => $uc,
    locations => 'location /api/ { mra_api; }', redis => [
    '127.0.0.1:' . $proxy->port . ' timeout=10s',
    '127.0.0.1:' . $redis->port . ' timeout=10s']);
my ($one, $two) = $nodes->all;
ok($nodes->connected, 'connected');
my ($ra, $rb) = map { $nodes->remote($_) } $one, $two;


# attempts that Redis knows of: nine bytes each

sub counted {
    my $bytes = 0;
    $bytes += $redis->cli('STRLEN', $_)
        for split /\n/, $redis->cli('KEYS', 'mra:a*');
    return $bytes / 9;
}


# nothing is on the way any more

sub merged {
    return wait_for(30, sub {
        get($one->port('http'), '/api/1/redis')->{body}
            =~ /"merging": ?false/ });
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


# cut before Redis counts, afterwards, and when it is merged, too

for my $when (qw(before after merges)) {
    my $cuts = $proxy->cuts;
    my $expected = counted();
    my (@said, @counted);

    for my $i (1 .. 3) {
        served();
        $proxy->behave(cut => $when eq 'before' ? 'before' : 'after',
            of => 'mra:a');
        push @said, $ra->do("hit authorization $when 8 300000");

        my $seen = $proxy->cuts;
        wait_for(30, sub { $proxy->cuts >= $seen + 2 }) if $when eq 'merges';

        $proxy->behave();
        merged() or diag 'it is still merging';
        push @counted, counted() - $expected;
    }

    is("@said", 'OK 1 0 OK 2 0 OK 3 0', "$when: nobody is turned away");
    cmp_ok($proxy->cuts - $cuts, '>=', $when eq 'merges' ? 9 : 3,
        "$when: each was cut");
    is("@counted", '1 2 3', "$when: each was counted once");
    is($rb->do("hit authorization $when 8 300000"), 'OK 4 0',
        "$when: the other node counts on");
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
