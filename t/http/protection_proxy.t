# Protection behind a proxy, by header and PROXY protocol, and by the word of
# a core node.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64url);
use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Test::More;

$SIG{PIPE} = 'IGNORE';

my $t = MRA::Nginx->new(protect => 1);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
$t->secret('wonderland');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra {
    protection http-ce-auth trigger=2;
    protection http-ce-intrusion trigger=1;
}
http {
    %%HTTP%%
    real_ip_header X-Real-IP;
    server {
        listen 127.0.0.1:%%PORT_core%%;
        set_real_ip_from 127.0.0.1;
        mra_failure_header send;
        location / {
            mra_auth /verify;
            mra_auth_cookie X-Auth secure=off domain=off;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        %%VERIFY%%
    }
    server {
        listen 127.0.0.1:%%PORT_proxied%% proxy_protocol;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        location / { mra_auth /verify; }
        %%VERIFY%%
    }
    server {
        listen 127.0.0.1:%%PORT_edge%%;
        location / {
            mra_failure_header accept;
            proxy_pass http://127.0.0.1:%%PORT_uc%%;
        }
        location /other/ {
            proxy_pass http://127.0.0.1:%%PORT_uc%%;
        }
        location /guarded { mra_auth /verify; }
        location = /verify { internal; return 401; }
    }
    %%APP%%
    server {
        listen 127.0.0.1:%%PORT_uc%%;
        location / {
            add_header X-mra-Failure \$arg_failure always;
            return 401;
        }
    }
}
END

$t->run();

sub failures {
    my ($source) = @_;
    return join ' ', $t->log =~ /^.*: (\S+) failure of \Q$source\E, /mg;
}


# a header that a trusted proxy sets

my ($core, $edge) = ($t->port('core'), $t->port('edge'));
my @wrong = basic('alice', 'wrong');

my @r = map { get($core, '/', @wrong, 'X-Real-IP' => '203.0.113.5') } 1 .. 3;
is(join(' ', map { $_->{status} } @r), '401 401 403', 'the third is refused');
is($r[0]->header('X-MRA-Failure'), 'http-ce-auth', 'the failure is told');
is($r[2]->header('Connection'), 'close', 'and the connection closed');
is(failures('203.0.113.5'), 'http-ce-auth http-ce-auth', 'counted');
is(failures('127.0.0.1'), '', 'the proxy is not');
is(get($core, '/', basic('alice', 'wonderland'),
    'X-Real-IP' => '203.0.113.6')->{status}, 200, 'others go on');
is(get($core, '/', 'X-Real-IP' => '203.0.113.6')
    ->header('X-MRA-Failure'), undef, 'nothing to tell');

get($core, '/', @wrong, source => '127.0.0.2',
    'X-Real-IP' => '203.0.113.6');
is(failures('203.0.113.6'), '', 'nobody else names another');
is(failures('127.0.0.2'), 'http-ce-auth', 'it is himself who is counted');


# PROXY protocol

sub proxied {
    my $r = get($t->port('proxied'), '/', @wrong,
        proxy_protocol => "PROXY TCP4 $_[0] 127.0.0.1 1234 443\r\n");
    return $r ? $r->{status} : 'closed';
}

is(proxied('203.0.113.7'), $_, 'by PROXY protocol') for 401, 401, 403;
is(proxied('203.0.113.8'), 401, 'others go on');


# the word of a core node

sub told {
    my ($uri, $source) = @_;
    my $r = get($edge, $uri, source => $source);
    is($r->header('X-MRA-Failure'), undef, 'never seen by the client')
        if $r;
    return $r ? $r->{status} : 'closed';
}

told('/other/?failure=http-ce-auth', '127.0.0.3') for 1, 2;
is(failures('127.0.0.3'), '', 'not from whom we do not trust');
told('/?failure=http-ce-auth', '127.0.0.3');
is(failures('127.0.0.3'), 'http-ce-auth', 'from the core node');
told('/?failure=nonsense', '127.0.0.3');
told('/', '127.0.0.3');
is(failures('127.0.0.3'), 'http-ce-auth', 'if it says what');
told('/?failure=http-ce-intrusion', '127.0.0.3');
is(told('/', '127.0.0.3'), 'closed', 'and it bans');

$t->done_testing();
