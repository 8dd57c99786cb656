# Maintenance during a call of real phones: baresip, Kamailio as registrar.
# The call goes on, is held, taken back and ended; nothing new begins; the API
# shows what is left, and says when nothing is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP;
use MRA::API;
use MRA::Cert;
use MRA::Daemon;
use MRA::Nginx;
use MRA::Phone;
use MRA::SIP;
use MRA::Util;
use Test::More;

-x "/usr/bin/$_" || -x "/usr/sbin/$_" or plan(skip_all => "no $_ here")
    for qw(baresip kamailio);

my $root = "$FindBin::Bin/../..";
my $t = MRA::Nginx->new(protect => 1)->plan(31);

MRA::Cert->new($t->dir)->issue('edge', names => ['localhost', '127.0.0.1']);

$t->write_file_expand('registrar.cfg', <<"END");
#!KAMAILIO
#!define LISTEN tcp:127.0.0.1:%%PORT_uc%%
include_file "$root/conf-examples/registrar.cfg"
END

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra {
    node edge1;
    sip_path_headers on;
    protection sip-registration trigger=1;
    protection sip-auth;
    protection sip-intrusion trigger=1;
}
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location /api/ { mra_api write=on; }
    }
}
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%% ssl reuseport;
        ssl_certificate edge.crt;
        ssl_certificate_key edge.key;
        mra_sip_pass uc;
        mra_sip_domain example.com;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%% reuseport;
        mra_sip_accept uc;
    }
}
END

my $kamailio = MRA::Daemon->kamailio($t, 'registrar.cfg', $t->port('uc'));
$t->run;

my %phone = map { $_ => MRA::Phone->new($t, $_, ';sipnat=outbound') }
    'alice', 'bob';
ok($phone{$_}->registered, "$_ registers") for sort keys %phone;


sub maintain { change($t, PATCH => 'maintenance', { maintenance => $_[0] }) }

sub service {
    my ($name) = @_;
    return (map { $_->{status} } grep { $_->{name} eq $name }
        @{api($t, 'services')->{services}})[0];
}

my $sip = 'Unified CM registrations';


# a call, and then maintenance

$_->mark for values %phone;
$phone{alice}->command('dial', 'sip:bob@example.com');
ok($phone{$_}->since(qr/Call established/), "$_ is in a call")
    for sort keys %phone;
ok(wait_for(5, sub { api($t, 'maintenance')->{left}{dialogs} }),
    'the API counts it');
is(service($sip), 'Configured', 'the service is active');

my $status = maintain(true);
is($status->{status}, 200, 'maintenance');
my $left = decode_json($status->{body})->{left};
cmp_ok($left->{dialogs}, '>', 0, 'the call is left');
is($left->{registrations}, 2, 'and both phones');
like(service($sip), qr/^Active \(Maintenance mode\)/, 'the service drains');


# within the call

for my $user ('alice', 'bob') {
    my ($other) = grep { $_ ne $user } keys %phone;

    for my $what ('hold', 'resume') {
        $_->mark for values %phone;
        $phone{$user}->command($what);
        ok($phone{$other}->since(qr/got re-INVITE/),
            "$user: $what, the other is told");
        ok($phone{$user}->since(qr/stream: update 'audio'/), 'and agrees');
    }
}

like($phone{alice}->command('callstat'), qr/bob\@example\.com/,
    'the call is up');


# what is new: of a phone that is not known, and of one that has no call

my $ua = MRA::SIP->connect($t->port('sip'), user => 'alice', ssl => 1);
$ua->send($ua->request('REGISTER', 'sip:example.com',
    Contact => '<sip:alice@192.0.2.9>;expires=60'));
my $refused = $ua->receive;
is($refused->{status}, 503, 'a new registration is refused');
is($refused->header('Warning'), '382 edge1 "System in Maintenance Mode"',
    'with the warning');
like($refused->header('Retry-After'), qr/^\d+$/, 'and when to come again');

$_->mark for values %phone;
$phone{bob}->command('dial', 'sip:alice@example.com');
ok($phone{bob}->since(qr/503/), 'a new call of a real phone as well');
is(api($t, 'maintenance')->{left}{dialogs}, $left->{dialogs},
    'the call is still all there is');


# the end of the call

$_->mark for values %phone;
$phone{alice}->command('hangup');
ok($phone{bob}->since(qr/Connection reset|session closed|terminated/i),
    'alice hangs up, bob hears');
ok(wait_for(10, sub { service($sip) eq 'Inactive (Maintenance mode)' }),
    'the service is inactive');
is(api($t, 'maintenance')->{left}{dialogs}, 0, 'nothing is left');

is(maintain(false)->{status}, 200, 'maintenance ends');
is(service($sip), 'Configured', 'the service is active again');

$_->stop for values %phone;
unlike($t->log, qr/ failure of /, 'nothing counts against a client');
unlike($t->log, qr/\[(?:warn|error)\]/, 'nothing odd was logged');
