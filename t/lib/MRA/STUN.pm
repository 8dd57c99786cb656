package MRA::STUN;

# STUN Binding (RFC 8489) as bytes; the connection is MRA::SIP's.
#
#   use MRA::STUN;
#
#   my $id = transaction_id();
#   $ua->write(binding_request($id));
#   my $answer = parse_stun($ua->receive(2)->{stun});
#
#   $answer->{type}         'request', 'indication', 'success', 'error'
#   $answer->{id}           12 bytes
#   $answer->{address}, {port}          of XOR-MAPPED-ADDRESS
#   $answer->{code}, {reason}           of ERROR-CODE
#   $answer->{attributes}   { number => bytes }
#
#   $peer->write(binding_success($id, '192.0.2.1', 1234));
#   $peer->write(binding_error($id, 500, 'Server Error'));
#   $peer->write(stun_message(0x0001, $id, [0x8022, 'software']));
#
# What nodes tell each other:
#
#   node_attributes(name => 'core1', registrations => 5, capacity => 10,
#       flags => 1, cpu => 77, clients => 3, hops => [[$id, 1], ...])
#   parse_node($answer)             the same as a hash

use strict;
use warnings;

use Exporter 'import';
use Socket qw(AF_INET AF_INET6 inet_ntop inet_pton);

our @EXPORT = qw(transaction_id binding_request binding_success binding_error
    stun_message parse_stun node_attributes parse_node);

my $cookie = pack 'N', 0x2112a442;
my %type = (0x0001 => 'request', 0x0011 => 'indication',
    0x0101 => 'success', 0x0111 => 'error');


sub transaction_id { pack 'N3', map { int rand 2 ** 32 } 1 .. 3 }


sub stun_message {
    my ($type, $id, @attributes) = @_;

    my $body = join '', map {
        my ($number, $value) = @$_;
        pack('nn', $number, length $value) . $value
            . "\0" x (-length($value) % 4)
    } @attributes;

    return pack('nn', $type, length $body) . $cookie . $id . $body;
}


sub binding_request {
    my ($id, @attributes) = @_;
    return stun_message(0x0001, $id, @attributes);
}


sub binding_success {
    my ($id, $address, $port, @attributes) = @_;
    my $v6 = $address =~ /:/;
    my $bytes = inet_pton($v6 ? AF_INET6 : AF_INET, $address);

    return stun_message(0x0101, $id, [0x0020, pack('xCn', $v6 ? 2 : 1,
        $port ^ 0x2112) . mask($bytes, $id)], @attributes);
}


sub binding_error {
    my ($id, $code, $reason, @attributes) = @_;

    return stun_message(0x0111, $id, [0x0009, pack('xxCC',
        int $code / 100, $code % 100) . $reason], @attributes);
}


sub node_attributes {
    my (%node) = @_;

    return (
        exists $node{name} ? [0xc7a0, $node{name}] : (),
        [0xc7a1, pack 'CCnNNN', 1, map { $_ // 0 }
            @node{qw(flags cpu registrations capacity clients)}],
        $node{hops} ? [0xc7a2, join '', map { pack 'NCx3', @$_ }
            @{$node{hops}}] : (),
    );
}


sub parse_node {
    my ($message) = @_;
    my $attributes = $message->{attributes};
    my %node = (name => $attributes->{0xc7a0}, tag => $attributes->{0xc7a3});

    (my $version, @node{qw(flags cpu registrations capacity clients)})
        = unpack 'CCnNNN', $attributes->{0xc7a1} // '';

    for (my $rest = $attributes->{0xc7a2} // ''; length $rest >= 8;) {
        my ($id, $state) = unpack 'NC', $rest;
        $node{hops}{$id} = $state;
        substr($rest, 0, 8) = '';
    }

    return \%node;
}


sub mask {
    my ($bytes, $id) = @_;
    return $bytes ^ substr $cookie . $id, 0, length $bytes;
}


sub parse_stun {
    my ($bytes) = @_;
    return unless defined $bytes && length $bytes >= 20;

    my ($type, $length, $magic) = unpack 'nna4', $bytes;
    return if $magic ne $cookie || $length != length($bytes) - 20;

    my %message = (type => $type{$type} // $type,
        id => substr($bytes, 8, 12), attributes => {});

    for (my $rest = substr $bytes, 20; length $rest >= 4;) {
        my ($number, $size) = unpack 'nn', $rest;
        $message{attributes}{$number} = substr $rest, 4, $size;
        substr($rest, 0, 4 + $size + -$size % 4) = '';
    }

    if (my $value = $message{attributes}{0x0020}) {
        my ($family, $port) = unpack 'xCn', $value;
        $message{port} = $port ^ 0x2112;
        $message{address} = inet_ntop($family == 2 ? AF_INET6 : AF_INET,
            mask(substr($value, 4), $message{id}));
    }

    if (my $value = $message{attributes}{0x0009}) {
        my ($class, $number) = unpack 'xxCC', $value;
        $message{code} = $class * 100 + $number;
        $message{reason} = substr $value, 4;
    }

    return \%message;
}


1;
