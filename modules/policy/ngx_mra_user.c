
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_span.h"
#include "ngx_mra_user.h"


static ngx_int_t ngx_mra_user_split(ngx_str_t *name, ngx_str_t *domain,
    u_char *p, u_char *last);
static u_char *ngx_mra_user_find_last(u_char *p, u_char *last, u_char ch);
static ngx_int_t ngx_mra_user_copy(ngx_str_t *user, ngx_str_t *part);
static size_t ngx_mra_user_char(u_char *p, u_char *last);
static void ngx_mra_user_trim(ngx_str_t *s);


ngx_int_t
ngx_mra_user_parse(ngx_str_t *user, u_char *p, u_char *last,
    ngx_str_t *domain, u_char *buf)
{
    ngx_str_t  name, own;

    if (ngx_mra_user_split(&name, &own, p, last) != NGX_OK) {
        return NGX_ERROR;
    }

    user->len = 0;
    user->data = buf;

    if (ngx_mra_user_copy(user, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (own.data == NULL) {

        if (domain == NULL || domain->len == 0) {
            return NGX_OK;
        }

        own = *domain;
    }

    if (user->len == NGX_MRA_USER_LEN) {
        return NGX_ERROR;
    }

    user->data[user->len++] = '@';

    while (own.len && (own.data[own.len - 1] == '.'
                       || own.data[own.len - 1] == ' '))
    {
        own.len--;
    }

    return ngx_mra_user_copy(user, &own);
}


/* domain->data is NULL if there is none */

static ngx_int_t
ngx_mra_user_split(ngx_str_t *name, ngx_str_t *domain, u_char *p,
    u_char *last)
{
    u_char  *at, *slash;

    at = ngx_mra_user_find_last(p, last, '@');
    slash = ngx_mra_user_find_last(p, last, '\\');

    if (slash) {

        if (at || memchr(p, '\\', slash - p)) {
            return NGX_ERROR;
        }

        ngx_mra_span_set(domain, p, slash);
        ngx_mra_span_set(name, slash + 1, last);

    } else if (at) {
        ngx_mra_span_set(name, p, at);
        ngx_mra_span_set(domain, at + 1, last);

    } else {
        ngx_mra_span_set(name, p, last);
        ngx_str_null(domain);
    }

    return NGX_OK;
}


static u_char *
ngx_mra_user_find_last(u_char *p, u_char *last, u_char ch)
{
    while (last > p) {
        if (*--last == ch) {
            return last;
        }
    }

    return NULL;
}


/* appends the normal form of a part, that must not be empty */

static ngx_int_t
ngx_mra_user_copy(ngx_str_t *user, ngx_str_t *part)
{
    u_char  *p, *last, *dst;
    size_t   n;

    ngx_mra_user_trim(part);

    if (part->len == 0) {
        return NGX_ERROR;
    }

    p = part->data;
    last = p + part->len;
    dst = user->data + user->len;

    for ( /* void */ ; p < last; p += n) {

        n = ngx_mra_user_char(p, last);

        if (n == 0 || n > NGX_MRA_USER_LEN - user->len) {
            return NGX_ERROR;
        }

        if (*p == ' ' && p[-1] == ' ') {
            continue;
        }

        if (n == 1) {
            *dst++ = ngx_tolower(*p);

        } else {
            dst = ngx_cpymem(dst, p, n);
        }

        user->len += n;
    }

    return NGX_OK;
}


static void
ngx_mra_user_trim(ngx_str_t *s)
{
    while (s->len && s->data[0] == ' ') {
        s->data++;
        s->len--;
    }

    while (s->len && s->data[s->len - 1] == ' ') {
        s->len--;
    }
}


/*
 * The length of the character at p (RFC 3629, 4), 0 if it is not well-formed
 * or a control character.
 */

static size_t
ngx_mra_user_char(u_char *p, u_char *last)
{
    size_t      i, n;
    uint32_t    c;

    /* of a length; U+0080 to U+009F are controls */

    static const uint32_t  min[] = { 0, 0, 0xa0, 0x800, 0x10000 };

    if (*p < 0x80) {
        return *p >= 0x20 && *p != 0x7f;
    }

    if ((*p & 0xe0) == 0xc0) {
        n = 2;
        c = *p & 0x1f;

    } else if ((*p & 0xf0) == 0xe0) {
        n = 3;
        c = *p & 0x0f;

    } else if ((*p & 0xf8) == 0xf0) {
        n = 4;
        c = *p & 0x07;

    } else {
        return 0;
    }

    if ((size_t) (last - p) < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {

        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3f);
    }

    if (c < min[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }

    return n;
}
