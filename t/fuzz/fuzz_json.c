
/*
 * Copyright (C) ngx_mra contributors
 *
 * What is read is within the text, and is read again from a text made of it;
 * cut anywhere it is no object.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdio.h>
#include <stdlib.h>
#include "ngx_mra_json.h"


#define FUZZ_MEMBERS  8
#define FUZZ_BODY     4096     /* the API takes no more */


static ngx_int_t
fuzz_read(const u_char *data, size_t len, u_char **copy,
    ngx_mra_json_member_t *m, ngx_uint_t *n)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    *copy = malloc(len + (len == 0));
    ngx_memcpy(*copy, data, len);

    text.data = *copy;
    text.len = len;
    *n = FUZZ_MEMBERS;

    rc = ngx_mra_json_read(&text, m, n);

    if (*n > FUZZ_MEMBERS) {
        abort();
    }

    return rc;
}


static void
fuzz_within(ngx_str_t *s, const u_char *text, size_t len)
{
    size_t  i;

    if (s->data < text || s->len > len
        || s->data + s->len > text + len)
    {
        abort();
    }

    for (i = 0; i < s->len; i++) {
        if (s->data[i] == 0) {
            abort();
        }
    }
}


static u_char *
fuzz_quote(u_char *p, ngx_str_t *s)
{
    size_t  i;

    *p++ = '"';

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < 0x20 || s->data[i] == '"' || s->data[i] == '\\') {
            p += sprintf((char *) p, "\\u%04x", s->data[i]);

        } else {
            *p++ = s->data[i];
        }
    }

    *p++ = '"';

    return p;
}


static size_t
fuzz_build(u_char *p, ngx_mra_json_member_t *m, ngx_uint_t n)
{
    u_char      *start;
    ngx_uint_t   i;

    start = p;
    *p++ = '{';

    for (i = 0; i < n; i++) {
        p = fuzz_quote(p, &m[i].name);
        *p++ = ':';

        switch (m[i].type) {

        case NGX_MRA_JSON_STRING:
            p = fuzz_quote(p, &m[i].string);
            break;

        case NGX_MRA_JSON_NUMBER:
            p += sprintf((char *) p, "%lu", (unsigned long) m[i].number);
            break;

        case NGX_MRA_JSON_BOOL:
            p += sprintf((char *) p, "%s", m[i].number ? "true" : "false");
            break;

        default:
            p += sprintf((char *) p, "null");
        }

        *p++ = (i + 1 < n) ? ',' : '}';
    }

    if (n == 0) {
        *p++ = '}';
    }

    return p - start;
}


static ngx_uint_t
fuzz_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


static void
fuzz_again(ngx_mra_json_member_t *m, ngx_uint_t n, size_t len)
{
    size_t                  size;
    u_char                 *text, *copy;
    ngx_uint_t              i, got;
    ngx_mra_json_member_t   again[FUZZ_MEMBERS];

    text = malloc(6 * len + 64 * FUZZ_MEMBERS);
    size = fuzz_build(text, m, n);

    if (fuzz_read(text, size, &copy, again, &got) != NGX_OK || got != n) {
        abort();
    }

    for (i = 0; i < n; i++) {
        if (again[i].type != m[i].type || again[i].number != m[i].number
            || !fuzz_same(&again[i].name, &m[i].name)
            || !fuzz_same(&again[i].string, &m[i].string))
        {
            abort();
        }
    }

    free(copy);
    free(text);
}


static void
fuzz_cut(const u_char *data, size_t len)
{
    size_t                  i;
    u_char                 *copy;
    ngx_int_t               rc;
    ngx_uint_t              n;
    ngx_mra_json_member_t   m[FUZZ_MEMBERS];

    while (len && memchr(" \t\r\n", data[len - 1], 4)) {
        len--;
    }

    for (i = 0; i < len; i++) {
        rc = fuzz_read(data, i, &copy, m, &n);
        free(copy);

        if (rc != NGX_ERROR) {
            abort();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    u_char                 *copy;
    ngx_uint_t              i, n;
    ngx_mra_json_member_t   m[FUZZ_MEMBERS];

    if (len > FUZZ_BODY) {
        return 0;
    }

    if (fuzz_read(data, len, &copy, m, &n) == NGX_OK) {

        for (i = 0; i < n; i++) {
            fuzz_within(&m[i].name, copy, len);

            if (m[i].type == NGX_MRA_JSON_STRING) {
                fuzz_within(&m[i].string, copy, len);
            }
        }

        fuzz_again(m, n, len);
        fuzz_cut(data, len);
    }

    free(copy);

    return 0;
}
