package MRA::Util;

# What every part of the library needs.
#
#   my $port = free_port();             nobody else gets it while we live
#   wait_for(5, sub { -e $file }) or die;
#   my $pid = spawn($log, 'redis-server', '--port', $port);
#   end_process($pid, 'TERM', 5);       false when it had to be killed
#   my $pid = child(sub { ... });       a fork; ends with the test, as all do
#   my $text = slurp($file);            '' when there is none

use strict;
use warnings;

use Exporter 'import';
use Fcntl ':flock';
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(free_port wait_for spawn child end_process slurp burp
    connects);

my (@locks, %children);

# a test that hangs fails, and ends what it started

$SIG{ALRM} = sub { die "the test hangs\n" };
alarm 300 * ($ENV{MRA_VALGRIND} ? 10 : 1);


# Below the range that the kernel hands out for outgoing connections, so
# that no client of a parallel test sits on the port of a future listener.
# The lock keeps parallel tests apart until we bind.

sub free_port {
    my $dir = "/tmp/mra-ports.$<";
    mkdir $dir;

    for (1 .. 2000) {
        my $port = 10240 + int rand 22000;

        open my $lock, '>', "$dir/$port" or die "$dir/$port: $!\n";
        flock($lock, LOCK_EX|LOCK_NB) or next;

        my @bound = map {
            IO::Socket::INET->new(Proto => $_, LocalPort => $port,
                LocalAddr => '0.0.0.0', $_ eq 'tcp' ? (Listen => 1) : ())
        } qw(tcp udp);

        if (@bound == 2 && $bound[0] && $bound[1]) {
            push @locks, $lock;
            return $port;
        }
    }

    die "no free port\n";
}


# valgrind is some twenty times slower

sub wait_for {
    my ($seconds, $done) = @_;
    my $end = time + $seconds * ($ENV{MRA_VALGRIND} ? 10 : 1);

    for (;;) {
        my $result = $done->();
        return $result if $result;
        return if time >= $end;
        sleep 0.01;
    }
}


# a child that outlived its test would keep prove waiting

sub child {
    my ($code) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid) {
        $children{$pid} = $$;
        return $pid;
    }

    eval { $code->(); 1 } or print STDERR $@;
    POSIX::_exit(0);
}


END {
    local $?;

    for my $pid (grep { $children{$_} == $$ } keys %children) {
        kill 'KILL', $pid if waitpid($pid, POSIX::WNOHANG()) == 0;
    }
}


sub spawn {
    my ($log, @command) = @_;

    return child(sub {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;

        { no warnings 'exec'; exec { $command[0] } @command; }

        print STDERR "$command[0]: $!\n";
        POSIX::_exit(127);
    });
}


sub end_process {
    my ($pid, $signal, $seconds) = @_;

    kill $signal, $pid;

    return 1 if wait_for($seconds, sub {
        my $got = waitpid $pid, POSIX::WNOHANG();
        return $got == $pid || $got == -1;
    });

    kill 'KILL', $pid;
    waitpid $pid, 0;
    return 0;
}


sub connects {
    my ($port) = @_;
    return !!IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Timeout => 1);
}


sub slurp {
    my ($path) = @_;
    open my $fh, '<:raw', $path or return '';
    local $/;
    return scalar <$fh> // '';
}


sub burp {
    my ($path, $content) = @_;
    open my $fh, '>:raw', $path or die "$path: $!\n";
    print $fh $content;
    close $fh or die "$path: $!\n";
}


1;
