# What people know of nginx is as it was: -T shows all of the configuration,
# and stub_status counts clients, with phones and verifications or without.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(10);
my $registrar = MRA::Registrar->new($t->port('uc'));

$t->write_file('more.conf', "max_authorizations 7;\n");

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
events { }
mra {
    zone 1m;
    stun_keepalive off;
    include more.conf;
}
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / { %%AUTH%% }
        location = /verify {
            internal;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location = /status { stub_status; }
    }
    %%APP%%
}
stream {
    upstream uc { server 127.0.0.1:%%PORT_uc%%; }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
}
END

my $shown = do {
    local %ENV = (%ENV, MRA::Nginx::environment());
    local $ENV{MRA_VALGRIND};
    my $command = join ' ', $t->command('nginx.conf', 'test.log', '-T');
    `$command 2>/dev/null`;
};

like($shown, qr/^# configuration file \S+nginx\.conf:.*mra_sip_pass uc;/ms,
    '-T shows the configuration');
like($shown, qr/^# configuration file \S+more\.conf:\nmax_authorizations 7;/m,
    'and what the block includes');

$t->run();


my $c = MRA::HTTP->new($t->port('http'));

sub status {
    my %status;
    @status{qw(active accepts handled requests)} = $c->request(
        GET => '/status')->{body} =~ /(\d+)/g;
    return \%status;
}


my $first = status();
is_deeply($first, { active => 1, accepts => 1, handled => 1, requests => 1 },
    'before anything');

my @phones = map {
    my $ua = MRA::SIP->connect($t->port('sip'), user => "user$_");
    $registrar->registered($ua, 3600) && $ua;
} 1 .. 5;

is(scalar(grep { $_ } @phones), 5, 'five phones register');
my $s = status();
is($s->{active}, 6, 'they are active, next hops are not');
is($s->{requests}, 2, 'and ask nothing over HTTP');

is(get($t->port('http'), '/', basic('alice', 'secret'),
    Connection => 'close')->{status}, 200, 'a sign-in');
my $after = status();

# the client's, those of nginx to itself for verification and page, and this
is($after->{requests} - $s->{requests}, 4, 'its requests are counted once');
is($after->{accepts}, $after->{handled}, 'nobody is refused');

$_->close for @phones;
ok(wait_for(10, sub { status()->{active} == 1 }), 'all are gone');
