
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_span.h"
#include "ngx_mra_target.h"


#define NGX_MRA_TARGET_NAME      253     /* RFC 1035, 2.3.4, without dot */
#define NGX_MRA_TARGET_LABEL     63
#define NGX_MRA_TARGET_PARTS     4

/* two names with trailing dots, protocol, port, three slashes */

#define NGX_MRA_TARGET_RAW       (2 * (NGX_MRA_TARGET_NAME + 1) + 5 + 5 + 3)

#define NGX_MRA_TARGET_PADDING   64
#define NGX_MRA_TARGET_NO_DIGIT  65


static ngx_int_t ngx_mra_target_decode(ngx_str_t *raw, u_char *p,
    u_char *last);
static ngx_uint_t ngx_mra_target_digit(u_char ch);
static ngx_uint_t ngx_mra_target_split(ngx_str_t *parts, ngx_str_t *raw);
static u_char *ngx_mra_target_name(u_char *dst, ngx_str_t *name,
    ngx_uint_t *number);
static ngx_uint_t ngx_mra_target_number(u_char *p, u_char *last);
static u_char *ngx_mra_target_host(ngx_str_t *host, u_char *dst,
    ngx_str_t *name);
static ngx_int_t ngx_mra_target_ipv4(u_char *addr, u_char *p, u_char *last);
static ngx_int_t ngx_mra_target_ipv6(u_char *addr, u_char *p, u_char *last);
static u_char *ngx_mra_target_ipv6_build(u_char *dst, u_char *addr);


ngx_int_t
ngx_mra_target_parse(ngx_mra_target_t *t, u_char *p, u_char *last,
    u_char *buf)
{
    u_char      data[NGX_MRA_TARGET_RAW];
    uint32_t    port;
    ngx_int_t   rc;
    ngx_str_t   raw, parts[NGX_MRA_TARGET_PARTS];
    ngx_uint_t  n, number;

    raw.data = data;
    rc = ngx_mra_target_decode(&raw, p, last);

    if (rc != NGX_OK) {
        return rc;
    }

    n = ngx_mra_target_split(parts, &raw);

    if (n != 1 && n != NGX_MRA_TARGET_PARTS) {
        return NGX_ERROR;
    }

    p = ngx_mra_target_name(buf, &parts[0], &number);

    if (p == NULL || number) {
        return NGX_ERROR;
    }

    ngx_memzero(t, sizeof(ngx_mra_target_t));
    ngx_mra_span_set(&t->domain, buf, p);

    if (n == 1) {
        return NGX_OK;
    }

    t->origin.data = p;

    if (ngx_mra_span_case_is(&parts[1], "http")) {
        p = ngx_cpymem(p, "http", 4);

    } else if (ngx_mra_span_case_is(&parts[1], "https")) {
        p = ngx_cpymem(p, "https", 5);

    } else {
        return NGX_ERROR;
    }

    ngx_mra_span_set(&t->protocol, t->origin.data, p);

    p = ngx_cpymem(p, "://", 3);
    p = ngx_mra_target_host(&t->host, p, &parts[2]);

    if (p == NULL
        || ngx_mra_span_number(&parts[3], 65535, &port) != NGX_OK
        || parts[3].data[0] == '0')
    {
        return NGX_ERROR;
    }

    *p++ = ':';
    p = ngx_cpymem(p, parts[3].data, parts[3].len);

    t->port = (in_port_t) port;
    t->origin.len = p - t->origin.data;

    return NGX_OK;
}


/* RFC 4648, 4 and 5; unused bits must be zero, so that a name has one form */

static ngx_int_t
ngx_mra_target_decode(ngx_str_t *raw, u_char *p, u_char *last)
{
    u_char      *s;
    uint32_t     acc;
    ngx_uint_t   bits, digit;

    if (p == last) {
        return NGX_DECLINED;
    }

    for (s = p; s < last; s++) {
        if (ngx_mra_target_digit(*s) == NGX_MRA_TARGET_NO_DIGIT) {
            return NGX_DECLINED;
        }
    }

    if ((last - p) % 4 == 0 && last[-1] == '=') {
        last -= (last[-2] == '=') ? 2 : 1;
    }

    acc = 0;
    bits = 0;
    raw->len = 0;

    for ( /* void */ ; p < last; p++) {
        digit = ngx_mra_target_digit(*p);

        if (digit == NGX_MRA_TARGET_PADDING) {
            return NGX_ERROR;
        }

        acc = acc << 6 | digit;
        bits += 6;

        if (bits < 8) {
            continue;
        }

        if (raw->len == NGX_MRA_TARGET_RAW) {
            return NGX_ERROR;
        }

        bits -= 8;
        raw->data[raw->len++] = (u_char) (acc >> bits);
        acc &= (1 << bits) - 1;
    }

    return (bits == 6 || acc) ? NGX_ERROR : NGX_OK;
}


static ngx_uint_t
ngx_mra_target_digit(u_char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    switch (ch) {

    case '+':
    case '-':
        return 62;

    case '/':
    case '_':
        return 63;

    case '=':
        return NGX_MRA_TARGET_PADDING;
    }

    return NGX_MRA_TARGET_NO_DIGIT;
}


/* returns how many parts there are; only the first four are kept */

static ngx_uint_t
ngx_mra_target_split(ngx_str_t *parts, ngx_str_t *raw)
{
    u_char      *p, *end, *last;
    ngx_uint_t   n;

    p = raw->data;
    last = p + raw->len;

    for (n = 0; /* void */ ; n++) {
        end = memchr(p, '/', last - p);

        if (n < NGX_MRA_TARGET_PARTS) {
            ngx_mra_span_set(&parts[n], p, end ? end : last);
        }

        if (end == NULL) {
            return n + 1;
        }

        p = end + 1;
    }
}


/*
 * Writes the normal form of a name to dst and returns its end, NULL if it is
 * no name.  *number tells whether the last label is a number: resolvers take
 * such a name for an IPv4 address, in more spellings than one.
 */

static u_char *
ngx_mra_target_name(u_char *dst, ngx_str_t *name, ngx_uint_t *number)
{
    u_char  *p, *last, *label, ch;

    p = name->data;
    last = p + name->len;

    if (name->len && last[-1] == '.') {
        last--;
    }

    if (last - p > NGX_MRA_TARGET_NAME) {
        return NULL;
    }

    label = p;

    for ( ;; ) {

        if (p == last || *p == '.') {

            if (p == label || p - label > NGX_MRA_TARGET_LABEL
                || *label == '-' || p[-1] == '-')
            {
                return NULL;
            }

            if (p == last) {
                *number = ngx_mra_target_number(label, last);
                return dst;
            }

            label = p + 1;
            *dst++ = *p++;
            continue;
        }

        ch = ngx_tolower(*p);

        if (!(ch >= 'a' && ch <= 'z') && !(ch >= '0' && ch <= '9')
            && ch != '-')
        {
            return NULL;
        }

        *dst++ = ch;
        p++;
    }
}


/* digits, or "0x" and whatever */

static ngx_uint_t
ngx_mra_target_number(u_char *p, u_char *last)
{
    if (last - p > 1 && p[0] == '0' && ngx_tolower(p[1]) == 'x') {
        return 1;
    }

    while (p < last && *p >= '0' && *p <= '9') {
        p++;
    }

    return p == last;
}


/*
 * Writes the host as an URL has it to dst, and returns its end, NULL if it
 * is no host; *host has no brackets.
 */

static u_char *
ngx_mra_target_host(ngx_str_t *host, u_char *dst, ngx_str_t *name)
{
    u_char      *p, *last, addr[16];
    ngx_uint_t   number;

    p = name->data;
    last = p + name->len;

    if (memchr(p, ':', last - p) == NULL) {
        host->data = dst;
        dst = ngx_mra_target_name(dst, name, &number);

        if (dst == NULL) {
            return NULL;
        }

        host->len = dst - host->data;

        if (number
            && ngx_mra_target_ipv4(addr, host->data, dst) != NGX_OK)
        {
            return NULL;
        }

        return dst;
    }

    if (*p == '[' && last[-1] == ']') {
        p++;
        last--;
    }

    if (ngx_mra_target_ipv6(addr, p, last) != NGX_OK) {
        return NULL;
    }

    *dst++ = '[';
    host->data = dst;
    dst = ngx_mra_target_ipv6_build(dst, addr);
    host->len = dst - host->data;
    *dst++ = ']';

    return dst;
}


/* four decimal parts without leading zeros (RFC 3986, 3.2.2: IPv4address) */

static ngx_int_t
ngx_mra_target_ipv4(u_char *addr, u_char *p, u_char *last)
{
    u_char      *end;
    uint32_t     n;
    ngx_str_t    part;
    ngx_uint_t   i;

    for (i = 0; i < 4; i++) {
        end = (i < 3) ? memchr(p, '.', last - p) : last;

        if (end == NULL) {
            return NGX_ERROR;
        }

        ngx_mra_span_set(&part, p, end);

        if (ngx_mra_span_number(&part, 255, &n) != NGX_OK
            || (part.len > 1 && *p == '0'))
        {
            return NGX_ERROR;
        }

        addr[i] = (u_char) n;
        p = end + 1;
    }

    return NGX_OK;
}


/* RFC 4291, 2.2, without zone */

static ngx_int_t
ngx_mra_target_ipv6(u_char *addr, u_char *p, u_char *last)
{
    u_char       ch;
    ngx_int_t    gap;
    ngx_uint_t   i, n, digits;

    i = 0;
    gap = -1;

    ngx_memzero(addr, 16);

    if (last - p >= 2 && p[0] == ':' && p[1] == ':') {
        gap = 0;
        p += 2;
    }

    while (p < last) {

        if (i == 16) {
            return NGX_ERROR;
        }

        if (i <= 12 && ngx_mra_target_ipv4(addr + i, p, last) == NGX_OK) {
            i += 4;
            break;
        }

        n = 0;

        for (digits = 0; p < last && *p != ':'; p++, digits++) {
            ch = ngx_tolower(*p);

            if (ch >= '0' && ch <= '9') {
                n = n * 16 + (ch - '0');

            } else if (ch >= 'a' && ch <= 'f') {
                n = n * 16 + (ch - 'a' + 10);

            } else {
                return NGX_ERROR;
            }
        }

        if (digits == 0 || digits > 4) {
            return NGX_ERROR;
        }

        addr[i++] = (u_char) (n >> 8);
        addr[i++] = (u_char) n;

        if (p == last) {
            break;
        }

        /* a colon: another group, or the gap, must follow */

        p++;

        if (p == last) {
            return NGX_ERROR;
        }

        if (*p == ':') {

            if (gap != -1) {
                return NGX_ERROR;
            }

            gap = i;
            p++;
        }
    }

    if (gap == -1) {
        return (i == 16) ? NGX_OK : NGX_ERROR;
    }

    if (i == 16) {
        return NGX_ERROR;
    }

    ngx_memmove(addr + 16 - (i - gap), addr + gap, i - gap);
    ngx_memzero(addr + gap, 16 - i);

    return NGX_OK;
}


/* RFC 5952, 4; without mixed notation: it has no use in an URL */

static u_char *
ngx_mra_target_ipv6_build(u_char *dst, u_char *addr)
{
    ngx_uint_t  i, n, run, gap, len, shift;

    static const u_char  hex[] = "0123456789abcdef";

    gap = 8;
    len = 1;

    for (i = 0; i < 8; i++) {

        for (run = 0; i + run < 8; run++) {
            if (addr[(i + run) * 2] || addr[(i + run) * 2 + 1]) {
                break;
            }
        }

        if (run > len) {
            gap = i;
            len = run;
        }
    }

    for (i = 0; i < 8; i++) {

        if (i == gap) {
            *dst++ = ':';
            i += len - 1;

            if (i == 7) {
                *dst++ = ':';
            }

            continue;
        }

        if (i) {
            *dst++ = ':';
        }

        n = addr[i * 2] << 8 | addr[i * 2 + 1];

        for (shift = 12; shift && n >> shift == 0; shift -= 4) { /* void */ }

        for ( ;; ) {
            *dst++ = hex[n >> shift & 0x0f];

            if (shift == 0) {
                break;
            }

            shift -= 4;
        }
    }

    return dst;
}
