# A core node comes back: phones that follow a path go there with their next
# REGISTER until all have the same, others and those with a call stay.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::Tiers;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new->plan(14);
my $uc = MRA::Registrar->new($t->port('uc'));

my $tiers = MRA::Tiers->new($t, uc => [$t->port('uc')], cores => 3,
    extra => 'stun_keepalive_interval 1s; stun_keepalive_timeout 900ms;',
    core => 'mra_sip_response_timeout 3s;', workers => 2);
$tiers->run;

my $phones = 90;
my (@phone, @at, @route, @moves);


# sends REGISTER, answers it, notes by which core node it went

sub refresh {
    my ($n) = @_;
    my $ua = $phone[$n];
    my $contact = $ua->contact;
    $contact .= ';x-cisco-mra-ha=AR_SK' if $ua->{user} =~ /^ar/;

    $ua->send($ua->request('REGISTER', 'sip:example.com',
        Contact => $contact, Expires => 60, Route => $route[$n]));

    my $m = $uc->receive(15) or die "no REGISTER at the registrar\n";
    $uc->accept_register($m, 60);
    my $r = $ua->final(5) or die "no answer to REGISTER\n";

    my ($port) = ($m->all('Via'))[0] =~ /127.0.0.1:(\d+)/;
    my ($at) = grep { $tiers->inside($_) == $port } 0 .. 2;

    $moves[$n]++ if defined $at[$n] && $at != $at[$n];
    $at[$n] = $at;
    $route[$n] = $r->header('Service-Route');

    return $r;
}

sub counts {
    my @count = (0) x 3;
    $count[$_]++ for @at;
    return @count;
}

sub sum { my $sum = 0; $sum += $_ // 0 for @moves; return $sum }

# several refreshes, over more than two reports, after which none moved

sub rest {
    my ($quiet, $until) = (0, 0);

    return wait_for(60, sub {
        my $moved = sum();
        refresh($_) for 0 .. $phones - 1;

        if (sum() > $moved) {
            $quiet = 0;
            return 0;
        }

        $until = time + 3 if $quiet++ == 0;
        return $quiet >= 5 && time >= $until;
    });
}

sub even { return !grep { abs($_ - $phones / 3) > 4 } counts() }

sub call {
    my ($n) = @_;
    my $ua = $phone[$n];
    $ua->send($ua->request('INVITE', 'sip:x@example.com'));
    my $m = $uc->receive(15) or die "no INVITE at the registrar\n";
    $uc->reply($m, 200, 'OK', Contact => '<sip:x@127.0.0.1>');
    my $r = $ua->final(5) or die "no answer to INVITE\n";
    $ua->send($ua->request('ACK', 'sip:x@example.com',
        To => $r->header('To')));
    $uc->receive(5) or die "no ACK at the registrar\n";
}


for my $n (0 .. $phones - 1) {
    $phone[$n] = $tiers->phone(0, user => ($n % 9 ? 'ar' : 'classic') . $n);
    refresh($n);
}

diag 'at first: ' . join ' ', counts();
ok(even(), 'new phones are spread evenly');

ok(rest(), 'and stay where they are');
@moves = ();


# one core node is gone, the others take its phones

$tiers->core(2)->stop;
refresh($_) for 0 .. $phones - 1;

my @count = counts();
diag "without one: @count";
is($count[2], 0, 'nothing goes by one that is gone');
ok(abs($count[0] - $count[1]) <= 8, 'the others share');

my @calls = grep { $_ % 6 == 1 } 0 .. $phones - 1;
call($_) for @calls;


# it is back: phones move only as they refresh

my @before = @at;
my $moved = sum();

$tiers->core(2)->run;

my $rounds = 0;

ok(wait_for(60, sub {
    refresh($_) for 0 .. $phones - 1;
    return ($rounds += sum() > $moved) && even();
}), 'it is back, and all have the same');

diag 'with it: ' . join(' ', counts()) . ", rounds: $rounds";
my @classic = grep { $phone[$_]->{user} =~ /^classic/ } 0 .. $phones - 1;

is(join(' ', @at[@calls]), join(' ', @before[@calls]),
    'phones with a call stayed');
is(join(' ', @at[@classic]), join(' ', @before[@classic]),
    'and those that follow no path');

like($route[(grep({ $at[$_] == 2 } 0 .. $phones - 1), 0)[0]],
    qr/^<sip:p-[0-9a-f]{8}\./, 'who moved was told a path');

ok($tiers->edge->read_file('error.log')
    =~ /client leaves crowded next hop "127\.0\.0\.1:\d+" for "/,
    'which the log tells');


# and nothing goes to and fro

ok(rest(), 'then nothing moves any more');
is(scalar(grep { ($_ // 0) > 2 } @moves), 0, 'no phone moved more than twice');


# off means off

$_->close for @phone;
$tiers->edge->stop;

my $conf = $tiers->edge->read_file('nginx.conf');
$conf =~ s/node edge1;/node edge1; balance off;/;
$tiers->edge->write_file('nginx.conf', $conf);

$tiers->core(2)->stop;
$tiers->edge->run;

(@phone, @at, @route, @moves) = ();
$phones = 30;

for my $n (0 .. $phones - 1) {
    $phone[$n] = $tiers->phone(0, user => "ar$n");
    refresh($n);
}

$tiers->core(2)->run;

my $new = $phones;

ok(wait_for(30, sub {
    $phone[$new] = $tiers->phone(0, user => 'ar');
    refresh($new);
    return $at[$new++] == 2;
}), 'balance off: new phones find it');

is((counts())[2], 1, 'one of them for now');

refresh($_) for 0 .. $phones - 1;
is(sum(), 0, 'the others stay where they were');

$_->close for @phone;
