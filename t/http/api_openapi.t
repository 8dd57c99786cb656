# The description of the API says what the API does: each path is asked, and
# each answer has what is described, and nothing else.

use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Hop;
use MRA::SIP;
use MRA::STUN;
use MRA::UC;
use MRA::Util;
use Test::More;

my $root = dirname(__FILE__) . '/../..';
my $doc = decode_json(slurp("$root/conf-examples/openapi.json"));

my $t = MRA::Nginx->new();
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my $hop = MRA::Hop->new($t, 'hop', stun => 1,
    node => [node_attributes(name => 'core1', hops => [[1, 1]])]);
my $deaf = MRA::Hop->new($t, 'deaf', stun => 1);
my $dead = $t->port('dead');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; domain example.com; max_authorizations 1;
      stun_keepalive_interval 1s; stun_keepalive_timeout 500ms;
      exempt 192.0.2.0/24; protection sip-auth; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / {
            mra_auth /verify;
            proxy_pass http://127.0.0.1:@{[ $uc->port ]};
        }
        %%VERIFY%%
        location /api/ { mra_api write=on; }
    }
}
stream {
    upstream registrar {
        server @{[ $hop->address ]};
        server 127.0.0.1:$dead backup;
        server @{[ $deaf->address ]} backup;
    }
    server { listen 127.0.0.1:%%PORT_sip%%; mra_sip_pass registrar; }
}
END

$t->run;

my $port = $t->port('http');


# something to tell of each

get($port, '/', basic('alice', 'wonderland')) for 1 .. 2;
my $phone = MRA::SIP->connect($t->port('sip'));
is($phone->register->{status}, 200, 'a phone');

my %body = (
    'patch /maintenance' => { maintenance => JSON::PP::true },
    'post /protection/bans' =>
        { address => '198.51.100.7', category => 'sip-auth' },
    'post /protection/exemptions' =>
        { address => '2001:db8::/32', category => 'all' },
);

my %value = (user => 'alice', upstream => 'registrar', category => 'all',
    address => '198.51.100.7');

is(ask('post', '/protection/bans')->{status}, 204, 'a ban');
ok(wait_for(10, sub {
    @{decode_json(get($port, '/api/1/services')->{body})->{faults}} }),
    'a fault');
ok(wait_for(10, sub {
    decode_json(get($port, '/api/1/next_hops')->{body})
        ->{registrar}[0]{node} }), 'a node');
ok(wait_for(10, sub {
    decode_json(get($port, '/api/1/next_hops')->{body})
        ->{registrar}[2]{keepalive} eq 'stun' }), 'one that speaks STUN');
$deaf->behave;
ok($t->wait_log(qr/answers SIP, but STUN no more/), 'and then no more');


# the same paths as in the table of the README

my ($table) = slurp("$root/README.md") =~ /^## The JSON API\n(.*?)^## /ms;
my (%told, %described);

$told{"$1"} = $2 while $table =~ /^\| `(\S+)` \| ([A-Z, ]+) \|/mg;

for my $path (keys %{$doc->{paths}}) {
    $described{$path =~ s/\{.*/*/r} = join ', ',
        sort { ($a eq 'GET' ? 0 : 1) <=> ($b eq 'GET' ? 0 : 1) }
        map { uc } keys %{$doc->{paths}{$path}};
}

is_deeply(\%described, \%told, 'paths and methods');


# reading first, deleting last

my %order = (get => 0, post => 1, patch => 2, delete => 3);
my (%empty, %seen);

for my $method (sort { $order{$a} <=> $order{$b} } keys %order) {
    for my $path (sort keys %{$doc->{paths}}) {
        my $op = $doc->{paths}{$path}{$method} or next;

        $value{address} = $path =~ /exemptions/
            ? '2001:db8::/32' : '198.51.100.7';

        my $r = ask($method, $path);
        my ($status) = grep { $_ < 300 } keys %{$op->{responses}};
        is($r->{status}, $status, "$method $path");

        my $schema = $op->{responses}{$status}{content}{'application/json'};
        is(join("\n", complaints("$method $path", $schema->{schema},
            JSON::PP->new->allow_nonref->decode($r->{body}))), '',
            "$method $path: as described") if $schema;
    }
}

# there are neither peers nor Redis here
is_deeply([sort grep { !$seen{$_} && !/peers|redis|next$|_since$|since$/ }
    keys %empty], [], 'nothing was empty or null in all answers');

is(join('', complaints('error', $doc->{components}{schemas}{Error},
    decode_json(get($port, '/api/1/nothing')->{body}))), '', 'an error');

$phone->close;
$t->stop;
$t->done_testing;


sub ask {
    my ($method, $path) = @_;
    my $body = $body{"$method $path"};
    my $uri = $path =~ s/\{(\w+)\}/$value{$1}/gr;

    return request($port, uc $method => "/api/1$uri", $body
        ? ('Content-Type' => 'application/json', body => encode_json($body))
        : ());
}


# what is wrong with a value, by its schema

sub complaints {
    my ($where, $schema, $value) = @_;
    my $type = $schema->{type};

    if (!defined $value) {
        $empty{$where} = 1;
        return $schema->{nullable} ? () : "$where is null";
    }

    if ($type eq 'array') {
        return "$where is no array" if ref $value ne 'ARRAY';
        ($schema->{items} && !@$value ? $empty{$where} : $seen{$where}) = 1;
        return map { complaints("$where/item", $schema->{items}, $_) } @$value;
    }

    $seen{$where} = 1;

    if ($type eq 'object') {
        return "$where is no object" if ref $value ne 'HASH';

        my $known = $schema->{properties};
        my $other = $schema->{additionalProperties};

        return ((map { "$where/$_ is missing" }
                grep { !exists $value->{$_} } @{$schema->{required} // []}),
            map { $known && $known->{$_}
                    ? complaints("$where/$_", $known->{$_}, $value->{$_})
                    : ref $other
                    ? complaints("$where/*", $other, $value->{$_})
                    : "$where/$_ is not described" } sort keys %$value);
    }

    my $json = JSON::PP->new->allow_nonref->encode($value);
    my $ok = $type eq 'boolean' ? JSON::PP::is_bool($value)
        : $type eq 'integer' ? $json =~ /^\d+$/
        : $json =~ /^"/;

    return "$where: $json is no $type" if !$ok;
    return "$where: $json is none of those described"
        if $schema->{enum} && !grep { $_ eq $value } @{$schema->{enum}};
    return "$where: $json is no time" if ($schema->{format} // '') eq
        'date-time' && $value !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
    return;
}
