
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_dialog.h"


/* what an answer may be longer than the head of its request, bytes */

#define NGX_STREAM_MRA_ANSWER_LEN    2048

/* of what came from the wire, in a log line */

#define NGX_STREAM_MRA_LOG_LEN       128

/* seconds, so that not all who were refused come back at once */

#define NGX_STREAM_MRA_RETRY_MIN     5
#define NGX_STREAM_MRA_RETRY_SPREAD  10


static void ngx_stream_mra_log_refused(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_answer_t *answer);
static ngx_str_t ngx_stream_mra_printable(ngx_str_t *s, u_char *buf);


void
ngx_stream_mra_answer(ngx_stream_mra_relay_t *r, ngx_uint_t status)
{
    u_char                 tag[16];
    size_t                 size, len;
    ngx_int_t              rc;
    struct iovec           iov;
    ngx_mra_hash_t         hash;
    ngx_mra_sip_answer_t   answer;

    ngx_memzero(&answer, sizeof(ngx_mra_sip_answer_t));

    answer.status = status;
    answer.reason = r->reason.len ? r->reason : ngx_mra_sip_reason(status);
    answer.lines = r->lines;

    if (status >= 400) {
        ngx_mra_count(r->worker->mcf, NGX_MRA_SIP_REFUSED, 1);
        ngx_stream_mra_log_refused(r, &answer);
    }

    if (r->msg.status || r->msg.method == NGX_MRA_SIP_ACK) {
        return;
    }

    ngx_stream_mra_dialog_refused(r);

    /* the same for a request that comes again: RFC 3261, 8.2.6.2 */

    ngx_mra_hash_init(&hash, r->worker->key);
    ngx_mra_hash_add_span(&hash, &r->msg.line);
    ngx_mra_hash_add_span(&hash, &r->msg.via.whole);
    ngx_mra_hash_add_span(&hash, &r->msg.call_id);

    answer.to_tag.data = tag;
    answer.to_tag.len = ngx_sprintf(tag, "%016xL", ngx_mra_hash_end(&hash))
                        - tag;

    if (r->outbound) {
        ngx_stream_mra_source(r, &answer.received, &answer.rport);
    }

    size = NGX_STREAM_MRA_ANSWER_LEN + (r->last - r->msg.start)
           + r->lines.len;

    iov.iov_base = ngx_stream_mra_text(r, size);
    if (iov.iov_base == NULL) {
        return;
    }

    rc = ngx_mra_sip_build_response(&r->msg, &answer, iov.iov_base, size,
                                    &len);
    if (rc != NGX_OK) {
        return;
    }

    iov.iov_len = len;

    if (ngx_stream_mra_relay_output(r, &r->back, &iov, 1) == NGX_OK) {
        ngx_mra_count(r->worker->mcf,
                      NGX_MRA_SIP_BY_STATUS + status / 100 - 1, 1);
    }
}


ngx_int_t
ngx_stream_mra_refusal(ngx_stream_mra_relay_t *r, ngx_uint_t status,
    char *reason)
{
    r->reason.data = (u_char *) reason;
    r->reason.len = ngx_strlen(reason);

    return status;
}


ngx_int_t
ngx_stream_mra_options(ngx_stream_mra_relay_t *r)
{
    ngx_str_set(&r->lines,
                "Allow: ACK, BYE, CANCEL, INFO, INVITE, MESSAGE, NOTIFY, "
                "OPTIONS, PRACK, PUBLISH, REFER, REGISTER, SUBSCRIBE, UPDATE"
                CRLF
                "Accept: */*" CRLF
                "Supported: path, outbound" CRLF);
    return 200;
}


ngx_int_t
ngx_stream_mra_no_path(ngx_stream_mra_relay_t *r, char *why)
{
    size_t      len;
    u_char     *p;
    ngx_str_t  *node;

    node = &r->worker->mcf->node;

    len = sizeof("Retry-After: " CRLF "Warning: 399  \"\"" CRLF)
          + NGX_INT_T_LEN + node->len + ngx_strlen(why);

    p = ngx_stream_mra_text(r, len);
    if (p == NULL) {
        return 503;
    }

    r->lines.data = p;
    r->lines.len = ngx_sprintf(p, "Retry-After: %ui" CRLF
                               "Warning: 399 %V \"%s\"" CRLF,
                               (ngx_uint_t) (NGX_STREAM_MRA_RETRY_MIN
                                             + ngx_random()
                                               % NGX_STREAM_MRA_RETRY_SPREAD),
                               node, why)
                   - p;

    return 503;
}


static void
ngx_stream_mra_log_refused(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_answer_t *answer)
{
    u_char     method[NGX_STREAM_MRA_LOG_LEN], uri[NGX_STREAM_MRA_LOG_LEN],
               from[NGX_STREAM_MRA_LOG_LEN];
    ngx_str_t  m, u, f;

    m = ngx_stream_mra_printable(&r->msg.method_name, method);
    u = ngx_stream_mra_printable(&r->msg.uri, uri);
    f = ngx_stream_mra_printable(&r->msg.from.uri, from);

    ngx_log_error(NGX_LOG_INFO, r->log, 0,
                  "%s sent SIP request that is refused: %ui \"%V\", "
                  "method: \"%V\", uri: \"%V\", from: \"%V\"",
                  r->outbound ? "client" : "next hop",
                  answer->status, &answer->reason, &m, &u, &f);
}


void
ngx_stream_mra_log_dropped(ngx_stream_mra_relay_t *r, ngx_str_t *why)
{
    u_char     line[NGX_STREAM_MRA_LOG_LEN];
    ngx_str_t  l;

    l = ngx_stream_mra_printable(&r->msg.line, line);

    ngx_log_error(NGX_LOG_INFO, r->log, 0,
                  "%s sent SIP message that is dropped: %V, \"%V\"",
                  r->outbound ? "client" : "next hop", why, &l);
}


ngx_int_t
ngx_stream_mra_drop(ngx_stream_mra_relay_t *r, char *why)
{
    ngx_str_t  reason;

    reason.data = (u_char *) why;
    reason.len = ngx_strlen(why);

    ngx_stream_mra_log_dropped(r, &reason);

    return NGX_DONE;
}


/* nobody writes lines of his own into the log */

static ngx_str_t
ngx_stream_mra_printable(ngx_str_t *s, u_char *buf)
{
    size_t     i;
    u_char     ch;
    ngx_str_t  text;

    text.data = buf;
    text.len = ngx_min(s->len, NGX_STREAM_MRA_LOG_LEN);

    for (i = 0; i < text.len; i++) {
        ch = s->data[i];
        buf[i] = (ch < 0x20 || ch > 0x7e || ch == '"') ? '?' : ch;
    }

    return text;
}
