
/*
 * Copyright (C) ngx_mra contributors
 *
 * What is let past, and what is answered instead.
 */


#include <mra_test.h>
#include <ngx_mra_sip.h>


#define REQUEST(headers)                                                      \
    "REGISTER sip:example.com SIP/2.0\r\n"                                    \
    "Via: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1\r\n"                          \
    "From: <sip:a@example.com>;tag=f\r\n"                                     \
    "To: <sip:a@example.com>\r\n"                                             \
    "Call-ID: 1@192.0.2.1\r\n"                                                \
    "CSeq: 1 REGISTER\r\n"                                                    \
    headers                                                                   \
    "\r\n"

#define LINE(line)                                                            \
    line "\r\n"                                                               \
    "Via: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1\r\n"                          \
    "From: <sip:a@example.com>;tag=f\r\n"                                     \
    "To: <sip:a@example.com>\r\n"                                             \
    "Call-ID: 1@192.0.2.1\r\n"                                                \
    "CSeq: 1 REGISTER\r\n"                                                    \
    "\r\n"

#define CALL_ID(value)                                                        \
    "REGISTER sip:example.com SIP/2.0\r\n"                                    \
    "Via: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1\r\n"                          \
    "From: <sip:a@example.com>;tag=f\r\n"                                     \
    "To: <sip:a@example.com>\r\n"                                             \
    "Call-ID: " value "\r\n"                                                  \
    "CSeq: 1 REGISTER\r\n"                                                    \
    "\r\n"

#define RESPONSE(headers)                                                     \
    "SIP/2.0 200 OK\r\n"                                                      \
    "Via: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1\r\n"                          \
    "From: <sip:a@example.com>;tag=f\r\n"                                     \
    "To: <sip:a@example.com>;tag=t\r\n"                                       \
    "Call-ID: 1@192.0.2.1\r\n"                                                \
    "CSeq: 1 REGISTER\r\n"                                                    \
    headers                                                                   \
    "\r\n"


typedef struct {
    const char  *text;
    ngx_uint_t   status;
    const char  *reason;
    const char  *bad;        /* name of the header in question */
} row_t;


static row_t  requests[] = {

    { REQUEST(""), 0, NULL, NULL },
    { LINE("REGISTER sips:b;lr SIP/2.0"), 0, NULL, NULL },
    { LINE("REGISTER tel:+1 SIP/2.0"), 0, NULL, NULL },
    { LINE("REGISTER urn:service:sos SIP/2.0"), 0, NULL, NULL },

    { LINE("REGISTER sip:b SIP/2.1"), 505, "Version Not Supported", NULL },
    { LINE("REGISTER mailto:b SIP/2.0"), 416, "Unsupported URI Scheme", NULL },
    { LINE("REGISTER sip: SIP/2.0"), 400, "Bad Request-URI", NULL },
    { LINE("REGISTER b SIP/2.0"), 400, "Bad Request-URI", NULL },
    { LINE("REGISTER <sip:b> SIP/2.0"), 400, "Bad Request-URI", NULL },
    { LINE("REGISTER sip:b?a=c SIP/2.0"), 400, "Bad Request-URI", NULL },
    { LINE("REGISTER  sip:b SIP/2.0"), 400, "Bad Request-URI", NULL },
    { LINE("REGISTER sip:b;a b SIP/2.0"), 400, "Bad Request-URI", NULL },
    { LINE("REGISTER sip:b SIP/2.0 "), 400, "Bad Start Line", NULL },
    { LINE("INVITE sip:b SIP/2.0"), 400, "CSeq Of Another Method", "CSeq" },
    { LINE("REGISTEr sip:b SIP/2.0"), 400, "CSeq Of Another Method", "CSeq" },

    { REQUEST("no colon\r\n"), 400, "Bad Header Line", NULL },
    { REQUEST("A: \x01\r\n"), 400, "Bad Byte In Header", NULL },

    { "REGISTER sip:b SIP/2.0\r\nFrom: <sip:a>\r\nTo: <sip:a>\r\n"
      "Call-ID: 1\r\nCSeq: 1 REGISTER\r\n\r\n", 400, "Missing Via", NULL },
    { "REGISTER sip:b SIP/2.0\r\nVia: SIP/2.0/TLS a\r\nTo: <sip:a>\r\n"
      "Call-ID: 1\r\nCSeq: 1 REGISTER\r\n\r\n", 400, "Missing From", NULL },
    { "REGISTER sip:b SIP/2.0\r\nVia: SIP/2.0/TLS a\r\nFrom: <sip:a>\r\n"
      "Call-ID: 1\r\nCSeq: 1 REGISTER\r\n\r\n", 400, "Missing To", NULL },
    { "REGISTER sip:b SIP/2.0\r\nVia: SIP/2.0/TLS a\r\nFrom: <sip:a>\r\n"
      "To: <sip:a>\r\nCSeq: 1 REGISTER\r\n\r\n", 400, "Missing Call-ID",
      NULL },
    { "REGISTER sip:b SIP/2.0\r\nVia: SIP/2.0/TLS a\r\nFrom: <sip:a>\r\n"
      "To: <sip:a>\r\nCall-ID: 1\r\n\r\n", 400, "Missing CSeq", NULL },

    { REQUEST("f: <sip:a>\r\n"), 400, "Repeated Header", "From" },
    { REQUEST("t: <sip:a>\r\n"), 400, "Repeated Header", "To" },
    { REQUEST("i: 2\r\n"), 400, "Repeated Header", "Call-ID" },
    { REQUEST("CSeq: 1 REGISTER\r\n"), 400, "Repeated Header", "CSeq" },
    { REQUEST("l: 0\r\nl: 0\r\n"), 400, "Repeated Header", "l" },
    { REQUEST("Max-Forwards: 1\r\nMax-Forwards: 1\r\n"), 400,
      "Repeated Header", "Max-Forwards" },
    { REQUEST("Expires: 1\r\nExpires: 1\r\n"), 400, "Repeated Header",
      "Expires" },
    { REQUEST("c: a/b\r\nc: a/b\r\n"), 400, "Repeated Header", "c" },
    { REQUEST("Date: x\r\nDate: x\r\n"), 400, "Repeated Header", "Date" },
    { REQUEST("RAck: x\r\nRAck: x\r\n"), 400, "Repeated Header", "RAck" },

    { CALL_ID("a"), 0, NULL, NULL },
    { CALL_ID("(<[{\"\\/?:>"), 0, NULL, NULL },
    { CALL_ID(""), 400, "Bad Header Value", "Call-ID" },
    { CALL_ID("@b"), 400, "Bad Header Value", "Call-ID" },
    { CALL_ID("a@"), 400, "Bad Header Value", "Call-ID" },
    { CALL_ID("a@b@c"), 400, "Bad Header Value", "Call-ID" },
    { CALL_ID("a b"), 400, "Bad Header Value", "Call-ID" },
    { CALL_ID("a;b"), 400, "Bad Header Value", "Call-ID" },

    { REQUEST("v: SIP/2.0/TCP b, SIP/2.0/UDP c;branch=x\r\n"), 0, NULL, NULL },
    { REQUEST("v: SIP/2.0/TCP b,\r\n"), 400, "Bad Header Value", "v" },
    { REQUEST("v: SIP/2.0/TCP b;;\r\n"), 400, "Bad Header Value", "v" },
    { REQUEST("v:\r\n"), 400, "Bad Header Value", "v" },

    { REQUEST("Max-Forwards: 0\r\n"), 0, NULL, NULL },
    { REQUEST("Max-Forwards: 0255\r\n"), 0, NULL, NULL },
    { REQUEST("Max-Forwards: 256\r\n"), 400, "Bad Header Value",
      "Max-Forwards" },
    { REQUEST("Max-Forwards: -1\r\n"), 400, "Bad Header Value",
      "Max-Forwards" },
    { REQUEST("Max-Forwards:\r\n"), 400, "Bad Header Value", "Max-Forwards" },

    { REQUEST("Route: <sip:a;lr>, \"b\" <sip:b>;c=d\r\n"), 0, NULL, NULL },
    { REQUEST("Route: sip:a;lr\r\n"), 400, "Bad Header Value", "Route" },
    { REQUEST("Route: <sip:a;lr>,\r\n"), 400, "Bad Header Value", "Route" },
    { REQUEST("Route: <sip:a;lr\r\n"), 400, "Bad Header Value", "Route" },
    { REQUEST("Path: <a>\r\n"), 400, "Bad Header Value", "Path" },
    { REQUEST("Record-Route:\r\n"), 400, "Bad Header Value", "Record-Route" },

    { REQUEST("m: <sip:a>;q=0.1, sip:b;c\r\n"), 0, NULL, NULL },
    { REQUEST("m: \"<sip:a>\r\n"), 400, "Bad Header Value", "m" },
    { REQUEST("m: \"a\\\" <sip:a>\r\n"), 400, "Bad Header Value", "m" },
    { REQUEST("m: <sip:a>;b=\"c\r\n"), 400, "Bad Header Value", "m" },
    { REQUEST("m: <sip:a b>\r\n"), 400, "Bad Header Value", "m" },
    { REQUEST("m: sip:a?b=c\r\n"), 400, "Bad Header Value", "m" },
    { REQUEST("m: *\r\nExpires: 0\r\n"), 0, NULL, NULL },
    { REQUEST("m: *\r\nExpires: 1\r\n"), 400, "Bad Use Of Contact *", "m" },
    { REQUEST("m: *\r\n"), 400, "Bad Use Of Contact *", "m" },
    { REQUEST("m: *\r\nm: *\r\nExpires: 0\r\n"), 400, "Bad Use Of Contact *",
      "m" },
    { REQUEST("m: *, <sip:a>\r\nExpires: 0\r\n"), 400, "Bad Header Value",
      "m" },
    { REQUEST("m: <sip:a>, *\r\nExpires: 0\r\n"), 400, "Bad Header Value",
      "m" },
    { "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/TLS a\r\nFrom: <sip:a>\r\n"
      "To: <sip:a>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContact: *\r\n"
      "Expires: 0\r\n\r\n", 400, "Bad Use Of Contact *", "Contact" },

    { REQUEST("Expires: 99999999999999999999\r\n"), 0, NULL, NULL },
    { REQUEST("Expires: soon\r\n"), 400, "Bad Header Value", "Expires" },
    { REQUEST("x: 1800;refresher=uac\r\n"), 0, NULL, NULL },
    { REQUEST("x: uac\r\n"), 400, "Bad Header Value", "x" },

    { REQUEST("Require: a!, b\r\n c\r\n"), 0, NULL, NULL },
    { REQUEST("Supported:\r\n"), 0, NULL, NULL },
    { REQUEST("Supported: a,\r\n"), 0, NULL, NULL },
    { REQUEST("Require: \"a\"\r\n"), 400, "Bad Header Value", "Require" },
    { REQUEST("Proxy-Require: a;b\r\n"), 400, "Bad Header Value",
      "Proxy-Require" },

    { REQUEST("Event: presence.winfo;id=1\r\n"), 0, NULL, NULL },
    { REQUEST("Event: a+b!\r\n"), 0, NULL, NULL },
    { REQUEST("Event:\r\n"), 400, "Bad Header Value", "Event" },
    { REQUEST("Event: a b\r\n"), 400, "Bad Header Value", "Event" },
    { REQUEST("c: multipart/mixed ; boundary=\"a b\"\r\n"), 0, NULL, NULL },
    { REQUEST("c: a+b!/c+d!\r\n"), 0, NULL, NULL },
    { REQUEST("c: a b\r\n"), 400, "Bad Header Value", "c" },
    { REQUEST("c: application\r\n"), 400, "Bad Header Value", "c" },
    { REQUEST("c: a/\r\n"), 400, "Bad Header Value", "c" },
    { REQUEST("c: a/b;\r\n"), 400, "Bad Header Value", "c" },

    { REQUEST("Authorization: Digest username=\"a, \\\"b\", uri=\"c\"\r\n"),
      0, NULL, NULL },
    { REQUEST("Authorization: Digest username=\"a\r\n"), 400,
      "Bad Header Value", "Authorization" },
    { REQUEST("Authorization: Digest\r\n"), 400, "Bad Header Value",
      "Authorization" },
    { REQUEST("Proxy-Authorization: =\r\n"), 400, "Bad Header Value",
      "Proxy-Authorization" },

    { REQUEST("r: <sip:a?Replaces=b%40c>\r\n"), 0, NULL, NULL },
    { REQUEST("r: <sip:a>, <sip:b>\r\n"), 400, "Bad Header Value", "r" },
    { REQUEST("P-Asserted-Identity: <sip:a>, <tel:+1>\r\n"), 0, NULL, NULL },
    { REQUEST("P-Asserted-Identity: \"a\r\n"), 400, "Bad Header Value",
      "P-Asserted-Identity" },

    { REQUEST("x: 4294967295\r\n"), 400, "Bad Header Value", "x" },

    { REQUEST("Subject: \"(<,;\r\nX-Cisco-Anything: \"(<,;\r\nS: x\r\n"), 0,
      NULL, NULL }
};


static row_t  responses[] = {
    { RESPONSE(""), 0, NULL, NULL },
    { RESPONSE("Contact: <sip:a>;expires=1\r\nMax-Forwards: x\r\n"
               "Event: a b\r\nDate: x\r\nDate: y\r\n"), 0, NULL, NULL },
    { RESPONSE("Contact: <sip:a\r\n"), 1, "Bad Header Value", "Contact" },
    { RESPONSE("v: x\r\n"), 1, "Bad Header Value", "v" },
    { RESPONSE("Record-Route: sip:a\r\n"), 1, "Bad Header Value",
      "Record-Route" },
    { RESPONSE("Service-Route: sip:a\r\n"), 1, "Bad Header Value",
      "Service-Route" },
    { RESPONSE("Retry-After: 99999999999\r\n"), 0, NULL, NULL },
    { RESPONSE("CSeq: 1 REGISTER\r\n"), 1, "Repeated Header", "CSeq" },
    { RESPONSE("no colon\r\n"), 1, "Bad Header Line", NULL },
    { "SIP/2.0 200 OK\r\n\r\n", 1, "Missing Via", NULL },
    { "SIP/2.0 2 OK\r\n\r\n", 1, "Bad Start Line", NULL },
    { "SIP/3.0 200 OK\r\n\r\n", 1, "Version Not Supported", NULL }
};


/* each of these made Kamailio 5.6.3 close the connection */

static const char  *fragile[] = {
    REQUEST("X%41: b\r\n"), REQUEST("X!: b\r\n"), REQUEST("X*: b\r\n"),
    REQUEST("X`: b\r\n"), REQUEST("X': b\r\n"),
    REQUEST("Content_Length: 150\r\n"),
    REQUEST("v: SIP/2.0/DTLS a\r\n"),
    REQUEST("v: SIP/2.0/TCP a;b=\"c,d\"\r\n"),
    REQUEST("v: SIP/2.0/TCP a;i\r\n"),
    REQUEST("v: SIP/2.0/TCP a;ttl;b\r\n"),
    REQUEST("v: SIP/2.0/TCP a;Alia\r\n"),
    REQUEST("v: SIP/2.0/TCP a;al\r\n"),
    REQUEST("v: SIP/2.0/TCP a;alias=1\r\n"),
    REQUEST("v: SIP/2.0/TCP a;hidden=1\r\n"),
    REQUEST("v: SIP/2.0/TCP a;A=1\r\n"),
    REQUEST("v: SIP/2.0/TCP a;b ;c\r\n"),
    REQUEST("v: SIP/2.0/TCP a;b , SIP/2.0/TCP c\r\n"),
    RESPONSE("Retry-After: 99999999999\r\n"),
    RESPONSE("Event: a b\r\n"),
    RESPONSE("Date: x\r\nDate: y\r\n"),
    RESPONSE("X%41: b\r\n")
};

static const char  *plain[] = {
    REQUEST("X-Cisco_A.b+c~1: \"(<\r\n"),
    REQUEST("v: SIP/2.0/TCP a;alias;rport;hidden;b=c, SIP/2.0/UDP d;i=1\r\n"),
    REQUEST("v: SIP/2.0/TCP a ; branch = b \r\n"),
    REQUEST("v: SIP/2.0/TCP a;aliases;ttl=1\r\n"),
    RESPONSE("Retry-After: 99999\r\nContact: <sip:a>\r\n")
};


static void
fragile_test(const char *text, ngx_uint_t expected)
{
    u_char                *p;
    size_t                 len;
    ngx_str_t              reason;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_header_t   headers[16];

    len = strlen(text);
    p = mra_guard(0, text, len);

    mra_is(ngx_mra_sip_parse(&msg, headers, 16, p, p + len), NGX_OK, "%s",
           text);
    mra_is(msg.status ? (ngx_uint_t) ngx_mra_sip_check_response(&msg, &reason)
                      : ngx_mra_sip_check_request(&msg, &reason),
           0, "is allowed");
    mra_is(msg.fragile, expected, "is %s", expected ? "fragile" : "plain");
}


static void
row_test(row_t *row, ngx_uint_t response)
{
    u_char                *p;
    size_t                 len;
    ngx_str_t              reason;
    ngx_uint_t             status;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_header_t   headers[16];

    len = strlen(row->text);
    p = mra_guard(0, row->text, len);

    mra_is(ngx_mra_sip_parse(&msg, headers, 16, p, p + len), NGX_OK, "%s",
           row->text);

    if (response) {
        status = ngx_mra_sip_check_response(&msg, &reason) == NGX_OK ? 0 : 1;

    } else {
        status = ngx_mra_sip_check_request(&msg, &reason);
    }

    mra_is(status, row->status, "status");

    if (status == 0 || row->status == 0) {
        return;
    }

    mra_is_str(reason, row->reason, "reason");
    mra_is(msg.bad != NULL, row->bad != NULL, "a header is named");

    if (msg.bad && row->bad) {
        mra_is_str(msg.bad->name, row->bad, "its name");
    }
}


/* the check finds the same URIs good as the parser, whatever the byte */

static void
uri_test(const char *uri, ngx_uint_t many)
{
    char                   text[512];
    u_char                *p;
    size_t                 i, len, offset;
    ngx_str_t              s, reason;
    ngx_uint_t             ch, good, differ;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_uri_t      parsed;
    ngx_mra_sip_header_t   headers[16];

    /* a line follows, so that it is not too near to the end */

    len = snprintf(text, sizeof(text),
                   REQUEST("m: <%s>\r\nUser-Agent: 1234567890\r\n"), uri);

    offset = strstr(text, uri) - text;
    s.len = strlen(uri);
    good = 0;
    differ = 0;

    for (i = 0; i < s.len; i++) {
        for (ch = 0x20; ch < 0x100; ch++) {

            if (strchr("<>,\"", ch)) {
                continue;
            }

            p = mra_guard(0, text, len);
            s.data = p + offset;
            s.data[i] = ch;

            if (ngx_mra_sip_parse(&msg, headers, 16, p, p + len) != NGX_OK) {
                differ++;
                continue;
            }

            if (ngx_mra_sip_parse_uri(&s, &parsed) == NGX_OK) {
                good++;
                differ += ngx_mra_sip_check_request(&msg, &reason) != 0;

            } else {
                differ += ngx_mra_sip_check_request(&msg, &reason) != 400;
            }
        }
    }

    mra_ok(good > many, "%s: %u like it are good", uri, (unsigned) good);
    mra_is(differ, 0, "the check and the parser agree");
}


static void
filled_test(void)
{
    static const char  text[] =
        "INVITE sip:b@example.com SIP/2.0\r\n"
        "Via: SIP/2.0/TLS one;branch=1, SIP/2.0/TLS two;branch=2\r\n"
        "Via: SIP/2.0/TLS three;branch=3\r\n"
        "From: \"A\" <sip:a@example.com>;tag=f\r\n"
        "To: sip:b@example.com\r\n"
        "Call-ID: 1@a\r\n"
        "CSeq: 7 INVITE\r\n"
        "\r\n";

    u_char                *p;
    ngx_str_t              reason;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_header_t   headers[16];

    p = mra_guard(0, text, sizeof(text) - 1);

    (void) ngx_mra_sip_parse(&msg, headers, 16, p, p + sizeof(text) - 1);
    mra_is(ngx_mra_sip_check_request(&msg, &reason), 0, "a request");

    mra_is_str(msg.via.whole, "SIP/2.0/TLS one;branch=1", "topmost Via");
    mra_is_str(msg.via.branch, "1", "its branch");
    mra_is_str(msg.from.uri, "sip:a@example.com", "From");
    mra_is_str(msg.from.tag, "f", "its tag");
    mra_is_str(msg.to.uri, "sip:b@example.com", "To");
    mra_is(msg.to.tag.len, 0, "without a tag");
    mra_is_str(msg.call_id, "1@a", "Call-ID");
    mra_is(msg.cseq.number, 7, "CSeq");
    mra_is(msg.max_forwards, 70, "Max-Forwards that is not there");
    mra_is_str(msg.ruri.user, "b", "user of the request URI");
    mra_ok(msg.bad == NULL, "nothing bad");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < mra_rows(requests); i++) {
        row_test(&requests[i], 0);
    }

    for (i = 0; i < mra_rows(responses); i++) {
        row_test(&responses[i], 1);
    }

    for (i = 0; i < mra_rows(fragile); i++) {
        fragile_test(fragile[i], 1);
    }

    for (i = 0; i < mra_rows(plain); i++) {
        fragile_test(plain[i], 0);
    }

    uri_test("sip:a-b@c.d:65535;lr;e=f", 1000);
    uri_test("sip:ab:1;lr", 300);
    filled_test();

    return mra_done();
}
