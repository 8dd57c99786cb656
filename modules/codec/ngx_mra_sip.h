
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_SIP_H_INCLUDED_
#define _NGX_MRA_SIP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_mra_span.h>


/*
 * SIP messages (RFC 3261) as spans of the bytes that carry them.  Nothing
 * here allocates, copies or keeps anything: whatever is found points into
 * the caller's buffer and lives as long as that does.  A span may contain
 * folded lines (CRLF and white space) where the grammar allows LWS.
 *
 * A message is handled in four steps:
 *
 *     ngx_mra_sip_parse()           the head into a table of headers
 *     ngx_mra_sip_check_request()   everything that makes it acceptable
 *     ngx_mra_sip_plan_*()          what is to change on the way
 *     ngx_mra_sip_plan_iovec()      the changed message
 *
 *     ngx_mra_sip_build_response()  or the answer to it
 */


#define NGX_MRA_SIP_MAX_FORWARDS     70
#define NGX_MRA_SIP_MAX_LENGTH       0x7fffffff    /* of a body, bytes */


typedef enum {
    NGX_MRA_SIP_OTHER_METHOD = 0,
    NGX_MRA_SIP_ACK,
    NGX_MRA_SIP_BYE,
    NGX_MRA_SIP_CANCEL,
    NGX_MRA_SIP_INFO,
    NGX_MRA_SIP_INVITE,
    NGX_MRA_SIP_MESSAGE,
    NGX_MRA_SIP_NOTIFY,
    NGX_MRA_SIP_OPTIONS,
    NGX_MRA_SIP_PRACK,
    NGX_MRA_SIP_PUBLISH,
    NGX_MRA_SIP_REFER,
    NGX_MRA_SIP_REGISTER,
    NGX_MRA_SIP_SERVICE,
    NGX_MRA_SIP_SUBSCRIBE,
    NGX_MRA_SIP_UPDATE,
    NGX_MRA_SIP_METHODS            /* how many */
} ngx_mra_sip_method_e;


typedef enum {
    NGX_MRA_SIP_OTHER_HEADER = 0,
    NGX_MRA_SIP_ACCEPT,
    NGX_MRA_SIP_ACCEPT_CONTACT,
    NGX_MRA_SIP_ALLOW,
    NGX_MRA_SIP_ALLOW_EVENTS,
    NGX_MRA_SIP_AUTHORIZATION,
    NGX_MRA_SIP_CALL_ID,
    NGX_MRA_SIP_CONTACT,
    NGX_MRA_SIP_CONTENT_DISPOSITION,
    NGX_MRA_SIP_CONTENT_ENCODING,
    NGX_MRA_SIP_CONTENT_LENGTH,
    NGX_MRA_SIP_CONTENT_TYPE,
    NGX_MRA_SIP_CSEQ,
    NGX_MRA_SIP_DATE,
    NGX_MRA_SIP_EVENT,
    NGX_MRA_SIP_EXPIRES,
    NGX_MRA_SIP_FLOW_TIMER,
    NGX_MRA_SIP_FROM,
    NGX_MRA_SIP_HISTORY_INFO,
    NGX_MRA_SIP_IDENTITY,
    NGX_MRA_SIP_IDENTITY_INFO,
    NGX_MRA_SIP_MAX_FORWARDS_HEADER,
    NGX_MRA_SIP_MIN_EXPIRES,
    NGX_MRA_SIP_MIN_SE,
    NGX_MRA_SIP_P_ASSERTED_IDENTITY,
    NGX_MRA_SIP_P_PREFERRED_IDENTITY,
    NGX_MRA_SIP_PATH,
    NGX_MRA_SIP_PRIVACY,
    NGX_MRA_SIP_PROXY_AUTHENTICATE,
    NGX_MRA_SIP_PROXY_AUTHORIZATION,
    NGX_MRA_SIP_PROXY_REQUIRE,
    NGX_MRA_SIP_RACK,
    NGX_MRA_SIP_REASON,
    NGX_MRA_SIP_RECORD_ROUTE,
    NGX_MRA_SIP_REFER_TO,
    NGX_MRA_SIP_REFERRED_BY,
    NGX_MRA_SIP_REJECT_CONTACT,
    NGX_MRA_SIP_REMOTE_PARTY_ID,
    NGX_MRA_SIP_REPLACES,
    NGX_MRA_SIP_REQUEST_DISPOSITION,
    NGX_MRA_SIP_REQUIRE,
    NGX_MRA_SIP_RETRY_AFTER,
    NGX_MRA_SIP_ROUTE,
    NGX_MRA_SIP_RSEQ,
    NGX_MRA_SIP_SERVER,
    NGX_MRA_SIP_SERVICE_ROUTE,
    NGX_MRA_SIP_SESSION_EXPIRES,
    NGX_MRA_SIP_SUBJECT,
    NGX_MRA_SIP_SUBSCRIPTION_STATE,
    NGX_MRA_SIP_SUPPORTED,
    NGX_MRA_SIP_TIMESTAMP,
    NGX_MRA_SIP_TO,
    NGX_MRA_SIP_UNSUPPORTED,
    NGX_MRA_SIP_USER_AGENT,
    NGX_MRA_SIP_VIA,
    NGX_MRA_SIP_WARNING,
    NGX_MRA_SIP_WWW_AUTHENTICATE,
    NGX_MRA_SIP_HEADERS            /* how many */
} ngx_mra_sip_header_e;


typedef enum {
    NGX_MRA_SIP_GOOD = 0,
    NGX_MRA_SIP_BAD_START_LINE,
    NGX_MRA_SIP_BAD_VERSION,
    NGX_MRA_SIP_BAD_HEADER,        /* no name, no colon, fold without header */
    NGX_MRA_SIP_BAD_BYTE,          /* control, bare CR or LF, NUL */
    NGX_MRA_SIP_BAD_LENGTH,        /* Content-Length: no number, two values */
    NGX_MRA_SIP_TOO_MANY_HEADERS
} ngx_mra_sip_error_e;


typedef enum {
    NGX_MRA_SIP_OTHER_SCHEME = 0,
    NGX_MRA_SIP_SIP,
    NGX_MRA_SIP_SIPS,
    NGX_MRA_SIP_TEL,
    NGX_MRA_SIP_URN                /* emergency services, RFC 5031 */
} ngx_mra_sip_scheme_e;


typedef enum {
    NGX_MRA_SIP_OTHER_TRANSPORT = 0,
    NGX_MRA_SIP_UDP,
    NGX_MRA_SIP_TCP,
    NGX_MRA_SIP_TLS,
    NGX_MRA_SIP_SCTP,
    NGX_MRA_SIP_WS,
    NGX_MRA_SIP_WSS
} ngx_mra_sip_transport_e;


typedef struct {
    ngx_str_t                name;
    ngx_str_t                value;     /* trimmed; folds stay inside */
    uint32_t                 offset;    /* of the line, from msg->start */
    uint32_t                 length;    /* of the line, folds and CRLF too */
    uint16_t                 id;        /* ngx_mra_sip_header_e */
    uint16_t                 next;      /* same id: its place + 1, 0: none */
} ngx_mra_sip_header_t;


typedef struct {
    ngx_str_t                name;
    ngx_str_t                value;     /* without the quotes */
    unsigned                 valued:1;  /* "=" was there */
    unsigned                 quoted:1;
} ngx_mra_sip_param_t;


/* sip: and sips:, RFC 3261, 19.1; of others "whole", "rest", "scheme" only */

typedef struct {
    ngx_uint_t               scheme;    /* ngx_mra_sip_scheme_e */
    ngx_str_t                whole;
    ngx_str_t                rest;      /* what follows "scheme:" */
    ngx_str_t                user;      /* data NULL: none */
    ngx_str_t                password;  /* data NULL: none */
    ngx_str_t                host;      /* IPv6 with its brackets */
    ngx_str_t                hostport;  /* host, or host:port */
    ngx_str_t                params;    /* from the first ";" */
    ngx_str_t                headers;   /* after "?"; data NULL: none */
    in_port_t                port;      /* 0: none */
    unsigned                 ipv6:1;
} ngx_mra_sip_uri_t;


/* name-addr or addr-spec with header parameters, RFC 3261, 20.10 */

typedef struct {
    ngx_str_t                display;   /* as on the wire, with its quotes */
    ngx_str_t                uri;       /* without "<" and ">" */
    ngx_str_t                params;    /* from the first ";" */
    ngx_str_t                tag;       /* From and To: len 0: none */
    unsigned                 bracketed:1;
} ngx_mra_sip_addr_t;


typedef struct {
    ngx_mra_sip_addr_t       addr;
    ngx_mra_sip_uri_t        uri;
    ngx_str_t                q;         /* data NULL: none */
    ngx_str_t                instance;  /* +sip.instance with "<" and ">";
                                           data NULL: none */
    ngx_str_t                ha;        /* x-cisco-mra-ha; data NULL: none */
    uint32_t                 expires;   /* seconds, if has_expires */
    uint32_t                 reg_id;    /* 0: none */
    unsigned                 has_expires:1;
    unsigned                 star:1;    /* "Contact: *", nothing else is set */
} ngx_mra_sip_contact_t;


typedef struct {
    ngx_str_t                whole;     /* the value, without its comma */
    ngx_str_t                protocol;  /* SIP/2.0/TLS, may contain LWS */
    ngx_uint_t               transport; /* ngx_mra_sip_transport_e */
    ngx_str_t                host;      /* of sent-by, IPv6 with brackets */
    ngx_str_t                params;    /* from the first ";" */
    ngx_str_t                branch;    /* data NULL: none */
    ngx_str_t                received;  /* data NULL: none */
    ngx_str_t                rport;     /* data NULL: none; len 0: no value,
                                           data is then where it goes */
    ngx_str_t                maddr;     /* data NULL: none */
    in_port_t                port;      /* of sent-by, 0: none */
    unsigned                 fragile:1; /* as in ngx_mra_sip_msg_t */
} ngx_mra_sip_via_t;


typedef struct {
    uint32_t                 number;
    ngx_uint_t               method;    /* ngx_mra_sip_method_e */
    ngx_str_t                name;
} ngx_mra_sip_cseq_t;


typedef struct {
    u_char                  *start;
    size_t                   head;      /* bytes, the empty line included */
    ssize_t                  length;    /* of the body; -1: not told */

    ngx_uint_t               error;     /* ngx_mra_sip_error_e, the first */
    ngx_uint_t               folded;    /* some header has folds */

    ngx_str_t                line;      /* start line without CRLF */
    ngx_uint_t               method;    /* of a request */
    ngx_str_t                method_name;
    ngx_str_t                uri;
    ngx_uint_t               status;    /* 0: a request; 999: unreadable */
    ngx_str_t                reason;
    ngx_str_t                version;

    ngx_mra_sip_header_t    *headers;
    ngx_uint_t               nheaders;
    ngx_uint_t               max_headers;

    /* the places + 1 of the first and the last header of each id */
    uint16_t                 first[NGX_MRA_SIP_HEADERS];
    uint16_t                 last[NGX_MRA_SIP_HEADERS];

    /* set by ngx_mra_sip_check_request() and _response() if they find so */

    ngx_mra_sip_uri_t        ruri;
    ngx_mra_sip_via_t        via;       /* the topmost */
    ngx_mra_sip_addr_t       from;
    ngx_mra_sip_addr_t       to;
    ngx_mra_sip_cseq_t       cseq;
    ngx_str_t                call_id;
    ngx_uint_t               max_forwards;  /* 70 if there is none */
    ngx_mra_sip_header_t    *bad;       /* what they stumbled over, or NULL */
    ngx_uint_t               fragile;   /* there are servers that close the
                                           connection on it */
} ngx_mra_sip_msg_t;


/* the first header of this id, or NULL; the next one of the same id */

#define ngx_mra_sip_first(msg, id)                                            \
    ((msg)->first[id] ? &(msg)->headers[(msg)->first[id] - 1] : NULL)

#define ngx_mra_sip_next(msg, h)                                              \
    ((h)->next ? &(msg)->headers[(h)->next - 1] : NULL)


/*
 * Messages: ngx_mra_sip_msg.c, ngx_mra_sip_check.c
 */

/*
 * Parses the head of one message, that starts at p, into msg and the table
 * headers[max]; max is at most 65535.  All of msg is overwritten.  CRLF
 * before the start line is not skipped: that is a keepalive (RFC 5626,
 * 3.5.1) and the framer's.
 *
 * NGX_OK     the head is complete, msg->head bytes.  Its structure may
 *            still be wrong: then msg->error is set, and the check
 *            functions below tell what to answer.
 * NGX_AGAIN  more bytes are needed; nothing in msg can be used.
 * NGX_ERROR  framing is lost, msg->error tells why: this is not SIP, the
 *            length cannot be told, or the table is too small.  A response
 *            can be tried before the connection is closed: the headers so
 *            far are there, all of them if msg->head is not 0.
 *
 * A body length that is not told (msg->length is -1) ends framing on a
 * stream too (RFC 3261, 18.3); datagrams may do without.
 */
ngx_int_t ngx_mra_sip_parse(ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_header_t *headers, ngx_uint_t max, u_char *p, u_char *last);

/*
 * Tells whether a parsed request is one that RFC 3261 allows: known
 * version, mandatory headers once, their grammar and that of the other
 * headers that servers read, CSeq of the same method, URI of a known
 * scheme.  Fills the lower part of msg as far as it gets.
 *
 * Returns 0, or the status to answer with: 400, 416, 505.  Then *reason is
 * a constant that says why, fit for the status line, and msg->bad, if not
 * NULL, the header in question.  An ACK gets no answer, whatever it is.
 * Neither a Max-Forwards of 0 nor Require and Proxy-Require are judged here.
 *
 * An allowed message may still be msg->fragile: it has what Kamailio 5.6.3,
 * for one, takes for the end of all trust in the connection.  On one that is
 * shared with others it had better not go.  Folds are fragile as well, but
 * ngx_mra_sip_unfold() removes them.
 */
ngx_uint_t ngx_mra_sip_check_request(ngx_mra_sip_msg_t *msg,
    ngx_str_t *reason);

/*
 * The same for a response, where only headers that a proxy itself relies on
 * have to be right; mistakes in others make it fragile.  NGX_OK; NGX_ERROR:
 * it must be dropped (RFC 3261, 16.7 and 18.1.2), *reason says why, for the
 * log.
 */
ngx_int_t ngx_mra_sip_check_response(ngx_mra_sip_msg_t *msg,
    ngx_str_t *reason);

/*
 * Turns the folds of all headers into spaces, which mean the same (RFC 3261,
 * 7.3.1), in the caller's buffer.  All spans and offsets stay as they are.
 * For messages that go on: there are servers that accept a fold in some
 * headers, and close the connection for one in others.
 */
void ngx_mra_sip_unfold(ngx_mra_sip_msg_t *msg);

/* ngx_mra_sip_method_e of a method name (case matters, RFC 3261, 7.1) */
ngx_uint_t ngx_mra_sip_method(ngx_str_t *name);

/* ngx_mra_sip_header_e of a header name, long or compact, in any case */
ngx_uint_t ngx_mra_sip_header_id(u_char *name, size_t len);

/* the phrase of RFC 3261, 21, and others in use; never empty */
ngx_str_t ngx_mra_sip_reason(ngx_uint_t status);


/*
 * URIs: ngx_mra_sip_uri.c
 */

/* NGX_OK or NGX_ERROR */
ngx_int_t ngx_mra_sip_parse_uri(ngx_str_t *s, ngx_mra_sip_uri_t *uri);

/*
 * The canonical form of an address-of-record, "user@host[:port]" (RFC 3261,
 * 10.3, step 5): user unescaped, host in lower case, no parameters; "host"
 * without a user.  buf holds uri->rest.len bytes at least.  Returns the
 * length, 0 if the scheme is not sip or sips.
 */
size_t ngx_mra_sip_build_aor(ngx_mra_sip_uri_t *uri, u_char *buf);


/*
 * Header values: ngx_mra_sip_header.c
 *
 * NGX_OK or NGX_ERROR unless said otherwise.
 */

/*
 * Iterates over the values of a comma-separated header, those of further
 * lines of the same id included.  "header" is the one that the value last
 * returned is in.
 */
typedef struct {
    ngx_mra_sip_msg_t       *msg;
    ngx_mra_sip_header_t    *header;
    ngx_uint_t               id;        /* private, as is what follows */
    u_char                  *pos;
    u_char                  *last;
    ngx_uint_t               line;
} ngx_mra_sip_list_t;

void ngx_mra_sip_list_init(ngx_mra_sip_list_t *list, ngx_mra_sip_msg_t *msg,
    ngx_uint_t id);

/* the same for one line only */
void ngx_mra_sip_list_line(ngx_mra_sip_list_t *list, ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_header_t *h);

/*
 * NGX_OK; NGX_DONE: there are no more; NGX_ERROR: an empty value, or quotes,
 * brackets or comments that open before a comma and do not end
 */
ngx_int_t ngx_mra_sip_list_next(ngx_mra_sip_list_t *list, ngx_str_t *value);

/* one value; the URI itself is not looked into.  "tag" is looked up too */
ngx_int_t ngx_mra_sip_parse_addr(ngx_str_t *value, ngx_mra_sip_addr_t *addr);

/* one value; the URI is parsed too */
ngx_int_t ngx_mra_sip_parse_contact(ngx_str_t *value,
    ngx_mra_sip_contact_t *contact);

/* one value */
ngx_int_t ngx_mra_sip_parse_via(ngx_str_t *value, ngx_mra_sip_via_t *via);

ngx_int_t ngx_mra_sip_parse_cseq(ngx_str_t *value, ngx_mra_sip_cseq_t *cseq);

/*
 * delta-seconds that may be followed by a comment and parameters, as in
 * Retry-After, or by nothing, as in Expires.  More than 2^32-1 counts as
 * 2^32-1 (RFC 3261, 20.19).
 */
ngx_int_t ngx_mra_sip_parse_seconds(ngx_str_t *value, uint32_t *seconds);

/*
 * Cuts the next parameter off *rest, which starts as the "params" span of
 * a URI, an address or a Via (with or without its first ";").
 *
 * NGX_OK; NGX_DONE: there is none; NGX_ERROR
 */
ngx_int_t ngx_mra_sip_next_param(ngx_str_t *rest, ngx_mra_sip_param_t *param);

/*
 * The first parameter of this name, in any case.
 *
 * NGX_OK; NGX_DECLINED: there is none; NGX_ERROR: broken before it
 */
ngx_int_t ngx_mra_sip_find_param(ngx_str_t *params, u_char *name, size_t len,
    ngx_mra_sip_param_t *param);


/*
 * Changes and answers: ngx_mra_sip_edit.c
 *
 * A plan says what is to change in a message, by offset, and touches
 * nothing.  It keeps the inserted spans, not their bytes: those have to
 * live until the plan is applied.  Changes may be recorded in any order;
 * two insertions at one place come out in the order of recording; what is
 * deleted cannot be deleted twice, or inserted into.
 *
 * The recording functions return NGX_OK, or NGX_ERROR: the plan is full,
 * changes overlap, or lie outside of the head.  A plan that refused a change
 * must not be applied.
 */

#define NGX_MRA_SIP_PLAN_EDITS    24
#define NGX_MRA_SIP_PLAN_SPANS    64
#define NGX_MRA_SIP_PLAN_NUMBERS  4

/* pieces that always suffice for ngx_mra_sip_plan_iovec() */

#define NGX_MRA_SIP_PLAN_PIECES                                               \
    (NGX_MRA_SIP_PLAN_EDITS + NGX_MRA_SIP_PLAN_SPANS + 1)

typedef struct {
    uint32_t                 offset;    /* from msg->start */
    uint32_t                 deleted;   /* bytes */
    uint16_t                 span;      /* the first inserted one */
    uint16_t                 nspans;
} ngx_mra_sip_edit_t;


typedef struct {
    ngx_mra_sip_msg_t       *msg;
    ngx_uint_t               nedits;
    ngx_uint_t               nspans;
    ngx_uint_t               nnumbers;
    ngx_mra_sip_edit_t       edits[NGX_MRA_SIP_PLAN_EDITS];
    ngx_str_t                spans[NGX_MRA_SIP_PLAN_SPANS];
    u_char                   numbers[NGX_MRA_SIP_PLAN_NUMBERS][12];
} ngx_mra_sip_plan_t;


/* msg as ngx_mra_sip_parse() left it; it has to outlive the plan */
void ngx_mra_sip_plan_init(ngx_mra_sip_plan_t *plan, ngx_mra_sip_msg_t *msg);

/* at offset: "deleted" bytes give way to n spans */
ngx_int_t ngx_mra_sip_plan_edit(ngx_mra_sip_plan_t *plan, size_t offset,
    size_t deleted, ngx_str_t *spans, ngx_uint_t n);

/* "old" is a span of the message, of length 0 too */
ngx_int_t ngx_mra_sip_plan_replace(ngx_mra_sip_plan_t *plan, ngx_str_t *old,
    ngx_str_t *spans, ngx_uint_t n);

/*
 * Inserts whole lines, with their CRLF: before the first header of this id,
 * or if there is none, or the id is 0, below the start line.
 */
ngx_int_t ngx_mra_sip_plan_insert(ngx_mra_sip_plan_t *plan, ngx_uint_t id,
    ngx_str_t *spans, ngx_uint_t n);

/* whole lines below the last header */
ngx_int_t ngx_mra_sip_plan_append(ngx_mra_sip_plan_t *plan, ngx_str_t *spans,
    ngx_uint_t n);

/*
 * The first n values of a comma-separated header, whatever lines they are
 * in: Via, Route.  NGX_DECLINED: there are fewer, and all of them go.
 */
ngx_int_t ngx_mra_sip_plan_pop(ngx_mra_sip_plan_t *plan, ngx_uint_t id,
    ngx_uint_t n);

/*
 * Content-Length, Max-Forwards, Expires: the value of the first header of
 * this id becomes "number"; the header is added if there is none.
 */
ngx_int_t ngx_mra_sip_plan_number(ngx_mra_sip_plan_t *plan, ngx_uint_t id,
    uint32_t number);

/*
 * Adds ";received=" to the topmost Via and, if it has "rport", fills that
 * in (RFC 3261, 18.2.1; RFC 3581, 4).  What a client put there is replaced.
 * msg->via has to be set.  "received" without brackets; both spans live
 * until the plan is applied.
 */
ngx_int_t ngx_mra_sip_plan_received(ngx_mra_sip_plan_t *plan,
    ngx_str_t *received, ngx_str_t *rport);

/*
 * The changed message as n pieces, without copying; "body" bytes follow the
 * head.  Returns how many pieces, or NGX_ERROR: more than n.
 */
ngx_int_t ngx_mra_sip_plan_iovec(ngx_mra_sip_plan_t *plan, size_t body,
    struct iovec *iov, ngx_uint_t n);


typedef struct {
    ngx_uint_t               status;
    ngx_str_t                reason;    /* len 0: ngx_mra_sip_reason() */
    ngx_str_t                to_tag;    /* if To has none; len 0: not added */
    ngx_str_t                received;  /* as in plan_received(); len 0: no */
    ngx_str_t                rport;
    ngx_str_t                lines;     /* more headers, each with CRLF */
    ngx_str_t                body;      /* its Content-Type is in "lines" */
} ngx_mra_sip_answer_t;


/*
 * Writes the response to a request (RFC 3261, 8.2.6): all Via, From, To,
 * Call-ID, CSeq, Timestamp for 100, "lines", Content-Length, body.  A
 * request that failed its check is answered with what it has.
 *
 * NGX_OK     *len bytes of buf are written
 * NGX_ERROR  size is too small, *len is what it takes; or *len is 0: the
 *            message has no Via to go back along, or is not a request
 */
ngx_int_t ngx_mra_sip_build_response(ngx_mra_sip_msg_t *msg,
    ngx_mra_sip_answer_t *answer, u_char *buf, size_t size, size_t *len);


#endif /* _NGX_MRA_SIP_H_INCLUDED_ */
