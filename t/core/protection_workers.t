#!/usr/bin/perl

# Two workers ban the same addresses for two categories at the same moment:
# the record of an address holds both, none is lost.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use Test::More;

my $t = MRA::Nginx->new(protect => 1)->plan(3);
my $remote = MRA::Remote->new($t);
my $n = 2000;

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[ $remote->load, $remote->directives ]}
worker_processes 2;
worker_cpu_affinity auto;
events { }
mra { protection sip-auth; zone 8m; }
END

$t->run();
my ($one, $two) = $remote->workers;

$one->ask("banrace $n 0");
$two->ask("banrace $n 3");
$_->answer for $one, $two;
is($one->do("banrace $n"), "$n $n", 'all are banned for both');

is($two->do('unban 10.0.0.1 8'), 'OK', 'one is lifted');
cmp_ok($two->do('left 10.0.0.1 0'), '>', 3000, 'the other stays');
