
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"


static ngx_int_t ngx_http_mra_refuse_service(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);


/*
 * Before anybody looks at credentials: a request begins, which maintenance
 * waits for, or it is refused and counts nowhere.  Whoever has begun goes
 * on, wherever internal redirects lead him.
 */

ngx_int_t
ngx_http_mra_maintenance_handler(ngx_http_request_t *r)
{
    ngx_http_mra_ctx_t       *ctx;
    ngx_http_mra_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mra_module);

    if (r != r->main || (mlcf->uri.len == 0 && !mlcf->proxy_target)) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_mra_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->in_flight) {
        return NGX_DECLINED;
    }

    if (ngx_mra_maintenance(ctx->mmcf->mra)) {
        return ngx_http_mra_refuse_service(r, ctx);
    }

    ctx->in_flight = 1;
    ngx_mra_count(ctx->mmcf->mra, NGX_MRA_HTTP_REQUESTS, 1);

    return NGX_DECLINED;
}


/* the next request is to reach another node: the connection ends */

static ngx_int_t
ngx_http_mra_refuse_service(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    if (ctx->status != NGX_HTTP_MRA_MAINTENANCE) {

        if (ngx_http_mra_retry_after(r, ngx_mra_maintenance_retry())
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->status = NGX_HTTP_MRA_MAINTENANCE;
        ngx_mra_count(ctx->mmcf->mra, NGX_MRA_AUTH_MAINTENANCE, 1);
    }

    r->keepalive = 0;

    return NGX_HTTP_SERVICE_UNAVAILABLE;
}
