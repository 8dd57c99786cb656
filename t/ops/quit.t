# QUIT ends by itself: at once where nobody is, and where phones are, when
# mra_sip_drain or worker_shutdown_timeout have sent them away or they leave.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new()->plan(14);
my $registrar = MRA::Registrar->new($t->port('uc'));


sub start {
    my ($main, $sip) = @_;

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
$main
events { }
mra { zone 1m; stun_keepalive off; }
stream {
    upstream uc { server 127.0.0.1:%%PORT_uc%%; }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
        $sip
    }
}
END

    $registrar->close_all;
    $t->run();
}


sub phone {
    my $ua = MRA::SIP->connect($t->port('sip'), user => 'alice');
    return $registrar->registered($ua, 3600) && $ua;
}


sub quit { kill 'QUIT', $t->master }
sub gone { my ($s) = @_; wait_for($s, sub { waitpid($t->master, 1) }) }


sub ended { delete $t->{pid} }


start('', '');
my $ua = phone();
$ua->close;
quit();
ok(gone(10), 'nobody there: ends');
ended();

start('', 'mra_sip_drain 1s;');
ok(my @ua = map({ phone() } 1 .. 5), 'phones register');
quit();
ok(gone(20), 'phones are sent away: ends');
is(scalar(grep { $_->closed(1) } @ua), 5, 'and closes');
ended();

start('worker_shutdown_timeout 1s;', '');
ok($ua = phone(), 'a phone registers');
quit();
ok(gone(20), 'time is over: ends');
ok($ua->closed(1), 'and closes');
ended();

start('', '');
ok($ua = phone(), 'a phone registers');
quit();
ok($t->wait_log(qr/gracefully shutting down.*gracefully shutting down/s, 5),
    'told to go');
ok(!gone(1), 'waits for the phone');
ok($registrar->registered($ua, 3600), 'which is served');
ok(!eval { phone() }, 'nobody else is');
$ua->close;
ok(gone(10), 'it leaves: ends');
ended();

pass('done');
