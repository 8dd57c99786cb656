# An HTTP/2 client that is banned while it is connected: the next request of
# the connection gets 403 and GOAWAY, what was under way is finished.

use strict;
use warnings;

use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new(protect => 1);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { protection http-ce-auth trigger=3; max_authorizations 0; }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        listen 127.0.0.1:%%PORT_http2%% %%HTTP2_LISTEN%%;
        %%HTTP2%%
        location / { %%AUTH%% }
        %%VERIFY%%
    }
}
END

my $app = IO::Socket::INET->new(Listen => 5,
    LocalAddr => '127.0.0.1:' . $t->port('app')) or die;

$t->run();


# frames of RFC 9113; headers are literals without an index, RFC 7541, 6.2.2

sub frame {
    my ($type, $flags, $stream, $data) = @_;
    return substr(pack('N', length $data), 1)
        . pack('CCN', $type, $flags, $stream) . $data;
}

sub ask {
    my ($c, $stream) = @_;
    my @headers = (':method' => 'GET', ':scheme' => 'http', ':path' => '/',
        ':authority' => 'localhost',
        authorization => 'Basic ' . encode_base64('alice:wonderland', ''));

    $c->write(frame(1, 5, $stream,
        join '', map { $_ % 2 ? '' : "\0" , pack 'C/a', $headers[$_] }
            0 .. $#headers));
}

# the next frame of one of these types, that is not an acknowledgement

sub next_frame {
    my ($c, @types) = @_;
    my $deadline = time + 10;

    while (1) {
        if (length $c->{in} >= 9) {
            my ($high, $low, $type, $flags, $stream)
                = unpack 'CnCCN', $c->{in};
            my $len = $high << 16 | $low;

            if (length $c->{in} >= 9 + $len) {
                my $data = substr substr($c->{in}, 0, 9 + $len, ''), 9;
                return [$type, $stream, $data] if grep { $_ == $type } @types;
                next;
            }
        }

        $c->fill($deadline) or return [-1, 0, ''];
    }
}


my ($headers, $goaway) = (1, 7);

my $c = MRA::HTTP->new($t->port('http2'), source => '127.0.0.2');
$c->write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, ''));

ask($c, 1);
my $held = $app->accept;
ok(defined $held, 'a request is under way');

is(get($t->port('http'), '/', basic('alice', 'guess'),
    source => '127.0.0.2')->{status}, 401, 'wrong passwords') for 1 .. 2;
eval { get($t->port('http'), '/', basic('alice', 'guess'),
    source => '127.0.0.2') };
ok(wait_for(5, sub { $t->log =~ /http-ce-auth ban of 127\.0\.0\.2 / }),
    'ban the address');

ask($c, 3);
my ($type, $stream, $data) = @{next_frame($c, $headers, $goaway)};
is("$type $stream", "$headers 3", 'the next request is answered');
like($data, qr/403/, 'by 403');

($type, $stream, $data) = @{next_frame($c, $headers, $goaway)};
is($type, $goaway, 'and GOAWAY');
is_deeply([unpack 'NN', $data], [3, 0], 'that is no error');

print $held "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
$held->flush;

($type, $stream, $data) = @{next_frame($c, $headers, $goaway)};
is("$type $stream", "$headers 1", 'what was under way is answered');
like($data, qr/^(?:\x20)?\x88/, 'by 200');
ok($c->closed(10), 'and the connection ends');

is(scalar(() = $t->log =~ / client is banned, request refused/g), 1,
    'a line for it');

$t->done_testing();
