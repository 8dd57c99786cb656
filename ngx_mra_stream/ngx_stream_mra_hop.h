
/*
 * Copyright (C) ngx_mra contributors
 *
 * Next hops: the servers of an upstream block as this worker sees them.
 * Each has a few links that all clients share, is probed with STUN or SIP
 * OPTIONS, and is up or down for all workers together.
 */


#ifndef _NGX_STREAM_MRA_HOP_H_INCLUDED_
#define _NGX_STREAM_MRA_HOP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include <ngx_stream.h>
#include "ngx_mra.h"
#include "ngx_mra_probe.h"
#include "ngx_mra_balance.h"
#include "ngx_mra_route.h"
#include "ngx_mra_status.h"
#include "ngx_stream_mra_link.h"


#define NGX_STREAM_MRA_HOPS  NGX_MRA_ROUTE_MAX    /* of one upstream */


typedef struct ngx_stream_mra_hop_s      ngx_stream_mra_hop_t;
typedef struct ngx_stream_mra_hops_s     ngx_stream_mra_hops_t;
typedef struct ngx_stream_mra_slot_s     ngx_stream_mra_slot_t;
typedef struct ngx_stream_mra_ping_s     ngx_stream_mra_ping_t;
typedef struct ngx_stream_mra_server_s   ngx_stream_mra_server_t;


/* what the relay does with what comes from next hops */

typedef struct {
    void  (*message)(ngx_stream_mra_hop_t *hop, ngx_stream_mra_link_t *ln,
        u_char *p, u_char *last);

    /* "take" of the link */

    size_t  (*take)(ngx_stream_mra_hop_t *hop, ngx_stream_mra_link_t *ln,
        u_char *p, u_char *last);

    /*
     * The hop went down: what waits for its answer goes elsewhere.  Called
     * in every worker, from the event loop.
     */

    void  (*down)(ngx_stream_mra_hop_t *hop);

    /* a link of it was opened; what had waited for it is sent after this */

    void  (*opened)(ngx_stream_mra_hop_t *hop, ngx_stream_mra_link_t *ln);

    /*
     * One link of a hop that may be up was lost, and with it the answers
     * to what was sent over it.
     */

    void  (*lost)(ngx_stream_mra_hop_t *hop, ngx_stream_mra_link_t *ln);

    /* maintenance began or ended, or a hop is in another state; these
       three may be NULL */

    void  (*changed)(ngx_stream_mra_hops_t *hops);
} ngx_stream_mra_hop_handlers_t;


/* mra_sip_ssl and mra_sip_ssl_* */

typedef struct {
    ngx_flag_t                 enable;
    ngx_flag_t                 session_reuse;
    ngx_flag_t                 server_name;
    ngx_flag_t                 verify;
    ngx_uint_t                 verify_depth;
    ngx_uint_t                 protocols;
    ngx_str_t                  ciphers;
    ngx_str_t                  name;
    ngx_str_t                  trusted_certificate;
    ngx_str_t                  crl;
    ngx_str_t                  certificate;
    ngx_str_t                  certificate_key;
    ngx_array_t               *passwords;
    ngx_array_t               *conf_commands;

    ngx_ssl_t                 *ssl;
} ngx_stream_mra_tls_conf_t;


typedef struct {
    ngx_msec_t                 connect_timeout;
    ngx_uint_t                 connections;     /* of a hop and a worker */
    ngx_addr_t                *local;           /* NULL: any */
    ngx_stream_mra_tls_conf_t  tls;
} ngx_stream_mra_hop_conf_t;


struct ngx_stream_mra_hop_s {
    ngx_str_t                  name;        /* its address, as in logs */
    ngx_str_t                  server;      /* as in the server directive */
    ngx_stream_mra_hops_t     *hops;
    ngx_uint_t                 index;       /* in hops */
    uint32_t                   id;          /* of its name */
    ngx_uint_t                 clients;     /* of this worker that use it:
                                               the relay counts */
    void                      *data;        /* the relay's */

    /* the rest is private to ngx_stream_mra_hop*.c */

    ngx_sockaddr_t             sockaddr;
    socklen_t                  socklen;
    u_char                     text[NGX_SOCKADDR_STRLEN];
    ngx_str_t                  host;        /* of the server, no port */

    ngx_uint_t                 weight;
    ngx_uint_t                 backup;
    ngx_uint_t                 retired;     /* no address of its server */
    ngx_stream_mra_server_t   *conf_server;
    ngx_mra_probe_conf_t       conf;

    ngx_mra_probe_t           *shared;      /* by all workers */
    ngx_mra_report_t           report;      /* as last looked at */
    ngx_uint_t                 state;       /* as last acted upon */
    uint32_t                   ups;         /* how often it came up */
    ngx_msec_t                 owed;        /* the oldest message that
                                               nothing came after; 0: none */

    ngx_log_t                  log;
    ngx_log_t                  quiet;       /* for what is known to fail */
    ngx_ssl_session_t         *session;

    ngx_stream_mra_slot_t     *slots;
    ngx_stream_mra_ping_t     *ping;
    ngx_queue_t                waiters;
};


struct ngx_stream_mra_hops_s {
    ngx_str_t                  name;        /* of the upstream */
    void                      *data;        /* the relay's */
    ngx_uint_t                 n;           /* in hop[] */
    ngx_stream_mra_hop_t      *hop[NGX_STREAM_MRA_HOPS];

    /* the rest is private to ngx_stream_mra_hop*.c */

    ngx_stream_mra_hop_conf_t            *conf;
    ngx_array_t                           servers;
    ngx_resolver_t                       *resolver;
    ngx_msec_t                            resolver_timeout;
    ngx_log_t                            *log;

    const ngx_stream_mra_hop_handlers_t  *handlers;
    size_t                                max_message_size;
    ngx_mra_conf_t                       *mcf;
    uint32_t                              worker;
    ngx_atomic_t                         *ticket;    /* of all workers */
    ngx_event_t                           tick;
    ngx_mra_balance_t                    *balance;   /* NULL: off */
    ngx_msec_t                            balanced;
    ngx_uint_t                            loads;     /* hops that tell */
    uint32_t                              print;     /* of what was told */
    ngx_msec_t                            reported;  /* ... and when */
};


/* somebody who wants to know whether a hop is up, and waits */

typedef struct ngx_stream_mra_wait_s  ngx_stream_mra_wait_t;

struct ngx_stream_mra_wait_s {
    ngx_queue_t                queue;       /* private, as is this */
    ngx_msec_t                 deadline;
    unsigned                   waiting:1;

    void                     (*handler)(ngx_stream_mra_wait_t *w,
                                        ngx_uint_t up);
    void                      *data;
};


/*
 * Configuration: to be called from create_srv_conf and merge_srv_conf; what
 * is not set to "unset" is zeroed by the caller.  hops_create() comes after
 * the merge and returns the hops of an upstream, NULL: an error was logged.
 */

void ngx_stream_mra_hop_create_conf(ngx_stream_mra_hop_conf_t *hcf);
char *ngx_stream_mra_hop_merge_conf(ngx_conf_t *cf,
    ngx_stream_mra_hop_conf_t *prev, ngx_stream_mra_hop_conf_t *conf);

ngx_stream_mra_hops_t *ngx_stream_mra_hops_create(ngx_conf_t *cf,
    ngx_stream_upstream_srv_conf_t *uscf, ngx_stream_mra_hop_conf_t *hcf);

/* for the table of directives */

extern ngx_conf_num_bounds_t  ngx_stream_mra_hop_connections;
extern ngx_conf_bitmask_t     ngx_stream_mra_tls_protocols[];
extern ngx_conf_post_t        ngx_stream_mra_tls_conf_command;

char *ngx_stream_mra_hop_set_bind(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_stream_mra_tls_set_passwords(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * In init_process, after the links were created: connections are opened.
 * max_message_size is that of messages which the hops send.
 *
 * NGX_OK or NGX_ERROR
 */

ngx_int_t ngx_stream_mra_hops_init(ngx_cycle_t *cycle,
    ngx_stream_mra_hops_t *hops,
    const ngx_stream_mra_hop_handlers_t *handlers, size_t max_message_size,
    void *data);


/*
 * The hop for a new client, or for one whose hop is in the "tried" bit mask
 * (bit: hop->index): by weight, then backups, among those that are not
 * down; one count for all workers.  NULL: none is left.
 */

ngx_stream_mra_hop_t *ngx_stream_mra_hop_choose(ngx_stream_mra_hops_t *hops,
    uint64_t tried);

/*
 * The hop to which a registration leaves "hop" with this REGISTER because
 * that has more than its share; "moved" is when it last did so, in seconds
 * of ngx_current_msec, 0: never.  NULL: it stays.
 */

ngx_stream_mra_hop_t *ngx_stream_mra_hop_balance(ngx_stream_mra_hop_t *hop,
    time_t moved);

/* one went there, which "from" may still count for "life" seconds */

void ngx_stream_mra_hop_moved(ngx_stream_mra_hop_t *from,
    ngx_stream_mra_hop_t *to, time_t life);

/* the same one for the same key, as long as it is up; NULL: none is */

ngx_stream_mra_hop_t *ngx_stream_mra_hop_keep(ngx_stream_mra_hops_t *hops,
    uint64_t key);

/*
 * The number that a path names a hop by, the same on all nodes that reach it
 * by the same address, never 0; the hop of a number, NULL: there is none.
 */

uint32_t ngx_stream_mra_hop_id(ngx_stream_mra_hop_t *hop);
ngx_stream_mra_hop_t *ngx_stream_mra_hop_by_id(ngx_stream_mra_hops_t *hops,
    uint32_t id);

/* up for all we know, whichever worker learnt it */

ngx_uint_t ngx_stream_mra_hop_is_up(ngx_stream_mra_hop_t *hop);

/*
 * What a hop that is a node of ours told of itself last, to any worker:
 * valid until the next call.  NULL: nothing, or nothing for three times
 * stun_keepalive_interval.
 */

ngx_mra_report_t *ngx_stream_mra_hop_report(ngx_stream_mra_hop_t *hop);

/* it is in maintenance, and told so */

ngx_uint_t ngx_stream_mra_hop_is_draining(ngx_stream_mra_hop_t *hop);

/* a client goes to another one: why is counted */

void ngx_stream_mra_hop_leave(ngx_stream_mra_hop_t *hop);

/*
 * The state of the next hop "id" behind "hop", as that told us; UNKNOWN: it
 * tells nothing of such a one.
 */

ngx_mra_probe_state_e ngx_stream_mra_hop_behind(ngx_stream_mra_hop_t *hop,
    uint32_t id);

/* whether another one of its upstream is up and not in maintenance */

ngx_uint_t ngx_stream_mra_hop_has_other(ngx_stream_mra_hop_t *hop);

/* somebody wants to know how it is, and does not wait */

void ngx_stream_mra_hop_ask(ngx_stream_mra_hop_t *hop);

/*
 * Whether a hop can be vouched for: for the answer to a client's keepalive.
 * "w" is the caller's and has its handler set.
 *
 * NGX_OK        it gave a sign of life lately
 * NGX_DECLINED  it is down
 * NGX_AGAIN     it is asked: w->handler is called once, within four fifths
 *               of stun_keepalive_timeout, unless the wait is cancelled
 */

ngx_int_t ngx_stream_mra_hop_check(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_wait_t *w);

/* harmless when nothing is waited for */

void ngx_stream_mra_hop_cancel(ngx_stream_mra_wait_t *w);

/* the link that hop_send() would use; NULL: it is not open now */

ngx_stream_mra_link_t *ngx_stream_mra_hop_link(ngx_stream_mra_hop_t *hop,
    ngx_uint_t affinity);

/*
 * Queues a message on one of the hop's links, always the same for the same
 * "affinity", so that a client's messages keep their order.
 *
 * NGX_OK        queued
 * NGX_DECLINED  the hop is down, or the link is being opened
 * NGX_BUSY      too much waits
 * NGX_ERROR     no memory
 */

ngx_int_t ngx_stream_mra_hop_send(ngx_stream_mra_hop_t *hop,
    ngx_uint_t affinity, struct iovec *iov, ngx_uint_t niov);

/*
 * Reports of the relay: a request, sent at "sent" (ngx_current_msec), got no
 * answer in time; something came from the hop on a connection that it has
 * opened itself.
 */

void ngx_stream_mra_hop_timed_out(ngx_stream_mra_hop_t *hop, ngx_msec_t sent);
void ngx_stream_mra_hop_answered(ngx_stream_mra_hop_t *hop);


#endif /* _NGX_STREAM_MRA_HOP_H_INCLUDED_ */
