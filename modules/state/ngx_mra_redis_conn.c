
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn.h"


#define NGX_MRA_REDIS_READ      16384
#define NGX_MRA_REDIS_REPLY     (1024 * 1024)    /* bytes of one reply */
#define NGX_MRA_REDIS_ELEMENTS  4096             /* of one array */
#define NGX_MRA_REDIS_OUT       (4 * 1024 * 1024)
#define NGX_MRA_REDIS_CALLS     16384            /* that wait for replies */

/* between two tries to connect, ms */

#define NGX_MRA_REDIS_RETRY     50
#define NGX_MRA_REDIS_LONGEST   2000

#define NGX_MRA_REDIS_STABLE    200     /* so long up, ms */


typedef enum {
    NGX_MRA_REDIS_CLOSED = 0,
    NGX_MRA_REDIS_WAITING,      /* to try again */
    NGX_MRA_REDIS_RESOLVING,
    NGX_MRA_REDIS_CONNECTING,
    NGX_MRA_REDIS_GREETING,
    NGX_MRA_REDIS_READY
} ngx_mra_redis_state_e;


/* what is asked first, the tag of a call */

typedef enum {
    NGX_MRA_REDIS_AUTH = 0,
    NGX_MRA_REDIS_SELECT,
    NGX_MRA_REDIS_ROLE,
    NGX_MRA_REDIS_LOAD,
    NGX_MRA_REDIS_MASTER
} ngx_mra_redis_greeting_e;


#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_mra_redis_elements_t;
#else
typedef int     ngx_mra_redis_elements_t;
#endif


static void ngx_mra_redis_timer_handler(ngx_event_t *ev);
static void ngx_mra_redis_connect(ngx_mra_redis_conn_t *conn);
static void ngx_mra_redis_resolve(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_addr_t *addr);
static void ngx_mra_redis_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_mra_redis_connect_to(ngx_mra_redis_conn_t *conn,
    struct sockaddr *sockaddr, socklen_t socklen);
static void ngx_mra_redis_connected(ngx_mra_redis_conn_t *conn);
static void ngx_mra_redis_handshake(ngx_connection_t *c);
static void ngx_mra_redis_greet(ngx_mra_redis_conn_t *conn);
static void ngx_mra_redis_greet_with(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_greeting_e tag, ngx_uint_t argc, ngx_str_t *argv);
static void ngx_mra_redis_greeted(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_master(ngx_mra_redis_conn_t *conn,
    redisReply *reply);
static ngx_uint_t ngx_mra_redis_is_master(redisReply *reply);
static ngx_mra_redis_call_t *ngx_mra_redis_queue(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_call_pt handler, ngx_msec_t timeout, ngx_uint_t argc,
    ngx_str_t *argv);
static ngx_int_t ngx_mra_redis_append(ngx_mra_redis_conn_t *conn,
    ngx_uint_t argc, ngx_str_t *argv);
static void ngx_mra_redis_flush_handler(ngx_event_t *ev);
static void ngx_mra_redis_write_handler(ngx_event_t *wev);
static void ngx_mra_redis_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_mra_redis_replies(ngx_mra_redis_conn_t *conn);
static void *ngx_mra_redis_create_array(const redisReadTask *task,
    ngx_mra_redis_elements_t elements);
static char *ngx_mra_redis_unusable(redisReply *reply);
static void ngx_mra_redis_answer(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_failed(ngx_mra_redis_conn_t *conn, char *what,
    ngx_err_t err);
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


static void
ngx_mra_redis_connect(ngx_mra_redis_conn_t *conn)
{
    ngx_mra_redis_addr_t  *addr;

    if (conn->told) {
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


static void
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


static void
ngx_mra_redis_greet(ngx_mra_redis_conn_t *conn)
{
    u_char                 db[NGX_INT_T_LEN];
    ngx_str_t              argv[3];
    ngx_uint_t             i, n;
    ngx_mra_redis_conf_t  *conf;

    conf = conn->conf;

    conn->state = NGX_MRA_REDIS_GREETING;
    conn->greetings = 0;
    conn->fed = 0;

    conn->reader = redisReaderCreate();
    if (conn->reader == NULL) {
        ngx_mra_redis_failed(conn, "no memory", 0);
        return;
    }

    conn->defaults = conn->reader->fn;
    conn->functions = *conn->reader->fn;
    conn->functions.createArray = ngx_mra_redis_create_array;
    conn->reader->fn = &conn->functions;
    conn->reader->privdata = conn;

    if (conn->asking) {
        ngx_str_set(&argv[0], "SENTINEL");
        ngx_str_set(&argv[1], "get-master-addr-by-name");
        argv[2] = conf->sentinel;

        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_MASTER, 3, argv);
        return;
    }

    if (conf->password.len) {
        ngx_str_set(&argv[0], "AUTH");
        n = 1;

        if (conf->user.len) {
            argv[n++] = conf->user;
        }

        argv[n++] = conf->password;

        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_AUTH, n, argv);
    }

    if (conf->db) {
        ngx_str_set(&argv[0], "SELECT");
        argv[1].data = db;
        argv[1].len = ngx_sprintf(db, "%ui", conf->db) - db;

        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_SELECT, 2, argv);
    }

    ngx_str_set(&argv[0], "ROLE");
    ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_ROLE, 1, argv);

    ngx_str_set(&argv[0], "SCRIPT");
    ngx_str_set(&argv[1], "LOAD");

    for (i = 0; i < conn->nscripts; i++) {
        argv[2] = conn->scripts[i];
        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_LOAD, 3, argv);
    }
}


static void
ngx_mra_redis_greet_with(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_greeting_e tag, ngx_uint_t argc, ngx_str_t *argv)
{
    ngx_mra_redis_call_t  *call;

    call = ngx_mra_redis_queue(conn, ngx_mra_redis_greeted,
                               conn->conf->timeout, argc, argv);
    if (call) {
        call->tag = tag;
        conn->greetings++;
    }
}


static void
ngx_mra_redis_greeted(ngx_mra_redis_call_t *call, redisReply *reply)
{
    size_t                 len;
    u_char                *p;
    ngx_mra_redis_conn_t  *conn;

    conn = call->conn;

    if (reply == NULL || conn->drop) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {

        /* of the answer to AUTH the first word: others may repeat it */

        len = reply->len;
        p = ngx_strlchr((u_char *) reply->str,
                        (u_char *) reply->str + len, ' ');

        if (call->tag == NGX_MRA_REDIS_AUTH && p) {
            len = p - (u_char *) reply->str;
        }

        conn->why.data = conn->why_buf;
        conn->why.len = ngx_snprintf(conn->why_buf, sizeof(conn->why_buf),
                                     "it answered \"%*s\"",
                                     ngx_min(len, 128), reply->str)
                        - conn->why_buf;

        conn->drop = "";
        return;
    }

    if (call->tag == NGX_MRA_REDIS_MASTER) {
        ngx_mra_redis_master(conn, reply);
        return;
    }

    if (call->tag == NGX_MRA_REDIS_ROLE && !ngx_mra_redis_is_master(reply)) {
        conn->drop = "it is a replica";
        return;
    }

    if (--conn->greetings) {
        return;
    }

    conn->state = NGX_MRA_REDIS_READY;
    conn->delay = 0;
    conn->tried = 0;
    conn->up = 1;
    conn->late = 0;
    conn->since = ngx_current_msec;

    ngx_del_timer(&conn->timer);

    conn->handler(conn, NGX_MRA_REDIS_UP);
}


static ngx_uint_t
ngx_mra_redis_is_master(redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
           && reply->element[0]->type == REDIS_REPLY_STRING
           && ngx_strcmp(reply->element[0]->str, "master") == 0;
}


/* an address and a port, or nil for a name that it does not know */

static void
ngx_mra_redis_master(ngx_mra_redis_conn_t *conn, redisReply *reply)
{
    u_char      *host;
    size_t       len;
    ngx_int_t    port;
    ngx_addr_t   addr;

    conn->drop = "this sentinel knows no master of that name";

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        return;
    }

    host = (u_char *) reply->element[0]->str;
    len = reply->element[0]->len;
    port = ngx_atoi((u_char *) reply->element[1]->str,
                    reply->element[1]->len);

    if (port <= 0 || port > 65535
        || ngx_parse_addr(conn->connection->pool, &addr, host, len) != NGX_OK)
    {
        conn->drop = "the sentinel's master has no address";
        return;
    }

    ngx_memcpy(&conn->master, addr.sockaddr, addr.socklen);
    conn->master_len = addr.socklen;
    ngx_inet_set_port(&conn->master.sockaddr, (in_port_t) port);

    conn->told = 1;
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

    if (call && !conn->timer.timer_set) {
        conn->timer.cancelable = conn->idle;
        ngx_add_timer(&conn->timer, timeout);
    }

    return call;
}


static ngx_mra_redis_call_t *
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


static void
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


static void
ngx_mra_redis_read_handler(ngx_event_t *rev)
{
    u_char                 buf[NGX_MRA_REDIS_READ];
    ssize_t                n;
    ngx_connection_t      *c;
    ngx_mra_redis_conn_t  *conn;

    c = rev->data;
    conn = c->data;

    if (conn->state == NGX_MRA_REDIS_CONNECTING) {
        ngx_mra_redis_connected(conn);
        return;
    }

    for ( ;; ) {
        n = c->recv(c, buf, NGX_MRA_REDIS_READ);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0) {
            ngx_mra_redis_failed(conn, "it closed the connection", 0);
            return;
        }

        if (n == NGX_ERROR) {
            ngx_mra_redis_failed(conn, "the connection broke", 0);
            return;
        }

        conn->fed += n;

        if (redisReaderFeed(conn->reader, (char *) buf, n) != REDIS_OK) {
            ngx_mra_redis_failed(conn, "no memory", 0);
            return;
        }

        if (ngx_mra_redis_replies(conn) != NGX_OK) {
            ngx_mra_redis_failed(conn, conn->drop, 0);
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_mra_redis_failed(conn, "the connection broke", 0);
    }
}


static ngx_int_t
ngx_mra_redis_replies(ngx_mra_redis_conn_t *conn)
{
    void                  *reply;
    char                  *unusable;
    ngx_queue_t           *q;
    ngx_mra_redis_call_t  *call;

    while (conn->drop == NULL) {

        if (redisReaderGetReply(conn->reader, &reply) != REDIS_OK) {
            conn->drop = "it does not speak the protocol, or too much";
            break;
        }

        if (reply == NULL) {

            if (conn->fed > NGX_MRA_REDIS_REPLY) {
                conn->drop = "its reply is too large";
                break;
            }

            return NGX_OK;
        }

        conn->fed = 0;

        if (ngx_queue_empty(&conn->calls)) {
            freeReplyObject(reply);
            conn->drop = "it sent a reply that nobody asked for";
            break;
        }

        unusable = ngx_mra_redis_unusable(reply);

        if (unusable) {
            conn->up = 0;
        }

        q = ngx_queue_head(&conn->calls);
        call = ngx_queue_data(q, ngx_mra_redis_call_t, queue);

        ngx_mra_redis_answer(call, reply);
        freeReplyObject(reply);

        if (unusable && conn->drop == NULL) {
            conn->drop = unusable;
        }
    }

    return NGX_ERROR;
}


/* before memory is taken for what a length promises */

static void *
ngx_mra_redis_create_array(const redisReadTask *task,
    ngx_mra_redis_elements_t elements)
{
    ngx_mra_redis_conn_t  *conn;

    if (elements > NGX_MRA_REDIS_ELEMENTS) {
        return NULL;
    }

    conn = task->privdata;

    return conn->defaults->createArray(task, elements);
}


/* the server is not what it was, another one or a later try may be */

static char *
ngx_mra_redis_unusable(redisReply *reply)
{
    ngx_uint_t    i;
    static char  *words[] = { "READONLY", "LOADING", "MASTERDOWN", "NOAUTH",
                              "UNBLOCKED", NULL };

    if (reply->type != REDIS_REPLY_ERROR) {
        return NULL;
    }

    for (i = 0; words[i]; i++) {
        if (ngx_strncmp(reply->str, words[i], ngx_strlen(words[i])) == 0) {
            return words[i];
        }
    }

    return NULL;
}


static void
ngx_mra_redis_answer(ngx_mra_redis_call_t *call, redisReply *reply)
{
    ngx_mra_redis_conn_t  *conn;

    conn = call->conn;

    ngx_queue_remove(&call->queue);
    conn->waiting--;

    if (call->handler) {
        call->handler(call, reply);
    }

    ngx_queue_insert_head(&conn->free, &call->queue);
}


static void
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
