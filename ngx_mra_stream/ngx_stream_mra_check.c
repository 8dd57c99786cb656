
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_mra_span.h"
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_address.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_pending.h"
#include "ngx_stream_mra_protect.h"
#include "ngx_stream_mra_binding.h"
#include "ngx_stream_mra_dialog.h"


static ngx_int_t ngx_stream_mra_check_dialog(ngx_mra_sip_msg_t *msg);
static ngx_uint_t ngx_stream_mra_for_us(ngx_stream_mra_relay_t *r);
static ngx_uint_t ngx_stream_mra_served(ngx_stream_mra_relay_t *r,
    ngx_str_t *uri);


ngx_int_t
ngx_stream_mra_check_request(ngx_stream_mra_relay_t *r)
{
    ngx_uint_t  status;

    status = ngx_mra_sip_check_request(&r->msg, &r->reason);

    if (status) {
        ngx_mra_count(r->worker->mcf, NGX_MRA_SIP_BROKEN, 1);

        if (status == 400 && r->pending == NULL) {
            ngx_stream_mra_fail(r->client, NGX_MRA_CATEGORY_SIP_INTRUSION);
        }

        return status;
    }

    /* nobody may have the connection closed that others use as well */

    if (r->msg.fragile) {
        return ngx_stream_mra_refusal(r, 400, "Header Not Understood");
    }

    return NGX_OK;
}


ngx_int_t
ngx_stream_mra_check_response(ngx_stream_mra_relay_t *r)
{
    ngx_str_t  reason;

    if (ngx_mra_sip_check_response(&r->msg, &reason) != NGX_OK) {
        ngx_mra_count(r->worker->mcf, NGX_MRA_SIP_BROKEN, 1);
        ngx_stream_mra_log_dropped(r, &reason);
        ngx_stream_mra_fail(r->client, NGX_MRA_CATEGORY_SIP_INTRUSION);
        return NGX_DONE;
    }

    if (r->msg.fragile) {
        ngx_str_set(&reason, "a header is not understood");
        ngx_stream_mra_log_dropped(r, &reason);
        return NGX_DONE;
    }

    return NGX_OK;
}


/*
 * Of what comes from inside only that is looked at which is needed here: a
 * server has made it.
 */

ngx_int_t
ngx_stream_mra_check_inside(ngx_stream_mra_relay_t *r)
{
    uint32_t               n;
    ngx_str_t              value;
    ngx_mra_sip_msg_t     *msg;
    ngx_mra_sip_list_t     list;
    ngx_mra_sip_header_t  *h;

    msg = &r->msg;

    if (ngx_stream_mra_check_dialog(msg) != NGX_OK
        || ngx_mra_sip_parse_uri(&msg->uri, &msg->ruri) != NGX_OK)
    {
        goto broken;
    }

    ngx_mra_sip_list_init(&list, msg, NGX_MRA_SIP_VIA);

    if (ngx_mra_sip_list_next(&list, &value) != NGX_OK
        || ngx_mra_sip_parse_via(&value, &msg->via) != NGX_OK)
    {
        goto broken;
    }

    msg->max_forwards = NGX_MRA_SIP_MAX_FORWARDS;

    h = ngx_mra_sip_first(msg, NGX_MRA_SIP_MAX_FORWARDS_HEADER);

    if (h) {
        if (ngx_mra_span_number(&h->value, 255, &n) == NGX_ERROR) {
            goto broken;
        }

        msg->max_forwards = n;
    }

    return NGX_OK;

broken:

    ngx_mra_count(r->worker->mcf, NGX_MRA_SIP_BROKEN, 1);

    return 400;
}


ngx_int_t
ngx_stream_mra_check_answer(ngx_stream_mra_relay_t *r)
{
    if (r->msg.first[NGX_MRA_SIP_VIA] && r->msg.status < 700
        && ngx_stream_mra_check_dialog(&r->msg) == NGX_OK)
    {
        return NGX_OK;
    }

    ngx_mra_count(r->worker->mcf, NGX_MRA_SIP_BROKEN, 1);

    return ngx_stream_mra_drop(r, "it is broken");
}


static ngx_int_t
ngx_stream_mra_check_dialog(ngx_mra_sip_msg_t *msg)
{
    ngx_mra_sip_header_t  *cseq, *from, *to, *call_id;

    cseq = ngx_mra_sip_first(msg, NGX_MRA_SIP_CSEQ);
    from = ngx_mra_sip_first(msg, NGX_MRA_SIP_FROM);
    to = ngx_mra_sip_first(msg, NGX_MRA_SIP_TO);
    call_id = ngx_mra_sip_first(msg, NGX_MRA_SIP_CALL_ID);

    if (msg->error
        || cseq == NULL || from == NULL || to == NULL || call_id == NULL
        || ngx_mra_sip_parse_cseq(&cseq->value, &msg->cseq) != NGX_OK)
    {
        return NGX_ERROR;
    }

    msg->call_id = call_id->value;

    /* of answers only those to INVITE are looked at again */

    if (msg->status && msg->cseq.method != NGX_MRA_SIP_INVITE) {
        return NGX_OK;
    }

    if (ngx_mra_sip_parse_addr(&from->value, &msg->from) != NGX_OK
        || ngx_mra_sip_parse_addr(&to->value, &msg->to) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* RFC 3261, 16.3, step 3 and 11 */

ngx_int_t
ngx_stream_mra_check_forwards(ngx_stream_mra_relay_t *r)
{
    if (r->msg.method == NGX_MRA_SIP_OPTIONS
        && (r->msg.max_forwards == 0 || ngx_stream_mra_for_us(r)))
    {
        return ngx_stream_mra_options(r);
    }

    if (r->msg.max_forwards == 0) {
        return 483;
    }

    return NGX_OK;
}


/* a client asks the server that it is connected to */

static ngx_uint_t
ngx_stream_mra_for_us(ngx_stream_mra_relay_t *r)
{
    ngx_str_t  *ours, *asked;

    if (!r->outbound || r->msg.ruri.user.data) {
        return 0;
    }

    ours = &ngx_stream_mra_outside(r)->hostport;
    asked = &r->msg.ruri.hostport;

    return ngx_mra_span_case_eq(ours, asked->data, asked->len);
}


/*
 * A request that passes us twice on its way is legal, one that comes back as
 * it was is not: RFC 3261, 16.3, step 4; RFC 5393, 4.2.
 */

ngx_int_t
ngx_stream_mra_check_loop(ngx_stream_mra_relay_t *r)
{
    u_char                  buf[NGX_STREAM_MRA_TOKEN_LEN];
    ngx_str_t               via, token, branch;
    ngx_mra_sip_header_t   *h;
    ngx_stream_mra_flow_t   flow;
    ngx_mra_relay_branch_t  ours, theirs;

    ngx_stream_mra_flow_print(buf, &r->back);

    token.data = buf;
    token.len = NGX_STREAM_MRA_TOKEN_LEN;

    branch.data = r->branch;
    branch.len = NGX_MRA_RELAY_BRANCH_LEN;

    ngx_mra_relay_build_branch(r->branch, &token, r->worker->key, &r->msg,
                               ngx_stream_mra_attempt(r));

    (void) ngx_mra_relay_parse_branch(&branch, &ours);

    h = ngx_mra_sip_first(&r->msg, NGX_MRA_SIP_VIA);

    for ( /* void */ ; h; h = ngx_mra_sip_next(&r->msg, h)) {
        via = h->value;

        while (ngx_mra_relay_find_branch(&via, &theirs) == NGX_OK) {

            if (ngx_memcmp(ours.loop, theirs.loop, NGX_MRA_RELAY_HASH_LEN)
                == 0
                && ngx_stream_mra_flow_parse(&flow, theirs.token.data,
                                             theirs.token.len)
                   == NGX_OK)
            {
                return 482;
            }
        }
    }

    return NGX_OK;
}


/* there is no option that a proxy must know and we do: RFC 3261, 16.3 */

ngx_int_t
ngx_stream_mra_check_extensions(ngx_stream_mra_relay_t *r)
{
    u_char              *p;
    ngx_str_t            value;
    ngx_mra_sip_list_t   list;

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_PROXY_REQUIRE);

    while (ngx_mra_sip_list_next(&list, &value) == NGX_OK) {

        p = ngx_stream_mra_text(r, sizeof("Unsupported: " CRLF) - 1
                                   + value.len);
        if (p == NULL) {
            return 500;
        }

        if (r->lines.len == 0) {
            r->lines.data = p;
        }

        p = ngx_cpymem(p, "Unsupported: ", sizeof("Unsupported: ") - 1);
        p = ngx_cpymem(p, value.data, value.len);
        *p++ = CR;
        *p++ = LF;

        r->lines.len = p - r->lines.data;
    }

    return r->lines.len ? 420 : NGX_OK;
}


/*
 * Later requests of a dialog use the addresses that the dialog has: of one
 * that we have seen begin.  REGISTER is in none, whatever its To says.
 */

ngx_int_t
ngx_stream_mra_check_domain(ngx_stream_mra_relay_t *r)
{
    ngx_uint_t  served;

    if (r->client->conf->domains == NULL
        || (r->client->trunk && r->msg.to.tag.len))
    {
        return NGX_OK;
    }

    served = ngx_stream_mra_served(r, &r->msg.from.uri);

    if (r->msg.method == NGX_MRA_SIP_REGISTER) {
        served = served && ngx_stream_mra_served(r, &r->msg.to.uri)
                 && ngx_stream_mra_served(r, &r->msg.uri);

    } else if (!served && r->msg.to.tag.len) {
        served = ngx_stream_mra_dialog_known(r);
    }

    if (!served) {
        ngx_stream_mra_fail(r->client,
                            r->msg.method == NGX_MRA_SIP_REGISTER
                            ? NGX_MRA_CATEGORY_SIP_REGISTRATION
                            : NGX_MRA_CATEGORY_SIP_INTRUSION);

        return ngx_stream_mra_refusal(r, 403, "Domain Not Served");
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_stream_mra_served(ngx_stream_mra_relay_t *r, ngx_str_t *s)
{
    ngx_str_t          *domain;
    ngx_uint_t          i;
    ngx_mra_sip_uri_t   uri;

    if (ngx_mra_sip_parse_uri(s, &uri) != NGX_OK) {
        return 0;
    }

    if (uri.scheme != NGX_MRA_SIP_SIP && uri.scheme != NGX_MRA_SIP_SIPS) {
        return uri.scheme == NGX_MRA_SIP_TEL
               && r->msg.method != NGX_MRA_SIP_REGISTER;
    }

    /* RFC 3323, 4.1.1.3: who wants to stay unknown, once registered */

    if (ngx_mra_span_case_is(&uri.host, "anonymous.invalid")) {
        return r->msg.method != NGX_MRA_SIP_REGISTER;
    }

    domain = r->client->conf->domains->elts;

    for (i = 0; i < r->client->conf->domains->nelts; i++) {
        if (ngx_mra_span_case_eq(&uri.host, domain[i].data, domain[i].len)) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_stream_mra_check_registered(ngx_stream_mra_relay_t *r)
{
    if (r->client->trunk
        || r->msg.method == NGX_MRA_SIP_REGISTER
        || r->msg.method == NGX_MRA_SIP_OPTIONS
        || ngx_stream_mra_bindings_live(r->client)
        || ngx_stream_mra_dialog_known(r))
    {
        return NGX_OK;
    }

    ngx_stream_mra_fail(r->client, NGX_MRA_CATEGORY_SIP_INTRUSION);

    return ngx_stream_mra_refusal(r, 403, "Not Registered");
}
