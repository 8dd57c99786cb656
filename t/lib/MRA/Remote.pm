package MRA::Remote;

# Calls the core's interface in a worker of the test's choice.
#
#   my $t = MRA::Nginx->new()->plan(2);
#   my $remote = MRA::Remote->new($t);
#
#   $t->write_file_expand('nginx.conf', "%%MAIN%%\n" . $remote->directives
#       . "events { }\nmra { }\n");
#   $t->run();
#
#   my ($w1, $w2) = $remote->workers;
#   is($w1->do('hit authorization alice 8 300000'), 'OK 1 0');
#
# The commands are in t/core/ngx_mra_remote_module.c, which is built here.

use strict;
use warnings;

use File::Basename qw(dirname);
use Cwd ();
use IO::Select;
use IO::Socket::UNIX;
use MRA::Nginx;
use MRA::Util;
use Socket qw(SOCK_STREAM);

our $root = Cwd::abs_path(dirname(__FILE__) . '/../../..');
my $number = 0;


sub new {
    my ($class, $t) = @_;

    my $self = bless { t => $t, name => "mra-remote.$$." . $number++ }, $class;
    $self->{module} = build("$t->{dir}/ngx_mra_remote_module.so");

    return $self;
}


sub build {
    my ($so, @flags) = @_;
    my $build = MRA::Nginx::build();
    my @sanitize = MRA::Nginx::sanitized()
        ? ('-fsanitize=address,undefined') : ();

    my @command = ($ENV{CC} || 'gcc', '-shared', '-fPIC', '-g', '-O2',
        '-Wall', @sanitize, @flags, '-o', $so,
        (map { "-I$build/src/src/$_" } qw(core event event/modules os/unix)),
        "-I$build", (map { "-I$root/modules/$_" } qw(policy state core)),
        "$root/t/core/ngx_mra_remote_module.c");

    system(@command) == 0 or die "cannot build $so\n";
    return $so;
}


# load_module is for the start of a configuration, the other for after it

sub load { "load_module $_[0]->{module};\n" }
sub directives { "mra_remote $_[0]->{name};\n" }


sub workers {
    my ($self) = @_;
    return map { $self->worker($_) } $self->{t}->workers;
}


sub worker {
    my ($self, $pid) = @_;
    my $socket;

    wait_for(5, sub {
        $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM,
            Peer => "\0$self->{name}.$pid");
    }) or die "worker $pid does not listen\n";

    return bless { socket => $socket, pid => $pid }, 'MRA::Remote::Worker';
}


# keeps a worker from leaving when it is told to, while the answer lives

sub busy {
    my ($self, $worker) = @_;

    $worker->do('busy 1');
    return bless { worker => $worker }, 'MRA::Remote::Busy';
}


package MRA::Remote::Busy;

sub DESTROY { $_[0]->{worker}->do('busy 0') }


package MRA::Remote::Worker;


sub pid { $_[0]->{pid} }


# undef: the worker has died of it, or has not answered in time

sub do {
    my ($self, $command) = @_;
    $self->ask($command);
    return $self->answer;
}


sub ask {
    my ($self, $command) = @_;
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{socket} } "$command\n";
    $self->{socket}->flush;
}


sub answer {
    my ($self, $seconds) = @_;

    if ($seconds) {
        IO::Select->new($self->{socket})->can_read($seconds) or return;
    }

    my $line = readline $self->{socket};
    chomp $line if defined $line;
    return $line;
}


1;
