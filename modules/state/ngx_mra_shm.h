
/*
 * Copyright (C) ngx_mra contributors
 *
 * The store in shared memory: a back end of ngx_mra_store.h that always
 * answers at once.  It takes what a slab zone has left and holds the lock of
 * that zone, the one that the master opens when a worker dies with it, for
 * one look-up at a time.
 */


#ifndef _NGX_MRA_SHM_H_INCLUDED_
#define _NGX_MRA_SHM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_life.h"
#include "ngx_mra_store.h"


/* of the layout in the zone; another one needs a restart of nginx */

#define NGX_MRA_SHM_VERSION  6

#define NGX_MRA_NAME_MAX     128    /* of a name kept with a window */


typedef struct {
    ngx_mra_life_t   life;      /* of tokens and credentials; when it became
                                   so is told by ngx_mra_shm_init() */
    ngx_msec_t       cleanup;   /* how long they may stay when expired */
} ngx_mra_shm_conf_t;


typedef struct {
    ngx_uint_t     size;        /* bytes for entries */
    ngx_uint_t     used;
    ngx_uint_t     entries[NGX_MRA_KINDS];
    ngx_uint_t     evicted;     /* before they had expired */
    ngx_uint_t     recovered;   /* workers that died with the lock */
} ngx_mra_shm_stat_t;


/*
 * A store without memory, from the pool, which outlives it, as conf and log
 * do.  NULL: no memory
 */

ngx_mra_store_t *ngx_mra_shm_create(ngx_pool_t *pool,
    ngx_mra_shm_conf_t *conf, ngx_log_t *log);

/*
 * Gives it the zone, when the zone is made or reused.  *table is kept by the
 * owner of the zone in the zone, NULL at first.
 *
 * NGX_OK / NGX_ERROR (the zone is too small)
 */

ngx_int_t ngx_mra_shm_init(ngx_mra_store_t *st, ngx_slab_pool_t *shpool,
    void **table);

/*
 * Removes some of what has expired, once a second whichever worker calls it.
 * The answer is when to call again, ms from now.
 */

ngx_msec_t ngx_mra_shm_sweep(ngx_mra_store_t *st);

/* whether there is nothing of a kind: one read, without the lock */

ngx_uint_t ngx_mra_shm_none(ngx_mra_store_t *st, ngx_mra_kind_e kind);

/* a number that is another one when something of a kind has changed */

ngx_uint_t ngx_mra_shm_changes(ngx_mra_store_t *st, ngx_mra_kind_e kind);

void ngx_mra_shm_stat(ngx_mra_store_t *st, ngx_mra_shm_stat_t *stat);


#endif /* _NGX_MRA_SHM_H_INCLUDED_ */
