
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_mra_stun.h"
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_edge.h"
#include "ngx_stream_mra_maintenance.h"
#include "ngx_stream_mra_report.h"
#include "ngx_stream_mra_stun.h"


#define NGX_STREAM_MRA_STUN_LEN  512        /* of an answer, bytes */

/* keepalives of a client that may wait, RFC 8489 wants one at a time */

#define NGX_STREAM_MRA_STUN_MAX  8


/* what is needed for an answer that waits for the hop */

struct ngx_stream_mra_stun_s {
    ngx_stream_mra_stun_t    *next;
    ngx_stream_mra_wait_t     wait;
    ngx_stream_mra_client_t  *client;
    u_char                    id[NGX_MRA_STUN_ID_LEN];
    ngx_uint_t                fingerprint;
};


static ngx_int_t ngx_stream_mra_stun_path(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun);
static ngx_uint_t ngx_stream_mra_stun_is_good(
    ngx_stream_mra_client_t *client);
static ngx_int_t ngx_stream_mra_stun_wait(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun);
static void ngx_stream_mra_stun_handler(ngx_stream_mra_wait_t *w,
    ngx_uint_t up);
static void ngx_stream_mra_stun_answer(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun, ngx_uint_t up);
static void ngx_stream_mra_stun_hear(ngx_stream_mra_client_t *client,
    ngx_mra_stun_t *m);
static void ngx_stream_mra_stun_tell(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun);
static void ngx_stream_mra_stun_unknown(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun, ngx_mra_stun_t *m);
static void ngx_stream_mra_stun_send(ngx_stream_mra_client_t *client,
    ngx_mra_stun_buf_t *b, ngx_uint_t fingerprint);


void
ngx_stream_mra_stun_message(ngx_stream_mra_client_t *client, u_char *p,
    u_char *last)
{
    ngx_int_t              rc;
    ngx_mra_stun_t         m;
    ngx_stream_mra_stun_t  stun;

    if (ngx_mra_stun_decode(&m, p, last) != NGX_OK
        || ngx_mra_stun_check(&m) == NGX_ERROR)
    {
        ngx_mra_count(ngx_stream_mra_get_worker()->mcf, NGX_MRA_SIP_BROKEN,
                      1);
        ngx_log_error(NGX_LOG_INFO, client->link.connection->log, 0,
                      "client sent invalid STUN message");
        return;
    }

    if (client->trunk) {
        ngx_stream_mra_stun_hear(client, &m);
    }

    if (m.type != NGX_MRA_STUN_REQUEST) {
        return;
    }

    ngx_memcpy(stun.id, m.id, NGX_MRA_STUN_ID_LEN);
    stun.fingerprint = (ngx_mra_stun_check(&m) == NGX_OK);

    if (ngx_mra_stun_unknown(&m)) {
        ngx_stream_mra_stun_unknown(client, &stun, &m);
        return;
    }

    if (client->trunk && ngx_stream_mra_get_worker()->mcf->stun_keepalive) {
        ngx_stream_mra_stun_tell(client, &stun);
        return;
    }

    rc = ngx_stream_mra_stun_path(client, &stun);

    if (rc != NGX_AGAIN) {
        ngx_stream_mra_stun_answer(client, &stun, rc == NGX_OK);
    }
}


/* NGX_OK, NGX_DECLINED, NGX_AGAIN: as ngx_stream_mra_hop_check() */

static ngx_int_t
ngx_stream_mra_stun_path(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun)
{
    ngx_stream_mra_hop_t  *hop;

    if (client->conf->accept
        || !ngx_stream_mra_get_worker()->mcf->stun_keepalive)
    {
        return NGX_OK;
    }

    if (ngx_stream_mra_is_to_leave(client)) {
        return NGX_DECLINED;
    }

    /* a client keeps its hop here: that it is down is what it asks for */

    hop = client->hop ? client->hop : ngx_stream_mra_client_choose(client);

    if (hop == NULL || !ngx_stream_mra_stun_is_good(client)) {
        return NGX_DECLINED;
    }

    return ngx_stream_mra_stun_wait(client, stun);
}


/*
 * By what the hop has told of itself and of the one behind it.  Who can go
 * another way leaves one in maintenance, if there is another way.
 */

static ngx_uint_t
ngx_stream_mra_stun_is_good(ngx_stream_mra_client_t *client)
{
    ngx_stream_mra_hop_t   *hop;
    ngx_mra_probe_state_e   behind;

    hop = client->hop;

    behind = client->path ? ngx_stream_mra_hop_behind(hop, client->path)
                          : NGX_MRA_PROBE_UNKNOWN;

    if (behind == NGX_MRA_PROBE_DOWN) {
        return 0;
    }

    if (!client->adaptive || client->dialogs.nelts) {
        return 1;
    }

    if (behind == NGX_MRA_PROBE_DRAINING
        && ngx_stream_mra_report_has_up(&hop->report.node))
    {
        return 0;
    }

    return !ngx_stream_mra_hop_is_draining(hop)
           || !ngx_stream_mra_hop_has_other(hop);
}


static ngx_int_t
ngx_stream_mra_stun_wait(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun)
{
    ngx_int_t                rc;
    ngx_uint_t               n;
    ngx_stream_mra_stun_t   *waiting, **last;

    n = 0;

    for (last = &client->stun; *last; last = &(*last)->next) {
        n++;
    }

    if (n == NGX_STREAM_MRA_STUN_MAX) {
        return NGX_DECLINED;
    }

    waiting = ngx_alloc(sizeof(ngx_stream_mra_stun_t),
                        client->link.connection->log);
    if (waiting == NULL) {
        return NGX_DECLINED;
    }

    *waiting = *stun;

    waiting->next = NULL;
    waiting->client = client;

    ngx_memzero(&waiting->wait, sizeof(ngx_stream_mra_wait_t));
    waiting->wait.handler = ngx_stream_mra_stun_handler;
    waiting->wait.data = waiting;

    rc = ngx_stream_mra_hop_check(client->hop, &waiting->wait);

    if (rc != NGX_AGAIN) {
        ngx_free(waiting);
        return rc;
    }

    *last = waiting;

    return NGX_AGAIN;
}


void
ngx_stream_mra_stun_cancel(ngx_stream_mra_client_t *client)
{
    ngx_stream_mra_stun_t  *stun;

    while (client->stun) {
        stun = client->stun;
        client->stun = stun->next;

        ngx_stream_mra_hop_cancel(&stun->wait);
        ngx_free(stun);
    }
}


static void
ngx_stream_mra_stun_handler(ngx_stream_mra_wait_t *w, ngx_uint_t up)
{
    ngx_stream_mra_stun_t    *stun, **sp;
    ngx_stream_mra_client_t  *client;

    stun = w->data;
    client = stun->client;

    ngx_stream_mra_stun_answer(client, stun,
                               up && ngx_stream_mra_stun_is_good(client));

    for (sp = &client->stun; *sp != stun; sp = &(*sp)->next) { /* void */ }

    *sp = stun->next;
    ngx_free(stun);
}


static void
ngx_stream_mra_stun_answer(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun, ngx_uint_t up)
{
    u_char               buf[NGX_STREAM_MRA_STUN_LEN];
    ngx_str_t            reason;
    ngx_mra_conf_t      *mcf;
    ngx_mra_stun_buf_t   b;

    mcf = ngx_stream_mra_get_worker()->mcf;

    ngx_mra_count(mcf, NGX_MRA_STUN_KEEPALIVES, 1);

    if (up) {
        ngx_mra_stun_init(&b, buf, buf + NGX_STREAM_MRA_STUN_LEN,
                          NGX_MRA_STUN_SUCCESS, stun->id);
        ngx_mra_stun_add_address(&b, client->link.connection->sockaddr);

    } else {
        ngx_mra_count(mcf, NGX_MRA_STUN_FAILURES, 1);

        ngx_str_set(&reason, "Next Hop Down");

        ngx_mra_stun_init(&b, buf, buf + NGX_STREAM_MRA_STUN_LEN,
                          NGX_MRA_STUN_ERROR, stun->id);
        ngx_mra_stun_add_error(&b, 500, &reason);
    }

    ngx_stream_mra_stun_send(client, &b, stun->fingerprint);
}


/* what the edge node at the other end of a trunk tells of itself */

static void
ngx_stream_mra_stun_hear(ngx_stream_mra_client_t *client, ngx_mra_stun_t *m)
{
    ngx_int_t                rc;
    ngx_mra_stun_node_t      node;
    ngx_stream_mra_trunk_t  *t;

    t = client->trunk;

    rc = ngx_mra_stun_decode_node(m, &node);

    if (rc == NGX_ERROR && !t->lied) {
        t->lied = 1;

        ngx_log_error(NGX_LOG_WARN, client->link.connection->log, 0,
                      "edge node tells of itself what cannot be");
    }

    if (node.told) {
        t->told = 1;
    }

    if (node.told & NGX_MRA_STUN_NODE_TOLD_TAG) {
        ngx_stream_mra_edge_named(client, node.tag);
    }
}


/* it is not kept waiting: what our next hops answer is told when it is news */

static void
ngx_stream_mra_stun_tell(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun)
{
    u_char                  buf[NGX_STREAM_MRA_REPORT_LEN];
    ngx_str_t               reason;
    ngx_uint_t              i;
    ngx_mra_stun_buf_t      b;
    ngx_mra_stun_node_t     node;
    ngx_stream_mra_hops_t  *hops;

    hops = client->conf->hops;

    for (i = 0; i < hops->n; i++) {
        ngx_stream_mra_hop_ask(hops->hop[i]);
    }

    ngx_stream_mra_report_self(&node, hops);

    if (node.flags & NGX_MRA_STUN_NODE_NO_PATH) {
        ngx_str_set(&reason, "Next Hop Down");

        ngx_mra_stun_init(&b, buf, buf + NGX_STREAM_MRA_REPORT_LEN,
                          NGX_MRA_STUN_ERROR, stun->id);
        ngx_mra_stun_add_error(&b, 500, &reason);

    } else {
        ngx_mra_stun_init(&b, buf, buf + NGX_STREAM_MRA_REPORT_LEN,
                          NGX_MRA_STUN_SUCCESS, stun->id);
        ngx_mra_stun_add_address(&b, client->link.connection->sockaddr);
    }

    ngx_mra_stun_add_node(&b, &node);

    ngx_stream_mra_stun_send(client, &b, stun->fingerprint);
}


void
ngx_stream_mra_stun_changed(ngx_stream_mra_hops_t *hops)
{
    u_char                    buf[NGX_STREAM_MRA_REPORT_LEN];
    u_char                    id[NGX_MRA_STUN_ID_LEN];
    ngx_queue_t              *q, *trunks;
    ngx_mra_stun_buf_t        b;
    ngx_mra_stun_node_t       node;
    ngx_stream_mra_trunk_t   *t;
    ngx_stream_mra_client_t  *client;

    if (!hops->mcf->stun_keepalive) {
        return;
    }

    ngx_stream_mra_report_self(&node, hops);

    trunks = ngx_stream_mra_edge_trunks();

    for (q = ngx_queue_head(trunks);
         q != ngx_queue_sentinel(trunks);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_stream_mra_trunk_t, queue);
        client = t->client;

        if (!t->told || client->conf->hops != hops) {
            continue;
        }

        ngx_stream_mra_report_id(id);

        ngx_mra_stun_init(&b, buf, buf + NGX_STREAM_MRA_REPORT_LEN,
                          NGX_MRA_STUN_REQUEST, id);
        ngx_mra_stun_add_node(&b, &node);

        ngx_stream_mra_stun_send(client, &b, 0);
    }
}


/* RFC 8489, 6.3.1 */

static void
ngx_stream_mra_stun_unknown(ngx_stream_mra_client_t *client,
    ngx_stream_mra_stun_t *stun, ngx_mra_stun_t *m)
{
    u_char               buf[NGX_STREAM_MRA_STUN_LEN];
    ngx_str_t            reason;
    ngx_mra_stun_buf_t   b;

    ngx_str_set(&reason, "Unknown Attribute");

    ngx_mra_stun_init(&b, buf, buf + NGX_STREAM_MRA_STUN_LEN,
                      NGX_MRA_STUN_ERROR, stun->id);
    ngx_mra_stun_add_error(&b, 420, &reason);
    ngx_mra_stun_add_unknown(&b, m);

    ngx_stream_mra_stun_send(client, &b, stun->fingerprint);
}


static void
ngx_stream_mra_stun_send(ngx_stream_mra_client_t *client,
    ngx_mra_stun_buf_t *b, ngx_uint_t fingerprint)
{
    struct iovec  iov;

    iov.iov_len = ngx_mra_stun_end(b, fingerprint);
    iov.iov_base = b->start;

    if (iov.iov_len) {
        (void) ngx_stream_mra_link_send(&client->link, &iov, 1);
    }
}
