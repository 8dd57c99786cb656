# What is no credentials gets 401, and the UC node is not asked.

use Test::Nginx::Socket;

repeat_each(1);
plan tests => repeat_each() * 62;
no_shuffle();
no_root_location();

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('main_config', 'mra { exempt 127.0.0.1; }');
    $block->set_value('http_config', 'large_client_header_buffers 4 128k;');
    $block->set_value('config', <<'END');
location / {
    mra_auth /verify;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/app;
}
location = /verify {
    internal;
    return 200 "asked\n";
}
location /app {
    return 200 "app\n";
}
END
    $block->set_value('request', 'GET /') if !defined $block->raw_request;
    $block->set_value('error_code', 401) if !defined $block->error_code;
    $block->set_value('no_error_log', 'http subrequest')
        if $block->error_code != 200;
});

run_tests();

__DATA__

=== the same with good ones is let in, or the rest proves nothing
--- more_headers
Authorization: Basic YWxpY2U6d29uZGVybGFuZA==
--- error_code: 200
--- error_log: http subrequest


=== nothing
--- more_headers eval
"Authorization: "


=== scheme alone
--- more_headers
Authorization: Basic
--- error_log: client sent invalid "Authorization" header


=== scheme and blanks
--- more_headers eval
"Authorization: Basic   "
--- error_log: client sent invalid "Authorization" header


=== another scheme
--- more_headers
Authorization: Digest username="alice", realm="MRA"
--- error_log: client sent invalid "Authorization" header


=== not base64
--- more_headers
Authorization: Basic alice:wonderland
--- error_log: client sent invalid "Authorization" header


=== the other alphabet
--- more_headers
Authorization: Basic YWxpY2U6Pz8_Pj4-
--- error_log: client sent invalid "Authorization" header


=== more after the padding
--- more_headers
Authorization: Basic YWxpY2U6d29uZGVybGFuZA==YWxp
--- error_log: client sent invalid "Authorization" header


=== more after a blank
--- more_headers
Authorization: Basic YWxpY2U6d29uZGVybGFuZA== x
--- error_log: client sent invalid "Authorization" header


=== no colon
--- more_headers eval
use MIME::Base64;
"Authorization: Basic " . encode_base64("alicewonderland", "")
--- error_log: client sent invalid "Authorization" header


=== no user
--- more_headers eval
"Authorization: Basic " . encode_base64(":wonderland", "")
--- error_log: client sent invalid "Authorization" header


=== NUL in the name
--- more_headers eval
"Authorization: Basic " . encode_base64("ali\0ce:wonderland", "")
--- error_log: client sent invalid "Authorization" header


=== NUL in the password
--- more_headers eval
"Authorization: Basic " . encode_base64("alice:wonder\0land", "")
--- error_log: client sent invalid "Authorization" header


=== line ends in the name
--- more_headers eval
"Authorization: Basic " . encode_base64("alice\r\nX: y:wonderland", "")
--- error_log: client sent invalid "Authorization" header


=== not UTF-8
--- more_headers eval
"Authorization: Basic " . encode_base64("al\xefce:wonderland", "")
--- error_log: client sent invalid "Authorization" header


=== UTF-8
--- more_headers eval
"Authorization: Basic " . encode_base64("al\xc3\xafce:g\xc3\xbcrtel", "")
--- error_code: 200
--- error_log: http subrequest


=== a name that is a path
--- more_headers eval
"Authorization: Basic " . encode_base64("..:wonderland", "")
--- error_log: client sent invalid "Authorization" header


=== a long name
--- more_headers eval
"Authorization: Basic " . encode_base64(("a" x 256) . ":x", "")
--- error_log: client sent invalid "Authorization" header


=== 64 kilobytes
--- more_headers eval
"Authorization: Basic " . encode_base64("alice:" . ("x" x 49000), "")
--- error_log: client sent invalid "Authorization" header


=== a password with colons
--- more_headers eval
"Authorization: Basic " . encode_base64("alice:a:b:c", "")
--- error_code: 200
--- error_log: http subrequest


=== an empty password is one
--- more_headers eval
"Authorization: Basic " . encode_base64("alice:", "")
--- error_code: 200
--- error_log: http subrequest


=== two headers
--- more_headers
Authorization: Basic YWxpY2U6d29uZGVybGFuZA==
Authorization: Basic Ym9iOmJ1aWxkZXI=
--- error_code: 400


=== two headers, the same twice
--- more_headers
Authorization: Basic YWxpY2U6d29uZGVybGFuZA==
Authorization: Basic YWxpY2U6d29uZGVybGFuZA==
--- error_code: 400
