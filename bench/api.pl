#!/usr/bin/perl
#
# Copyright (C) ngx_mra contributors
#
# What those who watch cost those who are served.  With so many bindings in
# the zone and one worker: latency of requests with a token, at a steady rate,
# while nobody asks the API and while a scrape each second, ten status pages
# and somebody who pages through all bindings do, in turns; then 10,000 status
# pages at once.  Last, the instructions of a request with and without the
# counters (callgrind).
#
# BUILD=directory of our modules; arguments: bindings, turns, pollers

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);

my $root;
BEGIN { $root = Cwd::abs_path(dirname(__FILE__) . '/..') }
use lib "$root/t/lib";

BEGIN { $ENV{MRA_BUILD} = $ENV{BUILD} if $ENV{BUILD} }

use MRA::HTTP;
use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use POSIX ();
use Time::HiRes qw(sleep time);

my ($bindings, $turns, $pollers) = @ARGV;
$bindings //= 100_000;
$turns //= 21;
$pollers //= 10_000;
my $mb = int($bindings * 320 / 2 ** 20) + 4;
my $rate = 1000;

alarm 0;

my $dir = File::Temp->newdir();
system($ENV{CC} || 'cc', '-O2', '-o', "$dir/http_load", "$root/bench/load.c",
    "$root/bench/http_load.c", qw(-lssl -lcrypto -lm)) == 0 or die;

sub nginx {
    my ($remote, $lines) = @_;
    my $t = MRA::Nginx->new(log_level => 'warn');
    $remote = $remote && MRA::Remote->new($t);

    $t->write_file('1k', 'x' x 1024);
    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote ? ($remote->load, $remote->directives) : '']}
error_log @{[$t->dir]}/error.log notice;
worker_rlimit_nofile 65536;
$lines
events { worker_connections 16384; }
mra { zone ${mb}m; max_authorizations 0; }
http {
    %%HTTP%%
    access_log off;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    server {
        listen 127.0.0.1:%%PORT_http%% backlog=4096;
        location / {
            mra_auth /verify;
            mra_auth_cookie X-Auth secure=off domain=off;
            root @{[$t->dir]};
        }
        location = /verify { internal; return 200; }
        location /api/ { mra_api; }
        location = /metrics { mra_metrics; }
    }
}
END

    return ($t, $remote);
}


my ($t, $remote) = nginx(1, '');
$t->run;

my ($w) = $remote->workers;
my $port = $t->port('http');

my ($ns, $n) = split ' ',
    $w->do("bench set $bindings $bindings binding once");
$n == $bindings or die "$n of $bindings bindings\n";

sub token {
    my $token = get($_[0], '/1k', basic('alice', 'secret'))->cookie('X-Auth');
    return $token // die "no token\n";
}

my $cookie = 'Cookie: X-Auth=' . token($port);

sub load {
    my ($path, $connections, $seconds, $per_second, @more) = @_;

    open my $out, '-|', "$dir/http_load", '-c', $connections, '-r', 1, '-t',
        $seconds, '-R', $per_second, '-n', 'it', '-u',
        "http://127.0.0.1:$port$path", '-p', "$t->{dir}/nginx.pid", @more
        or die "http_load: $!\n";
    my ($row) = grep { /^it / } <$out>;
    my (undef, $cpu, undef, undef, $done, $p50, $p99) = split ' ', $row // '';

    return { cpu => $cpu // die("nothing from http_load\n"), rate => $done,
        p50 => $p50, p99 => $p99 };
}

sub token_load { load('/1k', 50, $_[0], $rate, '-H', $cookie) }

sub median { (sort { $a <=> $b } @_)[$#_ / 2] }


# those who watch

my $cursor;
my @page = map { "/api/1/$_" } qw(node services registrations peers next_hops
    protection protection/bans maintenance);

sub watcher {
    my ($pause, $next) = @_;

    return child(sub {
        alarm 0;
        my $c = MRA::HTTP->new($port);

        for (;;) {
            for my $path ($next->()) {
                my $r = $c->request(GET => $path) or die "$path: no answer\n";
                $r->{status} == 200 or die "$path: $r->{line}\n";
                ($cursor) = $r->{body} =~ /"next":"([^"]+)/
                    if $path =~ /bindings/;
            }

            sleep $pause;
        }
    });
}

my @watchers = (
    watcher(1, sub { '/metrics' }),
    (map { watcher(5, sub { @page }) } 1 .. 10),
    watcher(0.1, sub { '/api/1/bindings?limit=100'
        . ($cursor ? "&cursor=$cursor" : '') }));

sub watch { kill $_[0] ? 'CONT' : 'STOP', @watchers }

my (%p50, %p99, %cpu);

for my $turn (0 .. $turns) {
    for my $watched ($turn % 2 ? (0, 1) : (1, 0)) {
        watch($watched);
        my $r = token_load(1.5);
        next unless $turn;

        push @{$p50{$watched}}, $r->{p50};
        push @{$p99{$watched}}, $r->{p99};
        push @{$cpu{$watched}}, $r->{cpu};
    }
}

kill $_, @watchers for 'KILL', 'CONT';

sub spread {
    my ($of) = @_;
    my @ratio = sort { $a <=> $b }
        map { $of->{1}[$_] / $of->{0}[$_] } 0 .. $turns - 1;

    return sprintf '%.3f', 1.82 * ($ratio[$turns * 3 / 4]
        - $ratio[$turns / 4]) / sqrt $turns;
}

printf "%d requests/s with a token, %d turns of 1.5 s\n\n", $rate, $turns;
printf "%-28s %8s %8s %8s\n", '', 'p50 ms', 'p99 ms', 'CPU us';

for (['nobody watches', 0], ['the API and metrics are asked', 1]) {
    my ($name, $watched) = @$_;
    printf "%-28s %8.3f %8.3f %8.1f\n", $name, median(@{$p50{$watched}}),
        median(@{$p99{$watched}}), median(@{$cpu{$watched}});
}

sub ratio {
    my ($of) = @_;
    return median(map { $of->{1}[$_] / $of->{0}[$_] } 0 .. $turns - 1);
}

printf "%-28s %8.3f %8.3f %8.3f\n%-28s %8s %8s %8s\n",
    'ratio, median of turns', (map { ratio($_) } \%p50, \%p99, \%cpu),
    '95 %', map { spread($_) } \%p50, \%p99, \%cpu;


# a page is one turn of the event loop

printf "\n%-28s %8s %8s\n", 'one after the other', 'p50 ms', 'p99 ms';

for ('/api/1/services', '/api/1/bindings?limit=100',
     '/api/1/bindings?limit=1000', '/metrics')
{
    my $r = load($_, 1, 1, 0);
    printf "%-28s %8.3f %8.3f\n", $_, $r->{p50}, $r->{p99};
}


# 10,000 pages: each asks every five seconds

my $many = child(sub {
    alarm 0;
    my $r = load('/api/1/services', $pollers, 12, $pollers / 5);
    burp("$dir/many", join ' ', @{$r}{qw(rate p50 p99 cpu)});
});

sub connections {
    my $local = sprintf ':%04X', $port;
    return scalar grep { my @f = split; $f[1] =~ /$local$/ && $f[3] eq '01' }
        split /\n/, slurp('/proc/net/tcp');
}

wait_for(60, sub { sleep 0.2; connections() >= $pollers })
    or die "$pollers connections do not come up\n";

my $served = token_load(5);
waitpid $many, 0;
my ($done, $p50, $p99, $cpu) = split ' ', slurp("$dir/many");

printf "\n%d status pages, every 5 s:\n", $pollers;
printf "%-28s %8.0f /s, p50 %.2f ms, p99 %.2f ms, CPU %.0f us\n", 'they get',
    $done, $p50, $p99, $cpu;
printf "%-28s %8.0f /s, p50 %.2f ms, p99 %.2f ms, CPU %.0f us\n",
    'requests with a token', @{$served}{qw(rate p50 p99 cpu)};

$t->stop;


# without the counters: their functions do nothing

exit 0 unless -x '/usr/bin/valgrind';

burp("$dir/nothing.c", "void ngx_mra_count(void *a, int b, long c) { }\n"
    . "void ngx_mra_observe(void *a, int b, unsigned long c) { }\n");
system($ENV{CC} || 'cc', qw(-shared -fPIC -O2 -o), "$dir/nothing.so",
    "$dir/nothing.c") == 0 or die;

sub instructions {
    my ($preload, $requests) = @_;
    my ($t) = nginx(0, 'master_process off;');
    my $port = $t->port('http');

    local $ENV{LD_PRELOAD} = $preload;
    my $pid = spawn("$t->{dir}/valgrind.out", 'valgrind', '--tool=callgrind',
        "--callgrind-out-file=$dir/callgrind", $t->command('nginx.conf',
        'error.log'));
    wait_for(60, sub { connects($port) }) or die "no nginx under valgrind\n";

    my $cookie = 'X-Auth=' . token($port);
    my $c = MRA::HTTP->new($port);
    $c->request(GET => '/1k', Cookie => $cookie)->{status} == 200 or die
        for 1 .. $requests;
    $c->close;

    end_process($pid, 'QUIT', 30);
    my ($all) = slurp("$dir/callgrind") =~ /^(?:summary|totals): (\d+)/m;
    return $all // die "nothing from callgrind\n";
}

sub each_request {
    my ($preload) = @_;
    return (instructions($preload, 2200) - instructions($preload, 200)) / 2000;
}

my ($with, $without) = (each_request(''), each_request("$dir/nothing.so"));

printf "\ninstructions of a request with a token\n\n";
printf "%-28s %8.0f\n", 'as it is', $with;
printf "%-28s %8.0f\n", 'without counters', $without;
printf "%-28s %8.2f %%\n", 'the counters', 100 * ($with - $without) / $with;
