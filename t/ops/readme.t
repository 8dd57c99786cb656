# The commands of the README's part on operations do what it says.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new();
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my $redis = MRA::Daemon->redis($t);

$t->write_file('secret', 's' x 32);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra {
    node edge1;
    domain example.com;
    secret %%DIR%%/secret;
    redis 127.0.0.1:@{[ $redis->port ]};
}
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / {
            mra_auth /verify;
            proxy_pass http://127.0.0.1:%%PORT_api%%;
        }
        location = /verify {
            internal;
            proxy_pass http://127.0.0.1:@{[ $uc->port ]};
        }
    }
    server {
        listen 127.0.0.1:%%PORT_api%%;
        location / { return 200; }
        location /api/ { mra_api write=on; }
    }
}
END

$t->run();
ok($t->wait_log(qr/redis \S+ is connected/), 'starts');

my $port = $t->port('http');
my ($part) = slurp('README.md') =~ /^## Operations\n(.*?)^## /ms;
my @commands = map { s/\\\n\s*/ /gr =~ /^(curl .*)/mg }
    $part =~ /^```\n(.*?)^```/msg;

cmp_ok(scalar @commands, '>=', 2, 'there are commands');


# runs the one that matches, and takes it off the list

sub command {
    my ($pattern) = @_;
    my ($command) = grep { /$pattern/ } @commands or return '';
    @commands = grep { $_ ne $command } @commands;

    $command =~ s/127\.0\.0\.1:8080/'127.0.0.1:' . $t->port('api')/e;
    my $answer = `$command -sS --fail 2>&1`;
    is($?, 0, $command =~ s/ http.*//r) or diag $answer;
    return $answer;
}


is(get($port, '/', basic('alice', 'wonderland'))->{status}, 200, 'a sign-in');

like(command(qr{/redis$}), qr/127\.0\.0\.1/, 'Redis is there');

my $tokens = 'http://127.0.0.1:' . $t->port('api')
    . '/api/1/tokens/alice@example.com';
like(`curl -s $tokens`, qr/"tokens":[1-9]/, 'she has tokens');
command(qr{/tokens/alice});
like(`curl -s $tokens`, qr/"tokens":0/, 'and none');

is("@commands", '', 'no command is left');
MRA::Nginx::done_testing();
