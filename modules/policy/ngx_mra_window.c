
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_window.h"


#define ngx_mra_window_at(w, i)  (w)->at[((w)->head + (i)) % (w)->size]
#define ngx_mra_window_id(w, i)                                              \
    (w)->at[(w)->size + ((w)->head + (i)) % (w)->size]


static ngx_uint_t ngx_mra_window_knows(const ngx_mra_window_t *w,
    uint32_t id);
static uint32_t ngx_mra_window_age(uint32_t now, uint32_t at);
static ngx_uint_t ngx_mra_window_gone(const ngx_mra_window_t *w,
    uint32_t now, ngx_msec_t period);


void
ngx_mra_window_init(ngx_mra_window_t *w, ngx_uint_t size, ngx_uint_t ids)
{
    ngx_memzero(w, ngx_mra_window_len(size, ids));

    w->size = (uint16_t) size;
    w->ids = (uint16_t) ids;
}


void
ngx_mra_window_copy(ngx_mra_window_t *to, const ngx_mra_window_t *from)
{
    ngx_uint_t  i, n;

    n = ngx_min(from->n, to->size);

    for (i = 0; i < n; i++) {
        to->at[i] = ngx_mra_window_at(from, from->n - n + i);

        if (to->ids && from->ids) {
            to->at[to->size + i] = ngx_mra_window_id(from, from->n - n + i);
        }
    }

    to->head = 0;
    to->n = (uint16_t) n;
}


ngx_int_t
ngx_mra_window_hit(ngx_mra_window_t *w, uint32_t id, ngx_msec_t now,
    ngx_uint_t limit, ngx_msec_t period, ngx_mra_window_verdict_t *v)
{
    uint32_t    at;
    ngx_uint_t  gone;

    at = (uint32_t) now;
    gone = ngx_mra_window_gone(w, at, period);

    w->head = (uint16_t) ((w->head + gone) % w->size);
    w->n = (uint16_t) (w->n - gone);

    if (id && ngx_mra_window_knows(w, id)) {
        v->used = w->n;
        v->retry = 0;

        return NGX_OK;
    }

    if (ngx_mra_window_peek(w, now, limit, period, v) != NGX_OK) {
        return NGX_DECLINED;
    }

    /* the clocks of two workers differ a little: the log stays in order */

    if (w->n && (int32_t) (at - ngx_mra_window_at(w, w->n - 1)) < 0) {
        at = ngx_mra_window_at(w, w->n - 1);
    }

    ngx_mra_window_at(w, w->n) = at;

    if (w->ids) {
        ngx_mra_window_id(w, w->n) = id;
    }

    w->n++;
    v->used++;

    return NGX_OK;
}


static ngx_uint_t
ngx_mra_window_knows(const ngx_mra_window_t *w, uint32_t id)
{
    ngx_uint_t  i;

    for (i = 0; w->ids && i < w->n; i++) {
        if (ngx_mra_window_id(w, i) == id) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_mra_window_peek(const ngx_mra_window_t *w, ngx_msec_t now,
    ngx_uint_t limit, ngx_msec_t period, ngx_mra_window_verdict_t *v)
{
    uint32_t    at;
    ngx_uint_t  gone;

    at = (uint32_t) now;
    gone = ngx_mra_window_gone(w, at, period);
    limit = ngx_min(limit, w->size);

    v->used = w->n - gone;
    v->retry = 0;

    if (v->used < limit) {
        return NGX_OK;
    }

    /* when this one has left, there are limit - 1 */

    v->retry = period
               - ngx_mra_window_age(at, ngx_mra_window_at(w, w->n - limit));

    return NGX_DECLINED;
}


ngx_uint_t
ngx_mra_window_read(const ngx_mra_window_t *w, ngx_msec_t now,
    ngx_msec_t period, ngx_mra_attempt_t *attempts)
{
    ngx_uint_t  i, gone;

    gone = ngx_mra_window_gone(w, (uint32_t) now, period);

    for (i = gone; i < w->n; i++) {
        attempts[i - gone].age = ngx_mra_window_age((uint32_t) now,
                                                    ngx_mra_window_at(w, i));
        attempts[i - gone].id = w->ids ? ngx_mra_window_id(w, i) : 0;
    }

    return w->n - gone;
}


static ngx_uint_t
ngx_mra_window_gone(const ngx_mra_window_t *w, uint32_t now,
    ngx_msec_t period)
{
    ngx_uint_t  i;

    for (i = 0; i < w->n; i++) {
        if (ngx_mra_window_age(now, ngx_mra_window_at(w, i)) < period) {
            break;
        }
    }

    return i;
}


/* 0 for what another worker, whose clock is ahead, has just logged */

static uint32_t
ngx_mra_window_age(uint32_t now, uint32_t at)
{
    return ((int32_t) (now - at) < 0) ? 0 : now - at;
}
