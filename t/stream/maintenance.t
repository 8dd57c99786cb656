#!/usr/bin/perl

# Maintenance over SIP: nothing new begins, calls go on in both directions,
# and phones without one leave for another node where there is one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::Remote;
use MRA::SIP;
use MRA::STUN;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(47);
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
events { }
mra { node edge1; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
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

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my ($worker) = $remote->workers;

sub state { ($worker->do('nodes') =~ / (\d)$/)[0] }

sub peer {
    my ($since) = @_;
    $worker->do("set node edge2 1+1+$since+0+0+0+0+0+0+3+edge2+0.1.0+- "
        . '86400000');
}

sub phone {
    my ($user) = @_;
    return MRA::SIP->connect($t->port('sip'), user => $user);
}

sub keepalive {
    my ($ua) = @_;
    $ua->write(binding_request(transaction_id()));

    while (1) {
        $uc->receive(0.05);
        my $m = $ua->receive(0.05) or next;
        return parse_stun($m->{stun})->{type};
    }
}


# a call, before

my ($alice, $bob) = map { phone($_) } qw(alice bob);
my ($registered) = $uc->registered($alice, 600);
my ($contact) = $registered->header('Contact') =~ /<(.*?)>/;
$uc->registered($bob, 600);
my $frank = phone('frank');
$uc->registered($frank, 600);

$alice->send($alice->request('INVITE', 'sip:carol@example.com',
    body => "v=0\r\n", 'Content-Type' => 'application/sdp'));
my $invite = $uc->receive;
my @rr = $invite->all('Record-Route');
$uc->reply($invite, 200, 'OK', Contact => '<sip:carol@192.0.2.7>');
my $ok = $alice->receive;
is($ok->{status}, 200, 'a call');

my %dialog = (To => $ok->header('To'), Route => join(', ', reverse @rr));
$alice->send($alice->request('ACK', 'sip:carol@192.0.2.7', %dialog));
is($uc->receive->{method}, 'ACK', 'with its ACK');

# one that rings

$bob->send($bob->request('INVITE', 'sip:dave@example.com',
    body => "v=0\r\n", 'Content-Type' => 'application/sdp'));
my $ringing = $uc->receive;
$uc->reply($ringing, 180, 'Ringing');
is($bob->receive->{status}, 180, 'another one rings');

is(state(), 1, 'the service is active');
is($worker->do('maintenance on'), 'OK on', 'maintenance');
is(state(), 2, 'the service drains');


# what is new

sub refused {
    my ($r, $name) = @_;
    is($r->{status}, 503, $name);
    is($r->header('Warning'), '382 edge1 "System in Maintenance Mode"',
        'and told why');
    return $r;
}

for ('INVITE', 'SUBSCRIBE', 'MESSAGE', 'OPTIONS') {
    $alice->send($alice->request($_, 'sip:erin@example.com'));
    my $r = refused($alice->receive, "$_ is refused");
    like($r->header('Retry-After'), qr/^1[2-7]\d$/, 'for a while');
}

my $erin = phone('erin');
$erin->send($erin->request('REGISTER', 'sip:example.com',
    Contact => '<sip:erin@192.0.2.9>'));
refused($erin->receive, 'a new registration is');


# what there is

$alice->send($alice->request('INFO', 'sip:carol@192.0.2.7', %dialog));
my $info = $uc->receive;
is($info->{method}, 'INFO', 'a request in the call');
$uc->reply($info, 200, 'OK');
is($alice->receive->{status}, 200, 'and its answer');

$uc->reply($ringing, 200, 'OK', Contact => '<sip:dave@192.0.2.8>');
my $answered = $bob->receive;
is($answered->{status}, 200, 'what rang is answered');

is(keepalive($alice), 'success', 'who has a call stays');


# from inside

my $inside = $uc->open($t->port('inside'));
my %from = (From => '<sip:carol@example.com>;tag=carol',
    To => '<sip:alice@example.com>');

$inside->send($inside->request('INVITE', $contact, %from));
my $r = refused($inside->receive, 'a call from inside is refused');
is($r->header('Retry-After'), undef,
    'but the registrar is not to keep away');

my $alice_tag = ($ok->header('From') =~ /tag=([^;]+)/)[0];
$inside->send($inside->request('UPDATE', $contact, %from,
    To => "<sip:alice\@example.com>;tag=$alice_tag",
    'Call-ID' => $ok->header('Call-ID')));
my $update = $alice->receive;
is($update->{method}, 'UPDATE', 'a request in a call is not');
$alice->send(response($update, 200, 'OK'));
is($inside->receive->{status}, 200, 'and answered');


# phones without a call: alone, then with a peer

is(keepalive($frank), 'success', 'without a peer nobody is sent away');
is(($uc->registered($frank, 600))[1]{status}, 200, 'nor loses registration');

sub refresh {
    my ($ua, %option) = @_;
    $ua->send($ua->request('REGISTER', 'sip:example.com', Expires => 600,
        %option));

    while (1) {
        if (my $m = $uc->receive(0.05)) {
            $uc->accept_register($m, $option{Expires} // 600);
        }

        my $r = $ua->receive(0.05) or next;
        return $r;
    }
}

sub settled {
    my ($type, $name) = @_;
    ok(wait_for(10, sub { keepalive($frank) eq $type }), $name);
}

peer(0);
settled('error', 'with a peer he is');
refused(refresh($frank), 'and his refresh is refused');
is(keepalive($alice), 'success', 'who has a call is not');
is(refresh($alice)->{status}, 200, 'and stays registered');

peer(1);
settled('success', 'a peer in maintenance is none');
peer(0);
settled('error', 'until it is back');

$worker->do('maintenance off');
is(keepalive($frank), 'success', 'afterwards all is as before');
is(refresh($frank)->{status}, 200, 'refreshes too');
$worker->do('maintenance on');

is(refresh($frank, Expires => 0)->{status}, 200, 'whoever leaves may');


# the end

for ([$alice, $ok, 'carol', '192.0.2.7', $invite],
    [$bob, $answered, 'dave', '192.0.2.8', $ringing])
{
    my ($ua, $answer, $user, $host, $invite) = @$_;
    my @rr = $invite->all('Record-Route');

    is(state(), 2, 'a call is left');
    $ua->send($ua->request('BYE', "sip:$user\@$host",
        To => $answer->header('To'), Route => join(', ', reverse @rr),
        'Call-ID' => $answer->header('Call-ID'),
        From => $answer->header('From')));

    $uc->reply($uc->receive, 200, 'OK');
    is($ua->receive->{status}, 200, 'and ends');
}

ok(wait_for(5, sub { state() == 3 }), 'then the service is inactive');
ok(wait_for(5, sub {
    $t->log =~ /\[notice\].*: SIP service is inactive \(maintenance mode\)/
}), 'a line says so');

$_->close for $alice, $bob, $erin, $frank, $inside;
