
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_block.h"
#include "ngx_mra_core.h"
#include "ngx_mra_status.h"


/* a next hop that no worker has touched for so long is none any more, ms */

#define NGX_MRA_HOP_GONE  10000

#define NGX_MRA_HOP_NAME  "hop"

/* between complaints about what a next hop tells of itself, ms */

#define NGX_MRA_HOP_QUIET  (3600 * 1000)


/* of one worker: whose number it is tells whether it still counts */

typedef struct {
    ngx_atomic_t         n;
    ngx_pid_t            pid;
} ngx_mra_hop_clients_t;


typedef struct {
    ngx_mra_probe_t        probe;       /* first */
    ngx_mra_report_t       report;
    ngx_msec_t             complained;  /* 0: never */
    ngx_atomic_t           left[NGX_MRA_HOP_LEFT];
    ngx_mra_hop_clients_t  clients[NGX_MRA_SLOTS];
} ngx_mra_hop_shared_t;


typedef struct {
    ngx_mra_conf_t      *mcf;
    ngx_mra_hop_pt       handler;
    void                *data;
} ngx_mra_hop_walk_t;


static void ngx_mra_hop_merge(ngx_mra_stun_node_t *old,
    ngx_mra_stun_node_t *node);
static void ngx_mra_hop_visit(ngx_str_t *name, void *block, void *data);
static ngx_str_t ngx_mra_hop_word(u_char **p, u_char *last);
static ngx_uint_t ngx_mra_hop_clients(ngx_mra_core_conf_t *mccf,
    ngx_mra_hop_shared_t *hop);


void
ngx_mra_memory(ngx_mra_conf_t *mcf, ngx_mra_memory_t *mem)
{
    ngx_uint_t            i;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    ngx_memzero(mem, sizeof(ngx_mra_memory_t));

    if (mccf->zone == NULL) {
        return;
    }

    mem->zone_size = mccf->zone_size;

    for (i = 0; i < NGX_MRA_SLOTS; i++) {
        if (mccf->zone->slots[i].pid) {
            mem->workers++;
        }
    }

    ngx_mra_shm_stat(mccf->shm_store, &mem->store);
}


void
ngx_mra_redis_status(ngx_mra_conf_t *mcf, ngx_mra_redis_status_t *rs)
{
    ngx_memzero(rs, sizeof(ngx_mra_redis_status_t));

#if (NGX_MRA_HIREDIS)
    {
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (mccf->redis) {
        rs->configured = 1;
        rs->servers = &mccf->redis->addrs;

        ngx_mra_near_stat(mccf->pub.store, &rs->near);
    }
    }
#endif
}


time_t
ngx_mra_wall_time(ngx_msec_t msec)
{
    return ngx_time() - (time_t) ((ngx_current_msec - msec) / 1000);
}


ngx_mra_probe_t *
ngx_mra_hop_get(ngx_mra_conf_t *mcf, ngx_str_t *upstream, ngx_str_t *address,
    ngx_str_t *server, ngx_str_t *variant)
{
    size_t                 len;
    ngx_str_t              name;
    ngx_mra_hop_shared_t  *hop;

    len = sizeof(NGX_MRA_HOP_NAME) + upstream->len + address->len
          + server->len + variant->len + 3;

    name.data = ngx_alloc(len, ngx_cycle->log);
    if (name.data == NULL) {
        return NULL;
    }

    name.len = ngx_sprintf(name.data, NGX_MRA_HOP_NAME "%Z%V%Z%V%Z%V%Z%V",
                           upstream, address, server, variant)
               - name.data;

    hop = ngx_mra_block_get(mcf, &name, sizeof(ngx_mra_hop_shared_t));

    ngx_free(name.data);

    return hop ? &hop->probe : NULL;
}


void
ngx_mra_hop_count(ngx_mra_conf_t *mcf, ngx_mra_probe_t *probe, ngx_int_t n)
{
    ngx_mra_slot_t         *slot;
    ngx_mra_core_conf_t    *mccf;
    ngx_mra_hop_shared_t   *hop;
    ngx_mra_hop_clients_t  *clients;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (mccf->worker == NULL) {
        return;
    }

    slot = mccf->worker->slot;

    hop = (ngx_mra_hop_shared_t *) probe;
    clients = &hop->clients[slot - mccf->zone->slots];

    if (clients->pid != slot->pid) {
        clients->n = 0;
        clients->pid = slot->pid;
    }

    (void) ngx_atomic_fetch_add(&clients->n, n);
}


void
ngx_mra_hop_leave(ngx_mra_conf_t *mcf, ngx_mra_probe_t *probe,
    ngx_mra_hop_left_e why)
{
    ngx_mra_hop_shared_t  *hop;

    hop = (ngx_mra_hop_shared_t *) probe;

    (void) ngx_atomic_fetch_add(&hop->left[why], 1);
    ngx_mra_count(mcf, NGX_MRA_SIP_REROUTED + why, 1);
}


ngx_uint_t
ngx_mra_hop_tell(ngx_mra_conf_t *mcf, ngx_mra_probe_t *probe,
    ngx_mra_stun_node_t *node)
{
    ngx_uint_t             complain;
    ngx_mra_hop_shared_t  *hop;

    hop = (ngx_mra_hop_shared_t *) probe;
    complain = 0;

    ngx_mra_block_lock(mcf);

    if (node) {
        ngx_mra_hop_merge(&hop->report.node, node);
        hop->report.time = ngx_current_msec;
        hop->report.serial++;

    } else if (hop->complained == 0
               || ngx_current_msec - hop->complained > NGX_MRA_HOP_QUIET)
    {
        hop->complained = ngx_current_msec;
        complain = 1;
    }

    ngx_mra_block_unlock(mcf);

    return complain;
}


static void
ngx_mra_hop_merge(ngx_mra_stun_node_t *old, ngx_mra_stun_node_t *node)
{
    if (node->told & NGX_MRA_STUN_NODE_TOLD_NAME) {
        ngx_memcpy(old->name, node->name, NGX_MRA_STUN_NODE_LEN);
        old->name_len = node->name_len;
    }

    if (node->told & NGX_MRA_STUN_NODE_TOLD_LOAD) {
        old->flags = node->flags;
        old->cpu = node->cpu;
        old->registrations = node->registrations;
        old->capacity = node->capacity;
        old->clients = node->clients;
    }

    if (node->told & NGX_MRA_STUN_NODE_TOLD_HOPS) {
        ngx_memcpy(old->hops, node->hops,
                   node->nhops * sizeof(ngx_mra_stun_hop_t));
        old->nhops = node->nhops;
    }

    old->told |= node->told;
}


void
ngx_mra_hop_told(ngx_mra_conf_t *mcf, ngx_mra_probe_t *probe,
    ngx_mra_report_t *report)
{
    ngx_mra_hop_shared_t  *hop;

    hop = (ngx_mra_hop_shared_t *) probe;

    if (hop->report.serial == report->serial) {
        return;
    }

    ngx_mra_block_lock(mcf);
    *report = hop->report;
    ngx_mra_block_unlock(mcf);
}


void
ngx_mra_hop_walk(ngx_mra_conf_t *mcf, ngx_mra_hop_pt handler, void *data)
{
    ngx_str_t           prefix;
    ngx_mra_hop_walk_t  walk;

    prefix.data = (u_char *) NGX_MRA_HOP_NAME;
    prefix.len = sizeof(NGX_MRA_HOP_NAME);    /* the NUL is a part of it */

    walk.mcf = mcf;
    walk.handler = handler;
    walk.data = data;

    ngx_mra_block_walk(mcf, &prefix, ngx_mra_hop_visit, &walk);
}


static void
ngx_mra_hop_visit(ngx_str_t *name, void *block, void *data)
{
    ngx_mra_hop_walk_t    *walk = data;
    ngx_mra_hop_shared_t  *hop = block;

    u_char                *p, *last;
    ngx_uint_t             i;
    ngx_mra_hop_status_t   status;

    if (ngx_mra_block_idle(block) > NGX_MRA_HOP_GONE) {
        return;
    }

    p = name->data + sizeof(NGX_MRA_HOP_NAME);
    last = name->data + name->len;

    status.upstream = ngx_mra_hop_word(&p, last);
    status.address = ngx_mra_hop_word(&p, last);
    status.server = ngx_mra_hop_word(&p, last);
    status.clients = ngx_mra_hop_clients((ngx_mra_core_conf_t *) walk->mcf,
                                         hop);

    ngx_mra_block_lock(walk->mcf);
    status.probe = hop->probe;
    status.report = hop->report;
    ngx_mra_block_unlock(walk->mcf);

    for (i = 0; i < NGX_MRA_HOP_LEFT; i++) {
        status.left[i] = hop->left[i];
    }

    status.state = status.probe.state;

    if (status.state == NGX_MRA_PROBE_UP
        && (status.report.node.flags & NGX_MRA_STUN_NODE_MAINTENANCE))
    {
        status.state = NGX_MRA_PROBE_DRAINING;
    }

    walk->handler(&status, walk->data);
}


static ngx_str_t
ngx_mra_hop_word(u_char **p, u_char *last)
{
    u_char     *end;
    ngx_str_t   word;

    end = ngx_strlchr(*p, last, '\0');
    if (end == NULL) {
        end = last;
    }

    word.data = *p;
    word.len = end - *p;

    *p = ngx_min(end + 1, last);

    return word;
}


static ngx_uint_t
ngx_mra_hop_clients(ngx_mra_core_conf_t *mccf, ngx_mra_hop_shared_t *hop)
{
    ngx_uint_t              i, n;
    ngx_mra_hop_clients_t  *clients;

    n = 0;

    for (i = 0; i < NGX_MRA_SLOTS; i++) {
        clients = &hop->clients[i];

        if (clients->n && clients->pid == mccf->zone->slots[i].pid) {
            n += clients->n;
        }
    }

    return n;
}
