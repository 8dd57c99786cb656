
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the files of the near copy share among themselves.
 */


#ifndef _NGX_MRA_NEAR_PRIVATE_H_INCLUDED_
#define _NGX_MRA_NEAR_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_mra_near.h"
#include "ngx_mra_redis.h"


#define NGX_MRA_NEAR_PAGE   4096


/* the kinds that nodes share: values and windows */

#define ngx_mra_near_is_value(kind)                                          \
    ((kind) == NGX_MRA_TOKEN || (kind) == NGX_MRA_CREDENTIAL                 \
     || ngx_mra_near_is_told(kind))

/* ... of which each node is told all: they are looked up near only */

#define ngx_mra_near_is_told(kind)                                           \
    ((kind) == NGX_MRA_BAN || (kind) == NGX_MRA_EXEMPTION                    \
     || (kind) == NGX_MRA_REVOCATION)

#define ngx_mra_near_is_window(kind)                                         \
    ((kind) == NGX_MRA_AUTHORIZATION || (kind) == NGX_MRA_FAILURE)


/* in shared memory; times are ms, of which 0 is none */

typedef struct {
    ngx_atomic_t             leader;    /* the worker that speaks for all */
    ngx_atomic_t             seen;      /* ... when it was last alive */
    ngx_atomic_t             lost;      /* since when the far one is away */
    ngx_atomic_t             broken;    /* a part of it is */
    ngx_atomic_t             refused;   /* when it last took nothing */
    ngx_atomic_t             taken;     /* since then it took something */
    ngx_atomic_t             changes;   /* that were applied to the near */
    ngx_atomic_t             unheard;   /* it does not take our heartbeat */

    /* by tag: since when there is to merge; that is being merged; the
       leader's place */

    ngx_atomic_t             dirty[NGX_MRA_REDIS_TAGS];
    ngx_atomic_t             merging[NGX_MRA_REDIS_TAGS];
    ngx_mra_redis_place_t    place[NGX_MRA_REDIS_TAGS];
} ngx_mra_near_shared_t;


/* a walk over the near copy, by the leader */

typedef struct {
    ngx_uint_t               kind;
    uint64_t                 cursor;
    ngx_msec_t               since;     /* the earliest */
    u_char                   tags[NGX_MRA_REDIS_TAGS];  /* flush: of these */
    u_char                   failed[NGX_MRA_REDIS_TAGS];
    ngx_uint_t               waiting;   /* for answers */
    unsigned                 active:1;
    ngx_event_t              timer;
} ngx_mra_near_walk_t;


typedef struct {
    ngx_mra_near_conf_t     *conf;
    ngx_mra_store_t         *near;
    ngx_mra_store_t         *far;
    ngx_mra_near_shared_t   *shared;
    ngx_log_t               *log;

    ngx_queue_t              waiting;   /* of ngx_mra_near_req_t */
    ngx_event_t              tick;
    ngx_connection_t         dumb;      /* for the debug lines of timers */

    ngx_str_t                name;      /* of the server */
    u_char                   name_buf[NGX_SOCKADDR_STRLEN];

    uint32_t                 id;        /* of the last attempt */
    unsigned                 open:1;
    unsigned                 leader:1;

    ngx_msec_t               pause;     /* no merge until then */
    ngx_msec_t               ping;      /* the next one */
    ngx_msec_t               missed;    /* when that was told */

    ngx_mra_near_walk_t      merge;
    ngx_mra_near_walk_t      flush;

    u_char                   page[NGX_MRA_NEAR_PAGE];
} ngx_mra_near_t;


/* what the leader finds away nobody else waits for */

#define ngx_mra_near_may_ask(nr)                                             \
    ((nr)->open && (nr)->shared->lost == 0)

#define ngx_mra_near_has_far(nr)                                             \
    (ngx_mra_near_may_ask(nr) && ngx_mra_redis_up((nr)->far))

#define ngx_mra_near_tag(nr, op)  ngx_mra_redis_tag((nr)->far, (op)->key)


/*
 * A window has two near: of what the far store has counted for this node,
 * and of what this node has counted alone, which alone is to be merged.  The
 * last bit of the key tells them apart, the far one has it cleared.
 */

#define ngx_mra_near_counted(key)     (key)[NGX_MRA_KEY_LEN - 1] &= 0xfe
#define ngx_mra_near_alone(key)       (key)[NGX_MRA_KEY_LEN - 1] |= 1
#define ngx_mra_near_is_alone(key)    ((key)[NGX_MRA_KEY_LEN - 1] & 1)


/* an operation on the far store */

typedef struct ngx_mra_near_req_s  ngx_mra_near_req_t;

typedef void (*ngx_mra_near_req_pt)(ngx_mra_near_req_t *req);
typedef ngx_int_t (*ngx_mra_near_send_pt)(ngx_mra_store_t *st,
    ngx_mra_op_t *op);

struct ngx_mra_near_req_s {
    ngx_mra_op_t             op;
    ngx_queue_t              queue;
    ngx_mra_near_t          *nr;
    ngx_mra_op_t            *caller;    /* NULL: nobody waits */
    ngx_mra_near_req_pt      handler;   /* frees the request */
    ngx_msec_t               begun;
    ngx_atomic_uint_t        changes;   /* when it was begun */
    ngx_uint_t               found;     /* del: near */
    ngx_mra_near_send_pt     send;
    ngx_uint_t               held;      /* ... until up or down */
    u_char                   data[];
};


/*
 * A request with room for "size" bytes of its own.  NULL: no memory, or, but
 * with later(), nobody can be asked.
 */

ngx_mra_near_req_t *ngx_mra_near_req(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    ngx_mra_near_req_pt handler, size_t size);
ngx_mra_near_req_t *ngx_mra_near_later(ngx_mra_near_t *nr, ngx_mra_op_t *op,
    ngx_mra_near_req_pt handler, size_t size);
void ngx_mra_near_req_free(ngx_mra_near_req_t *req);

/* starts one that nobody waits for; NGX_AGAIN, else it is freed */

ngx_int_t ngx_mra_near_push(ngx_mra_near_req_t *req,
    ngx_mra_near_send_pt send);

/*
 * What was held and need not be any more: asks, or tells it that this cannot
 * be done.  told: that this worker's connection is up or down.
 */

void ngx_mra_near_release(ngx_mra_near_t *nr, ngx_uint_t told);

/* there is to merge what was done since then */

void ngx_mra_near_dirty(ngx_mra_near_t *nr, ngx_uint_t tag,
    ngx_msec_t since);

/* whether Redis took a command, for the log, which is told a while later */

void ngx_mra_near_taken(ngx_mra_near_t *nr, ngx_int_t rc);
void ngx_mra_near_taken_tell(ngx_mra_near_t *nr);


/* ngx_mra_near_leader.c */

void ngx_mra_near_leader_open(ngx_mra_near_t *nr);
void ngx_mra_near_leader_close(ngx_mra_near_t *nr);

/* the state of this worker's connection */

void ngx_mra_near_state(void *data, ngx_mra_redis_up_e up, ngx_str_t *name,
    ngx_str_t *why);


/* ngx_mra_near_merge.c */

void ngx_mra_near_merge_open(ngx_mra_near_t *nr);
void ngx_mra_near_merge_close(ngx_mra_near_t *nr);

/* begins to merge what is there to merge and can be, if there is any */

ngx_uint_t ngx_mra_near_merge(ngx_mra_near_t *nr);

/* ends it; what did not arrive, of all or where it failed, is for later */

void ngx_mra_near_merge_end(ngx_mra_near_t *nr, ngx_uint_t all);

void ngx_mra_near_flush(ngx_mra_near_t *nr, ngx_uint_t tag);


#endif /* _NGX_MRA_NEAR_PRIVATE_H_INCLUDED_ */
