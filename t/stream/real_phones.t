# Real phones and a real registrar: baresip registers over TLS through the
# edge at Kamailio, calls, is called, hangs up and leaves.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Cert;
use MRA::Daemon;
use MRA::Nginx;
use MRA::Phone;
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

    my %phone = map { $_ => MRA::Phone->new($t, $_, $options) }
        'alice', 'bob';

    for my $user (sort keys %phone) {
        ok($phone{$user}->registered, "$mode: $user registers");
    }

    for (['alice', 'bob', 'alice'], ['bob', 'alice', 'alice']) {
        my ($caller, $called, $ends) = @$_;
        $_->mark for values %phone;

        $phone{$caller}->command('dial', "sip:$called\@example.com");
        ok($phone{$called}->since(qr/Call established/),
            "$mode: $called answers");
        ok($phone{$caller}->since(qr/Call established/),
            "$mode: $caller hears");

        $phone{$ends}->command('hangup');
        my ($other) = grep { $_ ne $ends } keys %phone;
        ok($phone{$other}->since(
            qr/Connection reset|session closed|terminated/i),
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
