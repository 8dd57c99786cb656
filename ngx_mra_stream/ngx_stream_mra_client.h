
/*
 * Copyright (C) ngx_mra contributors
 *
 * Sessions: the connections that clients (mra_sip_pass) or next hops
 * (mra_sip_accept) open to us.
 */


#ifndef _NGX_STREAM_MRA_CLIENT_H_INCLUDED_
#define _NGX_STREAM_MRA_CLIENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"


typedef struct ngx_stream_mra_client_s   ngx_stream_mra_client_t;
typedef struct ngx_stream_mra_binding_s  ngx_stream_mra_binding_t;
typedef struct ngx_stream_mra_pending_s  ngx_stream_mra_pending_t;
typedef struct ngx_stream_mra_stun_s     ngx_stream_mra_stun_t;
typedef struct ngx_stream_mra_setup_s    ngx_stream_mra_setup_t;
typedef struct ngx_stream_mra_trunk_s    ngx_stream_mra_trunk_t;
typedef struct ngx_stream_mra_edge_s     ngx_stream_mra_edge_t;


#define NGX_STREAM_MRA_CREDENTIALS  4


typedef struct {
    uint64_t                    *elts;      /* names of dialogs */
    uint16_t                     nelts;
    uint16_t                     nalloc;
} ngx_stream_mra_dialogs_t;


struct ngx_stream_mra_client_s {
    ngx_stream_mra_link_t        link;
    ngx_stream_session_t        *session;
    ngx_stream_mra_srv_conf_t   *conf;
    ngx_stream_mra_hop_t        *hop;       /* NULL: none yet */
    ngx_queue_t                  queue;     /* all of this worker */

    ngx_stream_mra_binding_t    *bindings;
    ngx_stream_mra_pending_t    *pendings;
    size_t                       pending_size;  /* bytes */
    ngx_stream_mra_stun_t       *stun;      /* keepalives that wait */
    ngx_stream_mra_dialogs_t     dialogs;

    /* requests with credentials, REGISTERs excluded, and the last
       address-of-record that was registered: hashes, 0: none */

    uint64_t                     credentials[NGX_STREAM_MRA_CREDENTIALS];
    uint64_t                     succeeded;
    ngx_uint_t                   ncredentials;
    ngx_stream_mra_setup_t      *setups;    /* of calls */

    ngx_stream_mra_trunk_t      *trunk;     /* NULL: a phone */
    uint32_t                     path;      /* the id of the hop behind its
                                               hop; 0: not known */
    uint32_t                     moved;     /* when for the balance, seconds
                                               of ngx_current_msec */
    unsigned                     adaptive:1;  /* it follows Service-Route */
    unsigned                     ar_sk:1;     /* ... and says so itself */
};


/* NULL: no memory */

ngx_stream_mra_clients_t *ngx_stream_mra_clients_create(ngx_cycle_t *cycle);

/* closes what is left, in exit_process */

void ngx_stream_mra_clients_close(ngx_stream_mra_clients_t *clients);

/* content handler of both directives */

void ngx_stream_mra_client_handler(ngx_stream_session_t *s);

/* the client of a link; NULL: the link leads inside */

ngx_stream_mra_client_t *ngx_stream_mra_client_of(ngx_stream_mra_link_t *ln);

/* the mra_sip_accept server of a link; NULL: it is a link of ours to a hop */

ngx_stream_mra_srv_conf_t *ngx_stream_mra_accept_of(
    ngx_stream_mra_link_t *ln);

/* the hop of a client, another one if that is down; NULL: all are */

ngx_stream_mra_hop_t *ngx_stream_mra_client_choose(
    ngx_stream_mra_client_t *client);

/* why framing was lost, for the log: ngx_mra_frame_reason_e */

char *ngx_stream_mra_broken_reason(ngx_uint_t reason);

/* makes "hop" the client's */

void ngx_stream_mra_client_use(ngx_stream_mra_client_t *client,
    ngx_stream_mra_hop_t *hop);


#endif /* _NGX_STREAM_MRA_CLIENT_H_INCLUDED_ */
