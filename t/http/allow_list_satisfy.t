# "satisfy any" opens nothing that is not on the allow list, and nobody is
# asked for credentials on the way to what is not.

use MIME::Base64 qw(encode_base64url);
use Test::Nginx::Socket;

repeat_each(1);
plan tests => repeat_each() * 11;
no_shuffle();
no_root_location();

add_block_preprocessor(sub {
    my ($block) = @_;
    my $port = $ENV{TEST_NGINX_SERVER_PORT};

    $block->set_value('main_config', 'mra { exempt 127.0.0.1; }');
    $block->set_value('config', <<"END");
location / {
    satisfy any;
    allow 127.0.0.1;
    deny all;
    mra_auth /verify;
    mra_proxy_target on;
    mra_http_allow http://127.0.0.1:$port/app/ prefix;
    proxy_pass \$mra_target\$mra_target_uri;
}
location = /all {
    deny all;
    mra_auth /verify;
}
location = /verify {
    internal;
    return 200;
}
location /app/ {
    return 200 "app\\n";
}
END
    my $uri = $block->uri
        // '/' . encode_base64url("e.com/http/127.0.0.1/$port") . $block->path;
    $block->set_value('request', "GET $uri");
});

run_tests();

__DATA__

=== on the list, from a good address
--- path: /app/x
--- response_body
app
--- no_error_log
[error]


=== not on the list
--- path: /other
--- error_code: 403
--- error_log: is not on the allow list
--- no_error_log: http upstream request


=== malformed
--- path: /app/%2e%2e/other
--- error_code: 400
--- no_error_log: http upstream request


=== a denied address is not asked for credentials
--- uri: /all
--- more_headers
Authorization: Basic YWxpY2U6d29uZGVybGFuZA==
--- error_code: 403
--- response_headers
! WWW-Authenticate
--- no_error_log: http subrequest
