
/*
 * Copyright (C) ngx_mra contributors
 *
 * REGISTER: contacts that lead to us, and what their registrar makes of them.
 */


#ifndef _NGX_STREAM_MRA_REGISTER_H_INCLUDED_
#define _NGX_STREAM_MRA_REGISTER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_relay.h"


/* steps: the Contact or the Path of a REGISTER; its answer */

ngx_int_t ngx_stream_mra_edit_registration(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_match_registration(ngx_stream_mra_relay_t *r);


#endif /* _NGX_STREAM_MRA_REGISTER_H_INCLUDED_ */
