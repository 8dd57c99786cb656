
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"


static void ngx_http_mra_enter(ngx_http_mra_ctx_t *ctx,
    ngx_http_mra_loc_conf_t *mlcf);
static void ngx_http_mra_done(ngx_http_mra_ctx_t *ctx);
static void ngx_http_mra_wake_handler(ngx_event_t *ev);
static void ngx_http_mra_answered(ngx_mra_op_t *op);
static void ngx_http_mra_cleanup(void *data);


static ngx_http_mra_step_pt  ngx_http_mra_access_steps[] = {
    ngx_http_mra_check_token,
    ngx_http_mra_read_credential,
    ngx_http_mra_limit,
    ngx_http_mra_check_credential,
    ngx_http_mra_verify,
    ngx_http_mra_keep_credential,
    ngx_http_mra_issue_token
};


ngx_int_t
ngx_http_mra_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_mra_ctx_t       *ctx;
    ngx_http_mra_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mra_module);

    if (mlcf->uri.len == 0) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_mra_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* as it is in the first turn: the log lines are the same in all */

    r->connection->log->action = NULL;

    ngx_http_mra_enter(ctx, mlcf);

    while (ctx->rc == NGX_DECLINED) {

        /* a step that returned NGX_AGAIN is called again when woken */

        rc = ngx_http_mra_access_steps[ctx->step](r, ctx);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_DECLINED) {
            ctx->step++;
            continue;
        }

        ctx->rc = rc;
        ngx_http_mra_done(ctx);
    }

    return ctx->rc;
}


/*
 * A request is asked once for each protection space, wherever internal
 * redirects lead it.
 */

static void
ngx_http_mra_enter(ngx_http_mra_ctx_t *ctx, ngx_http_mra_loc_conf_t *mlcf)
{
    ngx_http_mra_loc_conf_t  *old;

    old = ctx->mlcf;

    if (old == mlcf || ctx->status == NGX_HTTP_MRA_LIMITED) {
        return;
    }

    ctx->mlcf = mlcf;

    if (old
        && old->uri.len == mlcf->uri.len
        && ngx_strncmp(old->uri.data, mlcf->uri.data, mlcf->uri.len) == 0
        && old->realm.len == mlcf->realm.len
        && ngx_strncmp(old->realm.data, mlcf->realm.data, mlcf->realm.len)
           == 0)
    {
        return;
    }

    ngx_http_mra_verify_leave(ctx);

    ctx->step = 0;
    ctx->rc = NGX_DECLINED;
    ctx->status = NGX_HTTP_MRA_ASKED_NOTHING;
    ctx->credential = NULL;
    ctx->tokens = 0;
    ctx->asked = 0;
}


static void
ngx_http_mra_done(ngx_http_mra_ctx_t *ctx)
{
    ngx_mra_counter_e  counter;

    switch (ctx->status) {

    case NGX_HTTP_MRA_TOKEN:
        counter = NGX_MRA_AUTH_TOKEN;
        break;

    case NGX_HTTP_MRA_CACHED:
        counter = NGX_MRA_AUTH_CACHED;
        break;

    case NGX_HTTP_MRA_VERIFIED:
        counter = NGX_MRA_AUTH_VERIFIED;
        break;

    case NGX_HTTP_MRA_LIMITED:
        counter = NGX_MRA_AUTH_LIMITED;
        break;

    case NGX_HTTP_MRA_REJECTED:
        counter = NGX_MRA_AUTH_REJECTED;
        break;

    case NGX_HTTP_MRA_UNAVAILABLE:
        counter = NGX_MRA_AUTH_UNAVAILABLE;
        break;

    default:
        return;
    }

    ngx_mra_count(ctx->mmcf->mra, counter, 1);

    if (ctx->limited && ctx->rc == NGX_OK) {
        ctx->status = NGX_HTTP_MRA_LIMITED_DRY_RUN;
    }
}


ngx_http_mra_ctx_t *
ngx_http_mra_find_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;
    ngx_http_mra_ctx_t  *ctx;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_mra_module);

    if (ctx == NULL && (r->internal || r->filter_finalize)) {

        /* an internal redirect has cleared the contexts */

        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_http_mra_cleanup) {
                ctx = cln->data;
                ngx_http_set_ctx(r, ctx, ngx_http_mra_module);
                break;
            }
        }
    }

    return ctx;
}


ngx_http_mra_ctx_t *
ngx_http_mra_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;
    ngx_http_mra_ctx_t  *ctx;

    ctx = ngx_http_mra_find_ctx(r);
    if (ctx) {
        return ctx;
    }

    r = r->main;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_mra_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, offsetof(ngx_http_mra_ctx_t, user_buf));

    ctx->request = r;
    ctx->mmcf = ngx_http_get_module_main_conf(r, ngx_http_mra_module);

    ctx->op.handler = ngx_http_mra_answered;
    ctx->op.data = ctx;

    cln->handler = ngx_http_mra_cleanup;

    ngx_http_set_ctx(r, ctx, ngx_http_mra_module);

    return ctx;
}


ngx_int_t
ngx_http_mra_prepare(ngx_http_mra_ctx_t *ctx, ngx_mra_kind_e kind,
    ngx_str_t *scope, ngx_str_t *name)
{
    ctx->asked = 1;
    ctx->op.kind = kind;

    return ngx_mra_key(ctx->mmcf->mra, kind, scope, name, ctx->op.key);
}


ngx_int_t
ngx_http_mra_wait(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = r->connection;
    c->log->action = "authorizing client";

    if (ctx->wake == NULL) {
        ctx->wake = ngx_pcalloc(r->pool, sizeof(ngx_event_t));
        if (ctx->wake == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->wake->handler = ngx_http_mra_wake_handler;
        ctx->wake->data = ctx;
        ctx->wake->log = c->log;
    }

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;

    return NGX_AGAIN;
}


void
ngx_http_mra_wake(ngx_http_mra_ctx_t *ctx)
{
    ngx_post_event(ctx->wake, &ngx_posted_events);
}


static void
ngx_http_mra_wake_handler(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_mra_ctx_t  *ctx;
    ngx_http_request_t  *r;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_mra_answered(ngx_mra_op_t *op)
{
    ngx_http_mra_wake(op->data);
}


ngx_table_elt_t *
ngx_http_mra_add_header(ngx_http_request_t *r, char *name, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    ngx_mra_header_end(h);
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return h;
}


ngx_int_t
ngx_http_mra_retry_after(ngx_http_request_t *r, ngx_uint_t seconds)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%ui", seconds) - value.data;

    return ngx_http_mra_add_header(r, "Retry-After", &value) ? NGX_OK
                                                             : NGX_ERROR;
}


static void
ngx_http_mra_cleanup(void *data)
{
    ngx_http_mra_ctx_t *ctx = data;

    if (ctx->in_flight) {
        ngx_mra_count(ctx->mmcf->mra, NGX_MRA_HTTP_REQUESTS, -1);
    }

    ngx_mra_store_cancel(ctx->mmcf->mra->store, &ctx->op);

    ngx_http_mra_verify_leave(ctx);

    if (ctx->wake && ctx->wake->posted) {
        ngx_delete_posted_event(ctx->wake);
    }
}
