
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_mra_sip.h>
#include <ngx_mra_sip_lex.h>


/* the grammar of a header, and what else is asked of it */

typedef enum {
    NGX_MRA_SIP_ANY = 0,
    NGX_MRA_SIP_ADDR,              /* name-addr or addr-spec */
    NGX_MRA_SIP_ADDRS,
    NGX_MRA_SIP_ROUTES,            /* name-addr */
    NGX_MRA_SIP_CONTACTS,
    NGX_MRA_SIP_VIAS,
    NGX_MRA_SIP_CSEQ_VALUE,
    NGX_MRA_SIP_CALL_ID_VALUE,
    NGX_MRA_SIP_NUMBER,
    NGX_MRA_SIP_HOPS,
    NGX_MRA_SIP_SECONDS,
    NGX_MRA_SIP_TOKENS,
    NGX_MRA_SIP_TOKEN,             /* with parameters */
    NGX_MRA_SIP_MEDIA,             /* token/token with parameters */
    NGX_MRA_SIP_SCHEME             /* of credentials or of a challenge */
} ngx_mra_sip_grammar_e;

#define NGX_MRA_SIP_GRAMMAR   0x1f
#define NGX_MRA_SIP_ONCE      0x20
#define NGX_MRA_SIP_ANSWER    0x40    /* in responses it matters too */
#define NGX_MRA_SIP_ALL       0x7f


static ngx_int_t ngx_mra_sip_check_headers(ngx_mra_sip_msg_t *msg,
    ngx_uint_t mask, ngx_str_t *reason);
static ngx_uint_t ngx_mra_sip_is_odd_name(ngx_str_t *name);
static ngx_int_t ngx_mra_sip_check_value(ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_header_t *h, ngx_uint_t grammar);
static ngx_int_t ngx_mra_sip_check_addr(ngx_mra_sip_msg_t *msg,
    ngx_str_t *value, ngx_mra_sip_addr_t *addr);
static ngx_uint_t ngx_mra_sip_is_plain_uri(ngx_str_t *s, u_char *limit);
static ngx_int_t ngx_mra_sip_check_list(ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_header_t *h, ngx_uint_t grammar);
static ngx_int_t ngx_mra_sip_check_item(ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_header_t *h, ngx_str_t *value, ngx_uint_t grammar);
static ngx_int_t ngx_mra_sip_check_call_id(ngx_mra_sip_msg_t *msg,
    ngx_str_t *value);
static ngx_int_t ngx_mra_sip_check_tokens(ngx_str_t *value);
static ngx_int_t ngx_mra_sip_check_token(ngx_str_t *value, ngx_uint_t media);
static ngx_int_t ngx_mra_sip_check_scheme(ngx_str_t *value);
static ngx_int_t ngx_mra_sip_check_star(ngx_mra_sip_msg_t *msg);
static void ngx_mra_sip_error_reason(ngx_uint_t error, ngx_str_t *reason);
static void ngx_mra_sip_missing_reason(ngx_uint_t id, ngx_str_t *reason);


static const u_char  ngx_mra_sip_rules[NGX_MRA_SIP_HEADERS] = {

    [NGX_MRA_SIP_VIA] = NGX_MRA_SIP_VIAS|NGX_MRA_SIP_ANSWER,

    [NGX_MRA_SIP_FROM] = NGX_MRA_SIP_ADDR
                         |NGX_MRA_SIP_ONCE
                         |NGX_MRA_SIP_ANSWER,

    [NGX_MRA_SIP_TO] = NGX_MRA_SIP_ADDR
                       |NGX_MRA_SIP_ONCE
                       |NGX_MRA_SIP_ANSWER,

    [NGX_MRA_SIP_CALL_ID] = NGX_MRA_SIP_CALL_ID_VALUE
                            |NGX_MRA_SIP_ONCE
                            |NGX_MRA_SIP_ANSWER,

    [NGX_MRA_SIP_CSEQ] = NGX_MRA_SIP_CSEQ_VALUE
                         |NGX_MRA_SIP_ONCE
                         |NGX_MRA_SIP_ANSWER,

    [NGX_MRA_SIP_CONTENT_LENGTH] = NGX_MRA_SIP_NUMBER
                                   |NGX_MRA_SIP_ONCE
                                   |NGX_MRA_SIP_ANSWER,

    [NGX_MRA_SIP_CONTACT] = NGX_MRA_SIP_CONTACTS|NGX_MRA_SIP_ANSWER,
    [NGX_MRA_SIP_RECORD_ROUTE] = NGX_MRA_SIP_ROUTES|NGX_MRA_SIP_ANSWER,
    [NGX_MRA_SIP_SERVICE_ROUTE] = NGX_MRA_SIP_ROUTES|NGX_MRA_SIP_ANSWER,
    [NGX_MRA_SIP_PATH] = NGX_MRA_SIP_ROUTES|NGX_MRA_SIP_ANSWER,
    [NGX_MRA_SIP_ROUTE] = NGX_MRA_SIP_ROUTES,

    [NGX_MRA_SIP_MAX_FORWARDS_HEADER] = NGX_MRA_SIP_HOPS|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_EXPIRES] = NGX_MRA_SIP_NUMBER|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_MIN_EXPIRES] = NGX_MRA_SIP_NUMBER|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_RSEQ] = NGX_MRA_SIP_NUMBER|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_SESSION_EXPIRES] = NGX_MRA_SIP_SECONDS|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_MIN_SE] = NGX_MRA_SIP_SECONDS|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_RETRY_AFTER] = NGX_MRA_SIP_SECONDS|NGX_MRA_SIP_ONCE,

    [NGX_MRA_SIP_REFER_TO] = NGX_MRA_SIP_ADDR|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_REFERRED_BY] = NGX_MRA_SIP_ADDR|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_P_ASSERTED_IDENTITY] = NGX_MRA_SIP_ADDRS,
    [NGX_MRA_SIP_P_PREFERRED_IDENTITY] = NGX_MRA_SIP_ADDRS,

    [NGX_MRA_SIP_REQUIRE] = NGX_MRA_SIP_TOKENS,
    [NGX_MRA_SIP_PROXY_REQUIRE] = NGX_MRA_SIP_TOKENS,
    [NGX_MRA_SIP_SUPPORTED] = NGX_MRA_SIP_TOKENS,
    [NGX_MRA_SIP_UNSUPPORTED] = NGX_MRA_SIP_TOKENS,
    [NGX_MRA_SIP_ALLOW] = NGX_MRA_SIP_TOKENS,
    [NGX_MRA_SIP_ALLOW_EVENTS] = NGX_MRA_SIP_TOKENS,
    [NGX_MRA_SIP_CONTENT_ENCODING] = NGX_MRA_SIP_TOKENS,

    [NGX_MRA_SIP_EVENT] = NGX_MRA_SIP_TOKEN|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_SUBSCRIPTION_STATE] = NGX_MRA_SIP_TOKEN|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_CONTENT_DISPOSITION] = NGX_MRA_SIP_TOKEN|NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_CONTENT_TYPE] = NGX_MRA_SIP_MEDIA|NGX_MRA_SIP_ONCE,

    [NGX_MRA_SIP_AUTHORIZATION] = NGX_MRA_SIP_SCHEME,
    [NGX_MRA_SIP_PROXY_AUTHORIZATION] = NGX_MRA_SIP_SCHEME,

    [NGX_MRA_SIP_RACK] = NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_DATE] = NGX_MRA_SIP_ONCE,
    [NGX_MRA_SIP_TIMESTAMP] = NGX_MRA_SIP_ONCE
};


static const u_char  ngx_mra_sip_needed[] = {
    NGX_MRA_SIP_VIA,
    NGX_MRA_SIP_FROM,
    NGX_MRA_SIP_TO,
    NGX_MRA_SIP_CALL_ID,
    NGX_MRA_SIP_CSEQ
};


ngx_uint_t
ngx_mra_sip_check_request(ngx_mra_sip_msg_t *msg, ngx_str_t *reason)
{
    msg->max_forwards = NGX_MRA_SIP_MAX_FORWARDS;

    if (ngx_mra_sip_check_headers(msg, NGX_MRA_SIP_ALL, reason) != NGX_OK) {
        return (msg->error == NGX_MRA_SIP_BAD_VERSION) ? 505 : 400;
    }

    if (msg->method != msg->cseq.method
        || !ngx_mra_span_eq(&msg->method_name, msg->cseq.name.data,
                            msg->cseq.name.len))
    {
        msg->bad = ngx_mra_sip_first(msg, NGX_MRA_SIP_CSEQ);
        ngx_str_set(reason, "CSeq Of Another Method");
        return 400;
    }

    if (ngx_mra_sip_check_star(msg) != NGX_OK) {
        msg->bad = ngx_mra_sip_first(msg, NGX_MRA_SIP_CONTACT);
        ngx_str_set(reason, "Bad Use Of Contact *");
        return 400;
    }

    if (ngx_mra_sip_parse_uri(&msg->uri, &msg->ruri) != NGX_OK
        || msg->ruri.headers.data)
    {
        ngx_str_set(reason, "Bad Request-URI");
        return 400;
    }

    if (msg->ruri.scheme == NGX_MRA_SIP_OTHER_SCHEME) {
        *reason = ngx_mra_sip_reason(416);
        return 416;
    }

    return 0;
}


ngx_int_t
ngx_mra_sip_check_response(ngx_mra_sip_msg_t *msg, ngx_str_t *reason)
{
    return ngx_mra_sip_check_headers(msg, NGX_MRA_SIP_ANSWER, reason);
}


/* a rule has to be kept if it has a bit of the mask */

static ngx_int_t
ngx_mra_sip_check_headers(ngx_mra_sip_msg_t *msg, ngx_uint_t mask,
    ngx_str_t *reason)
{
    ngx_uint_t             i, rule;
    ngx_mra_sip_header_t  *h;

    msg->bad = NULL;
    msg->fragile = 0;

    if (msg->error) {
        ngx_mra_sip_error_reason(msg->error, reason);
        return NGX_ERROR;
    }

    for (i = 0; i < msg->nheaders; i++) {
        h = &msg->headers[i];

        if (h->id == NGX_MRA_SIP_OTHER_HEADER) {
            msg->fragile |= ngx_mra_sip_is_odd_name(&h->name);
            continue;
        }

        rule = ngx_mra_sip_rules[h->id];

        if ((rule & NGX_MRA_SIP_ONCE) && h->next) {
            ngx_str_set(reason, "Repeated Header");

        } else if (ngx_mra_sip_check_value(msg, h, rule & NGX_MRA_SIP_GRAMMAR)
                   != NGX_OK)
        {
            ngx_str_set(reason, "Bad Header Value");

        } else {
            continue;
        }

        if (rule & mask) {
            msg->bad = h;
            return NGX_ERROR;
        }

        msg->fragile = 1;
    }

    for (i = 0; i < sizeof(ngx_mra_sip_needed); i++) {

        if (msg->first[ngx_mra_sip_needed[i]] == 0) {
            ngx_mra_sip_missing_reason(ngx_mra_sip_needed[i], reason);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * What RFC 3261 allows in names, but Kamailio does not, and what its framing
 * takes for the length of the body.
 */

static ngx_uint_t
ngx_mra_sip_is_odd_name(ngx_str_t *name)
{
    u_char  *p, *last;

    p = name->data;
    last = ngx_mra_span_end(name);

    while (p < last
           && (ngx_mra_sip_is(*p, NGX_MRA_SIP_C_HOST)
               || *p == '+' || *p == '~'))
    {
        p++;
    }

    return p != last || ngx_mra_span_case_is(name, "content_length");
}


static ngx_int_t
ngx_mra_sip_check_value(ngx_mra_sip_msg_t *msg, ngx_mra_sip_header_t *h,
    ngx_uint_t grammar)
{
    uint32_t             n;
    ngx_int_t            rc;
    ngx_mra_sip_addr_t   addr;

    switch (grammar) {

    case NGX_MRA_SIP_ADDR:
        rc = ngx_mra_sip_check_addr(msg, &h->value, &addr);

        if (h->id == NGX_MRA_SIP_FROM) {
            msg->from = addr;

        } else if (h->id == NGX_MRA_SIP_TO) {
            msg->to = addr;
        }

        return rc;

    case NGX_MRA_SIP_ADDRS:
    case NGX_MRA_SIP_ROUTES:
    case NGX_MRA_SIP_CONTACTS:
    case NGX_MRA_SIP_VIAS:
        return ngx_mra_sip_check_list(msg, h, grammar);

    case NGX_MRA_SIP_CSEQ_VALUE:
        return ngx_mra_sip_parse_cseq(&h->value, &msg->cseq);

    case NGX_MRA_SIP_CALL_ID_VALUE:
        return ngx_mra_sip_check_call_id(msg, &h->value);

    case NGX_MRA_SIP_NUMBER:

        /* a lifetime too large is as good as the largest, 20.19 */

        return (ngx_mra_span_number(&h->value, 0xffffffff, &n) == NGX_ERROR)
               ? NGX_ERROR : NGX_OK;

    case NGX_MRA_SIP_HOPS:
        if (ngx_mra_span_number(&h->value, 255, &n) != NGX_OK) {
            return NGX_ERROR;
        }

        msg->max_forwards = n;

        return NGX_OK;

    case NGX_MRA_SIP_SECONDS:
        if (ngx_mra_sip_parse_seconds(&h->value, &n) != NGX_OK) {
            return NGX_ERROR;
        }

        return (n == 0xffffffff) ? NGX_ERROR : NGX_OK;

    case NGX_MRA_SIP_TOKENS:
        return ngx_mra_sip_check_tokens(&h->value);

    case NGX_MRA_SIP_TOKEN:
    case NGX_MRA_SIP_MEDIA:
        return ngx_mra_sip_check_token(&h->value,
                                       grammar == NGX_MRA_SIP_MEDIA);

    case NGX_MRA_SIP_SCHEME:
        return ngx_mra_sip_check_scheme(&h->value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_mra_sip_check_addr(ngx_mra_sip_msg_t *msg, ngx_str_t *value,
    ngx_mra_sip_addr_t *addr)
{
    ngx_mra_sip_uri_t  uri;

    if (ngx_mra_sip_parse_addr(value, addr) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_mra_sip_is_plain_uri(&addr->uri, msg->start + msg->head)) {
        return NGX_OK;
    }

    return ngx_mra_sip_parse_uri(&addr->uri, &uri);
}


/*
 * What most URIs are, and ngx_mra_sip_parse_uri() would find good as well:
 * sip, and of bytes that stand anywhere.  The empty line before the limit is
 * behind all words.
 */

static ngx_uint_t
ngx_mra_sip_is_plain_uri(ngx_str_t *s, u_char *limit)
{
    u_char     *p, *start, *last;
    in_port_t   port;

    last = ngx_mra_span_end(s);

    if (s->len < 5 || ngx_memcmp(s->data, "sip:", 4) != 0) {
        return 0;
    }

    start = s->data + 4;
    p = ngx_mra_sip_skip_common(start, limit);

    if (*p == '@' && p != start) {
        start = p + 1;
        p = ngx_mra_sip_skip_common(start, limit);
    }

    if (p == start || *start == '.' || *start == '-') {
        return 0;
    }

    if (*p == ':') {
        p = ngx_mra_sip_parse_port(p + 1, last, &port);

        if (p == NULL) {
            return 0;
        }
    }

    while (p < last && *p == ';') {
        start = p + 1;
        p = ngx_mra_sip_skip_common(start, limit);

        if (p == start) {
            return 0;
        }

        if (*p == '=') {
            p = ngx_mra_sip_skip_common(p + 1, limit);
        }
    }

    return p == last;
}


static ngx_int_t
ngx_mra_sip_check_list(ngx_mra_sip_msg_t *msg, ngx_mra_sip_header_t *h,
    ngx_uint_t grammar)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_mra_sip_list_t   list;

    if (h->value.len && memchr(h->value.data, ',', h->value.len) == NULL) {
        return ngx_mra_sip_check_item(msg, h, &h->value, grammar);
    }

    ngx_mra_sip_list_line(&list, msg, h);

    do {
        rc = ngx_mra_sip_list_next(&list, &value);

        if (rc == NGX_OK) {
            rc = ngx_mra_sip_check_item(msg, h, &value, grammar);
        }

    } while (rc == NGX_OK);

    return (rc == NGX_DONE) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_mra_sip_check_item(ngx_mra_sip_msg_t *msg, ngx_mra_sip_header_t *h,
    ngx_str_t *value, ngx_uint_t grammar)
{
    u_char              *end;
    ngx_mra_sip_via_t    other, *via;
    ngx_mra_sip_addr_t   addr;

    switch (grammar) {

    case NGX_MRA_SIP_VIAS:
        via = msg->via.whole.data ? &other : &msg->via;

        if (ngx_mra_sip_parse_via(value, via) != NGX_OK) {
            return NGX_ERROR;
        }

        /* for Kamailio, space before a comma may be part of the value */

        end = ngx_mra_span_end(value);

        if (via->fragile
            || (end != ngx_mra_span_end(&h->value)
                && ngx_mra_sip_is(*end, NGX_MRA_SIP_C_LWS)))
        {
            msg->fragile = 1;
        }

        return NGX_OK;

    case NGX_MRA_SIP_CONTACTS:

        if (ngx_mra_span_is(value, "*")) {
            return (value->len == h->value.len) ? NGX_OK : NGX_ERROR;
        }

        return ngx_mra_sip_check_addr(msg, value, &addr);

    case NGX_MRA_SIP_ROUTES:

        if (ngx_mra_sip_check_addr(msg, value, &addr) != NGX_OK) {
            return NGX_ERROR;
        }

        return addr.bracketed ? NGX_OK : NGX_ERROR;

    default: /* NGX_MRA_SIP_ADDRS */
        return ngx_mra_sip_check_addr(msg, value, &addr);
    }
}


/* word [ "@" word ] */

static ngx_int_t
ngx_mra_sip_check_call_id(ngx_mra_sip_msg_t *msg, ngx_str_t *value)
{
    u_char  *p, *start, *last;

    start = value->data;
    last = ngx_mra_span_end(value);

    p = ngx_mra_sip_skip(start, last, NGX_MRA_SIP_C_WORD);

    if (p == start) {
        return NGX_ERROR;
    }

    if (p < last && *p == '@') {
        start = p + 1;
        p = ngx_mra_sip_skip(start, last, NGX_MRA_SIP_C_WORD);

        if (p == start) {
            return NGX_ERROR;
        }
    }

    msg->call_id = *value;

    return (p == last) ? NGX_OK : NGX_ERROR;
}


/* these headers may be empty, and a comma too many leads nobody astray */

static ngx_int_t
ngx_mra_sip_check_tokens(ngx_str_t *value)
{
    u_char  *p, *last;

    p = value->data;
    last = ngx_mra_span_end(value);

    while (p < last
           && (*p == ','
               || ngx_mra_sip_is(*p, NGX_MRA_SIP_C_TOKEN|NGX_MRA_SIP_C_LWS)))
    {
        p++;
    }

    return (p == last) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_mra_sip_check_token(ngx_str_t *value, ngx_uint_t media)
{
    u_char     *p, *start, *last;
    ngx_str_t   params;

    start = value->data;
    last = ngx_mra_span_end(value);

    p = ngx_mra_sip_skip(start, last, NGX_MRA_SIP_C_TOKEN);

    if (p == start) {
        return NGX_ERROR;
    }

    p = ngx_mra_sip_skip_lws(p, last);

    if (media) {

        if (p == last || *p != '/') {
            return NGX_ERROR;
        }

        start = ngx_mra_sip_skip_lws(p + 1, last);
        p = ngx_mra_sip_skip(start, last, NGX_MRA_SIP_C_TOKEN);

        if (p == start) {
            return NGX_ERROR;
        }

        p = ngx_mra_sip_skip_lws(p, last);
    }

    ngx_mra_span_set(&params, p, last);

    return ngx_mra_sip_check_params(&params);
}


/* credentials are the registrar's to judge, but quotes have to end */

static ngx_int_t
ngx_mra_sip_check_scheme(ngx_str_t *value)
{
    u_char  *p, *last;

    last = ngx_mra_span_end(value);

    p = ngx_mra_sip_skip(value->data, last, NGX_MRA_SIP_C_TOKEN);

    if (p == value->data || p == last
        || !ngx_mra_sip_is(*p, NGX_MRA_SIP_C_LWS))
    {
        return NGX_ERROR;
    }

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            p = ngx_mra_sip_skip_quoted(p + 1, last);

            if (p == NULL) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* RFC 3261, 10.2.2: alone, in a REGISTER, with "Expires: 0" */

static ngx_int_t
ngx_mra_sip_check_star(ngx_mra_sip_msg_t *msg)
{
    uint32_t               n;
    ngx_mra_sip_header_t  *h, *expires;

    for (h = ngx_mra_sip_first(msg, NGX_MRA_SIP_CONTACT);
         h;
         h = ngx_mra_sip_next(msg, h))
    {
        if (!ngx_mra_span_is(&h->value, "*")) {
            continue;
        }

        expires = ngx_mra_sip_first(msg, NGX_MRA_SIP_EXPIRES);

        if (msg->method != NGX_MRA_SIP_REGISTER
            || msg->first[NGX_MRA_SIP_CONTACT]
               != msg->last[NGX_MRA_SIP_CONTACT]
            || expires == NULL
            || ngx_mra_span_number(&expires->value, 0, &n) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_mra_sip_error_reason(ngx_uint_t error, ngx_str_t *reason)
{
    switch (error) {

    case NGX_MRA_SIP_BAD_START_LINE:
        ngx_str_set(reason, "Bad Start Line");
        break;

    case NGX_MRA_SIP_BAD_VERSION:
        *reason = ngx_mra_sip_reason(505);
        break;

    case NGX_MRA_SIP_BAD_HEADER:
        ngx_str_set(reason, "Bad Header Line");
        break;

    case NGX_MRA_SIP_BAD_BYTE:
        ngx_str_set(reason, "Bad Byte In Header");
        break;

    case NGX_MRA_SIP_BAD_LENGTH:
        ngx_str_set(reason, "Bad Content-Length");
        break;

    default: /* NGX_MRA_SIP_TOO_MANY_HEADERS */
        ngx_str_set(reason, "Too Many Headers");
        break;
    }
}


static void
ngx_mra_sip_missing_reason(ngx_uint_t id, ngx_str_t *reason)
{
    switch (id) {

    case NGX_MRA_SIP_VIA:
        ngx_str_set(reason, "Missing Via");
        break;

    case NGX_MRA_SIP_FROM:
        ngx_str_set(reason, "Missing From");
        break;

    case NGX_MRA_SIP_TO:
        ngx_str_set(reason, "Missing To");
        break;

    case NGX_MRA_SIP_CALL_ID:
        ngx_str_set(reason, "Missing Call-ID");
        break;

    default: /* NGX_MRA_SIP_CSEQ */
        ngx_str_set(reason, "Missing CSeq");
        break;
    }
}
