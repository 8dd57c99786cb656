
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_dialog.h"
#include "ngx_stream_mra_crowd.h"


typedef struct {
    uint64_t     own;
    uint64_t     total;
    ngx_uint_t   nodes;
} ngx_stream_mra_crowd_t;


static void ngx_stream_mra_crowd_count(ngx_stream_mra_worker_t *worker);
static void ngx_stream_mra_crowd_node(ngx_mra_node_t *node, void *data);


ngx_int_t
ngx_stream_mra_crowd_warn(ngx_stream_mra_relay_t *r, ngx_str_t *aor)
{
    uint32_t                  hash;
    ngx_str_t                 spans[3];
    ngx_mra_conf_t           *mcf;
    ngx_stream_mra_client_t  *client;

    client = r->client;
    mcf = r->worker->mcf;

    if (!mcf->balance || client->trunk) {
        return NGX_OK;
    }

    ngx_stream_mra_crowd_count(r->worker);

    hash = ngx_crc32_long(aor->data, aor->len);

    if (!ngx_mra_balance_edge_asks(&r->worker->crowd, hash)
        || ngx_time() - client->session->start_sec
           < (time_t) mcf->balance_rest / 1000
        || !ngx_stream_mra_dialogs_idle(client))
    {
        return NGX_OK;
    }

    ngx_str_set(&spans[0], "Warning: 399 ");
    spans[1] = mcf->node;
    ngx_str_set(&spans[2], " \"Load imbalanced\"" CRLF);

    return ngx_mra_sip_plan_append(&r->plan, spans, 3);
}


/* peers tell of themselves no more often than this */

static void
ngx_stream_mra_crowd_count(ngx_stream_mra_worker_t *worker)
{
    ngx_mra_conf_t          *mcf;
    ngx_stream_mra_crowd_t   crowd;

    if (worker->counted
        && ngx_current_msec - worker->counted < NGX_MRA_NODE_BEAT)
    {
        return;
    }

    worker->counted = ngx_current_msec;
    mcf = worker->mcf;

    ngx_memzero(&crowd, sizeof(ngx_stream_mra_crowd_t));

    ngx_mra_node_walk(mcf, ngx_stream_mra_crowd_node, &crowd);

    if (ngx_mra_maintenance(mcf)) {
        crowd.nodes = 0;
    }

    ngx_mra_balance_edge_update(&worker->crowd, crowd.own, crowd.total,
                                crowd.nodes, mcf->balance_threshold,
                                ngx_random(), ngx_current_msec / 1000);
}


static void
ngx_stream_mra_crowd_node(ngx_mra_node_t *node, void *data)
{
    ngx_stream_mra_crowd_t *crowd = data;

    if (node->stale || node->maintenance
        || !(node->services & (1 << NGX_MRA_SERVICE_SIP)))
    {
        return;
    }

    crowd->total += node->registrations;
    crowd->nodes++;

    if (node->self) {
        crowd->own = node->registrations;
    }
}
