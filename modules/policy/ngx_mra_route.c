
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_route.h"


static ngx_uint_t ngx_mra_route_usable(ngx_mra_route_t *r, ngx_uint_t i,
    uint64_t tried, ngx_uint_t backup);
static uint64_t ngx_mra_route_stride(uint64_t total);
static uint64_t ngx_mra_route_lot(uint64_t key, uint32_t id);


ngx_int_t
ngx_mra_route_choose(ngx_mra_route_t *r, ngx_uint_t n, uint64_t tried,
    ngx_uint_t ticket)
{
    uint64_t    total, pos;
    ngx_uint_t  i, backup;

    for (backup = 0; backup < 2; backup++) {

        total = 0;

        for (i = 0; i < n; i++) {
            if (ngx_mra_route_usable(r, i, tried, backup)) {
                total += r[i].weight;
            }
        }

        if (total == 0) {
            continue;
        }

        pos = (ticket % total) * ngx_mra_route_stride(total) % total;

        for (i = 0; i < n; i++) {

            if (!ngx_mra_route_usable(r, i, tried, backup)) {
                continue;
            }

            if (pos < r[i].weight) {
                return i;
            }

            pos -= r[i].weight;
        }
    }

    return NGX_DECLINED;
}


/* each draws -log(u) / weight, the least wins: u is uniform in (0, 1] */

ngx_int_t
ngx_mra_route_keep(ngx_mra_route_t *r, ngx_uint_t n, const uint32_t *ids,
    uint64_t key)
{
    uint64_t    lot, least;
    ngx_int_t   best;
    ngx_uint_t  i, backup;

    least = 0;
    best = NGX_DECLINED;

    for (backup = 0; backup < 2 && best == NGX_DECLINED; backup++) {

        for (i = 0; i < n; i++) {

            if (!ngx_mra_route_usable(r, i, 0, backup) || r[i].weight == 0) {
                continue;
            }

            lot = ngx_mra_route_lot(key, ids[i]);

            if (best == NGX_DECLINED
                || lot * r[best].weight < least * r[i].weight)
            {
                best = i;
                least = lot;
            }
        }
    }

    return best;
}


/* -log2 of a number that key and id make, in units of 2^-32 */

static uint64_t
ngx_mra_route_lot(uint64_t key, uint32_t id)
{
    uint64_t    h, m, log;
    ngx_uint_t  i, e;

    h = key + ((uint64_t) id + 1) * 0x9e3779b97f4a7c15;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
    h = (h ^ h >> 27) * 0x94d049bb133111eb;
    h = (h ^ h >> 31) | 1;

    for (e = 63; !(h >> 63); e--) {
        h <<= 1;
    }

    m = h >> 32;
    log = e;

    for (i = 0; i < 32; i++) {
        m = m * m >> 31;
        log <<= 1;

        if (m >> 32) {
            m >>= 1;
            log |= 1;
        }
    }

    return ((uint64_t) 64 << 32) - log;
}


static ngx_uint_t
ngx_mra_route_usable(ngx_mra_route_t *r, ngx_uint_t i, uint64_t tried,
    ngx_uint_t backup)
{
    return r[i].up
           && r[i].backup == backup
           && !(tried & ((uint64_t) 1 << i));
}


/*
 * Steps of about 0.618 of a circle leave no long gap anywhere; coprime to
 * the total, they visit every place of it once.
 */

static uint64_t
ngx_mra_route_stride(uint64_t total)
{
    uint64_t  a, b, t, stride;

    for (stride = (total * 618 + 999) / 1000; stride > 1; stride--) {

        for (a = total, b = stride; b; /* void */) {
            t = a % b;
            a = b;
            b = t;
        }

        if (a == 1) {
            break;
        }
    }

    return stride;
}
