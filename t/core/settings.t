#!/usr/bin/perl

# The mra block: what it takes, what it refuses and how it says so.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use Test::More;

my $t = MRA::Nginx->new();
my $remote = MRA::Remote->new($t);

sub tested {
    my ($mra) = @_;
    return $t->config_test(<<"END");
%%MAIN%%
@{[$remote->load]}
events { }
$mra
END
}


# every wrong value: one line that says what to do

my $week = qr/must be a time between 0 and 604800s \(a week\), as in "480m"/;
my $day = qr/must be a time between 0 and 86400s \(a day\), as in "300s"/;
my $n = qr/must be a number between 0 and 100, 0 switches the limit off/;
my $name = qr/must be a name of letters, digits, "-", "_" and "\."/;
my $size = qr/must be a size between 256k and 65536m, as in "32m"/;

$t->write_file('short', 'x' x 31);
$t->write_file('empty', "\n");
$t->write_file('huge', 'x' x 4097);
$t->write_file('secret', join '', map { chr } 1 .. 32);
chmod 0600, $t->dir . '/secret';
my $dir = $t->dir;

my @wrong = (
    ['zone 255k', $size], ['zone big', $size], ['zone -1', $size],
    ['zone 100g', $size], ['zone 65537m', $size],
    ['node a..', $name], ['node ""', $name], ['node "a b"', $name],
    ['node -a', $name], ['node ' . 'n' x 256, $name], ['domain a@b', $name],
    ['credentials_refresh_interval 8d', $week],
    ['credentials_refresh_interval 604801s', $week],
    ['credentials_refresh_interval soon', $week],
    ['credentials_cleanup_interval -5', $week],
    ['credentials_cleanup_interval 99999999999999999999', $week],
    ['max_authorizations 101', $n], ['max_authorizations -1', $n],
    ['max_authorizations 8.5', $n], ['max_authorizations 5m', $n],
    ['rate_control_period 86401s', $day], ['rate_control_period 5q', $day],
    ['stun_keepalive maybe', qr/must be "on" or "off"/],
    ['stun_keepalive_interval 999ms', qr/between 1s and 3600s/],
    ['stun_keepalive_interval 2h', qr/between 1s and 3600s/],
    ['stun_keepalive_timeout 99ms', qr/between 100ms and 60s/],
    ['stun_keepalive_timeout 61s', qr/between 100ms and 60s/],
    ['stun_keepalive_timeout 30s', qr/must be shorter than/],
    ['balance maybe', qr/must be "on" or "off"/],
    ['balance_threshold 0', qr/percent between 1 and 100, as in "10"/],
    ['balance_threshold 101', qr/percent between 1 and 100/],
    ['balance_rest 0', qr/between 1s and 86400s \(a day\), as in "10m"/],
    ['balance_rest 25h', qr/between 1s and 86400s/],
    ['sip_path_headers', qr/invalid number of arguments/],
    ['max_authorizations 8 9', qr/invalid number of arguments/],
    ['redis localhost', qr/"redis" needs "secret", a file/],
    ['redis db=1', qr/"redis" needs the address of a server/],
    ['redis 127.0.0.1 127.0.0.2', qr/several addresses only of sentinels/],
    ['redis 127.0.0.1 cluster=yes', qr/"cluster=" of "redis" must be "on"/],
    ['redis 127.0.0.1 cluster=on db=1', qr/neither with "sentinel=" nor/],
    ['redis 127.0.0.1 cluster=on "prefix=a{b}"', qr/must be without "\{"/],
    ['redis 127.0.0.1:0', qr/invalid port in address/],
    ['redis 127.0.0.1 clusters=on', qr/invalid parameter "clusters=on"/],
    ['redis 127.0.0.1 db=', qr/invalid parameter "db="/],
    ['redis 127.0.0.1 db=x', qr/"db=" of "redis" must be a number/],
    ['redis 127.0.0.1 db=1 db=2', qr/duplicate "db=" in "redis"/],
    ['redis 127.0.0.1 timeout=9ms', qr/must be a time between 10ms and 60s/],
    ['redis 127.0.0.1 user=x', qr/"user=" of "redis" needs "password_file="/],
    ["redis 127.0.0.1 password_file=$dir/missing",
        qr/cannot be read.*No such/],
    ["redis 127.0.0.1 password_file=$dir/empty", qr/must begin with a line/],
    ['redis 127.0.0.1 prefix=' . 'p' x 33, qr/1 to 32 printable characters/],
    ['redis 127.0.0.1 tls=yes', qr/"tls=" of "redis" must be "on" or "off"/],
    ['redis 127.0.0.1 tls=on', qr/needs "tls_name=", the name in its/],
    ['redis 127.0.0.1 tls_name=x', qr/"tls_\.\.\." of "redis" needs "tls=on"/],
    ['redis 127.0.0.1 tls=on tls_name=x tls_key=k', qr/need each other/],
    ["redis 127.0.0.1 tls=on tls_name=x tls_trusted=$dir/missing",
        qr/No such file/],
    ["secret $dir/secret; redis nowhere.invalid", qr/host not found in/],
    ['redis_lost maybe', qr/invalid value "maybe"/],
    ['resolver', qr/invalid number of arguments/],
    ['worker_processes 2', qr/"worker_processes" directive is not allowed/],
    ["secret $dir/missing", qr/cannot be read: open\(\).*No such file/],
    ["secret $dir/short", qr/must hold 32 to 4096 random bytes, it holds 31/],
    ["secret $dir/huge", qr/must hold 32 to 4096 random bytes, it holds 4097/],
    ["secret $dir", qr/must be a file/],
);

for my $case (@wrong) {
    my ($line, $expected) = @$case;
    my ($ok, $output) = tested("mra { $line; }");
    my $shown = length $line > 50 ? substr($line, 0, 20) . '...' : $line;
    $shown =~ s/\Q$dir/.../;

    ok(!$ok, "$shown: refused");
    like($output, $expected, "$shown: says why");
    is(scalar(() = $output =~ /\[emerg\]/g), 1, "$shown: in one line");
}

for my $line ('node a; node b', 'zone 1m; zone 1m', "secret $dir/secret; "
    . "secret $dir/secret", 'domain a; domain a', 'rate_control_period 1; '
    . 'rate_control_period 1', 'max_authorizations 1; max_authorizations 2')
{
    my ($directive) = $line =~ /(\w+)/;
    like((tested("mra { $line; }"))[1],
        qr/"$directive" directive is duplicate/, "$directive twice");
}

like((tested("mra { }\nmra { }"))[1],
    qr/"mra" directive is duplicate, there can be one only/, 'two blocks');
like((tested("http { mra { } }"))[1], qr/"mra" directive is not allowed here/,
    'in another block');
like((tested("node one;"))[1], qr/"node" directive is not allowed here/,
    'outside of the block');

ok((tested("mra { secret $dir/secret; include none*; }"))[0], 'a secret');
ok((tested("mra { redis nowhere.invalid 10.0.0.1:1 sentinel=x db=1 prefix=y "
        . "timeout=2s; redis_lost deny; secret $dir/secret; "
        . "resolver 127.0.0.1; resolver_timeout 1s; }"))[0],
    'redis, and nobody is asked');
chmod 0644, "$dir/secret";
my ($ok, $output) = tested("mra { secret $dir/secret; }");
ok($ok, 'a secret that all can read');
like($output, qr/\[warn\].*is open to all users/, 'is warned of');

ok((tested("mra { zone 256k; }"))[0], 'the smallest zone');
ok((tested(''))[0], 'no block at all');

ok((tested('mra { credentials_refresh_interval 0; '
        . 'credentials_cleanup_interval 604800s; max_authorizations 100; '
        . 'rate_control_period 86400s; }'))[0], 'the limits of the ranges');


# what workers see

sub settings {
    my ($mra) = @_;

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
events { }
$mra
END
    $t->run();
    my $answer = ($remote->workers)[0]->do('settings');
    $t->stop;

    return $answer;
}

my $host = lc `hostname`;
chomp $host;

is(settings('mra { }'),
    "$host 28800000 43200000 8 300000 1 30000 3000 0  store", 'defaults');
is(settings('mra { node Edge-1.Example; domain Example.COM; '
        . 'credentials_refresh_interval 1h; credentials_cleanup_interval 2h; '
        . 'max_authorizations 3; rate_control_period 60; stun_keepalive off; '
        . 'stun_keepalive_interval 10s; stun_keepalive_timeout 500ms; '
        . 'sip_path_headers on; }'),
    'edge-1.example 3600000 7200000 3 60000 0 10000 500 1 example.com store',
    'all of them set');
is(settings(''), "$host 28800000 43200000 8 300000 1 30000 3000 0  none",
    'no block');

$t->done_testing();
