# mra_sip_edge: what nginx -t says, and who gets in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Socket::SSL;
use MRA::Cert;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new(protect => 1)->plan(20);
my $dir = $t->dir;

my $ca = MRA::Cert->new($dir);
$ca->issue('core', names => ['core.example.com']);
$ca->issue('edge', names => ['other.example.com', 'edge.example.com']);
$ca->issue('wrong', names => ['edge.example.net']);
$ca->issue('subject', names => ['192.0.2.1']);
MRA::Cert->new($dir, 'foreign')
    ->issue('stranger', names => ['edge.example.com']);

my $tls = <<'END';
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%DIR%%/core.crt;
        ssl_certificate_key %%DIR%%/core.key;
END

my $verify = <<'END';
        ssl_client_certificate %%DIR%%/ca.crt;
        ssl_verify_client on;
END


sub conf {
    my ($server, $more) = @_;
    $more //= '';

    return <<"END";
%%MAIN%%
events { }
mra { node core1; stun_keepalive off; protection sip-intrusion trigger=1; }
stream {
    upstream uc { server 127.0.0.1:%%PORT_uc%%; }
    server {
$server
    }
    $more
}
END
}


sub refused {
    my ($server, $why, $name) = @_;
    my ($ok, $output) = $t->config_test(conf($server));
    like($output, $why, $name);
}


my $pass = 'mra_sip_pass uc;';

refused("$tls mra_sip_edge edge.example.com; $pass",
    qr/name "edge.example.com" in "mra_sip_edge" needs "ssl_verify_client on"/,
    'a name without a certificate to check');
refused("$tls ssl_verify_client optional_no_ca; mra_sip_edge a; $pass",
    qr/name "a" in "mra_sip_edge" needs/, 'a certificate that is optional');
refused('listen 127.0.0.1:%%PORT_tcp%%; mra_sip_edge 10.0.0.0/99; ' . $pass,
    qr{invalid network "10.0.0.0/99"}, 'no network');
refused('listen 127.0.0.1:%%PORT_tcp%%; mra_sip_edge ""; ' . $pass,
    qr/has an empty name/, 'no name');
refused('listen 127.0.0.1:%%PORT_tcp%%; mra_sip_edge 127.0.0.1; '
    . 'mra_sip_accept uc;', qr/"mra_sip_edge" needs "mra_sip_pass"/,
    'not where the registrar connects');
refused('listen 127.0.0.1:%%PORT_tcp%%; mra_sip_edge 127.0.0.1; return "";',
    qr/"mra_sip_edge" needs "mra_sip_pass"/, 'not without mra_sip_pass');

my ($ok, $output) = $t->config_test(conf(
    "listen 127.0.0.1:%%PORT_tcp%%; mra_sip_edge 10.0.0.7/8 ::1; $pass"));
ok($ok, 'addresses do without TLS') or diag($output);
like($output, qr{low address bits of 10.0.0.7/8 are meaningless}, 'network');


# who gets in

$t->write_file_expand('nginx.conf', conf(
    "$tls $verify mra_sip_edge edge2.example.com edge.example.com; $pass",
    <<'END'));
    server {
        listen 127.0.0.1:%%PORT_tcp%%;
        mra_sip_edge 127.0.0.0/8;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_other%%;
        mra_sip_edge 192.0.2.0/24 2001:db8::/32;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_phones%%;
        mra_sip_pass uc;
    }
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my $edge = tls('edge');
my ($m, $r) = $uc->registered($edge, 60);
is($r->{status}, 200, 'a certificate with the name');
like($r->header('Service-Route'),
    qr/^<sip:p-[0-9a-f]{8}\@127.0.0.1:\d+;transport=tls;lr>$/,
    'an edge node is told the path');

for my $name ('wrong', 'subject') {
    ok(turned_away($name), "certificate \"$name\" is refused");
}

ok($t->wait_log(qr/\[error\] .* is refused, neither certificate nor addr/),
    'and that is logged');

ok(turned_away('stranger'), 'another authority');
ok(turned_away(undef), 'no certificate');

($m, $r) = $uc->registered(MRA::SIP->connect($t->port('tcp')), 60);
is($r->{status}, 200, 'an address');

my $stranger = MRA::SIP->connect($t->port('other'));
ok($stranger->closed(5), 'another address');


# what many clients do wrong is not held against their edge node

$edge->send($edge->request('BYE', 'sip:x@example.com', CSeq => "1 ACK"))
    for 1 .. 3;
is($edge->receive->{status}, 400, 'broken requests');
$edge->receive for 1 .. 2;
($m, $r) = $uc->registered($edge, 60);
is($r->{status}, 200, 'are answered, and that is all');

my $phone = MRA::SIP->connect($t->port('phones'));
($m, $r) = $uc->registered($phone, 60);
is($r->{status}, 200, 'its address is not banned');


sub tls {
    my ($name) = @_;
    return MRA::SIP->connect($t->port('tls'), ssl => 1,
        defined $name ? (cert => ["$dir/$name.crt", "$dir/$name.key"]) : ());
}


sub turned_away {
    my ($name) = @_;
    my $ua = eval { tls($name) } or return 1;

    eval { $ua->send($ua->request('REGISTER', 'sip:example.com')) };
    my $r = eval { $ua->receive(5) };

    return !defined $r || $ua->closed(5);
}
