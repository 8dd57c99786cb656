package MRA::Nodes;

# Nodes with one Redis: nginx, each in a directory and with a zone of its own.
#
#   my $t = MRA::Nginx->new()->plan(3);
#   my $redis = MRA::Daemon->redis($t);
#   my $nodes = MRA::Nodes->new($t, uc => $uc,
#       redis => '127.0.0.1:6379',      # or a list, one for each
#       n => 2, mra => 'redis_lost deny;', workers => 2, zone => '4m',
#       clocks => [undef, '+5m'],       # of each node, by libfaketime
#       locations => 'location /api/ { mra_api; }');
#
#   my ($a, $b) = $nodes->all;          # MRA::Nginx, running
#   $nodes->remote($a)->do('get token x');      # in its first worker
#   $a->port('http')                    # mra_auth in front of "app"
#   $nodes->connected                   # true when all are
#
# name => 'edge' gives all of them one name.
# Log lines of Redis' state: $a->log.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use MRA::Util;


sub new {
    my ($class, $t, %option) = @_;
    my $self = bless { t => $t, %option }, $class;

    $t->write_file('secret', 's' x 32);
    chmod 0600, "$t->{dir}/secret";

    $self->{nodes} = [map { $self->node($_) } 1 .. $option{n} // 2];

    for my $i (0 .. $#{$self->{nodes}}) {
        local %ENV = (%ENV, clock($option{clocks}[$i]));
        $self->{nodes}[$i]->run;
    }

    return $self;
}


# only the time of day: a machine's own uptime is never wrong

sub faketime { (glob '/usr/lib/*/faketime/libfaketime.so.1')[0] }

sub clock {
    my ($ahead) = @_;
    return unless $ahead;

    return (LD_PRELOAD => faketime(), FAKETIME => $ahead,
        FAKETIME_DONT_FAKE_MONOTONIC => 1);
}


sub all { @{$_[0]->{nodes}} }


sub node {
    my ($self, $number) = @_;
    my $node = MRA::Nginx->new();
    my $remote = MRA::Remote->new($node);
    my $uc = $self->{uc} ? $self->{uc}->port : $node->port('uc');

    $node->{remote} = $remote;

    $node->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[ $remote->load, $remote->directives ]}
worker_processes @{[ $self->{workers} // 1 ]};
events { accept_mutex off; }
mra {
    node @{[ $self->{name} // "node$number" ]};
    zone @{[ $self->{zone} // '4m' ]};
    secret $self->{t}{dir}/secret;
    redis @{[ ref $self->{redis} ? $self->{redis}[$number - 1]
        : $self->{redis} ]};
    @{[ $self->{mra} // '' ]}
}
http {
    %%HTTP%%
    log_format mra '\$status \$mra_auth_status';
    access_log %%DIR%%/mra.log mra;
    server {
        listen 127.0.0.1:%%PORT_http%% reuseport backlog=1024;
        location / {
            mra_auth /verify;
            mra_auth_cookie X-Auth secure=off domain=off;
            proxy_pass http://127.0.0.1:%%PORT_app%%;
        }
        location = /verify {
            internal;
            proxy_pass http://127.0.0.1:$uc;
        }
        @{[ $self->{locations} // '' ]}
    }
    server {
        listen 127.0.0.1:%%PORT_app%%;
        access_log off;
        location / { return 200 "app"; }
    }
}
END

    return $node;
}


sub remote {
    my ($self, $node) = @_;
    return $node->{remote0} //= ($node->{remote}->workers)[0];
}


sub connected {
    my ($self) = @_;

    return !grep { my $node = $_;
        !wait_for(10, sub { $node->log =~ /redis \S+ is (?:connected|back)/ })
    } $self->all;
}


# how the requests to a node were let in or not

sub statuses {
    my ($self, $node) = @_;
    return split /\n/, $node->read_file('mra.log');
}


1;
