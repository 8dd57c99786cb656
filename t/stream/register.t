# REGISTER through the edge: the registrar sees contacts that lead to the
# edge, the client sees its own; what nobody knows passes untouched.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use Test::More;

my $t = MRA::Nginx->new->plan(31);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive off; }
stream {
    log_format user '$mra_user $mra_registrations';
    access_log %%DIR%%/stream.log user;

    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%%;
        mra_sip_accept uc;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my $inside = '127.0.0.1:' . $t->port('inside');


# one contact, with everything that a phone may put into it

my $ua = MRA::SIP->connect($t->port('sip'));
my $contact = '"Alice" <sip:alice@10.0.0.5:5062;transport=TLS;x=1>;video;'
    . '+sip.instance="<urn:uuid:1>";x-cisco-mra-ha=AR_SK;q=0.7';

my ($m, $r) = $uc->registered($ua, 60, Contact => $contact,
    'X-Cisco-Thing' => 'a, "b";c', Supported => 'X-cisco-graceful-reg');

like($m->header('Contact'), qr/^"Alice" <sip:alice\@\Q$inside\E;mra=/,
    'contact leads to the edge');
like($m->header('Contact'), qr/;transport=tcp;x=1>;video;.*AR_SK;q=0.7$/,
    'transport is that of the edge, the rest is untouched');
is($m->header('X-Cisco-Thing'), 'a, "b";c', 'unknown header is untouched');
is($m->header('Supported'), 'X-cisco-graceful-reg', 'Supported is untouched');
is($r->header('Contact'), "$contact;expires=60",
    'answer has the contact as the client knows it');

my ($via, $client_via) = $m->all('Via');

like($via, qr/^SIP\/2.0\/TCP \Q$inside\E;branch=z9hG4bK\S+;alias$/,
    'our Via is the topmost');
like($client_via, qr/;rport=\d+;received=127\.0\.0\.1|;received=.*;rport=\d+/,
    'the Via of the client tells where it came from');
is($m->header('Max-Forwards'), 69, 'Max-Forwards counts down');
is(scalar $r->all('Via'), 1, 'our Via is gone from the answer');


# the same device comes back on another connection: the same contact for the
# registrar, another one for another device

my ($id) = $m->header('Contact') =~ /;mra=([^~]+)~/;

my $again = MRA::SIP->connect($t->port('sip'));
($m) = $uc->registered($again, 60, Contact => $contact
    =~ s/10\.0\.0\.5:5062/10.9.9.9:1/r);
like($m->header('Contact'), qr/;mra=\Q$id\E~10\.9\.9\.9:1~TLS;/,
    'same instance, same binding');

my $other = MRA::SIP->connect($t->port('sip'));
($m) = $uc->registered($other, 60, Contact => $contact
    =~ s/uuid:1/uuid:2/r);
unlike($m->header('Contact'), qr/;mra=\Q$id\E~/,
    'another instance, another binding');

($m) = $uc->registered($ua, 60,
    Contact => $contact =~ s/;q=/;reg-id=2;q=/r);
unlike($m->header('Contact'), qr/;mra=\Q$id\E~/,
    'another reg-id, another binding');


# several contacts, one without brackets, one that is no SIP

($m, $r) = $uc->registered($ua, 60, Contact => [
    'sip:alice@10.0.0.5;q=0.5',
    '<sips:alice@[2001:db8::1]:5061>, <mailto:alice@example.com>' ]);

is(scalar(grep { /\Q$inside\E;/ } map { split /, / } $m->all('Contact')), 2,
    'two contacts are rewritten');
like(join("\n", $m->all('Contact')), qr/<mailto:alice\@example\.com>/,
    'mailto is not');
is_deeply([$r->all('Contact')], ['<sip:alice@10.0.0.5>;q=0.5;expires=60',
    '<sips:alice@[2001:db8::1]:5061>, <mailto:alice@example.com>;expires=60'],
    'all are put back');


# the registrar tells of devices that are not on this connection

$ua->send($ua->request('REGISTER', 'sip:example.com', Contact => undef));
$m = $uc->receive;
$uc->reply($m, 200, 'OK', Contact => [
    "<sip:alice\@$inside;transport=tcp;mra=AAECAwQFBgcICfr7_P3-_w~1.2.3.4>",
    '<sip:alice@192.0.2.9:5070>;expires=5' ]);
$r = $ua->receive;
is_deeply([$r->all('Contact')], ['<sip:alice@1.2.3.4>',
    '<sip:alice@192.0.2.9:5070>;expires=5'],
    'theirs are put back too, others are left alone');


# everything as short, and as spacious, as it may be

my $port = $ua->socket->sockport;
$ua->write("REGISTER sip:example.com SIP/2.0\r\n"
    . "v:SIP / 2.0 / TCP  127.0.0.1:$port ; branch = z9hG4bKx\r\n"
    . "F : <sip:alice\@example.com>;tag=1\r\nt\t:<sip:alice\@example.com>\r\n"
    . "i:abc\@x\r\ncseq: 1   REGISTER\r\n"
    . "M: <sip:alice\@192.0.2.1;transport=tcp>;expires=60\r\n ,\r\n"
    . " <sip:alice\@192.0.2.2>;q=0.1\r\nk:path\r\nl:0\r\n\r\n");
$m = $uc->receive;
like($m->header('Contact'), qr/^<sip:alice\@\Q$inside\E;[^>]*>;expires=60 +,/,
    'compact form: first contact');
like($m->header('Contact'), qr/, +<sip:alice\@\Q$inside\E;[^>]*>;q=0.1$/,
    'compact form: second contact');

$m->{peer}->write(join "\r\n", 'SIP/2.0 200 OK',
    map({ "v: $_" } $m->all('Via')), 'f: ' . $m->header('From'),
    't: ' . $m->header('To'), 'i: abc@x', 'CSeq: 1 REGISTER',
    'm: ' . $m->header('Contact'), 'l: 0', '', '');
$r = $ua->receive;
like($r->header('Contact'), qr/<sip:alice\@192\.0\.2\.1;transport=tcp>;exp.*
    <sip:alice\@192\.0\.2\.2>;q=0\.1$/x, 'compact form: put back');
is(scalar $r->all('Via'), 1, 'compact form: our Via is gone');


# challenges pass, and the second attempt too

$ua->send($ua->request('REGISTER', 'sip:example.com', Contact => $contact));
$m = $uc->receive;
$uc->reply($m, 401, 'Unauthorized',
    'WWW-Authenticate' => 'Digest realm="example.com", nonce="abc"');
$r = $ua->receive;
is($r->{status}, 401, 'challenge passes');
like($r->header('WWW-Authenticate'), qr/nonce="abc"/, 'as it is');


# an interval that is too brief, as the registrar says

$ua->send($ua->request('REGISTER', 'sip:example.com', Contact => $contact,
    Expires => 1));
$m = $uc->receive;
$uc->reply($m, 423, 'Interval Too Brief', 'Min-Expires' => 60);
$r = $ua->receive;
is($r->{status}, 423, 'failure passes');


# several users on one connection, then all of them gone

my $shared = MRA::SIP->connect($t->port('sip'), user => 'carol');
$uc->registered($shared, 60);
$shared->{user} = 'dave';
($m, $r) = $uc->registered($shared, 60);
is($r->{status}, 200, 'second user on the same connection');

my ($user) = $m->header('To') =~ /sip:(\w+)/;
is($user, 'dave', 'with its own address-of-record');

$shared->send($shared->request('REGISTER', 'sip:example.com',
    Contact => '*', Expires => 0));
$m = $uc->receive;
is($m->header('Contact'), '*', 'star is untouched');
$uc->reply($m, 200, 'OK');
$shared->receive;

$shared->send($shared->request('MESSAGE', 'sip:bob@example.com'));
is($uc->receive->{method}, 'MESSAGE', 'the other user is still registered');

$shared->{user} = 'carol';
($m, $r) = $uc->registered($shared, 0);
$shared->send($shared->request('MESSAGE', 'sip:bob@example.com'));
is($shared->receive->{status}, 403, 'when both are gone, nothing may be sent');


# contacts that change each time: what has expired is not counted again

my $fickle = MRA::SIP->connect($t->port('sip'), user => 'fickle');
bindings($fickle, 1);
sleep 2;
($m, $r) = bindings($fickle, 60);
is($r->{status}, 200, 'another contact after the first has expired');

$fickle->send($fickle->request('MESSAGE', 'sip:bob@example.com'));
is($uc->receive->{method}, 'MESSAGE', 'is one too');


# who it was is known to the end

$_->close for $fickle, $shared, $ua, $again, $other;
$t->stop;
is(join('', sort grep { /fickle|carol|dave/ } split /^/,
    $t->read_file('stream.log')),
    "carol\@example.com 0\nfickle\@example.com 1\n",
    'access log tells the first user of a connection, now registered or not');


sub bindings {
    my ($ua, $expires) = @_;
    return $uc->registered($ua, $expires,
        Contact => "<sip:$expires\@192.0.2.1>");
}
