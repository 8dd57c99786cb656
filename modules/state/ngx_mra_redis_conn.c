
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn_private.h"


#define NGX_MRA_REDIS_OUT       (4 * 1024 * 1024)
#define NGX_MRA_REDIS_CALLS     16384            /* that wait for replies */

/* between two tries to connect, ms */

#define NGX_MRA_REDIS_RETRY     50
#define NGX_MRA_REDIS_LONGEST   2000

#define NGX_MRA_REDIS_STABLE    200     /* so long up, ms */


static void ngx_mra_redis_timer_handler(ngx_event_t *ev);
static ngx_int_t ngx_mra_redis_append(ngx_mra_redis_conn_t *conn, ngx_uint_t
    argc, ngx_str_t *argv);
static void ngx_mra_redis_flush_handler(ngx_event_t *ev);
static ngx_uint_t ngx_mra_redis_has_other(ngx_mra_redis_conn_t *conn);
static void ngx_mra_redis_retry(ngx_mra_redis_conn_t *conn);
static void ngx_mra_redis_shut(ngx_mra_redis_conn_t *conn);


void
ngx_mra_redis_conn_open(ngx_mra_redis_conn_t *conn, ngx_log_t *log)
{
    /* whether and why it failed is told once, by the owner */

    conn->quiet = *log;
    conn->quiet.log_level = NGX_LOG_ALERT;

    ngx_queue_init(&conn->calls);
    ngx_queue_init(&conn->free);

    conn->dumb.fd = (ngx_socket_t) -1;
    conn->dumb.data = conn;

    conn->timer.handler = ngx_mra_redis_timer_handler;
    conn->timer.data = &conn->dumb;
    conn->timer.log = &conn->quiet;

    conn->flush.handler = ngx_mra_redis_flush_handler;
    conn->flush.data = &conn->dumb;
    conn->flush.log = &conn->quiet;

    conn->turn = ngx_random();
    conn->state = NGX_MRA_REDIS_WAITING;

    conn->timer.cancelable = 1;
    ngx_add_timer(&conn->timer, 1);
}


void
ngx_mra_redis_conn_close(ngx_mra_redis_conn_t *conn)
{
    ngx_queue_t  *q;

    if (conn->state == NGX_MRA_REDIS_CLOSED) {
        return;
    }

    ngx_mra_redis_shut(conn);
    conn->state = NGX_MRA_REDIS_CLOSED;

    while (!ngx_queue_empty(&conn->free)) {
        q = ngx_queue_head(&conn->free);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_mra_redis_call_t, queue));
    }

    if (conn->out) {
        ngx_free(conn->out);
        conn->out = NULL;
        conn->out_size = 0;
    }
}


void
ngx_mra_redis_conn_hurry(ngx_mra_redis_conn_t *conn)
{
    if (conn->state == NGX_MRA_REDIS_WAITING) {
        ngx_add_timer(&conn->timer, 1);
    }
}


static void
ngx_mra_redis_timer_handler(ngx_event_t *ev)
{
    ngx_queue_t           *q;
    ngx_msec_int_t         left;
    ngx_connection_t      *dumb;
    ngx_mra_redis_call_t  *call;
    ngx_mra_redis_conn_t  *conn;

    dumb = ev->data;
    conn = dumb->data;

    switch (conn->state) {

    case NGX_MRA_REDIS_WAITING:
        ngx_mra_redis_connect(conn);
        return;

    case NGX_MRA_REDIS_READY:

        if (ngx_queue_empty(&conn->calls)) {
            return;
        }

        /* the first one is due first */

        q = ngx_queue_head(&conn->calls);
        call = ngx_queue_data(q, ngx_mra_redis_call_t, queue);
        left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);

        if (left > 0) {
            ngx_add_timer(ev, left);
            return;
        }

        conn->late = 1;
        ngx_mra_redis_failed(conn, "no reply in time", 0);
        return;

    default:
        ngx_mra_redis_failed(conn, "no connection in time", 0);
    }
}


ngx_mra_redis_call_t *
ngx_mra_redis_call(ngx_mra_redis_conn_t *conn, ngx_mra_redis_call_pt handler,
    ngx_msec_t timeout, ngx_uint_t argc, ngx_str_t *argv)
{
    ngx_mra_redis_call_t  *call;

    if (!conn->up || conn->waiting >= NGX_MRA_REDIS_CALLS) {
        return NULL;
    }

    call = ngx_mra_redis_queue(conn, handler, timeout, argc, argv);

    if (call) {
        conn->timer.cancelable = conn->idle;

        if (!conn->timer.timer_set) {
            ngx_add_timer(&conn->timer, timeout);
        }
    }

    return call;
}


ngx_mra_redis_call_t *
ngx_mra_redis_queue(ngx_mra_redis_conn_t *conn, ngx_mra_redis_call_pt handler,
    ngx_msec_t timeout, ngx_uint_t argc, ngx_str_t *argv)
{
    ngx_queue_t           *q;
    ngx_mra_redis_call_t  *call;

    if (ngx_mra_redis_append(conn, argc, argv) != NGX_OK) {
        return NULL;
    }

    if (ngx_queue_empty(&conn->free)) {
        call = ngx_alloc(sizeof(ngx_mra_redis_call_t), &conn->quiet);
        if (call == NULL) {
            conn->drop = "no memory";
            return NULL;
        }

    } else {
        q = ngx_queue_head(&conn->free);
        ngx_queue_remove(q);
        call = ngx_queue_data(q, ngx_mra_redis_call_t, queue);
    }

    call->handler = handler;
    call->conn = conn;
    call->deadline = ngx_current_msec + timeout;
    call->again = 0;

    ngx_queue_insert_tail(&conn->calls, &call->queue);
    conn->waiting++;

    ngx_post_event(&conn->flush, &ngx_posted_events);

    return call;
}


static ngx_int_t
ngx_mra_redis_append(ngx_mra_redis_conn_t *conn, ngx_uint_t argc,
    ngx_str_t *argv)
{
    int          len;
    char        *cmd;
    size_t       lens[NGX_MRA_REDIS_ARGS], size;
    u_char      *out;
    ngx_uint_t   i;
    const char  *args[NGX_MRA_REDIS_ARGS];

    for (i = 0; i < argc; i++) {
        args[i] = (char *) argv[i].data;
        lens[i] = argv[i].len;
    }

    len = redisFormatCommandArgv(&cmd, argc, args, lens);
    if (len < 0) {
        return NGX_ERROR;
    }

    size = conn->out_last + len;

    if (size > conn->out_size) {
        size = ngx_max(2 * size, NGX_MRA_REDIS_READ);

        if (size > NGX_MRA_REDIS_OUT) {
            redisFreeCommand(cmd);
            return NGX_ERROR;
        }

        out = ngx_alloc(size, &conn->quiet);
        if (out == NULL) {
            redisFreeCommand(cmd);
            return NGX_ERROR;
        }

        if (conn->out) {
            ngx_memcpy(out, conn->out, conn->out_last);
            ngx_free(conn->out);
        }

        conn->out = out;
        conn->out_size = size;
    }

    ngx_memcpy(conn->out + conn->out_last, cmd, len);
    conn->out_last += len;

    redisFreeCommand(cmd);

    return NGX_OK;
}


void
ngx_mra_redis_conn_flush(ngx_mra_redis_conn_t *conn)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = conn->connection;

    if (c == NULL || conn->drop) {
        return;
    }

    while (conn->out_pos < conn->out_last) {

        n = c->send(c, conn->out + conn->out_pos,
                    conn->out_last - conn->out_pos);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            conn->drop = "the connection broke";
            return;
        }

        conn->out_pos += n;
    }

    if (conn->out_pos == conn->out_last) {
        conn->out_pos = 0;
        conn->out_last = 0;
        return;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        conn->drop = "the connection broke";
    }
}


static void
ngx_mra_redis_flush_handler(ngx_event_t *ev)
{
    ngx_connection_t      *dumb;
    ngx_mra_redis_conn_t  *conn;

    dumb = ev->data;
    conn = dumb->data;

    ngx_mra_redis_conn_flush(conn);

    if (conn->drop) {
        ngx_mra_redis_failed(conn, conn->drop, 0);
    }
}


void
ngx_mra_redis_write_handler(ngx_event_t *wev)
{
    ngx_connection_t      *c;
    ngx_mra_redis_conn_t  *conn;

    c = wev->data;
    conn = c->data;

    if (conn->state == NGX_MRA_REDIS_CONNECTING) {
        ngx_mra_redis_connected(conn);
        return;
    }

    ngx_mra_redis_conn_flush(conn);

    if (conn->drop) {
        ngx_mra_redis_failed(conn, conn->drop, 0);
    }
}


void
ngx_mra_redis_failed(ngx_mra_redis_conn_t *conn, char *what, ngx_err_t err)
{
    u_char      *p, *last, text[96];
    ngx_uint_t   cut, quiet;

    /* a reason may have been given already */

    if (*what) {
        p = conn->why_buf;
        last = p + sizeof(conn->why_buf);

        p = ngx_slprintf(p, last, "%s", what);

        if (err) {
            p = ngx_slprintf(p, last, " (%d: %*s)", err,
                             ngx_strerror(err, text, sizeof(text)) - text,
                             text);
        }

        conn->why.data = conn->why_buf;
        conn->why.len = p - conn->why_buf;
    }

    /* one that has served for a while is made again at once, but once */

    cut = conn->state == NGX_MRA_REDIS_READY && !conn->late
          && ngx_current_msec - conn->since > NGX_MRA_REDIS_STABLE;

    /* an address that was told, or another one of those that are known */

    quiet = (conn->told && conn->asking) || ngx_mra_redis_has_other(conn);

    ngx_mra_redis_shut(conn);

    if (cut || quiet) {
        conn->state = NGX_MRA_REDIS_WAITING;
        conn->timer.cancelable = 1;
        ngx_add_timer(&conn->timer, 1);

    } else {
        ngx_mra_redis_retry(conn);
    }

    if (!quiet) {
        conn->handler(conn, cut ? NGX_MRA_REDIS_CUT : NGX_MRA_REDIS_DOWN);
    }
}


/* in time: whoever waits for the connection does not wait for all of them */

static ngx_uint_t
ngx_mra_redis_has_other(ngx_mra_redis_conn_t *conn)
{
    return conn->state != NGX_MRA_REDIS_READY
           && !conn->fixed
           && conn->delay == 0
           && conn->tried < conn->conf->addrs.nelts
           && ngx_current_msec - conn->trying < conn->conf->timeout;
}


static void
ngx_mra_redis_retry(ngx_mra_redis_conn_t *conn)
{
    conn->state = NGX_MRA_REDIS_WAITING;

    conn->delay = conn->delay ? ngx_min(conn->delay * 2,
                                        NGX_MRA_REDIS_LONGEST)
                              : NGX_MRA_REDIS_RETRY;

    conn->timer.cancelable = 1;
    ngx_add_timer(&conn->timer,
                  conn->delay / 2 + ngx_random() % conn->delay);
}


static void
ngx_mra_redis_shut(ngx_mra_redis_conn_t *conn)
{
    ngx_pool_t            *pool;
    ngx_queue_t           *q, calls;
    ngx_connection_t      *c;
    ngx_mra_redis_call_t  *call;

    conn->up = 0;
    conn->drop = NULL;

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

    if (conn->resolve) {
        ngx_resolve_name_done(conn->resolve);
        conn->resolve = NULL;
    }

    c = conn->connection;

    if (c) {
        conn->connection = NULL;
        pool = c->pool;

        if (c->ssl) {
            c->ssl->no_wait_shutdown = 1;
            c->ssl->no_send_shutdown = 1;
            (void) ngx_ssl_shutdown(c);
        }

        ngx_close_connection(c);

        if (pool) {
            ngx_destroy_pool(pool);
        }
    }

    if (conn->reader) {
        redisReaderFree(conn->reader);
        conn->reader = NULL;
    }

    conn->out_pos = 0;
    conn->out_last = 0;

    /* whoever is told may ask again: that is for the next connection */

    if (ngx_queue_empty(&conn->calls)) {
        return;
    }

    calls = conn->calls;
    calls.next->prev = &calls;
    calls.prev->next = &calls;
    ngx_queue_init(&conn->calls);

    while (!ngx_queue_empty(&calls)) {
        q = ngx_queue_head(&calls);
        call = ngx_queue_data(q, ngx_mra_redis_call_t, queue);
        ngx_mra_redis_answer(call, NULL);
    }
}
