# Connections to the next hop that break: what they may have lost goes once
# more by another one, or is answered with 503; answers find another way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = MRA::Nginx->new->plan(26);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive off; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
        mra_sip_connections 1;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%%;
        mra_sip_accept uc;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'), user => 'uc', cseq => 0,
    domain => 'example.com', tag => 'uc', call_id => 'from-inside');
$t->run;

my $alice = MRA::SIP->connect($t->port('sip'));
my ($registered) = $uc->registered($alice, 600);
my ($contact) = $registered->header('Contact') =~ /<(.*?)>/;


# unanswered: once more, as the same transaction

$alice->send($alice->request('INVITE', 'sip:bob@example.com',
    body => "v=0\r\n", 'Content-Type' => 'application/sdp'));
my $m = $uc->receive;
$uc->close_all;

# while there is no connection, they wait, in their order

$alice->send($alice->request('MESSAGE', 'sip:bob@example.com',
    'Call-ID' => $_)) for qw(first second);

my $again = $uc->receive;
is($again->{line}, $m->{line}, 'INVITE goes once more');
is(branch($again), branch($m), 'in the same transaction');
is_deeply([$again->all('Record-Route')], [$m->all('Record-Route')],
    'with its Record-Routes');
is($again->{body}, "v=0\r\n", 'and its body');

my @waited = map { $uc->receive } 1, 2;
is(join(' ', map { $_->header('Call-ID') } @waited), 'first second',
    'what was sent meanwhile comes after it');

$uc->reply($again, 100, 'Trying');
is($alice->receive->{status}, 100, 'INVITE is answered');
$uc->reply($_, 200, 'OK') for @waited;
is(join(' ', map { $_->{status} } $alice->receive, $alice->receive),
    '200 200', 'so are the others');


# with a provisional answer it is the server's: it is not sent again, and the
# final answer may come by any connection

sleep 1.1;
$uc->close_all;
my $peer = $uc->open($t->port('inside'));
ok(!$uc->receive(1), 'what was answered is not sent again');
$peer->send(response($again, 200, 'OK', Contact => '<sip:bob@192.0.2.7>'));
my $ok = $alice->receive;
is($ok->{status}, 200, 'the final answer comes by another connection');


# lost twice: 503

$alice->send($alice->request('BYE', 'sip:bob@192.0.2.7',
    To => $ok->header('To'), Route => [reverse $ok->all('Record-Route')]));
is($uc->receive->{method}, 'BYE', 'BYE');
$uc->close_all;
is($uc->receive->{method}, 'BYE', 'once more');
$uc->close_all;
my $r = $alice->receive;
is($r->{status}, 503, 'after the second time: 503');
like($r->header('Retry-After'), qr/^\d+$/, 'with Retry-After');


# an answer of a client, when the connection of the request has broken

($registered) = $uc->registered($alice, 600);
my $inside = $uc->peer($registered);
$inside->send($inside->request('MESSAGE', $contact));
$m = $alice->receive;
is($m->{method}, 'MESSAGE', 'a request by a connection of the edge');

$uc->close_all;
sleep 1.1;
$uc->receive(0.5);
$alice->send(response($m, 200, 'OK'));
$r = $uc->receive;
is($r->{status}, 200, 'is answered by another when that has broken');
is($r->header('Call-ID'), $m->header('Call-ID'), 'with what was asked');


# the next hop is gone for good

$alice->send($alice->request('MESSAGE', 'sip:bob@example.com'));
is($uc->receive->{method}, 'MESSAGE', 'a request that is not answered');
my $began = time;
$uc->stop;
is($alice->receive->{status}, 503, 'next hop gone: 503');
cmp_ok(time - $began, '<', 2, 'at once');
is(ask('MESSAGE'), 503, 'and what comes then');

$alice->send($alice->request('ACK', 'sip:bob@example.com'));
ok(!$alice->receive(0.2), 'but an ACK');

$uc->start;
ok(wait_for(8, sub { $uc->receive(0.1); ask('OPTIONS') == 200 }),
    'next hop is back');


# too many that wait

$alice->send(join '', map { $alice->request('MESSAGE', 'sip:bob@example.com') }
    1 .. 130);
my @refused = grep { $_ } map { $alice->receive(2) } 1, 2;
is(join(' ', map { $_->{status} } @refused), '503 503', 'too many: 503');
like($refused[0]->header('Warning'), qr/too many requests wait/, 'and why');
is(scalar(grep { $_ } map { $uc->receive(2) } 1 .. 128), 128,
    'others are relayed');

ok(!$uc->receive(0.2), 'nothing came twice');
$_->close for $alice, $peer;


sub branch { ($_[0]->header('Via') =~ /branch=([^;]+)/)[0] }


sub ask {
    my ($method) = @_;
    $alice->send($alice->request($method, 'sip:127.0.0.1'));
    my $until = time + 2;

    while (time < $until) {
        $uc->receive(0.01) if $uc->{server};
        my $r = $alice->receive(0.05);
        return $r->{status} if $r && $r->{status};
    }

    return 0;
}
