# A target that is a name is resolved by nginx's resolver, and only when the
# list allows it.

use strict;
use warnings;

use IO::Socket::INET;
use MIME::Base64 qw(encode_base64url);
use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use POSIX ();
use Test::More;

my $t = MRA::Nginx->new()->plan(12);
my $uc = MRA::UC->new($t);
my $dns_log = $t->write_file('dns.txt', '');
my $dns = resolver($t->port('dns'), $dns_log);
$uc->behave(status => 200, body => 'uc');

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { }
http {
    %%HTTP%%
    resolver 127.0.0.1:%%PORT_dns%% ipv6=off;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / {
            mra_auth /verify;
            mra_proxy_target on;
            mra_http_allow http://CUCM.example.com.:@{[ $uc->port ]}/ prefix;
            mra_http_allow http://[0:0::1]:7/ prefix;
            proxy_pass \$mra_target\$mra_target_uri;
            proxy_connect_timeout 200ms;
        }
        location = /verify {
            internal;
            proxy_pass \$mra_target/cucm-uds/version;
        }
    }
}
END

$t->run;


# answers every question with 127.0.0.1 and notes the name

sub resolver {
    my ($port, $log) = @_;
    my $socket = IO::Socket::INET->new(Proto => 'udp',
        LocalAddr => '127.0.0.1', LocalPort => $port) or die "dns: $!\n";

    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    open my $fh, '>>', $log or POSIX::_exit(1);

    while ($socket->recv(my $query, 512)) {
        my @labels = unpack '(C/a)*', (substr $query, 12) =~ s/\0.*//sr;
        my $end = 12 + 1 + length(join '', @labels) + @labels + 4;

        syswrite $fh, join('.', @labels) . "\n";
        $socket->send(substr($query, 0, 2) . pack('n5', 0x8180, 1, 1, 0, 0)
            . substr($query, 12, $end - 12)
            . pack('n3Nn', 0xc00c, 1, 1, 60, 4) . "\x7f\0\0\1");
    }

    POSIX::_exit(0);
}


sub ask {
    my ($host, $port) = @_;
    my $segment = encode_base64url("example.com/http/$host/"
        . ($port // $uc->port));

    return get($t->port('http'), "/$segment/cucm-uds/x?y",
        basic('alice', 'wonderland'))->{status};
}


is(ask('cucm.example.com'), 200, 'the name on the list');
is(join(' ', map { $_->{uri} } $uc->seen), '/cucm-uds/version /cucm-uds/x?y',
    'verified and served by the target');
is(ask('CUCM.Example.COM.'), 200, 'in another case');

is(ask($_), 403, $_) for 'cucm.example.org', 'cucm.example.com.evil.example',
    'evil-cucm.example.com', '127.0.0.1';
is(ask('cucm.example.com', 1), 403, 'another port');
is(ask('::1', 7), 502, 'an address of IPv6 in another form');
is(ask('::2', 7), 403, 'another one');

my %asked = map { $_ => 1 } split /\n/, slurp($dns_log);
is(join(' ', keys %asked), 'cucm.example.com', 'no other name was resolved');

$uc->forget;
is(ask('cucm.example.com/x'), 400, 'malformed');

end_process($dns, 'KILL', 1);
