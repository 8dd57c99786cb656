#!/usr/bin/perl

# A flood of failures from many IPv6 networks, in a zone full of tokens and
# registrations: they stay, and others are still counted and banned.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use Test::More;

my $t = MRA::Nginx->new(protect => 1)->plan(17);
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
worker_processes 1;
events { }
mra {
    zone 512k;
    protection http-ce-auth trigger=1 block=1h;
    protection sip-auth trigger=4 window=60s block=2h;
}
END

$t->run();

my ($w) = $remote->workers;
my ($auth, $sip) = (0, 3);

sub stat_of {
    my %stat;
    @stat{qw(size used evicted recovered token credential authorization
             failure ban binding node)} = split ' ', $w->do('stat');
    return \%stat;
}

my $blocks = stat_of()->{size} / 128;


# tokens until there is no room, and as many phones

$w->do("set token t$_ alice 20000000") for 1 .. $blocks;
my $full = stat_of();
cmp_ok($full->{token}, '>', 0.7 * $blocks, 'tokens');
cmp_ok($full->{token}, '<', 0.75 * $blocks + 1, 'leave a quarter');
cmp_ok($full->{evicted}, '>', 0, 'to which they do not grow');

my $phones = int(0.2 * $blocks);
$w->do("set binding b$_ phone 20000") for 1 .. $phones;
is(stat_of()->{binding}, $phones, 'for phones tokens give way');
cmp_ok(stat_of()->{used} / 128, '<', 0.75 * $blocks + 1, 'not the quarter');

my $before = stat_of();
$w->do("hit authorization alice 8 300000") for 1 .. 8;


# every failure from another /64, each of them banned

my $n = 0;

sub flood {
    my ($times, $category) = @_;
    $n++, $w->do(sprintf "fail 2001:db8:%x:%x::1 %d", $n >> 16, $n & 0xffff,
        $category) for 1 .. $times;
}

flood($blocks, $auth);

my $after = stat_of();
cmp_ok($after->{ban}, '>', 0.2 * $blocks, 'bans take the quarter');
cmp_ok($after->{used}, '>', 0.98 * $after->{size}, 'the zone is full');
is($after->{token}, $before->{token}, 'all tokens are there');
is($after->{binding}, $phones, 'all registrations are');
like($w->do('get authorization alice 8 300000'), qr/^OK alice \d+ 8 /,
    'so is the window of a user');


# who guesses slowly, while it goes on

my $answer;

for (1 .. 4) {
    $answer = $w->do("fail 192.0.2.7 $sip");
    flood(100, $auth);
    flood(100, $sip);
}

is($answer, 1 << $sip, 'is still counted and banned');
is($w->do('banned 192.0.2.7'), 1 << $sip, 'and stays so');

$w->do("hit authorization name$_ 8 300000") for 1 .. $blocks;
is($w->do('banned 192.0.2.7'), 1 << $sip, 'a flood of names ends no ban');

$after = stat_of();
is($after->{token}, $before->{token}, 'all tokens are still there');
is($after->{binding}, $phones, 'all registrations are');
like($w->do('check'), qr/^checked \d+$/, 'whole');

is(scalar(() = $t->log =~ /\[warn\].*mra zone is full/g), 1, 'said once');
