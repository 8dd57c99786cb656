# Two tiers: phones at edge nodes, edge nodes at core nodes with mutual TLS,
# a registrar behind; with sip_path_headers off and on.

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

my $t = MRA::Nginx->new->plan(2 * 23);

story('off');
story('on');


sub story {
    my ($path) = @_;

    my $uc = MRA::Registrar->new($t->port("uc_$path"));
    my $tiers = MRA::Tiers->new($t, uc => [$t->port("uc_$path")],
        path => $path);

    $tiers->run;

    my $inside = '127.0.0.1:' . $tiers->inside(0);
    my $alice = $tiers->phone(0);
    my ($uri) = $alice->contact =~ /<(.*?)>/;

    my ($m, $r) = $uc->registered($alice, 60);
    my @via = $m->all('Via');

    is(scalar @via, 3, "$path: a Via of each node and the phone's");
    is($r->{status}, 200, "$path: registered");
    is($r->header('Contact'), $alice->contact . ';expires=60',
        "$path: the phone sees its own contact");
    is($r->header('Service-Route'), undef,
        "$path: a phone that did not ask is told no path");

    my ($target) = $m->header('Contact') =~ /<(.*?)>/;
    my @path = $m->all('Path');

    if ($path eq 'on') {
        is($target, $uri, 'on: contact is untouched');
        is(scalar @path, 2, 'on: a Path of each node');

    } else {
        like($target, qr/^sip:alice\@\Q$inside\E;/,
            'off: contact leads to the core node');
        is(scalar(() = $target =~ /;mra=/g), 1,
            'off: there is one of each parameter');
    }

    like($path[0] // "<sip:x\@$inside;", qr/\@\Q$inside\E;/,
        "$path: the core node comes first");


    # a call from inside

    my $peer = $uc->open($tiers->inside(0), user => 'bob');
    my @route = $path eq 'on' ? (Route => join ', ', @path) : ();

    $peer->send($peer->request('INVITE', $target, @route));
    my $invite = $alice->receive;

    is($invite->{method}, 'INVITE', "$path: INVITE from inside");
    is($invite->{uri}, $uri, "$path: to the contact of the phone");
    is($invite->header('Route'), undef, "$path: without any Route");

    my @rr = $invite->all('Record-Route');
    is(scalar @rr, 4, "$path: two Record-Routes of each node");

    $alice->send(response($invite, 200, 'OK', tag => 'alice',
        Contact => $alice->contact));
    my $ok = $uc->receive;
    is($ok->{status}, 200, "$path: answered");
    is($uc->peer($ok), $peer, "$path: on the connection that it came by");
    is(scalar $ok->all('Via'), 1, "$path: without our Vias");

    my %to_alice = (From => $ok->header('From'), To => $ok->header('To'),
        'Call-ID' => $ok->header('Call-ID'), Route => [reverse @rr]);

    $peer->send($peer->request('ACK', $uri, %to_alice,
        CSeq => $ok->header('CSeq') =~ s/INVITE/ACK/r));
    $m = $alice->receive;
    is($m->{method}, 'ACK', "$path: ACK");
    is($m->header('Route'), undef, "$path: ACK without any Route");


    # within the dialog, both ways

    $alice->send($alice->request('UPDATE', 'sip:bob@192.0.2.7',
        From => $ok->header('To'), To => $ok->header('From'),
        'Call-ID' => $ok->header('Call-ID'), Route => \@rr));
    $m = $uc->receive;
    is($m->{method}, 'UPDATE', "$path: UPDATE of the phone");
    is($m->header('Route'), undef, "$path: no Route is left for the inside");
    $uc->reply($m, 200, 'OK');
    is($alice->receive->{status}, 200, "$path: its answer");

    $peer->send($peer->request('BYE', $uri, %to_alice));
    $m = $alice->receive;
    is($m->{method}, 'BYE', "$path: BYE from inside");
    $alice->send(response($m, 200, 'OK'));
    is($uc->receive->{status}, 200, "$path: its answer");


    # who is not registered at the edge node does not get that far

    my $eve = $tiers->phone(0, user => 'eve');
    $eve->send($eve->request('INVITE', 'sip:alice@example.com'));
    is($eve->receive->{status}, 403, "$path: a stranger is turned away");

    $uc->registered($alice, 0);
    $peer->send($peer->request('MESSAGE', $target, @route));
    $path eq 'on'
        ? is($alice->receive->{method}, 'MESSAGE', 'on: it is still there')
        : is($uc->receive->{status}, 430, 'off: it has left');
}
