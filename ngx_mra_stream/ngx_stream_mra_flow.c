
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_relay.h"
#include "ngx_stream_mra_module.h"


void
ngx_stream_mra_flow_print(u_char *buf, ngx_stream_mra_flow_t *flow)
{
    u_char  raw[NGX_STREAM_MRA_FLOW_LEN];

    ngx_stream_mra_flow_encode(raw, flow);

    (void) ngx_mra_relay_encode(buf, raw, NGX_STREAM_MRA_FLOW_LEN);
}


ngx_int_t
ngx_stream_mra_flow_parse(ngx_stream_mra_flow_t *flow, u_char *p, size_t len)
{
    u_char  raw[NGX_STREAM_MRA_FLOW_LEN];

    if (len != NGX_STREAM_MRA_TOKEN_LEN
        || ngx_mra_relay_decode(raw, p, len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_stream_mra_flow_decode(flow, raw);
}


void
ngx_stream_mra_flow_encode(u_char *buf, ngx_stream_mra_flow_t *flow)
{
    u_char    *p;
    uint32_t   n;

    p = ngx_cpymem(buf, ngx_stream_mra_get_worker()->tag,
                   NGX_STREAM_MRA_TAG_LEN);

    n = htonl(flow->worker);
    p = ngx_cpymem(p, &n, 4);

    n = htonl(flow->slot);
    p = ngx_cpymem(p, &n, 4);

    ngx_memcpy(p, flow->nonce, NGX_STREAM_MRA_NONCE_LEN);
}


ngx_int_t
ngx_stream_mra_flow_decode(ngx_stream_mra_flow_t *flow, u_char *p)
{
    u_char    *tag;
    uint32_t   n;

    tag = p;
    p += NGX_STREAM_MRA_TAG_LEN;

    ngx_memcpy(&n, p, 4);
    flow->worker = ntohl(n);

    ngx_memcpy(&n, p + 4, 4);
    flow->slot = ntohl(n);

    ngx_memcpy(flow->nonce, p + 8, NGX_STREAM_MRA_NONCE_LEN);

    return ngx_memcmp(tag, ngx_stream_mra_get_worker()->tag,
                      NGX_STREAM_MRA_TAG_LEN)
           == 0 ? NGX_OK : NGX_DECLINED;
}
