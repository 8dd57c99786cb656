
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"

#include <openssl/evp.h>


#define NGX_HTTP_MRA_SHA256_LEN  32


static ngx_int_t ngx_http_mra_page_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_mra_page_policy(ngx_conf_t *cf, ngx_str_t *policy);
static ngx_int_t ngx_http_mra_page_hash(u_char *p, char *open, char *close,
    ngx_str_t *text);


/* made of ngx_http_mra_status_page.html by config, with a 0 at the end */

static u_char  ngx_http_mra_page[] = {
#include "ngx_http_mra_page.h"
    0
};


char *
ngx_http_mra_set_status_page(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mra_loc_conf_t *mlcf = conf;

    u_char                    *p;
    size_t                     len;
    ngx_str_t                 *value, uri;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    static const char  head[] = "<!DOCTYPE html>\n<html lang=\"en\">\n"
                                "<meta name=\"mra-api\" content=\"%V\">\n";

    if (mlcf->page_head.data) {
        return "is duplicate";
    }

    ngx_str_set(&uri, "/api/");

    if (cf->args->nelts == 2) {
        value = cf->args->elts;
        uri = value[1];
    }

    for (i = 0; i < uri.len; i++) {
        if (uri.data[0] != '/' || uri.data[i] <= ' ' || uri.data[i] >= 0x7f
            || ngx_strchr("\"&'<>?#", uri.data[i]))
        {
            break;
        }
    }

    if (i != uri.len || uri.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be the path of "
                           "\"mra_api\", as in \"/api/\"", &uri);
        return NGX_CONF_ERROR;
    }

    len = sizeof(head) + uri.len;

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    mlcf->page_head.data = p;
    mlcf->page_head.len = ngx_sprintf(p, head, &uri) - p;

    if (ngx_http_mra_page_policy(cf, &mlcf->page_policy) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_mra_page_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_mra_page_handler(ngx_http_request_t *r)
{
    size_t                    len;
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_str_t                 value;
    ngx_chain_t               out[2];
    ngx_http_mra_loc_conf_t  *mlcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mra_module);
    len = sizeof(ngx_http_mra_page) - 1;

    ngx_str_set(&value, "nosniff");

    if (ngx_http_mra_add_header(r, "Content-Security-Policy",
                                &mlcf->page_policy)
        == NULL
        || ngx_http_mra_add_header(r, "X-Content-Type-Options", &value)
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&value, "no-store");

    if (ngx_http_mra_add_header(r, "Cache-Control", &value) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&r->headers_out.content_type, "text/html; charset=utf-8");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = mlcf->page_head.len + len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_pcalloc(r->pool, 2 * sizeof(ngx_buf_t));
    if (b == NULL) {
        return NGX_ERROR;
    }

    b[0].pos = mlcf->page_head.data;
    b[0].last = b[0].pos + mlcf->page_head.len;
    b[0].memory = 1;

    b[1].pos = ngx_http_mra_page;
    b[1].last = b[1].pos + len;
    b[1].memory = 1;
    b[1].last_buf = (r == r->main) ? 1 : 0;
    b[1].last_in_chain = 1;

    out[0].buf = &b[0];
    out[0].next = &out[1];
    out[1].buf = &b[1];
    out[1].next = NULL;

    return ngx_http_output_filter(r, out);
}


/* nothing runs but what is in the page, and it asks nobody but this server */

static ngx_int_t
ngx_http_mra_page_policy(ngx_conf_t *cf, ngx_str_t *policy)
{
    u_char     script[NGX_HTTP_MRA_SHA256_LEN * 2];
    u_char     style[NGX_HTTP_MRA_SHA256_LEN * 2];
    ngx_str_t  a, b;

    static const char  text[] = "default-src 'none'; connect-src 'self'; "
                                "script-src 'sha256-%V'; "
                                "style-src 'sha256-%V'; base-uri 'none'; "
                                "form-action 'none'; frame-ancestors 'none'";

    a.data = script;
    b.data = style;

    if (ngx_http_mra_page_hash(ngx_http_mra_page, "<script>", "</script>", &a)
        != NGX_OK
        || ngx_http_mra_page_hash(ngx_http_mra_page, "<style>", "</style>",
                                  &b)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    policy->data = ngx_pnalloc(cf->pool, sizeof(text) + a.len + b.len);
    if (policy->data == NULL) {
        return NGX_ERROR;
    }

    policy->len = ngx_sprintf(policy->data, text, &a, &b) - policy->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_mra_page_hash(u_char *p, char *open, char *close, ngx_str_t *text)
{
    u_char        hash[EVP_MAX_MD_SIZE];
    u_char       *from, *to;
    unsigned int  len;
    ngx_str_t     raw;

    from = (u_char *) ngx_strstr(p, open);
    if (from == NULL) {
        return NGX_ERROR;
    }

    from += ngx_strlen(open);

    to = (u_char *) ngx_strstr(from, close);

    if (to == NULL
        || EVP_Digest(from, to - from, hash, &len, EVP_sha256(), NULL) != 1)
    {
        return NGX_ERROR;
    }

    raw.data = hash;
    raw.len = len;

    ngx_encode_base64(text, &raw);

    return NGX_OK;
}
