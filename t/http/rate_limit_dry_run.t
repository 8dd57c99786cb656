# Dry run, status and log level of rate control, as in limit_req.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(12);
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' } 'a' .. 'f' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { max_authorizations 1; }
http {
    %%HTTP%%
    log_format mra '\$uri \$status \$mra_user \$mra_auth_status';
    access_log %%DIR%%/mra.log mra;
    mra_rate_control_dry_run on;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        mra_auth /verify;
        proxy_set_header Authorization "";
        location / {
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location /status/ {
            mra_rate_control_dry_run off;
            mra_rate_control_status 503;
            mra_rate_control_log_level warn;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location = /verify {
            internal;
            proxy_set_header Authorization \$http_authorization;
            proxy_pass http://127.0.0.1:@{[ $uc->port ]};
        }
    }
    %%APP%%
}
END

$t->run;

sub ask {
    my ($uri, $user, $password) = @_;
    return get($t->port('http'), $uri,
        basic($user, $password // 'wonderland'));
}


is(ask('/', 'a')->{status}, 200, 'first');

my $r = ask('/', 'a');
is($r->{status}, 200, 'the second is let in');
is($r->header('Retry-After'), undef, 'as if nothing was');
isnt($r->cookie('X-Auth'), undef, 'with a token');
is(ask('/', 'a', 'wrong')->{status}, 401, 'unless the password is wrong');

is(ask('/status/', 'b')->{status}, 200, 'no dry run');
$r = ask('/status/', 'b');
is($r->{status}, 503, 'the given status');
like($r->header('Retry-After'), qr/^\d+$/, 'and when to come again');

$t->stop;

my @dry = $t->log =~
    /\[error\] \S+ \*\d+ (limiting .* user "a", 1 in 300s, .*?), client/g;
is(@dry, 2, 'logged');
like($dry[0], qr/next in \d+s, dry run$/, 'as what it is');
like($t->log, qr/\[warn\] .* user "b", 1 in 300s, next in \d+s, client/,
    'the given level');

is($t->read_file('mra.log'), <<'END', 'variables');
/ 200 a VERIFIED
/ 200 a LIMITED_DRY_RUN
/ 401 a REJECTED
/status/ 200 b VERIFIED
/status/ 503 b LIMITED
END
