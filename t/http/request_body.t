# Bodies reach the application whole, and nobody else; a request that is
# refused does not cost its connection.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;
use Time::HiRes qw(sleep);

my $t = MRA::Nginx->new()->plan(32);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my $app = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { max_authorizations 0; }
http {
    %%HTTP%%
    client_max_body_size 10m;
    client_body_buffer_size 16k;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        mra_auth /verify;
        location / {
            proxy_pass http://127.0.0.1:@{[ $app->port ]};
        }
        location /unbuffered/ {
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://127.0.0.1:@{[ $app->port ]};
        }
        %%VERIFY%%
    }
}
END

$t->run;

my $port = $t->port('http');
my $n = 0;

for my $size (0, 1, 15_000, 20_000, 400_000) {
    for my $uri ('/', '/unbuffered/') {
        my $body = substr 'abcdefg' x ($size / 7 + 1), 0, $size;

        $_->forget for $uc, $app;
        $n++;
        $_->behave(users => { alice => "wonder$n" }) for $uc, $app;

        my $r = request($port, POST => $uri, basic('alice', "wonder$n"),
            body => $body);
        my ($asked) = $uc->seen;
        my ($got) = $app->seen;

        is($r->{status}, 200, "$uri, $size bytes");
        is("$asked->{method} $asked->{body}", 'GET ', 'none for the UC node');
        ok("$got->{method} $got->{body}" eq "POST $body",
            'all for the application');
    }
}

# the same connection, refused and let in

$_->behave() for $uc, $app;

my $c = MRA::HTTP->new($port);
my @status = map { $c->request(POST => '/', body => 'x' x 50_000,
    basic('alice', $_))->{status} } qw(queen wonderland queen wonderland);

is("@status", '401 200 401 200', 'on one connection');

# the body comes late, while the verification runs

$c = MRA::HTTP->new($port);
my ($name, $value) = basic('alice', 'late');
$_->behave(users => { alice => 'late' }) for $uc, $app;
$uc->behave(users => { alice => 'late' }, delay => 0.4);

$c->write("POST / HTTP/1.1\r\nHost: a\r\n$name: $value\r\n"
    . "Content-Length: 10\r\n\r\n01234");
sleep 0.2;
$c->write('56789');

is($c->receive->{status}, 200, 'a body in pieces');
