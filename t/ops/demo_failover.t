# The demonstration of two tiers: whichever node is killed or freezes, phones
# that follow their path are registered again.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Util;
use Test::More tests => 6;

my $log = File::Temp->new;
my $pid = spawn($log, 'conf-examples/two-tiers/demo.sh', MRA::Nginx::build(),
    '--once');

ok(wait_for(300, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }), 'ends')
    or end_process($pid, 'TERM', 10);
is($?, 0, 'and well');

my $shown = slurp($log);

for my $what ('core1 killed', 'core2 frozen', 'edge1 killed', 'uc1 killed') {
    like($shown,
        qr/^$what: [1-6] of 6 phones noticed .* all were registered again/m,
        $what) or diag $shown;
}
