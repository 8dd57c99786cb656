
/*
 * Copyright (C) ngx_mra contributors
 *
 * A sliding log: an attempt is admitted when fewer than "limit" admitted
 * ones lie in the "period" before it.  Refused attempts are not logged.  One
 * that has an id is logged once, however often it is made.
 */


#ifndef _NGX_MRA_WINDOW_H_INCLUDED_
#define _NGX_MRA_WINDOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_MRA_WINDOW_MAX    100             /* attempts in one window */
#define NGX_MRA_WINDOW_LIFE   (86400 * 1000)  /* longest period, ms */


typedef struct {
    uint16_t      size;       /* slots in at[] */
    uint16_t      head;       /* the oldest attempt */
    uint16_t      n;          /* attempts logged */
    uint16_t      ids;        /* 1: at[] is followed by as many ids */
    uint32_t      at[];       /* when, ms, wraps */
} ngx_mra_window_t;


typedef struct {
    uint32_t      age;        /* ms */
    uint32_t      id;         /* 0: none */
} ngx_mra_attempt_t;


typedef struct {
    ngx_uint_t    used;       /* attempts in the window; admitted: with it */
    ngx_msec_t    retry;      /* refused: ms until the next is admitted, > 0 */
} ngx_mra_window_verdict_t;


/* bytes that a window of "size" slots takes; ids: 1 or 0 */

#define ngx_mra_window_len(size, ids)                                        \
    (offsetof(ngx_mra_window_t, at) + (size) * (1 + (ids)) * sizeof(uint32_t))


/*
 * Makes an empty window of "size" slots (1..NGX_MRA_WINDOW_MAX) in memory
 * of ngx_mra_window_len(size, ids) bytes that the caller owns.
 */

void ngx_mra_window_init(ngx_mra_window_t *w, ngx_uint_t size,
    ngx_uint_t ids);

/*
 * Copies the newest attempts of "from" that fit into "to", an initialized
 * window of another size.
 */

void ngx_mra_window_copy(ngx_mra_window_t *to, const ngx_mra_window_t *from);

/*
 * Counts one attempt at "now" (ms) against "limit" (1..w->size) attempts in
 * "period" ms (1..NGX_MRA_WINDOW_LIFE).  id: 0, or if w->ids, the attempt's.
 *
 * NGX_OK        admitted and logged; with this id it was before
 * NGX_DECLINED  refused, nothing changed but what had left the window
 */

ngx_int_t ngx_mra_window_hit(ngx_mra_window_t *w, uint32_t id,
    ngx_msec_t now, ngx_uint_t limit, ngx_msec_t period,
    ngx_mra_window_verdict_t *v);

/*
 * The same verdict without logging anything: NGX_OK if an attempt would be
 * admitted now; v->used is what the window holds.
 */

ngx_int_t ngx_mra_window_peek(const ngx_mra_window_t *w, ngx_msec_t now,
    ngx_uint_t limit, ngx_msec_t period, ngx_mra_window_verdict_t *v);

/*
 * The attempts in the window, oldest first, into NGX_MRA_WINDOW_MAX of them.
 * How many there are.
 */

ngx_uint_t ngx_mra_window_read(const ngx_mra_window_t *w, ngx_msec_t now,
    ngx_msec_t period, ngx_mra_attempt_t *attempts);


#endif /* _NGX_MRA_WINDOW_H_INCLUDED_ */
