
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_hash.h"


#define ngx_mra_hash_rotate(x, n)  (((x) << (n)) | ((x) >> (64 - (n))))


static ngx_inline void ngx_mra_hash_word(ngx_mra_hash_t *h, uint64_t word);
static ngx_inline void ngx_mra_hash_round(uint64_t *v);
static ngx_inline uint64_t ngx_mra_hash_load(const u_char *p, size_t len);


void
ngx_mra_hash_init(ngx_mra_hash_t *h, const u_char *key)
{
    uint64_t  k0, k1;

    k0 = ngx_mra_hash_load(key, 8);
    k1 = ngx_mra_hash_load(key + 8, 8);

    h->v[0] = k0 ^ 0x736f6d6570736575;
    h->v[1] = k1 ^ 0x646f72616e646f6d;
    h->v[2] = k0 ^ 0x6c7967656e657261;
    h->v[3] = k1 ^ 0x7465646279746573;

    h->tail = 0;
    h->len = 0;
}


void
ngx_mra_hash_add(ngx_mra_hash_t *h, const u_char *p, size_t len)
{
    size_t  n, used;

    used = h->len % 8;
    h->len += len;

    if (used) {
        n = ngx_min(8 - used, len);

        h->tail |= ngx_mra_hash_load(p, n) << (8 * used);

        if (used + n < 8) {
            return;
        }

        ngx_mra_hash_word(h, h->tail);

        p += n;
        len -= n;
    }

    while (len >= 8) {
        ngx_mra_hash_word(h, ngx_mra_hash_load(p, 8));

        p += 8;
        len -= 8;
    }

    h->tail = ngx_mra_hash_load(p, len);
}


void
ngx_mra_hash_add_span(ngx_mra_hash_t *h, const ngx_str_t *s)
{
    size_t   len;
    u_char  *p;

    p = s->data;
    len = s->len;

    if (h->len % 8) {
        ngx_mra_hash_word(h, h->tail);
    }

    ngx_mra_hash_word(h, len);

    for ( /* void */ ; len >= 8; len -= 8) {
        ngx_mra_hash_word(h, ngx_mra_hash_load(p, 8));
        p += 8;
    }

    if (len) {
        ngx_mra_hash_word(h, ngx_mra_hash_load(p, len));
    }

    h->tail = 0;
    h->len = ngx_align(h->len, 8) + 8 + ngx_align(s->len, 8);
}


uint64_t
ngx_mra_hash_end(ngx_mra_hash_t *h)
{
    ngx_mra_hash_word(h, h->tail | (h->len << 56));

    h->v[2] ^= 0xff;

    ngx_mra_hash_round(h->v);
    ngx_mra_hash_round(h->v);
    ngx_mra_hash_round(h->v);

    return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}


static ngx_inline void
ngx_mra_hash_word(ngx_mra_hash_t *h, uint64_t word)
{
    h->v[3] ^= word;

    ngx_mra_hash_round(h->v);

    h->v[0] ^= word;
}


static ngx_inline void
ngx_mra_hash_round(uint64_t *v)
{
    v[0] += v[1];
    v[1] = ngx_mra_hash_rotate(v[1], 13) ^ v[0];
    v[0] = ngx_mra_hash_rotate(v[0], 32);

    v[2] += v[3];
    v[3] = ngx_mra_hash_rotate(v[3], 16) ^ v[2];

    v[0] += v[3];
    v[3] = ngx_mra_hash_rotate(v[3], 21) ^ v[0];

    v[2] += v[1];
    v[1] = ngx_mra_hash_rotate(v[1], 17) ^ v[2];
    v[2] = ngx_mra_hash_rotate(v[2], 32);
}


/* little-endian, up to 8 bytes */

static ngx_inline uint64_t
ngx_mra_hash_load(const u_char *p, size_t len)
{
    uint64_t  n;

#if (NGX_HAVE_LITTLE_ENDIAN)

    uint32_t  half;

    if (len == 8) {
        ngx_memcpy(&n, p, 8);
        return n;
    }

    if (len >= 4) {
        ngx_memcpy(&half, p, 4);
        n = half;

        /* bytes in both halves are the same ones */

        ngx_memcpy(&half, p + len - 4, 4);

        return n | (uint64_t) half << (8 * (len - 4));
    }

#endif

    n = 0;

    while (len) {
        n = (n << 8) | p[--len];
    }

    return n;
}
