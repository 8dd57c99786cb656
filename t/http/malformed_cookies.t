# Dozens of cookies, huge ones, broken ones: the token among the first of
# its name is found, and nothing breaks.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(31);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { }
http {
    %%HTTP%%
    large_client_header_buffers 4 128k;
    proxy_buffer_size 128k;
    proxy_buffers 4 128k;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / {
            mra_auth /verify;
            proxy_set_header X-Cookie "[\$http_cookie]";
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }

        # evaluated before the token is looked for
        location /early/ {
            mra_auth /verify;
            set \$early "[\$http_cookie]";
            if (\$http_cookie ~ none) {
                set \$early none;
            }
            proxy_set_header X-Cookie "[\$http_cookie]";
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        %%VERIFY%%
    }
    server {
        listen 127.0.0.1:%%PORT_app%%;
        location / {
            return 200 "\$http_cookie \$http_x_cookie";
        }
    }
}
END

$t->run;

my $port = $t->port('http');
my $token = get($port, '/', basic('alice', 'wonderland'))->cookie('X-Auth');
my $other = 'A' x 43;

sub cookies { get($port, '/', map { (Cookie => $_) } @_) }
sub passed {
    my ($sent, $seen, $name) = @_;
    my $r = cookies(ref $sent ? @$sent : $sent);

    is("$r->{status} $r->{body}", "200 $seen [$seen]", $name);
}


passed("X-Auth=$token", '', 'alone');
passed("X-Auth=$token;", '', 'with a separator');
passed("; ;X-Auth=$token ;; ", '', 'blanks and separators');
passed("a=b;X-Auth=$token;c=d", 'a=b;c=d', 'no blanks');
passed("a; =; b==; X-Auth=$token; c", 'a; =; b==; c', 'others are odd');
passed("a=\"X-Auth=x\"; X-Auth=$token", 'a="X-Auth=x"', 'in quotes');
passed("X-Auth-2=x; AX-Auth=x; X-Auth; X-Auth=$token",
    'X-Auth-2=x; AX-Auth=x; X-Auth', 'names that are like it');
passed(join('; ', map({ "c$_=v" } 1 .. 40), "X-Auth=$token",
    map { "d$_=v" } 1 .. 40), join('; ', map({ "c$_=v" } 1 .. 40),
    map { "d$_=v" } 1 .. 40), 'dozens of others');
passed('a=' . 'x' x 60_000 . "; X-Auth=$token", 'a=' . 'x' x 60_000,
    'a huge one');
passed("X-Auth=; X-Auth=x; X-Auth=$token", '', 'empty and short before it');
passed("X-Auth=$other; X-Auth=$token; a=b", 'a=b', 'another token before it');
passed("X-Auth=$token; X-Auth=$other; a=b", 'a=b', 'another token after it');
passed(join('; ', ("X-Auth=$other") x 7, "X-Auth=$token"), '',
    'the eighth of its name');

is(cookies(join '; ', ("X-Auth=$other") x 8, "X-Auth=$token")->{status}, 401,
    'the ninth is not looked at');
is(cookies(join '; ', ('X-Auth=' . 'x' x 50) x 1000)->{status}, 401,
    'a thousand of the name');
is(cookies('X-Auth=' . 'x' x 60_000)->{status}, 401, 'a huge one');
is(cookies(substr "X-Auth=$token", 0, $_)->{status}, 401, "cut at $_")
    for 0, 5, 6, 7, 8, 49;
is(cookies("X-Auth=\xff\x80$token")->{status}, 401, 'other bytes');
is(cookies("X-Auth=$token, a=b")->{status}, 401, 'a comma is no separator');
is(cookies("X-Auth =$token")->{status}, 401, 'a blank in the name');

# several headers

my $r = cookies('a=b', "X-Auth=$token", 'c=d');
is($r->{status}, 200, 'in the second header');
unlike($r->{body}, qr/\Q$token/, 'gone from it');
$r = cookies("X-Auth=$other", "X-Auth=$token");
is($r->{status}, 200, 'in the second header, another in the first');

# whoever has looked before sees no token later

$r = get($port, '/early/', Cookie => "a=b; X-Auth=$token; c=d");
is($r->{status}, 200, 'looked at before');
like($r->{body}, qr/^a=b; c=d \[a=b; c=d/, 'the rest moved');
unlike($r->{body}, qr/\Q@{[ substr $token, 20 ]}/, 'and nothing remained');
