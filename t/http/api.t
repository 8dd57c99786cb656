# The JSON API: what it tells, page by page; how it refuses; and who signed in
# is signed out through it.

use strict;
use warnings;

use JSON::PP;
use MRA::API qw(api);
use MRA::HTTP;
use MRA::Hop;
use MRA::Nginx;
use MRA::SIP;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(65);
my %users = map { ("user$_" => 'wonderland') } 1 .. 12;
my $uc = MRA::UC->new($t, users => { alice => 'wonderland',
    "al\x{c3}\x{a9} \"x\"" => 'wonderland', %users });
my $hop = MRA::Hop->new($t, 'hop', stun => 1);
my $dead = $t->port('dead');
$t->secret('wonderland');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; domain example.com; max_authorizations 3; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / { %%AUTH%% }
        location /other/ {
            mra_auth_realm other;
            %%AUTH%%
        }
        %%VERIFY%%
        location /api/ { mra_api; }
        location /admin { mra_api write=on; client_max_body_size 1m; }
    }
    %%APP%%
}
stream {
    upstream registrar {
        server @{[ $hop->address ]};
        server 127.0.0.1:$dead backup;
    }
    server { listen 127.0.0.1:%%PORT_sip%%; mra_sip_pass registrar; }
}
END

$t->run;

my $port = $t->port('http');

sub code { decode_json($_[0]->{body})->{error}{code} }

sub change {
    my ($method, $path, $body, $type) = @_;
    return request($port, $method => "/admin/1/$path",
        defined $body ? ('Content-Type' => $type // 'application/json',
            body => $body) : ());
}


# the list, and what each of it tells

my $r = get($port, '/api/1/');
is($r->{status}, 200, 'the list');
is($r->header('Content-Type'), 'application/json', 'is JSON');
is($r->header('Cache-Control'), 'no-store', 'and not to be kept');
my $list = decode_json($r->{body});
is_deeply([grep { get($port, "/api/1/$_")->{status} != 200 } @$list], [],
    'everything that it names is there');
is_deeply([grep { get($port, "/api/1/$_/")->{status} != 200 } @$list], [],
    'with a slash at the end too');
is(get($port, '/api/1')->{body}, $r->{body}, 'the list without a slash');
is(get($port, '/admin/1/')->{body}, $r->{body}, 'in a location without one');

my $node = api($t, 'node');
is($node->{name}, 'edge1', 'node: name');
is($node->{workers}, 2, 'node: workers');
ok(!$node->{write}, 'node: writing is off');
ok(decode_json(get($port, '/admin/1/node')->{body})->{write}, 'or on');

is_deeply(api($t, 'node?fields=name,workers'),
    { name => 'edge1', workers => 2 },
    'some fields');
is_deeply(api($t, 'store?fields=nothing'), {}, 'no fields');

my $r_head = request($port, HEAD => '/api/1/node');
is($r_head->{status}, 200, 'HEAD');
is($r_head->{body}, '', 'has no body');


# next hops, registrations, bindings

my @phones = map { MRA::SIP->connect($t->port('sip'), user => "phone$_") }
    1 .. 5;
is(scalar(grep { $_->register->{status} != 200 } @phones), 0, 'phones');

ok(wait_for(10, sub {
    my ($up, $down) = @{api($t, 'next_hops')->{registrar}};
    return $up->{state} eq 'up' && $down->{state} eq 'down';
}), 'next hops: one is up, the other is down');

my ($up, $down) = @{api($t, 'next_hops')->{registrar}};
is($up->{address}, $hop->address, 'next hops: address');
is($up->{keepalive}, 'stun', 'next hops: how it is asked');
is($up->{clients}, 5, 'next hops: phones');
like($up->{since}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'next hops: time');
is($up->{reason}, undef, 'next hops: nothing is wrong');
like($down->{reason}, qr/refused/, 'next hops: what is wrong');
is_deeply(api($t, 'next_hops/registrar?fields=address'),
    [map { { address => $_ } } $hop->address, "127.0.0.1:$dead"],
    'next hops of one upstream');
is(code(get($port, '/api/1/next_hops/other')), 'UpstreamNotFound',
    'there is no other');

is_deeply(api($t, 'registrations?fields=current,peak'),
    { current => 5, peak => 5 }, 'registrations');
ok(wait_for(5, sub { (api($t, 'registrations')->{history}[-1] // 0) == 5 }),
    'by minute');
is(api($t, 'store')->{records}{bindings}, 5, 'in the store');

my @seen;
my ($next, $pages) = ('', 0);

do {
    my $page = api($t, "bindings?limit=2$next");
    push @seen, map { $_->{aor} } @{$page->{items}};
    $next = $page->{next} ? "&cursor=$page->{next}" : '';
    $pages++ < 5 or $next = '';
    ok(@{$page->{items}} <= 2, 'bindings: no more than asked for');
} while ($next);

is_deeply([sort @seen], [map { 'phone' . $_ . '@example.com' } 1 .. 5],
    'bindings: all of them');
is($pages, 3, 'bindings: in pages');

for my $arg (qw(limit=0 limit=1001 limit=x cursor=1 cursor=zzzzzzzzzzzzzzzz)) {
    is(get($port, "/api/1/bindings?$arg")->{status}, 400, $arg);
}

$_->close for @phones[1 .. 4];
ok(wait_for(5, sub { api($t, 'next_hops')->{registrar}[0]{clients} == 1 }),
    'next hops: phones that are gone');


# who is limited

my $strange = "al\x{c3}\x{a9} \"x\"";
get($port, '/', basic($strange, 'wonderland')) for 1 .. 3;
get($port, '/', basic('user1', 'wonderland')) for 1 .. 2;

my $limited = api($t, 'rate_control');
is($limited->{max_authorizations}, 3, 'rate control: the limit');
is(scalar(@{$limited->{items}}), 1, 'rate control: one user');
is($limited->{items}[0]{user}, "al\x{e9} \"x\"\@example.com",
    'rate control: with a strange name');
cmp_ok($limited->{items}[0]{retry_s}, '>', 290, 'rate control: for how long');
is(get($port, '/', basic($strange, 'wonderland'))->{status}, 429, 'it is');
is(change(DELETE => 'rate_control/al%C3%A9%20%22x%22')->{status}, 204,
    'rate control: let go');
is(get($port, '/', basic($strange, 'wonderland'))->{status}, 200, 'it is');
is(code(change(DELETE => 'rate_control/nobody')), 'UserNotFound',
    'rate control: nobody');


# tokens

my @tokens = map { get($port, $_, basic('alice', 'wonderland'))
    ->cookie('X-Auth') } '/', '/', '/other/';
get($port, '/', basic("user$_", 'wonderland')) for 2 .. 12;

is(api($t, 'tokens')->{count}, 20, 'tokens: all');
is_deeply(api($t, 'tokens/alice'),
    { user => 'alice@example.com', tokens => 3 },
    'tokens: of a user');
is(get($port, '/', Cookie => "X-Auth=$tokens[1]")->{status}, 200, 'are good');
change(DELETE => 'rate_control/alice');
is_deeply(decode_json(change(DELETE => 'tokens/Alice')->{body}),
    { user => 'alice@example.com', revoked => 3 }, 'tokens: revoked');
is_deeply([map { get($port, $_ == 2 ? '/other/' : '/',
    Cookie => "X-Auth=$tokens[$_]")->{status} } 0 .. 2], [401, 401, 401],
    'are good no more');
is(api($t, 'tokens')->{count}, 17, 'tokens: the others stay');

my $asked = $uc->requests;
get($port, '/', basic('alice', 'wonderland'));
is($uc->requests, $asked + 1, 'and the UC node is asked again');


# what is refused

is(code(get($port, '/api/2/')), 'PathNotFound', 'no such version');
is(code(get($port, '/api/1/nodes')), 'PathNotFound', 'no such path');
is(code(get($port, '/api/1/node/x')), 'PathNotFound', 'nothing below');
is(get($port, '/api/')->{status}, 404, 'no version');

my $not = request($port, DELETE => '/api/1/tokens/alice');
is($not->{status} . code($not), '405MethodDisabled', 'writing is off');
is($not->header('Allow'), 'GET, HEAD', 'reading is not');
$not = change(PATCH => 'tokens/alice', '{}');
is($not->{status} . code($not), '405MethodNotAllowed', 'no such method');
is($not->header('Allow'), 'GET, HEAD, DELETE', 'but others');

my $error = decode_json($not->{body});
is_deeply([sort keys %$error], [qw(error href request_id)], 'an error');
like($error->{request_id}, qr/^[0-9a-f]{32}$/, 'names the request');
is(get($port, $error->{href})->{status}, 200, 'and a place to go');
