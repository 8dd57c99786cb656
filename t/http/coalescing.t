# A thousand concurrent requests with the same new credentials cause one
# verification a worker; the connections to the UC node stay.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(17);
my $uc = MRA::UC->new($t,
    users => { alice => 'wonderland', bob => 'builder' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { worker_connections 4096; }
mra { max_authorizations 0; }
http {
    %%HTTP%%
    upstream uc {
        server 127.0.0.1:@{[ $uc->port ]};
        keepalive 4;
    }
    server {
        listen 127.0.0.1:%%PORT_http%% reuseport backlog=2048;
        mra_auth /verify;
        location / {
            root %%DIR%%/html;
        }
        location = /verify {
            internal;
            proxy_pass http://uc;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
}
END

mkdir $t->dir . '/html';
$t->write_file('html/a', 'app');
$t->run;

my $port = $t->port('http');

sub statuses {
    my %count;
    $count{$_->{status}}++ for @_;
    return \%count;
}


$uc->behave(delay => 1.5);

my @r = parallel($port, 1000, GET => '/a', basic('alice', 'wonderland'),
    timeout => 60);

is_deeply(statuses(@r), { 200 => 1000 }, 'all let in');
cmp_ok($uc->requests, '<=', 2, 'one verification a worker');

my %tokens = map { $_->cookie('X-Auth') => 1 } @r;
is(keys %tokens, 1000, 'each got a token of its own');

# a bad password, at the same time as a good one of somebody else

$uc->forget;

my @clients = map { my $c = MRA::HTTP->new($port, timeout => 60);
    $c->send(GET => '/a', basic($_ % 2 ? ('alice', 'queen')
        : ('bob', 'builder'))) } 1 .. 100;
my (@bad, @good);
push @{$_ % 2 ? \@good : \@bad}, $clients[$_]->receive for 0 .. 99;

is_deeply(statuses(@bad), { 401 => 50 }, 'all refused');
is_deeply(statuses(@good), { 200 => 50 }, 'the others let in');
cmp_ok($uc->requests, '<=', 4, 'one verification for each, a worker');

my @lines = $t->log =~ /user "alice": authentication rejected/g;
is(@lines, 50, 'a line for each that was refused');

# the answer, with a body, does not cost the connection

$uc->behave(body => 300_000);
$uc->forget;

is(get($port, '/a', basic('alice', "no$_"))->{status}, 401) for 1 .. 5;
is($uc->requests, 5, 'five verifications');
cmp_ok($uc->connections, '<=', 2, 'at most one more connection a worker');

# none is made for what is cached

$uc->forget;
is_deeply(statuses(parallel($port, 100, GET => '/a',
    basic('alice', 'wonderland'))), { 200 => 100 }, 'from the cache');
is($uc->requests, 0, 'nothing was asked');

$t->stop;
unlike($t->log, qr/\[error\](?!.*authentication rejected)/, 'no other errors');
