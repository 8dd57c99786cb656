
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the files of the core share among themselves.
 */


#ifndef _NGX_MRA_CORE_H_INCLUDED_
#define _NGX_MRA_CORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_mra.h"
#include "ngx_mra_near.h"
#include "ngx_mra_node.h"
#include "ngx_mra_protect.h"
#include "ngx_mra_redis.h"
#include "ngx_mra_shm.h"
#include "ngx_mra_token.h"


#define NGX_MRA_SECRET_MIN      32
#define NGX_MRA_SECRET_MAX      4096

#define NGX_MRA_SLOTS           64      /* workers that count for themselves */

#define NGX_MRA_ZONE_MAGIC      0x4d52415a
#define NGX_MRA_ZONE_VERSION                                                 \
    (1 << 16 | NGX_MRA_SHM_VERSION << 8 | NGX_MRA_COUNTERS)


/* of one worker, in cache lines that no other one writes to */

typedef struct {
    ngx_atomic_t            count[NGX_MRA_COUNTERS];
    ngx_mra_histogram_t     times[NGX_MRA_TIMES];
    ngx_pid_t               pid;
    uint32_t                number;     /* of the worker, 0: none */
    uint32_t                shared;     /* 1: with other workers */
    u_char                  padding[NGX_CPU_CACHE_LINE];
} ngx_mra_slot_t;


/* of this node */

typedef struct {
    ngx_atomic_t            maintenance;    /* since when, seconds */
    ngx_atomic_t            inactive;   /* services said to be, bits */
    ngx_atomic_t            elsewhere;  /* services of active peers, bits */
    ngx_atomic_t            tick;       /* when the next one is due, ms */
    ngx_uint_t              ticks;
    ngx_uint_t              twin;       /* beats that another one replaced */
    time_t                  started;

    /* registrations by minute, of which so many are known */

    ngx_uint_t              minute;     /* the newest */
    ngx_uint_t              minutes;
    ngx_uint_t              history[NGX_MRA_NODE_HISTORY];

    /* of all nodes together; of this one before the zone was changed */

    ngx_uint_t              all_peak;
    time_t                  all_peak_time;
    ngx_uint_t              old_peak;
    time_t                  old_peak_time;
} ngx_mra_node_zone_t;


typedef struct ngx_mra_block_s  ngx_mra_block_t;


/* in shared memory; its head is the same in all versions */

typedef struct {
    uint32_t                magic;
    uint32_t                version;
    size_t                  size;       /* of this struct */

    void                   *table;      /* the store's */
    void                   *near;       /* ... with Redis behind it */

    u_char                  random[NGX_MRA_SECRET_MIN];
    u_char                  name[16];   /* of this zone, for IPC */
    ngx_atomic_t            number;     /* the last one given to a worker */
    ngx_mra_block_t        *blocks;

    ngx_mra_node_zone_t     node;

    ngx_mra_slot_t          slots[NGX_MRA_SLOTS];
} ngx_mra_zone_t;


typedef struct ngx_mra_ipc_s  ngx_mra_ipc_t;


/* what lives as long as a worker, longer than a cycle without a master */

typedef struct {
    ngx_mra_slot_t         *slot;
    ngx_mra_ipc_t          *ipc;        /* NULL: there are no messages */
    ngx_mra_store_t        *store;
    ngx_event_t             sweep;
    ngx_event_t             tick;
    uint64_t                cpu;        /* used until the last tick, us */
    ngx_msec_t              ticked;
    ngx_mra_died_pt         died;
    ngx_connection_t        dumb;       /* for the timers' debug lines */
} ngx_mra_worker_t;


typedef struct ngx_mra_core_conf_s  ngx_mra_core_conf_t;

struct ngx_mra_core_conf_s {
    ngx_mra_conf_t          pub;        /* first: the rest is private */

    ngx_uint_t              enabled;    /* there is mra { } */
    ngx_uint_t              services;   /* that are configured, bits */
    size_t                  zone_size;
    ngx_str_t               secret_file;

    u_char                 *required_by;    /* a directive */
    u_char                 *required_file;
    ngx_uint_t              required_line;

    ngx_str_t               secret;
    ngx_mra_token_key_t     secret_key;
    ngx_mra_token_key_t     key_key;
    ngx_mra_token_key_t     credential_key;

    ngx_mra_shm_conf_t      shm;
    ngx_mra_store_t        *shm_store;
    ngx_mra_redis_conf_t   *redis;      /* NULL: this node is alone */
    ngx_mra_near_conf_t     near;
    u_char                  near_id[24];
    ngx_resolver_t         *resolver;
    ngx_msec_t              resolver_timeout;

    ngx_mra_protection_t    protection[NGX_MRA_CATEGORIES];
    ngx_uint_t              protected;      /* those that are on, as bits */
    ngx_uint_t              ipv6_prefix;
    ngx_array_t             exempt;         /* of ngx_mra_exemption_t */
    u_char                  protect_key[32];

    /* a worker's copy of those that were made at run time */

    ngx_mra_exemption_t    *made;
    ngx_uint_t              nmade;
    ngx_uint_t              made_changes;   /* when it was read */

    ngx_slab_pool_t        *shpool;
    ngx_mra_zone_t         *zone;
    ngx_mra_core_conf_t    *old;        /* of which a changed zone takes over
                                           what the node is */

    ngx_mra_worker_t       *worker;     /* NULL: not in a worker */
};


#define ngx_mra_core_conf(cycle)                                             \
    ((ngx_mra_core_conf_t *) ngx_get_conf((cycle)->conf_ctx, ngx_mra_module))


/* ngx_mra_secret.c */

/* reads the file, if there is one */

char *ngx_mra_secret_open(ngx_conf_t *cf, ngx_mra_core_conf_t *mccf);

/* derives the keys, without a file from what the zone has */

ngx_int_t ngx_mra_secret_init(ngx_mra_core_conf_t *mccf, ngx_log_t *log);


/* ngx_mra_redis_conf.c */

char *ngx_mra_set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_mra_set_resolver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* at the end of the block, when all is known */

char *ngx_mra_redis_end(ngx_conf_t *cf, ngx_mra_core_conf_t *mccf);


/* ngx_mra_protect_conf.c */

void ngx_mra_protect_create_conf(ngx_mra_core_conf_t *mccf);
char *ngx_mra_set_protection(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_mra_set_exempt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* ngx_mra_protect.c */

/* when the secret is known; NGX_OK / NGX_ERROR */

ngx_int_t ngx_mra_protect_init(ngx_mra_core_conf_t *mccf);

/* an operation whose key is under the secret; on what is kept of a network */

void ngx_mra_protect_op(ngx_mra_core_conf_t *mccf, ngx_mra_op_t *op,
    ngx_mra_kind_e kind, const u_char *what, size_t what_len,
    const u_char *name, size_t len);
void ngx_mra_ban_op(ngx_mra_core_conf_t *mccf, ngx_mra_op_t *op,
    ngx_mra_kind_e kind, ngx_uint_t category, const ngx_mra_address_t *net);


/* ngx_mra_zone.c */

char *ngx_mra_zone_add(ngx_conf_t *cf, ngx_mra_core_conf_t *mccf);


/* ngx_mra_counter.c */

/* a slot for this worker, and its end */

ngx_mra_slot_t *ngx_mra_slot_open(ngx_mra_core_conf_t *mccf);
void ngx_mra_slot_close(ngx_mra_slot_t *slot);

/* the number of a worker that was killed, each once; 0: there is none */

uint32_t ngx_mra_slot_bury(ngx_mra_core_conf_t *mccf);


/* ngx_mra_node.c */

/* in a zone that is new; in a worker: starts its timer */

void ngx_mra_node_init(ngx_mra_core_conf_t *mccf);
void ngx_mra_node_open(ngx_mra_core_conf_t *mccf, ngx_log_t *log);

/* ngx_mra_node_peer.c */

/* tells the peers of this node, and hears of them */

void ngx_mra_node_beat(ngx_mra_core_conf_t *mccf);


/* ngx_mra_worker.c */

ngx_int_t ngx_mra_worker_open(ngx_cycle_t *cycle);
void ngx_mra_worker_close(ngx_cycle_t *cycle);

/* without a master, a reload happens in the process that serves */

ngx_int_t ngx_mra_worker_move(ngx_cycle_t *cycle);


/* ngx_mra_ipc.c */

/* NULL: there will be no messages, logged */

ngx_mra_ipc_t *ngx_mra_ipc_open(ngx_cycle_t *cycle,
    ngx_mra_core_conf_t *mccf);
void ngx_mra_ipc_close(ngx_mra_ipc_t *ipc);
void ngx_mra_ipc_move(ngx_mra_ipc_t *ipc, ngx_log_t *log);


extern ngx_module_t  ngx_mra_module;


#endif /* _NGX_MRA_CORE_H_INCLUDED_ */
