# The status page by keyboard, in the dark and on a phone: what its buttons do
# is done, and the focus stays where it is.

use strict;
use warnings;

use JSON::PP;
use MIME::Base64 qw(decode_base64);
use MRA::API;
use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Util;
use Test::More;

plan(skip_all => 'chromedriver is not installed')
    unless grep { -x "$_/chromedriver" } split /:/, $ENV{PATH};

my $t = MRA::Nginx->new()->plan(21);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1.collaboration.example.com; protection sip-auth; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location /api/ { mra_api write=on; }
        location / { mra_auth /none; }
        location = /none { internal; }
        location = /status { mra_status_page; }
    }
}
END

$t->run;

my $port = $t->port('http');
my $driver = $t->port('driver');
my $daemon = MRA::Daemon->start($t, name => 'chromedriver',
    ports => [$driver], command => ['chromedriver', "--port=$driver"]);

sub ban {
    my ($address, $seconds) = @_;
    return change($t, POST => 'protection/bans', { address => $address,
        category => 'sip-auth', block_s => $seconds })->{status};
}


# the browser: a command and its value

my $session = '';

sub browser {
    my ($method, $command, $body) = @_;
    my $r = request($driver, $method => "/session$session$command",
        timeout => 60, $method eq 'POST'
            ? ('Content-Type' => 'application/json',
               body => encode_json($body // {})) : ());
    my $value = decode_json($r->{body})->{value};
    die "$command: $value->{message}\n" if $r->{status} != 200;
    return $value;
}

sub script {
    return browser(POST => '/execute/sync', { script => "return $_[0]",
        args => [] });
}

sub emulate {
    my ($command, $params) = @_;
    return browser(POST => '/goog/cdp/execute', { cmd => "Emulation.$command",
        params => $params });
}

my %keys = (Tab => "\x{e004}", Enter => "\x{e007}", Space => ' ');

sub press {
    browser(POST => '/actions', { actions => [{ type => 'key', id => 'keys',
        actions => [map { { type => "key$_", value => $keys{$_[0]} } }
            qw(Down Up)] }] });
}

sub focus {
    return script('document.activeElement.getAttribute("aria-label")'
        . ' || document.activeElement.textContent');
}

sub text { script("document.getElementById('$_[0]').textContent") }

sub picture {
    my ($name) = @_;
    $t->write_file("$name.png", decode_base64(browser(GET => '/screenshot')));
}


my $chrome = browser(POST => '', { capabilities => { alwaysMatch => {
    unhandledPromptBehavior => 'ignore',
    'goog:chromeOptions' => { args => [qw(headless no-sandbox disable-gpu
        no-first-run), 'window-size=1200,900',
        "user-data-dir=$t->{dir}/browser"] } } } });
$session = "/$chrome->{sessionId}";

is(ban('192.0.2.1', 600), 204, 'a ban');
is(ban('192.0.2.2', 100), 204, 'another one');

browser(POST => '/url', { url => "http://127.0.0.1:$port/status" });
ok(wait_for(60, sub { text('bans') =~ /192\.0\.2\.1.*Unban/ }), 'are shown');


# by keyboard

press('Tab');
is(focus(), 'Begin maintenance', 'first the switch');
press('Tab');
my $first = focus();
like($first, qr/^Unban 192\.0\.2\.[12]$/, 'then a ban');
press('Tab');
my $second = focus();
like($second, qr/^Unban 192\.0\.2\.[12]$/, 'then the other one');
isnt($second, $first, 'which is another one');

my $shown = text('bans');
ok(wait_for(60, sub { text('bans') ne $shown }), 'time goes on');
is(focus(), $second, 'the focus stays');
picture('light');

press('Enter');
my ($address) = $second =~ /(\S+)$/;
ok(wait_for(60, sub { !grep { $_->{address} eq $address }
    @{api($t, 'protection/bans')->{items}} }), 'Enter: no longer banned');
ok(wait_for(60, sub { text('bans') !~ /\Q$address\E/ }), 'nor shown');

script('document.getElementById("maintain").focus()');
press('Enter');
is(browser(GET => '/alert/text'), 'Refuse new calls and registrations?',
    'maintenance: asks');
browser(POST => '/alert/dismiss');
ok(!api($t, 'maintenance')->{maintenance}, 'no is no');

press('Space');
browser(POST => '/alert/accept');
ok(wait_for(60, sub { api($t, 'maintenance')->{maintenance} }), 'yes is yes');
ok(wait_for(60, sub { text('services') =~ /Inactive \(Maintenance mode\)/ }),
    'and shown');
is(focus(), 'End maintenance', 'the switch is now for the way back');


# in the dark, on a phone

sub luminance {
    my ($what) = @_;
    my @c = script("getComputedStyle(document.body).$what") =~ /(\d+)/g;
    return (0.2126 * $c[0] + 0.7152 * $c[1] + 0.0722 * $c[2]) / 255;
}

cmp_ok(luminance('backgroundColor'), '>', 0.8, 'light');
emulate(setEmulatedMedia => { features => [{ name => 'prefers-color-scheme',
    value => 'dark' }] });
cmp_ok(luminance('backgroundColor'), '<', 0.2, 'dark');
cmp_ok(luminance('color'), '>', 0.6, 'with light letters');

emulate(setDeviceMetricsOverride => { width => 320, height => 740,
    deviceScaleFactor => 2, mobile => JSON::PP::true });
cmp_ok(script('document.documentElement.scrollWidth'), '<=', 320,
    'fits on a phone');
picture('phone');

press('Enter');
ok(wait_for(60, sub { !api($t, 'maintenance')->{maintenance} }),
    'the switch ends it');

browser(DELETE => '');
