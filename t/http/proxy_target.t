# The target in the first path segment, and the allow list.

use MIME::Base64 qw(encode_base64 encode_base64url);
use Test::Nginx::Socket;

repeat_each(1);
plan tests => repeat_each() * 160;
no_shuffle();
no_root_location();

# --- to: what the segment says; --- path: what follows it

add_block_preprocessor(sub {
    my ($block) = @_;
    my $port = $ENV{TEST_NGINX_SERVER_PORT};
    my $to = $block->to // "example.com/http/127.0.0.1/$port";
    my $method = $block->method // 'GET';
    my $allow = $block->allow // "http://127.0.0.1:$port/app/ prefix";

    s/PORT/$port/g for $to, $allow;

    my $segment = $block->segment
        // ($block->plain ? encode_base64($to, '') : encode_base64url($to));

    $allow = join "\n", map { /\S/ ? "mra_http_allow $_;" : () }
        split /\n/, $allow;

    my $root = $block->root // '';
    my $outer = $block->outer ? "mra_http_allow http://127.0.0.1:$port"
        . $block->outer . ' prefix;' : '';

    $block->set_value('config', <<"END");
$root
$outer
location / {
    mra_proxy_target on;
    $allow
    proxy_set_header X-Target "\$mra_target \$mra_target_uri";
    proxy_pass \$mra_target\$mra_target_uri;
}
location /moved/ {
    rewrite ^/moved(/.*) \$1 break;
    mra_proxy_target on;
    $allow
    proxy_set_header X-Target "\$mra_target \$mra_target_uri";
    proxy_pass \$mra_target\$mra_target_uri;
}
location ~ ^/[^/]+/get_edge_config {
    mra_proxy_target on;
    return 200 "edge [\$mra_target] [\$mra_target_uri]\\n";
}
location /app/ {
    add_header X-Method \$request_method;
    add_header X-Target \$http_x_target;
    return 200 "\$request_uri\\n";
}
END

    my $path = $block->path // '/app/x';
    chomp $path;
    my $prefix = $block->prefix // '';

    $block->set_value('raw_request', "$method $prefix/$segment$path HTTP/1.1"
        . "\r\nHost: localhost\r\nConnection: close\r\n\r\n");

    return if !defined $block->error_code || $block->error_code == 200;

    # the application was not reached
    $block->set_value('no_error_log', 'http upstream connect:');
});

run_tests();

__DATA__

=== a target
--- response_body
/app/x
--- response_headers_like
X-Target: http://127.0.0.1:\d+ /app/x


=== arguments
--- path: /app/x?a=b&c=%2F..
--- response_body
/app/x?a=b&c=%2F..


=== what is escaped stays so
--- path: /app/a%20b%3Bc%3Fd%23e
--- response_body
/app/a%20b%3Bc%3Fd%23e


=== a percent sign that starts nothing
--- path: /app/100%25
--- response_body
/app/100%25


=== UTF-8
--- path: /app/%C3%BC
--- response_body
/app/%C3%BC


=== the other alphabet, with padding
--- plain: 1
--- response_body
/app/x


=== padding that is escaped
--- segment eval
use MIME::Base64 qw(encode_base64 encode_base64url);
my $s = encode_base64("e.com/http/127.0.0.1/$ENV{TEST_NGINX_SERVER_PORT}", '');
$s =~ s/=/%3D/g; $s
--- response_body
/app/x


=== no path
--- path:
--- root: location = / { return 200 "root $request_uri\n"; }
--- allow: http://127.0.0.1:PORT prefix
--- response_body
root /


=== no path, arguments
--- path: ?a=b
--- root: location = / { return 200 "root $request_uri\n"; }
--- allow: http://127.0.0.1:PORT/ exact
--- response_body
root /?a=b


=== other methods
--- method: DELETE
--- response_headers
X-Method: DELETE


=== a domain is served by the edge itself
--- to: example.com
--- path: /get_edge_config?service_name=_cisco-uds
--- response_body
edge [] [/get_edge_config?service_name=_cisco-uds]


=== and is on no allow list
--- to: example.com
--- path: /app/x
--- error_code: 403
--- no_error_log
[error]


=== after a rewrite
--- prefix: /moved
--- path: /app/a%20b?c=d
--- response_body
/app/a%20b?c=d


=== not base64
--- segment: $$$
--- error_code: 400
--- error_log: client sent invalid target


=== nothing
--- segment:
--- path: /
--- error_code: 400
--- error_log: client sent invalid target


=== base64 of something else
--- to: hello world
--- error_code: 400


=== another protocol
--- to: example.com/ftp/127.0.0.1/PORT
--- error_code: 400


=== no port
--- to: example.com/http/127.0.0.1
--- error_code: 400


=== too much
--- to: example.com/http/127.0.0.1/PORT/x
--- error_code: 400


=== port 0
--- to: example.com/http/127.0.0.1/0
--- error_code: 400


=== a large port
--- to: example.com/http/127.0.0.1/65536
--- error_code: 400


=== user information in the host
--- to: example.com/http/127.0.0.1@evil.example/PORT
--- error_code: 400


=== a port in the host
--- to: example.com/http/127.0.0.1:80/PORT
--- error_code: 400


=== a path in the host
--- to: example.com/http/evil.example?127.0.0.1/PORT
--- error_code: 400


=== a blank in the host
--- to: example.com/http/127.0.0.1 evil.example/PORT
--- error_code: 400


=== a long segment
--- segment eval: 'A' x 2000
--- error_code: 400


=== not on the list: host
--- to: example.com/http/127.0.0.2/PORT
--- error_code: 403
--- error_log
[error]
target "http://127.0.0.2:


=== not on the list: protocol
--- to: example.com/https/127.0.0.1/PORT
--- error_code: 403


=== not on the list: port
--- to: example.com/http/127.0.0.1/80
--- error_code: 403


=== not on the list: path
--- path: /other/x
--- error_code: 403


=== not on the list: case of the path
--- path: /APP/x
--- error_code: 403


=== an empty list
--- allow
--- error_code: 403


=== the list of the level above
--- outer: /app/
--- allow
--- response_body
/app/x


=== replaced, not extended
--- outer: /app/
--- allow: http://127.0.0.1:PORT/other/ prefix
--- error_code: 403


=== methods
--- allow: http://127.0.0.1:PORT/app/ prefix GET,HEAD
--- response_body
/app/x


=== not this one
--- allow: http://127.0.0.1:PORT/app/ prefix GET,HEAD
--- method: POST
--- error_code: 403


=== methods in several parameters
--- allow: http://127.0.0.1:PORT/app/ prefix GET POST
--- method: POST
--- response_headers
X-Method: POST


=== not by default
--- method: PATCH
--- error_code: 403


=== nor what has no name
--- method: PROPFIND
--- error_code: 403


=== exact
--- allow: http://127.0.0.1:PORT/app/x
--- path: /app/x?a=b
--- response_body
/app/x?a=b


=== exact, and more
--- allow: http://127.0.0.1:PORT/app/x exact
--- path: /app/xy
--- error_code: 403


=== exact is the default
--- allow: http://127.0.0.1:PORT/app/
--- error_code: 403


=== exact, with escapes
--- allow: http://127.0.0.1:PORT/app/a%20b exact
--- path: /app/%61%20b
--- response_body
/app/%61%20b


=== the second rule
--- allow
https://127.0.0.1/ prefix
http://127.0.0.1:PORT/app/x GET
--- response_body
/app/x


=== the host in another case and form
--- allow: HTTP://LocalHost:PORT/app/ prefix
--- to: example.com/http/LOCALHOST./PORT
--- error_code: 502
--- error_log: no resolver defined to resolve localhost


=== regex
--- allow: http://127\.0\.0\.1:\d+/app/[a-z]+ regex
--- response_body
/app/x


=== a regex has to match all of it
--- allow: http://127\.0\.0\.1:\d+/app/[a-z]+ regex
--- path: /app/x/y
--- error_code: 403


=== a url inside another
--- allow: http://127\.0\.0\.1:PORT/app/x regex
--- to: example.com/http/127.0.0.2/PORT
--- path: /http://127.0.0.1:PORT/app/x
--- error_code: 403


=== a regex that forbids is asked about the decoded path
--- allow: http://127\.0\.0\.1:\d+/app/(?!secret).* regex
--- path: /app/%73ecret
--- error_code: 403


=== alternatives do not escape from the anchors
--- allow: http://127\.0\.0\.2:1/x|http://127\.0\.0\.1:1/.* regex
--- path: /http://127.0.0.1:1/x
--- error_code: 403


=== line ends do not either
--- allow: http://127\.0\.0\.1:\d+/app/x regex
--- path: /app/x%0A
--- error_code: 400


=== dot segments
--- path: /app/../other
--- error_code: 400


=== one dot
--- path: /app/./x
--- error_code: 400


=== dots at the end
--- path: /app/x/..
--- error_code: 400


=== dots in the segment's place
--- path: /app/../../x
--- error_code: 400


=== encoded dots
--- path: /app/%2e%2E/other
--- error_code: 400


=== half encoded dots
--- path: /app/.%2e/other
--- error_code: 400


=== dots with a parameter
--- path: /app/..;a=b/other
--- error_code: 400


=== dots with an encoded parameter
--- path: /app/..%3Ba/other
--- error_code: 400


=== dots with a space
--- path: /app/..%20/other
--- error_code: 400


=== three dots are a name
--- path: /app/.../..a/a../.a
--- response_body
/app/.../..a/a../.a


=== encoded slash
--- path: /app/..%2Fother
--- error_code: 400


=== encoded slash without dots
--- path: /app%2fx
--- error_code: 400


=== encoded backslash
--- path: /app/..%5Cother
--- error_code: 400


=== backslash
--- path: /app/..\other
--- error_code: 400


=== double encoding
--- path: /app/%252e%252e/other
--- error_code: 400


=== double encoding of a slash
--- path: /app/%252Fother
--- error_code: 400


=== NUL
--- path: /app/x%00
--- error_code: 400


=== line ends
--- path: /app/x%0d%0aX:y
--- error_code: 400


=== overlong UTF-8
--- path: /app/%c0%ae%c0%ae/other
--- error_code: 400


=== overlong UTF-8 of three bytes
--- path: /app/%e0%80%af
--- error_code: 400


=== a fragment
--- path: /app/x#y
--- error_code: 400


=== a broken escape
--- path: /app/%zz
--- error_code: 400


=== dots in arguments are no path
--- path: /app/x?/../%2e%2e/%2f
--- response_body
/app/x?/../%2e%2e/%2f


=== two slashes are not one
--- path: //app/x
--- error_code: 403


=== tricks after a rewrite
--- prefix: /moved
--- path: /app/%252e%252e/other
--- error_code: 400


=== what a rewrite has decoded is what is checked and sent
--- prefix: /moved
--- path: /other/..%2fapp/x
--- response_body
/app/x
