# The path of a phone through two tiers: who is told, what a Route of it may
# wish, and where requests go when a node on it is gone.

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

my $t = MRA::Nginx->new->plan(49);

my @port = map { $t->port("uc$_") } 0, 1;
my @uc = map { MRA::Registrar->new($_) } @port;

my $tiers = MRA::Tiers->new($t, uc => \@port, cores => 2,
    extra => 'stun_keepalive_interval 10s; stun_keepalive_timeout 5s;',
    core => 'mra_sip_response_timeout 2s;');
$tiers->run;

my $edge = '127.0.0.1:' . $tiers->edge->port('sip');
my $hop = qr/[0-9a-f]{8}/;
my $path = qr/^<sip:p-($hop)\.($hop)\@\Q$edge\E;transport=tls;lr>$/;


# who is told

my $classic = $tiers->phone(0, user => 'classic');
my ($m, $r) = registered($classic);
is($r->{status}, 200, 'a phone registers');
is($r->header('Service-Route'), undef, 'it is told no path');
unlike(join(',', $r->all('Supported')), qr/AR_SK/, 'nor what we support');

my $outbound = $tiers->phone(0, user => 'outbound',
    instance => '<urn:uuid:1>', reg_id => 1);
($m, $r) = registered($outbound);
like($r->header('Service-Route'), $path, 'outbound: it is told a path');
unlike(join(',', $r->all('Supported')), qr/AR_SK/, 'and nothing else');

my $alice = $tiers->phone(0, user => 'alice');
($m, $r) = registered($alice);
like($r->header('Service-Route'), $path, 'AR_SK: it is told a path');
is($r->header('Supported'), 'X-cisco-supports-AR_SK', 'and that we know it');

($m, $r) = registered($alice, Contact => $alice->contact,
    Supported => 'path, ar_sk');
like($r->header('Service-Route'), $path, 'AR_SK in Supported');

($m, $r) = registered($alice, [Service => '<sip:uc.example.com;lr>']);
is(scalar $r->all('Service-Route'), 2, 'the registrar has one of its own');
like(($r->all('Service-Route'))[0], $path, 'which is behind ours');
is(($r->all('Service-Route'))[1], '<sip:uc.example.com;lr>', 'untouched');


# all four paths can be wished for, and told apart

my (%core_id, %uc_id, %route);

ok(wait_for(60, sub {
    my $ua = $tiers->phone(0, user => 'any');
    my ($m, $r) = registered($ua);
    my ($core, $uc) = split /-/, at($m);

    ($core_id{$core}, $uc_id{$uc}) = $r->header('Service-Route') =~ $path;
    $ua->close;
    return keys %core_id == 2 && keys %uc_id == 2;
}), 'all nodes are used');

for my $core (0, 1) {
    $route{"$core-$_"} = "<sip:p-$core_id{$core}.$uc_id{$_}\@$edge"
        . ';transport=tls;lr>' for 0, 1;
}

is(keys %{{reverse %route}}, 4, 'four paths, with a name each');

for my $at (sort keys %route) {
    ($m, $r) = registered($alice, Route => $route{$at});
    is(at($m), $at, "REGISTER goes by $at");
    is($m->header('Route'), undef, 'without a Route');

    is(asks($classic, Route => $route{$at}), $at,
        'so does a request of another phone');
}


# a wish is no more than that

my ($core, $uc) = $route{'0-1'} =~ $path;

sub wish { registered($alice, Route => $route{'0-0'}); @_ }

for my $route (wish("<sip:p-deadbeef.deadbeef\@$edge;lr>"),
    "<sip:p-$uc.$core\@$edge;lr>", "<sip:p-$core.$uc.$uc\@$edge;lr>",
    "<sip:p-$core\@$edge;lr>")
{
    ($m, $r) = registered($alice, Route => $route);
    is($r->{status}, 200, "nothing comes of $route") or next;
}

wish();
($m, $r) = registered($alice,
    Route => "<sip:p-$core.$uc\@evil.example.com;lr>");
is(at($m), '0-0', 'another host decides nothing');


# a core node is gone

wish();
$tiers->core(0)->stop;
($m, $r) = registered($alice, Route => $route{'0-0'});
is(at($m), '1-0', 'by the other core node to the same registrar');
is($r->header('Service-Route'), $route{'1-0'}, 'which is told');

is(asks($alice), '1-0', 'and used for what comes after it');

# what was under way then is not left without an answer

$tiers->core(0)->run;
ok(wait_for(20, sub { (registered($alice, Route => $route{'0-0'}))[2]
    eq '0-0' }), 'it is back');

my $bob = $tiers->phone(0, user => 'bob');
registered($bob, Route => $route{'0-0'});

$alice->send($alice->request('REGISTER', 'sip:example.com',
    Contact => $alice->contact, Route => $route{'0-0'}));
is(at(message()), '0-0', 'a REGISTER is sent');
$bob->send($bob->request('MESSAGE', 'sip:x@example.com'));
is(at(message()), '0-0', 'a MESSAGE');
$classic->send($classic->request('INVITE', 'sip:x@example.com',
    Route => $route{'0-0'}));
$m = message();
is(at($m), '0-0', 'an INVITE');
$uc[0]->reply($m, 180, 'Ringing');
is($classic->receive->{status}, 180, 'which gets a first answer');

kill 'KILL', $_ for $tiers->core(0)->master, $tiers->core(0)->workers;

$m = message();
is(at($m), '1-0', 'the core node dies: REGISTER goes by the other one');
$uc[0]->accept_register($m, 600);
is($alice->final(10)->{status}, 200, 'and is answered');

for my $ua ($bob, $classic) {
    $r = $ua->final(10) // { status => 'nothing', headers => [] };
    is($r->{status}, 503, "$ua->{user}\'s request is answered");
    like($r->header('Retry-After'), qr/^\d+$/, 'with Retry-After');
}

waitpid delete $tiers->core(0)->{pid}, 0;


# a registrar is gone

$uc[0]->stop;

ok(wait_for(20, sub {
    $alice->send($alice->request('MESSAGE', 'sip:x@example.com',
        Route => $route{'1-0'}));
    $r = $alice->final(10);
    return $r && $r->{status} == 503;
}), 'requests to a registrar that is gone get 503');
like($r->header('Retry-After'), qr/^\d+$/, 'with Retry-After');

($m, $r) = registered($alice, Route => $route{'1-0'});
is(at($m), '1-1', 'REGISTER goes to the other one');
is($r->header('Service-Route'), $route{'1-1'}, 'which is told');
is(asks($alice), '1-1', 'and used');

$uc[0]->start;
$_->close for $alice, $bob, $classic, $outbound;


sub registered {
    my ($ua, @option) = @_;
    my $service = ref $option[0] ? (shift @option)->[1] : undef;

    my $contact = $ua->contact;
    $contact .= ';x-cisco-mra-ha=AR_SK' if $ua->{user} =~ /alice|any/;

    $ua->send($ua->request('REGISTER', 'sip:example.com',
        Contact => $contact, Expires => 600, @option));

    my $m = message();
    $uc[$m->{uc}]->reply($m, 200, 'OK',
        Contact => [map { "$_;expires=600" } $m->all('Contact')],
        $service ? ('Service-Route' => $service) : ());

    my $r = $ua->receive(5) or die "no answer to REGISTER\n";
    return ($m, $r, at($m));
}


# the next request at any of the registrars

sub message {
    my ($m, $n);

    wait_for(10, sub {
        for (0, 1) {
            $n = $_;
            $m = $uc[$n]->receive(0.05) and return 1;
        }
    }) or die "nothing at the registrars\n";

    $m->{uc} = $n;
    return $m;
}


# where a MESSAGE goes, which is answered

sub asks {
    my ($ua, %option) = @_;

    $ua->send($ua->request('MESSAGE', 'sip:x@example.com', %option));
    my $m = message();
    $uc[$m->{uc}]->reply($m, 200, 'OK');
    $ua->final(5) or die "no answer to MESSAGE\n";

    return at($m);
}


# by which core node it came, and to which registrar

sub at {
    my ($m) = @_;
    my ($port) = ($m->all('Via'))[0] =~ /127.0.0.1:(\d+)/;
    my ($core) = grep { $tiers->inside($_) == $port } 0, 1;

    return ($core // '?') . '-' . $m->{uc};
}
