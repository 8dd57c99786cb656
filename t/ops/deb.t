# The Debian package: what is in it, and how it comes, is replaced and goes,
# in a root of its own that lies over the one of this machine.

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use MRA::Nginx;
use MRA::Util;
use Test::More;

alarm 900;                      # it compiles all

plan(skip_all => 'not the nginx of Debian')
    if MRA::Nginx::binary() ne '/usr/sbin/nginx'
        || !-e '/usr/share/nginx/src/conf_flags';

my $dir = File::Temp->newdir('mra-XXXXXX', TMPDIR => 1);
my $before = `git status --porcelain 2>&1`;

delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
my $made = `make deb BUILD=$dir 2>&1`;
is($?, 0, 'make deb, without a complaint of lintian') or diag $made;
is(`git status --porcelain 2>&1`, $before, 'nothing is left behind');

my ($deb) = $made =~ /^(\S+\.deb)$/m;
my $abi = slurp('/usr/share/nginx/src/debian/libnginx-mod.abisubstvars')
    =~ /^nginx:abi=(\S+)/m && $1;

like(`dpkg-deb -f $deb Depends`, qr/\b\Q$abi\E(?:,|$)/,
    'depends on what nginx promises');


# the manual page has what the README has

system("dpkg-deb -x $deb $dir/x") == 0 or die;
my $page = `zcat $dir/x/usr/share/man/man5/nginx_mra.5.gz` =~ s/\\-/-/gr;

my @missing = grep { $page !~ /^\.SS \\fB$_\\fR$/m }
    slurp('README.md') =~ /^#### `(\w+)`/mg;
is("@missing", '', 'the manual page names all directives');


# a root over that of this machine, in namespaces of its own

my $root = "$dir/over/root";
mkdir "$dir/over";

my $script = <<"END";
mount -t tmpfs none $dir/over
cd $dir/over
mkdir up work root
mount -t overlay -o lowerdir=/,upperdir=up,workdir=work none root
mount -t proc none root/proc
mount -t tmpfs none root/run
mount --bind /dev root/dev
mkdir -p root/debs
cp $deb root/debs/one.deb
rm -f root/usr/sbin/policy-rc.d root/usr/sbin/runlevel
printf '#!/bin/sh\necho N 5\n' > root/usr/sbin/runlevel
chmod 755 root/usr/sbin/runlevel
ip link set lo up
echo ready > $dir/ready
exec chroot root sleep 900
END

my $space = spawn("$dir/space.log", qw(unshare -m -n -p -f --kill-child),
    'sh', '-ec', $script);
my $up = wait_for(20, sub { waitpid($space, POSIX::WNOHANG()) && -1
    || slurp("$dir/ready") });

if ($up ne "ready\n") {
    my $why = slurp("$dir/space.log");
    note "no root of its own, not installed: $why";
    done_testing();
    exit;
}

my ($inside) = split ' ', slurp("/proc/$space/task/$space/children");

sub run {
    my ($command) = @_;
    my $pid = open my $out, '-|', 'nsenter', '-t', $inside, qw(-m -n -p),
        'env', 'DEBIAN_FRONTEND=noninteractive', 'chroot', $root, 'sh', '-c',
        "exec 2>&1 < /dev/null; $command" or die;
    my $text = join '', <$out>;
    close $out;
    return $text;
}


sub works {
    my ($command, $name) = @_;
    my $text = run($command);
    is($?, 0, $name) or diag $text;
    return $text;
}


my $get = 'curl -s -o /dev/null -w %{http_code} http://127.0.0.1:8181/';
my $links = 'cd /etc/nginx/modules-enabled && ls | grep mra';


# it comes

works('dpkg -i /debs/one.deb', 'installs');
is(run($links), "60-mod-mra.conf\n70-mod-http-mra.conf\n"
    . "70-mod-stream-mra.conf\n", 'all modules are enabled');
works('nginx -t', 'nginx -t');
is(join(' ', grep { /mra|^stream/ }
    run('nginx -T') =~ m{^load_module modules/ngx_(\w+)_module}mg),
    'stream mra http_mra stream_mra', 'in the right order');


# it serves, also while it is replaced

run(q(cat > /etc/nginx/modules-enabled/80-mra.conf << 'END'
mra { }
stream {
    upstream uc { server 127.0.0.1:5060; }
    server { listen 127.0.0.1:5061; mra_sip_pass uc; }
}
END
cat > /etc/nginx/conf.d/mra.conf << 'END'
server {
    listen 127.0.0.1:8181;
    location / { mra_auth /verify; }
    location = /verify { internal; return 403; }
}
END));
works('invoke-rc.d nginx start', 'nginx starts');
is(run($get), 401, 'and asks who we are');

my $master = run('cat /run/nginx.pid');
run('cd /debs && dpkg-deb -R one.deb two && sed -i "s/^Version:.*/&.1/"'
    . ' two/DEBIAN/control && dpkg-deb -b two two.deb');
works('dpkg -i /debs/two.deb', 'another version replaces it');
ok(wait_for(20, sub { run('test -e /run/nginx.pid.oldbin; echo $?') == 1
    && run('cat /run/nginx.pid') ne $master }), 'and the nginx that runs');
ok(wait_for(10, sub { run($get) == 401 }), 'which still asks');
unlike(run('cat /var/log/nginx/error.log'), qr/\[(?:emerg|alert)\]/,
    'nothing went wrong');


# it goes

run('rm /etc/nginx/modules-enabled/80-mra.conf /etc/nginx/conf.d/mra.conf');
works('dpkg -r libnginx-mod-mra', 'is removed');
works('nginx -t', 'nginx -t without it');
works('dpkg -i /debs/one.deb', 'comes again');
is(run("$links | wc -l"), "3\n", 'enabled');
works('rm /etc/nginx/modules-enabled/70-mod-stream-mra.conf; '
    . 'dpkg -i /debs/two.deb', 'replaced again');
is(run("$links | wc -l"), "2\n", 'what was disabled stays so');
works('dpkg -P libnginx-mod-mra', 'is purged');
is(run('find /etc /usr /var/lib/nginx -path /usr/src -prune -o '
    . '-name "*mod*mra*" -print -o -name "ngx_*mra_module.so" -print'), '',
    'nothing is left');
works('nginx -t', 'nginx -t');
run('invoke-rc.d nginx stop');

done_testing();
