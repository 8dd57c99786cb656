
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_json.h"


static ngx_uint_t ngx_http_mra_json_name(ngx_http_mra_json_t *j, char *name);
static ngx_uint_t ngx_http_mra_json_is_asked(ngx_http_mra_json_t *j,
    ngx_str_t *name);
static void ngx_http_mra_json_quote(ngx_http_mra_json_t *j, ngx_str_t *value);


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
