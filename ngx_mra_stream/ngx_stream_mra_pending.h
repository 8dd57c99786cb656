
/*
 * Copyright (C) ngx_mra contributors
 *
 * Requests of clients that wait for their answer, and are kept until then.  A
 * connection to the next hop that breaks may have lost them: they are sent
 * once more, as if this were UDP, and a REGISTER goes another way if need be.
 * Of all others any answer will do: then the next hop has them; an INVITE is
 * kept until its final one, for the case that its hop goes down.  ACK is not
 * kept: what it acknowledges comes again.
 */


#ifndef _NGX_STREAM_MRA_PENDING_H_INCLUDED_
#define _NGX_STREAM_MRA_PENDING_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"


struct ngx_stream_mra_pending_s {
    ngx_queue_t                  queue;     /* of its hop, oldest first */
    ngx_stream_mra_pending_t    *next;      /* of the same client */
    ngx_stream_mra_pending_t   **prev;
    ngx_queue_t                  bucket;    /* of a trunk: others with nearly
                                               the same transaction */
    ngx_stream_mra_client_t     *client;
    ngx_stream_mra_hop_t        *hop;       /* NULL: none is left */
    uint64_t                     tried;     /* hops, by index */
    ngx_msec_t                   sent;
    ngx_stream_mra_link_t       *link;      /* it went by; NULL: none yet */
    ngx_uint_t                   method;
    ngx_uint_t                   affinity;  /* r->affinity */
    u_char                       transaction[NGX_MRA_RELAY_HASH_LEN];

    ngx_str_t                    message;   /* as the client sent it */
    ngx_str_t                    aor;
    uint32_t                     size;      /* of data[] */
    uint16_t                     attempt;
    uint16_t                     ncontacts;
    unsigned                     star:1;
    unsigned                     credentials:1;
    unsigned                     waiting:1; /* for a link to the hop */
    unsigned                     repeated:1;

    ngx_stream_mra_contact_t     contacts[];
};


/* NULL: no memory */

ngx_stream_mra_pendings_t *ngx_stream_mra_pendings_create(
    ngx_cycle_t *cycle);

/* how often the request in r was sent before */

ngx_uint_t ngx_stream_mra_attempt(ngx_stream_mra_relay_t *r);

/*
 * Keeps the request in r, which is about to be sent to r->hop by ln, as
 * r->pending.  NGX_OK; NGX_BUSY: too many wait, of this client or of all;
 * NGX_ERROR.
 */

ngx_int_t ngx_stream_mra_pending_add(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_link_t *ln);

/* that which the response in r answers; NULL: there is none */

ngx_stream_mra_pending_t *ngx_stream_mra_pending_find(
    ngx_stream_mra_relay_t *r);

/* where the INVITE went that the CANCEL in r is for; NULL: not known */

ngx_stream_mra_hop_t *ngx_stream_mra_pending_cancelled(
    ngx_stream_mra_relay_t *r);

/* lets it wait anew: NGX_OK or NGX_ERROR */

ngx_int_t ngx_stream_mra_pending_watch(ngx_stream_mra_pending_t *p);

/* an INVITE has got a provisional answer */

void ngx_stream_mra_pending_proceeds(ngx_stream_mra_pending_t *p);

/*
 * Sends a REGISTER to another hop.  NGX_OK: by now it may be answered and
 * gone; NGX_DECLINED: there is none left.
 */

ngx_int_t ngx_stream_mra_pending_reroute(ngx_stream_mra_pending_t *p);

/* the same, or else 503 and it is gone */

void ngx_stream_mra_pending_failed(ngx_stream_mra_pending_t *p);

/* forgets one; those of a client */

void ngx_stream_mra_pending_free(ngx_stream_mra_pending_t *p);
void ngx_stream_mra_pendings_free(ngx_stream_mra_client_t *client);

/*
 * Handlers of the hop: it is down; a link was opened; one was lost, or could
 * not be opened (NULL).
 */

void ngx_stream_mra_pendings_down(ngx_stream_mra_hop_t *hop);
void ngx_stream_mra_pendings_opened(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln);
void ngx_stream_mra_pendings_lost(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln);


#endif /* _NGX_STREAM_MRA_PENDING_H_INCLUDED_ */
