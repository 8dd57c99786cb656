# A next hop is killed, frozen, comes back: the next REGISTER is answered by
# another one, and a client's keepalive tells, in all workers.

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

my $t = MRA::Nginx->new->plan(25);

my $one = MRA::Hop->new($t, 'one', stun => 1);
my $two = MRA::Hop->new($t, 'two', stun => 1);
my $last = MRA::Hop->new($t, 'last');
my ($first, $second) = map { $_->address } $one, $two;

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; }
stream {
    upstream uc {
        server $first fail_timeout=2s;
        server $second fail_timeout=2s;
        server @{[$last->address]} backup;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%% reuseport;
        mra_sip_pass uc;
    }
}
END

$t->run;


# clients in both workers, on both hops

ok(wait_for(5, sub { 3 == lines(qr/next hop \S+ in .* is up$/) }),
    'all next hops are found up');

my @clients = map { MRA::SIP->connect($t->port('sip'), user => "u$_") }
    1 .. 12;
my %of = map { $_ => registered($clients[$_]) } 0 .. $#clients;

is_deeply([sort keys %{{ reverse %of }}], ['one', 'two'],
    'clients are spread over the next hops, and not over the backup');
is(scalar(grep { $of{$_} eq 'one' } keys %of), 6, 'evenly, by all workers');
is(scalar(grep { keepalive($_) ne 'success' } @clients), 0,
    'all keepalives are good');


# killed

my @on_one = @clients[grep { $of{$_} eq 'one' } 0 .. $#clients];
my $start = time;
$one->stop;

is(scalar(grep { slow($start, sub { keepalive($_) }, 'error') } @on_one), 0,
    'keepalives of its clients tell that it is gone');
cmp_ok(time - $start, '<', 1, 'within a second');
is(scalar(grep { registered($_) ne 'two' } @on_one), 0,
    'their next REGISTER is answered by the other one');
cmp_ok(time - $start, '<', 1.5, 'at once');
is(scalar(grep { keepalive($_) ne 'success' } @clients), 0,
    'then their keepalives are good');
is(lines(qr/\[warn\] \S+ next hop \Q$first\E in upstream "uc" is down: conn/),
    1, 'one line tells of it');


# frozen: the other one too

$start = time;
$two->signal('STOP');

$_->send($_->request('REGISTER', 'sip:example.com', Expires => 600))
    for @clients[0 .. 7];
$clients[8]->send($clients[8]->request('MESSAGE', 'sip:bob@example.com'));
is(scalar(grep { $_ && $_->header('Server') eq 'last' }
    map { $_->final } @clients[0 .. 7]), 8,
    'REGISTERs to a frozen one go on, from all workers');
cmp_ok(time - $start, '<', 3.2, 'within the timeout of keepalives');
is($clients[8]->final(3)->{status}, 503, 'other requests get 503');
is(scalar(grep { keepalive($_) ne 'error' } @clients[8 .. 11]), 0,
    'all who are on it are told');
is(scalar(grep { registered($_) ne 'last' } @clients), 0,
    'the backup serves them');
ok($t->wait_log(qr/\Q$second\E in upstream "uc" is down: keepalive timed out/),
    'logged');


# frozen while nothing but a keepalive comes

$last->signal('STOP');
sleep 1.1;
$start = time;
is(keepalive($clients[3]), 'error', 'keepalive finds a frozen one');
cmp_ok(time - $start, '<', 2.9, 'and is answered within its own timeout');
is(final($clients[3])->{status}, 503, 'no next hop is left: 503');


# they come back

$one->start;
ok($t->wait_log(qr/\[notice\] \S+ next hop \Q$first\E in .* is up after/, 4),
    'killed one is back');
$two->signal('CONT');
ok($t->wait_log(qr/\[notice\] \S+ next hop \Q$second\E in .* is up after/, 4),
    'frozen one is back');

is(scalar(grep { registered($_) !~ /^(?:one|two)$/ } @clients), 0,
    'they have the clients again');
is(scalar(grep { keepalive($_) ne 'success' } @clients), 0,
    'all keepalives are good');
is(lines(qr/\[error\]/), 0, 'nothing else is an error');

$last->signal('CONT');


# STUN and SIP never share a connection before STUN is known to be spoken

my @notes = grep { $_->{what} } $last->seen;
my %began;
$began{$_->{connection}} //= $_->{what} for @notes;
my %both = map { $_->{connection} => 1 }
    grep { $_->{what} eq 'STUN' && $began{$_->{connection}} ne 'STUN' } @notes;
is(scalar(keys %both), 0, 'no STUN on connections of clients');


sub lines { my ($re) = @_; return scalar grep { /$re/ } split /\n/, $t->log }


sub final {
    my ($ua) = @_;
    $ua->send($ua->request('REGISTER', 'sip:example.com', Expires => 600));
    return $ua->final(8) // { status => 0 };
}


sub registered {
    my ($ua) = @_;
    my $r = final($ua);
    return $r->{status} == 200 ? $r->header('Server') : $r->{status};
}


sub keepalive {
    my ($ua) = @_;
    $ua->write(binding_request(transaction_id()));
    my $m = $ua->receive(4) or return 'none';
    return parse_stun($m->{stun})->{type};
}


# true unless it becomes so within a second

sub slow {
    my ($start, $what, $wanted) = @_;

    until (time - $start > 1) {
        return 0 if $what->() eq $wanted;
    }

    return 1;
}
