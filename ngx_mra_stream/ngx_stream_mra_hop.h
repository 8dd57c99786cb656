
/*
 * Copyright (C) ngx_mra contributors
 *
 * Next hops: the servers of an upstream block as this worker sees them.
 * Each has a few links that all clients share, is probed with STUN, and is
 * up or down for all workers together.
 */


#ifndef _NGX_STREAM_MRA_HOP_H_INCLUDED_
#define _NGX_STREAM_MRA_HOP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_link.h"


typedef struct ngx_stream_mra_hop_s   ngx_stream_mra_hop_t;
typedef struct ngx_stream_mra_hops_s  ngx_stream_mra_hops_t;


/* what the relay does with what comes from next hops */

typedef struct {
    void  (*message)(ngx_stream_mra_hop_t *hop, ngx_stream_mra_link_t *ln,
        u_char *p, u_char *last);

    /* the hop went down: what waits for its answer goes elsewhere */

    void  (*down)(ngx_stream_mra_hop_t *hop);

    /* a link is open now, so that hop_link() finds it */

    void  (*up)(ngx_stream_mra_hop_t *hop);
} ngx_stream_mra_hop_handlers_t;


/* mra_sip_ssl_* and mra_sip_connect_timeout of one server { } */

typedef struct {
    ngx_msec_t              connect_timeout;
    ngx_flag_t              ssl_enable;
} ngx_stream_mra_hop_conf_t;


struct ngx_stream_mra_hop_s {
    ngx_str_t               name;        /* as in the server directive */
    ngx_stream_mra_hops_t  *hops;
    ngx_uint_t              index;       /* in hops */
    ngx_uint_t              clients;     /* of this worker that use it */
    void                   *data;        /* as given to hops_create() */
    void                   *relay;       /* the relay's */

    /* the rest belongs to ngx_stream_mra_hop.c */

    void                   *private;
};


/* sets all to NGX_CONF_UNSET; merges as merge_srv_conf does */

void ngx_stream_mra_hop_create_conf(ngx_stream_mra_hop_conf_t *conf);
char *ngx_stream_mra_hop_merge_conf(ngx_conf_t *cf,
    ngx_stream_mra_hop_conf_t *prev, ngx_stream_mra_hop_conf_t *conf);

/*
 * The next hops of one server { }, for this worker: called in init_process,
 * opens the links.  max_size is the limit of one message, data is set in
 * each hop.  NULL: no memory.
 */

ngx_stream_mra_hops_t *ngx_stream_mra_hops_create(ngx_cycle_t *cycle,
    ngx_stream_upstream_srv_conf_t *uscf, ngx_stream_mra_hop_conf_t *conf,
    const ngx_stream_mra_hop_handlers_t *handlers, size_t max_size,
    void *data);

/*
 * The hop for a new client, or for one whose hop is in the "tried" bit mask
 * (bit: hop->index): weights, then backups, as round robin does, among those
 * that are not down.  NULL: none is left.
 */

ngx_stream_mra_hop_t *ngx_stream_mra_hop_choose(ngx_stream_mra_hops_t *hops,
    uint64_t tried);

/* up for all we know, whichever worker learnt it */

ngx_uint_t ngx_stream_mra_hop_is_up(ngx_stream_mra_hop_t *hop);

/*
 * Queues a message on one of the hop's links, always the same for the same
 * "affinity", so that a client's messages keep their order; while the link
 * is being opened they wait there.  *ln, if not NULL, is the link used.
 *
 * NGX_OK        queued
 * NGX_DECLINED  the hop is down
 * NGX_BUSY      too much waits
 * NGX_ERROR     no memory
 */

ngx_int_t ngx_stream_mra_hop_send(ngx_stream_mra_hop_t *hop,
    ngx_uint_t affinity, struct iovec *iov, ngx_uint_t niov,
    ngx_stream_mra_link_t **ln);

/* the open link that hop_send() would use; NULL: it is being opened */

ngx_stream_mra_link_t *ngx_stream_mra_hop_link(ngx_stream_mra_hop_t *hop,
    ngx_uint_t affinity);

/*
 * Reports of the relay: a request got no answer in time; an answer came.
 */

void ngx_stream_mra_hop_timed_out(ngx_stream_mra_hop_t *hop);
void ngx_stream_mra_hop_answered(ngx_stream_mra_hop_t *hop);


#endif /* _NGX_STREAM_MRA_HOP_H_INCLUDED_ */
