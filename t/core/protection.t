#!/usr/bin/perl

# Protection: what its directives take, how failures become bans, how bans
# grow, end and are lifted, and who is exempt.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new(protect => 1);
my $remote = MRA::Remote->new($t);

# categories by number, and as bits

my ($auth, $intrusion, $resource, $sip) = (0, 1, 2, 3);
sub bit { my $bits = 0; $bits |= 1 << $_ for @_; return $bits }


# every wrong value: one line that says what to do

my $category = qr/unknown category "[^"]*", it must be http-ce-auth, /;
my $parameter = qr/invalid parameter "[^"]*", it must be trigger=1\.\.100, /;
my $address = qr/invalid value "[^"]*", it must be an address or a network/;

my @wrong = (
    ['protection', qr/invalid number of arguments/],
    ['protection ssh', $category],
    ['protection ""', $category],
    ['protection http-ce-auth on', $parameter],
    ['protection http-ce-auth trigger=0', $parameter],
    ['protection http-ce-auth trigger=101', $parameter],
    ['protection http-ce-auth trigger=', $parameter],
    ['protection http-ce-auth window=999ms', $parameter],
    ['protection http-ce-auth window=25h', $parameter],
    ['protection http-ce-auth block=31d', $parameter],
    ['protection http-ce-auth block=-1', $parameter],
    ['protection http-ce-auth max_block=0', $parameter],
    ['protection sip-auth; protection SIP-AUTH',
        qr/duplicate "protection" of "sip-auth"/],
    ['protection sshpfd-auth; protection sshpfwd-auth',
        qr/duplicate "protection" of "sshpfd-auth"/],
    ['protection_ipv6_prefix 15', qr/number of bits between 16 and 128/],
    ['protection_ipv6_prefix 129', qr/number of bits between 16 and 128/],
    ['exempt localhost', $address],
    ['exempt 10.0.0.0/33', $address],
    ['exempt 10.0.0.0/8 http', $category],
);

for (@wrong) {
    my ($directive, $message) = @$_;
    my ($ok, $output) = $t->config_test("%%MAIN%%\nevents { }\n"
        . "mra { $directive; }\n");
    ok(!$ok && $output =~ $message, $directive) or diag($output);
}

my ($ok, $output) = $t->config_test("%%MAIN%%\nevents { }\nmra {\n"
    . "protection sshpfwd-auth;\nprotection xmpp-intrusion off;\n"
    . "protection sip-auth trigger=1 window=1s block=30d;\n"
    . "exempt 10.0.0.0/8 sip-auth http-ce-auth; exempt ::1;\n}\n");
ok($ok, 'right values') or diag($output);
like($output, qr/\[warn\].*"protection" of "sshpfwd-auth" has no effect/,
    'who asks for what is not there is told');


$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[ $remote->load, $remote->directives ]}
events { }
mra {
    protection http-ce-auth trigger=3 window=60s block=100s max_block=350s;
    protection http-ce-intrusion trigger=2 block=0;
    protection sip-auth trigger=1;
    exempt 192.0.2.128/25 http-ce-auth;
    exempt 198.51.100.7;
}
END

$t->run();
my ($w) = $remote->workers;

is($w->do("protection $auth"), '1 3 60000 100000 350000', 'settings');
is($w->do("protection $resource"), '0 5 600000 600000 86400000', 'defaults');
is($w->do('exemptions'), '192.0.2.128/25 1; 198.51.100.7 511; made:',
    'exemptions');

sub fails {
    my ($n, $address, $category) = @_;
    my $answer;
    $answer = $w->do("fail $address $category") for 1 .. $n;
    return $answer;
}


# the third failure bans, for its category, and the next begin with none

is(fails(2, '192.0.2.1', $auth), 0, 'two failures do nothing');
is(fails(1, '192.0.2.2', $auth), 0, 'nor those of others');
is(fails(1, '192.0.2.1', $auth), bit($auth), 'the third bans');
is($w->do('banned 192.0.2.2'), 0, 'nobody else');
is($w->do('bans'), '192.0.2.1 http-ce-auth 1 100s;', 'for the time set');
is(fails(9, '192.0.2.1', $auth), bit($auth), 'what was under way');
is($w->do('bans'), '192.0.2.1 http-ce-auth 1 100s;', 'adds nothing');
is($w->do('banned ::ffff:192.0.2.1'), bit($auth), 'it is one as IPv6, too');

my $log = $t->log;
my $error = qr/^\S+ \S+ \[error\] \d+#\d+: /m;
like($log, qr{${error}http-ce-auth failure of 192\.0\.2\.1, 3 of 3 in 60s$}m,
    'a line for each failure, and nothing after it');
like($log, qr{${error}http-ce-auth ban of 192\.0\.2\.1 for 100s$}m,
    'and one for the ban');
is(scalar(() = $log =~ / ban of /g), 1, 'one only');


# who comes back, and when

$w->do('clock 99000');
is($w->do('banned 192.0.2.1'), bit($auth), 'banned until the end');
$w->do('clock 101000');
is($w->do('banned 192.0.2.1'), 0, 'and no longer');
is($w->do('bans'), '192.0.2.1 http-ce-auth 1 0s;', 'but remembered');

my $clock = 162;
$w->do("clock ${clock}000");
is(fails(2, '192.0.2.1', $auth), 0, 'what was counted before is forgotten');
fails(1, '192.0.2.1', $auth);
is($w->do('bans'), '192.0.2.1 http-ce-auth 2 200s;', 'the second is longer');

$clock += 261;
$w->do("clock ${clock}000");
fails(3, '192.0.2.1', $auth);
is($w->do('bans'), '192.0.2.1 http-ce-auth 3 350s;', 'up to a limit');

$clock += 24 * 3600 + 351;
$w->do("clock ${clock}000");
is($w->do('bans'), 'none', 'forgotten after a day without');


# by hand

is($w->do("ban 203.0.113.9 $sip 5000"), 'OK', 'banned by hand');
is($w->do("ban 203.0.113.9 $auth 5000"), 'OK', 'for another category');
is($w->do('banned 203.0.113.9'), bit($sip, $auth), 'for both');
is($w->do("left 203.0.113.9 $sip"), 5, 'for so long');
is($w->do("ban 203.0.113.9 $sip 4000"), 'DECLINED', 'a ban never shrinks');
is($w->do("ban 203.0.113.9 $resource 5000"), 'ABORT', 'a category is off');
is($w->do("ban 203.0.113.0/24 $sip 5000"), 'ABORT', 'a network is too large');
is($w->do('unban 203.0.113.9 ' . bit($sip)), 'OK', 'one is lifted');
is($w->do('banned 203.0.113.9'), bit($auth), 'the other one stays');
is($w->do('unban 203.0.113.9 ' . bit($sip)), 'DECLINED', 'it is lifted once');
is($w->do('unban 203.0.113.9 ' . bit($auth)), 'OK', 'the other as well');
is($w->do('bans'), 'none', 'nothing is left');
like($t->log, qr{\[notice\] \S+ sip-auth ban of 203\.0\.113\.9 is lifted$}m,
    'a line for it');

fails(2, '203.0.113.9', $auth);
is($w->do('unban 203.0.113.9 ' . bit($auth)), 'DECLINED', 'was not banned');
is(fails(2, '203.0.113.9', $auth), 0, 'but begins anew');


# categories: off, without a block

is(fails(20, '192.0.2.3', $resource), 0, 'a category that is off');
unlike($t->log, qr/http-ce-resource/, 'says nothing');
is(fails(20, '192.0.2.3', $intrusion), 0, 'one that bans nobody');
like($t->log, qr/http-ce-intrusion failure of 192\.0\.2\.3, 2 of 2 in 600s/,
    'logs, for who bans in its place');


# IPv6 by network

fails(2, '2001:db8:0:1::a', $auth);
is(fails(1, '2001:db8:0:1:ffff::b', $auth), bit($auth), 'a /64 is one');
is($w->do('banned 2001:db8:0:2::a'), 0, 'the next one is another');
like($t->log, qr{http-ce-auth ban of 2001:db8:0:1::/64 for 100s$}m,
    'the ban is of the network');
like($t->log, qr{failure of 2001:db8:0:1:ffff::b, 3 of 3},
    'the failure of the address');
is($w->do('unban 2001:db8:0:1::77 ' . bit($auth)), 'OK', 'lifted by any');


# exemptions

is(fails(5, '192.0.2.129', $auth), 0, 'exempt by network');
is(fails(5, '192.0.2.127', $auth), bit($auth), 'who is beside it is not');
is(fails(5, '192.0.2.129', $sip), bit($sip), 'and only from its category');
is(fails(5, '198.51.100.7', $sip), 0, 'exempt from all');
unlike($t->log, qr/192\.0\.2\.129, \d of 3|198\.51\.100\.7/, 'not logged');
is($w->do("ban 198.51.100.7 $sip 5000"), 'ABORT', 'nor banned by hand');

is($w->do('exempt 192.0.2.127 ' . bit($auth)), 'OK', 'exempt at run time');
is($w->do('banned 192.0.2.127'), 0, 'its ban does not hold');
like($w->do('exemptions'), qr/ made: 192\.0\.2\.127 1;$/, 'it is listed');
is($w->do('exempt 192.0.2.127 ' . bit($auth)), 'DECLINED', 'it is already');

$t->reload();
($w) = $remote->workers;
$w->do("clock ${clock}000");

is($w->do('banned 192.0.2.129'), bit($sip), 'a reload keeps bans');
is($w->do('banned 192.0.2.127'), 0, 'and exemptions');
is($w->do('unexempt 192.0.2.127 ' . bit($auth)), 'OK', 'until it is not');
is($w->do('unexempt 192.0.2.127 ' . bit($auth)), 'DECLINED', 'once');
is($w->do('banned 192.0.2.127'), bit($auth), 'then the ban holds again');

is(scalar(grep { $w->do("exempt 10.0.$_.0/24 511") eq 'OK' } 0 .. 255), 256,
    'as many as can be');
is($w->do('exempt 11.0.0.0/8 1'), 'BUSY', 'and no more');
is(fails(5, '10.0.255.1', $auth), 0, 'the last one counts');
is($w->do('unexempt 10.0.0.0/24 511'), 'OK', 'one goes');
is(fails(5, '10.0.0.1', $auth), bit($auth), 'and is no longer exempt');
is(fails(5, '10.0.255.2', $auth), 0, 'the last one still is');


# addresses without number

is($w->do("fail unix:/x $auth") // '', 'no address', 'a socket has none');

$t->done_testing();
