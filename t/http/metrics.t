# Metrics: Prometheus' own tool finds nothing wrong with them, they count what
# happened, and no label has a user or a client in it.

use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP;
use MRA::API;
use MRA::HTTP;
use MRA::Hop;
use MRA::Nginx;
use MRA::SIP;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new(protect => 1)->plan(44);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
my $hop = MRA::Hop->new($t, 'hop', stun => 1);
my $dead = $t->port('dead');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { }
mra { node "edge1"; max_authorizations 3; stun_keepalive_interval 1s;
      stun_keepalive_timeout 500ms; protection http-ce-auth trigger=50; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location /app/ { %%AUTH%% }
        %%VERIFY%%
        location = /metrics { mra_metrics; }
        location /api/ { mra_api write=on; }
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

sub text { get($port, '/metrics')->{body} }

# the value of a sample, undef: there is none

sub metric {
    my ($sample) = @_;
    my ($value) = text() =~ /^nginx_mra_\Q$sample\E (\S+)$/m;
    return $value;
}

sub no_complaints {
    my ($what) = @_;
    my $file = $t->write_file('metrics.txt', text());
    my $out = `promtool check metrics < $file 2>&1`;
    is("$?: $out", '0: ', $what);
}


my $r = get($port, '/metrics');
is($r->{status}, 200, 'metrics');
is($r->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8',
    'of the type that Prometheus knows');
is(request($port, POST => '/metrics', body => '')->{status}, 405, 'read only');
no_complaints('promtool: nothing has happened yet');

is(metric('http_authorizations_total{result="verified"}'), 0, 'from zero');
is(metric('info{version="0.1.0",node="edge1"}'), 1, 'node and version');
is(metric('redis_up'), undef, 'no Redis, no sample of it');


# sign in

$uc->behave(delay => 0.3);
my $token = get($port, '/app/', basic('alice', 'wonderland'))
    ->cookie('X-Auth');
$uc->behave();

get($port, '/app/', Cookie => "X-Auth=$token") for 1 .. 2;
get($port, '/app/', basic('alice', 'wonderland'));
get($port, '/app/', basic('alice', 'queen')) for 1 .. 2;

my %expected = (token => 2, cached => 1, verified => 1, rejected => 1,
    limited => 1, unavailable => 0, maintenance => 0);

is_deeply({ map { $_ => metric("http_authorizations_total{result=\"$_\"}") }
    keys %expected }, \%expected, 'how requests ended');
is(metric('http_verifications_total'), 2, 'questions to the UC node');
is(metric('verification_duration_seconds_count'), 2, 'were timed');
is(metric('verification_duration_seconds_bucket{le="0.200"}'), 1,
    'one was fast');
is(metric('verification_duration_seconds_bucket{le="+Inf"}'), 2, 'one slow');
is(metric('http_requests'), 0, 'none is under way');
cmp_ok(metric('verification_duration_seconds_sum'), '>=', 0.3, 'their sum');


# phones

my @phones = map { MRA::SIP->connect($t->port('sip'), user => "phone$_") }
    1 .. 3;
is(scalar(grep { $_->register->{status} != 200 } @phones), 0, 'phones');

is(metric('registrations'), 3, 'registrations');
is(metric('registrations_peak'), 3, 'the most');
cmp_ok(abs(metric('registrations_peak_time_seconds') - time), '<', 100,
    'just now');
is(metric('sip_connections'), 3, 'connections');
is(metric('sip_requests_relayed_total{method="REGISTER"}'), 3, 'REGISTER');
is(metric('register_duration_seconds_count'), 3, 'was timed');
is(metric('next_hop_clients{upstream="registrar",server="'
    . $hop->address . '"}'), 3, 'go to the next hop');
ok(wait_for(10, sub { metric('next_hops{upstream="registrar",server='
    . "\"127.0.0.1:$dead\",state=\"down\"}") }), 'the other one is down');
is(metric('next_hops{upstream="registrar",server="' . $hop->address
    . '",state="up"}'), 1, 'this one is up');
ok(wait_for(10, sub {
    metric('next_hop_keepalive_duration_seconds_count') >= 2 }),
    'keepalives of next hops were timed');

is(metric('store_records{kind="binding"}'), 3, 'in the store');


# who is banned

is(metric('failures_total{category="http-ce-auth"}'), 1, 'a failure');
is(metric('bans_total{category="http-ce-auth"}'), 0, 'no ban yet');
is(change($t, POST => 'protection/bans', { address => '127.0.0.9',
    category => 'http-ce-auth' })->{status}, 204, 'a ban');
is(metric('bans_total{category="http-ce-auth"}'), 1, 'is counted');
is(metric('bans_total{category="sip-auth"}'), 0, 'for its category');
is(metric('banned_total'), 0, 'nobody was turned away');
eval { get($port, '/', source => '127.0.0.9') };
is(metric('banned_total'), 1, 'one was');

no_complaints('promtool: all of that');
unlike(text(), qr/alice|phone\d|127\.0\.0\.1:(?!$dead|@{[ $hop->port ]})/,
    'neither user nor client in it');

# kept over a reload

$t->reload;
is(metric('http_authorizations_total{result="verified"}'), 1, 'counters stay');
is(metric('verification_duration_seconds_count'), 2, 'times too');
no_complaints('promtool: after a reload');

$t->write_file('nginx.conf', $t->read_file('nginx.conf')
    =~ s/^mra \{/mra { zone 16m;/mr);
$t->reload;
is(metric('registrations_peak'), 3, 'so does the most, in another zone');


# what we ship to use them

my $examples = dirname(__FILE__) . '/../../conf-examples/prometheus';
my %told = map { $_ => 1 } text() =~ /^# TYPE (\S+)/mg,
    map { "nginx_mra_$_" } qw(redis_up peers peer_registrations);

is(`promtool check rules $examples/alerts.yml 2>&1 >/dev/null`, '', 'alerts');
like(`promtool check config --syntax-only $examples/prometheus.yml 2>&1`,
    qr/is valid/, 'configuration');

for my $file (qw(alerts.yml dashboard.json)) {
    my @unknown = grep { !$told{s/_(?:bucket|sum|count)$//r} }
        slurp("$examples/$file") =~ /\b(nginx_mra_\w+)/g;
    is("@unknown", '', "$file asks for nothing that is not there");
}

my @expr = map { map { $_->{expr} } @{$_->{targets}} }
    @{decode_json(slurp("$examples/dashboard.json"))->{panels}};
my $rules = join '', map { "  - record: a:b\n    expr: '"
    . s/\$__rate_interval/1m/gr =~ s/\$instance/.*/gr . "'\n" } @expr;
my $file = $t->write_file('panels.yml',
    "groups:\n- name: x\n  rules:\n$rules");
is(`promtool check rules --lint=none $file 2>&1 >/dev/null`, '', 'dashboard');
