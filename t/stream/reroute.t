# A REGISTER that its next hop does not answer goes another way; when there
# is none left, the client is told so.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use Test::More;
use Time::HiRes qw(time);

my $t = MRA::Nginx->new->plan(20);

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra { node edge1; stun_keepalive off; }
stream {
    log_format hop '$mra_user $mra_next_hop $mra_registrations';
    access_log %%DIR%%/stream.log hop;

    mra_sip_response_timeout 500ms;

    upstream uc {
        server 127.0.0.1:%%PORT_first%%;
        server 127.0.0.1:%%PORT_second%% backup;
    }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
}
END

my $first = MRA::Registrar->new($t->port('first'));
my $second = MRA::Registrar->new($t->port('second'));
$t->run();


# the first does not answer, the second does

my $ua = MRA::SIP->connect($t->port('sip'));
my $contact = $ua->contact;

$ua->send($ua->request('REGISTER', 'sip:example.com'));
my $m = $first->receive;
ok($m, 'REGISTER goes to the first');

my $began = time;
my $again = $second->receive(3);
ok($again, 'and without an answer to the second');
cmp_ok(time - $began, '<', 1, 'after mra_sip_response_timeout');

is($again->header('CSeq'), $m->header('CSeq'), 'the same request');
isnt(branch($again), branch($m), 'in another transaction');
like($again->header('Contact'), qr/^<sip:alice\@127\.0\.0\.1:\d+;mra=/,
    'with a contact that leads to us');
is((hidden($again))[0], (hidden($m))[0], 'of the same binding');

$second->accept_register($again, 60);
my $r = $ua->receive;
is($r->{status}, 200, 'registered');
is($r->header('Contact'), "$contact;expires=60", 'with its own contact');

$first->accept_register($m, 60);
ok(!$ua->receive(0.3), 'an answer that comes too late is not a second one');

ok($t->wait_log(qr/next hop "[\d.:]+" did not answer REGISTER/), 'logged');
ok($t->wait_log(qr/REGISTER goes to next hop "[\d.:]+" instead of/),
    'and where it went');


# 503 is like no answer

$ua->{user} = 'bob';
my $other = MRA::SIP->connect($t->port('sip'), user => 'bob');

$other->send($other->request('REGISTER', 'sip:example.com'));
(my $hop, $m) = asked(1, $first, $second);
$hop->reply($m, 503, 'Service Unavailable');
($hop) = grep { $_ != $hop } $first, $second;
$m = $hop->receive(2);
ok($m, 'after 503 the other one is asked');
$hop->reply($m, 503, 'Service Unavailable');
is($other->receive->{status}, 503, 'when that has none left, 503 passes');


# nobody answers

$other->send($other->request('REGISTER', 'sip:example.com'));
$r = $other->receive(4);
is($r->{status}, 503, 'nobody answers: 503');
like($r->header('Retry-After'), qr/^\d+$/, 'with Retry-After');
like($r->header('Warning'), qr/^399 edge1 "/, 'and Warning');


# a provisional answer gives time

$first->receive(0.1);
$second->receive(0.1);

my $patient = MRA::SIP->connect($t->port('sip'), user => 'dave');
$patient->send($patient->request('REGISTER', 'sip:example.com'));
($hop, $m) = asked(0.4, $first, $second);
$hop->reply($m, 100, 'Trying');
is($patient->receive->{status}, 100, 'provisional answer');
$hop->accept_register($m, 60);
is($patient->receive->{status}, 200, 'then the final one');

$_->close for $patient, $other, $ua;
$t->stop;
like($t->read_file('stream.log'), qr/^dave\@example\.com 127\.0\.0\.1:\d+ 1$/m,
    'user, next hop and registrations in the access log');


sub asked {
    my ($seconds, @hops) = @_;

    for my $hop (@hops) {
        my $m = $hop->receive($seconds / @hops);
        return ($hop, $m) if $m;
    }
}


sub branch { ($_[0]->header('Via') =~ /branch=([^;]+)/)[0] }
sub hidden { $_[0]->header('Contact') =~ /;mra=([^~]+)~/ }
