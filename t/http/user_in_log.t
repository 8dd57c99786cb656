# Whatever a client calls itself, one log line stays one log line, and the
# variable is fit for a header and a path.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(17);
my $uc = MRA::UC->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { max_authorizations 1; }
http {
    %%HTTP%%
    log_format mra escape=none '\$mra_user';
    access_log %%DIR%%/mra.log mra;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        root %%DIR%%/html;
        mra_auth /verify;
        location = /verify {
            internal;
            proxy_set_header X-User \$mra_user;
            proxy_pass http://127.0.0.1:@{[ $uc->port ]}/users/\$mra_user/x;
        }
    }
}
END

$t->run;

my @names = (
    ['alice' => 'alice'],
    ['a.b-c_d~e@example.com' => 'a.b-c_d~e@example.com'],
    ["j\xc3\xbcrgen" => 'j%C3%BCrgen'],
    ['x", client: 192.0.2.1, y: "' =>
        'x%22%2C%20client%3A%20192.0.2.1%2C%20y%3A%20%22'],
    ['a/../../b?c#d%e' => 'a%2F..%2F..%2Fb%3Fc%23d%25e'],
    ['<script>&\'' => '%3Cscript%3E%26%27'],
);

# the colon ends a name
$names[3][0] =~ s/://g;
$names[3][1] =~ s/%3A//g;

for my $name (@names) {
    my ($given, $text) = @$name;

    $uc->forget;
    is(get($t->port('http'), '/', basic($given, 'x'))->{status}, 401, $text);

    my ($seen) = $uc->seen;
    is("$seen->{uri} $seen->{headers}{'x-user'}", "/users/$text/x $text",
        'in a path and a header');

    get($t->port('http'), '/', basic($given, 'x'));
}

$t->stop;

my $log = $t->log;

is(join(' ', $log =~ /\*\d+ user "(\S*)": authentication rejected, client/g),
    join(' ', map { $_->[1] } @names), 'rejected');
is(join(' ', $log =~ /limiting authorizations for user "(\S*)", 1 in 300s/g),
    join(' ', map { $_->[1] } @names), 'limited');
is($t->read_file('mra.log'), join('', map { "$_->[1]\n" x 2 } @names),
    'in the access log');
unlike($log, qr/client:? 192\.0\.2\.1/, 'nobody else is blamed');

my ($ok) = $t->config_test(<<'END');
%%MAIN%%
events { }
mra { }
http { %%HTTP%% server { listen 127.0.0.1:%%PORT_x%%; mra_auth /verify; } }
END
ok($ok, 'a configuration without the location is no error of ours');
