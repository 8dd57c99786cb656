# Names of next hops are resolved while the edge runs: new addresses are used,
# old ones only by those who are there, connections of the rest stay.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::DNS;
use MRA::Hop;
use MRA::Nginx;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(13);

my $port = free_port();
my %hop = map { $_ => MRA::Hop->new($t, "one$_", stun => 1, port => $port,
    address => "127.0.0.$_") } 1 .. 4;

my $dns = MRA::DNS->new($t);
$dns->tell(localhost => ['127.0.0.1', '127.0.0.2']);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { node edge1; }
stream {
    resolver 127.0.0.1:@{[$dns->port]} ipv6=off valid=1s;

    upstream uc {
        server localhost:$port;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
}
END

$t->run();

ok($t->wait_log(qr/next hop 127\.0\.0\.2:\d+ in .* is a new address/),
    'second address');
is(served(), 'one1 one2', 'both are used');

my ($one, $two) = map { client("one$_") } 1, 2;


# one goes, one comes

$dns->tell(localhost => ['127.0.0.2', '127.0.0.3']);
ok($t->wait_log(qr/next hop 127\.0\.0\.1:\d+ in .* is no address of/),
    'first address is gone');
is(served(), 'one2 one3', 'new clients go to the new ones');
is($two->register->header('Server'), 'one2', 'who is on the other stays');
my %carries = map { $_->{connection} => 1 }
    grep { ($_->{what} // '') eq 'REGISTER' } $hop{2}->seen;
is(scalar(grep { $_->{closed} && $carries{$_->{connection}} } $hop{2}->seen),
    0, 'over the connections that were there');
like($one->register->header('Server'), qr/one[23]/,
    'who was on the one that is gone comes to another');
ok(wait_for(5, sub { $hop{1}->connections == 0 }),
    'then nobody needs its connections');


# the name server is away

$dns->tell(localhost => undef);
ok($t->wait_log(qr/\[error\] .*"localhost" in upstream "uc" could not be/),
    'failure is logged');
is(served(), 'one2 one3', 'the last addresses are used');


# and comes back with another address

$dns->tell(localhost => ['127.0.0.4']);
ok($t->wait_log(qr/next hop 127\.0\.0\.4:\d+ in .* is a new address/, 8),
    'third address');
is(served(), 'one4', 'used');
is(scalar(() = $t->log =~ /\[error\]/g), 1, 'failure is logged once');


sub client {
    my ($wanted) = @_;

    for (1 .. 10) {
        my $ua = MRA::SIP->connect($t->port('sip'));
        return $ua if $ua->register->header('Server') eq $wanted;
    }

    die "nobody came to $wanted\n";
}


sub served {
    my %by;

    for (1 .. 6) {
        my $r = MRA::SIP->connect($t->port('sip'))->register(timeout => 5);
        $by{$r ? $r->header('Server') // $r->{status} : 'none'} = 1;
    }

    return join ' ', sort keys %by;
}
