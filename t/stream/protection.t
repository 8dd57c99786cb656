# Protection in stream: what phones do wrong is counted, what only looks like
# it is not, and who is banned is turned away before TLS.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Cert;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;

$SIG{PIPE} = 'IGNORE';

my $t = MRA::Nginx->new(protect => 1);
my ($crt, $key) = MRA::Cert->new($t->dir)->issue('edge');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra {
    stun_keepalive off;
    protection sip-auth trigger=2;
    protection sip-registration trigger=2;
    protection sip-intrusion trigger=2;
}
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        listen 127.0.0.1:%%PORT_tls%% ssl;
        listen 127.0.0.1:%%PORT_proxied%% proxy_protocol;
        set_real_ip_from 127.0.0.1;
        ssl_certificate $crt;
        ssl_certificate_key $key;
        mra_sip_domain example.com;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%%;
        mra_sip_accept uc;
    }
    server {
        listen 127.0.0.1:%%PORT_other%%;
        return other;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my $last = 1;
sub client { return '127.0.0.' . ++$last }

sub phone {
    my ($source, %option) = @_;
    return MRA::SIP->connect($t->port('sip'), user => 'alice',
        domain => 'example.com', source => $source, %option);
}

# failures that were counted, as the log tells

sub failures {
    my ($source) = @_;
    return join ' ', $t->log =~ /^.*: (\S+) failure of \Q$source\E, /mg;
}

# one request and its answer by the registrar; what the phone gets

my @challenge = ('WWW-Authenticate' => 'Digest realm="a", nonce="n"');
my @stale = ('WWW-Authenticate' => 'Digest realm="a", nonce="m", stale=TRUE');
my @credentials = (Authorization => 'Digest username="alice", realm="a", '
    . 'nonce="n", uri="sip:example.com", response="0"');

sub ask {
    my ($ua, $status, $answer, @headers) = @_;

    $ua->send($ua->request('REGISTER', 'sip:example.com', Expires => 60,
        @headers));

    my $m = $uc->receive(5) or return 'nothing arrived';

    if ($status == 200) {
        $uc->accept_register($m, 60);
    } else {
        $uc->reply($m, $status, 'Reason', @$answer);
    }

    my $r = $ua->receive(5);
    return $r ? $r->{status} : 'closed';
}


# a wrong password

my $bad = client();
my $ua = phone($bad);
my $other = phone($bad);
is(ask($ua, 401, \@challenge), 401, 'a challenge');
is(ask($ua, 401, \@stale, @credentials), 401, 'an old nonce');
is(failures($bad), '', 'are no failures');
is(ask($ua, 401, \@challenge, @credentials), 401, 'a wrong password');
is(failures($bad), 'sip-auth', 'is one');
is(ask($ua, 403, [], @credentials), 'closed', 'the second, told by 403');
is(failures($bad), 'sip-auth sip-auth', 'is another one');
like($t->log, qr/sip-auth ban of \Q$bad\E for 600s$/m, 'and bans');

ok($ua->closed(5), 'the connection ends');
ok(!$other->closed(0.2), 'another one is open');
$other->send($other->request('REGISTER', 'sip:example.com'));
ok($other->closed(5), 'until it wants to register');
ok(phone($bad)->closed(5), 'a new one is closed');
ok(!eval { MRA::SIP->connect($t->port('tls'), ssl => 1, source => $bad) },
    'before TLS');
unlike($t->log, qr/SSL_do_handshake/, 'no handshake was begun');
ok(wait_for(5, sub { $t->log =~ /client \Q$bad\E is banned for sip-auth, / }),
    'a line tells why');

is(MRA::HTTP->new($t->port('other'), source => $bad)->closed(5), 1,
    'other servers serve him');
ok(!MRA::SIP->connect($t->port('inside'), source => $bad)->closed(0.2),
    'mra_sip_accept, too');


# who is registered: one challenge is free, and calls go on

my $good = client();
$ua = phone($good);
is(ask($ua, 200, [], @credentials), 200, 'registered');
is(ask($ua, 401, \@challenge, @credentials), 401, 'the nonce has ended');
is(failures($good), '', 'is no failure');
is(ask($ua, 200, [], @credentials), 200, 'registered again');
is(ask($ua, $_, [], @credentials), $_, "$_ from the registrar")
    for 500, 486, 423;
is(failures($good), '', 'is no failure');

sub invite {
    my (@headers) = @_;
    my $invite = $ua->request('INVITE', 'sip:bob@example.com', @headers);
    $ua->send($invite);
    my $m = $uc->receive(5) or return 'nothing arrived';
    $uc->reply($m, 407, 'Reason',
        'Proxy-Authenticate' => 'Digest realm="a", nonce="n"');
    my $r = $ua->receive(5);
    $uc->receive(1);
    return $r ? $r->{status} : 'closed';
}

is(invite(), 407, 'a call is challenged');
is(failures($good), '', 'is no failure');
is(invite('Proxy-Authorization' => $credentials[1]), 407,
    'a call with a wrong password');
is(failures($good), 'sip-auth', 'is one');


# registrations that fail

my $scan = client();
$ua = phone($scan);
is(ask($ua, 404, []), 404, 'nobody of that name');
$ua->send($ua->request('REGISTER', 'sip:elsewhere.example'));
ok($ua->closed(5), 'another domain');
is(failures($scan), 'sip-registration sip-registration', 'both count');


# intrusion

my @intrusions = (
    [garbage => "\x16\x03\x01\x02\x00 this is no SIP at all\r\n\r\n"],
    [http => "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    [broken => "OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"],
    ['not registered' => sub { $_[0]->request('INVITE',
        'sip:bob@example.com') }],
    ['foreign answer' => "SIP/2.0 200 OK\r\n"
        . "Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKforged\r\n"
        . "From: <sip:a\@example.com>;tag=1\r\nTo: <sip:b\@example.com>;tag=2"
        . "\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"],
);

for (@intrusions) {
    my ($name, $text) = @$_;
    my $client = client();

    for (1, 2) {
        my $ua = phone($client);
        $ua->send(ref $text ? $text->($ua) : $text);
        wait_for(5, sub { (() = failures($client) =~ /intrusion/g) >= $_ });
        $ua->close;
    }

    is(failures($client), 'sip-intrusion sip-intrusion', $name);
    ok(phone($client)->closed(5), "$name: banned");
}


# too much is no failure

my $large = client();
for (1 .. 3) {
    $ua = phone($large);
    $ua->send($ua->request('MESSAGE', 'sip:bob@example.com',
        body => 'x' x 70_000));
    $ua->receive(5);
}
is(failures($large), '', 'a large message is no failure');
$ua->close;


# PROXY protocol: the phone is banned, not the load balancer

sub proxied {
    my ($address) = @_;
    return MRA::SIP->connect($t->port('proxied'), domain => 'example.com',
        user => 'alice',
        proxy_protocol => "PROXY TCP4 $address 127.0.0.1 1234 5060\r\n");
}

for (1, 2) {
    my $ua = proxied('203.0.113.7');
    $ua->send("garbage\r\n\r\n");
    $ua->closed(5);
}

is(failures('203.0.113.7'), 'sip-intrusion sip-intrusion', 'the phone');
is(failures('127.0.0.1'), '', 'not the load balancer');
ok(proxied('203.0.113.7')->closed(5), 'is banned');
is(ask(proxied('203.0.113.8'), 200, []), 200, 'its neighbour is not');

$t->done_testing();
