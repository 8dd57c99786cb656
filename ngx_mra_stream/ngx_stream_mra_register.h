
/*
 * Copyright (C) ngx_mra contributors
 *
 * REGISTER: kept until its answer, because it may have to go another way.
 */


#ifndef _NGX_STREAM_MRA_REGISTER_H_INCLUDED_
#define _NGX_STREAM_MRA_REGISTER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"


struct ngx_stream_mra_pending_s {
    ngx_queue_t                  queue;     /* of its hop, oldest first */
    ngx_stream_mra_pending_t    *next;      /* of the same client */
    ngx_stream_mra_client_t     *client;
    ngx_stream_mra_hop_t        *hop;       /* NULL: none is left */
    uint64_t                     tried;     /* hops, by index */
    ngx_msec_t                   sent;
    ngx_stream_mra_link_t       *link;      /* it went by; NULL: unknown */
    u_char                       transaction[NGX_MRA_RELAY_HASH_LEN];

    ngx_str_t                    message;   /* as the client sent it */
    ngx_str_t                    aor;
    uint32_t                     size;      /* of data[] */
    uint16_t                     attempt;
    uint16_t                     ncontacts;
    unsigned                     star:1;
    unsigned                     waiting:1; /* for a link to the hop */
    unsigned                     repeated:1;

    ngx_stream_mra_contact_t     contacts[];
};


/* NULL: no memory */

ngx_stream_mra_pendings_t *ngx_stream_mra_pendings_create(
    ngx_cycle_t *cycle);

/* steps: the Contact or the Path of a REGISTER; its answer */

ngx_int_t ngx_stream_mra_edit_registration(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_match_registration(ngx_stream_mra_relay_t *r);

/* how often the request in r was sent before */

ngx_uint_t ngx_stream_mra_attempt(ngx_stream_mra_relay_t *r);

/* keeps the REGISTER in r, which is about to be sent to r->hop by ln */

ngx_int_t ngx_stream_mra_pending_add(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_link_t *ln);

/* it could not be sent: another hop, or 503 and gone */

void ngx_stream_mra_pending_failed(ngx_stream_mra_pending_t *pending);
void ngx_stream_mra_pending_free(ngx_stream_mra_pending_t *pending);

/* forgets those of a client */

void ngx_stream_mra_pendings_free(ngx_stream_mra_client_t *client);

/* handlers of the hop: it is down, a link was opened, one was lost */

void ngx_stream_mra_pendings_down(ngx_stream_mra_hop_t *hop);
void ngx_stream_mra_pendings_opened(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln);
void ngx_stream_mra_pendings_lost(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln);


#endif /* _NGX_STREAM_MRA_REGISTER_H_INCLUDED_ */
