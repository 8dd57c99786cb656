
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_mra_sip.h>
#include <ngx_mra_sip_lex.h>


#define NGX_MRA_SIP_MAX_CSEQ  0x7fffffff


static u_char *ngx_mra_sip_skip_comment(u_char *p, u_char *last);
static ngx_int_t ngx_mra_sip_cut_addr(ngx_str_t *value,
    ngx_mra_sip_addr_t *addr);
static ngx_int_t ngx_mra_sip_parse_display(u_char **pos, u_char *last,
    ngx_mra_sip_addr_t *addr);
static ngx_int_t ngx_mra_sip_parse_protocol(u_char **pos, u_char *last,
    ngx_mra_sip_via_t *via);
static u_char *ngx_mra_sip_parse_version(u_char *p, u_char *last);
static u_char *ngx_mra_sip_parse_slash(u_char *p, u_char *last);
static ngx_int_t ngx_mra_sip_parse_via_params(ngx_mra_sip_via_t *via);
static ngx_uint_t ngx_mra_sip_is_odd_via_param(ngx_mra_sip_param_t *param);
static ngx_uint_t ngx_mra_sip_transport(ngx_str_t *name);
static ngx_int_t ngx_mra_sip_cut_param(ngx_str_t *rest,
    ngx_mra_sip_param_t *param, ngx_uint_t strict);


void
ngx_mra_sip_list_init(ngx_mra_sip_list_t *list, ngx_mra_sip_msg_t *msg,
    ngx_uint_t id)
{
    list->msg = msg;
    list->header = NULL;
    list->id = id;
    list->pos = NULL;
    list->last = NULL;
    list->line = 0;
}


void
ngx_mra_sip_list_line(ngx_mra_sip_list_t *list, ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_header_t *h)
{
    list->msg = msg;
    list->header = h;
    list->id = h->id;
    list->pos = h->value.data;
    list->last = ngx_mra_span_end(&h->value);
    list->line = 1;
}


ngx_int_t
ngx_mra_sip_list_next(ngx_mra_sip_list_t *list, ngx_str_t *value)
{
    u_char  *p, *start, *last;

    if (list->pos == NULL) {

        if (list->line) {
            return NGX_DONE;
        }

        list->header = list->header
                       ? ngx_mra_sip_next(list->msg, list->header)
                       : ngx_mra_sip_first(list->msg, list->id);

        if (list->header == NULL) {
            return NGX_DONE;
        }

        list->pos = list->header->value.data;
        list->last = ngx_mra_span_end(&list->header->value);
    }

    last = list->last;
    start = ngx_mra_sip_skip_lws(list->pos, last);

    list->pos = NULL;

    if (start >= last) {
        return NGX_ERROR;
    }

    /* without a comma there is nothing to cut, so quotes do not matter */

    p = memchr(start, ',', last - start) ? start : last;

    for ( /* void */ ; p < last; p++) {

        switch (*p) {

        case '"':
            p = ngx_mra_sip_skip_quoted(p + 1, last);
            break;

        case '<':
            p = memchr(p, '>', last - p);
            break;

        case '(':

            /* elsewhere it is a character of the user part of a URI */

            if (p == start || ngx_mra_sip_is(p[-1], NGX_MRA_SIP_C_LWS)) {
                p = ngx_mra_sip_skip_comment(p + 1, last);
            }

            break;

        case ',':
            list->pos = p + 1;
            last = p;
            break;
        }

        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_mra_span_set(value, start, ngx_mra_sip_trim(start, last));

    return value->len ? NGX_OK : NGX_ERROR;
}


/* p is behind the opening parenthesis; returns the closing one, or NULL */

static u_char *
ngx_mra_sip_skip_comment(u_char *p, u_char *last)
{
    ngx_uint_t  depth;

    depth = 1;

    for ( /* void */ ; p < last; p++) {

        if (*p == '(') {
            depth++;

        } else if (*p == ')') {

            if (--depth == 0) {
                return p;
            }

        } else if (*p == '\\') {
            p++;
        }
    }

    return NULL;
}


ngx_int_t
ngx_mra_sip_parse_addr(ngx_str_t *value, ngx_mra_sip_addr_t *addr)
{
    ngx_str_t             rest;
    ngx_mra_sip_param_t   param;

    if (ngx_mra_sip_cut_addr(value, addr) != NGX_OK) {
        return NGX_ERROR;
    }

    rest = addr->params;

    while (rest.len) {

        if (ngx_mra_sip_cut_param(&rest, &param, 1) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!ngx_mra_span_case_is(&param.name, "tag")) {
            continue;
        }

        if (addr->tag.len || param.value.len == 0) {
            return NGX_ERROR;
        }

        addr->tag = param.value;
    }

    return NGX_OK;
}


/* the parameters are not looked at */

static ngx_int_t
ngx_mra_sip_cut_addr(ngx_str_t *value, ngx_mra_sip_addr_t *addr)
{
    u_char  *p, *start, *last;

    ngx_str_null(&addr->display);
    ngx_str_null(&addr->uri);
    ngx_str_null(&addr->params);
    ngx_str_null(&addr->tag);
    addr->bracketed = 0;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    p = value->data;
    last = ngx_mra_span_end(value);

    if (ngx_mra_sip_parse_display(&p, last, addr) != NGX_OK) {
        return NGX_ERROR;
    }

    if (addr->bracketed) {
        start = p + 1;
        p = memchr(start, '>', last - start);

        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_mra_span_set(&addr->uri, start, p++);

    } else {

        /* RFC 3261, 20: a URI with one of these has to be in brackets */

        for (start = p;
             p < last && *p != ';' && !ngx_mra_sip_is(*p, NGX_MRA_SIP_C_LWS);
             p++)
        {
            if (*p == ',' || *p == '?') {
                return NGX_ERROR;
            }
        }

        ngx_mra_span_set(&addr->uri, start, p);
    }

    p = ngx_mra_sip_skip_lws(p, last);

    ngx_mra_span_set(&addr->params, p, last);

    return addr->uri.len ? NGX_OK : NGX_ERROR;
}


/* *pos goes to "<", or stays where the URI starts */

static ngx_int_t
ngx_mra_sip_parse_display(u_char **pos, u_char *last, ngx_mra_sip_addr_t *addr)
{
    u_char  *p, *start;

    start = *pos;

    if (*start == '"') {
        p = ngx_mra_sip_skip_quoted(start + 1, last);

        if (p == NULL) {
            return NGX_ERROR;
        }

        p++;

        ngx_mra_span_set(&addr->display, start, p);

        p = ngx_mra_sip_skip_lws(p, last);

        if (p == last || *p != '<') {
            return NGX_ERROR;
        }

    } else {
        p = (*start == '<') ? start
                            : ngx_mra_sip_skip(start, last,
                                               NGX_MRA_SIP_C_TOKEN
                                               |NGX_MRA_SIP_C_LWS);
        if (p == last) {
            return NGX_ERROR;
        }

        if (*p != '<') {
            return (*p == ':') ? NGX_OK : NGX_ERROR;
        }

        ngx_mra_span_set(&addr->display, start, ngx_mra_sip_trim(start, p));
    }

    addr->bracketed = 1;
    *pos = p;

    return NGX_OK;
}


ngx_int_t
ngx_mra_sip_parse_contact(ngx_str_t *value, ngx_mra_sip_contact_t *contact)
{
    uint32_t              n;
    ngx_int_t             rc;
    ngx_str_t             rest;
    ngx_mra_sip_param_t   param;

    ngx_memzero(contact, sizeof(ngx_mra_sip_contact_t));

    if (ngx_mra_span_is(value, "*")) {
        contact->star = 1;
        return NGX_OK;
    }

    if (ngx_mra_sip_cut_addr(value, &contact->addr) != NGX_OK
        || ngx_mra_sip_parse_uri(&contact->addr.uri, &contact->uri) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rest = contact->addr.params;

    while ((rc = ngx_mra_sip_cut_param(&rest, &param, 1)) == NGX_OK) {

        if (ngx_mra_span_case_is(&param.name, "expires")) {

            /* RFC 3261, 10.2.1.1: what is malformed counts as absent */

            if (ngx_mra_span_number(&param.value, 0xffffffff, &n)
                != NGX_ERROR)
            {
                contact->expires = n;
                contact->has_expires = 1;
            }

        } else if (ngx_mra_span_case_is(&param.name, "q")) {
            contact->q = param.value;

        } else if (ngx_mra_span_case_is(&param.name, "+sip.instance")) {
            contact->instance = param.value;

        } else if (ngx_mra_span_case_is(&param.name, "x-cisco-mra-ha")) {
            contact->ha = param.value;

        } else if (ngx_mra_span_case_is(&param.name, "reg-id")) {

            if (ngx_mra_span_number(&param.value, 0x7fffffff, &n) == NGX_OK) {
                contact->reg_id = n;
            }
        }
    }

    return (rc == NGX_DONE) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_mra_sip_parse_via(ngx_str_t *value, ngx_mra_sip_via_t *via)
{
    u_char  *p, *last;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    via->whole = *value;
    via->port = 0;
    via->fragile = 0;

    ngx_str_null(&via->host);
    ngx_str_null(&via->branch);
    ngx_str_null(&via->received);
    ngx_str_null(&via->rport);
    ngx_str_null(&via->maddr);

    p = value->data;
    last = ngx_mra_span_end(value);

    if (ngx_mra_sip_parse_protocol(&p, last, via) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_mra_sip_parse_host(p, last, &via->host);

    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_mra_sip_skip_lws(p, last);

    if (p < last && *p == ':') {
        p = ngx_mra_sip_skip_lws(p + 1, last);
        p = ngx_mra_sip_parse_port(p, last, &via->port);

        if (p == NULL) {
            return NGX_ERROR;
        }

        p = ngx_mra_sip_skip_lws(p, last);
    }

    ngx_mra_span_set(&via->params, p, last);

    return ngx_mra_sip_parse_via_params(via);
}


/* "SIP" SLASH "2.0" SLASH transport LWS */

static ngx_int_t
ngx_mra_sip_parse_protocol(u_char **pos, u_char *last, ngx_mra_sip_via_t *via)
{
    u_char     *p, *start;
    ngx_str_t   word;

    start = *pos;

    p = (last - start > 8 && ngx_memcmp(start, "SIP/2.0/", 8) == 0)
        ? ngx_mra_sip_skip_lws(start + 8, last)
        : ngx_mra_sip_parse_version(start, last);

    if (p == NULL) {
        return NGX_ERROR;
    }

    word.data = p;
    p = ngx_mra_sip_skip(p, last, NGX_MRA_SIP_C_TOKEN);
    word.len = p - word.data;

    if (word.len == 0 || p == last || !ngx_mra_sip_is(*p, NGX_MRA_SIP_C_LWS)) {
        return NGX_ERROR;
    }

    via->transport = ngx_mra_sip_transport(&word);

    if (via->transport == NGX_MRA_SIP_OTHER_TRANSPORT) {
        via->fragile = 1;
    }

    ngx_mra_span_set(&via->protocol, start, p);

    *pos = ngx_mra_sip_skip_lws(p, last);

    return NGX_OK;
}


/* "SIP" SLASH "2.0" SLASH in any other form */

static u_char *
ngx_mra_sip_parse_version(u_char *p, u_char *last)
{
    ngx_str_t  word;

    word.data = p;
    p = ngx_mra_sip_skip(p, last, NGX_MRA_SIP_C_TOKEN);
    word.len = p - word.data;

    if (!ngx_mra_span_case_is(&word, "sip")) {
        return NULL;
    }

    p = ngx_mra_sip_parse_slash(p, last);

    if (p == NULL) {
        return NULL;
    }

    word.data = p;
    p = ngx_mra_sip_skip(p, last, NGX_MRA_SIP_C_TOKEN);
    word.len = p - word.data;

    if (!ngx_mra_span_is(&word, "2.0")) {
        return NULL;
    }

    return ngx_mra_sip_parse_slash(p, last);
}


static u_char *
ngx_mra_sip_parse_slash(u_char *p, u_char *last)
{
    p = ngx_mra_sip_skip_lws(p, last);

    if (p == last || *p != '/') {
        return NULL;
    }

    return ngx_mra_sip_skip_lws(p + 1, last);
}


static ngx_int_t
ngx_mra_sip_parse_via_params(ngx_mra_sip_via_t *via)
{
    uint32_t              n;
    ngx_str_t             rest, *dst;
    ngx_mra_sip_param_t   param;

    rest = via->params;

    while (rest.len) {

        if (ngx_mra_sip_cut_param(&rest, &param, 1) != NGX_OK) {
            return NGX_ERROR;
        }

        if (param.quoted
            || (!param.valued && rest.data != ngx_mra_span_end(&param.name))
            || ngx_mra_sip_is_odd_via_param(&param))
        {
            via->fragile = 1;
        }

        if (ngx_mra_span_case_is(&param.name, "branch")) {
            dst = &via->branch;

        } else if (ngx_mra_span_case_is(&param.name, "received")) {
            dst = &via->received;

        } else if (ngx_mra_span_case_is(&param.name, "rport")) {
            dst = &via->rport;

        } else if (ngx_mra_span_case_is(&param.name, "maddr")) {
            dst = &via->maddr;

        } else {
            continue;
        }

        /* answers go where these say: two of a kind would be read apart */

        if (dst->data || (!param.valued && dst != &via->rport)) {
            return NGX_ERROR;
        }

        *dst = param.value;
    }

    if (via->rport.len
        && ngx_mra_span_number(&via->rport, 65535, &n) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Kamailio's own parameters and beginnings of them, used in another way */

static ngx_uint_t
ngx_mra_sip_is_odd_via_param(ngx_mra_sip_param_t *param)
{
    ngx_str_t  *name;

    name = &param->name;

    if (param->valued) {
        return ngx_mra_span_case_is(name, "a")
               || ngx_mra_span_case_is(name, "alias")
               || ngx_mra_span_case_is(name, "hidden");
    }

    return ngx_mra_span_case_is(name, "i")
           || ngx_mra_span_case_is(name, "ttl")
           || (name->len > 1 && name->len < sizeof("alias") - 1
               && ngx_mra_span_case_eq(name, (u_char *) "alias", name->len));
}


static ngx_uint_t
ngx_mra_sip_transport(ngx_str_t *name)
{
    if (ngx_mra_span_case_is(name, "TLS")) {
        return NGX_MRA_SIP_TLS;
    }

    if (ngx_mra_span_case_is(name, "TCP")) {
        return NGX_MRA_SIP_TCP;
    }

    if (ngx_mra_span_case_is(name, "UDP")) {
        return NGX_MRA_SIP_UDP;
    }

    if (ngx_mra_span_case_is(name, "WSS")) {
        return NGX_MRA_SIP_WSS;
    }

    if (ngx_mra_span_case_is(name, "WS")) {
        return NGX_MRA_SIP_WS;
    }

    if (ngx_mra_span_case_is(name, "SCTP")) {
        return NGX_MRA_SIP_SCTP;
    }

    return NGX_MRA_SIP_OTHER_TRANSPORT;
}


ngx_int_t
ngx_mra_sip_parse_cseq(ngx_str_t *value, ngx_mra_sip_cseq_t *cseq)
{
    u_char     *p, *start, *last;
    ngx_str_t   digits;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    start = value->data;
    last = ngx_mra_span_end(value);

    p = ngx_mra_sip_skip(start, last, NGX_MRA_SIP_C_TOKEN);

    ngx_mra_span_set(&digits, start, p);

    if (ngx_mra_span_number(&digits, NGX_MRA_SIP_MAX_CSEQ, &cseq->number)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    start = ngx_mra_sip_skip_lws(p, last);
    p = ngx_mra_sip_skip(start, last, NGX_MRA_SIP_C_TOKEN);

    if (p == start || p != last) {
        return NGX_ERROR;
    }

    ngx_mra_span_set(&cseq->name, start, p);

    cseq->method = ngx_mra_sip_method(&cseq->name);

    return NGX_OK;
}


ngx_int_t
ngx_mra_sip_parse_seconds(ngx_str_t *value, uint32_t *seconds)
{
    u_char     *p, *last;
    ngx_str_t   s;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    last = ngx_mra_span_end(value);

    p = ngx_mra_sip_skip(value->data, last, NGX_MRA_SIP_C_TOKEN);

    ngx_mra_span_set(&s, value->data, p);

    if (ngx_mra_span_number(&s, 0xffffffff, seconds) == NGX_ERROR) {
        return NGX_ERROR;
    }

    p = ngx_mra_sip_skip_lws(p, last);

    if (p < last && *p == '(') {
        p = ngx_mra_sip_skip_comment(p + 1, last);

        if (p == NULL) {
            return NGX_ERROR;
        }

        p = ngx_mra_sip_skip_lws(p + 1, last);
    }

    ngx_mra_span_set(&s, p, last);

    return ngx_mra_sip_check_params(&s);
}


ngx_int_t
ngx_mra_sip_next_param(ngx_str_t *rest, ngx_mra_sip_param_t *param)
{
    return ngx_mra_sip_cut_param(rest, param, 0);
}


ngx_int_t
ngx_mra_sip_check_params(ngx_str_t *s)
{
    ngx_int_t             rc;
    ngx_str_t             rest;
    ngx_mra_sip_param_t   param;

    rest = *s;

    do {
        rc = ngx_mra_sip_cut_param(&rest, &param, 1);
    } while (rc == NGX_OK);

    return (rc == NGX_DONE) ? NGX_OK : NGX_ERROR;
}


/* strict: as in headers; otherwise what URIs have goes as well */

static ngx_int_t
ngx_mra_sip_cut_param(ngx_str_t *rest, ngx_mra_sip_param_t *param,
    ngx_uint_t strict)
{
    u_char      *p, *start, *last;
    ngx_uint_t   extra;

    extra = strict ? 0 : NGX_MRA_SIP_C_PARAM;

    if (rest->len == 0) {
        return NGX_DONE;
    }

    p = rest->data;
    last = ngx_mra_span_end(rest);

    if (*p == ';') {
        p++;

    } else if (strict) {
        return NGX_ERROR;
    }

    start = ngx_mra_sip_skip_lws(p, last);
    p = ngx_mra_sip_skip(start, last, NGX_MRA_SIP_C_TOKEN|extra);

    if (p == start) {
        return NGX_ERROR;
    }

    ngx_mra_span_set(&param->name, start, p);
    ngx_mra_span_set(&param->value, p, p);

    param->valued = 0;
    param->quoted = 0;

    p = ngx_mra_sip_skip_lws(p, last);

    if (p < last && *p == '=') {
        param->valued = 1;

        start = ngx_mra_sip_skip_lws(p + 1, last);

        if (start < last && *start == '"') {
            param->quoted = 1;

            p = ngx_mra_sip_skip_quoted(++start, last);

            if (p == NULL) {
                return NGX_ERROR;
            }

            ngx_mra_span_set(&param->value, start, p++);

        } else {
            p = ngx_mra_sip_skip(start, last, NGX_MRA_SIP_C_VALUE|extra);

            if (p == start && strict) {
                return NGX_ERROR;
            }

            ngx_mra_span_set(&param->value, start, p);
        }

        p = ngx_mra_sip_skip_lws(p, last);
    }

    if (p < last && *p != ';') {
        return NGX_ERROR;
    }

    ngx_mra_span_set(rest, p, last);

    return NGX_OK;
}


ngx_int_t
ngx_mra_sip_find_param(ngx_str_t *params, u_char *name, size_t len,
    ngx_mra_sip_param_t *param)
{
    ngx_int_t  rc;
    ngx_str_t  rest;

    rest = *params;

    do {
        rc = ngx_mra_sip_next_param(&rest, param);

        if (rc == NGX_OK && ngx_mra_span_case_eq(&param->name, name, len)) {
            return NGX_OK;
        }

    } while (rc == NGX_OK);

    return (rc == NGX_DONE) ? NGX_DECLINED : NGX_ERROR;
}
