
/*
 * Copyright (C) ngx_mra contributors
 *
 * A record is a version, family, prefix and 16 bytes of the address, then
 * for each category its number, the bans, and 4 bytes that tell how long the
 * record outlives the ban, in ms.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_ban.h"


#define NGX_MRA_BAN_VERSION  1
#define NGX_MRA_BAN_HEAD     19
#define NGX_MRA_BAN_ENTRY    6


void
ngx_mra_ban_init(ngx_mra_ban_t *ban, const ngx_mra_address_t *a)
{
    ngx_memzero(ban, sizeof(ngx_mra_ban_t));

    ban->address = *a;
}


ngx_int_t
ngx_mra_ban_decode(ngx_mra_ban_t *ban, const u_char *p, size_t len,
    ngx_msec_t ttl)
{
    uint32_t       after;
    ngx_uint_t     c;
    const u_char  *last;

    if (len < NGX_MRA_BAN_HEAD
        || (len - NGX_MRA_BAN_HEAD) % NGX_MRA_BAN_ENTRY
        || p[0] != NGX_MRA_BAN_VERSION
        || (p[1] != 4 && p[1] != 6)
        || p[2] > (p[1] == 4 ? 32 : 128))
    {
        return NGX_ERROR;
    }

    ngx_memzero(ban, sizeof(ngx_mra_ban_t));

    ban->address.family = p[1];
    ban->address.prefix = p[2];
    ngx_memcpy(ban->address.bytes, p + 3, sizeof(ban->address.bytes));

    last = p + len;

    for (p += NGX_MRA_BAN_HEAD; p < last; p += NGX_MRA_BAN_ENTRY) {
        c = p[0];

        /* a category that a newer node knows */

        if (c >= NGX_MRA_CATEGORIES) {
            continue;
        }

        after = (uint32_t) p[2] << 24 | p[3] << 16 | p[4] << 8 | p[5];

        ban->bans[c] = p[1];
        ban->left[c] = ttl > after ? ttl - after : 0;
    }

    return NGX_OK;
}


size_t
ngx_mra_ban_encode(const ngx_mra_ban_t *ban, u_char *p, ngx_msec_t *ttl)
{
    u_char      *start;
    uint32_t     after;
    ngx_uint_t   c;
    ngx_msec_t   life;

    start = p;
    life = 0;

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {
        life = ngx_max(life, ban->left[c]);
    }

    life += NGX_MRA_BAN_MEMORY;

    *p++ = NGX_MRA_BAN_VERSION;
    *p++ = ban->address.family;
    *p++ = ban->address.prefix;
    p = ngx_cpymem(p, ban->address.bytes, sizeof(ban->address.bytes));

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {

        if (ban->bans[c] == 0) {
            continue;
        }

        after = (uint32_t) (life - ban->left[c]);

        *p++ = (u_char) c;
        *p++ = (u_char) ngx_min(ban->bans[c], 255);
        *p++ = (u_char) (after >> 24);
        *p++ = (u_char) (after >> 16);
        *p++ = (u_char) (after >> 8);
        *p++ = (u_char) after;
    }

    *ttl = life;

    return p - start > NGX_MRA_BAN_HEAD ? (size_t) (p - start) : 0;
}


ngx_int_t
ngx_mra_ban_add(ngx_mra_ban_t *ban, ngx_uint_t category, ngx_msec_t block,
    ngx_msec_t most)
{
    ngx_uint_t  n;

    for (n = ban->bans[category]; n && block < most; n--) {
        block *= 2;
    }

    most = ngx_min(most, NGX_MRA_BAN_MAX);
    block = ngx_min(block, most);

    if (ban->left[category] >= block) {
        return NGX_DECLINED;
    }

    ban->left[category] = block;
    ban->bans[category]++;

    return NGX_OK;
}


ngx_uint_t
ngx_mra_ban_categories(const ngx_mra_ban_t *ban)
{
    ngx_uint_t  c, bits;

    bits = 0;

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {
        if (ban->left[c]) {
            bits |= ngx_mra_category_bit(c);
        }
    }

    return bits;
}
