# Keepalives of clients on their SIP connection: STUN tells of the path, CRLF
# of us.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Cert;
use MRA::Registrar;
use MRA::SIP;
use MRA::STUN;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new->plan(19);

MRA::Cert->new($t->dir)->issue('edge', names => ['localhost']);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive_timeout 1s; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    upstream none {
        server 127.0.0.1:%%PORT_none%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate edge.crt;
        ssl_certificate_key edge.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%%;
        mra_sip_accept uc;
    }
    server {
        listen 127.0.0.1:%%PORT_nowhere%%;
        mra_sip_pass none;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
my $peer;
$t->run();
$uc->receive(1);

my $ua = MRA::SIP->connect($t->port('sip'));
$uc->registered($ua, 60);


# STUN

my $id = transaction_id();
$ua->write(binding_request($id));
my $answer = stun($ua);

is($answer->{type}, 'success', 'path is up: success');
is($answer->{id}, $id, 'of the same transaction');
is("$answer->{address}:$answer->{port}",
    '127.0.0.1:' . $ua->socket->sockport, 'with the address of the client');
ok(!$answer->{attributes}{0x8028}, 'no fingerprint if there was none');

$ua->write(binding_request(transaction_id(), [0x8022, 'phone']));
is(stun($ua)->{type}, 'success', 'optional attributes are ignored');

$ua->write(binding_request(transaction_id(), [0x7777, 'x']));
$answer = stun($ua);
is($answer->{code}, 420, 'others are not known');
is(unpack('n', $answer->{attributes}{0x000a}), 0x7777, 'and listed');

$ua->write(stun_message(0x0011, transaction_id()));
ok(!$ua->receive(0.2), 'an indication gets no answer');


# several at once, while the next hop is asked whether it is still there

sleep 1;
$ua->write(join '', map { binding_request(transaction_id()) } 1 .. 3);
is(answered($ua, 3), 'stun stun stun', 'several at once are all answered');


# within and between messages, in one packet and byte by byte

my $request = $ua->request('MESSAGE', 'sip:bob@example.com');
my $bytes = "\r\n\r\n" . binding_request(transaction_id()) . $request
    . binding_request(transaction_id()) . "\r\n\r\n";

$ua->write($bytes);
is($uc->receive->{method}, 'MESSAGE', 'a message between keepalives');
is(answered($ua, 4), 'pong pong stun stun', 'all in one packet');

for my $byte (split //, $bytes) {
    $ua->socket->syswrite($byte);
}

is($uc->receive->{method}, 'MESSAGE', 'byte by byte');
is(answered($ua, 4), 'pong pong stun stun', 'byte by byte: keepalives');

my $tls = MRA::SIP->connect($t->port('tls'), ssl => 1);
$tls->write("\r\n\r\n" . binding_request(transaction_id()));
is(answered($tls, 2), 'pong stun', 'on TLS');

$peer = $uc->open($t->port('inside'));
$peer->write("\r\n\r\n" . binding_request(transaction_id()));
is(answered($peer, 2), 'pong stun', 'on connections from inside');


# down

my $lost = MRA::SIP->connect($t->port('nowhere'));
wait_for(5, sub { $t->log =~ /next hop \S+ in upstream "none" is down/ });
$lost->write(binding_request(transaction_id()));
is(stun($lost)->{code}, 500, 'no next hop: error 500');

$uc->stop;
my $began = time;
my $told = wait_for(3, sub {
    $ua->write(binding_request(transaction_id()));
    (stun($ua)->{code} // 0) == 500
});
ok($told, 'next hop gone: error 500');
cmp_ok(time - $began, '<', 1, 'within a second');

$uc->start;
ok(wait_for(10, sub {
    $uc->receive(0.1);
    $ua->write(binding_request(transaction_id()));
    (stun($ua)->{type} // '') eq 'success'
}), 'next hop is back: success');


sub stun { parse_stun(($_[0]->receive(2) // {})->{stun}) // {} }


# in any order, because the path may have to be asked first; two pongs in a
# row look like a ping

sub answered {
    my ($ua, $n) = @_;
    my @kinds;

    wait_for(5, sub {
        $uc->receive(0.01) if $ua != ($peer // 0);
        while (my $m = $ua->receive(0.01)) {
            push @kinds, $m->{stun} ? 'stun' : $m->{pong} ? 'pong'
                : $m->{ping} ? ('pong', 'pong') : 'else';
        }
        return @kinds >= $n;
    });

    return join ' ', sort @kinds;
}
