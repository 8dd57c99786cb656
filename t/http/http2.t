# The same over HTTP/2: sign-in, token in a cookie of several pieces, the
# limit, and many streams of one connection that wait for one verification.

use strict;
use warnings;

use MRA::Cert;
use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(13);
my $uc = MRA::UC->new($t,
    users => { alice => 'wonderland', bob => 'builder', carol => 'c' });
my ($crt, $key) = MRA::Cert->new($t->dir)->issue('edge');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { max_authorizations 30; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_https%% ssl %%HTTP2_LISTEN%%;
        %%HTTP2%%
        ssl_certificate $crt;
        ssl_certificate_key $key;
        root %%DIR%%/html;
        mra_auth /verify;
        location / {
            add_header X-Protocol \$server_protocol;
            add_header X-Cookie "[\$http_cookie]";
        }
        %%VERIFY%%
    }
}
END

mkdir $t->dir . '/html';
$t->write_file("html/$_", 'app') for 'a', 1 .. 20;
$t->run;

my $url = 'https://127.0.0.1:' . $t->port('https');


sub ask {
    my @arguments = map { "'$_'" } @_;
    my $text = `curl -sik --http2 --max-time 60 @arguments $url/a`;

    my %answer = map { lc, $text =~ /^\Q$_\E: (.*?)\r/mi ? $1 : '' }
        qw(X-Protocol X-Cookie Set-Cookie Retry-After);

    ($answer{status}) = $text =~ /^HTTP\/2 (\d+)/;
    return \%answer;
}


is(ask()->{status}, 401, 'nothing');

my $r = ask('-u', 'alice:wonderland');
is("$r->{status} $r->{'x-protocol'}", '200 HTTP/2.0', 'credentials');

my ($token) = $r->{'set-cookie'} =~ /X-Auth=([\w-]+)/;
$r = ask('-H', "Cookie: a=b; X-Auth=$token; c=d");
is("$r->{status} $r->{'x-cookie'}", '200 [a=b; c=d]', 'token');
is($uc->requests, 1, 'asked once');

is(ask('-u', 'alice:queen')->{status}, 401, 'wrong password');
is(ask('-u', 'alice:wonderland', '-d', 'x' x 100_000)->{status}, 405,
    'a body');

# twenty streams, one connection, one verification

sub streams {
    my ($user, $uris) = @_;
    my %count;

    $count{$_}++ for `curl -sSk --http2 --parallel --parallel-immediate \\
        --max-time 60 --parallel-max 40 -u $user -w '%{http_code}\\n' \\
        -o /dev/null '$url/$uris' 2>/dev/null` =~ /^(\d+)$/mg;
    return \%count;
}

$uc->forget;
$uc->behave(delay => 0.5);
is(streams('bob:builder', '[1-20]')->{200}, 20, 'all let in');
is($uc->requests, 1, 'by one verification');

# the client cancels what it waits for

$uc->forget;
$uc->behave(delay => 1);
`curl -sk --http2 --max-time 0.3 -u bob:other $url/a`;
`curl -sk --http2 --max-time 0.3 -u bob:other '$url/[1-5]' -o /dev/null \\
    --parallel 2>/dev/null`;
$uc->behave();
is(ask('-u', 'bob:other')->{status}, 401,
    'a client that left disturbs nobody');

# the limit

is_deeply(streams('carol:c', 'a?[1-35]'), { 200 => 30, 429 => 5 },
    'thirty of thirty-five');
$r = ask('-u', 'carol:c');
is($r->{status}, 429, 'the limit');
like($r->{'retry-after'}, qr/^\d+$/, 'when to come again');
is(ask('-H', "Cookie: X-Auth=$token")->{status}, 200, 'tokens are not');
