package MRA::Daemon;

# Real daemons beside nginx, in the directory of the test, on free ports.
#
#   my $redis = MRA::Daemon->redis($t);         # options go to the command:
#   my $redis = MRA::Daemon->redis($t, '--requirepass', 'secret');
#   $redis->port; $redis->cli('GET', 'x');
#
#   my $sip = MRA::Daemon->kamailio($t, 'kamailio.cfg', $t->port('sip'));
#   my $phone = MRA::Daemon->baresip($t, 'phone');   # $dir/phone/{config,..}
#   my $f2b = MRA::Daemon->fail2ban($t, 'f2b');      # $dir/f2b/*.conf
#   $f2b->client('status', 'mra-http');
#
#   my $d = MRA::Daemon->start($t, name => 'x', command => [...],
#       ports => [$port], ready => qr/in its log/);
#
#   $d->stop; $d->kill('STOP'); $d->log; $d->wait_log(qr/.../, 5); $d->alive
#   $d->restart;                                # same command, same port
#
# A daemon ends with its object.

use strict;
use warnings;

use IO::Socket::INET;
use MRA::Util;
use POSIX ();


sub start {
    my ($class, $t, %self) = @_;

    my $self = bless { t => $t, owner => $$, ports => [],
        log => "$t->{dir}/$self{name}.out", %self }, $class;

    return $self->restart;
}


sub restart {
    my ($self) = @_;
    $self->stop;

    $self->{from} = length slurp($self->{log});
    $self->{pid} = spawn($self->{log}, @{$self->{command}});

    wait_for(20, sub {
        $self->alive or $self->fail('died');
        return 0 if grep { !connects($_) } @{$self->{ports}};
        return !$self->{ready} || $self->log =~ $self->{ready};
    }) or $self->fail('is not ready');

    return $self;
}


sub fail {
    my ($self, $what) = @_;
    my $log = $self->log;
    $self->stop;
    die "$self->{name} $what:\n$log\n";
}


sub pid  { $_[0]->{pid} }
sub port { $_[0]->{ports}[0] }
sub log  { substr slurp($_[0]->{log}), $_[0]->{from} }


sub alive {
    my ($self) = @_;
    return $self->{pid} && waitpid($self->{pid}, POSIX::WNOHANG()) == 0;
}


sub wait_log {
    my ($self, $pattern, $seconds) = @_;
    return wait_for($seconds // 5, sub { $self->log =~ $pattern });
}


sub kill {
    my ($self, $signal) = @_;
    return CORE::kill($signal, $self->{pid});
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    CORE::kill('CONT', $pid);
    end_process($pid, 'TERM', 5);
    return $self;
}


sub DESTROY {
    my ($self) = @_;
    local $?;
    $self->stop if $$ == $self->{owner};
}


# the daemons that we know

sub redis {
    my ($class, $t, @options) = @_;
    my $port = free_port();
    my $dir = "$t->{dir}/redis-$port";
    mkdir $dir;

    return $class->start($t, name => "redis-$port", ports => [$port],
        ready => qr/Ready to accept connections/, command => [
            'redis-server', '--port', $port, '--bind', '127.0.0.1',
            '--dir', $dir, '--save', '', '--appendonly', 'no', @options]);
}


sub cli {
    my ($self, @command) = @_;
    open my $out, '-|', 'redis-cli', '-p', $self->port, @command
        or die "redis-cli: $!\n";
    my $text = join '', <$out>;
    $text =~ s/\n\z//;
    return $text;
}


sub kamailio {
    my ($class, $t, $config, @ports) = @_;
    my $dir = "$t->{dir}/$config.run";
    mkdir $dir;

    return $class->start($t, name => $config, ports => \@ports, command => [
        'kamailio', '-DD', '-E', '-f', "$t->{dir}/$config", '-Y', $dir,
        '-w', $dir, '-P', "$dir/pid", '-m', 32, '-M', 4]);
}


sub baresip {
    my ($class, $t, $name) = @_;

    return $class->start($t, name => $name, ready => qr/baresip is ready/,
        command => ['baresip', '-f', "$t->{dir}/$name"]);
}


sub fail2ban {
    my ($class, $t, $name) = @_;
    my $dir = "$t->{dir}/$name";
    my @where = ('-c', $dir, '-s', "$dir/socket", '-p', "$dir/pid");

    return $class->start($t, name => $name, where => \@where,
        ready => qr/Server ready/, command => ['fail2ban-server', '-xf',
            @where, '--logtarget', 'STDOUT', 'start']);
}


sub client {
    my ($self, @command) = @_;
    open my $out, '-|', 'fail2ban-client', @{$self->{where}}, @command
        or die "fail2ban-client: $!\n";
    return join '', <$out>;
}


1;
