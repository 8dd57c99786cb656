# mra_sip_drain: a worker that is to quit lets its idle clients go, one after
# the other, and those in a call when it has ended.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = MRA::Nginx->new->plan(14);

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
        mra_sip_drain 3s;
    }
    server {
        listen 127.0.0.1:%%PORT_kept%%;
        mra_sip_pass uc;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my @idle = map { client($t->port('sip'), "user$_") } 1 .. 9;
my $kept = client($t->port('kept'), 'kept');

my $busy = client($t->port('sip'), 'busy');
$busy->send($busy->request('INVITE', 'sip:bob@example.com'));
my $invite = $uc->receive;
$uc->reply($invite, 200, 'OK');
my $ok = $busy->receive;

# two whose call is being set up

my $ringing = client($t->port('sip'), 'ringing');
$ringing->send($ringing->request('INVITE', 'sip:bob@example.com'));
my $ring = $uc->receive;
$uc->reply($ring, 180, 'Ringing');
$ringing->receive;

my $refused = client($t->port('sip'), 'refused');
$refused->send($refused->request('INVITE', 'sip:bob@example.com'));
my $refuse = $uc->receive;

my ($old) = $t->workers;
$t->reload;
my $began = time;

my %closed;

while (time - $began < 8 && keys %closed < @idle) {
    for my $ua (grep { !$closed{$_} } @idle) {
        $closed{$ua} = time - $began if $ua->closed(0.01);
    }
}

is(scalar keys %closed, 9, 'idle clients were let go');

my @times = sort { $a <=> $b } values %closed;
cmp_ok($times[-1], '<', 6, 'in about the time that was set');
cmp_ok($times[-1] - $times[0], '>', 0.5, 'not all at once');

ok(!$busy->closed(0.1), 'not the one in a call');
ok(!$ringing->closed(0.1), 'nor one whose call rings');
$uc->reply($ring, 200, 'OK');
is($ringing->receive->{status}, 200, 'it is answered');
$uc->reply($refuse, 486, 'Busy Here');
is(($refused->receive // {})->{status}, 486, 'or refused');
ok($refused->closed(4), 'then it may go too');
$ringing->close;
ok(!$kept->closed(0.1), 'nor that of a server that does not drain');

my $again = client($t->port('sip'), 'user1');
ok(!$again->closed(2), 'new ones are not drained');

$busy->send($busy->request('BYE', 'sip:bob@example.com',
    To => $ok->header('To'), Route => [reverse $ok->all('Record-Route')]));
my $bye = $uc->receive;
is($bye->{method}, 'BYE', 'the call ends');
$uc->reply($bye, 200, 'OK');
is($busy->receive->{status}, 200, 'as calls do');
ok($busy->closed(4), 'then its client is let go too');

$kept->close;
ok(wait_for(5, sub { !kill 0, $old }), 'and the old worker ends');

$again->close;


sub client {
    my ($port, $user) = @_;
    my $ua = MRA::SIP->connect($port, user => $user);
    $uc->registered($ua, 3600);
    return $ua;
}
