# A next hop that stops answering STUN while SIP goes on is not down, and
# nobody on its way notices.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP;
use MRA::HTTP;
use MRA::Hop;
use MRA::Nginx;
use MRA::SIP;
use MRA::STUN;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(15);
my $uc = MRA::Hop->new($t, 'uc', stun => 1);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; stun_keepalive_interval 1s; stun_keepalive_timeout 900ms; }
http { %%HTTP%%
    server { listen 127.0.0.1:%%PORT_http%%; location /api/ { mra_api; } } }
stream {
    upstream uc { server @{[ $uc->address ]}; }
    server { listen 127.0.0.1:%%PORT_sip%%; mra_sip_pass uc; }
}
END

$t->run();

my $phone = MRA::SIP->connect($t->port('sip'));
is($phone->register->{status}, 200, 'a phone');
ok(wait_for(10, sub { hop()->{keepalive} eq 'stun' }), 'STUN is spoken');
is(hop()->{stun_lost}, undef, 'and not lost');
is_deeply(faults(), [], 'no fault');


# STUN is lost: its name server may be away

$uc->forget;
$uc->behave;
my $who = 'next hop ' . $uc->address . ' in upstream "uc"';
ok($t->wait_log(qr/\[warn\] \S+ \Q$who\E answers SIP, but STUN no more/),
    'is logged');
is(keepalive(), 'success', 'the path is good');
is($phone->register->{status}, 200, 'REGISTER passes');
is(hop()->{state}, 'up', 'it is up');
like(hop()->{stun_lost}, qr/^\d{4}-\d\d-\d\dT/, 'since when is told');
my ($fault) = @{faults()};
like($fault->{what}, qr/answers SIP, but STUN no more/, 'a fault');
like($fault->{advice}, qr/cannot resolve the host name/, 'and its cause');

ok(wait_for(10, sub {
    (grep { ($_->{what} // '') eq 'OPTIONS' } $uc->seen) >= 5 }),
    'it is asked by OPTIONS');

my %clients = map { $_->{connection} => 1 }
    grep { ($_->{what} // '') eq 'PING' } $uc->seen;
is(scalar(grep { $_->{closed} && $clients{$_->{connection}} } $uc->seen), 0,
    'no connection of clients was closed');
is(scalar(() = $t->log =~ /is down/g), 0, 'it was never down');


# and comes back

$uc->behave(stun => 1);
ok($t->wait_log(qr/\[notice\] .* answers STUN again/, 20),
    'it is tried again');

$phone->close;


sub hop { api('next_hops')->{uc}[0] }
sub faults { api('services')->{faults} }
sub api { decode_json(get($t->port('http'), "/api/1/$_[0]")->{body}) }


sub keepalive {
    $phone->write(binding_request(transaction_id()));
    my $answer = $phone->receive(5);
    return $answer && $answer->{stun} ? parse_stun($answer->{stun})->{type}
        : 'nothing';
}
