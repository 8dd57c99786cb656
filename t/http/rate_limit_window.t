# The window slides: refused attempts do not lengthen it, Retry-After is
# true, and a reload with other settings keeps what was counted.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = MRA::Nginx->new()->plan(14);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

sub conf {
    my ($settings) = @_;

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
events { }
mra { $settings }
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / { %%AUTH%% }
        %%VERIFY%%
    }
    %%APP%%
}
END
}

sub ask { get($t->port('http'), '/', basic('alice', 'wonderland')) }
sub status { ask()->{status} }


conf('max_authorizations 2; rate_control_period 3s;');
$t->run;

my $start = time;

is(status(), 200, 'first');
sleep 1.5;
is(status(), 200, 'second');

my $before = time - $start;
my $r = ask();
my $after = time - $start;
my $retry = $r->header('Retry-After');

is($r->{status}, 429, 'third');
ok($retry >= 3 - $after && $retry < 4 - $before + 0.1,
    'the rest of three seconds, rounded up') or diag $retry;

is(status(), 429, 'too early') while time - $start < 2.5 && sleep 0.5;

sleep 3.1 - (time - $start);
is(status(), 200, 'when the first has left the window');
is(status(), 429, 'the second has not');

# settings change, what was counted stays

conf('max_authorizations 4; rate_control_period 300s;');
$t->reload;

is(status(), 200, 'two more with a limit of four');
is(status(), 200, 'the last of them');
is(status(), 429, 'no third');

conf('max_authorizations 0;');
$t->reload;

is(scalar(grep { status() == 200 } 1 .. 20), 20, 'no limit');

conf('rate_control_period 0;');
$t->reload;

is(scalar(grep { status() == 200 } 1 .. 20), 20, 'no period, no limit');

conf('max_authorizations 4; rate_control_period 300s;');
$t->reload;

is(status(), 429, 'what was counted before still counts');
