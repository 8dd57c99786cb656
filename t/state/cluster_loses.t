# A cluster that loses servers: one that nobody replaces takes only its own
# keys along, one that has a replica is replaced.

use strict;
use warnings;

use MRA::Cluster;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(25);
my $cluster = MRA::Cluster->new($t, masters => 3, replicas => 1,
    options => ['--cluster-require-full-coverage', 'no']);
my $nodes = MRA::Nodes->new($t, workers => 2,
    redis => $cluster->addresses . ' cluster=on timeout=2s');
my ($one, $two) = $nodes->all;
ok($nodes->connected, 'connected');
my ($ra, $rb) = map { $nodes->remote($_) } $one, $two;
my ($replaced, $alone, $other) = $cluster->servers;


# the server that gets a key of a kind by a command

sub place {
    my ($command, $kind) = @_;
    my %before = map { $_ => 1 } map { all_keys($_, $kind) }
        $cluster->servers;
    my $place;

    $ra->do($command);
    wait_for(5, sub {
        ($place) = grep { grep { !$before{$_} } all_keys($_, $kind) }
            $replaced, $alone, $other;
        $place }) or die "no key for \"$command\"\n";
    return $place;
}


sub all_keys {
    my ($server, $kind) = @_;
    return () unless $server->alive;
    return grep { /\}$kind/ } split /\n/, $server->cli('KEYS', '*');
}


sub lines { my ($node, $re) = @_; scalar(() = $node->log =~ /$re/g) }


my (%token, %user);

for (my $i = 1; $i < 100 && (keys %token < 3 || keys %user < 3); $i++) {
    $token{place("set token t$i x$i 28800000", 't')}{"t$i"} = 1;
    $user{place("hit authorization u$i 8 300000", 'a')}{"u$i"} = 1;
}

my ($gone) = sort keys %{$token{$alone}};
my ($kept) = sort keys %{$token{$other}};
my ($gone_user) = sort keys %{$user{$alone}};
my ($kept_user) = sort keys %{$user{$other}};

like($rb->do("get token $gone"), qr/^OK /, 'a token of each');
like($rb->do("get token $kept"), qr/^OK /, 'is known');


# nobody replaces it

$alone->kill('KILL');
my $port = $alone->port;

ok($_->wait_log(qr/\[error\] .* redis 127\.0\.0\.1:$port is lost: .*, this/
    . qr/ node decides alone about its part of the cluster/, 20), 'a line')
    for $one, $two;

like($rb->do("get token $gone"), qr/^OK /, 'who is signed in notices nothing');
is($ra->do("hit authorization $gone_user 8 300000"), 'OK 2 0',
    'its windows go on here');
is($rb->do("hit authorization $gone_user 8 300000"), 'OK 1 0', 'and there');
is($ra->do("hit authorization $kept_user 8 300000"), 'OK 2 0',
    'the others go on');
is($rb->do("hit authorization $kept_user 8 300000"), 'OK 3 0', 'as one');

$ra->do("set token $gone changed 28800000");
$ra->do("set token $kept changed 28800000");
ok(wait_for(3, sub { $rb->do("get token $kept") =~ /^OK changed / }),
    'changes of the others arrive');
like($rb->do("get token $gone"), qr/^OK x/, 'its own not yet');
is(lines($_, qr/ is lost: /), 1, 'one line') for $one, $two;


# it comes back, with nothing

$alone->restart;
ok($_->wait_log(qr/\[notice\] .* redis cluster is whole again/, 30),
    'whole again') for $one, $two;
ok(wait_for(15, sub { $rb->do("get token $gone") =~ /^OK changed / }),
    'what it has missed arrives');
ok(wait_for(10, sub {
    ($rb->do("hit authorization $gone_user 8 300000")) =~ /^OK (\d)/;
    $1 && $1 >= 3 }), 'the windows are merged');


# one that has a replica

my ($moved) = sort keys %{$token{$replaced}};
my ($moved_user) = sort keys %{$user{$replaced}};
$replaced->cli('WAIT', 1, 5000);
$replaced->kill('KILL');

ok(wait_for(40, sub { lines($one, qr/is whole again/) == 2
    && lines($two, qr/is whole again/) == 2 }), 'replaced');
ok(wait_for(5, sub { $rb->do("get token $moved") =~ /^OK x/ }),
    'its tokens are there');
like($rb->do("hit authorization $moved_user 8 300000"), qr/^OK 2 0/,
    'its windows go on');
$ra->do("set token $moved changed 28800000");
ok(wait_for(5, sub { $rb->do("get token $moved") =~ /^OK changed / }),
    'changes arrive');
is(lines($_, qr/ is lost: /), 2, 'one more line') for $one, $two;
unlike($one->log . $two->log, qr/refuses/, 'nobody was asked in vain');
