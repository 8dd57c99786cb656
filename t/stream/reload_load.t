# Ten reloads while phones register and call each other without a pause: with
# mra_sip_drain off nobody notices; with it phones are moved between calls,
# and old workers end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Cert;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;
use Time::HiRes qw(sleep time);

my @t = (edge('0'), edge('2s'));

$t[0]->plan(13);


# drain off

my $total = load($t[0]);

is($total->{lost} // 0, 0, 'no registration and no call is lost');
is($total->{moved} // 0, 0, 'nobody is disconnected');
cmp_ok($total->{register}, '>', 30, 'many registrations were refreshed');
cmp_ok($total->{call}, '>', 30, 'many calls were made');
cmp_ok($total->{across}, '>', 3, 'some of them over a reload');
ok(wait_for(10, sub { alone($t[0]) }),
    'old workers end when their phones have left');
unlike($t[0]->log, qr/sent SIP \w+ that is (?:refused|dropped)/,
    'nothing was refused or dropped');
$t[0]->stop;


# drain on

$total = load($t[1]);

is($total->{lost} // 0, 0, 'drain: no registration and no call is lost');
cmp_ok($total->{moved} // 0, '>', 5, 'drain: phones are moved');
cmp_ok($total->{call}, '>', 20, 'drain: many calls were made');
ok($total->{ended}, 'drain: old workers end while phones go on');
unlike($t[1]->log, qr/dropped: (?!no REGISTER)/, 'drain: nothing was dropped');
unlike($t[1]->log, qr/exited on signal/, 'no worker died');


sub edge {
    my ($drain) = @_;
    my $t = MRA::Nginx->new;

    MRA::Cert->new($t->dir)->issue('edge', names => ['localhost']);

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { worker_connections 512; }
mra { node edge1; }
stream {
    upstream uc {
        server 127.0.0.1:%%PORT_uc%%;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%% ssl reuseport;
        ssl_certificate edge.crt;
        ssl_certificate_key edge.key;
        mra_sip_pass uc;
        mra_sip_drain $drain;
    }
    server {
        listen 127.0.0.1:%%PORT_inside%% reuseport;
        mra_sip_accept uc;
    }
}
END
    return $t;
}


# eight phones at work, ten reloads meanwhile

sub load {
    my ($t) = @_;
    my $uc = child(sub { registrar($t) });
    my (%total, @pids);

    wait_for(5, sub { connects($t->port('uc')) });
    $t->run;
    $t->write_file('generation', 0);

    push @pids, child(sub { phone($t, $_) }) for 1 .. 8;
    wait_for(10, sub { 8 == (() = glob $t->dir . '/began-*') });

    for my $n (1 .. 10) {
        my $until = time + 0.7;
        $t->reload;
        $t->write_file('generation', $n);
        sleep 0.01 while time < $until;
    }

    $total{ended} = wait_for(15, sub { alone($t) })
        if $t->read_file('nginx.conf') !~ /drain 0/;

    $t->write_file('enough', 1);
    waitpid $_, 0 for @pids;

    for my $file (glob $t->dir . '/count-*') {
        my %count = split ' ', slurp($file);
        $total{$_} += $count{$_} for keys %count;
    }

    return \%total;
}


# only workers of the newest generation are left

sub alone {
    my ($t) = @_;
    my $log = $t->log;
    my %new = map { $_ => 1 } $t->workers;

    return !grep { !$new{$_} && kill 0, $_ }
        grep { $log !~ /worker process $_ exited/ }
        $log =~ /start worker process (\d+)/g;
}


# one phone: registers, calls, is asked something in the middle, hangs up

sub phone {
    my ($t, $n) = @_;
    my %count = map { $_ => 0 } qw(register call across moved lost);
    my $ua = device($t, $n);

    srand $n;
    burp($t->dir . "/began-$n", 1);

    while (!-e $t->dir . '/enough') {
        my $before = slurp($t->dir . '/generation');
        my $failed = call($ua, \%count);

        $count{across}++
            if !$failed && $before ne slurp($t->dir . '/generation');

        # one that was told to go while it began comes back: no loss

        if ($ua->closed($failed ? 0.3 : 0)) {
            $count{moved}++;
            $ua = device($t, $n);
            next if !$failed || $failed eq 'begin';
        }

        if ($failed) {
            $count{lost}++;
            print STDERR "phone $n: $failed\n";
        }

        sleep rand 1;
    }

    $ua->close;
    burp($t->dir . "/count-$n", join ' ', %count);
}


sub device {
    my ($t, $n) = @_;

    my $ua = MRA::SIP->connect($t->port('sip'), ssl => 1, user => "user$n",
        ca => $t->dir . '/ca.crt');

    $ua->register(expires => 600);
    return $ua;
}


# undef: all went well

sub call {
    my ($ua, $count) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $r = eval { $ua->register(expires => 600) } or return 'begin';
    return "REGISTER: $r->{line}" if $r->{status} != 200;
    $count->{register}++;

    my $call_id = $ua->{call_id} = MRA::SIP::unique();
    eval { $ua->send($ua->request('INVITE', 'sip:uas@example.com')); 1 }
        or return 'begin';

    my ($asked, $ok);

    while (!$asked || !$ok) {
        my $m = $ua->receive(5) or return $ok ? 'no MESSAGE'
            : defined $asked ? 'no answer to INVITE' : 'begin';
        $asked //= 0;

        if (($m->{method} // '') eq 'MESSAGE') {
            $ua->send(response($m, 200, 'OK'));
            $asked = 1 if $m->header('Subject') eq $call_id;

        } elsif ($m->{status} >= 200 && $m->header('CSeq') =~ /INVITE/) {
            return "INVITE: $m->{line}" if $m->{status} != 200;
            $ok = $m;
        }
    }

    my ($target) = $ok->header('Contact') =~ /<(.*?)>/;
    my %dialog = (To => $ok->header('To'),
        Route => [reverse $ok->all('Record-Route')]);

    $ua->send($ua->request('ACK', $target, %dialog));
    sleep 0.05;
    $ua->send($ua->request('BYE', $target, %dialog));

    while (my $m = $ua->receive(5)) {
        next if !$m->{status} || $m->header('CSeq') !~ /BYE/;
        $count->{call}++ if $m->{status} == 200;
        return $m->{status} == 200 ? undef : "BYE: $m->{line}";
    }

    return 'no answer to BYE';
}


# rings, and answers after a while; asks each caller by its contact, on any
# connection of any worker, once more if that has gone

sub registrar {
    my ($t) = @_;
    my $uc = MRA::Registrar->new($t->port('uc'), user => 'uas', cseq => 1,
        domain => 'example.com', tag => 'uas', call_id => 'x');
    my (%contact, %asked, @due);

    local $SIG{PIPE} = 'IGNORE';

    for (;;) {
        for my $m ($uc->receive(0.02) // ()) {
            my $method = $m->{method} // '';
            my $from = $m->header('From');

            if ($method eq 'REGISTER') {
                ($contact{$from}) = $m->header('Contact') =~ /<(.*?)>/;
                $uc->accept_register($m, 600);

            } elsif ($method eq 'INVITE') {
                $uc->reply($m, 180, 'Ringing');
                push @due, [time + 0.1, sub { $uc->reply($m, 200, 'OK',
                    Contact => '<sip:uas@192.0.2.7>') }];
                ask($uc, \@due, \%asked, $contact{$from},
                    $m->header('Call-ID'), 3);

            } elsif ($method eq 'BYE') {
                $uc->reply($m, 200, 'OK');

            } elsif ($m->{status}) {
                delete $asked{$m->header('Call-ID')} if $m->{status} == 200;
            }
        }

        my $now = time;
        my @ready = grep { $_->[0] <= $now } @due;
        @due = grep { $_->[0] > $now } @due;
        eval { $_->[1]->() } for @ready;
    }
}


sub ask {
    my ($uc, $due, $asked, $contact, $call_id, $times) = @_;
    my @peers = @{$uc->{peers}};
    my $peer = $peers[rand @peers];

    $asked->{"m-$call_id"} = 1;
    eval { $peer->send($peer->request('MESSAGE', $contact,
        'Call-ID' => "m-$call_id", Subject => $call_id)) };

    push @$due, [time + 1, sub {
        ask($uc, $due, $asked, $contact, $call_id, $times - 1)
            if $asked->{"m-$call_id"} && $times > 1;
    }];
}
