
/*
 * Copyright (C) ngx_mra contributors
 *
 * A node that has more registrations than its peers asks phones to leave.
 */


#ifndef _NGX_STREAM_MRA_CROWD_H_INCLUDED_
#define _NGX_STREAM_MRA_CROWD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_relay.h"


/*
 * Adds Warning (RFC 3261, 20.43) to the 2xx to a REGISTER in r, for those
 * phones that have to leave to make it even; "aor" is what is registered.
 * NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_stream_mra_crowd_warn(ngx_stream_mra_relay_t *r,
    ngx_str_t *aor);


#endif /* _NGX_STREAM_MRA_CROWD_H_INCLUDED_ */
