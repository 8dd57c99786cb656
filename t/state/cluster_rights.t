# A cluster with a user who has the rights that the README prints, no more;
# and one that is reached by TLS.

use strict;
use warnings;

use MRA::Cert;
use MRA::Cluster;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(19);
my $dir = $t->dir;

my ($rights, $more) = slurp('README.md')
    =~ /^ACL SETUSER mra on >PASSWORD (.*?)```\s+and for a cluster `(.*?)`/ms;
my @more = split ' ', $more // '';
is(scalar @more, 3, 'three rights more for a cluster');

$t->write_file('password', "opensesame\n");
$t->secret('opensesame');


# what nodes do in a cluster

sub works {
    my ($name, $nodes) = @_;
    my ($ra, $rb) = map { $nodes->remote($_) } $nodes->all;
    my @users = map { "user$_" } 1 .. 60;

    $ra->do("set token $_ $_ 28800000") for @users;
    ok(wait_for(10, sub { !grep { $rb->do("get token $_") !~ /^OK $_ / }
        @users }), "$name: tokens");
    is(scalar(grep { $ra->do("hit authorization $_ 1 300000") !~ /^OK 1 /
        || $rb->do("hit authorization $_ 1 300000") !~ /^DECLINED 1 / }
        @users), 0, "$name: one limit");
    $ra->do('set ban 192.0.2.9 why 60000');
    ok(wait_for(10, sub { $rb->do('get ban 192.0.2.9') =~ /^OK why / }),
        "$name: a ban");
    $ra->do("del token $_") for @users;
    ok(wait_for(10, sub { !grep { $rb->do("get token $_") ne 'DECLINED' }
        @users }), "$name: revocations");
}


# rights

my $cluster = MRA::Cluster->new($t, masters => 3);
is(join(' ', $cluster->all('ACL', 'SETUSER', 'mra', 'on', '>opensesame',
    split(' ', $rights), @more)), 'OK OK OK', 'the user');

my $redis = $cluster->addresses . " cluster=on user=mra timeout=5s "
    . "password_file=$dir/password";
my $nodes = MRA::Nodes->new($t, redis => $redis);
ok($nodes->connected, 'rights: connected');
works('rights', $nodes);

my ($ra, $rb) = map { $nodes->remote($_) } $nodes->all;


# a slot on its way, with others than those that the other node knows

my $round = 0;

sub move {
    my ($half, $key) = @_;
    my @late = map { 'late' . $round . "_$_" } 1 .. 200;
    $round++;
    $ra->do("set token $_ $_ 28800000") for @late;

    my ($from, $tag);
    wait_for(10, sub {
        ($from, $tag) = map { my $s = $_; map { [$s, $_] }
            ($s->cli('KEYS', '*') =~ /(\{..\})t/) } $cluster->servers;
        ($from, $tag) = @{$from // []};
        return $tag;
    });

    my $slot = $from->cli('CLUSTER', 'KEYSLOT', "x$tag");
    my ($to) = grep { $_ != $from } $cluster->servers;
    $cluster->move($slot, $from, $to, sub { $half->(@late) });
}

my $missing = 0;
move(sub { $missing += grep { $rb->do("get token $_") !~ /^OK $_ / } @_ });
is($missing, 0, 'rights: a slot is moved');
like(join('', map { $_->cli('INFO', 'errorstats') } $cluster->servers),
    qr/errorstat_ASK:/, 'and keys asked for on the way');
is(join('', $cluster->all('ACL', 'LOG')), '', 'nothing was denied');


# each of them is needed

sub without {
    my ($right, $do) = @_;
    $cluster->all('ACL', 'SETUSER', 'mra', "-$right");
    $cluster->all('ACL', 'LOG', 'RESET');
    $do->();
    ok(wait_for(20, sub { join('', $cluster->all('ACL', 'LOG'))
        =~ /^\Q$right\E$/m }), "$right is needed");
    $cluster->all('ACL', 'SETUSER', 'mra', "+$right");
}

without('asking', sub {
    move(sub { $rb->do("get token $_") for @_ }) });

for my $right ('cluster|info', 'cluster|slots') {
    my $new;
    without($right, sub { $new = MRA::Nodes->new($t, redis => $redis,
        n => 1) });
    $_->stop for $new->all;
}


# TLS: the servers tell a client by TLS of their ports for TLS

my $ca = MRA::Cert->new($dir);
my ($crt, $key) = $ca->issue('redis', names => ['redis.example']);
my @ports;

my $tls = MRA::Cluster->new($t, masters => 3, options => sub {
    push @ports, free_port();
    return ('--tls-port', $ports[-1], '--tls-cluster', 'yes',
        '--tls-cert-file', $crt, '--tls-key-file', $key,
        '--tls-ca-cert-file', $ca->file);
});

$nodes = MRA::Nodes->new($t, redis => "127.0.0.1:$ports[1] cluster=on "
    . "timeout=5s tls=on tls_name=redis.example tls_trusted=$dir/ca.crt "
    . "tls_certificate=$crt tls_key=$key");
ok($nodes->connected, 'TLS: one address is enough');
works('TLS', $nodes);

my ($one) = $nodes->all;
is(scalar(grep { $one->log =~ /redis 127\.0\.0\.1:$_ is connected/ } @ports),
    3, 'all servers, by their ports for TLS');
