
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_hop_private.h"


#define NGX_STREAM_MRA_BALANCE_TICK  500    /* ms */


static ngx_uint_t ngx_stream_mra_balance_told(ngx_stream_mra_hop_t *hop);


ngx_int_t
ngx_stream_mra_balance_init(ngx_stream_mra_hops_t *hops)
{
    ngx_mra_conf_t  *mcf;

    mcf = hops->mcf;

    if (!mcf->balance) {
        return NGX_OK;
    }

    hops->balance = ngx_palloc(ngx_cycle->pool, sizeof(ngx_mra_balance_t));
    if (hops->balance == NULL) {
        return NGX_ERROR;
    }

    ngx_mra_balance_init(hops->balance, mcf->balance_threshold,
                         mcf->balance_rest / 1000, ngx_random());

    return NGX_OK;
}


void
ngx_stream_mra_balance_new(ngx_stream_mra_hop_t *hop)
{
    ngx_mra_balance_t  *b;

    b = hop->hops->balance;

    if (b) {
        ngx_memzero(&b->hop[hop->index], sizeof(ngx_mra_balance_hop_t));
    }
}


void
ngx_stream_mra_balance_tick(ngx_stream_mra_hops_t *hops)
{
    ngx_uint_t              i;
    ngx_mra_balance_t      *b;
    ngx_stream_mra_hop_t   *hop;
    ngx_mra_balance_hop_t  *bh;

    b = hops->balance;

    if (b == NULL
        || ngx_current_msec - hops->balanced < NGX_STREAM_MRA_BALANCE_TICK)
    {
        return;
    }

    hops->balanced = ngx_current_msec;
    hops->loads = 0;

    b->n = hops->n;

    for (i = 0; i < hops->n; i++) {
        hop = hops->hop[i];
        bh = &b->hop[i];

        bh->weight = hop->weight;
        bh->backup = hop->backup;
        bh->own = hop->clients;
        bh->ups = hop->ups;
        bh->up = !hop->retired && ngx_stream_mra_hop_is_up(hop);
        bh->draining = ngx_stream_mra_hop_is_draining(hop);
        bh->known = ngx_stream_mra_balance_told(hop);

        if (bh->known) {
            bh->registrations = hop->report.node.registrations;
            bh->capacity = hop->report.node.capacity;
            hops->loads++;
        }
    }

    ngx_mra_balance_update(b, ngx_current_msec / 1000);
}


static ngx_uint_t
ngx_stream_mra_balance_told(ngx_stream_mra_hop_t *hop)
{
    ngx_mra_report_t  *report;

    report = ngx_stream_mra_hop_report(hop);

    return report && (report->node.told & NGX_MRA_STUN_NODE_TOLD_LOAD);
}


ngx_int_t
ngx_stream_mra_balance_choose(ngx_stream_mra_hops_t *hops, ngx_mra_route_t *r,
    uint64_t tried, ngx_uint_t ticket)
{
    ngx_int_t  n;

    if (hops->balance && hops->loads) {
        n = ngx_mra_balance_choose(hops->balance, NGX_MRA_BALANCE_MAX, tried,
                                   ticket);

        if (n != NGX_DECLINED) {
            return n;
        }
    }

    return ngx_mra_route_choose(r, hops->n, tried, ticket);
}


ngx_stream_mra_hop_t *
ngx_stream_mra_hop_balance(ngx_stream_mra_hop_t *hop, time_t moved)
{
    uint64_t                tried;
    ngx_int_t               n;
    ngx_uint_t              i;
    ngx_mra_balance_t      *b;
    ngx_stream_mra_hop_t   *other;
    ngx_stream_mra_hops_t  *hops;

    hops = hop->hops;
    b = hops->balance;

    if (b == NULL
        || ngx_mra_balance_leaves(b, hop->index, moved,
                                  ngx_current_msec / 1000)
           != NGX_OK)
    {
        return NULL;
    }

    /* what has changed since the last tick */

    tried = (uint64_t) 1 << hop->index;

    for (i = 0; i < hops->n; i++) {
        other = hops->hop[i];

        if (other->retired || !ngx_stream_mra_hop_is_up(other)
            || ngx_stream_mra_hop_is_draining(other))
        {
            tried |= (uint64_t) 1 << i;
        }
    }

    n = ngx_mra_balance_choose(b, hop->index, tried, ngx_random());

    return (n == NGX_DECLINED) ? NULL : hops->hop[n];
}


void
ngx_stream_mra_hop_moved(ngx_stream_mra_hop_t *from,
    ngx_stream_mra_hop_t *to, time_t life)
{
    ngx_mra_balance_t  *b;

    b = from->hops->balance;

    if (b && from->index < b->n && to->index < b->n) {
        ngx_mra_balance_moved(b, from->index, to->index, life,
                              ngx_current_msec / 1000);
    }
}
