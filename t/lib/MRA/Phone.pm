package MRA::Phone;

# A real phone, baresip, that registers over TLS at the edge on port "sip".
#
#   MRA::Cert->new($t->dir)->issue('edge', ...);
#   my $phone = MRA::Phone->new($t, 'alice', ';sipnat=outbound');
#
#   $phone->registered;
#   $phone->mark;                       # since() looks from here on
#   $phone->command('dial', 'sip:bob@example.com');
#   $phone->since(qr/Call established/);
#   $phone->stop;

use strict;
use warnings;

use IO::Socket::INET;
use MRA::Daemon;
use MRA::Util;

our @ISA = ('MRA::Daemon');


sub new {
    my ($class, $t, $user, $options) = @_;
    my $dir = $t->dir . "/$user";

    mkdir $dir;
    burp("$dir/contacts", '');

    burp("$dir/config", <<"END");
sip_listen 127.0.0.1:0
sip_cafile @{[$t->dir]}/ca.crt
sip_verify_server yes
net_interface 127.0.0.1
audio_source aubridge,x
audio_player aubridge,x
audio_alert aubridge,x
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:@{[$t->port($user)]}
END

    my $edge = 'sip:127.0.0.1:' . $t->port('sip') . ';transport=tls';
    burp("$dir/accounts", "<sip:$user\@example.com>;auth_pass=secret;"
        . "regint=60;answermode=auto;outbound=\"$edge\"" . ($options // '')
        . "\n");

    my $self = $class->baresip($t, $user);
    $self->{seen} = 0;
    return $self;
}


sub registered { $_[0]->wait_log(qr/200 OK.*\[1 binding/, 10) }


sub mark { $_[0]->{seen} = length $_[0]->log; $_[0] }


sub since {
    my ($self, $pattern) = @_;
    return wait_for(10, sub { substr($self->log, $self->{seen}) =~ $pattern });
}


# the answer, as JSON

sub command {
    my ($self, $command, $params) = @_;
    my $json = "{\"command\":\"$command\""
        . ($params ? ",\"params\":\"$params\"}" : '}');

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{t}->port($self->{name}))
        or die "$self->{name} does not listen: $!\n";

    print $socket length $json, ":$json,";
    $socket->flush;
    sysread $socket, my $answer, 4096;
    close $socket;
    return $answer;
}


1;
