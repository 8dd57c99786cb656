
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_hop_private.h"
#include "ngx_stream_mra_report.h"


#define NGX_STREAM_MRA_OPTIONS_LEN  2048


struct ngx_stream_mra_ping_s {
    ngx_stream_mra_hop_t      *hop;
    ngx_stream_mra_conn_t      conn;
    ngx_stream_mra_link_t      link;
    ngx_event_t                timer;
    ngx_msec_t                 deadline;
    ngx_mra_probe_kind_e       kind;
    u_char                     id[NGX_MRA_STUN_ID_LEN];
    unsigned                   open:1;      /* the link */
    unsigned                   asking:1;
    unsigned                   doubt:1;     /* OPTIONS was sent as well */
};


static void ngx_stream_mra_ping_connected(ngx_stream_mra_conn_t *conn,
    ngx_connection_t *c);
static ngx_int_t ngx_stream_mra_ping_send(ngx_stream_mra_ping_t *ping);
static u_char *ngx_stream_mra_ping_options(ngx_stream_mra_ping_t *ping,
    u_char *p, u_char *last);
static void ngx_stream_mra_ping_frame(ngx_stream_mra_link_t *ln,
    ngx_uint_t type, u_char *p, u_char *last);
static void ngx_stream_mra_ping_stun(ngx_stream_mra_ping_t *ping, u_char *p,
    u_char *last);
static void ngx_stream_mra_ping_broken(ngx_stream_mra_link_t *ln,
    ngx_uint_t reason, u_char *p, u_char *last);
static void ngx_stream_mra_ping_closed(ngx_stream_mra_link_t *ln);
static void ngx_stream_mra_ping_timer(ngx_event_t *ev);
static void ngx_stream_mra_ping_answered(ngx_stream_mra_ping_t *ping,
    ngx_mra_probe_reason_e reason);
static void ngx_stream_mra_ping_failed(ngx_stream_mra_ping_t *ping,
    ngx_mra_probe_reason_e reason);
static ngx_int_t ngx_stream_mra_keepalive_verdict(ngx_mra_stun_t *m,
    ngx_mra_probe_reason_e *reason);
static void ngx_stream_mra_keepalive_answer(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln, ngx_mra_stun_t *m, ngx_uint_t fingerprint);
static ngx_int_t ngx_stream_mra_keepalive_send(ngx_stream_mra_link_t *ln,
    void *data, size_t len);


static const ngx_stream_mra_link_handlers_t  ngx_stream_mra_ping_handlers = {
    ngx_stream_mra_ping_frame,
    NULL,
    ngx_stream_mra_ping_broken,
    ngx_stream_mra_ping_closed,
    NULL
};


ngx_stream_mra_ping_t *
ngx_stream_mra_ping_create(ngx_stream_mra_hop_t *hop)
{
    ngx_stream_mra_ping_t  *ping;

    ping = ngx_pcalloc(ngx_cycle->pool, sizeof(ngx_stream_mra_ping_t));
    if (ping == NULL) {
        return NULL;
    }

    ping->hop = hop;

    ping->conn.handler = ngx_stream_mra_ping_connected;
    ping->conn.data = ping;

    ping->timer.handler = ngx_stream_mra_ping_timer;
    ping->timer.data = ping;
    ping->timer.log = &hop->log;
    ping->timer.cancelable = 1;

    return ping;
}


/*
 * Never on a connection of clients: there are servers that lose the start of
 * the SIP message that follows a STUN request.
 */

void
ngx_stream_mra_ping_due(ngx_stream_mra_hop_t *hop)
{
    ngx_msec_t              timeout;
    ngx_stream_mra_ping_t  *ping;

    ping = hop->ping;

    if (!ngx_stream_mra_ping_is_idle(hop)) {

        if (ping->asking && ngx_mra_probe_is_lesson(hop->shared)) {
            ngx_stream_mra_ping_cancel(hop);
        }

        return;
    }

    ping->kind = ngx_stream_mra_state_claim(hop, &timeout);

    if (ping->kind == NGX_MRA_PROBE_NONE) {
        return;
    }

    ping->deadline = ngx_current_msec + timeout;

    /* a fault of ours proves nothing: another worker will take over */

    if (ngx_stream_mra_conn_open(&ping->conn, hop,
                                 ngx_min(timeout,
                                         hop->hops->conf->connect_timeout))
        == NGX_OK)
    {
        ping->asking = 1;
    }
}


ngx_uint_t
ngx_stream_mra_ping_is_idle(ngx_stream_mra_hop_t *hop)
{
    return !hop->ping->open && !hop->ping->conn.active;
}


void
ngx_stream_mra_ping_cancel(ngx_stream_mra_hop_t *hop)
{
    ngx_stream_mra_ping_t  *ping;

    ping = hop->ping;
    ping->asking = 0;

    ngx_stream_mra_conn_cancel(&ping->conn);

    if (ping->timer.timer_set) {
        ngx_del_timer(&ping->timer);
    }

    if (ping->open) {
        ngx_stream_mra_link_close(&ping->link, 0);
    }
}


static void
ngx_stream_mra_ping_connected(ngx_stream_mra_conn_t *conn,
    ngx_connection_t *c)
{
    ngx_msec_int_t          left;
    ngx_stream_mra_ping_t  *ping;

    ping = conn->data;

    if (c == NULL) {
        ngx_stream_mra_ping_failed(ping, conn->reason);
        return;
    }

    ngx_memzero(&ping->link, sizeof(ngx_stream_mra_link_t));

    if (ngx_stream_mra_link_open(&ping->link, c,
                                 &ngx_stream_mra_ping_handlers, ping,
                                 ping->hop->hops->max_message_size, NULL,
                                 NULL)
        != NGX_OK)
    {
        ngx_stream_mra_conn_close(c);
        ping->asking = 0;
        return;
    }

    ping->open = 1;

    left = ping->deadline - ngx_current_msec;

    if (ngx_mra_probe_is_doubtful(ping->hop->shared)) {
        left /= 2;
    }

    ngx_add_timer(&ping->timer, ngx_max(left, 1));

    if (ngx_stream_mra_ping_send(ping) != NGX_OK) {
        ngx_stream_mra_ping_cancel(ping->hop);
    }
}


/* without anything of ours: it may be a node of ours, and is no link to it */

static ngx_int_t
ngx_stream_mra_ping_send(ngx_stream_mra_ping_t *ping)
{
    u_char                *last, buf[NGX_STREAM_MRA_OPTIONS_LEN];
    ngx_mra_stun_buf_t     b;

    ping->doubt = 0;

    ngx_stream_mra_report_id(ping->id);

    if (ping->kind == NGX_MRA_PROBE_STUN) {
        ngx_mra_stun_init(&b, buf, buf + sizeof(buf), NGX_MRA_STUN_REQUEST,
                          ping->id);
        last = buf + ngx_mra_stun_end(&b, 0);

    } else {
        last = ngx_stream_mra_ping_options(ping, buf, buf + sizeof(buf));
    }

    return ngx_stream_mra_keepalive_send(&ping->link, buf, last - buf);
}


/*
 * RFC 3261, 11.  With Max-Forwards 0 it goes no further: the next hop
 * answers 200 or 483 itself.
 */

static u_char *
ngx_stream_mra_ping_options(ngx_stream_mra_ping_t *ping, u_char *p,
    u_char *last)
{
    u_char                 tag[2 * NGX_MRA_STUN_ID_LEN];
    u_char                 addr[NGX_SOCKADDR_STRLEN];
    ngx_str_t              to, us, id;
    ngx_connection_t      *c;
    ngx_stream_mra_hop_t  *hop;

    hop = ping->hop;
    c = ping->link.connection;

    id.data = tag;
    id.len = ngx_hex_dump(tag, ping->id, NGX_MRA_STUN_ID_LEN) - tag;

    us.data = addr;
    us.len = sizeof(addr);
    to = hop->name;

    if (hop->sockaddr.sockaddr.sa_family == AF_UNIX
        || ngx_connection_local_sockaddr(c, &us, 1) != NGX_OK)
    {
        us = hop->hops->mcf->node;
        ngx_str_set(&to, "localhost");
    }

    return ngx_slprintf(p, last,
                        "OPTIONS sip:%V SIP/2.0" CRLF
                        "Via: SIP/2.0/%s %V;branch=z9hG4bK%V" CRLF
                        "Max-Forwards: 0" CRLF
                        "From: <sip:%V>;tag=%V" CRLF
                        "To: <sip:%V>" CRLF
                        "Call-ID: %V@%V" CRLF
                        "CSeq: 1 OPTIONS" CRLF
                        "Content-Length: 0" CRLF CRLF,
                        &to, c->ssl ? "TLS" : "TCP", &us, &id,
                        &hop->hops->mcf->node, &id, &to, &id,
                        &hop->hops->mcf->node);
}


static void
ngx_stream_mra_ping_frame(ngx_stream_mra_link_t *ln, ngx_uint_t type,
    u_char *p, u_char *last)
{
    ngx_stream_mra_ping_t  *ping;

    ping = ln->data;

    if (!ping->asking) {
        return;
    }

    if (type == NGX_MRA_FRAME_STUN) {
        ngx_stream_mra_ping_stun(ping, p, last);
        return;
    }

    /* whatever it says */

    if (type != NGX_MRA_FRAME_SIP
        || last - p <= 8 || ngx_memcmp(p, "SIP/2.0 ", 8) != 0)
    {
        return;
    }

    if (ping->kind == NGX_MRA_PROBE_OPTIONS) {
        ngx_stream_mra_ping_answered(ping, NGX_MRA_PROBE_GOOD);

    } else if (ping->doubt) {
        ngx_stream_mra_state_seen(ping->hop);
    }
}


static void
ngx_stream_mra_ping_stun(ngx_stream_mra_ping_t *ping, u_char *p, u_char *last)
{
    ngx_mra_stun_t          m;
    ngx_mra_probe_reason_e  reason;

    if (ngx_mra_stun_decode(&m, p, last) != NGX_OK) {
        return;
    }

    if (m.type == NGX_MRA_STUN_REQUEST) {
        ngx_stream_mra_keepalive_stun(ping->hop, &ping->link, p, last);
        return;
    }

    if (ping->kind != NGX_MRA_PROBE_STUN
        || ngx_memcmp(m.id, ping->id, NGX_MRA_STUN_ID_LEN) != 0
        || ngx_mra_stun_check(&m) == NGX_ERROR)
    {
        return;
    }

    if (ngx_stream_mra_keepalive_verdict(&m, &reason) != NGX_OK) {
        ngx_stream_mra_ping_failed(ping, NGX_MRA_PROBE_RESET);
        return;
    }

    ngx_stream_mra_ping_answered(ping, reason);
    ngx_stream_mra_report_take(ping->hop, &m);
}


/* NGX_OK: it is an answer that tells of the path */

static ngx_int_t
ngx_stream_mra_keepalive_verdict(ngx_mra_stun_t *m,
    ngx_mra_probe_reason_e *reason)
{
    ngx_str_t            text;
    ngx_uint_t           code;
    ngx_mra_stun_attr_t  attr;

    if (m->type == NGX_MRA_STUN_SUCCESS) {
        *reason = NGX_MRA_PROBE_GOOD;
        return NGX_OK;
    }

    if (m->type != NGX_MRA_STUN_ERROR
        || ngx_mra_stun_find(m, NGX_MRA_STUN_ERROR_CODE, &attr) != NGX_OK
        || ngx_mra_stun_decode_error(&attr, &code, &text) != NGX_OK
        || code < 500)
    {
        return NGX_DECLINED;
    }

    *reason = NGX_MRA_PROBE_PATH;

    return NGX_OK;
}


static void
ngx_stream_mra_ping_broken(ngx_stream_mra_link_t *ln, ngx_uint_t reason,
    u_char *p, u_char *last)
{
    /* the link closes */
}


static void
ngx_stream_mra_ping_closed(ngx_stream_mra_link_t *ln)
{
    ngx_stream_mra_ping_t  *ping;

    ping = ln->data;

    ngx_stream_mra_conn_close(ln->connection);
    ping->open = 0;

    if (ping->asking) {
        ngx_stream_mra_ping_failed(ping, NGX_MRA_PROBE_RESET);
    }

    ngx_stream_mra_hop_hurry(ping->hop);
}


static void
ngx_stream_mra_ping_timer(ngx_event_t *ev)
{
    u_char                 *last, buf[NGX_STREAM_MRA_OPTIONS_LEN];
    ngx_msec_int_t          left;
    ngx_stream_mra_ping_t  *ping;

    ping = ev->data;
    left = ping->deadline - ngx_current_msec;

    if (left <= 0 || ping->doubt) {
        ngx_stream_mra_ping_failed(ping, NGX_MRA_PROBE_KEEPALIVE_TIMEOUT);
        return;
    }

    ping->doubt = 1;

    last = ngx_stream_mra_ping_options(ping, buf, buf + sizeof(buf));
    (void) ngx_stream_mra_keepalive_send(&ping->link, buf, last - buf);

    ngx_add_timer(ev, left);
}


static void
ngx_stream_mra_ping_answered(ngx_stream_mra_ping_t *ping,
    ngx_mra_probe_reason_e reason)
{
    ngx_stream_mra_ping_cancel(ping->hop);
    ngx_stream_mra_state_answered(ping->hop, reason);
}


static void
ngx_stream_mra_ping_failed(ngx_stream_mra_ping_t *ping,
    ngx_mra_probe_reason_e reason)
{
    ngx_stream_mra_ping_cancel(ping->hop);
    ngx_stream_mra_state_failed(ping->hop, reason);
}


ngx_uint_t
ngx_stream_mra_keepalive_is_ours(ngx_stream_mra_hop_t *hop)
{
    return hop->conf.stun
           && hop->shared->stun == NGX_MRA_PROBE_YES
           && ngx_stream_mra_hop_report(hop);
}


void
ngx_stream_mra_keepalive_stun(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln, u_char *p, u_char *last)
{
    ngx_int_t               fingerprint;
    ngx_mra_stun_t          m;
    ngx_mra_probe_reason_e  reason;

    if (ngx_mra_stun_decode(&m, p, last) != NGX_OK) {
        return;
    }

    fingerprint = ngx_mra_stun_check(&m);

    if (fingerprint == NGX_ERROR) {
        return;
    }

    if (m.type == NGX_MRA_STUN_REQUEST) {
        ngx_stream_mra_keepalive_answer(hop, ln, &m, fingerprint == NGX_OK);

    } else if (ngx_stream_mra_keepalive_verdict(&m, &reason) == NGX_OK) {
        ngx_stream_mra_state_told(hop, reason);

    } else {
        return;
    }

    ngx_stream_mra_report_take(hop, &m);
}


static void
ngx_stream_mra_keepalive_answer(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln, ngx_mra_stun_t *m, ngx_uint_t fingerprint)
{
    u_char               buf[NGX_STREAM_MRA_REPORT_LEN];
    size_t               len;
    ngx_str_t            reason;
    ngx_mra_stun_buf_t   b;
    ngx_mra_stun_node_t  node;

    if (ngx_mra_stun_unknown(m)) {
        ngx_str_set(&reason, "Unknown Attribute");

        ngx_mra_stun_init(&b, buf, buf + sizeof(buf), NGX_MRA_STUN_ERROR,
                          m->id);
        ngx_mra_stun_add_error(&b, 420, &reason);
        ngx_mra_stun_add_unknown(&b, m);

    } else {
        ngx_mra_stun_init(&b, buf, buf + sizeof(buf), NGX_MRA_STUN_SUCCESS,
                          m->id);
        ngx_mra_stun_add_address(&b, &hop->sockaddr.sockaddr);

        if (ngx_stream_mra_keepalive_is_ours(hop)) {
            ngx_stream_mra_report_self(&node, hop->hops);
            ngx_mra_stun_add_node(&b, &node);
        }
    }

    len = ngx_mra_stun_end(&b, fingerprint);

    if (len) {
        (void) ngx_stream_mra_keepalive_send(ln, buf, len);
    }
}


ngx_uint_t
ngx_stream_mra_keepalive_ask(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln)
{
    u_char               buf[NGX_STREAM_MRA_REPORT_LEN];
    u_char               id[NGX_MRA_STUN_ID_LEN];
    size_t               len;
    ngx_mra_stun_buf_t   b;
    ngx_mra_stun_node_t  node;

    if (!hop->conf.stun || hop->shared->stun != NGX_MRA_PROBE_YES) {
        (void) ngx_stream_mra_keepalive_send(ln, CRLF CRLF,
                                             sizeof(CRLF CRLF) - 1);
        return 0;
    }

    ngx_stream_mra_report_id(id);

    ngx_mra_stun_init(&b, buf, buf + sizeof(buf), NGX_MRA_STUN_REQUEST, id);

    if (ngx_stream_mra_keepalive_is_ours(hop)) {
        ngx_stream_mra_report_self(&node, hop->hops);
        ngx_mra_stun_add_node(&b, &node);
    }

    len = ngx_mra_stun_end(&b, 0);

    return ngx_stream_mra_keepalive_send(ln, buf, len) == NGX_OK;
}


static ngx_int_t
ngx_stream_mra_keepalive_send(ngx_stream_mra_link_t *ln, void *data,
    size_t len)
{
    struct iovec  iov;

    iov.iov_base = data;
    iov.iov_len = len;

    return ngx_stream_mra_link_send(ln, &iov, 1);
}
