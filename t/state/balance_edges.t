#!/usr/bin/perl

# Two edge nodes with one Redis: the one that has more phones asks some of
# them to leave with a Warning in the 200 to REGISTER, until it has no more
# than its share; the other one never does.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(9);
my $redis = MRA::Daemon->redis($t);
my $uc = MRA::Registrar->new($t->port('uc'));

chmod 0600, $t->write_file('secret', 's' x 32);

my $phones = 100;
my ($crowded, $empty) = map { node($_) } 'crowded', 'empty';
my (@phone, @on);


sub node {
    my ($name) = @_;
    my $node = MRA::Nginx->new();

    $node->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra {
    node $name;
    zone 4m;
    secret $t->{dir}/secret;
    redis 127.0.0.1:@{[$redis->port]};
    balance_rest 3s;
}
stream {
    upstream uc {
        server 127.0.0.1:@{[$t->port('uc')]};
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
}
END

    return $node->run;
}

sub join_node {
    my ($n, $node) = @_;

    $phone[$n]->close if $phone[$n];
    $phone[$n] = MRA::SIP->connect($node->port('sip'), user => "phone$n");
    $on[$n] = $node;

    return refresh($n);
}

sub refresh {
    my ($n) = @_;
    my ($m, $r) = $uc->registered($phone[$n], 600);
    return $r->header('Warning');
}

sub call {
    my ($n) = @_;
    my $ua = $phone[$n];
    $ua->send($ua->request('INVITE', 'sip:x@example.com'));
    my $m = $uc->receive(15) or die "no INVITE at the registrar\n";
    $uc->reply($m, 200, 'OK', Contact => '<sip:x@127.0.0.1>');
    $ua->final(5) or die "no answer to INVITE\n";
}

sub on { my ($node) = @_; return grep { $on[$_] == $node } 0 .. $#on }


# off means off, for longer than it takes to hear of the other node

my $conf = $crowded->read_file('nginx.conf');

$crowded->write_file('nginx.conf',
    $conf =~ s/balance_rest/balance off; balance_rest/r);
$crowded->stop->run;

join_node($_, $crowded) for 0 .. $phones - 1;

my $until = time + 6;
my $asked = 0;

while (time < $until) {
    $asked += grep { refresh($_) } 0 .. $phones - 1;
}

is($asked, 0, 'balance off: nobody is asked');

$_->close for @phone;
@on = ();

$crowded->write_file('nginx.conf', $conf);
$crowded->stop->run;

join_node($_, $crowded) for 0 .. $phones - 1;

my @calls = map { $_ * 20 } 0 .. 4;
call($_) for @calls;


# peers tell of themselves every two seconds

my %warning;

ok(wait_for(60, sub {
    for my $n (0 .. $phones - 1) {
        $warning{$n} //= refresh($n);
    }

    return 10 <= grep { $_ } values %warning;
}), 'the crowded node asks some of its phones to leave');

my @warned = grep { $warning{$_} } sort { $a <=> $b } keys %warning;
diag 'asked: ' . @warned;

is(scalar(grep { $warning{$_} ne '399 crowded "Load imbalanced"' } @warned),
    0, 'in these words');

my %call = map { $_ => 1 } @calls;
is(scalar(grep { $call{$_} } @warned), 0, 'none that has a call');
ok(@warned < $phones * 3 / 4, 'not all of them');


is(scalar(grep { join_node($_, $crowded) } @warned[0 .. 9]), 0,
    'who has just come is not asked');


# they do as they are told, as soon as they are

my $empty_asks = 0;

sub follow {
    my $left = 0;

    for my $n (0 .. $phones - 1) {
        my $warning = refresh($n) or next;

        if ($on[$n] == $empty) {
            $empty_asks++;
            next;
        }

        join_node($n, $empty);
        $left++;
    }

    diag 'left: ' . $left . ', on both: ' . on($crowded) . ' '
        . on($empty);
    return $left;
}

my $quiet = 0;

ok(wait_for(90, sub {
    $quiet = follow() ? 0 : $quiet + 1;
    wait_for(1, sub { 0 });
    return $quiet >= 3;
}), 'until nobody is asked any more');

my @left = on($crowded);

ok(@left <= 70 && @left >= 30, 'when about a half of them has left');
is($empty_asks, 0, 'the other one has asked nobody');

$_->close for @phone;
