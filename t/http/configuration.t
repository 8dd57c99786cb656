# Wrong values fail when the configuration is read, with a line that says
# what to do.

use Test::Nginx::Socket;

repeat_each(1);
plan tests => repeat_each() * 82;
no_shuffle();
no_root_location();

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('must_die', 1) if !defined $block->request;
    $block->set_value('main_config', $block->main // 'mra { }');
    $block->set_value('no_error_log', '[alert]');
});

run_tests();

__DATA__

=== mra_auth without mra { }
--- main
--- config
mra_auth /verify;
--- error_log: "mra_auth" needs a "mra { }" block


=== "off" needs none
--- main
--- config
mra_auth off;
--- request
GET /
--- error_code: 200


=== the order of the blocks does not matter
--- main
--- post_main_config
mra { }
--- config
mra_auth /verify;
--- request
GET /
--- error_code: 401


=== not a uri
--- config
mra_auth verify;
--- error_log: invalid value "verify", it must be "off" or the uri of an internal location, as in "/verify"


=== a named location
--- config
mra_auth @verify;
--- error_log: invalid value "@verify", it must be "off" or the uri of an internal location


=== arguments
--- config
mra_auth /verify?a;
--- error_log: invalid value "/verify?a"


=== nothing
--- config
mra_auth "";
--- error_log: invalid value "", it must be "off"


=== twice
--- config
mra_auth /a; mra_auth /b;
--- error_log: "mra_auth" directive is duplicate


=== a quote in the realm
--- config
mra_auth_realm 'a"b';
--- error_log: invalid value "a"b", a realm has printable ASCII characters


=== a variable in the realm
--- config
mra_auth_realm "edge $host";
--- error_log: there are no variables in it, give each location a realm of its own


=== an empty realm
--- config
mra_auth_realm "";
--- error_log: invalid value "", a realm has printable ASCII characters


=== a cookie that is no name
--- config
mra_auth_cookie "a;b";
--- error_log: invalid parameter "a;b", it must be a cookie name


=== a variable as the name of a cookie
--- config
mra_auth_cookie X-$host;
--- error_log: invalid parameter "X-$host", it must be a cookie name


=== a variable as a domain
--- config
mra_auth_cookie X-Auth domain=$host;
--- error_log: forward=on, without variables


=== an unknown attribute
--- config
mra_auth_cookie X-Auth samesite=off;
--- error_log: invalid parameter "samesite=off", it must be a cookie name, then domain=name|off


=== a domain that is none
--- config
mra_auth_cookie X-Auth domain=a;b;
--- error_log: unknown directive "b"


=== a domain with an attribute
--- config
mra_auth_cookie X-Auth "domain=a; Path=/x";
--- error_log: invalid parameter "domain=a; Path=/x"


=== a status out of range
--- config
mra_rate_control_status 200;
--- error_log: value must be between 400 and 599


=== an unknown level
--- config
mra_rate_control_log_level crit;
--- error_log: invalid value "crit"


=== a rule without a protocol
--- config
mra_http_allow example.com;
--- error_log: invalid url "example.com", it must be http://host/path or https://host:port/path


=== another protocol
--- config
mra_http_allow ftp://example.com/;
--- error_log: invalid url "ftp://example.com/"


=== user information
--- config
mra_http_allow http://a@example.com/;
--- error_log: invalid url "http://a@example.com/"


=== arguments in a rule
--- config
mra_http_allow http://example.com/?a;
--- error_log: invalid url "http://example.com/?a"


=== dot segments in a rule
--- config
mra_http_allow http://example.com/a/../b;
--- error_log: invalid url "http://example.com/a/../b"


=== a bad port
--- config
mra_http_allow http://example.com:80000/;
--- error_log: invalid url "http://example.com:80000/"


=== a bad regex
--- config
mra_http_allow http://example.com/( regex;
--- error_log: pcre


=== an unknown match
--- config
mra_http_allow http://example.com/ begins;
--- error_log: invalid parameter "begins", it must be "exact", "prefix", "regex", or methods of GET,


=== an unknown method
--- config
mra_http_allow http://example.com/ prefix GET,get;
--- error_log: invalid parameter "GET,get"
