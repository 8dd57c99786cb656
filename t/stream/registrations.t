#!/usr/bin/perl

# How many phones are registered, now and at most: right after they leave,
# expire or move, after the death of a worker and after a reload.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::Remote;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(16);
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 2;
events { accept_mutex off; }
mra { node edge1; stun_keepalive off; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%% reuseport;
        mra_sip_pass uc;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my ($worker) = $remote->workers;

sub phone {
    my ($user, $expires, %option) = @_;
    my $phone = MRA::SIP->connect($t->port('sip'), user => $user,
        instance => "<urn:uuid:$user>", %option);

    $uc->registered($phone, $expires);
    return $phone;
}

sub count {
    my ($key) = @_;
    my %count = $worker->do('nodes') =~ /(\w+)=(\d+)/g;
    return $count{$key};
}

sub counted {
    my ($key, $n, $name) = @_;
    ok(wait_for(10, sub { count($key) == $n }), $name)
        or diag($worker->do('nodes'));
}

sub peak { ($worker->do('nodes') =~ m{registrations=\d+/(\d+)\@(\d+)}) }


my $alice = phone('alice', 600);
my $bob = phone('bob', 600);

is(count('registrations'), 2, 'two phones');
is(count('connections'), 2, 'on two connections');

my ($peak, $when) = peak();
is($peak, 2, 'two at most');
cmp_ok(abs($when - time), '<=', 60, 'now');

$uc->registered($alice, 600);
is(count('registrations'), 2, 'who comes again is no other');

my $moved = phone('alice', 600);
is(count('registrations'), 2, 'nor who comes on another connection');

$alice->close;
counted('connections', 2, 'the old connection ends');
is(count('registrations'), 2, 'what has moved away from it stays');

$bob->close;
counted('registrations', 1, 'a phone is gone');

my $carol = phone('carol', 1);
counted('registrations', 1, 'a registration has expired');
is((peak())[0], 2, 'the most there were');


# workers that die: their phones are gone

my @phones = map { phone("phone$_", 600) } 1 .. 20;
is(count('registrations'), 21, 'phones in both workers');

my ($victim) = grep { $_ != $worker->pid } $t->workers;
$t->kill_worker($victim, 'KILL');
$t->expect(qr/worker process \d+ exited on signal 9/);

my $left = grep { !$_->closed(0.1) } @phones, $moved;
cmp_ok($left, '<', 21, 'a worker died with some');
counted('registrations', $left, 'which are counted no longer');
is((peak())[0], 21, 'they were, once');

$t->reload;
my $young = ($remote->workers)[0];
like($young->do('nodes'), qr{registrations=$left/21\@}, 'after a reload');
