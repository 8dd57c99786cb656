# The status page in a real browser: it shows what the API tells, under a
# policy that lets it load nothing from elsewhere.

use strict;
use warnings;

use MRA::API;
use MRA::API qw(api);
use MRA::HTTP;
use MRA::Hop;
use MRA::Nginx;
use MRA::SIP;
use MRA::Util;
use Test::More;

plan(skip_all => 'chromium is not installed')
    unless grep { -x "$_/chromium" } split /:/, $ENV{PATH};

my $t = MRA::Nginx->new()->plan(19);
my $hop = MRA::Hop->new($t, 'hop', stun => 1);
my $dead = $t->port('dead');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 1;
events { }
mra { node edge1; protection sip-auth; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location /api/ { mra_api write=on; }
        location /read/ { mra_api; }
        location = /status { mra_status_page; }
        location = /look { mra_status_page /read/; }
    }
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
my $phone = MRA::SIP->connect($t->port('sip'));
is($phone->register->{status}, 200, 'a phone');

is(change($t, POST => 'protection/bans', { address => $_,
    category => 'sip-auth' })->{status}, 204, "a ban of $_")
    for '192.0.2.1', '2001:db8::1';
ok(wait_for(10, sub { get($port, '/api/1/services')->{body} =~ /is down/ }),
    'a next hop that is down');

my $r = get($port, '/status');
is($r->{status}, 200, 'the page');
like($r->header('Content-Security-Policy'),
    qr/^default-src 'none'; connect-src 'self'; script-src 'sha256-/,
    'its policy');
unlike($r->{body}, qr{https?://|src=|url\(|\son\w+=},
    'nothing from elsewhere');
is(request($port, POST => '/status', body => '')->{status}, 405, 'read only');

my $page = shown('/status');

like($page, qr/edge1/, 'shows the node');
like($page, qr/Configured but with errors/, 'the state of services');
is(join('|', map { $_->{name} } @{ api($t, 'services')->{services} }),
    'Unified Communications status|Unified CM registrations'
    . '|HTTP proxy service|Port forwarding mesh|Provisioning server'
    . '|IM and Presence Service|XMPP router|XMPP Federation'
    . '|Single Sign-On support|OAuth token with refresh'
    . '|Authorization tokens', 'all services');
like($page, qr/127\.0\.0\.1:$dead in upstream "registrar" is down/,
    'what is wrong');
like($page, qr/Start the server/, 'what to do');
like($page, qr/id="current">1</, 'registrations');
like($page, qr/<polyline[^>]*points="[\d., ]+ 360,[\d.]+/, 'their last hour');
like($page, qr/<button[^>]*aria-label="Unban $_"[^>]*>Unban</,
    "a button for $_") for '192.0.2.1', '2001:db8::/64';

$page = shown('/look');

like($page, qr/192\.0\.2\.1/, 'the ban where nothing can be changed');
unlike($page, qr/<button[^>]*>Unban</, 'without a button');

$phone->close;


# the page when its script has run

sub shown {
    my ($uri) = @_;
    my $dir = $t->dir;
    my $dom = '';

    wait_for(60, sub {
        $dom = `timeout 60 chromium --headless --no-sandbox --disable-gpu \\
            --disable-quic --no-first-run --disable-background-networking \\
            --disable-component-update --disable-sync \\
            --user-data-dir=$dir/browser --virtual-time-budget=4000 \\
            --dump-dom http://127.0.0.1:$port$uri 2>>$dir/browser.log`;
        return $dom =~ />as of /;
    });

    return $dom =~ s/<script>.*//sr;
}
