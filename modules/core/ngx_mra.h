
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the http and stream modules see of the core: settings, the store,
 * digests, counters, messages between workers.
 */


#ifndef _NGX_MRA_H_INCLUDED_
#define _NGX_MRA_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_category.h"
#include "ngx_mra_store.h"


#define NGX_MRA_VERSION  "0.1.0"

/* layout of what is declared here and in ngx_mra_store.h */

#define NGX_MRA_ABI      5

/*
 * When this module is missing, of another version, or loaded later than
 * those that need it, the name is the end of the linker's message.
 */

#define ngx_mra_loaded   ngx_mra_module_0_1_0_is_not_loaded

extern const ngx_uint_t  ngx_mra_loaded;


typedef struct {
    ngx_str_t          node;

    ngx_msec_t         credentials_refresh_interval;   /* 0: no tokens,
                                                          nothing cached */
    ngx_msec_t         credentials_cleanup_interval;
    ngx_uint_t         max_authorizations;         /* 0: no limit */
    ngx_msec_t         rate_control_period;        /* 0: no limit */

    ngx_flag_t         stun_keepalive;
    ngx_msec_t         stun_keepalive_interval;
    ngx_msec_t         stun_keepalive_timeout;
    ngx_flag_t         sip_path_headers;
    ngx_flag_t         balance;
    ngx_uint_t         balance_threshold;          /* percent */
    ngx_msec_t         balance_rest;
    ngx_uint_t         capacity;                   /* registrations, 0: not
                                                      told */

    ngx_str_t          domain;                     /* of bare user names */

    ngx_atomic_t      *maintenance;                /* ngx_mra_node.h */
    ngx_str_t          inside;                     /* where peers reach this
                                                      worker's node, set by
                                                      it */

    ngx_mra_store_t   *store;                      /* NULL: no mra { } */
} ngx_mra_conf_t;


/* the settings of a cycle; never NULL, ->store is NULL without mra { } */

ngx_mra_conf_t *ngx_mra_get_conf(ngx_cycle_t *cycle);

/*
 * Checks that the module asking was built with this core; for
 * preconfiguration, with abi NGX_MRA_ABI and the module's name.
 *
 * NGX_OK     it was
 * NGX_ERROR  it was not: the emerg line that says what to do is logged
 */

#define ngx_mra_check_abi(cf, abi, module)                                   \
    ngx_mra_check_core(cf, abi, ngx_mra_loaded, module)

ngx_int_t ngx_mra_check_core(ngx_conf_t *cf, ngx_uint_t abi,
    ngx_uint_t loaded, char *module);

/*
 * To be called by a directive that does nothing without mra { }: where the
 * block is in the file does not matter, without one configuration fails
 * with a line that names the directive.
 */

void ngx_mra_require(ngx_conf_t *cf, char *directive);


/*
 * What follows is computed under the secret, for workers.  All return
 * NGX_OK, or NGX_ERROR when OpenSSL fails.
 */

/*
 * The key of (kind, scope, name) for the store: nobody without the secret
 * can tell or collide keys.  Writes NGX_MRA_KEY_LEN bytes.
 */

ngx_int_t ngx_mra_key(ngx_mra_conf_t *mcf, ngx_mra_kind_e kind,
    ngx_str_t *scope, ngx_str_t *name, u_char *key);

/* HMAC-SHA-256 of (scope, user, password), 32 bytes */

ngx_int_t ngx_mra_credential_mac(ngx_mra_conf_t *mcf, ngx_str_t *scope,
    ngx_str_t *user, ngx_str_t *password, u_char *mac);

/* 32 bytes for a use of one's own, the same on all who have the secret */

ngx_int_t ngx_mra_derive(ngx_mra_conf_t *mcf, char *label, u_char *key);


/*
 * Ends the tokens and remembered credentials of a user, in normal form, also
 * those that this node has never seen; with Redis on all nodes.  Those that
 * are made in the same second end too.  NGX_OK / NGX_ERROR
 */

ngx_int_t ngx_mra_revoke(ngx_mra_conf_t *mcf, ngx_str_t *user);

/*
 * Whether one that lives for "left" ms more was ended.  Asks shared memory
 * only, and reads one number while nothing is revoked.
 */

ngx_uint_t ngx_mra_revoked(ngx_mra_conf_t *mcf, ngx_str_t *user,
    ngx_msec_t left);


typedef enum {
    NGX_MRA_AUTH_TOKEN = 0,        /* requests let in by token */
    NGX_MRA_AUTH_CACHED,           /* ... by a cached credential */
    NGX_MRA_AUTH_VERIFIED,         /* ... by the UC node */
    NGX_MRA_AUTH_REJECTED,
    NGX_MRA_AUTH_LIMITED,
    NGX_MRA_AUTH_UNAVAILABLE,
    NGX_MRA_AUTH_MAINTENANCE,      /* refused because of it */
    NGX_MRA_AUTH_VERIFICATIONS,    /* subrequests sent to the UC node */

    NGX_MRA_SIP_DIALOGS,           /* current, these are gauges */
    NGX_MRA_SIP_CONNECTIONS,       /* of clients */
    NGX_MRA_HTTP_REQUESTS,         /* in protected locations, in flight */
    NGX_MRA_CPU,                   /* permille of one CPU */

    NGX_MRA_SIP_REQUESTS_IN,       /* from clients */
    NGX_MRA_SIP_REQUESTS_OUT,      /* to clients */
    NGX_MRA_SIP_RESPONSES_IN,
    NGX_MRA_SIP_RESPONSES_OUT,
    NGX_MRA_SIP_REFUSED,           /* answered by us with an error */
    NGX_MRA_SIP_BROKEN,            /* messages that were no SIP */
    NGX_MRA_SIP_REROUTED,          /* phones, their next hop was down */
    NGX_MRA_SIP_REROUTED_DRAINING,
    NGX_MRA_SIP_REROUTED_BALANCE,
    NGX_MRA_STUN_KEEPALIVES,       /* of clients, answered */
    NGX_MRA_STUN_FAILURES,         /* ... with an error */

    /* requests relayed, by ngx_mra_sip_method_e; answers to them, 1xx.. */
    NGX_MRA_SIP_BY_METHOD,
    NGX_MRA_SIP_BY_STATUS = NGX_MRA_SIP_BY_METHOD + 16,

    /* connections and requests of banned clients; by category: failures
       that were counted, bans that were made here */

    NGX_MRA_BANNED = NGX_MRA_SIP_BY_STATUS + 6,
    NGX_MRA_FAILURES,
    NGX_MRA_BANS = NGX_MRA_FAILURES + NGX_MRA_CATEGORIES,

    NGX_MRA_COUNTERS = NGX_MRA_BANS + NGX_MRA_CATEGORIES
} ngx_mra_counter_e;

#define ngx_mra_is_gauge(c)                                                  \
    ((c) >= NGX_MRA_SIP_DIALOGS && (c) <= NGX_MRA_CPU)

/*
 * Adds to a counter of this node, kept over reloads; costs one add to a
 * cache line of this worker.  Value: the sum over all workers.  What a
 * worker has added to a gauge ends with it.
 */

void ngx_mra_count(ngx_mra_conf_t *mcf, ngx_mra_counter_e c, ngx_int_t n);
ngx_int_t ngx_mra_counter(ngx_mra_conf_t *mcf, ngx_mra_counter_e c);


/* what is timed */

typedef enum {
    NGX_MRA_TIME_VERIFICATION = 0,     /* of credentials, by the UC node */
    NGX_MRA_TIME_REGISTER,             /* from next hop to final answer */
    NGX_MRA_TIME_KEEPALIVE,            /* of a next hop: STUN or OPTIONS */
    NGX_MRA_TIMES
} ngx_mra_time_e;

#define NGX_MRA_BUCKETS  12            /* with an end; then one without */

typedef struct {
    ngx_atomic_uint_t  count[NGX_MRA_BUCKETS + 1];     /* not cumulated */
    ngx_atomic_uint_t  sum;            /* ms */
} ngx_mra_histogram_t;

/*
 * Counts a time of "ms" for this node, as cheaply as ngx_mra_count().
 * Histogram: what all workers have counted.  Bucket: its end, ms.
 */

void ngx_mra_observe(ngx_mra_conf_t *mcf, ngx_mra_time_e t, ngx_msec_t ms);
void ngx_mra_histogram(ngx_mra_conf_t *mcf, ngx_mra_time_e t,
    ngx_mra_histogram_t *h);
ngx_msec_t ngx_mra_bucket(ngx_uint_t n);


/* a binding in the store: so many bytes, then the address-of-record */

#define NGX_MRA_BINDING_HEAD  22


/*
 * Messages between workers of this master, of older generations too.  A
 * worker is named by a number that no other life of a worker shares.
 */

#define NGX_MRA_IPC_MAX  131072    /* bytes of one message */

#define NGX_MRA_IPC_PIECES  64     /* of one message, at most */

/* the message is valid during the call */

typedef void (*ngx_mra_ipc_pt)(uint32_t from, ngx_str_t *msg);

/* the channel of the stream module; others get numbers of their own */

#define NGX_MRA_IPC_STREAM    0
#define NGX_MRA_IPC_CHANNELS  4

/* this worker's number; 0 where there is none (master, helpers) */

uint32_t ngx_mra_ipc_self(ngx_cycle_t *cycle);

/* sets the receiver of a channel, once, in init_process */

void ngx_mra_ipc_receive(ngx_cycle_t *cycle, ngx_uint_t channel,
    ngx_mra_ipc_pt handler);

/*
 * Sends the pieces of iov as one message; they are copied if they must
 * wait.  Delivery is at most once, in order for one receiver.
 *
 * NGX_OK        sent or queued
 * NGX_DECLINED  there is no such worker (any more)
 * NGX_BUSY      too much waits for it, try later or answer 503
 * NGX_ERROR     too large, too many pieces, or out of memory
 */

ngx_int_t ngx_mra_ipc_send(ngx_cycle_t *cycle, uint32_t to,
    ngx_uint_t channel, struct iovec *iov, ngx_uint_t niov);


#endif /* _NGX_MRA_H_INCLUDED_ */
