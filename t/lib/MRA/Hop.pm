package MRA::Hop;

# A next hop in a process of its own, so that it can be frozen and killed: it
# answers every REGISTER, and notes what it sees.
#
#   use MRA::Hop;
#
#   my $hop = MRA::Hop->new($t, 'a', stun => 1);
#   $hop->port; $hop->address;      # for the server directive
#   $hop->stop; $hop->start;        # same port; stop is SIGKILL
#   $hop->signal('STOP');
#   $hop->behave(stun => 'path');   # from now on
#   $hop->seen; $hop->forget;       # { connection, method, stun, sni, ... }
#   $hop->connections;              # open ones
#
# new also takes address (127.0.0.1, ::1, unix:PATH), port, and ssl =>
# [$crt, $key, $ca], with $ca if it asks for ours.  What behave() replaces as
# a whole:
#
#   stun => 1       answers STUN; 'path': says that it has no path;
#                   'close': closes; without: says nothing
#   node => [[number, value], ...]      attributes, to tell in STUN answers
#   push => n       another n: tells them at once, in STUN requests; done
#                   when $hop->pushed is n
#   options => 0    says nothing to OPTIONS
#   register => 0   says nothing to REGISTER; 'garbage', 'close'
#   delay => 0.5    seconds, before each answer to SIP
#
# Answers tell by "Server: NAME" who has made them.

use strict;
use warnings;

use IO::Select;
use IO::Socket::IP;
use IO::Socket::SSL;
use IO::Socket::UNIX;
use JSON::PP ();
use MRA::SIP ();
use MRA::STUN;
use MRA::Util;
use POSIX ();
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->canonical->latin1;


sub new {
    my ($class, $t, $name, %option) = @_;

    my $self = bless {
        name => $name, address => delete $option{address} // '127.0.0.1',
        port => delete $option{port}, ssl => delete $option{ssl},
        mode => "$t->{dir}/hop-$name.mode",
        notes => "$t->{dir}/hop-$name.notes", owner => $$,
    }, $class;

    $self->{port} //= free_port() if $self->{address} !~ /^unix:/;

    $self->behave(%option);
    $self->forget;
    return $self->start;
}


sub port { $_[0]->{port} }
sub pid  { $_[0]->{pid} }


sub address {
    my ($self) = @_;
    my $address = $self->{address};

    return $address =~ /^unix:/ ? $address
        : $address =~ /:/ ? "[$address]:$self->{port}"
        : "$address:$self->{port}";
}


sub behave {
    my ($self, %mode) = @_;

    burp("$self->{mode}.new", $json->encode(\%mode));
    rename "$self->{mode}.new", $self->{mode} or die "$self->{mode}: $!\n";
    return $self;
}


sub seen   { map { $json->decode($_) } split /\n/, slurp($_[0]->{notes}) }
sub pushed { (map { $_->{pushed} // () } $_[0]->seen)[-1] // 0 }
sub forget { burp($_[0]->{notes}, '') }


sub connections {
    my ($self) = @_;
    my %open;

    for my $note ($self->seen) {
        $open{$note->{connection}} = 1 if $note->{opened};
        delete $open{$note->{connection}} if $note->{closed};
    }

    return scalar keys %open;
}


sub start {
    my ($self) = @_;
    my $listener = $self->listener;

    $self->{pid} = child(sub { $self->serve($listener) });
    return $self;
}


sub listener {
    my ($self) = @_;

    if ($self->{address} =~ /^unix:(.*)/) {
        my $path = $1;
        unlink $path;
        my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 128)
            or die "listen on $path: $!\n";
        chmod 0777, $path;
        return $listener;
    }

    return IO::Socket::IP->new(LocalHost => $self->{address},
        LocalPort => $self->{port}, Listen => 128, ReuseAddr => 1)
        // die "listen on " . $self->address . ": $@\n";
}


sub signal { kill $_[1], $_[0]->{pid}; $_[0] }


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return $self;

    kill 'KILL', $pid;
    waitpid $pid, 0;
    return $self;
}


sub DESTROY {
    my ($self) = @_;
    local $?;
    $self->stop if $$ == $self->{owner};
}


# in the server

sub note {
    my ($self, %note) = @_;
    open my $fh, '>>', $self->{notes} or die "$self->{notes}: $!\n";
    syswrite $fh, $json->encode({ %note, time => time }) . "\n";
}


sub serve {
    my ($self, $listener) = @_;
    my $select = IO::Select->new($listener);
    my (%client, $number);

    # connections of the test are not ours: it must be able to close them
    POSIX::close($_) for grep { $_ != fileno $listener } 3 .. 1023;

    $SIG{PIPE} = 'IGNORE';
    $self->{context} = $self->context if $self->{ssl};

    for (;;) {
        for my $socket ($select->can_read(0.05)) {

            if ($socket == $listener) {
                my $new = $listener->accept or next;
                my $id = "$$." . ++$number;
                $self->note(connection => $id, opened => 1,
                    $self->{port} ? (from => $new->peerhost) : ());

                if (!$self->handshake($new, $id)) {
                    $self->note(connection => $id, closed => 1);
                    close $new;
                    next;
                }

                $new->autoflush(1);
                $new->blocking(0);
                $client{$new} = { socket => $new, id => $id, in => '' };
                $select->add($new);
                next;
            }

            next if $self->read($client{$socket});

            $self->note(connection => $client{$socket}{id}, closed => 1);
            $select->remove($socket);
            delete $client{$socket};
            close $socket;
        }

        $self->push_node(values %client);
    }
}


sub push_node {
    my ($self, @client) = @_;
    my $mode = $json->decode(slurp($self->{mode}));
    my $push = $mode->{push} // 0;

    return if $push == ($self->{pushed} // 0);
    $self->{pushed} = $push;

    print { $_->{socket} } binding_request(transaction_id(),
        @{$mode->{node} // []}) for @client;
    $self->note(pushed => $push);
}


# one for all connections, or none could be resumed

sub context {
    my ($self) = @_;
    my ($crt, $key, $ca) = @{$self->{ssl}};

    return IO::Socket::SSL::SSL_Context->new(SSL_server => 1,
        SSL_cert_file => $crt, SSL_key_file => $key,
        SSL_session_id_context => 'hop',
        $ca ? (SSL_ca_file => $ca, SSL_verify_mode => SSL_VERIFY_PEER) : ())
        // die "TLS: $SSL_ERROR\n";
}


sub handshake {
    my ($self, $socket, $id) = @_;
    return 1 unless $self->{ssl};

    my $done = eval {
        local $SIG{ALRM} = sub { die "timed out\n" };
        alarm 2;
        IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
            SSL_reuse_ctx => $self->{context});
    };
    alarm 0;

    $self->note(connection => $id, $done ? (tls => $socket->get_sslversion,
        sni => $socket->get_servername, reused => $socket->get_session_reused,
        subject => scalar $socket->peer_certificate('subject'))
        : (tls => 'failed'));

    return $done;
}


sub read {
    my ($self, $client) = @_;

    for (;;) {
        my $n = $client->{socket}->sysread($client->{in}, 65536,
            length $client->{in});

        if (!defined $n) {
            last if $!{EAGAIN} || $!{EWOULDBLOCK};
            return 0;
        }

        return 0 if $n == 0;
        last unless $self->{ssl} && $client->{socket}->pending;
    }

    while (my $m = MRA::SIP::cut(\$client->{in})) {
        $self->answer($client, $m) or return 0;
    }

    return 1;
}


sub answer {
    my ($self, $client, $m) = @_;
    my $mode = $json->decode(slurp($self->{mode}));
    my $what = $m->{method} // ($m->{stun} ? 'STUN' : $m->{ping} ? 'PING'
        : $m->{pong} ? 'PONG' : $m->{status});

    my $stun = $m->{stun} && parse_stun($m->{stun});

    $self->note(connection => $client->{id}, what => $what,
        $m->{text} ? (text => $m->{text}) : (),
        $stun ? (type => $stun->{type}, attributes => { map {
            (sprintf('%04x', $_) => unpack 'H*', $stun->{attributes}{$_})
        } keys %{$stun->{attributes}} }) : ());

    if ($m->{stun}) {
        my $how = $mode->{stun} // 0;

        return 1 if $stun->{type} ne 'request' || !$how;
        return 0 if $how eq 'close';

        print { $client->{socket} } $how eq 'path'
            ? binding_error($stun->{id}, 500, 'Next Hop Down',
                @{$mode->{node} // []})
            : binding_success($stun->{id}, '127.0.0.1', 5060,
                @{$mode->{node} // []});
        return 1;
    }

    if ($m->{ping}) {
        print { $client->{socket} } "\r\n";
        return 1;
    }

    my $how = $mode->{lc $what} // 1;

    return 1 if !$m->{method} || $m->{method} eq 'ACK' || !$how;
    return 0 if $how eq 'close';

    sleep $mode->{delay} if $mode->{delay};

    print { $client->{socket} } $how eq 'garbage'
        ? "\x16\x03\x01 no SIP at all\r\n\r\n"
        : MRA::SIP::response($m, 200, 'OK', Server => $self->{name},
            $what eq 'REGISTER' ? (Contact => [map { "$_;expires=600" }
                $m->all('Contact')]) : ());

    return 1;
}


1;
