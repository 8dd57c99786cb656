
/*
 * Copyright (C) ngx_mra contributors
 *
 * Changes to SIP messages, and answers to them.
 */


#include <mra_test.h>
#include <ngx_mra_sip.h>


#define BODY  "body"


static const char  text[] =
    "INVITE sip:b SIP/2.0\r\n"
    "Via: SIP/2.0/TLS one;rport;branch=1, SIP/2.0/TLS two\r\n"
    "v: SIP/2.0/TLS three\r\n"
    "Route: <sip:r1>,\r\n <sip:r2> , <sip:r3>\r\n"
    "From: <sip:a>;tag=f\r\n"
    "To:\r\n sip:b \r\n"
    "Route: <sip:r4>\r\n"
    "Call-ID: 1\r\n"
    "CSeq: 1 INVITE\r\n"
    "Max-Forwards: 10\r\n"
    "Timestamp: 54\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    BODY;


static ngx_mra_sip_header_t  headers[16];
static ngx_mra_sip_msg_t     msg;
static ngx_mra_sip_plan_t    plan;


static void
start(const char *s)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   reason;

    len = strlen(s);
    p = mra_guard(0, s, len);

    if (ngx_mra_sip_parse(&msg, headers, 16, p, p + len) != NGX_OK
        || ngx_mra_sip_check_request(&msg, &reason) != 0)
    {
        mra_ok(0, "start with a good message");
    }

    ngx_mra_sip_plan_init(&plan, &msg);
}


static void
result(const char *expected, const char *name)
{
    char           out[2048];
    size_t         n;
    ngx_int_t      i, pieces;
    struct iovec   iov[NGX_MRA_SIP_PLAN_PIECES];

    pieces = ngx_mra_sip_plan_iovec(&plan, (msg.length == -1) ? 0 : msg.length,
                                    iov, NGX_MRA_SIP_PLAN_PIECES);

    n = 0;
    for (i = 0; i < pieces && iov[i].iov_len <= sizeof(out) - n; i++) {
        ngx_memcpy(out + n, iov[i].iov_base, iov[i].iov_len);
        n += iov[i].iov_len;

        if (iov[i].iov_len == 0) {
            break;
        }
    }

    mra_is(i, pieces, "%s: no empty piece", name);
    mra_is_mem(out, n, expected, strlen(expected), "%s", name);

    mra_is(ngx_mra_sip_plan_iovec(&plan, (msg.length == -1) ? 0 : msg.length,
                                  iov, pieces),
           pieces, "%s: just enough pieces", name);
    mra_is(ngx_mra_sip_plan_iovec(&plan, (msg.length == -1) ? 0 : msg.length,
                                  iov, pieces - 1),
           NGX_ERROR, "%s: too few pieces", name);
}


#define HEAD                                                                  \
    "INVITE sip:b SIP/2.0\r\n"

#define VIAS                                                                  \
    "Via: SIP/2.0/TLS one;rport;branch=1, SIP/2.0/TLS two\r\n"                \
    "v: SIP/2.0/TLS three\r\n"

#define FROM_TO                                                               \
    "From: <sip:a>;tag=f\r\n"                                                 \
    "To:\r\n sip:b \r\n"

#define IDS                                                                   \
    "Call-ID: 1\r\n"                                                          \
    "CSeq: 1 INVITE\r\n"

#define REST                                                                  \
    IDS                                                                       \
    "Max-Forwards: 10\r\n"                                                    \
    "Timestamp: 54\r\n"                                                       \
    "Content-Length: 4\r\n"                                                   \
    "\r\n"                                                                    \
    BODY

#define ROUTES  "Route: <sip:r1>,\r\n <sip:r2> , <sip:r3>\r\n"
#define ROUTE4  "Route: <sip:r4>\r\n"


static void
insert_test(void)
{
    ngx_str_t  a = ngx_string("A: 1\r\n");
    ngx_str_t  b[2] = { ngx_string("B: "), ngx_string("2\r\n") };
    ngx_str_t  uri = ngx_string("sip:c"), none = ngx_null_string;

    start(text);
    result(text, "no change");

    start(text);
    mra_is(ngx_mra_sip_plan_append(&plan, b, 2), NGX_OK, "at the bottom");
    mra_is(ngx_mra_sip_plan_insert(&plan, NGX_MRA_SIP_FROM, &a, 1), NGX_OK,
           "before From");
    mra_is(ngx_mra_sip_plan_insert(&plan, 0, &a, 1), NGX_OK, "at the top");
    mra_is(ngx_mra_sip_plan_insert(&plan, NGX_MRA_SIP_VIA, b, 2), NGX_OK,
           "before Via, which is the same place");
    mra_is(ngx_mra_sip_plan_insert(&plan, NGX_MRA_SIP_PATH, &a, 1), NGX_OK,
           "before Path, which is not there");
    mra_is(ngx_mra_sip_plan_replace(&plan, &msg.uri, &uri, 1), NGX_OK,
           "another URI");
    mra_is(ngx_mra_sip_plan_replace(&plan, &msg.from.tag, &none, 1), NGX_OK,
           "an empty span");

    result("INVITE sip:c SIP/2.0\r\n" "A: 1\r\nB: 2\r\nA: 1\r\n" VIAS ROUTES
           "A: 1\r\n" "From: <sip:a>;tag=\r\n" "To:\r\n sip:b \r\n"
           ROUTE4 IDS "Max-Forwards: 10\r\nTimestamp: 54\r\n"
           "Content-Length: 4\r\nB: 2\r\n\r\n" BODY,
           "inserted");
}


static void
pop_test(void)
{
    ngx_str_t  via = ngx_string("Via: SIP/2.0/TLS zero\r\n");

    start(text);
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_VIA, 1), NGX_OK, "pop Via");
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_ROUTE, 0), NGX_OK,
           "pop nothing");
    result(HEAD "Via: SIP/2.0/TLS two\r\nv: SIP/2.0/TLS three\r\n" ROUTES
           FROM_TO ROUTE4 REST, "first Via");

    start(text);
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_VIA, 2), NGX_OK,
           "pop two");
    mra_is(ngx_mra_sip_plan_insert(&plan, NGX_MRA_SIP_VIA, &via, 1), NGX_OK,
           "push one");
    result(HEAD "Via: SIP/2.0/TLS zero\r\nv: SIP/2.0/TLS three\r\n" ROUTES
           FROM_TO ROUTE4 REST, "first line of Via");

    start(text);
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_ROUTE, 2), NGX_OK,
           "pop two over a fold");
    result(HEAD VIAS "Route: <sip:r3>\r\n" FROM_TO ROUTE4 REST, "two routes");

    start(text);
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_ROUTE, 3), NGX_OK,
           "pop three");
    result(HEAD VIAS FROM_TO ROUTE4 REST, "three routes");

    start(text);
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_ROUTE, 4), NGX_OK,
           "pop all");
    result(HEAD VIAS FROM_TO REST, "all routes");

    start(text);
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_ROUTE, 5), NGX_DECLINED,
           "pop more than there are");
    result(HEAD VIAS FROM_TO REST, "all routes again");

    start(text);
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_PATH, 1), NGX_DECLINED,
           "pop what is not there");
    result(text, "nothing");
}


static void
number_test(void)
{
    ngx_uint_t  i;

    start(text);
    mra_is(ngx_mra_sip_plan_number(&plan, NGX_MRA_SIP_MAX_FORWARDS_HEADER, 9),
           NGX_OK, "Max-Forwards");
    mra_is(ngx_mra_sip_plan_number(&plan, NGX_MRA_SIP_CONTENT_LENGTH, 0),
           NGX_OK, "Content-Length");
    mra_is(ngx_mra_sip_plan_number(&plan, NGX_MRA_SIP_EXPIRES, 4294967295u),
           NGX_OK, "Expires");
    mra_is(ngx_mra_sip_plan_number(&plan, NGX_MRA_SIP_ROUTE, 1), NGX_OK,
           "the value of a header that is there");
    result(HEAD VIAS "Route: 1\r\n" FROM_TO ROUTE4 IDS "Max-Forwards: 9\r\n"
           "Timestamp: 54\r\nContent-Length: 0\r\nExpires: 4294967295\r\n\r\n"
           BODY, "numbers");

    start(text);
    mra_is(ngx_mra_sip_plan_number(&plan, NGX_MRA_SIP_PATH, 1), NGX_ERROR,
           "no such header, no such name");

    for (i = 0; i < NGX_MRA_SIP_PLAN_NUMBERS; i++) {
        start(text);
        plan.nnumbers = i;
        mra_is(ngx_mra_sip_plan_number(&plan, NGX_MRA_SIP_EXPIRES, 10 + i),
               NGX_OK, "number %u", (unsigned) i);
    }

    mra_is(ngx_mra_sip_plan_number(&plan, NGX_MRA_SIP_EXPIRES, 1), NGX_ERROR,
           "no room for more numbers");
}


static void
received_test(void)
{
    ngx_str_t  ip = ngx_string("2001:db8::9"), port = ngx_string("50612");
    ngx_str_t  none = ngx_null_string;

    start(text);
    mra_is(ngx_mra_sip_plan_received(&plan, &ip, &port), NGX_OK, "received");
    result(HEAD "Via: SIP/2.0/TLS one;rport=50612;branch=1"
           ";received=2001:db8::9, SIP/2.0/TLS two\r\n"
           "v: SIP/2.0/TLS three\r\n" ROUTES FROM_TO ROUTE4 REST, "received");

    start(text);
    mra_is(ngx_mra_sip_plan_received(&plan, &none, &none), NGX_OK, "nothing");
    result(text, "not received");

    start(HEAD "Via: SIP/2.0/TLS one;received=forged;rport=1;x\r\n"
          FROM_TO REST);
    mra_is(ngx_mra_sip_plan_received(&plan, &ip, &port), NGX_OK, "forged");
    result(HEAD "Via: SIP/2.0/TLS one;received=2001:db8::9;rport=50612;x\r\n"
           FROM_TO REST, "forged parameters replaced");

    start(HEAD "Via: SIP/2.0/TLS one;rport\r\n" FROM_TO REST);
    mra_is(ngx_mra_sip_plan_received(&plan, &ip, &port), NGX_OK, "last");
    result(HEAD "Via: SIP/2.0/TLS one;rport=50612;received=2001:db8::9\r\n"
           FROM_TO REST, "rport is the last parameter");

    start(HEAD "Via: SIP/2.0/TLS one\r\n" FROM_TO REST);
    mra_is(ngx_mra_sip_plan_received(&plan, &ip, &port), NGX_OK, "no rport");
    result(HEAD "Via: SIP/2.0/TLS one;received=2001:db8::9\r\n" FROM_TO REST,
           "rport only if asked for");
}


static void
clash_test(void)
{
    ngx_str_t   s[NGX_MRA_SIP_PLAN_SPANS + 1];
    ngx_str_t   a = ngx_string("a");
    ngx_uint_t  i;

    for (i = 0; i < mra_rows(s); i++) {
        s[i] = a;
    }

    start(text);
    mra_is(ngx_mra_sip_plan_edit(&plan, 7, 5, &a, 1), NGX_OK, "7 to 12");

    mra_is(ngx_mra_sip_plan_edit(&plan, 7, 1, &a, 1), NGX_ERROR, "its start");
    mra_is(ngx_mra_sip_plan_edit(&plan, 11, 2, &a, 1), NGX_ERROR, "its end");
    mra_is(ngx_mra_sip_plan_edit(&plan, 6, 2, &a, 1), NGX_ERROR, "before it");
    mra_is(ngx_mra_sip_plan_edit(&plan, 0, 20, &a, 1), NGX_ERROR, "around it");
    mra_is(ngx_mra_sip_plan_edit(&plan, 9, 1, &a, 1), NGX_ERROR, "within it");
    mra_is(ngx_mra_sip_plan_edit(&plan, 9, 0, &a, 1), NGX_ERROR, "into it");

    mra_is(ngx_mra_sip_plan_edit(&plan, 7, 0, &a, 1), NGX_OK, "to its start");
    mra_is(ngx_mra_sip_plan_edit(&plan, 12, 0, &a, 1), NGX_OK, "to its end");
    mra_is(ngx_mra_sip_plan_edit(&plan, 12, 1, NULL, 0), NGX_OK, "after it");
    mra_is(ngx_mra_sip_plan_edit(&plan, 6, 1, NULL, 0), NGX_OK, "up to it");
    mra_is(ngx_mra_sip_plan_edit(&plan, 3, 2, NULL, 0), NGX_OK, "apart");
    mra_is(ngx_mra_sip_plan_edit(&plan, 4, 0, &a, 1), NGX_ERROR, "into that");
    mra_is(ngx_mra_sip_plan_edit(&plan, 2, 2, NULL, 0), NGX_ERROR,
           "over that");

    mra_is(ngx_mra_sip_plan_edit(&plan, msg.head, 0, NULL, 0), NGX_OK,
           "at the end of the head");
    mra_is(ngx_mra_sip_plan_edit(&plan, msg.head, 1, NULL, 0), NGX_ERROR,
           "behind the head");
    mra_is(ngx_mra_sip_plan_edit(&plan, msg.head + 1, 0, NULL, 0), NGX_ERROR,
           "far behind it");

    result("INVEaaa" "SIP/2.0\r\n" VIAS ROUTES FROM_TO ROUTE4 REST,
           "what is left");

    start(text);
    mra_is(ngx_mra_sip_plan_edit(&plan, 0, 0, s, mra_rows(s)), NGX_ERROR,
           "too many spans");
    mra_is(ngx_mra_sip_plan_edit(&plan, 0, 0, s, mra_rows(s) - 1), NGX_OK,
           "as many as there may be");
    mra_is(ngx_mra_sip_plan_edit(&plan, 0, 0, s, 1), NGX_ERROR,
           "one more span");

    for (i = 1; i < NGX_MRA_SIP_PLAN_EDITS; i++) {
        if (ngx_mra_sip_plan_edit(&plan, i * 2, 1, NULL, 0) != NGX_OK) {
            break;
        }
    }

    mra_is(i, NGX_MRA_SIP_PLAN_EDITS, "as many changes as there may be");
    mra_is(ngx_mra_sip_plan_edit(&plan, 100, 1, NULL, 0), NGX_ERROR,
           "one more change");
}


/* what takes several changes says so if one of them finds no room */

static void
full_test(void)
{
    ngx_str_t  ip = ngx_string("192.0.2.1"), port = ngx_string("1");

    start(text);
    plan.nedits = NGX_MRA_SIP_PLAN_EDITS;
    ngx_memzero(plan.edits, sizeof(plan.edits));

    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_VIA, 2), NGX_ERROR,
           "full: pop a line");
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_VIA, 1), NGX_ERROR,
           "full: pop a value");
    mra_is(ngx_mra_sip_plan_received(&plan, &ip, &port), NGX_ERROR,
           "full: received");

    plan.nedits--;
    mra_is(ngx_mra_sip_plan_received(&plan, &ip, &port), NGX_ERROR,
           "nearly full: received");

    start("INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/TLS one\r\n" FROM_TO IDS
          "Reason: a, , b\r\n\r\n");
    mra_is(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_REASON, 1), NGX_ERROR,
           "broken: pop");
}


static void
answer(ngx_mra_sip_answer_t *a, const char *expected, const char *name)
{
    u_char  *out;
    size_t   n, len;

    len = strlen(expected);

    mra_each_cut(n, len) {
        size_t  needed;

        out = mra_guard(1, NULL, n);

        if (ngx_mra_sip_build_response(&msg, a, out, n, &needed) != NGX_ERROR
            || needed != len)
        {
            break;
        }
    }

    mra_is(n, len, "%s: too little room", name);

    out = mra_guard(1, NULL, len);

    mra_is(ngx_mra_sip_build_response(&msg, a, out, len, &n), NGX_OK,
           "%s: just enough room", name);
    mra_is_mem(out, n, expected, len, "%s", name);
}


static void
response_test(void)
{
    u_char                 buf[64], *p;
    size_t                 n;
    ngx_mra_sip_answer_t   a;

    ngx_memzero(&a, sizeof(ngx_mra_sip_answer_t));

    start(text);

    a.status = 100;
    answer(&a, "SIP/2.0 100 Trying\r\n" VIAS FROM_TO IDS
           "Timestamp: 54\r\nContent-Length: 0\r\n\r\n", "100");

    a.status = 503;
    ngx_str_set(&a.reason, "Away");
    ngx_str_set(&a.to_tag, "t");
    ngx_str_set(&a.received, "192.0.2.1");
    ngx_str_set(&a.rport, "99");
    ngx_str_set(&a.lines, "Retry-After: 5\r\n");
    ngx_str_set(&a.body, "later");
    answer(&a, "SIP/2.0 503 Away\r\n"
           "Via: SIP/2.0/TLS one;rport=99;branch=1;received=192.0.2.1,"
           " SIP/2.0/TLS two\r\n"
           "v: SIP/2.0/TLS three\r\n"
           "From: <sip:a>;tag=f\r\n"
           "To:\r\n sip:b;tag=t\r\n" IDS
           "Retry-After: 5\r\nContent-Length: 5\r\n\r\nlater", "503");

    start(HEAD "v: SIP/2.0/TLS one\r\nt: <sip:b>;TAG=u\r\nf: <sip:a>\r\n"
          IDS "\r\n");

    ngx_memzero(&a, sizeof(ngx_mra_sip_answer_t));
    a.status = 481;
    ngx_str_set(&a.to_tag, "t");
    answer(&a, "SIP/2.0 481 Call/Transaction Does Not Exist\r\n"
           "v: SIP/2.0/TLS one\r\nf: <sip:a>\r\nt: <sip:b>;TAG=u\r\n" IDS
           "Content-Length: 0\r\n\r\n", "tagged already");

    /* not all of it was there, or fit for use */

    p = mra_guard(0, mra_bytes("A b SIP/2.0\r\nVia: \"\r\nTo: \"x\r\nl: x\r\n"
                               "\r\n"));
    mra_is(ngx_mra_sip_parse(&msg, headers, 16, p,
                             p + sizeof("A b SIP/2.0\r\nVia: \"\r\n"
                                        "To: \"x\r\nl: x\r\n\r\n") - 1),
           NGX_ERROR, "a broken request");
    a.status = 400;
    answer(&a, "SIP/2.0 400 Bad Request\r\nVia: \"\r\nTo: \"x\r\n"
           "Content-Length: 0\r\n\r\n", "broken");

    p = mra_guard(0, mra_bytes("A b SIP/2.0\r\nTo: <sip:b>\r\n\r\n"));
    (void) ngx_mra_sip_parse(&msg, headers, 16, p,
                             p + sizeof("A b SIP/2.0\r\nTo: <sip:b>\r\n\r\n")
                             - 1);
    mra_is(ngx_mra_sip_build_response(&msg, &a, buf, sizeof(buf), &n),
           NGX_ERROR, "no Via");
    mra_is(n, 0, "no size would help");

    p = mra_guard(0, mra_bytes("SIP/2.0 200 OK\r\nVia: a\r\n\r\n"));
    (void) ngx_mra_sip_parse(&msg, headers, 16, p,
                             p + sizeof("SIP/2.0 200 OK\r\nVia: a\r\n\r\n")
                             - 1);
    mra_is(ngx_mra_sip_build_response(&msg, &a, buf, sizeof(buf), &n),
           NGX_ERROR, "a response is not answered");
    mra_is(n, 0, "no size would help");
}


int
main(void)
{
    insert_test();
    pop_test();
    number_test();
    received_test();
    clash_test();
    full_test();
    response_test();

    return mra_done();
}
