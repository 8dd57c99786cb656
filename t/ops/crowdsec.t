# CrowdSec with our parser and scenarios: a real one reads the log of an edge,
# and blames whom the edge has, nobody that a client made up.
#
# Its package registers with a server outside when it is installed, so it is
# not among those that "make test" installs; MRA_CROWDSEC is where it was
# unpacked instead, with dpkg -x.

use strict;
use warnings;

use MRA::API;
use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Test::More;

my $root = $ENV{MRA_CROWDSEC} // '';
my $hub = "$root/usr/share/crowdsec/hub/parsers";
-x "$root/usr/bin/crowdsec" or plan(skip_all => 'no crowdsec');

my $examples = 'conf-examples/crowdsec';
my $t = MRA::Nginx->new(protect => 1)->plan(7);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
$t->secret('wonderland');

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra {
    max_authorizations 0;
    protection http-ce-auth block=0;
    protection sip-auth;
}
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / { %%AUTH%% }
        %%VERIFY%%
        location /api/ { mra_api write=on; }
    }
    %%APP%%
}
END

$t->run;

my $forged = 'x http-ce-auth failure of 192.0.2.9, 1 of 5 in 600s';

get($t->port('http'), '/', basic($forged, 'x'), source => '127.0.0.4',
    'User-Agent' => $forged) for 1 .. 2;
get($t->port('http'), "/?$forged" =~ s/ /+/gr, basic('alice', 'queen'),
    source => '127.0.0.3') for 1 .. 5;

is(change($t, POST => 'protection/bans', { address => $_,
    category => 'sip-auth' })->{status}, 204, "$_ is banned")
    for '192.0.2.1', '2001:db8:1:2:3::4';

ok(wait_for(5, sub { (() = $t->log =~ / failure of 127\.0\.0\.3, /g) == 5 }),
    'failures are logged');


# its directory, with a server of its own to tell

my $dir = $t->dir . '/crowdsec';
my $port = $t->port('crowdsec');

mkdir $_ for $dir, map { "$dir/$_" } qw(data hub scenarios parsers
    parsers/s00-raw parsers/s01-parse parsers/s02-enrich);

burp($dir . '/' . s{^.*?/((?:parsers|scenarios)/)}{$1}r, slurp($_))
    for glob "$examples/parsers/*/*.yaml $examples/scenarios/*.yaml";
burp("$dir/parsers/s00-raw/logs.yaml",
    slurp("$hub/s00-raw/crowdsecurity/syslog-logs.yaml"));
burp("$dir/parsers/s02-enrich/date.yaml",
    slurp("$hub/s02-enrich/crowdsecurity/dateparse-enrich.yaml"));
symlink "$root/etc/crowdsec/patterns", "$dir/patterns";

burp("$dir/hub/.index.json", '{"parsers":{},"scenarios":{},'
    . '"collections":{},"postoverflows":{}}');
burp("$dir/simulation.yaml", "simulation: false\n");
burp("$dir/login.yaml", "url: http://127.0.0.1:$port\nlogin: edge\n"
    . "password: edge-edge-edge\n");
burp("$dir/profiles.yaml", <<'END');
name: ban
filters: [ "Alert.Remediation == true" ]
decisions: [ { type: ban, duration: 4h } ]
END

burp("$dir/config.yaml", <<"END");
common: { daemonize: false, log_media: stdout, log_level: info }
config_paths:
  config_dir: $dir
  data_dir: $dir/data
  hub_dir: $dir/hub
  index_path: $dir/hub/.index.json
  simulation_path: $dir/simulation.yaml
crowdsec_service: { acquisition_dir: $dir/acquis.d, parser_routines: 1 }
cscli: { output: human }
db_config: { type: sqlite, db_path: $dir/data/db }
prometheus: { enabled: false }
api:
  client: { credentials_path: $dir/login.yaml }
  server: { listen_uri: "127.0.0.1:$port", profiles_path: $dir/profiles.yaml }
END

`$root/usr/bin/cscli -c $dir/config.yaml machines add edge --force \\
    --password edge-edge-edge -f $dir/login.yaml 2>&1`;
my $out = `timeout 120 $root/usr/bin/crowdsec -c $dir/config.yaml \\
    -dsn file://@{[$t->dir]}/error.log -type nginx 2>&1`;

my @blamed = sort $out =~ /"Ip (\S+ performed '[^']+') /g;

is_deeply(\@blamed, ["127.0.0.3 performed 'ngx_mra/mra-failures'",
    "192.0.2.1 performed 'ngx_mra/mra-ban'",
    "2001:db8:1:2:: performed 'ngx_mra/mra-ban'"], 'those are blamed')
    or diag($out);
unlike($out, qr/192\.0\.2\.9/, 'nobody else');
like($out, qr/4h ban on Ip 192\.0\.2\.1/, 'and banned by it');
like(slurp("$examples/acquis.d/mra.yaml"), qr/type: nginx\n/,
    'the log is of the type that the parser takes');
