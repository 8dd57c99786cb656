# The client whose verification runs goes away, and those who wait for the
# same credentials are served; waiters that go away disturb nobody.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Test::More;

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
        location = /status {
            mra_auth off;
            access_log off;
            stub_status;
        }
        %%VERIFY%%
    }
}
END

mkdir $t->dir . '/html';
$t->write_file('html/a', 'app');
$t->run;

my $port = $t->port('http');

# requests under way: in nginx, less the one that asks

sub under_way { get($port, '/status')->{body} =~ /Writing: (\d+)/ && $1 - 1 }

sub ends { scalar(() = $t->read_file('mra.log') =~ /^499/mg) }


# the UC node holds its answers; the first client is to be the leader

sub clients {
    my ($n, $password) = @_;

    $uc->forget;
    $uc->behave(hold => 1);

    my @clients = map { MRA::HTTP->new($port) } 1 .. $n;

    for my $c (@clients) {
        $c->send(GET => '/a', basic('alice', $password));
        wait_for(20, sub { $uc->requests == 1 }) if $c == $clients[0];
    }

    # the leader and its subrequest are one
    wait_for(20, sub { under_way() == $n }) or die "$n requests do not wait\n";

    return @clients;
}


sub leave {
    my $seen = ends() + @_;

    $_->close for @_;
    return wait_for(20, sub { ends() == $seen });
}


sub verifications {
    my ($n) = @_;
    return wait_for(20, sub { $uc->requests >= $n }) && $uc->requests == $n;
}


sub answers {
    my ($status, @clients) = @_;

    $uc->behave();
    return scalar(grep { $_->receive->{status} == $status } @clients);
}


# the leader leaves

my @c = clients(20, 'wonderland');

leave(shift @c);
ok(verifications(2), 'somebody else asks');

is(answers(200, @c), 19, 'all let in');
is($uc->requests, 2, 'asked twice');

# three leaders leave

@c = clients(20, 'one');

for my $n (2 .. 4) {
    leave(shift @c);
    ok(verifications($n), "verification $n");
}

is(answers(401, @c), 17, 'all refused');

# waiters leave

@c = clients(20, 'two');

ok(leave(splice @c, 5, 10), 'their end is noticed while the others wait');
is(answers(401, @c), 10, 'the others stay');
is($uc->requests, 1, 'asked once');

# all leave, then somebody comes

@c = clients(10, 'three');

leave(reverse splice @c);
is($uc->requests, 1, 'nobody asks for those who have left');

$uc->behave();
$uc->forget;
is(get($port, '/a', basic('alice', 'three'))->{status}, 401, 'a newcomer');
is($uc->requests, 1, 'asks for himself');

# the leader and the first in the queue leave at once

@c = clients(5, 'four');

leave(splice @c, 0, 2);
is(answers(401, @c), 3, 'the others stay');

# the UC node fails while they wait

@c = clients(5, 'five');

$uc->behave(status => 500);
is(scalar(grep { $_->receive->{status} == 502 } @c), 5, 'they all hear it');
is($uc->requests, 1, 'from one verification');

$t->stop;
is(() = $t->log =~ /UC node answered 500/g, 1, 'one line says why');
like($t->read_file('mra.log'), qr/^499 -$/m, 'who left got no status');
