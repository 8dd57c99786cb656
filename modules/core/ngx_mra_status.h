
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
#include "ngx_mra_stun_node.h"


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


/* what a next hop that is a node of ours told of itself */

typedef struct {
    ngx_mra_stun_node_t  node;
    ngx_msec_t           time;          /* by ngx_current_msec */
    ngx_atomic_uint_t    serial;        /* of the report, 0: none came */
} ngx_mra_report_t;


/* why a client leaves a next hop: in the order of their counters */

typedef enum {
    NGX_MRA_HOP_LEFT_DOWN = 0,
    NGX_MRA_HOP_LEFT_DRAINING,
    NGX_MRA_HOP_LEFT_BALANCE,
    NGX_MRA_HOP_LEFT
} ngx_mra_hop_left_e;


typedef struct {
    ngx_str_t            upstream;
    ngx_str_t            address;
    ngx_str_t            server;        /* as in the server directive */
    ngx_uint_t           left[NGX_MRA_HOP_LEFT];    /* clients, ever */
    ngx_mra_probe_t      probe;
    ngx_mra_report_t     report;
    ngx_mra_probe_state_e  state;       /* DRAINING as well */
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

/* a client went to another one: counted for this hop and for the node */

void ngx_mra_hop_leave(ngx_mra_conf_t *mcf, ngx_mra_probe_t *hop,
    ngx_mra_hop_left_e why);

/*
 * What a next hop told, for all workers.  An attribute that is missing
 * leaves what was told before; NULL: it told nothing that can be understood.
 * Returns whether that is to be logged: the first time in an hour.
 */

ngx_uint_t ngx_mra_hop_tell(ngx_mra_conf_t *mcf, ngx_mra_probe_t *hop,
    ngx_mra_stun_node_t *node);

/* brings the caller's copy, zeroed at first, up to date; cheap if it is */

void ngx_mra_hop_told(ngx_mra_conf_t *mcf, ngx_mra_probe_t *hop,
    ngx_mra_report_t *report);

/* what is passed is a copy, valid during the call; no lock is held */

typedef void (*ngx_mra_hop_pt)(ngx_mra_hop_status_t *hop, void *data);

void ngx_mra_hop_walk(ngx_mra_conf_t *mcf, ngx_mra_hop_pt handler,
    void *data);


#endif /* _NGX_MRA_STATUS_H_INCLUDED_ */
