# What decides where a message goes, and what does not: loops, hop counts,
# foreign Routes, forged Vias, requests to the edge itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use Test::More;

my $t = MRA::Nginx->new->plan(22);

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

my $edge = '127.0.0.1:' . $t->port('sip');

my $ua = MRA::SIP->connect($t->port('sip'));
my ($registered) = $uc->registered($ua, 60);
my ($contact) = $registered->header('Contact') =~ /<(.*?)>/;
my $peer = $uc->open($t->port('inside'), user => 'bob');


# Max-Forwards

my $r = ask($ua, 'MESSAGE', 'sip:bob@example.com', 'Max-Forwards' => 0);
is($r->{status}, 483, 'Max-Forwards 0 from a client');

$peer->send($peer->request('MESSAGE', $contact, 'Max-Forwards' => 0));
is($uc->receive->{status}, 483, 'Max-Forwards 0 from inside');

$ua->send($ua->request('MESSAGE', 'sip:bob@example.com',
    'Max-Forwards' => undef));
is($uc->receive->header('Max-Forwards'), 70, 'without one it is added');


# OPTIONS to the edge

$r = ask($ua, 'OPTIONS', 'sip:bob@example.com', 'Max-Forwards' => 0);
is($r->{status}, 200, 'OPTIONS that get no further are answered');
like($r->header('Allow'), qr/INVITE/, 'with Allow');
is(ask($ua, 'OPTIONS', "sip:$edge")->{status}, 200, 'OPTIONS to the edge');

$ua->send($ua->request('OPTIONS', 'sip:bob@example.com'));
is($uc->receive->{method}, 'OPTIONS', 'OPTIONS to others pass');

$peer->send($peer->request('OPTIONS', 'sip:edge.example.com'));
is($uc->receive->{status}, 200, 'OPTIONS from inside');


# a loop is not a spiral

$ua->send($ua->request('MESSAGE', 'sip:bob@example.com'));
my $m = $uc->receive;
my @via = $m->all('Via');

my $loop = $ua->request('MESSAGE', 'sip:bob@example.com', map { $_ =>
    $m->header($_) } qw(From To Call-ID CSeq));

$loop =~ s/^(Via: .*\r\n)/join '', $1, map { "Via: $_\r\n" } @via/em;
$ua->send($loop);
is($ua->receive->{status}, 482, 'the same request once more: 482');

my $spiral = $peer->request('MESSAGE', $contact, map { $_ =>
    $m->header($_) } qw(From To Call-ID CSeq));

$spiral =~ s/^(Via: .*\r\n)/join '', $1, map { "Via: $_\r\n" } @via/em;
$peer->send($spiral);
$m = $ua->receive;
is($m->{method}, 'MESSAGE', 'back to a client it is no loop');
is(scalar $m->all('Via'), 4, 'with all its Vias');


# Routes of a client do not lead anywhere but to the next hop

my $trap = MRA::Registrar->new($t->port('trap'));

$ua->send($ua->request('MESSAGE', 'sip:bob@example.com', Route => [
    "<sip:$edge;lr>", '<sip:127.0.0.1:' . $t->port('trap') . ';lr>']));
$m = $uc->receive;
is($m->header('Route'), '<sip:127.0.0.1:' . $t->port('trap') . ';lr>',
    'a Route that is not ours stays');
ok(!$trap->receive(0.2), 'and is not followed');

$ua->send($ua->request('MESSAGE', 'sip:bob@127.0.0.1:' . $t->port('trap')));
ok($uc->receive && !$trap->receive(0.2), 'neither is the URI');


# responses that nobody asked for

$ua->send($ua->request('MESSAGE', 'sip:bob@example.com'));
$m = $uc->receive;

my $eve = MRA::SIP->connect($t->port('sip'), user => 'eve');
$uc->registered($eve, 60);

$eve->send(response($m, 200, 'OK'));
ok(!$ua->receive(0.3), 'a client cannot answer for the registrar');
ok($t->wait_log(qr/client sent SIP message that is dropped: who asked is/),
    'which is logged');

$eve->send(response($m, 200, 'OK') =~ s/bKmra..../bKmraAAAA/r);
ok($t->wait_log(qr/dropped: its topmost Via is not ours/),
    'nor with a token of another node');

$uc->reply($m, 202, 'Accepted');
is($ua->receive->{status}, 202, 'the registrar can');


# requests to nobody, and extensions that we would have to know

$peer->send($peer->request('MESSAGE', 'sip:nobody@example.com'));
is($uc->receive->{status}, 404, 'from inside to no flow: 404');

$peer->send($peer->request('ACK', 'sip:nobody@example.com'));
ok(!$uc->receive(0.2), 'ACK is never answered');

$r = ask($ua, 'MESSAGE', 'sip:bob@example.com',
    'Proxy-Require' => 'foo, bar');
is($r->{status}, 420, 'Proxy-Require');
is_deeply([$r->all('Unsupported')], ['foo', 'bar'], 'and what we do not know');


sub ask {
    my ($ua, @request) = @_;
    $ua->send($ua->request(@request));
    return $ua->receive;
}
