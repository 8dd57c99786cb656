# What the API refuses: bodies that are no JSON or the wrong one, types, sizes,
# methods and paths; that nothing of it is done or gets into the log as it
# came; and many who write at once.

use strict;
use warnings;

use JSON::PP;
use MRA::API qw(api);
use MRA::HTTP;
use MRA::Nginx;
use MRA::Util;
use POSIX ();
use Test::More;

my $t = MRA::Nginx->new()->plan(146);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
worker_processes 2;
events { accept_mutex off; }
mra {
    node edge1;
    protection http-ce-auth; protection http-ce-intrusion;
    protection http-ce-resource; protection sip-auth;
}
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%% reuseport;
        keepalive_requests 100000;
        location /api/ { mra_api write=on; }
        location /small/ { mra_api write=on; client_body_buffer_size 16;
            client_max_body_size 1m; }
    }
}
END

$t->run;

my $port = $t->port('http');
my $c = MRA::HTTP->new($port);

sub send_body {
    my ($method, $path, $body, $type) = @_;
    my $r = eval { $c->request($method => $path, 'Content-Type' => $type
        // 'application/json', body => $body) };
    $c = MRA::HTTP->new($port)
        if !$r || ($r->header('Connection') // '') eq 'close';
    return $r // { status => 'none' };
}

sub refused {
    my ($status, $code, $what, @request) = @_;
    my $r = send_body(@request);
    my $told = eval { decode_json($r->{body})->{error} } // {};
    is(join(' ', map { $_ // '' } $r->{status}, @{$told}{qw(status code)}),
        "$status $status $code", $what);
}

sub show { (substr $_[0], 0, 50) =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger }


# no flat JSON object

my $good = '{"address":"192.0.2.1","category":"sip-auth"}';
my @invalid = ('', ' ', '{', '}', '[]', '"x"', '1', 'true', 'null', 'nul',
    '{}x', "$good$good", "$good,", "[$good]", "{$good}", "\xef\xbb\xbf$good",
    "$good\0", "\0$good", $good =~ s/192/19\0002/r, $good =~ s/192/19\n2/r,
    $good =~ s/"sip-auth"/["sip-auth"]/r, $good =~ s/"sip-auth"/{}/r,
    $good =~ s/"/'/gr, $good =~ s/,/,,/r, $good =~ s/\}/,}/r,
    $good =~ s/:/=/r, $good =~ s/,/;/r, $good =~ s/"address"/address/r,
    '{"address":"192.0.2.1","address":"192.0.2.2","category":"sip-auth"}',
    '{"address":"192.0.2.1","\u0061ddress":"192.0.2.2"}',
    '{' . join(',', map { "\"x$_\":1" } 1 .. 100) . '}',
    '[' x 4000, '{"a":' x 800, '{"a":[' . '[' x 1000 . ']' x 1000 . ']}',
    '{"block_s":-1}', '{"block_s":1.5}', '{"block_s":1e3}',
    '{"block_s":01}', '{"block_s":+1}', '{"block_s":0x10}',
    '{"block_s":NaN}', '{"block_s":99999999999999999999}',
    '{"block_s":' . '9' x 4000 . '}',
    '{"maintenance":True}', '{"maintenance":truefalse}',
    map { "{\"address\":\"$_\",\"category\":\"sip-auth\"}" }
        '\ud800', '\ud83d', '\ud83dx', '\ud83d\n', '\ud83d\u0041', '\udc00',
        '\udc00\ud800', '\u0000', '\u00', '\u00g0', '\U0041', '\x41', '\0',
        "\\\n", '\\');

refused(400, 'BodyInvalid', 'no object: ' . show($_), POST =>
    '/api/1/protection/bans', $_) for @invalid;

# cut after every byte; and with every byte another one

my @cut = map { substr $good, 0, $_ } 1 .. length($good) - 1;
is_deeply([grep { send_body(POST => '/api/1/protection/bans', $_)->{status}
    != 400 } @cut], [], 'cut after every byte');

my @wrong = grep { $_ ne $good } map { my $n = $_; map { my $body = $good;
    substr($body, $n, 1) = $_; $body } "\0", "\xff", '"', '\\', '{', ',' }
    0 .. length($good) - 1;
is_deeply([grep { send_body(POST => '/api/1/protection/bans', $_)->{status}
    != 400 } @wrong], [], 'something else at every byte');


# an object, but not the right one

my $ban = '{"address":%s,"category":%s}';

for my $case (
    ['BodyInvalid', '{}'],
    ['BodyInvalid', '{"address":"192.0.2.1"}'],
    ['BodyInvalid', '{"category":"sip-auth"}'],
    (map { ['BodyInvalid', sprintf $ban, $_, '"sip-auth"'] }
        qw(1 null true)),
    (map { ['BodyInvalid', sprintf $ban, '"192.0.2.1"', $_] }
        qw(1 null false)),
    ['BodyInvalid', $good =~ s/\}/,"x":1}/r],
    ['BodyInvalid', $good =~ s/\}/,"\xff":1}/r],
    ['BodyInvalid', $good =~ s/\}/,"block_s":9,"x":null}/r],
    (map { ['AddressInvalid', sprintf $ban, "\"$_\"", '"sip-auth"'] } '',
        '192.0.2', '192.0.2.256', '192.0.2.1/33', '192.0.2.1 ', 'x', '\n',
        '::g', '1::2::3', '192.0.2.1\n', '\ud83d\ude00', "\xff\xfe",
        "\xc0\xaf", '1' x 3000),
    (map { ['CategoryInvalid', sprintf $ban, '"192.0.2.1"', "\"$_\""] } '',
        'sip', 'sip-auth ', 'sip-auth\n', "sip-auth\xff", 'x' x 3000),
    (map { ['BlockInvalid', $good =~ s/\}/,"block_s":$_}/r] }
        0, 2592001, 9223372036854775807, '"60"', 'null', 'true'))
{
    my ($code, $body) = @$case;
    refused(400, $code, "$code: " . show($body), POST =>
        '/api/1/protection/bans', $body);
}

refused(400, 'MaintenanceInvalid', "maintenance: $_", PATCH =>
    '/api/1/maintenance', $_)
    for '{}', '{"maintenance":1}', '{"maintenance":"true"}',
        '{"maintenance":null}', '{"maintenance":true,"x":1}',
        '{"Maintenance":true}';
refused(400, 'BodyInvalid', 'exemption with something more', POST =>
    '/api/1/protection/exemptions', $good =~ s/\}/,"x":1}/r);

is_deeply(api($t, 'protection/bans')->{items}, [], 'nobody is banned');
ok(!api($t, 'maintenance')->{maintenance}, 'no maintenance');


# sizes and types

my $bans = '/api/1/protection/bans';

refused(413, 'BodyTooLarge', 'too large', POST => $bans,
    $good . ' ' x 4096);
refused(413, 'BodyTooLarge', 'too large for a buffer', POST =>
    '/small/1/protection/bans', $good . ' ' x 4096);
$c->write("POST $bans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
    . "\r\nTransfer-Encoding: chunked\r\n\r\n1400\r\n" . ' ' x 0x1400
    . "\r\n0\r\n\r\n");
is($c->receive->{status}, 413, 'too large in chunks');
refused(415, 'MediaTypeUnsupported', "type \"$_\"", POST => $bans, $good, $_)
    for 'text/plain', 'application/x-www-form-urlencoded', 'application/jso',
        'application/json2', 'multipart/form-data; boundary=application/json';
is(request($port, POST => $bans, body => $good)->{status}, 415, 'no type');

$c = MRA::HTTP->new($port);
is(send_body(POST => '/small/1/protection/bans', $good . ' ' x (4096 -
    length $good))->{status}, 204, 'as large as may be, with blanks');
is(send_body(POST => $bans, $good =~ s/-/\\u002d/r =~ s/"add/"\\u0061dd/r,
    'Application/JSON ; charset=utf-8')->{status}, 204,
    'with escapes');
is_deeply([map { "$_->{address} $_->{category}" }
    @{api($t, 'protection/bans')->{items}}], ['192.0.2.1 sip-auth'],
    'is done');

for my $byte (split //, "POST $bans HTTP/1.1\r\nHost: x\r\nContent-Length: "
    . length($good) . "\r\nContent-Type: application/json\r\n\r\n$good")
{
    $c->write($byte);
}

is($c->receive->{status}, 204, 'byte by byte');


# methods and paths

my %methods = map { $_ => [get($port, "/api/1/$_")->{status} == 200
    ? $c->request(PUT => "/api/1/$_", body => '')->header('Allow') =~ /\w+/g
    : ()] } @{api($t, '')};
my @wrong_methods;

for my $path (sort keys %methods) {
    my %may = map { $_ => 1 } @{$methods{$path}};

    for my $method (qw(POST PUT PATCH DELETE OPTIONS PROPFIND FOO)) {
        my $r = request($port, $method => "/api/1/$path", 'Content-Type' =>
            'application/json', body => 'x');
        push @wrong_methods, "$method $path $r->{status}"
            if $r->{status} != ($may{$method} ? 400 : 405);
    }

    my ($head, $get) = map { request($port, $_ => "/api/1/$path") }
        qw(HEAD GET);
    push @wrong_methods, "HEAD $path" if $head->{status} != 200
        || $head->{body} ne '' || $get->{body} eq ''
        || $head->header('Content-Type') ne $get->header('Content-Type');
}

cmp_ok(scalar(keys %methods), '>', 10, 'all paths');
is_deeply(\@wrong_methods, [], 'have the methods that they tell, no others');

for my $path (qw(/api/1x /api/11/ /api/0/ /api/%31%31/ /api/1/nod /api/1/Node
    /api/1/node%20 /api/1/node/.. /api/1/%0a
    /api/1/protection/ban /api/1/protection/bans2),
    '/api/1/' . 'x' x 5000)
{
    my $r = get($port, $path =~ s{/\.\.$}{/%2e%2e/no}r);
    is($r->{status} . ($r->{body} =~ /"code":"PathNotFound"/ || ''), 4041,
        'no path ' . show($path));
}


# forged lines

my $line = "\n2026/01/01 00:00:00 [notice] 1#1: http-ce-auth ban of "
    . "198.51.100.66 for 600s";
my $coded = $line =~ s/([^\w])/sprintf '%%%02X', ord $1/ger;

$c = MRA::HTTP->new($port);
$c->request($_->[0] => "/api/1/$_->[1]$coded") for map { my $m = $_;
    map { [$m => $_] } qw(tokens/ rate_control/ next_hops/ protection/bans/
    protection/exemptions/all/ nodes bindings?limit=) } qw(GET DELETE);
send_body(POST => $bans, encode_json({ address => "192.0.2.1$line",
    category => "sip-auth$line", $line => $line }));

unlike($t->log, qr/^.*\[notice\] 1#1: /m, 'a forged line is none');
unlike($t->read_file('error.log') . $t->read_file('access.log'),
    qr/^2026\/01\/01 00:00:00 /m, 'nor in any log');


# many at once: the last one wins, nothing is lost or torn

sub at_once {
    my ($n, $sub) = @_;
    my @pids;

    for my $number (0 .. $n - 1) {
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            $c = MRA::HTTP->new($port);
            my $ok = eval { $sub->($number) };
            POSIX::_exit($ok ? 0 : 1);
        }

        push @pids, $pid;
    }

    return grep { waitpid($_, 0); $? } @pids;
}

is(at_once(4, sub {
    my ($n) = @_;
    return !grep { my $r = send_body(PATCH => '/api/1/maintenance',
        '{"maintenance":' . (($_ + $n) % 2 ? 'true' : 'false') . '}');
        $r->{status} != 200 || ref decode_json($r->{body})->{services}
            ne 'HASH' } 1 .. 100;
}), 0, 'maintenance: every answer is whole');
send_body(PATCH => '/api/1/maintenance', '{"maintenance":false}');
is_deeply([grep { api($t, 'maintenance')->{maintenance} } 1 .. 10], [],
    'maintenance: the last one wins');

my @categories = qw(http-ce-auth http-ce-intrusion http-ce-resource sip-auth);

is(at_once(4, sub {
    my ($n) = @_;
    return !grep { send_body(POST => $bans, "{\"address\":\"198.51.100.$_\","
        . "\"category\":\"$categories[$n]\"}")->{status} != 204 } 1 .. 200;
}), 0, 'bans of the same addresses');
is(scalar(grep { $_->{address} =~ /^198\./ }
    @{api($t, 'protection/bans?limit=1000')->{items}}), 800, 'none is lost');

is(at_once(4, sub {
    my ($n) = @_;
    return !grep { send_body(DELETE => "$bans/$categories[$n]/198.51.100.$_",
        '')->{status} != 204 } 1 .. 200;
}), 0, 'lifted by four');
is(scalar(grep { $_->{address} =~ /^198\./ }
    @{api($t, 'protection/bans?limit=1000')->{items}}), 0, 'none is left');

is(at_once(4, sub {
    my ($n) = @_;
    return !grep { send_body(POST => '/api/1/protection/exemptions',
        "{\"address\":\"203.0.113.$_\",\"category\":\"$categories[$n]\"}")
        ->{status} != 204 } 1 .. 20;
}), 0, 'exemptions of the same addresses');
is(scalar(map { grep { /^(?:http|sip)/ } @{$_->{categories}} } grep {
    $_->{address} =~ /^203\./ } @{api($t, 'protection/exemptions')}), 80,
    'none is lost');
