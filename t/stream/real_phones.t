# Real phones and a real registrar: baresip registers over TLS through the
# edge at Kamailio, calls, is called, hangs up and leaves.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Socket::INET;
use MRA::Cert;
use MRA::Daemon;
use MRA::Nginx;
use MRA::Util;
use Test::More;

-x "/usr/bin/$_" || -x "/usr/sbin/$_" or plan(skip_all => "no $_ here")
    for qw(baresip kamailio);

my $root = "$FindBin::Bin/../..";
my @t = map { edge($_) } 'off', 'on';

$t[0]->plan(2 * 12);
story($t[0], 'contacts rewritten', '');
story($t[1], 'path and outbound', ';sipnat=outbound');


sub edge {
    my ($path) = @_;
    my $t = MRA::Nginx->new;

    MRA::Cert->new($t->dir)->issue('edge', names => ['localhost',
        '127.0.0.1']);

    $t->write_file_expand('registrar.cfg', <<"END");
#!KAMAILIO
#!define LISTEN tcp:127.0.0.1:%%PORT_uc%%
include_file "$root/conf-examples/registrar.cfg"
END

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; sip_path_headers $path; }
stream {
    log_format user '\$mra_user \$mra_registrations \$mra_next_hop';
    access_log %%DIR%%/stream.log user;

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
    return $t;
}


sub story {
    my ($t, $mode, $options) = @_;

    my $kamailio = MRA::Daemon->kamailio($t, 'registrar.cfg', $t->port('uc'));
    $t->run;

    my %phone = map { $_ => phone($t, $_, $options) } 'alice', 'bob';

    for my $user (sort keys %phone) {
        ok($phone{$user}->wait_log(qr/200 OK.*\[1 binding/, 10),
            "$mode: $user registers");
    }

    for (['alice', 'bob', 'alice'], ['bob', 'alice', 'alice']) {
        my ($caller, $called, $ends) = @$_;
        my %from = map { $_ => length $phone{$_}->log } keys %phone;
        my $since = sub {
            my ($user, $pattern) = @_;
            wait_for(10, sub {
                substr($phone{$user}->log, $from{$user}) =~ $pattern });
        };

        command($t, $caller, 'dial', "sip:$called\@example.com");
        ok($since->($called, qr/Call established/), "$mode: $called answers");
        ok($since->($caller, qr/Call established/), "$mode: $caller hears");

        command($t, $ends, 'hangup');
        my ($other) = grep { $_ ne $ends } keys %phone;
        ok($since->($other, qr/Connection reset|session closed|terminated/i),
            "$mode: $ends hangs up");
    }

    $_->stop for values %phone;
    $t->stop;

    is(join('', sort grep { /\@/ } split /^/, $t->read_file('stream.log')),
        join('', map { "$_\@example.com 0 127.0.0.1:" . $t->port('uc') . "\n" }
        'alice', 'bob'), "$mode: both have left, the access log knows them");
    unlike($t->log, qr/that is (?:refused|dropped)/,
        "$mode: nothing was refused");
    unlike($kamailio->log, qr/ERROR|CRITICAL/, "$mode: nor odd inside");
    unlike($t->log, qr/\[(?:warn|error)\]/, "$mode: nor odd here");
}


sub phone {
    my ($t, $user, $options) = @_;
    my $dir = $t->dir . "/$user";

    mkdir $dir;
    burp("$dir/contacts", '');

    burp("$dir/config", <<"END");
sip_listen 127.0.0.1:0
sip_cafile @{[$t->dir]}/ca.crt
sip_verify_server yes
net_interface 127.0.0.1
audio_source aubridge,x
audio_player aubridge,x
audio_alert aubridge,x
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:@{[$t->port($user)]}
END

    my $edge = 'sip:127.0.0.1:' . $t->port('sip') . ';transport=tls';
    burp("$dir/accounts", "<sip:$user\@example.com>;auth_pass=secret;"
        . "regint=60;answermode=auto;outbound=\"$edge\"$options\n");

    return MRA::Daemon->baresip($t, $user);
}


sub command {
    my ($t, $user, $command, $params) = @_;
    my $json = "{\"command\":\"$command\""
        . ($params ? ",\"params\":\"$params\"}" : '}');

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port($user)) or die "$user does not listen: $!\n";
    print $socket length $json, ":$json,";
    $socket->flush;
    sysread $socket, my $answer, 4096;
    close $socket;
}
