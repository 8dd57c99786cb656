
/*
 * Copyright (C) ngx_mra contributors
 *
 * The store in Redis: a back end of ngx_mra_store.h that answers later, once
 * a round trip is over.  Keys are the prefix, a letter for the kind and the
 * digest in base64; every command touches one of them, or this and the
 * stream of changes.  In a cluster a tag comes before the letter, made of
 * the digest: all that is under one tag is together, with a stream of its
 * own.
 */


#ifndef _NGX_MRA_REDIS_H_INCLUDED_
#define _NGX_MRA_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_mra_store.h"


#define NGX_MRA_REDIS_PREFIX_LEN  32
#define NGX_MRA_REDIS_EPOCH_LEN   64
#define NGX_MRA_REDIS_ID_LEN      48
#define NGX_MRA_REDIS_RUN_LEN     40
#define NGX_MRA_REDIS_TAGS        64    /* of a cluster */


/* a server, by name if it has a host that is to be resolved again */

typedef struct {
    ngx_str_t              text;
    ngx_str_t              host;
    in_port_t              port;
    struct sockaddr       *sockaddr;
    socklen_t              socklen;
} ngx_mra_redis_addr_t;


typedef struct {
    ngx_array_t            addrs;       /* of ngx_mra_redis_addr_t */
    ngx_str_t              user;
    ngx_str_t              password;
    ngx_uint_t             db;
    ngx_str_t              prefix;
    ngx_str_t              sentinel;    /* the master's name there */
    ngx_uint_t             cluster;     /* some of its servers are known */
    ngx_ssl_t             *ssl;         /* NULL: no TLS */
    ngx_str_t              tls_name;
    ngx_msec_t             timeout;     /* to connect, of a reply */
    ngx_resolver_t        *resolver;    /* NULL: names as at start */
    ngx_msec_t             resolver_timeout;
} ngx_mra_redis_conf_t;


typedef enum {
    NGX_MRA_REDIS_DOWN = 0,
    NGX_MRA_REDIS_UP,
    NGX_MRA_REDIS_CUT,          /* is being made again, one of the others
                                   follows soon */
    NGX_MRA_REDIS_PART,         /* a part of a cluster is down */
    NGX_MRA_REDIS_WHOLE         /* all parts of a cluster are up */
} ngx_mra_redis_up_e;


/* the state of this worker's connection; "why" it is not up */

typedef void (*ngx_mra_redis_state_pt)(void *data, ngx_mra_redis_up_e up,
    ngx_str_t *name, ngx_str_t *why);

typedef enum {
    NGX_MRA_REDIS_CHANGED = 0,
    NGX_MRA_REDIS_BEGUN,        /* what was before is not told */
    NGX_MRA_REDIS_MISSED,       /* some of what was meanwhile is not */
    NGX_MRA_REDIS_EMPTIED,      /* Redis has lost what it had */
    NGX_MRA_REDIS_OLDER         /* ... may have lost the last of it */
} ngx_mra_redis_change_e;


/* what others have changed; of a tag as a whole, or a key of it */

typedef void (*ngx_mra_redis_change_pt)(void *data, ngx_uint_t tag,
    ngx_mra_redis_change_e what, ngx_mra_kind_e kind, u_char *key);


/* where the reader of changes is; kept by the owner in shared memory */

typedef struct {
    u_char                 last[NGX_MRA_REDIS_ID_LEN];
    size_t                 len;         /* 0: nothing was read yet */
    u_char                 epoch[NGX_MRA_REDIS_EPOCH_LEN];
    size_t                 epoch_len;   /* 0: never connected */
    u_char                 run[NGX_MRA_REDIS_RUN_LEN];  /* of the server */
    size_t                 run_len;     /* 0: not known */
    ngx_uint_t             restarted;   /* it is another one: to be told */
} ngx_mra_redis_place_t;


/*
 * A store without a connection, from the pool.  NULL: no memory.
 *
 * hit: op->id is not 0; op->also, a get, is asked on the same way, its rc is
 * NGX_AGAIN until the hit has answered; set: op->used is whether another
 * value was there; set of a node: all are in one place, its key, under
 * op->name, which has the length of a key; the others come back in op->value,
 * room for op->limit bytes, as of scan, with what op->ttl leaves them;
 * get of windows, scan and count answer NGX_ERROR: the near copy knows.
 */

ngx_mra_store_t *ngx_mra_redis_create(ngx_pool_t *pool,
    ngx_mra_redis_conf_t *conf);

/* connects this worker; id: this node's, to know its own changes */

ngx_int_t ngx_mra_redis_open(ngx_mra_store_t *st, ngx_str_t *id,
    ngx_mra_redis_state_pt handler, void *data, ngx_log_t *log);
void ngx_mra_redis_close(ngx_mra_store_t *st);

ngx_uint_t ngx_mra_redis_up(ngx_mra_store_t *st);

/*
 * Keys with one tag are in one part of a cluster, and are lost and found
 * together.  Without a cluster there is one tag: 0.
 */

ngx_uint_t ngx_mra_redis_tags(ngx_mra_store_t *st);
ngx_uint_t ngx_mra_redis_tag(ngx_mra_store_t *st, u_char *key);

/* NGX_OK up; NGX_AGAIN it will be told; NGX_ERROR down */

ngx_int_t ngx_mra_redis_ready(ngx_mra_store_t *st, ngx_uint_t tag);

/* connects now if it waits to; the state is told when that is done */

void ngx_mra_redis_hurry(ngx_mra_store_t *st);

/* asks something if nothing is asked, to learn whether it is up */

void ngx_mra_redis_ping(ngx_mra_store_t *st);

/* why the last command was refused; empty: it did not get there */

ngx_str_t *ngx_mra_redis_refusal(ngx_mra_store_t *st);

/*
 * As set, but not over a value that lives longer, as it is newer; op->used
 * is then 2.
 */

ngx_int_t ngx_mra_redis_restore(ngx_mra_store_t *st, ngx_mra_op_t *op);

/*
 * Adds those attempts to a window that are not in it: op->value is an array
 * of ngx_mra_attempt_t, op->period the window's.  Answers as set.
 */

ngx_int_t ngx_mra_redis_merge(ngx_mra_store_t *st, ngx_mra_op_t *op);

/* reads changes, from "place" on, of which there is one for each tag */

ngx_int_t ngx_mra_redis_listen(ngx_mra_store_t *st,
    ngx_mra_redis_place_t *place, ngx_mra_redis_change_pt handler);
void ngx_mra_redis_unlisten(ngx_mra_store_t *st);


#endif /* _NGX_MRA_REDIS_H_INCLUDED_ */
