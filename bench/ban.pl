#!/usr/bin/perl
#
# Copyright (C) ngx_mra contributors
#
# What the look-up of a connection that was just accepted costs, while so many
# addresses are banned: CPU time in a worker, median of turns.  Every other
# look-up is that of a banned address.  Then what a client costs that is
# turned away, next to one that is served a TLS handshake, in turns.
#
# BUILD=directory of our modules; arguments: addresses, turns

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);

my $root;
BEGIN { $root = Cwd::abs_path(dirname(__FILE__) . '/..') }
use lib "$root/t/lib";

BEGIN { $ENV{MRA_BUILD} = $ENV{BUILD} if $ENV{BUILD} }

use IO::Socket::INET;
use IO::Socket::SSL;
use MRA::Cert;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Remote;

my ($addresses, $turns) = (@ARGV, 100_000, 15)[0, 1];
my $mb = int($addresses * 320 / 2 ** 20) + 4;

my $t = MRA::Nginx->new(log_level => 'warn');
my $remote = MRA::Remote->new($t);
my ($crt, $key) = MRA::Cert->new($t->dir)->issue('edge');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
error_log @{[$t->dir]}/error.log notice;
events { }
mra { zone ${mb}m; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_https%% ssl backlog=4096;
        ssl_certificate $crt;
        ssl_certificate_key $key;
        location / { mra_auth /verify; }
        location = /verify { internal; return 200; }
    }
}
END

$t->run();
my ($w) = $remote->workers;

sub measure {
    my ($banned) = @_;
    my $ops = 200_000;
    my @ns;

    for (1 .. $turns) {
        my ($ns, $found) = split ' ', $w->do("banbench $addresses $ops");
        $found == ($banned ? $ops / 2 : 0) or die "found $found\n";
        push @ns, $ns;
    }

    return (sort { $a <=> $b } @ns)[$#ns / 2];
}

printf "%-40s %6d ns\n", 'nobody is banned', measure(0);

my $n = $w->do("banbench $addresses 0 fill");
$n == $addresses or die "$n of $addresses banned\n";

printf "%-40s %6d ns\n", "$addresses addresses are banned", measure(1);


# CPU of the worker for one client; the one that is banned only connects

sub cpu {
    open my $file, '<', '/proc/' . $w->pid . '/schedstat' or die;
    return (split ' ', <$file>)[0];
}

sub cost {
    my ($times, $client) = @_;
    my $before = cpu();

    $client->() for 1 .. $times;
    return (cpu() - $before) / $times / 1000;
}

sub client {
    my ($source) = @_;
    return MRA::HTTP->new($t->port('https'), source => $source);
}

sub banned { client('127.0.0.2')->closed(10) or die "not turned away\n" }

sub served {
    my $c = client('127.0.0.3');

    IO::Socket::SSL->start_SSL($c->{socket},
        SSL_verify_mode => SSL_VERIFY_NONE) or die "TLS: $SSL_ERROR\n";
    $c->close;
}

$w->do('ban 127.0.0.2 0 3600000') eq 'OK' or die;

my (@banned, @served, @ratio);

for (1 .. $turns) {
    push @banned, cost(400, \&banned);
    push @served, cost(100, \&served);
    push @ratio, $banned[-1] / $served[-1];
}

sub median { (sort { $a <=> $b } @_)[$#_ / 2] }

printf "\n%-40s %6.1f us\n", 'a client that is banned', median(@banned);
printf "%-40s %6.1f us\n", 'one that is served a TLS handshake',
    median(@served);
printf "%-40s %6.3f\n", 'ratio, median of turns', median(@ratio);

$t->stop;
