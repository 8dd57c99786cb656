package MRA::Proxy;

# A TCP proxy that is in the way as much as it is told to.
#
#   my $proxy = MRA::Proxy->new($t, $redis->port);
#   $proxy->port;
#   $proxy->behave(delay => 3);         # seconds, of all that comes back
#   $proxy->behave(cut => 'before', of => 'mra:a');
#                       # what has this text in it does not get there, the
#                       # connection is closed
#   $proxy->behave(cut => 'after', of => 'mra:a');
#                       # it gets there, and the answer does not come back
#   $proxy->behave();   # good again
#   $proxy->cuts;       # how many there were

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use MRA::Util;
use Time::HiRes qw(time);

my $json = JSON::PP->new;


sub new {
    my ($class, $t, $to) = @_;
    my $port = free_port();

    my $self = bless { port => $port, to => $to,
        mode => "$t->{dir}/proxy-$port.mode",
        notes => "$t->{dir}/proxy-$port.notes" }, $class;

    $self->behave();

    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 128, ReuseAddr => 1)
        // die "listen on $port: $!\n";
    child(sub { $self->serve($listener) });

    return $self;
}


sub port { $_[0]->{port} }
sub cuts { length slurp($_[0]->{notes}) }


sub behave {
    my ($self, %mode) = @_;

    burp("$self->{mode}.new", $json->encode(\%mode));
    rename "$self->{mode}.new", $self->{mode} or die "$self->{mode}: $!\n";
    return $self;
}


# in the process of its own

sub serve {
    my ($self, $listener) = @_;
    my $select = $self->{select} = IO::Select->new($listener);

    $SIG{PIPE} = 'IGNORE';
    $self->{late} = [];

    for (;;) {
        my ($next) = map { $_->{due} - time } @{$self->{late}};
        my @ready = $select->can_read(defined $next
            ? $next > 0 ? $next : 0 : undef);

        while (@{$self->{late}} && $self->{late}[0]{due} <= time) {
            my $late = shift @{$self->{late}};
            pass($late->{to}, $late->{bytes});
        }

        for my $socket (@ready) {
            if ($socket == $listener) {
                $self->open_pair($listener->accept // next);

            } elsif ($self->{peer}{$socket}) {
                $self->read($socket);
            }
        }
    }
}


sub open_pair {
    my ($self, $client) = @_;

    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{to}) or return close $client;

    $self->{peer}{$client} = $server;
    $self->{peer}{$server} = $client;
    $self->{is_client}{$client} = 1;
    $self->{select}->add($client, $server);
}


sub close_pair {
    my ($self, $socket) = @_;
    my $peer = $self->{peer}{$socket};

    for ($socket, $peer) {
        $self->{select}->remove($_);
        delete $self->{peer}{$_};
        delete $self->{is_client}{$_};
        delete $self->{doomed}{$_};
    }

    @{$self->{late}} = grep { $_->{to} != $socket && $_->{to} != $peer }
        @{$self->{late}};

    shutdown($_, 2), close $_ for $socket, $peer;
}


sub cut {
    my ($self, $socket) = @_;
    open my $notes, '>>', $self->{notes} or die "$self->{notes}: $!\n";
    syswrite $notes, '.';
    $self->close_pair($socket);
}


sub read {
    my ($self, $socket) = @_;
    my $peer = $self->{peer}{$socket};
    my $mode = $json->decode(slurp($self->{mode}));

    sysread $socket, my $bytes, 65536 or return $self->close_pair($socket);

    if (!$self->{is_client}{$socket}) {
        return $self->cut($socket) if $self->{doomed}{$peer};

        return pass($peer, $bytes)
            unless $mode->{delay} || grep { $_->{to} == $peer }
                @{$self->{late}};

        push @{$self->{late}}, { to => $peer, bytes => $bytes,
            due => time + ($mode->{delay} // 0) };
        return;
    }

    if ($mode->{cut} && index($bytes, $mode->{of}) >= 0) {
        return $self->cut($socket) if $mode->{cut} eq 'before';
        $self->{doomed}{$socket} = 1;
    }

    pass($peer, $bytes);
}


sub pass {
    my ($to, $bytes) = @_;

    while (length $bytes) {
        my $n = syswrite $to, $bytes or return;
        substr($bytes, 0, $n) = '';
    }
}


1;
