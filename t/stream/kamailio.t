# A real registrar behind the edge: phones on TLS register with a password
# and call each other, in two workers, with sip_path_headers off and on, and
# without mra_sip_accept.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Cert;
use MRA::Daemon;
use MRA::Nginx;
use MRA::SIP;
use MRA::Util;
use Test::More;

plan(skip_all => 'no kamailio here') if !-x '/usr/sbin/kamailio';

my $root = "$FindBin::Bin/../..";
my $inside = <<'END';
    server {
        listen 127.0.0.1:%%PORT_inside%% reuseport;
        mra_sip_accept uc;
    }
END

my @t = (edge('off', $inside), edge('on', $inside), edge('off', ''));

$t[0]->plan(3 * 19);
story($t[0], 'contacts rewritten');
story($t[1], 'path');
story($t[2], 'by the connections of the edge');


sub edge {
    my ($path, $inside) = @_;
    my $t = MRA::Nginx->new;

    MRA::Cert->new($t->dir)->issue('edge', names => ['localhost']);

    $t->write_file_expand('registrar.cfg', <<"END");
#!KAMAILIO
#!define LISTEN tcp:127.0.0.1:%%PORT_uc%%
include_file "$root/conf-examples/registrar.cfg"
END

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; sip_path_headers $path; stun_keepalive_timeout 1s; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%% ssl reuseport;
        ssl_certificate edge.crt;
        ssl_certificate_key edge.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        mra_sip_pass uc;
        mra_sip_domain example.com;
    }
    $inside
}
END
    return $t;
}


sub story {
    my ($t, $mode) = @_;

    my $kamailio = MRA::Daemon->kamailio($t, 'registrar.cfg', $t->port('uc'));
    $t->run;

    my ($alice, $bob) = map { phone($t, $_) } 'alice', 'bob';

    my $r = $alice->register(expires => 60);
    is($r->{status}, 200, "$mode: alice registers");
    like($r->header('Contact'), qr/^<\Q@{[uri($alice)]}\E>;expires=60/,
        "$mode: and sees her own contact");
    is($bob->register->{status}, 200, "$mode: bob registers");
    is($bob->register->{status}, 200, "$mode: once more");


    # a call

    $alice->send($alice->request('INVITE', 'sip:bob@example.com',
        body => "v=0\r\n", 'Content-Type' => 'application/sdp'));

    my $invite = $bob->receive;
    is($invite->{uri}, uri($bob), "$mode: INVITE at bob's contact");

    my @rr = $invite->all('Record-Route');
    $bob->send(response($invite, 180, 'Ringing', tag => 'bob'));
    $bob->send(response($invite, 200, 'OK', tag => 'bob',
        Contact => $bob->contact, body => "v=0\r\n"));

    my @status;
    while ($r = $alice->receive(3)) {
        push @status, $r->{status};
        last if $r->{status} >= 200;
    }
    is("@status", '100 180 200', "$mode: ringing, then answered");

    my %dialog = (To => $r->header('To'), From => $r->header('From'),
        'Call-ID' => $r->header('Call-ID'),
        Route => [reverse $r->all('Record-Route')]);
    my ($target) = $r->header('Contact') =~ /<(.*?)>/;

    $alice->send($alice->request('ACK', $target, %dialog,
        CSeq => $r->header('CSeq') =~ s/INVITE/ACK/r));
    is(($bob->receive // {})->{method}, 'ACK', "$mode: ACK");

    $alice->send($alice->request('INVITE', $target, %dialog));
    my $again = $bob->receive;
    is($again->{method}, 'INVITE', "$mode: re-INVITE");
    $bob->send(response($again, 200, 'OK', Contact => $bob->contact));
    is($alice->final(3)->{status}, 200, "$mode: its answer");

    $bob->send($bob->request('BYE', uri($alice), From => $r->header('To'),
        To => $r->header('From'), 'Call-ID' => $r->header('Call-ID'),
        Route => \@rr));
    my $bye = $alice->receive;
    is($bye->{method}, 'BYE', "$mode: BYE of the other side");
    $alice->send(response($bye, 200, 'OK'));
    is($bob->final(3)->{status}, 200, "$mode: its answer");


    # a call that is given up

    my $request = $alice->request('INVITE', 'sip:bob@example.com');
    $alice->send($request);
    $invite = $bob->receive;
    $bob->send(response($invite, 180, 'Ringing', tag => 'bob2'));

    my ($cseq) = $request =~ /CSeq: (\d+)/;
    $alice->send($alice->request('CANCEL', 'sip:bob@example.com',
        Via => ($request =~ /Via: (.*)\r/)[0], CSeq => "$cseq CANCEL"));

    my $cancel = $bob->receive;
    is($cancel->{method}, 'CANCEL', "$mode: CANCEL");
    $bob->send(response($cancel, 200, 'OK', tag => 'bob2'));
    $bob->send(response($invite, 487, 'Request Terminated', tag => 'bob2'));
    is(($bob->receive // {})->{method}, 'ACK', "$mode: ACK to 487");

    my $given_up;
    while ($r = $alice->receive(3)) {
        $given_up = $r->{status} if $r->{status} == 487;
        last if $given_up;
    }
    is($given_up, 487, "$mode: 487");


    # two devices of one user

    my $second = phone($t, 'bob', '<urn:uuid:2>');
    is($second->register->{status}, 200, "$mode: bob's second device");

    $alice->send($alice->request('MESSAGE', 'sip:bob@example.com'));
    my @both = grep { defined } map { $_->receive(2) } $bob, $second;
    is(scalar @both, 2, "$mode: both get a message");
    $second->send(response($both[1], 200, 'OK'));
    is($alice->final(3)->{status}, 200, "$mode: one answers");


    # the end

    $second->register(expires => 0);
    $bob->register(expires => 0);
    is($alice->transact('MESSAGE', 'sip:bob@example.com')->{status}, 404,
        "$mode: nobody left");

    $kamailio->stop;
    is($alice->register->{status}, 503, "$mode: registrar gone: 503");
}


sub phone {
    my ($t, $user, $instance) = @_;

    return MRA::SIP->connect($t->port('sip'), ssl => 1, user => $user,
        ca => $t->dir . '/ca.crt', password => 'secret',
        instance => $instance);
}


sub uri { ($_[0]->contact =~ /<(.*?)>/)[0] }
