# Requests that are never answered: what is kept of them has an end, for one
# client and for all.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(7);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive off; }
stream {
    mra_sip_max_message_size 120k;
    mra_sip_response_timeout 5m;
    mra_sip_register_timeout 5m;

    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run;

my ($worker) = $t->workers;
my $before = rss();


# one that floods

my @ua = MRA::SIP->connect($t->port('sip'));
$ua[0]->send(register($ua[0], 1000)) for 1 .. 128;
is(relayed(128), 128, '128 small requests of one client wait');
$ua[0]->send(register($ua[0], 1000));
ok(too_many($ua[0]->receive), 'and not one more');

push @ua, MRA::SIP->connect($t->port('sip'));
my @large = map { register($ua[1], 100_000) } 1 .. 10;
$ua[1]->send($_) for @large[0 .. 2];
is(relayed(3), 3, 'of large ones fewer');
$ua[1]->send($_) for @large[3 .. 9];
is(scalar(grep { too_many($ua[1]->receive) } 3 .. 9), 7, 'the others: 503');


# many that flood

my $refused;

while (!$refused && @ua < 200) {
    push @ua, my $ua = MRA::SIP->connect($t->port('sip'));

    for (1 .. 3) {
        $ua->send(register($ua, 100_000));
        next if $uc->receive(0.5);
        $refused = $ua->receive(5);
        last;
    }
}

ok(too_many($refused), 'all together have an end as well');
cmp_ok(rss() - $before, '<', MRA::Nginx::sanitized() ? 300_000 : 80_000,
    'it is tens of megabytes');


# it is given back

my $late = MRA::SIP->connect($t->port('sip'));
$_->close for @ua;
ok(wait_for(10, sub { $late->send(register($late, 10)); relayed(1) }),
    'when they are gone, others are served');
$late->close;


sub register {
    my ($ua, $length) = @_;
    return $ua->request('REGISTER', 'sip:example.com', body => 'x' x $length);
}

sub too_many {
    my ($r) = @_;
    return $r && $r->header('Warning') =~ /too many requests wait/;
}

sub relayed { return scalar grep { $uc->receive(2) } 1 .. $_[0] }

sub rss {
    my ($kb) = slurp("/proc/$worker/status") =~ /^VmRSS:\s+(\d+) kB/m;
    return $kb;
}
