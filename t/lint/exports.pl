# What the modules show to the rest of the process, and whether a header says
# so; and whether anybody wants what a header offers.

use strict;
use warnings;

use Lint;

my ($build) = @ARGV;
my @rooms = qw(modules ngx_mra_http ngx_mra_stream);

my $headers = join "\n", map { code($_, 1) } files(qr/\.h$/, @rooms);


# exported: prefixed and declared; needed: there

my (%exported, %needed);

for my $prefix (qw(ngx_mra ngx_http_mra ngx_stream_mra)) {
    my $module = "$build/${prefix}_module.so";

    if (!-e $module) {
        # a module is there as soon as it has sources
        my $list = text('config') =~ /^${prefix}_srcs=\s*\S/m;
        complain($module, 'missing') if $list;
        next;
    }

    my %type = symbols($module, '-D', '--defined-only');
    my %undefined = symbols($module, '-D', '--undefined-only');

    @exported{keys %type} = ();
    $needed{$_} = $module for grep { /^ngx_\w*mra_/ } keys %undefined;

    for my $symbol (sort keys %type) {
        next if $symbol =~ /^ngx_modules?(?:_names|_order)?$/;

        complain($module, "$symbol does not begin with ${prefix}_")
            if $symbol !~ /^${prefix}_/;
        complain($module, "$symbol is in no header and not static")
            if $symbol ne "${prefix}_module"
                && $headers !~ /\b\Q$symbol\E\b/;
    }
}


for my $symbol (sort keys %needed) {
    complain($needed{$symbol}, "$symbol is in none of the modules")
        unless exists $exported{$symbol};
}


# declared: used by somebody who does not define it

my %users;

for my $path (files(qr/\.[ch]$/, @rooms, 't', 'bench')) {
    my %names = map { $_ => 1 } code($path, 1) =~ /\b(ngx_\w*mra_\w+)/gi;
    push @{$users{$_}}, $path for keys %names;
}

for my $path (files(qr/\.h$/, @rooms)) {
    my $code = code($path, 1);
    my %defines;

    $defines{$1} = 1 while $code =~ /^\w[\w *]*?\**(ngx_\w*mra_\w+)\(/mg;
    $defines{$1} = 1 while $code =~ /^#define\s+(NGX_\w*MRA_\w+)/mg;
    $defines{$1} = 1 while $code =~ /^#define\s+(ngx_\w*mra_\w+)/mg;

    for my $name (sort keys %defines) {
        next if $name =~ /_INCLUDED_$/;

        # inline functions and macros may serve their own header
        my $here = () = $code =~ /\b\Q$name\E\b/g;
        my @others = grep { $_ ne $path && !defining($_, $name) }
            @{$users{$name}};

        complain($path, "nobody uses $name") unless @others || $here > 1
            || used_where_defined($name, $path);
    }
}


sub defining {
    my ($path, $name) = @_;
    return code($path, 1) =~ /^\Q$name\E\(/m;
}


# a constant that the file behind the header needs, or a function called in
# the file that defines it, which is no reason to be in a header

sub used_where_defined {
    my ($name, $path) = @_;
    return $name =~ /^NGX_/ && @{$users{$name}} > 1;
}
