
/*
 * Copyright (C) ngx_mra contributors
 */


#include <mra_test.h>
#include "ngx_mra_target.h"


#define L10   "abcdefghij"
#define L63   L10 L10 L10 L10 L10 L10 "abc"
#define N253  L63 "." L63 "." L63 "." L10 L10 L10 L10 L10 L10 "x"


typedef struct {
    const char  *data;
    size_t       len;
    const char  *expected;     /* domain [port host origin] */
} target_test_t;


/* plain text, encoded by the test */

static target_test_t  target_good[] = {

    { mra_bytes("tbtp.com"), "tbtp.com" },
    { mra_bytes("a"), "a" },
    { mra_bytes("a.b"), "a.b" },
    { mra_bytes("Example.COM."), "example.com" },
    { mra_bytes("AZaz09.az09AZ"), "azaz09.az09az" },
    { mra_bytes("a.0a"), "a.0a" },
    { mra_bytes("a.xx"), "a.xx" },
    { mra_bytes("3com.0x.xn--bcher-kva"), "3com.0x.xn--bcher-kva" },
    { mra_bytes(N253), N253 },
    { mra_bytes(N253 "."), N253 },

    { mra_bytes("steven.lab/https/cucm.steven.lab/8443"),
      "steven.lab 8443 cucm.steven.lab https://cucm.steven.lab:8443" },

    { mra_bytes("Lab./HTTP/CUCM1.Lab./1"),
      "lab 1 cucm1.lab http://cucm1.lab:1" },

    { mra_bytes("lab/hTTps/cucm/65535"),
      "lab 65535 cucm https://cucm:65535" },

    { mra_bytes(N253 "./https/" N253 "./65535"),
      N253 " 65535 " N253 " https://" N253 ":65535" },

    { mra_bytes("lab/https/10.48.36.215/8443"),
      "lab 8443 10.48.36.215 https://10.48.36.215:8443" },

    { mra_bytes("lab/https/0.0.0.0/80"), "lab 80 0.0.0.0 https://0.0.0.0:80" },

    { mra_bytes("lab/https/255.255.255.255./80"),
      "lab 80 255.255.255.255 https://255.255.255.255:80" },

    { mra_bytes("lab/https/1.2.3.4.a/80"),
      "lab 80 1.2.3.4.a https://1.2.3.4.a:80" },

    { mra_bytes("lab/https/9a:f0:0A:F9::/80"),
      "lab 80 9a:f0:a:f9:: https://[9a:f0:a:f9::]:80" },

    { mra_bytes("lab/https/::1/80"), "lab 80 ::1 https://[::1]:80" },
    { mra_bytes("lab/https/[::1]/80"), "lab 80 ::1 https://[::1]:80" },
    { mra_bytes("lab/https/::/80"), "lab 80 :: https://[::]:80" },
    { mra_bytes("lab/https/1::/80"), "lab 80 1:: https://[1::]:80" },

    { mra_bytes("lab/https/2001:0DB8:0:0:0:0:00aF:1/80"),
      "lab 80 2001:db8::af:1 https://[2001:db8::af:1]:80" },

    { mra_bytes("lab/https/[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0]/80"),
      "lab 80 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0 "
      "https://[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0]:80" },

    { mra_bytes("lab/https/1:0:3:4:5:6:7:8/80"),
      "lab 80 1:0:3:4:5:6:7:8 https://[1:0:3:4:5:6:7:8]:80" },

    { mra_bytes("lab/https/1::3:4:5:6:7:8/80"),
      "lab 80 1:0:3:4:5:6:7:8 https://[1:0:3:4:5:6:7:8]:80" },

    { mra_bytes("lab/https/::2:3:4:5:6:7:8/80"),
      "lab 80 0:2:3:4:5:6:7:8 https://[0:2:3:4:5:6:7:8]:80" },

    { mra_bytes("lab/https/1:2:3:4:5:6:7::/80"),
      "lab 80 1:2:3:4:5:6:7:0 https://[1:2:3:4:5:6:7:0]:80" },

    { mra_bytes("lab/https/1:0:0:4:0:0:0:8/80"),
      "lab 80 1:0:0:4::8 https://[1:0:0:4::8]:80" },

    { mra_bytes("lab/https/1:0:0:4:5:0:0:8/80"),
      "lab 80 1::4:5:0:0:8 https://[1::4:5:0:0:8]:80" },

    { mra_bytes("lab/https/100:20:3:4000:0:a00:b0:c/80"),
      "lab 80 100:20:3:4000:0:a00:b0:c "
      "https://[100:20:3:4000:0:a00:b0:c]:80" },

    { mra_bytes("lab/https/::ffff:192.0.2.1/80"),
      "lab 80 ::ffff:c000:201 https://[::ffff:c000:201]:80" },

    { mra_bytes("lab/https/1:2:3:4:5:6:192.0.2.1/80"),
      "lab 80 1:2:3:4:5:6:c000:201 https://[1:2:3:4:5:6:c000:201]:80" },

    { mra_bytes("lab/https/::1.2.3.4/80"),
      "lab 80 ::102:304 https://[::102:304]:80" },
};


typedef struct {
    const char  *data;
    size_t       len;
} target_bad_t;


static target_bad_t  target_bad[] = {

    /* domains */

    { mra_bytes(".") },
    { mra_bytes("..") },
    { mra_bytes("a..") },
    { mra_bytes(".a") },
    { mra_bytes("a..b") },
    { mra_bytes("-a") },
    { mra_bytes("a-") },
    { mra_bytes("a.-b") },
    { mra_bytes("a-.b") },
    { mra_bytes("a_b") },
    { mra_bytes("a b") },
    { mra_bytes(" a") },
    { mra_bytes("a\0b") },
    { mra_bytes("a\0") },
    { mra_bytes("a\r\nb") },
    { mra_bytes("a\tb") },
    { mra_bytes("a\x7f") },
    { mra_bytes("b\xc3\xbc" "cher.de") },
    { mra_bytes("a%2eb") },
    { mra_bytes("user@a") },
    { mra_bytes("a:443") },
    { mra_bytes("a?b") },
    { mra_bytes("a\\b") },
    { mra_bytes("a`b") },
    { mra_bytes("a{b") },
    { mra_bytes("10.0.0.1") },
    { mra_bytes("a.1") },
    { mra_bytes("::1") },
    { mra_bytes(L63 "d") },
    { mra_bytes("a." L63 "d.b") },
    { mra_bytes(N253 "y") },
    { mra_bytes(N253 "y.") },

    /* parts */

    { mra_bytes("/") },
    { mra_bytes("a/") },
    { mra_bytes("/a") },
    { mra_bytes("a/https") },
    { mra_bytes("a/https/b") },
    { mra_bytes("a/https/b/443/") },
    { mra_bytes("a/https/b/443/c") },
    { mra_bytes("a/https/b/443/c/d/e/f") },
    { mra_bytes("a//https/b/443") },
    { mra_bytes("/https/b/443") },
    { mra_bytes("a//b/443") },
    { mra_bytes("a/https//443") },
    { mra_bytes("a/https/b/") },

    /* protocols */

    { mra_bytes("a/ftp/b/443") },
    { mra_bytes("a/httpss/b/443") },
    { mra_bytes("a/htt/b/443") },
    { mra_bytes("a/https:/b/443") },
    { mra_bytes("a/https\0/b/443") },

    /* ports */

    { mra_bytes("a/https/b/0") },
    { mra_bytes("a/https/b/00") },
    { mra_bytes("a/https/b/0443") },
    { mra_bytes("a/https/b/65536") },
    { mra_bytes("a/https/b/4294967739") },
    { mra_bytes("a/https/b/18446744073709552059") },
    { mra_bytes("a/https/b/-1") },
    { mra_bytes("a/https/b/+443") },
    { mra_bytes("a/https/b/ 443") },
    { mra_bytes("a/https/b/443 ") },
    { mra_bytes("a/https/b/44x") },
    { mra_bytes("a/https/b/443\0") },
    { mra_bytes("a/https/b/https") },
    { mra_bytes(N253 "./https/" N253 "./655350") },

    /* hosts */

    { mra_bytes("a/https/./443") },
    { mra_bytes("a/https/../443") },
    { mra_bytes("a/https/-b/443") },
    { mra_bytes("a/https/u@b/443") },
    { mra_bytes("a/https/u:p@b/443") },
    { mra_bytes("a/https/b:80/443") },
    { mra_bytes("a/https/b%00/443") },
    { mra_bytes("a/https/b\0.c/443") },
    { mra_bytes("a/https/b?c/443") },
    { mra_bytes("a/https/b#c/443") },
    { mra_bytes("a/https/b,c/443") },
    { mra_bytes("a/https/" N253 "y/443") },

    /* spellings of 127.0.0.1 and its like */

    { mra_bytes("a/https/2130706433/443") },
    { mra_bytes("a/https/127.1/443") },
    { mra_bytes("a/https/127.0.1/443") },
    { mra_bytes("a/https/0x7f.0.0.1/443") },
    { mra_bytes("a/https/127.0.0.0x1/443") },
    { mra_bytes("a/https/0x7f000001/443") },
    { mra_bytes("a/https/0x/443") },
    { mra_bytes("a/https/0X7F000001/443") },
    { mra_bytes("a/https/0177.0.0.1/443") },
    { mra_bytes("a/https/127.0.0.01/443") },
    { mra_bytes("a/https/127.0.0.00/443") },
    { mra_bytes("a/https/127.0.0.256/443") },
    { mra_bytes("a/https/256.0.0.1/443") },
    { mra_bytes("a/https/127.0.0.1.1/443") },
    { mra_bytes("a/https/127.0.0.4294967297/443") },
    { mra_bytes("a/https/b.127.0.0.1/443") },
    { mra_bytes("a/https/127.0.0.1../443") },
    { mra_bytes("a/https/[127.0.0.1]/443") },

    /* IPv6 */

    { mra_bytes("a/https/:/443") },
    { mra_bytes("a/https/:::/443") },
    { mra_bytes("a/https/::::/443") },
    { mra_bytes("a/https/1:2:3:4:5:6:7/443") },
    { mra_bytes("a/https/1:2:3:4:5:6:7:/443") },
    { mra_bytes("a/https/1:2:3:4:5:6:7:8:/443") },
    { mra_bytes("a/https/1:2:3:4:5:6:7:8:9/443") },
    { mra_bytes("a/https/1:2:3:4:5:6:7:8::/443") },
    { mra_bytes("a/https/::1:2:3:4:5:6:7:8/443") },
    { mra_bytes("a/https/1::2:3:4:5:6:7:8/443") },
    { mra_bytes("a/https/1::2::3/443") },
    { mra_bytes("a/https/::1::/443") },
    { mra_bytes("a/https/:1::2/443") },
    { mra_bytes("a/https/1:::2/443") },
    { mra_bytes("a/https/12345::/443") },
    { mra_bytes("a/https/0::00001/443") },
    { mra_bytes("a/https/g::/443") },
    { mra_bytes("a/https/`::/443") },
    { mra_bytes("a/https/::/::/443") },
    { mra_bytes("a/https/[::1/443") },
    { mra_bytes("a/https/::1]/443") },
    { mra_bytes("a/https/[[::1]]/443") },
    { mra_bytes("a/https/[]:/443") },
    { mra_bytes("a/https/::1%eth0/443") },
    { mra_bytes("a/https/::1./443") },
    { mra_bytes("a/https/::1.2.3/443") },
    { mra_bytes("a/https/::1.2.3.4.5/443") },
    { mra_bytes("a/https/::1.2.3.256/443") },
    { mra_bytes("a/https/::1.2.3.4:5/443") },
    { mra_bytes("a/https/1.2.3.4::/443") },
    { mra_bytes("a/https/1:2:3:4:5:1.2.3.4/443") },
    { mra_bytes("a/https/1:2:3:4:5:6:7:1.2.3.4/443") },
    { mra_bytes("a/https/1:2:3:4:5:6::1.2.3.4/443") },
};


typedef struct {
    const char  *data;
    ngx_int_t    rc;
} target_base64_t;


/* as it comes */

static target_base64_t  target_base64[] = {

    /* samples seen in traces of the product */

    { "dGJ0cC5jb20", NGX_OK },
    { "dGJ0cC5jb20=", NGX_OK },
    { "c3RldmVuLmxhYi9odHRwcy9jdWNtLnN0ZXZlbi5sYWIvODQ0Mw", NGX_OK },
    { "c3RldmVuLmxhYi9odHRwcy9jdWNtLnN0ZXZlbi5sYWIvODQ0Mw==", NGX_OK },

    { "YQ", NGX_OK },              /* a */
    { "YQ==", NGX_OK },
    { "YWI", NGX_OK },             /* ab */
    { "YWI=", NGX_OK },
    { "YWJj", NGX_OK },            /* abc */

    /* other resources */

    { "", NGX_DECLINED },
    { "favicon.ico", NGX_DECLINED },
    { "YWJj%3D", NGX_DECLINED },
    { "YWJj.", NGX_DECLINED },
    { "YWJj\n", NGX_DECLINED },
    { "YW Jj", NGX_DECLINED },
    { "YWJj@", NGX_DECLINED },
    { "YWJj[", NGX_DECLINED },
    { "YWJj`", NGX_DECLINED },
    { "YWJj{", NGX_DECLINED },
    { "YWJj:", NGX_DECLINED },
    { "YQ==.", NGX_DECLINED },

    /* padding where none is, too much, too little */

    { "=", NGX_ERROR },
    { "==", NGX_ERROR },
    { "===", NGX_ERROR },
    { "====", NGX_ERROR },
    { "YQ=", NGX_ERROR },
    { "YQ===", NGX_ERROR },
    { "Y===", NGX_ERROR },
    { "YWI==", NGX_ERROR },
    { "YWJj=", NGX_ERROR },
    { "YWJj==", NGX_ERROR },
    { "YWJj====", NGX_ERROR },
    { "YQ==YQ==", NGX_ERROR },
    { "Y=Q=", NGX_ERROR },

    /* one digit left, unused bits set */

    { "Y", NGX_ERROR },
    { "YWJjA", NGX_ERROR },
    { "YWJjY", NGX_ERROR },
    { "YR", NGX_ERROR },
    { "YY", NGX_ERROR },
    { "YR==", NGX_ERROR },
    { "YWJ", NGX_ERROR },
    { "YWJ=", NGX_ERROR },
    { "YWK", NGX_ERROR },

    /* bytes that no target has need the digits in which alphabets differ */

    { "YWE+", NGX_ERROR },
    { "YWE-", NGX_ERROR },
    { "YWE/", NGX_ERROR },
    { "YWE_", NGX_ERROR },
};


static size_t
target_encode(char *dst, const char *data, size_t len, ngx_uint_t pad)
{
    char      *p;
    size_t     i, n;
    uint32_t   acc;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    p = dst;

    for (i = 0; i < len; i += 3) {
        acc = 0;

        for (n = 0; n < 3; n++) {
            acc = acc << 8 | (i + n < len ? (u_char) data[i + n] : 0);
        }

        for (n = 0; n < 4; n++) {
            if (i + n <= len) {
                *p++ = digits[acc >> (18 - 6 * n) & 63];

            } else if (pad) {
                *p++ = '=';
            }
        }
    }

    return p - dst;
}


static ngx_int_t
target_parse(ngx_mra_target_t *t, const char *data, size_t len)
{
    u_char  *p, *buf;

    p = mra_guard(0, data, len);
    buf = mra_guard(1, NULL, NGX_MRA_TARGET_LEN);

    return ngx_mra_target_parse(t, p, p + len, buf);
}


static void
target_good_test(target_test_t *test)
{
    char               text[2048], got[2048];
    size_t             len;
    ngx_uint_t         pad;
    ngx_mra_target_t   t;

    for (pad = 0; pad < 2; pad++) {
        len = target_encode(text, test->data, test->len, pad);

        if (!mra_is(target_parse(&t, text, len), NGX_OK, "%s", test->data)) {
            continue;
        }

        len = sprintf(got, "%.*s", (int) t.domain.len, t.domain.data);

        if (t.protocol.len) {
            len += sprintf(got + len, " %u %.*s %.*s", t.port,
                           (int) t.host.len, t.host.data,
                           (int) t.origin.len, t.origin.data);

            mra_ok(t.origin.len > t.protocol.len
                   && ngx_memcmp(t.protocol.data, t.origin.data,
                                 t.protocol.len) == 0
                   && t.origin.data[t.protocol.len] == ':',
                   "%s: protocol", test->data);
        }

        mra_is_mem(got, len, test->expected, strlen(test->expected),
                   "%s: normal form", test->data);
    }
}


static void
target_bad_test(target_bad_t *test)
{
    char               text[2048];
    size_t             len;
    ngx_mra_target_t   t;

    len = target_encode(text, test->data, test->len, 0);

    mra_is(target_parse(&t, text, len), NGX_ERROR, "bad: %s", test->data);
}


static void
target_base64_test(target_base64_t *test)
{
    ngx_mra_target_t  t;

    mra_is(target_parse(&t, test->data, strlen(test->data)), test->rc,
           "base64: %s", test->data);
}


static void
target_large_test(void)
{
    size_t            len;
    ngx_mra_target_t  t;
    static char       text[65536];

    memset(text, 'Y', sizeof(text));

    for (len = 690; len < 710; len++) {
        if (target_parse(&t, text, len) != NGX_ERROR) {
            break;
        }
    }

    mra_is(len, 710, "about as large as it may be");
    mra_is(target_parse(&t, text, sizeof(text)), NGX_ERROR, "64 KB");

    text[sizeof(text) - 1] = '.';
    mra_is(target_parse(&t, text, sizeof(text)), NGX_DECLINED,
           "64 KB of something else");
}


/* both alphabets are the same one for all bytes that a target may have */

static void
target_alphabet_test(void)
{
    char        text[8], plain[3];
    size_t      i, j, k, n, len;
    const char  bytes[] = "abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./:[]";

    n = 0;

    for (i = 0; i < sizeof(bytes) - 1; i++) {
        for (j = 0; j < sizeof(bytes) - 1; j++) {
            for (k = 0; k < sizeof(bytes) - 1; k++) {
                plain[0] = bytes[i];
                plain[1] = bytes[j];
                plain[2] = bytes[k];

                len = target_encode(text, plain, 3, 0);

                if (memchr(text, '+', len) || memchr(text, '/', len)) {
                    n++;
                }
            }
        }
    }

    mra_is(n, 0, "no target needs the last two digits");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < mra_rows(target_good); i++) {
        target_good_test(&target_good[i]);
    }

    for (i = 0; i < mra_rows(target_bad); i++) {
        target_bad_test(&target_bad[i]);
    }

    for (i = 0; i < mra_rows(target_base64); i++) {
        target_base64_test(&target_base64[i]);
    }

    target_large_test();
    target_alphabet_test();

    return mra_done();
}
