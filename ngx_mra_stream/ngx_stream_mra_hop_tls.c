
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_hop_private.h"


static char *ngx_stream_mra_tls_check_command(ngx_conf_t *cf, void *post,
    void *data);
static ngx_int_t ngx_stream_mra_tls_share(ngx_conf_t *cf,
    ngx_stream_mra_tls_conf_t *prev, ngx_stream_mra_tls_conf_t *conf);
static ngx_int_t ngx_stream_mra_tls_create(ngx_conf_t *cf,
    ngx_stream_mra_tls_conf_t *tcf);
static ngx_str_t *ngx_stream_mra_tls_name(ngx_stream_mra_hop_t *hop);
static ngx_int_t ngx_stream_mra_tls_set_name(ngx_stream_mra_hop_t *hop,
    ngx_connection_t *c);
static ngx_int_t ngx_stream_mra_tls_verify(ngx_stream_mra_hop_t *hop,
    ngx_connection_t *c);
static void ngx_stream_mra_tls_save_session(ngx_connection_t *c);


ngx_conf_bitmask_t  ngx_stream_mra_tls_protocols[] = {
    { ngx_string("SSLv2"), NGX_SSL_SSLv2 },
    { ngx_string("SSLv3"), NGX_SSL_SSLv3 },
    { ngx_string("TLSv1"), NGX_SSL_TLSv1 },
    { ngx_string("TLSv1.1"), NGX_SSL_TLSv1_1 },
    { ngx_string("TLSv1.2"), NGX_SSL_TLSv1_2 },
    { ngx_string("TLSv1.3"), NGX_SSL_TLSv1_3 },
    { ngx_null_string, 0 }
};


ngx_conf_post_t  ngx_stream_mra_tls_conf_command = {
    ngx_stream_mra_tls_check_command
};


char *
ngx_stream_mra_tls_set_passwords(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t     *value;
    ngx_array_t  **passwords;

    passwords = (ngx_array_t **) ((char *) conf + cmd->offset);

    if (*passwords != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    *passwords = ngx_ssl_read_password_file(cf, &value[1]);

    return *passwords ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_stream_mra_tls_check_command(ngx_conf_t *cf, void *post, void *data)
{
#ifndef SSL_CONF_FLAG_FILE
    return "is not supported on this platform";
#else
    return NGX_CONF_OK;
#endif
}


void
ngx_stream_mra_tls_create_conf(ngx_stream_mra_tls_conf_t *tcf)
{
    /*
     * zeroed by the caller:
     *
     *     tcf->protocols = 0;
     *     tcf->ciphers = { 0, NULL };
     *     tcf->name = { 0, NULL };
     *     tcf->trusted_certificate = { 0, NULL };
     *     tcf->crl = { 0, NULL };
     *     tcf->certificate = { 0, NULL };
     *     tcf->certificate_key = { 0, NULL };
     *     tcf->ssl = NULL;
     */

    tcf->enable = NGX_CONF_UNSET;
    tcf->session_reuse = NGX_CONF_UNSET;
    tcf->server_name = NGX_CONF_UNSET;
    tcf->verify = NGX_CONF_UNSET;
    tcf->verify_depth = NGX_CONF_UNSET_UINT;
    tcf->passwords = NGX_CONF_UNSET_PTR;
    tcf->conf_commands = NGX_CONF_UNSET_PTR;
}


char *
ngx_stream_mra_tls_merge_conf(ngx_conf_t *cf, ngx_stream_mra_tls_conf_t *prev,
    ngx_stream_mra_tls_conf_t *conf)
{
    if (ngx_stream_mra_tls_share(cf, prev, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_value(conf->session_reuse, prev->session_reuse, 1);
    ngx_conf_merge_value(conf->server_name, prev->server_name, 0);
    ngx_conf_merge_value(conf->verify, prev->verify, 0);
    ngx_conf_merge_uint_value(conf->verify_depth, prev->verify_depth, 1);

    ngx_conf_merge_bitmask_value(conf->protocols, prev->protocols,
                                 NGX_CONF_BITMASK_SET
                                 |NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3);

    ngx_conf_merge_str_value(conf->ciphers, prev->ciphers, "DEFAULT");
    ngx_conf_merge_str_value(conf->name, prev->name, "");
    ngx_conf_merge_str_value(conf->trusted_certificate,
                             prev->trusted_certificate, "");
    ngx_conf_merge_str_value(conf->crl, prev->crl, "");
    ngx_conf_merge_str_value(conf->certificate, prev->certificate, "");
    ngx_conf_merge_str_value(conf->certificate_key, prev->certificate_key,
                             "");
    ngx_conf_merge_ptr_value(conf->passwords, prev->passwords, NULL);
    ngx_conf_merge_ptr_value(conf->conf_commands, prev->conf_commands, NULL);

    if (conf->enable && ngx_stream_mra_tls_create(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* servers that set nothing of their own have one context, and one session */

static ngx_int_t
ngx_stream_mra_tls_share(ngx_conf_t *cf, ngx_stream_mra_tls_conf_t *prev,
    ngx_stream_mra_tls_conf_t *conf)
{
    ngx_uint_t  inherited;

    inherited = conf->protocols == 0
                && conf->ciphers.data == NULL
                && conf->certificate.data == NULL
                && conf->certificate_key.data == NULL
                && conf->trusted_certificate.data == NULL
                && conf->crl.data == NULL
                && conf->verify == NGX_CONF_UNSET
                && conf->verify_depth == NGX_CONF_UNSET_UINT
                && conf->session_reuse == NGX_CONF_UNSET
                && conf->passwords == NGX_CONF_UNSET_PTR
                && conf->conf_commands == NGX_CONF_UNSET_PTR;

    if (inherited && prev->ssl) {
        conf->ssl = prev->ssl;
        return NGX_OK;
    }

    conf->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (conf->ssl == NULL) {
        return NGX_ERROR;
    }

    conf->ssl->log = cf->log;

    if (inherited) {
        prev->ssl = conf->ssl;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_tls_create(ngx_conf_t *cf, ngx_stream_mra_tls_conf_t *tcf)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = tcf->ssl;

    if (ssl->ctx) {
        return NGX_OK;
    }

    if (ngx_ssl_create(ssl, tcf->protocols, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    if (ngx_ssl_ciphers(cf, ssl, &tcf->ciphers, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (tcf->certificate.len) {

        if (tcf->certificate_key.len == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "no \"mra_sip_ssl_certificate_key\" is defined "
                          "for certificate \"%V\"", &tcf->certificate);
            return NGX_ERROR;
        }

        if (ngx_ssl_certificate(cf, ssl, &tcf->certificate,
                                &tcf->certificate_key, tcf->passwords)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (tcf->verify) {

        if (tcf->trusted_certificate.len == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "no \"mra_sip_ssl_trusted_certificate\" is defined "
                          "for \"mra_sip_ssl_verify\"");
            return NGX_ERROR;
        }

        if (ngx_ssl_trusted_certificate(cf, ssl, &tcf->trusted_certificate,
                                        tcf->verify_depth)
            != NGX_OK
            || ngx_ssl_crl(cf, ssl, &tcf->crl) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_ssl_client_session_cache(cf, ssl, tcf->session_reuse) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ssl_conf_commands(cf, ssl, tcf->conf_commands);
}


ngx_int_t
ngx_stream_mra_tls_start(ngx_stream_mra_hop_t *hop, ngx_connection_t *c,
    ngx_mra_probe_reason_e *reason)
{
    ngx_int_t                   rc;
    ngx_stream_mra_tls_conf_t  *tcf;

    tcf = &hop->hops->conf->tls;

    if (ngx_ssl_create_connection(tcf->ssl, c, NGX_SSL_CLIENT) != NGX_OK) {
        return NGX_ERROR;
    }

    if (tcf->server_name && ngx_stream_mra_tls_set_name(hop, c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (tcf->session_reuse) {
        c->ssl->save_session = ngx_stream_mra_tls_save_session;

        if (hop->session && ngx_ssl_set_session(c, hop->session) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    return ngx_stream_mra_tls_done(hop, c, reason);
}


ngx_int_t
ngx_stream_mra_tls_done(ngx_stream_mra_hop_t *hop, ngx_connection_t *c,
    ngx_mra_probe_reason_e *reason)
{
    if (!c->ssl->handshaked) {
        *reason = NGX_MRA_PROBE_TLS;
        ngx_stream_mra_tls_free_session(hop);

        return NGX_DECLINED;
    }

    if (hop->hops->conf->tls.verify
        && ngx_stream_mra_tls_verify(hop, c) != NGX_OK)
    {
        *reason = NGX_MRA_PROBE_VERIFY;
        ngx_stream_mra_tls_free_session(hop);

        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_tls_verify(ngx_stream_mra_hop_t *hop, ngx_connection_t *c)
{
    long        rc;
    ngx_str_t  *name;
    ngx_uint_t  level;

    /* other connections are about to tell the same */

    level = (hop->shared->state == NGX_MRA_PROBE_DOWN) ? NGX_LOG_INFO
                                                       : NGX_LOG_ERR;

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_log_error(level, c->log, 0,
                      "next hop certificate verify error: (%l:%s)",
                      rc, X509_verify_cert_error_string(rc));
        return NGX_ERROR;
    }

    name = ngx_stream_mra_tls_name(hop);

    if (ngx_ssl_check_host(c, name) != NGX_OK) {
        ngx_log_error(level, c->log, 0,
                      "next hop certificate does not match \"%V\"", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Servers of one upstream have certificates of their own, so it is their own
 * name that counts; where they are given as addresses, the upstream's.
 */

static ngx_str_t *
ngx_stream_mra_tls_name(ngx_stream_mra_hop_t *hop)
{
    ngx_stream_mra_tls_conf_t  *tcf;

    tcf = &hop->hops->conf->tls;

    if (tcf->name.len) {
        return &tcf->name;
    }

    return hop->host.len ? &hop->host : &hop->hops->name;
}


static ngx_int_t
ngx_stream_mra_tls_set_name(ngx_stream_mra_hop_t *hop, ngx_connection_t *c)
{
    u_char     *name;
    ngx_str_t  *s;

    s = ngx_stream_mra_tls_name(hop);

    /* RFC 6066, 3: literal addresses are not permitted */

    if (s->len == 0 || s->data[0] == '['
        || ngx_inet_addr(s->data, s->len) != INADDR_NONE)
    {
        return NGX_OK;
    }

    name = ngx_pnalloc(c->pool, s->len + 1);
    if (name == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(name, s->data, s->len + 1);

    if (SSL_set_tlsext_host_name(c->ssl->connection, (char *) name) == 0) {
        ngx_ssl_error(NGX_LOG_ERR, c->log, 0,
                      "SSL_set_tlsext_host_name(\"%s\") failed", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* TLS 1.3 sends sessions later, when c->data is somebody else's */

static void
ngx_stream_mra_tls_save_session(ngx_connection_t *c)
{
    ngx_ssl_session_t     *session;
    ngx_stream_mra_hop_t  *hop;

    hop = c->log->data;

    session = ngx_ssl_get_session(c);

    if (session) {
        ngx_stream_mra_tls_free_session(hop);
        hop->session = session;
    }
}


void
ngx_stream_mra_tls_free_session(ngx_stream_mra_hop_t *hop)
{
    if (hop->session) {
        ngx_ssl_free_session(hop->session);
        hop->session = NULL;
    }
}
