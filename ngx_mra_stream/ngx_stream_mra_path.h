
/*
 * Copyright (C) ngx_mra contributors
 *
 * The path of a request: which next hop it takes, and which one behind that.
 * A path is told to clients, and by edge nodes to core nodes, as the user of
 * a Route: p-<hop>[.<hop behind it>], from here inward, in hexadecimal.  It
 * is a wish among what is configured and never more.
 */


#ifndef _NGX_STREAM_MRA_PATH_H_INCLUDED_
#define _NGX_STREAM_MRA_PATH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_pending.h"


/* how many hops the user of a URI names: 0, it is no path */

ngx_uint_t ngx_stream_mra_path_parse(ngx_str_t *user, uint32_t *ids);

/* sets r->wish and r->behind from the topmost Route and the client */

void ngx_stream_mra_path_read(ngx_stream_mra_relay_t *r);

/*
 * The hop for a request that is new here.  NULL: none is up, or the one that
 * it must take is not.
 */

ngx_stream_mra_hop_t *ngx_stream_mra_path_choose(ngx_stream_mra_relay_t *r);

/* the Route that tells the next hop where to go on: NGX_OK or NGX_ERROR */

ngx_int_t ngx_stream_mra_path_tell(ngx_stream_mra_relay_t *r);

/* whether the client follows paths, from its REGISTER, then each Contact */

void ngx_stream_mra_path_announced(ngx_stream_mra_relay_t *r);
void ngx_stream_mra_path_contact(ngx_stream_mra_client_t *client,
    ngx_mra_sip_contact_t *contact);

/*
 * The 2xx to the REGISTER in p: what the next hop tells of its path is
 * remembered, and the client or the edge node told.  NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_stream_mra_path_answer(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p);

/*
 * The hop of which a Via, the topmost that is left in an answer, tells; the
 * only one if there is only one.  NULL: it cannot be told.
 */

ngx_stream_mra_hop_t *ngx_stream_mra_path_back(ngx_stream_mra_hops_t *hops,
    ngx_str_t *via);

/* a link to any of them; NULL: there is none now */

ngx_stream_mra_link_t *ngx_stream_mra_path_any(ngx_stream_mra_hops_t *hops);


#endif /* _NGX_STREAM_MRA_PATH_H_INCLUDED_ */
