
/*
 * Copyright (C) ngx_mra contributors
 *
 * SIP URIs: RFC 3261, 19.1.
 */


#include <mra_test.h>
#include <ngx_mra_sip.h>


typedef struct {
    const char  *uri;
    ngx_uint_t   scheme;
    const char  *user;       /* NULL: none */
    const char  *password;
    const char  *host;
    ngx_uint_t   port;
    const char  *params;
    const char  *headers;
} uri_row_t;


static uri_row_t  good[] = {

    /* RFC 3261, 19.1.3 */

    { "sip:alice@atlanta.com", NGX_MRA_SIP_SIP,
      "alice", NULL, "atlanta.com", 0, "", NULL },
    { "sip:alice:secretword@atlanta.com;transport=tcp", NGX_MRA_SIP_SIP,
      "alice", "secretword", "atlanta.com", 0, ";transport=tcp", NULL },
    { "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
      NGX_MRA_SIP_SIPS, "alice", NULL, "atlanta.com", 0, "",
      "subject=project%20x&priority=urgent" },
    { "sip:+1-212-555-1212:1234@gateway.com;user=phone", NGX_MRA_SIP_SIP,
      "+1-212-555-1212", "1234", "gateway.com", 0, ";user=phone", NULL },
    { "sips:1212@gateway.com", NGX_MRA_SIP_SIPS,
      "1212", NULL, "gateway.com", 0, "", NULL },
    { "sip:alice@192.0.2.4", NGX_MRA_SIP_SIP,
      "alice", NULL, "192.0.2.4", 0, "", NULL },
    { "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
      NGX_MRA_SIP_SIP, NULL, NULL, "atlanta.com", 0, ";method=REGISTER",
      "to=alice%40atlanta.com" },
    { "sip:alice;day=tuesday@atlanta.com", NGX_MRA_SIP_SIP,
      "alice;day=tuesday", NULL, "atlanta.com", 0, "", NULL },

    { "SIP:a@b:5061;lr;ob", NGX_MRA_SIP_SIP,
      "a", NULL, "b", 5061, ";lr;ob", NULL },
    { "sip:[2001:db8::1]:5060;transport=tls", NGX_MRA_SIP_SIP,
      NULL, NULL, "[2001:db8::1]", 5060, ";transport=tls", NULL },
    { "sip:a@[::ffff:192.0.2.1]", NGX_MRA_SIP_SIP,
      "a", NULL, "[::ffff:192.0.2.1]", 0, "", NULL },
    { "sip:[1:2:3:4:5:6:255.255.255.255]", NGX_MRA_SIP_SIP,
      NULL, NULL, "[1:2:3:4:5:6:255.255.255.255]", 0, "", NULL },
    { "sip:[1:2:3:4:5:6:7:abCD]", NGX_MRA_SIP_SIP,
      NULL, NULL, "[1:2:3:4:5:6:7:abCD]", 0, "", NULL },
    { "sip:[::]", NGX_MRA_SIP_SIP, NULL, NULL, "[::]", 0, "", NULL },
    { "sip:%fF%4F@b", NGX_MRA_SIP_SIP, "%fF%4F", NULL, "b", 0, "", NULL },
    { "sip:a:@b", NGX_MRA_SIP_SIP, "a", "", "b", 0, "", NULL },
    { "sip:1a_b.c-d.e.", NGX_MRA_SIP_SIP,
      NULL, NULL, "1a_b.c-d.e.", 0, "", NULL },
    { "sip:*21#@b", NGX_MRA_SIP_SIP, "*21#", NULL, "b", 0, "", NULL },
    { "sip:b;x-farm=1%3b2;hash=[a]/b:c&d+e$f", NGX_MRA_SIP_SIP,
      NULL, NULL, "b", 0, ";x-farm=1%3b2;hash=[a]/b:c&d+e$f", NULL },

    { "tel:+358-555-1234567;postd=pp22", NGX_MRA_SIP_TEL,
      NULL, NULL, NULL, 0, NULL, NULL },
    { "urn:service:sos", NGX_MRA_SIP_URN,
      NULL, NULL, NULL, 0, NULL, NULL },
    { "http://www.example.com/?a=%20#b", NGX_MRA_SIP_OTHER_SCHEME,
      NULL, NULL, NULL, 0, NULL, NULL }
};


static const char  *bad[] = {
    "", "sip", "sip:", ":a", "1sip:a", "s ip:a", "sip a", "sip:@b", "sip:a@",
    "sip:a b@c", "sip:a@b c", "sip:a@b:", "sip:a@b:0", "sip:a@b:65536",
    "sip:a@b:005060",
    "sip:a@b:x", "sip:a@b:5060x", "sip:a@b;", "sip:a@b;;lr", "sip:a@b;=x",
    "sip:a@b;x=%4", "sip:a%zz@b", "sip:a%@b", "sip:a@b?x=\"y\"",
    "sip:a@b?x=y?<", "sip:a@@b", "sip:a@b@c", "sip:a@.b", "sip:a@-b",
    "sip:<a@b>", "sip:a@b>", "sip:a@b;x=<y>", "sip:a@b,sip:c@d",
    "sip:a@2001:db8::1", "sip:a@[2001:db8::1", "sip:a@[]", "sip:a@[1]",
    "sip:a@[1:2:3:4:5:6:7]", "sip:a@[1:2:3:4:5:6:7:8:9]", "sip:a@[1::2::3]",
    "sip:a@[:1::]", "sip:a@[1:]", "sip:a@[12345::]", "sip:a@[::g]",
    "sip:a@[::1.2.3]", "sip:a@[::1.2.3.4.5]", "sip:a@[::1.2.3.]",
    "sip:a@[::a.2.3.4]", "sip:a@[::1.2.3.256]", "sip:a@[::1.2.3.0004]",
    "sip:a@[::1.2..4]", "sip:a@[::1.2.3.4x]", "sip:a@[::.1.2.3]",
    "sip:a@[1::2-3]", "sip:a@[1:2:3:4:5:6:7:8:]", "sip:a@[1:2:3:4:5:6:7::8]",
    "sip:a@[1.2.3.4]", "sip:a@[1:2:3:4:5:6:7:1.2.3.4]", "sip:a@[:::1]",
    "sip:a\r\n@b", "sip:a\t@b", "tel:", "tel:1 2", "tel:<1>", "tel:1\"",
    "sip:\xc3\xa4@b", "sip:a@\xc3\xa4"
};


static const char  *aors[][2] = {
    { "sip:alice@Example.COM;transport=tls?a=b", "alice@example.com" },
    { "sips:%61l%69ce:pw@example.com:5061", "alice@example.com:5061" },
    { "sip:Alice@[2001:DB8::1]", "Alice@[2001:db8::1]" },
    { "sip:Example.com", "example.com" },
    { "sip:a%40b@c", "a@b@c" },
    { "sip:%Ff%2f@c", "\xff/@c" },
    { "tel:+1", "" }
};


static void
is_optional(ngx_str_t *s, const char *expected, const char *uri,
    const char *part)
{
    mra_is(s->data != NULL, expected != NULL, "%s: has %s", uri, part);

    if (expected) {
        mra_is_str(*s, expected, "%s: %s", uri, part);
    }
}


static ngx_int_t
parse(ngx_uint_t place, const char *text, ngx_mra_sip_uri_t *uri)
{
    ngx_str_t  s;

    s.len = strlen(text);
    s.data = mra_guard(place, text, s.len);

    return ngx_mra_sip_parse_uri(&s, uri);
}


int
main(void)
{
    u_char             *out;
    size_t              i, n;
    ngx_str_t           s;
    ngx_mra_sip_uri_t   a;

    for (i = 0; i < mra_rows(good); i++) {
        mra_is(parse(0, good[i].uri, &a), NGX_OK, "%s", good[i].uri);
        mra_is(a.scheme, good[i].scheme, "%s: scheme", good[i].uri);
        mra_is(a.port, good[i].port, "%s: port", good[i].uri);
        mra_is(a.ipv6, good[i].host && good[i].host[0] == '[', "%s: IPv6",
               good[i].uri);

        is_optional(&a.user, good[i].user, good[i].uri, "user");
        is_optional(&a.password, good[i].password, good[i].uri, "password");
        is_optional(&a.host, good[i].host, good[i].uri, "host");
        is_optional(&a.params, good[i].params, good[i].uri, "params");
        is_optional(&a.headers, good[i].headers, good[i].uri, "headers");

        mra_is_str(a.whole, good[i].uri, "%s: whole", good[i].uri);
    }

    (void) parse(0, "sip:a@b:5060;lr", &a);
    mra_is_str(a.hostport, "b:5060", "host and port");
    mra_is_str(a.rest, "a@b:5060;lr", "what follows the scheme");

    for (i = 0; i < mra_rows(bad); i++) {
        mra_is(parse(0, bad[i], &a), NGX_ERROR, "bad: %s", bad[i]);
    }

    mra_is(parse(0, "sip:a@b;lr", &a), NGX_OK, "before a NUL");
    s.data = mra_guard(0, "sip:a\0b@c", 9);
    s.len = 9;
    mra_is(ngx_mra_sip_parse_uri(&s, &a), NGX_ERROR, "bad: NUL");

    for (i = 0; i < mra_rows(aors); i++) {
        mra_is(parse(0, aors[i][0], &a), NGX_OK, "%s", aors[i][0]);

        out = mra_guard(1, NULL, a.rest.len);
        n = ngx_mra_sip_build_aor(&a, out);

        mra_is_mem(out, n, aors[i][1], strlen(aors[i][1]), "%s: AOR",
                   aors[i][0]);
    }

    return mra_done();
}
