
/*
 * Copyright (C) ngx_mra contributors
 *
 * A link is one connection that carries SIP, STUN and CRLF keepalives:
 * to a client, to a next hop, or one that a next hop has opened to us.  It
 * cuts what comes in into frames and puts what goes out together; it knows
 * nothing of SIP.  Every link has a flow token (RFC 5626, 5.2): the node,
 * the worker, a slot in its table and 80 random bits.
 */


#ifndef _NGX_STREAM_MRA_LINK_H_INCLUDED_
#define _NGX_STREAM_MRA_LINK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_mra_frame.h"


#define NGX_STREAM_MRA_TAG_LEN    3       /* of the node's name */
#define NGX_STREAM_MRA_NONCE_LEN  10
#define NGX_STREAM_MRA_FLOW_LEN   21      /* tag, worker, slot, nonce */
#define NGX_STREAM_MRA_TOKEN_LEN  28      /* that in base64url */


typedef struct {
    uint32_t                           worker;
    uint32_t                           slot;
    u_char                             nonce[NGX_STREAM_MRA_NONCE_LEN];
} ngx_stream_mra_flow_t;


typedef struct ngx_stream_mra_buf_s      ngx_stream_mra_buf_t;
typedef struct ngx_stream_mra_link_s     ngx_stream_mra_link_t;
typedef struct ngx_stream_mra_links_s    ngx_stream_mra_links_t;
typedef struct ngx_stream_mra_outputs_s  ngx_stream_mra_outputs_t;


typedef struct {
    /* one whole frame in [p, last), valid only during the call */

    void  (*frame)(ngx_stream_mra_link_t *ln, ngx_uint_t type, u_char *p,
        u_char *last);

    /*
     * May be NULL.  Takes a frame off [p, last) at once, if it is whole and
     * nothing is wrong with it, and returns how long it was; 0: it goes to
     * the framer, and to "frame".  For what is read once more anyway.
     */

    size_t  (*take)(ngx_stream_mra_link_t *ln, u_char *p, u_char *last);

    /*
     * Framing is lost: last chance to answer; the link closes after it.  But
     * a message that is too large is skipped, unless the owner closes the
     * link; [p, last) is its head then.
     */

    void  (*broken)(ngx_stream_mra_link_t *ln, ngx_uint_t reason, u_char *p,
        u_char *last);

    /*
     * The connection is gone or going; called once, from the event loop, the
     * link dies after it.  The owner closes the connection.
     */

    void  (*closed)(ngx_stream_mra_link_t *ln);

    /* the timer of connection->read, which is the owner's; NULL: none */

    void  (*timer)(ngx_stream_mra_link_t *ln);
} ngx_stream_mra_link_handlers_t;


struct ngx_stream_mra_link_s {
    ngx_connection_t                      *connection;
    const ngx_stream_mra_link_handlers_t  *handlers;
    void                                  *data;      /* the owner's */

    ngx_stream_mra_flow_t                  flow;
    uint32_t                               max_size;  /* of a message */
    ngx_mra_frame_t                        frame;     /* framer's state */

    u_char                                *in;        /* partial frame */
    uint32_t                               in_len;
    uint32_t                               in_size;
    uint32_t                               skip;      /* bytes to ignore */

    uint32_t                               out_size;  /* bytes in out */
    uint32_t                               out_max;   /* then: NGX_BUSY */
    ngx_stream_mra_buf_t                  *out;
    ngx_stream_mra_buf_t                  *out_last;

    uint64_t                               received;  /* bytes */
    ngx_str_t                             *local;     /* ngx_stream_mra_
                                                         address.c's */

    ngx_queue_t                            queue;     /* links to flush */

    unsigned                               queued:1;
    unsigned                               closing:1;
    unsigned                               flushing:1;
    unsigned                               preread:1;
    unsigned                               blocked:1;
    unsigned                               error:1;
    unsigned                               ahead:1;   /* OpenSSL reads so */
};


/* what the links of this worker share; NULL: no memory */

ngx_stream_mra_links_t *ngx_stream_mra_links_create(ngx_cycle_t *cycle);

/*
 * Takes over a connected (and handshaken) connection: a token is made, the
 * handlers of c->read and c->write are set, c->data is the link.  What is
 * in [p, last) was read before and comes first (NULL: nothing).  "ln" is
 * zeroed memory of the owner that lives until "closed" was called; none of
 * the handlers is called before the next turn of the event loop.  The owner
 * may set ln->out_max after it.
 *
 * NGX_OK / NGX_ERROR (no memory: the caller closes c)
 */

ngx_int_t ngx_stream_mra_link_open(ngx_stream_mra_link_t *ln,
    ngx_connection_t *c, const ngx_stream_mra_link_handlers_t *handlers,
    void *data, size_t max_size, u_char *p, u_char *last);

/*
 * Queues one whole message, copied from iov, to be sent at the end of this
 * turn of the event loop with all others of this link in one write.
 *
 * NGX_OK     queued
 * NGX_BUSY   more than out_max bytes wait: the other side does not read
 * NGX_ERROR  the link is closing or memory is out
 */

ngx_int_t ngx_stream_mra_link_send(ngx_stream_mra_link_t *ln,
    struct iovec *iov, ngx_uint_t niov);

/*
 * Closes after this turn of the loop, with what is queued sent if "flush";
 * safe in the middle of anything; "closed" is called from the loop.  From
 * now on the token is dead.
 */

void ngx_stream_mra_link_close(ngx_stream_mra_link_t *ln, ngx_uint_t flush);

/* closes at once, which is safe in exit_process only */

void ngx_stream_mra_link_kill(ngx_stream_mra_link_t *ln);

/*
 * The live link of a flow of this worker.  NULL: it is gone, or it was
 * never ours.
 */

ngx_stream_mra_link_t *ngx_stream_mra_link_find(ngx_stream_mra_flow_t *flow);

/* text form, NGX_STREAM_MRA_TOKEN_LEN bytes */

void ngx_stream_mra_flow_print(u_char *buf, ngx_stream_mra_flow_t *flow);

/* NGX_OK; NGX_DECLINED: of another node; NGX_ERROR: no token */

ngx_int_t ngx_stream_mra_flow_parse(ngx_stream_mra_flow_t *flow, u_char *p,
    size_t len);

/* the same as NGX_STREAM_MRA_FLOW_LEN bytes; NGX_OK or NGX_DECLINED */

void ngx_stream_mra_flow_encode(u_char *buf, ngx_stream_mra_flow_t *flow);
ngx_int_t ngx_stream_mra_flow_decode(ngx_stream_mra_flow_t *flow, u_char *p);


#endif /* _NGX_STREAM_MRA_LINK_H_INCLUDED_ */
