
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_mra_json.h"
#include "mra_test.h"


#define MEMBERS  3


/* "expected": name=type:value, one after the other; NULL: no flat object */

static struct {
    char  *text;
    char  *expected;
} json_tests[] = {
    { "{}", "" },
    { " \t\r\n{ \t\r\n} \t\r\n", "" },
    { "{\"a\":\"b\"}", "a=3:b " },
    { " { \"a\" : \"b\" , \"c\" : 7 } ", "a=3:b c=2:7 " },
    { "{\"a\":null,\"b\":true,\"c\":false}", "a=0: b=1:1 c=1:0 " },
    { "{\"\":\"\"}", "=3: " },
    { "{\"a\":0}", "a=2:0 " },
    { "{\"a\":9223372036854775807}", "a=2:9223372036854775807 " },
    { "{\"a\\\"\\\\\\/\":\"\\b\\f\\n\\r\\t\"}", "a\"\\/=3:\b\f\n\r\t " },
    { "{\"a\":\"\\u0041\\u00e9\\u20AC\\uD83d\\uDe00\"}",
      "a=3:A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 " },
    { "{\"a\":\"\xc3\xa9\x7f\"}", "a=3:\xc3\xa9\x7f " },

    { "", NULL },
    { "null", NULL },
    { "[]", NULL },
    { "{", NULL },
    { "}", NULL },
    { "{}{}", NULL },
    { "{}x", NULL },
    { "{,}", NULL },
    { "{\"a\":1,}", NULL },
    { "{\"a\":1 \"b\":1}", NULL },
    { "{\"a\"}", NULL },
    { "{\"a\":}", NULL },
    { "{a:1}", NULL },
    { "{'a':1}", NULL },
    { "{1:1}", NULL },
    { "{\"a\":{}}", NULL },
    { "{\"a\":[]}", NULL },
    { "{\"a\":-1}", NULL },
    { "{\"a\":1.0}", NULL },
    { "{\"a\":1e3}", NULL },
    { "{\"a\":01}", NULL },
    { "{\"a\":00}", NULL },
    { "{\"a\":9223372036854775808}", NULL },
    { "{\"a\":99999999999999999999999999}", NULL },
    { "{\"a\":True}", NULL },
    { "{\"a\":nul}", NULL },
    { "{\"a\":nulls}", NULL },
    { "{\"a\":\"\n\"}", NULL },
    { "{\"a\":\"\\x\"}", NULL },
    { "{\"a\":\"\\\"}", NULL },
    { "{\"a\":\"\\u0000\"}", NULL },
    { "{\"a\":\"\\u12g4\"}", NULL },
    { "{\"a\":\"\\u123\"}", NULL },
    { "{\"a\":\"\\ud83d\"}", NULL },
    { "{\"a\":\"\\ud83dx\"}", NULL },
    { "{\"a\":\"\\ud83d\\n\"}", NULL },
    { "{\"a\":\"\\ud83d\\u0041\"}", NULL },
    { "{\"a\":\"\\ude00\"}", NULL },
    { "{\"a\":1,\"a\":2}", NULL },
    { "{\"a\":1,\"\\u0061\":2}", NULL },
    { "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", NULL },
    { "// x\n{}", NULL },
    { "\xef\xbb\xbf{}", NULL }
};


static ngx_int_t
json_read(const char *text, size_t len, ngx_mra_json_member_t *m,
    ngx_uint_t *n)
{
    ngx_str_t  s;

    s.data = mra_guard(0, text, len);
    s.len = len;

    *n = MEMBERS;

    return ngx_mra_json_read(&s, m, n);
}


static void
json_test(char *text, char *expected)
{
    char                   got[256], *p;
    size_t                 i, len;
    ngx_int_t              rc;
    ngx_uint_t             n;
    ngx_mra_json_member_t  m[MEMBERS];

    len = strlen(text);
    rc = json_read(text, len, m, &n);

    mra_is(rc, expected ? NGX_OK : NGX_ERROR, "%s", text);

    if (rc != NGX_OK || expected == NULL) {
        return;
    }

    p = got;
    *p = '\0';

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%.*s=%d:", (int) m[i].name.len,
                     (char *) m[i].name.data, m[i].type);

        if (m[i].type == NGX_MRA_JSON_STRING) {
            p += sprintf(p, "%.*s", (int) m[i].string.len,
                         (char *) m[i].string.data);

        } else if (m[i].type != NGX_MRA_JSON_NULL) {
            p += sprintf(p, "%lu", (unsigned long) m[i].number);
        }

        p += sprintf(p, " ");
    }

    mra_is_mem(got, strlen(got), expected, strlen(expected), "%s: members",
               text);

    /* what is cut is broken, but for blanks */

    while (len && strchr(" \t\r\n", text[len - 1])) {
        len--;
    }

    for (i = 0; i < len; i++) {
        if (json_read(text, i, m, &n) != NGX_ERROR) {
            break;
        }
    }

    mra_is(i, len, "%s: cut at each byte", text);
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < mra_rows(json_tests); i++) {
        json_test(json_tests[i].text, json_tests[i].expected);
    }

    return mra_done();
}
