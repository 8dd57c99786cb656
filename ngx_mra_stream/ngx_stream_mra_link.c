
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_stream.h>
#include <openssl/rand.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_output.h"


#define NGX_STREAM_MRA_LINK_READ      65536      /* bytes, for all links */
#define NGX_STREAM_MRA_LINK_READS     16         /* in one turn */
#define NGX_STREAM_MRA_LINK_IN        1024       /* least partial frame */
#define NGX_STREAM_MRA_LINK_OUT_MAX   (1024 * 1024)
#define NGX_STREAM_MRA_LINK_NONCES    64

/* OpenSSL reads ahead more than that, bytes */

#define NGX_STREAM_MRA_READ_AHEAD     16384

/* what a peer that does not read, or a close that is to flush, may take */

#define NGX_STREAM_MRA_SEND_TIMEOUT   60000
#define NGX_STREAM_MRA_FLUSH_TIMEOUT  5000


struct ngx_stream_mra_links_s {
    uint32_t                 worker;

    ngx_stream_mra_link_t  **table;     /* by the connection's place */
    u_char                  *scratch;

    ngx_queue_t              queue;     /* to be flushed or closed */
    ngx_event_t              event;

    ngx_uint_t               nnonces;
    u_char                   nonces[NGX_STREAM_MRA_LINK_NONCES
                                    * NGX_STREAM_MRA_NONCE_LEN];
};


static ngx_int_t ngx_stream_mra_link_nonce(ngx_stream_mra_links_t *lns,
    u_char *nonce);
static void ngx_stream_mra_link_read_handler(ngx_event_t *rev);
static void ngx_stream_mra_link_read(ngx_stream_mra_link_t *ln);
static ngx_uint_t ngx_stream_mra_link_is_ahead(ngx_connection_t *c);
static ssize_t ngx_stream_mra_link_recv(ngx_stream_mra_link_t *ln,
    ngx_connection_t *c, u_char *p, size_t size);
static u_char *ngx_stream_mra_link_room(ngx_stream_mra_link_t *ln,
    size_t *size);
static ngx_int_t ngx_stream_mra_link_cut(ngx_stream_mra_link_t *ln,
    u_char *p, u_char *last);
static ngx_int_t ngx_stream_mra_link_keep(ngx_stream_mra_link_t *ln,
    u_char *p, u_char *last);
static void ngx_stream_mra_link_discard(ngx_stream_mra_link_t *ln);
static void ngx_stream_mra_link_eof(ngx_stream_mra_link_t *ln, ssize_t n);
static void ngx_stream_mra_link_write_handler(ngx_event_t *wev);
static void ngx_stream_mra_links_handler(ngx_event_t *ev);
static void ngx_stream_mra_link_flush(ngx_stream_mra_link_t *ln);
static void ngx_stream_mra_link_done(ngx_stream_mra_link_t *ln);


#define ngx_stream_mra_links()  ngx_stream_mra_get_worker()->links


ngx_stream_mra_links_t *
ngx_stream_mra_links_create(ngx_cycle_t *cycle)
{
    ngx_stream_mra_links_t  *lns;

    lns = ngx_pcalloc(cycle->pool, sizeof(ngx_stream_mra_links_t));
    if (lns == NULL) {
        return NULL;
    }

    lns->scratch = ngx_palloc(cycle->pool, NGX_STREAM_MRA_LINK_READ);
    if (lns->scratch == NULL) {
        return NULL;
    }

    /* not touched before use, so that it costs what is in use */

    lns->table = ngx_pcalloc(cycle->pool,
                             cycle->connection_n * sizeof(void *));
    if (lns->table == NULL) {
        return NULL;
    }

    lns->worker = ngx_mra_ipc_self(cycle);

    ngx_queue_init(&lns->queue);

    lns->event.handler = ngx_stream_mra_links_handler;
    lns->event.data = lns;
    lns->event.log = cycle->log;

    return lns;
}


ngx_int_t
ngx_stream_mra_link_open(ngx_stream_mra_link_t *ln, ngx_connection_t *c,
    const ngx_stream_mra_link_handlers_t *handlers, void *data,
    size_t max_size, u_char *p, u_char *last)
{
    ngx_stream_mra_links_t  *lns;

    lns = ngx_stream_mra_links();

    ln->connection = c;
    ln->handlers = handlers;
    ln->data = data;
    ln->max_size = max_size;
    ln->out_max = ngx_max(NGX_STREAM_MRA_LINK_OUT_MAX, 2 * max_size);

    ln->flow.worker = lns->worker;
    ln->flow.slot = c - ngx_cycle->connections;

    if (ngx_stream_mra_link_nonce(lns, ln->flow.nonce) != NGX_OK) {
        ngx_ssl_error(NGX_LOG_CRIT, c->log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    if (p != last && ngx_stream_mra_link_keep(ln, p, last) != NGX_OK) {
        return NGX_ERROR;
    }

    ln->preread = (p != last);
    ln->ahead = ngx_stream_mra_link_is_ahead(c);

    lns->table[ln->flow.slot] = ln;

    c->data = ln;
    c->read->handler = ngx_stream_mra_link_read_handler;
    c->write->handler = ngx_stream_mra_link_write_handler;

    ngx_post_event(c->read, &ngx_posted_events);

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_link_nonce(ngx_stream_mra_links_t *lns, u_char *nonce)
{
    if (lns->nnonces == 0) {
        if (RAND_bytes(lns->nonces, sizeof(lns->nonces)) != 1) {
            return NGX_ERROR;
        }

        lns->nnonces = NGX_STREAM_MRA_LINK_NONCES;
    }

    lns->nnonces--;

    ngx_memcpy(nonce, &lns->nonces[lns->nnonces * NGX_STREAM_MRA_NONCE_LEN],
               NGX_STREAM_MRA_NONCE_LEN);

    return NGX_OK;
}


static void
ngx_stream_mra_link_read_handler(ngx_event_t *rev)
{
    ngx_connection_t       *c;
    ngx_stream_mra_link_t  *ln;

    c = rev->data;
    ln = c->data;

    if (c->close) {
        ln->error = 1;
        ngx_stream_mra_link_close(ln, 0);
        return;
    }

    if (rev->timedout) {
        rev->timedout = 0;

        if (!ln->closing && ln->handlers->timer) {
            ln->handlers->timer(ln);
        }

        return;
    }

    if (ln->closing) {
        ngx_stream_mra_link_discard(ln);
        return;
    }

    if (ln->preread) {
        ln->preread = 0;

        if (ngx_stream_mra_link_cut(ln, ln->in, ln->in + ln->in_len)
            != NGX_OK)
        {
            return;
        }
    }

    ngx_stream_mra_link_read(ln);
}


static void
ngx_stream_mra_link_read(ngx_stream_mra_link_t *ln)
{
    u_char            *p;
    size_t             size;
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = ln->connection;

    for (i = 0; i < NGX_STREAM_MRA_LINK_READS; i++) {

        p = ngx_stream_mra_link_room(ln, &size);
        if (p == NULL) {
            ngx_stream_mra_link_close(ln, 0);
            return;
        }

        n = ngx_stream_mra_link_recv(ln, c, p + ln->in_len, size - ln->in_len);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_stream_mra_link_eof(ln, n);
            return;
        }

        ln->received += n;

        if (ngx_stream_mra_link_cut(ln, p, p + ln->in_len + n) != NGX_OK) {
            return;
        }

        if (!c->read->ready) {
            break;
        }
    }

    if (i == NGX_STREAM_MRA_LINK_READS) {
        ngx_post_event(c->read, &ngx_posted_next_events);
        return;
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_stream_mra_link_close(ln, 0);
    }
}


static ngx_uint_t
ngx_stream_mra_link_is_ahead(ngx_connection_t *c)
{
#if (NGX_STREAM_SSL && NGX_HAVE_EPOLLRDHUP)

    SSL  *ssl;

    if (c->ssl && ngx_use_epoll_rdhup) {
        ssl = c->ssl->connection;

        return SSL_get_read_ahead(ssl)
               && !BIO_get_ktls_recv(SSL_get_rbio(ssl));
    }

#endif

    return 0;
}


/*
 * ngx_ssl_recv() asks the socket until it has nothing.  If OpenSSL, that
 * reads ahead, got less than fits into its buffer, that is known before, and
 * whatever comes later is an event of its own.
 */

static ssize_t
ngx_stream_mra_link_recv(ngx_stream_mra_link_t *ln, ngx_connection_t *c,
    u_char *p, size_t size)
{
#if (NGX_STREAM_SSL && NGX_HAVE_EPOLLRDHUP)

    int          n;
    BIO         *bio;
    SSL         *ssl;
    uint64_t     before;
    ngx_uint_t   empty;

    if (!ln->ahead || c->read->pending_eof
        || c->ssl->saved_read_handler || c->ssl->saved_write_handler
        || c->ssl->in_early || ERR_peek_error())
    {
        return c->recv(c, p, size);
    }

    ssl = c->ssl->connection;
    bio = SSL_get_rbio(ssl);

    empty = !SSL_has_pending(ssl);
    before = BIO_number_read(bio);

    n = SSL_read(ssl, p, size);

    if (n > 0) {

        if (empty && !SSL_has_pending(ssl)
            && BIO_number_read(bio) - before < NGX_STREAM_MRA_READ_AHEAD)
        {
            c->read->ready = 0;
        }

        return n;
    }

    switch (SSL_get_error(ssl, n)) {

    case SSL_ERROR_WANT_READ:
        c->read->ready = 0;
        return NGX_AGAIN;

    case SSL_ERROR_SSL:
        ngx_ssl_error(NGX_LOG_INFO, c->log, 0, "SSL_read() failed");

        c->ssl->no_send_shutdown = 1;
        return NGX_ERROR;
    }

    /* the same answer again, which is for nginx to understand */

#endif

    return c->recv(c, p, size);
}


/* where to read to: behind a partial frame, which grows as it must */

static u_char *
ngx_stream_mra_link_room(ngx_stream_mra_link_t *ln, size_t *size)
{
    size_t   n;
    u_char  *p;

    if (ln->in == NULL) {
        *size = NGX_STREAM_MRA_LINK_READ;
        return ngx_stream_mra_links()->scratch;
    }

    n = ln->frame.complete ? ln->frame.length : 2 * ln->in_len;

    if (ln->in_size < n || ln->in_size == ln->in_len) {

        n = ngx_max(n, 2 * NGX_STREAM_MRA_LINK_IN);

        p = ngx_alloc(n, ln->connection->log);
        if (p == NULL) {
            return NULL;
        }

        ngx_memcpy(p, ln->in, ln->in_len);
        ngx_free(ln->in);

        ln->in = p;
        ln->in_size = n;
    }

    *size = ln->in_size;

    return ln->in;
}


static ngx_int_t
ngx_stream_mra_link_cut(ngx_stream_mra_link_t *ln, u_char *p, u_char *last)
{
    size_t            n;
    u_char           *end;
    ngx_int_t         rc;
    ngx_mra_frame_t  *f;

    f = &ln->frame;

    for ( ;; ) {

        n = ngx_min((size_t) (last - p), ln->skip);
        ln->skip -= n;
        p += n;

        if (p == last) {
            break;
        }

        if (ln->handlers->take && ngx_mra_frame_is_new(f)) {
            n = ln->handlers->take(ln, p, last);

            if (ln->closing) {
                return NGX_DONE;
            }

            if (n) {
                ngx_memzero(f, sizeof(ngx_mra_frame_t));
                p += n;
                continue;
            }
        }

        rc = ngx_mra_frame_next(f, ln->max_size, ln->max_size, p, last);

        if (rc == NGX_AGAIN) {
            break;
        }

        if (rc == NGX_OK) {
            end = p + f->length;

            ln->handlers->frame(ln, f->type, p, end);

            if (ln->closing) {
                return NGX_DONE;
            }

            p = end;
            continue;
        }

        ln->handlers->broken(ln, f->reason, p,
                             f->complete ? p + f->head : last);

        if (f->reason != NGX_MRA_FRAME_TOO_LARGE || ln->closing) {
            ngx_stream_mra_link_close(ln, 1);
            return NGX_DONE;
        }

        ln->skip = f->length;
        ngx_memzero(f, sizeof(ngx_mra_frame_t));
    }

    if (ngx_stream_mra_link_keep(ln, p, last) != NGX_OK) {
        ngx_stream_mra_link_close(ln, 0);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_link_keep(ngx_stream_mra_link_t *ln, u_char *p, u_char *last)
{
    size_t  n;

    n = last - p;

    if (n == 0) {
        if (ln->in) {
            ngx_free(ln->in);
            ln->in = NULL;
            ln->in_size = 0;
        }

        ln->in_len = 0;
        return NGX_OK;
    }

    if (ln->in == NULL) {
        ln->in_size = ngx_align(n, NGX_STREAM_MRA_LINK_IN);

        ln->in = ngx_alloc(ln->in_size, ln->connection->log);
        if (ln->in == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memmove(ln->in, p, n);
    ln->in_len = n;

    return NGX_OK;
}


/* a close with unread data would be a reset, and our last answer be lost */

static void
ngx_stream_mra_link_discard(ngx_stream_mra_link_t *ln)
{
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = ln->connection;

    for (i = 0; i < NGX_STREAM_MRA_LINK_READS && c->read->ready; i++) {

        n = c->recv(c, ngx_stream_mra_links()->scratch,
                    NGX_STREAM_MRA_LINK_READ);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ln->error = 1;
            ngx_stream_mra_link_post(ln);
            return;
        }

        if (n == 0) {
            return;
        }
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ln->error = 1;
        ngx_stream_mra_link_post(ln);
    }
}


static void
ngx_stream_mra_link_eof(ngx_stream_mra_link_t *ln, ssize_t n)
{
    if (n == 0 && ln->in_len) {
        ngx_log_error(NGX_LOG_INFO, ln->connection->log, 0,
                      "connection closed within a message");
    }

    if (n == NGX_ERROR) {
        ln->error = 1;
    }

    ngx_stream_mra_link_close(ln, n == 0);
}


static void
ngx_stream_mra_link_write_handler(ngx_event_t *wev)
{
    ngx_connection_t       *c;
    ngx_stream_mra_link_t  *ln;

    c = wev->data;
    ln = c->data;

    if (c->close) {
        ln->error = 1;
        ngx_stream_mra_link_close(ln, 0);
        return;
    }

    if (wev->timedout) {
        wev->timedout = 0;

        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "peer did not read in time");

        ln->error = 1;
        ngx_stream_mra_link_close(ln, 0);
        return;
    }

    if (ln->out) {
        ngx_stream_mra_link_post(ln);
    }
}


void
ngx_stream_mra_link_close(ngx_stream_mra_link_t *ln, ngx_uint_t flush)
{
    if (!ln->closing) {
        ln->closing = 1;
        ln->flushing = flush;

        ngx_stream_mra_links()->table[ln->flow.slot] = NULL;

    } else if (!flush) {
        ln->flushing = 0;
    }

    ngx_stream_mra_link_post(ln);
}


void
ngx_stream_mra_link_kill(ngx_stream_mra_link_t *ln)
{
    ngx_stream_mra_link_close(ln, 0);

    ln->queued = 0;
    ngx_queue_remove(&ln->queue);

    ngx_stream_mra_link_done(ln);
}


ngx_stream_mra_link_t *
ngx_stream_mra_link_find(ngx_stream_mra_flow_t *flow)
{
    ngx_stream_mra_link_t   *ln;
    ngx_stream_mra_links_t  *lns;

    lns = ngx_stream_mra_links();

    if (flow->worker != lns->worker || flow->slot >= ngx_cycle->connection_n) {
        return NULL;
    }

    ln = lns->table[flow->slot];

    if (ln == NULL
        || CRYPTO_memcmp(ln->flow.nonce, flow->nonce,
                         NGX_STREAM_MRA_NONCE_LEN)
           != 0)
    {
        return NULL;
    }

    return ln;
}


void
ngx_stream_mra_link_post(ngx_stream_mra_link_t *ln)
{
    ngx_stream_mra_links_t  *lns;

    if (ln->queued) {
        return;
    }

    lns = ngx_stream_mra_links();

    ln->queued = 1;
    ngx_queue_insert_tail(&lns->queue, &ln->queue);

    if (!lns->event.posted) {
        ngx_post_event(&lns->event, &ngx_posted_events);
    }
}


static void
ngx_stream_mra_links_handler(ngx_event_t *ev)
{
    ngx_queue_t             *q;
    ngx_stream_mra_link_t   *ln;
    ngx_stream_mra_links_t  *lns;

    lns = ev->data;

    while (!ngx_queue_empty(&lns->queue)) {
        q = ngx_queue_head(&lns->queue);
        ngx_queue_remove(q);

        ln = ngx_queue_data(q, ngx_stream_mra_link_t, queue);
        ln->queued = 0;

        ngx_stream_mra_link_flush(ln);
    }
}


static void
ngx_stream_mra_link_flush(ngx_stream_mra_link_t *ln)
{
    ngx_int_t          rc;
    ngx_event_t       *wev;

    wev = ln->connection->write;

    if (ln->closing && (ln->error || !ln->flushing)) {
        ngx_stream_mra_link_done(ln);
        return;
    }

    rc = ngx_stream_mra_output_write(ln);

    if (rc == NGX_AGAIN) {
        if (!wev->timer_set || ln->closing) {
            ngx_add_timer(wev, ln->closing ? NGX_STREAM_MRA_FLUSH_TIMEOUT
                                           : NGX_STREAM_MRA_SEND_TIMEOUT);
        }

        return;
    }

    if (rc == NGX_ERROR) {
        ln->error = 1;
        ngx_stream_mra_link_close(ln, 0);
        return;
    }

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    if (ln->closing) {
        ngx_stream_mra_link_done(ln);
    }
}


static void
ngx_stream_mra_link_done(ngx_stream_mra_link_t *ln)
{
    ngx_connection_t  *c;

    c = ln->connection;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    ngx_stream_mra_output_free(ln);

    if (ln->in) {
        ngx_free(ln->in);
        ln->in = NULL;
    }

    ln->handlers->closed(ln);
}
