
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_stream.h>
#if (__GLIBC__)
#include <malloc.h>
#endif
#include "ngx_mra_status.h"
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_pending.h"
#include "ngx_stream_mra_protect.h"
#include "ngx_stream_mra_binding.h"
#include "ngx_stream_mra_dialog.h"
#include "ngx_stream_mra_stun.h"
#include "ngx_stream_mra_edge.h"


/* connections that are left for next hops and other workers */

#define NGX_STREAM_MRA_RESERVE_MIN  8
#define NGX_STREAM_MRA_RESERVE(n)                                             \
    ngx_max((n) / 32, NGX_STREAM_MRA_RESERVE_MIN)

/* what is skipped after 513, bytes; whoever sends more is disconnected */

#define NGX_STREAM_MRA_SKIP_MAX     (1024 * 1024)

/* what may wait for a client that does not read, bytes */

#define NGX_STREAM_MRA_CLIENT_OUT   (256 * 1024)

#define NGX_STREAM_MRA_TICK         1000       /* ms */

/* clients that come and go in one tick, and leave holes in the heap */

#define NGX_STREAM_MRA_STORM        32

/* of a trunk, without a sign of life, ms */

#define ngx_stream_mra_trunk_patience(mcf)                                   \
    (2 * (mcf)->stun_keepalive_interval + (mcf)->stun_keepalive_timeout)


struct ngx_stream_mra_clients_s {
    ngx_queue_t                queue;
    ngx_uint_t                 n;
    ngx_uint_t                 changes;    /* came or went since the tick */
    ngx_uint_t                 storm;      /* ... and many did before it */
    ngx_event_t                tick;
    ngx_uint_t                 draining;   /* clients when it began */
    time_t                     refused;    /* last time that it was logged */
};


static ngx_int_t ngx_stream_mra_client_create(ngx_stream_session_t *s,
    ngx_stream_mra_srv_conf_t *mscf);
static ngx_uint_t ngx_stream_mra_clients_full(ngx_connection_t *c);
static void ngx_stream_mra_client_frame(ngx_stream_mra_link_t *ln,
    ngx_uint_t type, u_char *p, u_char *last);
static size_t ngx_stream_mra_client_take(ngx_stream_mra_link_t *ln, u_char *p,
    u_char *last);
static void ngx_stream_mra_accept_frame(ngx_stream_mra_link_t *ln,
    ngx_uint_t type, u_char *p, u_char *last);
static size_t ngx_stream_mra_accept_take(ngx_stream_mra_link_t *ln, u_char *p,
    u_char *last);
static void ngx_stream_mra_client_keepalive(ngx_stream_mra_client_t *client,
    ngx_uint_t type, u_char *p, u_char *last);
static void ngx_stream_mra_client_broken(ngx_stream_mra_link_t *ln,
    ngx_uint_t reason, u_char *p, u_char *last);
static void ngx_stream_mra_accept_broken(ngx_stream_mra_link_t *ln,
    ngx_uint_t reason, u_char *p, u_char *last);
static void ngx_stream_mra_client_timer(ngx_stream_mra_link_t *ln);
static void ngx_stream_mra_trunk_timer(ngx_stream_mra_client_t *client);
static void ngx_stream_mra_client_closed(ngx_stream_mra_link_t *ln);
static void ngx_stream_mra_clients_tick(ngx_event_t *ev);
static void ngx_stream_mra_clients_trim(ngx_stream_mra_clients_t *clients);
static void ngx_stream_mra_clients_drain(ngx_stream_mra_clients_t *clients);
static ngx_uint_t ngx_stream_mra_client_idle(ngx_stream_mra_client_t *client);


static const ngx_stream_mra_link_handlers_t  ngx_stream_mra_client_handlers = {
    ngx_stream_mra_client_frame,
    ngx_stream_mra_client_take,
    ngx_stream_mra_client_broken,
    ngx_stream_mra_client_closed,
    ngx_stream_mra_client_timer
};


static const ngx_stream_mra_link_handlers_t  ngx_stream_mra_accept_handlers = {
    ngx_stream_mra_accept_frame,
    ngx_stream_mra_accept_take,
    ngx_stream_mra_accept_broken,
    ngx_stream_mra_client_closed,
    NULL
};


ngx_stream_mra_clients_t *
ngx_stream_mra_clients_create(ngx_cycle_t *cycle)
{
    ngx_stream_mra_clients_t  *clients;

    clients = ngx_pcalloc(cycle->pool, sizeof(ngx_stream_mra_clients_t));
    if (clients == NULL) {
        return NULL;
    }

    ngx_queue_init(&clients->queue);

    clients->tick.handler = ngx_stream_mra_clients_tick;
    clients->tick.data = clients;
    clients->tick.log = cycle->log;
    clients->tick.cancelable = 1;

    return clients;
}


void
ngx_stream_mra_clients_close(ngx_stream_mra_clients_t *clients)
{
    ngx_queue_t              *q;
    ngx_stream_mra_client_t  *client;

    while (!ngx_queue_empty(&clients->queue)) {
        q = ngx_queue_head(&clients->queue);
        client = ngx_queue_data(q, ngx_stream_mra_client_t, queue);

        ngx_stream_mra_link_kill(&client->link);
    }
}


void
ngx_stream_mra_client_handler(ngx_stream_session_t *s)
{
    ngx_int_t                   rc;
    ngx_connection_t           *c;
    ngx_stream_mra_srv_conf_t  *mscf;

    c = s->connection;

    if (c->type != SOCK_STREAM) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0, "SIP over UDP is not served");
        ngx_stream_finalize_session(s, NGX_STREAM_BAD_REQUEST);
        return;
    }

    mscf = ngx_stream_get_module_srv_conf(s, ngx_stream_mra_module);

    if (!mscf->accept && mscf->edges == NULL
        && ngx_stream_mra_clients_full(c))
    {
        ngx_stream_finalize_session(s, NGX_STREAM_SERVICE_UNAVAILABLE);
        return;
    }

    c->log->action = "relaying SIP";

    rc = ngx_stream_mra_client_create(s, mscf);

    if (rc != NGX_OK) {
        ngx_stream_finalize_session(s, rc == NGX_DECLINED
                                       ? NGX_STREAM_FORBIDDEN
                                       : NGX_STREAM_INTERNAL_SERVER_ERROR);
    }
}


/* clients that take the last connections leave none to where they want to */

static ngx_uint_t
ngx_stream_mra_clients_full(ngx_connection_t *c)
{
    ngx_stream_mra_clients_t  *clients;

    if (ngx_cycle->free_connection_n
        >= NGX_STREAM_MRA_RESERVE(ngx_cycle->connection_n))
    {
        return 0;
    }

    clients = ngx_stream_mra_get_worker()->clients;

    if (clients->refused != ngx_time()) {
        clients->refused = ngx_time();

        ngx_log_error(NGX_LOG_WARN, c->log, 0,
                      "%ui worker_connections are not enough, "
                      "client refused", ngx_cycle->connection_n);
    }

    return 1;
}


static ngx_int_t
ngx_stream_mra_client_create(ngx_stream_session_t *s,
    ngx_stream_mra_srv_conf_t *mscf)
{
    u_char                      *p, *last;
    ngx_int_t                    rc;
    ngx_mra_conf_t              *mcf;
    ngx_connection_t            *c;
    ngx_stream_mra_client_t     *client;
    ngx_stream_mra_clients_t    *clients;
    ngx_stream_core_srv_conf_t  *cscf;

    c = s->connection;
    mcf = ngx_stream_mra_get_worker()->mcf;
    cscf = ngx_stream_get_module_srv_conf(s, ngx_stream_core_module);

    if ((cscf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK)
        || ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (NGX_STREAM_SSL)
    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
    }
#endif

    client = ngx_calloc(sizeof(ngx_stream_mra_client_t), c->log);
    if (client == NULL) {
        return NGX_ERROR;
    }

    client->session = s;
    client->conf = mscf;

    if (mscf->edges) {
        rc = ngx_stream_mra_edge_admit(client, c);

        if (rc != NGX_OK) {
            ngx_free(client);
            return rc;
        }
    }

    p = c->buffer ? c->buffer->pos : NULL;
    last = c->buffer ? c->buffer->last : NULL;

    if (ngx_stream_mra_link_open(&client->link, c,
                                 mscf->accept
                                 ? &ngx_stream_mra_accept_handlers
                                 : &ngx_stream_mra_client_handlers,
                                 client, mscf->max_message_size, p, last)
        != NGX_OK)
    {
        ngx_stream_mra_edge_free(client);
        ngx_free(client);
        return NGX_ERROR;
    }

    ngx_stream_set_ctx(s, client, ngx_stream_mra_module);

    if (client->trunk) {
        if (mcf->stun_keepalive) {
            ngx_add_timer(c->read, ngx_stream_mra_trunk_patience(mcf));
        }

    } else if (!mscf->accept) {
        client->link.out_max = ngx_max(NGX_STREAM_MRA_CLIENT_OUT,
                                       2 * mscf->max_message_size);

        ngx_add_timer(c->read, mscf->register_timeout);
    }

    if (!mscf->accept && mscf->edges == NULL) {
        ngx_mra_count(mcf, NGX_MRA_SIP_CONNECTIONS, 1);
    }

    clients = ngx_stream_mra_get_worker()->clients;

    ngx_queue_insert_tail(&clients->queue, &client->queue);
    clients->n++;
    clients->changes++;

    if (!clients->tick.timer_set) {
        ngx_add_timer(&clients->tick, NGX_STREAM_MRA_TICK);
    }

    return NGX_OK;
}


ngx_stream_mra_client_t *
ngx_stream_mra_client_of(ngx_stream_mra_link_t *ln)
{
    return ln->handlers == &ngx_stream_mra_client_handlers ? ln->data : NULL;
}


ngx_stream_mra_srv_conf_t *
ngx_stream_mra_accept_of(ngx_stream_mra_link_t *ln)
{
    ngx_stream_mra_client_t  *client;

    if (ln->handlers != &ngx_stream_mra_accept_handlers) {
        return NULL;
    }

    client = ln->data;

    return client->conf;
}


ngx_stream_mra_hop_t *
ngx_stream_mra_client_choose(ngx_stream_mra_client_t *client)
{
    ngx_stream_mra_hop_t  *hop, *old;

    old = client->hop;

    if (old && !old->retired && ngx_stream_mra_hop_is_up(old)) {
        return old;
    }

    hop = ngx_stream_mra_hop_choose(client->conf->hops,
                                    old ? (uint64_t) 1 << old->index : 0);
    if (hop == NULL) {
        return NULL;
    }

    if (old) {
        ngx_log_error(NGX_LOG_INFO, client->link.connection->log, 0,
                      "client goes from next hop \"%V\" to \"%V\"",
                      &old->name, &hop->name);
    }

    ngx_stream_mra_client_use(client, hop);

    return hop;
}


void
ngx_stream_mra_client_use(ngx_stream_mra_client_t *client,
    ngx_stream_mra_hop_t *hop)
{
    ngx_mra_conf_t  *mcf;

    mcf = ngx_stream_mra_get_worker()->mcf;

    if (client->hop) {
        client->hop->clients--;
        ngx_mra_hop_count(mcf, client->hop->shared, -1);

        if (hop) {
            ngx_stream_mra_hop_leave(client->hop);
            ngx_stream_mra_hop_moved(client->hop, hop,
                                     ngx_stream_mra_bindings_expire(client)
                                     - ngx_time());
        }
    }

    client->hop = hop;

    if (hop) {
        hop->clients++;
        ngx_mra_hop_count(mcf, hop->shared, 1);
    }
}


static void
ngx_stream_mra_client_frame(ngx_stream_mra_link_t *ln, ngx_uint_t type,
    u_char *p, u_char *last)
{
    if (type == NGX_MRA_FRAME_SIP) {
        ngx_stream_mra_relay_client(ln->data, p, last);
        return;
    }

    ngx_stream_mra_client_keepalive(ln->data, type, p, last);
}


static size_t
ngx_stream_mra_client_take(ngx_stream_mra_link_t *ln, u_char *p, u_char *last)
{
    return ngx_stream_mra_take_client(ln->data, p, last);
}


static void
ngx_stream_mra_accept_frame(ngx_stream_mra_link_t *ln, ngx_uint_t type,
    u_char *p, u_char *last)
{
    ngx_stream_mra_client_t  *inside;

    inside = ln->data;

    if (type == NGX_MRA_FRAME_SIP) {
        ngx_stream_mra_relay_inside(inside->conf->id, ln, p, last);
        return;
    }

    ngx_stream_mra_client_keepalive(inside, type, p, last);
}


static size_t
ngx_stream_mra_accept_take(ngx_stream_mra_link_t *ln, u_char *p, u_char *last)
{
    ngx_stream_mra_client_t  *inside;

    inside = ln->data;

    return ngx_stream_mra_take_inside(inside->conf->id, ln, p, last);
}


static void
ngx_stream_mra_client_keepalive(ngx_stream_mra_client_t *client,
    ngx_uint_t type, u_char *p, u_char *last)
{
    struct iovec  iov;

    if (type == NGX_MRA_FRAME_STUN) {
        ngx_stream_mra_stun_message(client, p, last);
        return;
    }

    if (type == NGX_MRA_FRAME_PING) {
        iov.iov_base = (void *) CRLF;
        iov.iov_len = sizeof(CRLF) - 1;

        (void) ngx_stream_mra_link_send(&client->link, &iov, 1);
    }
}


static void
ngx_stream_mra_client_broken(ngx_stream_mra_link_t *ln, ngx_uint_t reason,
    u_char *p, u_char *last)
{
    ngx_mra_count(ngx_stream_mra_get_worker()->mcf, NGX_MRA_SIP_BROKEN, 1);

    if (reason != NGX_MRA_FRAME_TOO_LARGE
        && reason != NGX_MRA_FRAME_HEAD_TOO_LARGE)
    {
        ngx_stream_mra_fail(ln->data, NGX_MRA_CATEGORY_SIP_INTRUSION);
    }

    switch (reason) {

    case NGX_MRA_FRAME_NO_LENGTH:
        ngx_stream_mra_relay_refuse(ln->data, 400, "Content-Length Missing",
                                    p, last);
        return;

    case NGX_MRA_FRAME_BAD_LENGTH:
        ngx_stream_mra_relay_refuse(ln->data, 400, "Bad Content-Length", p,
                                    last);
        return;

    case NGX_MRA_FRAME_TOO_LARGE:
        ngx_stream_mra_relay_refuse(ln->data, 513, "Message Too Large", p,
                                    last);

        if (ln->frame.length > NGX_STREAM_MRA_SKIP_MAX) {
            ngx_stream_mra_link_close(ln, 1);
        }

        return;
    }

    ngx_log_error(NGX_LOG_INFO, ln->connection->log, 0,
                  "client sent invalid message: %s",
                  ngx_stream_mra_broken_reason(reason));
}


static void
ngx_stream_mra_accept_broken(ngx_stream_mra_link_t *ln, ngx_uint_t reason,
    u_char *p, u_char *last)
{
    ngx_mra_count(ngx_stream_mra_get_worker()->mcf, NGX_MRA_SIP_BROKEN, 1);

    ngx_log_error(NGX_LOG_WARN, ln->connection->log, 0,
                  "next hop sent invalid message: %s",
                  ngx_stream_mra_broken_reason(reason));
}


char *
ngx_stream_mra_broken_reason(ngx_uint_t reason)
{
    switch (reason) {

    case NGX_MRA_FRAME_BAD_START:
        return "neither SIP nor STUN";

    case NGX_MRA_FRAME_BAD_STUN:
        return "bad STUN header";

    case NGX_MRA_FRAME_BAD_LINE:
        return "bare CR or LF";

    case NGX_MRA_FRAME_HEAD_TOO_LARGE:
        return "header too large";

    case NGX_MRA_FRAME_NO_LENGTH:
        return "no Content-Length";

    case NGX_MRA_FRAME_BAD_LENGTH:
        return "bad Content-Length";

    default:
        return "too large";
    }
}


/*
 * The timer runs until the registration ends and is not moved by those that
 * refresh it.  It also keeps a worker alive that has clients, but is to quit.
 */

static void
ngx_stream_mra_client_timer(ngx_stream_mra_link_t *ln)
{
    time_t                    expires;
    ngx_msec_t                timeout;
    ngx_stream_mra_client_t  *client;

    client = ln->data;

    if (client->trunk) {
        ngx_stream_mra_trunk_timer(client);
        return;
    }

    timeout = client->conf->register_timeout;
    expires = ngx_stream_mra_bindings_expire(client);

    if (expires) {
        timeout += (ngx_msec_t) ngx_min(expires - ngx_time(), 86400) * 1000;

    } else if (ngx_stream_mra_dialogs_idle(client)) {
        ngx_log_error(NGX_LOG_INFO, ln->connection->log, NGX_ETIMEDOUT,
                      "client is not registered");

        ngx_stream_mra_link_close(ln, 1);
        return;
    }

    ngx_add_timer(ln->connection->read, timeout);
}


/* edge nodes ask now and then; one that does not may have been cut off */

static void
ngx_stream_mra_trunk_timer(ngx_stream_mra_client_t *client)
{
    ngx_stream_mra_link_t  *ln;

    ln = &client->link;

    if (ln->received == client->trunk->heard) {
        ngx_log_error(NGX_LOG_INFO, ln->connection->log, NGX_ETIMEDOUT,
                      "edge node was not heard of");

        ngx_stream_mra_link_close(ln, 0);
        return;
    }

    client->trunk->heard = ln->received;

    ngx_add_timer(ln->connection->read,
              ngx_stream_mra_trunk_patience(ngx_stream_mra_get_worker()->mcf));
}


static void
ngx_stream_mra_client_closed(ngx_stream_mra_link_t *ln)
{
    ngx_connection_t          *c;
    ngx_stream_session_t      *s;
    ngx_stream_mra_client_t   *client;
    ngx_stream_mra_clients_t  *clients;

    client = ln->data;
    s = client->session;
    c = s->connection;

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "%s disconnected, bytes from/to it:%uL/%O",
                  client->conf->accept ? "next hop"
                                       : client->trunk ? "edge node"
                                                       : "client",
                  ln->received, c->sent);

    s->received += ln->received;
    c->data = s;

    ngx_stream_finalize_session(s, NGX_STREAM_OK);

    if (!client->conf->accept && client->trunk == NULL) {
        ngx_mra_count(ngx_stream_mra_get_worker()->mcf,
                      NGX_MRA_SIP_CONNECTIONS, -1);
    }

    clients = ngx_stream_mra_get_worker()->clients;

    ngx_queue_remove(&client->queue);
    clients->n--;
    clients->changes++;

    ngx_stream_mra_stun_cancel(client);
    ngx_stream_mra_pendings_free(client);
    ngx_stream_mra_dialogs_free(client);
    ngx_stream_mra_bindings_free(client);
    ngx_stream_mra_client_use(client, NULL);
    ngx_stream_mra_edge_free(client);

    ngx_free(client);
}


static void
ngx_stream_mra_clients_tick(ngx_event_t *ev)
{
    ngx_stream_mra_clients_t  *clients;

    clients = ev->data;

    if (ngx_exiting) {
        ngx_stream_mra_clients_drain(clients);
    }

    ngx_stream_mra_clients_trim(clients);

    if (clients->n) {
        ngx_add_timer(ev, NGX_STREAM_MRA_TICK);
    }
}


/*
 * A TLS handshake takes 40 KB that its connection does not keep: when many
 * are over, what they took goes back to the system.
 */

static void
ngx_stream_mra_clients_trim(ngx_stream_mra_clients_t *clients)
{
    ngx_uint_t  storm;

    storm = (clients->changes > NGX_STREAM_MRA_STORM);

#if (__GLIBC__)
    if ((storm || clients->storm) && (!storm || clients->n == 0)) {
        (void) malloc_trim(0);
    }
#endif

    clients->storm = storm;
    clients->changes = 0;
}


/*
 * A worker that is to quit lets its clients go in equal shares over the time
 * that is set; who is busy is asked again in the next round.
 */

static void
ngx_stream_mra_clients_drain(ngx_stream_mra_clients_t *clients)
{
    ngx_uint_t                i, n, share;
    ngx_queue_t              *q;
    ngx_stream_mra_client_t  *client;

    if (clients->draining == 0) {
        clients->draining = clients->n;
    }

    share = 0;

    for (i = 0, n = clients->n; i < n; i++) {
        q = ngx_queue_head(&clients->queue);
        client = ngx_queue_data(q, ngx_stream_mra_client_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&clients->queue, q);

        /* an edge node comes back at once, and gets a younger worker */

        if (client->trunk) {
            ngx_stream_mra_edge_leave(client);

            if (ngx_stream_mra_client_idle(client)) {
                ngx_stream_mra_link_close(&client->link, 1);
            }

            continue;
        }

        if (client->conf->drain == 0
            || !ngx_stream_mra_client_idle(client))
        {
            continue;
        }

        ngx_stream_mra_link_close(&client->link, 1);

        share += ngx_max(client->conf->drain / NGX_STREAM_MRA_TICK, 1);

        if (share >= clients->draining) {
            return;
        }
    }
}


static ngx_uint_t
ngx_stream_mra_client_idle(ngx_stream_mra_client_t *client)
{
    return !client->conf->accept
           && !client->link.closing
           && client->link.in_len == 0
           && client->link.out == NULL
           && client->pendings == NULL
           && client->stun == NULL
           && ngx_stream_mra_dialogs_idle(client);
}
