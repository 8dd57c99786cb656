
/*
 * Copyright (C) ngx_mra contributors
 *
 * Maintenance: nothing new begins, what there is goes on, and whoever has
 * nothing going on leaves for another node.
 */


#ifndef _NGX_STREAM_MRA_MAINTENANCE_H_INCLUDED_
#define _NGX_STREAM_MRA_MAINTENANCE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"


/* step: 503 to a request that begins something */

ngx_int_t ngx_stream_mra_check_maintenance(ngx_stream_mra_relay_t *r);

/* whether a client without a dialog had better go to a peer that is active */

ngx_uint_t ngx_stream_mra_is_to_leave(ngx_stream_mra_client_t *client);


#endif /* _NGX_STREAM_MRA_MAINTENANCE_H_INCLUDED_ */
