# Error pages, internal redirects and nested locations: a request is
# counted and verified once, wherever it goes.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(39);
my $uc = MRA::UC->new($t,
    users => { alice => 'wonderland', bob => 'builder' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { max_authorizations 50; }
http {
    %%HTTP%%
    log_format mra '\$request_uri \$uri \$status \$mra_user \$mra_auth_status'
                   ' \$mra_authorizations_left';
    access_log %%DIR%%/mra.log mra;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        root %%DIR%%/html;
        mra_auth /verify;

        location /index/ {
            index a b;
        }
        location /try/ {
            try_files \$uri-no /index/b;
        }
        location /named/ {
            try_files \$uri-no \@named;
        }
        location \@named {
            rewrite ^ /index/b break;
        }
        location /rewrite/ {
            rewrite ^ /index/b last;
        }
        location /accel/ {
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location /gone/ {
            error_page 404 = /index/b;
        }
        location /nested/ {
            mra_auth off;
            location /nested/in/ {
                mra_auth /verify;
                location ~ b\$ {
                    alias %%DIR%%/html/index/b;
                }
            }
        }
        location /realm/ {
            try_files \$uri-no /realm2/b;
        }
        location /realm2/ {
            mra_auth_realm other;
            alias %%DIR%%/html/index/;
        }
        location /pages/ {
            error_page 401 /page/401;
            error_page 429 502 /page/other;
        }
        location /page/ {
            mra_auth off;
        }
        location /again/ {
            error_page 401 429 502 /index/b;
        }
        location /limited/ {
            error_page 429 /realm2/b;
        }
        %%VERIFY%%
    }
    server {
        listen 127.0.0.1:%%PORT_app%%;
        access_log off;
        location / {
            add_header X-Accel-Redirect /index/b;
            return 200;
        }
    }
}
END

mkdir $t->dir . "/html$_" for '', '/index', '/page';
$t->write_file('html/index/b', 'app');
$t->write_file("html/page/$_", "page $_") for qw(401 other);
$t->run;

my $port = $t->port('http');
my $n = 0;

sub ask {
    my ($uri) = @_;

    $n++;
    $uc->forget;
    $uc->behave(users => { alice => "wonder$n" });
    return get($port, $uri, basic('alice', "wonder$n"));
}


for my $uri (qw(/index/ /try/a /named/a /rewrite/a /accel/a /gone/a
                /nested/in/b))
{
    my $r = ask($uri);

    is("$r->{status} $r->{body}", '200 app', $uri);
    is($uc->requests, 1, 'asked once');
    is(scalar(my @all = $r->all('Set-Cookie')), 1, 'one token');
}

# the token of the first answer is as good everywhere

my $token = ask('/index/')->cookie('X-Auth');
$uc->forget;

is(get($port, $_, Cookie => "X-Auth=$token")->{status}, 200, "$_, token")
    for qw(/index/ /try/a /named/a /accel/a /nested/in/b);
is($uc->requests, 0, 'nobody was asked');

# two protection spaces: both ask, one authorization

my $r = ask('/realm/a');
is("$r->{status} $r->{body}", '200 app', 'from one realm to another');
is($uc->requests, 2, 'each asked');

# error pages

$r = get($port, '/pages/a', basic('alice', 'queen'));
is("$r->{status} $r->{body}", '401 page 401', 'a page for 401');
is($r->header('WWW-Authenticate'), 'Basic realm="MRA", charset="UTF-8"',
    'with the challenge');

$uc->behave(status => 500);
$r = get($port, '/pages/a', basic('bob', 'builder'));
is("$r->{status} $r->{body}", '502 page other', 'a page for 502');

$uc->forget;
$r = get($port, '/again/a', basic('bob', 'builder'));
is($r->{status}, 502, 'a page that is protected itself');
unlike($r->{body}, qr/app/, 'is not shown');
is($uc->requests, 1, 'nobody is asked twice');

$uc->behave();
get($port, '/index/', basic('bob', 'builder')) for 1 .. 48;

$r = get($port, '/pages/a', basic('bob', 'builder'));
is("$r->{status} $r->{body}", '429 page other', 'a page for 429');
$r = get($port, '/limited/a', basic('bob', 'builder'));
is($r->{status}, 429, 'a page in another realm');
unlike($r->{body}, qr/app/, 'is not shown');

$t->stop;

my @alice = grep { / alice / && !/ TOKEN / }
    $t->read_file('mra.log') =~ /^(.*\n)/mg;

is(join('', @alice), <<'END', 'variables');
/index/ /index/b 200 alice VERIFIED 49
/try/a /index/b 200 alice VERIFIED 48
/named/a /index/b 200 alice VERIFIED 47
/rewrite/a /index/b 200 alice VERIFIED 46
/accel/a /index/b 200 alice VERIFIED 45
/gone/a /index/b 200 alice VERIFIED 44
/nested/in/b /nested/in/b 200 alice VERIFIED 43
/index/ /index/b 200 alice VERIFIED 42
/realm/a /realm2/b 200 alice VERIFIED 41
/pages/a /page/401 401 alice REJECTED 40
END
