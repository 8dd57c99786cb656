
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"


/* of the first segment, percent-encoded */

#define NGX_HTTP_MRA_SEGMENT_MAX  1024


static ngx_int_t ngx_http_mra_find_route(ngx_http_request_t *r,
    ngx_http_mra_route_t *route);
static ngx_int_t ngx_http_mra_target_uri(ngx_http_request_t *r,
    ngx_str_t *uri);
static ngx_int_t ngx_http_mra_rest_uri(ngx_http_request_t *r,
    ngx_http_mra_route_t *route, u_char *p, u_char *last);
static ngx_int_t ngx_http_mra_check_route(ngx_http_request_t *r,
    ngx_http_mra_route_t *route);
static ngx_int_t ngx_http_mra_unescape(ngx_str_t *text, u_char *p,
    u_char *last, u_char *buf);
static ngx_uint_t ngx_http_mra_is_escape(u_char *p, u_char *last);
static ngx_uint_t ngx_http_mra_is_dots(u_char *p, u_char *last);
static ngx_int_t ngx_http_mra_hex(u_char ch);


/*
 * Before access: "satisfy any" must not open what is not on the list, and
 * nobody is asked for credentials on the way to nowhere.
 */

ngx_int_t
ngx_http_mra_target_handler(ngx_http_request_t *r)
{
    ngx_http_mra_route_t     *route;
    ngx_http_mra_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mra_module);

    if (!mlcf->proxy_target) {
        return NGX_DECLINED;
    }

    route = ngx_http_mra_get_route(r);
    if (route == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (route->rc) {

    case NGX_HTTP_BAD_REQUEST:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent invalid target");
        ngx_http_mra_fail(r, NGX_MRA_CATEGORY_HTTP_INTRUSION);
        return route->rc;

    case NGX_HTTP_FORBIDDEN:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "target \"%V%V\" is not on the allow list",
                      &route->origin, &route->uri);
        ngx_http_mra_fail(r, NGX_MRA_CATEGORY_HTTP_RESOURCE);
        return route->rc;

    case NGX_OK:
        return NGX_DECLINED;

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


ngx_http_mra_route_t *
ngx_http_mra_get_route(ngx_http_request_t *r)
{
    ngx_http_mra_ctx_t       *ctx;
    ngx_http_mra_route_t     *route;
    ngx_http_mra_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mra_module);

    ctx = ngx_http_mra_get_ctx(r);
    if (ctx == NULL) {
        return NULL;
    }

    route = ctx->route;

    if (route && route->mlcf == mlcf
        && route->uri_data == r->main->uri.data)
    {
        return route;
    }

    route = ngx_pcalloc(r->pool, sizeof(ngx_http_mra_route_t));
    if (route == NULL) {
        return NULL;
    }

    ctx->route = route;

    route->mlcf = mlcf;
    route->uri_data = r->main->uri.data;
    ngx_str_set(&route->origin, "");
    route->rc = ngx_http_mra_find_route(r->main, route);

    return route;
}


static ngx_int_t
ngx_http_mra_find_route(ngx_http_request_t *r, ngx_http_mra_route_t *route)
{
    u_char            *p, *last, *buf;
    ngx_str_t          uri, text;
    ngx_mra_target_t   target;

    if (ngx_http_mra_target_uri(r, &uri) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (uri.len == 0 || uri.data[0] != '/') {
        return NGX_HTTP_BAD_REQUEST;
    }

    last = uri.data + uri.len;

    for (p = uri.data + 1; p < last && *p != '/' && *p != '?'; p++) {
        /* void */
    }

    if (p - uri.data > NGX_HTTP_MRA_SEGMENT_MAX) {
        return NGX_HTTP_BAD_REQUEST;
    }

    buf = ngx_pnalloc(r->pool, NGX_MRA_TARGET_LEN + NGX_HTTP_MRA_SEGMENT_MAX);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_mra_unescape(&text, uri.data + 1, p,
                              buf + NGX_MRA_TARGET_LEN)
        != NGX_OK
        || ngx_mra_target_parse(&target, text.data, text.data + text.len, buf)
           != NGX_OK)
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (ngx_http_mra_rest_uri(r, route, p, last) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (target.protocol.len) {
        route->origin = target.origin;
    }

    return ngx_http_mra_check_route(r, route);
}


/* as the client wrote it, unless the configuration has changed it */

static ngx_int_t
ngx_http_mra_target_uri(ngx_http_request_t *r, ngx_str_t *uri)
{
    u_char     *p;
    uintptr_t   n;

    if (r->valid_unparsed_uri) {
        *uri = r->unparsed_uri;
        return NGX_OK;
    }

    n = 2 * ngx_escape_uri(NULL, r->uri.data, r->uri.len, NGX_ESCAPE_URI);

    uri->data = ngx_pnalloc(r->pool, r->uri.len + n + 1 + r->args.len);
    if (uri->data == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) ngx_escape_uri(uri->data, r->uri.data, r->uri.len,
                                  NGX_ESCAPE_URI);
    if (r->args.len) {
        *p++ = '?';
        p = ngx_cpymem(p, r->args.data, r->args.len);
    }

    uri->len = p - uri->data;

    return NGX_OK;
}


/* [p, last) begins with "/" or "?", or is empty */

static ngx_int_t
ngx_http_mra_rest_uri(ngx_http_request_t *r, ngx_http_mra_route_t *route,
    u_char *p, u_char *last)
{
    if (p < last && *p == '/') {
        route->uri.data = p;
        route->uri.len = last - p;
        return NGX_OK;
    }

    route->uri.len = 1 + (last - p);

    route->uri.data = ngx_pnalloc(r->pool, route->uri.len);
    if (route->uri.data == NULL) {
        return NGX_ERROR;
    }

    route->uri.data[0] = '/';
    ngx_memcpy(route->uri.data + 1, p, last - p);

    return NGX_OK;
}


static ngx_int_t
ngx_http_mra_check_route(ngx_http_request_t *r, ngx_http_mra_route_t *route)
{
    u_char     *p, *last;
    ngx_str_t   url, path;

    last = route->uri.data + route->uri.len;

    if (ngx_strlchr(route->uri.data, last, '#')) {
        return NGX_HTTP_BAD_REQUEST;
    }

    p = ngx_strlchr(route->uri.data, last, '?');
    if (p) {
        last = p;
    }

    url.data = ngx_pnalloc(r->pool, route->origin.len
                                    + (last - route->uri.data));
    if (url.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(url.data, route->origin.data, route->origin.len);

    if (ngx_http_mra_decode_path(&path, route->uri.data, last, p) != NGX_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    /* a target that is a domain: the edge itself serves it, or nobody */

    if (route->origin.len == 0) {
        return route->mlcf->allow ? NGX_HTTP_FORBIDDEN : NGX_OK;
    }

    url.len = route->origin.len + path.len;

    return ngx_http_mra_allowed(r, route->mlcf->allow, &url)
           ? NGX_OK : NGX_HTTP_FORBIDDEN;
}


ngx_int_t
ngx_http_mra_decode_path(ngx_str_t *path, u_char *p, u_char *last,
    u_char *buf)
{
    if (p == last || *p != '/'
        || ngx_http_mra_unescape(path, p, last, buf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = path->data;
    last = p + path->len;

    while (p < last) {

        if (*p >= 0x80) {
            if (ngx_utf8_decode(&p, last - p) > 0x10ffff) {
                return NGX_ERROR;
            }

            continue;
        }

        if (*p < 0x20 || *p == 0x7f || *p == '\\'
            || (*p == '%' && ngx_http_mra_is_escape(p, last))
            || (*p == '/' && ngx_http_mra_is_dots(p + 1, last)))
        {
            return NGX_ERROR;
        }

        p++;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_mra_is_escape(u_char *p, u_char *last)
{
    return last - p > 2 && ngx_http_mra_hex(p[1]) >= 0
           && ngx_http_mra_hex(p[2]) >= 0;
}


/* for some servers "..;a" is ".." with a parameter, and ".. " is ".." */

static ngx_uint_t
ngx_http_mra_is_dots(u_char *p, u_char *last)
{
    ngx_uint_t  n;

    for (n = 0; p < last && *p == '.'; n++) {
        p++;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    return (n == 1 || n == 2) && (p == last || *p == '/' || *p == ';');
}


/* an encoded slash is refused: it is one for some servers only */

static ngx_int_t
ngx_http_mra_unescape(ngx_str_t *text, u_char *p, u_char *last, u_char *buf)
{
    u_char  *dst;

    dst = buf;

    while (p < last) {

        if (*p != '%') {
            *dst++ = *p++;
            continue;
        }

        if (!ngx_http_mra_is_escape(p, last)) {
            return NGX_ERROR;
        }

        *dst = (u_char) (ngx_http_mra_hex(p[1]) << 4 | ngx_http_mra_hex(p[2]));

        if (*dst++ == '/') {
            return NGX_ERROR;
        }

        p += 3;
    }

    text->data = buf;
    text->len = dst - buf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_mra_hex(u_char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    return (ch >= 'a' && ch <= 'f') ? ch - 'a' + 10 : NGX_ERROR;
}
