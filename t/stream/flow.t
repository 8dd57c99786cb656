# A request from inside finds the connection of the client in whichever
# worker it lives, of this generation or an older one; a dead flow is 430.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(18);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; stun_keepalive off; }
stream {
    log_format pid '$pid $mra_user';
    access_log %%DIR%%/stream.log pid;

    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    upstream other {
        server 127.0.0.1:%%PORT_other%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%% reuseport;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%% reuseport;
        mra_sip_accept uc;
    }
    server {
        listen 127.0.0.1:%%PORT_elsewhere%%;
        mra_sip_accept other;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();


# enough connections on both sides that each worker has some

my @peers = map { $uc->open($t->port('inside'), user => "peer$_") } 1 .. 8;
my @clients = map { client("user$_") } 1 .. 8;

is(reached(), 64, 'every client is reached from every connection');


# their answers and their requests too: 64 dialogs' worth of Routes

my $routed = 0;

for my $c (@clients) {
    $c->{ua}->send($c->{ua}->request('SUBSCRIBE', 'sip:x@example.com'));
    my $m = $uc->receive;
    $uc->reply($m, 200, 'OK');
    $c->{ua}->receive;

    for my $peer (@peers) {
        $peer->send($peer->request('NOTIFY', $c->{uri},
            Route => [$m->all('Record-Route')]));
        my $n = $c->{ua}->receive(2) or next;
        $c->{ua}->send(response($n, 200, 'OK'));
        $routed++ if ($uc->receive(2) // {})->{peer} == $peer;
    }
}

is($routed, 64, 'by their Routes as well');


# an older generation keeps its clients

my @old = $t->workers;
$t->reload();

push @peers, map { $uc->open($t->port('inside'), user => "new$_") } 1 .. 4;
push @clients, map { client("young$_") } 1 .. 4;

is(reached(), 12 * 12,
    'after a reload, old clients from new workers, and back');

my $c = $clients[0];
$c->{ua}->send($c->{ua}->request('MESSAGE', 'sip:bob@example.com'));
my $m = $uc->receive;
is($m->{method}, 'MESSAGE', 'an old client goes on');
$uc->reply($m, 200, 'OK');
is($c->{ua}->receive->{status}, 200, 'and gets its answers');

is(scalar(grep { $_->{ua}->closed(0.01) } @clients), 0,
    'nobody was disconnected');


# another upstream is another world

my $stranger = MRA::SIP->connect($t->port('elsewhere'));
$stranger->send($stranger->request('MESSAGE', $c->{contact}));
is($stranger->receive->{status}, 430, 'not from another upstream');

$stranger->send($stranger->request('MESSAGE', $c->{uri},
    Route => $c->{path}));
is($stranger->receive->{status}, 430, 'nor by a Route');


# dead flows

$c->{ua}->close;
ok(wait_for(5, sub { $t->read_file('stream.log') =~ /user1/ }), 'client gone');

is(ask($peers[0], $c->{contact})->{status}, 430, 'its contact: 430');
is(ask($peers[0], $c->{uri}, Route => $c->{path})->{status}, 430,
    'its Route: 430');

$c = client('user1');
is(ask_client($peers[0], $c), 200,
    'after it came back, the contact leads to it');

is(ask($peers[0], $c->{contact}
    =~ s/mra=[^~]+/mra=AAECAwQFBgcICfr7_P3-_w/r)->{status}, 430,
    'a forged binding: 430');

my $forged = $c->{path} =~ s/([^:]{8})\./reverse($1) . '.'/er
    =~ s/(.{8})\@/reverse($1) . '@'/er;
is(ask($peers[0], $c->{uri}, Route => $forged)->{status}, 430,
    'a forged token: 430');


# a worker dies

$t->expect(qr/exited on signal 9/);

my ($victim) = $t->workers;
$t->kill_worker($victim, 'KILL');

@peers = grep { !$_->{client}{eof} && !$_->closed(0.1) } @peers;
@peers = map { $uc->open($t->port('inside')) } 1 .. 8 if !@peers;
$uc->receive(0.1);

my @gone = grep { $_->{ua}->closed(0.1) } @clients[4 .. 11];
ok(@gone > 0, 'some clients are gone with their worker');
is(scalar(grep { ask($peers[0], $_->{contact})->{status} == 430 } @gone),
    scalar @gone, 'their contacts: 430');

my @left = grep { !$_->{ua}{client}{eof} } @clients[4 .. 11];
is(scalar(grep { ask_client($peers[0], $_) == 200 } @left), scalar @left,
    'the others are reached');

ok(client('user99'), 'new ones register');

$_->{ua}->close for @clients;
$c->{ua}->close;


sub client {
    my ($user) = @_;
    my $ua = MRA::SIP->connect($t->port('sip'), user => $user);
    my ($m) = $uc->registered($ua, 3600);
    my ($contact) = $m->header('Contact') =~ /<(.*?)>/;
    my ($uri) = $ua->contact =~ /<(.*?)>/;

    $ua->send($ua->request('SUBSCRIBE', 'sip:x@example.com'));
    $m = $uc->receive;
    $uc->reply($m, 200, 'OK');
    $ua->receive;

    return { ua => $ua, contact => $contact, uri => $uri,
        path => $m->header('Record-Route') };
}


sub reached {
    my $n = 0;

    for my $peer (@peers) {
        $n += grep { ask_client($peer, $_) == 200 } @clients;
    }

    return $n;
}


sub ask_client {
    my ($peer, $c) = @_;

    $peer->send($peer->request('MESSAGE', $c->{contact}));
    my $m = $c->{ua}->receive(2) or return 0;
    $c->{ua}->send(response($m, 200, 'OK'));
    my $r = $uc->receive(2) or return 0;
    return $r->{peer} == $peer ? $r->{status} : 0;
}


sub ask {
    my ($peer, $uri, @headers) = @_;
    $peer->send($peer->request('MESSAGE', $uri, @headers));
    return $uc->receive(2);
}
