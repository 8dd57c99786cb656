# A cluster whose keys move while it serves: redirections, a slot on its way,
# a server that is added.

use strict;
use warnings;

use MRA::Cluster;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(24);
my $cluster = MRA::Cluster->new($t, masters => 3);
my $nodes = MRA::Nodes->new($t, workers => 2,
    redis => ($cluster->servers)[1]->port =~ s/^/127.0.0.1:/r
        . ' cluster=on timeout=3s');
my ($one, $two) = $nodes->all;
ok($nodes->connected, 'one address is enough');
my ($ra, $rb) = map { $nodes->remote($_) } $one, $two;


# how often the servers have sent somebody elsewhere

sub errors {
    my ($word) = @_;
    my $n = 0;
    $n += $_ for map { /errorstat_$word:count=(\d+)/ }
        $cluster->all('INFO', 'errorstats');
    return $n;
}


# commands for operations that a server was sent and turned away

sub rejected {
    my ($server) = @_;
    my ($n) = $server->cli('INFO', 'commandstats')
        =~ /cmdstat_evalsha:.*?rejected_calls=(\d+)/;
    return $n // 0;
}


# the name in Redis of what a command makes there, and who has it

sub made {
    my ($command, $pattern) = @_;
    my %before = map { $_ => 1 } map { keys_of($_) } $cluster->servers;
    my @made;

    $ra->do($command);

    wait_for(5, sub {
        for my $server ($cluster->servers) {
            my ($key) = grep { !$before{$_} && $_ =~ $pattern }
                keys_of($server) or next;
            return @made = ($key, $server);
        }
    });

    return @made;
}


# the slot of each key that is there

sub keys_of {
    my ($server) = @_;
    return split /\n/, $server->cli('KEYS', '*');
}


my @users = map { "user$_" } 1 .. 60;
$ra->do("set token $_ $_ 28800000") for @users;

ok(wait_for(5, sub { !grep { $rb->do("get token $_") !~ /^OK $_ / }
    @users }), 'sixty tokens, known on the other node');
is(scalar(grep { keys_of($_) > 6 } $cluster->servers), 3,
    'on all three servers');
is(errors('MOVED') + errors('CROSSSLOT'), 0, 'nobody was sent elsewhere');
is(join(' ', map { (split ' ', $ra->do("hit authorization $_ 1 300000"))[0] }
    @users), join(' ', ('OK') x 60), 'windows');


# a slot in use, and the server that has it

my ($from) = grep { grep { /:?\{.*\}t/ } keys_of($_) } $cluster->servers;
my ($tag) = map { /(\{..\})t/ } keys_of($from);
my $slot = $from->cli('CLUSTER', 'KEYSLOT', "x$tag");
my ($to) = grep { $_ != $from } $cluster->servers;

# half way: what has gone is asked for there, what is not yet known too

my @late = map { "late$_" } 1 .. 200;
$ra->do("set token $_ $_ 28800000") for @late;
my %half;

$cluster->move($slot, $from, $to, sub {
    $half{token} = grep { $rb->do("get token $_") !~ /^OK $_ / } @late;
    $half{hit} = grep { $rb->do("hit authorization $_ 1 300000")
        !~ /^DECLINED 1 / } @users;
});

ok(grep({ /\Q$tag\E/ } keys_of($to)), 'a slot was moved');
is($half{token}, 0, 'half way all tokens are good');
is($half{hit}, 0, 'and all windows are known');
is(scalar(grep { $rb->do("hit authorization $_ 1 300000") !~ /^DECLINED 1 / }
    @users), 0, 'as afterwards');

# ASK: a slot is on its way, and the key that is asked for has gone before

my ($old, $new);

for my $case (['token', 'set token ask x 600000', 'get token ask', 'OK x '],
    ['authorization', ('hit authorization ask 1 600000') x 2, 'DECLINED 1 '])
{
    my ($kind, $set, $get, $expected) = @$case;
    (my $key, $old) = made($set, qr/\}@{[substr $kind, 0, 1]}/);
    ($new) = grep { $_ != $old } $cluster->servers;
    $slot = $old->cli('CLUSTER', 'KEYSLOT', $key);

    my ($old_id, $new_id) = map { $_->cli('CLUSTER', 'MYID') } $old, $new;
    $new->cli('CLUSTER', 'SETSLOT', $slot, 'IMPORTING', $old_id);
    $old->cli('CLUSTER', 'SETSLOT', $slot, 'MIGRATING', $new_id);
    $old->cli('MIGRATE', '127.0.0.1', $new->port, $key, 0, 5000);

    my $rejected = rejected($old);
    like($rb->do($get), qr/^$expected/, "ASK: a $kind is found");
    is(rejected($old) - $rejected, 1, 'where it was sent to');

    $cluster->move($slot, $old, $new);
}

# MOVED: until whoever is asked was not the first to know

my $wrong = 0;

ok(wait_for(60, sub {
    ($old, $new) = ($new, $old);
    $cluster->move($slot, $old, $new);

    my $rejected = rejected($old);
    $wrong++ if $rb->do('hit authorization ask 1 600000') !~ /^DECLINED 1 /;
    return rejected($old) > $rejected }), 'MOVED: it was sent on');
is($wrong, 0, 'and answered');

$ra->do("del token $_") for @users[0 .. 29];
ok(wait_for(3, sub { !grep { $rb->do("get token $_") ne 'DECLINED' }
    @users[0 .. 29] }), 'deletions arrive');
is(scalar(grep { $rb->do("get token $_") !~ /^OK / } @users[30 .. 59]), 0,
    'and nothing else is forgotten');

ok(wait_for(10, sub {
    my $moved = errors('MOVED');
    $ra->do("hit failure $_ 1 300000") for @users;
    return errors('MOVED') == $moved }), 'the new way is remembered');


# a server is added and gets a third of the slots of another one, while
# requests go on

my $added = $cluster->add;
my $errors = 0;

my @slots = map { $from->cli('CLUSTER', 'KEYSLOT', "{$_$_}") } 'A' .. 'Z';
my $used = 0;
my @new = map { "new$_" } 1 .. 200;
$ra->do("set token $_ $_ 28800000") for @new;

for my $s (@slots) {
    next unless ($cluster->owner_of_slot($s) // 0) == $from;
    $cluster->move($s, $from, $added, sub {
        for my $user (@users[30 .. 59]) {
            my $token = shift @new;
            $errors++ if $rb->do("get token $token") !~ /^OK /;
            $errors++ if $ra->do("hit authorization $user 1 300000")
                !~ /^DECLINED 1 /;
        }
    });
    last if ++$used == 4;
}

cmp_ok($used, '>', 2, 'slots were moved to a new server');
cmp_ok(scalar keys_of($added), '>', 0, 'it has keys');
is($errors, 0, 'nobody noticed');

$ra->do('set ban 192.0.2.9 why 60000');
ok(wait_for(2, sub { $rb->do('get ban 192.0.2.9') =~ /^OK why / }),
    'changes arrive');
unlike($_->log, qr/is lost|has lost|refuses|dropped/, 'nothing was lost')
    for $one, $two;
