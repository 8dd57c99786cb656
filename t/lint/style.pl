# How a file looks: width, tabs, blanks, comments, names, guards.

use strict;
use warnings;

use Lint;

my %seen;

for my $path (files(qr/./)) {
    my $text = text($path);
    my ($n, $data) = (0, 0);

    next if $text =~ /\0/;

    complain($path, 'no newline at the end')
        if length $text && $text !~ /\n\z/;
    complain($path, 'empty line at the end') if $text =~ /\n\n\z/;

    for my $line (split /\n/, $text) {
        my $where = "$path:" . ++$n;

        complain($where, 'blanks at the end') if $line =~ /[ \t\r]$/;
        complain($where, 'tab')
            if $line =~ /\t/ && $path !~ m{(?:^|/)(?:Makefile|rules)$};
        complain($where, 'unfinished')
            if $line =~ /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/;

        # tables, answers, requests and strings of nginx cannot be folded
        $data ||= $line eq '__DATA__';
        complain($where, 'wider than 79') if length $line > 79
            && !$data && $path !~ /\.(?:md|xml|json|acl)$/
            && !($path =~ /\.conf$/ && $line =~ /'[^']{50,}'/);
    }
}


for my $path (files(qr/\.[ch]$/, qw(modules ngx_mra_http ngx_mra_stream))) {
    my ($name) = $path =~ m{([^/]+)$};
    my $code = code($path, 1);
    my $n = 0;

    complain($path, "second file of this name: $seen{$name}") if $seen{$name};
    $seen{$name} = $path;

    my $prefix = $path =~ /^ngx_mra_http/ ? 'ngx_http_mra_'
        : $path =~ /^ngx_mra_stream/ ? 'ngx_stream_mra_' : 'ngx_mra';
    complain($path, "name does not begin with $prefix")
        if $name !~ /^\Q$prefix\E[_.]/ && $name !~ /^\Q$prefix\E/;

    complain($path, 'no copyright line')
        if text($path) !~ /Copyright \(C\) ngx_mra contributors/;

    my @lines = split /\n/, $code;

    for my $line (@lines) {
        my $where = "$path:" . ++$n;
        complain($where, 'comment with //') if $line =~ m{//};

        # a condition that ends with its line needs a brace on the next one
        next if $line !~ /^\s*(?:if|for|while) \(.*\)\s*;?$/
            || $line =~ tr/(// != $line =~ tr/)//;
        complain($where, 'no braces')
            if $line =~ /;$/ || ($lines[$n] // '') !~ /^\s*\{$/;
    }

    if ($name =~ /\.h$/) {
        my $guard = '_' . uc($name =~ s/\./_/r) . '_INCLUDED_';
        complain($path, "guard is not $guard")
            if $code !~ /^#ifndef $guard\n#define $guard\n/m
                || text($path) !~ m{#endif /\* $guard \*/\n\z};
    }

    # two empty lines between functions
    my $text = text($path);

    while ($text =~ /^\}\n(\n*)(?=[^\n])/mg) {
        my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
        my $next = substr $text, pos $text, 1;
        complain("$path:$line", 'not two empty lines after a function')
            if length $1 != 2 && $next ne '#';
    }
}
