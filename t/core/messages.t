#!/usr/bin/perl

# Messages between workers: all sizes, over reloads and deaths, and nobody
# else's.

use strict;
use warnings;

use IO::Socket::UNIX;
use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use Socket qw(SOCK_SEQPACKET);
use Test::More;

my $t = MRA::Nginx->new()->plan(27);
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

sub received {
    my ($w) = @_;
    my %r;
    @r{qw(n bytes wrong from self zone)} = split ' ', $w->do('received');
    return \%r;
}

sub arrives {
    my ($w, $n, $bytes) = @_;
    return wait_for(10, sub {
        my $r = received($w);
        $r->{n} == $n && $r->{bytes} == $bytes && $r->{wrong} == 0;
    });
}


my ($w1, $w2) = $remote->workers;
my ($n1, $n2) = map { received($_)->{self} } $w1, $w2;

cmp_ok($n1, '>', 0, 'a worker has a number');
isnt($n1, $n2, 'of its own');

my ($n, $bytes) = (0, 0);
for my $size (0, 1, 600, 4000, 65500, 131072) {
    is($w1->do("send $n2 $size 3"), 'OK 0', "$size bytes, three times");
    $n += 3;
    $bytes += 3 * $size;
}

ok(arrives($w2, $n, $bytes), 'they arrive whole');
is(received($w2)->{from}, $n1, 'and tell who sent them');
is($w1->do("send $n2 131073 1"), 'ERROR 0', 'too large');
is($w1->do('send 999 10 1'), 'DECLINED 0', 'no such worker');
is($w1->do("send $n1 10 1"), 'OK 0', 'to oneself');
ok(arrives($w1, 1, 10), 'arrives too');


# many small ones in one event

is($w1->do("send $n2 10 200"), 'OK 0', 'two hundred at once');
ok(arrives($w2, $n += 200, $bytes += 2000), 'all arrive');


# more than the kernel holds: queued, in order, and bounded

is($w1->do("send $n2 65500 100"), 'OK 0', 'a burst waits');
ok(arrives($w2, $n + 100, $bytes + 6550000), 'and arrives');

like($w1->do("send $n2 65500 1000"), qr/^BUSY \d+$/, 'a flood is refused');
ok(wait_for(10, sub { received($w2)->{n} > $n + 200
                      && $w1->do("send $n2 65500 1") eq 'OK 0' }),
    'until it has drained');


# a worker that was killed

$t->kill_worker($w2->pid, 'KILL');
$t->expect(qr/worker process \d+ exited on signal 9/);

ok(wait_for(5, sub { $w1->do("send $n2 10 1") eq 'DECLINED 0' }),
    'a dead worker is known to be dead');

my ($w3) = grep { $_->pid != $w1->pid } $remote->workers;
my $n3 = received($w3)->{self};
isnt($n3, $n2, 'its successor has another number');

$w1->do("send $n3 600 1");
ok(arrives($w3, 1, 600), 'and gets messages');


# an older generation, still busy with a client

my $client = $remote->busy($w1);
$t->reload;

my ($young) = $remote->workers;
my $n4 = received($young)->{self};

is($w1->do("send $n4 65500 2"), 'OK 0', 'from the old to the young');
ok(arrives($young, 2, 131000), 'arrives');
$young->do("send $n1 65500 2");
ok(arrives($w1, 3, 131010), 'and from the young to the old');
undef $client;


# someone else's socket

SKIP: {
    skip 'must be root to be someone else', 1 if $>;

    my $name = "ngx_mra.@{[received($young)->{zone}]}.$n4";

    my $pid = fork;
    if ($pid == 0) {
        $< = $> = 12345;
        my $s = IO::Socket::UNIX->new(Type => SOCK_SEQPACKET,
            Peer => "\0$name");
        syswrite $s, pack 'LLa*', 1, 3, 'forged';
        sleep 1;
        POSIX::_exit(0);
    }

    waitpid $pid, 0;
    like($t->log, qr/process $pid of user 12345 is no worker of ours/,
        'a stranger is refused');
}
