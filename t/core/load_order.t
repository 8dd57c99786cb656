#!/usr/bin/perl

# Modules that do not go together end in one line that says why.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Remote;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new();

plan(skip_all => 'modules are linked in')
    if MRA::Nginx::version_text() =~ /--add-module=/;

my $build = MRA::Nginx::build();
my ($stream) = grep { /ngx_stream_module/ } $t->load_modules;

sub tested {
    my ($modules, $directives) = @_;
    my ($ok, $output) = $t->config_test(join '',
        map({ "load_module $_;\n" } grep { defined } $stream, @$modules),
        $directives // '', 'pid ' . $t->dir . "/nginx.pid;\nevents { }\n");

    return ($ok, grep { /\[emerg\]/ } split /\n/, $output);
}

my ($core, @others) = map { "$build/ngx_${_}_module.so" }
    qw(mra http_mra stream_mra);

my ($ok, @lines) = tested([$core, @others]);
ok($ok, 'the right order');

for my $module (@others) {
    my ($name) = $module =~ /ngx_(\w+)_module/;

    ($ok, @lines) = tested([$module, $core]);
    is(scalar @lines, 1, "$name before the core: refused in one line");
    like($lines[0], qr/undefined symbol: ngx_mra_module_[\d_]+_is_not_loaded/,
        "$name before the core: says why");
}


# modules of another version

my $header = slurp("$MRA::Remote::root/modules/core/ngx_mra.h");
$header =~ s/(ngx_mra_module)_[\d_]+_is/$1_99_0_0_is/;
$t->write_file('ngx_mra.h', $header);

my $other = MRA::Remote::build($t->dir . '/other.so',
    '-I' . $MRA::Remote::root . '/modules/state',
    '-include', $t->dir . '/ngx_mra.h');

($ok, @lines) = tested([$core, $other]);
is(scalar @lines, 1, 'another version: refused in one line');
like($lines[0], qr/undefined symbol: ngx_mra_module_99_0_0_is_not_loaded/,
    'another version: says why');

my $remote = MRA::Remote->new($t);
my ($abi) = $header =~ /define NGX_MRA_ABI\s+(\d+)/;

($ok, @lines) = tested([$core, $remote->{module}], "mra_remote_abi $abi;\n");
ok($ok, 'one build');

($ok, @lines) = tested([$core, $remote->{module}], "mra_remote_abi 999;\n");
is(scalar @lines, 1, 'two builds of one version: refused in one line');
like($lines[0], qr/"ngx_mra_remote_module" \(abi:999\) was not built with /,
    'two builds of one version: says why');
like($lines[0], qr/restart nginx, a reload is not enough/,
    'two builds of one version: says what to do');

$t->done_testing();
