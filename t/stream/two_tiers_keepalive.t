# The keepalive of a phone speaks for its whole path: edge nodes know what
# core nodes know of the registrars.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Compress::Raw::Zlib ();
use JSON::PP;
use MRA::HTTP;
use MRA::Hop;
use MRA::Nginx;
use MRA::SIP;
use MRA::STUN;
use MRA::Tiers;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new->plan(40);

my @uc = map { MRA::Hop->new($t, $_, stun => 1) } qw(uc1 uc2);
my %id = map { $_->{name} => Compress::Raw::Zlib::crc32($_->address) } @uc;

my $tiers = MRA::Tiers->new($t, uc => [map { $_->port } @uc], cores => 2,
    workers => 2, accept => 0, http => 1, core_extra => 'capacity 500;',
    extra => 'stun_keepalive_timeout 1s;')->run;

my @core = map { '127.0.0.1:' . $tiers->core($_)->port('trunk') } 0, 1;


# an edge node, played

my $trunk = MRA::SIP->connect($tiers->core(0)->port('trunk'), ssl => 1,
    ca => $t->dir . '/ca.crt', host => 'core.example.com',
    cert => [map { $t->dir . "/edge.$_" } qw(crt key)]);

my $told;
ok(wait_for(5, sub {
    $told = parse_node(ask($trunk));
    return 2 == grep { $_ == 1 } values %{$told->{hops}} }),
    'both registrars are up');
is($told->{name}, 'core1', 'its name');
is($told->{capacity}, 500, 'its capacity');
is($told->{flags}, 0, 'no flags');
is(length $told->{tag}, 3, 'its tag');
is_deeply([sort keys %{$told->{hops}}], [sort values %id],
    'registrars by id');
is(ask($trunk, node_attributes(name => 'edge9'))->{address}, '127.0.0.1',
    'our address, too');

ok(wait_for(30, sub {
    $trunk->write(join '', map { binding_request(transaction_id()) } 1 .. 300);
    return parse_node(ask($trunk))->{cpu} > 0 }), 'its CPU, when it works');

ask($trunk, [0xc7a0, "edge\n9"]) for 1 .. 3;
is(scalar(() = $tiers->core(0)->log
    =~ /\[warn\] .* edge node tells of itself what cannot be/g), 1,
    'what cannot be is logged once');


# all of it is known at the edge node

ok(wait_for(10, sub { 2 == grep { $_->{node}
    && 2 == grep { $_->{state} eq 'up' } @{$_->{node}{next_hops}} } hops() }),
    'the edge node knows of the registrars');
is_deeply([map { $_->{node}{name} } hops()], ['core1', 'core2'], 'by name');

my $phone = $tiers->phone(0, user => 'adaptive');
my $r = $phone->register;
is($r->{status}, 200, 'a phone that follows paths');
my ($c, $u) = map { hex } $r->header('Service-Route')
    =~ /<sip:p-([0-9a-f]{8})\.([0-9a-f]{8})@/;
my ($own) = grep { hex $_->{id} == $c } hops();
my ($mine) = grep { $own->{address} eq $core[$_] } 0, 1;
ok(defined $mine, 'its core node');
my ($uc) = grep { $id{$uc[$_]{name}} == $u } 0, 1;
ok(defined $uc, 'its registrar');
ok(wait_for(10, sub {
    ask($phone); return (hops())[$mine]{node}{registrations} == 1 }),
    'it is counted');

my $classic = $tiers->phone(0, user => 'classic');
$r = $classic->register(Supported => 'path',
    Route => $r->header('Service-Route'));
is($r->{status}, 200, 'one that does not');
is($r->header('Service-Route'), undef, 'is told no path');

my $answer = ask($phone, node_attributes(name => 'phone'));
is($answer->{type}, 'success', 'all are up: success');
is_deeply([grep { $_ >= 0xc7a0 } keys %{$answer->{attributes}}], [],
    'phones are told nothing else');


# a core node in maintenance

$trunk->close;
maintenance($mine, JSON::PP::true);
ok(soon(sub { (hops())[$mine]{state} eq 'draining' }),
    'maintenance is known');
is(ask($phone)->{type}, 'error', 'who can goes another way');
is($phone->receive(0.2), undef, 'and is told nothing else');
is(ask($classic)->{type}, 'success', 'who cannot stays');
maintenance($mine, JSON::PP::false);
ok(soon(sub { (hops())[$mine]{state} eq 'up' }), 'so is its end');
is(ask($phone)->{type}, 'success', 'all are up again');

maintenance($_, JSON::PP::true) for 0, 1;
ok(wait_for(5, sub { 2 == grep { $_->{state} eq 'draining' } hops() }),
    'both in maintenance');
is(ask($phone)->{type}, 'success', 'there is no other way: it stays');
maintenance($_, JSON::PP::false) for 0, 1;
ok(wait_for(5, sub { 2 == grep { $_->{state} eq 'up' } hops() }), 'neither');


# its registrar is gone, the other one is there

$uc[$uc]->stop;
ok(soon(sub { ask($phone)->{type} eq 'error' }), 'registrar gone: error');
is(ask($classic)->{code}, 500, 'for all who register there');
is((hops())[$mine]{state}, 'up', 'the core node is up');


# both are

$uc[1 - $uc]->stop;
ok(wait_for(10, sub { 2 == grep { $_->{state} eq 'down'
    && $_->{reason} eq 'it has no next hop' } hops() }),
    'no registrar: the core nodes are of no use');
is(ask($phone)->{type}, 'error', 'error');
$_->start for @uc;
ok(wait_for(20, sub { 2 == grep { $_->{state} eq 'up' } hops() }),
    'they are back');
ok(wait_for(10, sub { ask($phone)->{type} eq 'success' }), 'success');


# its registrar is frozen, and nothing but keepalives comes

ok(wait_for(15, sub { time - ($uc[$uc]->seen)[-1]{time} > 2 }),
    'the core node has no reason of its own to ask');
$uc[$uc]->signal('STOP');
ok(wait_for(8, sub { ask($phone)->{type} eq 'error' }),
    'registrar frozen: error');
$uc[$uc]->signal('CONT');
ok(wait_for(20, sub { ask($phone)->{type} eq 'success' }), 'thawed: success');


# a core node is frozen

kill 'STOP', $tiers->core($mine)->workers;
ok(wait_for(5, sub { ask($phone)->{type} eq 'error' }),
    'core node frozen: error');
kill 'CONT', $tiers->core($mine)->workers;
ok(wait_for(20, sub { ask($phone)->{type} eq 'success' }), 'thawed: success');

$_->close for $phone, $classic;


sub ask {
    my ($ua, @attributes) = @_;

    $ua->write(binding_request(my $id = transaction_id(), @attributes));

    while (my $m = $ua->receive(10)) {
        my $answer = $m->{stun} ? parse_stun($m->{stun}) : next;
        return $answer if $answer->{id} eq $id;
    }

    return { type => 'nothing', attributes => {} };
}


sub hops {
    my %hop = map { $_->{address} => $_ }
        @{api($tiers->edge, 'next_hops')->{core}};
    return @hop{@core};
}


sub api {
    my ($node, $path) = @_;
    return decode_json(get($node->port('http'), "/api/1/$path")->{body});
}


sub maintenance {
    my ($n, $on) = @_;
    my $r = request($tiers->core($n)->port('http'),
        PATCH => '/api/1/maintenance', 'Content-Type' => 'application/json',
        body => encode_json({ maintenance => $on }));
    $r->{status} == 200 or die "maintenance: $r->{status}\n";
}


# within a second, on a machine with nothing else to do

sub soon {
    my ($true) = @_;
    my $start = time;
    wait_for(10, $true) or return 0;
    diag(sprintf 'took %.1f s', time - $start) if time - $start > 1;
    return 1;
}
