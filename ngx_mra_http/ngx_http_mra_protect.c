
/*
 * Copyright (C) ngx_mra contributors
 *
 * Banned clients are turned away, and what clients do wrong is counted.
 */


#include "ngx_http_mra_module.h"
#include "ngx_mra_protect.h"


static void ngx_http_mra_accept(ngx_connection_t *c);
static ngx_uint_t ngx_http_mra_is_guarded_port(ngx_http_mra_main_conf_t *mmcf,
    ngx_http_conf_port_t *port);
static void ngx_http_mra_end_connection(ngx_http_request_t *r);
static ngx_uint_t ngx_http_mra_is_unreadable(ngx_http_request_t *r);
static ngx_int_t ngx_http_mra_failure_filter(ngx_http_request_t *r);
static void ngx_http_mra_failure_told(ngx_http_request_t *r,
    ngx_table_elt_t *h);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_str_t  ngx_http_mra_failure_name = ngx_string("X-MRA-Failure");


#define ngx_http_mra_is_guarded(r)                                           \
    ((r)->connection->listening                                              \
     && (r)->connection->listening->handler == ngx_http_mra_accept)


ngx_int_t
ngx_http_mra_guard(ngx_conf_t *cf)
{
    ngx_http_core_srv_conf_t   *cscf, **guarded;
    ngx_http_mra_main_conf_t   *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_mra_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    guarded = mmcf->guarded.elts;

    if (mmcf->guarded.nelts && guarded[mmcf->guarded.nelts - 1] == cscf) {
        return NGX_OK;
    }

    guarded = ngx_array_push(&mmcf->guarded);
    if (guarded == NULL) {
        return NGX_ERROR;
    }

    *guarded = cscf;

    return NGX_OK;
}


ngx_int_t
ngx_http_mra_protect_init(ngx_conf_t *cf)
{
    in_port_t                  *p;
    ngx_uint_t                  i;
    ngx_http_conf_port_t       *port;
    ngx_http_mra_main_conf_t   *mmcf;
    ngx_http_core_main_conf_t  *cmcf;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_mra_failure_filter;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_mra_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return NGX_OK;
    }

    port = cmcf->ports->elts;

    for (i = 0; i < cmcf->ports->nelts; i++) {

        if (port[i].family != AF_UNIX
            && ngx_http_mra_is_guarded_port(mmcf, &port[i]))
        {
            p = ngx_array_push(&mmcf->ports);
            if (p == NULL) {
                return NGX_ERROR;
            }

            *p = ngx_inet_get_port(((ngx_http_conf_addr_t *)
                                        port[i].addrs.elts)->opt.sockaddr);
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_mra_is_guarded_port(ngx_http_mra_main_conf_t *mmcf,
    ngx_http_conf_port_t *port)
{
    ngx_uint_t                  i, k, n;
    ngx_http_conf_addr_t       *addr;
    ngx_http_core_srv_conf_t  **cscfp, **guarded;

    addr = port->addrs.elts;
    guarded = mmcf->guarded.elts;

    for (i = 0; i < port->addrs.nelts; i++) {
        cscfp = addr[i].servers.elts;

        for (k = 0; k < addr[i].servers.nelts; k++) {

            for (n = 0; n < mmcf->guarded.nelts; n++) {
                if (cscfp[k] == guarded[n]) {
                    return 1;
                }
            }
        }
    }

    return 0;
}


ngx_int_t
ngx_http_mra_init_module(ngx_cycle_t *cycle)
{
    in_port_t                 *port;
    ngx_uint_t                 i, n;
    ngx_listening_t           *ls;
    ngx_http_mra_main_conf_t  *mmcf;

    mmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_mra_module);

    if (mmcf == NULL) {
        return NGX_OK;
    }

    ls = cycle->listening.elts;
    port = mmcf->ports.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

        if (ls[i].handler != ngx_http_init_connection) {
            continue;
        }

        for (n = 0; n < mmcf->ports.nelts; n++) {

            if (ngx_inet_get_port(ls[i].sockaddr) == port[n]) {
                ls[i].handler = ngx_http_mra_accept;
                break;
            }
        }
    }

    return NGX_OK;
}


static void
ngx_http_mra_accept(ngx_connection_t *c)
{
    if (!ngx_mra_refuse(ngx_mra_get_conf((ngx_cycle_t *) ngx_cycle), c)) {
        ngx_http_init_connection(c);
    }
}


/*
 * Behind a proxy the address is known only now, or when the location is; and
 * who was banned while he was connected is not to go on.
 */

ngx_int_t
ngx_http_mra_banned_handler(ngx_http_request_t *r)
{
    ngx_http_mra_ctx_t        *ctx;
    ngx_http_mra_main_conf_t  *mmcf;

    if (r != r->main || r->error_page || !ngx_http_mra_is_guarded(r)) {
        return NGX_DECLINED;
    }

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_mra_module);

    if (!ngx_mra_banned(mmcf->mra, r->connection->sockaddr)) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_mra_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->status = NGX_HTTP_MRA_BANNED;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client is banned, request refused");

    ngx_mra_count(mmcf->mra, NGX_MRA_BANNED, 1);

    ngx_http_mra_end_connection(r);

    return NGX_HTTP_FORBIDDEN;
}


static void
ngx_http_mra_end_connection(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    ngx_connection_t  *c;

    /* what is under way on it ends, then it does */

    if (r->stream) {
        c = r->stream->connection->connection;
        c->close = 1;

        ngx_post_event(c->read, &ngx_posted_events);
    }
#endif

    r->keepalive = 0;
}


void
ngx_http_mra_fail(ngx_http_request_t *r, ngx_uint_t category)
{
    ngx_str_t                 *name;
    ngx_http_mra_loc_conf_t   *mlcf;
    ngx_http_mra_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_mra_module);
    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mra_module);

    if (mlcf->failure_header & NGX_HTTP_MRA_FAILURE_SEND) {
        name = (ngx_str_t *) ngx_mra_category_name(category);

        (void) ngx_http_mra_add_header(r->main,
                                       (char *) ngx_http_mra_failure_name.data,
                                       name);
    }

    ngx_mra_fail(mmcf->mra, category, r->connection->sockaddr);
}


/* what nginx itself refuses before any of our handlers sees it */

ngx_int_t
ngx_http_mra_log_handler(ngx_http_request_t *r)
{
    ngx_http_mra_main_conf_t  *mmcf;

    if (r->headers_out.status == NGX_HTTP_BAD_REQUEST
        && r->phase_handler == 0
        && ngx_http_mra_is_guarded(r)
        && ngx_http_mra_is_unreadable(r))
    {
        mmcf = ngx_http_get_module_main_conf(r, ngx_http_mra_module);

        ngx_mra_fail(mmcf->mra, NGX_MRA_CATEGORY_HTTP_INTRUSION,
                     r->connection->sockaddr);
    }

    return NGX_OK;
}


/* neither who left, nor who came without TLS or a certificate */

static ngx_uint_t
ngx_http_mra_is_unreadable(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)
    ngx_http_ssl_srv_conf_t  *sscf;
#endif

    if (r->connection->error) {
        return 0;
    }

#if (NGX_HTTP_SSL)

    if (r->http_state != NGX_HTTP_READING_REQUEST_STATE
        && r->http_connection->ssl)
    {
        sscf = ngx_http_get_module_srv_conf(r, ngx_http_ssl_module);

        return r->connection->ssl != NULL && sscf->verify == 0;
    }

#endif

    return 1;
}


/* the core node's word is for us, whether or not we trust it */

static ngx_int_t
ngx_http_mra_failure_filter(ngx_http_request_t *r)
{
    ngx_uint_t                i;
    ngx_list_part_t          *part;
    ngx_table_elt_t          *h;

    if (r->upstream == NULL) {
        return ngx_http_next_header_filter(r);
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].key.len != ngx_http_mra_failure_name.len
                || h[i].key.data == ngx_http_mra_failure_name.data
                || ngx_strncasecmp(h[i].key.data,
                                   ngx_http_mra_failure_name.data,
                                   ngx_http_mra_failure_name.len)
                   != 0)
            {
                continue;
            }

            h[i].hash = 0;
            ngx_http_mra_failure_told(r, &h[i]);
        }
    }

    return ngx_http_next_header_filter(r);
}


static void
ngx_http_mra_failure_told(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    ngx_uint_t                category;
    ngx_http_mra_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mra_module);

    if (!(mlcf->failure_header & NGX_HTTP_MRA_FAILURE_ACCEPT)
        || r != r->main)
    {
        return;
    }

    category = ngx_mra_category_find(&h->value);

    if (category < NGX_MRA_CATEGORIES) {
        ngx_http_mra_fail(r, category);
    }
}
