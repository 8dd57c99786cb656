#!/usr/bin/perl
# phones.pl certificate-of-the-CA number port ...
#
# Phones that follow their registration path: each registers as carol at one
# of the edge nodes that listen at these ports of 127.0.0.1, asks with STUN
# every second whether its path is up, and registers again when it is not, at
# another edge node when this one does not serve it.
#
# A line on standard input tells that something is done to the path; printed
# is what the phones saw of it, when they are at rest again.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use IO::Select;
use IO::Socket::SSL;
use List::Util qw(all max);
use Time::HiRes qw(time);

use constant {
    INTERVAL => 1,      # between keepalives, s
    PATIENCE => 3,      # for an answer, s
    REST     => 4,      # without trouble, s
};

$| = 1;

my ($ca, $count, @ports) = @ARGV;

my @phones = map { { name => "carol$_", n => $_, edge => $_ % @ports } }
    1 .. $count;
my ($marked, $what);

open_flow($_) for @phones;

my $input = IO::Select->new(\*STDIN);

while () {
    my %phone_of = map { $_->{socket} => $_ } grep { $_->{socket} } @phones;
    my $select = IO::Select->new(\*STDIN,
        map { $_->{socket} } values %phone_of);

    for my $ready ($select->can_read(0.02)) {
        $ready == \*STDIN ? mark() : receive($phone_of{$ready});
    }

    tick($_) for @phones;
    report() if defined $what && at_rest();
}


sub mark {
    defined($what = <STDIN>) or exit;

    chomp $what;
    $marked = time;
    @$_{qw(trouble told again)} = () for @phones;
}


sub at_rest {
    return all {
        $_->{registered}
            && time - max($marked, $_->{again} // 0) > REST
    } @phones;
}


sub report {
    my %told = map { $_->{told} ? ($_->{told} => 1) : () } @phones;
    my @again = grep { defined $_->{again} } @phones;

    printf "%s: %d of %d phones noticed", $what, scalar @again,
        scalar @phones;

    printf " (%s), after %.2f s at most; all were registered again %.2f s"
        . " after that at most", join(', ', sort keys %told),
        max(map { $_->{trouble} - $marked } @again),
        max(map { $_->{again} - $_->{trouble} } @again)
        if @again;

    print "\n";
    undef $what;
}


sub open_flow {
    my ($phone) = @_;

    my $socket = IO::Socket::SSL->new(
        PeerAddr => '127.0.0.1', PeerPort => $ports[$phone->{edge}],
        SSL_ca_file => $ca, SSL_verifycn_scheme => 'none',
        Timeout => PATIENCE);

    if (!$socket) {
        $phone->{retry} = time + 0.2;
        $phone->{edge} = ($phone->{edge} + 1) % @ports;
        return;
    }

    $socket->blocking(0);
    @$phone{qw(socket in retry route asked)} = ($socket, '');
    $phone->{contact} = '127.0.0.1:' . $socket->sockport;

    send_register($phone);
}


# what goes wrong: the same edge node may have another path, if it answers

sub trouble {
    my ($phone, $told, $elsewhere) = @_;

    $phone->{trouble} //= time;
    $phone->{told} //= $told;
    $phone->{registered} = 0;
    $phone->{asked} = undef;

    return send_register($phone) unless $elsewhere;

    $phone->{socket}->close(SSL_no_shutdown => 1) if $phone->{socket};
    $phone->{socket} = undef;
    $phone->{edge} = ($phone->{edge} + 1) % @ports;
    $phone->{retry} = time;
}


sub send_register {
    my ($phone) = @_;

    my $uri = 'sip:example.com';
    my @lines;

    if (my $nonce = $phone->{nonce}) {
        my $digest = md5_hex(join ':', md5_hex('carol:example.com:secret'),
            $nonce, md5_hex("REGISTER:$uri"));

        @lines = qq(Authorization: Digest username="carol", )
            . qq(realm="example.com", nonce="$nonce", uri="$uri", )
            . qq(response="$digest");
    }

    push @lines, "Route: $phone->{route}" if $phone->{route};

    my $branch = 'z9hG4bK' . md5_hex(time . $phone->{n});

    write_all($phone, join("\r\n",
        "REGISTER $uri SIP/2.0",
        "Via: SIP/2.0/TLS $phone->{contact};branch=$branch;rport",
        'Max-Forwards: 70',
        "From: <sip:carol\@example.com>;tag=$phone->{name}",
        'To: <sip:carol@example.com>',
        "Call-ID: $phone->{name}\@phones.invalid",
        'CSeq: ' . ++$phone->{cseq} . ' REGISTER',
        "Contact: <sip:carol\@$phone->{contact};transport=tls>;expires=60;"
            . "+sip.instance=\"<urn:uuid:00000000-0000-4000-8000-"
            . sprintf('%012d', $phone->{n}) . '>";reg-id=1',
        'Supported: path, outbound',
        @lines, 'Content-Length: 0', '', ''));

    $phone->{registering} = time;
}


sub tick {
    my ($phone) = @_;

    my $now = time;

    if (!$phone->{socket}) {
        open_flow($phone) if $now > $phone->{retry};

    } elsif ($phone->{registering}) {
        trouble($phone, 'no answer to REGISTER', 1)
            if $now - $phone->{registering} > 2 * PATIENCE;

    } elsif ($phone->{asked}) {
        trouble($phone, 'no answer to the keepalive', 1)
            if $now - $phone->{asked} > PATIENCE;

    } elsif ($now - $phone->{answered} > INTERVAL) {
        write_all($phone, pack 'nnNa12', 1, 0, 0x2112a442, $phone->{name});
        $phone->{asked} = $now;
    }
}


sub write_all {
    my ($phone, $data) = @_;

    $phone->{socket}->syswrite($data);
}


sub receive {
    my ($phone) = @_;

    my $n;

    do {
        $n = $phone->{socket}->sysread($phone->{in}, 65536,
            length $phone->{in});
    } while $n;

    my $closed = defined $n || $SSL_ERROR != SSL_WANT_READ;

    while ($phone->{in} =~ s/^(?:\r\n)+//, length $phone->{in}) {

        if ($phone->{in} =~ /^[\0\1]/) {
            last if length $phone->{in} < 20;
            my ($type, $len) = unpack 'nn', $phone->{in};
            last if length $phone->{in} < 20 + $len;
            substr $phone->{in}, 0, 20 + $len, '';
            stun($phone, $type);
            next;
        }

        last if $phone->{in} !~ /^(.*?\r\n)\r\n/s;
        my ($head, $size) = ($1, length $&);
        $size += $1 if $head =~ /^(?:Content-Length|l)\s*:\s*(\d+)/im;
        last if length $phone->{in} < $size;
        substr $phone->{in}, 0, $size, '';
        sip($phone, $head);
    }

    trouble($phone, 'connection closed', 1) if $closed;
}


sub stun {
    my ($phone, $type) = @_;

    return if $type != 0x0101 && $type != 0x0111;

    $phone->{asked} = undef;
    $phone->{answered} = time;

    trouble($phone, 'keepalive answered with an error', 0)
        if $type == 0x0111 && !$phone->{registering};
}


sub sip {
    my ($phone, $head) = @_;

    my ($status) = $head =~ m{^SIP/2\.0 (\d+)} or return;
    my ($cseq) = $head =~ /^CSeq:\s*(\d+)/im;

    return if $status < 200 || $cseq != $phone->{cseq};

    if ($status == 401 && $head =~ /nonce="([^"]+)"/) {
        $phone->{nonce} = $1;
        return send_register($phone);
    }

    $phone->{registering} = undef;

    return trouble($phone, "REGISTER got $status", 1) if $status > 299;

    ($phone->{route}) = $head =~ /^Service-Route:\s*(.*?)\r\n/im;
    $phone->{registered} = 1;
    $phone->{answered} = time;
    $phone->{again} = time if $phone->{trouble};
}
