
/*
 * Copyright (C) ngx_mra contributors
 *
 * Text that grows in buffers of a request, and its way to the client.
 */


#ifndef _NGX_HTTP_MRA_OUTPUT_H_INCLUDED_
#define _NGX_HTTP_MRA_OUTPUT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* bytes that one printf() may make */

#define NGX_HTTP_MRA_OUTPUT_LINE  512


typedef struct {
    ngx_pool_t     *pool;
    ngx_chain_t    *chain;
    ngx_chain_t   **last;
    ngx_buf_t      *buf;       /* NULL: nothing was written */
    off_t           size;
    ngx_uint_t      failed;    /* out of memory: nothing more is written */
} ngx_http_mra_output_t;


void ngx_http_mra_output_init(ngx_http_mra_output_t *o, ngx_pool_t *pool);

void ngx_http_mra_output_write(ngx_http_mra_output_t *o, const void *p,
    size_t len);

/* with the formats of ngx_sprintf() */

void ngx_http_mra_output_printf(ngx_http_mra_output_t *o, const char *fmt,
    ...);

/*
 * Sends it as the whole answer, never to be stored.  Returns what a content
 * handler returns.
 */

ngx_int_t ngx_http_mra_output_send(ngx_http_request_t *r,
    ngx_http_mra_output_t *o, ngx_uint_t status, ngx_str_t *type);


#endif /* _NGX_HTTP_MRA_OUTPUT_H_INCLUDED_ */
