# TLS to next hops: verified, named, presented with our certificate, resumed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Cert;
use MRA::Hop;
use MRA::Nginx;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(20);
my $dir = $t->dir;

my $ca = MRA::Cert->new($dir);
$ca->issue('edge', names => ['edge.example.com']);
my @good = $ca->issue('good', names => ['uc.example.com', 'localhost']);
my @wrong = $ca->issue('wrong', names => ['other.example.com']);
my @expired = $ca->issue('expired', names => ['uc.example.com'], expired => 1);
my @stranger = MRA::Cert->new($dir, 'foreign')
    ->issue('stranger', names => ['uc.example.com']);

my %hop = (
    good => MRA::Hop->new($t, 'good', stun => 1, ssl => [@good, $ca->file]),
    wrong => MRA::Hop->new($t, 'wrong', ssl => \@wrong),
    expired => MRA::Hop->new($t, 'expired', ssl => \@expired),
    stranger => MRA::Hop->new($t, 'stranger', ssl => \@stranger),
    plain => MRA::Hop->new($t, 'plain'),
);

my %address = map { $_ => $hop{$_}->address } keys %hop;

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { node edge1; stun_keepalive_interval 2s; stun_keepalive_timeout 1s; }
stream {
    mra_sip_ssl on;
    mra_sip_ssl_verify on;
    mra_sip_ssl_trusted_certificate %%DIR%%/ca.crt;
    mra_sip_ssl_server_name on;
    mra_sip_ssl_certificate %%DIR%%/edge.crt;
    mra_sip_ssl_certificate_key %%DIR%%/edge.key;
    mra_sip_ssl_protocols TLSv1.2 TLSv1.3;

    upstream uc {
        server $address{good};
        server $address{wrong};
        server $address{expired};
        server $address{stranger};
        server $address{plain};
    }
    upstream named {
        server localhost:@{[$hop{good}->port]};
    }
    upstream uc.example.com {
        server $address{good};
    }
    upstream careless {
        server $address{stranger};
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
        mra_sip_ssl_name uc.example.com;
    }
    server {
        listen 127.0.0.1:%%PORT_named%%;
        mra_sip_pass named;
    }
    server {
        listen 127.0.0.1:%%PORT_upstream%%;
        mra_sip_pass uc.example.com;
        mra_sip_ssl_protocols TLSv1.2;
    }
    server {
        listen 127.0.0.1:%%PORT_careless%%;
        mra_sip_pass careless;
        mra_sip_ssl_verify off;
        mra_sip_ssl_server_name off;
        mra_sip_ssl_session_reuse off;
    }
}
END

$t->run();


# who has no good certificate does not get a message

ok(down('wrong', 'certificate not accepted'), 'wrong name');
like($t->log, qr/certificate does not match "uc.example.com"/, 'tells which');
ok(down('expired', 'certificate not accepted'), 'expired certificate');
like($t->log, qr/certificate verify error: \(10:certificate has expired\)/,
    'tells why');
ok(down('stranger', 'certificate not accepted'), 'foreign authority');
ok(down('plain', '(?:connection timed out|TLS handshake failed)'), 'no TLS');

is_deeply([map { registered('sip') } 1 .. 5], [('good') x 5],
    'all clients go where the certificate is good');
is(scalar(grep { $_->{what} } map { $_->seen } @hop{qw(wrong expired)}), 0,
    'nothing was sent to the others');


# names

is(registered('named'), 'good', 'name of the server');
is(registered('upstream'), 'good', 'name of the upstream');
is(registered('careless'), 'stranger', 'not verified');

my @tls = grep { $_->{tls} && $_->{tls} ne 'failed' && !$_->{reused} }
    $hop{good}->seen;

is_deeply(names(map { $_->{sni} } @tls), ['localhost', 'uc.example.com'],
    'the name is told');
is_deeply(names(map { $_->{sni} // 'none' } grep { $_->{tls} }
    $hop{stranger}->seen), ['none', 'uc.example.com'], 'unless it is off');


# what we present

is_deeply(names(map { $_->{subject} } @tls), ['/CN=edge.example.com'],
    'our certificate is presented');
is_deeply(names(map { $_->{tls} } @tls), ['TLSv1_2', 'TLSv1_3'],
    'protocols as configured');


# sessions

ok(wait_for(6, sub { grep { $_->{reused} } $hop{good}->seen }),
    'sessions are resumed');
is(scalar(grep { $_->{reused} } $hop{stranger}->seen), 0,
    'unless that is off');


# frozen within a handshake

$hop{good}->signal('STOP');
ok($t->wait_log(qr/\Q$address{good}\E in upstream "uc" is down/, 5),
    'a frozen one is noticed');
$hop{good}->signal('CONT');
ok($t->wait_log(qr/\Q$address{good}\E in upstream "uc" is up after/, 12),
    'and that it is back');
is(registered('sip'), 'good', 'and used');


sub down {
    my ($name, $why) = @_;
    return $t->wait_log(
        qr/\Q$address{$name}\E in upstream "uc" is down: $why/);
}


sub names { my %all = map { $_ => 1 } @_; return [sort keys %all] }


# a slow machine may have missed a keepalive: 503 for a while

sub registered {
    my ($port) = @_;
    my $r;

    wait_for(15, sub {
        my $ua = MRA::SIP->connect($t->port($port));
        $r = $ua->register(timeout => 5) or return;
        return $r->{status} != 503;
    });

    return 'none' if !$r;
    return $r->{status} == 200 ? $r->header('Server') : $r->{status};
}
