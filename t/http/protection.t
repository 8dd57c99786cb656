# Protection in http: what counts as a failure and what does not, and how a
# banned client is turned away.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64url);
use MRA::Cert;
use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Test::More;

$SIG{PIPE} = 'IGNORE';

my $t = MRA::Nginx->new(protect => 1);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my ($crt, $key) = MRA::Cert->new($t->dir)->issue('edge');
$t->secret('wonderland');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra {
    max_authorizations 5;
    protection http-ce-auth trigger=3;
    protection http-ce-intrusion trigger=3;
    protection http-ce-resource trigger=2;
}
http {
    %%HTTP%%
    log_format mra '\$remote_addr \$status \$mra_auth_status';
    access_log %%DIR%%/mra.log mra;
    large_client_header_buffers 4 32k;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        listen 127.0.0.1:%%PORT_https%% ssl %%HTTP2_LISTEN%%;
        %%HTTP2%%
        ssl_certificate $crt;
        ssl_certificate_key $key;
        ssl_verify_client optional_no_ca;
        location / {
            mra_auth /verify;
            mra_auth_cookie X-Auth secure=off domain=off;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location /open { return 200 "open"; }
        location = /return { return 400; }
        %%VERIFY%%
    }
    server {
        listen 127.0.0.1:%%PORT_target%%;
        mra_proxy_target on;
        mra_http_allow http://127.0.0.1:%%PORT_app%%/good/ prefix;
        location / { proxy_pass \$mra_target\$mra_target_uri; }
    }
    server {
        listen 127.0.0.1:%%PORT_app%%;
        listen 127.0.0.1:%%PORT_other%%;
        location / { return 200 "app"; }
        location /return { return 400; }
    }
}
END

$t->run();

my ($port, $https, $app, $other) = map { $t->port($_) }
    qw(http https app other);

my $last = 1;
sub client { return '127.0.0.' . ++$last }

sub status {
    my ($source, $uri, @rest) = @_;
    my $to = $uri =~ s{^/target}{} ? $t->port('target') : $port;
    my $r = request($to, GET => $uri, source => $source, timeout => 5,
        @rest);
    return $r ? $r->{status} : 'closed';
}

# failures that were counted, as the log tells

sub failures {
    my ($source) = @_;
    return join ' ', $t->log =~ /^.*: (\S+) failure of \Q$source\E, /mg;
}


# wrong passwords: the third bans, before TLS and without an answer

my $bad = client();
is(status($bad, '/', basic('alice', 'wrong')), 401, 'a wrong password')
    for 1, 2;

my $kept = MRA::HTTP->new($port, source => $bad);
my $idle = MRA::HTTP->new($https, ssl => 1, source => $bad);
is($kept->request(GET => '/open')->{status}, 200, 'still served');

is(status($bad, '/', basic('alice', 'worse')), 401, 'the third');
is(failures($bad), join(' ', ('http-ce-auth') x 3), 'each was counted');
like($t->log, qr/http-ce-auth ban of \Q$bad\E for 600s$/m, 'and banned');

is(status($bad, '/', basic('alice', 'wonderland')), 'closed', 'no answer now');
is(status($bad, '/open'), 'closed', 'for whatever it asks');
ok(!eval { MRA::HTTP->new($https, ssl => 1, source => $bad) }, 'nor TLS');
like($t->log, qr/\[info\].* client \Q$bad\E is banned for http-ce-auth, /,
    'a line tells why');
unlike($t->log, qr/SSL_do_handshake/, 'no handshake was begun');

my $r = $kept->request(GET => '/open');
is($r->{status}, 403, 'a connection that was open before gets an answer');
is($r->header('Connection'), 'close', 'and ends');
ok($kept->closed(5), 'really');
is($idle->request(GET => '/open')->{status}, 403, 'with TLS, too');

is(status(client(), '/', basic('alice', 'wonderland')), 200, 'others go on');
is(get($other, '/', source => $bad)->{status}, 200,
    'ports without protection serve everybody');
ok(wait_for(5, sub { $t->read_file('mra.log') =~ /^\Q$bad\E 403 BANNED$/m }),
    'the access log tells');


# what is no failure

my $good = client();
is(status($good, '/'), 401, 'no credentials') for 1 .. 5;
is(status($good, '/', Cookie => 'X-Auth=' . 'A' x 43), 401,
    'an unknown token') for 1 .. 5;
is(status($good, '/', Authorization => 'Bearer old'), 401,
    'a token of single sign-on that has ended') for 1 .. 5;
is(status($good, '/', Authorization => 'Negotiate abc='), 401,
    'another scheme') for 1 .. 5;
is(status($good, '/return'), 400, 'a 400 of the configuration') for 1 .. 5;

$uc->behave(status => 500);
is(status($good, '/', basic('bob', 'b')), 502, 'a UC node that fails')
    for 1 .. 5;
is(status($good, '/', basic('bob', 'b')), 429, 'the limit') for 1 .. 5;
$uc->behave();

for (1 .. 5) {
    my $c = MRA::HTTP->new($port, source => $good);
    $c->write("GET / HT") if $_ > 2;
    $c->close;
    MRA::HTTP->new($https, source => $good)
        ->write("GET / HTTP/1.0\r\n\r\n")->closed(5);
}

is(status($good, '/open'), 200, 'nothing of this bans');
is(failures($good), '', 'or is counted');


# the same guess many times at once is one guess

my $many = client();
$uc->behave(delay => 0.3);
my @r = parallel($port, 4, GET => '/', basic('carol', 'old'),
    source => $many);
$uc->behave();
is(join(' ', map { $_->{status} } @r), '401 401 401 401', 'all are told');
is(failures($many), 'http-ce-auth', 'one is counted');


# intrusion

my $target = encode_base64url("e.com/http/127.0.0.1/$app");

my @tricks = (
    [Basic => sub { status($_[0], '/', Authorization => 'Basic alice:a') },
        401],
    [target => sub { status($_[0], '/target/%20/') }, 400],
    [path => sub { status($_[0], "/target/$target/good/%2e%2e/x") }, 400],
    [dots => sub { raw($_[0], "GET /../../etc HTTP/1.1\r\n") }, 400],
    [garbage => sub { raw($_[0], "\x16\x03\x01 GET\r\n") }, 400],
    [host => sub { raw($_[0], "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n") }, 400],
    [length => sub { raw($_[0], "POST / HTTP/1.1\r\nHost: a\r\n"
        . "Content-Length: 1x\r\n\r\n") }, 400],
);

sub raw {
    my ($source, $text) = @_;
    my $answer = MRA::HTTP->new($port, source => $source)->write($text)
        ->receive;
    return $answer ? $answer->{status} : 'closed';
}

for (@tricks) {
    my ($name, $trick, $status) = @$_;
    my $client = client();

    is($trick->($client), $status, $name) for 1 .. 3;
    is($trick->($client), 'closed', "$name: the third bans");
    is(failures($client), join(' ', ('http-ce-intrusion') x 3),
        "$name: its category");
}


# targets

my $curious = client();
is(status($curious, "/target/$target/good/x"), 200, 'on the list') for 1, 2;
is(status($curious, "/target/$target/bad"), 403, 'not on it') for 1, 2;
is(status($curious, '/open'), 'closed', 'banned');
is(failures($curious), 'http-ce-resource http-ce-resource', 'its category');


# nobody writes a line that bans another

my $forger = client();
my $line = 'http-ce-auth failure of 127.0.0.99, 3 of 3 in 600s';
status($forger, '/', basic("x\n[error] 1#1: $line", 'p'));
status($forger, '/', basic("x: $line", 'p'));
raw($forger, "GET /\r: $line HTTP/1.1\r\n");
unlike($t->log, qr/^\S+ \S+ \[error\] \S+ \S+ failure of 127\.0\.0\.99/m,
    'a user name in the log is no failure');
is(status('127.0.0.99', '/open'), 200, 'nor a ban');

$t->done_testing();
