
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the node can say of its memory, of Redis and of next hops.  Nothing
 * here asks the network.
 */


#ifndef _NGX_MRA_STATUS_H_INCLUDED_
#define _NGX_MRA_STATUS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra.h"
#include "ngx_mra_near.h"
#include "ngx_mra_probe.h"
#include "ngx_mra_redis.h"
#include "ngx_mra_shm.h"


typedef struct {
    size_t               zone_size;
    ngx_uint_t           workers;       /* of all generations */
    ngx_mra_shm_stat_t   store;
} ngx_mra_memory_t;


typedef struct {
    ngx_uint_t           configured;
    ngx_array_t         *servers;       /* of ngx_mra_redis_addr_t */
    ngx_mra_near_stat_t  near;
} ngx_mra_redis_status_t;



void ngx_mra_memory(ngx_mra_conf_t *mcf, ngx_mra_memory_t *mem);

/* its addresses live as long as the configuration */

void ngx_mra_redis_status(ngx_mra_conf_t *mcf, ngx_mra_redis_status_t *rs);

/* a time of the past by ngx_current_msec as seconds since the epoch */

time_t ngx_mra_wall_time(ngx_msec_t msec);


typedef struct {
    ngx_str_t            upstream;
    ngx_str_t            address;
    ngx_str_t            server;        /* as in the server directive */
    ngx_mra_probe_t      probe;
    ngx_uint_t           clients;       /* whose messages take this way */
} ngx_mra_hop_status_t;


/*
 * What all workers know of a next hop: the same for the same server in the
 * same upstream with the same "variant", also after a reload.  It is kept
 * while ngx_mra_block_touch() is called.  NULL: no memory.
 */

ngx_mra_probe_t *ngx_mra_hop_get(ngx_mra_conf_t *mcf, ngx_str_t *upstream,
    ngx_str_t *address, ngx_str_t *server, ngx_str_t *variant);

/* n clients more or less of this worker; those of a killed one are gone */

void ngx_mra_hop_count(ngx_mra_conf_t *mcf, ngx_mra_probe_t *hop,
    ngx_int_t n);

/* what is passed is a copy, valid during the call; no lock is held */

typedef void (*ngx_mra_hop_pt)(ngx_mra_hop_status_t *hop, void *data);

void ngx_mra_hop_walk(ngx_mra_conf_t *mcf, ngx_mra_hop_pt handler,
    void *data);


#endif /* _NGX_MRA_STATUS_H_INCLUDED_ */
