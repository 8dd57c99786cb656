
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_mra_sip.h>
#include <ngx_mra_sip_lex.h>


static ngx_int_t ngx_mra_sip_parse_user(u_char *p, u_char *last,
    ngx_mra_sip_uri_t *uri);
static u_char *ngx_mra_sip_parse_uri_tail(u_char *p, u_char *last,
    ngx_mra_sip_uri_t *uri);
static ngx_int_t ngx_mra_sip_check_ipv6(u_char *p, u_char *last);
static ngx_int_t ngx_mra_sip_check_ipv4(u_char *p, u_char *last);
static u_char *ngx_mra_sip_skip_escaped(u_char *p, u_char *last,
    ngx_uint_t mask);
static u_char ngx_mra_sip_next_char(u_char **pos, u_char *last);


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
            *dst++ = ngx_mra_sip_next_char(&p, last);
        }

        *dst++ = '@';
    }

    for (i = 0; i < uri->hostport.len; i++) {
        *dst++ = ngx_tolower(uri->hostport.data[i]);
    }

    return dst - buf;
}


/* one character, unescaped */

static u_char
ngx_mra_sip_next_char(u_char **pos, u_char *last)
{
    u_char  *p;

    p = *pos;

    if (*p != '%' || last - p < 3
        || ngx_mra_sip_hex(p[1]) > 15 || ngx_mra_sip_hex(p[2]) > 15)
    {
        *pos = p + 1;
        return *p;
    }

    *pos = p + 3;

    return (u_char) (ngx_mra_sip_hex(p[1]) * 16 + ngx_mra_sip_hex(p[2]));
}
