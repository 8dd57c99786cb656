#!/usr/bin/perl

# What outlives a reload, and what a changed setting does to it.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(37);
my $remote = MRA::Remote->new($t);
my $w;

sub configure {
    my ($mra) = @_;

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 2;
events { }
$mra
END
}

sub reload {
    configure(@_);
    $t->reload;
    ($w) = $remote->workers;
}

sub ttl { (split ' ', $w->do($_[0]))[2] }

configure('mra { zone 1m; }');
$t->run();
($w) = $remote->workers;


# as it is

$w->do('set token t alice 28000000');
$w->do('set token unused alice 28000000');
$w->do('set credential c mac 28000000');
$w->do('set binding b contact 28000000');
$w->do('hit authorization alice 8 300000') for 1 .. 8;
$w->do('counter token 5');
$w->do('block counts 8 7');
my $mac = $w->do('mac realm alice secret1');

reload('mra { zone 1m; }');

like($w->do('get token t'), qr/^OK alice /, 'token');
like($w->do('get credential c'), qr/^OK mac /, 'credential');
like($w->do('get binding b'), qr/^OK contact /, 'binding');
like($w->do('hit authorization alice 8 300000'), qr/^DECLINED 8 /, 'window');
is($w->do('counter token'), 5, 'counter');
is($w->do('block counts 8'), 7, 'block');
is($w->do('mac realm alice secret1'), $mac, 'the key made at start');


# the limit

reload('mra { zone 1m; max_authorizations 10; }');

like($w->do('settings'), qr/ 10 300000 /, 'a higher limit');
is($w->do('hit authorization alice 10 300000'), 'OK 9 0', 'counts on');

reload('mra { zone 1m; max_authorizations 2; rate_control_period 600s; }');

like($w->do('hit authorization alice 2 600000'), qr/^DECLINED 9 /,
    'a lower limit, a longer period');


# intervals: a shorter life counts from the reload on for what there is, used
# or not, a longer one for what comes

reload('mra { zone 1m; credentials_refresh_interval 1m; }');

cmp_ok(ttl('get token t'), '<=', 60000, 'a shorter life: token');
cmp_ok(ttl('get token t'), '>', 50000, 'once, not at each use');
cmp_ok(ttl('get credential c'), '<=', 60000, 'credential');
cmp_ok(ttl('get binding b'), '>', 20000000, 'a binding has its own');

$w->do('clock 61000');
is($w->do('get token unused'), 'DECLINED', 'a token that nobody used');
unlike($w->do('scan token 4096'), qr/alice/, 'none is listed');
$w->do('set token new alice 60000');
$w->do('clock 60800');
like($w->do('get token new'), qr/^OK alice /, 'a worker with a clock behind');
$w->do('clock 0');
$w->do("del token $_") for qw(unused new);

reload('mra { zone 1m; }');

cmp_ok(ttl('get token t'), '<=', 60000, 'a longer life');

reload('mra { zone 1m; credentials_refresh_interval 0; }');

is($w->do('get token t'), 'DECLINED', 'off: no token');
is($w->do('get credential c'), 'DECLINED', 'off: no credential');
is($w->do('scan token 4096'), '1', 'off: none is listed');
like($w->do('get binding b'), qr/^OK contact /, 'off: bindings as ever');

reload('mra { zone 1m; }');

like($w->do('get token t'), qr/^OK alice /, 'on again');

$w->do('set token gone x 1');
$w->do('clock 100000');
$w->do('sweep');
is((split ' ', $w->do('count token'))[0], 2, 'expired ones wait for cleanup');

reload('mra { zone 1m; credentials_cleanup_interval 1s; }');
ok(wait_for(5, sub { $w->do('count token') =~ /^1 / }), 'a shorter wait');


# the secret

$t->write_file('secret', join '', map { chr 64 + $_ } 1 .. 40);
chmod 0600, $t->dir . '/secret';

reload('mra { zone 1m; secret secret; }');

is($w->do('get token t'), 'DECLINED', 'another secret: tokens are not found');
isnt($w->do('mac realm alice secret1'), $mac, 'credentials do not match');
$mac = $w->do('mac realm alice secret1');
$w->do('set token t alice 60000');

reload('mra { zone 1m; secret secret; node other; }');

like($w->do('get token t'), qr/^OK alice /, 'the same secret');
is($w->do('mac realm alice secret1'), $mac, 'and credentials');


# the size

reload('mra { zone 2m; secret secret; }');

like($t->log, qr/\[warn\].*"zone" has changed from 1048576 to 2097152 bytes/,
    'another size is warned of');
is($w->do('get token t'), 'DECLINED', 'and starts anew');
is($w->do('mac realm alice secret1'), $mac, 'with the same secret');
$w->do('set token t alice 60000');


# a configuration that is wrong changes nothing

configure('mra { zone 2m; node ""; }');
kill 'HUP', $t->master;
ok($t->wait_log(qr/\[emerg\].*invalid value "", "node"/), 'a wrong one');
like($w->do('get token t'), qr/^OK alice /, 'what was goes on');
like($w->do('settings'), qr/ store$/, 'with its settings');
$t->expect(qr/invalid value "", "node"/);


# without the block, and with it again

reload('');
like($w->do('settings'), qr/ none$/, 'without the block');
reload('mra { zone 2m; secret secret; }');
is($w->do('get token t'), 'DECLINED', 'a new zone');
