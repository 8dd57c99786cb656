
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_span.h"
#include "ngx_mra_stun.h"
#include "ngx_mra_sip_lex.h"
#include "ngx_mra_frame.h"


/* what a Content-Length of 2^31 or more is taken for */

#define NGX_MRA_FRAME_MAX_LENGTH  0x7fffffff


static ngx_int_t ngx_mra_frame_crlf(ngx_mra_frame_t *f, u_char *p,
    u_char *last);
static ngx_int_t ngx_mra_frame_stun(ngx_mra_frame_t *f, size_t max, u_char *p,
    u_char *last);
static ngx_int_t ngx_mra_frame_sip(ngx_mra_frame_t *f, size_t max_head,
    size_t max_message, u_char *p, u_char *last);
static ngx_int_t ngx_mra_frame_head(ngx_mra_frame_t *f, u_char *p,
    u_char *last);
static void ngx_mra_frame_field(ngx_mra_frame_t *f, u_char *p, u_char *last);
static u_char *ngx_mra_frame_length_value(u_char *p, u_char *last);
static ngx_int_t ngx_mra_frame_wait(ngx_mra_frame_t *f, u_char *p,
    u_char *last);
static ngx_int_t ngx_mra_frame_error(ngx_mra_frame_t *f, ngx_uint_t reason);


ngx_int_t
ngx_mra_frame_next(ngx_mra_frame_t *f, size_t max_head, size_t max_message,
    u_char *p, u_char *last)
{
    ngx_uint_t  crlf;

    if (f->reason) {
        return NGX_ERROR;
    }

    if (f->done) {
        crlf = (f->type == NGX_MRA_FRAME_PONG);
        ngx_memzero(f, sizeof(ngx_mra_frame_t));
        f->crlf = crlf;
    }

    if (p == last) {
        return NGX_AGAIN;
    }

    if (*p == CR) {
        return ngx_mra_frame_crlf(f, p, last);
    }

    if (*p <= 0x01) {
        return ngx_mra_frame_stun(f, max_head, p, last);
    }

    if (ngx_mra_sip_is(*p, NGX_MRA_SIP_C_TOKEN)) {
        return ngx_mra_frame_sip(f, max_head, max_message, p, last);
    }

    return ngx_mra_frame_error(f, NGX_MRA_FRAME_BAD_START);
}


static ngx_int_t
ngx_mra_frame_crlf(ngx_mra_frame_t *f, u_char *p, u_char *last)
{
    if (last - p == 1) {
        return NGX_AGAIN;
    }

    if (p[1] != LF) {
        return ngx_mra_frame_error(f, NGX_MRA_FRAME_BAD_START);
    }

    f->type = f->crlf ? NGX_MRA_FRAME_PING : NGX_MRA_FRAME_PONG;
    f->length = 2;
    f->complete = 1;

    return ngx_mra_frame_wait(f, p, last);
}


static ngx_int_t
ngx_mra_frame_stun(ngx_mra_frame_t *f, size_t max, u_char *p, u_char *last)
{
    f->type = NGX_MRA_FRAME_STUN;

    if (last - p < 8) {
        return NGX_AGAIN;
    }

    if (p[4] != 0x21 || p[5] != 0x12 || p[6] != 0xa4 || p[7] != 0x42
        || p[3] % 4)
    {
        return ngx_mra_frame_error(f, NGX_MRA_FRAME_BAD_STUN);
    }

    f->length = NGX_MRA_STUN_HEADER_LEN + (p[2] << 8) + p[3];

    if (f->length > max) {
        return ngx_mra_frame_error(f, NGX_MRA_FRAME_HEAD_TOO_LARGE);
    }

    f->complete = 1;

    return ngx_mra_frame_wait(f, p, last);
}


static ngx_int_t
ngx_mra_frame_sip(ngx_mra_frame_t *f, size_t max_head, size_t max_message,
    u_char *p, u_char *last)
{
    u_char     *end;
    ngx_int_t   rc;

    if (f->complete) {
        return ngx_mra_frame_wait(f, p, last);
    }

    f->type = NGX_MRA_FRAME_SIP;

    end = ngx_min((size_t) (last - p), max_head) + p;

    rc = ngx_mra_frame_head(f, p, end);

    if (rc == NGX_AGAIN && (size_t) (end - p) == max_head) {
        return ngx_mra_frame_error(f, NGX_MRA_FRAME_HEAD_TOO_LARGE);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    f->length += f->head;
    f->complete = 1;

    if (f->broken) {
        return ngx_mra_frame_error(f, NGX_MRA_FRAME_BAD_LENGTH);
    }

    if (!f->counted) {
        return ngx_mra_frame_error(f, NGX_MRA_FRAME_NO_LENGTH);
    }

    if (f->length > max_message) {
        return ngx_mra_frame_error(f, NGX_MRA_FRAME_TOO_LARGE);
    }

    return ngx_mra_frame_wait(f, p, last);
}


/*
 * From p + f->head to the empty line.  A line ends with CRLF; which header
 * field it ends is known by the byte after it, since a fold goes on with
 * white space.  So f->head stays before a CRLF until two bytes follow it.
 */

static ngx_int_t
ngx_mra_frame_head(ngx_mra_frame_t *f, u_char *p, u_char *last)
{
    u_char  *cr, *pos;

    pos = p + f->head;

    for ( ;; ) {
        cr = ngx_mra_sip_find_control(pos, last);

        while (cr < last && *cr != CR && *cr != LF) {
            cr = ngx_mra_sip_find_control(cr + 1, last);
        }

        if (cr < last && *cr == LF) {
            return ngx_mra_frame_error(f, NGX_MRA_FRAME_BAD_LINE);
        }

        f->head = cr - p;

        if (last - cr < 2) {
            return NGX_AGAIN;
        }

        if (cr[1] != LF) {
            return ngx_mra_frame_error(f, NGX_MRA_FRAME_BAD_LINE);
        }

        pos = cr + 2;

        if (pos == last || (*pos == CR && last - pos == 1)) {
            return NGX_AGAIN;
        }

        if (*pos == ' ' || *pos == '\t') {
            continue;
        }

        if (f->field) {
            ngx_mra_frame_field(f, p + f->field, cr);
        }

        f->field = pos - p;

        if (*pos == CR && pos[1] == LF) {
            f->head = pos + 2 - p;
            return NGX_OK;
        }
    }
}


static void
ngx_mra_frame_field(ngx_mra_frame_t *f, u_char *p, u_char *last)
{
    u_char     *v;
    uint32_t    n;
    ngx_str_t   value;

    v = ngx_mra_frame_length_value(p, last);
    if (v == NULL) {
        return;
    }

    v = ngx_mra_sip_skip_lws(v, last);

    ngx_mra_span_set(&value, v, ngx_mra_sip_trim(v, last));

    if (ngx_mra_span_number(&value, NGX_MRA_FRAME_MAX_LENGTH, &n)
        == NGX_ERROR)
    {
        f->broken = 1;
        return;
    }

    if (f->counted && n != f->length) {
        f->broken = 1;
        return;
    }

    f->counted = 1;
    f->length = n;
}


/* what follows the colon if the field, not empty, is this header */

static u_char *
ngx_mra_frame_length_value(u_char *p, u_char *last)
{
    ngx_str_t  name;

    name.data = p;

    switch (*p) {

    case 'L':
    case 'l':
        name.len = 1;
        break;

    case 'C':
    case 'c':
        name.len = sizeof("Content-Length") - 1;

        if ((size_t) (last - p) > name.len
            && ngx_mra_span_case_is(&name, "Content-Length"))
        {
            break;
        }

        return NULL;

    default:
        return NULL;
    }

    p = ngx_mra_sip_skip_lws(p + name.len, last);

    return (p < last && *p == ':') ? p + 1 : NULL;
}


static ngx_int_t
ngx_mra_frame_wait(ngx_mra_frame_t *f, u_char *p, u_char *last)
{
    if ((size_t) (last - p) < f->length) {
        return NGX_AGAIN;
    }

    f->done = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_mra_frame_error(ngx_mra_frame_t *f, ngx_uint_t reason)
{
    f->reason = reason;

    return NGX_ERROR;
}
