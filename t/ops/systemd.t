# The drop-in for systemd is one that it understands, on top of the unit of
# nginx.

use strict;
use warnings;

use File::Temp ();
use MRA::Util;
use Test::More;

my $unit = '/lib/systemd/system/nginx.service';
my ($verify) = grep { -x } '/usr/bin/systemd-analyze';

plan(skip_all => 'no systemd here') unless $verify && -e $unit;
plan(tests => 3);

my $dir = File::Temp->newdir('mra-XXXXXX', TMPDIR => 1);
my $drop_in = slurp('conf-examples/systemd/mra.conf');

sub verified {
    my ($text) = @_;
    mkdir "$dir/nginx.service.d";
    burp("$dir/nginx.service", slurp($unit));
    burp("$dir/nginx.service.d/mra.conf", $text);
    return `$verify verify --recursive-errors=no $dir/nginx.service 2>&1`;
}

is(verified($drop_in), '', 'no complaint');
is($?, 0, 'and it is fine');
like(verified($drop_in =~ s/^LimitNOFILE=.*/LimitNOFILE=many/mr),
    qr/Failed to parse.*many/, 'a mistake would be told');
