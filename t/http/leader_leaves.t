# The client whose verification runs goes away, and those who wait for the
# same credentials are served; waiters that go away disturb nobody.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Test::More;
use Time::HiRes qw(sleep);

my $t = MRA::Nginx->new()->plan(18);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 1;
events { worker_connections 1024; }
mra { max_authorizations 0; }
http {
    %%HTTP%%
    log_format mra '\$status \$mra_auth_status';
    access_log %%DIR%%/mra.log mra;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        mra_auth /verify;
        location / {
            root %%DIR%%/html;
        }
        location = /verify {
            internal;
            proxy_pass http://127.0.0.1:@{[ $uc->port ]};
        }
    }
}
END

mkdir $t->dir . '/html';
$t->write_file('html/a', 'app');
$t->run;

my $port = $t->port('http');

sub clients {
    my ($n, $password) = @_;

    my @clients = map { MRA::HTTP->new($port) } 1 .. $n;

    for my $c (@clients) {
        $c->send(GET => '/a', basic('alice', $password));

        # the first is to be the first
        wait_for(5, sub { $uc->requests == 1 }) if $c == $clients[0];
    }

    return @clients;
}


sub verifications {
    my ($n) = @_;
    return wait_for(5, sub { $uc->requests >= $n }) && $uc->requests == $n;
}


# the leader leaves

$uc->behave(delay => 1);
my @c = clients(20, 'wonderland');
sleep 0.3;

(shift @c)->close;
ok(verifications(2), 'somebody else asks');

is(scalar(grep { $_->receive->{status} == 200 } @c), 19, 'all let in');
is($uc->requests, 2, 'asked twice');

# three leaders leave

$uc->forget;
$uc->behave(delay => 1);
@c = clients(20, 'one');

for my $n (2 .. 4) {
    (shift @c)->close;
    ok(verifications($n), "verification $n");
}

is(scalar(grep { $_->receive->{status} == 401 } @c), 17, 'all refused');

# waiters leave

sub gone { scalar(() = $t->read_file('mra.log') =~ /^499/mg) }

$uc->forget;
$uc->behave(delay => 3);
@c = clients(20, 'two');
sleep 0.3;
my $gone = gone() + 10;
$_->close for splice @c, 5, 10;

ok(wait_for(2, sub { gone() == $gone }), 'their end is noticed at once');
is(scalar(grep { $_->receive->{status} == 401 } @c), 10, 'the others stay');
is($uc->requests, 1, 'asked once');

# all leave, then somebody comes

$uc->forget;
$uc->behave(delay => 1);
@c = clients(10, 'three');
sleep 0.2;
$_->close for @c;
ok(verifications(1), 'nobody asks for those who have left');
sleep 0.5;

$uc->behave();
$uc->forget;
is(get($port, '/a', basic('alice', 'three'))->{status}, 401, 'a newcomer');
is($uc->requests, 1, 'asks for himself');

# the leader and the first in the queue leave at once

$uc->forget;
$uc->behave(delay => 1);
@c = clients(5, 'four');
sleep 0.3;
$_->close for splice @c, 0, 2;
is(scalar(grep { $_->receive->{status} == 401 } @c), 3, 'the others stay');

# the UC node fails while they wait

$uc->forget;
$uc->behave(delay => 0.5, status => 500);
@c = clients(5, 'five');
is(scalar(grep { $_->receive->{status} == 502 } @c), 5, 'they all hear it');
is($uc->requests, 1, 'from one verification');

$t->stop;
is(() = $t->log =~ /UC node answered 500/g, 1, 'one line says why');
like($t->read_file('mra.log'), qr/^499 -$/m, 'who left got no status');
