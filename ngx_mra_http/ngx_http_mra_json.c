
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_json.h"


typedef struct {
    u_char  *pos;
    u_char  *last;
} ngx_http_mra_json_text_t;


static ngx_uint_t ngx_http_mra_json_name(ngx_http_mra_json_t *j, char *name);
static ngx_uint_t ngx_http_mra_json_is_asked(ngx_http_mra_json_t *j,
    ngx_str_t *name);
static void ngx_http_mra_json_quote(ngx_http_mra_json_t *j, ngx_str_t *value);

static void ngx_http_mra_json_blank(ngx_http_mra_json_text_t *t);
static ngx_uint_t ngx_http_mra_json_take(ngx_http_mra_json_text_t *t,
    u_char ch);
static ngx_int_t ngx_http_mra_json_member(ngx_http_mra_json_text_t *t,
    ngx_http_mra_json_member_t *m);
static ngx_int_t ngx_http_mra_json_word(ngx_http_mra_json_text_t *t,
    ngx_http_mra_json_member_t *m);
static ngx_int_t ngx_http_mra_json_digits(ngx_http_mra_json_text_t *t,
    ngx_http_mra_json_member_t *m);
static ngx_int_t ngx_http_mra_json_unquote(ngx_http_mra_json_text_t *t,
    ngx_str_t *value);
static ngx_int_t ngx_http_mra_json_escaped(ngx_http_mra_json_text_t *t,
    u_char **dst);
static ngx_int_t ngx_http_mra_json_hex(ngx_http_mra_json_text_t *t,
    uint32_t *code);


void
ngx_http_mra_json_init(ngx_http_mra_json_t *j, ngx_pool_t *pool)
{
    ngx_memzero(j, sizeof(ngx_http_mra_json_t));

    ngx_http_mra_output_init(&j->out, pool);
}


void
ngx_http_mra_json_key(ngx_http_mra_json_t *j, ngx_str_t *name)
{
    j->key = *name;
}


void
ngx_http_mra_json_open(ngx_http_mra_json_t *j, char *name, u_char ch)
{
    if (!ngx_http_mra_json_name(j, name)) {
        j->skipped++;
        return;
    }

    ngx_http_mra_output_write(&j->out, &ch, 1);

    j->depth++;
    j->comma = 0;
}


void
ngx_http_mra_json_close(ngx_http_mra_json_t *j, u_char ch)
{
    if (j->skipped) {
        j->skipped--;
        return;
    }

    ngx_http_mra_output_write(&j->out, &ch, 1);

    j->depth--;
    j->comma = 1;
}


void
ngx_http_mra_json_string(ngx_http_mra_json_t *j, char *name, ngx_str_t *value)
{
    if (value->data == NULL) {
        ngx_http_mra_json_null(j, name);
        return;
    }

    if (ngx_http_mra_json_name(j, name)) {
        ngx_http_mra_json_quote(j, value);
    }
}


void
ngx_http_mra_json_text(ngx_http_mra_json_t *j, char *name, const char *value)
{
    ngx_str_t  s;

    s.data = (u_char *) value;
    s.len = ngx_strlen(value);

    ngx_http_mra_json_string(j, name, &s);
}


void
ngx_http_mra_json_number(ngx_http_mra_json_t *j, char *name, int64_t value)
{
    if (ngx_http_mra_json_name(j, name)) {
        ngx_http_mra_output_printf(&j->out, "%L", value);
    }
}


void
ngx_http_mra_json_bool(ngx_http_mra_json_t *j, char *name, ngx_uint_t value)
{
    if (ngx_http_mra_json_name(j, name)) {
        ngx_http_mra_output_printf(&j->out, "%s", value ? "true" : "false");
    }
}


void
ngx_http_mra_json_null(ngx_http_mra_json_t *j, char *name)
{
    if (ngx_http_mra_json_name(j, name)) {
        ngx_http_mra_output_printf(&j->out, "null");
    }
}


void
ngx_http_mra_json_time(ngx_http_mra_json_t *j, char *name, time_t value)
{
    ngx_tm_t  tm;

    if (value == 0) {
        ngx_http_mra_json_null(j, name);
        return;
    }

    if (ngx_http_mra_json_name(j, name)) {
        ngx_gmtime(value, &tm);

        ngx_http_mra_output_printf(&j->out,
                                   "\"%4d-%02d-%02dT%02d:%02d:%02dZ\"",
                                   tm.ngx_tm_year, tm.ngx_tm_mon,
                                   tm.ngx_tm_mday, tm.ngx_tm_hour,
                                   tm.ngx_tm_min, tm.ngx_tm_sec);
    }
}


/* what stands before a value; returns 0 if it is not to be written */

static ngx_uint_t
ngx_http_mra_json_name(ngx_http_mra_json_t *j, char *name)
{
    ngx_str_t  key;

    key = j->key;
    ngx_str_null(&j->key);

    if (name) {
        key.data = (u_char *) name;
        key.len = ngx_strlen(name);
    }

    if (j->skipped
        || (key.data && j->fields.data && j->depth == j->level
            && !ngx_http_mra_json_is_asked(j, &key)))
    {
        return 0;
    }

    if (j->comma) {
        ngx_http_mra_output_write(&j->out, ",", 1);
    }

    j->comma = 1;

    if (key.data) {
        ngx_http_mra_json_quote(j, &key);
        ngx_http_mra_output_write(&j->out, ":", 1);
    }

    return 1;
}


static ngx_uint_t
ngx_http_mra_json_is_asked(ngx_http_mra_json_t *j, ngx_str_t *name)
{
    u_char  *p, *end, *last;

    p = j->fields.data;
    last = p + j->fields.len;

    while (p <= last) {
        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) == name->len
            && ngx_memcmp(p, name->data, name->len) == 0)
        {
            return 1;
        }

        p = end + 1;
    }

    return 0;
}


static void
ngx_http_mra_json_quote(ngx_http_mra_json_t *j, ngx_str_t *value)
{
    u_char    *p, *from, *start, *last;
    uint32_t   code;

    ngx_http_mra_output_write(&j->out, "\"", 1);

    p = value->data;
    last = p + value->len;
    from = p;

    while (p < last) {

        if (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\') {
            p++;
            continue;
        }

        start = p;
        code = (*p < 0x80) ? *p++ : ngx_utf8_decode(&p, last - p);

        /* surrogates and what is too long are no UTF-8 (RFC 3629, 3) */

        if (code >= 0xa0 && code <= 0x10ffff
            && (code < 0xd800 || code > 0xdfff))
        {
            continue;
        }

        if (code > 0x10ffff || code >= 0xd800) {
            code = 0xfffd;
            p = start + 1;
        }

        ngx_http_mra_output_write(&j->out, from, start - from);
        from = p;

        if (code == '"' || code == '\\') {
            ngx_http_mra_output_printf(&j->out, "\\%c", (int) code);

        } else {
            ngx_http_mra_output_printf(&j->out, "\\u%04xD", code);
        }
    }

    ngx_http_mra_output_write(&j->out, from, p - from);
    ngx_http_mra_output_write(&j->out, "\"", 1);
}


ngx_int_t
ngx_http_mra_json_read(ngx_str_t *text, ngx_http_mra_json_member_t *members,
    ngx_uint_t *n)
{
    ngx_uint_t                 i, max;
    ngx_http_mra_json_text_t   t;

    max = *n;
    *n = 0;

    t.pos = text->data;
    t.last = text->data + text->len;

    if (!ngx_http_mra_json_take(&t, '{')) {
        return NGX_ERROR;
    }

    if (ngx_http_mra_json_take(&t, '}')) {
        goto end;
    }

    do {
        if (*n == max
            || ngx_http_mra_json_member(&t, &members[*n]) != NGX_OK)
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

    } while (ngx_http_mra_json_take(&t, ','));

    if (!ngx_http_mra_json_take(&t, '}')) {
        return NGX_ERROR;
    }

end:

    ngx_http_mra_json_blank(&t);

    return t.pos == t.last ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_mra_json_blank(ngx_http_mra_json_text_t *t)
{
    while (t->pos < t->last
           && (*t->pos == ' ' || *t->pos == '\t' || *t->pos == CR
               || *t->pos == LF))
    {
        t->pos++;
    }
}


static ngx_uint_t
ngx_http_mra_json_take(ngx_http_mra_json_text_t *t, u_char ch)
{
    ngx_http_mra_json_blank(t);

    if (t->pos == t->last || *t->pos != ch) {
        return 0;
    }

    t->pos++;

    return 1;
}


static ngx_int_t
ngx_http_mra_json_member(ngx_http_mra_json_text_t *t,
    ngx_http_mra_json_member_t *m)
{
    ngx_memzero(m, sizeof(ngx_http_mra_json_member_t));

    if (!ngx_http_mra_json_take(t, '"')
        || ngx_http_mra_json_unquote(t, &m->name) != NGX_OK
        || !ngx_http_mra_json_take(t, ':'))
    {
        return NGX_ERROR;
    }

    if (ngx_http_mra_json_take(t, '"')) {
        m->type = NGX_HTTP_MRA_JSON_STRING;
        return ngx_http_mra_json_unquote(t, &m->string);
    }

    if (t->pos < t->last && *t->pos >= '0' && *t->pos <= '9') {
        return ngx_http_mra_json_digits(t, m);
    }

    return ngx_http_mra_json_word(t, m);
}


static ngx_int_t
ngx_http_mra_json_word(ngx_http_mra_json_text_t *t,
    ngx_http_mra_json_member_t *m)
{
    size_t                             len;
    ngx_uint_t                         i;
    const ngx_http_mra_json_member_t  *w;

    static const ngx_http_mra_json_member_t  words[] = {
        { ngx_string("null"), NGX_HTTP_MRA_JSON_NULL, 0, ngx_null_string },
        { ngx_string("true"), NGX_HTTP_MRA_JSON_BOOL, 1, ngx_null_string },
        { ngx_string("false"), NGX_HTTP_MRA_JSON_BOOL, 0, ngx_null_string }
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
ngx_http_mra_json_digits(ngx_http_mra_json_text_t *t,
    ngx_http_mra_json_member_t *m)
{
    u_char     *start;
    ngx_int_t   n;

    start = t->pos;

    while (t->pos < t->last && *t->pos >= '0' && *t->pos <= '9') {
        t->pos++;
    }

    n = ngx_atoi(start, t->pos - start);

    if (n == NGX_ERROR || (*start == '0' && t->pos - start > 1)) {
        return NGX_ERROR;
    }

    m->type = NGX_HTTP_MRA_JSON_NUMBER;
    m->number = n;

    return NGX_OK;
}


/* after the first quote; in place: nothing gets longer */

static ngx_int_t
ngx_http_mra_json_unquote(ngx_http_mra_json_text_t *t, ngx_str_t *value)
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

        if (ngx_http_mra_json_escaped(t, &dst) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_mra_json_escaped(ngx_http_mra_json_text_t *t, u_char **dst)
{
    u_char    *p;
    uint32_t   code, low;

    static const u_char  names[] = "\"\\/bfnrt";
    static const u_char  values[] = "\"\\/\b\f\n\r\t";

    if (t->pos == t->last) {
        return NGX_ERROR;
    }

    if (*t->pos != 'u') {
        p = ngx_strlchr((u_char *) names,
                        (u_char *) names + sizeof(names) - 1, *t->pos++);
        if (p == NULL) {
            return NGX_ERROR;
        }

        *(*dst)++ = values[p - names];
        return NGX_OK;
    }

    if (ngx_http_mra_json_hex(t, &code) != NGX_OK || code == 0
        || (code >= 0xdc00 && code <= 0xdfff))
    {
        return NGX_ERROR;
    }

    /* a pair of surrogates (RFC 8259, 7) */

    if (code >= 0xd800 && code <= 0xdbff) {

        if (t->last - t->pos < 2 || *t->pos++ != '\\'
            || ngx_http_mra_json_hex(t, &low) != NGX_OK
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
ngx_http_mra_json_hex(ngx_http_mra_json_text_t *t, uint32_t *code)
{
    ngx_int_t  n;

    if (t->last - t->pos < 5 || *t->pos != 'u') {
        return NGX_ERROR;
    }

    n = ngx_hextoi(t->pos + 1, 4);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    *code = (uint32_t) n;
    t->pos += 5;

    return NGX_OK;
}
