use Test::Nginx::Socket;

repeat_each(2);
plan tests => repeat_each() * 38;
no_shuffle();
run_tests();

__DATA__

=== TEST 1: simple
--- config
location /a { return 200 "hello $http_x\n"; }
--- request
GET /a
--- more_headers
X: y
--- response_body
hello y
--- no_error_log
[error]

=== TEST 2: headers and codes
--- config
location /a { add_header X-A b always; add_header X-A c always; return 404 "no\n"; }
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

=== TEST 3: post body echoed through proxy
--- http_config
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1985; location / { return 200 "$request_method $content_length"; } }
--- config
location /p { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1985; }
--- request
POST /p
abc def
--- response_body chomp
POST 7
--- error_log
http upstream request
--- no_error_log
[error]

=== TEST 4: many requests
--- config
location /a { return 200 "a\n"; }
location /b { return 403 "b\n"; }
--- request eval
["GET /a", "GET /b", ["GET ", {value => "/a"}, {value => " HTTP/1.1", delay_before => 0.01}]]
--- error_code eval
[200, 403, 200]
--- response_body_like eval
["^a", "^b", "^a"]
--- no_error_log
[crit]

=== TEST 5: pipelined
--- config
location /a { return 200 "a\n"; }
--- pipelined_requests eval
["GET /a", "GET /a"]
--- response_body eval
["a\n", "a\n"]
--- no_error_log
[error]

=== TEST 6: dies
--- config
nonsense on;
--- must_die
--- error_log eval
[qr/\[emerg\] .*unknown directive "nonsense"/, "nonsense"]
--- no_error_log
[alert]

=== TEST 7: raw
--- config
location /a { return 200 "a\n"; }
--- raw_request eval
"GET /a HTTP/1.0\r\n\r\n"
--- response_body
a
--- grep_error_log: http header done
--- grep_error_log_out
http header done
--- user_files
>>> x.txt
hello
>>> y/z.txt
world

=== TEST 8: user files
--- config
location /t { alias $TEST_NGINX_SERVER_ROOT/html; }
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
