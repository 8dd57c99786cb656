
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_mra_span.h"
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_edge.h"
#include "ngx_stream_mra_path.h"
#include "ngx_stream_mra_follow.h"


#define ngx_stream_mra_span(s, text)                                         \
    (s).len = sizeof(text) - 1; (s).data = (u_char *) text


static ngx_uint_t ngx_stream_mra_own_flow(ngx_stream_mra_relay_t *r,
    u_char *p, size_t len, ngx_stream_mra_flow_t *flow);
static ngx_uint_t ngx_stream_mra_own_host(ngx_stream_mra_address_t *addr,
    ngx_str_t *host);
static ngx_str_t *ngx_stream_mra_record_route(ngx_str_t *user,
    ngx_stream_mra_address_t *addr, ngx_str_t *spans);
static ngx_int_t ngx_stream_mra_edit_received(ngx_stream_mra_relay_t *r);


u_char *
ngx_stream_mra_text(ngx_stream_mra_relay_t *r, size_t len)
{
    u_char  *p;

    if ((size_t) (r->text_end - r->text_pos) < len) {
        return NULL;
    }

    p = r->text_pos;
    r->text_pos += len;

    return p;
}


/* RFC 3261, 16.6, step 3 */

ngx_int_t
ngx_stream_mra_edit_forwards(ngx_stream_mra_relay_t *r)
{
    ngx_uint_t  n;

    n = r->msg.first[NGX_MRA_SIP_MAX_FORWARDS_HEADER]
        ? r->msg.max_forwards - 1 : NGX_MRA_SIP_MAX_FORWARDS;

    return ngx_mra_sip_plan_number(&r->plan, NGX_MRA_SIP_MAX_FORWARDS_HEADER,
                                   n);
}


/*
 * Our own Routes go; others stay, but they do not decide where a request of
 * a client goes.
 */

ngx_int_t
ngx_stream_mra_edit_routes(ngx_stream_mra_relay_t *r)
{
    ngx_str_t              value;
    ngx_uint_t             n;
    ngx_mra_sip_list_t     list;
    ngx_stream_mra_flow_t  flow;

    if (r->outbound && ngx_stream_mra_path_tell(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->msg.first[NGX_MRA_SIP_ROUTE] == 0) {
        return NGX_OK;
    }

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_ROUTE);

    n = 0;

    while (ngx_mra_sip_list_next(&list, &value) == NGX_OK
           && ngx_stream_mra_own_route(r, &value, &flow) != NGX_ERROR)
    {
        n++;
    }

    return n ? ngx_mra_sip_plan_pop(&r->plan, NGX_MRA_SIP_ROUTE, n) : NGX_OK;
}


ngx_int_t
ngx_stream_mra_own_route(ngx_stream_mra_relay_t *r, ngx_str_t *value,
    ngx_stream_mra_flow_t *flow)
{
    u_char              *p;
    size_t               len;
    uint32_t             ids[2];
    ngx_mra_sip_uri_t    uri;
    ngx_mra_sip_addr_t   addr;

    /* as we write it */

    p = value->data + sizeof("<sip:") - 1;

    if (value->len > sizeof("<sip:@") - 1 + NGX_STREAM_MRA_USER_LEN
        && ngx_memcmp(value->data, "<sip:", sizeof("<sip:") - 1) == 0)
    {
        len = (p[NGX_STREAM_MRA_TOKEN_LEN] == '@') ? NGX_STREAM_MRA_TOKEN_LEN
                                                   : NGX_STREAM_MRA_USER_LEN;

        if (p[len] == '@' && ngx_stream_mra_own_flow(r, p, len, flow)) {
            return NGX_OK;
        }
    }

    if (ngx_mra_sip_parse_addr(value, &addr) != NGX_OK
        || ngx_mra_sip_parse_uri(&addr.uri, &uri) != NGX_OK
        || (uri.scheme != NGX_MRA_SIP_SIP && uri.scheme != NGX_MRA_SIP_SIPS))
    {
        return NGX_ERROR;
    }

    if (uri.user.data
        && ngx_stream_mra_own_flow(r, uri.user.data, uri.user.len, flow))
    {
        return NGX_OK;
    }

    /* an edge node knows us by whatever name it likes */

    if (r->outbound && r->client->trunk && uri.user.data
        && ngx_stream_mra_path_parse(&uri.user, ids))
    {
        return NGX_DECLINED;
    }

    if (ngx_stream_mra_own_host(ngx_stream_mra_outside(r), &uri.hostport)
        || ngx_stream_mra_own_host(ngx_stream_mra_inside(r), &uri.hostport))
    {
        return NGX_DECLINED;
    }

    return NGX_ERROR;
}


/*
 * What another node wrote is as good as ours, if it names this very client,
 * or an edge node, and whoever wrote it has our secret.
 */

static ngx_uint_t
ngx_stream_mra_own_flow(ngx_stream_mra_relay_t *r, u_char *p, size_t len,
    ngx_stream_mra_flow_t *flow)
{
    ngx_int_t   rc;
    ngx_uint_t  bound;

    bound = (len == NGX_STREAM_MRA_USER_LEN
             && p[NGX_STREAM_MRA_TOKEN_LEN] == '.');

    rc = ngx_stream_mra_flow_parse(flow, p, bound ? NGX_STREAM_MRA_TOKEN_LEN
                                                  : len);

    if (rc != NGX_DECLINED) {
        return rc == NGX_OK;
    }

    if (bound) {
        p += NGX_STREAM_MRA_TOKEN_LEN + 1;
        return ngx_stream_mra_follow_is_own(r, p);
    }

    return ngx_stream_mra_edge_is_signed(r->id, flow);
}


static ngx_uint_t
ngx_stream_mra_own_host(ngx_stream_mra_address_t *addr, ngx_str_t *host)
{
    return addr && ngx_mra_span_case_eq(host, addr->hostport.data,
                                        addr->hostport.len);
}


/*
 * Two for each dialog, because the address changes between the sides
 * (RFC 5658): the topmost is that of the side where the request goes.
 */

ngx_int_t
ngx_stream_mra_edit_record_route(ngx_stream_mra_relay_t *r)
{
    ngx_str_t                  spans[16], user, *p;
    ngx_stream_mra_address_t  *inside, *outside;

    if (!ngx_mra_relay_forms_dialog(&r->msg)) {
        return NGX_OK;
    }

    inside = ngx_stream_mra_inside(r);
    outside = ngx_stream_mra_outside(r);

    user = ngx_stream_mra_follow_user(r, NULL);

    p = ngx_stream_mra_record_route(&user, r->outbound ? inside : outside,
                                    spans);
    p = ngx_stream_mra_record_route(&user, r->outbound ? outside : inside, p);

    return ngx_mra_sip_plan_insert(&r->plan, NGX_MRA_SIP_RECORD_ROUTE, spans,
                                   p - spans);
}


static ngx_str_t *
ngx_stream_mra_record_route(ngx_str_t *user, ngx_stream_mra_address_t *addr,
    ngx_str_t *spans)
{
    ngx_stream_mra_span(spans[0], "Record-Route: <sip:");

    spans[1] = *user;

    ngx_stream_mra_span(spans[2], "@");

    spans[3] = addr->hostport;

    if (addr->tls) {
        ngx_stream_mra_span(spans[4], ";transport=tls;lr>" CRLF);

    } else {
        ngx_stream_mra_span(spans[4], ";transport=tcp;lr>" CRLF);
    }

    return &spans[5];
}


/* a contact that was hidden in REGISTER is what the client knows itself by */

ngx_int_t
ngx_stream_mra_edit_target(ngx_stream_mra_relay_t *r)
{
    u_char     id[NGX_MRA_RELAY_ID_LEN];
    size_t     len;
    ngx_str_t  target;

    target.data = ngx_stream_mra_text(r, r->msg.uri.len);
    if (target.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_mra_relay_restore_contact(&r->msg.ruri, id, target.data, &len)
        != NGX_OK)
    {
        return NGX_OK;
    }

    target.len = len;

    return ngx_mra_sip_plan_replace(&r->plan, &r->msg.uri, &target, 1);
}


ngx_int_t
ngx_stream_mra_edit_via(ngx_stream_mra_relay_t *r)
{
    ngx_str_t                  spans[5];
    ngx_stream_mra_address_t  *addr;

    if (r->outbound && ngx_stream_mra_edit_received(r) != NGX_OK) {
        return NGX_ERROR;
    }

    addr = r->outbound ? ngx_stream_mra_inside(r) : ngx_stream_mra_outside(r);

    if (addr->tls) {
        ngx_stream_mra_span(spans[0], "Via: SIP/2.0/TLS ");

    } else {
        ngx_stream_mra_span(spans[0], "Via: SIP/2.0/TCP ");
    }

    spans[1] = addr->hostport;

    ngx_stream_mra_span(spans[2], ";branch=");

    spans[3].data = r->branch;
    spans[3].len = NGX_MRA_RELAY_BRANCH_LEN;

    /* RFC 5923: what goes back to this address may use this connection */

    if (r->outbound) {
        ngx_stream_mra_span(spans[4], ";alias" CRLF);

    } else {
        ngx_stream_mra_span(spans[4], CRLF);
    }

    /* above whatever somebody else may take for a Via */

    return ngx_mra_sip_plan_insert(&r->plan, 0, spans, 5);
}


static ngx_int_t
ngx_stream_mra_edit_received(ngx_stream_mra_relay_t *r)
{
    ngx_str_t  received, rport;

    ngx_stream_mra_source(r, &received, &rport);

    if (received.len == 0) {
        return NGX_OK;
    }

    return ngx_mra_sip_plan_received(&r->plan, &received, &rport);
}


void
ngx_stream_mra_source(ngx_stream_mra_relay_t *r, ngx_str_t *received,
    ngx_str_t *rport)
{
    in_port_t          port;
    ngx_connection_t  *c;

    received->len = 0;
    rport->len = 0;

    c = r->client->link.connection;
    port = ngx_inet_get_port(c->sockaddr);

    if (port == 0) {
        return;
    }

    *received = c->addr_text;

    rport->data = r->port;
    rport->len = ngx_sprintf(r->port, "%ui", (ngx_uint_t) port) - r->port;
}


ngx_int_t
ngx_stream_mra_pop_via(ngx_stream_mra_relay_t *r)
{
    ngx_str_t           value;
    ngx_mra_sip_list_t  list;

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_VIA);

    if (r->msg.first[NGX_MRA_SIP_VIA] == r->msg.last[NGX_MRA_SIP_VIA]
        && (ngx_mra_sip_list_next(&list, &value) != NGX_OK
            || ngx_mra_sip_list_next(&list, &value) != NGX_OK))
    {
        return ngx_stream_mra_drop(r, "there is no further Via");
    }

    return ngx_mra_sip_plan_pop(&r->plan, NGX_MRA_SIP_VIA, 1);
}
