
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_address.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_pending.h"
#include "ngx_stream_mra_protect.h"
#include "ngx_stream_mra_register.h"
#include "ngx_stream_mra_dialog.h"
#include "ngx_stream_mra_maintenance.h"
#include "ngx_stream_mra_remote.h"
#include "ngx_stream_mra_stun.h"
#include "ngx_stream_mra_edge.h"
#include "ngx_stream_mra_path.h"


/* text that is inserted into one message: its contacts, three times */

#define NGX_STREAM_MRA_TEXT  (512 * 1024)


static void ngx_stream_mra_hop_message(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln, u_char *p, u_char *last);

static size_t ngx_stream_mra_hop_take(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln, u_char *p, u_char *last);

static void ngx_stream_mra_run_client(ngx_stream_mra_relay_t *r);
static void ngx_stream_mra_run_inside(ngx_stream_mra_relay_t *r);
static ngx_stream_mra_relay_t *ngx_stream_mra_relay_begin(uint32_t id,
    ngx_stream_mra_link_t *ln, ngx_log_t *log);
static ngx_int_t ngx_stream_mra_relay_parse(ngx_stream_mra_relay_t *r,
    u_char *p, u_char *last);
static size_t ngx_stream_mra_relay_take(ngx_stream_mra_relay_t *r, u_char *p,
    u_char *last);
static ngx_int_t ngx_stream_mra_relay_run(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_step_pt *steps);

static ngx_int_t ngx_stream_mra_choose_hop(ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_send_inside(ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_send_outside(ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_send_back(ngx_stream_mra_relay_t *r);
static ngx_stream_mra_hop_t *ngx_stream_mra_asker_hop(
    ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_send_asker(ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_relay_pieces(ngx_stream_mra_relay_t *r);
static void ngx_stream_mra_relay_count(ngx_stream_mra_relay_t *r,
    ngx_mra_counter_e counter);


const ngx_stream_mra_hop_handlers_t  ngx_stream_mra_hop_handlers = {
    ngx_stream_mra_hop_message,
    ngx_stream_mra_hop_take,
    ngx_stream_mra_pendings_down,
    ngx_stream_mra_pendings_opened,
    ngx_stream_mra_pendings_lost,
    ngx_stream_mra_stun_changed
};


/* the last step of each never returns NGX_OK */


/* a request from a client to its next hop */

static ngx_stream_mra_step_pt  ngx_stream_mra_request_in[] = {
    ngx_stream_mra_edge_meet,
    ngx_stream_mra_check_request,
    ngx_stream_mra_check_banned,
    ngx_stream_mra_check_maintenance,
    ngx_stream_mra_check_forwards,
    ngx_stream_mra_check_loop,
    ngx_stream_mra_check_extensions,
    ngx_stream_mra_check_domain,
    ngx_stream_mra_check_registered,
    ngx_stream_mra_note_credentials,
    ngx_stream_mra_choose_hop,
    ngx_stream_mra_edit_forwards,
    ngx_stream_mra_edit_routes,
    ngx_stream_mra_edit_record_route,
    ngx_stream_mra_edit_registration,
    ngx_stream_mra_edit_via,
    ngx_stream_mra_note_dialog,
    ngx_stream_mra_send_inside
};


/* a request that goes once more, or a REGISTER to another next hop */

static ngx_stream_mra_step_pt  ngx_stream_mra_request_again[] = {
    ngx_stream_mra_check_request,
    ngx_stream_mra_check_loop,
    ngx_stream_mra_choose_hop,
    ngx_stream_mra_edit_forwards,
    ngx_stream_mra_edit_routes,
    ngx_stream_mra_edit_record_route,
    ngx_stream_mra_edit_registration,
    ngx_stream_mra_edit_via,
    ngx_stream_mra_send_inside
};


/* a request from inside to a client */

static ngx_stream_mra_step_pt  ngx_stream_mra_request_out[] = {
    ngx_stream_mra_check_inside,
    ngx_stream_mra_check_forwards,
    ngx_stream_mra_check_loop,
    ngx_stream_mra_check_extensions,
    ngx_stream_mra_find_flow,
    ngx_stream_mra_check_maintenance,
    ngx_stream_mra_edit_target,
    ngx_stream_mra_edit_forwards,
    ngx_stream_mra_edit_routes,
    ngx_stream_mra_edit_record_route,
    ngx_stream_mra_edit_via,
    ngx_stream_mra_note_dialog,
    ngx_stream_mra_send_outside
};


/* a response from a client to who asked it */

static ngx_stream_mra_step_pt  ngx_stream_mra_response_in[] = {
    ngx_stream_mra_check_response,
    ngx_stream_mra_find_asker,
    ngx_stream_mra_pop_via,
    ngx_stream_mra_note_dialog,
    ngx_stream_mra_send_back
};


/* a response from inside to the client that asked */

static ngx_stream_mra_step_pt  ngx_stream_mra_response_out[] = {
    ngx_stream_mra_check_answer,
    ngx_stream_mra_find_client,
    ngx_stream_mra_pop_via,
    ngx_stream_mra_send_asker,
    ngx_stream_mra_judge_answer,
    ngx_stream_mra_match_registration,
    ngx_stream_mra_note_dialog,
    ngx_stream_mra_send_outside
};


ngx_stream_mra_relay_t *
ngx_stream_mra_relay_create(ngx_cycle_t *cycle)
{
    ngx_stream_mra_relay_t  *r;

    r = ngx_palloc(cycle->pool, sizeof(ngx_stream_mra_relay_t));
    if (r == NULL) {
        return NULL;
    }

    r->text = ngx_palloc(cycle->pool, NGX_STREAM_MRA_TEXT);
    if (r->text == NULL) {
        return NULL;
    }

    r->text_end = r->text + NGX_STREAM_MRA_TEXT;

    return r;
}


void
ngx_stream_mra_relay_client(ngx_stream_mra_client_t *client, u_char *p,
    u_char *last)
{
    ngx_stream_mra_relay_t  *r;

    r = ngx_stream_mra_relay_begin(client->conf->id, &client->link,
                                   client->link.connection->log);
    r->client = client;
    r->outbound = 1;

    if (ngx_stream_mra_relay_parse(r, p, last) == NGX_OK) {
        ngx_stream_mra_run_client(r);
    }
}


size_t
ngx_stream_mra_take_client(ngx_stream_mra_client_t *client, u_char *p,
    u_char *last)
{
    size_t                   n;
    ngx_stream_mra_relay_t  *r;

    r = ngx_stream_mra_relay_begin(client->conf->id, &client->link,
                                   client->link.connection->log);
    r->client = client;
    r->outbound = 1;

    n = ngx_stream_mra_relay_take(r, p, last);

    if (n) {
        ngx_stream_mra_run_client(r);
    }

    return n;
}


static void
ngx_stream_mra_run_client(ngx_stream_mra_relay_t *r)
{
    if (r->msg.status) {
        ngx_stream_mra_relay_count(r, NGX_MRA_SIP_RESPONSES_IN);
        (void) ngx_stream_mra_relay_run(r, ngx_stream_mra_response_in);
        return;
    }

    ngx_stream_mra_relay_count(r, NGX_MRA_SIP_REQUESTS_IN);
    (void) ngx_stream_mra_relay_run(r, ngx_stream_mra_request_in);
}


void
ngx_stream_mra_relay_inside(uint32_t id, ngx_stream_mra_link_t *ln, u_char *p,
    u_char *last)
{
    ngx_stream_mra_relay_t  *r;

    r = ngx_stream_mra_relay_begin(id, ln,
                                   ln ? ln->connection->log : ngx_cycle->log);

    r->remote = (ln == NULL);

    if (ngx_stream_mra_relay_parse(r, p, last) == NGX_OK) {
        ngx_stream_mra_run_inside(r);
    }
}


size_t
ngx_stream_mra_take_inside(uint32_t id, ngx_stream_mra_link_t *ln, u_char *p,
    u_char *last)
{
    size_t                   n;
    ngx_stream_mra_relay_t  *r;

    r = ngx_stream_mra_relay_begin(id, ln, ln->connection->log);

    n = ngx_stream_mra_relay_take(r, p, last);

    if (n) {
        ngx_stream_mra_run_inside(r);
    }

    return n;
}


static void
ngx_stream_mra_run_inside(ngx_stream_mra_relay_t *r)
{
    (void) ngx_stream_mra_relay_run(r, r->msg.status
                                       ? ngx_stream_mra_response_out
                                       : ngx_stream_mra_request_out);
}


void
ngx_stream_mra_relay_request(uint32_t id, ngx_stream_mra_flow_t *to,
    ngx_stream_mra_flow_t *back, u_char *p, u_char *last)
{
    ngx_stream_mra_relay_t  *r;

    r = ngx_stream_mra_relay_begin(id, NULL, ngx_cycle->log);

    r->to = *to;
    r->back = *back;
    r->found = 1;
    r->remote = 1;

    if (ngx_stream_mra_relay_parse(r, p, last) == NGX_OK && !r->msg.status) {
        (void) ngx_stream_mra_relay_run(r, ngx_stream_mra_request_out);
    }
}


void
ngx_stream_mra_relay_found(uint32_t id, ngx_stream_mra_flow_t *to,
    ngx_stream_mra_flow_t *back, ngx_uint_t status, u_char *p, u_char *last)
{
    ngx_stream_mra_link_t   *ln;
    ngx_stream_mra_relay_t  *r;

    ln = ngx_stream_mra_link_find(back);

    r = ngx_stream_mra_relay_begin(id, ln,
                                   ln ? ln->connection->log : ngx_cycle->log);
    r->back = *back;
    r->to = *to;
    r->found = 1;

    if (ngx_stream_mra_relay_parse(r, p, last) != NGX_OK || r->msg.status) {
        return;
    }

    if (status) {
        ngx_stream_mra_answer(r, status);
        return;
    }

    (void) ngx_stream_mra_relay_run(r, ngx_stream_mra_request_out);
}


void
ngx_stream_mra_relay_returned(uint32_t id, ngx_stream_mra_flow_t *flow,
    u_char *p, u_char *last)
{
    struct iovec              iov;
    ngx_stream_mra_link_t    *ln;
    ngx_stream_mra_hop_t     *hop;
    ngx_stream_mra_relay_t   *r;
    ngx_stream_mra_client_t  *client;

    ln = ngx_stream_mra_link_find(flow);
    client = ln ? ngx_stream_mra_client_of(ln) : NULL;

    if (client == NULL || client->conf->id != id) {
        return;
    }

    hop = client->hop;

    if (client->trunk) {
        r = ngx_stream_mra_relay_begin(id, ln, ln->connection->log);

        if (ngx_stream_mra_relay_parse(r, p, last) != NGX_OK) {
            return;
        }

        hop = ngx_stream_mra_path_back(client->conf->hops,
                       &ngx_mra_sip_first(&r->msg, NGX_MRA_SIP_VIA)->value);
    }

    if (hop == NULL) {
        return;
    }

    iov.iov_base = p;
    iov.iov_len = last - p;

    (void) ngx_stream_mra_hop_send(hop, flow->slot, &iov, 1);
}


void
ngx_stream_mra_relay_again(ngx_stream_mra_pending_t *pending, u_char *p,
    u_char *last)
{
    ngx_stream_mra_client_t  *client;
    ngx_stream_mra_relay_t   *r;

    client = pending->client;

    r = ngx_stream_mra_relay_begin(client->conf->id, &client->link,
                                   client->link.connection->log);
    r->client = client;
    r->outbound = 1;
    r->pending = pending;

    if (ngx_stream_mra_relay_parse(r, p, last) != NGX_OK
        || ngx_stream_mra_relay_run(r, ngx_stream_mra_request_again)
           != NGX_DONE)
    {
        ngx_stream_mra_pending_free(pending);
    }
}


void
ngx_stream_mra_relay_refuse(ngx_stream_mra_client_t *client,
    ngx_uint_t status, char *reason, u_char *p, u_char *last)
{
    ngx_stream_mra_relay_t  *r;

    r = ngx_stream_mra_relay_begin(client->conf->id, &client->link,
                                   client->link.connection->log);
    r->client = client;
    r->outbound = 1;
    r->last = last;

    (void) ngx_stream_mra_refusal(r, status, reason);

    if (ngx_mra_sip_parse(&r->msg, r->headers, NGX_STREAM_MRA_HEADERS, p,
                          last)
        == NGX_AGAIN
        || r->msg.status)
    {
        ngx_stream_mra_log_dropped(r, &r->reason);
        return;
    }

    ngx_stream_mra_answer(r, status);
}


static void
ngx_stream_mra_hop_message(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln, u_char *p, u_char *last)
{
    ngx_stream_mra_srv_conf_t  *mscf;

    mscf = hop->hops->data;

    ngx_stream_mra_relay_inside(mscf->id, ln, p, last);
}


static size_t
ngx_stream_mra_hop_take(ngx_stream_mra_hop_t *hop, ngx_stream_mra_link_t *ln,
    u_char *p, u_char *last)
{
    ngx_stream_mra_srv_conf_t  *mscf;

    mscf = hop->hops->data;

    return ngx_stream_mra_take_inside(mscf->id, ln, p, last);
}


static ngx_stream_mra_relay_t *
ngx_stream_mra_relay_begin(uint32_t id, ngx_stream_mra_link_t *ln,
    ngx_log_t *log)
{
    ngx_stream_mra_relay_t   *r;
    ngx_stream_mra_worker_t  *w;

    w = ngx_stream_mra_get_worker();
    r = w->relay;

    r->worker = w;
    r->log = log;
    r->id = id;
    r->link = ln;
    r->client = NULL;
    r->hop = NULL;
    r->near = NULL;
    r->pending = NULL;

    if (ln) {
        r->back = ln->flow;
    }

    r->inside.hostport.len = 0;
    r->outside.hostport.len = 0;
    r->reason.len = 0;
    r->lines.len = 0;
    r->aor.len = 0;
    r->ncontacts = 0;
    r->text_pos = r->text;

    r->outbound = 0;
    r->found = 0;
    r->remote = 0;
    r->wait = 0;
    r->star = 0;
    r->credentials = 0;

    return r;
}


static ngx_int_t
ngx_stream_mra_relay_parse(ngx_stream_mra_relay_t *r, u_char *p,
    u_char *last)
{
    r->last = last;

    if (ngx_mra_sip_parse(&r->msg, r->headers, NGX_STREAM_MRA_HEADERS, p,
                          last)
        == NGX_OK)
    {
        ngx_mra_sip_unfold(&r->msg);
        ngx_mra_sip_plan_init(&r->plan, &r->msg);
        return NGX_OK;
    }

    /* the framer has cut it, so that what follows is not lost */

    ngx_stream_mra_relay_count(r, NGX_MRA_SIP_BROKEN);

    if (r->outbound && r->msg.error != NGX_MRA_SIP_TOO_MANY_HEADERS) {
        ngx_stream_mra_fail(r->client, NGX_MRA_CATEGORY_SIP_INTRUSION);
    }

    if (r->msg.status || r->msg.nheaders == 0) {
        (void) ngx_stream_mra_refusal(r, 400, "no SIP message");
        ngx_stream_mra_log_dropped(r, &r->reason);

    } else if (r->msg.error == NGX_MRA_SIP_TOO_MANY_HEADERS) {
        ngx_stream_mra_answer(r, ngx_stream_mra_refusal(r, 513,
                                                   "Too Many Header Fields"));

    } else {
        ngx_stream_mra_answer(r, 400);
    }

    return NGX_ERROR;
}


/* what the framer would cut, and the parser finds good */

static size_t
ngx_stream_mra_relay_take(ngx_stream_mra_relay_t *r, u_char *p, u_char *last)
{
    size_t  n;

    if (ngx_mra_sip_parse(&r->msg, r->headers, NGX_STREAM_MRA_HEADERS, p,
                          last)
        != NGX_OK
        || r->msg.error || r->msg.length == -1)
    {
        return 0;
    }

    n = r->msg.head + r->msg.length;

    if (n > (size_t) (last - p) || n > r->link->max_size) {
        return 0;
    }

    r->last = p + n;

    ngx_mra_sip_unfold(&r->msg);
    ngx_mra_sip_plan_init(&r->plan, &r->msg);

    return n;
}


static ngx_int_t
ngx_stream_mra_relay_run(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_step_pt *steps)
{
    ngx_int_t  rc;

    do {
        rc = (*steps)(r);

        steps++;

    } while (rc == NGX_OK);

    if (rc == NGX_ERROR && r->msg.status == 0) {
        rc = 500;
    }

    if (rc > 0) {
        ngx_stream_mra_answer(r, rc);
    }

    return rc;
}


static ngx_int_t
ngx_stream_mra_choose_hop(ngx_stream_mra_relay_t *r)
{
    ngx_stream_mra_client_t  *client;

    client = r->client;

    ngx_stream_mra_path_read(r);

    r->hop = r->pending ? r->pending->hop : ngx_stream_mra_path_choose(r);

    if (r->hop == NULL) {
        return ngx_stream_mra_no_path(r, "no next hop is up");
    }

    r->affinity = client->trunk ? ngx_crc32_short(r->msg.call_id.data,
                                                  r->msg.call_id.len)
                                : client->link.flow.slot;

    r->near = ngx_stream_mra_hop_link(r->hop, r->affinity);
    r->wait = (r->near == NULL);

    (void) ngx_stream_mra_address_inside(&r->inside, client->conf, r->near);

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_send_inside(ngx_stream_mra_relay_t *r)
{
    ngx_int_t  n, rc;

    n = ngx_stream_mra_relay_pieces(r);
    if (n == NGX_ERROR) {
        return ngx_stream_mra_refusal(r, 513, "Message Too Complex");
    }

    if (r->msg.method != NGX_MRA_SIP_ACK) {
        rc = ngx_stream_mra_pending_add(r, r->near);

        if (rc != NGX_OK) {
            return rc == NGX_BUSY
                   ? ngx_stream_mra_no_path(r, "too many requests wait")
                   : NGX_ERROR;
        }

        if (r->wait) {
            return NGX_DONE;
        }
    }

    rc = ngx_stream_mra_hop_send(r->hop, r->affinity, r->iov, n);

    if (rc == NGX_OK) {
        ngx_stream_mra_relay_count(r, NGX_MRA_SIP_BY_METHOD + r->msg.method);
        return NGX_DONE;
    }

    if (r->pending) {
        ngx_stream_mra_pending_failed(r->pending);
        return NGX_DONE;
    }

    return ngx_stream_mra_drop(r, "next hop is down or busy");
}


static ngx_int_t
ngx_stream_mra_send_outside(ngx_stream_mra_relay_t *r)
{
    ngx_int_t               n, rc;
    ngx_stream_mra_link_t  *ln;

    n = ngx_stream_mra_relay_pieces(r);
    if (n == NGX_ERROR) {
        return r->msg.status
               ? ngx_stream_mra_drop(r, "it is too complex")
               : ngx_stream_mra_refusal(r, 513, "Message Too Complex");
    }

    ln = &r->client->link;

    rc = ngx_stream_mra_link_send(ln, r->iov, n);

    if (rc == NGX_BUSY && r->client->trunk) {
        ngx_log_error(NGX_LOG_WARN, ln->connection->log, 0,
                      "edge node does not read, %uD bytes wait",
                      ln->out_size);

        return r->msg.status ? NGX_DONE : 480;
    }

    if (rc == NGX_BUSY) {
        ngx_log_error(NGX_LOG_INFO, ln->connection->log, 0,
                      "client does not read, %uD bytes wait", ln->out_size);

        ngx_stream_mra_link_close(ln, 0);
    }

    if (rc != NGX_OK) {
        return r->msg.status ? NGX_DONE : 430;
    }

    if (r->msg.status) {
        ngx_stream_mra_relay_count(r, NGX_MRA_SIP_RESPONSES_OUT);
        ngx_stream_mra_relay_count(r, NGX_MRA_SIP_BY_STATUS
                                      + r->msg.status / 100 - 1);
        return NGX_DONE;
    }

    ngx_stream_mra_relay_count(r, NGX_MRA_SIP_REQUESTS_OUT);
    ngx_stream_mra_relay_count(r, NGX_MRA_SIP_BY_METHOD + r->msg.method);

    return NGX_DONE;
}


static ngx_int_t
ngx_stream_mra_send_back(ngx_stream_mra_relay_t *r)
{
    ngx_int_t              n, rc;
    ngx_stream_mra_hop_t  *hop;

    n = ngx_stream_mra_relay_pieces(r);
    if (n == NGX_ERROR) {
        return ngx_stream_mra_drop(r, "it is too complex");
    }

    rc = ngx_stream_mra_relay_output(r, &r->to, r->iov, n);

    /* its connection has broken, another will do: RFC 3261, 18.2.2 */

    hop = r->client ? r->client->hop : NULL;

    if (rc == NGX_DECLINED && r->client && r->client->trunk) {
        hop = ngx_stream_mra_asker_hop(r);
    }

    if (rc == NGX_DECLINED && hop) {
        rc = ngx_stream_mra_hop_send(hop, r->client->link.flow.slot, r->iov,
                                     n);
    }

    if (rc != NGX_OK) {
        return ngx_stream_mra_drop(r, "who asked is gone or busy");
    }

    ngx_stream_mra_relay_count(r, NGX_MRA_SIP_BY_STATUS
                                  + r->msg.status / 100 - 1);
    return NGX_DONE;
}


/* as the Via below ours tells */

static ngx_stream_mra_hop_t *
ngx_stream_mra_asker_hop(ngx_stream_mra_relay_t *r)
{
    ngx_str_t           via;
    ngx_mra_sip_list_t  list;

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_VIA);

    if (ngx_mra_sip_list_next(&list, &via) != NGX_OK
        || ngx_mra_sip_list_next(&list, &via) != NGX_OK)
    {
        return NULL;
    }

    return ngx_stream_mra_path_back(r->client->conf->hops, &via);
}


/* what a peer answers to what we have sent on */

static ngx_int_t
ngx_stream_mra_send_asker(ngx_stream_mra_relay_t *r)
{
    return r->client ? NGX_OK : ngx_stream_mra_send_back(r);
}


ngx_int_t
ngx_stream_mra_relay_output(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_flow_t *to, struct iovec *iov, ngx_uint_t n)
{
    ngx_stream_mra_link_t  *ln;

    if (to->worker != r->worker->self) {
        return ngx_stream_mra_remote_send(NGX_STREAM_MRA_REMOTE_OUTPUT,
                                          r->id, to, &r->back, iov, n);
    }

    ln = ngx_stream_mra_link_find(to);

    return ln ? ngx_stream_mra_link_send(ln, iov, n) : NGX_DECLINED;
}


static ngx_int_t
ngx_stream_mra_relay_pieces(ngx_stream_mra_relay_t *r)
{
    return ngx_mra_sip_plan_iovec(&r->plan,
                                  r->last - r->msg.start - r->msg.head,
                                  r->iov, NGX_MRA_SIP_PLAN_PIECES);
}


ngx_str_t
ngx_stream_mra_token(ngx_stream_mra_relay_t *r)
{
    ngx_str_t              token;
    ngx_stream_mra_flow_t  flow;

    token.len = NGX_STREAM_MRA_TOKEN_LEN;

    if (r->client->trunk) {
        ngx_stream_mra_edge_flow(r->client->trunk->edge, &flow);
        ngx_stream_mra_flow_print(r->token, &flow);
        token.data = r->token;
        return token;
    }

    /* our branch has it when the answer goes to the same flow */

    if (r->outbound) {
        token.data = r->branch + NGX_MRA_RELAY_TOKEN_OFFSET;
        return token;
    }

    ngx_stream_mra_flow_print(r->token, &r->client->link.flow);
    token.data = r->token;

    return token;
}


ngx_stream_mra_address_t *
ngx_stream_mra_inside(ngx_stream_mra_relay_t *r)
{
    if (r->client == NULL) {
        return NULL;
    }

    if (r->inside.hostport.len == 0) {
        (void) ngx_stream_mra_address_inside(&r->inside, r->client->conf,
                                             r->near);
    }

    return &r->inside;
}


ngx_stream_mra_address_t *
ngx_stream_mra_outside(ngx_stream_mra_relay_t *r)
{
    if (r->client == NULL) {
        return NULL;
    }

    if (r->outside.hostport.len == 0) {
        ngx_stream_mra_address_outside(&r->outside, r->client->conf,
                                       &r->client->link);
    }

    return &r->outside;
}


static void
ngx_stream_mra_relay_count(ngx_stream_mra_relay_t *r,
    ngx_mra_counter_e counter)
{
    ngx_mra_count(r->worker->mcf, counter, 1);
}
