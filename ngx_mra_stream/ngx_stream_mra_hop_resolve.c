
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_hop_private.h"


/* bounds of what a name server says about the life of a name, ms */

#define NGX_STREAM_MRA_RESOLVE_LEAST  1000
#define NGX_STREAM_MRA_RESOLVE_MOST   (3600 * 1000)

/* after a failure, ms */

#define NGX_STREAM_MRA_RESOLVE_RETRY  5000


static void ngx_stream_mra_resolve_start(ngx_event_t *ev);
static void ngx_stream_mra_resolve_done(ngx_resolver_ctx_t *ctx);
static void ngx_stream_mra_resolve_failed(ngx_stream_mra_server_t *server,
    ngx_int_t state);
static void ngx_stream_mra_resolve_retire(ngx_stream_mra_server_t *server,
    ngx_resolver_ctx_t *ctx);
static void ngx_stream_mra_resolve_add(ngx_stream_mra_server_t *server,
    struct sockaddr *sockaddr, socklen_t socklen);


ngx_int_t
ngx_stream_mra_resolve_init(ngx_stream_mra_hops_t *hops)
{
    ngx_uint_t                i;
    ngx_stream_mra_server_t  *server;

    if (hops->resolver == NULL || hops->resolver->connections.nelts == 0) {
        return NGX_OK;
    }

    server = hops->servers.elts;

    for (i = 0; i < hops->servers.nelts; i++) {

        if (server[i].host.len == 0 || server[i].conf.down) {
            continue;
        }

        server[i].timer.handler = ngx_stream_mra_resolve_start;
        server[i].timer.data = &server[i];
        server[i].timer.log = hops->log;
        server[i].timer.cancelable = 1;

        ngx_post_event(&server[i].timer, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_stream_mra_resolve_start(ngx_event_t *ev)
{
    ngx_resolver_ctx_t       *ctx;
    ngx_stream_mra_server_t  *server;

    server = ev->data;

    ctx = ngx_resolve_start(server->hops->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_stream_mra_resolve_failed(server, NGX_RESOLVE_SERVFAIL);
        return;
    }

    ctx->name = server->host;
    ctx->handler = ngx_stream_mra_resolve_done;
    ctx->data = server;
    ctx->timeout = server->hops->resolver_timeout;
    ctx->cancelable = 1;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        ngx_stream_mra_resolve_failed(server, NGX_RESOLVE_SERVFAIL);
    }
}


static void
ngx_stream_mra_resolve_done(ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t                i;
    ngx_msec_t                life;
    ngx_sockaddr_t            sa;
    ngx_stream_mra_server_t  *server;

    server = ctx->data;

    if (ctx->state) {
        ngx_stream_mra_resolve_failed(server, ctx->state);
        ngx_resolve_name_done(ctx);
        return;
    }

    server->failed = 0;

    ngx_stream_mra_resolve_retire(server, ctx);

    for (i = 0; i < ctx->naddrs; i++) {
        ngx_memcpy(&sa, ctx->addrs[i].sockaddr, ctx->addrs[i].socklen);
        ngx_inet_set_port(&sa.sockaddr, server->port);

        ngx_stream_mra_resolve_add(server, &sa.sockaddr,
                                   ctx->addrs[i].socklen);
    }

    life = (ctx->valid > ngx_time()) ? (ctx->valid - ngx_time()) * 1000 : 0;

    ngx_resolve_name_done(ctx);

    life = ngx_max(life, NGX_STREAM_MRA_RESOLVE_LEAST);
    life = ngx_min(life, NGX_STREAM_MRA_RESOLVE_MOST);

    ngx_add_timer(&server->timer, life);
}


/* the addresses of old are better than none */

static void
ngx_stream_mra_resolve_failed(ngx_stream_mra_server_t *server,
    ngx_int_t state)
{
    ngx_uint_t  level;

    level = server->failed ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, server->hops->log, 0,
                  "\"%V\" in upstream \"%V\" could not be resolved (%i: %s), "
                  "its last addresses are used", &server->host,
                  &server->hops->name, state, ngx_resolver_strerror(state));

    server->failed = 1;

    ngx_add_timer(&server->timer, NGX_STREAM_MRA_RESOLVE_RETRY);
}


/* no new clients for those that have gone; those that are there may stay */

static void
ngx_stream_mra_resolve_retire(ngx_stream_mra_server_t *server,
    ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t              i, j;
    ngx_stream_mra_hop_t   *hop;
    ngx_stream_mra_hops_t  *hops;

    hops = server->hops;

    for (i = 0; i < hops->n; i++) {
        hop = hops->hop[i];

        if (hop->conf_server != server || hop->retired) {
            continue;
        }

        for (j = 0; j < ctx->naddrs; j++) {
            if (ngx_cmp_sockaddr(&hop->sockaddr.sockaddr, hop->socklen,
                                 ctx->addrs[j].sockaddr,
                                 ctx->addrs[j].socklen, 0)
                == NGX_OK)
            {
                break;
            }
        }

        if (j == ctx->naddrs) {
            hop->retired = 1;

            ngx_log_error(NGX_LOG_INFO, hops->log, 0,
                          "next hop %V in upstream \"%V\" is no address of "
                          "\"%V\" any more", &hop->name, &hops->name,
                          &server->host);
        }
    }
}


static void
ngx_stream_mra_resolve_add(ngx_stream_mra_server_t *server,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    ngx_uint_t              i;
    ngx_stream_mra_hop_t   *hop;
    ngx_stream_mra_hops_t  *hops;

    hops = server->hops;

    for (i = 0; i < hops->n; i++) {
        hop = hops->hop[i];

        if (hop->conf_server != server
            || ngx_cmp_sockaddr(&hop->sockaddr.sockaddr, hop->socklen,
                                sockaddr, socklen, 1)
               != NGX_OK)
        {
            continue;
        }

        if (hop->retired) {
            hop->retired = 0;
            hop->state = NGX_MRA_PROBE_DOWN;
        }

        return;
    }

    hop = ngx_stream_mra_hop_add(hops, server, sockaddr, socklen);

    if (hop == NULL) {
        ngx_log_error(NGX_LOG_ERR, hops->log, 0,
                      "too many addresses in upstream \"%V\", one of \"%V\" "
                      "is not used", &hops->name, &server->host);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, hops->log, 0,
                  "next hop %V in upstream \"%V\" is a new address of \"%V\"",
                  &hop->name, &hops->name, &server->host);
}
