
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_near_private.h"


#define NGX_MRA_NEAR_TICK   250     /* ms */
#define NGX_MRA_NEAR_GONE   1000    /* a leader not seen for so long */
#define NGX_MRA_NEAR_PING   1000
#define NGX_MRA_NEAR_PAUSE  2000    /* after a merge that failed */
#define NGX_MRA_NEAR_MISSED 1000    /* told once in */


static void ngx_mra_near_tick(ngx_event_t *ev);
static void ngx_mra_near_elect(ngx_mra_near_t *nr);
static void ngx_mra_near_tell(ngx_mra_near_t *nr, ngx_mra_redis_up_e up,
    ngx_str_t *why);
static void ngx_mra_near_change(void *data, ngx_uint_t tag,
    ngx_mra_redis_change_e what, ngx_mra_kind_e kind, u_char *key);
static void ngx_mra_near_missed(ngx_mra_near_t *nr, ngx_uint_t tag,
    ngx_mra_redis_change_e what);
static void ngx_mra_near_fetched(ngx_mra_near_req_t *req);


static char  *ngx_mra_near_decides[] = {
    "this node decides alone",
    "authorizations are refused",
    "authorizations are not limited"
};


void
ngx_mra_near_leader_open(ngx_mra_near_t *nr)
{
    nr->tick.handler = ngx_mra_near_tick;
    nr->tick.data = &nr->dumb;
    nr->tick.log = nr->log;
    nr->tick.cancelable = 1;

    ngx_mra_near_elect(nr);

    ngx_add_timer(&nr->tick, NGX_MRA_NEAR_TICK);
}


void
ngx_mra_near_leader_close(ngx_mra_near_t *nr)
{
    if (nr->tick.timer_set) {
        ngx_del_timer(&nr->tick);
    }

    if (nr->leader) {
        nr->leader = 0;
        ngx_mra_redis_unlisten(nr->far);
        (void) ngx_atomic_cmp_set(&nr->shared->leader, ngx_pid, 0);
    }
}


static void
ngx_mra_near_tick(ngx_event_t *ev)
{
    ngx_connection_t  *dumb;
    ngx_mra_near_t    *nr;

    dumb = ev->data;
    nr = dumb->data;

    ngx_mra_near_release(nr, 0);

    if (ngx_exiting) {
        ngx_mra_near_merge_close(nr);
        ngx_mra_near_leader_close(nr);
        ngx_add_timer(ev, NGX_MRA_NEAR_TICK);
        return;
    }

    ngx_mra_near_elect(nr);

    if (nr->leader
        && (ngx_msec_int_t) (nr->ping - ngx_current_msec) <= 0)
    {
        nr->ping = ngx_current_msec + NGX_MRA_NEAR_PING;
        ngx_mra_redis_ping(nr->far);
    }

    if (nr->leader) {
        ngx_mra_near_taken_tell(nr);
    }

    if (nr->leader && ngx_mra_near_has_far(nr) && !nr->merge.active
        && (ngx_msec_int_t) (nr->pause - ngx_current_msec) <= 0
        && ngx_mra_near_merge(nr))
    {
        nr->pause = ngx_current_msec + NGX_MRA_NEAR_PAUSE;
    }

    ngx_add_timer(ev, NGX_MRA_NEAR_TICK);
}


static void
ngx_mra_near_elect(ngx_mra_near_t *nr)
{
    ngx_str_t               none;
    ngx_atomic_uint_t       leader;
    ngx_mra_near_shared_t  *shared;

    shared = nr->shared;
    leader = shared->leader;

    if (leader == (ngx_atomic_uint_t) ngx_pid && nr->leader) {
        shared->seen = ngx_current_msec;
        return;
    }

    if (leader
        && (ngx_msec_int_t) (ngx_current_msec - shared->seen)
           < NGX_MRA_NEAR_GONE)
    {
        /* another one took over while this one slept */

        if (nr->leader) {
            nr->leader = 0;
            ngx_mra_near_merge_close(nr);
            ngx_mra_near_merge_open(nr);
            ngx_mra_redis_unlisten(nr->far);
        }

        return;
    }

    if (!ngx_atomic_cmp_set(&shared->leader, leader, ngx_pid)) {
        return;
    }

    shared->seen = ngx_current_msec;
    nr->leader = 1;

    /* what the one before could not end */

    ngx_mra_near_merge_end(nr, 1);

    (void) ngx_mra_redis_listen(nr->far, shared->place, ngx_mra_near_change);

    if (ngx_mra_redis_up(nr->far)) {
        ngx_str_null(&none);
        ngx_mra_near_tell(nr, NGX_MRA_REDIS_UP, &none);
    }
}


void
ngx_mra_near_state(void *data, ngx_mra_redis_up_e up, ngx_str_t *name,
    ngx_str_t *why)
{
    ngx_mra_near_t *nr = data;

    if (name != &nr->name) {
        nr->name.data = nr->name_buf;
        nr->name.len = ngx_min(name->len, sizeof(nr->name_buf));
        ngx_memcpy(nr->name_buf, name->data, nr->name.len);
    }

    if (up == NGX_MRA_REDIS_CUT) {
        return;
    }

    if (nr->leader) {
        ngx_mra_near_tell(nr, up, why);
    }

    ngx_mra_near_release(nr, 1);
}


static void
ngx_mra_near_tell(ngx_mra_near_t *nr, ngx_mra_redis_up_e up, ngx_str_t *why)
{
    ngx_atomic_uint_t       lost;
    ngx_mra_near_shared_t  *shared;

    shared = nr->shared;
    lost = shared->lost;

    if (up == NGX_MRA_REDIS_PART) {
        shared->broken = 1;

        ngx_log_error(NGX_LOG_ERR, nr->log, 0,
                      "redis %V is lost: %V, %s about its part of the "
                      "cluster", &nr->name, why,
                      ngx_mra_near_decides[nr->conf->lost]);
        return;
    }

    if (up == NGX_MRA_REDIS_WHOLE) {

        if (ngx_atomic_cmp_set(&shared->broken, 1, 0)) {
            ngx_log_error(NGX_LOG_NOTICE, nr->log, 0,
                          "redis cluster is whole again");
        }

        return;
    }

    if (up == NGX_MRA_REDIS_UP) {
        shared->lost = 0;

        if (lost) {
            ngx_log_error(NGX_LOG_NOTICE, nr->log, 0,
                          "redis %V is back after %Ms", &nr->name,
                          (ngx_current_msec - lost) / 1000);

        } else {
            ngx_log_error(NGX_LOG_INFO, nr->log, 0,
                          "redis %V is connected", &nr->name);
        }

        return;
    }

    if (lost == 0) {
        shared->lost = ngx_current_msec ? ngx_current_msec : 1;

        ngx_log_error(NGX_LOG_ERR, nr->log, 0,
                      "redis %V is lost: %V, %s", &nr->name, why,
                      ngx_mra_near_decides[nr->conf->lost]);
    }
}


static void
ngx_mra_near_change(void *data, ngx_uint_t tag, ngx_mra_redis_change_e what,
    ngx_mra_kind_e kind, u_char *key)
{
    ngx_mra_near_t      *nr = data;

    ngx_mra_op_t         op;
    ngx_mra_near_req_t  *req;

    if (what != NGX_MRA_REDIS_CHANGED) {
        ngx_mra_near_missed(nr, tag, what);
        return;
    }

    /* first: what is being read by other workers is not to be kept */

    (void) ngx_atomic_fetch_add(&nr->shared->changes, 1);

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = kind;
    ngx_memcpy(op.key, key, NGX_MRA_KEY_LEN);

    (void) ngx_mra_store_del(nr->near, &op);

    if (ngx_mra_near_is_window(kind)) {
        ngx_mra_near_alone(op.key);
        (void) ngx_mra_store_del(nr->near, &op);
    }

    if (!ngx_mra_near_is_told(kind)) {
        return;
    }

    op.value.len = NGX_MRA_VALUE_MAX;

    req = ngx_mra_near_later(nr, &op, ngx_mra_near_fetched,
                             NGX_MRA_VALUE_MAX);
    if (req == NULL) {
        return;
    }

    req->op.value.data = req->data;
    req->send = nr->far->backend->get;

    /* what listens may be back before what asks */

    req->held = !ngx_mra_near_has_far(nr)
                || nr->far->backend->get(nr->far, &req->op) != NGX_AGAIN;
}


/* the parts of a cluster say so one after the other: that is one line */

static void
ngx_mra_near_missed(ngx_mra_near_t *nr, ngx_uint_t tag,
    ngx_mra_redis_change_e what)
{
    ngx_uint_t  silent;

    if (what == NGX_MRA_REDIS_BEGUN) {
        ngx_mra_near_flush(nr, tag);
        return;
    }

    silent = nr->missed
             && ngx_current_msec - nr->missed < NGX_MRA_NEAR_MISSED;

    nr->missed = ngx_current_msec ? ngx_current_msec : 1;

    if (what == NGX_MRA_REDIS_EMPTIED || what == NGX_MRA_REDIS_OLDER) {

        /* since ever */

        ngx_mra_near_dirty(nr, tag, ngx_current_msec - NGX_MAX_INT32_VALUE);

        if (!silent && what == NGX_MRA_REDIS_OLDER) {
            ngx_log_error(NGX_LOG_NOTICE, nr->log, 0,
                          "redis %V was started again or took over, this "
                          "node tells it what it has", &nr->name);

        } else if (!silent) {
            ngx_log_error(NGX_LOG_WARN, nr->log, 0,
                          "redis %V has lost what it had, it gets what this "
                          "node has", &nr->name);
        }

        return;
    }

    ngx_mra_near_flush(nr, tag);

    if (!silent) {
        ngx_log_error(NGX_LOG_NOTICE, nr->log, 0,
                      "redis %V has dropped changes that this node has "
                      "not seen, what it remembers is asked for again",
                      &nr->name);
    }
}


static void
ngx_mra_near_fetched(ngx_mra_near_req_t *req)
{
    if (req->op.rc == NGX_ERROR) {
        req->held = 1;
        req->op.value.len = NGX_MRA_VALUE_MAX;

        return;
    }

    if (req->op.rc == NGX_OK) {
        (void) ngx_mra_store_set(req->nr->near, &req->op);
    }

    ngx_mra_near_req_free(req);
}
