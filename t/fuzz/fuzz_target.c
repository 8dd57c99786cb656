
/*
 * Copyright (C) ngx_mra contributors
 *
 * The input is taken as a segment, and as the text that a segment encodes.
 * A normal form is its own normal form, and holds nothing unexpected.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdlib.h>
#include "ngx_mra_target.h"


static ngx_int_t
fuzz_target_parse(ngx_mra_target_t *t, const u_char *data, size_t len,
    u_char *buf)
{
    u_char     *p;
    ngx_int_t   rc;

    p = malloc(len + (len == 0));
    ngx_memcpy(p, data, len);

    rc = ngx_mra_target_parse(t, p, p + len, buf);

    free(p);

    return rc;
}


static size_t
fuzz_target_encode(u_char *dst, const u_char *data, size_t len)
{
    u_char      *p;
    size_t       i;
    uint32_t     acc;
    ngx_uint_t   bits;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    p = dst;
    acc = 0;
    bits = 0;

    for (i = 0; i < len; i++) {
        acc = acc << 8 | data[i];
        bits += 8;

        while (bits >= 6) {
            bits -= 6;
            *p++ = digits[acc >> bits & 63];
        }
    }

    if (bits) {
        *p++ = digits[acc << (6 - bits) & 63];
    }

    return p - dst;
}


static void
fuzz_target_check(ngx_mra_target_t *t)
{
    size_t            i, len;
    u_char           *buf, *p, *text;
    ngx_mra_target_t  other;

    for (i = 0; i < t->domain.len + t->origin.len; i++) {
        if (t->domain.data[i] <= 0x20 || t->domain.data[i] >= 0x7f
            || (t->domain.data[i] >= 'A' && t->domain.data[i] <= 'Z'))
        {
            abort();
        }
    }

    p = malloc(1024);
    text = malloc(2048);
    buf = malloc(NGX_MRA_TARGET_LEN);

    len = sprintf((char *) p, "%.*s", (int) t->domain.len, t->domain.data);

    if (t->protocol.len) {
        len += sprintf((char *) p + len, "/%.*s/%.*s/%u",
                       (int) t->protocol.len, t->protocol.data,
                       (int) t->host.len, t->host.data, t->port);
    }

    len = fuzz_target_encode(text, p, len);

    if (fuzz_target_parse(&other, text, len, buf) != NGX_OK
        || other.domain.len != t->domain.len
        || other.origin.len != t->origin.len
        || memcmp(other.domain.data, t->domain.data,
                  t->domain.len + t->origin.len) != 0)
    {
        abort();
    }

    free(p);
    free(buf);
    free(text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    u_char            *buf, *text;
    ngx_mra_target_t   t;

    buf = malloc(NGX_MRA_TARGET_LEN);
    text = malloc(len * 2 + 4);

    if (fuzz_target_parse(&t, data, len, buf) == NGX_OK) {
        fuzz_target_check(&t);
    }

    len = fuzz_target_encode(text, data, len);

    if (fuzz_target_parse(&t, text, len, buf) == NGX_OK) {
        fuzz_target_check(&t);
    }

    free(buf);
    free(text);

    return 0;
}
