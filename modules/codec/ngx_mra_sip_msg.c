
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_mra_sip.h>
#include <ngx_mra_sip_lex.h>


#define NGX_MRA_SIP_MAX_METHOD     64
#define NGX_MRA_SIP_MAX_NAME       20    /* of a known header */


/* what is known so far about quotes in a line */

typedef struct {
    u_char         *pos;
    ngx_uint_t      quoted;
} ngx_mra_sip_quotes_t;


typedef struct {
    u_char          len;
    u_char          id;
    u_char          name[NGX_MRA_SIP_MAX_NAME];
} ngx_mra_sip_name_t;


static ngx_int_t ngx_mra_sip_parse_start_line(ngx_mra_sip_msg_t *msg,
    u_char **pos, u_char *last);
static ngx_int_t ngx_mra_sip_parse_request_line(ngx_mra_sip_msg_t *msg,
    u_char *p, u_char *end);
static void ngx_mra_sip_parse_status_line(ngx_mra_sip_msg_t *msg, u_char *p,
    u_char *end);
static ngx_int_t ngx_mra_sip_parse_header(ngx_mra_sip_msg_t *msg, u_char *p,
    u_char *end, u_char *next);
static ngx_int_t ngx_mra_sip_set_length(ngx_mra_sip_msg_t *msg,
    ngx_str_t *value);
static ngx_inline ngx_int_t ngx_mra_sip_next_line(ngx_mra_sip_msg_t *msg,
    u_char **pos, u_char *last, u_char **end);
static ngx_int_t ngx_mra_sip_cut_line(ngx_mra_sip_msg_t *msg, u_char **pos,
    u_char *last, u_char **end);
static ngx_inline ngx_uint_t ngx_mra_sip_is_name(u_char *p,
    const u_char *name, size_t len);
static ngx_uint_t ngx_mra_sip_is_quoted_pair(ngx_mra_sip_quotes_t *quotes,
    u_char *p);
static void ngx_mra_sip_set_error(ngx_mra_sip_msg_t *msg, ngx_uint_t error);


/* in lower case, by length; those of one length follow each other */

static const ngx_mra_sip_name_t  ngx_mra_sip_names[] = {
    {  2, NGX_MRA_SIP_TO, "to" },
    {  3, NGX_MRA_SIP_VIA, "via" },
    {  4, NGX_MRA_SIP_FROM, "from" },
    {  4, NGX_MRA_SIP_CSEQ, "cseq" },
    {  4, NGX_MRA_SIP_DATE, "date" },
    {  4, NGX_MRA_SIP_PATH, "path" },
    {  4, NGX_MRA_SIP_RACK, "rack" },
    {  4, NGX_MRA_SIP_RSEQ, "rseq" },
    {  5, NGX_MRA_SIP_ROUTE, "route" },
    {  5, NGX_MRA_SIP_ALLOW, "allow" },
    {  5, NGX_MRA_SIP_EVENT, "event" },
    {  6, NGX_MRA_SIP_ACCEPT, "accept" },
    {  6, NGX_MRA_SIP_SERVER, "server" },
    {  6, NGX_MRA_SIP_REASON, "reason" },
    {  6, NGX_MRA_SIP_MIN_SE, "min-se" },
    {  7, NGX_MRA_SIP_CALL_ID, "call-id" },
    {  7, NGX_MRA_SIP_CONTACT, "contact" },
    {  7, NGX_MRA_SIP_EXPIRES, "expires" },
    {  7, NGX_MRA_SIP_REQUIRE, "require" },
    {  7, NGX_MRA_SIP_SUBJECT, "subject" },
    {  7, NGX_MRA_SIP_PRIVACY, "privacy" },
    {  7, NGX_MRA_SIP_WARNING, "warning" },
    {  8, NGX_MRA_SIP_REFER_TO, "refer-to" },
    {  8, NGX_MRA_SIP_REPLACES, "replaces" },
    {  8, NGX_MRA_SIP_IDENTITY, "identity" },
    {  9, NGX_MRA_SIP_SUPPORTED, "supported" },
    {  9, NGX_MRA_SIP_TIMESTAMP, "timestamp" },
    { 10, NGX_MRA_SIP_USER_AGENT, "user-agent" },
    { 10, NGX_MRA_SIP_FLOW_TIMER, "flow-timer" },
    { 11, NGX_MRA_SIP_RETRY_AFTER, "retry-after" },
    { 11, NGX_MRA_SIP_REFERRED_BY, "referred-by" },
    { 11, NGX_MRA_SIP_MIN_EXPIRES, "min-expires" },
    { 11, NGX_MRA_SIP_UNSUPPORTED, "unsupported" },
    { 12, NGX_MRA_SIP_MAX_FORWARDS_HEADER, "max-forwards" },
    { 12, NGX_MRA_SIP_CONTENT_TYPE, "content-type" },
    { 12, NGX_MRA_SIP_RECORD_ROUTE, "record-route" },
    { 12, NGX_MRA_SIP_ALLOW_EVENTS, "allow-events" },
    { 12, NGX_MRA_SIP_HISTORY_INFO, "history-info" },
    { 13, NGX_MRA_SIP_AUTHORIZATION, "authorization" },
    { 13, NGX_MRA_SIP_PROXY_REQUIRE, "proxy-require" },
    { 13, NGX_MRA_SIP_SERVICE_ROUTE, "service-route" },
    { 13, NGX_MRA_SIP_IDENTITY_INFO, "identity-info" },
    { 14, NGX_MRA_SIP_CONTENT_LENGTH, "content-length" },
    { 14, NGX_MRA_SIP_ACCEPT_CONTACT, "accept-contact" },
    { 14, NGX_MRA_SIP_REJECT_CONTACT, "reject-contact" },
    { 15, NGX_MRA_SIP_SESSION_EXPIRES, "session-expires" },
    { 15, NGX_MRA_SIP_REMOTE_PARTY_ID, "remote-party-id" },
    { 16, NGX_MRA_SIP_CONTENT_ENCODING, "content-encoding" },
    { 16, NGX_MRA_SIP_WWW_AUTHENTICATE, "www-authenticate" },
    { 18, NGX_MRA_SIP_PROXY_AUTHENTICATE, "proxy-authenticate" },
    { 18, NGX_MRA_SIP_SUBSCRIPTION_STATE, "subscription-state" },
    { 19, NGX_MRA_SIP_PROXY_AUTHORIZATION, "proxy-authorization" },
    { 19, NGX_MRA_SIP_P_ASSERTED_IDENTITY, "p-asserted-identity" },
    { 19, NGX_MRA_SIP_CONTENT_DISPOSITION, "content-disposition" },
    { 19, NGX_MRA_SIP_REQUEST_DISPOSITION, "request-disposition" },
    { 20, NGX_MRA_SIP_P_PREFERRED_IDENTITY, "p-preferred-identity" },
    { 21, NGX_MRA_SIP_OTHER_HEADER, "" }
};


/* where the names of each length start in the table above */

static const u_char  ngx_mra_sip_name_start[NGX_MRA_SIP_MAX_NAME + 2] = {
    0, 0, 0, 1, 2, 8, 11, 15, 22, 25, 27, 29, 33, 38, 42, 45, 47, 49, 49,
    51, 55, 56
};


/* RFC 3261, 7.3.3; 3515; 3841; 3892; 4028; 4474; 6665 */

static const u_char  ngx_mra_sip_compact[26] = {
    NGX_MRA_SIP_ACCEPT_CONTACT,
    NGX_MRA_SIP_REFERRED_BY,
    NGX_MRA_SIP_CONTENT_TYPE,
    NGX_MRA_SIP_REQUEST_DISPOSITION,
    NGX_MRA_SIP_CONTENT_ENCODING,
    NGX_MRA_SIP_FROM,
    0,
    0,
    NGX_MRA_SIP_CALL_ID,
    NGX_MRA_SIP_REJECT_CONTACT,
    NGX_MRA_SIP_SUPPORTED,
    NGX_MRA_SIP_CONTENT_LENGTH,
    NGX_MRA_SIP_CONTACT,
    NGX_MRA_SIP_IDENTITY_INFO,
    NGX_MRA_SIP_EVENT,
    0,
    0,
    NGX_MRA_SIP_REFER_TO,
    NGX_MRA_SIP_SUBJECT,
    NGX_MRA_SIP_TO,
    NGX_MRA_SIP_ALLOW_EVENTS,
    NGX_MRA_SIP_VIA,
    0,
    NGX_MRA_SIP_SESSION_EXPIRES,
    NGX_MRA_SIP_IDENTITY,
    0
};


ngx_int_t
ngx_mra_sip_parse(ngx_mra_sip_msg_t *msg, ngx_mra_sip_header_t *headers,
    ngx_uint_t max, u_char *p, u_char *last)
{
    u_char     *start, *end;
    ngx_int_t   rc, framing;

    ngx_memzero(msg, sizeof(ngx_mra_sip_msg_t));

    msg->start = p;
    msg->length = -1;
    msg->headers = headers;
    msg->max_headers = max;

    rc = ngx_mra_sip_parse_start_line(msg, &p, last);

    if (rc != NGX_OK) {
        return rc;
    }

    framing = NGX_OK;

    for ( ;; ) {

        if (last - p < 2) {
            return NGX_AGAIN;
        }

        if (p[0] == CR && p[1] == LF) {
            msg->head = p + 2 - msg->start;
            return framing;
        }

        start = p;

        for ( ;; ) {
            rc = ngx_mra_sip_next_line(msg, &p, last, &end);

            if (rc != NGX_OK) {
                return rc;
            }

            if (p == last) {
                return NGX_AGAIN;
            }

            if (*p != ' ' && *p != '\t') {
                break;
            }

            msg->folded = 1;
        }

        rc = ngx_mra_sip_parse_header(msg, start, end, p);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            framing = NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_mra_sip_parse_start_line(ngx_mra_sip_msg_t *msg, u_char **pos,
    u_char *last)
{
    u_char     *p, *start, *end;
    ngx_int_t   rc;

    start = *pos;

    /* what is no SIP at all is refused before its line is complete */

    for (p = start; p < last && ngx_mra_sip_is(*p, NGX_MRA_SIP_C_TOKEN); p++)
    {
        if (p - start == NGX_MRA_SIP_MAX_METHOD) {
            break;
        }
    }

    if (p == last) {
        return NGX_AGAIN;
    }

    ngx_mra_span_set(&msg->method_name, start, p);

    if (*p != ' ' && !(*p == '/' && ngx_mra_span_case_is(&msg->method_name,
                                                         "SIP")))
    {
        goto invalid;
    }

    if (p == start) {
        goto invalid;
    }

    rc = ngx_mra_sip_next_line(msg, pos, last, &end);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_mra_span_set(&msg->line, start, end);

    if (*p == '/') {
        ngx_mra_sip_parse_status_line(msg, start, end);
        return NGX_OK;
    }

    if (ngx_mra_sip_parse_request_line(msg, p, end) != NGX_OK) {
        goto invalid;
    }

    return NGX_OK;

invalid:

    ngx_str_null(&msg->method_name);
    msg->error = NGX_MRA_SIP_BAD_START_LINE;

    return NGX_ERROR;
}


static ngx_int_t
ngx_mra_sip_parse_request_line(ngx_mra_sip_msg_t *msg, u_char *p, u_char *end)
{
    u_char  *v;

    msg->method = ngx_mra_sip_method(&msg->method_name);

    p++;

    if (end > p && ngx_mra_sip_is(end[-1], NGX_MRA_SIP_C_LWS)) {
        ngx_mra_sip_set_error(msg, NGX_MRA_SIP_BAD_START_LINE);

        end = ngx_mra_sip_trim(p, end);
    }

    for (v = end; v > p && v[-1] != ' '; v--) { /* void */ }

    if (v == p) {
        return NGX_ERROR;
    }

    ngx_mra_span_set(&msg->version, v, end);
    ngx_mra_span_set(&msg->uri, p, v - 1);

    if (msg->version.len < sizeof("SIP/") - 1
        || ngx_tolower(v[0]) != 's' || ngx_tolower(v[1]) != 'i'
        || ngx_tolower(v[2]) != 'p' || v[3] != '/')
    {
        return NGX_ERROR;
    }

    if (!ngx_mra_span_case_is(&msg->version, "SIP/2.0")) {
        ngx_mra_sip_set_error(msg, NGX_MRA_SIP_BAD_VERSION);
    }

    return NGX_OK;
}


static void
ngx_mra_sip_parse_status_line(ngx_mra_sip_msg_t *msg, u_char *p, u_char *end)
{
    u_char     *v;
    uint32_t    n;
    ngx_str_t   code;

    ngx_str_null(&msg->method_name);

    v = memchr(p, ' ', end - p);

    if (v == NULL || end - v < 5 || v[4] != ' ') {
        goto invalid;
    }

    ngx_mra_span_set(&msg->version, p, v);
    ngx_mra_span_set(&code, v + 1, v + 4);
    ngx_mra_span_set(&msg->reason, v + 5, end);

    if (ngx_mra_span_number(&code, 699, &n) != NGX_OK || n < 100) {
        goto invalid;
    }

    msg->status = n;

    if (!ngx_mra_span_case_is(&msg->version, "SIP/2.0")) {
        ngx_mra_sip_set_error(msg, NGX_MRA_SIP_BAD_VERSION);
    }

    return;

invalid:

    /* any number but 0, which says that this is a request */

    msg->status = 999;

    ngx_mra_sip_set_error(msg, NGX_MRA_SIP_BAD_START_LINE);
}


/*
 * One header from p to end, where its last CRLF is.  NGX_DECLINED: length
 * cannot be told, but the table can be filled on.
 */

static ngx_int_t
ngx_mra_sip_parse_header(ngx_mra_sip_msg_t *msg, u_char *p, u_char *end,
    u_char *next)
{
    u_char                *name, *start;
    ngx_uint_t             n;
    ngx_mra_sip_header_t  *h;

    start = p;

    p = ngx_mra_sip_skip(p, end, NGX_MRA_SIP_C_TOKEN);

    name = p;

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (name == start || p == end || *p != ':') {
        ngx_mra_sip_set_error(msg, NGX_MRA_SIP_BAD_HEADER);
        return NGX_OK;
    }

    if (msg->nheaders == msg->max_headers) {
        msg->error = NGX_MRA_SIP_TOO_MANY_HEADERS;
        return NGX_ERROR;
    }

    p = ngx_mra_sip_skip_lws(p + 1, end);
    end = ngx_mra_sip_trim(p, end);

    h = &msg->headers[msg->nheaders++];

    ngx_mra_span_set(&h->name, start, name);
    ngx_mra_span_set(&h->value, p, end);

    h->offset = start - msg->start;
    h->length = next - start;
    h->id = ngx_mra_sip_header_id(start, name - start);
    h->next = 0;

    if (h->id == NGX_MRA_SIP_OTHER_HEADER) {
        return NGX_OK;
    }

    n = msg->last[h->id];
    msg->last[h->id] = msg->nheaders;

    if (n) {
        msg->headers[n - 1].next = msg->nheaders;

    } else {
        msg->first[h->id] = msg->nheaders;
    }

    if (h->id == NGX_MRA_SIP_CONTENT_LENGTH) {
        return ngx_mra_sip_set_length(msg, &h->value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_mra_sip_set_length(ngx_mra_sip_msg_t *msg, ngx_str_t *value)
{
    uint32_t  n;

    if (ngx_mra_span_number(value, NGX_MRA_SIP_MAX_LENGTH, &n) != NGX_OK
        || (msg->length != -1 && msg->length != (ssize_t) n))
    {
        msg->error = NGX_MRA_SIP_BAD_LENGTH;
        return NGX_DECLINED;
    }

    msg->length = n;

    return NGX_OK;
}


/* *end is where the CRLF is, *pos goes behind it */

static ngx_inline ngx_int_t
ngx_mra_sip_next_line(ngx_mra_sip_msg_t *msg, u_char **pos, u_char *last,
    u_char **end)
{
    u_char  *p;

    p = ngx_mra_sip_find_control(*pos, last);

    if (last - p < 2 || p[0] != CR || p[1] != LF) {
        return ngx_mra_sip_cut_line(msg, pos, last, end);
    }

    *end = p;
    *pos = p + 2;

    return NGX_OK;
}


/* the same for lines with other control characters */

static ngx_int_t
ngx_mra_sip_cut_line(ngx_mra_sip_msg_t *msg, u_char **pos, u_char *last,
    u_char **end)
{
    u_char                *p;
    ngx_mra_sip_quotes_t   quotes;

    quotes.pos = *pos;
    quotes.quoted = 0;

    for (p = *pos; /* void */ ; p++) {

        p = ngx_mra_sip_find_control(p, last);

        if (p == last) {
            return NGX_AGAIN;
        }

        if (*p == '\t') {
            continue;
        }

        if (*p == CR) {

            if (p + 1 == last) {
                return NGX_AGAIN;
            }

            if (p[1] == LF) {
                *end = p;
                *pos = p + 2;
                return NGX_OK;
            }
        }

        if (msg->error) {
            continue;
        }

        if (*p == CR || *p == LF || !ngx_mra_sip_is_quoted_pair(&quotes, p)) {
            msg->error = NGX_MRA_SIP_BAD_BYTE;
        }
    }
}


/*
 * RFC 3261, 25.1: a quoted string may hold any byte but CR and LF after a
 * backslash, NUL too.
 */

static ngx_uint_t
ngx_mra_sip_is_quoted_pair(ngx_mra_sip_quotes_t *quotes, u_char *p)
{
    while (quotes->pos < p) {

        if (*quotes->pos == '\\' && quotes->quoted) {
            quotes->pos += 2;
            continue;
        }

        if (*quotes->pos == '"') {
            quotes->quoted = !quotes->quoted;
        }

        quotes->pos++;
    }

    return quotes->pos == p + 1;
}


static void
ngx_mra_sip_set_error(ngx_mra_sip_msg_t *msg, ngx_uint_t error)
{
    if (msg->error == NGX_MRA_SIP_GOOD) {
        msg->error = error;
    }
}


void
ngx_mra_sip_unfold(ngx_mra_sip_msg_t *msg)
{
    u_char                *p, *last;
    ngx_uint_t             i;
    ngx_mra_sip_header_t  *h;

    if (!msg->folded) {
        return;
    }

    for (i = 0; i < msg->nheaders; i++) {
        h = &msg->headers[i];

        p = msg->start + h->offset;
        last = p + h->length - (sizeof(CRLF) - 1);

        for ( /* void */ ; p < last; p++) {
            if (*p == CR || *p == LF) {
                *p = ' ';
            }
        }
    }

    msg->folded = 0;
}


ngx_uint_t
ngx_mra_sip_method(ngx_str_t *name)
{
    switch (name->len) {

    case 3:
        if (ngx_mra_span_is(name, "ACK")) {
            return NGX_MRA_SIP_ACK;
        }

        if (ngx_mra_span_is(name, "BYE")) {
            return NGX_MRA_SIP_BYE;
        }

        break;

    case 4:
        if (ngx_mra_span_is(name, "INFO")) {
            return NGX_MRA_SIP_INFO;
        }

        break;

    case 5:
        if (ngx_mra_span_is(name, "PRACK")) {
            return NGX_MRA_SIP_PRACK;
        }

        if (ngx_mra_span_is(name, "REFER")) {
            return NGX_MRA_SIP_REFER;
        }

        break;

    case 6:
        if (ngx_mra_span_is(name, "INVITE")) {
            return NGX_MRA_SIP_INVITE;
        }

        if (ngx_mra_span_is(name, "CANCEL")) {
            return NGX_MRA_SIP_CANCEL;
        }

        if (ngx_mra_span_is(name, "UPDATE")) {
            return NGX_MRA_SIP_UPDATE;
        }

        if (ngx_mra_span_is(name, "NOTIFY")) {
            return NGX_MRA_SIP_NOTIFY;
        }

        break;

    case 7:
        if (ngx_mra_span_is(name, "OPTIONS")) {
            return NGX_MRA_SIP_OPTIONS;
        }

        if (ngx_mra_span_is(name, "MESSAGE")) {
            return NGX_MRA_SIP_MESSAGE;
        }

        if (ngx_mra_span_is(name, "PUBLISH")) {
            return NGX_MRA_SIP_PUBLISH;
        }

        if (ngx_mra_span_is(name, "SERVICE")) {
            return NGX_MRA_SIP_SERVICE;
        }

        break;

    case 8:
        if (ngx_mra_span_is(name, "REGISTER")) {
            return NGX_MRA_SIP_REGISTER;
        }

        break;

    case 9:
        if (ngx_mra_span_is(name, "SUBSCRIBE")) {
            return NGX_MRA_SIP_SUBSCRIBE;
        }

        break;
    }

    return NGX_MRA_SIP_OTHER_METHOD;
}


ngx_uint_t
ngx_mra_sip_header_id(u_char *name, size_t len)
{
    u_char                     first;
    ngx_uint_t                 i;
    const ngx_mra_sip_name_t  *known;

    if (len == 0 || len > NGX_MRA_SIP_MAX_NAME) {
        return NGX_MRA_SIP_OTHER_HEADER;
    }

    first = *name | 0x20;

    if (len == 1) {
        i = first - 'a';

        return (i < sizeof(ngx_mra_sip_compact)) ? ngx_mra_sip_compact[i]
                                                 : NGX_MRA_SIP_OTHER_HEADER;
    }

    for (i = ngx_mra_sip_name_start[len]; ngx_mra_sip_names[i].len == len; i++)
    {
        known = &ngx_mra_sip_names[i];

        if (known->name[0] == first
            && ngx_mra_sip_is_name(name, known->name, len))
        {
            return known->id;
        }
    }

    return NGX_MRA_SIP_OTHER_HEADER;
}


/*
 * Letters of either case match; so would CR and "-", but a name has no CR.
 * The last bytes are looked at with some that were seen already.
 */

static ngx_inline ngx_uint_t
ngx_mra_sip_is_name(u_char *p, const u_char *name, size_t len)
{
    size_t    n;
    uint32_t  a, b;

    if (len < sizeof(uint32_t)) {

        for (n = 0; n < len; n++) {
            if ((p[n] | 0x20) != name[n]) {
                return 0;
            }
        }

        return 1;
    }

    for (n = 0; n < len; n += sizeof(uint32_t)) {

        n = ngx_min(n, len - sizeof(uint32_t));

        ngx_memcpy(&a, p + n, sizeof(uint32_t));
        ngx_memcpy(&b, name + n, sizeof(uint32_t));

        if ((a | 0x20202020) != b) {
            return 0;
        }
    }

    return 1;
}


ngx_str_t
ngx_mra_sip_reason(ngx_uint_t status)
{
    ngx_str_t  s;

    switch (status) {

    case 100:
        ngx_str_set(&s, "Trying");
        break;

    case 200:
        ngx_str_set(&s, "OK");
        break;

    case 202:
        ngx_str_set(&s, "Accepted");
        break;

    case 301:
        ngx_str_set(&s, "Moved Permanently");
        break;

    case 302:
        ngx_str_set(&s, "Moved Temporarily");
        break;

    case 305:
        ngx_str_set(&s, "Use Proxy");
        break;

    case 400:
        ngx_str_set(&s, "Bad Request");
        break;

    case 401:
        ngx_str_set(&s, "Unauthorized");
        break;

    case 403:
        ngx_str_set(&s, "Forbidden");
        break;

    case 404:
        ngx_str_set(&s, "Not Found");
        break;

    case 405:
        ngx_str_set(&s, "Method Not Allowed");
        break;

    case 407:
        ngx_str_set(&s, "Proxy Authentication Required");
        break;

    case 408:
        ngx_str_set(&s, "Request Timeout");
        break;

    case 410:
        ngx_str_set(&s, "Gone");
        break;

    case 413:
        ngx_str_set(&s, "Request Entity Too Large");
        break;

    case 414:
        ngx_str_set(&s, "Request-URI Too Long");
        break;

    case 416:
        ngx_str_set(&s, "Unsupported URI Scheme");
        break;

    case 420:
        ngx_str_set(&s, "Bad Extension");
        break;

    case 421:
        ngx_str_set(&s, "Extension Required");
        break;

    case 423:
        ngx_str_set(&s, "Interval Too Brief");
        break;

    case 430:
        ngx_str_set(&s, "Flow Failed");
        break;

    case 439:
        ngx_str_set(&s, "First Hop Lacks Outbound Support");
        break;

    case 440:
        ngx_str_set(&s, "Max-Breadth Exceeded");
        break;

    case 480:
        ngx_str_set(&s, "Temporarily Unavailable");
        break;

    case 481:
        ngx_str_set(&s, "Call/Transaction Does Not Exist");
        break;

    case 482:
        ngx_str_set(&s, "Loop Detected");
        break;

    case 483:
        ngx_str_set(&s, "Too Many Hops");
        break;

    case 486:
        ngx_str_set(&s, "Busy Here");
        break;

    case 487:
        ngx_str_set(&s, "Request Terminated");
        break;

    case 488:
        ngx_str_set(&s, "Not Acceptable Here");
        break;

    case 500:
        ngx_str_set(&s, "Server Internal Error");
        break;

    case 501:
        ngx_str_set(&s, "Not Implemented");
        break;

    case 502:
        ngx_str_set(&s, "Bad Gateway");
        break;

    case 503:
        ngx_str_set(&s, "Service Unavailable");
        break;

    case 504:
        ngx_str_set(&s, "Server Time-out");
        break;

    case 505:
        ngx_str_set(&s, "Version Not Supported");
        break;

    case 513:
        ngx_str_set(&s, "Message Too Large");
        break;

    case 600:
        ngx_str_set(&s, "Busy Everywhere");
        break;

    case 603:
        ngx_str_set(&s, "Decline");
        break;

    default:
        ngx_str_set(&s, "Unknown");
        break;
    }

    return s;
}
