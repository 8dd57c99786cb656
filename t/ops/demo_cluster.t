# The demonstration of two nodes with one Redis shows what it says.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Util;
use Test::More tests => 3;

my $log = File::Temp->new;
my $pid = spawn($log, 'conf-examples/redis/demo.sh', MRA::Nginx::build(),
    '--once');

ok(wait_for(120, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }), 'ends')
    or end_process($pid, 'TERM', 10);
is($?, 0, 'and well');

my $shown = slurp($log);
like($shown, qr/(?:.*" 401 .*\n){2}\z/, 'with the last thing that it shows')
    or diag $shown;
