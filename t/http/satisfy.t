# "satisfy any" and "all" with addresses, as with auth_basic.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(16);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { max_authorizations 3; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        root %%DIR%%/html;
        mra_auth /verify;

        location /any/ {
            satisfy any;
            allow 127.0.0.2;
            deny all;
        }
        location /all/ {
            allow 127.0.0.2;
            deny all;
        }
        location = /verify {
            internal;
            allow all;
            proxy_pass http://127.0.0.1:@{[ $uc->port ]};
        }
    }
}
END

mkdir $t->dir . "/html$_" for '', '/any', '/all';
$t->write_file("html/$_/a", 'app') for qw(any all);
$t->run;

my $port = $t->port('http');

sub any { get($port, '/any/a', @_) }
sub all { get($port, '/all/a', @_) }

my @alice = basic('alice', 'wonderland');
my @queen = basic('alice', 'queen');
my @near = (source => '127.0.0.2');

# any

my $r = any();
is($r->{status}, 401, 'neither');
is($r->header('WWW-Authenticate'), 'Basic realm="MRA", charset="UTF-8"',
    'credentials would do');

$r = any(@near);
is($r->{status}, 200, 'the address');
is($r->header('WWW-Authenticate'), undef, 'asks for no more');

is(any(@alice)->{status}, 200, 'the credentials');
is(any(@queen)->{status}, 401, 'wrong credentials');
is($uc->requests, 2, 'the UC node was asked');

$r = any(@near, @alice);
is($r->{status}, 200, 'both');
is($r->cookie('X-Auth'), undef, 'the address comes first');
is(any(@near, @queen)->{status}, 200, 'wrong credentials do not matter');
is($uc->requests, 2, 'nobody was asked');

# all

is(all()->{status}, 403, 'neither');
is(all(@alice)->{status}, 403, 'credentials alone');
is(all(@near)->{status}, 401, 'the address alone');
is(all(@near, @alice)->{status}, 200, 'both are needed');

# the limit is no matter of either

is(any(@alice)->{status}, 429, 'what was refused by address did not count');
