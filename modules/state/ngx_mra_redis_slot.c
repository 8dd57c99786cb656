
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_private.h"


#define NGX_MRA_REDIS_SLOTS  16384


static const u_char  ngx_mra_redis_slot_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


/*
 * The letter twice, as that spreads the tags evenly over the slots: of 3 to
 * 8 servers none has more than a third above its share.
 */

u_char *
ngx_mra_redis_slot_tag(u_char *p, ngx_uint_t tag)
{
    *p++ = '{';
    *p++ = ngx_mra_redis_slot_letters[tag];
    *p++ = ngx_mra_redis_slot_letters[tag];
    *p++ = '}';

    return p;
}


/* CRC-16/XMODEM, as Redis Cluster has it */

ngx_uint_t
ngx_mra_redis_slot(ngx_uint_t tag)
{
    u_char      text[NGX_MRA_REDIS_TAG_LEN], *p;
    ngx_uint_t  crc, i;

    (void) ngx_mra_redis_slot_tag(text, tag);

    crc = 0;

    for (p = text + 1; p < text + NGX_MRA_REDIS_TAG_LEN - 1; p++) {

        crc ^= (ngx_uint_t) *p << 8;

        for (i = 0; i < 8; i++) {
            crc = (crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1;
        }

        crc &= 0xffff;
    }

    return crc % NGX_MRA_REDIS_SLOTS;
}
