package MRA::UC;

# A UC node that does as it is told: an HTTP directory with Basic
# authentication, which notes what it is asked.
#
#   my $uc = MRA::UC->new($t, users => { alice => 'secret' });
#   $uc->port;
#   $uc->behave(delay => 0.5);      # from the next request on
#   $uc->requests; $uc->connections; $uc->seen; $uc->forget;
#   $uc->stop; $uc->start;          # same port
#
# behave() replaces what was said before; with nothing it is good again:
#
#   users => {...}      who gets 200, others 401
#   status => 500       whatever the credentials are
#   body => "text", or a number of bytes
#   headers => ["Name: value", ...]
#   delay => seconds    before the answer
#   raw => "bytes"      in place of an answer, then close
#   bytes => 100        so many after raw, one each 0.1 seconds
#   hold => 1           no answer until behave() is called again
#   close => 1          without an answer
#   hang => 1           no answer, connection stays open
#   keepalive => 0      close after each answer
#
# seen() lists { method, uri, headers => {lower case}, body, connection }.

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::SSL;
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use MRA::Util;
use POSIX ();
use Time::HiRes qw(sleep);

my $json = JSON::PP->new->canonical->latin1;
my $number = 0;


sub new {
    my ($class, $t, %option) = @_;
    my $name = "$t->{dir}/uc" . ++$number;

    my $self = bless {
        users => delete $option{users} // {}, ssl => delete $option{ssl},
        port => $option{port} // free_port(),
        mode => "$name.mode", notes => "$name.notes", owner => $$,
    }, $class;

    $t->{ports}{uc_http} //= $self->{port};

    burp($self->{notes}, '');
    $self->behave();
    return $self->start;
}


sub port { $_[0]->{port} }


sub behave {
    my ($self, %mode) = @_;
    $mode{users} //= $self->{users};

    # the server never sees half a file
    burp("$self->{mode}.new", $json->encode(\%mode));
    rename "$self->{mode}.new", $self->{mode} or die "$self->{mode}: $!\n";
    return $self;
}


sub notes  { map { $json->decode($_) } split /\n/, slurp($_[0]->{notes}) }
sub seen   { grep { $_->{uri} } $_[0]->notes }
sub forget { burp($_[0]->{notes}, '') }

sub requests    { scalar(() = $_[0]->seen) }
sub connections { scalar(grep { !$_->{uri} } $_[0]->notes) }


sub start {
    my ($self) = @_;

    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}, Listen => 1024, ReuseAddr => 1)
        or die "listen on $self->{port}: $!\n";

    $self->{pid} = child(sub { $self->accept_all($listener) });
    return $self;
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    kill 'TERM', -$pid, $pid;
    waitpid $pid, 0;
    return $self;
}


sub DESTROY {
    my ($self) = @_;
    local $?;
    $self->stop if $$ == $self->{owner};
}


# in the server: one process for each connection, all end with the group

sub accept_all {
    my ($self, $listener) = @_;

    setpgrp;
    $SIG{CHLD} = 'IGNORE';
    $SIG{TERM} = sub { POSIX::_exit(0) };

    for (my $id = 1;; $id++) {
        my $socket = $listener->accept or next;
        next if fork;

        eval { $self->serve($socket, $id) };
        print STDERR "uc: $@" if $@ && $@ !~ /^gone/;
        POSIX::_exit(0);
    }
}


sub note {
    my ($self, $note) = @_;
    open my $fh, '>>', $self->{notes} or die "$self->{notes}: $!\n";
    syswrite $fh, $json->encode($note) . "\n";
}


sub serve {
    my ($self, $socket, $id) = @_;

    $self->note({ connection => $id });

    if ($self->{ssl}) {
        IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
            SSL_cert_file => $self->{ssl}[0], SSL_key_file => $self->{ssl}[1])
            or die "gone: $SSL_ERROR\n";
    }

    $socket->autoflush(1);

    while (my $request = $self->read_request($socket)) {
        $self->note({ %$request, connection => $id });
        $self->answer($socket, $request) or last;
    }
}


sub read_request {
    my ($self, $socket) = @_;
    local $/ = "\r\n";

    defined(my $line = <$socket>) or return;
    my ($method, $uri) = split ' ', $line;
    my %headers;

    while (defined($line = <$socket>) && $line ne "\r\n") {
        my ($name, $value) = $line =~ /^([^:]+):\s*(.*?)\s*$/ or next;
        $headers{lc $name} = $value;
    }

    my $length = $headers{'content-length'} || 0;
    my $body = '';
    read($socket, $body, $length) == $length or die "gone\n" if $length;

    return { method => $method, uri => $uri, headers => \%headers,
        body => $body };
}


sub answer {
    my ($self, $socket, $request) = @_;
    my $mode;

    while ($mode = $json->decode(slurp($self->{mode})), $mode->{hold}) {
        sleep 0.02;
    }

    sleep $mode->{delay} if $mode->{delay};
    sleep 3600 if $mode->{hang};
    return if $mode->{close};

    if (defined $mode->{raw}) {
        print $socket $mode->{raw};

        for (1 .. $mode->{bytes} // 0) {
            sleep 0.1;
            print $socket 'x';
        }

        return;
    }

    my $status = $mode->{status} // $self->status($mode, $request);
    my $body = $mode->{body} // "<user status=\"$status\"/>\n";
    $body = 'x' x $body if $body =~ /^\d+$/;

    my $keep = $mode->{keepalive} // 1;
    $keep = 0 if ($request->{headers}{connection} // '') =~ /close/i;

    my @headers = ("Content-Length: " . length($body),
        'Content-Type: application/xml', @{$mode->{headers} // []},
        $status == 401 ? 'WWW-Authenticate: Basic realm="UC"' : (),
        $keep ? () : 'Connection: close');

    print $socket join("\r\n", "HTTP/1.1 $status Told", @headers, '', ''),
        $request->{method} eq 'HEAD' ? '' : $body;

    return $keep;
}


sub status {
    my ($self, $mode, $request) = @_;
    my ($encoded) = ($request->{headers}{authorization} // '')
        =~ /^Basic (\S+)/ or return 401;
    my ($user, $password) = split /:/, decode_base64($encoded), 2;
    my $known = $mode->{users}{$user // ''};

    return defined $known && $known eq ($password // '') ? 200 : 401;
}


1;
