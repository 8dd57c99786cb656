# logrotate moves the logs away, and all of nginx writes to new ones: HTTP,
# SIP, errors, and the worker of a generation that a phone keeps alive.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::Registrar;
use MRA::SIP;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(11);
my $dir = $t->dir;
my $registrar = MRA::Registrar->new($t->port('uc'));

mkdir "$dir/logs";
chmod 0755, "$dir/logs";

$t->write_file_expand('nginx.conf', <<'END');
%%MAIN%%
error_log %%DIR%%/logs/edge-error.log info;
worker_processes 2;
events { }
mra { zone 1m; stun_keepalive off; }
http {
    %%HTTP%%
    access_log %%DIR%%/logs/edge-access.log;
    server {
        listen 127.0.0.1:%%PORT_http%%;
        location / { mra_auth /verify; }
        location = /verify { internal; return 204; }
    }
}
stream {
    log_format mra '$mra_user';
    access_log %%DIR%%/logs/edge-sip.log mra;
    upstream uc { server 127.0.0.1:%%PORT_uc%%; }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
    }
}
END

my $conf = slurp('conf-examples/logrotate/ngx_mra');
$conf =~ s{/srv/edge/edge\.pid}{$dir/nginx.pid}g;
$conf =~ s{/srv/edge}{$dir}g;
$conf =~ s/^ *delaycompress\n//m;
$t->write_file('logrotate', $conf);
chmod 0644, "$dir/logrotate";

$t->run();


sub phone {
    my ($user) = @_;
    my $ua = MRA::SIP->connect($t->port('sip'), user => $user);
    return $registrar->registered($ua, 3600) && $ua;
}


sub rotate {
    my $out = `/usr/sbin/logrotate -v -f -s $dir/state $dir/logrotate 2>&1`;
    is($?, 0, 'logrotate') or diag $out;
    return wait_for(5, sub { 3 == grep { -e } logs() });
}


sub logs { map { "$dir/logs/edge-$_.log" } qw(error access sip) }


# who comes before and leaves after is in the new log

my $early = phone('early');
$t->reload;
my $late = phone('late');
phone('before')->close;
get($t->port('http'), '/?before', basic('alice', 'secret'));
ok(wait_for(5, sub { slurp((logs())[2]) =~ /before/ }), 'logs are written');

ok(rotate(), 'new logs');

get($t->port('http'), '/?after', 'Authorization' => 'Basic !');
$_->close for $early, $late;

my ($error, $access, $sip) = logs();
ok(wait_for(5, sub { slurp($access) =~ /after/ }), 'HTTP writes there');
ok(wait_for(5, sub { slurp($sip) =~ /late/ && slurp($sip) =~ /early/ }),
    'SIP too, also the worker of before the reload');
ok(wait_for(5, sub { slurp($error) =~ /sent invalid "Authorization"/ }),
    'and errors');

my ($old) = map { `zcat $_` } "$sip.1.gz";
is($old, "before\@example.com\n", 'what was before is in the old one')
    or diag $old;
unlike(slurp($access), qr/before/, 'and not in the new one');
unlike(`zcat $access.1.gz`, qr/after/, 'and the other way');

ok(rotate(), 'once more');
