# Whoever has a copy of Redis has no token, no password, and nothing to try
# passwords on without the secret.

use strict;
use warnings;

use Digest::SHA qw(sha1_hex sha256 sha256_hex sha256_base64);
use MIME::Base64 qw(encode_base64);
use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Nodes;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(6);
my %password = (alice => 'wonderland', bob => 'looking-glass');
my $uc = MRA::UC->new($t, users => \%password);
my $redis = MRA::Daemon->redis($t);
my $nodes = MRA::Nodes->new($t, uc => $uc, n => 1,
    redis => '127.0.0.1:' . $redis->port);
my ($node) = $nodes->all;
$nodes->connected;

my @tokens = map { get($node->port('http'), '/', basic($_, $password{$_}))
    ->cookie('X-Auth') } sort keys %password;
is(scalar(grep { length } @tokens), 2, 'two are signed in');
ok(wait_for(5, sub { $redis->cli('KEYS', 'mra:c*') =~ /\n/ }),
    'and in Redis');


# all that there is, as it is stored

sub raw {
    my ($text) = @_;
    $text =~ s/\\x(..)/chr hex $1/ge;
    return $text;
}


my @keys = split /\n/, $redis->cli('KEYS', '*');
my $dump = join "\n", @keys, map { raw($redis->cli('--no-raw', $_ eq
    'mra:changes' ? ('XRANGE', $_, '-', '+') : /^mra:n/ ? ('HGETALL', $_)
    : ('GET', $_))) } @keys;
like($dump, qr/alice/, 'the dump shows names of users');

my @secrets = (@tokens, values %password,
    map {; "$_:$password{$_}", encode_base64("$_:$password{$_}", '') }
        keys %password);

sub forms {
    my ($secret) = @_;
    return ($secret, unpack('H*', $secret), encode_base64($secret, ''),
        sha256($secret), substr(sha256($secret), 0, 16), sha256_hex($secret),
        sha256_base64($secret), sha1_hex($secret));
}


is(join(' ', grep { index($dump, $secrets[$_]) >= 0 } 0 .. $#secrets), '',
    'no token or password');
is(join(' ', grep { my $i = $_;
    grep { index($dump, $_) >= 0 } forms($secrets[$i]) } 0 .. $#secrets), '',
    'nor a plain hash of one');

my %seen = map { (s/^mra:.//r => 1) } @keys;
my @urls = map { encode_base64(substr(sha256($_), 0, 16), '')
    =~ tr{+/=}{-_}dr } @secrets, keys %password;
is(scalar(grep { $seen{$_} } @urls), 0, 'nor a name of a key by it');
