# The demonstration of two tiers: whichever node is killed or freezes, phones
# that follow their path are registered again, and a call goes on.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Util;
use Test::More tests => 8;

my $log = File::Temp->new;
my $pid = spawn($log, 'conf-examples/two-tiers/demo.sh', MRA::Nginx::build(),
    '--once');

ok(wait_for(300, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }), 'ends')
    or end_process($pid, 'TERM', 10);
is($?, 0, 'and well');

my $shown = slurp($log) =~ s/\[0:.*bit.*//gr;

for my $what ('core1 killed', 'core2 cut off', 'core1 frozen', 'edge1 killed',
    'uc1 killed')
{
    SKIP: {
        skip 'no network namespaces', 1
            if $what =~ /cut/ && $shown =~ /no cable is cut/;

        like($shown, qr/^$what: [1-6] of 6 phones noticed .* all were /m,
            $what) or diag $shown;
    }
}

like($shown, qr/outlived.*\n.*Call with .* terminated/, 'and a call goes on');
