
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_mra_core.h"


#define NGX_MRA_IPC_QUEUE    (8 * 1024 * 1024)   /* bytes that may wait */
#define NGX_MRA_IPC_SOCKET   (512 * 1024)        /* bytes in the kernel */
#define NGX_MRA_IPC_BACKLOG  511
#define NGX_MRA_IPC_TURN     64                  /* packets in one event */
#define NGX_MRA_IPC_TRIES    16


/* before the message in each packet */

typedef struct {
    uint32_t                from;
    uint32_t                channel;
} ngx_mra_ipc_header_t;


typedef struct {
    ngx_queue_t             queue;
    size_t                  len;
    u_char                  data[];     /* header and message */
} ngx_mra_ipc_packet_t;


/* a connection to another worker or from one: each goes one way only */

typedef struct {
    ngx_queue_t             queue;
    ngx_connection_t       *connection;
    ngx_mra_ipc_t          *ipc;

    uint32_t                number;     /* 0: it comes from there */
    ngx_queue_t             packets;
    size_t                  size;       /* of the packets */
} ngx_mra_ipc_peer_t;


struct ngx_mra_ipc_s {
    ngx_log_t              *log;
    ngx_mra_zone_t         *zone;
    uint32_t                self;
    ngx_connection_t       *listening;
    ngx_queue_t             peers;
    ngx_mra_ipc_pt          receivers[NGX_MRA_IPC_CHANNELS];

    ngx_mra_ipc_header_t    header;     /* of the packet being read */
    u_char                  buffer[NGX_MRA_IPC_MAX];
};


static void ngx_mra_ipc_set_log(ngx_connection_t *c, ngx_log_t *log);
static ngx_int_t ngx_mra_ipc_listen(ngx_mra_ipc_t *ipc);
static ngx_fd_t ngx_mra_ipc_bind(ngx_mra_ipc_t *ipc);
static ngx_fd_t ngx_mra_ipc_socket(ngx_log_t *log);
static socklen_t ngx_mra_ipc_address(ngx_mra_ipc_t *ipc, uint32_t number,
    struct sockaddr_un *sun);
static ngx_mra_ipc_peer_t *ngx_mra_ipc_peer(ngx_mra_ipc_t *ipc, ngx_fd_t fd,
    ngx_event_handler_pt handler);
static void ngx_mra_ipc_forget(ngx_mra_ipc_peer_t *peer);
static ngx_int_t ngx_mra_ipc_is_ours(ngx_fd_t fd, ngx_log_t *log);

static ngx_int_t ngx_mra_ipc_find(ngx_mra_ipc_t *ipc, uint32_t to,
    ngx_mra_ipc_peer_t **peerp);
static ngx_int_t ngx_mra_ipc_connect(ngx_mra_ipc_t *ipc, uint32_t to,
    ngx_mra_ipc_peer_t **peerp);
static ngx_int_t ngx_mra_ipc_write(ngx_connection_t *c, struct iovec *iov,
    ngx_uint_t niov);
static ngx_int_t ngx_mra_ipc_queue(ngx_mra_ipc_peer_t *peer,
    struct iovec *iov, ngx_uint_t niov, size_t len);
static void ngx_mra_ipc_write_handler(ngx_event_t *wev);
static void ngx_mra_ipc_gone_handler(ngx_event_t *rev);

static void ngx_mra_ipc_accept_handler(ngx_event_t *rev);
static void ngx_mra_ipc_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_mra_ipc_read(ngx_mra_ipc_peer_t *peer);
static void ngx_mra_ipc_deliver(ngx_mra_ipc_t *ipc, size_t len);


uint32_t
ngx_mra_ipc_self(ngx_cycle_t *cycle)
{
    ngx_mra_worker_t  *worker;

    worker = ngx_mra_core_conf(cycle)->worker;

    return (worker && worker->ipc) ? worker->ipc->self : 0;
}


void
ngx_mra_ipc_receive(ngx_cycle_t *cycle, ngx_uint_t channel,
    ngx_mra_ipc_pt handler)
{
    ngx_mra_worker_t  *worker;

    worker = ngx_mra_core_conf(cycle)->worker;

    if (worker && worker->ipc && channel < NGX_MRA_IPC_CHANNELS) {
        worker->ipc->receivers[channel] = handler;
    }
}


ngx_mra_ipc_t *
ngx_mra_ipc_open(ngx_cycle_t *cycle, ngx_mra_core_conf_t *mccf)
{
    ngx_mra_ipc_t  *ipc;

    ipc = ngx_alloc(sizeof(ngx_mra_ipc_t), cycle->log);
    if (ipc == NULL) {
        return NULL;
    }

    ngx_memzero(ipc, offsetof(ngx_mra_ipc_t, buffer));

    ipc->log = cycle->log;
    ipc->zone = mccf->zone;
    ngx_queue_init(&ipc->peers);

    if (ngx_mra_ipc_listen(ipc) != NGX_OK) {
        ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                      "this worker gets no messages from the others");
        ngx_free(ipc);
        return NULL;
    }

    return ipc;
}


static void
ngx_mra_ipc_set_log(ngx_connection_t *c, ngx_log_t *log)
{
    c->log = log;
    c->read->log = log;
    c->write->log = log;
}


void
ngx_mra_ipc_move(ngx_mra_ipc_t *ipc, ngx_log_t *log)
{
    ngx_queue_t         *q;
    ngx_mra_ipc_peer_t  *peer;

    ipc->log = log;

    ngx_mra_ipc_set_log(ipc->listening, log);

    for (q = ngx_queue_head(&ipc->peers);
         q != ngx_queue_sentinel(&ipc->peers);
         q = ngx_queue_next(q))
    {
        peer = ngx_queue_data(q, ngx_mra_ipc_peer_t, queue);
        ngx_mra_ipc_set_log(peer->connection, log);
    }
}


void
ngx_mra_ipc_close(ngx_mra_ipc_t *ipc)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&ipc->peers)) {
        q = ngx_queue_head(&ipc->peers);
        ngx_mra_ipc_forget(ngx_queue_data(q, ngx_mra_ipc_peer_t, queue));
    }

    ngx_close_connection(ipc->listening);
    ngx_free(ipc);
}


static ngx_int_t
ngx_mra_ipc_listen(ngx_mra_ipc_t *ipc)
{
    ngx_fd_t           fd;
    ngx_log_t         *log;
    ngx_connection_t  *c;

    log = ipc->log;

    fd = ngx_mra_ipc_bind(ipc);
    if (fd == (ngx_fd_t) -1) {
        return NGX_ERROR;
    }

    if (listen(fd, NGX_MRA_IPC_BACKLOG) == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_socket_errno,
                      "listen() between workers failed");
        goto failed;
    }

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        goto failed;
    }

    c->data = ipc;
    ngx_mra_ipc_set_log(c, log);

    c->read->handler = ngx_mra_ipc_accept_handler;

    /* left alone when the worker closes what is idle at its end */

    c->read->channel = 1;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    ipc->listening = c;

    return NGX_OK;

failed:

    if (ngx_close_socket(fd) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_close_socket_n " failed");
    }

    return NGX_ERROR;
}


/* a number that nobody has had, and its socket */

static ngx_fd_t
ngx_mra_ipc_bind(ngx_mra_ipc_t *ipc)
{
    ngx_fd_t            fd;
    ngx_err_t           err;
    ngx_uint_t          i;
    socklen_t           len;
    struct sockaddr_un  sun;

    fd = ngx_mra_ipc_socket(ipc->log);
    if (fd == (ngx_fd_t) -1) {
        return fd;
    }

    err = 0;

    for (i = 0; i < NGX_MRA_IPC_TRIES; i++) {
        ipc->self = (uint32_t) ngx_atomic_fetch_add(&ipc->zone->number, 1) + 1;

        len = ngx_mra_ipc_address(ipc, ipc->self, &sun);

        if (ipc->self && bind(fd, (struct sockaddr *) &sun, len) == 0) {
            return fd;
        }

        err = ngx_socket_errno;
    }

    ngx_log_error(NGX_LOG_CRIT, ipc->log, err,
                  "bind() between workers failed");

    (void) ngx_close_socket(fd);

    return (ngx_fd_t) -1;
}


static ngx_fd_t
ngx_mra_ipc_socket(ngx_log_t *log)
{
    int       size;
    ngx_fd_t  fd;

    fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (fd == (ngx_fd_t) -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_socket_errno,
                      "socket() between workers failed");
        return fd;
    }

    /* what the kernel allows will do: its default holds a message */

    size = NGX_MRA_IPC_SOCKET;
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(int));

    return fd;
}


/* in the abstract namespace: the kernel cleans up after a dead worker */

static socklen_t
ngx_mra_ipc_address(ngx_mra_ipc_t *ipc, uint32_t number,
    struct sockaddr_un *sun)
{
    u_char  *p;

    ngx_memzero(sun, sizeof(struct sockaddr_un));

    sun->sun_family = AF_UNIX;

    p = (u_char *) sun->sun_path + 1;

    p = ngx_cpymem(p, "ngx_mra.", sizeof("ngx_mra.") - 1);
    p = ngx_hex_dump(p, ipc->zone->name, sizeof(ipc->zone->name));
    p = ngx_sprintf(p, ".%uD", number);

    return (socklen_t) (p - (u_char *) sun);
}


static ngx_mra_ipc_peer_t *
ngx_mra_ipc_peer(ngx_mra_ipc_t *ipc, ngx_fd_t fd,
    ngx_event_handler_pt handler)
{
    ngx_log_t           *log;
    ngx_connection_t    *c;
    ngx_mra_ipc_peer_t  *peer;

    log = ipc->log;

    peer = ngx_calloc(sizeof(ngx_mra_ipc_peer_t), log);
    if (peer == NULL) {
        goto failed;
    }

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        goto failed;
    }

    c->data = peer;
    ngx_mra_ipc_set_log(c, log);

    c->read->handler = handler;
    c->write->handler = ngx_mra_ipc_write_handler;
    c->read->channel = 1;
    c->write->channel = 1;

    peer->ipc = ipc;
    peer->connection = c;
    ngx_queue_init(&peer->packets);
    ngx_queue_insert_tail(&ipc->peers, &peer->queue);

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_mra_ipc_forget(peer);
        return NULL;
    }

    return peer;

failed:

    if (peer) {
        ngx_free(peer);
    }

    if (ngx_close_socket(fd) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_close_socket_n " failed");
    }

    return NULL;
}


static void
ngx_mra_ipc_forget(ngx_mra_ipc_peer_t *peer)
{
    ngx_queue_t           *q;
    ngx_mra_ipc_packet_t  *packet;

    while (!ngx_queue_empty(&peer->packets)) {
        q = ngx_queue_head(&peer->packets);
        packet = ngx_queue_data(q, ngx_mra_ipc_packet_t, queue);

        ngx_queue_remove(q);
        ngx_free(packet);
    }

    ngx_queue_remove(&peer->queue);
    ngx_close_connection(peer->connection);
    ngx_free(peer);
}


/* names in the abstract namespace have no owner, so that others may try */

static ngx_int_t
ngx_mra_ipc_is_ours(ngx_fd_t fd, ngx_log_t *log)
{
    socklen_t     len;
    struct ucred  cred;

    len = sizeof(struct ucred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_socket_errno,
                      "getsockopt(SO_PEERCRED) between workers failed");
        return NGX_ERROR;
    }

    if (cred.uid == geteuid() || cred.uid == 0) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "process %P of user %uD is no worker of ours, refused",
                  cred.pid, (uint32_t) cred.uid);

    return NGX_ERROR;
}


ngx_int_t
ngx_mra_ipc_send(ngx_cycle_t *cycle, uint32_t to, ngx_uint_t channel,
    struct iovec *iov, ngx_uint_t niov)
{
    size_t                 len;
    ngx_int_t              rc;
    ngx_uint_t             i;
    struct iovec           pieces[1 + NGX_MRA_IPC_PIECES];
    ngx_mra_worker_t      *worker;
    ngx_mra_ipc_peer_t    *peer;
    ngx_mra_ipc_header_t   header;

    worker = ngx_mra_core_conf(cycle)->worker;

    if (worker == NULL || worker->ipc == NULL || to == 0) {
        return NGX_DECLINED;
    }

    if (channel >= NGX_MRA_IPC_CHANNELS || niov > NGX_MRA_IPC_PIECES) {
        return NGX_ERROR;
    }

    header.from = worker->ipc->self;
    header.channel = (uint32_t) channel;

    pieces[0].iov_base = &header;
    pieces[0].iov_len = sizeof(ngx_mra_ipc_header_t);

    len = 0;

    for (i = 0; i < niov; i++) {
        pieces[i + 1] = iov[i];
        len += iov[i].iov_len;
    }

    if (len > NGX_MRA_IPC_MAX) {
        return NGX_ERROR;
    }

    rc = ngx_mra_ipc_find(worker->ipc, to, &peer);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_queue_empty(&peer->packets)
             ? ngx_mra_ipc_write(peer->connection, pieces, niov + 1)
             : NGX_AGAIN;

    if (rc == NGX_AGAIN) {
        rc = ngx_mra_ipc_queue(peer, pieces, niov + 1,
                               sizeof(ngx_mra_ipc_header_t) + len);
    }

    if (rc == NGX_DECLINED) {
        ngx_mra_ipc_forget(peer);
    }

    return rc;
}


static ngx_int_t
ngx_mra_ipc_find(ngx_mra_ipc_t *ipc, uint32_t to, ngx_mra_ipc_peer_t **peerp)
{
    ngx_queue_t         *q;
    ngx_mra_ipc_peer_t  *peer;

    for (q = ngx_queue_head(&ipc->peers);
         q != ngx_queue_sentinel(&ipc->peers);
         q = ngx_queue_next(q))
    {
        peer = ngx_queue_data(q, ngx_mra_ipc_peer_t, queue);

        if (peer->number == to) {
            *peerp = peer;
            return NGX_OK;
        }
    }

    return ngx_mra_ipc_connect(ipc, to, peerp);
}


static ngx_int_t
ngx_mra_ipc_connect(ngx_mra_ipc_t *ipc, uint32_t to,
    ngx_mra_ipc_peer_t **peerp)
{
    ngx_fd_t            fd;
    ngx_int_t           rc;
    ngx_err_t           err;
    ngx_log_t          *log;
    socklen_t           len;
    struct sockaddr_un  sun;

    log = ipc->log;

    fd = ngx_mra_ipc_socket(log);
    if (fd == (ngx_fd_t) -1) {
        return NGX_ERROR;
    }

    len = ngx_mra_ipc_address(ipc, to, &sun);

    if (connect(fd, (struct sockaddr *) &sun, len) == -1) {
        err = ngx_socket_errno;
        rc = (err == NGX_EAGAIN) ? NGX_BUSY : NGX_DECLINED;

        if (err != NGX_EAGAIN && err != NGX_ECONNREFUSED) {
            ngx_log_error(NGX_LOG_CRIT, log, err,
                          "connect() between workers failed");
        }

        goto failed;
    }

    if (ngx_mra_ipc_is_ours(fd, log) != NGX_OK) {
        rc = NGX_DECLINED;
        goto failed;
    }

    *peerp = ngx_mra_ipc_peer(ipc, fd, ngx_mra_ipc_gone_handler);
    if (*peerp == NULL) {
        return NGX_ERROR;
    }

    (*peerp)->number = to;

    return NGX_OK;

failed:

    if (ngx_close_socket(fd) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_close_socket_n " failed");
    }

    return rc;
}


/*
 * NGX_OK, NGX_AGAIN: it has to wait, NGX_ERROR: the packet is too large for
 * the kernel, NGX_DECLINED: nobody is there
 */

static ngx_int_t
ngx_mra_ipc_write(ngx_connection_t *c, struct iovec *iov, ngx_uint_t niov)
{
    ngx_err_t      err;
    struct msghdr  msg;

    ngx_memzero(&msg, sizeof(struct msghdr));

    msg.msg_iov = iov;
    msg.msg_iovlen = niov;

    for ( ;; ) {

        if (sendmsg(c->fd, &msg, MSG_NOSIGNAL) != -1) {
            return NGX_OK;
        }

        err = ngx_socket_errno;

        if (err == NGX_EINTR) {
            continue;
        }

        if (err == NGX_EAGAIN) {
            return NGX_AGAIN;
        }

        if (err == NGX_EPIPE || err == NGX_ECONNRESET) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_CRIT, c->log, err,
                      "sendmsg() between workers failed");

        return (err == EMSGSIZE || err == ENOBUFS) ? NGX_ERROR : NGX_DECLINED;
    }
}


static ngx_int_t
ngx_mra_ipc_queue(ngx_mra_ipc_peer_t *peer, struct iovec *iov,
    ngx_uint_t niov, size_t len)
{
    u_char                *p;
    ngx_uint_t             i;
    ngx_event_t           *wev;
    ngx_mra_ipc_packet_t  *packet;

    if (peer->size + len > NGX_MRA_IPC_QUEUE) {
        return NGX_BUSY;
    }

    wev = peer->connection->write;

    packet = ngx_alloc(sizeof(ngx_mra_ipc_packet_t) + len, wev->log);
    if (packet == NULL) {
        return NGX_ERROR;
    }

    packet->len = len;
    p = packet->data;

    for (i = 0; i < niov; i++) {
        p = ngx_cpymem(p, iov[i].iov_base, iov[i].iov_len);
    }

    ngx_queue_insert_tail(&peer->packets, &packet->queue);
    peer->size += len;

    wev->ready = 0;

    return (ngx_handle_write_event(wev, 0) == NGX_OK) ? NGX_OK : NGX_DECLINED;
}


static void
ngx_mra_ipc_write_handler(ngx_event_t *wev)
{
    ngx_int_t              rc;
    ngx_queue_t           *q;
    struct iovec           iov;
    ngx_connection_t      *c;
    ngx_mra_ipc_peer_t    *peer;
    ngx_mra_ipc_packet_t  *packet;

    c = wev->data;
    peer = c->data;

    while (!ngx_queue_empty(&peer->packets)) {
        q = ngx_queue_head(&peer->packets);
        packet = ngx_queue_data(q, ngx_mra_ipc_packet_t, queue);

        iov.iov_base = packet->data;
        iov.iov_len = packet->len;

        rc = ngx_mra_ipc_write(c, &iov, 1);

        if (rc == NGX_AGAIN) {
            wev->ready = 0;
            break;
        }

        if (rc == NGX_DECLINED) {
            ngx_mra_ipc_forget(peer);
            return;
        }

        ngx_queue_remove(q);
        peer->size -= packet->len;
        ngx_free(packet);
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_mra_ipc_forget(peer);
    }
}


/* nothing is ever said in this direction: it is the end */

static void
ngx_mra_ipc_gone_handler(ngx_event_t *rev)
{
    u_char             ch;
    ngx_connection_t  *c;

    c = rev->data;

    if (recv(c->fd, &ch, 1, MSG_PEEK) == -1 && ngx_socket_errno == NGX_EAGAIN)
    {
        rev->ready = 0;

        if (ngx_handle_read_event(rev, 0) == NGX_OK) {
            return;
        }
    }

    ngx_mra_ipc_forget(c->data);
}


static void
ngx_mra_ipc_accept_handler(ngx_event_t *rev)
{
    ngx_fd_t           fd;
    ngx_err_t          err;
    ngx_mra_ipc_t     *ipc;
    ngx_connection_t  *c;

    c = rev->data;
    ipc = c->data;

    for ( ;; ) {
        fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC);

        if (fd == (ngx_fd_t) -1) {
            err = ngx_socket_errno;

            if (err == NGX_EINTR || err == NGX_ECONNABORTED) {
                continue;
            }

            break;
        }

        if (ngx_mra_ipc_is_ours(fd, c->log) != NGX_OK) {
            (void) ngx_close_socket(fd);
            continue;
        }

        (void) ngx_mra_ipc_peer(ipc, fd, ngx_mra_ipc_read_handler);
    }

    if (err != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_CRIT, c->log, err,
                      "accept4() between workers failed");
    }

    rev->ready = 0;

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_CRIT, c->log, 0,
                      "this worker gets no more messages from the others");
    }
}


static void
ngx_mra_ipc_read_handler(ngx_event_t *rev)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_connection_t    *c;
    ngx_mra_ipc_peer_t  *peer;

    c = rev->data;
    peer = c->data;

    for (i = 0; i < NGX_MRA_IPC_TURN; i++) {
        rc = ngx_mra_ipc_read(peer);

        if (rc == NGX_AGAIN) {
            rev->ready = 0;

            if (ngx_handle_read_event(rev, 0) == NGX_OK) {
                return;
            }

            rc = NGX_ERROR;
        }

        if (rc == NGX_ERROR) {
            ngx_mra_ipc_forget(peer);
            return;
        }
    }

    /* there may be more, after the others */

    ngx_post_event(rev, &ngx_posted_next_events);
}


static ngx_int_t
ngx_mra_ipc_read(ngx_mra_ipc_peer_t *peer)
{
    ssize_t            n;
    ngx_err_t          err;
    struct iovec       iov[2];
    struct msghdr      msg;
    ngx_mra_ipc_t     *ipc;
    ngx_connection_t  *c;

    c = peer->connection;
    ipc = peer->ipc;

    iov[0].iov_base = &ipc->header;
    iov[0].iov_len = sizeof(ngx_mra_ipc_header_t);
    iov[1].iov_base = ipc->buffer;
    iov[1].iov_len = NGX_MRA_IPC_MAX;

    ngx_memzero(&msg, sizeof(struct msghdr));

    msg.msg_iov = iov;
    msg.msg_iovlen = 2;

    n = recvmsg(c->fd, &msg, 0);

    if (n == -1) {
        err = ngx_socket_errno;

        if (err == NGX_EAGAIN || err == NGX_EINTR) {
            return (err == NGX_EAGAIN) ? NGX_AGAIN : NGX_OK;
        }

        ngx_log_error(NGX_LOG_ERR, c->log, err,
                      "recvmsg() between workers failed");
        return NGX_ERROR;
    }

    if (n == 0) {
        return NGX_ERROR;
    }

    if ((size_t) n < sizeof(ngx_mra_ipc_header_t)
        || (msg.msg_flags & MSG_TRUNC))
    {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "a broken message between workers is dropped");
        return NGX_OK;
    }

    ngx_mra_ipc_deliver(ipc, n - sizeof(ngx_mra_ipc_header_t));

    return NGX_OK;
}


static void
ngx_mra_ipc_deliver(ngx_mra_ipc_t *ipc, size_t len)
{
    ngx_str_t             msg;
    ngx_mra_ipc_header_t  header;

    header = ipc->header;

    if (header.channel >= NGX_MRA_IPC_CHANNELS
        || ipc->receivers[header.channel] == NULL)
    {
        return;
    }

    msg.len = len;
    msg.data = ipc->buffer;

    ipc->receivers[header.channel](header.from, &msg);
}
