
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the files of the next-hop side share among themselves.
 */


#ifndef _NGX_STREAM_MRA_HOP_PRIVATE_H_INCLUDED_
#define _NGX_STREAM_MRA_HOP_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_stun.h"
#include "ngx_stream_mra_module.h"


/* how often a worker looks at what others have learnt, ms */

#define NGX_STREAM_MRA_HOP_TICK     100


/*
 * A connection to a hop that is being made: ngx_stream_mra_hop_conn.c
 */

typedef struct ngx_stream_mra_conn_s  ngx_stream_mra_conn_t;

struct ngx_stream_mra_conn_s {
    ngx_stream_mra_hop_t      *hop;
    ngx_peer_connection_t      peer;
    ngx_event_t                timer;
    ngx_msec_t                 started;
    ngx_mra_probe_reason_e     reason;     /* of a failure */
    unsigned                   active:1;

    /* c: connected, handshaken, the handler's; NULL: conn->reason tells */

    void                     (*handler)(ngx_stream_mra_conn_t *conn,
                                        ngx_connection_t *c);
    void                      *data;
};


/*
 * Starts to connect; conn->handler is called from the event loop within
 * "timeout" ms, unless conn_cancel() comes first.
 *
 * NGX_OK; NGX_ERROR: a fault of this host, nothing is learnt of the hop
 */

ngx_int_t ngx_stream_mra_conn_open(ngx_stream_mra_conn_t *conn,
    ngx_stream_mra_hop_t *hop, ngx_msec_t timeout);
void ngx_stream_mra_conn_cancel(ngx_stream_mra_conn_t *conn);

/* closes what conn->handler was given */

void ngx_stream_mra_conn_close(ngx_connection_t *c);


/*
 * TLS: ngx_stream_mra_hop_tls.c
 */

void ngx_stream_mra_tls_create_conf(ngx_stream_mra_tls_conf_t *tcf);
char *ngx_stream_mra_tls_merge_conf(ngx_conf_t *cf,
    ngx_stream_mra_tls_conf_t *prev, ngx_stream_mra_tls_conf_t *conf);

/*
 * NGX_OK: handshaken and verified; NGX_AGAIN: c->ssl->handler is called;
 * NGX_DECLINED: *reason tells; NGX_ERROR: a fault of ours
 */

ngx_int_t ngx_stream_mra_tls_start(ngx_stream_mra_hop_t *hop,
    ngx_connection_t *c, ngx_mra_probe_reason_e *reason);
ngx_int_t ngx_stream_mra_tls_done(ngx_stream_mra_hop_t *hop,
    ngx_connection_t *c, ngx_mra_probe_reason_e *reason);

void ngx_stream_mra_tls_free_session(ngx_stream_mra_hop_t *hop);


/*
 * One of the links that clients share: ngx_stream_mra_hop_slot.c
 */

struct ngx_stream_mra_slot_s {
    ngx_stream_mra_hop_t      *hop;
    ngx_stream_mra_link_t      link;
    ngx_stream_mra_conn_t      conn;
    ngx_event_t                retry;
    ngx_uint_t                 tries;      /* that failed in a row */
    ngx_msec_t                 opened;

    uint64_t                   heard;      /* link.received at the last
                                              keepalive */
    unsigned                   open:1;
    unsigned                   asked:2;    /* so often without an answer */
    unsigned                   greeted:1;
};


ngx_int_t ngx_stream_mra_slots_create(ngx_stream_mra_hop_t *hop);
void ngx_stream_mra_slots_open(ngx_stream_mra_hop_t *hop);
void ngx_stream_mra_slots_close(ngx_stream_mra_hop_t *hop);
ngx_uint_t ngx_stream_mra_slots_are_idle(ngx_stream_mra_hop_t *hop);

/* a node of ours is told at once who is at the other end */

void ngx_stream_mra_slots_greet(ngx_stream_mra_hop_t *hop);

/* the one for this affinity; only if it cannot be opened, another */

ngx_stream_mra_slot_t *ngx_stream_mra_slot_choose(ngx_stream_mra_hop_t *hop,
    ngx_uint_t affinity);

/* NULL: it is not open */

ngx_stream_mra_link_t *ngx_stream_mra_slot_link(ngx_stream_mra_slot_t *slot);

/* NGX_DECLINED: it is not open; or as ngx_stream_mra_link_send() */

ngx_int_t ngx_stream_mra_slot_send(ngx_stream_mra_slot_t *slot,
    struct iovec *iov, ngx_uint_t niov);


/*
 * Probes and keepalives: ngx_stream_mra_keepalive.c
 */

ngx_stream_mra_ping_t *ngx_stream_mra_ping_create(ngx_stream_mra_hop_t *hop);

/* sends a probe if one is due, on a connection of its own */

void ngx_stream_mra_ping_due(ngx_stream_mra_hop_t *hop);
void ngx_stream_mra_ping_cancel(ngx_stream_mra_hop_t *hop);
ngx_uint_t ngx_stream_mra_ping_is_idle(ngx_stream_mra_hop_t *hop);

/* it has told that it is a node of ours */

ngx_uint_t ngx_stream_mra_keepalive_is_ours(ngx_stream_mra_hop_t *hop);

/* STUN that came on a link: requests are answered */

void ngx_stream_mra_keepalive_stun(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln, u_char *p, u_char *last);

/* asks on a link, by STUN or CRLF; returns whether an answer is due */

ngx_uint_t ngx_stream_mra_keepalive_ask(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln);


/*
 * What all workers know: ngx_stream_mra_hop_state.c.  Changes of state are
 * logged there, and acted upon at the next tick.
 */

/* the count of choices; NULL: no memory */

ngx_atomic_t *ngx_stream_mra_state_ticket(ngx_stream_mra_hops_t *hops);

ngx_int_t ngx_stream_mra_state_init(ngx_stream_mra_hop_t *hop);
void ngx_stream_mra_state_touch(ngx_stream_mra_hop_t *hop);

ngx_mra_probe_kind_e ngx_stream_mra_state_claim(ngx_stream_mra_hop_t *hop,
    ngx_msec_t *timeout);
void ngx_stream_mra_state_answered(ngx_stream_mra_hop_t *hop,
    ngx_mra_probe_reason_e reason);
void ngx_stream_mra_state_failed(ngx_stream_mra_hop_t *hop,
    ngx_mra_probe_reason_e reason);
void ngx_stream_mra_state_missed(ngx_stream_mra_hop_t *hop,
    ngx_msec_t started, ngx_mra_probe_reason_e reason);
void ngx_stream_mra_state_seen(ngx_stream_mra_hop_t *hop);
void ngx_stream_mra_state_suspect(ngx_stream_mra_hop_t *hop);

/* what came on a link tells whether it has a path: GOOD or PATH */

void ngx_stream_mra_state_told(ngx_stream_mra_hop_t *hop,
    ngx_mra_probe_reason_e reason);


/*
 * Names of servers, resolved again and again: ngx_stream_mra_hop_resolve.c
 */

/* a server of the upstream block and what its name says */

struct ngx_stream_mra_server_s {
    ngx_stream_upstream_server_t   conf;
    ngx_str_t                      host;      /* len 0: an address */
    in_port_t                      port;

    ngx_stream_mra_hops_t         *hops;
    ngx_event_t                    timer;
    ngx_uint_t                     failed;
};


ngx_int_t ngx_stream_mra_resolve_init(ngx_stream_mra_hops_t *hops);


/*
 * Hops that come and go: ngx_stream_mra_hop.c
 */

/* NULL: no memory, or no place is free */

ngx_stream_mra_hop_t *ngx_stream_mra_hop_add(ngx_stream_mra_hops_t *hops,
    ngx_stream_mra_server_t *server, struct sockaddr *sockaddr,
    socklen_t socklen);

/* has the tick come in this turn of the event loop */

void ngx_stream_mra_hop_hurry(ngx_stream_mra_hop_t *hop);


/*
 * Balance among the hops: ngx_stream_mra_balance.c
 */

/* NGX_OK or NGX_ERROR */

ngx_int_t ngx_stream_mra_balance_init(ngx_stream_mra_hops_t *hops);

/* the hop takes the place of another one */

void ngx_stream_mra_balance_new(ngx_stream_mra_hop_t *hop);

void ngx_stream_mra_balance_tick(ngx_stream_mra_hops_t *hops);

/* as ngx_mra_route_choose(), of those that carry less if they tell */

ngx_int_t ngx_stream_mra_balance_choose(ngx_stream_mra_hops_t *hops,
    ngx_mra_route_t *r, uint64_t tried, ngx_uint_t ticket);


#endif /* _NGX_STREAM_MRA_HOP_PRIVATE_H_INCLUDED_ */
