
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the nodes remember.  Five operations with one operation object; two
 * back ends stand behind them, blind to each other.
 */


#ifndef _NGX_MRA_STORE_H_INCLUDED_
#define _NGX_MRA_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_window.h"


#define NGX_MRA_KEY_LEN    16
#define NGX_MRA_VALUE_MAX  1024


typedef enum {
    NGX_MRA_TOKEN = 0,       /* value: user */
    NGX_MRA_CREDENTIAL,      /* value: mac of user and password */
    NGX_MRA_AUTHORIZATION,   /* window; name: user */
    NGX_MRA_FAILURE,         /* window; name: category and address */
    NGX_MRA_BAN,             /* value: category and address */
    NGX_MRA_BINDING,         /* value: a registration */
    NGX_MRA_NODE,            /* value: a heartbeat */
    NGX_MRA_EXEMPTION,       /* value: category and network */
    NGX_MRA_REVOCATION,      /* value: user */
    NGX_MRA_KINDS
} ngx_mra_kind_e;


typedef struct ngx_mra_store_s  ngx_mra_store_t;
typedef struct ngx_mra_op_s     ngx_mra_op_t;

typedef void (*ngx_mra_op_pt)(ngx_mra_op_t *op);


/*
 * One operation.  The caller owns it and what it points to, and keeps both
 * until the operation has answered or was cancelled.
 */

struct ngx_mra_op_s {
    ngx_mra_kind_e    kind;
    u_char            key[NGX_MRA_KEY_LEN];  /* digest of the name */

    ngx_str_t         name;     /* hit: kept with the window for scan */
    ngx_str_t         value;    /* set: in, <= NGX_MRA_VALUE_MAX;
                                   get, scan: a buffer and its size in,
                                   the length out */
    ngx_msec_t        ttl;      /* set: life, ms; get: what is left of it */

    ngx_uint_t        limit;    /* hit: attempts admitted... */
    ngx_msec_t        period;   /* ...in so many ms */
    uint32_t          id;       /* hit: of the attempt, or 0 */
    ngx_mra_attempt_t *attempts;    /* get: NULL, or room for as many as may
                                       be in a window, oldest first */
    ngx_mra_op_t     *also;     /* hit: NULL or a get, see below */
    ngx_uint_t        used;     /* hit, out: attempts in the window */
    ngx_msec_t        retry;    /* hit, out: refused, ms until the next */

    uint64_t          cursor;   /* scan: 0 to begin, 0 when all was seen */

    ngx_int_t         rc;       /* the answer, when it came later */
    ngx_mra_op_pt     handler;  /* called once if the answer comes later */
    void             *data;     /* the caller's */

    ngx_queue_t       queue;    /* the back end's */
    void             *pending;  /* the back end's; NULL: nothing under way */
};


/* one record in a page that scan has filled; the next is "len" bytes on */

typedef struct {
    uint16_t          len;      /* of the whole record, multiple of 8 */
    uint16_t          used;     /* windows: attempts held */
    uint32_t          size;     /* of data */
    ngx_msec_t        ttl;      /* ms left */
    u_char            key[NGX_MRA_KEY_LEN];
    u_char            data[];   /* value, windows: name */
} ngx_mra_record_t;


typedef struct {
    ngx_int_t  (*get)(ngx_mra_store_t *st, ngx_mra_op_t *op);
    ngx_int_t  (*set)(ngx_mra_store_t *st, ngx_mra_op_t *op);
    ngx_int_t  (*del)(ngx_mra_store_t *st, ngx_mra_op_t *op);
    ngx_int_t  (*hit)(ngx_mra_store_t *st, ngx_mra_op_t *op);
    ngx_int_t  (*scan)(ngx_mra_store_t *st, ngx_mra_op_t *op);
    ngx_int_t  (*count)(ngx_mra_store_t *st, ngx_mra_op_t *op);
    void       (*cancel)(ngx_mra_store_t *st, ngx_mra_op_t *op);
} ngx_mra_backend_t;


struct ngx_mra_store_s {
    const ngx_mra_backend_t  *backend;
    void                     *data;      /* the back end's */
};


/*
 * All return
 *
 * NGX_OK        done: found, stored, deleted, admitted, a page filled
 * NGX_DECLINED  absent; hit: refused
 * NGX_AGAIN     op->handler is called once with op->rc, one of the others,
 *               unless the operation is cancelled before
 * NGX_ERROR     the back end failed; get, scan: the buffer is too small
 *
 * get   copies the value and its remaining life; of a window the name, and
 *       what hit would say now of op->limit in op->period: used and retry;
 *       op->attempts are those op->used
 * set   stores or replaces a value with a life of op->ttl ms, 0: as del; a
 *       full store gives up what expires first; of bans with a name only one
 *       whose value is that, empty: none, else NGX_BUSY
 * del   forgets; of bindings with a name only one whose value begins with it
 * hit   counts one attempt in a sliding window, one atomic step; the window
 *       lives for op->period after its last admitted attempt; a limit or
 *       period of 0 admits and counts nothing; an attempt with an op->id
 *       that is in the window is admitted and not counted again
 *       op->also may be answered on the same way: its rc, NGX_AGAIN before,
 *       is then one of the others when the hit has answered; its handler is
 *       never called, and it ends with the hit
 * scan  fills op->value, aligned to 8, with as many ngx_mra_record_t of a
 *       kind as fit and moves op->cursor; what comes, goes or gets another
 *       life meanwhile may be missed or seen twice; of windows it counts
 *       what lies in op->period, 0: all they hold
 * count op->used is how many records of a kind live on this node, op->limit
 *       the most that ever did since nginx was started, op->ttl how long ago
 *       that was; never NGX_AGAIN; expired tokens and credentials count until
 *       they are cleaned up
 */

#define ngx_mra_store_get(st, op)     (st)->backend->get(st, op)
#define ngx_mra_store_set(st, op)     (st)->backend->set(st, op)
#define ngx_mra_store_del(st, op)     (st)->backend->del(st, op)
#define ngx_mra_store_hit(st, op)     (st)->backend->hit(st, op)
#define ngx_mra_store_scan(st, op)    (st)->backend->scan(st, op)
#define ngx_mra_store_count(st, op)   (st)->backend->count(st, op)

/* after it op->handler is never called; harmless when nothing is under way */

#define ngx_mra_store_cancel(st, op)                                         \
    if ((op)->pending) {                                                     \
        (st)->backend->cancel(st, op);                                       \
    }


#endif /* _NGX_MRA_STORE_H_INCLUDED_ */
