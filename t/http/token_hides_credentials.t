# Who has a token cannot use it to try passwords at the next hop: Basic
# credentials beside a token end at the edge.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(5);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / { %%AUTH%% }
        %%VERIFY%%
    }
    server {
        listen 127.0.0.1:%%PORT_app%%;
        location / {
            return 200 "[\$http_authorization] [\$http_x_last]";
        }
    }
}
END

$t->run;

my $port = $t->port('http');
my @credentials = basic('alice', 'wonderland');
my $r = get($port, '/', @credentials);
my $token = $r->cookie('X-Auth');

is($r->{status}, 200, 'signed in');
like($r->{body}, qr/^\[Basic /, 'without a token they are passed on');

$r = get($port, '/', Cookie => "X-Auth=$token", basic('bob', 'guess'),
    'X-Last' => 'kept');
is("$r->{status} $r->{body}", '200 [] [kept]', 'with a token they are not');

# as many headers as make nginx grow its list

$r = get($port, '/', (map { ("X-$_" => 'x') } 1 .. 50), Cookie =>
    "X-Auth=$token", basic('bob', 'guess'), 'X-Last' => 'kept');
is("$r->{status} $r->{body}", '200 [] [kept]', 'among many headers');

$r = get($port, '/', Cookie => "X-Auth=$token", Authorization => 'Bearer x');
is("$r->{status} $r->{body}", '200 [Bearer x] []', 'others are left alone');
