# Clients whose TLS ends in all the ways that it can end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Socket::INET;
use IO::Socket::SSL;
use MRA::Cert;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;
use Time::HiRes qw(sleep);

my $t = MRA::Nginx->new->plan(12);

MRA::Cert->new($t->dir)->issue('edge', names => ['localhost']);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive off; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%% ssl;
        ssl_certificate edge.crt;
        ssl_certificate_key edge.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_handshake_timeout 1s;
        mra_sip_pass uc;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my $port = $t->port('sip');
local $SIG{PIPE} = 'IGNORE';


# within the handshake

tcp()->close;

my $hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
my $tcp = tcp();
$tcp->syswrite($hello);
$tcp->close;

$tcp = tcp();
$tcp->syswrite("REGISTER sip:example.com SIP/2.0\r\n\r\n");
ok(closes($tcp), 'SIP in clear');

$tcp = tcp();
$tcp->syswrite($hello);
ok(closes($tcp), 'half a handshake');


# within a message, without a goodbye

my $ua = phone('alice');
my $request = $ua->request('REGISTER', 'sip:example.com');
$ua->write(substr $request, 0, 100);
$ua->socket->close(SSL_no_shutdown => 1);

ok($t->wait_log(qr/connection closed within a message/), 'it is logged');


# a request and the end of the stream in one packet

$ua = phone('bob');
$ua->write("\r\n\r\n");
shutdown($ua->socket, 1);
ok($ua->receive(2)->{pong}, 'what was asked before the end is answered');
ok($ua->closed(2), 'then it is closed');


# garbage after the handshake, below TLS

$ua = phone('carol');
$uc->registered($ua, 60);
open my $below, '>&=', fileno $ua->socket or die "fd: $!\n";
syswrite $below, 'not a TLS record';
ok($t->wait_log(qr/SSL_read\(\) failed/), 'broken record');


# many messages in one record, one message in many

$ua = phone('dave');
$uc->registered($ua, 60);

$ua->write(join '', map { $ua->request('MESSAGE', 'sip:x@example.com',
    body => "message $_") } 1 .. 20);

is(join(' ', map { $uc->receive(2)->{body} =~ /(\d+)/ } 1 .. 20),
    join(' ', 1 .. 20), 'twenty in one write, in order');

my $long = 'x' x 50_000;
my $bytes = $ua->request('MESSAGE', 'sip:x@example.com', body => $long);
$ua->write($_) for unpack '(a1000)*', $bytes;
is(length $uc->receive(2)->{body}, 50_000, 'one in fifty records');

my ($seen) = $uc->registered($ua, 60);
$uc->reply($seen, 200, 'OK');
ok(!$ua->receive(0.2), 'a second answer is nobody\'s');


# renegotiation, which only TLS 1.2 has

open my $client, '|-', "openssl s_client -connect 127.0.0.1:$port -tls1_2"
    . ' > ' . $t->dir . '/s_client.txt 2>&1' or die "openssl: $!\n";
$client->autoflush(1);
sleep 0.5;
print $client "R\n";
sleep 0.5;
print $client "Q\n";
close $client;

like($t->read_file('s_client.txt'), qr/RENEGOTIATING/, 'renegotiation');
like($t->read_file('s_client.txt'),
    qr/no renegotiation|unexpected|handshake failure|closed|alert/i,
    'is refused');


# the next client

$ua = phone('erin');
my (undef, $r) = $uc->registered($ua, 60);
is($r->{status}, 200, 'the next client is served');


sub phone {
    my ($user) = @_;
    return MRA::SIP->connect($port, ssl => 1, user => $user);
}


sub tcp {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        // die "connect: $!\n";
}


sub closes {
    my ($socket) = @_;
    my $buffer;

    return wait_for(5, sub {
        $socket->blocking(0);
        my $n = sysread $socket, $buffer, 4096;
        return defined $n ? $n == 0 : $!{ECONNRESET};
    });
}
