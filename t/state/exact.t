# Four nodes of two workers, many clients at once: exactly as many are let in
# as may be, whoever asks whom.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(5);
my @users = qw(alice bob carol dave);
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' } @users });
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, uc => $uc, n => 4, workers => 2,
    redis => '127.0.0.1:' . $redis->port . ' timeout=10s');
ok($nodes->connected, 'four nodes');

# one process for each node, so that they ask at once

my @children = map { my $node = $_; child(sub {
    for my $user (@users) {
        my @r = parallel($node->port('http'), 50, GET => '/',
            basic($user, 'wonderland'));
        $node->write_file("count.$user", join "\n", map { $_->{status} } @r);
    }
}) } $nodes->all;

waitpid $_, 0 for @children;

for my $user (@users) {
    my %count;
    $count{$_}++ for map { split /\n/, $_->read_file("count.$user") }
        $nodes->all;
    is("$count{200} $count{429}", '8 192', "$user: eight of 200");
}
