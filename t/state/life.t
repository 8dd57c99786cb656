# A node that gives tokens a shorter life keeps to it, though Redis and other
# nodes keep them longer.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(11);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, uc => $uc,
    redis => '127.0.0.1:' . $redis->port);

my ($one, $two) = $nodes->all;
my ($p1, $p2) = map { $_->port('http') } $one, $two;
my @alice = basic('alice', 'wonderland');
$t->secret('wonderland');
ok($nodes->connected, 'both are connected');

sub reload_with {
    my ($node, $life) = @_;
    my $conf = $node->read_file('nginx.conf');

    $conf =~ s/credentials_refresh_interval \S+;//;
    $conf =~ s/zone 4m;/zone 4m; credentials_refresh_interval $life;/;
    $node->write_file('nginx.conf', $conf);
    $node->reload;
}

sub with { get($_[0], '/', Cookie => "X-Auth=$_[1]")->{status} }

my $token = get($p1, '/', @alice)->cookie('X-Auth');
my $unused = get($p1, '/', @alice)->cookie('X-Auth');
is(with($p2, $token), 200, 'known to both');

reload_with($two, '2s');
my $start = time;

ok(wait_for(10, sub { with($p2, $token) == 401 }), 'then no longer');
cmp_ok(time - $start, '<', 9, 'soon');
is(with($p2, $unused), 401, 'nor one that this node has not seen');
is($uc->requests, 1, 'the UC node was asked once');
is(get($p2, '/', @alice)->{status}, 200, 'credentials are good');
is($uc->requests, 2, 'and asked for');
is(with($p1, $token), 200, 'the other node has its own setting');

reload_with($two, 0);
is(with($p2, $token), 401, 'off: no token');
get($p2, '/', @alice);
is($uc->requests, 3, 'off: no credential');
