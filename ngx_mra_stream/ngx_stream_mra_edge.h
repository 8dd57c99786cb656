
/*
 * Copyright (C) ngx_mra contributors
 *
 * Edge nodes: in a server with mra_sip_edge each connection is a trunk, that
 * carries the clients of an edge node.  What leads back to them names the
 * node, not the connection: any trunk will do, and either side may reconnect.
 */


#ifndef _NGX_STREAM_MRA_EDGE_H_INCLUDED_
#define _NGX_STREAM_MRA_EDGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"


/* of an edge node's nonce: what all tokens that lead to it begin with */

#define NGX_STREAM_MRA_EDGE_PREFIX  6


/* what a client has that is a trunk */

struct ngx_stream_mra_trunk_s {
    ngx_queue_t                queue;      /* all of this worker */
    ngx_stream_mra_client_t   *client;
    ngx_stream_mra_edge_t     *edge;       /* NULL: not known yet */
    ngx_uint_t                 admitted;   /* by which argument */
    uint64_t                   heard;      /* bytes, at the last look */
    unsigned                   left:1;
    unsigned                   told:1;     /* it is a node of ours */
    unsigned                   lied:1;
};


/* the directive; what is wrong with it, after the merge */

char *ngx_stream_mra_edge(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_stream_mra_edge_check(ngx_conf_t *cf,
    ngx_stream_mra_srv_conf_t *mscf);

/* in init_process; NULL: no memory */

ngx_stream_mra_edges_t *ngx_stream_mra_edges_create(ngx_cycle_t *cycle,
    ngx_stream_mra_main_conf_t *mmcf);

/*
 * Whether the connection may be a trunk of its server: NGX_OK, the client is
 * one; NGX_DECLINED, logged.
 */

ngx_int_t ngx_stream_mra_edge_admit(ngx_stream_mra_client_t *client,
    ngx_connection_t *c);

/* step: the first request of a trunk tells whose it is */

ngx_int_t ngx_stream_mra_edge_meet(ngx_stream_mra_relay_t *r);

/* the node at its other end tells what its flow tokens begin with */

void ngx_stream_mra_edge_named(ngx_stream_mra_client_t *client, u_char *tag);

/* all trunks of this worker, by their "queue" */

ngx_queue_t *ngx_stream_mra_edge_trunks(void);

/* it gets no more requests from inside; and it is closed */

void ngx_stream_mra_edge_leave(ngx_stream_mra_client_t *client);
void ngx_stream_mra_edge_free(ngx_stream_mra_client_t *client);

/* the flow of an edge node */

void ngx_stream_mra_edge_flow(ngx_stream_mra_edge_t *edge,
    ngx_stream_mra_flow_t *flow);

/*
 * Whether the flow, in the token of another node, is that of an edge node of
 * this upstream: whoever has our secret has written it.
 */

ngx_uint_t ngx_stream_mra_edge_is_signed(uint32_t id,
    ngx_stream_mra_flow_t *flow);

/*
 * Whether the id of a binding (its bytes behind the tag) names an edge node
 * that is or was here lately; *flow is that of the node then.
 */

ngx_uint_t ngx_stream_mra_edge_known(uint32_t id, u_char *nonce,
    ngx_stream_mra_flow_t *flow);

/*
 * A message for the flow of an edge node, or of a trunk that is gone:
 *
 * NGX_OK        r->client is another trunk
 * NGX_DONE      it was handed over to a worker that has one
 * NGX_DECLINED  there is none, or the flow is no edge node's
 * 480           there was one a moment ago
 */

ngx_int_t ngx_stream_mra_edge_reach(ngx_stream_mra_relay_t *r);


#endif /* _NGX_STREAM_MRA_EDGE_H_INCLUDED_ */
