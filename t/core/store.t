#!/usr/bin/perl

# The store as two workers see it: what the contract in ngx_mra_store.h says.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use Test::More;

my $t = MRA::Nginx->new()->plan(63);
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 2;
events { }
mra { zone 1m; }
END

$t->run();

my ($w1, $w2) = $remote->workers;

sub clock { my $ms = shift; $_->do("clock $ms") for $w1, $w2 }
sub ttl_near { my ($answer, $ttl) = @_; my $left = (split ' ', $answer)[2];
               $left <= $ttl && $left > $ttl - 3000 }


# values

is($w1->do('get token t1'), 'DECLINED', 'absent');
is($w1->do('set token t1 alice 60000'), 'OK', 'set');
like($w2->do('get token t1'), qr/^OK alice \d+ 0 0$/, 'the other worker gets');
ok(ttl_near($w2->do('get token t1'), 60000), 'what is left of its life');
is($w2->do('get credential t1'), 'DECLINED', 'kinds are apart');
is($w2->do('get token t1 4'), 'ERROR', 'buffer too small');
like($w2->do('get token t1 5'), qr/^OK alice /, 'buffer just large enough');

is($w2->do('set token t1 bob 5000'), 'OK', 'replace');
like($w1->do('get token t1'), qr/^OK bob /, 'replaced');
ok(ttl_near($w1->do('get token t1'), 5000), 'and its life');

is($w1->do('del token t1'), 'OK', 'delete');
is($w2->do('get token t1'), 'DECLINED', 'deleted');
is($w2->do('del token t1'), 'DECLINED', 'nothing to delete');

for my $len (0, 1, 59, 60, 61, 184, 185, 500, 1023, 1024) {
    my $value = 'v' x $len;
    $w1->do("set binding b$len $value 60000");
    like($w2->do("get binding b$len"), qr/^OK $value \d+ 0 0$/,
        "a value of $len bytes");
}

is($w1->do('set binding large ' . 'v' x 1025 . ' 60000'), 'ERROR',
    'a value too large');
is($w1->do('set authorization alice x 60000'), 'ERROR',
    'a window cannot be set');
is($w1->do('hit token alice 8 300000'), 'ERROR 0 0', 'a value cannot be hit');

$w1->do('set binding moved worker1-phone 60000');
is($w2->do('del binding moved worker2'), 'DECLINED',
    'a binding that begins with something else is left');
is($w2->do('del binding moved worker1'), 'OK', 'and deleted if with this');
is($w1->do('get binding moved'), 'DECLINED', 'it is');

$w1->do('set ban b x 1000');
is($w1->do('set ban b x 0'), 'OK', 'a life of 0');
is($w1->do('get ban b'), 'DECLINED', 'is none');


# windows

my @hits = map { ($_ % 2 ? $w1 : $w2)->do('hit authorization alice 8 300000') }
    1 .. 9;

is_deeply([@hits[0 .. 7]], [map { "OK $_ 0" } 1 .. 8], 'eight are admitted');
like($hits[8], qr/^DECLINED 8 (299\d\d\d|300000)$/, 'the ninth is not');
is($w1->do('hit authorization bob 8 300000'), 'OK 1 0', 'others are');
like($w1->do('get authorization alice 8 300000'),
    qr/^OK alice \d+ 8 \d+$/, 'get tells the name and the same verdict');

is($w2->do('hit authorization alice 10 300000'), 'OK 9 0',
    'a higher limit takes effect at once');
like($w2->do('hit authorization alice 3 300000'), qr/^DECLINED 9 \d+$/,
    'a lower one too');
is($w1->do('hit authorization alice 100 300000'), 'OK 10 0', 'the highest');
is($w1->do('hit authorization alice 101 300000'), 'ERROR 0 0', 'above it');

# a window without ids, full, to which attempts with ids come

$w1->do('hit authorization dave 2 300000') for 1 .. 2;
like($w2->do('hit authorization dave 2 300000 5'), qr/^DECLINED 2 \d+$/,
    'an id does not help into a full window');
is($w1->do('hit authorization dave 3 300000 5'), 'OK 3 0', 'a window grows');
is($w2->do('hit authorization dave 3 300000 5'), 'OK 3 0', 'the same attempt');
is($w2->do("hit authorization dave 30 300000 $_"), 'OK ' . ($_ - 2) . ' 0',
    "attempt $_") for 6, 7;
is($w1->do('hit authorization dave 30 300000 5'), 'OK 5 0', 'still the same');

is($w1->do('hit authorization carol 0 300000'), 'OK 0 0', 'no limit');
is($w1->do('hit authorization carol 8 0'), 'OK 0 0', 'no period');
is($w1->do('get authorization carol'), 'DECLINED', 'leave nothing');

my $long = 'n' x 300;
is($w1->do("hit failure $long 100 600000"), 'OK 1 0', 'a long name');
like($w1->do("get failure $long"), qr/^OK n{128} \d+ 1 /, 'is cut');

my $all = join ' ', map { $w2->do("hit failure $long 100 600000") } 2 .. 100;
is($all, join(' ', map { "OK $_ 0" } 2 .. 100), 'a window of many blocks');


# time

clock(301000);
is($w1->do('hit authorization alice 8 300000'), 'OK 1 0', 'after the period');
is($w1->do('get ban b'), 'DECLINED', 'expired');
like($w1->do("get failure $long 100 600000"), qr/^OK n{128} \d+ 100 \d+$/,
    'a longer period goes on');


# pages

$w1->do("set ban n$_ value$_ " . (1000 * $_ % 7000 + 1000)) for 1 .. 200;
$w1->do("hit authorization u$_ 8 300000") for 1 .. 3, 2 .. 3, 3;

my %seen;
my @page = split ' ', $w2->do('scan ban 1000');
my $pages = pop @page;

$seen{$_}++ for @page;
is(scalar keys %seen, 200, 'scan finds all');
is(scalar @page, 200, 'and each once');
is($pages, 8, 'in pages of 25 records');
is($w2->do('scan ban 39'), 'ERROR', 'a page too small for one');
is($w2->do('scan binding 8000'), '1', 'none of a kind that has expired');

@page = split ' ', $w2->do('scan authorization 8000 300000');
is_deeply([sort grep { /^u/ } @page], ['u1:1', 'u2:2', 'u3:3'],
    'windows have a name and a count');

like($w2->do('count ban'), qr/^200 200$/, 'count');

$w1->do("del ban n$_") for 1 .. 150;
is($w2->do('count ban'), '50 200', 'and the most there were');
like($w1->do('check'), qr/^checked \d+$/, 'hash, trees and free list agree');
