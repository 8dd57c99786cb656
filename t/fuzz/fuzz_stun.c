
/*
 * Copyright (C) ngx_mra contributors
 *
 * No message is read beyond its end, and one that was copied attribute by
 * attribute is the same message.  What a node tells of itself is bounded.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_mra_stun_node.h"


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


/* what was understood is within bounds, and the same when told again */

static void
fuzz_stun_node(ngx_mra_stun_t *m)
{
    u_char                buf[NGX_MRA_STUN_HEADER_LEN
                              + NGX_MRA_STUN_NODE_SIZE];
    size_t                i, n;
    ngx_int_t             rc;
    ngx_mra_stun_t        copy;
    ngx_mra_stun_buf_t    b;
    ngx_mra_stun_node_t   node, again;

    rc = ngx_mra_stun_decode_node(m, &node);

    if (node.name_len > NGX_MRA_STUN_NODE_LEN
        || node.nhops > NGX_MRA_STUN_NODE_HOPS
        || node.registrations > NGX_MRA_STUN_NODE_COUNT_MAX
        || (rc == NGX_OK && node.told == 0)
        || (rc == NGX_DECLINED && node.told))
    {
        abort();
    }

    for (i = 0; i < node.name_len; i++) {
        if (node.name[i] <= ' ' || node.name[i] > '~') {
            abort();
        }
    }

    ngx_mra_stun_init(&b, buf, buf + sizeof(buf), m->type, m->id);
    ngx_mra_stun_add_node(&b, &node);

    n = ngx_mra_stun_end(&b, 0);

    if (n == 0 || ngx_mra_stun_decode(&copy, buf, buf + n) != NGX_OK
        || ngx_mra_stun_decode_node(&copy, &again) == NGX_ERROR
        || memcmp(&node, &again, sizeof(node)) != 0)
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
    fuzz_stun_node(&m);

    return 0;
}
