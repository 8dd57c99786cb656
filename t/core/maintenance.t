#!/usr/bin/perl

# Maintenance of a node: switched in any worker, seen in all, kept over
# reloads and another size of the zone, ended by a restart.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(17);
my $remote = MRA::Remote->new($t);

sub configure {
    my ($zone) = @_;

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 2;
events { }
mra { node edge1; zone $zone; }
END
}

configure('1m');
$t->run();

my ($w1, $w2) = $remote->workers;
my $begun = time;

is($w1->do('maintenance'), 'OK off', 'a node starts in service');
is($w1->do('maintenance off'), 'DECLINED off', 'and is in service already');
is($w1->do('maintenance on'), 'OK on', 'maintenance begins');
is($w2->do('maintenance'), 'OK on', 'all workers see it');
is($w2->do('maintenance on'), 'DECLINED on', 'it begins once');
like($w2->do('nodes'), qr/^edge1 self maintenance registrations=0\/0/,
    'the node says so');
like($t->log,
    qr/\[notice\].*: maintenance mode is on, new requests for service are/,
    'one line says it');

my ($started) = $w1->do('nodes') =~ /started=(\d+)/;
cmp_ok(abs($started - $begun), '<=', 60, 'the node knows when it started');

$t->reload;
($w1, $w2) = $remote->workers;
is($w1->do('maintenance'), 'OK on', 'a reload does not end it');

$w1->do('set binding alice x 60000');
$w1->do('set binding bob x 60000');
$w1->do('del binding bob');

configure('2m');
$t->reload;
($w1, $w2) = $remote->workers;
is($w1->do('maintenance'), 'OK on', 'nor does a zone of another size');

my ($peak) = $w1->do('nodes') =~ m{registrations=0/(\d+)\@[1-9]};
is($peak, 2, 'the peak is kept too');
is(($w1->do('nodes') =~ /started=(\d+)/)[0], $started, 'and the start');

is($w2->do('maintenance off'), 'OK off', 'it ends');
is($w1->do('maintenance'), 'OK off', 'for all');
like($t->log, qr/\[notice\].*: maintenance mode is off after \d+s/,
    'one line says it');

$w1->do('maintenance on');
$t->stop;
$t->run;
($w1) = $remote->workers;
is($w1->do('maintenance'), 'OK off', 'a restart ends it');
cmp_ok(($w1->do('nodes') =~ /started=(\d+)/)[0], '>=', $started,
    'and is a new start');
