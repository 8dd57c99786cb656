
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"


/* bytes of base64 that are looked at */

#define NGX_HTTP_MRA_CREDENTIAL_MAX  4096


static ngx_int_t ngx_http_mra_parse_basic(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx, ngx_str_t encoded);
static ngx_uint_t ngx_http_mra_scheme(ngx_str_t *value, char *scheme);
static ngx_uint_t ngx_http_mra_is_authorization(ngx_table_elt_t *h);
static ngx_int_t ngx_http_mra_challenge(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);
static ngx_uint_t ngx_http_mra_plain(u_char ch);


ngx_int_t
ngx_http_mra_read_credential(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_int_t         rc;
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    h = r->headers_in.authorization;
    if (h == NULL) {
        return ngx_http_mra_challenge(r, ctx);
    }

    ctx->credential = ngx_pcalloc(r->pool, sizeof(ngx_http_mra_credential_t));
    if (ctx->credential == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->credential->ctx = ctx;

    value = h->value;

    /* single sign-on: neither counted nor kept */

    if (ngx_http_mra_scheme(&value, "Bearer ")) {
        ctx->credential->bearer = 1;
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (ngx_http_mra_scheme(&value, "Basic ")) {
        rc = ngx_http_mra_parse_basic(r, ctx, value);

        if (rc == NGX_DECLINED) {
            ngx_http_mra_fail(r, NGX_MRA_CATEGORY_HTTP_INTRUSION);
        }
    }

    if (rc == NGX_OK) {
        return NGX_DECLINED;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client sent invalid \"Authorization\" header");

    ctx->status = NGX_HTTP_MRA_REJECTED;

    return ngx_http_mra_challenge(r, ctx);
}


static ngx_uint_t
ngx_http_mra_scheme(ngx_str_t *value, char *scheme)
{
    size_t  len;

    len = ngx_strlen(scheme);

    if (value->len < len
        || ngx_strncasecmp(value->data, (u_char *) scheme, len) != 0)
    {
        return 0;
    }

    value->data += len;
    value->len -= len;

    while (value->len && value->data[0] == ' ') {
        value->data++;
        value->len--;
    }

    return 1;
}


/* RFC 7617, 2: user-id ":" password, without controls in either */

static ngx_int_t
ngx_http_mra_parse_basic(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx,
    ngx_str_t encoded)
{
    u_char                     *p, *last, *colon;
    ngx_str_t                   text;
    ngx_http_mra_credential_t  *cred;

    if (encoded.len > NGX_HTTP_MRA_CREDENTIAL_MAX) {
        return NGX_DECLINED;
    }

    while (encoded.len && encoded.data[encoded.len - 1] == '=') {
        encoded.len--;
    }

    if (ngx_strlchr(encoded.data, encoded.data + encoded.len, '=')) {
        return NGX_DECLINED;
    }

    text.data = ngx_pnalloc(r->pool, ngx_base64_decoded_length(encoded.len));
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_decode_base64(&text, &encoded) != NGX_OK) {
        return NGX_DECLINED;
    }

    last = text.data + text.len;

    for (p = text.data; p < last; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            return NGX_DECLINED;
        }
    }

    colon = ngx_strlchr(text.data, last, ':');

    if (colon == NULL
        || ngx_mra_user_parse(&ctx->user, text.data, colon,
                              &ctx->mmcf->mra->domain, ctx->user_buf)
           != NGX_OK)
    {
        ngx_str_null(&ctx->user);
        return NGX_DECLINED;
    }

    /* $mra_user may become a path segment */

    if (ngx_strncmp(ctx->user.data, "..", ctx->user.len) == 0) {
        ngx_str_null(&ctx->user);
        return NGX_DECLINED;
    }

    cred = ctx->credential;

    cred->user.data = text.data;
    cred->user.len = colon - text.data;

    cred->password.data = colon + 1;
    cred->password.len = last - cred->password.data;

    return ngx_mra_credential_mac(ctx->mmcf->mra, &ctx->mlcf->realm,
                                  &cred->user, &cred->password, cred->mac);
}


ngx_int_t
ngx_http_mra_cut_basic(ngx_http_request_t *r)
{
    ngx_str_t   value;
    ngx_list_t  list;

    if (r->headers_in.authorization == NULL) {
        return NGX_OK;
    }

    value = r->headers_in.authorization->value;

    if (!ngx_http_mra_scheme(&value, "Basic ")) {
        return NGX_OK;
    }

    if (ngx_http_mra_copy_headers(r, &list, ngx_http_mra_is_authorization)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_in.headers = list;

    if (list.last == &list.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    r->headers_in.authorization = NULL;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_mra_is_authorization(ngx_table_elt_t *h)
{
    return h->key.len == sizeof("authorization") - 1
           && ngx_strncmp(h->lowcase_key, "authorization", h->key.len) == 0;
}


ngx_int_t
ngx_http_mra_ask_credential(ngx_http_mra_ctx_t *ctx)
{
    ngx_mra_op_t  *also;

    also = &ctx->credential->also;

    also->kind = NGX_MRA_CREDENTIAL;
    also->rc = NGX_AGAIN;
    also->value.data = ctx->credential->cached;
    also->value.len = NGX_HTTP_MRA_MAC_LEN;

    ctx->op.also = also;

    return ngx_mra_key(ctx->mmcf->mra, NGX_MRA_CREDENTIAL, &ctx->mlcf->realm,
                       &ctx->user, also->key);
}


ngx_int_t
ngx_http_mra_check_credential(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_mra_op_t               *op, *also;
    ngx_http_mra_credential_t  *cred;

    op = &ctx->op;
    cred = ctx->credential;

    also = op->also;
    op->also = NULL;

    if (!ctx->asked) {

        if (cred->bearer) {
            return NGX_DECLINED;
        }

        if (also) {
            ctx->asked = 1;
            op->kind = also->kind;
            ngx_memcpy(op->key, also->key, NGX_MRA_KEY_LEN);

        } else if (ngx_http_mra_prepare(ctx, NGX_MRA_CREDENTIAL,
                                        &ctx->mlcf->realm, &ctx->user)
                   != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        op->value.data = cred->cached;
        op->value.len = NGX_HTTP_MRA_MAC_LEN;

        if (also && also->rc != NGX_AGAIN) {
            op->value.len = also->value.len;
            op->ttl = also->ttl;
            op->rc = also->rc;

        } else {
            op->rc = ngx_mra_store_get(ctx->mmcf->mra->store, op);
        }
    }

    if (op->rc == NGX_AGAIN) {
        return ngx_http_mra_wait(r, ctx);
    }

    ctx->asked = 0;

    if (op->rc == NGX_OK
        && op->value.len == NGX_HTTP_MRA_MAC_LEN
        && ngx_mra_token_equal(cred->cached, cred->mac, NGX_HTTP_MRA_MAC_LEN)
        && !ngx_mra_revoked(ctx->mmcf->mra, &ctx->user, op->ttl))
    {
        ctx->status = NGX_HTTP_MRA_CACHED;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_mra_keep_credential(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_mra_op_t               *op;
    ngx_mra_conf_t             *mra;
    ngx_http_mra_credential_t  *cred;

    op = &ctx->op;
    mra = ctx->mmcf->mra;
    cred = ctx->credential;

    if (!ctx->asked) {

        /* who did not ask the UC node has nothing to add */

        if (cred->sr == NULL || cred->bearer
            || mra->credentials_refresh_interval == 0
            || ngx_http_mra_is_revoked(r, ctx))
        {
            return NGX_DECLINED;
        }

        if (ngx_http_mra_prepare(ctx, NGX_MRA_CREDENTIAL, &ctx->mlcf->realm,
                                 &ctx->user)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        op->value.data = cred->mac;
        op->value.len = NGX_HTTP_MRA_MAC_LEN;
        op->ttl = mra->credentials_refresh_interval;

        op->rc = ngx_mra_store_set(mra->store, op);
    }

    if (op->rc == NGX_AGAIN) {
        return ngx_http_mra_wait(r, ctx);
    }

    ctx->asked = 0;

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_mra_reject(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_str_t  user;

    (void) ngx_http_mra_user_text(r, ctx, &user);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "user \"%V\": authentication rejected", &user);

    ctx->status = NGX_HTTP_MRA_REJECTED;

    return ngx_http_mra_challenge(r, ctx);
}


static ngx_int_t
ngx_http_mra_challenge(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_str_t  *value;

    value = (ctx->credential && ctx->credential->bearer)
            ? &ctx->mlcf->bearer : &ctx->mlcf->basic;

    r->headers_out.www_authenticate =
                         ngx_http_mra_add_header(r, "WWW-Authenticate", value);

    if (r->headers_out.www_authenticate == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_UNAUTHORIZED;
}


ngx_int_t
ngx_http_mra_user_text(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx,
    ngx_str_t *text)
{
    u_char      *p;
    ngx_uint_t   i, n;

    ngx_str_set(text, "-");

    n = 0;

    for (i = 0; i < ctx->user.len; i++) {
        n += ngx_http_mra_plain(ctx->user.data[i]) ? 0 : 1;
    }

    if (n == 0) {
        if (ctx->user.len) {
            *text = ctx->user;
        }

        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, ctx->user.len + 2 * n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < ctx->user.len; i++) {
        if (ngx_http_mra_plain(ctx->user.data[i])) {
            *p++ = ctx->user.data[i];

        } else {
            p = ngx_sprintf(p, "%%%02XD", (uint32_t) ctx->user.data[i]);
        }
    }

    text->len = p - text->data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_mra_plain(u_char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9')
           || ch == '-' || ch == '.' || ch == '_' || ch == '~' || ch == '@';
}
