# Ten reloads: no registration, no call and no call set-up is lost; clients
# stay where they are, in workers of eleven generations.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use Test::More;

my $t = MRA::Nginx->new->plan(7);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
worker_processes 2;
events { worker_connections 256; }
mra { node edge1; stun_keepalive off; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
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

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my (@clients, %count);

for my $generation (0 .. 10) {
    push @clients, map { client("user$generation-$_") } 1 .. 2;

    # calls are set up before, answered and ended after the reload

    my @calls = map { invite($_) } @clients;
    $t->reload if $generation < 10;

    my $peer = $uc->open($t->port('inside'));

    answer($_) for @calls;
    refresh($_) for @clients;
    message($peer, $_) for @clients;
    end($_) for @calls;
}

my $all = 0;
$all += 2 * $_ for 1 .. 11;

is($count{answered}, $all, 'calls in set-up are answered');
is($count{registered}, $all, 'registrations are refreshed');
is($count{messages}, $all, 'clients are reached from new connections');
is($count{ended}, $all, 'calls end');

is(scalar(grep { $_->{ua}->closed(0.01) } @clients), 0,
    'nobody was disconnected');

cmp_ok(scalar(() = $t->log =~ /gracefully shutting down/g), '>=', 20,
    'twenty workers were told to go');
unlike($t->log, qr/sent SIP \w+ that is (?:refused|dropped)/,
    'nothing was refused or dropped');

$_->{ua}->close for @clients;


sub client {
    my ($user) = @_;
    my $ua = MRA::SIP->connect($t->port('sip'), user => $user);
    my ($m) = $uc->registered($ua, 3600);
    my ($contact) = $m->header('Contact') =~ /<(.*?)>/;
    return { ua => $ua, contact => $contact };
}


sub invite {
    my ($c) = @_;
    $c->{ua}->send($c->{ua}->request('INVITE', 'sip:bob@example.com'));
    return { c => $c, invite => $uc->receive };
}


sub answer {
    my ($call) = @_;
    $uc->reply($call->{invite}, 200, 'OK', Contact => '<sip:bob@192.0.2.7>');
    $call->{ok} = $call->{c}{ua}->receive(15) or return;
    $count{answered}++ if $call->{ok}{status} == 200;
}


sub refresh {
    my ($c) = @_;
    my (undef, $r) = $uc->registered($c->{ua}, 3600);
    $count{registered}++ if $r->{status} == 200;
}


sub message {
    my ($peer, $c) = @_;
    $peer->send($peer->request('MESSAGE', $c->{contact}));
    my $m = $c->{ua}->receive(15) or return;
    $c->{ua}->send(response($m, 200, 'OK'));
    $count{messages}++ if ($uc->receive(15) // {})->{status};
}


sub end {
    my ($call) = @_;
    my $ua = $call->{c}{ua};

    $ua->send($ua->request('BYE', 'sip:bob@192.0.2.7',
        To => $call->{ok}->header('To'),
        Route => [reverse $call->{ok}->all('Record-Route')]));
    my $m = $uc->receive(15) or return;
    $uc->reply($m, 200, 'OK');
    $count{ended}++ if ($ua->receive(15) // {})->{status};
}
