# The verification location may cache answers of the UC node by itself.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(4);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { credentials_refresh_interval 0; }
http {
    %%HTTP%%
    proxy_cache_path %%DIR%%/cache keys_zone=uc:1m;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / { %%AUTH%% }
        location = /verify {
            internal;
            proxy_cache uc;
            proxy_cache_key \$http_authorization;
            proxy_cache_valid any 10m;
            proxy_pass http://127.0.0.1:@{[ $uc->port ]};
        }
    }
    %%APP%%
}
END

$t->run;

my $port = $t->port('http');

is(get($port, '/', basic('alice', 'wonderland'))->{status}, 200, 'asked');
is(get($port, '/', basic('alice', 'wonderland'))->{status}, 200, 'cached');
is(get($port, '/', basic('alice', 'guess'))->{status}, 401, 'refused');
is(get($port, '/', basic('alice', 'guess'))->{status}, 401, 'cached too');
