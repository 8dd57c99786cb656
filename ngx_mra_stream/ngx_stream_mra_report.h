
/*
 * Copyright (C) ngx_mra contributors
 *
 * What nodes of ours tell each other of themselves, in attributes of STUN
 * keepalives: name, load, maintenance, the states of their next hops.
 */


#ifndef _NGX_STREAM_MRA_REPORT_H_INCLUDED_
#define _NGX_STREAM_MRA_REPORT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_stun_node.h"
#include "ngx_stream_mra_hop.h"


/* a message with all that there is to tell */

#define NGX_STREAM_MRA_REPORT_LEN                                            \
    (NGX_MRA_STUN_HEADER_LEN + NGX_MRA_STUN_NODE_SIZE + 64)


/* what this node tells of itself; "hops" are those whose states it tells */

void ngx_stream_mra_report_self(ngx_mra_stun_node_t *node,
    ngx_stream_mra_hops_t *hops);

/* whether one of the hops that it tells of is up */

ngx_uint_t ngx_stream_mra_report_has_up(ngx_mra_stun_node_t *node);

/* takes what a hop tells of itself, for all workers */

void ngx_stream_mra_report_take(ngx_stream_mra_hop_t *hop,
    ngx_mra_stun_t *m);

/*
 * Looks whether what report_self() tells has changed in a way that others
 * have to know at once; then handlers->changed is called.
 */

void ngx_stream_mra_report_watch(ngx_stream_mra_hops_t *hops);

/* a transaction id for a request of ours, NGX_MRA_STUN_ID_LEN bytes */

void ngx_stream_mra_report_id(u_char *id);


#endif /* _NGX_STREAM_MRA_REPORT_H_INCLUDED_ */
