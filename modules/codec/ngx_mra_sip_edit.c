
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_mra_sip.h>


/* where a response is written, and how much it takes */

typedef struct {
    u_char      *pos;
    size_t       free;
    size_t       needed;
} ngx_mra_sip_writer_t;


static ngx_uint_t ngx_mra_sip_edits_clash(ngx_mra_sip_edit_t *edit,
    size_t offset, size_t deleted);
static ngx_int_t ngx_mra_sip_plan_remove(ngx_mra_sip_plan_t *plan,
    ngx_mra_sip_header_t *h);
static u_char *ngx_mra_sip_format_number(u_char *buf, uint32_t n);
static void ngx_mra_sip_write_via(ngx_mra_sip_writer_t *w,
    ngx_mra_sip_msg_t *msg, ngx_mra_sip_answer_t *answer);
static void ngx_mra_sip_write_to(ngx_mra_sip_writer_t *w,
    ngx_mra_sip_msg_t *msg, ngx_mra_sip_answer_t *answer);
static void ngx_mra_sip_write_header(ngx_mra_sip_writer_t *w,
    ngx_mra_sip_msg_t *msg, ngx_uint_t id);
static void ngx_mra_sip_write_range(ngx_mra_sip_writer_t *w,
    ngx_mra_sip_plan_t *plan, size_t from, size_t to);
static void ngx_mra_sip_write_number(ngx_mra_sip_writer_t *w, uint32_t n);
static void ngx_mra_sip_write(ngx_mra_sip_writer_t *w, u_char *p, size_t len);


#define ngx_mra_sip_write_literal(w, s)                                       \
    ngx_mra_sip_write(w, (u_char *) s, sizeof(s) - 1)


void
ngx_mra_sip_plan_init(ngx_mra_sip_plan_t *plan, ngx_mra_sip_msg_t *msg)
{
    /* the arrays are written before they are read */

    plan->msg = msg;
    plan->nedits = 0;
    plan->nspans = 0;
    plan->nnumbers = 0;
}


ngx_int_t
ngx_mra_sip_plan_edit(ngx_mra_sip_plan_t *plan, size_t offset, size_t deleted,
    ngx_str_t *spans, ngx_uint_t n)
{
    ngx_uint_t           i;
    ngx_mra_sip_edit_t  *edit;

    if (plan->nedits == NGX_MRA_SIP_PLAN_EDITS
        || n > NGX_MRA_SIP_PLAN_SPANS - plan->nspans
        || offset > plan->msg->head
        || deleted > plan->msg->head - offset)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < plan->nedits; i++) {
        if (ngx_mra_sip_edits_clash(&plan->edits[i], offset, deleted)) {
            return NGX_ERROR;
        }
    }

    edit = &plan->edits[plan->nedits++];

    while (edit > plan->edits && edit[-1].offset > offset) {
        *edit = edit[-1];
        edit--;
    }

    edit->offset = offset;
    edit->deleted = deleted;
    edit->span = plan->nspans;
    edit->nspans = n;

    for (i = 0; i < n; i++) {
        plan->spans[plan->nspans++] = spans[i];
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_mra_sip_edits_clash(ngx_mra_sip_edit_t *edit, size_t offset,
    size_t deleted)
{
    size_t  end, edit_end;

    end = offset + deleted;
    edit_end = edit->offset + edit->deleted;

    if (offset == edit->offset) {
        return deleted && edit->deleted;
    }

    return (offset < edit->offset) ? edit->offset < end : offset < edit_end;
}


ngx_int_t
ngx_mra_sip_plan_replace(ngx_mra_sip_plan_t *plan, ngx_str_t *old,
    ngx_str_t *spans, ngx_uint_t n)
{
    return ngx_mra_sip_plan_edit(plan, old->data - plan->msg->start, old->len,
                                 spans, n);
}


ngx_int_t
ngx_mra_sip_plan_insert(ngx_mra_sip_plan_t *plan, ngx_uint_t id,
    ngx_str_t *spans, ngx_uint_t n)
{
    size_t                 offset;
    ngx_mra_sip_header_t  *h;

    h = id ? ngx_mra_sip_first(plan->msg, id) : NULL;

    offset = h ? h->offset : plan->msg->line.len + sizeof(CRLF) - 1;

    return ngx_mra_sip_plan_edit(plan, offset, 0, spans, n);
}


ngx_int_t
ngx_mra_sip_plan_append(ngx_mra_sip_plan_t *plan, ngx_str_t *spans,
    ngx_uint_t n)
{
    return ngx_mra_sip_plan_edit(plan, plan->msg->head - (sizeof(CRLF) - 1), 0,
                                 spans, n);
}


static ngx_int_t
ngx_mra_sip_plan_remove(ngx_mra_sip_plan_t *plan, ngx_mra_sip_header_t *h)
{
    return ngx_mra_sip_plan_edit(plan, h->offset, h->length, NULL, 0);
}


ngx_int_t
ngx_mra_sip_plan_pop(ngx_mra_sip_plan_t *plan, ngx_uint_t id, ngx_uint_t n)
{
    u_char                *from;
    ngx_int_t              rc;
    ngx_str_t              value;
    ngx_mra_sip_list_t     list;
    ngx_mra_sip_header_t  *h;

    ngx_mra_sip_list_init(&list, plan->msg, id);

    h = NULL;

    /* one value more than n tells whether the last line stays */

    for ( ;; ) {
        rc = ngx_mra_sip_list_next(&list, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (h && h != list.header
            && ngx_mra_sip_plan_remove(plan, h) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (rc == NGX_DONE) {
            return n ? NGX_DECLINED : NGX_OK;
        }

        if (n == 0) {
            break;
        }

        n--;
        h = list.header;
    }

    if (h != list.header) {
        return NGX_OK;
    }

    from = h->value.data;

    return ngx_mra_sip_plan_edit(plan, from - plan->msg->start,
                                 value.data - from, NULL, 0);
}


ngx_int_t
ngx_mra_sip_plan_number(ngx_mra_sip_plan_t *plan, ngx_uint_t id,
    uint32_t number)
{
    u_char                *digits;
    ngx_str_t              spans[3];
    ngx_mra_sip_header_t  *h;

    if (plan->nnumbers == NGX_MRA_SIP_PLAN_NUMBERS) {
        return NGX_ERROR;
    }

    digits = plan->numbers[plan->nnumbers++];

    ngx_mra_span_set(&spans[1], digits,
                     ngx_mra_sip_format_number(digits, number));

    h = ngx_mra_sip_first(plan->msg, id);

    if (h) {
        return ngx_mra_sip_plan_replace(plan, &h->value, &spans[1], 1);
    }

    switch (id) {

    case NGX_MRA_SIP_CONTENT_LENGTH:
        ngx_str_set(&spans[0], "Content-Length: ");
        break;

    case NGX_MRA_SIP_MAX_FORWARDS_HEADER:
        ngx_str_set(&spans[0], "Max-Forwards: ");
        break;

    case NGX_MRA_SIP_EXPIRES:
        ngx_str_set(&spans[0], "Expires: ");
        break;

    default:
        return NGX_ERROR;
    }

    ngx_str_set(&spans[2], CRLF);

    return ngx_mra_sip_plan_append(plan, spans, 3);
}


ngx_int_t
ngx_mra_sip_plan_received(ngx_mra_sip_plan_t *plan, ngx_str_t *received,
    ngx_str_t *rport)
{
    ngx_str_t           end, spans[2];
    ngx_uint_t          first;
    ngx_mra_sip_via_t  *via;

    via = &plan->msg->via;

    /* rport first: both go to one place if it is the last and has no value */

    if (rport->len && via->rport.data) {
        ngx_str_set(&spans[0], "=");
        spans[1] = *rport;

        first = via->rport.len ? 1 : 0;

        if (ngx_mra_sip_plan_replace(plan, &via->rport, &spans[first],
                                     2 - first)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (received->len == 0) {
        return NGX_OK;
    }

    if (via->received.data) {
        return ngx_mra_sip_plan_replace(plan, &via->received, received, 1);
    }

    end.data = ngx_mra_span_end(&via->whole);
    end.len = 0;

    ngx_str_set(&spans[0], ";received=");
    spans[1] = *received;

    return ngx_mra_sip_plan_replace(plan, &end, spans, 2);
}


ngx_int_t
ngx_mra_sip_plan_iovec(ngx_mra_sip_plan_t *plan, size_t body,
    struct iovec *iov, ngx_uint_t n)
{
    size_t               pos, last;
    ngx_str_t           *span;
    ngx_uint_t           i, k, m;
    ngx_mra_sip_edit_t  *edit;

    pos = 0;
    m = 0;

    for (i = 0; i <= plan->nedits; i++) {
        edit = (i < plan->nedits) ? &plan->edits[i] : NULL;
        last = edit ? edit->offset : plan->msg->head + body;

        if (last > pos) {

            if (m == n) {
                return NGX_ERROR;
            }

            iov[m].iov_base = plan->msg->start + pos;
            iov[m++].iov_len = last - pos;
        }

        if (edit == NULL) {
            break;
        }

        for (k = 0; k < edit->nspans; k++) {
            span = &plan->spans[edit->span + k];

            if (span->len == 0) {
                continue;
            }

            if (m == n) {
                return NGX_ERROR;
            }

            iov[m].iov_base = span->data;
            iov[m++].iov_len = span->len;
        }

        pos = ngx_max(pos, (size_t) edit->offset + edit->deleted);
    }

    return m;
}


ngx_int_t
ngx_mra_sip_build_response(ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_answer_t *answer, u_char *buf, size_t size, size_t *len)
{
    ngx_str_t             reason;
    ngx_mra_sip_writer_t  w;

    *len = 0;

    if (msg->status || msg->first[NGX_MRA_SIP_VIA] == 0) {
        return NGX_ERROR;
    }

    w.pos = buf;
    w.free = size;
    w.needed = 0;

    reason = answer->reason.len ? answer->reason
                                : ngx_mra_sip_reason(answer->status);

    ngx_mra_sip_write_literal(&w, "SIP/2.0 ");
    ngx_mra_sip_write_number(&w, answer->status);
    ngx_mra_sip_write_literal(&w, " ");
    ngx_mra_sip_write(&w, reason.data, reason.len);
    ngx_mra_sip_write_literal(&w, CRLF);

    ngx_mra_sip_write_via(&w, msg, answer);
    ngx_mra_sip_write_header(&w, msg, NGX_MRA_SIP_FROM);
    ngx_mra_sip_write_to(&w, msg, answer);
    ngx_mra_sip_write_header(&w, msg, NGX_MRA_SIP_CALL_ID);
    ngx_mra_sip_write_header(&w, msg, NGX_MRA_SIP_CSEQ);

    if (answer->status == 100) {
        ngx_mra_sip_write_header(&w, msg, NGX_MRA_SIP_TIMESTAMP);
    }

    ngx_mra_sip_write(&w, answer->lines.data, answer->lines.len);

    ngx_mra_sip_write_literal(&w, "Content-Length: ");
    ngx_mra_sip_write_number(&w, answer->body.len);
    ngx_mra_sip_write_literal(&w, CRLF CRLF);

    ngx_mra_sip_write(&w, answer->body.data, answer->body.len);

    *len = w.needed;

    return (w.needed <= size) ? NGX_OK : NGX_ERROR;
}


static void
ngx_mra_sip_write_via(ngx_mra_sip_writer_t *w, ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_answer_t *answer)
{
    ngx_mra_sip_plan_t     plan;
    ngx_mra_sip_header_t  *h;

    ngx_mra_sip_plan_init(&plan, msg);

    if (msg->via.whole.data) {
        (void) ngx_mra_sip_plan_received(&plan, &answer->received,
                                         &answer->rport);
    }

    for (h = ngx_mra_sip_first(msg, NGX_MRA_SIP_VIA);
         h;
         h = ngx_mra_sip_next(msg, h))
    {
        ngx_mra_sip_write_range(w, &plan, h->offset, h->offset + h->length);

        /* the topmost value is in the first line */

        plan.nedits = 0;
    }
}


static void
ngx_mra_sip_write_to(ngx_mra_sip_writer_t *w, ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_answer_t *answer)
{
    u_char                *end;
    ngx_mra_sip_addr_t     to;
    ngx_mra_sip_header_t  *h;

    h = ngx_mra_sip_first(msg, NGX_MRA_SIP_TO);

    if (h == NULL) {
        return;
    }

    if (answer->to_tag.len == 0
        || ngx_mra_sip_parse_addr(&h->value, &to) != NGX_OK
        || to.tag.len)
    {
        ngx_mra_sip_write_header(w, msg, NGX_MRA_SIP_TO);
        return;
    }

    end = ngx_mra_span_end(&h->value);

    ngx_mra_sip_write(w, h->name.data, end - h->name.data);
    ngx_mra_sip_write_literal(w, ";tag=");
    ngx_mra_sip_write(w, answer->to_tag.data, answer->to_tag.len);
    ngx_mra_sip_write_literal(w, CRLF);
}


static void
ngx_mra_sip_write_header(ngx_mra_sip_writer_t *w, ngx_mra_sip_msg_t *msg,
    ngx_uint_t id)
{
    ngx_mra_sip_header_t  *h;

    h = ngx_mra_sip_first(msg, id);

    if (h) {
        ngx_mra_sip_write(w, msg->start + h->offset, h->length);
    }
}


/* that part of the changed message; all edits lie within, or none matters */

static void
ngx_mra_sip_write_range(ngx_mra_sip_writer_t *w, ngx_mra_sip_plan_t *plan,
    size_t from, size_t to)
{
    ngx_str_t           *span;
    ngx_uint_t           i, k;
    ngx_mra_sip_edit_t  *edit;

    for (i = 0; i < plan->nedits; i++) {
        edit = &plan->edits[i];

        if (edit->offset > from) {
            ngx_mra_sip_write(w, plan->msg->start + from, edit->offset - from);
        }

        for (k = 0; k < edit->nspans; k++) {
            span = &plan->spans[edit->span + k];
            ngx_mra_sip_write(w, span->data, span->len);
        }

        from = ngx_max(from, (size_t) edit->offset + edit->deleted);
    }

    ngx_mra_sip_write(w, plan->msg->start + from, to - from);
}


static void
ngx_mra_sip_write_number(ngx_mra_sip_writer_t *w, uint32_t n)
{
    u_char  buf[NGX_INT32_LEN];

    ngx_mra_sip_write(w, buf, ngx_mra_sip_format_number(buf, n) - buf);
}


static u_char *
ngx_mra_sip_format_number(u_char *buf, uint32_t n)
{
    uint32_t  scale;

    for (scale = 1; n / scale >= 10; scale *= 10) { /* void */ }

    for ( /* void */ ; scale; scale /= 10) {
        *buf++ = (u_char) ('0' + n / scale % 10);
    }

    return buf;
}


/* what does not fit is counted only */

static void
ngx_mra_sip_write(ngx_mra_sip_writer_t *w, u_char *p, size_t len)
{
    w->needed += len;

    if (len && len <= w->free) {
        w->pos = ngx_cpymem(w->pos, p, len);
        w->free -= len;
    }
}
