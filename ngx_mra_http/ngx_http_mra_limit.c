
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"


static ngx_int_t ngx_http_mra_over_limit(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);


#define ngx_http_mra_seconds(ms)  (((ms) + 999) / 1000)


/* a user has one window, whatever the realm */

static ngx_str_t  ngx_http_mra_everywhere = ngx_null_string;


ngx_int_t
ngx_http_mra_limit(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_mra_op_t    *op;
    ngx_mra_conf_t  *mra;

    op = &ctx->op;
    mra = ctx->mmcf->mra;

    if (!ctx->asked) {

        if (ctx->credential->bearer || ctx->counted
            || mra->max_authorizations == 0 || mra->rate_control_period == 0)
        {
            return NGX_DECLINED;
        }

        if (ngx_http_mra_prepare(ctx, NGX_MRA_AUTHORIZATION,
                                 &ngx_http_mra_everywhere, &ctx->user)
            != NGX_OK
            || ngx_http_mra_ask_credential(ctx) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        op->name = ctx->user;
        op->limit = mra->max_authorizations;
        op->period = mra->rate_control_period;

        op->rc = ngx_mra_store_hit(mra->store, op);
    }

    if (op->rc == NGX_AGAIN) {
        return ngx_http_mra_wait(r, ctx);
    }

    ctx->asked = 0;
    ctx->counted = 1;

    if (op->rc == NGX_DECLINED) {
        return ngx_http_mra_over_limit(r, ctx);
    }

    if (op->rc == NGX_OK) {
        ctx->left = op->limit - ngx_min(op->used, op->limit);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_mra_over_limit(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_str_t                 user, no_store;
    ngx_uint_t                seconds;
    ngx_mra_op_t             *op;
    ngx_http_mra_loc_conf_t  *mlcf;

    op = &ctx->op;
    mlcf = ctx->mlcf;
    seconds = ngx_max(ngx_http_mra_seconds(op->retry), 1);

    (void) ngx_http_mra_user_text(r, ctx, &user);

    ngx_log_error(mlcf->limit_log_level, r->connection->log, 0,
                  "limiting authorizations for user \"%V\", "
                  "%ui in %uis, next in %uis%s",
                  &user, op->used, ngx_http_mra_seconds(op->period), seconds,
                  mlcf->limit_dry_run ? ", dry run" : "");

    if (mlcf->limit_dry_run) {
        ctx->limited = 1;
        return NGX_DECLINED;
    }

    ctx->status = NGX_HTTP_MRA_LIMITED;

    ngx_str_set(&no_store, "no-store");

    if (ngx_http_mra_retry_after(r, seconds) != NGX_OK
        || ngx_http_mra_add_header(r, "Cache-Control", &no_store) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return mlcf->limit_status;
}
