# Two workers admit exactly eight of many at once.

use strict;
use warnings;

use MRA::HTTP;
use MRA::Nginx;
use MRA::UC;
use Test::More;

my $t = MRA::Nginx->new()->plan(6);
my $uc = MRA::UC->new($t, users => { alice => 'wonderland' });

$t->write_file_expand('nginx.conf', <<"END");
%%MAIN%%
worker_processes 2;
events { accept_mutex off; }
mra { }
http {
    %%HTTP%%
    log_format mra '\$pid \$status \$mra_authorizations_left';
    access_log %%DIR%%/mra.log mra;
    server {
        listen 127.0.0.1:%%PORT_http%% reuseport;
        location / { %%AUTH%% }
        %%VERIFY%%
    }
    %%APP%%
}
END

$t->run;

my %count;
$count{$_->{status}}++
    for parallel($t->port('http'), 200, GET => '/',
        basic('alice', 'wonderland'));

is($count{200}, 8, 'exactly eight');
is($count{429}, 192, 'the rest refused');
cmp_ok($uc->requests, '<=', 2, 'at most one verification a worker');

$t->stop;

my %workers = map { $_ => 1 } $t->read_file('mra.log') =~ /^(\d+) /mg;
is(keys %workers, 2, 'both workers had some');

my @left = sort $t->read_file('mra.log') =~ /^\d+ 200 (\d+)$/mg;
is("@left", '0 1 2 3 4 5 6 7', 'each was counted once');

my @limiting = $t->log =~ /limiting authorizations for user "alice"/g;
is(@limiting, 192, 'a line for each that was refused');
