# Every configuration that we show passes nginx -t, below a prefix that has
# what it asks for.

use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp ();

use lib 't/lib';
use Lint;
use MRA::Cert;
use MRA::Nginx;
use MRA::Util;

my $prefix = File::Temp->newdir('mra-XXXXXX', TMPDIR => 1);
my @configs = grep { text($_) =~ /^\s*events\b/m }
    files(qr/\.conf$/, 'conf-examples');

complain('conf-examples', 'no configuration') unless @configs;

make_path(map { "$prefix/$_" } qw(logs temp certs modules conf));
symlink $_, "$prefix/modules/" . s{.*/}{}r for MRA::Nginx->load_modules;

my $ca = MRA::Cert->new("$prefix/certs");

for my $path (@configs) {
    my $dir = $path =~ s{[^/]*$}{}r;
    my $text = text($path) =~ s/#.*//gr;

    # what it includes stands beside it
    for my $name ($text =~ /\binclude\s+([\w.-]+);/g) {
        burp("$prefix/$name", text("$dir$name"));
        $text .= text("$dir$name") =~ s/#.*//gr;
    }

    # certificates, keys and secrets that it names
    for my $name ($text =~ m{\bcerts/([\w.-]+)\.crt}g) {
        $ca->issue($name) unless -e "$prefix/certs/$name.crt";
    }

    for my $name ($text =~ /\b(?:(?:secret|auth_basic_user_file)\s+
        |password_file=)([^\s;]+)/gx)
    {
        my $dir = "$prefix/$name" =~ s{/[^/]*$}{}r;
        make_path($dir);
        burp("$prefix/$name", "x" x 32 . "\n");
    }

    # nginx looks for certificates beside the configuration
    burp("$prefix/nginx.conf", text($path));

    my $log = "$prefix/out";
    unlink $log;
    waitpid spawn($log, MRA::Nginx::binary(), '-t', '-p', "$prefix/",
        '-e', 'logs/start.log', '-c', 'nginx.conf'), 0;

    complain($path, "nginx -t fails\n" . text($log)) if $?;
}
