/*
 * Copyright (C) ngx_mra contributors
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip_msg.h"
#include "sip_ua.h"


#define SIP_UA_DOMAIN      "example.com"
#define SIP_UA_MAX_ROUTES  16
#define SIP_UA_EXPIRES     3600


typedef struct {
    unsigned     cseq;
    unsigned     call;               /* of its INVITE */

    /* the dialog of a call, as its caller needs it for ACK and BYE */

    char        *contact;
    char        *route;
    char        *to;

    /* the headers that the callee's answers share */

    char        *answer;
} sip_ua_t;


static void sip_ua_request(load_conn_t *c, sip_msg_t *m);
static void sip_ua_response(load_conn_t *c, sip_msg_t *m);
static void sip_ua_keep_answer(load_conn_t *c, sip_msg_t *m);
static void sip_ua_answer(load_conn_t *c, const char *status, int sdp);
static void sip_ua_keep_dialog(load_conn_t *c, sip_msg_t *m);
static void sip_ua_in_dialog(load_conn_t *c, const char *method);
static sip_ua_t *sip_ua(load_conn_t *c);
static void sip_ua_user(sip_out_t *out, load_conn_t *c);
static void sip_ua_contact(sip_out_t *out, load_conn_t *c);
static void sip_ua_via(sip_out_t *out, load_conn_t *c);
static void sip_ua_body(sip_out_t *out, int sdp);
static char *sip_ua_dup(char *old, const char *p, size_t n);


int             sip_ua_hold;
void          (*sip_ua_failed)(load_conn_t *c, int status);

static sip_out_t  out;


static const char  sip_ua_sdp[] =
    "v=0\r\n"
    "o=- 3724394400 3724394405 IN IP4 127.0.0.1\r\n"
    "s=-\r\n"
    "c=IN IP4 127.0.0.1\r\n"
    "t=0 0\r\n"
    "m=audio 40000 RTP/SAVP 9 0 8 101\r\n"
    "a=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\n"
    "a=sendrecv\r\n";


void
sip_ua_register(load_conn_t *c)
{
    sip_ua_t  *ua;

    ua = sip_ua(c);
    ua->cseq++;

    out.n = 0;
    sip_putf(&out, "REGISTER sip:" SIP_UA_DOMAIN " SIP/2.0\r\n");
    sip_ua_via(&out, c);
    sip_putf(&out, "Max-Forwards: 70\r\nFrom: <");
    sip_ua_user(&out, c);
    sip_putf(&out, ">;tag=%08x\r\nTo: <", c->serial);
    sip_ua_user(&out, c);
    sip_putf(&out, ">\r\n"
             "Call-ID: 5b4f2a-%08x@127.0.0.1\r\n"
             "CSeq: %u REGISTER\r\n"
             "Contact: ", c->serial, ua->cseq);
    sip_ua_contact(&out, c);
    sip_putf(&out, ";reg-id=1;+sip.instance="
             "\"<urn:uuid:00000000-0000-1000-8000-%012x>\"\r\n"
             "User-Agent: sip_load\r\n"
             "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, UPDATE\r\n"
             "Supported: path, outbound, replaces\r\n"
             "Expires: %d\r\n"
             "Content-Length: 0\r\n"
             "\r\n", c->serial, SIP_UA_EXPIRES);

    load_send(c, out.p, out.n);
}


void
sip_ua_call(load_conn_t *c)
{
    sip_ua_t  *ua;

    ua = sip_ua(c);
    ua->cseq++;
    ua->call = ua->cseq;

    out.n = 0;
    sip_putf(&out, "INVITE ");
    sip_ua_user(&out, c + 1);
    sip_putf(&out, " SIP/2.0\r\n");
    sip_ua_via(&out, c);
    sip_putf(&out, "Max-Forwards: 70\r\nFrom: <");
    sip_ua_user(&out, c);
    sip_putf(&out, ">;tag=%08x\r\nTo: <", ua->cseq);
    sip_ua_user(&out, c + 1);
    sip_putf(&out, ">\r\n"
             "Call-ID: 7c01d9-%08x-%08x@127.0.0.1\r\n"
             "CSeq: %u INVITE\r\n"
             "Contact: ", c->serial, ua->cseq, ua->cseq);
    sip_ua_contact(&out, c);
    sip_putf(&out, "\r\n"
             "User-Agent: sip_load\r\n"
             "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, UPDATE\r\n"
             "Supported: path, outbound, replaces\r\n");
    sip_ua_body(&out, 1);

    load_send(c, out.p, out.n);
}


void
sip_ua_hang_up(load_conn_t *c)
{
    sip_ua_in_dialog(c, "BYE");
}


void
sip_ua_ping(load_conn_t *c)
{
    load_send(c, "\r\n\r\n", 4);
}


void
sip_ua_bind(load_conn_t *c)
{
    sip_ua_t  *ua;
    char       p[20] = "\x00\x01\x00\x00\x21\x12\xa4\x42";

    ua = sip_ua(c);
    ua->cseq++;

    memcpy(p + 8, &c->serial, sizeof(unsigned));
    memcpy(p + 12, &ua->cseq, sizeof(unsigned));

    load_send(c, p, sizeof(p));
}


size_t
sip_ua_input(load_conn_t *c, char *p, size_t n)
{
    size_t      len;
    sip_msg_t   m;
    sip_kind_e  kind;

    kind = sip_frame(p, n, &len);

    switch (kind) {

    case sip_more:
        return 0;

    case sip_crlf:
        sip_ua_done(c);
        return len;

    case sip_stun:
        if (memcmp(p, "\x01\x01", 2) != 0) {
            load_fatal("\"%s\" answered STUN type 0x%02x%02x",
                       c->target->name, p[0], p[1]);
        }

        sip_ua_done(c);
        return len;

    case sip_message:
        break;
    }

    sip_parse(&m, p, len);

    if (m.status) {
        sip_ua_response(c, &m);

    } else {
        sip_ua_request(c, &m);
    }

    return len;
}


void
sip_ua_done(load_conn_t *c)
{
    if (c->ready) {
        load_done(c);

    } else {
        load_ready(c);
    }
}


static void
sip_ua_request(load_conn_t *c, sip_msg_t *m)
{
    if (sip_is(m->method, "ACK")) {

        /* the caller hangs up when the callee has its ACK */

        if (sip_ua_hold) {
            sip_ua_done(c - 1);

        } else {
            sip_ua_hang_up(c - 1);
        }

        return;
    }

    sip_ua_keep_answer(c, m);

    if (sip_is(m->method, "INVITE")) {
        sip_ua_answer(c, "180 Ringing", 0);

    } else {
        sip_ua_answer(c, "200 OK", 0);
    }
}


static void
sip_ua_response(load_conn_t *c, sip_msg_t *m)
{
    sip_str_t  cseq, method;

    cseq = sip_value(m, sip_cseq);
    method.p = memchr(cseq.p, ' ', cseq.n);
    method.p = method.p ? method.p + 1 : cseq.p;
    method.n = cseq.p + cseq.n - method.p;

    if (m->status > 299 && sip_ua_failed) {
        sip_ua_failed(c, m->status);
        return;
    }

    if (m->status > 299) {
        load_fatal("\"%s\" answered:\n%.*s", c->target->name,
                   (int) (m->body.p - m->start.p), m->start.p);
    }

    if (sip_is(method, "INVITE")) {

        if (m->status == 180) {

            /* the callee lifts when the caller hears it ring */

            sip_ua_answer(c + 1, "200 OK", 1);

        } else if (m->status == 200) {
            sip_ua_keep_dialog(c, m);
            sip_ua_in_dialog(c, "ACK");
        }

        return;
    }

    if (m->status == 200) {
        sip_ua_done(c);
    }
}


static void
sip_ua_keep_answer(load_conn_t *c, sip_msg_t *m)
{
    sip_ua_t   *ua;
    sip_str_t   to;

    ua = sip_ua(c);
    to = sip_value(m, sip_to);

    out.n = 0;
    sip_put_headers(&out, m, sip_via);
    sip_put_headers(&out, m, sip_record_route);
    sip_put_headers(&out, m, sip_from);
    sip_putf(&out, "To: ");
    sip_put(&out, to);

    if (memmem(to.p, to.n, ";tag=", 5) == NULL) {
        sip_putf(&out, ";tag=%08x", c->serial);
    }

    sip_putf(&out, "\r\n");
    sip_put_headers(&out, m, sip_call_id);
    sip_put_headers(&out, m, sip_cseq);

    ua->answer = sip_ua_dup(ua->answer, out.p, out.n);
}


static void
sip_ua_answer(load_conn_t *c, const char *status, int sdp)
{
    out.n = 0;
    sip_putf(&out, "SIP/2.0 %s\r\n%sContact: ", status, sip_ua(c)->answer);
    sip_ua_contact(&out, c);
    sip_putf(&out, "\r\n");
    sip_ua_body(&out, sdp);

    load_send(c, out.p, out.n);
}


static void
sip_ua_keep_dialog(load_conn_t *c, sip_msg_t *m)
{
    unsigned   i, n;
    sip_ua_t  *ua;
    sip_str_t  list, s, routes[SIP_UA_MAX_ROUTES];

    ua = sip_ua(c);

    s = sip_addr_uri(sip_value(m, sip_contact));
    ua->contact = sip_ua_dup(ua->contact, s.p, s.n);

    s = sip_value(m, sip_to);
    ua->to = sip_ua_dup(ua->to, s.p, s.n);

    n = 0;

    for (i = 0; i < m->nheaders; i++) {

        if (m->headers[i].id != sip_record_route) {
            continue;
        }

        for (list = m->headers[i].value; list.n && n < SIP_UA_MAX_ROUTES; ) {
            routes[n++] = sip_next_value(&list);
        }
    }

    /* the caller's route set is the reverse, RFC 3261, 12.1.2 */

    out.n = 0;

    while (n--) {
        sip_putf(&out, "Route: ");
        sip_put(&out, routes[n]);
        sip_putf(&out, "\r\n");
    }

    ua->route = sip_ua_dup(ua->route, out.p, out.n);
}


static void
sip_ua_in_dialog(load_conn_t *c, const char *method)
{
    unsigned   cseq;
    sip_ua_t  *ua;

    ua = sip_ua(c);

    /* ACK has the number of its INVITE, BYE the next one */

    cseq = method[0] == 'B' ? ++ua->cseq : ua->call;

    out.n = 0;
    sip_putf(&out, "%s %s SIP/2.0\r\n", method, ua->contact);
    sip_ua_via(&out, c);
    sip_putf(&out, "Max-Forwards: 70\r\n%sFrom: <", ua->route);
    sip_ua_user(&out, c);
    sip_putf(&out, ">;tag=%08x\r\n"
             "To: %s\r\n"
             "Call-ID: 7c01d9-%08x-%08x@127.0.0.1\r\n"
             "CSeq: %u %s\r\n"
             "User-Agent: sip_load\r\n"
             "Content-Length: 0\r\n"
             "\r\n", ua->call, ua->to, c->serial, ua->call, cseq, method);

    load_send(c, out.p, out.n);
}


static sip_ua_t *
sip_ua(load_conn_t *c)
{
    if (c->data == NULL) {
        c->data = calloc(1, sizeof(sip_ua_t));

        if (c->data == NULL) {
            load_fatal("no memory");
        }
    }

    return c->data;
}


/* each target has users of its own */

static void
sip_ua_user(sip_out_t *o, load_conn_t *c)
{
    sip_putf(o, "sip:%c%u@" SIP_UA_DOMAIN,
             (char) ('a' + (c->target - c->load->targets)), c->index);
}


static void
sip_ua_contact(sip_out_t *o, load_conn_t *c)
{
    sip_putf(o, "<sip:%c%u@%s;transport=%s>",
             (char) ('a' + (c->target - c->load->targets)), c->index,
             c->local, c->target->tls ? "tls" : "tcp");
}


static void
sip_ua_via(sip_out_t *o, load_conn_t *c)
{
    static unsigned  branch;

    sip_putf(o, "Via: SIP/2.0/%s %s;branch=z9hG4bK%08x%08x;rport\r\n",
             c->target->tls ? "TLS" : "TCP", c->local, c->serial, branch++);
}


static void
sip_ua_body(sip_out_t *o, int sdp)
{
    if (sdp) {
        sip_putf(o, "Content-Type: application/sdp\r\n"
                 "Content-Length: %d\r\n"
                 "\r\n"
                 "%s", (int) sizeof(sip_ua_sdp) - 1, sip_ua_sdp);

    } else {
        sip_putf(o, "Content-Length: 0\r\n\r\n");
    }
}


static char *
sip_ua_dup(char *old, const char *p, size_t n)
{
    old = realloc(old, n + 1);

    if (old == NULL) {
        load_fatal("no memory");
    }

    memcpy(old, p, n);
    old[n] = '\0';

    return old;
}
