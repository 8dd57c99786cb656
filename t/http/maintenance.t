#!/usr/bin/perl

# Maintenance over HTTP: whatever a request has, 503 with Retry-After, counted
# nowhere; what has begun ends; tokens are good afterwards.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::Remote;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new(protect => 1)->plan(28);
my $remote = MRA::Remote->new($t);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->secret('wonderland');
$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
events { }
mra { max_authorizations 2; }
http {
    %%HTTP%%
    log_format mra '\$status \$mra_auth_status \$uri';
    access_log %%DIR%%/mra.log mra;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        mra_auth /verify;
        mra_auth_cookie X-Auth secure=off domain=off;
        location / {
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location /open/ {
            mra_auth off;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location /any/ {
            satisfy any;
            allow all;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location /twice/ {
            error_page 404 = \@second;
            proxy_intercept_errors on;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location \@second {
            proxy_pass http://127.0.0.1:%%PORT_second%%;
        }
        location = /verify {
            internal;
            mra_auth off;
            proxy_pass http://127.0.0.1:@{[$uc->port]};
        }
    }
    server {
        listen 127.0.0.1:%%PORT_second%%;
        access_log off;
        location / { return 200 "second"; }
    }
}
END

my $app = MRA::UC->new($t, port => $t->port('app'));
$app->behave(status => 200, body => 'app');
$t->run();

my $port = $t->port('http');
my ($worker) = $remote->workers;

sub state { ($worker->do('nodes') =~ /requests=(\d+).*? (\d) \d$/) }

my $r = get($port, '/', basic('alice', 'wonderland'));
is($r->{status}, 200, 'signed in');
my @token = (Cookie => 'X-Auth=' . $r->cookie('X-Auth'));
my $asked = $uc->requests;

is((state())[1], 1, 'the service is active');


# what has begun, in two of its stages

my ($held, $kept) = map { MRA::HTTP->new($port) } 1 .. 2;

$kept->send(GET => '/', @token);
is($kept->receive->{status}, 200, 'a connection is kept');

$app->behave(hold => 1);
$held->send(GET => '/twice/', @token);
ok(wait_for(5, sub { (state())[0] == 1 }), 'a request is in flight');

is($worker->do('maintenance on'), 'OK on', 'maintenance');
is((state())[1], 2, 'the service drains');


# what begins

for (['a token', '/', @token], ['nothing', '/'], ['satisfy any', '/any/'],
    ['credentials', '/', basic('alice', 'wonderland')],
    ['wrong credentials', '/', basic('alice', 'rabbit')])
{
    my ($name, @request) = @$_;
    my $r = get($port, @request);

    is($r->{status}, 503, "$name: refused");
    ok($r->header('Retry-After') >= 120 && $r->header('Retry-After') < 180,
        'for a while');
}

$kept->send(GET => '/', @token);
$r = $kept->receive;
is($r->{status}, 503, 'on a connection that was kept too');
ok($kept->closed(2), 'which ends');

is($uc->requests, $asked, 'nobody was asked');


# the end of what had begun

unlike($t->log, qr/HTTP service is inactive/, 'it is not inactive');
$app->behave(status => 404);
$r = $held->receive;
is($r->{body}, 'second', 'what has begun ends, through a redirect');

ok(wait_for(5, sub { (state())[1] == 3 }), 'inactive');
ok(wait_for(5, sub {
    $t->log =~ /\[notice\].*: HTTP service is inactive \(maintenance mode\)/
}), 'a line says so');

$app->behave(status => 200, body => 'app');
is(get($port, '/open/')->{status}, 200, 'what is not protected is served');


# afterwards

$worker->do('maintenance off');
is(get($port, '/', @token)->{status}, 200, 'the token is good');
is(get($port, '/', basic('alice', 'wonderland'))->{status}, 200,
    'nobody has counted');

my @lines = grep { / MAINTENANCE / } split /\n/, $t->read_file('mra.log');
is(scalar(@lines), 6, '$mra_auth_status');
unlike($t->log, qr/ failure of /, 'nothing counts against a client');
