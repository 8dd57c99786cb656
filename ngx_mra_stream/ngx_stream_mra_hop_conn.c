
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_hop_private.h"


static ngx_int_t ngx_stream_mra_conn_prepare(ngx_stream_mra_conn_t *conn,
    ngx_connection_t *c);
static void ngx_stream_mra_conn_handler(ngx_event_t *ev);
static ngx_err_t ngx_stream_mra_conn_test(ngx_connection_t *c);
static void ngx_stream_mra_conn_tls_handler(ngx_connection_t *c);
static void ngx_stream_mra_conn_result(ngx_stream_mra_conn_t *conn,
    ngx_int_t rc);
static void ngx_stream_mra_conn_timer(ngx_event_t *ev);
static void ngx_stream_mra_conn_done(ngx_stream_mra_conn_t *conn,
    ngx_connection_t *c, ngx_mra_probe_reason_e reason);
static ngx_mra_probe_reason_e ngx_stream_mra_conn_reason(ngx_err_t err);


ngx_int_t
ngx_stream_mra_conn_open(ngx_stream_mra_conn_t *conn,
    ngx_stream_mra_hop_t *hop, ngx_msec_t timeout)
{
    ngx_int_t               rc;
    ngx_peer_connection_t  *pc;

    conn->hop = hop;
    conn->started = ngx_current_msec;
    conn->reason = NGX_MRA_PROBE_CONNECT_TIMEOUT;

    pc = &conn->peer;
    ngx_memzero(pc, sizeof(ngx_peer_connection_t));

    pc->sockaddr = &hop->sockaddr.sockaddr;
    pc->socklen = hop->socklen;
    pc->name = &hop->name;
    pc->get = ngx_event_get_peer;
    pc->local = hop->hops->conf->local;
    pc->log = &hop->quiet;
    pc->log_error = NGX_ERROR_ERR;

    pc->log->action = "connecting to next hop";

    rc = ngx_event_connect_peer(pc);

    if (rc == NGX_ERROR || rc == NGX_BUSY) {
        return NGX_ERROR;
    }

    conn->timer.handler = ngx_stream_mra_conn_timer;
    conn->timer.data = conn;
    conn->timer.log = pc->log;
    conn->timer.cancelable = 1;

    conn->active = 1;

    if (rc == NGX_DECLINED) {
        conn->reason = ngx_stream_mra_conn_reason(ngx_socket_errno);
        ngx_post_event(&conn->timer, &ngx_posted_events);

        return NGX_OK;
    }

    if (ngx_stream_mra_conn_prepare(conn, pc->connection) != NGX_OK) {
        ngx_stream_mra_conn_cancel(conn);
        return NGX_ERROR;
    }

    ngx_add_timer(&conn->timer, timeout);

    if (rc == NGX_OK) {
        ngx_post_event(pc->connection->write, &ngx_posted_events);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_conn_prepare(ngx_stream_mra_conn_t *conn, ngx_connection_t *c)
{
    c->data = conn;
    c->log = conn->peer.log;

    c->read->handler = ngx_stream_mra_conn_handler;
    c->write->handler = ngx_stream_mra_conn_handler;

    /*
     * clients of a worker that is shutting down need it to the end: it is
     * spared by worker_shutdown_timeout, and keeps no worker alive
     */

    c->read->channel = 1;
    c->read->cancelable = 1;
    c->write->cancelable = 1;

    c->pool = ngx_create_pool(256, c->log);

    return c->pool ? NGX_OK : NGX_ERROR;
}


static void
ngx_stream_mra_conn_handler(ngx_event_t *ev)
{
    ngx_err_t               err;
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_stream_mra_conn_t  *conn;

    c = ev->data;
    conn = c->data;

    err = ngx_stream_mra_conn_test(c);

    if (err) {
        ngx_stream_mra_conn_done(conn, NULL, ngx_stream_mra_conn_reason(err));
        return;
    }

    if (conn->hop->shared->state != NGX_MRA_PROBE_DOWN) {
        c->log = &conn->hop->log;
        c->read->log = c->log;
        c->write->log = c->log;
        c->pool->log = c->log;
    }

    if (c->tcp_nodelay != NGX_TCP_NODELAY_DISABLED
        && ngx_tcp_nodelay(c) != NGX_OK)
    {
        ngx_stream_mra_conn_done(conn, NULL, NGX_MRA_PROBE_UNREACHABLE);
        return;
    }

    rc = NGX_OK;

    if (conn->hop->hops->conf->tls.enable) {
        c->log->action = "SSL handshaking to next hop";
        rc = ngx_stream_mra_tls_start(conn->hop, c, &conn->reason);
    }

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_stream_mra_conn_tls_handler;
        return;
    }

    ngx_stream_mra_conn_result(conn, rc);
}


static ngx_err_t
ngx_stream_mra_conn_test(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err;
}


static void
ngx_stream_mra_conn_tls_handler(ngx_connection_t *c)
{
    ngx_stream_mra_conn_t  *conn;

    conn = c->data;

    ngx_stream_mra_conn_result(conn, ngx_stream_mra_tls_done(conn->hop, c,
                                                         &conn->reason));
}


static void
ngx_stream_mra_conn_result(ngx_stream_mra_conn_t *conn, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        ngx_stream_mra_conn_done(conn, conn->peer.connection,
                                 NGX_MRA_PROBE_GOOD);
        return;
    }

    ngx_stream_mra_conn_done(conn, NULL, (rc == NGX_DECLINED)
                                         ? conn->reason : NGX_MRA_PROBE_TLS);
}


/* in time it did not connect, or it was refused at once */

static void
ngx_stream_mra_conn_timer(ngx_event_t *ev)
{
    ngx_stream_mra_conn_t  *conn;

    conn = ev->data;

    ngx_stream_mra_conn_done(conn, NULL, conn->reason);
}


static void
ngx_stream_mra_conn_done(ngx_stream_mra_conn_t *conn, ngx_connection_t *c,
    ngx_mra_probe_reason_e reason)
{
    if (c) {
        conn->peer.connection = NULL;

        /* a loss is reported once for all links, when the hop is down */

        c->log_error = NGX_ERROR_INFO;
        c->log->action = NULL;
    }

    ngx_stream_mra_conn_cancel(conn);

    conn->reason = reason;
    conn->handler(conn, c);
}


void
ngx_stream_mra_conn_cancel(ngx_stream_mra_conn_t *conn)
{
    if (!conn->active) {
        return;
    }

    conn->active = 0;

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->timer.posted) {
        ngx_delete_posted_event(&conn->timer);
    }

    if (conn->peer.connection) {
        ngx_stream_mra_conn_close(conn->peer.connection);
        conn->peer.connection = NULL;
    }
}


void
ngx_stream_mra_conn_close(ngx_connection_t *c)
{
    ngx_pool_t  *pool;

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }

    pool = c->pool;

    ngx_close_connection(c);

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


static ngx_mra_probe_reason_e
ngx_stream_mra_conn_reason(ngx_err_t err)
{
    switch (err) {

    case NGX_ECONNREFUSED:
    case NGX_ENOENT:
    case NGX_EAGAIN:
        return NGX_MRA_PROBE_REFUSED;

    case NGX_ETIMEDOUT:
        return NGX_MRA_PROBE_CONNECT_TIMEOUT;

    default:
        return NGX_MRA_PROBE_UNREACHABLE;
    }
}
