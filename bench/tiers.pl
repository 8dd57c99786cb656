#!/usr/bin/perl
#
# Copyright (C) ngx_mra contributors
#
# An edge node, two core nodes, a registrar, and phones over TLS, that follow
# outbound, some of them in calls.  What the phones see of maintenance of a
# core node, and of the power failure of both tiers.
#
# BUILD=directory of our modules; arguments: phones, calls

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);

my $root;
BEGIN { $root = Cwd::abs_path(dirname(__FILE__) . '/..') }
use lib "$root/t/lib";

BEGIN { $ENV{MRA_BUILD} = $ENV{BUILD} if $ENV{BUILD} }

use File::Temp;
use IPC::Open2;
use MRA::API;
use MRA::Nginx;
use MRA::Tiers;
use MRA::Util;
use Time::HiRes qw(time);

my ($phones, $calls) = @ARGV;
$phones //= 10_000;
$calls //= 100;

alarm 0;

my $dir = File::Temp->newdir();

for (['sip_tiers', 'sip_ua.c'], ['sip_registrar']) {
    my ($name, @more) = @$_;
    system($ENV{CC} || 'cc', '-O2', '-o', "$dir/$name",
        map({ "$root/bench/$_" } "$name.c", @more, 'sip_msg.c', 'load.c'),
        qw(-lssl -lcrypto -lm)) == 0 or die;
}

my $registrar = free_port();
spawn("$dir/registrar.log", "$dir/sip_registrar", "127.0.0.1:$registrar");
wait_for(10, sub { connects($registrar) }) or die "no registrar\n";

my $main = MRA::Nginx->new;
my $tiers = MRA::Tiers->new($main, uc => [$registrar], cores => 2,
    accept => 0, path => 'on', http => 1, extra => 'zone 128m;');
my @cores = map { $tiers->core($_) } 0, 1;
my @nodes = ($tiers->edge, @cores);

for (@nodes) {
    my $conf = $_->read_file('nginx.conf');
    $conf =~ s/events \{ \}/worker_rlimit_nofile 65536;
events { worker_connections 32768; }/;
    $conf =~ s/ssl reuseport/ssl reuseport backlog=4096/;
    $conf =~ s/error\.log info/error.log notice/;
    $_->write_file('nginx.conf', $conf);
}

$tiers->run;

my $bad;
my $pid = open2(my $out, my $in, "$dir/sip_tiers", '-c', $phones,
    '-n', 'edge', '-u', 'tls://127.0.0.1:' . $tiers->edge->port('sip'));


# seconds, answered with success, with something else

sub phones {
    my ($command) = @_;

    print $in "$command\n";
    $in->flush;

    return split ' ', <$out> // die "$command: no answer\n";
}


# by core 1 and 2: as the edge node has them, once it has all

sub clients {
    map { $_->{clients} } @{api($tiers->edge, 'next_hops')->{core}};
}

sub counts {
    my @clients;

    wait_for(5, sub {
        @clients = clients();
        return $clients[0] + $clients[1] == $phones;
    });

    return @clients;
}

sub row { printf "%-38s %8s %8s %8s %9s %8s\n", @_ }

sub step {
    my ($text, $command, $expected) = @_;
    my ($s, $done, $failed) = phones($command);

    row($text, $s, $done, $failed, counts());
    $bad ||= $failed || $done != $expected;
}

sub rss {
    my ($node) = @_;
    my $kb = 0;

    for my $pid ($node->master, $node->workers) {
        $kb += $1 if slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
    }

    return sprintf '%.1f', $kb / 1024;
}

sub rss_row { row($_[0], map({ rss($_) } @nodes), '', '') }


row("$phones phones, $calls calls", 'seconds', 'well', 'failed', 'by core 1',
    'core 2');

step('register, a TLS handshake each', 'register', $phones);
step('calls begin', "call $calls", $calls);
step('refresh', 'refresh', $phones);

change($cores[0], PATCH => 'maintenance', { maintenance => true });
wait_for(10, sub {
    api($tiers->edge, 'next_hops')->{core}[0]{state} eq 'draining';
}) or die "the edge node does not hear of maintenance\n";

row('core 1 in maintenance', '', '', '', counts());
step('refresh, calls are up', 'refresh', $phones);

my ($left) = clients();
$bad ||= $left > 2 * $calls;

step('calls end', 'hangup', $calls);
step('refresh', 'refresh', $phones);

($left) = clients();
$bad ||= $left;

change($cores[0], PATCH => 'maintenance', { maintenance => false });


# the power failure

row('', 'edge', 'core 1', 'core 2', '', '');
rss_row('MB of RSS before');

my $start = time;

kill 'KILL', map { ($_->master, $_->workers) } @nodes;
waitpid delete $_->{pid}, 0 for @nodes;

$tiers->run;
my $away = time - $start;

row('', 'seconds', 'well', 'failed', 'by core 1', 'core 2');
step('all nodes killed, started; reconnect', 'reconnect', $phones);

printf "%-38s %8.2f\n", 'all are registered, after the kill', time - $start;
printf "%-38s %8.2f\n", 'of these nobody listened', $away;

row('', 'edge', 'core 1', 'core 2', '', '');
rss_row('MB of RSS after');

close $in;
waitpid $pid, 0;

die "not as it should be\n" if $bad;
