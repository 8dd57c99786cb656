
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_stun.h"


#define NGX_MRA_STUN_ATTR_LEN         4
#define NGX_MRA_STUN_FINGERPRINT_LEN  8          /* header and value */
#define NGX_MRA_STUN_FINGERPRINT_XOR  0x5354554e

#define NGX_MRA_STUN_IPV4             0x01
#define NGX_MRA_STUN_IPV6             0x02

#define ngx_mra_stun_get16(p)         ((p)[0] << 8 | (p)[1])

#define ngx_mra_stun_get32(p)                                                 \
    ((uint32_t) (p)[0] << 24 | (p)[1] << 16 | (p)[2] << 8 | (p)[3])


static ngx_int_t ngx_mra_stun_next_unknown(ngx_mra_stun_t *m, u_char **pos,
    ngx_uint_t *type);
static ngx_uint_t ngx_mra_stun_known(ngx_uint_t type);
static void ngx_mra_stun_xor(u_char *p, size_t len, u_char *key);
static u_char *ngx_mra_stun_reserve(ngx_mra_stun_buf_t *b, ngx_uint_t type,
    size_t len);
static u_char *ngx_mra_stun_put16(u_char *p, ngx_uint_t n);
static u_char *ngx_mra_stun_put32(u_char *p, uint32_t n);
static uint32_t ngx_mra_stun_crc32(u_char *p, u_char *last);


ngx_int_t
ngx_mra_stun_decode(ngx_mra_stun_t *m, u_char *p, u_char *last)
{
    size_t  len;

    if (last - p < NGX_MRA_STUN_HEADER_LEN) {
        return NGX_AGAIN;
    }

    len = ngx_mra_stun_get16(p + 2);

    if ((p[0] & 0xc0) || len % 4
        || ngx_mra_stun_get32(p + 4) != NGX_MRA_STUN_COOKIE)
    {
        return NGX_ERROR;
    }

    if ((size_t) (last - p) < NGX_MRA_STUN_HEADER_LEN + len) {
        return NGX_AGAIN;
    }

    m->type = ngx_mra_stun_get16(p);
    m->id = p + 8;
    m->start = p;
    m->last = p + NGX_MRA_STUN_HEADER_LEN + len;

    p += NGX_MRA_STUN_HEADER_LEN;

    while (p < m->last) {
        len = NGX_MRA_STUN_ATTR_LEN
              + ngx_align(ngx_mra_stun_get16(p + 2), 4);

        if ((size_t) (m->last - p) < len) {
            return NGX_ERROR;
        }

        p += len;
    }

    return NGX_OK;
}


ngx_int_t
ngx_mra_stun_next(ngx_mra_stun_t *m, u_char **pos, ngx_mra_stun_attr_t *attr)
{
    u_char  *p;

    p = *pos ? *pos : m->start + NGX_MRA_STUN_HEADER_LEN;

    if (p == m->last) {
        return NGX_DONE;
    }

    attr->type = ngx_mra_stun_get16(p);
    attr->value.len = ngx_mra_stun_get16(p + 2);
    attr->value.data = p + NGX_MRA_STUN_ATTR_LEN;

    *pos = attr->value.data + ngx_align(attr->value.len, 4);

    return NGX_OK;
}


ngx_int_t
ngx_mra_stun_find(ngx_mra_stun_t *m, ngx_uint_t type,
    ngx_mra_stun_attr_t *attr)
{
    u_char  *pos;

    pos = NULL;

    while (ngx_mra_stun_next(m, &pos, attr) == NGX_OK) {
        if (attr->type == type) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_mra_stun_check(ngx_mra_stun_t *m)
{
    u_char               *p;
    uint32_t              crc;
    ngx_mra_stun_attr_t   attr;

    if (ngx_mra_stun_find(m, NGX_MRA_STUN_FINGERPRINT, &attr) != NGX_OK) {
        return NGX_DECLINED;
    }

    p = attr.value.data;

    if (attr.value.len != 4 || p + 4 != m->last) {
        return NGX_ERROR;
    }

    crc = ngx_mra_stun_crc32(m->start, p - NGX_MRA_STUN_ATTR_LEN);

    return crc == ngx_mra_stun_get32(p) ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_mra_stun_unknown(ngx_mra_stun_t *m)
{
    u_char      *pos;
    ngx_uint_t   n, type;

    n = 0;
    pos = NULL;

    while (ngx_mra_stun_next_unknown(m, &pos, &type) == NGX_OK) {
        n++;
    }

    return n;
}


static ngx_int_t
ngx_mra_stun_next_unknown(ngx_mra_stun_t *m, u_char **pos, ngx_uint_t *type)
{
    ngx_mra_stun_attr_t  attr;

    while (ngx_mra_stun_next(m, pos, &attr) == NGX_OK) {

        /* RFC 8489, 14.5: what follows it is not looked at */

        if (attr.type == NGX_MRA_STUN_INTEGRITY
            || attr.type == NGX_MRA_STUN_INTEGRITY_SHA256)
        {
            break;
        }

        if (!ngx_mra_stun_known(attr.type)) {
            *type = attr.type;
            return NGX_OK;
        }
    }

    return NGX_DONE;
}


static ngx_uint_t
ngx_mra_stun_known(ngx_uint_t type)
{
    if (type & 0x8000) {
        return 1;
    }

    switch (type) {

    case NGX_MRA_STUN_MAPPED_ADDRESS:
    case NGX_MRA_STUN_USERNAME:
    case NGX_MRA_STUN_ERROR_CODE:
    case NGX_MRA_STUN_UNKNOWN_ATTRIBUTES:
    case NGX_MRA_STUN_REALM:
    case NGX_MRA_STUN_NONCE:
    case NGX_MRA_STUN_PASSWORD_ALGORITHM:
    case NGX_MRA_STUN_USERHASH:
    case NGX_MRA_STUN_XOR_MAPPED_ADDRESS:
        return 1;
    }

    return 0;
}


ngx_int_t
ngx_mra_stun_decode_address(ngx_mra_stun_t *m, ngx_mra_stun_attr_t *attr,
    ngx_sockaddr_t *sa, socklen_t *len)
{
    u_char  *p, *addr, *port;
    size_t   n;

    p = attr->value.data;

    if (attr->value.len < 4) {
        return NGX_ERROR;
    }

    ngx_memzero(sa, sizeof(ngx_sockaddr_t));

    switch (p[1]) {

    case NGX_MRA_STUN_IPV4:
        n = 4;
        *len = sizeof(struct sockaddr_in);
        sa->sockaddr_in.sin_family = AF_INET;
        port = (u_char *) &sa->sockaddr_in.sin_port;
        addr = (u_char *) &sa->sockaddr_in.sin_addr;
        break;

#if (NGX_HAVE_INET6)

    case NGX_MRA_STUN_IPV6:
        n = 16;
        *len = sizeof(struct sockaddr_in6);
        sa->sockaddr_in6.sin6_family = AF_INET6;
        port = (u_char *) &sa->sockaddr_in6.sin6_port;
        addr = (u_char *) &sa->sockaddr_in6.sin6_addr;
        break;

#endif

    default:
        return NGX_ERROR;
    }

    if (attr->value.len != 4 + n) {
        return NGX_ERROR;
    }

    ngx_memcpy(port, p + 2, 2);
    ngx_memcpy(addr, p + 4, n);

    /* the key is what follows the length: cookie and transaction id */

    if (attr->type == NGX_MRA_STUN_XOR_MAPPED_ADDRESS) {
        ngx_mra_stun_xor(port, 2, m->start + 4);
        ngx_mra_stun_xor(addr, n, m->start + 4);
    }

    return NGX_OK;
}


static void
ngx_mra_stun_xor(u_char *p, size_t len, u_char *key)
{
    while (len--) {
        p[len] ^= key[len];
    }
}


ngx_int_t
ngx_mra_stun_decode_error(ngx_mra_stun_attr_t *attr, ngx_uint_t *code,
    ngx_str_t *reason)
{
    u_char      *p;
    ngx_uint_t   class;

    p = attr->value.data;

    if (attr->value.len < 4) {
        return NGX_ERROR;
    }

    class = p[2] & 0x07;

    if (class < 3 || class > 6 || p[3] > 99) {
        return NGX_ERROR;
    }

    *code = class * 100 + p[3];

    reason->len = attr->value.len - 4;
    reason->data = p + 4;

    return NGX_OK;
}


void
ngx_mra_stun_init(ngx_mra_stun_buf_t *b, u_char *start, u_char *end,
    ngx_uint_t type, u_char *id)
{
    u_char  *p;

    b->start = start;
    b->pos = NULL;
    b->end = end;

    if (end - start < NGX_MRA_STUN_HEADER_LEN) {
        return;
    }

    p = ngx_mra_stun_put16(start, type);
    p = ngx_mra_stun_put16(p, 0);
    p = ngx_mra_stun_put32(p, NGX_MRA_STUN_COOKIE);
    b->pos = ngx_cpymem(p, id, NGX_MRA_STUN_ID_LEN);
}


void
ngx_mra_stun_add(ngx_mra_stun_buf_t *b, ngx_uint_t type, u_char *data,
    size_t len)
{
    u_char  *p;

    p = ngx_mra_stun_reserve(b, type, len);

    if (p && len) {
        ngx_memcpy(p, data, len);
    }
}


/* the place of a value of len bytes, with its padding zeroed */

static u_char *
ngx_mra_stun_reserve(ngx_mra_stun_buf_t *b, ngx_uint_t type, size_t len)
{
    u_char  *p;

    if (b->pos == NULL) {
        return NULL;
    }

    if (len > 0xffff
        || (size_t) (b->end - b->pos)
           < NGX_MRA_STUN_ATTR_LEN + ngx_align(len, 4))
    {
        b->pos = NULL;
        return NULL;
    }

    p = ngx_mra_stun_put16(b->pos, type);
    p = ngx_mra_stun_put16(p, len);

    b->pos = p + ngx_align(len, 4);

    ngx_memzero(p + len, b->pos - (p + len));

    return p;
}


void
ngx_mra_stun_add_address(ngx_mra_stun_buf_t *b, struct sockaddr *sa)
{
    u_char               *p, *addr, *port;
    size_t                n;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        n = 4;
        port = (u_char *) &sin->sin_port;
        addr = (u_char *) &sin->sin_addr;
        break;

#if (NGX_HAVE_INET6)

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        n = 16;
        port = (u_char *) &sin6->sin6_port;
        addr = (u_char *) &sin6->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            n = 4;
            addr += 12;
        }

        break;

#endif

    default:
        return;
    }

    p = ngx_mra_stun_reserve(b, NGX_MRA_STUN_XOR_MAPPED_ADDRESS, 4 + n);

    if (p == NULL) {
        return;
    }

    *p++ = 0;
    *p++ = (n == 4) ? NGX_MRA_STUN_IPV4 : NGX_MRA_STUN_IPV6;

    ngx_memcpy(p, port, 2);
    ngx_mra_stun_xor(p, 2, b->start + 4);

    ngx_memcpy(p + 2, addr, n);
    ngx_mra_stun_xor(p + 2, n, b->start + 4);
}


void
ngx_mra_stun_add_error(ngx_mra_stun_buf_t *b, ngx_uint_t code,
    ngx_str_t *reason)
{
    u_char  *p;

    p = ngx_mra_stun_reserve(b, NGX_MRA_STUN_ERROR_CODE, 4 + reason->len);

    if (p == NULL) {
        return;
    }

    p = ngx_mra_stun_put16(p, 0);
    *p++ = code / 100;
    *p++ = code % 100;

    if (reason->len) {
        ngx_memcpy(p, reason->data, reason->len);
    }
}


void
ngx_mra_stun_add_unknown(ngx_mra_stun_buf_t *b, ngx_mra_stun_t *m)
{
    u_char      *p, *pos;
    ngx_uint_t   type;

    p = ngx_mra_stun_reserve(b, NGX_MRA_STUN_UNKNOWN_ATTRIBUTES,
                             ngx_mra_stun_unknown(m) * 2);
    if (p == NULL) {
        return;
    }

    pos = NULL;

    while (ngx_mra_stun_next_unknown(m, &pos, &type) == NGX_OK) {
        p = ngx_mra_stun_put16(p, type);
    }
}


size_t
ngx_mra_stun_end(ngx_mra_stun_buf_t *b, ngx_uint_t fingerprint)
{
    u_char  *p;
    size_t   len;

    p = NULL;

    if (fingerprint) {
        p = ngx_mra_stun_reserve(b, NGX_MRA_STUN_FINGERPRINT, 4);
    }

    if (b->pos == NULL) {
        return 0;
    }

    len = b->pos - b->start - NGX_MRA_STUN_HEADER_LEN;

    if (len > 0xffff) {
        return 0;
    }

    ngx_mra_stun_put16(b->start + 2, len);

    /* the length covers FINGERPRINT, the checksum ends before it */

    if (p) {
        ngx_mra_stun_put32(p, ngx_mra_stun_crc32(b->start,
                                                 p - NGX_MRA_STUN_ATTR_LEN));
    }

    return NGX_MRA_STUN_HEADER_LEN + len;
}


static u_char *
ngx_mra_stun_put16(u_char *p, ngx_uint_t n)
{
    *p++ = (u_char) (n >> 8);
    *p++ = (u_char) n;

    return p;
}


static u_char *
ngx_mra_stun_put32(u_char *p, uint32_t n)
{
    p = ngx_mra_stun_put16(p, n >> 16);

    return ngx_mra_stun_put16(p, n & 0xffff);
}


/* CRC-32 of ITU V.42, four bits at a time, as FINGERPRINT wants it */

static uint32_t
ngx_mra_stun_crc32(u_char *p, u_char *last)
{
    uint32_t  crc;

    static const uint32_t  table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
        0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c
    };

    crc = 0xffffffff;

    while (p < last) {
        crc ^= *p++;
        crc = table[crc & 0x0f] ^ (crc >> 4);
        crc = table[crc & 0x0f] ^ (crc >> 4);
    }

    return crc ^ 0xffffffff ^ NGX_MRA_STUN_FINGERPRINT_XOR;
}
