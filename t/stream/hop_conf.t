# What is wrong in the configuration of next hops is told at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MRA::Cert;
use MRA::Nginx;
use Test::More;

my $t = MRA::Nginx->new;

MRA::Cert->new($t->dir)->issue('edge');

my @good = (
    ['nothing set', ''],
    ['all set', 'mra_sip_connect_timeout 1s; mra_sip_connections 64;
        mra_sip_bind 127.0.0.1; mra_sip_ssl on; mra_sip_ssl_name uc;
        mra_sip_ssl_server_name on; mra_sip_ssl_verify on;
        mra_sip_ssl_verify_depth 2; mra_sip_ssl_session_reuse off;
        mra_sip_ssl_trusted_certificate %%DIR%%/ca.crt;
        mra_sip_ssl_certificate %%DIR%%/edge.crt;
        mra_sip_ssl_certificate_key %%DIR%%/edge.key;
        mra_sip_ssl_ciphers HIGH; mra_sip_ssl_protocols TLSv1.3;
        mra_sip_ssl_conf_command Options -SessionTicket;'],
    ['off', 'mra_sip_bind off; mra_sip_ssl off; mra_sip_ssl_verify on;'],
);

for my $row (@good) {
    my ($ok, $text) = $t->config_test(conf($row->[1]));
    ok($ok, $row->[0]) or diag($text);
}

my @bad = (
    ['mra_sip_connections 0;', qr/value must be between 1 and 64/],
    ['mra_sip_connections 65;', qr/value must be between 1 and 64/],
    ['mra_sip_connect_timeout soon;', qr/"mra_sip_connect_timeout" .*invalid/],
    ['mra_sip_bind nowhere;', qr/invalid address "nowhere"/],
    ['mra_sip_bind off; mra_sip_bind off;', qr/"mra_sip_bind" .*duplicate/],
    ['mra_sip_ssl on; mra_sip_ssl_verify on;',
        qr/no "mra_sip_ssl_trusted_certificate" .*"mra_sip_ssl_verify"/],
    ['mra_sip_ssl on; mra_sip_ssl_certificate %%DIR%%/edge.crt;',
        qr/no "mra_sip_ssl_certificate_key" .*edge\.crt"/],
    ['mra_sip_ssl on; mra_sip_ssl_certificate %%DIR%%/none.crt;
        mra_sip_ssl_certificate_key %%DIR%%/edge.key;',
        qr/cannot load certificate .*none\.crt/],
    ['mra_sip_ssl on; mra_sip_ssl_verify on;
        mra_sip_ssl_trusted_certificate %%DIR%%/none.crt;', qr/none\.crt/],
    ['mra_sip_ssl on; mra_sip_ssl_crl %%DIR%%/none.crl; mra_sip_ssl_verify on;
        mra_sip_ssl_trusted_certificate %%DIR%%/ca.crt;', qr/none\.crl/],
    ['mra_sip_ssl on; mra_sip_ssl_ciphers NONE;',
        qr/SSL_CTX_set_cipher_list\("NONE"\) failed/],
    ['mra_sip_ssl_protocols TLSv9;', qr/invalid value "TLSv9"/],
    ['mra_sip_ssl_password_file %%DIR%%/none;', qr/none" failed/],
    ['mra_sip_ssl_password_file %%DIR%%/ca.crt;
        mra_sip_ssl_password_file %%DIR%%/ca.crt;', qr/duplicate/],
    ['mra_sip_ssl on; mra_sip_ssl_conf_command No such;',
        qr/SSL_CONF_cmd\("No", "such"\) failed/],
);

for my $row (@bad) {
    my ($ok, $text) = $t->config_test(conf($row->[0]));
    my ($name) = $row->[0] =~ /(\S+ \S+)[^;]*;\s*\z/;
    ok(!$ok, "refused: $name");
    like($text, qr/\[emerg\].*$row->[1]/, 'and told why');
}


# upstreams

my $many = join ' ', map { "server 127.0.0.$_:5060;" } 1 .. 65;
my ($ok, $text) = $t->config_test(conf('', $many));
ok(!$ok, 'refused: more servers than can be told apart');
like($text, qr/65 addresses in upstream "uc", more than 64/, 'and told why');

($ok, $text) = $t->config_test(conf('', $many =~ s/ server \S+$//r));
ok($ok, 'as many as can be') or diag($text);

($ok, $text) = $t->config_test(conf('', '') =~ s/upstream uc \{.*?\}//sr
    =~ s/pass uc;/pass nobody.invalid:5060;/r);
ok(!$ok, 'refused: a name that does not exist');
like($text, qr/host not found in upstream "nobody\.invalid/, 'and told why');

($ok, $text) = $t->config_test(conf('', '') =~ s/mra \{.*?\}//sr);
ok(!$ok, 'refused: without mra { }');
like($text, qr/"mra_sip_pass" needs a "mra \{ \}" block/, 'and told why');

$t->done_testing;


sub conf {
    my ($directives, $servers) = @_;
    $servers ||= 'server 127.0.0.1:5060;';

    return "%%MAIN%%
events { }
mra { node edge1; }
stream {
    upstream uc { $servers }
    server {
        listen 127.0.0.1:%%PORT_sip%%;
        mra_sip_pass uc;
        $directives
    }
}
";
}
