
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_mra_compat.h"
#include "ngx_mra_protect.h"
#include "ngx_mra_sip_auth.h"
#include "ngx_mra_span.h"
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_binding.h"
#include "ngx_stream_mra_protect.h"


static ngx_uint_t ngx_stream_mra_is_guarded(ngx_listening_t *ls);
static ngx_uint_t ngx_stream_mra_is_guarded_addr(
    ngx_stream_addr_conf_t *conf);
static void ngx_stream_mra_accept(ngx_connection_t *c);
static ngx_int_t ngx_stream_mra_preaccess_handler(ngx_stream_session_t *s);
static void ngx_stream_mra_turn_away(ngx_stream_mra_client_t *client);
static uint64_t ngx_stream_mra_request_name(ngx_stream_mra_relay_t *r);
static uint64_t ngx_stream_mra_hash(ngx_stream_mra_relay_t *r, ngx_str_t *a,
    ngx_str_t *b);
static ngx_uint_t ngx_stream_mra_is_stale(ngx_stream_mra_relay_t *r);


ngx_int_t
ngx_stream_mra_protect_init(ngx_conf_t *cf)
{
    ngx_stream_handler_pt        *h;
    ngx_stream_core_main_conf_t  *cmcf;

    cmcf = ngx_stream_conf_get_module_main_conf(cf, ngx_stream_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_STREAM_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_stream_mra_preaccess_handler;

    return NGX_OK;
}


void
ngx_stream_mra_protect_listeners(ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    ngx_listening_t  *ls;

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

        if (ls[i].handler == ngx_stream_init_connection
            && ls[i].type == SOCK_STREAM
            && ngx_stream_mra_is_guarded(&ls[i]))
        {
            ls[i].handler = ngx_stream_mra_accept;
        }
    }
}


static ngx_uint_t
ngx_stream_mra_is_guarded(ngx_listening_t *ls)
{
    ngx_uint_t              i;
    ngx_stream_port_t      *port;
    ngx_stream_in_addr_t   *addr;
#if (NGX_HAVE_INET6)
    ngx_stream_in6_addr_t  *addr6;
#endif

    port = ls->servers;

    for (i = 0; i < port->naddrs; i++) {

#if (NGX_HAVE_INET6)
        if (ls->sockaddr->sa_family == AF_INET6) {
            addr6 = port->addrs;

            if (ngx_stream_mra_is_guarded_addr(&addr6[i].conf)) {
                return 1;
            }

            continue;
        }
#endif

        addr = port->addrs;

        if (ngx_stream_mra_is_guarded_addr(&addr[i].conf)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_stream_mra_is_guarded_addr(ngx_stream_addr_conf_t *conf)
{
    ngx_stream_conf_ctx_t      *ctx;
    ngx_stream_mra_srv_conf_t  *mscf;

    ctx = ngx_mra_stream_addr_ctx(conf);
    mscf = ctx->srv_conf[ngx_stream_mra_module.ctx_index];

    return mscf->upstream && !mscf->accept && mscf->edges == NULL;
}


static void
ngx_stream_mra_accept(ngx_connection_t *c)
{
    if (!ngx_mra_refuse(ngx_stream_mra_get_worker()->mcf, c)) {
        ngx_stream_init_connection(c);
    }
}


/* after the PROXY protocol, before TLS */

static ngx_int_t
ngx_stream_mra_preaccess_handler(ngx_stream_session_t *s)
{
    ngx_connection_t           *c;
    ngx_stream_mra_worker_t    *w;
    ngx_stream_mra_srv_conf_t  *mscf;

    c = s->connection;
    mscf = ngx_stream_get_module_srv_conf(s, ngx_stream_mra_module);

    if (c->proxy_protocol == NULL || mscf->upstream == NULL || mscf->accept
        || mscf->edges)
    {
        return NGX_DECLINED;
    }

    w = ngx_stream_mra_get_worker();

    if (!ngx_mra_banned(w->mcf, c->sockaddr)) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "client is banned, connection closed");

    ngx_mra_count(w->mcf, NGX_MRA_BANNED, 1);

    return NGX_STREAM_FORBIDDEN;
}


void
ngx_stream_mra_fail(ngx_stream_mra_client_t *client, ngx_uint_t category)
{
    ngx_mra_conf_t    *mcf;
    ngx_connection_t  *c;

    /* its address is that of an edge node, which judges by itself */

    if (client->trunk) {
        return;
    }

    c = client->session->connection;
    mcf = ngx_stream_mra_get_worker()->mcf;

    ngx_mra_fail(mcf, category, c->sockaddr);

    if (ngx_mra_banned(mcf, c->sockaddr)) {
        ngx_stream_mra_turn_away(client);
    }
}


ngx_int_t
ngx_stream_mra_check_banned(ngx_stream_mra_relay_t *r)
{
    ngx_connection_t  *c;

    c = r->client->session->connection;

    if (r->client->trunk
        || !ngx_mra_banned(r->worker->mcf, c->sockaddr)
        || (r->msg.method != NGX_MRA_SIP_REGISTER
            && ngx_stream_mra_bindings_live(r->client)))
    {
        return NGX_OK;
    }

    ngx_stream_mra_turn_away(r->client);

    return NGX_DONE;
}


static void
ngx_stream_mra_turn_away(ngx_stream_mra_client_t *client)
{
    if (client->link.closing) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, client->link.connection->log, 0,
                  "client is banned, connection closed");

    ngx_mra_count(ngx_stream_mra_get_worker()->mcf, NGX_MRA_BANNED, 1);

    ngx_stream_mra_link_close(&client->link, 1);
}


/* the latest few: a request is answered before there are many more */

ngx_int_t
ngx_stream_mra_note_credentials(ngx_stream_mra_relay_t *r)
{
    ngx_stream_mra_client_t  *client;

    r->credentials = (r->msg.first[NGX_MRA_SIP_AUTHORIZATION]
                      || r->msg.first[NGX_MRA_SIP_PROXY_AUTHORIZATION]);

    if (r->credentials && r->msg.method != NGX_MRA_SIP_REGISTER
        && !r->client->trunk)
    {
        client = r->client;

        client->credentials[client->ncredentials++
                            % NGX_STREAM_MRA_CREDENTIALS]
            = ngx_stream_mra_request_name(r);
    }

    return NGX_OK;
}


ngx_int_t
ngx_stream_mra_judge_answer(ngx_stream_mra_relay_t *r)
{
    uint64_t    name;
    ngx_uint_t  i;

    if ((r->msg.status != 401 && r->msg.status != 407)
        || r->msg.cseq.method == NGX_MRA_SIP_REGISTER
        || ngx_stream_mra_is_stale(r))
    {
        return NGX_OK;
    }

    name = ngx_stream_mra_request_name(r);

    for (i = 0; i < NGX_STREAM_MRA_CREDENTIALS; i++) {

        if (r->client->credentials[i] == name) {
            r->client->credentials[i] = 0;
            ngx_stream_mra_fail(r->client, NGX_MRA_CATEGORY_SIP_AUTH);
            break;
        }
    }

    return NGX_OK;
}


/*
 * Not every registrar says "stale" when a nonce has ended: after a success
 * one challenge is free for the same address-of-record.
 */

void
ngx_stream_mra_judge_registration(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p)
{
    uint64_t                  name;
    ngx_stream_mra_client_t  *client;

    client = r->client;
    name = ngx_stream_mra_hash(r, &p->aor, NULL);

    switch (r->msg.status) {

    case 200:
        client->succeeded = name;
        return;

    case 401:
    case 407:

        if (!p->credentials || ngx_stream_mra_is_stale(r)) {
            return;
        }

        if (client->succeeded == name) {
            client->succeeded = 0;
            return;
        }

        ngx_stream_mra_fail(client, NGX_MRA_CATEGORY_SIP_AUTH);
        return;

    case 403:
        ngx_stream_mra_fail(client, p->credentials
                                    ? NGX_MRA_CATEGORY_SIP_AUTH
                                    : NGX_MRA_CATEGORY_SIP_REGISTRATION);
        return;

    case 404:
    case 604:
        ngx_stream_mra_fail(client, NGX_MRA_CATEGORY_SIP_REGISTRATION);
        return;
    }
}


static uint64_t
ngx_stream_mra_request_name(ngx_stream_mra_relay_t *r)
{
    ngx_str_t  cseq;

    cseq.data = (u_char *) &r->msg.cseq.number;
    cseq.len = sizeof(r->msg.cseq.number);

    return ngx_stream_mra_hash(r, &r->msg.call_id, &cseq);
}


/* never 0 */

static uint64_t
ngx_stream_mra_hash(ngx_stream_mra_relay_t *r, ngx_str_t *a, ngx_str_t *b)
{
    ngx_mra_hash_t  hash;

    ngx_mra_hash_init(&hash, r->worker->key);
    ngx_mra_hash_add_span(&hash, a);

    if (b) {
        ngx_mra_hash_add_span(&hash, b);
    }

    return ngx_mra_hash_end(&hash) | 1;
}


/* the nonce has ended, the password may be right: RFC 7616, 3.3 */

static ngx_uint_t
ngx_stream_mra_is_stale(ngx_stream_mra_relay_t *r)
{
    ngx_str_t              stale;
    ngx_mra_sip_header_t  *h;

    h = ngx_mra_sip_first(&r->msg, r->msg.status == 401
                                   ? NGX_MRA_SIP_WWW_AUTHENTICATE
                                   : NGX_MRA_SIP_PROXY_AUTHENTICATE);

    return h && ngx_mra_sip_auth_param(&h->value, "stale", &stale) == NGX_OK
           && ngx_mra_span_case_is(&stale, "true");
}
