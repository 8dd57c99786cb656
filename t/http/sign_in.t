# Who supplies good credentials is let in and gets a token; others get 401.

use Test::Nginx::Socket;

repeat_each(1);
plan tests => repeat_each() * 35;
no_shuffle();
no_root_location();

our $http = <<'END';
mra { exempt 127.0.0.1; }
END

our $config = <<'END';
location / {
    mra_auth /verify;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/app;
}
location = /verify {
    internal;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/uc;
}
location = /uc {
    if ($http_authorization = "Basic YWxpY2U6d29uZGVybGFuZA==") {
        return 200 "<user/>\n";
    }
    if ($http_authorization = "Basic Ym9iOmJ1aWxkZXI=") {
        return 403 "locked\n";
    }
    return 401 "no\n";
}
location /app {
    return 200 "app\n";
}
END

run_tests();

__DATA__

=== no credentials
--- main_config eval: $::http
--- config eval: $::config
--- request
GET /
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="MRA", charset="UTF-8"
! Set-Cookie
--- no_error_log
[error]


=== good credentials
--- main_config eval: $::http
--- config eval: $::config
--- request
GET /
--- more_headers
Authorization: Basic YWxpY2U6d29uZGVybGFuZA==
--- response_body
app
--- response_headers_like
Set-Cookie: X-Auth=[A-Za-z0-9_-]{43}; .*
--- no_error_log
[error]


=== the scheme in another case, more blanks
--- main_config eval: $::http
--- config eval: $::config
--- request
GET /
--- more_headers
Authorization: bASIC   YWxpY2U6d29uZGVybGFuZA==
--- response_body
app
--- no_error_log
[error]


=== without padding
--- main_config eval: $::http
--- config eval: $::config
--- request
GET /
--- more_headers
Authorization: Basic YWxpY2U6d29uZGVybGFuZA
--- response_body
app
--- no_error_log
[error]


=== wrong password
--- main_config eval: $::http
--- config eval: $::config
--- request
GET /
--- more_headers
Authorization: Basic YWxpY2U6cXVlZW4=
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="MRA", charset="UTF-8"
! Set-Cookie
--- response_body_unlike: app
--- error_log
[error]
user "alice": authentication rejected,


=== the UC node says 403
--- main_config eval: $::http
--- config eval: $::config
--- request
GET /
--- more_headers
Authorization: Basic Ym9iOmJ1aWxkZXI=
--- error_code: 401
--- response_body_unlike: locked
--- error_log
user "bob": authentication rejected,


=== another realm
--- main_config eval: $::http
--- config eval
"mra_auth_realm 'Edge of the World';$::config"
--- request
GET /
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="Edge of the World", charset="UTF-8"
--- no_error_log
[error]


=== switched off for a location inside
--- main_config eval: $::http
--- config eval
"mra_auth /verify; location /open { mra_auth off; rewrite ^ /app break;
 proxy_pass http://127.0.0.1:\$TEST_NGINX_SERVER_PORT; } $::config"
--- request
GET /open
--- response_body
app
--- no_error_log
[error]


=== the location that asks is not for clients
--- main_config eval: $::http
--- config eval: $::config
--- request
GET /verify
--- error_code: 404


=== a location that answers by itself: good
--- main_config eval: $::http
--- config eval
"location /own { mra_auth /self; rewrite ^ /app break;
 proxy_pass http://127.0.0.1:\$TEST_NGINX_SERVER_PORT; }
 location = /self { internal; error_page 401 =200 /app;
 if (\$http_authorization = 'Basic YWxpY2U6d29uZGVybGFuZA==') { return 204; }
 return 401; } $::config"
--- request
GET /own
--- more_headers
Authorization: Basic YWxpY2U6d29uZGVybGFuZA==
--- response_body
app
--- no_error_log
[error]


=== a location that answers by itself: bad, with an error page that is not
--- main_config eval: $::http
--- config eval
"location /own { mra_auth /self; rewrite ^ /app break;
 proxy_pass http://127.0.0.1:\$TEST_NGINX_SERVER_PORT; }
 location = /self { internal; error_page 401 =200 /app;
 if (\$http_authorization = 'Basic YWxpY2U6d29uZGVybGFuZA==') { return 204; }
 return 401; } $::config"
--- request
GET /own
--- more_headers
Authorization: Basic YWxpY2U6cXVlZW4=
--- error_code: 401
--- error_log
user "alice": authentication rejected,
