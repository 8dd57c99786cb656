# Three nodes with one Redis: a phone that loses its connection in a call, and
# registers at another node, is found there.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Registrar;
use MRA::Remote;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(2 * 8);
my $redis = MRA::Daemon->redis($t);
my $uc = MRA::Registrar->new($t->port('uc'));

$t->write_file('secret', 's' x 32);
chmod 0600, "$t->{dir}/secret";

story('off');
story('on');


sub story {
    my ($paths) = @_;
    my @node = map { node("edge$_-$paths", $paths) } 1 .. 3;

    for my $node (@node) {
        ok(wait_for(30, sub {
            $uc->receive(0.01);
            2 == grep { /^ ?edge\d-$paths registrations.* inside=\w{8}\@127/ }
                split /;/, nodes($node);
        }), "$paths: a node knows the others") or diag(nodes($node));
    }

    my $alice = phone($node[0]);
    $uc->registered($alice, 600);

    $alice->send($alice->request('INVITE', 'sip:bob@example.com'));
    my $m = $uc->receive;
    my @rr = $m->all('Record-Route');
    $uc->reply($m, 200, 'OK', tag => 'bob', Contact => '<sip:bob@192.0.2.7>');
    my $ok = $alice->final(5);
    my ($uri) = $alice->contact =~ /<(.*?)>/;

    my %within = (Route => \@rr, 'Call-ID' => $ok->header('Call-ID'),
        From => $ok->header('To'), To => $ok->header('From'));

    is(within($node[0], $uri, $alice, %within), 200, "$paths: a call");

    $alice->close;
    ok(wait_for(10, sub {
        within($node[0], $uri, undef, %within) eq '430';
    }), "$paths: she is gone, and each of them is asked");

    for my $n (2, 1) {
        my $again = phone($node[$n]);
        $uc->registered($again, 600);

        my $status;
        wait_for(20, sub {
            $status = within($node[0], $uri, $again, %within);
            return $status eq '200';
        });
        is($status, 200, "$paths: she is found at another node");

        next if $n == 2 && $again->close;

        $again->send($again->request('BYE', 'sip:bob@192.0.2.7',
            Route => [reverse @rr], 'Call-ID' => $ok->header('Call-ID'),
            From => $ok->header('From'), To => $ok->header('To')));
        my $bye = $uc->receive;
        is($bye->header('Route') // 'none', 'none',
            "$paths: what she sends has no Route of a peer's");
        $uc->reply($bye, 200, 'OK');
        $again->final(5);
        $again->close;
    }

    $_->stop for @node;
}


sub node {
    my ($name, $paths) = @_;
    my $node = MRA::Nginx->new();
    my $remote = $node->{remote} = MRA::Remote->new($node);

    $node->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 1;
events { accept_mutex off; }
mra {
    node $name;
    zone 4m;
    secret $t->{dir}/secret;
    redis 127.0.0.1:@{[$redis->port]} prefix=$paths;
    sip_path_headers $paths;
}
stream {
    upstream uc {
        server 127.0.0.1:@{[$t->port('uc')]};
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%%;
        mra_sip_accept uc;
    }
}
END

    return $node->run;
}


sub nodes { (($_[0]->{remote}->workers)[0])->do('nodes') }


sub phone {
    return MRA::SIP->connect($_[0]->port('sip'),
        instance => '<urn:uuid:alice>');
}


# a request in the call, what it is answered

sub within {
    my ($node, $uri, $ua, %within) = @_;
    my $peer = $uc->open($node->port('inside'), user => 'bob');

    $peer->send($peer->request('UPDATE', $uri, %within));

    for (1 .. 100) {
        my $m = $uc->receive(0.02);
        return $m->{status} if $m && $m->{status};

        $m = $ua ? $ua->receive(0.03) : undef;
        next if !$m || ($m->{method} // '') ne 'UPDATE';

        return 'with a Route' if $m->header('Route');
        $ua->send(response($m, 200, 'OK'));
    }

    return 'nothing';
}
