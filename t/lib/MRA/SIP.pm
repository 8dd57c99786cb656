package MRA::SIP;

# A SIP user agent on one TCP or TLS connection, and the server side of one.
#
#   use MRA::SIP;
#
#   my $ua = MRA::SIP->connect($port, ssl => 1, user => 'alice',
#       domain => 'example.com', password => 'secret');
#
#   my $r = $ua->register(expires => 60);       # answers a 401 or 407
#   $r->{status}; $r->header('Contact'); $r->all('Via'); $r->{body}
#
#   $ua->send($ua->request(INVITE => 'sip:bob@example.com', body => $sdp));
#   my $m = $ua->receive(2);                    # next message, undef: none
#   $ua->send(response($m, 180, 'Ringing'));
#   $ua->ping;                                  # CRLFCRLF; true for CRLF
#   $ua->write($bytes); $ua->closed(2); $ua->close;
#
#   my $server = MRA::SIP->listen($port);       # ssl => [$crt, $key]
#   my $peer = $server->accept(5);              # has the same methods
#
# connect also takes: ca, host (SNI), cert => [$crt, $key], source,
# proxy_protocol => "PROXY ...", instance => '<urn:uuid:...>', reg_id => 1.
# STUN on the same connection: see MRA::STUN; receive() gives it as
# { stun => $bytes }.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use MRA::HTTP ();
use Time::HiRes qw(time);

our @EXPORT = qw(response parse_sip);

my $serial = 0;


sub connect {
    my ($class, $port, %option) = @_;
    my $client = MRA::HTTP->new($port, %option);

    return bless { user => 'alice', domain => 'example.com', %option,
        client => $client, tag => unique(), call_id => unique(),
        cseq => 0 }, $class;
}


sub listen {
    my ($class, $port, %option) = @_;

    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 128, ReuseAddr => 1)
        or die "listen on $port: $!\n";

    return bless { %option, listener => $listener }, $class;
}


sub accept {
    my ($self, $seconds) = @_;

    IO::Select->new($self->{listener})->can_read($seconds) or return;
    my $socket = $self->{listener}->accept;
    $socket->autoflush(1);

    if ($self->{ssl}) {
        IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
            SSL_cert_file => $self->{ssl}[0], SSL_key_file => $self->{ssl}[1])
            or die "TLS from client: $SSL_ERROR\n";
    }

    return bless { %$self, listener => undef,
        client => MRA::HTTP->wrap($socket) }, ref $self;
}


sub unique { return sprintf '%x-%x-%x', $$, ++$serial, int rand 2 ** 31 }

sub write  { my $self = shift; $self->{client}->write(@_); $self }
sub send   { goto &write }
sub closed { $_[0]->{client}->closed($_[1]) }
sub close  { $_[0]->{client}->close }
sub socket { $_[0]->{client}{socket} }
sub transport { $_[0]->{ssl} ? 'TLS' : 'TCP' }


# the next thing on the connection, whole

sub receive {
    my ($self, $seconds) = @_;
    my $client = $self->{client};
    my $deadline = time + ($seconds // 5);

    for (;;) {
        my $message = cut(\$client->{in});
        return $message if $message;
        $client->fill($deadline) or return;
    }
}


sub cut {
    my ($in) = @_;

    if ($$in =~ /^[\0\1]/) {
        my $length = length $$in < 4 ? 20 : 20 + unpack 'x2n', $$in;
        return if length $$in < $length;
        return { stun => substr $$in, 0, $length, '' };
    }

    return { pong => 1 } if $$in =~ s/^\r\n(?=[^\r]|\z)//;
    return { ping => 1 } if $$in =~ s/^\r\n\r\n//;

    my $end = index $$in, "\r\n\r\n";
    return if $end < 0;

    my $message = parse_sip(substr $$in, 0, $end + 4);
    my $length = $message->header('Content-Length') || 0;
    return if length $$in < $end + 4 + $length;

    substr($$in, 0, $end + 4) = '';
    $message->{body} = substr $$in, 0, $length, '';
    return $message;
}


sub parse_sip {
    my ($text) = @_;
    my ($head, $body) = split /\r\n\r\n/, $text, 2;

    $head =~ s/\r\n[ \t]+/ /g;
    my ($line, @lines) = split /\r\n/, $head;

    my $message = bless { line => $line, text => $text, body => $body // '',
        headers => [map { [/^([^:\s]+)\s*:\s*(.*?)\s*$/] } @lines],
    }, 'MRA::SIP::Message';

    if ($line =~ m{^SIP/2\.0 (\d{3})}) {
        $message->{status} = $1;

    } else {
        @$message{qw(method uri)} = split ' ', $line;
    }

    return $message;
}


# header names among the options begin with a capital and replace ours

sub request {
    my ($self, $method, $uri, %option) = @_;
    my $body = $option{body} // '';
    my $address = "sip:$self->{user}\@$self->{domain}";
    my $local = $self->socket->sockhost . ':' . $self->socket->sockport;

    $self->{cseq}++ unless $method eq 'ACK';

    my @headers = (
        ['Via', 'SIP/2.0/' . $self->transport . " $local;branch=z9hG4bK"
            . unique() . ';rport'],
        ['Max-Forwards', 70],
        ['From', "<$address>;tag=$self->{tag}"],
        ['To', $method eq 'REGISTER' ? "<$address>" : "<$uri>"],
        ['Call-ID', $self->{call_id}],
        ['CSeq', "$self->{cseq} $method"],
        ['Contact', $self->contact],
    );

    for my $name (grep { /^[A-Z]/ } sort keys %option) {
        my ($values) = map { ref $_ ? $_ : [$_] } $option{$name};
        my ($old) = grep { $_->[0] eq $name } @headers;

        @headers = grep { $_->[0] ne $name } @headers if $old;
        push @headers, map { [$name, $_] } grep { defined } @$values;
    }

    return join "\r\n", "$method $uri SIP/2.0",
        map({ "$_->[0]: $_->[1]" } @headers),
        'Content-Length: ' . length $body, '', $body;
}


sub contact {
    my ($self) = @_;
    my $local = $self->socket->sockhost . ':' . $self->socket->sockport;

    return "<sip:$self->{user}\@$local;transport=" . lc($self->transport)
        . '>' . ($self->{instance} ? ";+sip.instance=\"$self->{instance}\""
        . ';reg-id=' . ($self->{reg_id} // 1) : '');
}


# sends, skips provisional answers, and answers one challenge

sub transact {
    my ($self, $method, $uri, %option) = @_;
    my $seconds = delete $option{timeout};

    for my $try (1, 2) {
        $self->send($self->request($method, $uri, %option));

        my $response = $self->final($seconds) or return;
        my ($challenge) = map { $response->header($_) }
            qw(WWW-Authenticate Proxy-Authenticate);

        return $response if $try == 2 || !defined $self->{password}
            || $response->{status} !~ /^40[17]$/ || !$challenge;

        $option{$response->{status} == 401 ? 'Authorization'
            : 'Proxy-Authorization'}
            = $self->digest($challenge, $method, $uri);
    }
}


sub final {
    my ($self, $seconds) = @_;

    while (my $message = $self->receive($seconds)) {
        return $message if ($message->{status} // 0) >= 200;
    }
}


sub register {
    my ($self, %option) = @_;
    my $expires = delete $option{expires} // 3600;

    return $self->transact('REGISTER', "sip:$self->{domain}",
        Expires => $expires, Supported => 'path, outbound, gruu', %option);
}


sub digest {
    my ($self, $challenge, $method, $uri) = @_;
    my %given = $challenge =~ /(\w+)="?([^",]*)"?/g;
    my ($cnonce, $count) = (unique(), '00000001');

    my $secret = md5_hex("$self->{user}:$given{realm}:$self->{password}");
    my $what = md5_hex("$method:$uri");

    my $response = $given{qop}
        ? md5_hex("$secret:$given{nonce}:$count:$cnonce:auth:$what")
        : md5_hex("$secret:$given{nonce}:$what");

    return join ', ', "Digest username=\"$self->{user}\"",
        map({ "$_=\"$given{$_}\"" } grep { defined $given{$_} }
            qw(realm nonce opaque)),
        "uri=\"$uri\"", "response=\"$response\"", 'algorithm=MD5',
        $given{qop} ? ('qop=auth', "nc=$count", "cnonce=\"$cnonce\"") : ();
}


sub ping {
    my ($self, $seconds) = @_;
    $self->write("\r\n\r\n");
    my $message = $self->receive($seconds);
    return $message && $message->{pong};
}


# the answer to a request: copies what must be copied

sub response {
    my ($request, $status, $reason, %option) = @_;
    my $body = delete $option{body} // '';
    my $tag = delete $option{tag} // 'server';
    my @headers;

    for my $name (qw(Via Record-Route From To Call-ID CSeq)) {
        for my $value ($request->all($name)) {
            $value .= ";tag=$tag"
                if $name eq 'To' && $status > 100 && $value !~ /;tag=/;
            push @headers, "$name: $value";
        }
    }

    for my $name (sort keys %option) {
        push @headers, map { "$name: $_" }
            ref $option{$name} ? @{$option{$name}} : $option{$name};
    }

    return join "\r\n", "SIP/2.0 $status $reason", @headers,
        'Content-Length: ' . length $body, '', $body;
}


package MRA::SIP::Message;

my %short = (v => 'via', f => 'from', t => 'to', i => 'call-id',
    m => 'contact', l => 'content-length', k => 'supported');

sub name { my $name = lc $_[0]; return $short{$name} // $name }

sub all {
    my ($self, $wanted) = @_;
    return map { $_->[1] } grep { name($_->[0]) eq name($wanted) }
        @{$self->{headers}};
}


sub header { return ($_[0]->all($_[1]))[0] }


1;
