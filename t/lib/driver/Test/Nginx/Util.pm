package Test::Nginx::Util;

# The server of a data-driven test: its directory, configuration and life.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use MRA::Nginx ();
use MRA::Util;
use POSIX ();
use Time::HiRes qw(sleep time);

our @SETTINGS = qw(workers worker_connections master_on master_off
    master_process_enabled log_level no_root_location env_to_nginx
    config_preamble server_port server_port_for_client server_addr
    server_name server_root html_dir);

our @EXPORT = @SETTINGS;
use Exporter 'import';

my %set = (workers => 1, connections => 64, master => 'off', env => [],
    level => $ENV{TEST_NGINX_LOG_LEVEL} || 'debug', root => 1,
    preamble => '', port => $ENV{TEST_NGINX_PORT} || free_port());

my $temp = $ENV{TEST_NGINX_SERVROOT}
    ? undef : File::Temp->newdir('mra-XXXXXX', TMPDIR => 1);
my $dir = $ENV{TEST_NGINX_SERVROOT} || "$temp/servroot";
my $owner = $$;

chmod 0755, "$temp" if $temp;
$ENV{TEST_NGINX_SERVER_PORT} //= $set{port};
$ENV{TEST_NGINX_SERVER_ROOT} = $dir;


sub setting {
    my $name = shift;
    $set{$name} = shift if @_;
    return $set{$name};
}


sub workers { setting('workers', @_) }
sub worker_connections { setting('connections', @_) }
sub master_on() { setting('master', 'on') }
sub master_off() { setting('master', 'off') }
sub master_process_enabled { setting('master', map { $_ ? 'on' : 'off' } @_) }
sub log_level { setting('level', @_) }
sub no_root_location() { setting('root', 0) }
sub env_to_nginx { push @{$set{env}}, @_ }
sub config_preamble($) { setting('preamble', @_) }
sub server_port { setting('port', @_) }
sub server_port_for_client { setting('port', @_) }
sub server_addr { '127.0.0.1' }
sub server_name { 'localhost' }
sub server_root() { $dir }
sub html_dir() { "$dir/html" }


sub new { return bless { from => 0, ports => {} }, shift }

sub version { return (MRA::Nginx::version_text() =~ m{nginx/([\d.]+)})[0] }


sub expand {
    my ($self, $text) = @_;
    return '' unless defined $text;

    $text =~ s/\$ServerPort(?:ForClient)?\b/$set{port}/g;
    $text =~ s/\$(TEST_NGINX_[_A-Z0-9]+)/
        my $name = $1;
        $name =~ m{RAND_PORT} ? $self->{ports}{$name} ||= free_port()
            : $ENV{$name} \/\/ die "no environment $name\n"
    /gex;

    return $text;
}


# files

sub write_user_files {
    my ($self, $block) = @_;
    my $files = $block->user_files or return;

    if (!ref $files) {
        my @list;
        push @list, [$1, $2]
            while $files =~ /^>>> (\S+)[^\n]*\n(.*?)(?=^>>> |\z)/gms;
        $files = \@list;
    }

    for my $file (@$files) {
        my ($name, $body) = @$file;
        my $path = $name =~ m{^/} ? $name : "$dir/html/$name";

        make_path($path =~ m{(.*)/});
        burp($path, $self->expand($body));
    }
}


sub prepare {
    my ($self, $block) = @_;
    my %section = map { $_ => $self->expand($block->$_) }
        qw(main_config http_config config post_main_config);

    remove_tree($dir);
    make_path("$dir/$_") for qw(logs html conf);
    burp("$dir/html/index.html", '<html><head><title>It works!</title>'
        . '</head><body>It works!</body></html>');
    $self->write_user_files($block);

    my $modules = join '', map { "load_module $_;\n" }
        defined $ENV{TEST_NGINX_LOAD_MODULES}
            ? split(' ', $ENV{TEST_NGINX_LOAD_MODULES})
            : MRA::Nginx->load_modules;
    my $level = $block->log_level || $set{level};
    my $env = join '', map { "env $_;\n" } @{$set{env}}, 'ASAN_OPTIONS';
    my $user = $> == 0 ? 'user root;' : '';
    my $temps = join "\n", map { "    ${_}_temp_path $dir/temp_$_;" }
        grep { $section{http_config} !~ /\b${_}_temp_path\b/ }
            qw(client_body proxy fastcgi scgi uwsgi);
    my $root = $set{root}
        ? "location / { root $dir/html; index index.html index.htm; }" : '';

    burp("$dir/conf/nginx.conf", <<"END");
worker_processes $set{workers};
daemon off;
master_process $set{master};
error_log $dir/logs/error.log $level;
pid $dir/logs/nginx.pid;
$user
$env
$modules
$section{main_config}

http {
    access_log $dir/logs/access.log;
$temps
    default_type text/plain;
    keepalive_timeout 68s;

$section{http_config}

    server {
        listen 127.0.0.1:$set{port};
        server_name localhost;
        client_max_body_size 30M;

$set{preamble}
$section{config}

        $root
    }
}

$section{post_main_config}

events {
    accept_mutex off;
    worker_connections $set{connections};
}
END
}


# life

sub spawn_nginx {
    my ($self) = @_;

    local %ENV = (%ENV, MRA::Nginx::environment());
    $self->{from} = 0;
    $self->{pid} = spawn("$dir/logs/stderr.log",
        MRA::Nginx::valgrind("$dir/logs"), MRA::Nginx::binary(),
        '-e', "$dir/logs/error.log", '-p', "$dir/",
        '-c', "$dir/conf/nginx.conf");
}


# the exit status, or nothing once it is serving

sub exits {
    my ($self) = @_;
    my $status;

    wait_for(10, sub {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) != 0) {
            $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
            delete $self->{pid};
            return 1;
        }

        return slurp("$dir/logs/nginx.pid") =~ /\d/;
    }) or die "nginx neither starts nor ends\n";

    return $status;
}


sub start {
    my ($self, $block) = @_;

    # the section without a value means the one before
    $block->set_value('config', $self->{config})
        if !defined $block->config && defined $self->{config};
    $self->{config} = $block->config;
    $self->{block} = $block;

    $self->stop;
    $self->prepare($block);
    $self->spawn_nginx;

    return unless defined $self->exits;

    die $block->name . " - nginx does not start:\n"
        . slurp("$dir/logs/error.log") . slurp("$dir/logs/stderr.log");
}


sub die_at_start {
    my ($self, $block) = @_;
    my $status;

    $self->stop;
    $self->prepare($block);
    $self->spawn_nginx;
    $status = $self->exits // 0;
    $self->stop;

    return $status;
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    Test::More::fail('nginx had to be killed')
        unless end_process($pid, 'QUIT', 10);
}


sub DESTROY {
    my ($self) = @_;
    local $?;
    $self->stop if $$ == $owner;
}


# [bytes, timed out]

sub exchange {
    my ($self, $packets, $seconds, $delay) = @_;
    my $bytes = '';

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $set{port}, Timeout => $seconds)
        or return ('', 1);

    for my $i (0 .. $#$packets) {
        sleep $packets->[$i]{delay_before} // $delay // 0 if $i;
        local $SIG{PIPE} = 'IGNORE';
        syswrite $socket, $packets->[$i]{value};
    }

    my $deadline = time + $seconds * ($ENV{MRA_VALGRIND} ? 10 : 1);
    my $select = IO::Select->new($socket);

    for (;;) {
        my $left = $deadline - time;
        return ($bytes, 1) if $left <= 0 || !$select->can_read($left);
        return ($bytes, 0) unless sysread $socket, $bytes, 65536,
            length $bytes;
    }
}


# nginx logs after the client has seen the end

sub error_lines {
    my ($self, $accumulate) = @_;
    sleep 0.03;

    my $text = slurp("$dir/logs/error.log");
    my $from = $accumulate ? 0 : $self->{from};
    $self->{from} = length $text;

    return [substr($text, $from) =~ /[^\n]*\n?/g];
}


sub access_lines {
    sleep 0.03;
    return [slurp("$dir/logs/access.log") =~ /[^\n]+\n?/g];
}


# what no test expects to see

sub surprises {
    my ($self) = @_;
    my $expected = $self->{block}->error_log // '';
    $expected = join "\n", @$expected if ref $expected eq 'ARRAY';

    $self->stop;

    my @alerts = grep { /\[(?:alert|emerg)\]/ }
        split /\n/, slurp("$dir/logs/error.log");
    @alerts = () if $expected =~ /\[(?:alert|emerg)/;

    return [@alerts, MRA::Nginx::reports(glob "$dir/logs/*.log")];
}


1;
