#!/usr/bin/perl

# Without a master: one process configures, serves and reloads.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(11);
my $remote = MRA::Remote->new($t);

sub configure {
    my ($zone) = @_;

    $t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
@{[$remote->load]}
@{[$remote->directives]}
master_process off;
events { }
mra { zone $zone; }
END
}

sub reload {
    my $n = () = $t->log =~ /reconfiguring\n/g;
    kill 'HUP', $t->master;
    wait_for(5, sub { (() = $t->log =~ /reconfiguring\n/g) > $n });
    sleep 1;
}

configure('1m');
$t->run();
my $w = $remote->worker($t->master);

is($w->do('set token t alice 60000'), 'OK', 'set');
is($w->do('counter token 3'), 3, 'count');
my ($self) = (split ' ', $w->do('received'))[4];
is($w->do("send $self 600 2"), 'OK 0', 'a message to itself');
ok(wait_for(5, sub { $w->do('received') =~ /^2 1200 0 / }), 'arrives');

reload();

like($w->do('get token t'), qr/^OK alice/, 'a reload: token');
is($w->do('counter token 1'), 4, 'counter');
is((split ' ', $w->do('received'))[4], $self, 'the same number');
$w->do("send $self 600 1");
ok(wait_for(5, sub { $w->do('received') =~ / 0 $self $self / }), 'messages');

$w->do('set binding b x 1');
ok(wait_for(20, sub { $w->do('count binding') eq '0 1' }),
    'sweeping goes on');

configure('2m');
reload();

is($w->do('get token t'), 'DECLINED', 'another zone');
is($w->do('set token t alice 60000'), 'OK', 'works too');
