# Attackers at an open port, SIPVicious among them, while a neighbour in the
# same worker has a call: it is not disturbed, nor is the registrar.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Select;
use IO::Socket::INET;
use MRA::Cert;
use MRA::Daemon;
use MRA::Nginx;
use MRA::SIP;
use MRA::Util;
use Test::More;
use Time::HiRes qw(time);

-x "/usr/bin/$_" || -x "/usr/sbin/$_" or plan(skip_all => "no $_ here")
    for qw(svmap svwar svcrack kamailio);

my $root = "$FindBin::Bin/../..";
my $t = MRA::Nginx->new->plan(21);

MRA::Cert->new($t->dir)->issue('edge', names => ['localhost']);

$t->write_file_expand('registrar.cfg', <<"END");
#!KAMAILIO
#!define LISTEN tcp:127.0.0.1:%%PORT_uc%%
include_file "$root/conf-examples/registrar.cfg"
END

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { worker_connections 512; }
mra { node edge1; stun_keepalive_interval 1h; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate edge.crt;
        ssl_certificate_key edge.key;
        mra_sip_pass uc;
        mra_sip_domain example.com;
    }
}
END

my $kamailio = MRA::Daemon->kamailio($t, 'registrar.cfg', $t->port('uc'));
$t->run;

my ($alice, $bob) = map { phone($_) } 'alice', 'bob';
is($_->register->{status}, 200, "$_->{user} registers") for $alice, $bob;

wait_for(5, sub { links() == 4 });      # without that of the probe

$alice->send($alice->request('INVITE', 'sip:bob@example.com'));
$bob->send(response($bob->receive, 200, 'OK', Contact => $bob->contact));
my $ok = $alice->final;
is($ok->{status}, 200, 'alice calls bob');

my %dialog = map { $_ => $ok->header($_) } 'From', 'To', 'Call-ID';
$dialog{Route} = [reverse $ok->all('Record-Route')];
my ($target) = $ok->header('Contact') =~ /<(.*?)>/;

my @links = links();
srand 1;


# SIPVicious speaks UDP: what it says is put on a connection of ours

my $wall = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    or die "UDP: $!\n";
my $bridge = child(\&bridge);
my $udp = 'udp://127.0.0.1:' . $wall->sockport;
$t->write_file('words', join "\n", map { "wrong$_" } 1 .. 200);

my %said;

for (
    ['svmap', 'svmap', '-p' . $wall->sockport, '127.0.0.1'],
    ['svwar', 'svwar', '--force', '-e100-199', $udp],
    ['svwar INVITE', 'svwar', '--force', '-mINVITE', '-e100-149', $udp],
    ['svcrack', 'svcrack', '-ualice', '-d', $t->dir . '/words', $udp],
) {
    my ($name, @command) = @$_;
    my $log = $t->dir . "/$command[0].out";
    attacked($name, sub { exec_to($log, @command) });
    $said{$name} = slurp($log);
}

like($said{svmap}, qr/127\.0\.0\.1:\d+/, 'svmap finds a device');
like($said{$_}, qr/found nothing/, "$_ finds nobody")
    for 'svwar', 'svwar INVITE', 'svcrack';
like($t->log, qr/refused: 403 "Not Registered", method: "INVITE"/,
    'its calls do not pass');


# bytes, on plain connections and in TLS

attacked('random bytes', sub {
    for my $n (1 .. 200) {
        my $socket = plain() or next;
        print $socket pack 'C*', map { int rand 256 } 1 .. 1 + rand 3000;
        close $socket;
    }
});

attacked('random bytes in TLS', sub {
    for my $n (1 .. 60) {
        my $ua = phone('eve');
        $ua->write(pack 'C*', map { int rand 256 } 1 .. 1 + rand 3000);
        $ua->close;
    }
});

attacked('silent connections', sub {
    my @all = map { plain() } 1 .. 600;
    select undef, undef, undef, 0.5;
});


# messages that are nearly right, of a user who is registered

attacked('damaged messages', sub {
    for my $n (1 .. 60) {
        my $ua = phone('carol');
        $ua->register;

        for my $method (qw(REGISTER INVITE MESSAGE OPTIONS BYE)) {
            my $bytes = $ua->request($method, 'sip:nobody@example.com',
                Route => '<sip:127.0.0.1;lr>', Expires => 60);

            for (1 .. 1 + rand 3) {
                my $at = int rand length $bytes;
                substr($bytes, $at, int rand 3) = ('', "\0", "\r\n", '"', '<',
                    ',', ';', ' ', chr int rand 256)[rand 9];
            }

            $ua->write($bytes);
            $ua->receive(0.01);
        }
        $ua->close;
    }
});


# forged: what only the edge may write

my $token = ($ok->all('Record-Route'))[0] =~ /sip:([\w-]+)[.\@]/ ? $1 : die;

attacked('forged tokens', sub {
    my $ua = phone('carol');
    $ua->register;

    for my $forged (map { my $s = $token; substr($s, $_, 1) ^= "\1"; $s }
        0 .. 27)
    {
        for (['Route', "<sip:$forged\@127.0.0.1;lr>"],
            ['Record-Route', "<sip:$forged\@127.0.0.1;lr>"],
            ['Path', "<sip:$forged\@127.0.0.1;lr>"],
            ['Via', ['SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKx' . rand,
                "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKmra$forged."
                . 'aaaaaaaabbbbbbbb']])
        {
            $ua->send($ua->request('MESSAGE', 'sip:nobody@example.com', @$_));
            $ua->final(2);
        }
    }
});

my %now = map { $_ => 1 } links();
is(join(' ', grep { !$now{$_} } @links), '',
    'the registrar has not closed on us');
ok(!$bob->receive(0.1) && !$alice->receive(0.1), 'neither got anything else');

$alice->send($alice->request('BYE', $target, %dialog));
$bob->send(response($bob->receive, 200, 'OK'));
is($alice->final->{status}, 200, 'and they hang up');

unlike($t->log, qr/exited on signal/, 'no worker died');
end_process($bridge, 'TERM', 5);
$_->close for $alice, $bob;


# runs an attack in a process of its own; alice and bob go on meanwhile

sub attacked {
    my ($name, $attack) = @_;
    my ($n, $slowest, @bad) = (0, 0);
    my $pid = child($attack);

    do {
        my $began = time;
        $n++;

        $alice->send($alice->request('INFO', $target, %dialog));
        my $m = $bob->receive(5);
        $bob->send(response($m, 200, 'OK')) if $m;
        my $r = $m && $alice->final(5);
        push @bad, 'call' if ($r->{status} // 0) != 200;

        $r = $bob->register;
        push @bad, 'registration' if ($r->{status} // 0) != 200;

        $slowest = time - $began if time - $began > $slowest;
        select undef, undef, undef, 0.02;
    } until waitpid($pid, POSIX::WNOHANG());

    diag "$name: @bad of $n" if @bad;
    ok(!@bad && $slowest < 5, "$name: the neighbours talk on");
}


sub exec_to {
    my ($log, @command) = @_;
    open STDOUT, '>', $log or die "$log: $!\n";
    open STDERR, '>&', \*STDOUT or die "$!\n";
    open STDIN, '<', '/dev/null' or die "$!\n";
    exec @command or die "$command[0]: $!\n";
}


sub bridge {
    my ($peer, $edge);

    for (;;) {
        $edge = plain() if !$edge;
        my @ready = IO::Select->new($wall, $edge)->can_read;

        for my $socket (@ready) {
            if ($socket == $wall) {
                $peer = $wall->recv(my $bytes, 65536);
                print $edge $bytes if length $bytes;
                $edge->flush;

            } elsif (sysread $edge, my $bytes, 65536) {
                $wall->send("$1", 0, $peer)
                    while $bytes =~ s/^(.*?\r\n\r\n)//s;

            } else {
                close $edge;
                undef $edge;
                last;
            }
        }
    }
}


sub plain {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port('sip'));
}


sub phone {
    my ($user) = @_;
    return MRA::SIP->connect($t->port('tls'), ssl => 1, user => $user,
        password => 'secret', ca => $t->dir . '/ca.crt');
}


# the connections of the edge to the registrar, as the kernel knows them

sub links {
    my $port = sprintf '%04X', $t->port('uc');
    open my $tcp, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    return map { /:(\w{4}) \w{8}:$port 01 / ? $1 : () } <$tcp>;
}
