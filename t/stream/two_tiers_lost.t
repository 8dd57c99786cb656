# Two edge nodes, two core nodes: what happens when connections, workers and
# nodes between them are lost.

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

my $t = MRA::Nginx->new->plan(2 * 19);

story('off');
story('on');

my ($path, $uc, $tiers);


sub story {
    ($path) = @_;

    my $port = $t->port("uc_$path");
    $uc = MRA::Registrar->new($port);

    $tiers = MRA::Tiers->new($t, uc => [$port], path => $path,
        edges => 2, cores => 2, workers => 2,
        extra => 'stun_keepalive_interval 2s; stun_keepalive_timeout 1s;');
    $tiers->run;

    $_->expect(qr/exited on signal 9/)
        for $tiers->edge(0), $tiers->core(0), $tiers->core(1);

    my ($alice, $bob) = map { $tiers->phone($_, user => "user$_") } 0, 1;
    my ($m) = $uc->registered($alice, 600);
    $alice->{where} = where($m);
    ($m) = $uc->registered($bob, 600);
    $bob->{where} = where($m);

    for my $ua ($alice, $bob) {
        is(reached($ua, $ua->{where}{core}), 200,
            "$path: $ua->{user} is reached by the core node it came by");
    }


    # the other core node knows the same edge nodes

    for my $ua ($alice, $bob) {
        is(reached($ua, 1 - $ua->{where}{core}), 200,
            "$path: $ua->{user} is reached by the other one too");
    }


    # the workers of the core node die with all their connections

    my $core = $alice->{where}{core};

    for my $n (0, 1) {
        for my $pid ($tiers->core($n)->workers) {
            ok($tiers->core($n)->kill_worker($pid),
                "$path: a worker of a core node dies");
        }
    }

    is(reached($alice, $core), 200, "$path: alice is reached after that");


    # the core node is restarted, and remembers nothing

    $tiers->core($core)->stop->run;
    is(reached($alice, $core), 200,
        "$path: alice is reached after a restart of the core node");


    # a worker of the edge node dies, alice is at another

    my $mine = worker_of(0, $alice);
    my ($other) = grep { $_ != $mine } $tiers->edge(0)->workers;

    ok($tiers->edge(0)->kill_worker($other), "$path: edge worker dies");
    is(reached($alice, $core), 200, "$path: alice is reached by the other");

    # hers

    ok($tiers->edge(0)->kill_worker($mine), "$path: so does hers");
    ok($alice->closed(5), "$path: her connection ends");
    is(reached($alice, $core, 430), 430, "$path: and she is gone");

    my $again = $tiers->phone(0, user => 'user0');
    ($m) = $uc->registered($again, 600);
    $again->{where} = where($m);
    is(reached($again, $again->{where}{core}), 200,
        "$path: until she has registered again");


    # the edge node is gone

    kill 'KILL', $_ for $tiers->edge(0)->master, $tiers->edge(0)->workers;
    waitpid delete $tiers->edge(0)->{pid}, 0;
    is(reached($again, $again->{where}{core}, 480), 480,
        "$path: an edge node that went away may come back");
    is(reached($again, $again->{where}{core}, 430), 430,
        "$path: when it does not, its clients are gone");
    is(reached($bob, $bob->{where}{core}), 200,
        "$path: those of the other are not");

    $_->close for $alice, $again, $bob;
}


sub where {
    my ($m) = @_;
    my ($target) = $m->header('Contact') =~ /<(.*?)>/;
    my @path = $m->all('Path');

    my ($port) = ($path[0] // $target) =~ /\@127.0.0.1:(\d+)/;
    my ($core) = grep { $tiers->inside($_) == $port } 0, 1;

    return { target => $target, core => $core,
        @path ? (route => join ', ', @path) : () };
}


# what a request from inside is answered; asks until it is what is wanted

sub reached {
    my ($ua, $core, $wanted) = @_;
    my $where = $ua->{where};
    my $status;

    $wanted //= 200;

    wait_for(20, sub {
        my $peer = $uc->open($tiers->inside($core), user => 'peer');

        $peer->send($peer->request('MESSAGE', $where->{target},
            $where->{route} ? (Route => $where->{route}) : ()));

        for (1 .. 50) {
            my $m = $uc->receive(0.1);

            if ($m) {
                $status = $m->{status};
                last;
            }

            next if $ua->{client}{eof};

            if ($m = $ua->receive(0.05)) {
                $ua->send(response($m, 200, 'OK'));
            }
        }

        $peer->close;
        return ($status // 0) == $wanted;
    });

    return $status;
}


# the worker that has taken its connection

sub worker_of {
    my ($n, $ua) = @_;
    my $port = $ua->socket->sockport;

    my ($pid) = $tiers->edge($n)->log
        =~ / (\d+)#\d+: \S+ client 127.0.0.1:$port connected/;
    return $pid;
}
