package MRA::Cluster;

# A Redis Cluster: masters, and a replica for each that is wanted.
#
#   my $cluster = MRA::Cluster->new($t, masters => 3, replicas => 3,
#       options => ['--cluster-require-full-coverage', 'no']);
#                                   # or a function, called for each server
#
#   $cluster->addresses             # as in "redis", with cluster=on
#   $cluster->servers               # MRA::Daemon, masters first
#   $cluster->owner('alice')        # the server that has this key's slot
#   $cluster->all('DBSIZE')         # what each of them answers
#   my $server = $cluster->add;     # one more, without slots
#   $cluster->move($slot, $from, $to, $while)
#                                   # with its keys; $while->() half way
#
# Slots are dealt out and nodes meet by hand, as redis-cli takes longer.

use strict;
use warnings;

use MRA::Daemon;
use MRA::Util;


sub new {
    my ($class, $t, %option) = @_;
    my $self = bless { t => $t, servers => [],
        options => $option{options} // [] }, $class;
    my $masters = $option{masters} // 3;

    $self->start for 1 .. $masters + ($option{replicas} // 0);

    my @servers = $self->servers;
    my @masters = @servers[0 .. $masters - 1];

    for my $i (0 .. $#masters) {
        my $first = int 16384 * $i / $masters;
        my $last = int(16384 * ($i + 1) / $masters) - 1;
        $masters[$i]->cli('CLUSTER', 'ADDSLOTSRANGE', $first, $last);
        $masters[$i]->cli('CLUSTER', 'SET-CONFIG-EPOCH', $i + 1);
    }

    $self->meet($_) for @servers[1 .. $#servers];

    for my $i ($masters .. $#servers) {
        my $id = $masters[($i - $masters) % $masters]
            ->cli('CLUSTER', 'MYID');
        $self->until(sub {
            $servers[$i]->cli('CLUSTER', 'REPLICATE', $id) =~ /^OK/ });
    }

    $self->whole;
    return $self;
}


sub start {
    my ($self) = @_;
    my $server;

    # the other port, which they talk to each other by, is 10000 above

    for (1 .. 5) {
        my $bus = free_port();
        $server = eval { MRA::Daemon->redis($self->{t},
            '--cluster-enabled', 'yes', '--cluster-port', $bus,
            '--cluster-config-file', "nodes-$bus.conf",
            '--cluster-node-timeout', 2000,
            '--cluster-replica-validity-factor', 0,
            '--repl-diskless-sync-delay', 0, ref $self->{options} eq 'CODE'
                ? $self->{options}->() : @{$self->{options}}) } or next;
        $server->{bus} = $bus;
        last;
    }

    push @{$self->{servers}}, $server // die "no cluster node: $@";
    return $server;
}


sub meet {
    my ($self, $server) = @_;
    my ($first) = $self->servers;
    $first->cli('CLUSTER', 'MEET', '127.0.0.1', $server->port,
        $server->{bus});
}


sub servers   { @{$_[0]->{servers}} }
sub addresses { join ' ', map { '127.0.0.1:' . $_->port } $_[0]->servers }
sub all       { my ($self, @command) = @_;
                return map { $_->cli(@command) } $self->servers }


sub until {
    my ($self, $done, $seconds) = @_;
    wait_for($seconds // 30, $done)
        or die join "\n", 'the cluster is not ready:',
            $self->all('CLUSTER', 'NODES'), '';
}


# all know all, and all slots are served

sub whole {
    my ($self, $seconds) = @_;
    my $n = grep { $_->alive } $self->servers;

    $self->until(sub {
        !grep { my $info = $_->cli('CLUSTER', 'INFO');
            $info !~ /cluster_state:ok/
                || ($info =~ /cluster_known_nodes:(\d+)/)[0] < $n
                || $_->cli('ROLE') =~ /^slave/
                    && $_->cli('INFO', 'replication')
                        !~ /master_link_status:up/
        } grep { $_->alive } $self->servers
    }, $seconds);
}


sub add {
    my ($self) = @_;
    my $server = $self->start;
    $self->meet($server);
    $self->whole;
    return $server;
}


sub owner_of_slot {
    my ($self, $slot) = @_;

    for my $server (grep { $_->alive } $self->servers) {
        my ($own) = $server->cli('CLUSTER', 'NODES') =~ /myself,master(.*)/;

        for my $range (split ' ', $own // '') {
            return $server if $range =~ /^(\d+)(?:-(\d+))?$/
                && $slot >= $1 && $slot <= ($2 // $1)
                && $range ne ($own =~ /^ - \d+ \d+ (\d+) /)[0];
        }
    }

    return;
}


sub move {
    my ($self, $slot, $from, $to, $while) = @_;
    my ($from_id, $to_id) = map { $_->cli('CLUSTER', 'MYID') } $from, $to;

    $to->cli('CLUSTER', 'SETSLOT', $slot, 'IMPORTING', $from_id);
    $from->cli('CLUSTER', 'SETSLOT', $slot, 'MIGRATING', $to_id);

    my $half = 1;

    while (my @keys = split /\n/, $from->cli('CLUSTER', 'GETKEYSINSLOT',
        $slot, 1))
    {
        $from->cli('MIGRATE', '127.0.0.1', $to->port, '', 0, 5000, 'KEYS',
            @keys);
        $while->() if $while && $half;
        $half = 0;
    }

    $while->() if $while && $half;

    $_->cli('CLUSTER', 'SETSLOT', $slot, 'NODE', $to_id) for $to, $from;
}


1;
