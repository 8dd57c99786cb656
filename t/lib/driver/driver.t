# The format of data-driven tests itself: this file passes, with as many
# tests, under Test::Nginx and under the driver that stands in for it.

use Test::Nginx::Socket;

repeat_each(2);
plan tests => repeat_each() * 49;
no_shuffle();
run_tests();

__DATA__

=== request, header, body, log
--- config
location /a {
    return 200 "hello $http_x\n";
}
--- request
GET /a
--- more_headers
X: y
--- response_body
hello y
--- no_error_log
[error]


=== status, headers present and absent
--- config
location /a {
    add_header X-A b always;
    add_header X-A c always;
    return 404 "no\n";
}
--- request
GET /a
--- error_code: 404
--- response_headers
X-A: b, c
! X-B
Content-Type: text/plain
--- response_body_like: ^n
--- no_error_log
[error]


=== patterns for headers
--- config
location /a {
    return 302 http://127.0.0.1/x;
}
--- request
GET /a
--- error_code_like: ^30
--- response_headers_like
Location: http://.*/x
--- raw_response_headers_like: Content-Length: \d+\r\n
--- raw_response_headers_unlike: X-None
--- response_body_unlike: hello
--- access_log eval
qr/"GET \/a HTTP\/1\.1" 302/
--- no_access_log
POST
--- no_error_log
[error]


=== body of a request, a port of its own
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1985;

    location / {
        return 200 "$request_method $content_length";
    }
}
--- config
location /p {
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1985;
}
--- request
POST /p
abc def
--- response_body chomp
POST 7
--- error_log
http upstream request
--- no_error_log
[error]


=== several requests, one of them in pieces
--- config
location /a {
    return 200 "a\n";
}
location /b {
    return 403 "b\n";
}
--- request eval
["GET /a", "GET /b",
 ["GET ", { value => "/a" }, { value => " HTTP/1.1", delay_before => 0.01 }]]
--- error_code eval
[200, 403, 200]
--- response_body_like eval
["^a", "^b", "^a"]
--- no_error_log
[crit]


=== pipelined requests
--- config
location /a {
    return 200 "$http_x\n";
}
--- pipelined_requests eval
["GET /a", "GET /a"]
--- more_headers eval
["X: 1", "X: 2"]
--- response_body eval
["1\n", "2\n"]
--- no_error_log
[error]


=== a configuration that is refused
--- config
nonsense on;
--- must_die
--- error_log eval
[qr/\[emerg\] .*unknown directive "nonsense"/, "nonsense"]
--- no_error_log
[alert]


=== bytes as they are, lines of the log
--- config
location /a {
    return 200 "a\n";
}
--- raw_request eval
"GET /a HTTP/1.0\r\n\r\n"
--- response_body
a
--- grep_error_log: http header done
--- grep_error_log_out
http header done


=== files of the test
--- config
location /t {
    alias $TEST_NGINX_SERVER_ROOT/html;
}
--- request
GET /t/y/z.txt
--- user_files
>>> x.txt
hello
>>> y/z.txt
world
--- response_body
world
--- no_error_log
[error]


=== skipped
--- skip_eval: 3: 1
--- config
location /a {
    return 200;
}
--- request
GET /a
--- no_error_log
[error]
