
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_near_private.h"
#include "ngx_mra_window.h"


/* so much at once, so that neither this worker nor Redis is held up */

#define NGX_MRA_NEAR_STEP     5      /* ms between pages */
#define NGX_MRA_NEAR_WAITING  128    /* answers */
#define NGX_MRA_NEAR_PAGES    32     /* that are forgotten at once */


static void ngx_mra_near_merge_step(ngx_event_t *ev);
static ngx_int_t ngx_mra_near_page(ngx_mra_near_t *nr,
    ngx_mra_near_walk_t *walk, size_t *len);
static void ngx_mra_near_merge_record(ngx_mra_near_t *nr,
    ngx_mra_record_t *rec);
static void ngx_mra_near_merge_value(ngx_mra_near_t *nr,
    ngx_mra_record_t *rec);
static void ngx_mra_near_merge_window(ngx_mra_near_t *nr,
    ngx_mra_record_t *rec, ngx_msec_t elapsed);
static void ngx_mra_near_merge_push(ngx_mra_near_t *nr, ngx_uint_t tag,
    ngx_mra_near_req_t *req, ngx_mra_near_send_pt send);
static void ngx_mra_near_unburied(ngx_mra_near_req_t *req);
static void ngx_mra_near_merge_value_done(ngx_mra_near_req_t *req);
static void ngx_mra_near_merge_done(ngx_mra_near_req_t *req);
static void ngx_mra_near_flush_step(ngx_event_t *ev);
static ngx_uint_t ngx_mra_near_may_forget(ngx_mra_near_t *nr,
    ngx_mra_record_t *rec);
static ngx_uint_t ngx_mra_near_set_since(ngx_mra_near_t *nr,
    ngx_mra_record_t *rec, ngx_msec_t elapsed);


void
ngx_mra_near_merge_open(ngx_mra_near_t *nr)
{
    nr->merge.timer.handler = ngx_mra_near_merge_step;
    nr->merge.timer.data = &nr->dumb;
    nr->merge.timer.log = nr->log;
    nr->merge.timer.cancelable = 1;

    nr->flush.timer = nr->merge.timer;
    nr->flush.timer.handler = ngx_mra_near_flush_step;
}


/* what was begun is left to the next leader */

void
ngx_mra_near_merge_close(ngx_mra_near_t *nr)
{
    ngx_uint_t  i;

    if (nr->merge.timer.timer_set) {
        ngx_del_timer(&nr->merge.timer);
    }

    if (nr->flush.timer.timer_set) {
        ngx_del_timer(&nr->flush.timer);

        /* older than all that is there */

        for (i = 0; i < ngx_mra_redis_tags(nr->far); i++) {

            if (nr->flush.tags[i]) {
                ngx_memcpy(nr->shared->place[i].last, "0-1", sizeof("0-1"));
                nr->shared->place[i].len = sizeof("0-1") - 1;
            }
        }
    }

    if (nr->merge.active) {
        ngx_mra_near_merge_end(nr, 1);
    }

    nr->flush.active = 0;
}


ngx_uint_t
ngx_mra_near_merge(ngx_mra_near_t *nr)
{
    ngx_uint_t            i, n;
    ngx_msec_t            since;
    ngx_mra_near_walk_t  *walk;

    walk = &nr->merge;
    n = 0;

    for (i = 0; i < ngx_mra_redis_tags(nr->far); i++) {

        since = nr->shared->dirty[i];
        walk->failed[i] = 0;

        if (since == 0 || ngx_mra_redis_ready(nr->far, i) != NGX_OK) {
            continue;
        }

        /* first: a leader that dies leaves it to the next one */

        nr->shared->merging[i] = since;

        if (!ngx_atomic_cmp_set(&nr->shared->dirty[i], since, 0)) {
            nr->shared->merging[i] = 0;
            continue;
        }

        if (n++ == 0 || (ngx_msec_int_t) (since - walk->since) < 0) {
            walk->since = since;
        }
    }

    if (n == 0) {
        return 0;
    }

    walk->kind = 0;
    walk->cursor = 0;
    walk->waiting = 0;
    walk->active = 1;

    ngx_add_timer(&walk->timer, NGX_MRA_NEAR_STEP);

    return 1;
}


void
ngx_mra_near_merge_end(ngx_mra_near_t *nr, ngx_uint_t all)
{
    ngx_uint_t     i;
    ngx_atomic_t  *since;

    nr->merge.active = 0;

    for (i = 0; i < ngx_mra_redis_tags(nr->far); i++) {
        since = &nr->shared->merging[i];

        if (*since && (all || nr->merge.failed[i])) {
            ngx_mra_near_dirty(nr, i, *since);
        }

        *since = 0;
    }
}


static void
ngx_mra_near_merge_step(ngx_event_t *ev)
{
    size_t                len;
    u_char               *p;
    ngx_mra_near_t       *nr;
    ngx_connection_t     *dumb;
    ngx_mra_record_t     *rec;
    ngx_mra_near_walk_t  *walk;

    dumb = ev->data;
    nr = dumb->data;
    walk = &nr->merge;

    if (!ngx_mra_near_has_far(nr)) {
        ngx_mra_near_merge_end(nr, 1);
        return;
    }

    if (walk->waiting < NGX_MRA_NEAR_WAITING && walk->kind < NGX_MRA_KINDS) {

        if (ngx_mra_near_page(nr, walk, &len) != NGX_OK) {
            ngx_mra_near_merge_end(nr, 1);
            return;
        }

        for (p = nr->page; p < nr->page + len; p += rec->len) {
            rec = (ngx_mra_record_t *) p;
            ngx_mra_near_merge_record(nr, rec);
        }

        if (walk->cursor == 0) {
            walk->kind++;
        }
    }

    if (walk->kind == NGX_MRA_KINDS && walk->waiting == 0) {
        ngx_mra_near_merge_end(nr, 0);
        return;
    }

    ngx_add_timer(ev, NGX_MRA_NEAR_STEP);
}


static ngx_int_t
ngx_mra_near_page(ngx_mra_near_t *nr, ngx_mra_near_walk_t *walk, size_t *len)
{
    ngx_int_t     rc;
    ngx_mra_op_t  op;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = walk->kind;
    op.cursor = walk->cursor;
    op.period = ngx_min(ngx_current_msec - walk->since + 1,
                        NGX_MRA_WINDOW_LIFE);
    op.value.data = nr->page;
    op.value.len = NGX_MRA_NEAR_PAGE;

    rc = ngx_mra_store_scan(nr->near, &op);

    walk->cursor = op.cursor;
    *len = op.value.len;

    return rc;
}


static void
ngx_mra_near_merge_record(ngx_mra_near_t *nr, ngx_mra_record_t *rec)
{
    ngx_uint_t  tag;
    ngx_msec_t  elapsed;

    tag = ngx_mra_near_tag(nr, rec);

    if (nr->shared->merging[tag] == 0 || nr->merge.failed[tag]) {
        return;
    }

    elapsed = ngx_current_msec - nr->shared->merging[tag];

    switch (nr->merge.kind) {

    case NGX_MRA_TOKEN:
    case NGX_MRA_CREDENTIAL:

        if (rec->size == 0 || ngx_mra_near_set_since(nr, rec, elapsed)) {
            ngx_mra_near_merge_value(nr, rec);
        }

        return;

    case NGX_MRA_BAN:
    case NGX_MRA_EXEMPTION:
    case NGX_MRA_REVOCATION:
        ngx_mra_near_merge_value(nr, rec);
        return;

    case NGX_MRA_AUTHORIZATION:
    case NGX_MRA_FAILURE:

        /* all of them for a server that has lost its own */

        if (rec->used && (ngx_mra_near_is_alone(rec->key)
                          || elapsed > NGX_MRA_WINDOW_LIFE))
        {
            ngx_mra_near_merge_window(nr, rec, elapsed);
        }

        return;

    default:
        return;
    }
}


/* of tokens and credentials, which are all stored with one life */

static ngx_uint_t
ngx_mra_near_set_since(ngx_mra_near_t *nr, ngx_mra_record_t *rec,
    ngx_msec_t elapsed)
{
    ngx_msec_t  life;

    life = nr->conf->life->life;

    return elapsed >= life || rec->ttl >= life - elapsed;
}


static void
ngx_mra_near_merge_value(ngx_mra_near_t *nr, ngx_mra_record_t *rec)
{
    ngx_mra_op_t         op;
    ngx_mra_near_req_t  *req;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = nr->merge.kind;
    op.ttl = rec->ttl;
    op.value.len = rec->size;
    ngx_memcpy(op.key, rec->key, NGX_MRA_KEY_LEN);

    /* an empty one was deleted here */

    if (rec->size == 0) {
        req = ngx_mra_near_req(nr, &op, ngx_mra_near_unburied, 0);
        ngx_mra_near_merge_push(nr, ngx_mra_near_tag(nr, rec), req,
                            nr->far->backend->del);
        return;
    }

    req = ngx_mra_near_req(nr, &op, ngx_mra_near_merge_value_done,
                           rec->size);

    if (req) {
        req->op.value.data = req->data;
        ngx_memcpy(req->data, rec->data, rec->size);
    }

    ngx_mra_near_merge_push(nr, ngx_mra_near_tag(nr, rec), req,
                            ngx_mra_redis_restore);
}


static void
ngx_mra_near_merge_window(ngx_mra_near_t *nr, ngx_mra_record_t *rec,
    ngx_msec_t elapsed)
{
    u_char               name[NGX_MRA_VALUE_MAX];
    ngx_mra_op_t         op;
    ngx_mra_attempt_t    attempts[NGX_MRA_WINDOW_MAX];
    ngx_mra_near_req_t  *req;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = nr->merge.kind;
    op.value.data = name;
    op.value.len = NGX_MRA_VALUE_MAX;
    op.period = ngx_min(elapsed + 1, NGX_MRA_WINDOW_LIFE);
    op.attempts = attempts;
    ngx_memcpy(op.key, rec->key, NGX_MRA_KEY_LEN);

    if (ngx_mra_store_get(nr->near, &op) != NGX_OK || op.used == 0) {
        return;
    }

    /* it lives for its period after the newest */

    op.period = op.ttl + attempts[op.used - 1].age;
    op.value.len = op.used * sizeof(ngx_mra_attempt_t);
    ngx_mra_near_counted(op.key);

    req = ngx_mra_near_req(nr, &op, ngx_mra_near_merge_done, op.value.len);

    if (req) {
        req->op.value.data = req->data;
        ngx_memcpy(req->data, attempts, op.value.len);
    }

    ngx_mra_near_merge_push(nr, ngx_mra_near_tag(nr, rec), req,
                            ngx_mra_redis_merge);
}


static void
ngx_mra_near_merge_push(ngx_mra_near_t *nr, ngx_uint_t tag,
    ngx_mra_near_req_t *req, ngx_mra_near_send_pt send)
{
    if (req == NULL || ngx_mra_near_push(req, send) != NGX_AGAIN) {
        nr->merge.failed[tag] = 1;
        return;
    }

    /* what is cut is for another time, as the rest */

    req->held = 1;

    nr->merge.waiting++;
}


static void
ngx_mra_near_unburied(ngx_mra_near_req_t *req)
{
    if (req->op.rc != NGX_ERROR) {
        (void) ngx_mra_store_del(req->nr->near, &req->op);
    }

    ngx_mra_near_merge_done(req);
}


/* older than what was there */

static void
ngx_mra_near_merge_value_done(ngx_mra_near_req_t *req)
{
    if (req->op.rc == NGX_OK && req->op.used == 2) {
        (void) ngx_mra_store_del(req->nr->near, &req->op);
    }

    ngx_mra_near_merge_done(req);
}


static void
ngx_mra_near_merge_done(ngx_mra_near_req_t *req)
{
    ngx_mra_near_t  *nr;

    nr = req->nr;

    ngx_mra_near_taken(nr, req->op.rc);

    if (nr->merge.waiting) {
        nr->merge.waiting--;
    }

    if (req->op.rc == NGX_ERROR) {
        nr->merge.failed[ngx_mra_near_tag(nr, &req->op)] = 1;
    }

    ngx_mra_near_req_free(req);
}


/* of one more tag, from the beginning */

void
ngx_mra_near_flush(ngx_mra_near_t *nr, ngx_uint_t tag)
{
    ngx_mra_near_walk_t  *walk;

    walk = &nr->flush;

    if (!walk->active) {
        ngx_memzero(walk->tags, sizeof(walk->tags));
    }

    walk->tags[tag] = 1;

    (void) ngx_atomic_fetch_add(&nr->shared->changes, 1);

    walk->kind = NGX_MRA_TOKEN;
    walk->cursor = 0;
    walk->since = ngx_current_msec;
    walk->active = 1;

    if (!walk->timer.timer_set) {
        ngx_add_timer(&walk->timer, 1);
    }
}


/* what only this node has stays */

static void
ngx_mra_near_flush_step(ngx_event_t *ev)
{
    size_t                len;
    u_char               *p;
    ngx_uint_t            i;
    ngx_mra_op_t          op;
    ngx_mra_near_t       *nr;
    ngx_connection_t     *dumb;
    ngx_mra_record_t     *rec;
    ngx_mra_near_walk_t  *walk;

    dumb = ev->data;
    nr = dumb->data;
    walk = &nr->flush;

    for (i = 0; i < NGX_MRA_NEAR_PAGES; i++) {

        if (ngx_mra_near_page(nr, walk, &len) != NGX_OK) {
            break;
        }

        for (p = nr->page; p < nr->page + len; p += rec->len) {
            rec = (ngx_mra_record_t *) p;

            if (!ngx_mra_near_may_forget(nr, rec)) {
                continue;
            }

            ngx_memzero(&op, sizeof(ngx_mra_op_t));
            op.kind = walk->kind;
            ngx_memcpy(op.key, rec->key, NGX_MRA_KEY_LEN);

            (void) ngx_mra_store_del(nr->near, &op);
        }

        if (walk->cursor) {
            continue;
        }

        if (walk->kind == NGX_MRA_CREDENTIAL) {
            walk->active = 0;
            return;
        }

        walk->kind = NGX_MRA_CREDENTIAL;
    }

    ngx_add_timer(ev, NGX_MRA_NEAR_STEP);
}


static ngx_uint_t
ngx_mra_near_may_forget(ngx_mra_near_t *nr, ngx_mra_record_t *rec)
{
    ngx_uint_t  tag;
    ngx_msec_t  since;

    tag = ngx_mra_near_tag(nr, rec);

    if (nr->flush.tags[tag] == 0 || rec->size == 0) {
        return 0;
    }

    since = nr->shared->merging[tag];

    if (since == 0) {
        since = nr->shared->dirty[tag];
    }

    return since == 0
           || !ngx_mra_near_set_since(nr, rec, ngx_current_msec - since);
}
