
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
    ngx_stream_mra_srv_conf_t *conf, ngx_stream_mra_link_t *ln,
    in_port_t port);
static ngx_int_t ngx_stream_mra_address_local(ngx_stream_mra_address_t *addr,
    ngx_connection_t *c, in_port_t port);
static void ngx_stream_mra_address_keep(ngx_stream_mra_link_t *ln,
    ngx_str_t *text);
static ngx_int_t ngx_stream_mra_address_listener(ngx_cycle_t *cycle,
    ngx_listening_t *ls, ngx_stream_addr_conf_t *conf);
static size_t ngx_stream_mra_address_pool(ngx_cycle_t *cycle,
    ngx_listening_t *ls);


void
ngx_stream_mra_address_outside(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *conf, ngx_stream_mra_link_t *ln)
{
    addr->tls = (ln->connection->ssl != NULL);

    (void) ngx_stream_mra_address_print(addr, conf, ln, 0);
}


ngx_int_t
ngx_stream_mra_address_inside(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *conf, ngx_stream_mra_link_t *ln)
{
    ngx_stream_mra_srv_conf_t  *inside;

    inside = conf->inside;

    if (inside == NULL) {
        addr->tls = conf->hop.tls.enable;
        return ngx_stream_mra_address_print(addr, conf, ln, 0);
    }

    addr->tls = inside->tls;

    if (inside->listen.len) {
        addr->hostport = inside->listen;
        return NGX_OK;
    }

    return ngx_stream_mra_address_print(addr, inside, ln,
                                        ngx_inet_get_port(inside->sockaddr));
}


/* port 0: that of the connection; ln NULL: there is none */

static ngx_int_t
ngx_stream_mra_address_print(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *conf, ngx_stream_mra_link_t *ln,
    in_port_t port)
{
    if (conf->advertise_port) {
        addr->hostport = conf->advertise;
        return NGX_OK;
    }

    addr->hostport = ngx_stream_mra_get_worker()->mcf->node;

    if (ln == NULL) {
        return NGX_DECLINED;
    }

    if (ln->local) {
        addr->hostport = *ln->local;
        return NGX_OK;
    }

    if (ngx_stream_mra_address_local(addr, ln->connection, port) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (conf->advertise.len) {
        port = port ? port
                    : ngx_inet_get_port(ln->connection->local_sockaddr);

        addr->hostport.len = ngx_sprintf(addr->buf, "%V:%ui",
                                         &conf->advertise, (ngx_uint_t) port)
                             - addr->buf;
    }

    ngx_stream_mra_address_keep(ln, &addr->hostport);

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_address_local(ngx_stream_mra_address_t *addr,
    ngx_connection_t *c, in_port_t port)
{
    ngx_sockaddr_t  sa;

    if (ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK
        || ngx_inet_get_port(c->local_sockaddr) == 0)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(&sa, c->local_sockaddr, ngx_min(c->local_socklen, sizeof(sa)));

    if (port) {
        ngx_inet_set_port(&sa.sockaddr, port);
    }

    addr->hostport.data = addr->buf;
    addr->hostport.len = ngx_sock_ntop(&sa.sockaddr, sizeof(sa), addr->buf,
                                       sizeof(addr->buf), 1);
    return NGX_OK;
}


/* most connections need their address more than once, or never */

static void
ngx_stream_mra_address_keep(ngx_stream_mra_link_t *ln, ngx_str_t *text)
{
    ngx_str_t  *local;

    local = ngx_palloc(ln->connection->pool, sizeof(ngx_str_t));
    if (local == NULL) {
        return;
    }

    local->len = text->len;
    local->data = ngx_pstrdup(ln->connection->pool, text);

    if (local->data) {
        ln->local = local;
    }
}


ngx_int_t
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

                if (ngx_stream_mra_address_listener(cycle, &ls[i],
                                                    &addr6[j].conf)
                    != NGX_OK)
                {
                    return NGX_ERROR;
                }

                continue;
            }
#endif

            addr = port->addrs;

            if (ngx_stream_mra_address_listener(cycle, &ls[i], &addr[j].conf)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
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

    return NGX_OK;
}


/* the first one of a server counts */

static ngx_int_t
ngx_stream_mra_address_listener(ngx_cycle_t *cycle, ngx_listening_t *ls,
    ngx_stream_addr_conf_t *conf)
{
    u_char                     *p;
    ngx_stream_conf_ctx_t      *ctx;
    ngx_stream_mra_srv_conf_t  *mscf;

    ctx = ngx_mra_stream_addr_ctx(conf);
    mscf = ctx->srv_conf[ngx_stream_mra_module.ctx_index];

    if (mscf->upstream) {
        ls->pool_size = ngx_stream_mra_address_pool(cycle, ls);
    }

    if (!mscf->accept || mscf->sockaddr
        || ngx_inet_get_port(ls->sockaddr) == 0)
    {
        return NGX_OK;
    }

    mscf->sockaddr = ls->sockaddr;
    mscf->tls = conf->ssl;

    if (mscf->advertise_port) {
        mscf->listen = mscf->advertise;
        return NGX_OK;
    }

    if (mscf->advertise.len == 0 && ngx_inet_wildcard(ls->sockaddr)) {
        return NGX_OK;
    }

    p = ngx_pnalloc(cycle->pool, mscf->advertise.len + NGX_SOCKADDR_STRLEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    mscf->listen.data = p;

    if (mscf->advertise.len) {
        mscf->listen.len = ngx_sprintf(p, "%V:%ui", &mscf->advertise,
                                       (ngx_uint_t)
                                       ngx_inet_get_port(ls->sockaddr))
                           - p;

    } else {
        mscf->listen.len = ngx_sock_ntop(ls->sockaddr, ls->socklen, p,
                                         NGX_SOCKADDR_STRLEN, 1);
    }

    return NGX_OK;
}


/* all that nginx allocates for a session in one block, which is the least */

static size_t
ngx_stream_mra_address_pool(ngx_cycle_t *cycle, ngx_listening_t *ls)
{
    size_t                        size;
    ngx_stream_core_main_conf_t  *cmcf;

    cmcf = ngx_stream_cycle_get_module_main_conf(cycle,
                                                 ngx_stream_core_module);

    size = sizeof(ngx_pool_t)
           + ls->socklen
           + sizeof(ngx_log_t)
           + ls->addr_text_max_len
           + sizeof(ngx_stream_session_t)
           + ngx_stream_max_module * sizeof(void *)
           + cmcf->variables.nelts * sizeof(ngx_stream_variable_value_t)
#if (NGX_STREAM_SSL)
           + sizeof(ngx_ssl_connection_t)
#endif
           + sizeof(ngx_str_t) + NGX_INET6_ADDRSTRLEN;     /* ln->local */

    return ngx_align(size, 2 * NGX_POOL_ALIGNMENT);
}
