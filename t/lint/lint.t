# Each lint script finds what it is there for, in a small tree with one fault
# at a time.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use MRA::Util;
use Test::More;

my $lint = abs_path(dirname(__FILE__));
my $dir = File::Temp->newdir('mra-XXXXXX', TMPDIR => 1);

my $header = <<'END';

/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_A_H_INCLUDED_
#define _NGX_MRA_A_H_INCLUDED_


int ngx_mra_a(int n);


#endif /* _NGX_MRA_A_H_INCLUDED_ */
END

my $source = <<'END';

/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_mra_a.h"


int
ngx_mra_a(int n)
{
    if (n) {
        return 1;
    }

    return 0;
}
END

my $glue = $source =~ s/ngx_mra_a\(/ngx_http_mra_b(/r
    =~ s/int\nngx/static int\nngx/r =~ s/return 1/return ngx_mra_a(n)/r;

my %good = ('config' => '', 'README.md' => "`mra` `\$mra_user`\n",
    'modules/codec/ngx_mra_a.h' => $header,
    'modules/codec/ngx_mra_a.c' => $source,
    'ngx_mra_http/ngx_http_mra_b.c' => $glue,
    'conf-examples/a.conf' => "events { }\n");


# complaints of a script about the good tree with these files replaced

sub run_lint {
    my ($script, %file) = @_;
    %file = (%good, %file);

    remove_tree("$dir/tree");

    for my $path (keys %file) {
        make_path("$dir/tree/$path" =~ s{/[^/]*$}{}r);
        burp("$dir/tree/$path", $file{$path});
    }

    make_path("$dir/build/pure");
    compile($_) for grep { m{^modules/.*\.c$} } keys %file;

    my $command = "cd $dir/tree && MRA_BUILD=$dir/build"
        . " perl -I$lint -I$lint/../lib $lint/$script.pl $dir/build 2>&1";
    my $out = `$command`;

    return ($? ? 'bad' : 'good') . ": $out";
}


sub compile {
    my ($path) = @_;
    my ($name) = $path =~ m{([^/]*)\.c$};
    my @flags = ('-w', '-O2', "-I$dir/tree/modules/codec", '-fno-pic',
        '-fno-stack-protector', "$dir/tree/$path");

    system('gcc', @flags, '-c', '-o', "$dir/build/pure/$name.o") == 0
        or die "gcc failed\n";
    system('gcc', @flags, '-fPIC', '-shared', '-o',
        "$dir/build/ngx_mra_module.so") == 0 or die "gcc failed\n";
}


sub finds {
    my ($script, $what, $pattern, %file) = @_;
    like(run_lint($script, %file), qr/^bad: .*$pattern/s, "$script: $what");
}


my ($c, $h) = ('modules/codec/ngx_mra_a.c', 'modules/codec/ngx_mra_a.h');

for my $script (qw(style layers exports)) {
    is(run_lint($script), 'good: ', "$script: nothing to find");
}

finds('style', 'wide line', 'wider', $c => $source . '/* ' . 'x' x 80
    . " */\n");
finds('style', 'tab', 'tab', $c => $source =~ s/    if/\tif/r);
finds('style', 'blank', 'blanks', $c => $source =~ s/1;/1; /r);
finds('style', 'comment', 'comment with', $c => $source =~ s{1;}{1; // x}r);
finds('style', 'no braces', 'no braces', $c =>
    $source =~ s/if \(n\) \{\n(.*?;)\n    \}/if (n)\n$1/sr);
finds('style', 'guard', 'guard', $h => $header =~ s/_A_H/_B_H/gr);
finds('style', 'name', 'begin with', 'modules/codec/a.c' => $source);
finds('style', 'same name', 'second file',
    'modules/policy/ngx_mra_a.c' => $source);
finds('style', 'distance', 'two empty lines', $c => $source
    . "\nstatic int\nngx_mra_x(void)\n{\n}\n");

finds('layers', 'function of libc', 'needs abort',
    $c => $source =~ s/return 1/abort()/r);
finds('layers', 'writable static', 'can be written',
    $c => $source =~ s/int\n/int  ngx_mra_n = 1;\n\n\nint\n/r);
finds('layers', 'http below', 'not for modules/codec',
    $c => $source =~ s/(#include)/#if 0\n#include <ngx_http.h>\n#endif\n$1/r);
finds('layers', 'sideways', 'beside', 'ngx_mra_stream/ngx_stream_mra_s.h'
    => '', 'ngx_mra_http/ngx_http_mra_b.c'
    => qq(#include "ngx_stream_mra_s.h"\n$glue));
finds('layers', 'upwards', 'above', 'modules/core/ngx_mra_c.h' => '',
    $c => $source =~ s/(#include)/#if 0\n#include "ngx_mra_c.h"\n#endif\n$1/r);
finds('layers', 'version', 'told apart', $c => "#if (nginx_version)\n#endif\n"
    . $source);

finds('exports', 'prefix', 'does not begin',
    $c => $source . "\nint x(void) { return 1; }\n");
finds('exports', 'not static', 'in no header',
    $c => $source . "\nint ngx_mra_x(void) { return 1; }\n");
finds('exports', 'missing', 'in none of the modules',
    $c => $source =~ s/return 1/return ngx_mra_missing()/r);
finds('exports', 'unused', 'nobody uses', 'ngx_mra_http/ngx_http_mra_b.c'
    => '');

my $table = <<'END';
static ngx_command_t  ngx_mra_commands[] = {

    { ngx_string("mra"),
    },
};

    ngx_log_error(NGX_LOG_ERR, log, 0, "user \"%V\" "
                  "left");
END

my %code = ('ngx_mra_http/ngx_http_mra_c.c' => $table);
my $lines = "\n## Log lines\n\n```\nuser \"<name>\" left\n```\n";

is(run_lint('readme', %code, 'README.md' => "`mra`\n$lines"), 'good: ',
    'readme: nothing to find');
finds('readme', 'directive', 'directive mra is not', %code,
    'README.md' => $lines);
finds('readme', 'log line', 'log line is not', %code,
    'README.md' => "`mra`\n" . $lines =~ s/left/went/r);
finds('readme', 'what nobody logs', 'nobody logs', %code,
    'README.md' => "`mra`\n" . $lines =~ s/left/left\nnever seen/r);
finds('readme', 'no such directive', 'there is no mra_x', %code,
    'README.md' => "`mra` `mra_x`\n$lines");

my %api = ('ngx_mra_http/ngx_http_mra_d.c' => <<'END');
static ngx_http_mra_api_endpoint_t  ngx_http_mra_api_endpoints[] = {

    { ngx_string("node"), NGX_HTTP_GET,
      ngx_http_mra_api_node },
    { ngx_string("node"), NGX_HTTP_PATCH, ngx_http_mra_api_change },
};
END

my $paths = "`mra`\n$lines\n## The JSON API\n\n| `/node` | GET, PATCH | x |\n";

is(run_lint('readme', %code, %api, 'README.md' => $paths), 'good: ',
    'readme: no path to find');
finds('readme', 'path without a method', '/node: has methods "GET, PATCH"',
    %code, %api, 'README.md' => $paths =~ s/, PATCH//r);
finds('readme', 'path that is not there', '/nodes: has methods ""',
    %code, %api, 'README.md' => $paths . "| `/nodes` | GET | x |\n");

my %metric = ('ngx_mra_http/ngx_http_mra_m.c' => <<'END');
static const ngx_http_mra_family_t  ngx_http_mra_families[] = {

    { "nginx_mra_x", "gauge",
      "Help." },
};
END

my $metrics = "`mra`\n$lines\n## Metrics\n\n| `nginx_mra_x` | gauge | x |\n";

is(run_lint('readme', %code, %metric, 'README.md' => $metrics), 'good: ',
    'readme: no metric to find');
finds('readme', 'metric of another type', 'nginx_mra_x is "gauge"',
    %code, %metric, 'README.md' => $metrics =~ s/gauge/counter/r);
finds('readme', 'metric that is not there', 'nginx_mra_x is ""',
    %code, 'README.md' => $metrics);

finds('examples', 'bad configuration', 'unknown directive "mra_never"',
    'conf-examples/a.conf' => "events { }\nmra_never on;\n");

done_testing();
