
/*
 * Copyright (C) ngx_mra contributors
 *
 * Spans lie within the input; a message is the same whole and cut, and to
 * the framer; an empty plan changes nothing, what was pushed can be popped;
 * an accepted request has an acceptable response.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdlib.h>
#include "ngx_mra_frame.h"
#include "ngx_mra_sip.h"


#define HEADERS  32

#define must(cond)                                                            \
    if (!(cond)) {                                                            \
        abort();                                                              \
    }


typedef struct {
    u_char  *start;
    u_char  *end;
} fuzz_input_t;


static void
fuzz_span(fuzz_input_t *in, ngx_str_t *s)
{
    if (s->data) {
        must(s->data >= in->start && s->data <= in->end);
        must(s->len <= (size_t) (in->end - s->data));

    } else {
        must(s->len == 0);
    }
}


static void
fuzz_params(fuzz_input_t *in, ngx_str_t *params)
{
    ngx_str_t             rest;
    ngx_mra_sip_param_t   param;

    rest = *params;

    while (ngx_mra_sip_next_param(&rest, &param) == NGX_OK) {
        fuzz_span(in, &param.name);
        fuzz_span(in, &param.value);
        fuzz_span(in, &rest);
    }
}


static void
fuzz_uri(fuzz_input_t *in, ngx_str_t *s)
{
    u_char             *buf;
    ngx_mra_sip_uri_t   uri;

    if (ngx_mra_sip_parse_uri(s, &uri) != NGX_OK) {
        return;
    }

    fuzz_span(in, &uri.rest);
    fuzz_span(in, &uri.user);
    fuzz_span(in, &uri.password);
    fuzz_span(in, &uri.host);
    fuzz_span(in, &uri.hostport);
    fuzz_span(in, &uri.params);
    fuzz_span(in, &uri.headers);
    fuzz_params(in, &uri.params);

    buf = malloc(uri.rest.len);
    must(ngx_mra_sip_build_aor(&uri, buf) <= uri.rest.len);
    free(buf);
}


static void
fuzz_values(fuzz_input_t *in, ngx_mra_sip_msg_t *msg, ngx_uint_t id)
{
    ngx_str_t               value;
    ngx_mra_sip_via_t       via;
    ngx_mra_sip_list_t      list;
    ngx_mra_sip_contact_t   contact;

    ngx_mra_sip_list_init(&list, msg, id);

    while (ngx_mra_sip_list_next(&list, &value) == NGX_OK) {
        must(value.len);
        fuzz_span(in, &value);

        if (ngx_mra_sip_parse_contact(&value, &contact) == NGX_OK) {
            fuzz_span(in, &contact.addr.display);
            fuzz_span(in, &contact.addr.uri);
            fuzz_span(in, &contact.addr.params);
            fuzz_span(in, &contact.addr.tag);
            fuzz_span(in, &contact.q);
            fuzz_span(in, &contact.instance);
            fuzz_params(in, &contact.addr.params);
            fuzz_uri(in, &contact.addr.uri);
        }

        if (ngx_mra_sip_parse_via(&value, &via) == NGX_OK) {
            fuzz_span(in, &via.protocol);
            fuzz_span(in, &via.host);
            fuzz_span(in, &via.params);
            fuzz_span(in, &via.branch);
            fuzz_span(in, &via.received);
            fuzz_span(in, &via.rport);
            fuzz_span(in, &via.maddr);
        }
    }
}


static ngx_uint_t
fuzz_check(ngx_mra_sip_msg_t *msg)
{
    ngx_str_t  reason;

    reason.len = 0;

    if (msg->status) {
        if (ngx_mra_sip_check_response(msg, &reason) == NGX_OK) {
            return 1;
        }

    } else if (ngx_mra_sip_check_request(msg, &reason) == 0) {
        return 1;
    }

    must(reason.len);

    return 0;
}


/* the changed message, in a buffer of just its size */

static u_char *
fuzz_apply(ngx_mra_sip_plan_t *plan, size_t *size)
{
    u_char        *buf, *p;
    ngx_int_t      i, n;
    struct iovec   iov[NGX_MRA_SIP_PLAN_PIECES];

    n = ngx_mra_sip_plan_iovec(plan, 0, iov, NGX_MRA_SIP_PLAN_PIECES);
    must(n != NGX_ERROR);

    for (i = 0, *size = 0; i < n; i++) {
        must(iov[i].iov_len);
        *size += iov[i].iov_len;
    }

    buf = malloc(*size);

    for (i = 0, p = buf; i < n; i++) {
        p = ngx_cpymem(p, iov[i].iov_base, iov[i].iov_len);
    }

    return buf;
}


static void
fuzz_plan(ngx_mra_sip_msg_t *msg, ngx_uint_t accepted)
{
    u_char                *buf, *again;
    size_t                 size, len;
    ngx_str_t              via, received, rport;
    ngx_mra_sip_msg_t      changed;
    ngx_mra_sip_plan_t     plan;
    ngx_mra_sip_header_t   headers[HEADERS + 1];

    ngx_mra_sip_plan_init(&plan, msg);

    buf = fuzz_apply(&plan, &size);
    must(size == msg->head && ngx_memcmp(buf, msg->start, size) == 0);
    free(buf);

    if (!accepted) {
        return;
    }

    ngx_str_set(&via, "Via: SIP/2.0/TLS edge;branch=z9hG4bKx\r\n");

    must(ngx_mra_sip_plan_insert(&plan, NGX_MRA_SIP_VIA, &via, 1) == NGX_OK);

    buf = fuzz_apply(&plan, &size);
    must(ngx_mra_sip_parse(&changed, headers, HEADERS + 1, buf, buf + size)
         == NGX_OK);
    must(fuzz_check(&changed));

    ngx_mra_sip_plan_init(&plan, &changed);
    must(ngx_mra_sip_plan_pop(&plan, NGX_MRA_SIP_VIA, 1) == NGX_OK);

    again = fuzz_apply(&plan, &len);
    must(len == msg->head && ngx_memcmp(again, msg->start, len) == 0);

    free(again);
    free(buf);

    /* as a relay does, and still accepted */

    ngx_str_set(&received, "192.0.2.1");
    ngx_str_set(&rport, "5061");

    ngx_mra_sip_plan_init(&plan, msg);

    must(ngx_mra_sip_plan_received(&plan, &received, &rport) == NGX_OK);
    must(ngx_mra_sip_plan_number(&plan, NGX_MRA_SIP_MAX_FORWARDS_HEADER, 1)
         == NGX_OK);
    must(ngx_mra_sip_plan_number(&plan, NGX_MRA_SIP_CONTENT_LENGTH, 0)
         == NGX_OK);

    buf = fuzz_apply(&plan, &size);
    must(ngx_mra_sip_parse(&changed, headers, HEADERS + 1, buf, buf + size)
         != NGX_AGAIN);

    /* two more headers at most: the table may be too small for these */

    if (changed.error != NGX_MRA_SIP_TOO_MANY_HEADERS) {
        must(changed.head == size && changed.length == 0);
        must(fuzz_check(&changed));
        must(ngx_mra_span_is(&changed.via.received, "192.0.2.1"));
    }

    free(buf);

    /* no fold is left, and nothing else has changed */

    buf = malloc(msg->head);
    ngx_memcpy(buf, msg->start, msg->head);

    must(ngx_mra_sip_parse(&changed, headers, HEADERS, buf, buf + msg->head)
         == NGX_OK);
    ngx_mra_sip_unfold(&changed);

    must(ngx_mra_sip_parse(&changed, headers, HEADERS, buf, buf + msg->head)
         == NGX_OK);
    must(fuzz_check(&changed) && changed.folded == 0);
    must(changed.head == msg->head && changed.nheaders == msg->nheaders);
    must(changed.fragile == msg->fragile);

    free(buf);
}


static void
fuzz_answer(ngx_mra_sip_msg_t *msg, ngx_uint_t accepted)
{
    u_char                *buf;
    size_t                 size, len;
    ngx_int_t              rc;
    ngx_mra_sip_msg_t      response;
    ngx_mra_sip_answer_t   answer;
    ngx_mra_sip_header_t   headers[HEADERS + 1];

    ngx_memzero(&answer, sizeof(ngx_mra_sip_answer_t));

    answer.status = 400;
    ngx_str_set(&answer.to_tag, "t");
    ngx_str_set(&answer.received, "192.0.2.1");
    ngx_str_set(&answer.rport, "5061");

    rc = ngx_mra_sip_build_response(msg, &answer, NULL, 0, &size);
    must(rc == NGX_ERROR);

    if (size == 0) {
        must(!accepted || msg->status);
        return;
    }

    buf = malloc(size);
    must(ngx_mra_sip_build_response(msg, &answer, buf, size, &len) == NGX_OK);
    must(len == size);

    rc = ngx_mra_sip_parse(&response, headers, HEADERS + 1, buf, buf + size);

    if (accepted) {
        must(rc == NGX_OK && response.head == size);
        must(fuzz_check(&response));
    }

    free(buf);
}


static void
fuzz_frame(ngx_mra_sip_msg_t *msg, ngx_int_t rc, u_char *p, u_char *last)
{
    ngx_int_t         frc;
    ngx_mra_frame_t   f;

    ngx_memzero(&f, sizeof(ngx_mra_frame_t));

    frc = ngx_mra_frame_next(&f, 1 << 20, 0x7fffffff, p, last);

    if (rc == NGX_OK && msg->error == NGX_MRA_SIP_GOOD && msg->length >= 0) {
        must(f.complete);
        must(f.head == msg->head);
        must(f.reason == NGX_MRA_FRAME_TOO_LARGE
             || f.length == msg->head + msg->length);
    }

    /* where the framer sees a message, so does the parser, and no other */

    if (frc == NGX_OK && f.type == NGX_MRA_FRAME_SIP) {
        must(rc != NGX_AGAIN);

        if (rc == NGX_OK) {
            must(msg->head == f.head);
            must((size_t) msg->length == f.length - f.head);

        } else {
            must(msg->error != NGX_MRA_SIP_BAD_LENGTH);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                *copy;
    size_t                 cut, seen;
    ngx_int_t              rc;
    ngx_uint_t             i, id, accepted;
    fuzz_input_t           in;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_header_t   headers[HEADERS], *h;

    if (size == 0) {
        return 0;
    }

    /* the last byte tells where to cut */

    size--;
    cut = data[size] * size / 256;

    copy = malloc(cut + (cut == 0));
    ngx_memcpy(copy, data, cut);

    i = ngx_mra_sip_parse(&msg, headers, HEADERS, copy, copy + cut);
    seen = msg.head;

    free(copy);

    in.start = (u_char *) data;
    in.end = in.start + size;

    rc = ngx_mra_sip_parse(&msg, headers, HEADERS, in.start, in.end);

    if ((ngx_int_t) i != NGX_AGAIN) {
        must((ngx_int_t) i == rc && (rc == NGX_ERROR || seen == msg.head));

    } else if (rc == NGX_OK) {
        must(cut < msg.head);
    }

    fuzz_frame(&msg, rc, in.start, in.end);

    if (rc == NGX_AGAIN) {
        return 0;
    }

    if (rc == NGX_ERROR) {
        must(msg.error);
        fuzz_answer(&msg, 0);
        return 0;
    }

    must(msg.head <= size);
    must(ngx_memcmp(in.start + msg.head - 4, CRLF CRLF, 4) == 0);

    fuzz_span(&in, &msg.line);
    fuzz_span(&in, &msg.method_name);
    fuzz_span(&in, &msg.uri);
    fuzz_span(&in, &msg.reason);
    fuzz_span(&in, &msg.version);

    for (i = 0; i < msg.nheaders; i++) {
        h = &headers[i];

        fuzz_span(&in, &h->name);
        fuzz_span(&in, &h->value);
        must(h->offset + h->length <= msg.head);
        must(h->next == 0 || (h->next > i + 1 && h->next <= msg.nheaders));
    }

    accepted = fuzz_check(&msg);

    if (accepted) {
        must(msg.error == NGX_MRA_SIP_GOOD);
        must(msg.via.host.len && msg.from.uri.len && msg.to.uri.len);
        must(msg.call_id.len && msg.cseq.name.len);
    }

    for (id = 1; id < NGX_MRA_SIP_HEADERS; id++) {
        fuzz_values(&in, &msg, id);
    }

    fuzz_plan(&msg, accepted);
    fuzz_answer(&msg, accepted);

    return 0;
}
