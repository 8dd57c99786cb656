# A UC node that does not say yes or no: 502 or 504, a line that says why,
# and nothing counted against the client.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new();
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
$t->secret('wonderland');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 1;
events { }
mra { max_authorizations 0; }
http {
    %%HTTP%%
    log_format mra '\$status \$mra_auth_status';
    access_log %%DIR%%/mra.log mra;
    upstream uc {
        server 127.0.0.1:@{[ $uc->port ]} max_fails=0;
        keepalive 4;
    }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / {
            mra_auth /verify;
            root %%DIR%%/html;
        }
        location = /verify {
            internal;
            proxy_pass http://uc;
        }

        # error pages that look like good answers
        location /pages/ {
            mra_auth /pages/verify;
            root %%DIR%%/html;
        }
        location = /pages/verify {
            internal;
            proxy_pass http://uc;
            proxy_intercept_errors on;
            error_page 401 403 500 502 504 =200 /page;
        }
        location /short/ {
            mra_auth /short/verify;
            root %%DIR%%/html;
        }
        location = /short/verify {
            internal;
            proxy_pass http://uc;
            proxy_read_timeout 300ms;
            error_page 504 =200 /page;
        }
        location /drip/ {
            mra_auth /drip/verify;
            root %%DIR%%/html;
        }
        location = /drip/verify {
            internal;
            proxy_pass http://uc;
            proxy_read_timeout 1s;
        }
        location /raw/ {
            mra_auth /raw/verify;
            root %%DIR%%/html;
        }
        location = /raw/verify {
            internal;
            proxy_pass http://uc;
            proxy_buffering off;
            proxy_read_timeout 1s;
        }
        location = /page {
            root %%DIR%%/html;
        }

        # a second UC node by error_page
        location /backup/ {
            mra_auth /backup/verify;
            root %%DIR%%/html;
        }
        location = /backup/verify {
            internal;
            proxy_pass http://127.0.0.1:%%PORT_nobody%%;
            error_page 502 = \@second;
        }
        location \@second {
            proxy_pass http://uc;
        }

        location /unbuffered/ {
            mra_auth /unbuffered/verify;
            root %%DIR%%/html;
        }
        location = /unbuffered/verify {
            internal;
            proxy_pass http://uc;
            proxy_buffering off;
        }

        location /open/ {
            mra_auth /open/verify;
            root %%DIR%%/html;
        }
        location = /open/verify {
            proxy_pass http://uc;
        }
    }
}
END

mkdir $t->dir . '/html';
$t->write_file("html/$_", 'app') for qw(a page);
my @places = qw(pages drip raw backup unbuffered open);
mkdir $t->dir . "/html/$_" for @places;
$t->write_file("html/$_/a", 'app') for @places;
$t->run;

my $port = $t->port('http');
my $n = 0;

# each with a password of its own: nothing may come from a cache

sub ask {
    my ($uri, %mode) = @_;

    $n++;
    $uc->behave(%mode, users => { alice => "wonderland$n" });
    return get($port, $uri // '/a', basic('alice', "wonderland$n"));
}


sub fails {
    my ($status, $name, %mode) = @_;

    is(ask('/a', %mode)->{status}, $status, $name);
    is(ask('/pages/a', %mode)->{status}, $status, "$name, error page");
    is(ask('/a')->{status}, 200, "good again after: $name");
}


is(ask('/a')->{status}, 200, 'good');
is(ask('/pages/a')->{status}, 200, 'good where there are error pages');

# statuses

fails(502, 'status 500', status => 500);
fails(502, 'status 302', status => 302);
fails(502, 'status 304', status => 304);
fails(502, 'status 404', status => 404);
fails(502, 'status 429', status => 429);
fails(504, 'status 504', status => 504);
fails(502, 'status 600', status => 600);

is(ask('/a', status => 204, body => '')->{status}, 200, 'status 204');
is(ask('/pages/a', status => 401)->{status}, 401, 'rejected, error page');

# what is no answer

fails(502, 'closed', close => 1);
fails(502, 'no status line', raw => "hello\n");
fails(502, 'a body alone', raw => "<html>200 OK</html>");
fails(502, 'a number', raw => "200 OK\r\n\r\n");
fails(502, 'another protocol', raw => "\x16\x03\x01\x00\x00");
fails(502, 'zeros', raw => "\0" x 1000);
fails(502, 'a broken status line', raw => "HTTP/1.1 20\r\n\r\n");
fails(502, 'half a status line', raw => "HTTP/1.1 200");
fails(502, 'half a header', raw => "HTTP/1.1 200 OK\r\nA: b\r\n");
fails(502, 'a broken header', raw => "HTTP/1.1 200 OK\r\nA\0b: c\r\n\r\n");
fails(502, 'a huge header',
    raw => "HTTP/1.1 200 OK\r\nA: " . 'x' x 100_000 . "\r\n\r\n");
fails(502, 'switching protocols', raw => "HTTP/1.1 101 Yes\r\n"
    . "Upgrade: x\r\nConnection: upgrade\r\n\r\n");
fails(502, 'another location', raw => "HTTP/1.1 200 OK\r\n"
    . "X-Accel-Redirect: /page\r\nContent-Length: 0\r\n\r\n");

# no answer in time

is(ask('/short/a', hang => 1)->{status}, 504, 'silent');
is(ask('/short/a', delay => 1)->{status}, 504, 'slow');

# the client asks to switch protocols, and the UC node would

$uc->behave(raw => "HTTP/1.1 101 Yes\r\nUpgrade: x\r\n"
    . "Connection: upgrade\r\n\r\nsecret");
my $r = get($port, '/a', basic('alice', 'x'), Upgrade => 'x',
    Connection => 'upgrade');
is($r->{status}, 502, 'no connection of the client to the UC node');

# bodies of all sizes, whole ones only

for my $body (0, 1, 4096, 8192, 100_000, 900_000, 5_000_000) {
    $r = ask('/a', body => $body);
    is("$r->{status} $r->{body}", '200 app', "a body of $body bytes");

    $r = ask('/unbuffered/a', body => $body);
    is("$r->{status} $r->{body}", '200 app', "the same, unbuffered");
}

my $good = "HTTP/1.1 200 OK\r\n";
my $chunked = "${good}Transfer-Encoding: chunked\r\n\r\n";

fails(502, 'less than announced', raw => "${good}Content-Length: 9\r\n\r\na");
fails(502, 'half a chunk', raw => "${chunked}9\r\na");
fails(502, 'no last chunk', raw => "${chunked}1\r\na\r\n");
fails(502, 'broken chunks', raw => "${chunked}zz\r\n");
is(ask('/a', raw => "${chunked}1\r\na\r\n0\r\n\r\n")->{status}, 200,
    'all chunks');
is(ask('/a', raw => "$good\r\nto the end")->{status}, 200,
    'a body that ends with the connection');

# the body has the time that the header had

my @drip = (raw => "${good}Content-Length: 1000\r\n\r\n", bytes => 100);

for my $uri (qw(/drip/a /raw/a)) {
    my $begun = time;
    is(ask($uri, @drip)->{status}, 504, "it drips, $uri");
    cmp_ok(time - $begun, '<', 5, 'which does not keep the client');
}

is(ask('/drip/a', raw => "${good}Content-Length: 3\r\n\r\n", bytes => 3)
    ->{status}, 200, 'slow but whole');

# a client's conditions and ranges are not for the UC node

$uc->forget;
$uc->behave(users => { alice => 'wonder' });
$r = get($port, '/a', basic('alice', 'wonder'), Cookie => 'a=b',
    'If-Modified-Since' => 'Sat, 29 Oct 1994 19:43:31 GMT', 'X-Other' => 'x',
    Range => 'bytes=1-2', 'Content-Type' => 'text/plain');
is($r->{status}, 206, 'let in');
is($r->{body}, 'pp', 'and given what was asked for');

my ($seen) = $uc->seen;
is(join(' ', sort keys %{$seen->{headers}}), 'authorization host x-other',
    'the UC node saw nothing of it');
is("$seen->{method} $seen->{uri}", 'GET /verify', 'but a GET');

# a second node, and a location that lacks "internal"

is(ask('/backup/a')->{status}, 200, 'the backup answered');
is(ask('/backup/a', status => 401)->{status}, 401, 'and said no');
is(ask('/open/a')->{status}, 502, 'a location open to clients');
like($t->log, qr/location "\/open\/verify" of "mra_auth" is open to/, 'told');

# down

$uc->stop;
is(get($port, '/a', basic('alice', 'y'))->{status}, 502, 'down');
ok($t->log =~ /(?:connect|recv)\(\) failed.*\n.*UC node gave no valid answer/,
    'the log tells why');
$uc->start;
is(ask('/a')->{status}, 200, 'up again');

$t->stop;
ok($t->log =~ /\[error\] .* UC node answered 500 to the [a-z ]+ "alice", /,
    'a line for each answer');
is(() = $t->log =~ /authentication rejected/g, 2,
    'nothing was held against the client, but for the two that said no');

my %status = map { $_ => 1 } split /\n/, $t->read_file('mra.log');
is(join(', ', sort keys %status), '200 VERIFIED, 206 VERIFIED, '
    . '401 REJECTED, 502 UNAVAILABLE, 504 UNAVAILABLE', 'variables');

$t->done_testing;
