/*
 * Copyright (C) ngx_mra contributors
 */

#define _GNU_SOURCE

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load.h"
#include "sip_msg.h"


static sip_header_e sip_header_id(const char *p, size_t n);
static sip_str_t sip_trim(const char *p, const char *last);


static const struct {
    sip_header_e   id;
    char           compact;
    size_t         n;
    const char    *name;
} sip_names[] = {

#define sip_name(id, compact, name)  { id, compact, sizeof(name) - 1, name }

    sip_name(sip_via, 'v', "Via"),
    sip_name(sip_route, 0, "Route"),
    sip_name(sip_record_route, 0, "Record-Route"),
    sip_name(sip_path, 0, "Path"),
    sip_name(sip_contact, 'm', "Contact"),
    sip_name(sip_from, 'f', "From"),
    sip_name(sip_to, 't', "To"),
    sip_name(sip_call_id, 'i', "Call-ID"),
    sip_name(sip_cseq, 0, "CSeq"),
    sip_name(sip_max_forwards, 0, "Max-Forwards"),
    sip_name(sip_content_length, 'l', "Content-Length"),
    { sip_other, 0, 0, NULL }
};


sip_kind_e
sip_frame(const char *p, size_t n, size_t *len)
{
    size_t       body;
    const char  *end, *h;

    if (p[0] == '\r') {
        *len = 2;
        return n < 2 ? sip_more : sip_crlf;
    }

    if ((unsigned char) p[0] < 2) {
        *len = n < 4 ? 4 : 20 + (((unsigned char) p[2] << 8)
                                 | (unsigned char) p[3]);
        return n < *len ? sip_more : sip_stun;
    }

    end = memmem(p, n, "\r\n\r\n", 4);
    if (end == NULL) {
        return sip_more;
    }

    body = 0;

    for (h = p; h < end; h = memchr(h, '\n', end + 2 - h) + 1) {

        if ((h[0] | 0x20) == 'c'
            && strncasecmp(h, "Content-Length:", 15) == 0)
        {
            body = strtoul(h + 15, NULL, 10);

        } else if ((h[0] | 0x20) == 'l' && h[1] == ':') {
            body = strtoul(h + 2, NULL, 10);
        }
    }

    *len = end + 4 - p + body;

    return n < *len ? sip_more : sip_message;
}


void
sip_parse(sip_msg_t *m, const char *p, size_t n)
{
    const char    *eol, *colon, *last, *sp;
    sip_header_t  *h;

    last = p + n;
    eol = memchr(p, '\n', n);
    sp = memchr(p, ' ', eol - p);

    if (sp == NULL) {
        load_fatal("no start line:\n%.*s", (int) n, p);
    }

    m->start.p = p;
    m->start.n = eol + 1 - p;
    m->method.p = p;
    m->method.n = sp - p;
    m->status = 0;
    m->uri.p = sp + 1;

    if (strncmp(p, "SIP/2.0 ", 8) == 0) {
        m->status = atoi(sp + 1);
        m->uri.n = 0;

    } else {
        sp = memchr(m->uri.p, ' ', eol - m->uri.p);
        m->uri.n = sp ? sp - m->uri.p : 0;
    }

    m->nheaders = 0;

    for (p = eol + 1; *p != '\r'; p = eol + 1) {
        eol = memchr(p, '\n', last - p);
        colon = memchr(p, ':', eol - p);

        if (colon == NULL || m->nheaders == SIP_MAX_HEADERS) {
            load_fatal("cannot read:\n%.*s", (int) n, m->start.p);
        }

        h = &m->headers[m->nheaders++];
        h->line.p = p;
        h->line.n = eol + 1 - p;
        h->value = sip_trim(colon + 1, eol);
        h->id = sip_header_id(p, colon - p);
    }

    m->body.p = p + 2;
    m->body.n = last - p - 2;
}


static sip_header_e
sip_header_id(const char *p, size_t n)
{
    unsigned  i;

    for (i = 0; sip_names[i].name; i++) {

        if (n == 1 ? (p[0] | 0x20) == sip_names[i].compact
                   : n == sip_names[i].n
                     && strncasecmp(p, sip_names[i].name, n) == 0)
        {
            return sip_names[i].id;
        }
    }

    return sip_other;
}


static sip_str_t
sip_trim(const char *p, const char *last)
{
    sip_str_t  s;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (last > p && (last[-1] == ' ' || last[-1] == '\r')) {
        last--;
    }

    s.p = p;
    s.n = last - p;

    return s;
}


sip_header_t *
sip_find(sip_msg_t *m, sip_header_e id)
{
    unsigned  i;

    for (i = 0; i < m->nheaders; i++) {
        if (m->headers[i].id == id) {
            return &m->headers[i];
        }
    }

    return NULL;
}


sip_str_t
sip_value(sip_msg_t *m, sip_header_e id)
{
    sip_header_t  *h;

    h = sip_find(m, id);

    if (h == NULL) {
        load_fatal("header %d is missing:\n%.*s", id,
                   (int) (m->body.p - m->start.p), m->start.p);
    }

    return h->value;
}


sip_str_t
sip_next_value(sip_str_t *list)
{
    int          quoted, angle;
    sip_str_t    s;
    const char  *p, *last;

    quoted = 0;
    angle = 0;
    last = list->p + list->n;

    for (p = list->p; p < last; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (!quoted && *p == '<') {
            angle = 1;

        } else if (!quoted && *p == '>') {
            angle = 0;

        } else if (!quoted && !angle && *p == ',') {
            break;
        }
    }

    s = sip_trim(list->p, p);

    list->p = p < last ? p + 1 : last;
    list->n = last - list->p;

    return s;
}


sip_str_t
sip_addr_uri(sip_str_t value)
{
    const char  *p, *end;

    p = memchr(value.p, '<', value.n);

    if (p) {
        p++;
        end = memchr(p, '>', value.p + value.n - p);

    } else {
        p = value.p;
        end = memchr(p, ';', value.n);
    }

    value.n = (end ? end : value.p + value.n) - p;
    value.p = p;

    return value;
}


sip_str_t
sip_uri_user(sip_str_t uri)
{
    sip_str_t    s;
    const char  *colon, *at;

    colon = memchr(uri.p, ':', uri.n);
    at = memchr(uri.p, '@', uri.n);

    s.p = colon ? colon + 1 : uri.p;
    s.n = at && at > s.p ? (size_t) (at - s.p) : 0;

    return s;
}


sip_str_t
sip_uri_host(sip_str_t uri)
{
    sip_str_t    s;
    const char  *p, *last;

    last = uri.p + uri.n;
    p = memchr(uri.p, '@', uri.n);

    if (p == NULL) {
        p = memchr(uri.p, ':', uri.n);
    }

    s.p = p ? p + 1 : uri.p;

    for (p = s.p; p < last && *p != ';' && *p != '?' && *p != '>'; p++) {
        /* void */
    }

    s.n = p - s.p;

    return s;
}


int
sip_is(sip_str_t s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}


void
sip_put(sip_out_t *out, sip_str_t s)
{
    if (out->n + s.n > sizeof(out->p)) {
        load_fatal("a message is longer than %d bytes", SIP_MAX_MESSAGE);
    }

    memcpy(out->p + out->n, s.p, s.n);
    out->n += s.n;
}


void
sip_putf(sip_out_t *out, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(out->p + out->n, sizeof(out->p) - out->n, fmt, args);
    va_end(args);

    if (n < 0 || out->n + n >= sizeof(out->p)) {
        load_fatal("a message is longer than %d bytes", SIP_MAX_MESSAGE);
    }

    out->n += n;
}


void
sip_put_headers(sip_out_t *out, sip_msg_t *m, sip_header_e id)
{
    unsigned  i;

    for (i = 0; i < m->nheaders; i++) {
        if (m->headers[i].id == id) {
            sip_put(out, m->headers[i].line);
        }
    }
}
