# What clients may not do: speak before they register, for other domains, too
# much, too long, or not at all.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use Test::More;
use Time::HiRes qw(sleep);

my $t = MRA::Nginx->new->plan(38);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive off; }
stream {
    limit_conn_zone $binary_remote_addr zone=addr:1m;
    mra_sip_max_message_size 4k;

    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
        mra_sip_domain example.com Example.ORG;
        mra_sip_register_timeout 2s;
    }
    server {
        listen 127.0.0.1:%%PORT_brief%%;
        mra_sip_pass uc;
        mra_sip_register_timeout 500ms;
    }
    server {
        listen 127.0.0.1:%%PORT_two%%;
        mra_sip_pass uc;
        limit_conn addr 2;
    }
    server {
        listen 127.0.0.1:%%PORT_denied%%;
        mra_sip_pass uc;
        deny all;
    }
    server {
        listen 127.0.0.1:%%PORT_proxied%% proxy_protocol;
        mra_sip_pass uc;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'), user => 'uc', cseq => 0,
    domain => 'example.net', tag => 'uc', call_id => 'from-inside');
$t->run();


# before registration

my $ua = MRA::SIP->connect($t->port('sip'));

for my $method (qw(INVITE MESSAGE SUBSCRIBE PUBLISH BYE FOO)) {
    is(ask($ua, $method)->{status}, 403, "$method before REGISTER");
}

$ua->send($ua->request('ACK', 'sip:bob@example.com'));
ok(!$ua->receive(0.1), 'ACK before REGISTER is ignored');

$ua->send($ua->request('OPTIONS', 'sip:bob@example.com'));
my $m = $uc->receive;
is($m->{method}, 'OPTIONS', 'OPTIONS before REGISTER pass');
$uc->reply($m, 200, 'OK');
is($ua->receive->{status}, 200, 'and are answered');


# a registration is one when the registrar says so

$ua->send($ua->request('REGISTER', 'sip:example.com'));
$m = $uc->receive;
is(ask($ua, 'MESSAGE')->{status}, 403, 'not while the registrar thinks');

$uc->reply($m, 403, 'Forbidden');
$ua->receive;
is(ask($ua, 'MESSAGE')->{status}, 403, 'not when it refuses');

$ua->send($ua->request('REGISTER', 'sip:example.com'));
$uc->reply($uc->receive, 200, 'OK');
$ua->receive;
is(ask($ua, 'MESSAGE')->{status}, 403, 'not when it binds nothing');

$ua = MRA::SIP->connect($t->port('sip'));
$uc->registered($ua, 1);
$ua->send($ua->request('MESSAGE', 'sip:bob@example.com'));
is($uc->receive->{method}, 'MESSAGE', 'only when it binds the contact');

sleep 1.2;
is(ask($ua, 'MESSAGE')->{status}, 403, 'and not after that has expired');
ok($ua->closed(2), 'then the connection is closed');
ok($t->wait_log(qr/client is not registered \(110:[^)]*\) while relaying SIP, /
    . qr/client: 127\.0\.0\.1/), 'logged');

my $silent = MRA::SIP->connect($t->port('brief'));
ok(!$silent->closed(0.3), 'silence is borne');
ok($silent->closed(1), 'for mra_sip_register_timeout');


# domains

$ua = MRA::SIP->connect($t->port('sip'), domain => 'evil.com');
is(ask($ua, 'REGISTER', 'sip:evil.com')->{status}, 403, 'another domain');
is(ask($ua, 'REGISTER', 'sip:example.com')->{status}, 403,
    'in From and To only');

$ua->{domain} = 'example.com';
is(ask($ua, 'REGISTER', 'sip:evil.com')->{status}, 403, 'in the URI only');

is(ask($ua, 'REGISTER', 'sip:example.com', To => '<sip:a@evil.com>;tag=1')
    ->{status}, 403, 'in To only, as if it were in a dialog');

$ua->{domain} = 'EXAMPLE.org';
my ($seen, $r) = $uc->registered($ua, 60);
is($r->{status}, 200, 'the second one, in any case');

is(ask($ua, 'MESSAGE', 'sip:x@evil.com', From => '<sip:a@evil.com>;tag=1')
    ->{status}, 403, 'requests from another domain');

$ua->send($ua->request('MESSAGE', 'sip:x@evil.com'));
is($uc->receive->{uri}, 'sip:x@evil.com', 'requests to another domain pass');

is(ask($ua, 'MESSAGE', 'sip:x@evil.com', From => '<sip:a@evil.com>;tag=1',
    To => '<sip:x@evil.com>;tag=2')->{status}, 403,
    'nor as if there were a dialog');

my ($contact) = $seen->header('Contact') =~ /<(.*?)>/;
my $inside = $uc->peer($seen);
$inside->send($inside->request('INVITE', $contact,
    To => '<sip:+155@gateway.example.net>', Contact => '<sip:g@192.0.2.9>'));
my $invite = $ua->receive;
$ua->send(response($invite, 200, 'OK', Contact => $ua->contact));
$r = $uc->receive;
is($r->{status}, 200, 'called by a name of another domain');

$ua->send($ua->request('BYE', 'sip:g@192.0.2.9', From => $r->header('To'),
    To => $r->header('From'), 'Call-ID' => $r->header('Call-ID'),
    Route => [$invite->all('Record-Route')]));
is($uc->receive->{method}, 'BYE', 'the dialog goes on with that name');


# size

$ua = MRA::SIP->connect($t->port('sip'));
$uc->registered($ua, 60);

$r = ask($ua, 'MESSAGE', 'sip:bob@example.com', body => 'x' x 8192);
is($r->{status}, 513, 'too large');
is($r->header('CSeq'), '2 MESSAGE', 'the answer is to the request');

$ua->send($ua->request('MESSAGE', 'sip:bob@example.com', body => 'y' x 3000));
is(length $uc->receive->{body}, 3000, 'what follows is understood');

$ua->send($ua->request('MESSAGE', 'sip:bob@example.com',
    map { ("X-$_" => 1) } 1 .. 300));
is($ua->receive->{status}, 513, 'too many headers');

ok($t->wait_log(qr/client sent SIP request that is refused: 513 /
    . qr/"Too Many Header Fields", method: "MESSAGE", /
    . qr/uri: "sip:bob\@example.com"/), 'logged');


# nginx's own limits

my @two = map { MRA::SIP->connect($t->port('two')) } 1, 2;
ok(!$two[0]->closed(0.1), 'limit_conn lets two in');
ok(MRA::SIP->connect($t->port('two'))->closed(2), 'and not the third');
ok(MRA::SIP->connect($t->port('denied'))->closed(2), 'deny');

$ua = MRA::SIP->connect($t->port('proxied'),
    proxy_protocol => "PROXY TCP4 192.0.2.1 192.0.2.2 5555 5061\r\n");
($m) = $uc->registered($ua, 60);
is(scalar $m->all('Via'), 2, 'behind a balancer with PROXY protocol');

my $conf = $t->read_file('nginx.conf');
my ($ok, $output) = $t->config_test($conf =~ s/4k;/1m;/r);
like($output, qr/"mra_sip_max_message_size" .*must be between 1k and 120k/,
    'a size that could not pass between workers');


sub ask {
    my ($ua, $method, $uri, @headers) = @_;
    $ua->send($ua->request($method, $uri // 'sip:bob@example.com', @headers));
    return $ua->receive(2);
}
