
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_SPAN_H_INCLUDED_
#define _NGX_MRA_SPAN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * A span is an ngx_str_t that points into somebody else's bytes.  It is
 * never terminated and never owned.  The functions below are what a codec
 * needs of ngx_string.c, without its object file.
 */


#define ngx_mra_span_end(s)      ((s)->data + (s)->len)

/* "name" is a string literal */

#define ngx_mra_span_is(s, name)                                              \
    ngx_mra_span_eq(s, (u_char *) name, sizeof(name) - 1)

#define ngx_mra_span_case_is(s, name)                                         \
    ngx_mra_span_case_eq(s, (u_char *) name, sizeof(name) - 1)


static ngx_inline void
ngx_mra_span_set(ngx_str_t *s, u_char *p, u_char *last)
{
    s->data = p;
    s->len = last - p;
}


static ngx_inline ngx_uint_t
ngx_mra_span_eq(ngx_str_t *s, u_char *p, size_t len)
{
    return s->len == len && ngx_memcmp(s->data, p, len) == 0;
}


/* ASCII letters match in either case */

static ngx_inline ngx_uint_t
ngx_mra_span_case_eq(ngx_str_t *s, u_char *p, size_t len)
{
    size_t  i;

    if (s->len != len) {
        return 0;
    }

    /* nearly always it is the same case, and len mostly a constant */

    if (ngx_memcmp(s->data, p, len) == 0) {
        return 1;
    }

    for (i = 0; i < len; i++) {
        if (s->data[i] != p[i]
            && ngx_tolower(s->data[i]) != ngx_tolower(p[i]))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * 1*DIGIT, nothing else, into *n.
 *
 * NGX_OK; NGX_DECLINED: well-formed, but more than max, and *n is max;
 * NGX_ERROR: no number, *n is untouched.
 */

static ngx_inline ngx_int_t
ngx_mra_span_number(ngx_str_t *s, uint32_t max, uint32_t *n)
{
    size_t    i;
    uint64_t  v;

    if (s->len == 0) {
        return NGX_ERROR;
    }

    v = 0;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return NGX_ERROR;
        }

        if (v <= max) {
            v = v * 10 + (s->data[i] - '0');
        }
    }

    if (v > max) {
        *n = max;
        return NGX_DECLINED;
    }

    *n = (uint32_t) v;

    return NGX_OK;
}


#endif /* _NGX_MRA_SPAN_H_INCLUDED_ */
