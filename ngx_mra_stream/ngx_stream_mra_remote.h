
/*
 * Copyright (C) ngx_mra contributors
 *
 * Messages that go on in another worker, because the flow is there.
 */


#ifndef _NGX_STREAM_MRA_REMOTE_H_INCLUDED_
#define _NGX_STREAM_MRA_REMOTE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_module.h"


typedef enum {
    /* as it came from inside, for a client there */

    NGX_STREAM_MRA_REMOTE_REQUEST = 1,
    NGX_STREAM_MRA_REMOTE_RESPONSE,

    /* as it is to be sent, on a link that leads inside */

    NGX_STREAM_MRA_REMOTE_OUTPUT,

    /* the same, back: that link is gone */

    NGX_STREAM_MRA_REMOTE_RETURNED
} ngx_stream_mra_remote_e;


void ngx_stream_mra_remote_init(ngx_cycle_t *cycle);

/*
 * Hands a message to the worker of "to"; back is the flow for answers to it,
 * id that of the upstream.
 *
 * NGX_OK / NGX_DECLINED (the worker is gone) / NGX_BUSY / NGX_ERROR
 */

ngx_int_t ngx_stream_mra_remote_send(ngx_stream_mra_remote_e kind,
    uint32_t id, ngx_stream_mra_flow_t *to, ngx_stream_mra_flow_t *back,
    struct iovec *iov, ngx_uint_t niov);


#endif /* _NGX_STREAM_MRA_REMOTE_H_INCLUDED_ */
