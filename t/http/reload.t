# A reload in the middle: what is under way ends well, tokens, credentials
# and counts stay, also when a worker dies.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(15);
my $uc = MRA::UC->new($t,
    users => { alice => 'wonderland', bob => 'builder' });
$t->expect(qr/worker process \d+ exited on signal 9/);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        root %%DIR%%/html;
        mra_auth /verify;
        %%VERIFY%%
    }
}
END

mkdir $t->dir . '/html';
$t->write_file('html/a', 'app');
$t->run;

my $port = $t->port('http');
my @alice = basic('alice', 'wonderland');
my $token = get($port, '/a', @alice)->cookie('X-Auth');
my @token = (Cookie => "X-Auth=$token");

sub together {
    my ($user, $password, $n) = @_;
    return map { MRA::HTTP->new($port)->send(GET => '/a',
        basic($user, $password), Connection => 'close') } 1 .. $n;
}


# those who wait while the workers change

$uc->forget;
$uc->behave(delay => 1);

my @good = together('bob', 'builder', 4);
my @bad = together('bob', 'queen', 3);
wait_for(5, sub { $uc->requests >= 2 });

$t->reload;
is(get($port, '/a', @token)->{status}, 200, 'the token, meanwhile');
is(get($port, '/a', @alice)->{status}, 200, 'the credential, meanwhile');

is(scalar(grep { $_->receive->{status} == 200 } @good), 4, 'let in');
is(scalar(grep { $_->receive->{status} == 401 } @bad), 3, 'refused');

$uc->behave();
is(get($port, '/a', basic('bob', 'builder'))->{status}, 200, 'the eighth');
is(get($port, '/a', basic('bob', 'builder'))->{status}, 429,
    'those of the old workers were counted');

# a worker dies while a verification runs

$uc->forget;
$uc->behave(delay => 5);

my @lost = together('alice', 'other', 1);
wait_for(5, sub { $uc->requests == 1 });
ok($t->kill_worker($_), 'a worker was killed') for $t->workers;
ok($lost[0]->closed(5), 'the client sees the end');

$uc->behave();
is(get($port, '/a', @token)->{status}, 200, 'tokens stay');
$uc->forget;
is(get($port, '/a', @alice)->{status}, 200, 'credentials stay');
is($uc->requests, 0, 'in the cache');
is(get($port, '/a', basic('alice', 'other'))->{status}, 401,
    'the same can be asked again');
is(scalar(grep { get($port, '/a', @alice)->{status} == 200 } 1 .. 10), 3,
    'and counts stay');

$t->reload for 1 .. 3;
is(get($port, '/a', @token)->{status}, 200, 'after three more reloads');
