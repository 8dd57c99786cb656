package MRA::API;

# The JSON API of a node, at /api/ on its port "http".
#
#   api($t, 'registrations')->{current}
#   change($t, PATCH => 'maintenance', { maintenance => true })->{status}
#   change($t, DELETE => 'tokens/alice')

use strict;
use warnings;

use Exporter 'import';
use JSON::PP;
use MRA::HTTP;

our @EXPORT = qw(api change true false);

sub true { JSON::PP::true }
sub false { JSON::PP::false }


sub api {
    my ($t, $path) = @_;
    return decode_json(get($t->port('http'), "/api/1/$path")->{body});
}


sub change {
    my ($t, $method, $path, $body) = @_;
    return request($t->port('http'), $method => "/api/1/$path",
        $body ? ('Content-Type' => 'application/json',
            body => encode_json($body)) : ());
}


1;
