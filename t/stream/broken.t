# Whatever comes to an open port: a clear answer or a clean close, and the
# next client is served.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::STUN;
use MRA::Util;
use Test::More;
use Time::HiRes qw(sleep);

my $t = MRA::Nginx->new->plan(53);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; stun_keepalive off; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%% reuseport;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%% reuseport;
        mra_sip_accept uc;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my $ok = MRA::SIP->connect($t->port('sip'), user => 'witness');
$uc->registered($ok, 600);


# framing is lost: the connection is closed, with an answer if one is possible

my $valid = $ok->request('REGISTER', 'sip:example.com');

sub changed { my ($from, $to) = @_; return $valid =~ s/$from/$to/r }

for (
    ['HTTP', "GET / HTTP/1.1\r\nHost: x\r\n\r\n", undef],
    ['random bytes', pack('C*', map { 127 + int rand 128 } 1 .. 2000), undef],
    ['NUL bytes', "\0" x 1000, undef],
    ['TLS in clear', "\x16\x03\x01\x02\x00" . 'x' x 512, undef],
    ['a line of 1 MB', 'REGISTER ' . 'x' x (1024 * 1024), undef],
    ['a header of 1 MB', changed(qr/Via: /, 'Via: ' . 'x' x (1024 * 1024)),
        undef],
    ['bare LF', $valid =~ s/\r//gr, undef],
    ['STUN without its cookie', pack('nnNN3', 1, 0, 0, 1, 2, 3), undef],
    ['STUN whose length is no multiple of 4',
        pack('nnNN3', 1, 3, 0x2112a442, 1, 2, 3) . 'abc', undef],
    ['no Content-Length', changed(qr/Content-Length.*\r\n/, ''), 400],
    ['Content-Length of letters', changed(qr/(Content-Length: ).*\r/, "\$1x\r")
        =~ s/\$1/Content-Length: /r, 400],
    ['negative Content-Length',
        changed(qr/Content-Length: .*\r/, "Content-Length: -1\r"), 400],
    ['two Content-Lengths', changed(qr/Content-Length: .*\r/,
        "Content-Length: 0\r\nContent-Length: 5\r"), 400],
    ['Content-Length beyond 2^64', changed(qr/Content-Length: .*\r/,
        "Content-Length: 99999999999999999999999\r"), 513],
) {
    my ($name, $bytes, $status) = @$_;
    my $ua = MRA::SIP->connect($t->port('sip'));

    local $SIG{PIPE} = 'IGNORE';
    $ua->socket->syswrite($bytes);
    my $r = $ua->receive(2);

    is(defined $r ? $r->{status} : undef, $status, "$name: answer");
    ok($ua->closed(2), "$name: closed");
}


# the message is broken, what follows is not

for (
    ['no Via', changed(qr/Via:.*\r\n/, ''), undef],
    ['no From', changed(qr/From:.*\r\n/, ''), 400],
    ['CSeq of another method', changed(qr/(CSeq: \d+) REGISTER/, '1 INVITE')
        =~ s/1 INVITE/CSeq: 1 INVITE/r, 400],
    ['SIP/3.0', changed(qr/SIP\/2.0\r/, "SIP/3.0\r"), 505],
    ['a header that ends connections elsewhere',
        changed(qr/Max-Forwards:/, "Content_Length: 1\r\nMax-Forwards:"),
        400],
    ['an escape sequence', changed(qr/sip:example/, "sip:\e[31mexample"), 400],
    ['unknown URI scheme', changed(qr/REGISTER sip:/, 'REGISTER foo:'), 416],
    ['a body that says it is longer, then 400',
        changed(qr/Content-Length: 0\r\n\r\n/,
            "Content-Length: 40\r\n\r\n" . 'z' x 40)
            =~ s/Call-ID:.*\r\n//r, 400],
    ['a response to nothing', response(parse_sip($valid), 200, 'OK'), undef],
    ['10,000 headers', changed(qr/Max-Forwards:/,
        join('', map { "a:\r\n" } 1 .. 10000) . 'Max-Forwards:'), 513],
    ['10,000 headers before Via', changed(qr/Via:/,
        join('', map { "a:\r\n" } 1 .. 10000) . 'Via:'), undef],
) {
    my ($name, $bytes, $status) = @$_;
    my $ua = MRA::SIP->connect($t->port('sip'));

    $ua->write($bytes);
    my $r = $ua->receive($status ? 2 : 0.2);
    is(defined $r ? $r->{status} : undef, $status, "$name: answer");
    ok($ua->ping(2), "$name: goes on") if !defined $status || $status == 416;
}


# others share the connection to the next hop, so nothing odd goes there

$ok->send($ok->request('MESSAGE', 'sip:bob@example.com')
    =~ s/(Via: )/X-First: 1\r\n$1/r
    =~ s/(Max-Forwards:)/X-Fold: a\r\n b\r\n$1/r);
my $m = $uc->receive(2);
like($m->{text}, qr/^X-Fold: a   b\r$/m, 'a fold becomes spaces');
is(uc $m->{headers}[0][0], 'VIA', 'our Via is the first header');

my ($contact) = $uc->registered($ok, 600);
my $peer = $uc->open($t->port('inside'));
my $uri = $contact->header('Contact') =~ s/[<>]//gr;
$peer->send($peer->request('MESSAGE', $uri));
$m = $ok->receive(2);
$ok->send(response($m, 200, 'OK', 'Content_Length' => 1));
ok($t->wait_log(qr/dropped: a header is not understood/), 'an odd answer');
$ok->send(response($m, 200, 'OK'));
is($uc->receive(2)->{status}, 200, 'and then a good one');


# from inside

$peer = $uc->open($t->port('inside'));
$peer->write("garbage\r\n\r\n");
ok($peer->closed(2), 'garbage from inside is closed too');


# slowly, or not reading

my $slow = MRA::SIP->connect($t->port('sip'));
for my $byte (split //, substr $valid, 0, 50) {
    $slow->write($byte);
    sleep 0.002;
}
$slow->close;

my $deaf = MRA::SIP->connect($t->port('sip'), user => 'deaf');
$uc->registered($deaf, 600);

{
    local $SIG{PIPE} = 'IGNORE';
    $deaf->socket->blocking(0);
    my $ping = "\r\n\r\n" x 4096;
    for (1 .. 2000) {
        defined $deaf->socket->syswrite($ping) or $!{EAGAIN} or last;
    }
}

ok(wait_for(10, sub { $t->log =~ /client disconnected.*|does not read/ }),
    'a client that does not read');


# and all the while

($valid) = $uc->registered($ok, 600);
ok($valid, 'the next client is served');

$ok->send($ok->request('MESSAGE', 'sip:bob@example.com'));
is($uc->receive->{method}, 'MESSAGE', 'as if nothing had been');

unlike($t->log, qr/exited on signal/, 'no worker died');
unlike($t->log, qr/[^\x20-\x7e\n]/, 'no control characters in the log');
