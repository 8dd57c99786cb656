
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_mra_compat.h"
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_address.h"


static ngx_int_t ngx_stream_mra_address_print(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *conf, ngx_connection_t *c, in_port_t port);
static void ngx_stream_mra_address_listener(ngx_listening_t *ls,
    ngx_stream_addr_conf_t *conf);


void
ngx_stream_mra_address_outside(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *conf, ngx_connection_t *c)
{
    addr->tls = (c->ssl != NULL);

    (void) ngx_stream_mra_address_print(addr, conf, c, 0);
}


ngx_int_t
ngx_stream_mra_address_inside(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *conf, ngx_stream_mra_link_t *ln)
{
    in_port_t                   port;
    ngx_stream_mra_srv_conf_t  *inside;

    inside = conf->inside;

    if (inside == NULL) {
        addr->tls = conf->hop.tls.enable;

        return ngx_stream_mra_address_print(addr, conf,
                                            ln ? ln->connection : NULL, 0);
    }

    addr->tls = inside->tls;
    port = ngx_inet_get_port(inside->sockaddr);

    if (inside->advertise.len == 0 && !ngx_inet_wildcard(inside->sockaddr)) {
        addr->hostport.data = addr->buf;
        addr->hostport.len = ngx_sock_ntop(inside->sockaddr,
                                           sizeof(ngx_sockaddr_t), addr->buf,
                                           sizeof(addr->buf), 1);
        return NGX_OK;
    }

    return ngx_stream_mra_address_print(addr, inside,
                                        ln ? ln->connection : NULL, port);
}


/* port 0: that of the connection */

static ngx_int_t
ngx_stream_mra_address_print(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *conf, ngx_connection_t *c, in_port_t port)
{
    ngx_sockaddr_t    sa;
    struct sockaddr  *local;

    if (conf->advertise_port) {
        addr->hostport = conf->advertise;
        return NGX_OK;
    }

    addr->hostport = ngx_stream_mra_get_worker()->mcf->node;

    if (c && ngx_connection_local_sockaddr(c, NULL, 0) == NGX_OK) {
        local = c->local_sockaddr;

    } else {
        local = NULL;
    }

    if (port == 0) {
        port = local ? ngx_inet_get_port(local) : 0;
    }

    if (port == 0) {
        return NGX_DECLINED;
    }

    if (conf->advertise.len) {
        addr->hostport.data = addr->buf;
        addr->hostport.len = ngx_sprintf(addr->buf, "%V:%ui",
                                         &conf->advertise, (ngx_uint_t) port)
                             - addr->buf;
        return NGX_OK;
    }

    if (local == NULL) {
        return NGX_DECLINED;
    }

    ngx_memcpy(&sa, local, ngx_min(c->local_socklen, sizeof(sa)));
    ngx_inet_set_port(&sa.sockaddr, port);

    addr->hostport.data = addr->buf;
    addr->hostport.len = ngx_sock_ntop(&sa.sockaddr, sizeof(sa), addr->buf,
                                       sizeof(addr->buf), 1);

    return NGX_OK;
}


void
ngx_stream_mra_address_init(ngx_cycle_t *cycle,
    ngx_stream_mra_main_conf_t *mmcf)
{
    ngx_uint_t                   i, j;
    ngx_listening_t             *ls;
    ngx_stream_port_t           *port;
    ngx_stream_in_addr_t        *addr;
#if (NGX_HAVE_INET6)
    ngx_stream_in6_addr_t       *addr6;
#endif
    ngx_stream_mra_srv_conf_t  **confs;

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

        if (ls[i].handler != ngx_stream_init_connection
            || ls[i].type != SOCK_STREAM)
        {
            continue;
        }

        port = ls[i].servers;

        for (j = 0; j < port->naddrs; j++) {

#if (NGX_HAVE_INET6)
            if (ls[i].sockaddr->sa_family == AF_INET6) {
                addr6 = port->addrs;
                ngx_stream_mra_address_listener(&ls[i], &addr6[j].conf);
                continue;
            }
#endif

            addr = port->addrs;
            ngx_stream_mra_address_listener(&ls[i], &addr[j].conf);
        }
    }

    confs = mmcf->servers.elts;

    for (i = 0; i < mmcf->servers.nelts; i++) {
        for (j = 0; j < mmcf->servers.nelts; j++) {

            if (!confs[i]->accept && confs[j]->accept && confs[j]->sockaddr
                && confs[i]->upstream == confs[j]->upstream
                && confs[i]->inside == NULL)
            {
                confs[i]->inside = confs[j];
            }
        }
    }
}


/* the first one of a server counts */

static void
ngx_stream_mra_address_listener(ngx_listening_t *ls,
    ngx_stream_addr_conf_t *conf)
{
    ngx_stream_conf_ctx_t      *ctx;
    ngx_stream_mra_srv_conf_t  *mscf;

    ctx = ngx_mra_stream_addr_ctx(conf);
    mscf = ctx->srv_conf[ngx_stream_mra_module.ctx_index];

    if (!mscf->accept || mscf->sockaddr
        || ngx_inet_get_port(ls->sockaddr) == 0)
    {
        return;
    }

    mscf->sockaddr = ls->sockaddr;
    mscf->tls = conf->ssl;
}
