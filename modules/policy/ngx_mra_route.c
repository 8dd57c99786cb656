
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_route.h"


static ngx_uint_t ngx_mra_route_usable(ngx_mra_route_t *r, ngx_uint_t i,
    uint64_t tried, ngx_uint_t backup);
static uint64_t ngx_mra_route_stride(uint64_t total);


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
