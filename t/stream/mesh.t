# What nodes tell each other in keepalives, seen from the edge: the other side
# is played, so that it can lie.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP;
use MRA::HTTP;
use MRA::Hop;
use MRA::Nginx;
use MRA::SIP;
use MRA::STUN;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new->plan(48);

my $pushes = 0;
my %told = (name => 'core1', registrations => 40, capacity => 100,
    cpu => 77, clients => 3, hops => [[0xcafe, 1], [0xbeef, 2]]);

my $core = MRA::Hop->new($t, 'core', stun => 1,
    node => [node_attributes(%told)]);
my $other = MRA::Hop->new($t, 'other', stun => 1);

my $hops = join ' ', map { "server " . $_->address . ' fail_timeout=4s;' }
    $core, $other;

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; capacity 1000; stun_keepalive_interval 4s;
      stun_keepalive_timeout 1s; }
http { %%HTTP%%
    server { listen 127.0.0.1:%%PORT_http%%;
        location /api/ { mra_api; }
        location /metrics { mra_metrics; } }
}
stream {
    upstream cores { $hops }
    server { listen 127.0.0.1:%%PORT_sip%%; mra_sip_pass cores; }
}
END

$t->run();


# what is told is known

ok(wait_for(5, sub { hop($core)->{node} }), 'a node of ours');
my $hop = hop($core);
is($hop->{node}{name}, 'core1', 'its name');
is($hop->{node}{registrations}, 40, 'its registrations');
is($hop->{node}{capacity}, 100, 'its capacity');
is($hop->{node}{cpu_permille}, 77, 'its load');
is($hop->{node}{clients}, 3, 'its clients');
ok(!$hop->{node}{maintenance}, 'no maintenance');
is_deeply($hop->{node}{next_hops}, [{ id => '0000cafe', state => 'up' },
    { id => '0000beef', state => 'down' }], 'its next hops');
like($hop->{id}, qr/^[0-9a-f]{8}$/, 'a hop has an id');
like(metrics(), qr/next_hop_registrations\{upstream="cores",server="\Q@{[
    $core->address]}\E"\} 40\n/, 'registrations as a metric');
is(hop($other)->{node}, undef, 'the other one is none of ours');
unlike(metrics(), qr/next_hop_registrations\{[^}]*\Q@{[$other->address]}/,
    'and has no such metric');


# what we tell, and to whom: 2 workers with 2 links each

ok(wait_for(10, sub { telling($core) == 4 }), 'each link tells of us');
my ($began) = map { $_->{time} } grep { ($_->{what} // '') eq 'STUN' }
    $core->seen;
cmp_ok((grep { told($_) } $core->seen)[3]{time} - $began, '<', 3,
    'at once');
my ($note) = grep { told($_) } $core->seen;
is(pack('H*', $note->{attributes}{c7a0}), 'edge1', 'our name');
like($note->{attributes}{c7a1}, qr/^0100.{4}0{8}000003e8/, 'our load');
like($note->{attributes}{c7a3}, qr/^[0-9a-f]{6}$/, 'our tag');

my %first;
$first{$_->{connection}} //= told($_)
    for grep { ($_->{what} // '') eq 'STUN' } $core->seen;
is(scalar(grep { $_ } values %first), 4, 'in the first STUN of a link');
ok(wait_for(15, sub { (grep { told($_) } $core->seen) >= 8 }),
    'and again');
is(telling($core), 4, 'on links only, not on spare connections');
is(telling($other), 0, 'nothing to who is none of ours');


# changes are known at once

my ($phone) = grep { server($_) eq 'core' }
    map { MRA::SIP->connect($t->port('sip')) } 1 .. 4;
ok($phone, 'a phone there');

push_node(flags => 1);
ok(soon(sub { hop($core)->{state} eq 'draining' }), 'maintenance');
is(scalar(grep { server(MRA::SIP->connect($t->port('sip'))) ne 'other' }
    1 .. 6), 0, 'new clients go elsewhere');
like(faults(), qr/"core1": 1 of its 2 next hops are down/,
    'the status says what is down behind it');
like(faults(), qr/is in maintenance mode/, 'and of the maintenance');

is(server($phone), 'other', 'a phone that comes back, too');
is_deeply(hop($core)->{clients_left},
    { down => 0, draining => 1, balance => 0 }, 'one has left');
like(metrics(), qr/sip_rerouted_total\{reason="draining"\} 1\n/,
    'and why is a metric');
$phone->close;

push_node(flags => 0);
ok(soon(sub { hop($core)->{state} eq 'up' }), 'its end');
ok(wait_for(5, sub {
    server(MRA::SIP->connect($t->port('sip'))) eq 'core' }),
    'new clients go there again');

push_node(flags => 2);
ok(soon(sub { hop($core)->{state} eq 'down' }), 'no next hop of its own');
is(hop($core)->{reason}, 'it has no next hop', 'is the reason');
push_node(flags => 0);
ok(soon(sub { hop($core)->{state} eq 'up' }), 'it has one again');

push_node(hops => [[0xcafe, 2], [0xbeef, 3], [0xfeed, 99]]);
ok(soon(sub { hop($core)->{node}{next_hops}[0]{state} eq 'down' }),
    'one of its next hops is down');
is_deeply([map { $_->{state} } @{hop($core)->{node}{next_hops}}],
    ['down', 'draining', 'unknown'], 'a state of a later release');


# lies

my $was = hop($core)->{node}{registrations};
my @lies = (
    [[0xc7a0, "core\n1"]],
    [[0xc7a0, 'x' x 65]],
    [[0xc7a0, '']],
    [[0xc7a1, pack 'CCnNNN', 1, 0, 0, 4294967295, 0, 0]],
    [[0xc7a1, pack 'CCnNNN', 1, 0, 65535, 1, 1, 1]],
    [[0xc7a1, "\1"]],
    [[0xc7a2, "\0" x 800]],
    [[0xc7a2, "\0" x 7]],
    [[0xc7a3, 'tag of ours']],
);
push_attributes(@$_, [0x8022, 'a lie']) for @lies;
push_attributes([0xc7a0, 'core2']);
ok(wait_for(5, sub { hop($core)->{node}{name} eq 'core2' }),
    'after all of them it may say the truth');
is(hop($core)->{node}{registrations}, $was, 'nothing was believed');
is(hop($core)->{state}, 'up', 'it is up nevertheless');
is(lines(qr/\[warn\] .* next hop tells of itself what cannot be/), 1,
    'which is logged once');


# one that changes its mind all the time

my $flaps = lines(qr/is down: it has no next hop/);
my $start = time;
for my $n (1 .. 30) {
    push_node(flags => $n % 2 ? 2 : 0);
    select undef, undef, undef, 0.1;
}
cmp_ok(lines(qr/is down: it has no next hop/) - $flaps, '<=',
    4 + (time - $start) / 4, 'is no flood in the log');
push_node(flags => 0);
ok(wait_for(10, sub { hop($core)->{state} eq 'up' }), 'and is up in the end');


# frozen; requests arrive, answers do not

$core->signal('STOP');
ok(wait_for(15, sub { hop($core)->{state} eq 'down' }), 'frozen: down');
is(hop($core)->{reason}, 'keepalive timed out', 'is the reason');
$core->signal('CONT');
ok(wait_for(10, sub { hop($core)->{state} eq 'up' }), 'it is up again');

$core->behave(options => 0, register => 0);
ok(wait_for(15, sub { hop($core)->{state} eq 'down' }), 'no answers: down');
is(hop($core)->{reason}, 'keepalive timed out', 'is the reason');
$core->behave(stun => 1, node => [node_attributes(%told)], push => $pushes);
ok(wait_for(20, sub { hop($core)->{state} eq 'up' }), 'it answers again');


sub push_node {
    my (%change) = @_;
    push_attributes(node_attributes(%told, %change));
}


sub push_attributes {
    $core->behave(stun => 1, node => [@_], push => ++$pushes);
    wait_for(5, sub { $core->pushed == $pushes }) or die "not pushed\n";
}


sub soon {
    my ($true) = @_;
    my $start = time;
    wait_for(10, $true) or return 0;
    diag(sprintf 'took %.1f s', time - $start) if time - $start > 1;
    return 1;
}


sub told { $_[0]->{attributes} && $_[0]->{attributes}{c7a0} }


sub telling {
    my %told = map { $_->{connection} => 1 } grep { told($_) } $_[0]->seen;
    return scalar keys %told;
}


sub server {
    my ($ua) = @_;
    my $answer = $ua->register;
    return $answer->{status} == 200 ? $answer->header('Server') : '';
}


sub hop {
    my ($which) = @_;
    my ($hop) = grep { $_->{address} eq $which->address }
        @{get_api('next_hops')->{cores}};
    return $hop;
}


sub lines { my ($re) = @_; return scalar grep { /$re/ } split /\n/, $t->log }
sub faults { join "\n", map { $_->{what} } @{get_api('services')->{faults}} }
sub metrics { get($t->port('http'), '/metrics')->{body} }
sub get_api { decode_json(get($t->port('http'), "/api/1/$_[0]")->{body}) }
