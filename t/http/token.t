# A token stands for the credentials until it expires; a cached credential
# spares the UC node, a wrong password never does.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;
use Time::HiRes qw(sleep);

my $t = MRA::Nginx->new()->plan(34);
my $uc = MRA::UC->new($t,
    users => { alice => 'wonderland', bob => 'builder' });
$t->secret('wonderland', 'builder');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { credentials_refresh_interval 8s; max_authorizations 100; }
http {
    %%HTTP%%
    log_format mra '\$request_uri \$status "\$http_cookie" "\$cookie_x_auth"'
                   ' \$mra_user \$mra_auth_status \$mra_authorizations_left';
    access_log %%DIR%%/mra.log mra;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        mra_auth /verify;
        location / {
            proxy_set_header X-User \$mra_user;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location /forward/ {
            mra_auth_cookie X-Auth forward=on;
            access_log off;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location /bad {
            access_log off;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location /other/ {
            mra_auth_realm other;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        %%VERIFY%%
    }
    server {
        listen 127.0.0.1:%%PORT_app%%;
        access_log off;
        location / {
            return 200 "\$http_x_user [\$http_cookie]";
        }
    }
}
END

$t->run;

my $port = $t->port('http');
my @alice = basic('alice', 'wonderland');

my $r = get($port, '/in', @alice);
my $token = $r->cookie('X-Auth');
$t->secret($token);

is($r->{status}, 200, 'signed in');
is($uc->requests, 1, 'the UC node was asked');
like($token, qr/^[\w-]{43}$/, 'a token');

# the token

$r = get($port, '/token', Cookie => "X-Auth=$token");
is($r->{status}, 200, 'let in by the token');
is($r->{body}, 'alice []', 'with the user, without the token');
is($r->cookie('X-Auth'), undef, 'no second token');

$r = get($port, '/token', Cookie => "a=b; X-Auth=$token; c=d");
is($r->{body}, 'alice [a=b; c=d]', 'other cookies go on');

$r = get($port, '/token', Cookie => "X-Auth=$token; a=b");
is($r->{body}, 'alice [a=b]', 'also when it is the first');

$r = get($port, '/token', Cookie => "a=b;X-Auth=$token");
is($r->{body}, 'alice [a=b]', 'or the last');

$r = get($port, '/token', Cookie => "a=b; X-Auth=$token",
    basic('alice', 'wrong'));
is($r->{status}, 200, 'credentials beside a good token are not looked at');

is(get($port, '/forward/', Cookie => "X-Auth=$token")->{body},
    " [X-Auth=$token]", 'forwarded where told');
is(get($port, '/other/', Cookie => "X-Auth=$token")->{status}, 401,
    'worth nothing in another realm');
is($uc->requests, 1, 'the UC node was not asked again');

# no token

for my $bad ('', 'x', substr($token, 0, 42), "${token}A", lc $token,
    '"' . $token . '"', '../' . $token)
{
    is(get($port, '/bad', Cookie => "X-Auth=$bad")->{status}, 401,
        'not a token');
}

is(get($port, '/bad', Cookie => "x-auth=$token")->{status}, 401,
    'not the name of the cookie');
is(get($port, '/bad', Cookie => "X-AuthX-Auth=$token")->{status}, 401,
    'nor this one');

# the cache

$r = get($port, '/cached', @alice);
is($r->{status}, 200, 'credentials again');
is($uc->requests, 1, 'the UC node was not asked');
isnt($r->cookie('X-Auth'), $token, 'a token of its own');
$t->secret($r->cookie('X-Auth'));

is(get($port, '/wrong', basic('alice', 'queen'))->{status}, 401,
    'a wrong password');
is($uc->requests, 2, 'is for the UC node to judge');
is(get($port, '/cached', @alice)->{status}, 200, 'the good one still is');
is($uc->requests, 2, 'and still cached');
is(get($port, '/wrong', basic('bob', 'wonderland'))->{status}, 401,
    'the password of somebody else');

# the end

sleep 8.1;

is(get($port, '/late', Cookie => "X-Auth=$token")->{status}, 401,
    'the token has expired');
is(get($port, '/late', Cookie => "X-Auth=$token", @alice)->{status}, 200,
    'which is no failure');
is($uc->requests, 4, 'the cached credential has expired too');

$t->stop;

my $access = $t->read_file('mra.log') =~ s{^/(?:wrong|other).*\n}{}mgr;

is($access, <<'END', 'variables');
/in 200 "-" "-" alice VERIFIED 99
/token 200 "" "-" alice TOKEN -
/token 200 "a=b; c=d" "-" alice TOKEN -
/token 200 "a=b" "-" alice TOKEN -
/token 200 "a=b" "-" alice TOKEN -
/token 200 "a=b" "-" alice TOKEN -
/cached 200 "-" "-" alice CACHED 98
/cached 200 "-" "-" alice CACHED 96
/late 401 "" "-" - - -
/late 200 "" "-" alice VERIFIED 95
END
