
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_output.h"
#include "ngx_stream_mra_address.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_pending.h"
#include "ngx_stream_mra_protect.h"
#include "ngx_stream_mra_binding.h"
#include "ngx_stream_mra_remote.h"
#include "ngx_stream_mra_peer.h"
#include "ngx_stream_mra_edge.h"


static ngx_int_t ngx_stream_mra_user_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_stream_mra_next_hop_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_stream_mra_registrations_variable(
    ngx_stream_session_t *s, ngx_stream_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_stream_mra_init_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_stream_mra_init_server(ngx_cycle_t *cycle,
    ngx_stream_mra_srv_conf_t *mscf);
static void ngx_stream_mra_exit_process(ngx_cycle_t *cycle);

static ngx_int_t ngx_stream_mra_preconfiguration(ngx_conf_t *cf);
static void *ngx_stream_mra_create_main_conf(ngx_conf_t *cf);
static void *ngx_stream_mra_create_srv_conf(ngx_conf_t *cf);
static char *ngx_stream_mra_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_stream_mra_pass(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_stream_mra_advertise(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_stream_mra_domain(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_stream_mra_check_size(ngx_conf_t *cf, void *post,
    void *data);


static ngx_conf_post_t  ngx_stream_mra_size_post = {
    ngx_stream_mra_check_size
};


static ngx_command_t  ngx_stream_mra_commands[] = {

    { ngx_string("mra_sip_pass"),
      NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_stream_mra_pass,
      NGX_STREAM_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_sip_accept"),
      NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_stream_mra_pass,
      NGX_STREAM_SRV_CONF_OFFSET,
      1,
      NULL },

    { ngx_string("mra_sip_advertise"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_stream_mra_advertise,
      NGX_STREAM_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_sip_domain"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_1MORE,
      ngx_stream_mra_domain,
      NGX_STREAM_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_sip_edge"),
      NGX_STREAM_SRV_CONF|NGX_CONF_1MORE,
      ngx_stream_mra_edge,
      NGX_STREAM_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_sip_max_message_size"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, max_message_size),
      &ngx_stream_mra_size_post },

    { ngx_string("mra_sip_response_timeout"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, response_timeout),
      NULL },

    { ngx_string("mra_sip_register_timeout"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, register_timeout),
      NULL },

    { ngx_string("mra_sip_drain"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, drain),
      NULL },

    { ngx_string("mra_sip_connect_timeout"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.connect_timeout),
      NULL },

    { ngx_string("mra_sip_connections"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.connections),
      &ngx_stream_mra_hop_connections },

    { ngx_string("mra_sip_bind"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_stream_mra_hop_set_bind,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.local),
      NULL },

    { ngx_string("mra_sip_ssl"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.enable),
      NULL },

    { ngx_string("mra_sip_ssl_session_reuse"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.session_reuse),
      NULL },

    { ngx_string("mra_sip_ssl_protocols"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.protocols),
      &ngx_stream_mra_tls_protocols },

    { ngx_string("mra_sip_ssl_ciphers"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.ciphers),
      NULL },

    { ngx_string("mra_sip_ssl_name"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.name),
      NULL },

    { ngx_string("mra_sip_ssl_server_name"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.server_name),
      NULL },

    { ngx_string("mra_sip_ssl_verify"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.verify),
      NULL },

    { ngx_string("mra_sip_ssl_verify_depth"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.verify_depth),
      NULL },

    { ngx_string("mra_sip_ssl_trusted_certificate"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.trusted_certificate),
      NULL },

    { ngx_string("mra_sip_ssl_crl"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.crl),
      NULL },

    { ngx_string("mra_sip_ssl_certificate"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.certificate),
      NULL },

    { ngx_string("mra_sip_ssl_certificate_key"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.certificate_key),
      NULL },

    { ngx_string("mra_sip_ssl_password_file"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_stream_mra_tls_set_passwords,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.passwords),
      NULL },

    { ngx_string("mra_sip_ssl_conf_command"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE2,
      ngx_conf_set_keyval_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_mra_srv_conf_t, hop.tls.conf_commands),
      &ngx_stream_mra_tls_conf_command },

      ngx_null_command
};


static ngx_stream_module_t  ngx_stream_mra_module_ctx = {
    ngx_stream_mra_preconfiguration,       /* preconfiguration */
    ngx_stream_mra_protect_init,           /* postconfiguration */

    ngx_stream_mra_create_main_conf,       /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_stream_mra_create_srv_conf,        /* create server configuration */
    ngx_stream_mra_merge_srv_conf          /* merge server configuration */
};


ngx_module_t  ngx_stream_mra_module = {
    NGX_MODULE_V1,
    &ngx_stream_mra_module_ctx,            /* module context */
    ngx_stream_mra_commands,               /* module directives */
    NGX_STREAM_MODULE,                     /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_stream_mra_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_stream_mra_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_stream_variable_t  ngx_stream_mra_vars[] = {

    { ngx_string("mra_user"), NULL,
      ngx_stream_mra_user_variable, 0,
      NGX_STREAM_VAR_NOCACHEABLE, 0 },

    { ngx_string("mra_next_hop"), NULL,
      ngx_stream_mra_next_hop_variable, 0,
      NGX_STREAM_VAR_NOCACHEABLE, 0 },

    { ngx_string("mra_registrations"), NULL,
      ngx_stream_mra_registrations_variable, 0,
      NGX_STREAM_VAR_NOCACHEABLE, 0 },

      ngx_stream_null_variable
};


static ngx_int_t
ngx_stream_mra_user_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 user;
    ngx_stream_mra_client_t  *client;

    client = ngx_stream_get_module_ctx(s, ngx_stream_mra_module);

    if (client == NULL || ngx_stream_mra_binding_user(client, &user) != NGX_OK)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = user.data;
    v->len = user.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_next_hop_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data)
{
    ngx_stream_mra_client_t  *client;

    client = ngx_stream_get_module_ctx(s, ngx_stream_mra_module);

    if (client == NULL || client->hop == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = client->hop->name.data;
    v->len = client->hop->name.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_registrations_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data)
{
    u_char                   *p;
    ngx_stream_mra_client_t  *client;

    client = ngx_stream_get_module_ctx(s, ngx_stream_mra_module);

    if (client == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(s->connection->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(p, "%ui", ngx_stream_mra_bindings_live(client)) - p;
    v->data = p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_init_process(ngx_cycle_t *cycle)
{
    u_char                       key[32];
    ngx_str_t                    scope;
    ngx_uint_t                   i;
    ngx_stream_mra_worker_t     *w;
    ngx_stream_mra_main_conf_t  *mmcf;
    ngx_stream_mra_srv_conf_t  **mscfp;

    mmcf = ngx_stream_cycle_get_module_main_conf(cycle,
                                                 ngx_stream_mra_module);

    if (mmcf == NULL || mmcf->servers.nelts == 0
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    w = ngx_pcalloc(cycle->pool, sizeof(ngx_stream_mra_worker_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    mmcf->worker = w;

    w->mcf = ngx_mra_get_conf(cycle);
    w->self = ngx_mra_ipc_self(cycle);

    if (ngx_mra_derive(w->mcf, "sip hash", key) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(w->key, key, NGX_MRA_HASH_KEY_LEN);

    ngx_str_set(&scope, "flow");

    if (ngx_mra_key(w->mcf, NGX_MRA_NODE, &scope, &w->mcf->node, key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(w->tag, key, NGX_STREAM_MRA_TAG_LEN);

    w->links = ngx_stream_mra_links_create(cycle);
    w->outputs = ngx_stream_mra_outputs_create(cycle);
    w->clients = ngx_stream_mra_clients_create(cycle);
    w->relay = ngx_stream_mra_relay_create(cycle);
    w->pendings = ngx_stream_mra_pendings_create(cycle);
    w->bindings = ngx_stream_mra_bindings_create(cycle);
    w->edges = ngx_stream_mra_edges_create(cycle, mmcf);

    if (w->links == NULL || w->outputs == NULL || w->clients == NULL
        || w->relay == NULL || w->pendings == NULL || w->bindings == NULL
        || w->edges == NULL)
    {
        return NGX_ERROR;
    }

    if (ngx_stream_mra_address_init(cycle, mmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_stream_mra_remote_init(cycle);
    ngx_stream_mra_protect_listeners(cycle);
    ngx_mra_on_death(cycle, ngx_stream_mra_bindings_died);

    mscfp = mmcf->servers.elts;

    for (i = 0; i < mmcf->servers.nelts; i++) {
        if (ngx_stream_mra_init_server(cycle, mscfp[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    w->peers = ngx_stream_mra_peers_create(cycle, mmcf);

    return w->peers ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_stream_mra_init_server(ngx_cycle_t *cycle,
    ngx_stream_mra_srv_conf_t *mscf)
{
    mscf->id = ngx_crc32_long(mscf->upstream->host.data,
                              mscf->upstream->host.len);

    if (mscf->accept) {
        return NGX_OK;
    }

    return ngx_stream_mra_hops_init(cycle, mscf->hops,
                                    &ngx_stream_mra_hop_handlers,
                                    mscf->max_message_size, mscf);
}


static void
ngx_stream_mra_exit_process(ngx_cycle_t *cycle)
{
    ngx_stream_mra_main_conf_t  *mmcf;

    mmcf = ngx_stream_cycle_get_module_main_conf(cycle,
                                                 ngx_stream_mra_module);

    if (mmcf && mmcf->worker) {
        ngx_stream_mra_clients_close(mmcf->worker->clients);
    }
}


static ngx_int_t
ngx_stream_mra_preconfiguration(ngx_conf_t *cf)
{
    ngx_stream_variable_t  *var, *v;

    if (ngx_mra_check_abi(cf, NGX_MRA_ABI, "ngx_stream_mra_module")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (v = ngx_stream_mra_vars; v->name.len; v++) {
        var = ngx_stream_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static void *
ngx_stream_mra_create_main_conf(ngx_conf_t *cf)
{
    ngx_stream_mra_main_conf_t  *mmcf;

    mmcf = ngx_pcalloc(cf->pool, sizeof(ngx_stream_mra_main_conf_t));
    if (mmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mmcf->servers, cf->pool, 4,
                       sizeof(ngx_stream_mra_srv_conf_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return mmcf;
}


static void *
ngx_stream_mra_create_srv_conf(ngx_conf_t *cf)
{
    ngx_stream_mra_srv_conf_t  *mscf;

    mscf = ngx_pcalloc(cf->pool, sizeof(ngx_stream_mra_srv_conf_t));
    if (mscf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->upstream = NULL;
     *     conf->accept = 0;
     *     conf->advertise = { 0, NULL };
     *     conf->advertise_port = 0;
     *     conf->edges = NULL;
     *     conf->hops = NULL;
     *     conf->inside = NULL;
     *     conf->sockaddr = NULL;
     */

    mscf->domains = NGX_CONF_UNSET_PTR;
    mscf->max_message_size = NGX_CONF_UNSET_SIZE;
    mscf->response_timeout = NGX_CONF_UNSET_MSEC;
    mscf->register_timeout = NGX_CONF_UNSET_MSEC;
    mscf->drain = NGX_CONF_UNSET_MSEC;

    ngx_stream_mra_hop_create_conf(&mscf->hop);

    return mscf;
}


static char *
ngx_stream_mra_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_stream_mra_srv_conf_t  *prev = parent;
    ngx_stream_mra_srv_conf_t  *conf = child;

    if (conf->advertise.data == NULL) {
        conf->advertise = prev->advertise;
        conf->advertise_port = prev->advertise_port;
    }

    ngx_conf_merge_ptr_value(conf->domains, prev->domains, NULL);
    ngx_conf_merge_size_value(conf->max_message_size,
                              prev->max_message_size, 65536);
    ngx_conf_merge_msec_value(conf->response_timeout,
                              prev->response_timeout, 5000);
    ngx_conf_merge_msec_value(conf->register_timeout,
                              prev->register_timeout, 30000);
    ngx_conf_merge_msec_value(conf->drain, prev->drain, 0);

    if (ngx_stream_mra_hop_merge_conf(cf, &prev->hop, &conf->hop)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->edges
        && ngx_stream_mra_edge_check(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->upstream && !conf->accept) {
        conf->hops = ngx_stream_mra_hops_create(cf, conf->upstream,
                                                &conf->hop);
        if (conf->hops == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* mra_sip_pass, and mra_sip_accept with an offset of 1 */

static char *
ngx_stream_mra_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_mra_srv_conf_t *mscf = conf;

    ngx_url_t                     u;
    ngx_str_t                    *value;
    ngx_stream_core_srv_conf_t   *cscf;
    ngx_stream_mra_main_conf_t   *mmcf;
    ngx_stream_mra_srv_conf_t   **mscfp;

    if (mscf->upstream) {
        return mscf->accept == cmd->offset ? "is duplicate"
                    : "cannot be where \"mra_sip_pass\" or "
                      "\"mra_sip_accept\" is already";
    }

    cscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_core_module);

    if (cscf->handler) {
        return "cannot be where another directive handles the connection";
    }

    ngx_mra_require(cf, (char *) cmd->name.data);
    ngx_mra_use_service(cf, NGX_MRA_SERVICE_SIP);

    value = cf->args->elts;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = value[1];
    u.no_resolve = 1;

    mscf->upstream = ngx_stream_upstream_add(cf, &u, 0);
    if (mscf->upstream == NULL) {
        return NGX_CONF_ERROR;
    }

    mscf->accept = cmd->offset;

    mmcf = ngx_stream_conf_get_module_main_conf(cf, ngx_stream_mra_module);

    mscfp = ngx_array_push(&mmcf->servers);
    if (mscfp == NULL) {
        return NGX_CONF_ERROR;
    }

    *mscfp = mscf;

    cscf->handler = ngx_stream_mra_client_handler;

    return NGX_CONF_OK;
}


/* host or host:port, as they go into URIs */

static char *
ngx_stream_mra_advertise(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_mra_srv_conf_t *mscf = conf;

    ngx_str_t          *value, uri;
    ngx_mra_sip_uri_t   parsed;

    if (mscf->advertise.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    uri.len = sizeof("sip:") - 1 + value[1].len;
    uri.data = ngx_pnalloc(cf->pool, uri.len);
    if (uri.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(ngx_cpymem(uri.data, "sip:", 4), value[1].data, value[1].len);

    if (ngx_mra_sip_parse_uri(&uri, &parsed) != NGX_OK
        || parsed.hostport.len != value[1].len
        || parsed.host.len > NGX_STREAM_MRA_HOST_LEN)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", \"%V\" must be a host "
                           "or host:port", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    mscf->advertise = value[1];
    mscf->advertise_port = parsed.port;

    return NGX_CONF_OK;
}


static char *
ngx_stream_mra_domain(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_mra_srv_conf_t *mscf = conf;

    ngx_str_t   *value, *domain;
    ngx_uint_t   i;

    if (mscf->domains == NGX_CONF_UNSET_PTR) {
        mscf->domains = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        if (mscf->domains == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (value[i].len == 0) {
            return "has an empty name";
        }

        domain = ngx_array_push(mscf->domains);
        if (domain == NULL) {
            return NGX_CONF_ERROR;
        }

        *domain = value[i];
        ngx_strlow(domain->data, domain->data, domain->len);
    }

    return NGX_CONF_OK;
}


/* a message must pass from worker to worker whole */

static char *
ngx_stream_mra_check_size(ngx_conf_t *cf, void *post, void *data)
{
    size_t *sp = data;

    if (*sp < 1024 || *sp > 120 * 1024) {
        return "must be between 1k and 120k";
    }

    return NGX_CONF_OK;
}
