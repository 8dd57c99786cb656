# A request comes by a connection of one worker for a client of another one.
# When that connection has broken, the client's answer goes by another.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(3);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
worker_processes 2;
events { }
mra { node edge1; stun_keepalive off; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
        mra_sip_connections 1;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%% reuseport;
        mra_sip_accept uc;
    }
}
END

my $uc = MRA::Registrar->new($t->port('uc'), user => 'uc', cseq => 0,
    domain => 'example.com', tag => 'uc', call_id => 'from-inside');
$t->run;

my $alice = MRA::SIP->connect($t->port('sip'));
my ($registered) = $uc->registered($alice, 600);
my ($contact) = $registered->header('Contact') =~ /<(.*?)>/;


# connections of next hops, enough that each worker has some

my @peers = map { $uc->open($t->port('inside'), user => "peer$_",
    call_id => "peer$_") } 1 .. 12;
my @asked;

for my $peer (@peers) {
    $peer->send($peer->request('MESSAGE', $contact));
    push @asked, $alice->receive;
}

is(scalar(grep { $_ && $_->{method} eq 'MESSAGE' } @asked), 12,
    'requests by connections of all workers');

$_->close for @peers;
ok(wait_for(10, sub { (() = $t->log =~ /next hop disconnected/g) == 12 }),
    'which have gone');

$alice->send(response($_, 200, 'OK')) for @asked;

my %answered = map { $_->header('Call-ID') => 1 }
    grep { $_ } map { $uc->receive } @asked;
is(scalar keys %answered, 12, 'all are answered by another');

$alice->close;
