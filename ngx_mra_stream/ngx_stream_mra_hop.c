
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_block.h"
#include "ngx_stream_mra_hop_private.h"
#include "ngx_stream_mra_report.h"


/* intervals after which what a hop told is not believed any more */

#define NGX_STREAM_MRA_HOP_BELIEVED  3


static ngx_stream_mra_hop_t *ngx_stream_mra_hop_place(
    ngx_stream_mra_hops_t *hops);
static void ngx_stream_mra_hop_cleanup(void *data);
static void ngx_stream_mra_hop_init_conf(ngx_stream_mra_hop_t *hop,
    ngx_stream_upstream_server_t *us);
static void ngx_stream_mra_hop_init_log(ngx_stream_mra_hop_t *hop);
static u_char *ngx_stream_mra_hop_log_error(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_stream_mra_hops_tick(ngx_event_t *ev);
static void ngx_stream_mra_hop_look(ngx_stream_mra_hop_t *hop);
static void ngx_stream_mra_hop_follow(ngx_stream_mra_hop_t *hop);
static void ngx_stream_mra_hop_doubt(ngx_stream_mra_hop_t *hop);
static void ngx_stream_mra_hop_tell(ngx_stream_mra_hop_t *hop);
static ngx_uint_t ngx_stream_mra_hop_is_fresh(ngx_stream_mra_hop_t *hop);
static void ngx_stream_mra_hops_routes(ngx_stream_mra_hops_t *hops,
    uint64_t tried, ngx_mra_route_t *r);


ngx_int_t
ngx_stream_mra_hops_init(ngx_cycle_t *cycle, ngx_stream_mra_hops_t *hops,
    const ngx_stream_mra_hop_handlers_t *handlers, size_t max_message_size,
    void *data)
{
    ngx_addr_t               *addr;
    ngx_uint_t                i, j;
    ngx_stream_mra_server_t  *server;

    hops->data = data;
    hops->handlers = handlers;
    hops->max_message_size = max_message_size;
    hops->mcf = ngx_mra_get_conf(cycle);
    hops->worker = ngx_mra_ipc_self(cycle);

    if (hops->worker == 0) {
        hops->worker = ngx_pid;
    }

    hops->tick.handler = ngx_stream_mra_hops_tick;
    hops->tick.data = hops;
    hops->tick.log = hops->log;
    hops->tick.cancelable = 1;

    hops->ticket = ngx_stream_mra_state_ticket(hops);
    if (hops->ticket == NULL) {
        return NGX_ERROR;
    }

    server = hops->servers.elts;

    for (i = 0; i < hops->servers.nelts; i++) {

        if (server[i].conf.down) {
            continue;
        }

        addr = server[i].conf.addrs;

        for (j = 0; j < server[i].conf.naddrs; j++) {
            if (ngx_stream_mra_hop_add(hops, &server[i], addr[j].sockaddr,
                                       addr[j].socklen)
                == NULL)
            {
                return NGX_ERROR;
            }
        }
    }

    if (ngx_stream_mra_balance_init(hops) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_post_event(&hops->tick, &ngx_posted_events);

    return ngx_stream_mra_resolve_init(hops);
}


ngx_stream_mra_hop_t *
ngx_stream_mra_hop_add(ngx_stream_mra_hops_t *hops,
    ngx_stream_mra_server_t *server, struct sockaddr *sockaddr,
    socklen_t socklen)
{
    ngx_stream_mra_hop_t  *hop;

    hop = ngx_stream_mra_hop_place(hops);
    if (hop == NULL) {
        return NULL;
    }

    hop->conf_server = NULL;
    hop->server = server->conf.name;
    hop->host = server->host;

    ngx_memcpy(&hop->sockaddr, sockaddr, socklen);
    hop->socklen = socklen;

    hop->name.data = hop->text;
    hop->name.len = ngx_sock_ntop(&hop->sockaddr.sockaddr, socklen, hop->text,
                                  NGX_SOCKADDR_STRLEN, 1);

    hop->id = ngx_crc32_long(hop->name.data, hop->name.len);
    hop->id = hop->id ? hop->id : 1;

    ngx_stream_mra_hop_init_conf(hop, &server->conf);
    ngx_stream_mra_hop_init_log(hop);

    if (ngx_stream_mra_state_init(hop) != NGX_OK) {
        return NULL;
    }

    ngx_stream_mra_balance_new(hop);

    hop->conf_server = server;
    hop->retired = 0;
    hop->owed = 0;
    ngx_memzero(&hop->report, sizeof(ngx_mra_report_t));
    hop->state = hop->shared->state;

    if (hop->state != NGX_MRA_PROBE_DOWN) {
        ngx_stream_mra_slots_open(hop);
    }

    return hop;
}


/* a new one, or the memory of one that nobody uses any more */

static ngx_stream_mra_hop_t *
ngx_stream_mra_hop_place(ngx_stream_mra_hops_t *hops)
{
    ngx_uint_t             i;
    ngx_pool_cleanup_t    *cln;
    ngx_stream_mra_hop_t  *hop;

    for (i = 0; i < hops->n; i++) {
        hop = hops->hop[i];

        if (hop->retired && hop->clients == 0
            && ngx_queue_empty(&hop->waiters)
            && ngx_stream_mra_slots_are_idle(hop)
            && ngx_stream_mra_ping_is_idle(hop))
        {
            ngx_stream_mra_tls_free_session(hop);
            return hop;
        }
    }

    if (i == NGX_STREAM_MRA_HOPS) {
        return NULL;
    }

    hop = ngx_pcalloc(ngx_cycle->pool, sizeof(ngx_stream_mra_hop_t));
    if (hop == NULL) {
        return NULL;
    }

    hop->hops = hops;
    hop->index = i;
    hop->retired = 1;

    ngx_queue_init(&hop->waiters);

    hop->ping = ngx_stream_mra_ping_create(hop);

    cln = ngx_pool_cleanup_add(ngx_cycle->pool, 0);

    if (cln == NULL || hop->ping == NULL
        || ngx_stream_mra_slots_create(hop) != NGX_OK)
    {
        return NULL;
    }

    cln->handler = ngx_stream_mra_hop_cleanup;
    cln->data = hop;

    hops->hop[i] = hop;
    hops->n++;

    return hop;
}


static void
ngx_stream_mra_hop_cleanup(void *data)
{
    ngx_stream_mra_hop_t *hop = data;

    ngx_stream_mra_tls_free_session(hop);
}


static void
ngx_stream_mra_hop_init_conf(ngx_stream_mra_hop_t *hop,
    ngx_stream_upstream_server_t *us)
{
    ngx_mra_conf_t  *mcf;

    mcf = hop->hops->mcf;

    hop->weight = ngx_min(us->weight, 65535);
    hop->backup = us->backup;

    hop->conf.interval = mcf->stun_keepalive_interval;
    hop->conf.timeout = mcf->stun_keepalive_timeout;
    hop->conf.fail_timeout = us->fail_timeout * 1000;
    hop->conf.max_fails = us->max_fails;
    hop->conf.stun = mcf->stun_keepalive;
}


static void
ngx_stream_mra_hop_init_log(ngx_stream_mra_hop_t *hop)
{
    hop->log = *hop->hops->log;

    hop->log.connection = 0;
    hop->log.handler = ngx_stream_mra_hop_log_error;
    hop->log.data = hop;
    hop->log.action = NULL;

    /* that it is down is reported once, each attempt to connect is not news */

    hop->quiet = hop->log;

    if (!(hop->log.log_level & NGX_LOG_DEBUG_ALL)) {
        hop->quiet.log_level = ngx_min(hop->log.log_level, NGX_LOG_CRIT);
        hop->quiet.next = NULL;
    }
}


static u_char *
ngx_stream_mra_hop_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                *p;
    ngx_stream_mra_hop_t  *hop;

    hop = log->data;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    return ngx_snprintf(buf, len, ", next hop: %V, upstream: \"%V\"",
                        &hop->name, &hop->hops->name);
}


void
ngx_stream_mra_hop_hurry(ngx_stream_mra_hop_t *hop)
{
    ngx_post_event(&hop->hops->tick, &ngx_posted_events);
}


static void
ngx_stream_mra_hops_tick(ngx_event_t *ev)
{
    ngx_uint_t              i;
    ngx_stream_mra_hops_t  *hops;

    hops = ev->data;

    ngx_mra_block_touch((void *) hops->ticket);

    for (i = 0; i < hops->n; i++) {
        ngx_stream_mra_hop_look(hops->hop[i]);
    }

    ngx_stream_mra_report_watch(hops);
    ngx_stream_mra_balance_tick(hops);

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_STREAM_MRA_HOP_TICK);
    }
}


static void
ngx_stream_mra_hop_look(ngx_stream_mra_hop_t *hop)
{
    if (hop->retired && hop->clients == 0) {
        ngx_stream_mra_ping_cancel(hop);
        ngx_stream_mra_slots_close(hop);
        return;
    }

    ngx_stream_mra_state_touch(hop);

    ngx_stream_mra_hop_follow(hop);
    ngx_stream_mra_hop_doubt(hop);
    ngx_stream_mra_hop_tell(hop);
    ngx_stream_mra_slots_greet(hop);
    ngx_stream_mra_ping_due(hop);
}


/* what another worker has found out */

static void
ngx_stream_mra_hop_follow(ngx_stream_mra_hop_t *hop)
{
    ngx_uint_t  state;

    state = hop->shared->state;

    if (state == hop->state) {
        return;
    }

    hop->ups += (hop->state == NGX_MRA_PROBE_DOWN);
    hop->state = state;
    hop->owed = 0;

    if (state != NGX_MRA_PROBE_DOWN) {
        ngx_stream_mra_slots_open(hop);
        return;
    }

    /* calls that exist may still find their way through one without path */

    if (hop->shared->reason != NGX_MRA_PROBE_PATH) {
        ngx_stream_mra_slots_close(hop);
    }

    hop->hops->handlers->down(hop);
}


/* something was sent, and nothing came for a while from anywhere */

static void
ngx_stream_mra_hop_doubt(ngx_stream_mra_hop_t *hop)
{
    if (hop->owed == 0
        || ngx_current_msec - hop->owed
           < ngx_mra_probe_silence(hop->conf.timeout))
    {
        return;
    }

    if ((ngx_msec_int_t) (hop->shared->alive - hop->owed) <= 0) {
        ngx_stream_mra_state_suspect(hop);
    }

    hop->owed = 0;
}


static void
ngx_stream_mra_hop_tell(ngx_stream_mra_hop_t *hop)
{
    ngx_uint_t              fresh;
    ngx_queue_t            *q, *next;
    ngx_stream_mra_wait_t  *w;

    if (ngx_queue_empty(&hop->waiters)) {
        return;
    }

    fresh = ngx_stream_mra_hop_is_fresh(hop);

    for (q = ngx_queue_head(&hop->waiters);
         q != ngx_queue_sentinel(&hop->waiters);
         q = next)
    {
        next = ngx_queue_next(q);
        w = ngx_queue_data(q, ngx_stream_mra_wait_t, queue);

        if (fresh
            || hop->state == NGX_MRA_PROBE_DOWN
            || (ngx_msec_int_t) (ngx_current_msec - w->deadline) >= 0)
        {
            ngx_stream_mra_hop_cancel(w);
            w->handler(w, fresh);
        }
    }
}


ngx_stream_mra_hop_t *
ngx_stream_mra_hop_choose(ngx_stream_mra_hops_t *hops, uint64_t tried)
{
    ngx_int_t         n;
    ngx_uint_t        i;
    ngx_mra_route_t   routes[NGX_STREAM_MRA_HOPS];

    ngx_stream_mra_hops_routes(hops, tried, routes);

    for (i = 0; i < hops->n; i++) {
        tried |= routes[i].up ? 0 : (uint64_t) 1 << i;
    }

    n = ngx_stream_mra_balance_choose(hops, routes, tried,
                                      ngx_atomic_fetch_add(hops->ticket, 1));

    return (n == NGX_DECLINED) ? NULL : hops->hop[n];
}


ngx_stream_mra_hop_t *
ngx_stream_mra_hop_keep(ngx_stream_mra_hops_t *hops, uint64_t key)
{
    uint32_t          ids[NGX_STREAM_MRA_HOPS];
    ngx_int_t         n;
    ngx_uint_t        i;
    ngx_mra_route_t   routes[NGX_STREAM_MRA_HOPS];

    ngx_stream_mra_hops_routes(hops, 0, routes);

    for (i = 0; i < hops->n; i++) {
        ids[i] = hops->hop[i]->id;
    }

    n = ngx_mra_route_keep(routes, hops->n, ids, key);

    return (n == NGX_DECLINED) ? NULL : hops->hop[n];
}


static void
ngx_stream_mra_hops_routes(ngx_stream_mra_hops_t *hops, uint64_t tried,
    ngx_mra_route_t *r)
{
    ngx_uint_t             i, active;
    ngx_stream_mra_hop_t  *hop;

    active = 0;

    for (i = 0; i < hops->n; i++) {
        hop = hops->hop[i];

        r[i].up = !hop->retired && ngx_stream_mra_hop_is_up(hop);
        r[i].backup = hop->backup;
        r[i].weight = hop->weight;

        active |= r[i].up && !(tried & ((uint64_t) 1 << i))
                  && !ngx_stream_mra_hop_is_draining(hop);
    }

    /* one in maintenance refuses, which is better than nothing */

    for (i = 0; active && i < hops->n; i++) {
        r[i].up = r[i].up && !ngx_stream_mra_hop_is_draining(hops->hop[i]);
    }
}


uint32_t
ngx_stream_mra_hop_id(ngx_stream_mra_hop_t *hop)
{
    return hop->id;
}


ngx_stream_mra_hop_t *
ngx_stream_mra_hop_by_id(ngx_stream_mra_hops_t *hops, uint32_t id)
{
    ngx_uint_t  i;

    for (i = 0; i < hops->n; i++) {
        if (hops->hop[i]->id == id && !hops->hop[i]->retired) {
            return hops->hop[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_stream_mra_hop_is_up(ngx_stream_mra_hop_t *hop)
{
    if (hop->retired && hop->clients == 0) {
        return 0;
    }

    return hop->shared->state != NGX_MRA_PROBE_DOWN;
}


ngx_mra_report_t *
ngx_stream_mra_hop_report(ngx_stream_mra_hop_t *hop)
{
    ngx_mra_report_t  *report;

    report = &hop->report;

    ngx_mra_hop_told(hop->hops->mcf, hop->shared, report);

    if (report->serial == 0
        || (ngx_msec_int_t) (ngx_current_msec - report->time)
           > (ngx_msec_int_t) (NGX_STREAM_MRA_HOP_BELIEVED
                               * hop->conf.interval))
    {
        return NULL;
    }

    return report;
}


ngx_uint_t
ngx_stream_mra_hop_is_draining(ngx_stream_mra_hop_t *hop)
{
    ngx_mra_report_t  *report;

    report = ngx_stream_mra_hop_report(hop);

    return report && (report->node.flags & NGX_MRA_STUN_NODE_MAINTENANCE);
}


void
ngx_stream_mra_hop_leave(ngx_stream_mra_hop_t *hop)
{
    ngx_mra_hop_left_e  why;

    if (hop->retired || !ngx_stream_mra_hop_is_up(hop)) {
        why = NGX_MRA_HOP_LEFT_DOWN;

    } else {
        why = ngx_stream_mra_hop_is_draining(hop) ? NGX_MRA_HOP_LEFT_DRAINING
                                                  : NGX_MRA_HOP_LEFT_BALANCE;
    }

    ngx_mra_hop_leave(hop->hops->mcf, hop->shared, why);
}


ngx_mra_probe_state_e
ngx_stream_mra_hop_behind(ngx_stream_mra_hop_t *hop, uint32_t id)
{
    ngx_uint_t            i;
    ngx_mra_report_t     *report;
    ngx_mra_stun_node_t  *node;

    report = ngx_stream_mra_hop_report(hop);

    if (report == NULL) {
        return NGX_MRA_PROBE_UNKNOWN;
    }

    node = &report->node;

    for (i = 0; i < node->nhops; i++) {
        if (node->hops[i].id == id) {
            return (ngx_mra_probe_state_e) node->hops[i].state;
        }
    }

    return NGX_MRA_PROBE_UNKNOWN;
}


ngx_uint_t
ngx_stream_mra_hop_has_other(ngx_stream_mra_hop_t *hop)
{
    ngx_uint_t              i;
    ngx_stream_mra_hop_t   *other;
    ngx_stream_mra_hops_t  *hops;

    hops = hop->hops;

    for (i = 0; i < hops->n; i++) {
        other = hops->hop[i];

        if (other != hop && !other->retired
            && ngx_stream_mra_hop_is_up(other)
            && !ngx_stream_mra_hop_is_draining(other))
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_stream_mra_hop_ask(ngx_stream_mra_hop_t *hop)
{
    if (ngx_stream_mra_hop_is_up(hop) && !ngx_stream_mra_hop_is_fresh(hop)) {
        ngx_stream_mra_state_suspect(hop);
    }
}


ngx_int_t
ngx_stream_mra_hop_check(ngx_stream_mra_hop_t *hop, ngx_stream_mra_wait_t *w)
{
    if (!ngx_stream_mra_hop_is_up(hop)) {
        return NGX_DECLINED;
    }

    if (ngx_stream_mra_hop_is_fresh(hop)) {
        return NGX_OK;
    }

    w->waiting = 1;
    w->deadline = ngx_current_msec + ngx_mra_probe_patience(hop->conf.timeout);

    ngx_queue_insert_tail(&hop->waiters, &w->queue);

    ngx_stream_mra_state_suspect(hop);

    return NGX_AGAIN;
}


void
ngx_stream_mra_hop_cancel(ngx_stream_mra_wait_t *w)
{
    if (w->waiting) {
        w->waiting = 0;
        ngx_queue_remove(&w->queue);
    }
}


static ngx_uint_t
ngx_stream_mra_hop_is_fresh(ngx_stream_mra_hop_t *hop)
{
    return ngx_mra_probe_is_fresh(hop->shared, &hop->conf, ngx_current_msec);
}


ngx_stream_mra_link_t *
ngx_stream_mra_hop_link(ngx_stream_mra_hop_t *hop, ngx_uint_t affinity)
{
    return ngx_stream_mra_slot_link(ngx_stream_mra_slot_choose(hop, affinity));
}


ngx_int_t
ngx_stream_mra_hop_send(ngx_stream_mra_hop_t *hop, ngx_uint_t affinity,
    struct iovec *iov, ngx_uint_t niov)
{
    if (!ngx_stream_mra_hop_is_up(hop)) {
        return NGX_DECLINED;
    }

    if (hop->owed == 0) {
        hop->owed = ngx_current_msec;
    }

    return ngx_stream_mra_slot_send(ngx_stream_mra_slot_choose(hop, affinity),
                                    iov, niov);
}


void
ngx_stream_mra_hop_timed_out(ngx_stream_mra_hop_t *hop, ngx_msec_t sent)
{
    ngx_stream_mra_state_missed(hop, sent, NGX_MRA_PROBE_RESPONSE_TIMEOUT);
}


void
ngx_stream_mra_hop_answered(ngx_stream_mra_hop_t *hop)
{
    ngx_stream_mra_state_seen(hop);
}
