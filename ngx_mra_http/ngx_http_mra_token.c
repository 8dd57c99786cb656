
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"

#include <openssl/rand.h>


/* cookies of the name that are looked at */

#define NGX_HTTP_MRA_TOKENS  8


static ngx_int_t ngx_http_mra_try_tokens(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);
static ngx_int_t ngx_http_mra_next_token(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);
static ngx_int_t ngx_http_mra_find_cookie(ngx_http_request_t *r,
    ngx_str_t *name, ngx_uint_t skip, ngx_str_t *value);
static void ngx_http_mra_cut_cookies(ngx_http_request_t *r, ngx_str_t *name);
static ngx_inline u_char *ngx_http_mra_cookie(u_char **p, u_char *last);
static ngx_inline ngx_uint_t ngx_http_mra_is_named(u_char *p, u_char *end,
    ngx_str_t *name);
static ngx_int_t ngx_http_mra_build_cookie(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx, ngx_str_t *token);
static ngx_str_t ngx_http_mra_cookie_domain(ngx_http_request_t *r,
    ngx_http_mra_cookie_t *cookie);


ngx_int_t
ngx_http_mra_check_token(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_http_mra_cookie_t  *cookie;

    cookie = ctx->mlcf->cookie;

    rc = ngx_http_mra_try_tokens(r, ctx);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    /* the tokens end here: no next hop and no $http_cookie has them */

    if (ctx->tokens && !cookie->forward) {
        ngx_http_mra_cut_cookies(r, &cookie->name);
    }

    /* who has one token guesses no other passwords at the next hop */

    if (rc == NGX_OK && ngx_http_mra_cut_basic(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_http_mra_try_tokens(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_int_t      rc;
    ngx_mra_op_t  *op;

    op = &ctx->op;

    for ( ;; ) {

        if (!ctx->asked) {
            rc = ngx_http_mra_next_token(r, ctx);

            if (rc != NGX_OK) {
                return rc;
            }

            op->value.data = ctx->user_buf;
            op->value.len = NGX_MRA_USER_LEN;

            op->rc = ngx_mra_store_get(ctx->mmcf->mra->store, op);
        }

        if (op->rc == NGX_AGAIN) {
            return ngx_http_mra_wait(r, ctx);
        }

        ctx->asked = 0;

        if (op->rc == NGX_OK
            && !ngx_mra_revoked(ctx->mmcf->mra, &op->value, op->ttl))
        {
            ctx->user = op->value;
            ctx->status = NGX_HTTP_MRA_TOKEN;
            return NGX_OK;
        }
    }
}


/* prepares for the next token; NGX_DECLINED: there is none */

static ngx_int_t
ngx_http_mra_next_token(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_str_t  token;

    while (ctx->tokens < NGX_HTTP_MRA_TOKENS) {

        if (ngx_http_mra_find_cookie(r, &ctx->mlcf->cookie->name, ctx->tokens,
                                     &token)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        ctx->tokens++;

        while (token.len && token.data[token.len - 1] == ' ') {
            token.len--;
        }

        if (token.len == NGX_MRA_TOKEN_TEXT_LEN) {
            return (ngx_http_mra_prepare(ctx, NGX_MRA_TOKEN,
                                         &ctx->mlcf->realm, &token)
                    == NGX_OK)
                   ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return NGX_DECLINED;
}


/* the value of the cookie of the name that "skip" others come before */

static ngx_int_t
ngx_http_mra_find_cookie(ngx_http_request_t *r, ngx_str_t *name,
    ngx_uint_t skip, ngx_str_t *value)
{
    u_char           *p, *end, *last;
    ngx_table_elt_t  *h;

    for (h = ngx_mra_first_cookie(r); h; h = ngx_mra_next_cookie(r, h)) {

        p = h->value.data;
        last = p + h->value.len;

        for ( /* void */ ; p < last; p = end) {
            end = ngx_http_mra_cookie(&p, last);

            if (ngx_http_mra_is_named(p, end, name) && skip-- == 0) {
                value->data = p + name->len + 1;
                value->len = end - value->data;

                return NGX_OK;
            }
        }
    }

    return NGX_DECLINED;
}


/* all of the name, in one pass over each header */

static void
ngx_http_mra_cut_cookies(ngx_http_request_t *r, ngx_str_t *name)
{
    u_char           *p, *from, *end, *last, *dst;
    ngx_table_elt_t  *h;

    for (h = ngx_mra_first_cookie(r); h; h = ngx_mra_next_cookie(r, h)) {

        p = h->value.data;
        dst = p;
        last = p + h->value.len;

        for ( /* void */ ; p < last; p = end) {
            from = p;
            end = ngx_http_mra_cookie(&p, last);

            if (ngx_http_mra_is_named(p, end, name)) {
                continue;
            }

            /* a separator goes with what follows it */

            if (dst == h->value.data) {
                from = p;
            }

            dst = ngx_movemem(dst, from, end - from);
        }

        /* $http_cookie may have been evaluated already, with the old length */

        h->value.len = dst - h->value.data;
        ngx_memset(dst, ' ', last - dst);
    }
}


/* moves *p to the next name=value of [*p, last), returns the end of it */

static ngx_inline u_char *
ngx_http_mra_cookie(u_char **p, u_char *last)
{
    u_char  *end;

    while (*p < last && (**p == ' ' || **p == ';')) {
        (*p)++;
    }

    end = memchr(*p, ';', last - *p);

    return end ? end : last;
}


static ngx_inline ngx_uint_t
ngx_http_mra_is_named(u_char *p, u_char *end, ngx_str_t *name)
{
    return (size_t) (end - p) > name->len
           && p[name->len] == '='
           && ngx_memcmp(p, name->data, name->len) == 0;
}


ngx_int_t
ngx_http_mra_issue_token(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    u_char           random[NGX_MRA_TOKEN_LEN];
    u_char           text[NGX_MRA_TOKEN_TEXT_LEN];
    ngx_str_t        token;
    ngx_mra_op_t    *op;
    ngx_mra_conf_t  *mra;

    op = &ctx->op;
    mra = ctx->mmcf->mra;

    if (!ctx->asked) {

        if (ctx->credential->bearer || mra->credentials_refresh_interval == 0
            || ngx_http_mra_is_revoked(r, ctx))
        {
            return NGX_OK;
        }

        if (RAND_bytes(random, NGX_MRA_TOKEN_LEN) != 1) {
            ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                          "no random bytes for a token");
            return NGX_OK;
        }

        ngx_mra_token_build(text, random);

        token.data = text;
        token.len = NGX_MRA_TOKEN_TEXT_LEN;

        if (ngx_http_mra_build_cookie(r, ctx, &token) != NGX_OK
            || ngx_http_mra_prepare(ctx, NGX_MRA_TOKEN, &ctx->mlcf->realm,
                                    &token)
               != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        op->value = ctx->user;
        op->ttl = mra->credentials_refresh_interval;

        op->rc = ngx_mra_store_set(mra->store, op);
    }

    if (op->rc == NGX_AGAIN) {
        return ngx_http_mra_wait(r, ctx);
    }

    ctx->asked = 0;

    /* without a token, the client supplies its credentials again */

    if (op->rc == NGX_OK
        && ngx_http_mra_add_header(r, "Set-Cookie", &ctx->set_cookie) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_OK;
}


/* what was asked of the UC node before counts no more */

ngx_uint_t
ngx_http_mra_is_revoked(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_time_t      *tp;
    ngx_msec_t       life;
    ngx_mra_conf_t  *mra;
    ngx_msec_int_t   age;

    mra = ctx->mmcf->mra;
    life = mra->credentials_refresh_interval;

    tp = ngx_timeofday();

    age = (ngx_msec_int_t) (tp->sec - r->main->start_sec) * 1000
          + (ngx_msec_int_t) (tp->msec - r->main->start_msec);
    age = ngx_max(age, 0);

    return ngx_mra_revoked(mra, &ctx->user,
                           life - ngx_min((ngx_msec_t) age, life));
}


static ngx_int_t
ngx_http_mra_build_cookie(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx,
    ngx_str_t *token)
{
    u_char                 *p;
    size_t                  len;
    time_t                  life;
    ngx_str_t               domain;
    ngx_http_mra_cookie_t  *cookie;

    cookie = ctx->mlcf->cookie;
    domain = ngx_http_mra_cookie_domain(r, cookie);
    life = ctx->mmcf->mra->credentials_refresh_interval / 1000;

    len = cookie->name.len + sizeof("=") - 1 + token->len
          + sizeof("; Expires=Mon, 28 Sep 1970 06:00:00 GMT") - 1
          + sizeof("; Max-Age=") - 1 + NGX_TIME_T_LEN
          + sizeof("; Domain=") - 1 + domain.len
          + sizeof("; Path=/; Secure; HttpOnly") - 1;

    ctx->set_cookie.data = ngx_pnalloc(r->pool, len);
    if (ctx->set_cookie.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(ctx->set_cookie.data, "%V=%V", &cookie->name, token);

    if (cookie->expires) {
        p = ngx_cpymem(p, "; Expires=", sizeof("; Expires=") - 1);
        p = ngx_http_time(p, ngx_time() + life);
        p = ngx_sprintf(p, "; Max-Age=%T", life);
    }

    if (domain.len) {
        p = ngx_sprintf(p, "; Domain=%V", &domain);
    }

    p = ngx_sprintf(p, "; Path=/%s%s", cookie->secure ? "; Secure" : "",
                    cookie->httponly ? "; HttpOnly" : "");

    ctx->set_cookie.len = p - ctx->set_cookie.data;

    return NGX_OK;
}


/* the host is the client's word, and an address is no domain */

static ngx_str_t
ngx_http_mra_cookie_domain(ngx_http_request_t *r,
    ngx_http_mra_cookie_t *cookie)
{
    u_char      ch;
    ngx_str_t   host, none;
    ngx_uint_t  i;

    if (cookie->domain.data) {
        return cookie->domain;
    }

    host = r->headers_in.server;
    ngx_str_null(&none);

    for (i = 0; i < host.len; i++) {
        ch = host.data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
            || ch == '-' || ch == '.' || ch == '_')
        {
            continue;
        }

        return none;
    }

    return ngx_inet_addr(host.data, host.len) == INADDR_NONE ? host : none;
}
