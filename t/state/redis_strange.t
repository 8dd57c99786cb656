# A server that is no Redis, or says what Redis would not.

use strict;
use warnings;

use IO::Socket::INET;
use MRA::Nginx;
use MRA::Nodes;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(16);

my $role = "*3\r\n\$6\r\nmaster\r\n:0\r\n*0\r\n";
my $sha = "\$40\r\n" . 'a' x 40 . "\r\n";


# greets as it should, then gives one answer to everything, split in two

sub serve {
    my ($port, $greeting, $answer) = @_;

    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 16, ReuseAddr => 1) or die "listen: $!";

    return child(sub {
        $SIG{CHLD} = 'IGNORE';
        $SIG{PIPE} = 'IGNORE';

        while (my $c = $listener->accept) {
            next if fork;
            my $in = '';
            $c->autoflush(1);

            while (sysread $c, $in, 65536, length $in) {
                while ($in =~ s/^.*?\r\n(ROLE|LOAD|EVALSHA|PING|SETNX|GET)
                    \r\n//sx)
                {
                    my $out = $1 eq 'ROLE' ? $greeting
                        : $1 eq 'LOAD' ? $sha
                        : $1 eq 'PING' ? "+PONG\r\n" : $answer;

                    $out = $answer if $greeting eq '';
                    print $c substr $out, 0, length($out) / 2;
                    print $c substr $out, length($out) / 2;
                }
            }

            POSIX::_exit(0);
        }
    });
}


sub strange {
    my ($name, $answer, $why, $greeting) = @_;
    my $port = $t->port($name);
    my $server = serve($port, $greeting // $role, $answer);
    my $nodes = MRA::Nodes->new($t, n => 1,
        redis => "127.0.0.1:$port timeout=300ms");
    my ($node) = $nodes->all;

    is($nodes->remote($node)->do('hit authorization alice 8 300000'),
        'OK 1 0', "$name: decided here");
    wait_for(2, sub { $nodes->remote($node)
        ->do('hit authorization bob 100 300000'); $node->log =~ /is lost/ });
    ok($node->wait_log(qr/is lost: $why, /), "$name: said why")
        or diag $node->log;

    $node->stop;
    kill 'KILL', $server;
    waitpid $server, 0;
}


strange('other', ":1\r\n", 'its reply is none of ours');
strange('types', "*3\r\n\$1\r\n1\r\n:1\r\n:0\r\n",
    'its reply is none of ours');
strange('many', "*1000000000\r\n", 'it does not speak .*');
strange('deep', "*1\r\n" x 20, 'it does not speak .*');
strange('large', "\$2000000\r\n" . 'x' x 2000000 . "\r\n",
    'its reply is too large');
strange('garbage', "HTTP/1.1 400 Bad Request\r\n\r\n",
    'it does not speak .*', '');
strange('twice', "*3\r\n:1\r\n:1\r\n:0\r\n" x 8,
    '(?:it sent a reply that nobody asked for|its reply is none of ours)');
strange('silent', '', 'no (?:reply|connection) in time');
