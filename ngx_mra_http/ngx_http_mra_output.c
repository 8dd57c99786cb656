
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"
#include "ngx_http_mra_output.h"


#define NGX_HTTP_MRA_OUTPUT_BUF  4096


static ngx_int_t ngx_http_mra_output_grow(ngx_http_mra_output_t *o);


void
ngx_http_mra_output_init(ngx_http_mra_output_t *o, ngx_pool_t *pool)
{
    ngx_memzero(o, sizeof(ngx_http_mra_output_t));

    o->pool = pool;
    o->last = &o->chain;
}


void
ngx_http_mra_output_write(ngx_http_mra_output_t *o, const void *p, size_t len)
{
    size_t         n;
    ngx_buf_t     *b;
    const u_char  *src;

    src = p;

    while (len && !o->failed) {
        b = o->buf;

        if (b == NULL || b->last == b->end) {

            if (ngx_http_mra_output_grow(o) != NGX_OK) {
                o->failed = 1;
                return;
            }

            b = o->buf;
        }

        n = ngx_min(len, (size_t) (b->end - b->last));

        b->last = ngx_cpymem(b->last, src, n);
        o->size += n;
        src += n;
        len -= n;
    }
}


static ngx_int_t
ngx_http_mra_output_grow(ngx_http_mra_output_t *o)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_create_temp_buf(o->pool, NGX_HTTP_MRA_OUTPUT_BUF);
    cl = ngx_alloc_chain_link(o->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = b;
    cl->next = NULL;

    *o->last = cl;
    o->last = &cl->next;
    o->buf = b;

    return NGX_OK;
}


void
ngx_http_mra_output_printf(ngx_http_mra_output_t *o, const char *fmt, ...)
{
    u_char    buf[NGX_HTTP_MRA_OUTPUT_LINE];
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    ngx_http_mra_output_write(o, buf, p - buf);
}


ngx_int_t
ngx_http_mra_output_send(ngx_http_request_t *r, ngx_http_mra_output_t *o,
    ngx_uint_t status, ngx_str_t *type)
{
    ngx_int_t   rc;
    ngx_str_t   no_store;

    ngx_str_set(&no_store, "no-store");

    if (o->failed
        || ngx_http_mra_add_header(r, "Cache-Control", &no_store) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = o->size;

    if (o->size == 0) {
        r->header_only = 1;

    } else {
        r->headers_out.content_type = *type;
        r->headers_out.content_type_len = type->len;
        r->headers_out.content_type_lowcase = NULL;

        o->buf->last_buf = (r == r->main) ? 1 : 0;
        o->buf->last_in_chain = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, o->chain);
}
