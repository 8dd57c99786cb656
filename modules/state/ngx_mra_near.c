
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_near_private.h"
#include "ngx_mra_window.h"


/* refused by "deny": when to try again, ms */

#define NGX_MRA_NEAR_DENIED  5000

/* room for what is heard of other nodes, bytes */

#define NGX_MRA_NEAR_NODES   32768

/* so long without a refusal, ms */

#define NGX_MRA_NEAR_TAKEN   1000


static ngx_int_t ngx_mra_near_get(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_near_set(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_near_del(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_near_hit(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_near_scan(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_near_count(ngx_mra_store_t *st, ngx_mra_op_t *op);
static void ngx_mra_near_cancel(ngx_mra_store_t *st, ngx_mra_op_t *op);

static ngx_int_t ngx_mra_near_ready(ngx_mra_near_t *nr, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_near_look(ngx_mra_near_t *nr, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_near_cut(ngx_mra_near_req_t *req, ngx_mra_op_t *op);
static void ngx_mra_near_keep(ngx_mra_near_req_t *req, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_near_empty(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    ngx_mra_op_t *caller);
static void ngx_mra_near_emptied(ngx_mra_near_req_t *req);
static ngx_int_t ngx_mra_near_forget(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    ngx_mra_op_t *caller);
static void ngx_mra_near_got(ngx_mra_near_req_t *req);
static void ngx_mra_near_beat(ngx_mra_near_t *nr, ngx_mra_op_t *op);
static void ngx_mra_near_heard(ngx_mra_near_req_t *req);
static void ngx_mra_near_written(ngx_mra_near_req_t *req);
static void ngx_mra_near_deleted(ngx_mra_near_req_t *req);
static void ngx_mra_near_hit_done(ngx_mra_near_req_t *req);
static ngx_int_t ngx_mra_near_hit_both(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    ngx_uint_t used);
static ngx_int_t ngx_mra_near_hit_lost(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    uint32_t id);
static ngx_int_t ngx_mra_near_hit_alone(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    uint32_t id);
static ngx_int_t ngx_mra_near_alone_both(ngx_mra_near_t *nr,
    ngx_mra_op_t *op, ngx_mra_op_t *counted);
static ngx_int_t ngx_mra_near_ask(ngx_mra_near_req_t *req,
    ngx_mra_op_t *caller, ngx_mra_near_send_pt send);
static void ngx_mra_near_answer(ngx_mra_near_req_t *req, ngx_int_t rc);
static void ngx_mra_near_handler(ngx_mra_op_t *op);


static const ngx_mra_backend_t  ngx_mra_near_backend = {
    ngx_mra_near_get,
    ngx_mra_near_set,
    ngx_mra_near_del,
    ngx_mra_near_hit,
    ngx_mra_near_scan,
    ngx_mra_near_count,
    ngx_mra_near_cancel
};


ngx_mra_store_t *
ngx_mra_near_create(ngx_pool_t *pool, ngx_mra_near_conf_t *conf,
    ngx_mra_store_t *near, ngx_mra_store_t *far)
{
    ngx_mra_near_t   *nr;
    ngx_mra_store_t  *st;

    st = ngx_palloc(pool, sizeof(ngx_mra_store_t));
    nr = ngx_pcalloc(pool, sizeof(ngx_mra_near_t));

    if (st == NULL || nr == NULL) {
        return NULL;
    }

    nr->conf = conf;
    nr->near = near;
    nr->far = far;

    ngx_queue_init(&nr->waiting);

    st->backend = &ngx_mra_near_backend;
    st->data = nr;

    return st;
}


ngx_int_t
ngx_mra_near_init(ngx_mra_store_t *st, ngx_slab_pool_t *shpool, void **shared)
{
    ngx_mra_near_t  *nr;

    nr = st->data;

    if (*shared == NULL) {
        *shared = ngx_slab_calloc(shpool, sizeof(ngx_mra_near_shared_t));
        if (*shared == NULL) {
            return NGX_ERROR;
        }
    }

    nr->shared = *shared;

    return NGX_OK;
}


ngx_int_t
ngx_mra_near_open(ngx_mra_store_t *st, ngx_log_t *log)
{
    ngx_mra_near_t  *nr;

    nr = st->data;

    nr->log = log;
    nr->dumb.fd = (ngx_socket_t) -1;
    nr->dumb.data = nr;

    /* no other worker, before or elsewhere, counts from here */

    nr->id = ngx_crc32_short(nr->conf->id.data, nr->conf->id.len)
             ^ (uint32_t) ngx_pid << 16 ^ (uint32_t) ngx_random();

    if (ngx_mra_redis_open(nr->far, &nr->conf->id, ngx_mra_near_state, nr,
                           log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    nr->open = 1;

    ngx_mra_near_merge_open(nr);
    ngx_mra_near_leader_open(nr);

    return NGX_OK;
}


void
ngx_mra_near_close(ngx_mra_store_t *st)
{
    ngx_queue_t         *q;
    ngx_mra_near_t      *nr;
    ngx_mra_near_req_t  *req;

    nr = st->data;

    if (!nr->open) {
        return;
    }

    ngx_mra_near_leader_close(nr);
    ngx_mra_near_merge_close(nr);

    nr->open = 0;

    ngx_mra_redis_close(nr->far);

    while (!ngx_queue_empty(&nr->waiting)) {
        q = ngx_queue_head(&nr->waiting);
        req = ngx_queue_data(q, ngx_mra_near_req_t, queue);

        if (req->caller) {
            req->op.rc = NGX_ERROR;
            req->handler(req);

        } else {
            ngx_mra_near_req_free(req);
        }
    }
}


void
ngx_mra_near_stat(ngx_mra_store_t *st, ngx_mra_near_stat_t *stat)
{
    ngx_uint_t       i;
    ngx_msec_t       dirty;
    ngx_mra_near_t  *nr;

    nr = st->data;

    stat->policy = nr->conf->lost;
    stat->lost = nr->shared->lost;
    stat->dirty = 0;

    for (i = 0; i < ngx_mra_redis_tags(nr->far); i++) {
        dirty = nr->shared->merging[i];
        dirty = dirty ? dirty : nr->shared->dirty[i];

        if (dirty && (stat->dirty == 0
                      || (ngx_msec_int_t) (dirty - stat->dirty) < 0))
        {
            stat->dirty = dirty;
        }
    }

    stat->refused = nr->shared->refused;
}


static ngx_int_t
ngx_mra_near_get(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_int_t            rc;
    ngx_mra_near_t      *nr;
    ngx_mra_near_req_t  *req;

    nr = st->data;

    rc = ngx_mra_near_look(nr, op);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    req = ngx_mra_near_req(nr, op, ngx_mra_near_got, 0);
    rc = ngx_mra_near_ask(req, op, nr->far->backend->get);

    return (rc == NGX_ERROR) ? NGX_DECLINED : rc;
}


/* NGX_AGAIN: it is being connected, or this worker does so now */

static ngx_int_t
ngx_mra_near_ready(ngx_mra_near_t *nr, ngx_mra_op_t *op)
{
    ngx_int_t  rc;

    if (!ngx_mra_near_may_ask(nr)) {
        return NGX_ERROR;
    }

    rc = ngx_mra_redis_ready(nr->far, ngx_mra_near_tag(nr, op));

    /* alone it is told by the leader */

    return (rc == NGX_ERROR && ngx_mra_redis_tags(nr->far) == 1) ? NGX_AGAIN
                                                                 : rc;
}


/* NGX_AGAIN: the far store is to be asked */

static ngx_int_t
ngx_mra_near_look(ngx_mra_near_t *nr, ngx_mra_op_t *op)
{
    size_t     size;
    ngx_int_t  rc;

    size = op->value.len;

    if (ngx_mra_near_is_window(op->kind)) {
        ngx_mra_near_counted(op->key);
    }

    rc = ngx_mra_store_get(nr->near, op);

    if (rc == NGX_DECLINED && ngx_mra_near_is_window(op->kind)) {
        ngx_mra_near_alone(op->key);
        rc = ngx_mra_store_get(nr->near, op);
    }

    if (!ngx_mra_near_is_value(op->kind)) {
        return rc;
    }

    /* an empty value: deleted here, which the others are still to hear */

    if (rc == NGX_OK && op->value.len == 0) {
        op->value.len = size;
        return NGX_DECLINED;
    }

    /* bans come by themselves: most addresses have none */

    if (rc != NGX_DECLINED || ngx_mra_near_is_told(op->kind)
        || !ngx_mra_near_may_ask(nr))
    {
        return rc;
    }

    return NGX_AGAIN;
}


static void
ngx_mra_near_got(ngx_mra_near_req_t *req)
{
    ngx_mra_op_t  *op;

    op = req->caller;

    /* what is full may be read still */

    if (req->op.rc == NGX_ERROR) {
        ngx_mra_near_taken(req->nr, NGX_ERROR);

    } else if (req->op.rc == NGX_OK) {
        op->value = req->op.value;
        op->ttl = req->op.ttl;

        req->op.rc = ngx_mra_near_cut(req, op);
    }

    ngx_mra_near_answer(req, req->op.rc == NGX_OK ? NGX_OK : NGX_DECLINED);
}


void
ngx_mra_near_release(ngx_mra_near_t *nr, ngx_uint_t told)
{
    ngx_queue_t         *q, all;
    ngx_mra_near_req_t  *req;

    if (ngx_queue_empty(&nr->waiting)) {
        return;
    }

    /* whoever is answered may cancel another one */

    ngx_queue_init(&all);
    ngx_queue_add(&all, &nr->waiting);
    ngx_queue_init(&nr->waiting);

    while (!ngx_queue_empty(&all)) {
        q = ngx_queue_head(&all);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&nr->waiting, q);

        req = ngx_queue_data(q, ngx_mra_near_req_t, queue);

        if (!req->held || req->op.pending
            || (!(told && ngx_mra_redis_tags(nr->far) == 1)
                && ngx_mra_near_ready(nr, &req->op) == NGX_AGAIN))
        {
            continue;
        }

        req->changes = nr->shared->changes;

        if (req->send(nr->far, &req->op) != NGX_AGAIN) {
            req->op.rc = NGX_ERROR;
            req->handler(req);
        }
    }
}


/* NGX_DECLINED: by this node's setting its life is over */

static ngx_int_t
ngx_mra_near_cut(ngx_mra_near_req_t *req, ngx_mra_op_t *op)
{
    if (!ngx_mra_near_is_told(op->kind)) {
        op->ttl = ngx_mra_life_left(req->nr->conf->life, op->ttl,
                                    ngx_current_msec);
        if (op->ttl == 0) {
            return NGX_DECLINED;
        }
    }

    ngx_mra_near_keep(req, op);

    return NGX_OK;
}


/*
 * Copies what came from the far store, unless something has changed since
 * it was asked: what was read may be what was changed.
 */

static void
ngx_mra_near_keep(ngx_mra_near_req_t *req, ngx_mra_op_t *op)
{
    ngx_mra_op_t            copy;
    ngx_mra_near_t         *nr;
    ngx_mra_near_shared_t  *shared;

    nr = req->nr;
    shared = nr->shared;

    if (shared->changes != req->changes) {
        return;
    }

    copy = *op;

    (void) ngx_mra_store_set(nr->near, &copy);

    ngx_memory_barrier();

    if (shared->changes != req->changes) {
        (void) ngx_mra_store_del(nr->near, &copy);
    }
}


static ngx_int_t
ngx_mra_near_set(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_int_t            rc;
    ngx_mra_near_t      *nr;
    ngx_mra_near_req_t  *req;

    nr = st->data;

    if (op->ttl == 0 && ngx_mra_near_is_value(op->kind)) {
        (void) ngx_mra_near_forget(nr, op, NULL);
        return NGX_OK;
    }

    if (op->ttl == 0 && ngx_mra_near_is_window(op->kind)) {
        (void) ngx_mra_near_empty(nr, op, NULL);
        return NGX_OK;
    }

    rc = ngx_mra_store_set(nr->near, op);

    if (rc == NGX_OK && op->kind == NGX_MRA_NODE) {
        ngx_mra_near_beat(nr, op);
        return NGX_OK;
    }

    if (rc != NGX_OK || !ngx_mra_near_is_value(op->kind)) {
        return rc;
    }

    /* nobody waits: it is merged if it does not arrive */

    req = ngx_mra_near_req(nr, op, ngx_mra_near_written, op->value.len);

    if (req) {
        ngx_memcpy(req->data, op->value.data, op->value.len);
        req->op.value.data = req->data;
    }

    if (ngx_mra_near_ask(req, NULL, nr->far->backend->set) != NGX_AGAIN) {
        ngx_mra_near_dirty(nr, ngx_mra_near_tag(nr, op), ngx_current_msec);
    }

    return NGX_OK;
}


/* all nodes are in one place: whoever tells of itself hears of the others */

static void
ngx_mra_near_beat(ngx_mra_near_t *nr, ngx_mra_op_t *op)
{
    ngx_mra_near_req_t  *req;

    req = ngx_mra_near_req(nr, op, ngx_mra_near_heard,
                           NGX_MRA_NEAR_NODES + NGX_MRA_KEY_LEN);
    if (req == NULL) {
        return;
    }

    ngx_memcpy(req->data, op->value.data, op->value.len);
    req->op.value.data = req->data;
    req->op.limit = NGX_MRA_NEAR_NODES;

    req->op.name.data = req->data + NGX_MRA_NEAR_NODES;
    req->op.name.len = NGX_MRA_KEY_LEN;

    ngx_memcpy(req->op.name.data, op->key, NGX_MRA_KEY_LEN);
    ngx_memzero(req->op.key, NGX_MRA_KEY_LEN);

    (void) ngx_mra_near_push(req, nr->far->backend->set);
}


static void
ngx_mra_near_heard(ngx_mra_near_req_t *req)
{
    u_char            *p, *last;
    ngx_mra_op_t       op;
    ngx_mra_near_t    *nr;
    ngx_mra_record_t  *rec;

    nr = req->nr;

    if (req->op.rc != NGX_OK) {

        if (ngx_mra_redis_refusal(nr->far)->len
            && ngx_atomic_cmp_set(&nr->shared->unheard, 0, 1))
        {
            ngx_log_error(NGX_LOG_ERR, nr->log, 0,
                          "redis %V refuses: \"%V\"", &nr->name,
                          ngx_mra_redis_refusal(nr->far));
        }

        ngx_mra_near_req_free(req);
        return;
    }

    nr->shared->unheard = 0;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));
    op.kind = NGX_MRA_NODE;

    p = req->op.value.data;
    last = p + req->op.value.len;

    for ( /* void */ ; p < last; p += rec->len) {
        rec = (ngx_mra_record_t *) p;

        ngx_memcpy(op.key, rec->key, NGX_MRA_KEY_LEN);
        op.value.data = rec->data;
        op.value.len = rec->size;
        op.ttl = rec->ttl;

        (void) ngx_mra_store_set(nr->near, &op);
    }

    ngx_mra_near_req_free(req);
}


static void
ngx_mra_near_written(ngx_mra_near_req_t *req)
{
    ngx_mra_near_taken(req->nr, req->op.rc);

    if (req->op.rc != NGX_OK) {
        ngx_mra_near_dirty(req->nr, ngx_mra_near_tag(req->nr, &req->op),
                           req->begun);
    }

    ngx_mra_near_req_free(req);
}


static ngx_int_t
ngx_mra_near_del(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_mra_near_t  *nr;

    nr = st->data;

    if (ngx_mra_near_is_value(op->kind)) {
        return ngx_mra_near_forget(nr, op, op);
    }

    if (ngx_mra_near_is_window(op->kind)) {
        return ngx_mra_near_empty(nr, op, op);
    }

    return ngx_mra_store_del(nr->near, op);
}


/* a window; caller NULL: nobody waits */

static ngx_int_t
ngx_mra_near_empty(ngx_mra_near_t *nr, ngx_mra_op_t *op, ngx_mra_op_t *caller)
{
    ngx_int_t            rc;
    ngx_mra_near_req_t  *req;

    ngx_mra_near_alone(op->key);
    rc = ngx_mra_store_del(nr->near, op);

    ngx_mra_near_counted(op->key);

    if (ngx_mra_store_del(nr->near, op) == NGX_OK) {
        rc = NGX_OK;
    }

    /* what does not arrive ends with its period */

    req = ngx_mra_near_req(nr, op, ngx_mra_near_emptied, 0);

    if (req) {
        req->found = (rc == NGX_OK);
    }

    return (ngx_mra_near_ask(req, caller, nr->far->backend->del) == NGX_AGAIN)
               ? NGX_AGAIN : rc;
}


static void
ngx_mra_near_emptied(ngx_mra_near_req_t *req)
{
    ngx_int_t  rc;

    rc = req->op.rc;

    ngx_mra_near_taken(req->nr, rc);
    ngx_mra_near_answer(req, (rc == NGX_OK || req->found) ? NGX_OK
                                                          : NGX_DECLINED);
}


/* caller NULL: nobody waits */

static ngx_int_t
ngx_mra_near_forget(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    ngx_mra_op_t *caller)
{
    ngx_int_t            rc;
    ngx_mra_op_t         tomb;
    ngx_mra_near_req_t  *req;

    tomb = *op;
    ngx_str_set(&tomb.value, "");
    ngx_str_null(&tomb.name);

    /* what does not fit into nothing is there */

    rc = (ngx_mra_store_get(nr->near, &tomb) == NGX_ERROR) ? NGX_OK
                                                           : NGX_DECLINED;

    /* until the far store has forgotten it, it is not fetched again */

    tomb.ttl = nr->conf->life->life;

    (void) ngx_mra_store_set(nr->near, &tomb);

    req = ngx_mra_near_req(nr, op, ngx_mra_near_deleted, 0);

    if (req) {
        req->found = (rc == NGX_OK);
    }

    if (ngx_mra_near_ask(req, caller, nr->far->backend->del) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    ngx_mra_near_dirty(nr, ngx_mra_near_tag(nr, op), ngx_current_msec);

    return rc;
}


static void
ngx_mra_near_deleted(ngx_mra_near_req_t *req)
{
    ngx_int_t  rc;

    rc = req->op.rc;

    ngx_mra_near_taken(req->nr, rc);

    if (rc == NGX_ERROR) {
        ngx_mra_near_dirty(req->nr, ngx_mra_near_tag(req->nr, &req->op),
                           req->begun);

    } else {
        (void) ngx_mra_store_del(req->nr->near, &req->op);
    }

    /* it was there if either had it */

    ngx_mra_near_answer(req, (rc == NGX_OK || req->found) ? NGX_OK
                                                          : NGX_DECLINED);
}


static ngx_int_t
ngx_mra_near_hit(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    uint32_t             id;
    ngx_int_t            rc;
    ngx_mra_near_t      *nr;
    ngx_mra_near_req_t  *req;

    nr = st->data;

    /* what needs no answer, or gets none */

    if (!ngx_mra_near_is_window(op->kind)
        || op->limit == 0 || op->limit > NGX_MRA_WINDOW_MAX
        || op->period == 0 || op->period > NGX_MRA_WINDOW_LIFE)
    {
        return ngx_mra_store_hit(nr->near, op);
    }

    id = op->id;

    while (id == 0) {
        id = ++nr->id;
    }

    req = ngx_mra_near_req(nr, op, ngx_mra_near_hit_done, 0);

    if (req) {
        req->op.id = id;
        ngx_mra_near_counted(req->op.key);
    }

    if (req && op->also) {
        op->also->rc = ngx_mra_near_look(nr, op->also);

        if (op->also->rc != NGX_AGAIN) {
            req->op.also = NULL;
        }
    }

    rc = ngx_mra_near_ask(req, op, nr->far->backend->hit);

    return (rc == NGX_ERROR) ? ngx_mra_near_hit_lost(nr, op, id) : rc;
}


static void
ngx_mra_near_hit_done(ngx_mra_near_req_t *req)
{
    ngx_int_t        rc;
    ngx_mra_op_t    *op, copy;

    op = req->caller;
    rc = req->op.rc;

    ngx_mra_near_taken(req->nr, rc);

    if (rc == NGX_ERROR) {
        ngx_mra_near_answer(req, ngx_mra_near_hit_lost(req->nr, op,
                                                       req->op.id));
        return;
    }

    op->used = req->op.used;
    op->retry = req->op.retry;

    if (rc == NGX_OK) {

        /* this node goes on from here when it is left alone */

        copy = *op;
        copy.also = NULL;
        copy.id = req->op.id;
        ngx_mra_near_counted(copy.key);

        (void) ngx_mra_store_hit(req->nr->near, &copy);

        rc = ngx_mra_near_hit_both(req->nr, op, copy.used);
    }

    if (req->op.also && req->op.also->rc == NGX_OK) {
        req->op.also->rc = ngx_mra_near_cut(req, req->op.also);
    }

    ngx_mra_near_answer(req, rc);
}


/*
 * The far store may not have been told yet what was counted here alone.  A
 * worker that counts looks at what the other way has counted afterwards, so
 * that of two one sees the other.
 */

static ngx_int_t
ngx_mra_near_hit_both(ngx_mra_near_t *nr, ngx_mra_op_t *op, ngx_uint_t used)
{
    u_char        name[NGX_MRA_VALUE_MAX];
    ngx_mra_op_t  other;

    other = *op;
    other.also = NULL;
    other.value.data = name;
    other.value.len = NGX_MRA_VALUE_MAX;
    ngx_mra_near_alone(other.key);

    if (ngx_mra_store_get(nr->near, &other) != NGX_OK
        || used + other.used <= op->limit)
    {
        return NGX_OK;
    }

    other.limit = other.used;
    other.value.len = NGX_MRA_VALUE_MAX;

    (void) ngx_mra_store_get(nr->near, &other);

    op->used = op->limit;
    op->retry = ngx_max(other.retry, 1);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_mra_near_hit_lost(ngx_mra_near_t *nr, ngx_mra_op_t *op, uint32_t id)
{
    if (op->kind == NGX_MRA_AUTHORIZATION) {

        if (nr->conf->lost == NGX_MRA_LOST_ALLOW) {
            op->used = 0;
            op->retry = 0;

            return NGX_OK;
        }

        if (nr->conf->lost == NGX_MRA_LOST_DENY) {
            op->used = op->limit;
            op->retry = NGX_MRA_NEAR_DENIED;

            return NGX_DECLINED;
        }
    }

    ngx_mra_near_dirty(nr, ngx_mra_near_tag(nr, op), ngx_current_msec);

    return ngx_mra_near_hit_alone(nr, op, id);
}


/* exact on this node: less what the far store has counted for it */

static ngx_int_t
ngx_mra_near_hit_alone(ngx_mra_near_t *nr, ngx_mra_op_t *op, uint32_t id)
{
    u_char        name[NGX_MRA_VALUE_MAX];
    ngx_int_t     rc;
    ngx_mra_op_t  counted, alone;

    counted = *op;
    ngx_mra_near_counted(counted.key);
    counted.value.data = name;
    counted.value.len = NGX_MRA_VALUE_MAX;

    if (ngx_mra_store_get(nr->near, &counted) != NGX_OK) {
        counted.used = 0;
    }

    if (counted.used >= op->limit) {
        op->used = counted.used;
        op->retry = counted.retry;

        return NGX_DECLINED;
    }

    alone = *op;
    alone.also = NULL;
    alone.id = id;
    alone.limit = op->limit - counted.used;
    ngx_mra_near_alone(alone.key);

    rc = ngx_mra_store_hit(nr->near, &alone);

    op->used = counted.used + alone.used;
    op->retry = alone.retry;

    if (rc == NGX_OK) {
        return ngx_mra_near_alone_both(nr, op, &counted);
    }

    /* whichever has its oldest leave first makes room */

    if (rc == NGX_DECLINED && counted.used) {
        counted.limit = counted.used;
        counted.value.len = NGX_MRA_VALUE_MAX;

        if (ngx_mra_store_get(nr->near, &counted) == NGX_OK
            && counted.retry)
        {
            op->retry = ngx_min(op->retry, counted.retry);
        }
    }

    return rc;
}


/* what was counted meanwhile by another worker */

static ngx_int_t
ngx_mra_near_alone_both(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    ngx_mra_op_t *counted)
{
    ngx_uint_t  before;

    before = counted->used;
    counted->value.len = NGX_MRA_VALUE_MAX;

    if (ngx_mra_store_get(nr->near, counted) != NGX_OK
        || counted->used <= before
        || op->used - before + counted->used <= op->limit)
    {
        return NGX_OK;
    }

    op->used = op->limit;
    op->retry = ngx_max(counted->retry, 1);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_mra_near_scan(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_mra_near_t  *nr;

    nr = st->data;

    return ngx_mra_store_scan(nr->near, op);
}


static ngx_int_t
ngx_mra_near_count(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_mra_near_t  *nr;

    nr = st->data;

    return ngx_mra_store_count(nr->near, op);
}


static void
ngx_mra_near_cancel(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_mra_near_req_t  *req;

    req = op->pending;
    op->pending = NULL;

    ngx_mra_near_req_free(req);
}


ngx_mra_near_req_t *
ngx_mra_near_req(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    ngx_mra_near_req_pt handler, size_t size)
{
    return ngx_mra_near_may_ask(nr)
           ? ngx_mra_near_later(nr, op, handler, size) : NULL;
}


ngx_mra_near_req_t *
ngx_mra_near_later(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    ngx_mra_near_req_pt handler, size_t size)
{
    ngx_mra_near_req_t  *req;

    req = ngx_alloc(sizeof(ngx_mra_near_req_t) + size, nr->log);
    if (req == NULL) {
        return NULL;
    }

    req->op = *op;
    req->op.handler = ngx_mra_near_handler;
    req->op.data = req;
    req->op.pending = NULL;

    req->nr = nr;
    req->caller = NULL;
    req->handler = handler;
    req->found = 0;
    req->held = 0;
    req->begun = ngx_current_msec;
    req->changes = nr->shared->changes;

    ngx_queue_insert_tail(&nr->waiting, &req->queue);

    return req;
}


void
ngx_mra_near_req_free(ngx_mra_near_req_t *req)
{
    ngx_mra_store_cancel(req->nr->far, &req->op);

    ngx_queue_remove(&req->queue);
    ngx_free(req);
}


ngx_int_t
ngx_mra_near_push(ngx_mra_near_req_t *req, ngx_mra_near_send_pt send)
{
    req->send = send;

    if (send(req->nr->far, &req->op) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    ngx_mra_near_req_free(req);

    return NGX_ERROR;
}


/* NGX_ERROR: the far store cannot be asked; caller NULL: nobody waits */

static ngx_int_t
ngx_mra_near_ask(ngx_mra_near_req_t *req, ngx_mra_op_t *caller,
    ngx_mra_near_send_pt send)
{
    if (req == NULL) {
        return NGX_ERROR;
    }

    req->caller = caller;

    if (ngx_mra_near_ready(req->nr, &req->op) == NGX_AGAIN) {
        ngx_mra_redis_hurry(req->nr->far);

        req->send = send;
        req->held = 1;

    } else if (ngx_mra_near_push(req, send) != NGX_AGAIN) {
        return NGX_ERROR;
    }

    if (caller) {
        caller->pending = req;
    }

    return NGX_AGAIN;
}


static void
ngx_mra_near_handler(ngx_mra_op_t *op)
{
    ngx_mra_near_req_t  *req;

    req = op->data;

    /* nobody is to suffer from a cut: it is asked once more */

    if (op->rc == NGX_ERROR && !req->held
        && ngx_mra_near_ready(req->nr, op) == NGX_AGAIN)
    {
        req->held = 1;
        return;
    }

    req->handler(req);
}


static void
ngx_mra_near_answer(ngx_mra_near_req_t *req, ngx_int_t rc)
{
    ngx_mra_op_t  *op;

    op = req->caller;

    ngx_mra_near_req_free(req);

    if (op) {
        op->pending = NULL;
        op->rc = rc;
        op->handler(op);
    }
}


void
ngx_mra_near_dirty(ngx_mra_near_t *nr, ngx_uint_t tag, ngx_msec_t since)
{
    ngx_atomic_t       *dirty;
    ngx_atomic_uint_t   old;

    dirty = &nr->shared->dirty[tag];
    since = since ? since : 1;

    do {
        old = *dirty;

        if (old && (ngx_msec_int_t) (old - since) <= 0) {
            return;
        }

    } while (!ngx_atomic_cmp_set(dirty, old, since));
}


void
ngx_mra_near_taken(ngx_mra_near_t *nr, ngx_int_t rc)
{
    ngx_str_t          *refusal;
    ngx_atomic_uint_t   refused, now;

    refused = nr->shared->refused;

    if (rc != NGX_ERROR) {

        if (refused) {
            nr->shared->taken = 1;
        }

        return;
    }

    /* lost is told by another line */

    refusal = ngx_mra_redis_refusal(nr->far);

    if (refusal->len == 0) {
        return;
    }

    now = ngx_current_msec ? ngx_current_msec : 1;
    nr->shared->taken = 0;

    if (ngx_atomic_cmp_set(&nr->shared->refused, refused, now)
        && refused == 0)
    {
        ngx_log_error(NGX_LOG_ERR, nr->log, 0,
                      "redis %V refuses: \"%V\"", &nr->name, refusal);
    }
}


/* one part of a cluster may take it and another one not */

void
ngx_mra_near_taken_tell(ngx_mra_near_t *nr)
{
    ngx_atomic_uint_t  refused;

    refused = nr->shared->refused;

    if (refused && nr->shared->taken
        && (ngx_msec_int_t) (ngx_current_msec - refused) > NGX_MRA_NEAR_TAKEN
        && ngx_atomic_cmp_set(&nr->shared->refused, refused, 0))
    {
        ngx_log_error(NGX_LOG_NOTICE, nr->log, 0,
                      "redis %V does its work again", &nr->name);
    }
}
