#!/usr/bin/perl

# Modules that do not go together end in one line that says so.

use strict;
use warnings;

use MRA::Nginx;
use MRA::Util;
use Test::More;

my $t = MRA::Nginx->new()->plan(8);

plan_skip() if MRA::Nginx::version_text() =~ /--add-module=/;
sub plan_skip { Test::More::plan(skip_all => 'modules are linked in') }

my $build = MRA::Nginx::build();

# not yet part of the tree: a module of another version

sub load {
    my @modules = @_;
    my ($stream) = grep { /ngx_stream_module/ } $t->load_modules;

    my ($ok, $output) = $t->config_test(join '',
        map({ "load_module $_;\n" } grep { defined } $stream,
            map { "$build/ngx_${_}_module.so" } @modules), "events { }\n");

    return ($ok, grep { /\[emerg\]/ } split /\n/, $output);
}

my ($ok, @lines) = load(qw(mra http_mra stream_mra));
ok($ok, 'the right order');

for my $module (qw(http_mra stream_mra)) {
    ($ok, @lines) = load($module, 'mra');
    ok(!$ok && @lines == 1, "$module first: refused in one line");
    like($lines[0], qr/undefined symbol: ngx_mra_module_[\d_]+_is_not_loaded/,
        "$module first: says why");
}
