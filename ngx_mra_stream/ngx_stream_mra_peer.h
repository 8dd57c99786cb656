
/*
 * Copyright (C) ngx_mra contributors
 *
 * Peers: a request from inside for a client of another node goes to the
 * mra_sip_accept of that node, whose heartbeat tells where that is.
 */


#ifndef _NGX_STREAM_MRA_PEER_H_INCLUDED_
#define _NGX_STREAM_MRA_PEER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_relay.h"


/* in init_process, after the hops; NULL: no memory */

ngx_stream_mra_peers_t *ngx_stream_mra_peers_create(ngx_cycle_t *cycle,
    ngx_stream_mra_main_conf_t *mmcf);

/*
 * Sends the request in r to the node that has the tag, if that is a peer
 * which is up: NGX_DONE, else the status to answer with: 430 if nobody hears
 * of it.  The answer comes back by our Via.
 */

ngx_int_t ngx_stream_mra_send_peer(ngx_stream_mra_relay_t *r, u_char *tag);

/*
 * To a peer that the request has not passed yet: NGX_DONE, else 430 or
 * another status.
 */

ngx_int_t ngx_stream_mra_send_next_peer(ngx_stream_mra_relay_t *r);

/* whether the request has come by the node that has the tag */

ngx_uint_t ngx_stream_mra_passed(ngx_stream_mra_relay_t *r, u_char *tag);


#endif /* _NGX_STREAM_MRA_PEER_H_INCLUDED_ */
