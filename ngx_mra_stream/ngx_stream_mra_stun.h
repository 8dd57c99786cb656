
/*
 * Copyright (C) ngx_mra contributors
 *
 * STUN keepalives of clients: the answer tells of the path, not only of us.
 * On trunks it is the edge node that asks, and is told how this node is.
 */


#ifndef _NGX_STREAM_MRA_STUN_H_INCLUDED_
#define _NGX_STREAM_MRA_STUN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"


/* a STUN message of a client, or of a next hop on a link that it opened */

void ngx_stream_mra_stun_message(ngx_stream_mra_client_t *client, u_char *p,
    u_char *last);

/* tells the edge nodes on trunks to these hops, at once */

void ngx_stream_mra_stun_changed(ngx_stream_mra_hops_t *hops);

/* forgets a keepalive that waits for the hop */

void ngx_stream_mra_stun_cancel(ngx_stream_mra_client_t *client);


#endif /* _NGX_STREAM_MRA_STUN_H_INCLUDED_ */
