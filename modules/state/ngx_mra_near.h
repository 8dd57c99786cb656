
/*
 * Copyright (C) ngx_mra contributors
 *
 * Many nodes as one: a store of two, the near copy, which is this node's and
 * answers at once, and behind it the far one, which all nodes share.  What
 * the near copy has is not asked for; what this node did while the far store
 * was away is merged when it is back.
 */


#ifndef _NGX_MRA_NEAR_H_INCLUDED_
#define _NGX_MRA_NEAR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_life.h"
#include "ngx_mra_store.h"


/* what decides about authorizations while the far store is away */

typedef enum {
    NGX_MRA_LOST_LOCAL = 0,     /* the near copy */
    NGX_MRA_LOST_DENY,
    NGX_MRA_LOST_ALLOW
} ngx_mra_lost_e;


typedef struct {
    ngx_uint_t       lost;
    ngx_mra_life_t  *life;      /* of tokens and credentials */
    ngx_str_t        id;        /* of this node, shown to others */
} ngx_mra_near_conf_t;


/* times are ms of ngx_current_msec, 0: it is not so */

typedef struct {
    ngx_uint_t      policy;     /* ngx_mra_lost_e */
    ngx_msec_t      lost;       /* since when the far store is away */
    ngx_msec_t      dirty;      /* ... there is something to merge */
    ngx_uint_t      refused;    /* it is there and takes nothing */
} ngx_mra_near_stat_t;


/*
 * A store of two; it and they are of the pool.  NULL: no memory.  Bindings
 * are kept near only, of nodes that is near which this one hears when it sets
 * its own; scan and count tell what is near.
 */

ngx_mra_store_t *ngx_mra_near_create(ngx_pool_t *pool,
    ngx_mra_near_conf_t *conf, ngx_mra_store_t *near, ngx_mra_store_t *far);

/*
 * What all workers of the node share, when the zone is made or reused;
 * *shared is kept by the owner of the zone in the zone, NULL at first.
 *
 * NGX_OK / NGX_ERROR (the zone is too small)
 */

ngx_int_t ngx_mra_near_init(ngx_mra_store_t *st, ngx_slab_pool_t *shpool,
    void **shared);

/* in a worker: connects; NGX_OK / NGX_ERROR */

ngx_int_t ngx_mra_near_open(ngx_mra_store_t *st, ngx_log_t *log);
void ngx_mra_near_close(ngx_mra_store_t *st);

void ngx_mra_near_stat(ngx_mra_store_t *st, ngx_mra_near_stat_t *stat);


#endif /* _NGX_MRA_NEAR_H_INCLUDED_ */
