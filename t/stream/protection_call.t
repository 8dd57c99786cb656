# A phone whose address is banned keeps its calls until it registers again;
# addresses that are exempt lose nothing, whatever their neighbours do.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::Remote;
use MRA::SIP;
use MRA::Util;
use Test::More;

$SIG{PIPE} = 'IGNORE';

my $t = MRA::Nginx->new(protect => 1);
my $remote = MRA::Remote->new($t);

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[ $remote->load, $remote->directives ]}
events { }
mra {
    stun_keepalive off;
    protection sip-auth trigger=2;
    protection sip-registration trigger=2;
    protection sip-intrusion trigger=2;
    exempt 127.0.1.0/24 sip-registration;
}
stream {
    upstream uc { server 127.0.0.1:%%PORT_uc%%; }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_domain example.com;
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

my ($w) = $remote->workers;

sub phone {
    my ($user, $source) = @_;
    return MRA::SIP->connect($t->port('sip'), user => $user,
        domain => 'example.com', source => $source);
}

# REGISTER for a domain that is not served

sub scan {
    my ($source, $times, $domain) = @_;

    for (1 .. $times) {
        my $ua = phone("nobody$_", $source);
        $ua->send($ua->request('REGISTER', "sip:$domain"));
        $ua->receive(5);
        $ua->close;
    }
}

sub failures {
    my ($source) = @_;
    return scalar(() = $t->log =~ /: \S+ failure of \Q$source\E, /g);
}

sub passes {
    my ($ua, $method, $uri, @headers) = @_;

    $ua->send($ua->request($method, $uri, @headers));
    my $m = $uc->receive(5) or return 'nothing arrived';
    $uc->reply($m, 200, 'OK');

    my $r = $ua->receive(5);
    return $r ? $r->{status} : 'closed';
}


# a call, and then its address is banned for what another one did

my $home = '127.0.0.2';
my $alice = phone('alice', $home);
my ($registered) = $uc->registered($alice, 600);
my ($contact) = $registered->header('Contact') =~ /<(.*?)>/;
my $idle = phone('idle', $home);

$alice->send($alice->request('INVITE', 'sip:bob@example.com',
    body => "v=0\r\n", 'Content-Type' => 'application/sdp'));
my $invite = $uc->receive;
my @rr = $invite->all('Record-Route');
$uc->reply($invite, 200, 'OK', Contact => '<sip:bob@192.0.2.7>');
my $ok = $alice->receive;
is($ok->{status}, 200, 'a call');

my %dialog = (To => $ok->header('To'), From => $ok->header('From'),
    'Call-ID' => $ok->header('Call-ID'), Route => join(', ', reverse @rr));
$alice->send($alice->request('ACK', 'sip:bob@192.0.2.7', %dialog));
is($uc->receive->{method}, 'ACK', 'with its ACK');

scan($home, 2, 'elsewhere.example');
ok(wait_for(5, sub { $t->log =~ /sip-registration ban of \Q$home\E / }),
    'the address is banned');
ok(phone('new', $home)->closed(5), 'nobody new comes from there');

is(passes($alice, 'INFO', 'sip:bob@192.0.2.7', %dialog), 200,
    'the call goes on');

my $inside = $uc->open($t->port('inside'));
my $tag = ($ok->header('From') =~ /tag=([^;]+)/)[0];
$inside->send($inside->request('UPDATE', $contact,
    From => $ok->header('To'), To => "<sip:alice\@example.com>;tag=$tag",
    'Call-ID' => $ok->header('Call-ID')));
my $update = $alice->receive(5);
is($update && $update->{method}, 'UPDATE', 'from inside as well');
$alice->send(response($update, 200, 'OK'));
is($inside->receive(5)->{status}, 200, 'and is answered');

ok(!$alice->closed(0.2), 'it stays connected');
is(passes($alice, 'BYE', 'sip:bob@192.0.2.7', %dialog), 200,
    'until it hangs up');

$idle->send($idle->request('MESSAGE', 'sip:bob@example.com'));
ok($idle->closed(5), 'who is not registered is disconnected');

$alice->send($alice->request('REGISTER', 'sip:example.com', Expires => 600));
ok($alice->closed(5), 'who is, when he registers again');
is($uc->receive(0.2), undef, 'and nothing of it arrives');


# a company behind one address, exempt from one category

my $nat = '127.0.1.7';
my $bob = phone('bob', $nat);
$uc->registered($bob, 600);

scan($nat, 5, 'elsewhere.example');
is(failures($nat), 0, 'who is exempt has no failures');
is(($uc->registered($bob, 600))[1]{status}, 200, 'and is served');
is(($uc->registered(phone('carol', $nat), 600))[1]{status}, 200,
    'as are those beside him');

for (1, 2) {
    my $ua = phone('broken', $nat);
    $ua->send("garbage\r\n\r\n");
    $ua->closed(5);
}

ok(wait_for(5, sub { failures($nat) == 2 }), 'other categories count');
ok(phone('new', $nat)->closed(5), 'and ban');

is($w->do("exempt $nat 511"), 'OK', 'exempt at run time');
is(($uc->registered($bob, 600))[1]{status}, 200, 'he is free at once');
is(($uc->registered(phone('dave', $nat), 600))[1]{status}, 200,
    'and so is who comes');

scan('127.0.2.7', 2, 'elsewhere.example');
ok(wait_for(5, sub { failures('127.0.2.7') == 2 }), 'a network beside it');
ok(phone('new', '127.0.2.7')->closed(5), 'is not exempt');

$_->close for $bob, $inside;
$t->done_testing();
