
/*
 * Copyright (C) ngx_mra contributors
 *
 * The relay: what happens to one message on its way.  There is one relay for
 * a worker; it is about one message at a time, and none when no handler runs.
 */


#ifndef _NGX_STREAM_MRA_RELAY_H_INCLUDED_
#define _NGX_STREAM_MRA_RELAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_mra_sip.h"
#include "ngx_mra_relay.h"
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"


#define NGX_STREAM_MRA_HEADERS   256       /* of a message */
#define NGX_STREAM_MRA_CONTACTS  10        /* of a REGISTER */

/* a flow token, a dot and the id of a binding */

#define NGX_STREAM_MRA_USER_LEN                                               \
    (NGX_STREAM_MRA_TOKEN_LEN + 1 + NGX_MRA_RELAY_ID_TEXT)


typedef struct {
    u_char                       id[NGX_MRA_RELAY_ID_LEN];
    uint64_t                     hash;     /* of what it was made of */
    uint32_t                     offset;   /* of its URI in the message */
    uint32_t                     len;
    ngx_uint_t                   bound;    /* the answer has it */
} ngx_stream_mra_contact_t;


struct ngx_stream_mra_relay_s {
    ngx_stream_mra_worker_t     *worker;
    ngx_log_t                   *log;

    ngx_mra_sip_msg_t            msg;
    ngx_mra_sip_plan_t           plan;
    u_char                      *last;     /* the end of the body */

    /* of its server: its id tells upstreams apart in all workers */

    uint32_t                     id;
    ngx_stream_mra_link_t       *link;     /* it came on; NULL: from another
                                              worker, or for the second time */
    ngx_stream_mra_flow_t        back;     /* where its answer goes */
    ngx_stream_mra_flow_t        to;       /* where it goes */
    ngx_mra_relay_branch_t       answered; /* by a response */
    ngx_stream_mra_client_t     *client;   /* from or for whom */
    ngx_stream_mra_hop_t        *hop;      /* for whom */
    ngx_stream_mra_link_t       *near;     /* of the client's hop */
    ngx_stream_mra_pending_t    *pending;  /* a REGISTER that is sent again */

    /* of the client's request: which hop it asks for, 0: none, and which
       one behind that is told to the next hop */

    uint32_t                     wish;
    uint32_t                     behind;
    ngx_uint_t                   affinity; /* messages that keep their order
                                              have the same */

    ngx_stream_mra_address_t     inside;   /* hostport.len 0: not yet */
    ngx_stream_mra_address_t     outside;
    u_char                       token[NGX_STREAM_MRA_USER_LEN];
    u_char                       branch[NGX_MRA_RELAY_BRANCH_LEN];
    u_char                       port[sizeof("65535") - 1];

    ngx_str_t                    aor;
    ngx_uint_t                   ncontacts;
    ngx_stream_mra_contact_t     contacts[NGX_STREAM_MRA_CONTACTS];

    ngx_str_t                    reason;   /* of our answer */
    ngx_str_t                    lines;    /* more headers in it */

    u_char                      *text;     /* spans that are inserted */
    u_char                      *text_pos;
    u_char                      *text_end;

    unsigned                     outbound:1;  /* the client sent it */
    unsigned                     found:1;     /* "to" is known */
    unsigned                     remote:1;    /* another worker had it */
    unsigned                     wait:1;      /* for a link to the hop */
    unsigned                     star:1;      /* Contact: * */
    unsigned                     credentials:1;

    struct iovec                 iov[NGX_MRA_SIP_PLAN_PIECES];
    ngx_mra_sip_header_t         headers[NGX_STREAM_MRA_HEADERS];
};


/*
 * A step of the way.
 *
 * NGX_OK      on to the next
 * NGX_DONE    there is nothing more to do
 * NGX_ERROR   the message is lost for want of memory; a request gets 500
 * 100 .. 699  the request is answered with this status
 */

typedef ngx_int_t (*ngx_stream_mra_step_pt)(ngx_stream_mra_relay_t *r);


/* what comes from next hops */

extern const ngx_stream_mra_hop_handlers_t  ngx_stream_mra_hop_handlers;


/* NULL: no memory */

ngx_stream_mra_relay_t *ngx_stream_mra_relay_create(ngx_cycle_t *cycle);


/*
 * Messages: [p, last) is a whole one.
 */

void ngx_stream_mra_relay_client(ngx_stream_mra_client_t *client, u_char *p,
    u_char *last);
void ngx_stream_mra_relay_inside(uint32_t id, ngx_stream_mra_link_t *ln,
    u_char *p, u_char *last);

/*
 * The same for what may be a message: how long it is if it is whole and good,
 * or 0, and nothing was done.
 */

size_t ngx_stream_mra_take_client(ngx_stream_mra_client_t *client, u_char *p,
    u_char *last);
size_t ngx_stream_mra_take_inside(uint32_t id, ngx_stream_mra_link_t *ln,
    u_char *p, u_char *last);

/* from another worker: a request from inside that goes to a flow of ours */

void ngx_stream_mra_relay_request(uint32_t id, ngx_stream_mra_flow_t *to,
    ngx_stream_mra_flow_t *back, u_char *p, u_char *last);

/*
 * A request from inside whose flow was looked up: NGX_OK, or the status to
 * answer with.
 */

void ngx_stream_mra_relay_found(uint32_t id, ngx_stream_mra_flow_t *to,
    ngx_stream_mra_flow_t *back, ngx_uint_t status, u_char *p, u_char *last);

/*
 * An answer of the client that has the flow, whole as it is to be sent: the
 * link that it was for is gone.
 */

void ngx_stream_mra_relay_returned(uint32_t id, ngx_stream_mra_flow_t *flow,
    u_char *p, u_char *last);

/* a REGISTER that is sent again, to pending->hop; NULL: there is none left */

void ngx_stream_mra_relay_again(ngx_stream_mra_pending_t *pending, u_char *p,
    u_char *last);

/* a message that cannot be relayed: "status" if it can be answered */

void ngx_stream_mra_relay_refuse(ngx_stream_mra_client_t *client,
    ngx_uint_t status, char *reason, u_char *p, u_char *last);

/*
 * Sends what is ready on a link that leads inside, or where a request came
 * from; NGX_OK / NGX_DECLINED (it is gone) / NGX_BUSY / NGX_ERROR
 */

ngx_int_t ngx_stream_mra_relay_output(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_flow_t *to, struct iovec *iov, ngx_uint_t n);


/*
 * Limits: ngx_stream_mra_check.c
 */

ngx_int_t ngx_stream_mra_check_request(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_check_forwards(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_check_loop(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_check_extensions(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_check_domain(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_check_registered(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_check_response(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_check_inside(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_check_answer(ngx_stream_mra_relay_t *r);


/*
 * Where to: ngx_stream_mra_target.c
 *
 * The client of a request from inside; the client that a response is for;
 * who asked what a client answers.
 */

ngx_int_t ngx_stream_mra_find_flow(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_find_client(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_find_asker(ngx_stream_mra_relay_t *r);


/*
 * Changes: ngx_stream_mra_edit.c
 */

ngx_int_t ngx_stream_mra_edit_forwards(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_edit_routes(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_edit_record_route(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_edit_target(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_edit_via(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_pop_via(ngx_stream_mra_relay_t *r);

/* the token of the client's flow, NGX_STREAM_MRA_TOKEN_LEN bytes */

ngx_str_t ngx_stream_mra_token(ngx_stream_mra_relay_t *r);

/* our addresses on the two sides of r->client; NULL: not known yet */

ngx_stream_mra_address_t *ngx_stream_mra_inside(ngx_stream_mra_relay_t *r);
ngx_stream_mra_address_t *ngx_stream_mra_outside(ngx_stream_mra_relay_t *r);

/*
 * The flow in a Route value of ours.  NGX_OK; NGX_DECLINED: it is ours by its
 * host only; NGX_ERROR: it is not
 */

ngx_int_t ngx_stream_mra_own_route(ngx_stream_mra_relay_t *r,
    ngx_str_t *value, ngx_stream_mra_flow_t *flow);

/* where the client's message came from; empty: a unix socket */

void ngx_stream_mra_source(ngx_stream_mra_relay_t *r, ngx_str_t *received,
    ngx_str_t *rport);

/* room for spans that live as long as the message; NULL: too much */

u_char *ngx_stream_mra_text(ngx_stream_mra_relay_t *r, size_t len);


/*
 * Answers of ours: ngx_stream_mra_answer.c
 */

void ngx_stream_mra_answer(ngx_stream_mra_relay_t *r, ngx_uint_t status);

/* sets the reason that the log and the answer tell */

ngx_int_t ngx_stream_mra_refusal(ngx_stream_mra_relay_t *r,
    ngx_uint_t status, char *reason);

/* 200 to OPTIONS that ask ourselves, RFC 3261, 11 */

ngx_int_t ngx_stream_mra_options(ngx_stream_mra_relay_t *r);

/* the Retry-After and Warning lines of a 503 */

ngx_int_t ngx_stream_mra_no_path(ngx_stream_mra_relay_t *r, char *why);

/* logs a message that gets no answer; drop() returns NGX_DONE */

void ngx_stream_mra_log_dropped(ngx_stream_mra_relay_t *r, ngx_str_t *why);
ngx_int_t ngx_stream_mra_drop(ngx_stream_mra_relay_t *r, char *why);


#endif /* _NGX_STREAM_MRA_RELAY_H_INCLUDED_ */
