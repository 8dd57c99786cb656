package MRA::DNS;

# A name server that says what it is told, over UDP.
#
#   my $dns = MRA::DNS->new($t);
#   $dns->port;
#   $dns->tell('uc.example.com' => ['127.0.0.1', '127.0.0.2']);
#   $dns->tell('uc.example.com' => ['::1']);    # AAAA
#   $dns->tell('uc.example.com' => undef);      # SERVFAIL
#
# All lives are one second.  Names that it does not know do not exist.

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP ();
use MRA::Util;
use Socket qw(AF_INET AF_INET6 inet_pton);

my $json = JSON::PP->new;


sub new {
    my ($class, $t) = @_;

    my $self = bless { port => free_port(), names => {},
        file => "$t->{dir}/dns.names" }, $class;
    $self->tell();

    my $socket = IO::Socket::INET->new(Proto => 'udp',
        LocalAddr => '127.0.0.1', LocalPort => $self->{port})
        or die "name server: $!\n";

    child(sub { $self->serve($socket) });
    return $self;
}


sub port { $_[0]->{port} }


sub tell {
    my ($self, %names) = @_;

    %{$self->{names}} = (%{$self->{names}}, %names);
    burp("$self->{file}.new", $json->encode($self->{names}));
    rename "$self->{file}.new", $self->{file} or die "$self->{file}: $!\n";
    return $self;
}


sub serve {
    my ($self, $socket) = @_;

    while ($socket->recv(my $query, 1500)) {
        my ($name, $at) = ('', 12);

        while (my $length = ord substr $query, $at, 1) {
            $name .= '.' if length $name;
            $name .= substr $query, $at + 1, $length;
            $at += $length + 1;
        }

        $socket->send($self->answer(substr($query, 0, 2), lc $name,
            substr $query, 12, $at + 5 - 12));
    }
}


sub answer {
    my ($self, $id, $name, $question) = @_;
    my $names = $json->decode(slurp($self->{file}));
    my $type = unpack 'n', substr $question, -4;

    my $code = !exists $names->{$name} ? 3 : !$names->{$name} ? 2 : 0;
    my @addresses = map { inet_pton(/:/ ? AF_INET6 : AF_INET, $_) }
        grep { $type == (/:/ ? 28 : 1) } $code ? () : @{$names->{$name}};

    return $id . pack('n5', 0x8180 | $code, 1, scalar @addresses, 0, 0)
        . $question
        . join '', map { pack('n3Nn/a', 0xc00c, $type, 1, 1, $_) } @addresses;
}


1;
