# A core node in maintenance: phones leave it with their next REGISTER, new
# calls begin elsewhere, those that there are go on, and nobody is refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::API;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Tiers;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(25);

my $uc = MRA::Registrar->new($t->port('uc'));
my $tiers = MRA::Tiers->new($t, uc => [$t->port('uc')], cores => 2,
    http => 1, path => 'on', extra => 'stun_keepalive_interval 10s; '
    . 'stun_keepalive_timeout 5s;');
$tiers->run;


# phones of which one talks, at the first core node

my ($alice, $bob, $carol) = map { at_first($_) } qw(alice bob carol);

$alice->send($alice->request('INVITE', 'sip:x@example.com'));
my $m = message();
is(core_of($m), 0, 'a call by the first core node');
my @rr = $m->all('Record-Route');
$uc->reply($m, 200, 'OK', tag => 'x', Contact => '<sip:x@192.0.2.7>');
my $ok = $alice->final(5);

my $before = $alice->request('INVITE', 'sip:y@example.com',
    'Call-ID' => 'before');
$alice->send($before);
my $pending = message();
is(core_of($pending), 0, 'another one is being set up');
$uc->reply($pending, 180, 'Ringing');
is($alice->receive->{status}, 180, 'and rings');

is(change($tiers->core(0), PATCH => 'maintenance',
    { maintenance => true })->{status}, 200, 'which goes into maintenance');

ok(wait_for(20, sub {
    my ($r) = registered($bob);
    return core_of($r) == 1;
}), 'a phone leaves it with its next REGISTER');


# a call that was being set up

my ($old) = $before =~ /CSeq: (\d+)/;
$alice->send($alice->request('CANCEL', 'sip:y@example.com',
    'Call-ID' => 'before', CSeq => "$old CANCEL",
    Via => ($before =~ /Via: (.*)\r/)[0]));
$m = message();
is(core_of($m), 0, 'CANCEL follows its INVITE');
$uc->reply($m, 200, 'OK')->reply($pending, 487, 'Request Terminated');
is($alice->final(5)->{status}, 200, 'and is answered');
$alice->final(5);


# who has not yet come by

my $peer = $uc->open($tiers->inside(0), user => 'peer');
my ($path) = $carol->{path};
my ($uri) = $carol->contact =~ /<(.*?)>/;

$peer->send($peer->request('INVITE', $uri, Route => $path));
$m = $carol->receive(5) // {};
is($m->{method}, 'INVITE', 'is still reached by it');
$carol->send(response($m, 486, 'Busy Here'));
is(message()->{status}, 486, 'and answers');

my $invite = $carol->request('INVITE', 'sip:x@example.com',
    'Call-ID' => 'carol1');
$carol->send($invite);
$m = message();
is(core_of($m), 1, 'and begins calls by the other one');
my ($cseq) = $invite =~ /CSeq: (\d+)/;
$carol->send($carol->request('CANCEL', 'sip:x@example.com',
    'Call-ID' => 'carol1', CSeq => "$cseq CANCEL",
    Via => ($invite =~ /Via: (.*)\r/)[0]));
my $cancel = message();
is($cancel->{method}, 'CANCEL', 'where it may cancel them');
is(core_of($cancel), 1, 'by the same way');
$uc->reply($cancel, 200, 'OK')->reply($m, 487, 'Request Terminated');
is($carol->final(5)->{status}, 200, 'which is answered');
is($carol->final(5)->{status}, 487, 'as is the INVITE');


# who talks

($m, my $r) = registered($alice);
is(core_of($m), 0, 'a phone in a call stays');
is($r->{status}, 200, 'and is served');

my %within = ('Call-ID' => $ok->header('Call-ID'), To => $ok->header('To'),
    From => $ok->header('From'), Route => [reverse @rr]);

$alice->send($alice->request('UPDATE', 'sip:x@192.0.2.7', %within));
$m = message();
is(core_of($m), 0, 'what it sends goes by the first');
$uc->reply($m, 200, 'OK');
is($alice->final(5)->{status}, 200, 'and is answered');

$alice->send($alice->request('BYE', 'sip:x@192.0.2.7', %within));
$m = message();
$uc->reply($m, 200, 'OK');
is($alice->final(5)->{status}, 200, 'its end');

($m, $r) = registered($alice);
is(core_of($m), 1, 'then it leaves as well');
is($r->{status}, 200, 'and is served there');


# new ones

my $dave = $tiers->phone(0, user => 'dave');
($m, $r) = registered($dave);
is(core_of($m), 1, 'a new phone goes to the other one');
is($r->{status}, 200, 'at once');


# both: who is there may stay

change($tiers->core(1), PATCH => 'maintenance', { maintenance => true });
($m, $r) = registered($dave);
is($r->{status}, 200, 'with all in maintenance, who is registered is served');

is(change($tiers->core(0), PATCH => 'maintenance',
    { maintenance => false })->{status}, 200, 'the first is back');

$_->close for $alice, $bob, $carol, $dave;


sub at_first {
    my ($user) = @_;

    for (1 .. 20) {
        my $ua = $tiers->phone(0, user => $user);
        my ($m) = registered($ua);

        if (core_of($m) == 0) {
            $ua->{path} = join ', ', $m->all('Path');
            return $ua;
        }

        $ua->close;
    }

    die "never by the first core node\n";
}


sub registered {
    my ($ua) = @_;

    $ua->send($ua->request('REGISTER', 'sip:example.com', Expires => 600));
    my $m = message();
    $uc->accept_register($m, 600);
    my $r = $ua->final(5) or die "no answer to REGISTER\n";

    return ($m, $r);
}


sub message { $uc->receive(10) // die "nothing at the registrar\n" }


sub core_of {
    my ($m) = @_;
    my ($port) = ($m->all('Via'))[0] =~ /127.0.0.1:(\d+)/;
    my ($core) = grep { $tiers->inside($_) == $port } 0, 1;
    return $core;
}
