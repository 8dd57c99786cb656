
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_mra_span.h"
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_pending.h"
#include "ngx_stream_mra_dialog.h"
#include "ngx_stream_mra_path.h"


#define NGX_STREAM_MRA_PATH_LEN    (sizeof("p-01234567.01234567") - 1)

#define ngx_stream_mra_path_is_up(hop)                                       \
    (!(hop)->retired && ngx_stream_mra_hop_is_up(hop))


static ngx_uint_t ngx_stream_mra_path_value(ngx_str_t *value, uint32_t *ids);
static ngx_stream_mra_hop_t *ngx_stream_mra_path_register(
    ngx_stream_mra_client_t *client, ngx_stream_mra_hop_t *wish);
static ngx_stream_mra_hop_t *ngx_stream_mra_path_balance(
    ngx_stream_mra_client_t *client, ngx_stream_mra_hop_t *hop);
static ngx_stream_mra_hop_t *ngx_stream_mra_path_trunk(
    ngx_stream_mra_relay_t *r, ngx_stream_mra_hop_t *wish);
static ngx_int_t ngx_stream_mra_path_told(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p, ngx_str_t *uri);
static u_char *ngx_stream_mra_path_print(u_char *dst, uint32_t id);


ngx_uint_t
ngx_stream_mra_path_parse(ngx_str_t *user, uint32_t *ids)
{
    u_char      *p, *last;
    ngx_int_t    n;
    ngx_uint_t   i;

    p = user->data;
    last = ngx_mra_span_end(user);

    if (user->len < 10 || p[0] != 'p' || p[1] != '-') {
        return 0;
    }

    p += 2;

    for (i = 0; i < 2; /* void */) {

        n = (last - p < 8) ? NGX_ERROR : ngx_hextoi(p, 8);
        if (n == NGX_ERROR) {
            return 0;
        }

        ids[i++] = (uint32_t) n;
        p += 8;

        if (p == last) {
            return i;
        }

        if (*p++ != '.') {
            return 0;
        }
    }

    return 0;
}


/* as we write it, and whoever was told it has to repeat it */

static ngx_uint_t
ngx_stream_mra_path_value(ngx_str_t *value, uint32_t *ids)
{
    u_char     *p;
    ngx_str_t   user;

    if (value->len < sizeof("<sip:p-01234567@") - 1
        || ngx_memcmp(value->data, "<sip:p-", sizeof("<sip:p-") - 1) != 0)
    {
        return 0;
    }

    user.data = value->data + sizeof("<sip:") - 1;

    p = ngx_strlchr(user.data, ngx_mra_span_end(value), '@');
    if (p == NULL) {
        return 0;
    }

    user.len = p - user.data;

    return ngx_stream_mra_path_parse(&user, ids);
}


void
ngx_stream_mra_path_read(ngx_stream_mra_relay_t *r)
{
    uint32_t               ids[2];
    ngx_str_t              value;
    ngx_uint_t             n;
    ngx_mra_sip_list_t     list;
    ngx_stream_mra_flow_t  flow;

    r->wish = 0;
    r->behind = r->client->path;

    if (r->msg.first[NGX_MRA_SIP_ROUTE] == 0) {
        return;
    }

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_ROUTE);

    if (ngx_mra_sip_list_next(&list, &value) != NGX_OK) {
        return;
    }

    n = ngx_stream_mra_path_value(&value, ids);

    /* what is not for us decides nothing */

    if (n == 0 || ngx_stream_mra_own_route(r, &value, &flow) != NGX_DECLINED)
    {
        return;
    }

    r->wish = ids[0];

    if (n == 2 && !r->client->trunk) {
        r->behind = ids[1];
    }
}


ngx_stream_mra_hop_t *
ngx_stream_mra_path_choose(ngx_stream_mra_relay_t *r)
{
    ngx_mra_hash_t            hash;
    ngx_stream_mra_hop_t     *hop, *other;
    ngx_stream_mra_client_t  *client;

    client = r->client;

    hop = r->wish ? ngx_stream_mra_hop_by_id(client->conf->hops, r->wish)
                  : NULL;

    if (client->trunk) {
        return ngx_stream_mra_path_trunk(r, hop);
    }

    if (r->msg.method == NGX_MRA_SIP_CANCEL) {
        other = ngx_stream_mra_pending_cancelled(r);

        if (other) {
            return other;
        }
    }

    if (hop && !ngx_stream_mra_path_is_up(hop)) {
        hop = NULL;
    }

    if (r->msg.method == NGX_MRA_SIP_REGISTER) {
        hop = ngx_stream_mra_path_register(client, hop);

        if (hop && hop != client->hop) {
            ngx_stream_mra_client_use(client, hop);
        }

        return ngx_stream_mra_client_choose(client);
    }

    if (hop == NULL || client->hop == NULL) {
        hop = ngx_stream_mra_client_choose(client);
    }

    /* nothing new is begun at one in maintenance */

    if (hop && r->msg.to.tag.len == 0 && ngx_stream_mra_hop_is_draining(hop)
        && ngx_stream_mra_hop_has_other(hop))
    {
        ngx_mra_hash_init(&hash, r->worker->key);
        ngx_mra_hash_add_span(&hash, &r->msg.call_id);

        return ngx_stream_mra_hop_keep(client->conf->hops,
                                       ngx_mra_hash_end(&hash));
    }

    return hop;
}


/*
 * Only where it registers does a client settle, and it leaves a hop that is
 * in maintenance, unless a call goes by it or all others are down.  NULL: it
 * may stay where it is.
 */

static ngx_stream_mra_hop_t *
ngx_stream_mra_path_register(ngx_stream_mra_client_t *client,
    ngx_stream_mra_hop_t *wish)
{
    ngx_stream_mra_hop_t  *hop, *other;

    hop = wish ? wish : client->hop;

    if (hop == NULL || !ngx_stream_mra_dialogs_idle(client)) {
        return wish;
    }

    if (!ngx_stream_mra_hop_is_draining(hop)) {
        other = ngx_stream_mra_path_balance(client, hop);

        return other ? other : wish;
    }

    other = ngx_stream_mra_hop_choose(client->conf->hops,
                                      (uint64_t) 1 << hop->index);

    if (other == NULL || ngx_stream_mra_hop_is_draining(other)) {
        return wish;
    }

    ngx_log_error(NGX_LOG_INFO, client->link.connection->log, 0,
                  "client leaves next hop \"%V\" in maintenance for \"%V\"",
                  &hop->name, &other->name);

    return other;
}


/* only phones that are told where they are, NULL: it stays */

static ngx_stream_mra_hop_t *
ngx_stream_mra_path_balance(ngx_stream_mra_client_t *client,
    ngx_stream_mra_hop_t *hop)
{
    ngx_stream_mra_hop_t  *other;

    if (!client->adaptive || !ngx_stream_mra_path_is_up(hop)) {
        return NULL;
    }

    other = ngx_stream_mra_hop_balance(hop, client->moved);
    if (other == NULL) {
        return NULL;
    }

    /* one that has just come is where its wish says */

    if (client->hop == NULL) {
        ngx_stream_mra_client_use(client, hop);
    }

    client->moved = ngx_max(ngx_current_msec / 1000, 1);

    ngx_log_error(NGX_LOG_INFO, client->link.connection->log, 0,
                  "client leaves crowded next hop \"%V\" for \"%V\"",
                  &hop->name, &other->name);

    return other;
}


/* a trunk carries many clients: there is no hop for all of them */

static ngx_stream_mra_hop_t *
ngx_stream_mra_path_trunk(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_hop_t *wish)
{
    ngx_str_t               aor;
    ngx_mra_hash_t          hash;
    ngx_mra_sip_uri_t       from;
    ngx_stream_mra_hops_t  *hops;

    hops = r->client->conf->hops;

    if (wish && ngx_stream_mra_path_is_up(wish)) {
        return wish;
    }

    if (r->msg.method == NGX_MRA_SIP_REGISTER) {
        return ngx_stream_mra_hop_choose(hops, 0);
    }

    /* its registration is at that hop, and nowhere else */

    if (wish) {
        return NULL;
    }

    aor = r->msg.from.uri;

    if (ngx_mra_sip_parse_uri(&r->msg.from.uri, &from) == NGX_OK) {
        aor.data = ngx_stream_mra_text(r, from.rest.len);
        if (aor.data == NULL) {
            return NULL;
        }

        aor.len = ngx_mra_sip_build_aor(&from, aor.data);
    }

    ngx_mra_hash_init(&hash, r->worker->key);
    ngx_mra_hash_add_span(&hash, &aor);

    return ngx_stream_mra_hop_keep(hops, ngx_mra_hash_end(&hash));
}


ngx_int_t
ngx_stream_mra_path_tell(ngx_stream_mra_relay_t *r)
{
    u_char     *p;
    ngx_str_t   line, *host;

    static ngx_str_t  local = ngx_string("localhost");

    if (!r->outbound || r->client->trunk || r->behind == 0) {
        return NGX_OK;
    }

    host = (r->hop->name.data[0] == 'u') ? &local : &r->hop->name;

    p = ngx_stream_mra_text(r, sizeof("Route: <sip:p-01234567@;lr>" CRLF)
                               + host->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    line.data = p;
    line.len = ngx_sprintf(p, "Route: <sip:p-%08xD@%V;lr>" CRLF, r->behind,
                           host)
               - p;

    /* above all others, of which the first may go */

    return ngx_mra_sip_plan_insert(&r->plan, 0, &line, 1);
}


void
ngx_stream_mra_path_announced(ngx_stream_mra_relay_t *r)
{
    ngx_str_t                 value;
    ngx_mra_sip_list_t        list;
    ngx_stream_mra_client_t  *client;

    client = r->client;

    client->ar_sk = 0;
    client->adaptive = 0;

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_SUPPORTED);

    while (ngx_mra_sip_list_next(&list, &value) == NGX_OK) {
        client->ar_sk |= ngx_mra_span_case_is(&value, "AR_SK");
        client->adaptive |= ngx_mra_span_case_is(&value, "outbound");
    }

    client->adaptive |= client->ar_sk;
}


void
ngx_stream_mra_path_contact(ngx_stream_mra_client_t *client,
    ngx_mra_sip_contact_t *contact)
{
    if (ngx_mra_span_case_is(&contact->ha, "AR_SK")) {
        client->ar_sk = 1;
    }

    if (contact->reg_id || client->ar_sk) {
        client->adaptive = 1;
    }
}


ngx_int_t
ngx_stream_mra_path_answer(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p)
{
    uint32_t                  ids[2];
    ngx_str_t                 value, uri, spans[3];
    ngx_uint_t                told;
    ngx_mra_sip_list_t        list;
    ngx_stream_mra_client_t  *client;

    client = r->client;
    told = 0;

    if (!client->trunk) {
        ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_SERVICE_ROUTE);

        told = (ngx_mra_sip_list_next(&list, &value) == NGX_OK
                && ngx_stream_mra_path_value(&value, ids) == 1);

        client->path = told ? ids[0] : 0;

        if (client->ar_sk) {
            ngx_str_set(&spans[0], "Supported: X-cisco-supports-AR_SK" CRLF);

            if (ngx_mra_sip_plan_append(&r->plan, spans, 1) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        if (!client->adaptive) {
            return told ? ngx_mra_sip_plan_pop(&r->plan,
                                               NGX_MRA_SIP_SERVICE_ROUTE, 1)
                        : NGX_OK;
        }
    }

    if (ngx_stream_mra_path_told(r, p, &uri) != NGX_OK) {
        return NGX_ERROR;
    }

    if (told) {
        return ngx_mra_sip_plan_replace(&r->plan, &value, &uri, 1);
    }

    ngx_str_set(&spans[0], "Service-Route: ");
    spans[1] = uri;
    ngx_str_set(&spans[2], CRLF);

    return ngx_mra_sip_plan_insert(&r->plan, NGX_MRA_SIP_SERVICE_ROUTE, spans,
                                   3);
}


/* RFC 3608: from this node inward */

static ngx_int_t
ngx_stream_mra_path_told(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p, ngx_str_t *uri)
{
    u_char                    *last;
    ngx_stream_mra_address_t  *addr;

    addr = ngx_stream_mra_outside(r);

    uri->data = ngx_stream_mra_text(r, NGX_STREAM_MRA_PATH_LEN
                                       + sizeof("<sip:@;transport=tls;lr>")
                                       + addr->hostport.len);
    if (uri->data == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(uri->data, "<sip:p-", sizeof("<sip:p-") - 1);
    last = ngx_stream_mra_path_print(last, ngx_stream_mra_hop_id(p->hop));

    if (r->client->path) {
        *last++ = '.';
        last = ngx_stream_mra_path_print(last, r->client->path);
    }

    *last++ = '@';
    last = ngx_cpymem(last, addr->hostport.data, addr->hostport.len);
    last = ngx_cpymem(last, addr->tls ? ";transport=tls;lr>"
                                      : ";transport=tcp;lr>",
                      sizeof(";transport=tls;lr>") - 1);

    uri->len = last - uri->data;

    return NGX_OK;
}


static u_char *
ngx_stream_mra_path_print(u_char *dst, uint32_t id)
{
    id = htonl(id);

    return ngx_hex_dump(dst, (u_char *) &id, sizeof(uint32_t));
}


ngx_stream_mra_hop_t *
ngx_stream_mra_path_back(ngx_stream_mra_hops_t *hops, ngx_str_t *via)
{
    ngx_str_t              host;
    ngx_uint_t             i, n;
    ngx_mra_sip_via_t      parsed;
    ngx_stream_mra_hop_t  *hop, *only;

    n = 0;
    only = NULL;

    for (i = 0; i < hops->n; i++) {
        if (!hops->hop[i]->retired) {
            only = hops->hop[i];
            n++;
        }
    }

    if (n == 1) {
        return only;
    }

    if (ngx_mra_sip_parse_via(via, &parsed) != NGX_OK) {
        return NULL;
    }

    host = parsed.received.data ? parsed.received : parsed.host;

    for (i = 0; i < hops->n; i++) {
        hop = hops->hop[i];

        if (!hop->retired && hop->name.len > host.len
            && hop->name.data[host.len] == ':'
            && ngx_strncasecmp(hop->name.data, host.data, host.len) == 0)
        {
            return hop;
        }
    }

    return NULL;
}


ngx_stream_mra_link_t *
ngx_stream_mra_path_any(ngx_stream_mra_hops_t *hops)
{
    ngx_uint_t              i;
    ngx_stream_mra_link_t  *ln;

    for (i = 0; i < hops->n; i++) {
        ln = ngx_stream_mra_hop_link(hops->hop[i], 0);

        if (ln) {
            return ln;
        }
    }

    return NULL;
}
