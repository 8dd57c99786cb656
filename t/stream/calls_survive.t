# A call whose signalling goes on after the connection of a phone was lost:
# by the same worker or another, after a worker died, at another edge node.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Tiers;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(2 * 12 + 2 * 11);
$t->expect(qr/exited on signal 9/);

one_tier('off');
one_tier('on');
two_tiers('off');
two_tiers('on');

my ($uc, $peer);


sub one_tier {
    my ($path) = @_;
    my $port = $t->port("uc_$path");

    $uc = MRA::Registrar->new($port);

    my $node = $path eq 'off' ? $t : MRA::Nginx->new;

    $node->expect(qr/exited on signal 9/) if $path eq 'on';

    $node->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; stun_keepalive off; sip_path_headers $path; }
stream {
    upstream uc { server 127.0.0.1:$port; }
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
    $node->run;
    $peer = $uc->open($node->port('inside'), user => 'bob');

    my $phone = sub { MRA::SIP->connect($node->port('sip'),
        instance => '<urn:uuid:alice>') };

    my $alice = $phone->();
    $uc->registered($alice, 600);
    my $call = call($alice);
    $alice->close;
    ok($node->wait_log(qr/client disconnected/), "$path: she is gone");

    is(within($call, 'UPDATE', undef, 430), 430, "$path: nobody is there");


    # back, again and again, so that both workers have her

    for (1 .. 4) {
        $alice = $phone->();
        $uc->registered($alice, 600);
        is(within($call, 'UPDATE', $alice), 200, "$path: she is back");
    }

    is(leaves($call, $alice, 'UPDATE'), 200, "$path: so are her requests");


    # without an instance nobody knows that she is the same

    my $plain = MRA::SIP->connect($node->port('sip'), user => 'carol');
    $uc->registered($plain, 600);
    my $other = call($plain);
    $plain->close;
    $plain = MRA::SIP->connect($node->port('sip'), user => 'carol');
    $uc->registered($plain, 600);
    is(within($other, 'UPDATE', $plain, 430), 430,
        "$path: who tells no instance is not followed");
    $plain->close;


    # her worker is killed

    $node->kill_worker($_) for $node->workers;
    $peer = $uc->open($node->port('inside'), user => 'bob');
    $alice = $phone->();
    ok(wait_for(20, sub { eval { $uc->registered($alice, 600) } }),
        "$path: back in a new worker");
    is(within($call, 'UPDATE', $alice), 200, "$path: the call goes on");
    is(within($call, 'BYE', $alice), 200, "$path: to its end");
    $alice->close;
    ok($node->stop, "$path: end");
}


sub two_tiers {
    my ($path) = @_;
    my $port = $t->port("uc2_$path");

    $uc = MRA::Registrar->new($port);

    my $tiers = MRA::Tiers->new($t, uc => [$port], path => $path,
        edges => 2, workers => 2,
        extra => 'stun_keepalive_interval 10s; stun_keepalive_timeout 5s;');
    $tiers->run;
    $peer = $uc->open($tiers->inside(0), user => 'bob');

    my $phone = sub { $tiers->phone($_[0], instance => '<urn:uuid:alice>') };

    my $alice = $phone->(0);
    $uc->registered($alice, 600);
    my $call = call($alice);
    is(within($call, 'UPDATE', $alice), 200, "$path: a call over two tiers");

    $alice->close;
    $alice = $phone->(0);
    $uc->registered($alice, 600);
    is(within($call, 'UPDATE', $alice), 200, "$path: back at the edge node");
    is(leaves($call, $alice, 'UPDATE'), 200, "$path: so are her requests");


    # who saw her name in a call cannot take it

    my ($name) = map { /\.([\w-]{22})\@/ } @{$call->{rr}};
    my $mallory = $tiers->phone(1, user => 'mallory');
    my ($own) = $mallory->contact =~ /<(.*)>/;

    $uc->registered($mallory, 600, Contact => "<$own;mra=$name~x>",
        Path => '<sip:' . 'A' x 28 . ".$name\@127.0.0.1;lr>");
    is(within($call, 'UPDATE', $alice), 200, "$path: nobody takes her name");
    $mallory->close;


    # at the other edge node, while the first is there and after

    $alice->close;
    $alice = $phone->(1);
    $uc->registered($alice, 600);
    is(within($call, 'UPDATE', $alice), 200, "$path: at another edge node");
    is(leaves($call, $alice, 'UPDATE'), 200, "$path: so are her requests");

    $tiers->edge(0)->stop;
    is(within($call, 'UPDATE', $alice), 200,
        "$path: and when the first is stopped");


    # the workers of the core node die

    for my $pid ($tiers->core->workers) {
        $tiers->core->kill_worker($pid);
    }

    $tiers->core->expect(qr/exited on signal 9/);
    $peer = $uc->open($tiers->inside(0), user => 'bob');

    ok(wait_for(20, sub {
        my ($m, $r) = eval { $uc->registered($alice, 600) };
        $r && $r->{status} == 200
    }), "$path: the workers of the core node die");
    is(within($call, 'UPDATE', $alice), 200, "$path: the call goes on");
    is(leaves($call, $alice, 'UPDATE'), 200, "$path: both ways");
    is(within($call, 'BYE', $alice), 200, "$path: to its end");

    $alice->close;
    $tiers->edge(1)->stop;
    $tiers->core->stop;
}


# alice calls bob; how each of them sends requests in that dialog

sub call {
    my ($ua) = @_;

    $ua->send($ua->request('INVITE', 'sip:bob@example.com',
        'Call-ID' => $ua->{call_id} . 'c'));

    my $m = $uc->receive or die "no INVITE\n";
    my @rr = $m->all('Record-Route');

    $uc->reply($m, 200, 'OK', tag => 'bob',
        Contact => '<sip:bob@192.0.2.7>');
    my $ok = $ua->final(5) or die "no 200\n";
    my ($uri) = $ua->contact =~ /<(.*?)>/;

    return { uri => $uri, rr => \@rr, id => $ok->header('Call-ID'),
        alice => $ok->header('From'), bob => $ok->header('To') };
}


# a request to her, what it is answered

sub within {
    my ($call, $method, $ua, $wanted) = @_;
    my $status = 'nothing';

    $wanted //= 200;

    wait_for(15, sub {
        $peer->send($peer->request($method, $call->{uri},
            Route => $call->{rr}, 'Call-ID' => $call->{id},
            From => $call->{bob}, To => $call->{alice}));

        for (1 .. 60) {
            if (my $m = $uc->receive(0.05)) {
                next if !$m->{status};
                $status = $m->{status};
                last;
            }

            my $m = $ua && !$ua->{client}{eof} ? $ua->receive(0.05) : undef;
            next if !$m || ($m->{method} // '') ne $method;

            return 1 if $m->header('Route') && ($status = 'with a Route');
            $ua->send(response($m, 200, 'OK'));
        }

        return $status eq $wanted;
    });

    return $status;
}


# one of hers

sub leaves {
    my ($call, $ua, $method) = @_;

    $ua->send($ua->request($method, 'sip:bob@192.0.2.7',
        Route => [reverse @{$call->{rr}}], 'Call-ID' => $call->{id},
        From => $call->{alice}, To => $call->{bob}));

    my $m = $uc->receive(5) or return 'nothing';
    return 'with a Route' if $m->header('Route');

    $uc->reply($m, 200, 'OK');
    my $r = $ua->final(5) or return 'no answer';
    return $r->{status};
}
