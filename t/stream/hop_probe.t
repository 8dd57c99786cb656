# What a next hop speaks is learnt without harm; probes are few, whatever the
# number of workers; each kind of next hop is judged by what it can do.

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

my $t = MRA::Nginx->new->plan(21);

my %hop = (
    stun => MRA::Hop->new($t, 'stun', stun => 1),
    sip => MRA::Hop->new($t, 'sip'),
    closes => MRA::Hop->new($t, 'closes', stun => 'close'),
    mute => MRA::Hop->new($t, 'mute', options => 0),
    path => MRA::Hop->new($t, 'path', stun => 'path'),
);

my %address = map { $_ => $hop{$_}->address } keys %hop;
my $blocks = join '', map { "
    upstream $_ { server $address{$_} fail_timeout=1s; }
    server { listen 127.0.0.1:%%PORT_$_%%; mra_sip_pass $_;
             mra_sip_response_timeout 1s; }" } sort keys %hop;

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 4;
events { }
mra { node edge1; stun_keepalive_interval 2s; stun_keepalive_timeout 1s; }
stream { $blocks
}
END

my $start = time;
$t->run();

my %client = map { $_ => MRA::SIP->connect($t->port($_)) } keys %hop;


# everybody serves, from the first moment

is(scalar(grep { $client{$_}->register->{status} != 200 }
    qw(stun sip closes mute)), 0, 'while nothing is known');
ok($t->wait_log(qr/\Q$address{path}\E in .* is down: it has no next hop/),
    'one whose own next hop is away is down');
is($client{path}->register->{status}, 503, 'and is not used');
$hop{path}->behave(stun => 1);
ok($t->wait_log(qr/\Q$address{path}\E in .* is up after/),
    'until that is back');
is($client{path}->register->{status}, 200, 'then it is');


# few probes

sleep 6 - (time - $start) if time - $start < 6;

my $seconds = time - $start;
cmp_ok(probes('stun', 'STUN'), '<=', 2 + $seconds / 1.8, 'STUN');
cmp_ok(probes('stun', 'STUN'), '>=', 2, 'more than once');
is(probes('stun', 'OPTIONS'), 1, 'then nothing else');
cmp_ok(probes('sip', 'OPTIONS'), '<=', 3 + $seconds / 1.8, 'OPTIONS');
cmp_ok(probes('sip', 'OPTIONS'), '>=', 2, 'more than once');
is(probes('sip', 'STUN'), 1, 'STUN is tried once');
is(probes('closes', 'STUN'), 1, 'where it is answered by a close too');

my ($options) = grep { ($_->{what} // '') eq 'OPTIONS' } $hop{sip}->seen;
my $m = parse_sip($options->{text});
is($m->header('Max-Forwards'), 0, 'OPTIONS goes no further');
like($m->header('Via'), qr{^SIP/2\.0/TCP 127\.0\.0\.1:\d+;branch=z9hG4bK\w+$},
    'and its answer comes back');

my @down = $t->log =~ /next hop (\S+) in .* is down/g;
is_deeply(\@down, [$address{path}], 'none of the others was ever down');


# frozen

for my $name (qw(stun sip)) {
    $hop{$name}->signal('STOP');
    ok($t->wait_log(qr/\Q$address{$name}\E in .* is down: keepalive timed/, 5),
        "$name: frozen, and nobody asks");
    $hop{$name}->signal('CONT');
}

is(keepalive('mute'), 'success', 'mute: keepalive says what is known');
$hop{mute}->signal('STOP');
is($client{mute}->register(timeout => 5)->{status}, 503,
    'mute: frozen, a request does not get through');
ok(wait_for(10, sub { keepalive('mute') eq 'error'
    || !$client{mute}->register(timeout => 5) }),
    'mute: then keepalives tell, until it is tried again');
$hop{mute}->signal('CONT');
ok(wait_for(5, sub { $client{mute}->register(timeout => 5)->{status} == 200 }),
    'mute: is tried again');

$_->close for values %client;


# on connections that nothing else is sent on

sub probes {
    my ($name, $what) = @_;
    my %what;

    for my $note (grep { $_->{what} } $hop{$name}->seen) {
        push @{$what{$note->{connection}}}, $note->{what};
    }

    return scalar grep { "@$_" eq $what } values %what;
}


sub keepalive {
    my ($name) = @_;
    $client{$name}->write(binding_request(transaction_id()));
    my $m = $client{$name}->receive(4) or return 'none';
    return parse_stun($m->{stun})->{type};
}
