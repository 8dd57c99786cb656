# Fail2ban with our filter, jails and action: it sees every failure that the
# edge logs, with the right address, and nothing that a client made up; it
# bans through our API and lifts the ban there.

use strict;
use warnings;

use MRA::Daemon;
use MRA::HTTP;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::UC;
use MRA::Util;
use Test::More;

plan(skip_all => 'no fail2ban') unless -x '/usr/bin/fail2ban-regex';

my $examples = 'conf-examples/fail2ban';
my $t = MRA::Nginx->new(protect => 1);
my $dir = $t->dir;
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });
$t->secret('wonderland');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra {
    max_authorizations 0;
    stun_keepalive off;
    protection http-ce-auth block=0;
    protection http-ce-intrusion block=0;
    protection http-ce-resource trigger=2 block=1s;
    protection sip-auth block=0;
    protection sip-registration block=0;
    protection sip-intrusion block=0;
}
http {
    %%HTTP%%
    set_real_ip_from 127.0.0.9;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / {
            mra_auth /verify;
            proxy_pass http://127.0.0.1:%%PORT_api%%;
        }
        %%VERIFY%%
    }
    server {
        listen 127.0.0.1:%%PORT_target%%;
        location / {
            mra_proxy_target on;
            mra_http_allow http://127.0.0.1:%%PORT_api%%/good/ prefix;
            proxy_pass \$mra_target\$mra_target_uri;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_api%%;
        location / { return 200 "app"; }
        location /api/ { mra_api write=on; }
    }
}
stream {
    upstream uc { server 127.0.0.1:%%PORT_uc%%; }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_domain example.com;
        mra_sip_pass uc;
    }
}
END

my $registrar = MRA::Registrar->new($t->port('uc'));
$t->run();
my $port = $t->port('http');


sub status {
    my ($source, $uri, @rest) = @_;
    my $r = eval { get($port, $uri, @rest, source => $source) };
    return $r ? $r->{status} : undef;
}


sub guess { return status(shift, '/', basic('alice', 'guess'), @_) }


sub phone {
    my ($source) = @_;
    return MRA::SIP->connect($t->port('sip'), user => 'alice',
        source => $source);
}


# what is matched, one address for each line

sub matched {
    my ($filter) = @_;
    open my $out, '-|', 'fail2ban-regex', '-o', 'ip', "$dir/error.log",
        "$examples/filter.d/ngx_mra.conf$filter" or die;
    my %n;
    $n{$_ =~ s/\s+\z//r}++ for <$out>;
    return \%n;
}


# failures of all kinds

is(guess('127.0.0.2'), 401, 'a wrong password') for 1 .. 3;
is(status('127.0.0.3', '/', Authorization => 'Basic !'), 401,
    'a malformed header') for 1 .. 2;
guess('127.0.0.9', 'X-Real-IP' => '2001:db8::5');
get($t->port('target'), '/ZXhhbXBsZS5jb20vaHR0cC8xMjcuMC4wLjEvODA=/bad',
    source => '127.0.0.4') for 1 .. 2;

my $ua = phone('127.0.0.10');
$ua->send($ua->request('REGISTER', 'sip:example.com',
    Authorization => 'Digest username="alice", realm="a", nonce="n", '
        . 'uri="sip:example.com", response="0"'));
$registrar->reply($registrar->receive(5), 403, 'Forbidden');
is($ua->receive(5)->{status}, 403, 'a wrong password of a phone');

for (1, 2) {
    $ua = phone('127.0.0.11');
    $ua->send($ua->request('REGISTER', 'sip:elsewhere.example'));
    is($ua->receive(5)->{status}, 403, 'a domain that is not served');
}

$ua = phone('127.0.0.12');
$ua->send("GET / HTTP/1.1\r\n\r\n");
ok($ua->closed(5), 'no SIP');

is_deeply(matched(''), { '127.0.0.2' => 3, '127.0.0.3' => 2,
    '127.0.0.4' => 2, '2001:db8::5' => 1, '127.0.0.10' => 1,
    '127.0.0.11' => 2, '127.0.0.12' => 1 }, 'every failure is seen');
is_deeply(matched('[category=sip-auth]'), { '127.0.0.10' => 1 },
    'wrong passwords of phones');
is_deeply(matched('[category="sip-[a-z]+"]'), { '127.0.0.10' => 1,
    '127.0.0.11' => 2, '127.0.0.12' => 1 }, 'all that phones do');
is_deeply(matched('[category=http-ce-auth]'),
    { '127.0.0.2' => 3, '2001:db8::5' => 1 }, 'those of one category');
is_deeply(matched('[mode=ban]'), { '127.0.0.4' => 1 }, 'the ban');


# whoever tries to have somebody else banned

my $line = 'http-ce-auth failure of 192.0.2.66, 5 of 5 in 600s';
my $whole = "2026/11/22 19:30:40 [error] 1#1: $line";

for my $text ($line, $whole, "x\n$whole\n", "x\r\n$whole\r\n", "\0\n$whole\n",
    "x\x{85}$whole", "http-ce-auth ban of 192.0.2.66 for 600s\n")
{
    my $escaped = $text =~ s/([^\w])/sprintf '%%%02x', ord $1/ger;
    my $flat = $text =~ tr/\r\n\0//dr;

    status('127.0.0.5', '/', basic($text, $text));
    status('127.0.0.5', "/$escaped", basic('alice', 'guess'));
    status('127.0.0.5', '/', basic('alice', 'guess'), 'User-Agent' => $flat,
        'Referer' => $flat, 'X-Forwarded-For' => $flat, Host => $flat);
    get($t->port('target'), "/$escaped", source => '127.0.0.5');

    my $c = MRA::HTTP->new($port, source => '127.0.0.5');
    $c->write("GET /$text HTTP/1.1\r\nHost: $text\r\n\r\n");
    $c->closed(2);

    my $ua = phone('127.0.0.5');
    $ua->send($ua->request('MESSAGE', "sip:$escaped\@example.com",
        From => "\"$flat\" <sip:$escaped\@example.com>;tag=$escaped",
        'User-Agent' => $flat));
    $ua->write("REGISTER $text SIP/2.0\r\n\r\n");
    $ua->closed(2);
}

like($t->log, qr/192\.0\.2\.66/, 'forged text is in the log');
unlike(join(' ', keys %{matched('')}, keys %{matched('[mode=ban]')}),
    qr/192\.0\.2\.66/, 'and not believed');


# the server: with our jails, which ban by our API, and by something harmless

mkdir "$dir/f2b";
mkdir "$dir/f2b/$_" for qw(filter.d action.d jail.d);
system('cp', '-R', glob("$examples/*.d"), "$dir/f2b") == 0 or die;

$t->write_file('f2b/fail2ban.conf', "[Definition]\nloglevel = INFO\n"
    . "dbfile = None\nsyslogsocket = auto\n");
$t->write_file('f2b/jail.conf', "[DEFAULT]\nignoreself = false\n");
$t->write_file('f2b/action.d/touch.conf', "[Definition]\n"
    . "actionban = touch $dir/again-<ip>\n");

my $jail = slurp("$examples/jail.d/ngx_mra.conf");
$jail =~ s{/var/log/nginx/error\.log}{$dir/error.log}g;
$jail =~ s{^(action\s*= ngx_mra)$}{"$1\[api=http://127.0.0.1:"
    . $t->port('api') . '/api/1]'}me;
$jail =~ s{nftables-allports\[name=ngx_mra\]}{touch};
$jail =~ s{^maxretry = 3$}{maxretry = 1}m;
$t->write_file('f2b/jail.d/ngx_mra.conf', $jail);

my $f2b = MRA::Daemon->fail2ban($t, 'f2b');

sub banned {
    my ($address) = @_;
    return get($t->port('api'), '/api/1/protection/bans')->{body}
        =~ /"\Q$address\E/;
}

ok(!banned('127.0.0.6'), 'nobody is banned');

# no more than needed: what it finds later would ban again

guess('127.0.0.6') for 1 .. 4;
wait_for(30, sub { 4 == (() = $f2b->log =~ / Found 127\.0\.0\.6 /g) });
ok(!banned('127.0.0.6'), 'not before the fifth time');
guess('127.0.0.6');
ok(wait_for(30, sub { banned('127.0.0.6') && !defined guess('127.0.0.6') }),
    'who guesses is banned at the edge') or diag $f2b->log;
is(guess('127.0.0.7'), 401, 'nobody else');

$f2b->client('set', 'ngx_mra', 'unbanip', '127.0.0.6');
ok(wait_for(10, sub { !banned('127.0.0.6') }), 'and free again');
is(guess('127.0.0.6'), 401, 'as all');

get($t->port('target'), '/ZXhhbXBsZS5jb20vaHR0cC8xMjcuMC4wLjEvODA=/bad',
    source => '127.0.0.8') for 1 .. 2;
ok(wait_for(20, sub { -e "$dir/again-127.0.0.8" }),
    'what the edge has banned, the other jail bans')
    or diag $f2b->log;
unlike($f2b->log, qr/ ERROR /, 'nothing went wrong');

MRA::Nginx::done_testing();
