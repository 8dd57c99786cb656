
/*
 * Copyright (C) ngx_mra contributors
 *
 * Calls survive their connection: what leads to a phone for longer than one
 * request tells its binding, too, as <flow token>.<id of the binding>.  When
 * the flow is gone, the phone may have registered again by another one: in
 * this worker, in another, at a peer, or behind another edge node.
 */


#ifndef _NGX_STREAM_MRA_FOLLOW_H_INCLUDED_
#define _NGX_STREAM_MRA_FOLLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_relay.h"


/*
 * The user of a Record-Route, or of a Path for the contact "id", NULL: for
 * the binding that the client has.
 */

ngx_str_t ngx_stream_mra_follow_user(ngx_stream_mra_relay_t *r, u_char *id);

/* the id of the binding in a Route, as we write it: NGX_OK / NGX_DECLINED */

ngx_int_t ngx_stream_mra_follow_id(ngx_str_t *value, u_char *id);

/* whether a Route tells a binding of r->client, whichever node wrote it */

ngx_uint_t ngx_stream_mra_follow_is_own(ngx_stream_mra_relay_t *r,
    u_char *text);

/*
 * Of a REGISTER that comes by a trunk: what the edge node calls the binding,
 * so that this node calls it alike.  NGX_OK, id->id is changed; NGX_DECLINED
 */

ngx_int_t ngx_stream_mra_follow_name(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_contact_t *contact, ngx_stream_mra_contact_t *id);

/* where the phone is now, into r->to: NGX_OK; NGX_DECLINED: as it was */

ngx_int_t ngx_stream_mra_follow_edge(ngx_stream_mra_relay_t *r);

/*
 * The flow in r->to is gone: NGX_OK, there is another one in r->to;
 * NGX_DONE: a peer has the request; NGX_DECLINED.
 */

ngx_int_t ngx_stream_mra_follow(ngx_stream_mra_relay_t *r);


#endif /* _NGX_STREAM_MRA_FOLLOW_H_INCLUDED_ */
