# Bearer tokens of single sign-on: asked for each time, not counted, not
# kept.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(15);
my $uc = MRA::UC->new($t);
$t->secret('eyJhbGciOi.J9.sig');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { max_authorizations 1; }
http {
    %%HTTP%%
    log_format mra '\$status \$mra_user \$mra_auth_status'
                   ' \$mra_authorizations_left';
    access_log %%DIR%%/mra.log mra;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        root %%DIR%%/html;
        mra_auth /verify;
        %%VERIFY%%
    }
}
END

mkdir $t->dir . '/html';
$t->write_file('html/a', 'app');
$t->run;

my $port = $t->port('http');
my @bearer = (Authorization => 'Bearer eyJhbGciOi.J9.sig');

$uc->behave(status => 200);

for (1 .. 3) {
    my $r = get($port, '/a', @bearer);
    is($r->{status}, 200, 'let in');
    is($r->cookie('X-Auth'), undef, 'without a token of ours');
}

is($uc->requests, 3, 'asked each time');

my ($seen) = $uc->seen;
is($seen->{headers}{authorization}, $bearer[1], 'as it came');

my @r = parallel($port, 10, GET => '/a', @bearer);
is(scalar(grep { $_->{status} == 200 } @r), 10, 'ten at once');
is($uc->requests, 13, 'each for itself');

$uc->behave(status => 401);
my $r = get($port, '/a', @bearer);
is($r->{status}, 401, 'rejected');
is($r->header('WWW-Authenticate'), 'Bearer realm="MRA", error="invalid_token"',
    'with a challenge of its kind');

$uc->behave(status => 500);
is(get($port, '/a', @bearer)->{status}, 502, 'unknown');

$t->stop;

like($t->log, qr/\[error\] .* user "-": authentication rejected, client/,
    'logged without a user');

my %seen = map { $_ => 1 } split /\n/, $t->read_file('mra.log');
is(join(', ', sort keys %seen),
    '200 - VERIFIED -, 401 - REJECTED -, 502 - UNAVAILABLE -', 'variables');
