#!/usr/bin/perl

# Two nodes with one Redis: a request from inside that arrives at the node
# which the phone is not connected to goes to the other, and the answer back.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Registrar;
use MRA::Remote;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(26);
my $redis = MRA::Daemon->redis($t);
my $uc = MRA::Registrar->new($t->port('uc'));

$t->write_file('secret', 's' x 32);
chmod 0600, "$t->{dir}/secret";

sub node {
    my ($name, $paths) = @_;
    my $node = MRA::Nginx->new();
    my $remote = $node->{remote} = MRA::Remote->new($node);

    $node->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 2;
events { accept_mutex off; }
mra {
    node $name;
    zone 4m;
    secret $t->{dir}/secret;
    redis 127.0.0.1:@{[$redis->port]};
    sip_path_headers $paths;
}
stream {
    upstream uc {
        server 127.0.0.1:@{[$t->port('uc')]};
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

    return $node->run;
}

sub nodes {
    my ($node) = @_;
    return (($node->{remote}->workers)[0])->do('nodes');
}

sub knows {
    my ($node, $peer) = @_;
    return wait_for(15, sub { $uc->receive(0.01);
        nodes($node) =~ /\b$peer registrations[^;]* inside=[0-9a-f]{8}\@127/
    });
}

my %from = (From => '<sip:carol@example.com>;tag=carol',
    To => '<sip:alice@example.com>');

# the next answer that is no 100, while the registrar answers keepalives

sub answer {
    my ($ua) = @_;
    for (1 .. 200) {
        $uc->receive(0.01);
        my $m = $ua->receive(0.05) or next;
        return $m;
    }
    return {};
}


for my $paths ('off', 'on') {
    my ($one, $two) = map { node($_, $paths) } 'edge1', 'edge2';

    ok(knows($one, 'edge2'), "paths $paths: one knows where two is");
    ok(knows($two, 'edge1'), 'and two where one is');

    my $alice = MRA::SIP->connect($one->port('sip'));
    my ($m) = $uc->registered($alice, 600);
    my ($contact) = $m->header('Contact') =~ /<(.*?)>/;
    my @route = $paths eq 'on' ? (Route => $m->header('Path')) : ();

    my $inside = MRA::SIP->connect($two->port('inside'));

    # until each worker of two has a connection to one

    my $r;
    ok(wait_for(20, sub {
        $inside->send($inside->request('OPTIONS', $contact, %from, @route));
        for (1 .. 40) {
            $uc->receive(0.01);
            if (my $m = $alice->receive(0.02)) {
                $alice->send(response($m, 200, 'OK'));
            }
            $r = $inside->receive(0.02) or next;
            return $r->{status} == 200;
        }
        return 0;
    }), 'a request goes from two to one and its answer back');

    is(scalar(my @via = $r->all('Via')), 1, 'with the Via of who asked');

    $inside->send($inside->request('INVITE', $contact, %from, @route,
        body => "v=0\r\n", 'Content-Type' => 'application/sdp'));
    my $invite = answer($alice);
    is($invite->{method}, 'INVITE', 'a call');
    is(scalar($invite->all('Via')), 3, 'by two nodes');
    is($invite->header('Max-Forwards'), 68, 'two less to go');

    my @rr = $invite->all('Record-Route');
    is(scalar(@rr), 2, 'of which only that of the phone stays in the call');

    $alice->send(response($invite, 180, 'Ringing'));
    is(answer($inside)->{status}, 180, 'rings');
    $alice->send(response($invite, 200, 'OK',
        Contact => '<sip:alice@192.0.2.4>'));
    is(answer($inside)->{status}, 200, 'and is answered');

    $alice->close;
    ok(wait_for(10, sub {
        $inside->send($inside->request('OPTIONS', $contact, %from, @route));
        return (answer($inside)->{status} // 0) == 430;
    }), 'the phone is gone: 430');

    $one->stop;
    ok(wait_for(20, sub {
        $inside->send($inside->request('OPTIONS', $contact, %from, @route));
        return (answer($inside)->{status} // 0) == 430;
    }), 'its node is gone: 430');

    $inside->send($inside->request('OPTIONS', 'sip:alice@example.com', %from,
        Route => '<sip:AAAAAAAAAAAAAAAAAAAAAAAAAAAA@127.0.0.1;lr>'));
    my $status = answer($inside)->{status};
    is($status, 430, 'a node that nobody knows: 430');

    $inside->close;
    $two->stop;
}
