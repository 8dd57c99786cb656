
/*
 * Copyright (C) ngx_mra contributors
 */


#include <mra_test.h>
#include "ngx_mra_user.h"


#define A10   "aaaaaaaaaa"
#define A50   A10 A10 A10 A10 A10
#define A250  A50 A50 A50 A50 A50


typedef struct {
    const char  *data;
    size_t       len;
    const char  *domain;       /* for bare names */
    const char  *expected;     /* NULL: NGX_ERROR */
} user_test_t;


static user_test_t  user_tests[] = {

    /* bare names */

    { mra_bytes("alice"), NULL, "alice" },
    { mra_bytes("alice"), "", "alice" },
    { mra_bytes("alice"), "example.com", "alice@example.com" },
    { mra_bytes("alice"), "Example.COM.", "alice@example.com" },
    { mra_bytes("ALICE"), NULL, "alice" },
    { mra_bytes("AzZ@[`{~!"), NULL, "azz@[`{~!" },
    { mra_bytes("alice."), NULL, "alice." },
    { mra_bytes("a"), NULL, "a" },
    { mra_bytes("0"), NULL, "0" },

    /* with a domain */

    { mra_bytes("Alice@Example.COM."), NULL, "alice@example.com" },
    { mra_bytes("alice@example.com"), "other.com", "alice@example.com" },
    { mra_bytes("alice@example.com.."), NULL, "alice@example.com" },
    { mra_bytes("alice@example.com . "), NULL, "alice@example.com" },
    { mra_bytes("alice@b@Example.COM"), NULL, "alice@b@example.com" },
    { mra_bytes("EXAMPLE\\alice"), NULL, "alice@example" },
    { mra_bytes("EXAMPLE\\alice"), "other.com", "alice@example" },
    { mra_bytes("Example.Com.\\Alice"), NULL, "alice@example.com" },

    /* spaces */

    { mra_bytes(" alice"), NULL, "alice" },
    { mra_bytes("alice "), NULL, "alice" },
    { mra_bytes("   alice   "), "example.com", "alice@example.com" },
    { mra_bytes("alice @ example.com "), NULL, "alice@example.com" },
    { mra_bytes(" EXAMPLE \\ alice "), NULL, "alice@example" },
    { mra_bytes("John  Q   Smith"), NULL, "john q smith" },
    { mra_bytes("alice@exam   ple"), NULL, "alice@exam ple" },

    /* UTF-8: bounds of each length */

    { mra_bytes("M\xc3\x9cLLER"), NULL, "m\xc3\x9cller" },
    { mra_bytes("\xc2\xa0"), NULL, "\xc2\xa0" },
    { mra_bytes("\xdf\xbf"), NULL, "\xdf\xbf" },
    { mra_bytes("\xe0\xa0\x80"), NULL, "\xe0\xa0\x80" },
    { mra_bytes("\xed\x9f\xbf"), NULL, "\xed\x9f\xbf" },
    { mra_bytes("\xee\x80\x80"), NULL, "\xee\x80\x80" },
    { mra_bytes("\xef\xbf\xbf"), NULL, "\xef\xbf\xbf" },
    { mra_bytes("\xf0\x90\x80\x80"), NULL, "\xf0\x90\x80\x80" },
    { mra_bytes("\xf4\x8f\xbf\xbf"), NULL, "\xf4\x8f\xbf\xbf" },
    { mra_bytes("a@b\xc3\xbc" "cher.de"), NULL, "a@b\xc3\xbc" "cher.de" },

    { mra_bytes("\xc2\x80"), NULL, NULL },
    { mra_bytes("\xc2\x9f"), NULL, NULL },
    { mra_bytes("\x80"), NULL, NULL },
    { mra_bytes("\xbf"), NULL, NULL },
    { mra_bytes("\xc0\xaf"), NULL, NULL },
    { mra_bytes("\xc1\xbf"), NULL, NULL },
    { mra_bytes("\xe0\x9f\xbf"), NULL, NULL },
    { mra_bytes("\xed\xa0\x80"), NULL, NULL },
    { mra_bytes("\xed\xbf\xbf"), NULL, NULL },
    { mra_bytes("\xf0\x8f\xbf\xbf"), NULL, NULL },
    { mra_bytes("\xf4\x90\x80\x80"), NULL, NULL },
    { mra_bytes("\xf8\x88\x80\x80\x80"), NULL, NULL },
    { mra_bytes("\xff"), NULL, NULL },
    { mra_bytes("M\xdcLLER"), NULL, NULL },
    { mra_bytes("a\xc3"), NULL, NULL },
    { mra_bytes("a\xe2\x82"), NULL, NULL },
    { mra_bytes("a\xf0\x9f\x98"), NULL, NULL },
    { mra_bytes("\xc3\xc3"), NULL, NULL },
    { mra_bytes("\xe2\x82 "), NULL, NULL },
    { mra_bytes("\xe2 \x82"), NULL, NULL },

    /* no names */

    { mra_bytes(""), NULL, NULL },
    { mra_bytes(""), "example.com", NULL },
    { mra_bytes(" "), NULL, NULL },
    { mra_bytes("  "), "example.com", NULL },
    { mra_bytes("@"), NULL, NULL },
    { mra_bytes("@example.com"), NULL, NULL },
    { mra_bytes(" @example.com"), NULL, NULL },
    { mra_bytes("alice@"), "example.com", NULL },
    { mra_bytes("alice@."), NULL, NULL },
    { mra_bytes("alice@ . ."), NULL, NULL },
    { mra_bytes("alice@ "), NULL, NULL },
    { mra_bytes("\\"), NULL, NULL },
    { mra_bytes("\\alice"), NULL, NULL },
    { mra_bytes(".\\alice"), NULL, NULL },
    { mra_bytes("EXAMPLE\\"), NULL, NULL },
    { mra_bytes("EXAMPLE\\\\alice"), NULL, NULL },
    { mra_bytes("A\\B\\alice"), NULL, NULL },
    { mra_bytes("EXAMPLE\\alice@example.com"), NULL, NULL },
    { mra_bytes("al@ice\\alice"), NULL, NULL },

    /* control characters */

    { mra_bytes("\0"), NULL, NULL },
    { mra_bytes("alice\0"), NULL, NULL },
    { mra_bytes("ali\0ce"), NULL, NULL },
    { mra_bytes("alice\r\n"), NULL, NULL },
    { mra_bytes("ali\nce"), NULL, NULL },
    { mra_bytes("ali\tce"), NULL, NULL },
    { mra_bytes("\x1f"), NULL, NULL },
    { mra_bytes("\x7f"), NULL, NULL },
    { mra_bytes("alice@exam\0ple"), NULL, NULL },
    { mra_bytes("exam\0ple\\alice"), NULL, NULL },

    /* length: 255 of the normal form */

    { mra_bytes(A250 "aaaaa"), NULL, A250 "aaaaa" },
    { mra_bytes(A250 "aaaaaa"), NULL, NULL },
    { mra_bytes(A250 A250 A250), NULL, NULL },
    { mra_bytes("   " A250 "aaaaa   "), NULL, A250 "aaaaa" },
    { mra_bytes(A250 "  a  a"), NULL, A250 " a a" },
    { mra_bytes(A250 "aaa\xc3\xbc"), NULL, A250 "aaa\xc3\xbc" },
    { mra_bytes(A250 "aaaa\xc3\xbc"), NULL, NULL },
    { mra_bytes(A250 "aa"), "ab", A250 "aa@ab" },
    { mra_bytes(A250 "aaa"), "ab", NULL },
    { mra_bytes(A250 "aaaa"), "ab", NULL },
    { mra_bytes(A250 "aaaaa"), "ab", NULL },
    { mra_bytes("ab@" A250 "aa"), NULL, "ab@" A250 "aa" },
    { mra_bytes("ab@" A250 "aa...   "), NULL, "ab@" A250 "aa" },
    { mra_bytes("ab@" A250 "aaa"), NULL, NULL },
};


static ngx_int_t
user_parse(ngx_str_t *user, const void *data, size_t len, const char *domain)
{
    u_char     *p, *buf;
    ngx_str_t   d;

    p = mra_guard(0, data, len);
    buf = mra_guard(1, NULL, NGX_MRA_USER_LEN);

    if (domain == NULL) {
        return ngx_mra_user_parse(user, p, p + len, NULL, buf);
    }

    d.len = strlen(domain);
    d.data = mra_guard(2, domain, d.len);

    return ngx_mra_user_parse(user, p, p + len, &d, buf);
}


static void
user_test(user_test_t *t)
{
    ngx_int_t  rc;
    ngx_str_t  user, again;
    u_char     first[NGX_MRA_USER_LEN];

    rc = user_parse(&user, t->data, t->len, t->domain);

    if (t->expected == NULL) {
        mra_is(rc, NGX_ERROR, "no name: %s", t->data);
        return;
    }

    if (!mra_is(rc, NGX_OK, "%s", t->data)) {
        return;
    }

    mra_is_str(user, t->expected, "%s: normal form", t->data);

    ngx_memcpy(first, user.data, user.len);

    rc = user_parse(&again, first, user.len, t->domain);

    mra_is(rc, NGX_OK, "%s: again", t->data);
    mra_is_mem(again.data, again.len, first, user.len,
               "%s: same normal form", t->data);
}


static void
user_large_test(void)
{
    ngx_str_t    user;
    static char  name[65536];

    memset(name, ' ', sizeof(name));
    name[30000] = 'A';

    mra_is(user_parse(&user, name, sizeof(name), NULL), NGX_OK,
           "64 KB of space");
    mra_is_str(user, "a", "64 KB of space: normal form");

    memset(name, '@', sizeof(name));
    mra_is(user_parse(&user, name, sizeof(name), NULL), NGX_ERROR,
           "64 KB of at");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < mra_rows(user_tests); i++) {
        user_test(&user_tests[i]);
    }

    user_large_test();

    return mra_done();
}
