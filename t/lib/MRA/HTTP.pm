package MRA::HTTP;

# A small HTTP/1.1 client.
#
#   use MRA::HTTP;
#
#   my $r = get($port, '/uds', basic('alice', 'secret'), Cookie => 'a=b');
#   $r->{status}; $r->{body}; $r->header('Retry-After'); $r->cookie('X-Auth')
#
#   my $r = request($port, POST => '/x', body => 'text', ssl => 1);
#
#   status 0: there was no status line, all is body (HTTP/0.9)
#
#   my $c = MRA::HTTP->new($port, ssl => 1);    # one kept connection
#   $r = $c->request(GET => '/x');
#   $c->send(GET => '/slow');                   # and the two halves
#   $r = $c->receive();                         # undef: closed or timed out
#   $c->write("GET / HTTP/1.0\r\n\r\n"); $c->closed(2); $c->close
#
#   my @r = parallel($port, 200, GET => '/x', basic('bob', 'secret'));
#
# Options among the headers are in lower case: body, ssl, ca, host (SNI and
# Host), source (own address), timeout, raw_host (no Host header of ours),
# cert (files of a certificate and its key), proxy_protocol (a line that is
# sent before anything else).

use strict;
use warnings;

use Errno;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);

our @EXPORT = qw(basic get request parallel);

$SIG{PIPE} = 'IGNORE';

my $slow = $ENV{MRA_VALGRIND} ? 10 : 1;


sub basic {
    my ($user, $password) = @_;
    return (Authorization => 'Basic ' . encode_base64("$user:$password", ''));
}


sub get { my $port = shift; return request($port, GET => @_) }


# all are sent before the first is read

sub parallel {
    my ($port, $n, $method, $uri, @rest) = @_;

    my @clients = map { MRA::HTTP->new($port, options(@rest)) } 1 .. $n;
    $_->send($method, $uri, Connection => 'close', @rest) for @clients;

    return map { $_->receive } @clients;
}


sub options {
    my @rest = @_;
    my %option;

    while (my ($name, $value) = splice @rest, 0, 2) {
        $option{$name} = $value if $name =~ /^[a-z]/;
    }

    return %option;
}


sub new {
    my ($class, $port, %option) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port,
        $option{source} ? (LocalAddr => $option{source}) : (),
        Timeout => 5 * $slow,
    ) or die "connect to port $port: $!\n";

    $socket->autoflush(1);
    print $socket $option{proxy_protocol} if $option{proxy_protocol};

    if ($option{ssl}) {
        IO::Socket::SSL->start_SSL($socket, Timeout => 10 * $slow,
            SSL_hostname => $option{host} // 'localhost',
            $option{ca}
                ? (SSL_ca_file => $option{ca},
                   SSL_verifycn_name => $option{host} // 'localhost',
                   SSL_verifycn_scheme => 'http')
                : (SSL_verify_mode => SSL_VERIFY_NONE),
            $option{cert} ? (SSL_cert_file => $option{cert}[0],
                SSL_key_file => $option{cert}[1]) : (),
        ) or die "TLS to port $port: $SSL_ERROR\n";
    }

    return $class->wrap($socket, %option);
}


# the reading side, for any connected socket

sub wrap {
    my ($class, $socket, %option) = @_;

    return bless { socket => $socket, in => '',
        timeout => ($option{timeout} // 10) * $slow,
        host => $option{host} }, $class;
}


sub write {
    my ($self, $bytes) = @_;
    $self->{socket}->print($bytes);
    return $self;
}


sub send {
    my ($self, $method, $uri, @headers) = @_;
    my %option = options(@headers);
    my $body = $option{body};
    my $text = "$method $uri HTTP/1.1\r\n";

    $text .= 'Host: ' . ($option{host} // $self->{host} // 'localhost')
        . "\r\n" unless $option{raw_host};

    while (my ($name, $value) = splice @headers, 0, 2) {
        $text .= "$name: $value\r\n" unless $name =~ /^[a-z]/;
    }

    $text .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;
    $self->{head} = $method eq 'HEAD';

    return $self->write("$text\r\n" . ($body // ''));
}


# a method, and with a port in place of the object a function

sub request {
    my ($self, $method, $uri, @rest) = @_;

    return $self->send($method, $uri, @rest)->receive if ref $self;

    return MRA::HTTP->new($self, options(@rest))
        ->send($method, $uri, Connection => 'close', @rest)->receive;
}


# one more piece of input; false at the end of it or of the time

sub fill {
    my ($self, $deadline) = @_;
    my $socket = $self->{socket};

    unless ($socket->can('pending') && $socket->pending) {
        my $left = $deadline - time;
        return if $left <= 0 || !IO::Select->new($socket)->can_read($left);
    }

    # a readable TLS connection may hold no data, only a session ticket
    $socket->blocking(0);
    my $n = sysread $socket, $self->{in}, 65536, length $self->{in};
    my $again = !defined $n && $!{EAGAIN};
    $socket->blocking(1);

    $self->{eof} = !$n && !$again;
    return !$self->{eof};
}


sub receive {
    my ($self) = @_;
    my $deadline = time + $self->{timeout};

    for (;;) {
        my $response = $self->head($deadline) or return;
        next if $response->{status} =~ /^1\d\d/;
        return $self->body($response, $deadline);
    }
}


sub head {
    my ($self, $deadline) = @_;

    until ($self->{in} =~ /\n\r?\n/) {
        next if $self->fill($deadline);
        return $self->{eof} && length $self->{in} ? $self->bare : undef;
    }

    $self->{in} =~ s/^(.*?)\r?\n\r?\n//s;
    my $head = $1;
    my ($line, @lines) = split /\r?\n/, $head;
    my ($status) = $line =~ m{^HTTP/\d\.\d (\d{3})};

    return bless {
        status => $status // 0, line => $line, head => $head, body => '',
        headers => [map { [/^([^:]+):\s*(.*?)\s*$/] } @lines],
    }, 'MRA::HTTP::Response';
}


# HTTP/0.9 has neither status line nor headers

sub bare {
    my ($self) = @_;

    return bless { status => 0, line => '', head => '', headers => [],
        body => '' }, 'MRA::HTTP::Response';
}


sub body {
    my ($self, $response, $deadline) = @_;
    my $length = $response->header('Content-Length');

    if ($self->{head} || $response->{status} =~ /^(?:204|304)$/) {
        return $response;
    }

    if (($response->header('Transfer-Encoding') // '') =~ /chunked/i) {

        for (;;) {
            until ($self->{in} =~ /^[0-9a-f]+[^\n]*\n/i) {
                $self->fill($deadline) or return;
            }

            $self->{in} =~ s/^([0-9a-f]+)[^\n]*\n//i;
            my $size = hex $1;

            while (length $self->{in} < $size + 2) {
                $self->fill($deadline) or return;
            }

            $response->{body} .= substr $self->{in}, 0, $size;
            substr($self->{in}, 0, $size + 2) = '';

            return $response if $size == 0;
        }
    }

    while (!defined $length || length $self->{in} < $length) {
        next if $self->fill($deadline);
        return if defined $length || !$self->{eof};
        last;
    }

    $response->{body} = substr $self->{in}, 0, $length // length $self->{in},
        '';

    return $response;
}


# did the other side close, within so many seconds?

sub closed {
    my ($self, $seconds) = @_;
    my $deadline = time + $seconds;

    1 while $self->fill($deadline);
    return $self->{eof};
}


sub close { $_[0]->{socket}->close }


package MRA::HTTP::Response;

sub all {
    my ($self, $name) = @_;
    return map { $_->[1] } grep { lc $_->[0] eq lc $name }
        @{$self->{headers}};
}


sub header { return ($_[0]->all($_[1]))[0] }


sub cookie {
    my ($self, $name) = @_;
    my ($value) = map { /^\Q$name\E=([^;]*)/ } $self->all('Set-Cookie');
    return $value;
}


1;
