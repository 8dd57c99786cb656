# The README names every directive, variable, log line, path of the API and
# metric of the code, and none that is not there.
#
# Directives and variables stand in it in backquotes.  The log lines are the
# code block after the heading that begins with "Log lines"; a word in angle
# brackets stands for what changes.

use strict;
use warnings;

use Lint;

my @sources = files(qr/\.c$/, qw(modules ngx_mra_http ngx_mra_stream));

if (!-e 'README.md') {
    complain('README.md', 'missing');
    exit;
}

my $readme = text('README.md');
my %quoted = map { $_ => 1 } $readme =~ /`(\$?[a-z][a-z0-9_]*)/g;

my (%directives, %variables, %lines, %texts);

for my $path (@sources) {
    my $code = code($path);

    for my $table ($code =~ /ngx_command_t\s+\w+\[\] = \{(.*?)^\};/gms) {
        $directives{$_} = $path for $table =~ /\{ ngx_string\("(\w+)"\)/g;
    }

    for my $table ($code =~ /ngx_\w+_variable_t\s+\w+\[\] = \{(.*?)^\};/gms) {
        $variables{"\$$_"} = $path for $table =~ /\{ ngx_string\("(\w+)"\)/g;
    }

    # every text of the code, however it is cut into pieces
    $texts{pattern(joined($1))} = 1
        while $code =~ /((?:"(?:\\.|[^"\\])*"\s*)+)/gs;

    while ($code =~ /ngx_log_error\(\s*(\w+)[^;"]*?((?:\s*"(?:\\.|[^"\\])*"
        |\s*NGX_\w+)+)/gsx)
    {
        my ($level, $strings) = ($1, $2);
        next if $level =~ /^NGX_LOG_(?:EMERG|ALERT|INFO|DEBUG)$/;

        my $line = joined($strings);
        $lines{pattern($line)} = "$path: \"$line\"";
    }
}


sub joined {
    my ($strings) = @_;
    return join('', $strings =~ /"((?:\\.|[^"\\])*)"/g) =~ s/\\"/"/gr;
}


sub pattern {
    my ($line) = @_;
    $line =~ s/%(?:[0-9]*\.?\*?[uxX]?[a-zA-Z])|<[^<>]*>/\0/g;
    return $line;
}


for my $name (sort keys %directives) {
    complain($directives{$name}, "directive $name is not in the README")
        unless $quoted{$name};
}

for my $name (sort keys %variables) {
    complain($variables{$name}, "variable $name is not in the README")
        unless $quoted{$name};
}

for my $name (sort keys %quoted) {
    complain('README.md', "there is no $name")
        if $name =~ /^\$mra_/ && !$variables{$name}
            || $name =~ /^mra_/ && !$directives{$name};
}


# Paths of the API with their methods are a table after a heading "The JSON
# API".

my (%paths, %shown);

for my $path (@sources) {
    for my $table (code($path) =~ /_endpoint_t\s+\w+\[\] = \{(.*?)^\};/gms) {
        push @{$paths{"/$1"}}, $2
            while $table =~ /\{ ngx_string\("([^"]*)"\),\s*NGX_HTTP_(\w+)/g;
    }
}

my ($api) = $readme =~ /^## The JSON API\n(.*?)(?=^## |\z)/ms;

while (($api // '') =~ /^\| `(\S+)` \| ([A-Z, ]+) \|/mg) {
    $shown{$1} = $2;
}

for my $path (sort keys %{{%paths, %shown}}) {
    my $methods = join ', ', @{$paths{$path} // []};
    complain('README.md', "API: $path: has methods \"$methods\"")
        if $methods ne ($shown{$path} // '');
}


# Metrics with their types are a table after a heading "Metrics".

my (%metrics, %listed);

for my $path (@sources) {
    for my $table (code($path) =~ /_family_t\s+\w+\[\] = \{(.*?)^\};/gms) {
        $metrics{$1} = $2 while $table =~ /\{ "(\w+)", "(\w+)"/g;
    }
}

my ($list) = $readme =~ /^## Metrics\n(.*?)(?=^## |\z)/ms;

while (($list // '') =~ /^\| `(\w+)` \| (\w+) \|/mg) {
    $listed{$1} = $2;
}

for my $name (sort keys %{{%metrics, %listed}}) {
    complain('README.md', "metric $name is \"" . ($metrics{$name} // '') . '"')
        if ($metrics{$name} // '') ne ($listed{$name} // '');
}


my ($block) = $readme =~ /^#+ Log lines.*?^```\w*\n(.*?)^```/ms;

if (!defined $block) {
    complain('README.md', 'no block after a heading "Log lines"') if %lines;
    exit;
}

my %told = map { pattern($_) => $_ } grep { /\S/ }
    map { s/^\s+|\s+$//gr } split /\n/, $block;

# the README may say what stands in place of a level: "[error] user ..."
%told = map { s/^\[\w+\] //r => $told{$_} } keys %told;

for my $pattern (sort keys %lines) {
    complain($lines{$pattern}, 'log line is not in the README')
        unless exists $told{$pattern};
}

for my $pattern (sort keys %told) {
    complain('README.md', "nobody logs \"$told{$pattern}\"")
        unless $texts{$pattern};
}
