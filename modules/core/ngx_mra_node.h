
/*
 * Copyright (C) ngx_mra contributors
 *
 * This node and its peers: how much they carry, and whether they are in
 * maintenance.  What is said of this node outlives reloads.
 */


#ifndef _NGX_MRA_NODE_H_INCLUDED_
#define _NGX_MRA_NODE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra.h"


/* how often a node tells its peers of itself, ms */

#define NGX_MRA_NODE_BEAT   2000


typedef enum {
    NGX_MRA_SERVICE_HTTP = 0,
    NGX_MRA_SERVICE_SIP,
    NGX_MRA_SERVICES
} ngx_mra_service_e;


typedef struct {
    ngx_str_t       name;
    ngx_str_t       version;         /* of this software */
    ngx_str_t       inside;          /* where peers reach it: as the stream
                                        module puts it; len 0: nowhere */
    time_t          started;
    time_t          maintenance;     /* since when; 0: it is active */

    ngx_uint_t      services;        /* that it has, 1 << ngx_mra_service_e */

    ngx_uint_t      registrations;   /* now */
    ngx_uint_t      peak;            /* the most there were since "started" */
    time_t          peak_time;       /* ... and when; 0: never any */

    ngx_uint_t      dialogs;         /* of SIP: calls count once a phone */
    ngx_uint_t      connections;     /* of phones */
    ngx_uint_t      requests;        /* of HTTP, in flight */

    ngx_uint_t      capacity;        /* these two of this node only: */
    ngx_uint_t      cpu;             /* permille of all CPUs, lately */

    ngx_msec_t      age;             /* of what is said here */
    unsigned        self:1;
    unsigned        stale:1;
} ngx_mra_node_t;


/*
 * Calls handler for this node, then for each peer.  It is valid during the
 * call, which asks nobody: peers are what was heard of them last.
 */

typedef void (*ngx_mra_node_pt)(ngx_mra_node_t *node, void *data);

void ngx_mra_node_walk(ngx_mra_conf_t *mcf, ngx_mra_node_pt handler,
    void *data);

/* this node alone */

void ngx_mra_node_self(ngx_mra_conf_t *mcf, ngx_mra_node_t *node);

/*
 * The sums of all nodes that are not stale; "peak" is the most registrations
 * that this node has seen all of them have together, "services" those of
 * peers that are active.
 */

void ngx_mra_node_total(ngx_mra_conf_t *mcf, ngx_mra_node_t *total);

/*
 * The most registrations of this node in each of the last minutes, oldest
 * first, up to NGX_MRA_NODE_HISTORY; the answer is how many minutes.
 */

#define NGX_MRA_NODE_HISTORY  60

ngx_uint_t ngx_mra_node_history(ngx_mra_conf_t *mcf, ngx_uint_t *history);


/*
 * Since when this node is in maintenance, 0: it is not.  As cheap as it
 * looks.
 */

#define ngx_mra_maintenance(mcf)                                             \
    ((mcf)->maintenance ? (time_t) *(mcf)->maintenance : 0)

/* for Retry-After: seconds, not the same for all who are refused */

#define ngx_mra_maintenance_retry()                                          \
    ((ngx_uint_t) (120 + ngx_random() % 60))

/*
 * Whether a peer that is neither stale nor in maintenance has this service:
 * clients that are sent away find another node.
 */

ngx_uint_t ngx_mra_is_elsewhere(ngx_mra_conf_t *mcf,
    ngx_mra_service_e service);

/*
 * Begins or ends maintenance of this node, in any worker, logged.
 *
 * NGX_OK / NGX_DECLINED (it is so already)
 */

ngx_int_t ngx_mra_set_maintenance(ngx_cycle_t *cycle, ngx_uint_t on);


typedef enum {
    NGX_MRA_SERVICE_OFF = 0,         /* not configured */
    NGX_MRA_SERVICE_ACTIVE,
    NGX_MRA_SERVICE_DRAINING,        /* maintenance, some sessions are left */
    NGX_MRA_SERVICE_INACTIVE         /* ... none is: Inactive (Maintenance
                                        mode) */
} ngx_mra_service_state_e;


/* says that a service is configured */

void ngx_mra_use_service(ngx_conf_t *cf, ngx_mra_service_e service);

/* sessions are requests in flight, and dialogs of SIP */

ngx_mra_service_state_e ngx_mra_service_state(ngx_mra_conf_t *mcf,
    ngx_mra_service_e service);


/*
 * Sets who is told, in one worker, that another one has died without an end
 * of its own; in init_process.
 */

typedef void (*ngx_mra_died_pt)(uint32_t number);

void ngx_mra_on_death(ngx_cycle_t *cycle, ngx_mra_died_pt handler);


#endif /* _NGX_MRA_NODE_H_INCLUDED_ */
