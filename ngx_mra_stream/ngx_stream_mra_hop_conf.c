
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_hop_private.h"


static ngx_int_t ngx_stream_mra_hops_servers(ngx_conf_t *cf,
    ngx_stream_mra_hops_t *hops, ngx_stream_upstream_srv_conf_t *uscf);
static ngx_int_t ngx_stream_mra_hops_host(ngx_conf_t *cf,
    ngx_stream_mra_hops_t *hops, ngx_stream_upstream_srv_conf_t *uscf);
static ngx_int_t ngx_stream_mra_hops_server(ngx_conf_t *cf,
    ngx_stream_mra_hops_t *hops, ngx_stream_upstream_server_t *us);


ngx_conf_num_bounds_t  ngx_stream_mra_hop_connections = {
    ngx_conf_check_num_bounds, 1, 64
};


char *
ngx_stream_mra_hop_set_bind(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t     rc;
    ngx_str_t    *value;
    ngx_addr_t  **local, *addr;

    local = (ngx_addr_t **) ((char *) conf + cmd->offset);

    if (*local != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        *local = NULL;
        return NGX_CONF_OK;
    }

    addr = ngx_palloc(cf->pool, sizeof(ngx_addr_t));
    if (addr == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = ngx_parse_addr(cf->pool, addr, value[1].data, value[1].len);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid address \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    addr->name = value[1];
    *local = addr;

    return NGX_CONF_OK;
}


void
ngx_stream_mra_hop_create_conf(ngx_stream_mra_hop_conf_t *hcf)
{
    hcf->connect_timeout = NGX_CONF_UNSET_MSEC;
    hcf->connections = NGX_CONF_UNSET_UINT;
    hcf->local = NGX_CONF_UNSET_PTR;

    ngx_stream_mra_tls_create_conf(&hcf->tls);
}


char *
ngx_stream_mra_hop_merge_conf(ngx_conf_t *cf, ngx_stream_mra_hop_conf_t *prev,
    ngx_stream_mra_hop_conf_t *conf)
{
    ngx_conf_merge_msec_value(conf->connect_timeout, prev->connect_timeout,
                              3000);
    ngx_conf_merge_uint_value(conf->connections, prev->connections, 2);
    ngx_conf_merge_ptr_value(conf->local, prev->local, NULL);

    return ngx_stream_mra_tls_merge_conf(cf, &prev->tls, &conf->tls);
}


ngx_stream_mra_hops_t *
ngx_stream_mra_hops_create(ngx_conf_t *cf,
    ngx_stream_upstream_srv_conf_t *uscf, ngx_stream_mra_hop_conf_t *hcf)
{
    ngx_uint_t                   i, n;
    ngx_stream_mra_hops_t       *hops;
    ngx_stream_mra_server_t     *server;
    ngx_stream_core_srv_conf_t  *cscf;

    cscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_core_module);

    hops = ngx_pcalloc(cf->pool, sizeof(ngx_stream_mra_hops_t));
    if (hops == NULL) {
        return NULL;
    }

    hops->name = uscf->host;
    hops->conf = hcf;
    hops->log = cscf->error_log;
    hops->resolver = cscf->resolver;
    hops->resolver_timeout = cscf->resolver_timeout;

    if (ngx_stream_mra_hops_servers(cf, hops, uscf) != NGX_OK) {
        return NULL;
    }

    server = hops->servers.elts;

    for (i = 0, n = 0; i < hops->servers.nelts; i++) {
        n += server[i].conf.naddrs;
    }

    if (n > NGX_STREAM_MRA_HOPS) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%ui addresses in upstream \"%V\", more than %d cannot "
                      "be next hops", n, &uscf->host, NGX_STREAM_MRA_HOPS);
        return NULL;
    }

    return hops;
}


static ngx_int_t
ngx_stream_mra_hops_servers(ngx_conf_t *cf, ngx_stream_mra_hops_t *hops,
    ngx_stream_upstream_srv_conf_t *uscf)
{
    ngx_uint_t                     i;
    ngx_stream_upstream_server_t  *us;

    if (ngx_array_init(&hops->servers, cf->pool,
                       uscf->servers ? uscf->servers->nelts : 1,
                       sizeof(ngx_stream_mra_server_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (uscf->servers == NULL) {
        return ngx_stream_mra_hops_host(cf, hops, uscf);
    }

    us = uscf->servers->elts;

    for (i = 0; i < uscf->servers->nelts; i++) {
        if (ngx_stream_mra_hops_server(cf, hops, &us[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a host:port in place of the name of an upstream block */

static ngx_int_t
ngx_stream_mra_hops_host(ngx_conf_t *cf, ngx_stream_mra_hops_t *hops,
    ngx_stream_upstream_srv_conf_t *uscf)
{
    ngx_url_t                     u;
    ngx_stream_upstream_server_t  us;

    ngx_memzero(&u, sizeof(ngx_url_t));
    ngx_memzero(&us, sizeof(ngx_stream_upstream_server_t));

    u.host = uscf->host;
    u.port = uscf->port;

    if (ngx_inet_resolve_host(cf->pool, &u) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%s in upstream \"%V\" in %s:%ui",
                      u.err ? u.err : "host not found", &uscf->host,
                      uscf->file_name, uscf->line);
        return NGX_ERROR;
    }

    us.addrs = u.addrs;
    us.naddrs = u.naddrs;

    return ngx_stream_mra_hops_server(cf, hops, &us);
}


static ngx_int_t
ngx_stream_mra_hops_server(ngx_conf_t *cf, ngx_stream_mra_hops_t *hops,
    ngx_stream_upstream_server_t *us)
{
    ngx_url_t                 u;
    ngx_stream_mra_server_t  *server;

    server = ngx_array_push(&hops->servers);
    if (server == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(server, sizeof(ngx_stream_mra_server_t));

    server->hops = hops;
    server->conf = *us;

    /* without a block nothing is set */

    if (us->name.len == 0) {
        server->conf.name = hops->name;
        server->conf.weight = 1;
        server->conf.max_fails = 1;
        server->conf.fail_timeout = 10;

        return NGX_OK;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = us->name;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s in upstream \"%V\"",
                      u.err, &u.url);
        return NGX_ERROR;
    }

    /* an address needs no resolver, and tells no name */

    if (u.naddrs == 0) {
        server->host = u.host;
        server->port = u.port;
    }

    return NGX_OK;
}
