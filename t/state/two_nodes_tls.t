#!/usr/bin/perl

# Two nodes with one Redis that use TLS between them, and to the registrar,
# with certificates of their names, which both sides ask for: a request from
# inside goes from one to the other.  A node with the certificate of another
# one gets none.

use strict;
use warnings;

use MRA::Cert;
use MRA::Daemon;
use MRA::Nginx;
use MRA::Registrar;
use MRA::Remote;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(9);
my $redis = MRA::Daemon->redis($t);
my $uc = MRA::Registrar->new($t->port('uc'));

$t->write_file('secret', 's' x 32);
chmod 0600, "$t->{dir}/secret";

my $ca = MRA::Cert->new($t->dir);
$ca->issue($_, names => [$_]) for 'uc', 'edge1', 'edge2', 'pbx';

# the TLS side of the registrar

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
stream {
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate uc.crt;
        ssl_certificate_key uc.key;
        proxy_pass 127.0.0.1:%%PORT_uc%%;
    }
}
END

$t->run;

sub node {
    my ($name, $certificate) = @_;
    my $node = MRA::Nginx->new();
    my $remote = $node->{remote} = MRA::Remote->new($node);
    my $dir = $t->dir;

    $node->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
events { }
mra {
    node $name;
    stun_keepalive off;
    zone 4m;
    secret $dir/secret;
    redis 127.0.0.1:@{[$redis->port]};
}
stream {
    mra_sip_ssl on;
    mra_sip_ssl_verify on;
    mra_sip_ssl_trusted_certificate $dir/ca.crt;
    mra_sip_ssl_certificate $dir/$certificate.crt;
    mra_sip_ssl_certificate_key $dir/$certificate.key;

    upstream uc {
        server 127.0.0.1:@{[$t->port('tls')]};
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%% ssl;
        ssl_certificate $dir/$certificate.crt;
        ssl_certificate_key $dir/$certificate.key;
        ssl_verify_client on;
        ssl_client_certificate $dir/ca.crt;
        mra_sip_accept uc;
    }
}
END

    return $node->run;
}

sub knows {
    my ($node, $peer) = @_;
    return wait_for(20, sub { $uc->receive(0.01);
        (($node->{remote}->workers)[0])->do('nodes')
            =~ /\b$peer registrations[^;]* inside=[0-9a-f]{8}\@127/
    });
}

my %from = (From => '<sip:carol@example.com>;tag=carol',
    To => '<sip:alice@example.com>');


# a phone at the first, a request from inside at the second: its last answer

sub called {
    my ($one, $two, $status) = @_;
    my $alice = MRA::SIP->connect($one->port('sip'));
    my ($m) = $uc->registered($alice, 600);
    my ($contact) = $m->header('Contact') =~ /<(.*?)>/;
    my $inside = MRA::SIP->connect($two->port('inside'), ssl => 1,
        cert => [map { $t->dir . "/pbx.$_" } 'crt', 'key']);
    my $arrived = 0;
    my $r;

    my $ok = wait_for(30, sub {
        $inside->send($inside->request('OPTIONS', $contact, %from));

        for (1 .. 40) {
            $uc->receive(0.01);
            if (my $m = $alice->receive(0.02)) {
                $arrived++;
                $alice->send(response($m, 200, 'OK'));
            }
            $r = $inside->receive(0.02) or next;
            return $r->{status} == $status;
        }
        return 0;
    });

    $_->close for $alice, $inside;
    return ($ok, $arrived);
}


my ($one, $two) = map { node($_, $_) } 'edge1', 'edge2';
my $three = node('edge3', 'edge2');

ok(knows($two, 'edge1'), 'two knows where one is');
ok(knows($two, 'edge3'), 'and three');

my ($answered, $arrived) = called($one, $two, 200);
ok($answered, 'a request goes to one and its answer back');
cmp_ok($arrived, '>', 0, 'by the phone');

($answered, $arrived) = called($three, $two, 430);
ok($answered, 'one with the certificate of another is as good as gone');
is($arrived, 0, 'its phone hears nothing');
ok(wait_for(10, sub { $two->log =~ /certificate does not match "edge3"/ }),
    'a line says why');
unlike($two->log, qr/does not match "edge1"|verify error/, 'of it alone');
unlike($one->log . $two->log, qr/client sent no required SSL certificate/,
    'both have shown theirs');

$_->stop for $one, $two, $three;
