# Arrows only go down: glue -> core -> state -> policy -> codec.  The pure
# layers need nothing but memory functions and keep no state.

use strict;
use warnings;

use Lint;

my ($build) = @ARGV;

my %level = ('modules/codec' => 1, 'modules/policy' => 2,
    'modules/state' => 3, 'modules/core' => 4,
    'ngx_mra_http' => 5, 'ngx_mra_stream' => 5);

my $openssl = qr/^(?:SHA256_|CRYPTO_memcmp$)/;
my $memory = qr/^mem(?:cpy|move|set|cmp|chr)$/;


# includes

my %room;

for my $path (files(qr/\.[ch]$/, keys %level)) {
    my ($dir, $name) = $path =~ m{(.*)/(.*)};
    $room{$name} = $dir;
}

my $pure = qr{^modules/(?:codec|policy)/};

for my $path (files(qr/\.[ch]$/, keys %level)) {
    my ($dir, $name) = $path =~ m{(.*)/(.*)};
    my $n = 0;

    for my $line (split /\n/, code($path)) {
        $n++;
        my ($header) = $line =~ /^\s*#\s*include\s+[<"]([^>"]+)/ or next;
        my $where = "$path:$n";

        if (my $from = $room{$header}) {
            complain($where, "$header is above $dir")
                if $level{$from} > $level{$dir};
            complain($where, "$header is beside $dir")
                if $level{$from} == $level{$dir} && $from ne $dir;
            complain($where, 'one back end sees the other')
                if "$name $header" =~ /_shm\S* \S*_redis|_redis\S* \S*_shm/;
            next;
        }

        complain($where, "$header is not for $dir")
            if $header eq 'ngx_http.h' && $dir ne 'ngx_mra_http'
            || $header eq 'ngx_stream.h' && $dir ne 'ngx_mra_stream'
            || $header =~ /^hiredis/ && $name !~ /_redis/
            || $path =~ $pure
                && $header !~ /^(?:ngx_config|ngx_core|emmintrin)\.h$/
                && !($header =~ /^openssl/ && $name =~ /^ngx_mra_token\./);
    }

    next if $name eq 'ngx_mra_compat.h';

    complain($path, 'nginx versions are told apart in ngx_mra_compat.h')
        if code($path) =~ /\bnginx_version\b/;
}


# objects

my %defined;
my @objects = files(qr/\.[c]$/, 'modules/codec', 'modules/policy');

for my $source (@objects) {
    my ($dir, $name) = $source =~ m{(.*)/(.*)\.c$};
    my %type = symbols("$build/pure/$name.o", '--defined-only');

    for my $symbol (sort keys %type) {
        $defined{$symbol} = $dir if $type{$symbol} =~ /[TRW]/;
        complain($source, "$symbol can be written to")
            if $type{$symbol} =~ /[bdscBDSC]/;
    }
}

for my $source (@objects) {
    my ($dir, $name) = $source =~ m{(.*)/(.*)\.c$};
    my %type = symbols("$build/pure/$name.o", '--undefined-only');

    for my $symbol (sort keys %type) {
        my $from = $defined{$symbol};

        complain($source, "needs $symbol")
            unless $symbol =~ $memory
                || $from && $level{$from} <= $level{$dir}
                || $name eq 'ngx_mra_token' && $symbol =~ $openssl;
    }
}
