# A call in both directions: Record-Route keeps the edge on the way, CANCEL
# and ACK follow their INVITE, and every answer finds back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use Test::More;

my $t = MRA::Nginx->new->plan(40);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive off; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_advertise edge.example.com:5061;
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

my $inside = '127.0.0.1:' . $t->port('inside');
my $outside = 'edge.example.com:5061';

my $alice = MRA::SIP->connect($t->port('sip'));
my ($registered) = $uc->registered($alice, 60);
my ($contact) = $registered->header('Contact') =~ /<(.*?)>/;


# outgoing: INVITE, 100, 180, PRACK, 200, ACK, UPDATE, BYE

$alice->send($alice->request('INVITE', 'sip:bob@example.com',
    body => "v=0\r\n", 'Content-Type' => 'application/sdp'));

my $m = $uc->receive;
my @rr = $m->all('Record-Route');

is(scalar @rr, 2, 'two Record-Routes, one for each side');
like($rr[0], qr/^<sip:[\w-]{28}\.[\w-]{22}\@\Q$inside\E;transport=tcp;lr>$/,
    'the registrar meets the inside first');
like($rr[1], qr/^<sip:[\w-]{28}\.[\w-]{22}\@\Q$outside\E;transport=tcp;lr>$/,
    'the client meets what is advertised');
is($m->{body}, "v=0\r\n", 'body is untouched');

$uc->reply($m, 100, 'Trying');
is($alice->receive->{status}, 100, '100 passes');
$uc->reply($m, 180, 'Ringing', Require => '100rel', RSeq => 1);
is($alice->receive->{status}, 180, '180 passes');

my %dialog = (To => $m->header('To') . ';tag=server',
    Route => join(', ', reverse @rr));

$alice->send($alice->request('PRACK', 'sip:bob@192.0.2.7', %dialog,
    RAck => '1 1 INVITE'));
my $prack = $uc->receive;
is($prack->{method}, 'PRACK', 'PRACK passes');
is($prack->header('Route'), undef, 'our Routes are taken off');
$uc->reply($prack, 200, 'OK');
is($alice->receive->{status}, 200, 'and its answer');

$uc->reply($m, 200, 'OK', Contact => '<sip:bob@192.0.2.7>');
my $r = $alice->receive;
is_deeply([$r->all('Record-Route')], \@rr, '200 OK with both Record-Routes');

$alice->send($alice->request('ACK', 'sip:bob@192.0.2.7', %dialog));
is($uc->receive->{method}, 'ACK', 'ACK to 2xx passes');

# requests of the other party come by our inside Route

my %back = (From => $m->header('To') . ';tag=server',
    To => $m->header('From'), 'Call-ID' => $m->header('Call-ID'),
    Route => \@rr);

my $peer = $uc->open($t->port('inside'), user => 'bob');
my ($uri) = $alice->contact =~ /<(.*)>/;

$peer->send($peer->request('UPDATE', $uri, %back));
my $update = $alice->receive;
is($update->{method}, 'UPDATE', 'request of the other party in the dialog');
is($update->{uri}, $uri, 'with the URI of the client');
is($update->header('Route'), undef, 'without our Routes');
is($update->header('Record-Route'), undef, 'nor new ones');
like($update->header('Via'), qr/^SIP\/2.0\/TCP \Q$outside\E;branch=z9hG4bK/,
    'our Via tells what is advertised');

$alice->send(response($update, 200, 'OK'));
$r = $uc->receive;
is($r->{status}, 200, 'its answer comes back');
is($r->peer, $peer, 'on the connection that the request came by');

$peer->send($peer->request('BYE', $uri, %back));
$m = $alice->receive;
is($m->{method}, 'BYE', 'BYE');
$alice->send(response($m, 200, 'OK'));
is($uc->receive->{status}, 200, 'and its answer');


# CANCEL: same branch as the INVITE, as has the ACK to the failure

my $invite = $alice->request('INVITE', 'sip:bob@example.com');
my ($branch) = $invite =~ /branch=([^;\r]+)/;
$alice->send($invite);
$m = $uc->receive;

my ($cseq) = $invite =~ /CSeq: (\d+)/;
my %same = (Via => ($invite =~ /Via: (.*)\r/)[0], CSeq => "$cseq CANCEL");

$alice->send($alice->request('CANCEL', 'sip:bob@example.com', %same));
my $cancel = $uc->receive;
is(branch($cancel), branch($m), 'CANCEL has the branch of its INVITE');
$uc->reply($cancel, 200, 'OK');
is($alice->receive->{status}, 200, 'its answer');

$uc->reply($m, 487, 'Request Terminated');
is($alice->receive->{status}, 487, 'the answer to the INVITE');

$alice->send($alice->request('ACK', 'sip:bob@example.com', %same,
    CSeq => "$cseq ACK", To => $m->header('To') . ';tag=server'));
is(branch($uc->receive), branch($m), 'ACK has it too');


# a call that forks: several tags, two answers, a BYE for each

$alice->send($alice->request('INVITE', 'sip:bob@example.com'));
$m = $uc->receive;
$uc->reply($m, 180, 'Ringing', tag => $_) for 'one', 'two';
is(join(' ', map { $_->header('To') =~ /tag=(\w+)/ } map { $alice->receive }
    1, 2), 'one two', 'provisional answers of two devices');

$uc->reply($m, 200, 'OK', tag => $_, Contact => '<sip:bob@192.0.2.7>')
    for 'one', 'two';
my @ok = map { $alice->receive } 1, 2;
is(join(' ', map { $_->header('To') =~ /tag=(\w+)/ } @ok), 'one two',
    'both answer');

# the user is gone, her calls are not yet

$alice->{user} = 'alice';
$uc->registered($alice, 0);

for my $ok (@ok) {
    $alice->send($alice->request('ACK', 'sip:bob@192.0.2.7', in_dialog($ok)));
    is($uc->receive(1)->{method}, 'ACK', 'ACK after the registration');
    $alice->send($alice->request('BYE', 'sip:bob@192.0.2.7', in_dialog($ok)));
    my $bye = $uc->receive(1);
    is($bye->{method}, 'BYE', 'BYE too');
    $uc->reply($bye, 200, 'OK');
    $alice->receive;
}

$alice->send($alice->request('BYE', 'sip:bob@192.0.2.7', in_dialog($ok[0])));
is($alice->receive->{status}, 403, 'but not a second one');


# so may those of a call that is being set up

$uc->registered($alice, 60);
$invite = $alice->request('INVITE', 'sip:bob@example.com', 'Call-ID' => 'x');
$alice->send($invite);
$m = $uc->receive;
$uc->registered($alice, 0);

%same = (Via => ($invite =~ /Via: (.*)\r/)[0], 'Call-ID' => 'x',
    CSeq => ($invite =~ /CSeq: (\d+)/)[0] . ' CANCEL');
$alice->send($alice->request('CANCEL', 'sip:bob@example.com', %same));
$cancel = $uc->receive(1);
is($cancel->{method}, 'CANCEL', 'CANCEL after the registration');
$uc->reply($cancel, 200, 'OK');
$alice->receive;
$uc->reply($m, 487, 'Request Terminated');
is($alice->receive->{status}, 487, 'and the answer');
$uc->registered($alice, 60);


# incoming, to the contact that the registrar knows; forked to two devices

$peer->send($peer->request('INVITE', $contact,
    'Record-Route' => '<sip:uc.example.com;lr>'));
$m = $alice->receive;
@rr = $m->all('Record-Route');

is($m->{uri}, $uri, 'URI is what the client has registered');
is_deeply([map { /@?([^@;]+);/ } @rr],
    [$outside, $inside, '<sip:uc.example.com'],
    'Record-Routes, the outside on top');

$alice->send(response($m, 486, 'Busy Here'));
$r = $uc->receive;
is($r->{status}, 486, 'refused');
is(scalar $r->all('Via'), 1, 'without our Via');

$peer->send($peer->request('ACK', $contact, Via => $r->header('Via'),
    'Call-ID' => $r->header('Call-ID'), From => $r->header('From'),
    To => $r->header('To'), CSeq => $r->header('CSeq') =~ s/INVITE/ACK/r));
is(branch($alice->receive), branch($m), 'ACK has the branch of the INVITE');


# subscriptions

$alice->send($alice->request('SUBSCRIBE', 'sip:alice@example.com',
    Event => 'message-summary'));
$m = $uc->receive;
is(scalar $m->all('Record-Route'), 2, 'SUBSCRIBE is recorded');
$uc->reply($m, 202, 'Accepted');
$alice->receive;

$peer->send($peer->request('NOTIFY', $uri, Event => 'message-summary',
    'Subscription-State' => 'active', Route => [$m->all('Record-Route')],
    From => $m->header('To') . ';tag=server', To => $m->header('From')));
is($alice->receive->{method}, 'NOTIFY', 'NOTIFY comes back by its Route');


sub in_dialog {
    my ($ok) = @_;
    return (To => $ok->header('To'),
        Route => [reverse $ok->all('Record-Route')]);
}


sub branch { ($_[0]->header('Via') =~ /branch=([^;]+)/)[0] }

sub MRA::SIP::Message::peer { $_[0]->{peer} }
