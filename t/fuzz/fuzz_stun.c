
/*
 * Copyright (C) ngx_mra contributors
 *
 * No message is read beyond its end, and one that was copied attribute by
 * attribute is the same message.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdlib.h>
#include "ngx_mra_stun.h"


static void
fuzz_stun_copy(ngx_mra_stun_t *m)
{
    u_char               *p, *pos;
    size_t                len, n;
    ngx_mra_stun_t        copy;
    ngx_mra_stun_buf_t    b;
    ngx_mra_stun_attr_t   attr, other;

    len = m->last - m->start;
    p = malloc(len);
    pos = NULL;

    ngx_mra_stun_init(&b, p, p + len, m->type, m->id);

    while (ngx_mra_stun_next(m, &pos, &attr) == NGX_OK) {
        ngx_mra_stun_add(&b, attr.type, attr.value.data, attr.value.len);

        if (ngx_mra_stun_find(m, attr.type, &other) != NGX_OK) {
            abort();
        }
    }

    n = ngx_mra_stun_end(&b, 0);

    if (n != len || ngx_mra_stun_decode(&copy, p, p + n) != NGX_OK
        || ngx_mra_stun_unknown(&copy) != ngx_mra_stun_unknown(m))
    {
        abort();
    }

    free(p);
}


static void
fuzz_stun_answer(ngx_mra_stun_t *m)
{
    u_char               *pos, buf[256];
    size_t                n;
    socklen_t             len;
    ngx_str_t             reason;
    ngx_uint_t            code;
    ngx_sockaddr_t        sa;
    ngx_mra_stun_t        answer;
    ngx_mra_stun_buf_t    b;
    ngx_mra_stun_attr_t   attr;

    pos = NULL;

    ngx_mra_stun_init(&b, buf, buf + sizeof(buf), NGX_MRA_STUN_ERROR, m->id);
    ngx_mra_stun_add_unknown(&b, m);

    while (ngx_mra_stun_next(m, &pos, &attr) == NGX_OK) {

        if (ngx_mra_stun_decode_address(m, &attr, &sa, &len) == NGX_OK) {
            ngx_mra_stun_add_address(&b, &sa.sockaddr);
        }

        if (ngx_mra_stun_decode_error(&attr, &code, &reason) == NGX_OK) {
            ngx_mra_stun_add_error(&b, code, &reason);
        }
    }

    n = ngx_mra_stun_end(&b, 1);

    if (n && (ngx_mra_stun_decode(&answer, buf, buf + n) != NGX_OK
              || ngx_mra_stun_check(&answer) != NGX_OK))
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    ngx_mra_stun_t  m;

    if (ngx_mra_stun_decode(&m, (u_char *) data, (u_char *) data + len)
        != NGX_OK)
    {
        return 0;
    }

    ngx_mra_stun_check(&m);
    fuzz_stun_copy(&m);
    fuzz_stun_answer(&m);

    return 0;
}
