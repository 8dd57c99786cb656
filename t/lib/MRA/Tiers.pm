package MRA::Tiers;

# Edge nodes in front of core nodes: nginx twice or more often, with mutual
# TLS in between, and a registrar behind.
#
#   my $t = MRA::Nginx->new()->plan(3);
#   my $tiers = MRA::Tiers->new($t, uc => [$port, ...],
#       edges => 2, cores => 2,         # 1
#       path => 'on',                   # sip_path_headers
#       accept => 0,                    # the registrar connects to nobody
#       workers => 1, extra => '...',   # what else is in mra { }
#       edge => '...', core => '...',   # ... in the server
#       edge_extra => '...', core_extra => '...',     # ... in mra { }
#       http => 1);                     # mra_api at $node->port('http')
#
#   $tiers->run;
#   $tiers->phone(0, user => 'alice');  # an MRA::SIP at the first edge node
#   $tiers->inside(0);                  # the port that the registrar uses
#   $tiers->edge(0); $tiers->core(1);   # the MRA::Nginx

use strict;
use warnings;

use MRA::Cert;
use MRA::Nginx;
use MRA::SIP;
use MRA::Util;


sub new {
    my ($class, $t, %option) = @_;

    my $self = bless { edges => 1, cores => 1, path => 'off', accept => 1,
        workers => 1, extra => '', edge => '', core => '', edge_extra => '',
        core_extra => '', %option }, $class;

    $self->{http} = $self->{http} ? <<'END' : '';
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_http%% reuseport;
        location /api/ { mra_api write=on; }
    }
}
END

    my $ca = $self->{ca} = MRA::Cert->new($t->dir);
    $ca->issue('edge', names => ['edge.example.com', 'localhost']);
    $ca->issue('core', names => ['core.example.com']);

    chmod 0600, $t->write_file('secret', 'core nodes' x 4),
        $t->write_file('edge-secret', 'edge nodes' x 4);

    $self->{dir} = $t->dir;
    $self->{core} = $option{core} // '';
    $self->{edge} = $option{edge} // '';

    $self->{core_nodes} = [map { $self->make_core($_) }
        1 .. $self->{cores}];
    $self->{edge_nodes} = [map { $self->make_edge($_) }
        1 .. $self->{edges}];

    return $self;
}


sub edge { $_[0]->{edge_nodes}[$_[1] // 0] }
sub core { $_[0]->{core_nodes}[$_[1] // 0] }
sub inside { $_[0]->core($_[1])->port('inside') }


sub make_core {
    my ($self, $n) = @_;
    my $t = MRA::Nginx->new;
    my $dir = $self->{dir};
    my $servers = join "\n", map { "server 127.0.0.1:$_;" }
        @{$self->{uc}};
    my $accept = $self->{accept} ? <<'END' : '';
    server {
        listen 127.0.0.1:%%PORT_inside%% reuseport;
        mra_sip_accept uc;
    }
END

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes $self->{workers};
events { }
mra {
    node core$n;
    secret $dir/secret;
    sip_path_headers $self->{path};
    $self->{extra} $self->{core_extra}
}
$self->{http}
stream {
    upstream uc { $servers }
    server {
        listen 127.0.0.1:%%PORT_trunk%% ssl reuseport;
        ssl_certificate $dir/core.crt;
        ssl_certificate_key $dir/core.key;
        ssl_client_certificate $dir/ca.crt;
        ssl_verify_client on;
        mra_sip_edge edge.example.com;
        mra_sip_pass uc;
        $self->{core}
    }
    $accept
}
END
    return $t;
}


sub make_edge {
    my ($self, $n) = @_;
    my $t = MRA::Nginx->new;
    my $dir = $self->{dir};
    my $servers = join "\n", map { 'server 127.0.0.1:' . $_->port('trunk')
        . ';' } @{$self->{core_nodes}};

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes $self->{workers};
events { }
mra {
    node edge$n;
    secret $dir/edge-secret;
    sip_path_headers $self->{path};
    $self->{extra} $self->{edge_extra}
}
$self->{http}
stream {
    upstream core { $servers }
    server {
        listen 127.0.0.1:%%PORT_sip%% ssl reuseport;
        ssl_certificate $dir/edge.crt;
        ssl_certificate_key $dir/edge.key;
        mra_sip_pass core;
        mra_sip_ssl on;
        mra_sip_ssl_verify on;
        mra_sip_ssl_name core.example.com;
        mra_sip_ssl_trusted_certificate $dir/ca.crt;
        mra_sip_ssl_certificate $dir/edge.crt;
        mra_sip_ssl_certificate_key $dir/edge.key;
        $self->{edge}
    }
}
END
    return $t;
}


sub run {
    my ($self) = @_;

    $_->run for @{$self->{core_nodes}}, @{$self->{edge_nodes}};

    return $self;
}


sub phone {
    my ($self, $n, %option) = @_;

    return MRA::SIP->connect($self->edge($n)->port('sip'), ssl => 1,
        ca => "$self->{dir}/ca.crt", %option);
}


1;
