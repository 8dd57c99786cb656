/*
 * Copyright (C) ngx_mra contributors
 *
 * As much of SIP as a load generator and a registrar for it need. Input
 * comes from programs under test on loopback: what is not understood ends
 * the program.
 */

#ifndef _SIP_MSG_H_INCLUDED_
#define _SIP_MSG_H_INCLUDED_


#include <stddef.h>


#define SIP_MAX_HEADERS  64
#define SIP_MAX_MESSAGE  16384


typedef enum {
    sip_more = 0,
    sip_crlf,
    sip_stun,
    sip_message
} sip_kind_e;


typedef enum {
    sip_other = 0,
    sip_via,
    sip_route,
    sip_record_route,
    sip_path,
    sip_contact,
    sip_from,
    sip_to,
    sip_call_id,
    sip_cseq,
    sip_max_forwards,
    sip_content_length
} sip_header_e;


typedef struct {
    const char    *p;
    size_t         n;
} sip_str_t;


typedef struct {
    sip_header_e   id;
    sip_str_t      value;
    sip_str_t      line;       /* with its CRLF */
} sip_header_t;


typedef struct {
    int            status;     /* 0: a request */
    sip_str_t      method;
    sip_str_t      uri;
    sip_str_t      start;      /* with its CRLF */
    sip_str_t      body;
    sip_header_t   headers[SIP_MAX_HEADERS];
    unsigned       nheaders;
} sip_msg_t;


typedef struct {
    size_t         n;
    char           p[SIP_MAX_MESSAGE];
} sip_out_t;


/* what a stream begins with, and its length */
sip_kind_e sip_frame(const char *p, size_t n, size_t *len);

/* m refers to the n bytes, which are one whole message */
void sip_parse(sip_msg_t *m, const char *p, size_t n);

/* the first one, or NULL */
sip_header_t *sip_find(sip_msg_t *m, sip_header_e id);

/* its value, which must be there */
sip_str_t sip_value(sip_msg_t *m, sip_header_e id);

/* comma-separated values: cuts the next one off, n is 0 after the last */
sip_str_t sip_next_value(sip_str_t *list);

/* the URI of a name-addr or addr-spec, without its header's parameters */
sip_str_t sip_addr_uri(sip_str_t value);

/* the user and host:port of a URI, n is 0 where there is none */
sip_str_t sip_uri_user(sip_str_t uri);
sip_str_t sip_uri_host(sip_str_t uri);

int sip_is(sip_str_t s, const char *text);

void sip_put(sip_out_t *out, sip_str_t s);
void sip_putf(sip_out_t *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* all lines of one kind */
void sip_put_headers(sip_out_t *out, sip_msg_t *m, sip_header_e id);


#endif /* _SIP_MSG_H_INCLUDED_ */
