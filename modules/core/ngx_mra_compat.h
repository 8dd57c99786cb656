
/*
 * Copyright (C) ngx_mra contributors
 *
 * What differs between the versions of nginx that we build for: 1.22 and
 * later.  Nothing else in the tree asks for the version.
 */


#ifndef _NGX_MRA_COMPAT_H_INCLUDED_
#define _NGX_MRA_COMPAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <nginx.h>


/* the end of a header just pushed: since 1.23.0 equal names are a list */

#if (nginx_version >= 1023000)
#define ngx_mra_header_end(h)  (h)->next = NULL
#else
#define ngx_mra_header_end(h)
#endif


#ifdef _NGX_HTTP_H_INCLUDED_

/* the Cookie headers of a request, one by one; NULL: there are no more */

static ngx_inline ngx_table_elt_t *
ngx_mra_first_cookie(ngx_http_request_t *r)
{
#if (nginx_version >= 1023000)

    return r->headers_in.cookie;

#else
    ngx_table_elt_t  **cookies;

    cookies = r->headers_in.cookies.elts;

    return r->headers_in.cookies.nelts ? cookies[0] : NULL;

#endif
}


static ngx_inline ngx_table_elt_t *
ngx_mra_next_cookie(ngx_http_request_t *r, ngx_table_elt_t *h)
{
#if (nginx_version >= 1023000)

    return h->next;

#else
    ngx_uint_t          i;
    ngx_table_elt_t  **cookies;

    cookies = r->headers_in.cookies.elts;

    for (i = 1; i < r->headers_in.cookies.nelts; i++) {
        if (cookies[i - 1] == h) {
            return cookies[i];
        }
    }

    return NULL;

#endif
}

#endif /* _NGX_HTTP_H_INCLUDED_ */


/* ngx_stream_addr_conf_t: virtual servers since 1.25.5 */

#if (nginx_version >= 1025005)
#define ngx_mra_stream_addr_ctx(conf)  (conf)->default_server->ctx
#else
#define ngx_mra_stream_addr_ctx(conf)  (conf)->ctx
#endif


/* settings of ssl in stream: renamed with virtual servers */

#if (nginx_version >= 1025005)
#define ngx_mra_stream_ssl_conf_t  ngx_stream_ssl_srv_conf_t
#else
#define ngx_mra_stream_ssl_conf_t  ngx_stream_ssl_conf_t
#endif


#endif /* _NGX_MRA_COMPAT_H_INCLUDED_ */
