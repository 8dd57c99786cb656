
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_node.h"
#include "ngx_stream_mra_hop_private.h"
#include "ngx_stream_mra_report.h"


/* between two changes that are told at once, ms */

#define NGX_STREAM_MRA_REPORT_PAUSE  300


static ngx_uint_t ngx_stream_mra_report_state(ngx_stream_mra_hop_t *hop);
static uint32_t ngx_stream_mra_report_print(ngx_stream_mra_hops_t *hops);


void
ngx_stream_mra_report_self(ngx_mra_stun_node_t *node,
    ngx_stream_mra_hops_t *hops)
{
    ngx_uint_t             i, up;
    ngx_mra_node_t         self;
    ngx_stream_mra_hop_t  *hop;

    ngx_memzero(node, sizeof(ngx_mra_stun_node_t));

    ngx_mra_node_self(hops->mcf, &self);

    node->told = NGX_MRA_STUN_NODE_TOLD_NAME
                 | NGX_MRA_STUN_NODE_TOLD_LOAD
                 | NGX_MRA_STUN_NODE_TOLD_HOPS
                 | NGX_MRA_STUN_NODE_TOLD_TAG;

    node->name_len = ngx_min(self.name.len, NGX_MRA_STUN_NODE_LEN);
    ngx_memcpy(node->name, self.name.data, node->name_len);

    ngx_memcpy(node->tag, ngx_stream_mra_get_worker()->tag,
               NGX_MRA_STUN_NODE_TAG);

    node->cpu = self.cpu;
    node->registrations = self.registrations;
    node->capacity = self.capacity;
    node->clients = self.connections;

    up = 0;

    for (i = 0; i < hops->n; i++) {
        hop = hops->hop[i];

        if (hop->retired) {
            continue;
        }

        up |= ngx_stream_mra_hop_is_up(hop);

        node->hops[node->nhops].id = ngx_stream_mra_hop_id(hop);
        node->hops[node->nhops].state = ngx_stream_mra_report_state(hop);
        node->nhops++;
    }

    if (self.maintenance) {
        node->flags |= NGX_MRA_STUN_NODE_MAINTENANCE;
    }

    if (!up) {
        node->flags |= NGX_MRA_STUN_NODE_NO_PATH;
    }
}


static ngx_uint_t
ngx_stream_mra_report_state(ngx_stream_mra_hop_t *hop)
{
    if (hop->shared->state == NGX_MRA_PROBE_UP
        && ngx_stream_mra_hop_is_draining(hop))
    {
        return NGX_MRA_PROBE_DRAINING;
    }

    return hop->shared->state;
}


ngx_uint_t
ngx_stream_mra_report_has_up(ngx_mra_stun_node_t *node)
{
    ngx_uint_t  i;

    for (i = 0; i < node->nhops; i++) {
        if (node->hops[i].state == NGX_MRA_STUN_HOP_UP) {
            return 1;
        }
    }

    return 0;
}


void
ngx_stream_mra_report_take(ngx_stream_mra_hop_t *hop, ngx_mra_stun_t *m)
{
    ngx_int_t            rc;
    ngx_mra_stun_node_t  node;

    rc = ngx_mra_stun_decode_node(m, &node);

    if (rc == NGX_ERROR
        && ngx_mra_hop_tell(hop->hops->mcf, hop->shared, NULL))
    {
        ngx_log_error(NGX_LOG_WARN, &hop->log, 0,
                      "next hop tells of itself what cannot be");
    }

    if (node.told) {
        (void) ngx_mra_hop_tell(hop->hops->mcf, hop->shared, &node);
    }

    if (node.told & NGX_MRA_STUN_NODE_TOLD_LOAD) {
        ngx_stream_mra_state_told(hop,
                                  (node.flags & NGX_MRA_STUN_NODE_NO_PATH)
                                  ? NGX_MRA_PROBE_PATH : NGX_MRA_PROBE_GOOD);
    }
}


void
ngx_stream_mra_report_watch(ngx_stream_mra_hops_t *hops)
{
    uint32_t  print;

    if (hops->handlers->changed == NULL
        || ngx_current_msec - hops->reported < NGX_STREAM_MRA_REPORT_PAUSE)
    {
        return;
    }

    print = ngx_stream_mra_report_print(hops);

    if (print != hops->print) {
        hops->print = print;
        hops->reported = ngx_current_msec;

        hops->handlers->changed(hops);
    }
}


/* of what has to be known at once */

static uint32_t
ngx_stream_mra_report_print(ngx_stream_mra_hops_t *hops)
{
    u_char                 flag, state;
    uint32_t               print;
    ngx_uint_t             i;
    ngx_stream_mra_hop_t  *hop;

    flag = (ngx_mra_maintenance(hops->mcf) != 0);

    ngx_crc32_init(print);
    ngx_crc32_update(&print, &flag, 1);

    for (i = 0; i < hops->n; i++) {
        hop = hops->hop[i];

        if (hop->retired) {
            continue;
        }

        state = (u_char) ngx_stream_mra_report_state(hop);

        ngx_crc32_update(&print, hop->name.data, hop->name.len);
        ngx_crc32_update(&print, &state, 1);
    }

    ngx_crc32_final(print);

    return print;
}


void
ngx_stream_mra_report_id(u_char *id)
{
    ngx_uint_t  i;
    uint32_t    n;

    for (i = 0; i < NGX_MRA_STUN_ID_LEN; i += sizeof(n)) {
        n = (uint32_t) ngx_random();
        ngx_memcpy(id + i, &n, sizeof(n));
    }
}
