
/*
 * Copyright (C) ngx_mra contributors
 */


#include <mra_test.h>
#include "ngx_mra_frame.h"


#define MAX_HEAD     200
#define MAX_MESSAGE  300

#define COOKIE  "\x21\x12\xa4\x42"
#define ID      "abcdefghijkl"

#define X10   "xxxxxxxxxx"
#define X100  X10 X10 X10 X10 X10 X10 X10 X10 X10 X10


typedef struct {
    const char  *name;
    const char  *data;
    size_t       len;
    const char  *expected;
} frame_test_t;


/*
 * What is expected: frames with their length, of SIP the head too, then what
 * is left: "more", or the reason of an error and its head if that is complete.
 */

static frame_test_t  frame_tests[] = {

    { "nothing", mra_bytes(""),
      "more" },

    /* SIP */

    { "no body", mra_bytes("OPTIONS sip:a SIP/2.0\r\nl:0\r\n\r\n"),
      "sip 30/30, more" },

    { "a body", mra_bytes("OPTIONS sip:a SIP/2.0\r\n"
      "Content-Length: 5\r\n\r\nhello"),
      "sip 44/49, more" },

    { "a body that looks like a message",
      mra_bytes("A sip:a SIP/2.0\r\nl:32\r\n\r\n"
      "OPTIONS sip:a SIP/2.0\r\nl:99\r\n\r\nB"),
      "sip 25/57, more" },

    { "two messages", mra_bytes("A sip:a SIP/2.0\r\nl:1\r\n\r\nx"
      "SIP/2.0 200 OK\r\nl: 2\r\n\r\nyy"),
      "sip 24/25, sip 24/26, more" },

    { "empty lines between messages",
      mra_bytes("\r\nA sip:a SIP/2.0\r\nl:0\r\n\r\n"
      "\r\n\r\n\r\nA sip:a SIP/2.0\r\nl:0\r\n\r\n"),
      "pong 2, sip 24/24, pong 2, ping 2, pong 2, sip 24/24, more" },

    { "any case", mra_bytes("A sip:a SIP/2.0\r\ncOnTeNT-LENgth:1\r\n\r\nx"),
      "sip 37/38, more" },

    { "compact form, upper case", mra_bytes("A sip:a SIP/2.0\r\nL:1\r\n\r\nx"),
      "sip 24/25, more" },

    { "white space around the colon",
      mra_bytes("A sip:a SIP/2.0\r\nl \t : \t1 \t \r\n\r\nx"),
      "sip 32/33, more" },

    { "folded value",
      mra_bytes("A sip:a SIP/2.0\r\nl:\r\n 1\r\n \r\n\r\nx"),
      "sip 30/31, more" },

    { "folded before the colon",
      mra_bytes("A sip:a SIP/2.0\r\nl\r\n : 1\r\n\r\nx"),
      "sip 28/29, more" },

    { "leading zeros", mra_bytes("A sip:a SIP/2.0\r\nl:000000000001\r\n\r\nx"),
      "sip 35/36, more" },

    { "told twice", mra_bytes("A sip:a SIP/2.0\r\nl:1\r\n"
      "Content-Length: 01\r\n\r\nx"),
      "sip 44/45, more" },

    { "length inside another header",
      mra_bytes("A sip:a SIP/2.0\r\nSubject: x\r\n Content-Length: 7\r\n"
      "X: l:8\r\nXContent-Length:9\r\nContent-LengthX:9\r\nContent:9\r\n"
      "ll:9\r\nl:0\r\n\r\n"),
      "sip 119/119, more" },

    { "length in a folded start line",
      mra_bytes("A sip:a SIP/2.0\r\n l:7\r\nl:0\r\n\r\n"),
      "sip 30/30, more" },

    { "start line that looks like a length", mra_bytes("l:7\r\nl:0\r\n\r\n"),
      "sip 12/12, more" },

    { "head not finished", mra_bytes("A sip:a SIP/2.0\r\nl:0\r\n\r"),
      "more" },

    { "body not finished", mra_bytes("A sip:a SIP/2.0\r\nl:2\r\n\r\nx"),
      "more" },

    { "largest message", mra_bytes("A sip:a SIP/2.0\r\nl:274\r\n\r\n"
      X100 X100 X10 X10 X10 X10 X10 X10 X10 "xxxx"),
      "sip 26/300, more" },

    { "largest head", mra_bytes("A sip:a SIP/2.0\r\nl:0\r\n"
      "s:" X100 X10 X10 X10 X10 X10 X10 X10 "\r\n\r\n"),
      "sip 198/198, more" },

    { "head of just the limit", mra_bytes("A sip:a SIP/2.0\r\nl:0\r\n"
      "s:xx" X100 X10 X10 X10 X10 X10 X10 X10 "\r\n\r\nA"),
      "sip 200/200, more" },

    { "every character a method may have",
      mra_bytes("Az09-.!%*_+`'~ sip:a SIP/2.0\r\nl:0\r\n\r\n"
      "~ x\r\nl:0\r\n\r\n`\r\nl:0\r\n\r\n"),
      "sip 37/37, sip 12/12, sip 10/10, more" },

    /* keepalives */

    { "pong", mra_bytes("\r\n"), "pong 2, more" },
    { "ping", mra_bytes("\r\n\r\n"), "pong 2, ping 2, more" },
    { "half a pong", mra_bytes("\r"), "more" },

    { "two pings", mra_bytes("\r\n\r\n\r\n\r\n"),
      "pong 2, ping 2, pong 2, ping 2, more" },

    { "pongs around a message are no ping",
      mra_bytes("\r\nA sip:a SIP/2.0\r\nl:0\r\n\r\n\r\n"),
      "pong 2, sip 24/24, pong 2, more" },

    /* STUN */

    { "stun", mra_bytes("\0\1\0\0" COOKIE ID), "stun 20, more" },

    { "stun with an attribute", mra_bytes("\1\1\0\x08" COOKIE ID "12345678"),
      "stun 28, more" },

    { "stun not finished", mra_bytes("\0\1\0\x08" COOKIE ID "1234567"),
      "more" },

    { "stun, message, ping, stun",
      mra_bytes("\0\1\0\0" COOKIE ID "A sip:a SIP/2.0\r\nl:1\r\n\r\n\0"
      "\r\n\r\n\0\1\0\0" COOKIE ID),
      "stun 20, sip 24/25, pong 2, ping 2, stun 20, more" },

    { "largest stun", mra_bytes("\0\1\0\xb4" COOKIE ID
      X100 X10 X10 X10 X10 X10 X10 X10 X10),
      "stun 200, more" },

    /* framing is lost */

    { "tls", mra_bytes("\x16\x03\x01"), "bad start" },
    { "space", mra_bytes(" A sip:a SIP/2.0\r\n"), "bad start" },
    { "bare line feed", mra_bytes("\n"), "bad start" },
    { "bare carriage return", mra_bytes("\rA"), "bad start" },
    { "colon", mra_bytes(":"), "bad start" },
    { "at", mra_bytes("@"), "bad start" },
    { "bracket", mra_bytes("["), "bad start" },
    { "brace", mra_bytes("{"), "bad start" },
    { "delete", mra_bytes("\x7f"), "bad start" },
    { "two", mra_bytes("\2\1\0\0" COOKIE ID), "bad start" },
    { "utf-8", mra_bytes("\xc3\xa4"), "bad start" },

    { "more body than told",
      mra_bytes("A sip:a SIP/2.0\r\nl:1\r\n\r\nxy\r\n\r\n"),
      "sip 24/25, no length 5" },

    { "control after a message", mra_bytes("A sip:a SIP/2.0\r\nl:0\r\n\r\n\4"),
      "sip 24/24, bad start" },

    { "cookie wrong at 0", mra_bytes("\0\1\0\0\x20\x12\xa4\x42"),
      "bad stun" },

    { "cookie wrong at 1", mra_bytes("\0\1\0\0\x21\x13\xa4\x42"),
      "bad stun" },

    { "cookie wrong at 2", mra_bytes("\0\1\0\0\x21\x12\xa5\x42"),
      "bad stun" },

    { "cookie wrong at 3", mra_bytes("\0\1\0\0\x21\x12\xa4\x43"),
      "bad stun" },

    { "stun of an odd length", mra_bytes("\0\1\0\2" COOKIE),
      "bad stun" },

    { "stun too large", mra_bytes("\0\1\0\xb8" COOKIE ID),
      "head too large" },

    { "line feed without return", mra_bytes("A sip:a SIP/2.0\nl:0\r\n\r\n"),
      "bad line" },

    { "return without line feed", mra_bytes("A sip:a SIP/2.0\r\nl:0\rl:5\r\n"),
      "bad line" },

    { "line feed ends the head", mra_bytes("A sip:a SIP/2.0\r\nl:0\r\n\n"),
      "bad line" },

    { "return ends the head", mra_bytes("A sip:a SIP/2.0\r\nl:0\r\n\rx"),
      "bad line" },

    { "head too large", mra_bytes("A sip:a SIP/2.0\r\nl:0\r\n"
      "s:xxx" X100 X10 X10 X10 X10 X10 X10 X10 "\r\n\r\n"),
      "head too large" },

    { "start line too large", mra_bytes("A " X100 X100),
      "head too large" },

    /* can be answered */

    { "no length", mra_bytes("A sip:a SIP/2.0\r\nX:1\r\n\r\n"),
      "no length 24" },

    { "no headers", mra_bytes("A sip:a SIP/2.0\r\n\r\n"),
      "no length 19" },

    { "no length, but a name without colon",
      mra_bytes("A sip:a SIP/2.0\r\nl\r\nContent-Length\r\n\r\n"),
      "no length 38" },

    { "empty length", mra_bytes("A sip:a SIP/2.0\r\nl:\r\n\r\n"),
      "bad length 23" },

    { "negative length", mra_bytes("A sip:a SIP/2.0\r\nl:-1\r\n\r\n"),
      "bad length 25" },

    { "signed length", mra_bytes("A sip:a SIP/2.0\r\nl:+1\r\n\r\n"),
      "bad length 25" },

    { "hexadecimal length", mra_bytes("A sip:a SIP/2.0\r\nl:0x1\r\n\r\n"),
      "bad length 26" },

    { "list of lengths", mra_bytes("A sip:a SIP/2.0\r\nl:1, 1\r\n\r\nx"),
      "bad length 27" },

    { "split length", mra_bytes("A sip:a SIP/2.0\r\nl:1\r\n 1\r\n\r\nx"),
      "bad length 28" },

    { "length with NUL", mra_bytes("A sip:a SIP/2.0\r\nl:1\0\r\n\r\nx"),
      "bad length 25" },

    { "two lengths", mra_bytes("A sip:a SIP/2.0\r\nl:1\r\n"
      "Content-Length:2\r\n\r\nx"),
      "bad length 42" },

    { "bad length, then a good one",
      mra_bytes("A sip:a SIP/2.0\r\nl:x\r\nl:1\r\n\r\nx"),
      "bad length 29" },

    { "message too large", mra_bytes("A sip:a SIP/2.0\r\nl:275\r\n\r\nx"),
      "too large 26 301" },

    { "length of 2^32", mra_bytes("A sip:a SIP/2.0\r\nl:4294967296\r\n\r\nx"),
      "too large 33 2147483680" },

    { "length of 2^64 and one",
      mra_bytes("A sip:a SIP/2.0\r\nl:18446744073709551617\r\n\r\nx"),
      "too large 43 2147483690" },
};


static const char  *frame_reasons[] = {
    "", "bad start", "bad stun", "bad line", "head too large",
    "no length", "bad length", "too large"
};


/* feeds data in pieces of "first" and then "step" bytes */

static const char *
frame_run(const char *data, size_t len, size_t first, size_t step)
{
    char            *out;
    size_t           have, start;
    u_char          *p;
    ngx_int_t        rc;
    ngx_mra_frame_t  f;
    static char      buf[1024];

    out = buf;
    start = 0;
    have = ngx_min(first, len);
    ngx_memzero(&f, sizeof(ngx_mra_frame_t));

    for ( ;; ) {
        p = mra_guard(0, data + start, have - start);
        rc = ngx_mra_frame_next(&f, MAX_HEAD, MAX_MESSAGE, p,
                                p + have - start);

        if (rc == NGX_ERROR) {
            out += sprintf(out, "%s", frame_reasons[f.reason]);

            if (f.complete) {
                out += sprintf(out, " %u", f.head);
            }

            if (f.reason == NGX_MRA_FRAME_TOO_LARGE) {
                out += sprintf(out, " %u", f.length);
            }

            return buf;
        }

        if (rc == NGX_AGAIN) {

            if (f.complete && start + f.length <= have) {
                return "again with a whole frame";
            }

            if (have == len) {
                sprintf(out, "more");
                return buf;
            }

            have = ngx_min(have + step, len);
            continue;
        }

        if (f.length == 0 || start + f.length > have) {
            return "a frame beyond its bytes";
        }

        switch (f.type) {

        case NGX_MRA_FRAME_SIP:
            out += sprintf(out, "sip %u/%u, ", f.head, f.length);
            break;

        case NGX_MRA_FRAME_STUN:
            out += sprintf(out, "stun %u, ", f.length);
            break;

        case NGX_MRA_FRAME_PONG:
            out += sprintf(out, "pong %u, ", f.length);
            break;

        case NGX_MRA_FRAME_PING:
            out += sprintf(out, "ping %u, ", f.length);
            break;
        }

        start += f.length;
    }
}


static void
frame_test(frame_test_t *t)
{
    size_t       n;
    const char  *got;

    got = frame_run(t->data, t->len, t->len, 0);
    mra_is_mem(got, strlen(got), t->expected, strlen(t->expected),
               "%s", t->name);

    got = frame_run(t->data, t->len, 0, 1);
    mra_is_mem(got, strlen(got), t->expected, strlen(t->expected),
               "%s: byte by byte", t->name);

    mra_each_cut(n, t->len) {
        if (strcmp(frame_run(t->data, t->len, n, t->len), t->expected) != 0) {
            break;
        }
    }

    mra_is(n, t->len, "%s: cut at every byte", t->name);
}


/* what was seen once is not looked at again */

static void
frame_resume_test(void)
{
    u_char           *p;
    ngx_mra_frame_t   f;
    const char        head[] = "A sip:a SIP/2.0\r\nl:5\r\ns: " X100;

    ngx_memzero(&f, sizeof(ngx_mra_frame_t));

    p = mra_guard(0, head, sizeof(head) - 1);
    mra_is(ngx_mra_frame_next(&f, MAX_HEAD, MAX_MESSAGE, p,
                              p + sizeof(head) - 1),
           NGX_AGAIN, "half a header");
    mra_is(f.head, sizeof(head) - 1, "half a header: all of it seen");
    mra_is(f.complete, 0, "half a header: length not known");

    p = mra_guard(0, "A" X10 X10 X100 "xxxx\r\n\r\nhell",
                  sizeof(head) - 1 + 8);
    mra_is(ngx_mra_frame_next(&f, MAX_HEAD, MAX_MESSAGE, p,
                              p + sizeof(head) - 1 + 8),
           NGX_AGAIN, "what was seen may change");
    mra_is(f.complete, 1, "half a body: length known");
    mra_is(f.length, sizeof(head) - 1 + 9, "half a body: its length");

    mra_is(sizeof(ngx_mra_frame_t), 16, "small state");
}


static void
frame_start_test(void)
{
    u_char           *p, ch;
    ngx_int_t         rc;
    ngx_uint_t        i, bad;
    ngx_mra_frame_t   f;

    const char  token[] = "abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~";

    bad = 0;

    for (i = 0; i < 256; i++) {
        ch = i;
        p = mra_guard(0, &ch, 1);
        ngx_memzero(&f, sizeof(ngx_mra_frame_t));

        rc = ngx_mra_frame_next(&f, MAX_HEAD, MAX_MESSAGE, p, p + 1);

        if ((rc == NGX_AGAIN) != (i <= 1 || i == CR
                                  || memchr(token, ch, sizeof(token) - 1)))
        {
            printf("# start with 0x%02x\n", ch);
            bad++;
        }
    }

    mra_is(bad, 0, "what a frame may start with");
}


static void
frame_known_test(void)
{
    u_char           *p;
    ngx_mra_frame_t   f;

    ngx_memzero(&f, sizeof(ngx_mra_frame_t));

    p = mra_guard(0, "\0\1\x12\x34" COOKIE, 8);
    mra_is(ngx_mra_frame_next(&f, 8192, 8192, p, p + 8), NGX_AGAIN,
           "start of a long stun message");
    mra_is(f.complete, 1, "start of a long stun message: length known");
    mra_is(f.length, 0x1234 + 20, "start of a long stun message: its length");

    ngx_memzero(&f, sizeof(ngx_mra_frame_t));

    p = mra_guard(0, "\r\n", 2);
    ngx_mra_frame_next(&f, MAX_HEAD, MAX_MESSAGE, p, p + 2);
    mra_is(f.complete, 1, "pong: length known");
}


static void
frame_error_test(void)
{
    u_char           *p;
    ngx_mra_frame_t   f;

    ngx_memzero(&f, sizeof(ngx_mra_frame_t));

    p = mra_guard(0, "\xff", 1);
    ngx_mra_frame_next(&f, MAX_HEAD, MAX_MESSAGE, p, p + 1);

    p = mra_guard(0, "\r\n", 2);
    mra_is(ngx_mra_frame_next(&f, MAX_HEAD, MAX_MESSAGE, p, p + 2),
           NGX_ERROR, "an error stays");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < mra_rows(frame_tests); i++) {
        frame_test(&frame_tests[i]);
    }

    frame_resume_test();
    frame_start_test();
    frame_known_test();
    frame_error_test();

    return mra_done();
}
