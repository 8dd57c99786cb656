# A node that is told to quit waits for no deadline of what Redis has answered.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Nodes;
use Test::More;

my $t = MRA::Nginx->new()->plan(4);
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t,
    redis => '127.0.0.1:' . $redis->port . ' timeout=60s');
$nodes->connected;

is($nodes->remote($_)->do('set token a alice 28800000'), 'OK', 'asked')
    for $nodes->all;
ok(!$_->stop->{hung}, 'and gone') for $nodes->all;
