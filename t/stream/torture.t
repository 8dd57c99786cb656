# Every message of RFC 4475 at an edge with a real registrar behind it, whole,
# cut in two and in a row, from a client that is registered.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Daemon;
use MRA::Nginx;
use MRA::SIP;
use MRA::Util;
use Test::More;

plan(skip_all => 'no kamailio here') if !-x '/usr/sbin/kamailio';

my $root = "$FindBin::Bin/../..";
my @vectors = sort glob "$root/t/unit/vectors/rfc4475/*.dat";
my $t = MRA::Nginx->new->plan(3 + 2 * @vectors);

$t->write_file_expand('registrar.cfg', <<"END");
#!KAMAILIO
#!define LISTEN tcp:127.0.0.1:%%PORT_uc%%
include_file "$root/conf-examples/registrar.cfg"
END

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive off; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
}
END

my $kamailio = MRA::Daemon->kamailio($t, 'registrar.cfg', $t->port('uc'));
$t->run;

my $witness = phone('bob');
is($witness->register->{status}, 200, 'the witness registers');

my $links = links();
like($links, qr/^\w{4} \w{4}$/, 'there are two connections to the registrar');

local $SIG{PIPE} = 'IGNORE';

for my $file (@vectors) {
    my ($name) = $file =~ /(\w+)\.dat/;
    my $bytes = slurp($file);
    my $half = int(length($bytes) / 2);

    # a stream needs a length, most of them have none

    my $framed = $bytes;
    $framed =~ s/\r\n\r\n(.*)\z/"\r\nl: " . length($1) . "\r\n\r\n$1"/se
        if $framed !~ /^(?:l|content-length)[ \t]*:/mi;

    for my $pieces ([$bytes], [$framed],
        [substr($framed, 0, $half), substr($framed, $half)],
        [$framed x 3])
    {
        my $ua = phone('alice');
        $ua->register;
        $ua->write($_) for @$pieces;
        1 while $ua->receive(0.005);
        $ua->close;
    }

    is($witness->register->{status}, 200, "$name: the next client is served");
    is(links(), $links, "$name: and the registrar did not close on us");
}

unlike($t->log, qr/exited on signal/, 'no worker died');


# the connections of the edge to the registrar, as the kernel knows them

sub links {
    my $port = sprintf '%04X', $t->port('uc');
    open my $tcp, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    return join ' ', sort map { /:(\w{4}) \w{8}:$port 01 / ? $1 : () } <$tcp>;
}


sub phone {
    my ($user) = @_;
    return MRA::SIP->connect($t->port('sip'), user => $user,
        password => 'secret');
}
