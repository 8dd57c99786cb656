
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_span.h"
#include "ngx_mra_sip.h"
#include "ngx_mra_hash.h"
#include "ngx_mra_relay.h"


static const u_char  ngx_mra_relay_magic[] = "z9hG4bKmra";

static const u_char  ngx_mra_relay_base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 64: it is no digit */

static const u_char  ngx_mra_relay_values[256] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 63,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64
};


#define NGX_MRA_RELAY_MAGIC_LEN   (sizeof(ngx_mra_relay_magic) - 1)

/* "z9hG4bK", the part that RFC 3261 asks for */

#define NGX_MRA_RELAY_COOKIE_LEN  7


static u_char *ngx_mra_relay_hash_text(u_char *dst, uint64_t hash);
static u_char *ngx_mra_relay_hide_params(u_char *dst, ngx_str_t *params,
    ngx_str_t *transport, ngx_uint_t tls);
static ngx_int_t ngx_mra_relay_hidden(ngx_mra_sip_uri_t *uri, u_char *id,
    u_char *mark, ngx_str_t *host, ngx_str_t *transport);
static u_char *ngx_mra_relay_restore_params(u_char *dst, ngx_str_t *params,
    ngx_str_t *transport);
static ngx_uint_t ngx_mra_relay_is_ours(ngx_str_t *name);
static u_char *ngx_mra_relay_copy(u_char *dst, u_char *p, u_char *last);


void
ngx_mra_relay_build_branch(u_char *buf, ngx_str_t *token, const u_char *key,
    ngx_mra_sip_msg_t *msg, ngx_uint_t attempt)
{
    u_char                *p;
    ngx_str_t             *via;
    ngx_mra_hash_t         loop, transaction;
    ngx_mra_sip_header_t  *route;

    ngx_mra_hash_init(&loop, key);
    ngx_mra_hash_add(&loop, (u_char *) &msg->cseq.number, sizeof(uint32_t));
    ngx_mra_hash_add_span(&loop, &msg->call_id);
    ngx_mra_hash_add_span(&loop, &msg->from.tag);
    ngx_mra_hash_add_span(&loop, &msg->uri);

    /* a branch without the cookie need not be unique: RFC 3261, 16.11 */

    via = &msg->via.branch;

    if (via->len <= NGX_MRA_RELAY_COOKIE_LEN
        || ngx_memcmp(via->data, ngx_mra_relay_magic,
                      NGX_MRA_RELAY_COOKIE_LEN)
           != 0)
    {
        via = &msg->via.whole;
    }

    transaction = loop;
    ngx_mra_hash_add_span(&transaction, via);
    ngx_mra_hash_add(&transaction, (u_char *) &attempt, sizeof(ngx_uint_t));

    route = ngx_mra_sip_first(msg, NGX_MRA_SIP_ROUTE);

    if (route) {
        ngx_mra_hash_add_span(&loop, &route->value);
    }

    p = ngx_cpymem(buf, ngx_mra_relay_magic, NGX_MRA_RELAY_MAGIC_LEN);
    p = ngx_cpymem(p, token->data, NGX_MRA_RELAY_TOKEN_LEN);
    *p++ = '.';
    p = ngx_mra_relay_hash_text(p, ngx_mra_hash_end(&transaction));
    (void) ngx_mra_relay_hash_text(p, ngx_mra_hash_end(&loop));
}


ngx_int_t
ngx_mra_relay_parse_branch(ngx_str_t *branch, ngx_mra_relay_branch_t *b)
{
    u_char  *p;

    if (branch->len != NGX_MRA_RELAY_BRANCH_LEN
        || ngx_memcmp(branch->data, ngx_mra_relay_magic,
                      NGX_MRA_RELAY_MAGIC_LEN)
           != 0)
    {
        return NGX_DECLINED;
    }

    p = branch->data + NGX_MRA_RELAY_MAGIC_LEN;

    b->token.data = p;
    b->token.len = NGX_MRA_RELAY_TOKEN_LEN;

    p += NGX_MRA_RELAY_TOKEN_LEN;

    if (*p++ != '.') {
        return NGX_DECLINED;
    }

    b->transaction = p;
    b->loop = p + NGX_MRA_RELAY_HASH_LEN;

    return NGX_OK;
}


ngx_int_t
ngx_mra_relay_find_branch(ngx_str_t *rest, ngx_mra_relay_branch_t *b)
{
    u_char     *p, *last;
    ngx_str_t   branch;

    p = rest->data;
    last = ngx_mra_span_end(rest);

    branch.len = NGX_MRA_RELAY_BRANCH_LEN;

    while ((size_t) (last - p) >= NGX_MRA_RELAY_BRANCH_LEN) {

        p = memchr(p, ngx_mra_relay_magic[0],
                   last - p - NGX_MRA_RELAY_BRANCH_LEN + 1);
        if (p == NULL) {
            break;
        }

        branch.data = p++;

        if (ngx_mra_relay_parse_branch(&branch, b) == NGX_OK) {
            ngx_mra_span_set(rest, ngx_mra_span_end(&branch), last);
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_uint_t
ngx_mra_relay_forms_dialog(ngx_mra_sip_msg_t *msg)
{
    if (msg->to.tag.len) {
        return 0;
    }

    switch (msg->method) {

    case NGX_MRA_SIP_INVITE:
    case NGX_MRA_SIP_SUBSCRIBE:
    case NGX_MRA_SIP_REFER:
    case NGX_MRA_SIP_NOTIFY:
        return 1;
    }

    return 0;
}


uint64_t
ngx_mra_relay_dialog(const u_char *key, ngx_mra_sip_msg_t *msg)
{
    ngx_mra_hash_t  from, to;

    ngx_mra_hash_init(&from, key);
    ngx_mra_hash_add_span(&from, &msg->call_id);

    to = from;

    ngx_mra_hash_add_span(&from, &msg->from.tag);
    ngx_mra_hash_add_span(&to, &msg->to.tag);

    return ngx_mra_hash_end(&from) + ngx_mra_hash_end(&to);
}


size_t
ngx_mra_relay_hide_contact(ngx_mra_sip_uri_t *uri, const u_char *id,
    ngx_str_t *host, ngx_uint_t tls, u_char *buf)
{
    u_char               *p, *scheme, mark;
    ngx_mra_sip_param_t   transport;

    scheme = uri->rest.data - 1;
    mark = '~';

    /* a sips contact is to be reached by TLS all the way: RFC 3261, 26.2.2 */

    if (uri->scheme == NGX_MRA_SIP_SIPS && !tls) {
        scheme--;
        mark = (*scheme == 'S') ? '*' : '!';
    }

    if (ngx_mra_sip_find_param(&uri->params, (u_char *) "transport", 9,
                               &transport)
        != NGX_OK)
    {
        transport.name.data = NULL;
    }

    p = ngx_mra_relay_copy(buf, uri->whole.data, scheme);
    p = ngx_mra_relay_copy(p, uri->rest.data - 1, uri->hostport.data);
    p = ngx_cpymem(p, host->data, host->len);

    if (transport.name.data == NULL) {
        p = ngx_cpymem(p, tls ? ";transport=tls" : ";transport=tcp", 14);
    }

    p = ngx_cpymem(p, ";mra=", 5);
    p = ngx_mra_relay_encode(p, id, NGX_MRA_RELAY_ID_LEN);
    *p++ = mark;
    p = ngx_cpymem(p, uri->hostport.data, uri->hostport.len);

    if (transport.name.data) {
        *p++ = '~';
        p = ngx_cpymem(p, transport.value.data, transport.value.len);
    }

    p = ngx_mra_relay_hide_params(p, &uri->params,
                                  transport.name.data ? &transport.name
                                                      : NULL,
                                  tls);

    p = ngx_mra_relay_copy(p, ngx_mra_span_end(&uri->params),
                           ngx_mra_span_end(&uri->whole));

    return p - buf;
}


static u_char *
ngx_mra_relay_hide_params(u_char *dst, ngx_str_t *params,
    ngx_str_t *transport, ngx_uint_t tls)
{
    ngx_str_t            rest;
    ngx_mra_sip_param_t  param;

    rest = *params;

    while (ngx_mra_sip_next_param(&rest, &param) == NGX_OK) {

        if (transport && param.name.data == transport->data) {
            *dst++ = ';';
            dst = ngx_cpymem(dst, param.name.data, param.name.len);
            dst = ngx_cpymem(dst, tls ? "=tls" : "=tcp", 4);
            continue;
        }

        if (ngx_mra_relay_is_ours(&param.name)
            || ngx_mra_span_case_is(&param.name, "maddr"))
        {
            dst = ngx_cpymem(dst, ";mra-", 5);
            dst = ngx_mra_relay_copy(dst, param.name.data, rest.data);
            continue;
        }

        dst = ngx_mra_relay_copy(dst, param.name.data - 1, rest.data);
    }

    return dst;
}


ngx_int_t
ngx_mra_relay_find_id(ngx_str_t *uri, u_char *id)
{
    u_char  *p, *last;

    p = uri->data;
    last = ngx_mra_span_end(uri);

    while ((p = memchr(p, ';', last - p)) != NULL) {

        if (last - p <= (ssize_t) (5 + NGX_MRA_RELAY_ID_TEXT)) {
            break;
        }

        if (ngx_memcmp(p, ";mra=", 5) == 0) {
            return ngx_mra_relay_decode(id, p + 5, NGX_MRA_RELAY_ID_TEXT)
                   == NGX_OK ? NGX_OK : NGX_DECLINED;
        }

        p++;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_mra_relay_restore_contact(ngx_mra_sip_uri_t *uri, u_char *id,
    u_char *buf, size_t *len)
{
    u_char     *p, mark;
    ngx_str_t   host, transport;

    if (ngx_mra_relay_hidden(uri, id, &mark, &host, &transport) != NGX_OK) {
        return NGX_DECLINED;
    }

    p = ngx_mra_relay_copy(buf, uri->whole.data, uri->rest.data - 1);

    if (mark != '~') {
        *p++ = (mark == '*') ? 'S' : 's';
    }

    p = ngx_mra_relay_copy(p, uri->rest.data - 1, uri->hostport.data);
    p = ngx_cpymem(p, host.data, host.len);

    p = ngx_mra_relay_restore_params(p, &uri->params,
                                     transport.data ? &transport : NULL);

    p = ngx_mra_relay_copy(p, ngx_mra_span_end(&uri->params),
                           ngx_mra_span_end(&uri->whole));

    *len = p - buf;

    return NGX_OK;
}


/* what would be taken for ours, or win over the host */

static ngx_uint_t
ngx_mra_relay_is_ours(ngx_str_t *name)
{
    ngx_str_t  start;

    start.data = name->data;
    start.len = ngx_min(name->len, 3);

    return ngx_mra_span_case_is(&start, "mra");
}


static ngx_int_t
ngx_mra_relay_hidden(ngx_mra_sip_uri_t *uri, u_char *id, u_char *mark,
    ngx_str_t *host, ngx_str_t *transport)
{
    u_char               *p, *last;
    ngx_mra_sip_param_t   mra;

    if (uri->scheme != NGX_MRA_SIP_SIP && uri->scheme != NGX_MRA_SIP_SIPS) {
        return NGX_DECLINED;
    }

    if (ngx_mra_sip_find_param(&uri->params, (u_char *) "mra", 3, &mra)
        != NGX_OK
        || mra.value.len < NGX_MRA_RELAY_ID_TEXT + 2)
    {
        return NGX_DECLINED;
    }

    p = mra.value.data;
    last = p + mra.value.len;

    if (ngx_mra_relay_decode(id, p, NGX_MRA_RELAY_ID_TEXT) != NGX_OK) {
        return NGX_DECLINED;
    }

    p += NGX_MRA_RELAY_ID_TEXT;
    *mark = *p++;

    if (*mark != '~' && *mark != '!' && *mark != '*') {
        return NGX_DECLINED;
    }

    host->data = p;

    while (p < last && *p != '~') {
        p++;
    }

    host->len = p - host->data;

    if (host->len == 0) {
        return NGX_DECLINED;
    }

    transport->data = NULL;
    transport->len = 0;

    if (p < last) {
        ngx_mra_span_set(transport, p + 1, last);
    }

    return NGX_OK;
}


static u_char *
ngx_mra_relay_restore_params(u_char *dst, ngx_str_t *params,
    ngx_str_t *transport)
{
    ngx_str_t            rest;
    ngx_uint_t           hidden, transported;
    ngx_mra_sip_param_t  param;

    rest = *params;
    hidden = 1;
    transported = 1;

    while (ngx_mra_sip_next_param(&rest, &param) == NGX_OK) {

        if (hidden && ngx_mra_span_case_is(&param.name, "mra")) {
            hidden = 0;
            continue;
        }

        if (transported && ngx_mra_span_case_is(&param.name, "transport")) {
            transported = 0;

            if (transport) {
                *dst++ = ';';
                dst = ngx_cpymem(dst, param.name.data, param.name.len);

                if (transport->len) {
                    *dst++ = '=';
                    dst = ngx_cpymem(dst, transport->data, transport->len);
                }
            }

            continue;
        }

        if (param.name.len > 4
            && ngx_mra_relay_is_ours(&param.name) && param.name.data[3] == '-')
        {
            *dst++ = ';';
            dst = ngx_mra_relay_copy(dst, param.name.data + 4, rest.data);
            continue;
        }

        dst = ngx_mra_relay_copy(dst, param.name.data - 1, rest.data);
    }

    return dst;
}


static u_char *
ngx_mra_relay_copy(u_char *dst, u_char *p, u_char *last)
{
    return ngx_cpymem(dst, p, last - p);
}


/* 48 bits are enough to tell transactions of one flow apart */

static u_char *
ngx_mra_relay_hash_text(u_char *dst, uint64_t hash)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_MRA_RELAY_HASH_LEN; i++) {
        *dst++ = ngx_mra_relay_base64[hash & 0x3f];
        hash >>= 6;
    }

    return dst;
}


u_char *
ngx_mra_relay_encode(u_char *dst, const u_char *p, size_t len)
{
    uint32_t  bits;

    for ( /* void */ ; len >= 3; len -= 3, p += 3) {
        bits = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];

        *dst++ = ngx_mra_relay_base64[bits >> 18];
        *dst++ = ngx_mra_relay_base64[bits >> 12 & 0x3f];
        *dst++ = ngx_mra_relay_base64[bits >> 6 & 0x3f];
        *dst++ = ngx_mra_relay_base64[bits & 0x3f];
    }

    if (len) {
        bits = (uint32_t) p[0] << 16 | (len == 2 ? (uint32_t) p[1] << 8 : 0);

        *dst++ = ngx_mra_relay_base64[bits >> 18];
        *dst++ = ngx_mra_relay_base64[bits >> 12 & 0x3f];

        if (len == 2) {
            *dst++ = ngx_mra_relay_base64[bits >> 6 & 0x3f];
        }
    }

    return dst;
}


ngx_int_t
ngx_mra_relay_decode(u_char *dst, const u_char *p, size_t len)
{
    size_t      i;
    uint32_t    a, b, c, d, bits;
    ngx_uint_t  bad;

    bad = 0;

    for ( /* void */ ; len >= 4; len -= 4, p += 4) {
        a = ngx_mra_relay_values[p[0]];
        b = ngx_mra_relay_values[p[1]];
        c = ngx_mra_relay_values[p[2]];
        d = ngx_mra_relay_values[p[3]];

        bad |= a | b | c | d;
        bits = a << 18 | b << 12 | c << 6 | d;

        *dst++ = (u_char) (bits >> 16);
        *dst++ = (u_char) (bits >> 8);
        *dst++ = (u_char) bits;
    }

    if (len) {
        bits = 0;

        for (i = 0; i < len; i++) {
            bad |= ngx_mra_relay_values[p[i]];
            bits = bits << 6 | ngx_mra_relay_values[p[i]];
        }

        bad |= (len == 1) ? 0x40 : 0;

        bits <<= 6 * (4 - len);
        *dst++ = (u_char) (bits >> 16);

        if (len == 3) {
            *dst++ = (u_char) (bits >> 8);
        }
    }

    return (bad & 0x40) ? NGX_ERROR : NGX_OK;
}
