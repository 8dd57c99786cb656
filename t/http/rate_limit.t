# The ninth authorization within the period is refused, for this user only.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = MRA::Nginx->new()->plan(30);
my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    qw(alice bob Alice carol), 'alice@example.com', 'EXAMPLE\\alice' });
$t->secret('wonderland');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 1;
events { }
mra { domain example.com; }
http {
    %%HTTP%%
    log_format mra '\$status \$mra_user \$mra_auth_status'
                   ' \$mra_authorizations_left';
    access_log %%DIR%%/mra.log mra;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / { %%AUTH%% }
        location /other/ {
            mra_auth_realm other;
            %%AUTH%%
        }
        %%VERIFY%%
    }
    %%APP%%
}
END

$t->run;

my $port = $t->port('http');

sub status { return get($port, $_[2] // '/',
    basic($_[0], $_[1] // 'wonderland'))->{status} }


# eight, with any spelling of the name, any password, in any realm

is(status('alice'), 200, 'first');
my $token = get($port, '/', basic('alice', 'wonderland'))->cookie('X-Auth');
is(status('Alice'), 200, 'third, another case');
is(status('alice@example.com'), 200, 'fourth, with the domain');
is(status('alice', 'queen'), 401, 'fifth, a wrong password');
is(status('alice', 'wonderland', '/other/'), 200, 'sixth, another realm');
is(status('alice'), 200, 'seventh');
is(status('alice@Example.COM.', 'x'), 401, 'eighth, another spelling');

my $asked = $uc->requests;
my $r = get($port, '/', basic('alice', 'wonderland'));

is($r->{status}, 429, 'ninth');
like($r->header('Retry-After'), qr/^(?:29\d|300)$/, 'when to come again');
is($r->header('Cache-Control'), 'no-store', 'not to be kept');
is($r->cookie('X-Auth'), undef, 'no token');
is($uc->requests, $asked, 'the UC node was not asked');

is(status('ALICE', 'queen'), 429, 'nor for a wrong password');
is(status('alice@example.com', 'x', '/other/'), 429, 'nor elsewhere');

is(status('bob'), 200, 'the user next to her');
is(get($port, '/', Cookie => "X-Auth=$token")->{status}, 200,
    'tokens are not limited') for 1 .. 9;
is(get($port, '/')->{status}, 401, 'nor is who says nothing');

$t->stop;

my @limiting = $t->log =~ /\[error\] \S+ \*\d+ (limiting [^:]*?), client:/g;
is(@limiting, 3, 'one line for each');
is($limiting[0] =~ s/(?:29\d|300)s$/Ns/r, 'limiting authorizations for user '
    . '"alice@example.com", 8 in 300s, next in Ns', 'with the count');

my $access = $t->read_file('mra.log');
like($access, qr/^200 alice\@example\.com VERIFIED 7$/m, 'first');
like($access, qr/^401 alice\@example\.com REJECTED 0$/m, 'eighth');
like($access, qr/^429 alice\@example\.com LIMITED 0$/m, 'ninth');
