package MRA::Nginx;

# An nginx with our modules in a directory of its own.
#
#   use MRA::Nginx;
#
#   my $t = MRA::Nginx->new()->plan(2);     # our 2 tests + the free checks
#
#   $t->write_file_expand('nginx.conf', <<'END');
#   %%MAIN%%
#   events { }
#   mra { node one; }
#   http {
#       %%HTTP%%
#       server { listen 127.0.0.1:%%PORT_http%%; ... }
#   }
#   END
#
#   $t->run();
#   get($t->port('http'), '/');
#
# In the text, first those that stand for others:
#
#   %%AUTH%%    mra_auth, and proxy_pass to the server that %%APP%% is
#   %%VERIFY%%  the internal location that asks MRA::UC
#   %%APP%%     the server behind, which answers "app"
#
# and then: %%MAIN%% load_module, pid, error_log; %%HTTP%% access_log and
# temporary paths; %%DIR%% the directory; %%PORT_name%% the free port of that
# name, as port('name'); %%HTTP2_LISTEN%%, %%HTTP2%% as the version wants it.
#
#   write_file, write_file_expand, read_file   files in the directory
#   run, reload, stop           reload waits until new workers serve
#   workers, master             process ids;  kill_worker($pid, 'KILL')
#   log, access_log             texts;  wait_log(qr/.../, seconds)
#   config_test($text)          ($ok, $output) of nginx -t
#   has_version('1.25.1')
#   plan($n)                    or done_testing() after the last test
#
# Whoever comes from 127.0.0.1 is exempt from protection; new(protect => 1)
# takes that back.
#
# The free checks, over all instances of the test: no alert or emerg except
# those declared by expect(qr/.../); no sanitizer or valgrind report; no
# string of secret(...) in any log; nginx stopped by itself when asked to.

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);
use File::Temp ();
use MRA::Util;
use POSIX ();
use Test::More ();

my $builder = Test::More->builder;
my $root = Cwd::abs_path(dirname(__FILE__) . '/../../..');
my $owner = $$;
my (@instances, $checks_planned, $checks_done);


sub binary { $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx' }
sub build  { $ENV{MRA_BUILD} || "$root/build" }


sub new {
    my ($class, %args) = @_;

    my $dir = File::Temp->newdir('mra-XXXXXX', TMPDIR => 1,
        CLEANUP => !$ENV{MRA_KEEP});
    chmod 0755, $dir;           # workers run as another user

    my $self = bless {
        dir => "$dir", tempdir => $dir, ports => {}, expected => [],
        secrets => [], log_level => 'info', %args
    }, $class;

    push @instances, $self;
    return $self;
}


# the binary under test

my %version_of;

sub version_text {
    my $binary = binary();
    return $version_of{$binary} //= `$binary -V 2>&1`;
}


sub has_version {
    my ($self, $wanted) = @_;
    my ($have) = version_text() =~ m{nginx/([\d.]+)};

    return version->parse($have) >= version->parse($wanted);
}


sub load_modules {
    my ($self) = @_;
    my @paths;

    if (version_text() =~ /--with-stream=dynamic/) {
        my ($dir) = version_text() =~ /--modules-path=(\S+)/;
        push @paths, "$dir/ngx_stream_module.so";
    }

    if (version_text() !~ m{--add-module=\S*}) {
        my @modules = map { build() . "/ngx_${_}_module.so" }
            qw(mra http_mra stream_mra);

        push @paths, shift @modules, grep { -e } @modules;
    }

    return @paths;
}


# files

sub dir { $_[0]->{dir} }


sub port {
    my ($self, $name) = @_;
    return $self->{ports}{$name} //= free_port();
}


sub expand {
    my ($self, $text) = @_;
    my $dir = $self->{dir};

    my %value = (
        DIR => $dir,
        MAIN => join('', map { "load_module $_;\n" } $self->load_modules)
            . "daemon off;\npid $dir/nginx.pid;\n"
            . "error_log $dir/error.log $self->{log_level};\n",
        HTTP => "access_log $dir/access.log;\n"
            . join('', map { my $d = $_ eq 'client_body' ? 'body' : $_;
                             "${_}_temp_path $dir/temp_$d;\n" }
                   qw(client_body proxy fastcgi scgi uwsgi)),
        HTTP2_LISTEN => $self->has_version('1.25.1') ? '' : 'http2',
        HTTP2 => $self->has_version('1.25.1') ? 'http2 on;' : '',
    );

    my %piece = (
        AUTH => 'mra_auth /verify; '
            . 'proxy_pass http://127.0.0.1:%%PORT_app%%;',
        VERIFY => 'location = /verify { internal; '
            . 'proxy_pass http://127.0.0.1:%%PORT_uc_http%%; }',
        APP => 'server { listen 127.0.0.1:%%PORT_app%%; access_log off; '
            . 'location / { return 200 "app"; } }',
    );

    $text =~ s/%%(AUTH|VERIFY|APP)%%/$piece{$1}/g;
    $text =~ s/^(mra \{)/$1 exempt 127.0.0.1;/m if !$self->{protect};
    $text =~ s/%%PORT_(\w+)%%/$self->port($1)/ge;
    $text =~ s/%%([A-Z0-9_]+)%%/$value{$1} \/\/ die "unknown %%$1%%\n"/ge;

    return $text;
}


sub write_file {
    my ($self, $name, $content) = @_;
    burp("$self->{dir}/$name", $content);
    return "$self->{dir}/$name";
}


sub write_file_expand {
    my ($self, $name, $text) = @_;
    return $self->write_file($name, $self->expand($text));
}


sub read_file  { slurp("$_[0]->{dir}/$_[1]") }
sub log        { $_[0]->read_file('error.log') }
sub access_log { $_[0]->read_file('access.log') }


sub wait_log {
    my ($self, $pattern, $seconds) = @_;
    return wait_for($seconds // 5, sub { $self->log =~ $pattern });
}


# life

sub command {
    my ($self, $conf, $log, @options) = @_;
    my $dir = $self->{dir};

    return (valgrind($dir), binary(), '-p', "$dir/", '-c', "$dir/$conf",
        '-e', "$dir/$log", @options);
}


sub valgrind {
    my ($dir) = @_;
    return unless $ENV{MRA_VALGRIND};

    return ('valgrind', '--quiet', '--leak-check=full',
        '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite',
        '--num-callers=30', "--suppressions=$root/t/valgrind.supp",
        "--log-file=$dir/valgrind.%p.log");
}


# modules built with sanitizers need their library before anything else

sub sanitized {
    my $module = build() . '/ngx_mra_module.so';
    return -e $module && slurp($module) =~ /libasan\.so/;
}


sub environment {
    my @preload = sanitized()
        ? (LD_PRELOAD => join ' ', `gcc -print-file-name=libasan.so`
            =~ s/\n//r, $ENV{LD_PRELOAD} // ()) : ();

    # every nginx module defines ngx_modules; nginx leaks on purpose at exit
    return (
        ASAN_OPTIONS => 'detect_odr_violation=0:detect_leaks=0',
        UBSAN_OPTIONS => 'print_stacktrace=1', @preload,
    );
}


sub run {
    my ($self) = @_;
    my $dir = $self->{dir};

    local %ENV = (%ENV, environment());
    unlink "$dir/nginx.pid";
    $self->{started_at} = length $self->log;
    $self->{pid} = spawn("$dir/stderr.log",
        $self->command('nginx.conf', 'error.log'));

    my $up = wait_for(10, sub {
        waitpid($self->{pid}, POSIX::WNOHANG()) == 0 or return -1;
        return slurp("$dir/nginx.pid") =~ /\d/
            && $self->workers >= $self->wanted;
    });

    if (!$up || $up == -1) {
        my $why = substr($self->log, $self->{started_at})
            . $self->read_file('stderr.log');
        end_process(delete $self->{pid}, 'KILL', 1);
        die "nginx does not start:\n$why\n";
    }

    return $self;
}


sub wanted {
    my ($self) = @_;
    my $conf = $self->read_file('nginx.conf');
    return 0 if $conf =~ /^\s*master_process\s+off/m;
    return $conf =~ /^\s*worker_processes\s+(\d+)/m ? $1 : 1;
}


sub master { $_[0]->{pid} }


# the newest generation, as the master's own log tells it

sub workers {
    my ($self) = @_;
    my $log = substr $self->log, $self->{started_at};
    my ($generation) = $log =~ /.*: reconfiguring\n(.*)/s;

    return grep { kill 0, $_ and $log !~ /: worker process $_ exited/ }
        ($generation // $log) =~ /start worker process (\d+)/g;
}


sub reload {
    my ($self) = @_;
    my @old = $self->workers;
    my $from = length $self->log;

    kill 'HUP', $self->{pid};

    my $done = wait_for(10, sub {
        my $new = substr $self->log, $from;
        return -1 if $new =~ /\[emerg\]/;

        return $self->workers >= $self->wanted
            && $new =~ /reconfiguring/
            && !grep { kill(0, $_) && $new !~ / $_#\d+: gracefully / } @old;
    });

    die "reload failed:\n", substr($self->log, $from), "\n"
        if !$done || $done == -1;

    return $self;
}


sub kill_worker {
    my ($self, $pid, $signal) = @_;

    kill $signal // 'KILL', $pid;

    return wait_for(5, sub {
        $self->log =~ /process $pid exited.*start worker process \d/s;
    });
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    $self->{hung} = 1 unless end_process($pid, 'QUIT', 10);

    # a worker that outlives a killed master would keep its ports
    if ($self->{hung}) {
        kill 'KILL', $_ for $self->workers;
    }

    return $self;
}


sub config_test {
    my ($self, $text) = @_;
    my $dir = $self->{dir};

    $self->write_file_expand('test.conf', $text);
    local %ENV = (%ENV, environment());

    local $ENV{MRA_VALGRIND};

    my $log = "$dir/test.out";
    unlink $log;
    my $pid = spawn($log, $self->command('test.conf', 'test.err', '-t'));
    waitpid $pid, 0;

    return ($? == 0, slurp($log));
}


# plan and free checks

sub plan {
    my ($self, $n) = @_;
    $checks_planned = 1;
    Test::More::plan(tests => $n + 4);
    return $self;
}


sub done_testing {
    free_checks();
    Test::More::done_testing();
}


sub expect { my $self = shift; push @{$self->{expected}}, @_; $self }


sub secret {
    my ($self, @strings) = @_;

    length > 5 or die "secret \"$_\" is too short to look for\n" for @strings;
    push @{$self->{secrets}}, @strings;
    return $self;
}


sub logs {
    my ($self) = @_;
    return grep { -f } glob "$self->{dir}/*.log $self->{dir}/*/*.log";
}


sub alerts {
    my ($self) = @_;
    my @lines = grep { /\[(?:alert|emerg)\]/ } split /\n/, $self->log;
    my @left = @lines;

    for my $pattern (@{$self->{expected}}) {
        @left = grep { $_ !~ $pattern } @left;
        push @left, "expected and not seen: $pattern"
            unless grep { $_ =~ $pattern } @lines;
    }

    return @left;
}


sub reports {
    my (@files) = @_;
    return map { slurp($_) =~ /^(.*(?:Sanitizer|runtime error:|==\d+== ).*)$/m
                 ? "$_: $1" : () } @files;
}


sub leaks {
    my ($self) = @_;
    my %text = map { $_ => slurp($_) } $self->logs;

    return map {
        my ($file, $n) = ($_, 0);
        map { $n++; index($text{$file}, $_) < 0
              ? () : "$file: secret $n: " . substr($_, 0, 3) . '...' }
            map { @{$_->{secrets}} } @instances;
    } sort keys %text;
}


sub free_checks {
    return if $checks_done++;

    $_->stop for @instances;

    none('no alerts', map { $_->alerts } @instances);
    none('no sanitizer reports', map { reports($_->logs) } @instances);
    none('no secrets in logs', map { $_->leaks } @instances);
    none('nginx stopped in time',
        map { $_->{hung} ? "$_->{dir}: killed" : () } @instances);
}


sub none {
    my ($name, @found) = @_;
    $builder->ok(!@found, $name);
    $builder->diag(join "\n", @found[0 .. ($#found > 9 ? 9 : $#found)])
        if @found;
}


END {
    if ($$ == $owner) {
        my $status = $?;
        free_checks() if $checks_planned;
        $_->stop for @instances;
        $builder->diag("kept: $_->{dir}")
            for $ENV{MRA_KEEP} ? @instances : ();
        $? = $status;
    }
}


1;
