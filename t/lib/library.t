# The library itself: the free checks fail when there is something to find,
# and only then; the mock directory and the client understand each other.

use strict;
use warnings;

use Test::More;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new()->plan(26);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
http {
    %%HTTP%%
    upstream uc {
        server 127.0.0.1:@{[ $uc->port ]};
        keepalive 4;
    }
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / {
            proxy_pass http://uc;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_read_timeout 500ms;
        }
    }
}
END


# what a small test of one nginx says at its end

sub verdict {
    my ($code, $stop) = @_;

    my $path = $t->write_file('inner.t', <<'END' . $code . ($stop // ''));
use MRA::Nginx;
use MRA::Util;
my $t = MRA::Nginx->new()->plan(0);
$t->write_file_expand('nginx.conf', "%%MAIN%%\nevents { }\n");
$t->run;
END

    my @inc = map { "-I$_" } @INC;
    my $out = $t->dir . '/inner.out';

    unlink $out;
    waitpid spawn($out, $^X, @inc, $path), 0;

    return join ', ', slurp($out) =~ /^not ok \d+ - (.*)$/mg;
}


# free checks

is(verdict(''), '', 'nothing to find');

is(verdict('$t->kill_worker(($t->workers)[0]);'), 'no alerts',
    'a killed worker is an alert');
is(verdict('$t->expect(qr/exited on signal 9/);'
    . '$t->kill_worker(($t->workers)[0]);'), '', 'unless it is expected');
is(verdict('$t->expect(qr/exited on signal 9/);'), 'no alerts',
    'an expected alert must come');

is(verdict('$t->write_file("x.log", "==1==ERROR: AddressSanitizer: x\n");'),
    'no sanitizer reports', 'address sanitizer');
is(verdict('$t->write_file("x.log", "a.c:1:2: runtime error: shift\n");'),
    'no sanitizer reports', 'undefined behaviour sanitizer');
is(verdict('$t->write_file("x.log", "==1== Invalid read of size 1\n");'),
    'no sanitizer reports', 'valgrind');

is(verdict('$t->secret("wonderland");'
    . '$t->write_file("x.log", "password wonderland");'),
    'no secrets in logs', 'a secret in a log');

is(verdict('$t->write_file("nginx.conf", slurp($t->dir . "/nginx.conf"));'
    . 'kill "STOP", $t->master; '
    . '*MRA::Nginx::end_process = sub {'
    . ' MRA::Util::end_process($_[0], $_[1], 0.2) };'),
    'nginx stopped in time', 'an nginx that does not stop');


# client and directory

$t->run();

my $port = $t->port('http');
my @alice = basic('alice', 'wonderland');

my $r = get($port, '/uds', @alice);
is($r->{status}, 200, 'known user');
like($r->{body}, qr/status="200"/, 'body');
is($r->header('content-type'), 'application/xml', 'header');
is(get($port, '/uds', basic('alice', 'x'))->{status}, 401, 'wrong password');

is($uc->requests, 2, 'requests counted');
is(($uc->seen)[0]{uri}, '/uds', 'requests noted');

my $c = MRA::HTTP->new($port);
is($c->request(POST => '/a', body => 'text', @alice)->{status}, 200,
    'kept connection');
is($c->request(GET => '/b', @alice)->{status}, 200, 'is used again');
is(($uc->seen)[2]{body}, 'text', 'body of the request');
$c->close;

$uc->behave(delay => 0.3);
my $start = time;
my @r = parallel($port, 10, GET => '/slow', @alice);
is(scalar(grep { $_->{status} == 200 } @r), 10, 'ten at once');
cmp_ok(time - $start, '<', 3 * ($ENV{MRA_VALGRIND} ? 5 : 1),
    'not one after the other');

$uc->behave(status => 500);
is(get($port, '/')->{status}, 500, 'told to fail');

$uc->behave(raw => "no status line\r\n");
is(get($port, '/')->{status}, 0, 'garbage');

$uc->behave(close => 1);
is(get($port, '/')->{status}, 502, 'closes');

$uc->behave(hang => 1);
is(get($port, '/')->{status}, 504, 'hangs');

$uc->behave(body => 200_000);
is(length get($port, '/', @alice)->{body}, 200_000, 'a large body');

$uc->stop;
is(get($port, '/')->{status}, 502, 'down');
