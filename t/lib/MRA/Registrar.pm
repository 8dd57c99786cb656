package MRA::Registrar;

# What stands behind the edge, played by the test itself: all connections of
# a next hop, those that it accepts and those that it opens.
#
#   use MRA::Registrar;
#
#   my $uc = MRA::Registrar->new($t->port('uc'));
#
#   my $m = $uc->receive(2);            # next message of any connection
#   $uc->reply($m, 200, 'OK');          # on the connection that it came by
#   $uc->accept_register($m, 60);       # 200 with the contacts it asks for
#   $uc->registered($ua, 60);           # a whole REGISTER of $ua
#
#   my $peer = $uc->open($t->port('inside'));     # an MRA::SIP to the edge
#   $uc->peer($m);                      # that by which a message came
#   $uc->close_all; $uc->stop; $uc->start;
#
# STUN, CRLF and OPTIONS without a user are answered while it receives.

use strict;
use warnings;

use IO::Select;
use MRA::SIP ();
use MRA::STUN;
use Time::HiRes qw(time);


sub new {
    my ($class, $port, %option) = @_;

    my $self = bless { port => $port, peers => [], option => \%option },
        $class;

    return $self->start;
}


sub start {
    my ($self) = @_;
    $self->{server} = MRA::SIP->listen($self->{port}, %{$self->{option}});
    return $self;
}


sub stop {
    my ($self) = @_;
    delete $self->{server};
    return $self->close_all;
}


sub close_all {
    my ($self) = @_;
    $_->close for @{$self->{peers}};
    $self->{peers} = [];
    return $self;
}


sub open {
    my ($self, $port, %option) = @_;
    my $peer = MRA::SIP->connect($port, %option);
    push @{$self->{peers}}, $peer;
    return $peer;
}


sub receive {
    my ($self, $seconds) = @_;
    my $deadline = time + ($seconds // 5);

    for (;;) {
        for my $peer (@{$self->{peers}}) {
            while (my $m = MRA::SIP::cut(\$peer->{client}{in})) {
                next if $self->keepalive($peer, $m);
                $m->{peer} = $peer;
                return $m;
            }
        }

        my $left = $deadline - time;
        return if $left <= 0;
        $self->fill($left);
    }
}


sub fill {
    my ($self, $left) = @_;
    my $listener = $self->{server} && $self->{server}{listener};
    my %peer = map { $_->socket => $_ }
        grep { $_->socket } @{$self->{peers}};

    my $select = IO::Select->new($listener ? $listener : (),
        map { $_->socket } values %peer);

    for my $socket ($select->can_read($left)) {
        if ($listener && $socket == $listener) {
            push @{$self->{peers}}, $self->{server}->accept(1);

        } else {
            my $client = $peer{$socket}{client};
            $client->fill(time + 1);

            @{$self->{peers}} = grep { !$_->{client}{eof} } @{$self->{peers}}
                if $client->{eof};
        }
    }
}


sub keepalive {
    my ($self, $peer, $m) = @_;

    if ($m->{stun}) {
        my $request = parse_stun($m->{stun});
        $peer->write(binding_success($request->{id}, '127.0.0.1', 5060))
            if $request->{type} eq 'request';

    } elsif ($m->{ping}) {
        $peer->write("\r\n");

    } elsif (($m->{method} // '') eq 'OPTIONS' && $m->{uri} !~ /\@/) {
        $peer->send(MRA::SIP::response($m, 200, 'OK'));

    } elsif (!$m->{pong}) {
        return 0;
    }

    return 1;
}


sub peer { $_[1]->{peer} }


sub reply {
    my ($self, $m, $status, $reason, %option) = @_;
    $m->{peer}->send(MRA::SIP::response($m, $status, $reason, %option));
    return $self;
}


sub accept_register {
    my ($self, $m, $expires) = @_;

    return $self->reply($m, 200, 'OK', Contact =>
        [map { "$_;expires=$expires" } $m->all('Contact')]);
}


# returns what the registrar saw and what the client got

sub registered {
    my ($self, $ua, $expires, %option) = @_;
    my $domain = $ua->{domain};

    $ua->send($ua->request('REGISTER', "sip:$domain",
        Expires => $expires, %option));

    my $m = $self->receive(15) or die "no REGISTER at the registrar\n";
    $self->accept_register($m, $expires);

    my $r = $ua->receive(5) or die "no answer to REGISTER\n";
    return ($m, $r);
}


1;
