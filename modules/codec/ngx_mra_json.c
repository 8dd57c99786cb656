
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_json.h"


typedef struct {
    u_char  *pos;
    u_char  *last;
} ngx_mra_json_text_t;


static void ngx_mra_json_blank(ngx_mra_json_text_t *t);
static ngx_uint_t ngx_mra_json_take(ngx_mra_json_text_t *t, u_char ch);
static ngx_int_t ngx_mra_json_member(ngx_mra_json_text_t *t,
    ngx_mra_json_member_t *m);
static ngx_int_t ngx_mra_json_word(ngx_mra_json_text_t *t,
    ngx_mra_json_member_t *m);
static ngx_int_t ngx_mra_json_digits(ngx_mra_json_text_t *t,
    ngx_mra_json_member_t *m);
static ngx_int_t ngx_mra_json_unquote(ngx_mra_json_text_t *t,
    ngx_str_t *value);
static ngx_int_t ngx_mra_json_escaped(ngx_mra_json_text_t *t, u_char **dst);
static ngx_int_t ngx_mra_json_hex(ngx_mra_json_text_t *t, uint32_t *code);


ngx_int_t
ngx_mra_json_read(ngx_str_t *text, ngx_mra_json_member_t *members,
    ngx_uint_t *n)
{
    ngx_uint_t            i, max;
    ngx_mra_json_text_t   t;

    max = *n;
    *n = 0;

    t.pos = text->data;
    t.last = text->data + text->len;

    if (!ngx_mra_json_take(&t, '{')) {
        return NGX_ERROR;
    }

    if (ngx_mra_json_take(&t, '}')) {
        goto end;
    }

    do {
        if (*n == max
            || ngx_mra_json_member(&t, &members[*n]) != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (i = 0; i < *n; i++) {
            if (members[i].name.len == members[*n].name.len
                && ngx_memcmp(members[i].name.data, members[*n].name.data,
                              members[i].name.len)
                   == 0)
            {
                return NGX_ERROR;
            }
        }

        (*n)++;

    } while (ngx_mra_json_take(&t, ','));

    if (!ngx_mra_json_take(&t, '}')) {
        return NGX_ERROR;
    }

end:

    ngx_mra_json_blank(&t);

    return t.pos == t.last ? NGX_OK : NGX_ERROR;
}


static void
ngx_mra_json_blank(ngx_mra_json_text_t *t)
{
    while (t->pos < t->last
           && (*t->pos == ' ' || *t->pos == '\t' || *t->pos == CR
               || *t->pos == LF))
    {
        t->pos++;
    }
}


static ngx_uint_t
ngx_mra_json_take(ngx_mra_json_text_t *t, u_char ch)
{
    ngx_mra_json_blank(t);

    if (t->pos == t->last || *t->pos != ch) {
        return 0;
    }

    t->pos++;

    return 1;
}


static ngx_int_t
ngx_mra_json_member(ngx_mra_json_text_t *t, ngx_mra_json_member_t *m)
{
    ngx_memzero(m, sizeof(ngx_mra_json_member_t));

    if (!ngx_mra_json_take(t, '"')
        || ngx_mra_json_unquote(t, &m->name) != NGX_OK
        || !ngx_mra_json_take(t, ':'))
    {
        return NGX_ERROR;
    }

    if (ngx_mra_json_take(t, '"')) {
        m->type = NGX_MRA_JSON_STRING;
        return ngx_mra_json_unquote(t, &m->string);
    }

    if (t->pos < t->last && *t->pos >= '0' && *t->pos <= '9') {
        return ngx_mra_json_digits(t, m);
    }

    return ngx_mra_json_word(t, m);
}


static ngx_int_t
ngx_mra_json_word(ngx_mra_json_text_t *t, ngx_mra_json_member_t *m)
{
    size_t                        len;
    ngx_uint_t                    i;
    const ngx_mra_json_member_t  *w;

    static const ngx_mra_json_member_t  words[] = {
        { ngx_string("null"), NGX_MRA_JSON_NULL, 0, ngx_null_string },
        { ngx_string("true"), NGX_MRA_JSON_BOOL, 1, ngx_null_string },
        { ngx_string("false"), NGX_MRA_JSON_BOOL, 0, ngx_null_string }
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        w = &words[i];
        len = w->name.len;

        if ((size_t) (t->last - t->pos) >= len
            && ngx_memcmp(t->pos, w->name.data, len) == 0)
        {
            m->type = w->type;
            m->number = w->number;
            t->pos += len;

            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_mra_json_digits(ngx_mra_json_text_t *t, ngx_mra_json_member_t *m)
{
    u_char      *start;
    ngx_uint_t   n, digit;

    start = t->pos;
    n = 0;

    for ( /* void */ ; t->pos < t->last; t->pos++) {

        if (*t->pos < '0' || *t->pos > '9') {
            break;
        }

        digit = *t->pos - '0';

        if (n > (NGX_MAX_INT_T_VALUE - digit) / 10) {
            return NGX_ERROR;
        }

        n = n * 10 + digit;
    }

    if (*start == '0' && t->pos - start > 1) {
        return NGX_ERROR;
    }

    m->type = NGX_MRA_JSON_NUMBER;
    m->number = n;

    return NGX_OK;
}


/* after the first quote; in place: nothing gets longer */

static ngx_int_t
ngx_mra_json_unquote(ngx_mra_json_text_t *t, ngx_str_t *value)
{
    u_char  ch, *dst;

    dst = t->pos;
    value->data = dst;

    while (t->pos < t->last) {
        ch = *t->pos++;

        if (ch == '"') {
            value->len = dst - value->data;
            return NGX_OK;
        }

        if (ch < 0x20) {
            return NGX_ERROR;
        }

        if (ch != '\\') {
            *dst++ = ch;
            continue;
        }

        if (ngx_mra_json_escaped(t, &dst) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_mra_json_escaped(ngx_mra_json_text_t *t, u_char **dst)
{
    u_char    *p;
    uint32_t   code, low;

    static const u_char  names[] = "\"\\/bfnrt";
    static const u_char  values[] = "\"\\/\b\f\n\r\t";

    if (t->pos == t->last) {
        return NGX_ERROR;
    }

    if (*t->pos != 'u') {
        p = memchr(names, *t->pos++, sizeof(names) - 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        *(*dst)++ = values[p - names];
        return NGX_OK;
    }

    if (ngx_mra_json_hex(t, &code) != NGX_OK || code == 0
        || (code >= 0xdc00 && code <= 0xdfff))
    {
        return NGX_ERROR;
    }

    /* a pair of surrogates (RFC 8259, 7) */

    if (code >= 0xd800 && code <= 0xdbff) {

        if (t->last - t->pos < 2 || *t->pos++ != '\\'
            || ngx_mra_json_hex(t, &low) != NGX_OK
            || low < 0xdc00 || low > 0xdfff)
        {
            return NGX_ERROR;
        }

        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }

    p = *dst;

    if (code < 0x80) {
        *p++ = (u_char) code;

    } else if (code < 0x800) {
        *p++ = (u_char) (0xc0 | code >> 6);
        *p++ = (u_char) (0x80 | (code & 0x3f));

    } else if (code < 0x10000) {
        *p++ = (u_char) (0xe0 | code >> 12);
        *p++ = (u_char) (0x80 | (code >> 6 & 0x3f));
        *p++ = (u_char) (0x80 | (code & 0x3f));

    } else {
        *p++ = (u_char) (0xf0 | code >> 18);
        *p++ = (u_char) (0x80 | (code >> 12 & 0x3f));
        *p++ = (u_char) (0x80 | (code >> 6 & 0x3f));
        *p++ = (u_char) (0x80 | (code & 0x3f));
    }

    *dst = p;

    return NGX_OK;
}


/* "u" and four digits */

static ngx_int_t
ngx_mra_json_hex(ngx_mra_json_text_t *t, uint32_t *code)
{
    u_char      ch;
    ngx_uint_t  i;

    if (t->last - t->pos < 5 || *t->pos != 'u') {
        return NGX_ERROR;
    }

    *code = 0;

    for (i = 1; i <= 4; i++) {
        ch = t->pos[i] | 0x20;

        if (t->pos[i] >= '0' && t->pos[i] <= '9') {
            *code = *code << 4 | (t->pos[i] - '0');

        } else if (ch >= 'a' && ch <= 'f') {
            *code = *code << 4 | (ch - 'a' + 10);

        } else {
            return NGX_ERROR;
        }
    }

    t->pos += 5;

    return NGX_OK;
}
