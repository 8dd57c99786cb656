# The rights of conf-examples/redis/users.acl, which are those of the README,
# are enough for all that we do in Redis, and none of them is too much.

use strict;
use warnings;

use MRA::Cert;
use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new();
my $dir = $t->dir;
my $examples = 'conf-examples/redis';

my ($rights) = slurp("$examples/users.acl")
    =~ /^user mra on >PASSWORD (.*)$/m;
my ($printed) = slurp('README.md') =~ /ACL SETUSER mra on >PASSWORD (.*?)```/s;
is($printed =~ s/\s+/ /gr, "$rights ", 'the README prints the same');


# Redis as the example has it, and one more user to look at it

my $ca = MRA::Cert->new($dir);
$ca->issue('redis', names => ['redis.example.com']);

my $port = $t->port('redis');
my $conf = slurp("$examples/tls-server.conf");
$conf =~ s/6380/$port/;
$conf =~ s{(certs/|users\.acl)}{$dir/$1}g;
$conf =~ s{certs/}{}g;
$t->write_file('redis.conf', $conf);
$t->write_file('users.acl', slurp("$examples/users.acl")
    =~ s/PASSWORD/opensesame/r . "user admin on >admin ~* &* +\@all\n");
$t->write_file('password', "opensesame\n");
$t->secret('opensesame');

my $redis = MRA::Daemon->start($t, name => 'redis', ports => [$port],
    ready => qr/Ready to accept connections/, command => ['redis-server',
        "$dir/redis.conf", '--unixsocket', "$dir/sock", '--dir', $dir]);


sub as {
    my ($user, @command) = @_;
    my $password = $user eq 'mra' ? 'opensesame' : $user;
    open my $out, '-|', 'redis-cli', '-s', "$dir/sock", '--user', $user,
        '--pass', $password, '--no-auth-warning', @command or die;
    return join('', <$out>) =~ s/\n\z//r;
}


sub denied { return as('admin', 'ACL', 'LOG') }


# enough

my $uc = MRA::UC->new($t, users => { map { $_ => 'wonderland' }
    qw(alice bob) });
my $nodes = MRA::Nodes->new($t, uc => $uc, redis => "127.0.0.1:$port "
    . 'user=mra tls=on tls_name=redis.example.com '
    . join ' ', "password_file=$dir/password", "tls_trusted=$dir/ca.crt",
        "tls_certificate=$dir/redis.crt", "tls_key=$dir/redis.key");
my ($one, $two) = $nodes->all;
my ($ra, $rb) = map { $nodes->remote($_) } $one, $two;
ok($nodes->connected, 'connected') or diag $one->log;


sub status { return get($_[0]->port('http'), '/', @_[1 .. $#_])->{status} }


my $r = get($one->port('http'), '/', basic('alice', 'wonderland'));
is($r->{status}, 200, 'a sign-in');
is(status($two, Cookie => 'X-Auth=' . $r->cookie('X-Auth')), 200,
    'its token on the other node');

is(as('admin', 'SCRIPT', 'FLUSH'), 'OK', 'scripts gone');
status($_, basic('alice', 'wonderland')) for ($one, $two) x 3;
is(status($two, basic('alice', 'wonderland')), 200, 'the eighth');
is(status($one, basic('alice', 'wonderland')), 429, 'the ninth');

$ra->do('set ban 192.0.2.1 why 60000');
ok(wait_for(5, sub { $rb->do('get ban 192.0.2.1') =~ /^OK / }), 'a ban');
$ra->do('set token t1 alice 60000');
ok(wait_for(5, sub { $rb->do('get token t1') =~ /^OK / }), 'a token');
$ra->do('del token t1');
ok(wait_for(5, sub { $rb->do('get token t1') =~ /^DECLINED/ }), 'revoked');
is(denied(), '', 'nothing denied');

$redis->kill('KILL');
ok($one->wait_log(qr/is lost/, 10) && $two->wait_log(qr/is lost/, 10),
    'Redis killed');
is(status($one, basic('bob', 'wonderland')), 200, 'a sign-in without it');
$redis->restart;
ok($_->wait_log(qr/is back/, 30), 'Redis is back') for $one, $two;
ok(wait_for(10, sub { $rb->do('hit authorization bob@ 8 300000') =~ /^OK/
    && as('admin', 'KEYS', 'mra:a*') =~ /mra:a.*mra:a/s }), 'merged');

unlike($one->log . $two->log, qr/has lost what it had/, 'nothing is lost');

as('admin', 'FLUSHALL');
as('admin', 'CLIENT', 'KILL', 'USER', 'mra');
ok(wait_for(20, sub { as('admin', 'EXISTS', 'mra:epoch') }),
    'filled again after a FLUSHALL');
is(denied(), '', 'nothing denied');
unlike($one->log . $two->log, qr/refuses|NOPERM/, 'nor refused');


# not too much

like(as('mra', @$_), qr/NOPERM|script can't access/, "not allowed: @$_")
    for ['GET', 'other:x'],
    ['CONFIG', 'GET', '*'], ['FLUSHALL'], ['KEYS', '*'], ['SAVE'],
    ['ACL', 'LIST'], ['CLIENT', 'LIST'], ['SCRIPT', 'FLUSH'],
    ['EVAL', 'return redis.call("GET", "other:x")', '0'];

# a node that has been away for long

my $gone = "for _, k in ipairs(redis.call('KEYS', 'mra:n*')) do "
    . "redis.call('HSET', k, 'gone', struct.pack('>I6', 0)) end";

sub work {
    my ($name) = @_;

    for my $node ($ra, $rb) {
        $node->do($_) for "set token $name alice 60000",
            "get token other.$name", "hit authorization $name 8 300000",
            "del token $name";
    }
}


for my $right ($rights =~ /\+(\S+)/g) {
    as('admin', 'ACL', 'SETUSER', 'mra', "-$right");
    as('admin', 'ACL', 'LOG', 'RESET');
    my $n = 0;

    # new connections, to Redis as it was or as if it were another; then
    # scripts that it does not know

    ok(wait_for(30, sub {
        as('admin', 'DEL', 'mra:epoch') if $n++ % 2;
        as('admin', 'EVAL', $gone, 0);
        as('admin', 'CLIENT', 'KILL', 'USER', 'mra');
        work("$right$n.1");
        return 1 if wait_for(0.5, \&denied);

        as('admin', 'SCRIPT', 'FLUSH');
        work("$right$n.2");
        return wait_for(0.5, \&denied);
    }), "$right is needed");

    as('admin', 'ACL', 'SETUSER', 'mra', "+$right");
}

MRA::Nginx::done_testing();
