
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn_private.h"


static void ngx_mra_redis_resolve(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_addr_t *addr);
static void ngx_mra_redis_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_mra_redis_connect_to(ngx_mra_redis_conn_t *conn, struct
    sockaddr *sockaddr, socklen_t socklen);
static void ngx_mra_redis_handshake(ngx_connection_t *c);


void
ngx_mra_redis_connect(ngx_mra_redis_conn_t *conn)
{
    ngx_mra_redis_addr_t  *addr;

    if (conn->told || conn->fixed) {
        conn->told = 0;
        conn->asking = 0;

        conn->name.data = conn->name_buf;
        conn->name.len = ngx_sock_ntop(&conn->master.sockaddr,
                                       conn->master_len, conn->name_buf,
                                       NGX_SOCKADDR_STRLEN, 1);

        ngx_mra_redis_connect_to(conn, &conn->master.sockaddr,
                                 conn->master_len);
        return;
    }

    conn->asking = conn->conf->sentinel.len ? 1 : 0;

    if (conn->tried++ == 0) {
        conn->trying = ngx_current_msec;
    }

    addr = conn->conf->addrs.elts;
    addr += conn->turn++ % conn->conf->addrs.nelts;

    conn->name = addr->text;

    if (addr->host.len && conn->conf->resolver) {
        ngx_mra_redis_resolve(conn, addr);
        return;
    }

    ngx_mra_redis_connect_to(conn, addr->sockaddr, addr->socklen);
}


static void
ngx_mra_redis_resolve(ngx_mra_redis_conn_t *conn, ngx_mra_redis_addr_t *addr)
{
    ngx_resolver_ctx_t  *ctx;

    conn->state = NGX_MRA_REDIS_RESOLVING;

    ctx = ngx_resolve_start(conn->conf->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_mra_redis_failed(conn, "its name is not resolved", 0);
        return;
    }

    ctx->name = addr->host;
    ctx->handler = ngx_mra_redis_resolved;
    ctx->data = conn;
    ctx->timeout = conn->conf->resolver_timeout;
    ctx->cancelable = 1;

    conn->resolve = ctx;
    ngx_inet_set_port(&conn->sockaddr.sockaddr, addr->port);

    if (ngx_resolve_name(ctx) != NGX_OK) {
        conn->resolve = NULL;
        ngx_mra_redis_failed(conn, "its name is not resolved", 0);
    }
}


static void
ngx_mra_redis_resolved(ngx_resolver_ctx_t *ctx)
{
    in_port_t               port;
    socklen_t               socklen;
    ngx_resolver_addr_t    *addr;
    ngx_mra_redis_addr_t   *conf;
    ngx_mra_redis_conn_t   *conn;

    conn = ctx->data;
    conn->resolve = NULL;

    if (ctx->state) {
        ngx_resolve_name_done(ctx);
        ngx_mra_redis_failed(conn, "its name is not resolved", 0);
        return;
    }

    conf = conn->conf->addrs.elts;
    port = conf[(conn->turn - 1) % conn->conf->addrs.nelts].port;

    addr = &ctx->addrs[ngx_random() % ctx->naddrs];
    socklen = addr->socklen;

    ngx_memcpy(&conn->sockaddr, addr->sockaddr, socklen);
    ngx_inet_set_port(&conn->sockaddr.sockaddr, port);

    ngx_resolve_name_done(ctx);

    ngx_mra_redis_connect_to(conn, &conn->sockaddr.sockaddr, socklen);
}


static void
ngx_mra_redis_connect_to(ngx_mra_redis_conn_t *conn,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    conn->state = NGX_MRA_REDIS_CONNECTING;

    ngx_memzero(&conn->peer, sizeof(ngx_peer_connection_t));

    conn->peer.sockaddr = sockaddr;
    conn->peer.socklen = socklen;
    conn->peer.name = &conn->name;
    conn->peer.get = ngx_event_get_peer;
    conn->peer.log = &conn->quiet;
    conn->peer.log_error = NGX_ERROR_INFO;

    rc = ngx_event_connect_peer(&conn->peer);

    c = conn->peer.connection;
    conn->connection = c;

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_mra_redis_failed(conn, "connect() failed",
                             rc == NGX_DECLINED ? ngx_socket_errno : 0);
        return;
    }

    c->data = conn;
    c->read->channel = 1;
    c->read->handler = ngx_mra_redis_read_handler;
    c->write->handler = ngx_mra_redis_write_handler;

    c->pool = ngx_create_pool(256, &conn->quiet);
    if (c->pool == NULL) {
        ngx_mra_redis_failed(conn, "no memory", 0);
        return;
    }

    if (sockaddr->sa_family != AF_UNIX) {
        (void) ngx_tcp_nodelay(c);
    }

    conn->timer.cancelable = 1;
    ngx_add_timer(&conn->timer, conn->conf->timeout);

    if (rc == NGX_OK) {
        ngx_mra_redis_connected(conn);
    }
}


void
ngx_mra_redis_connected(ngx_mra_redis_conn_t *conn)
{
    int                err;
    socklen_t          len;
    ngx_connection_t  *c;

    c = conn->connection;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_mra_redis_failed(conn, "connect() failed", err);
        return;
    }

    if (conn->conf->ssl == NULL) {
        ngx_mra_redis_greet(conn);
        return;
    }

    if (ngx_ssl_create_connection(conn->conf->ssl, c, NGX_SSL_CLIENT)
        != NGX_OK
        || SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) conn->conf->tls_name.data)
           != 1)
    {
        ngx_mra_redis_failed(conn, "no memory for TLS", 0);
        return;
    }

    c->ssl->handler = ngx_mra_redis_handshake;

    if (ngx_ssl_handshake(c) != NGX_AGAIN) {
        ngx_mra_redis_handshake(c);
    }
}


static void
ngx_mra_redis_handshake(ngx_connection_t *c)
{
    long                   rc;
    ngx_mra_redis_conn_t  *conn;

    conn = c->data;

    if (!c->ssl->handshaked) {
        ngx_mra_redis_failed(conn, "TLS handshake failed", 0);
        return;
    }

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_mra_redis_failed(conn,
                             (char *) X509_verify_cert_error_string(rc), 0);
        return;
    }

    if (ngx_ssl_check_host(c, &conn->conf->tls_name) != NGX_OK) {
        ngx_mra_redis_failed(conn, "its certificate is for another name", 0);
        return;
    }

    c->read->handler = ngx_mra_redis_read_handler;
    c->write->handler = ngx_mra_redis_write_handler;

    ngx_mra_redis_greet(conn);
}
