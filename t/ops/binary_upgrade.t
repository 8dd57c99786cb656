# A new nginx takes over from the running one by USR2, back and for good:
# people sign in and phones register all the time, and who is there stays.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new();
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my $registrar = MRA::Registrar->new($t->port('sip_uc'));
$t->secret('wonderland');

# nginx whose parent is there, as with "daemon off", takes no USR2

my $main = $t->expand('%%MAIN%%') =~ s/daemon off;//r;

$t->write_file_expand('nginx.conf', <<"END");
$main
worker_processes 2;
events { }
mra { zone 1m; max_authorizations 0; stun_keepalive off; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / { %%AUTH%% }
        %%VERIFY%%
    }
    %%APP%%
}
stream {
    upstream uc { server 127.0.0.1:%%PORT_sip_uc%%; }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
        mra_sip_drain 1s;
    }
    server {
        listen 127.0.0.1:%%PORT_kept%%;
        mra_sip_pass uc;
    }
}
END

{
    local %ENV = (%ENV, MRA::Nginx::environment());
    system($t->command('nginx.conf', 'error.log')) == 0 or die $t->log;
}

END { kill 'TERM', grep { $_ } map { pid($_) } qw(nginx.pid nginx.pid.oldbin) }


sub pid { my ($pid) = $t->read_file($_[0]) =~ /(\d+)/; return $pid }


# of a master: its workers; its child is the second nginx, too

sub workers {
    my ($master) = @_;
    return grep { slurp("/proc/$_/cmdline") =~ /^nginx: worker process/ }
        split ' ', slurp("/proc/$master/task/$master/children");
}


sub phone {
    my ($port, $user) = @_;
    my $ua = MRA::SIP->connect($t->port($port), user => $user);
    my ($m) = $registrar->registered($ua, 3600);
    return $m ? $ua : undef;
}


# on one connection: while both serve, each knows its own tokens only

sub serves {
    my ($when) = @_;
    my $c = MRA::HTTP->new($t->port('http'));
    my $r = $c->request(GET => '/', basic('alice', 'wonderland'));
    is($r->{status}, 200, "$when: a sign-in");
    is($c->request(GET => '/', Cookie => 'X-Auth=' . $r->cookie('X-Auth')
        )->{status}, 200, "$when: its token");
    $c->close;
    ok(phone('sip', 'new'), "$when: a phone registers");
}


sub refreshes {
    my ($ua, $when) = @_;
    ok(!$ua->closed(0.1) && $registrar->registered($ua, 3600),
        "$when: a phone of before is there");
}


sub upgrade {
    my $old = pid('nginx.pid');
    kill 'USR2', $old;
    ok(wait_for(20, sub { (pid('nginx.pid.oldbin') // 0) == $old
        && (pid('nginx.pid') // $old) != $old
        && workers(pid('nginx.pid')) == 2 }), 'a second nginx starts');
    return ($old, pid('nginx.pid'));
}


ok(wait_for(10, sub { pid('nginx.pid') }), 'starts');
# its workers take nobody any more

sub retire {
    my ($master, $signal) = @_;
    my @retired = workers($master);

    kill $signal, $master;
    ok(wait_for(10, sub { !grep { $t->log !~ / $_#.*gracefully/ } @retired }),
        'old workers are to go');
    return @retired;
}


serves('before');
my $kept = phone('kept', 'kept');
my ($old, $new) = upgrade();
serves('both');
refreshes($kept, 'both');


# the old workers go, all is done by the new ones

my @retired = retire($old, 'WINCH');
serves('new workers');
refreshes($kept, 'new workers');


# no: back to the old one

kill 'HUP', $old;
ok(wait_for(10, sub { grep({ my $w = $_; !grep { $w == $_ } @retired }
    workers($old)) == 2 }), 'the old nginx has workers again');
kill 'QUIT', $new;
ok(wait_for(20, sub { !kill 0, $new }), 'the new one ends by itself');
ok(wait_for(5, sub { pid('nginx.pid') == $old }), 'the old one is the one');
serves('rolled back');
refreshes($kept, 'rolled back');


# yes: the new one stays

($old, $new) = upgrade();
retire($old, 'QUIT');
serves('taken over');
refreshes($kept, 'taken over');
ok(kill(0, $old), 'the old nginx waits for its phone');
$kept->close;
ok(wait_for(10, sub { !kill 0, $old }), 'and ends when it has left');
ok(wait_for(5, sub { !-e $t->dir . '/nginx.pid.oldbin' }), 'all of it');
serves('alone');
kill 'QUIT', $new;
ok(wait_for(20, sub { !kill 0, $new }), 'ends');

MRA::Nginx::done_testing();
