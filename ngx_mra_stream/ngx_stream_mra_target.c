
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_protect.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_binding.h"
#include "ngx_stream_mra_remote.h"
#include "ngx_stream_mra_peer.h"
#include "ngx_stream_mra_edge.h"
#include "ngx_stream_mra_path.h"
#include "ngx_stream_mra_follow.h"


static ngx_int_t ngx_stream_mra_locate(ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_peer_route(ngx_str_t *value, u_char *tag);
static ngx_int_t ngx_stream_mra_reach(ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_hand_over(ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_answered_flow(ngx_stream_mra_relay_t *r);


ngx_int_t
ngx_stream_mra_find_flow(ngx_stream_mra_relay_t *r)
{
    ngx_int_t  rc;

    if (!r->found) {
        rc = ngx_stream_mra_locate(r);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_stream_mra_reach(r);

    if (rc == NGX_DECLINED) {
        rc = ngx_stream_mra_follow(r);
        rc = (rc == NGX_OK) ? ngx_stream_mra_reach(r) : rc;
    }

    if (rc == NGX_DECLINED || (rc == NGX_OK && r->client == NULL)) {
        return 430;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    r->near = r->link;

    if (r->client->trunk) {
        r->near = (r->near && !ngx_stream_mra_accept_of(r->near))
                  ? r->near
                  : ngx_stream_mra_path_any(r->client->conf->hops);

    } else if (r->near == NULL || ngx_stream_mra_accept_of(r->near)) {
        r->near = r->client->hop
                  ? ngx_stream_mra_hop_link(r->client->hop,
                                            r->client->link.flow.slot)
                  : NULL;
    }

    return NGX_OK;
}


/* by the flow token in the topmost Route, or by the binding in the URI */

static ngx_int_t
ngx_stream_mra_locate(ngx_stream_mra_relay_t *r)
{
    u_char               id[NGX_MRA_RELAY_ID_LEN],
                         tag[NGX_STREAM_MRA_TAG_LEN], *buf;
    size_t               len;
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_mra_sip_list_t   list;

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_ROUTE);

    if (ngx_mra_sip_list_next(&list, &value) == NGX_OK) {

        if (ngx_stream_mra_own_route(r, &value, &r->to) == NGX_OK) {
            if (r->to.worker == 0) {
                (void) ngx_stream_mra_follow_edge(r);
            }

            return NGX_OK;
        }

        /* a client of a peer may be ours by now */

        if (ngx_stream_mra_follow_id(&value, id) == NGX_OK
            && ngx_stream_mra_binding_find(r, id, 0) == NGX_OK)
        {
            return NGX_OK;
        }

        if (ngx_stream_mra_peer_route(&value, tag) == NGX_OK) {
            return ngx_stream_mra_passed(r, tag)
                   ? ngx_stream_mra_send_next_peer(r)
                   : ngx_stream_mra_send_peer(r, tag);
        }
    }

    buf = ngx_stream_mra_text(r, r->msg.uri.len);
    if (buf == NULL) {
        return 500;
    }

    if (ngx_mra_relay_restore_contact(&r->msg.ruri, id, buf, &len)
        != NGX_OK)
    {
        if (r->msg.method == NGX_MRA_SIP_OPTIONS) {
            return ngx_stream_mra_options(r);
        }

        return 404;
    }

    if (ngx_stream_mra_edge_known(r->id, id + NGX_STREAM_MRA_TAG_LEN,
                                  &r->to))
    {
        return NGX_OK;
    }

    rc = ngx_stream_mra_binding_find(r, id, 0);

    switch (rc) {

    case NGX_OK:
        return NGX_OK;

    case NGX_AGAIN:
        return NGX_DONE;

    case NGX_DECLINED:
        return ngx_memcmp(id, r->worker->tag, NGX_STREAM_MRA_TAG_LEN) == 0
               ? 430 : ngx_stream_mra_send_peer(r, id);

    default:
        return 500;
    }
}


/* the node that wrote a Route with a flow token which is none of ours */

static ngx_int_t
ngx_stream_mra_peer_route(ngx_str_t *value, u_char *tag)
{
    u_char               raw[NGX_STREAM_MRA_FLOW_LEN];
    ngx_mra_sip_uri_t    uri;
    ngx_mra_sip_addr_t   addr;

    if (ngx_mra_sip_parse_addr(value, &addr) != NGX_OK
        || ngx_mra_sip_parse_uri(&addr.uri, &uri) != NGX_OK
        || (uri.user.len != NGX_STREAM_MRA_TOKEN_LEN
            && uri.user.len != NGX_STREAM_MRA_USER_LEN)
        || ngx_mra_relay_decode(raw, uri.user.data, NGX_STREAM_MRA_TOKEN_LEN)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(tag, raw, NGX_STREAM_MRA_TAG_LEN);

    return NGX_OK;
}


/*
 * Whose link r->to is: a client of this upstream, or r->client is NULL and
 * it leads inside.  NGX_DECLINED: it is gone
 */

static ngx_int_t
ngx_stream_mra_reach(ngx_stream_mra_relay_t *r)
{
    ngx_stream_mra_link_t  *ln;

    if (r->to.worker && r->to.worker != r->worker->self && !r->remote) {
        return ngx_stream_mra_hand_over(r);
    }

    ln = ngx_stream_mra_link_find(&r->to);

    if (ln == NULL) {
        return ngx_stream_mra_edge_reach(r);
    }

    r->client = ngx_stream_mra_client_of(ln);

    if (r->client && r->client->conf->id != r->id) {
        r->client = NULL;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_hand_over(ngx_stream_mra_relay_t *r)
{
    ngx_int_t     rc;
    struct iovec  iov;

    iov.iov_base = r->msg.start;
    iov.iov_len = r->last - r->msg.start;

    rc = ngx_stream_mra_remote_send(r->msg.status
                                    ? NGX_STREAM_MRA_REMOTE_RESPONSE
                                    : NGX_STREAM_MRA_REMOTE_REQUEST,
                                    r->id, &r->to, &r->back, &iov, 1);

    if (rc == NGX_OK) {
        return NGX_DONE;
    }

    if (rc == NGX_DECLINED) {
        return ngx_stream_mra_edge_reach(r);
    }

    if (r->msg.status) {
        return ngx_stream_mra_drop(r, "its worker is gone or busy");
    }

    return ngx_stream_mra_no_path(r, "worker is busy");
}


/* without a client: it was asked from inside, and sent on to a peer */

ngx_int_t
ngx_stream_mra_find_client(ngx_stream_mra_relay_t *r)
{
    ngx_int_t  rc;

    rc = ngx_stream_mra_answered_flow(r);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_stream_mra_reach(r);

    return rc == NGX_DECLINED ? ngx_stream_mra_drop(r, "the client is gone")
                              : rc;
}


ngx_int_t
ngx_stream_mra_find_asker(ngx_stream_mra_relay_t *r)
{
    ngx_stream_mra_link_t  *ln;

    if (ngx_stream_mra_answered_flow(r) != NGX_OK) {
        ngx_stream_mra_fail(r->client, NGX_MRA_CATEGORY_SIP_INTRUSION);
        return NGX_DONE;
    }

    if (r->to.worker != r->worker->self) {
        return NGX_OK;
    }

    /* clients see each other's tokens, but answer only what came to them */

    ln = ngx_stream_mra_link_find(&r->to);

    if (ln && ngx_stream_mra_client_of(ln)) {
        ngx_stream_mra_fail(r->client, NGX_MRA_CATEGORY_SIP_INTRUSION);
        return ngx_stream_mra_drop(r, "who asked is a client");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_mra_answered_flow(ngx_stream_mra_relay_t *r)
{
    u_char     *p;
    ngx_str_t   via;

    via = ngx_mra_sip_first(&r->msg, NGX_MRA_SIP_VIA)->value;

    p = memchr(via.data, ',', via.len);

    if (p) {
        via.len = p - via.data;
    }

    if (ngx_mra_relay_find_branch(&via, &r->answered) != NGX_OK
        || ngx_stream_mra_flow_parse(&r->to, r->answered.token.data,
                                     r->answered.token.len)
           != NGX_OK)
    {
        ngx_mra_count(r->worker->mcf, NGX_MRA_SIP_REFUSED, 1);
        return ngx_stream_mra_drop(r, "its topmost Via is not ours");
    }

    return NGX_OK;
}
