# The cookie that carries the token, and its attributes.

use Test::Nginx::Socket;

repeat_each(1);
plan tests => repeat_each() * 39;
no_shuffle();
no_root_location();

add_block_preprocessor(sub {
    my ($block) = @_;
    my $extra = $block->extra // '';

    $block->set_value('main_config',
        $block->settings // 'mra { exempt 127.0.0.1; }');
    $block->set_value('config', <<"END");
location / {
    mra_auth /verify;
    $extra
    proxy_pass http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/app;
}
location = /verify {
    internal;
    return 200;
}
location /app {
    return 200 "app\\n";
}
END
    my $host = $block->host // 'edge.example.com';

    $block->set_value('raw_request', "GET / HTTP/1.1\r\nHost: $host\r\n"
        . "Connection: close\r\n"
        . "Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n\r\n");
    $block->set_value('no_error_log', '[error]');
});

run_tests();

__DATA__

=== all of them
--- response_headers_like
Set-Cookie: X-Auth=[\w-]{43}; Expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT; Max-Age=28800; Domain=edge\.example\.com; Path=/; Secure; HttpOnly


=== life
--- settings
mra { credentials_refresh_interval 90s; }
--- response_headers_like
Set-Cookie: .*; Max-Age=90; .*


=== no life, no token
--- settings
mra { credentials_refresh_interval 0; }
--- response_headers
! Set-Cookie


=== without expiry
--- extra: mra_auth_cookie X-Auth expires=off;
--- response_headers_like
Set-Cookie: X-Auth=[\w-]{43}; Domain=edge\.example\.com; Path=/; Secure; HttpOnly


=== without the others
--- extra: mra_auth_cookie sid httponly=off secure=off;
--- response_headers_like
Set-Cookie: sid=[\w-]{43}; Expires=[^;]+; Max-Age=28800; Domain=edge\.example\.com; Path=/


=== a given domain
--- extra: mra_auth_cookie X-Auth domain=example.com;
--- response_headers_like
Set-Cookie: .*; Domain=example\.com; Path=/; Secure; HttpOnly


=== no domain
--- extra: mra_auth_cookie X-Auth domain=off;
--- response_headers_like
Set-Cookie: X-Auth=[^;]+; Expires=[^;]+; Max-Age=28800; Path=/; Secure; HttpOnly


=== the host without its port, in lower case
--- host: Edge.Example.COM:8443
--- response_headers_like
Set-Cookie: .*; Domain=edge\.example\.com; .*


=== trailing dot
--- host: edge.example.com.
--- response_headers_like
Set-Cookie: .*; Domain=edge\.example\.com; .*


=== an address is no domain
--- host: 127.0.0.1:8443
--- response_headers_like
Set-Cookie: X-Auth=[^;]+; Expires=[^;]+; Max-Age=28800; Path=/; .*


=== neither is one of IPv6
--- host: [2001:db8::1]:8443
--- response_headers_like
Set-Cookie: X-Auth=[^;]+; Expires=[^;]+; Max-Age=28800; Path=/; .*


=== nor what would be an attribute
--- host: a;httponly=,b
--- response_headers_like
Set-Cookie: X-Auth=[^;]+; Expires=[^;]+; Max-Age=28800; Path=/; Secure; HttpOnly
--- error_code: 200


=== a name of one label
--- host: localhost
--- response_headers_like
Set-Cookie: .*; Domain=localhost; .*
