# sip_path_headers on: the contact stays as it is, a Path with a flow token
# leads back (RFC 3327, RFC 5626).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use Test::More;

my $t = MRA::Nginx->new->plan(13);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive off; sip_path_headers on; }
stream {
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
        mra_sip_advertise inside.example.com;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'));
$t->run();

my $inside = 'inside.example.com:' . $t->port('inside');

my $ua = MRA::SIP->connect($t->port('sip'),
    instance => '<urn:uuid:1>', reg_id => 1);
my ($uri) = $ua->contact =~ /<(.*?)>/;

my ($m, $r) = $uc->registered($ua, 60, Path => '<sip:other.example.com;lr>',
    Supported => 'path, outbound');

is($m->header('Contact'), $ua->contact, 'contact is untouched');

my ($path, $other) = $m->all('Path');

like($path, qr/^<sip:[\w-]{28}\.[\w-]{22}\@\Q$inside\E;transport=tcp;lr;ob>$/,
    'our Path has a token, lr and ob');
is($other, '<sip:other.example.com;lr>', 'and is above that of others');
is($r->header('Contact'), $ua->contact . ';expires=60',
    'the contact in the answer');


# the registrar sends the Path as Route

my $peer = $uc->open($t->port('inside'), user => 'bob');

$peer->send($peer->request('MESSAGE', $uri, Route => $path, body => 'hi'));
$m = $ua->receive;

is($m->{method}, 'MESSAGE', 'request by the Path');
is($m->{uri}, $uri, 'its URI');
is($m->header('Route'), undef, 'the Route is taken off');

$ua->send(response($m, 200, 'OK'));
is($uc->receive->{status}, 200, 'answered');

$peer->send($peer->request('MESSAGE', $uri, Route => "$path, $other"));
is($ua->receive->header('Route'), $other, 'only ours is taken off');


# without it nobody knows where to

$peer->send($peer->request('MESSAGE', $uri));
is($uc->receive->{status}, 404, 'without our Route: 404');


# the registration counts

$ua->send($ua->request('MESSAGE', 'sip:bob@example.com'));
is($uc->receive->{method}, 'MESSAGE', 'the client is registered');


# two contacts, of which the registrar takes one

my $two = MRA::SIP->connect($t->port('sip'), user => 'carol');

$two->send($two->request('REGISTER', 'sip:example.com',
    Contact => ['<sip:carol@10.0.0.1>', '<sip:carol@10.0.0.2>']));
$m = $uc->receive;
$uc->reply($m, 200, 'OK', Contact => '<sip:carol@10.0.0.2>;expires=60',
    Path => [$m->all('Path')]);
$r = $two->receive;
is($r->header('Path'), $m->header('Path'), 'Path in the answer passes');

$two->send($two->request('MESSAGE', 'sip:bob@example.com'));
is($uc->receive->{method}, 'MESSAGE', 'one of two is enough');
