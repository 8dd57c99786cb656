
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_mra_sip.h>
#include <ngx_mra_sip_lex.h>


/* comparing parameters is quadratic, so their number has to be bounded */

#define NGX_MRA_SIP_MAX_COMPARED   32


static ngx_int_t ngx_mra_sip_parse_user(u_char *p, u_char *last,
    ngx_mra_sip_uri_t *uri);
static u_char *ngx_mra_sip_parse_uri_tail(u_char *p, u_char *last,
    ngx_mra_sip_uri_t *uri);
static ngx_int_t ngx_mra_sip_check_ipv6(u_char *p, u_char *last);
static ngx_int_t ngx_mra_sip_check_ipv4(u_char *p, u_char *last);
static u_char *ngx_mra_sip_skip_escaped(u_char *p, u_char *last,
    ngx_uint_t mask);
static ngx_uint_t ngx_mra_sip_params_equal(ngx_str_t *a, ngx_str_t *b);
static ngx_uint_t ngx_mra_sip_param_decides(ngx_str_t *name);
static ngx_uint_t ngx_mra_sip_headers_equal(ngx_str_t *a, ngx_str_t *b);
static void ngx_mra_sip_cut_header(ngx_str_t *rest, ngx_str_t *header);
static ngx_uint_t ngx_mra_sip_escaped_equal(ngx_str_t *a, ngx_str_t *b,
    ngx_uint_t fold);
static ngx_uint_t ngx_mra_sip_next_char(u_char **pos, u_char *last);


const u_char  ngx_mra_sip_chars[256] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x04, 0x04, 0x00, 0x00, 0x04, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x04, 0xbb, 0x02, 0x08, 0xb8, 0x83, 0xb8, 0xbb,    /* sp ! " # $ % & ' */
    0x3a, 0x3a, 0xbb, 0xbb, 0x08, 0xfb, 0xfb, 0xba,    /* ( ) * + , - . / */
    0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb,    /* 0 1 2 3 4 5 6 7 */
    0xfb, 0xfb, 0xb2, 0x08, 0x02, 0x28, 0x02, 0xaa,    /* 8 9 : ; < = > ? */
    0x80, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb,    /* @ A B C D E F G */
    0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb,    /* H I J K L M N O */
    0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb,    /* P Q R S T U V W */
    0xfb, 0xfb, 0xfb, 0xb2, 0x02, 0xb2, 0x00, 0xfb,    /* X Y Z [ \ ] ^ _ */
    0x83, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb,    /* ` a b c d e f g */
    0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb,    /* h i j k l m n o */
    0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb,    /* p q r s t u v w */
    0xfb, 0xfb, 0xfb, 0x02, 0x00, 0x02, 0xbb, 0x00     /* x y z { | } ~    */
};

ngx_int_t
ngx_mra_sip_parse_uri(ngx_str_t *s, ngx_mra_sip_uri_t *uri)
{
    u_char     *p, *at, *last;
    ngx_str_t   scheme;

    uri->scheme = NGX_MRA_SIP_OTHER_SCHEME;
    uri->whole = *s;
    ngx_str_null(&uri->rest);
    ngx_str_null(&uri->user);
    ngx_str_null(&uri->password);
    ngx_str_null(&uri->host);
    ngx_str_null(&uri->hostport);
    ngx_str_null(&uri->params);
    ngx_str_null(&uri->headers);
    uri->port = 0;
    uri->ipv6 = 0;

    if (s->len == 0) {
        return NGX_ERROR;
    }

    last = ngx_mra_span_end(s);

    p = s->data;

    if (last - p > 4 && ngx_memcmp(p, "sip:", 4) == 0) {
        p += 3;

    } else {
        for ( /* void */ ; p < last && *p != ':'; p++) {
            if (!ngx_mra_sip_is(*p, NGX_MRA_SIP_C_HOST) && *p != '+') {
                return NGX_ERROR;
            }
        }
    }

    if (last - p < 2
        || ngx_tolower(*s->data) < 'a' || ngx_tolower(*s->data) > 'z')
    {
        return NGX_ERROR;
    }

    ngx_mra_span_set(&scheme, s->data, p++);
    ngx_mra_span_set(&uri->rest, p, last);

    if (ngx_mra_span_case_is(&scheme, "sip")) {
        uri->scheme = NGX_MRA_SIP_SIP;

    } else if (ngx_mra_span_case_is(&scheme, "sips")) {
        uri->scheme = NGX_MRA_SIP_SIPS;

    } else {

        if (ngx_mra_span_case_is(&scheme, "tel")) {
            uri->scheme = NGX_MRA_SIP_TEL;

        } else if (ngx_mra_span_case_is(&scheme, "urn")) {
            uri->scheme = NGX_MRA_SIP_URN;
        }

        while (p < last
               && (ngx_mra_sip_is(*p, NGX_MRA_SIP_C_USER|NGX_MRA_SIP_C_HEADER)
                   || *p == '@' || *p == '%'))
        {
            p++;
        }

        return (p == last) ? NGX_OK : NGX_ERROR;
    }

    at = memchr(p, '@', last - p);

    if (at) {
        if (ngx_mra_sip_parse_user(p, at, uri) != NGX_OK) {
            return NGX_ERROR;
        }

        p = at + 1;
    }

    uri->hostport.data = p;

    p = ngx_mra_sip_parse_host(p, last, &uri->host);

    if (p == NULL) {
        return NGX_ERROR;
    }

    uri->ipv6 = (*uri->host.data == '[');

    if (p < last && *p == ':') {
        p = ngx_mra_sip_parse_port(p + 1, last, &uri->port);

        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    uri->hostport.len = p - uri->hostport.data;

    p = ngx_mra_sip_parse_uri_tail(p, last, uri);

    return (p == last) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_mra_sip_parse_user(u_char *p, u_char *last, ngx_mra_sip_uri_t *uri)
{
    u_char  *start;

    start = p;

    p = ngx_mra_sip_skip_escaped(p, last, NGX_MRA_SIP_C_USER);

    if (p == start) {
        return NGX_ERROR;
    }

    ngx_mra_span_set(&uri->user, start, p);

    if (p < last && *p == ':') {
        start = p + 1;

        p = ngx_mra_sip_skip_escaped(start, last, NGX_MRA_SIP_C_USER);

        ngx_mra_span_set(&uri->password, start, p);
    }

    return (p == last) ? NGX_OK : NGX_ERROR;
}


/* returns where the grammar ends */

static u_char *
ngx_mra_sip_parse_uri_tail(u_char *p, u_char *last, ngx_mra_sip_uri_t *uri)
{
    u_char  *start;

    uri->params.data = p;

    while (p < last && *p == ';') {
        start = p + 1;

        p = ngx_mra_sip_skip_escaped(start, last, NGX_MRA_SIP_C_PARAM);

        if (p == start) {
            return NULL;
        }

        if (p < last && *p == '=') {
            p = ngx_mra_sip_skip_escaped(p + 1, last, NGX_MRA_SIP_C_PARAM);
        }
    }

    uri->params.len = p - uri->params.data;

    if (p < last && *p == '?') {
        start = p + 1;

        p = ngx_mra_sip_skip_escaped(start, last, NGX_MRA_SIP_C_HEADER);

        ngx_mra_span_set(&uri->headers, start, p);
    }

    return p;
}


u_char *
ngx_mra_sip_parse_host(u_char *p, u_char *last, ngx_str_t *host)
{
    u_char  *start;

    start = p;

    if (p < last && *p == '[') {
        p = memchr(p, ']', last - p);

        if (p == NULL || ngx_mra_sip_check_ipv6(start + 1, p) != NGX_OK) {
            return NULL;
        }

        p++;

    } else {
        p = ngx_mra_sip_skip(p, last, NGX_MRA_SIP_C_HOST);

        if (p == start || *start == '.' || *start == '-') {
            return NULL;
        }
    }

    ngx_mra_span_set(host, start, p);

    return p;
}


u_char *
ngx_mra_sip_parse_port(u_char *p, u_char *last, in_port_t *port)
{
    u_char    *start;
    uint32_t   n;

    n = 0;

    if (last - p > 5) {
        last = p + 6;
    }

    for (start = p; p < last && *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (*p - '0');
    }

    if (p - start == 6) {
        return NULL;
    }

    if (n == 0 || n > 65535) {
        return NULL;
    }

    *port = (in_port_t) n;

    return p;
}


/* RFC 3261, 25.1: IPv6address, with up to 8 groups and one "::" */

static ngx_int_t
ngx_mra_sip_check_ipv6(u_char *p, u_char *last)
{
    ngx_uint_t  groups, digits, gap;

    groups = 0;
    digits = 0;
    gap = 0;

    if (last - p < 2 || (p[0] == ':' && p[1] != ':')) {
        return NGX_ERROR;
    }

    for ( /* void */ ; p < last; p++) {

        if (ngx_mra_sip_hex(*p) < 16) {

            if (digits == 0) {
                groups++;
            }

            if (++digits > 4) {
                return NGX_ERROR;
            }

            continue;
        }

        if (*p == '.') {

            /* takes the place of two groups, the first of them is counted */

            if (ngx_mra_sip_check_ipv4(p - digits, last) != NGX_OK) {
                return NGX_ERROR;
            }

            groups++;
            break;
        }

        if (*p != ':' || p + 1 == last) {
            return NGX_ERROR;
        }

        if (p[1] == ':') {

            if (gap++) {
                return NGX_ERROR;
            }

            p++;

        } else if (digits == 0) {
            return NGX_ERROR;
        }

        digits = 0;
    }

    return (gap ? groups < 8 : groups == 8) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_mra_sip_check_ipv4(u_char *p, u_char *last)
{
    uint32_t    n;
    ngx_str_t   octet;
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        octet.data = p;

        while (p < last && *p != '.') {
            p++;
        }

        octet.len = p - octet.data;

        if (octet.len > 3 || ngx_mra_span_number(&octet, 255, &n) != NGX_OK) {
            return NGX_ERROR;
        }

        if (p == last) {
            return (i == 3) ? NGX_OK : NGX_ERROR;
        }

        p++;
    }

    return NGX_ERROR;
}


/* stops at a "%" that does not escape */

static u_char *
ngx_mra_sip_skip_escaped(u_char *p, u_char *last, ngx_uint_t mask)
{
    for ( ;; ) {
        p = ngx_mra_sip_skip(p, last, mask);

        if (last - p < 3 || *p != '%'
            || ngx_mra_sip_hex(p[1]) > 15 || ngx_mra_sip_hex(p[2]) > 15)
        {
            return p;
        }

        p += 3;
    }
}


ngx_uint_t
ngx_mra_sip_uri_equal(ngx_mra_sip_uri_t *a, ngx_mra_sip_uri_t *b)
{
    if (a->scheme != b->scheme) {
        return 0;
    }

    if (a->scheme != NGX_MRA_SIP_SIP && a->scheme != NGX_MRA_SIP_SIPS) {
        return ngx_mra_span_eq(&a->whole, b->whole.data, b->whole.len);
    }

    return (a->user.data == NULL) == (b->user.data == NULL)
           && (a->password.data == NULL) == (b->password.data == NULL)
           && a->port == b->port
           && ngx_mra_span_case_eq(&a->host, b->host.data, b->host.len)
           && ngx_mra_sip_escaped_equal(&a->user, &b->user, 0)
           && ngx_mra_sip_escaped_equal(&a->password, &b->password, 0)
           && ngx_mra_sip_params_equal(&a->params, &b->params)
           && ngx_mra_sip_params_equal(&b->params, &a->params)
           && ngx_mra_sip_headers_equal(&a->headers, &b->headers)
           && ngx_mra_sip_headers_equal(&b->headers, &a->headers);
}


/* are the parameters of a that matter in b, and the same? */

static ngx_uint_t
ngx_mra_sip_params_equal(ngx_str_t *a, ngx_str_t *b)
{
    ngx_str_t             left, right;
    ngx_uint_t            n, m, found;
    ngx_mra_sip_param_t   pa, pb;

    left = *a;

    for (n = 0; ngx_mra_sip_next_param(&left, &pa) == NGX_OK; n++) {

        if (n == NGX_MRA_SIP_MAX_COMPARED) {
            return 0;
        }

        right = *b;
        found = 0;

        for (m = 0; !found && m < NGX_MRA_SIP_MAX_COMPARED; m++) {

            if (ngx_mra_sip_next_param(&right, &pb) != NGX_OK) {
                break;
            }

            found = ngx_mra_sip_escaped_equal(&pa.name, &pb.name, 1);
        }

        if (found) {
            if (!ngx_mra_sip_escaped_equal(&pa.value, &pb.value, 1)) {
                return 0;
            }

        } else if (ngx_mra_sip_param_decides(&pa.name)) {
            return 0;
        }
    }

    return 1;
}


/* RFC 3261, 19.1.4: these never match if only one URI has them */

static ngx_uint_t
ngx_mra_sip_param_decides(ngx_str_t *name)
{
    return ngx_mra_span_case_is(name, "transport")
           || ngx_mra_span_case_is(name, "maddr")
           || ngx_mra_span_case_is(name, "user")
           || ngx_mra_span_case_is(name, "method")
           || ngx_mra_span_case_is(name, "ttl");
}


/* is each header of a in b? */

static ngx_uint_t
ngx_mra_sip_headers_equal(ngx_str_t *a, ngx_str_t *b)
{
    ngx_str_t   left, right, ha, hb;
    ngx_uint_t  n, m, found;

    left = *a;

    for (n = 0; left.len; n++) {

        if (n == NGX_MRA_SIP_MAX_COMPARED) {
            return 0;
        }

        ngx_mra_sip_cut_header(&left, &ha);

        right = *b;
        found = 0;

        for (m = 0; !found && right.len && m < NGX_MRA_SIP_MAX_COMPARED; m++)
        {
            ngx_mra_sip_cut_header(&right, &hb);
            found = ngx_mra_sip_escaped_equal(&ha, &hb, 1);
        }

        if (!found) {
            return 0;
        }
    }

    return 1;
}


static void
ngx_mra_sip_cut_header(ngx_str_t *rest, ngx_str_t *header)
{
    u_char  *p, *last;

    last = ngx_mra_span_end(rest);
    p = memchr(rest->data, '&', rest->len);

    ngx_mra_span_set(header, rest->data, p ? p : last);
    ngx_mra_span_set(rest, p ? p + 1 : last, last);
}


static ngx_uint_t
ngx_mra_sip_escaped_equal(ngx_str_t *a, ngx_str_t *b, ngx_uint_t fold)
{
    u_char      *p, *q, *plast, *qlast;
    ngx_uint_t   x, y;

    if (a->len == 0 || b->len == 0) {
        return a->len == b->len;
    }

    p = a->data;
    q = b->data;
    plast = p + a->len;
    qlast = q + b->len;

    while (p < plast && q < qlast) {
        x = ngx_mra_sip_next_char(&p, plast);
        y = ngx_mra_sip_next_char(&q, qlast);

        if (x != y && !(fold && ngx_tolower(x) == ngx_tolower(y))) {
            return 0;
        }
    }

    return p == plast && q == qlast;
}


/*
 * One character, unescaped.  An escaped character of the reserved set is not
 * the same as itself unescaped, and so comes out above 0xff.
 */

static ngx_uint_t
ngx_mra_sip_next_char(u_char **pos, u_char *last)
{
    u_char      *p;
    ngx_uint_t   ch;

    p = *pos;

    if (*p != '%' || last - p < 3
        || ngx_mra_sip_hex(p[1]) > 15 || ngx_mra_sip_hex(p[2]) > 15)
    {
        *pos = p + 1;
        return *p;
    }

    *pos = p + 3;

    ch = ngx_mra_sip_hex(p[1]) * 16 + ngx_mra_sip_hex(p[2]);

    switch (ch) {
    case ';':
    case '/':
    case '?':
    case ':':
    case '@':
    case '&':
    case '=':
    case '+':
    case '$':
    case ',':
        return ch | 0x100;
    }

    return ch;
}


size_t
ngx_mra_sip_build_aor(ngx_mra_sip_uri_t *uri, u_char *buf)
{
    size_t       i;
    u_char      *p, *last, *dst;

    if (uri->scheme != NGX_MRA_SIP_SIP && uri->scheme != NGX_MRA_SIP_SIPS) {
        return 0;
    }

    dst = buf;

    if (uri->user.len) {
        p = uri->user.data;
        last = p + uri->user.len;

        while (p < last) {
            *dst++ = (u_char) ngx_mra_sip_next_char(&p, last);
        }

        *dst++ = '@';
    }

    for (i = 0; i < uri->hostport.len; i++) {
        *dst++ = ngx_tolower(uri->hostport.data[i]);
    }

    return dst - buf;
}
