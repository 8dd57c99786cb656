# The commands of the README's part on operations do what it says.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new(protect => 1);
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
    protection http-ce-auth trigger=1;
}
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        set_real_ip_from 127.0.0.9;
        location / {
            mra_auth /verify;
            proxy_pass http://127.0.0.1:%%PORT_api%%;
        }
        %%VERIFY%%
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

cmp_ok(scalar @commands, '>=', 8, 'there are commands');


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


sub status {
    my ($source, @rest) = @_;
    my $r = eval { get($port, '/', @rest, source => $source) };
    return $r ? $r->{status} : 'closed';
}


is(status('127.0.0.1', basic('alice', 'wonderland')), 200, 'a sign-in');

like(command(qr/"maintenance":true/), qr/true/, 'maintenance is on');
is(status('127.0.0.1', basic('alice', 'wonderland')), 503, 'refused');
like(command(qr{/maintenance$}), qr/"maintenance":true/, 'it tells');
like(command(qr{/services$}), qr/Maintenance mode/, 'so do the services');
like(command(qr/"maintenance":false/), qr/false/, 'maintenance is off');
is(status('127.0.0.1', basic('alice', 'wonderland')), 200, 'served');

like(command(qr{/redis$}), qr/127\.0\.0\.1/, 'Redis is there');
ok(command(qr{/peers$}), 'peers');

my $tokens = 'http://127.0.0.1:' . $t->port('api')
    . '/api/1/tokens/alice@example.com';
like(`curl -s $tokens`, qr/"tokens":[1-9]/, 'she has tokens');
command(qr{/tokens/alice});
like(`curl -s $tokens`, qr/"tokens":0/, 'and none');

is(status('127.0.0.9', basic('alice', 'guess'), 'X-Real-IP' => '192.0.2.7'),
    401, 'a guess');
like(command(qr{/bans$}), qr/192\.0\.2\.7/, 'who is banned');
command(qr{-X DELETE .*/bans/});
unlike(`curl -s http://127.0.0.1:@{[ $t->port('api') ]}/api/1/protection/bans`,
    qr/192\.0\.2\.7/, 'and not any more');

is("@commands", '', 'no command is left');
MRA::Nginx::done_testing();
