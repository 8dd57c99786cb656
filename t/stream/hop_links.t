# The connections to next hops: opened early, a few for all clients, over
# TCP, IPv6 and unix sockets, kept alive, opened again, kept over reloads.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Hop;
use MRA::Nginx;
use MRA::SIP;
use MRA::STUN;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time sleep);

my $t = MRA::Nginx->new->plan(24)
    ->expect(qr/worker process \d+ exited on signal 9/);

my $v4 = MRA::Hop->new($t, 'v4', stun => 1);
my $v6 = MRA::Hop->new($t, 'v6', address => '::1');
my $unix = MRA::Hop->new($t, 'unix', address => 'unix:' . $t->dir . '/uc');
my $off = MRA::Hop->new($t, 'off');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { worker_connections 64; }
mra { node edge1; stun_keepalive_interval 1s; stun_keepalive_timeout 500ms; }
stream {
    mra_sip_connections 3;

    upstream uc {
        server @{[$v4->address]} weight=2;
        server @{[$v6->address]};
        server @{[$unix->address]};
        server @{[$off->address]} down;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_direct%%;
        mra_sip_pass @{[$v4->address]};
        mra_sip_connections 1;
        mra_sip_bind 127.0.0.2;
    }
}
END

$t->run();


# opened before anybody asks, three in each worker, and those of "direct"

ok(wait_for(5, sub { $v6->connections == 6 && $unix->connections == 6
    && $v4->connections == 8 }), 'links are opened when workers start');
is($off->connections, 0, 'none to one that is down in the configuration');

my %by;
$by{registered('sip')}++ for 1 .. 20;
is_deeply(\%by, { v4 => 10, v6 => 5, unix => 5 },
    'clients by weight, over TCP, IPv6 and unix sockets');
is(registered('direct'), 'v4', 'an address instead of an upstream');


# many clients, few connections, in order

my @clients = map { MRA::SIP->connect($t->port('sip'), user => "u$_") }
    1 .. 20;

for my $ua (@clients) {
    $ua->write(join '', map { $ua->request('REGISTER', 'sip:example.com') }
        1 .. 5);
}

my @answers = map { my $ua = $_; map { $ua->final } 1 .. 5 } @clients;

is(scalar(grep { $_ && $_->{status} == 200 } @answers), 100,
    'all are answered');
is(scalar(grep { answers_in_order(@answers[$_ * 5 .. $_ * 5 + 4]) } 0 .. 19),
    20, 'in the order in which they were asked');
is($v4->connections, 8, 'over the connections that were there');


# keepalives on all of them

ok(wait_for(5, sub { 8 <= grep { $_ > 1 } values %{count($v4, 'STUN')} }),
    'STUN, again and again, where it is spoken');
ok(wait_for(5, sub { 6 <= grep { $_ > 1 } values %{count($v6, 'PING')} }),
    'CRLF where it is not');
is(scalar(grep { $_ > 1 } values %{count($v6, 'STUN')}), 0,
    'and not STUN');


# the next hop closes them all

my $ua = MRA::SIP->connect($t->port('direct'));
is($ua->register->{status}, 200, 'before the next hop starts again');
$v4->stop->start;
ok(wait_for(4, sub { $ua->register->{status} == 200 }), 'and after');
ok(wait_for(5, sub { alive($v4) == 8 }), 'all links are there again');


# it sends what is no SIP: that link is closed and opened again

$v4->behave(register => 'garbage', stun => 1);
my $victim = MRA::SIP->connect($t->port('direct'));
$victim->send($victim->request('REGISTER', 'sip:example.com'));
ok($t->wait_log(qr/\[warn\] .* next hop sent invalid message: neither/),
    'garbage is noticed');
$v4->behave(stun => 1);
ok(wait_for(4, sub { registered('direct') eq 'v4' }),
    'the next messages pass');


# reload: clients of the old workers keep their links

my @old = $t->workers;
$t->reload;
is($ua->register->{status}, 200, 'a client of an old worker');
is(keepalive($ua), 'success', 'and its keepalive');
is(registered('direct'), 'v4', 'a client of a new one');
ok(scalar(grep { kill 0, $_ } @old), 'old worker lives on for its clients');

$_->close for $ua, $victim, @clients;
ok(wait_for(5, sub { !grep { kill 0, $_ } @old }),
    'and ends with the last of them');


# a worker is killed: whoever takes over probes and serves

$t->kill_worker(($t->workers)[0]);
is(registered('direct'), 'v4', 'after a worker was killed');
$v6->stop;
ok($t->wait_log(qr/\Q@{[$v6->address]}\E in upstream "uc" is down/),
    'a loss is still noticed');


# more clients than connections: those to next hops are not given away

my @crowd = map { eval { MRA::SIP->connect($t->port('sip')) } } 1 .. 200;
$v4->stop->start;
ok(wait_for(5, sub { alive($v4) == 8 }),
    'links are opened again although clients crowd');
my @served = grep { my $r = eval { $_->register(timeout => 2) };
    $r && $r->{status} == 200 } grep { $_ } @crowd[0 .. 9];
cmp_ok(scalar @served, '>', 5, 'and those who are in are served');


# of the process that runs now

sub alive {
    my ($hop) = @_;
    my $pid = $hop->pid;
    my %open;

    for my $note (grep { $_->{connection} =~ /^$pid\./ } $hop->seen) {
        $open{$note->{connection}} = 1 if $note->{opened};
        delete $open{$note->{connection}} if $note->{closed};
    }

    return scalar keys %open;
}


sub count {
    my ($hop, $what) = @_;
    my %count;
    $count{$_->{connection}}++
        for grep { ($_->{what} // '') eq $what } $hop->seen;
    return \%count;
}


sub answers_in_order {
    my @numbers = map { $_->header('CSeq') =~ /^(\d+)/ } @_;
    return "@numbers" eq join ' ', sort { $a <=> $b } @numbers;
}


sub registered {
    my ($port) = @_;
    my $r = MRA::SIP->connect($t->port($port))->register(timeout => 5)
        or return 'none';
    return $r->{status} == 200 ? $r->header('Server') : $r->{status};
}


sub keepalive {
    my ($ua) = @_;
    $ua->write(binding_request(transaction_id()));
    my $m = $ua->receive(4) or return 'none';
    return parse_stun($m->{stun})->{type};
}
