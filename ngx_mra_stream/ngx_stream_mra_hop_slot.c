
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_hop_private.h"


/* between attempts to open a link, ms */

#define NGX_STREAM_MRA_SLOT_PAUSE  100
#define NGX_STREAM_MRA_SLOT_PAUSES 7         /* times that it doubles */

/* a link that did not live so long is not opened again at once, ms */

#define NGX_STREAM_MRA_SLOT_LIFE   1000


static void ngx_stream_mra_slot_open(ngx_stream_mra_slot_t *slot);
static void ngx_stream_mra_slot_retry(ngx_stream_mra_slot_t *slot);
static void ngx_stream_mra_slot_retry_handler(ngx_event_t *ev);
static void ngx_stream_mra_slot_connected(ngx_stream_mra_conn_t *conn,
    ngx_connection_t *c);
static void ngx_stream_mra_slot_frame(ngx_stream_mra_link_t *ln,
    ngx_uint_t type, u_char *p, u_char *last);
static size_t ngx_stream_mra_slot_take(ngx_stream_mra_link_t *ln, u_char *p,
    u_char *last);
static void ngx_stream_mra_slot_broken(ngx_stream_mra_link_t *ln,
    ngx_uint_t reason, u_char *p, u_char *last);
static void ngx_stream_mra_slot_closed(ngx_stream_mra_link_t *ln);
static void ngx_stream_mra_slot_timer(ngx_stream_mra_link_t *ln);
static void ngx_stream_mra_slot_set_timer(ngx_stream_mra_slot_t *slot,
    ngx_msec_t timer);


static const ngx_stream_mra_link_handlers_t  ngx_stream_mra_slot_handlers = {
    ngx_stream_mra_slot_frame,
    ngx_stream_mra_slot_take,
    ngx_stream_mra_slot_broken,
    ngx_stream_mra_slot_closed,
    ngx_stream_mra_slot_timer
};


ngx_int_t
ngx_stream_mra_slots_create(ngx_stream_mra_hop_t *hop)
{
    ngx_uint_t              i, n;
    ngx_stream_mra_slot_t  *slot;

    n = hop->hops->conf->connections;

    hop->slots = ngx_pcalloc(ngx_cycle->pool,
                             n * sizeof(ngx_stream_mra_slot_t));
    if (hop->slots == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        slot = &hop->slots[i];

        slot->hop = hop;

        slot->conn.handler = ngx_stream_mra_slot_connected;
        slot->conn.data = slot;

        slot->retry.handler = ngx_stream_mra_slot_retry_handler;
        slot->retry.data = slot;
        slot->retry.log = &hop->log;
        slot->retry.cancelable = 1;
    }

    return NGX_OK;
}


void
ngx_stream_mra_slots_open(ngx_stream_mra_hop_t *hop)
{
    ngx_uint_t  i;

    for (i = 0; i < hop->hops->conf->connections; i++) {
        hop->slots[i].tries = 0;
        ngx_stream_mra_slot_open(&hop->slots[i]);
    }
}


void
ngx_stream_mra_slots_close(ngx_stream_mra_hop_t *hop)
{
    ngx_uint_t              i;
    ngx_stream_mra_slot_t  *slot;

    for (i = 0; i < hop->hops->conf->connections; i++) {
        slot = &hop->slots[i];

        if (slot->retry.timer_set) {
            ngx_del_timer(&slot->retry);
        }

        ngx_stream_mra_conn_cancel(&slot->conn);

        if (slot->open) {
            ngx_stream_mra_link_close(&slot->link, 0);
        }
    }
}


ngx_uint_t
ngx_stream_mra_slots_are_idle(ngx_stream_mra_hop_t *hop)
{
    ngx_uint_t  i;

    for (i = 0; i < hop->hops->conf->connections; i++) {
        if (hop->slots[i].open || hop->slots[i].conn.active) {
            return 0;
        }
    }

    return 1;
}


static void
ngx_stream_mra_slot_open(ngx_stream_mra_slot_t *slot)
{
    if (slot->open || slot->conn.active) {
        return;
    }

    if (slot->retry.timer_set) {
        ngx_del_timer(&slot->retry);
    }

    if (ngx_stream_mra_conn_open(&slot->conn, slot->hop,
                                 slot->hop->hops->conf->connect_timeout)
        != NGX_OK)
    {
        slot->tries++;
        ngx_stream_mra_slot_retry(slot);
    }
}


static void
ngx_stream_mra_slot_retry(ngx_stream_mra_slot_t *slot)
{
    ngx_msec_t  pause;

    pause = NGX_STREAM_MRA_SLOT_PAUSE
            << ngx_min(slot->tries, NGX_STREAM_MRA_SLOT_PAUSES);

    ngx_add_timer(&slot->retry, pause / 2 + ngx_random() % (pause / 2));
}


static void
ngx_stream_mra_slot_retry_handler(ngx_event_t *ev)
{
    ngx_stream_mra_slot_t  *slot;

    slot = ev->data;

    if (slot->hop->state != NGX_MRA_PROBE_DOWN) {
        ngx_stream_mra_slot_open(slot);
    }
}


static void
ngx_stream_mra_slot_connected(ngx_stream_mra_conn_t *conn,
    ngx_connection_t *c)
{
    ngx_stream_mra_hop_t   *hop;
    ngx_stream_mra_slot_t  *slot;

    slot = conn->data;
    hop = slot->hop;

    if (c == NULL) {
        slot->tries++;

        ngx_stream_mra_slot_retry(slot);
        ngx_stream_mra_state_missed(hop, conn->started, conn->reason);

        if (hop->hops->handlers->lost) {
            hop->hops->handlers->lost(hop, NULL);
        }

        return;
    }

    ngx_memzero(&slot->link, sizeof(ngx_stream_mra_link_t));

    if (ngx_stream_mra_link_open(&slot->link, c,
                                 &ngx_stream_mra_slot_handlers, slot,
                                 hop->hops->max_message_size, NULL, NULL)
        != NGX_OK)
    {
        slot->tries++;

        ngx_stream_mra_conn_close(c);
        ngx_stream_mra_slot_retry(slot);

        return;
    }

    slot->open = 1;
    slot->opened = ngx_current_msec;
    slot->heard = 0;
    slot->asked = 0;
    slot->greeted = 0;

    ngx_stream_mra_slot_set_timer(slot, hop->conf.interval);

    /* a frozen server's kernel accepts connections, but no TLS */

    if (c->ssl) {
        ngx_stream_mra_state_seen(hop);
    }

    ngx_stream_mra_slots_greet(hop);

    if (hop->hops->handlers->opened) {
        hop->hops->handlers->opened(hop, &slot->link);
    }
}


void
ngx_stream_mra_slots_greet(ngx_stream_mra_hop_t *hop)
{
    ngx_uint_t              i;
    ngx_stream_mra_slot_t  *slot;

    if (!ngx_stream_mra_keepalive_is_ours(hop)) {
        return;
    }

    for (i = 0; i < hop->hops->conf->connections; i++) {
        slot = &hop->slots[i];

        if (slot->greeted || ngx_stream_mra_slot_link(slot) == NULL) {
            continue;
        }

        slot->greeted = 1;
        slot->asked = ngx_stream_mra_keepalive_ask(hop, &slot->link);

        if (slot->asked) {
            ngx_stream_mra_slot_set_timer(slot, hop->conf.timeout);
        }
    }
}


ngx_stream_mra_slot_t *
ngx_stream_mra_slot_choose(ngx_stream_mra_hop_t *hop, ngx_uint_t affinity)
{
    ngx_uint_t              i, n;
    ngx_stream_mra_slot_t  *slot;

    n = hop->hops->conf->connections;
    slot = &hop->slots[affinity % n];

    for (i = 1; i < n && !slot->open && slot->tries; i++) {
        slot = &hop->slots[(affinity + i) % n];
    }

    return slot;
}


ngx_stream_mra_link_t *
ngx_stream_mra_slot_link(ngx_stream_mra_slot_t *slot)
{
    return (slot->open && !slot->link.closing) ? &slot->link : NULL;
}


ngx_int_t
ngx_stream_mra_slot_send(ngx_stream_mra_slot_t *slot, struct iovec *iov,
    ngx_uint_t niov)
{
    ngx_stream_mra_link_t  *ln;

    ln = ngx_stream_mra_slot_link(slot);

    return ln ? ngx_stream_mra_link_send(ln, iov, niov) : NGX_DECLINED;
}


static void
ngx_stream_mra_slot_frame(ngx_stream_mra_link_t *ln, ngx_uint_t type,
    u_char *p, u_char *last)
{
    struct iovec            iov;
    ngx_stream_mra_hop_t   *hop;
    ngx_stream_mra_slot_t  *slot;

    slot = ln->data;
    hop = slot->hop;

    ngx_stream_mra_state_seen(hop);

    switch (type) {

    case NGX_MRA_FRAME_SIP:
        hop->hops->handlers->message(hop, ln, p, last);
        break;

    case NGX_MRA_FRAME_STUN:
        ngx_stream_mra_keepalive_stun(hop, ln, p, last);
        break;

    case NGX_MRA_FRAME_PING:
        iov.iov_base = CRLF;
        iov.iov_len = sizeof(CRLF) - 1;

        (void) ngx_stream_mra_link_send(ln, &iov, 1);
        break;

    default: /* NGX_MRA_FRAME_PONG */
        break;
    }
}


static size_t
ngx_stream_mra_slot_take(ngx_stream_mra_link_t *ln, u_char *p, u_char *last)
{
    size_t                  n;
    ngx_stream_mra_hop_t   *hop;
    ngx_stream_mra_slot_t  *slot;

    slot = ln->data;
    hop = slot->hop;

    n = hop->hops->handlers->take(hop, ln, p, last);

    if (n) {
        ngx_stream_mra_state_seen(hop);
    }

    return n;
}


static void
ngx_stream_mra_slot_broken(ngx_stream_mra_link_t *ln, ngx_uint_t reason,
    u_char *p, u_char *last)
{
    ngx_mra_count(ngx_stream_mra_get_worker()->mcf, NGX_MRA_SIP_BROKEN, 1);

    ngx_log_error(NGX_LOG_WARN, ln->connection->log, 0,
                  "next hop sent invalid message: %s",
                  ngx_stream_mra_broken_reason(reason));
}


static void
ngx_stream_mra_slot_closed(ngx_stream_mra_link_t *ln)
{
    ngx_stream_mra_hop_t   *hop;
    ngx_stream_mra_slot_t  *slot;

    slot = ln->data;
    hop = slot->hop;

    ngx_stream_mra_conn_close(ln->connection);
    slot->open = 0;

    if (hop->state == NGX_MRA_PROBE_DOWN) {
        return;
    }

    if (hop->hops->handlers->lost) {
        hop->hops->handlers->lost(hop, ln);
    }

    if (hop->retired) {
        return;
    }

    if (ngx_current_msec - slot->opened < NGX_STREAM_MRA_SLOT_LIFE) {
        slot->tries++;
        ngx_stream_mra_slot_retry(slot);
        return;
    }

    slot->tries = 0;
    ngx_stream_mra_slot_open(slot);
}


/* RFC 5626, 3.5.1: keeps alive what lies between, notices what is gone */

static void
ngx_stream_mra_slot_timer(ngx_stream_mra_link_t *ln)
{
    ngx_uint_t              ours;
    ngx_stream_mra_hop_t   *hop;
    ngx_stream_mra_slot_t  *slot;

    slot = ln->data;
    hop = slot->hop;

    ours = ngx_stream_mra_keepalive_is_ours(hop);

    if (ln->received != slot->heard) {
        slot->heard = ln->received;

        /* a node of ours is told and tells, whatever else there is */

        slot->asked = (ours && !slot->asked)
                      ? ngx_stream_mra_keepalive_ask(hop, ln) : 0;

    } else if (slot->asked == 0 || hop->shared->deaf) {
        slot->asked = ngx_stream_mra_keepalive_ask(hop, ln);

    } else {
        ngx_stream_mra_state_suspect(hop);

        /* a probe tells whether it is the link or STUN that is lost */

        if (ours || slot->asked++ > 1) {
            ngx_log_error(NGX_LOG_INFO, ln->connection->log, NGX_ETIMEDOUT,
                          "next hop did not answer keepalive");

            ngx_stream_mra_link_close(ln, 0);
            return;
        }
    }

    ngx_stream_mra_slot_set_timer(slot, slot->asked ? hop->conf.timeout
                                                    : hop->conf.interval);
}


static void
ngx_stream_mra_slot_set_timer(ngx_stream_mra_slot_t *slot, ngx_msec_t timer)
{
    ngx_add_timer(slot->link.connection->read,
                  timer - ngx_random() % (timer / 10 + 1));
}
