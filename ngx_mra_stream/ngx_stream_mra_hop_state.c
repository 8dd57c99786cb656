
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_block.h"
#include "ngx_mra_status.h"
#include "ngx_stream_mra_hop_private.h"


static void ngx_stream_mra_state_begin(ngx_stream_mra_hop_t *hop,
    ngx_mra_probe_t *was);
static void ngx_stream_mra_state_end(ngx_stream_mra_hop_t *hop,
    ngx_mra_probe_t *was, ngx_uint_t changed);
static void ngx_stream_mra_state_heard(ngx_stream_mra_hop_t *hop,
    ngx_uint_t deaf);
static void ngx_stream_mra_state_changed(ngx_stream_mra_hop_t *hop,
    ngx_mra_probe_t *was);


/* one that shuts down leaves probing to the young, if there are any */

#define NGX_STREAM_MRA_STATE_PATIENCE  2000

#define ngx_stream_mra_state_lock(hop)                                        \
    ngx_mra_block_lock((hop)->hops->mcf)

#define ngx_stream_mra_state_unlock(hop)                                      \
    ngx_mra_block_unlock((hop)->hops->mcf)

#define ngx_stream_mra_state_me(hop)  (hop)->hops->worker


ngx_atomic_t *
ngx_stream_mra_state_ticket(ngx_stream_mra_hops_t *hops)
{
    u_char     *p;
    ngx_str_t   name;

    name.len = sizeof("ticket ") - 1 + hops->name.len;
    name.data = ngx_pnalloc(ngx_cycle->pool, name.len);
    if (name.data == NULL) {
        return NULL;
    }

    p = ngx_cpymem(name.data, "ticket ", sizeof("ticket ") - 1);
    ngx_memcpy(p, hops->name.data, hops->name.len);

    return ngx_mra_block_get(hops->mcf, &name, sizeof(ngx_atomic_t));
}


/*
 * The same server of the same upstream is one and the same for all workers,
 * before and after a reload; with other TLS settings it is another.
 */

ngx_int_t
ngx_stream_mra_state_init(ngx_stream_mra_hop_t *hop)
{
    size_t                      len;
    ngx_str_t                   tls;
    ngx_stream_mra_tls_conf_t  *tcf;

    tcf = &hop->hops->conf->tls;

    len = sizeof("tls verify ") - 1 + tcf->name.len;

    tls.len = 0;
    tls.data = ngx_alloc(len, &hop->log);
    if (tls.data == NULL) {
        return NGX_ERROR;
    }

    if (tcf->enable) {
        tls.len = ngx_sprintf(tls.data, "tls %s%V",
                              tcf->verify ? "verify " : "", &tcf->name)
                  - tls.data;
    }

    hop->shared = ngx_mra_hop_get(hop->hops->mcf, &hop->hops->name,
                                  &hop->name, &hop->server, &tls);

    ngx_free(tls.data);

    return hop->shared ? NGX_OK : NGX_ERROR;
}


void
ngx_stream_mra_state_touch(ngx_stream_mra_hop_t *hop)
{
    ngx_mra_block_touch(hop->shared);
}


ngx_mra_probe_kind_e
ngx_stream_mra_state_claim(ngx_stream_mra_hop_t *hop, ngx_msec_t *timeout)
{
    ngx_msec_t            patience;
    ngx_mra_probe_kind_e  kind;

    patience = ngx_exiting ? NGX_STREAM_MRA_STATE_PATIENCE : 0;

    /* so long as nothing is due, nobody takes the lock */

    if (hop->shared->started
        && (ngx_msec_int_t) (ngx_current_msec
                             - (hop->shared->next + patience)) < 0)
    {
        return NGX_MRA_PROBE_NONE;
    }

    ngx_stream_mra_state_lock(hop);

    kind = ngx_mra_probe_claim(hop->shared, &hop->conf, ngx_current_msec,
                               ngx_stream_mra_state_me(hop), patience,
                               timeout);

    ngx_stream_mra_state_unlock(hop);

    return kind;
}


void
ngx_stream_mra_state_answered(ngx_stream_mra_hop_t *hop,
    ngx_mra_probe_reason_e reason)
{
    ngx_uint_t       changed, rnd;
    ngx_mra_probe_t  was;

    rnd = ngx_random();

    ngx_stream_mra_state_begin(hop, &was);

    changed = ngx_mra_probe_answered(hop->shared, &hop->conf,
                                     ngx_current_msec,
                                     ngx_stream_mra_state_me(hop), reason,
                                     rnd);

    ngx_stream_mra_state_end(hop, &was, changed);

    if (was.owner == ngx_stream_mra_state_me(hop)) {
        ngx_mra_observe(hop->hops->mcf, NGX_MRA_TIME_KEEPALIVE,
                        ngx_current_msec - was.started);
    }

    ngx_stream_mra_hop_hurry(hop);
}


void
ngx_stream_mra_state_failed(ngx_stream_mra_hop_t *hop,
    ngx_mra_probe_reason_e reason)
{
    ngx_uint_t       changed, rnd;
    ngx_mra_probe_t  was;

    rnd = ngx_random();

    ngx_stream_mra_state_begin(hop, &was);

    changed = ngx_mra_probe_failed(hop->shared, &hop->conf, ngx_current_msec,
                                   ngx_stream_mra_state_me(hop), reason, rnd);

    ngx_stream_mra_state_end(hop, &was, changed);

    ngx_stream_mra_hop_hurry(hop);
}


void
ngx_stream_mra_state_missed(ngx_stream_mra_hop_t *hop, ngx_msec_t started,
    ngx_mra_probe_reason_e reason)
{
    ngx_uint_t       changed, rnd;
    ngx_mra_probe_t  was;

    rnd = ngx_random();

    ngx_stream_mra_state_begin(hop, &was);

    changed = ngx_mra_probe_missed(hop->shared, &hop->conf, ngx_current_msec,
                                   started, reason, rnd);

    ngx_stream_mra_state_end(hop, &was, changed);

    ngx_stream_mra_hop_hurry(hop);
}


void
ngx_stream_mra_state_seen(ngx_stream_mra_hop_t *hop)
{
    ngx_uint_t       changed;
    ngx_mra_probe_t  was;

    hop->owed = 0;

    /* this is called for every message */

    if (hop->shared->state == NGX_MRA_PROBE_UP) {

        if (ngx_current_msec - hop->shared->alive
            > NGX_STREAM_MRA_HOP_TICK / 2)
        {
            hop->shared->alive = ngx_current_msec;
        }

        return;
    }

    ngx_stream_mra_state_begin(hop, &was);

    changed = ngx_mra_probe_seen(hop->shared, &hop->conf, ngx_current_msec);

    ngx_stream_mra_state_end(hop, &was, changed);

    if (changed) {
        ngx_stream_mra_hop_hurry(hop);
    }
}


void
ngx_stream_mra_state_suspect(ngx_stream_mra_hop_t *hop)
{
    ngx_stream_mra_state_lock(hop);

    ngx_mra_probe_suspect(hop->shared, &hop->conf, ngx_current_msec);

    ngx_stream_mra_state_unlock(hop);

    ngx_stream_mra_hop_hurry(hop);
}


void
ngx_stream_mra_state_told(ngx_stream_mra_hop_t *hop,
    ngx_mra_probe_reason_e reason)
{
    ngx_uint_t       changed, rnd;
    ngx_mra_probe_t  was;

    rnd = ngx_random();

    ngx_stream_mra_state_begin(hop, &was);

    changed = ngx_mra_probe_told(hop->shared, &hop->conf, ngx_current_msec,
                                 reason, rnd);

    ngx_stream_mra_state_end(hop, &was, changed);

    if (changed) {
        ngx_stream_mra_hop_hurry(hop);
    }
}


static void
ngx_stream_mra_state_begin(ngx_stream_mra_hop_t *hop, ngx_mra_probe_t *was)
{
    ngx_stream_mra_state_lock(hop);

    *was = *hop->shared;
}


/* what is new is logged without the lock */

static void
ngx_stream_mra_state_end(ngx_stream_mra_hop_t *hop, ngx_mra_probe_t *was,
    ngx_uint_t changed)
{
    ngx_uint_t  deaf;

    deaf = (hop->shared->deaf != 0);

    ngx_stream_mra_state_unlock(hop);

    if (deaf != (was->deaf != 0)) {
        ngx_stream_mra_state_heard(hop, deaf);
    }

    if (changed) {
        ngx_stream_mra_state_changed(hop, was);
    }
}


static void
ngx_stream_mra_state_heard(ngx_stream_mra_hop_t *hop, ngx_uint_t deaf)
{
    if (deaf) {
        ngx_log_error(NGX_LOG_WARN, hop->hops->log, 0,
                      "next hop %V in upstream \"%V\" answers SIP, but STUN "
                      "no more: can it resolve this node's name?",
                      &hop->name, &hop->hops->name);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, hop->hops->log, 0,
                  "next hop %V in upstream \"%V\" answers STUN again",
                  &hop->name, &hop->hops->name);
}


/* whoever changed it reports it, once for the node */

static void
ngx_stream_mra_state_changed(ngx_stream_mra_hop_t *hop, ngx_mra_probe_t *was)
{
    ngx_str_t  reason;

    if (hop->shared->state == NGX_MRA_PROBE_DOWN) {
        reason = ngx_mra_probe_reason(hop->shared->reason);

        ngx_log_error(NGX_LOG_WARN, hop->hops->log, 0,
                      "next hop %V in upstream \"%V\" is down: %V",
                      &hop->name, &hop->hops->name, &reason);
        return;
    }

    if (was->state == NGX_MRA_PROBE_DOWN) {
        ngx_log_error(NGX_LOG_NOTICE, hop->hops->log, 0,
                      "next hop %V in upstream \"%V\" is up after %Ts",
                      &hop->name, &hop->hops->name,
                      (time_t) (ngx_current_msec - was->since) / 1000);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, hop->hops->log, 0,
                  "next hop %V in upstream \"%V\" is up",
                  &hop->name, &hop->hops->name);
}
