
/*
 * Copyright (C) ngx_mra contributors
 *
 * Bindings: what registrars have accepted from clients of ours.  Each is kept
 * with its client, and in the store for all workers and nodes.
 */


#ifndef _NGX_STREAM_MRA_BINDING_H_INCLUDED_
#define _NGX_STREAM_MRA_BINDING_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_edge.h"


/*
 * An id begins with the tag of the node; that of a binding behind an edge
 * node then has what names the edge node, and the rest as that node calls it.
 * The store knows them by the rest alone: a phone comes back by another way.
 */

#define NGX_STREAM_MRA_BINDING_OF_EDGE                                        \
    (NGX_STREAM_MRA_TAG_LEN + NGX_STREAM_MRA_EDGE_PREFIX)


struct ngx_stream_mra_binding_s {
    ngx_stream_mra_binding_t    *next;
    uint64_t                     hash;
    time_t                       expires;
    u_char                       id[NGX_MRA_RELAY_ID_LEN];
    uint16_t                     aor_len;
    u_char                       aor[];
};


/* NULL: no memory */

ngx_stream_mra_bindings_t *ngx_stream_mra_bindings_create(
    ngx_cycle_t *cycle);

/*
 * The id of a contact: the same whenever the same device comes back to this
 * node, whose tag it begins with, and unknown to whoever has not the secret.
 * NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_stream_mra_binding_id(ngx_stream_mra_client_t *client,
    ngx_str_t *aor, ngx_mra_sip_contact_t *contact,
    ngx_stream_mra_contact_t *id);

/* what the id is made of, in short, for this worker */

uint64_t ngx_stream_mra_binding_hash(ngx_str_t *aor,
    ngx_mra_sip_contact_t *contact);

/* the registrar has accepted a contact for so many seconds, or forgot it */

void ngx_stream_mra_binding_learn(ngx_stream_mra_client_t *client,
    ngx_str_t *aor, ngx_stream_mra_contact_t *id, uint32_t expires);
void ngx_stream_mra_binding_forget(ngx_stream_mra_client_t *client,
    u_char *id);
void ngx_stream_mra_binding_forget_all(ngx_stream_mra_client_t *client,
    ngx_str_t *aor);

/* how many of them live; until when the last one does, 0: none */

ngx_uint_t ngx_stream_mra_bindings_live(ngx_stream_mra_client_t *client);
time_t ngx_stream_mra_bindings_expire(ngx_stream_mra_client_t *client);

/* address-of-record of the first; NGX_DECLINED: there never was one */

ngx_int_t ngx_stream_mra_binding_user(ngx_stream_mra_client_t *client,
    ngx_str_t *user);

/*
 * The client is gone, or all of a worker that was killed: what led to them
 * leads nowhere and counts no longer.  What has moved on to another
 * connection stays.
 */

void ngx_stream_mra_bindings_free(ngx_stream_mra_client_t *client);
void ngx_stream_mra_bindings_died(uint32_t worker);

/*
 * The flow that a binding leads to, into r->to; trunk: it is one behind an
 * edge node.
 *
 * NGX_OK
 * NGX_DECLINED  there is no such binding, or it is on another node
 * NGX_AGAIN     the store is asked; the message in r is relayed later
 * NGX_ERROR
 */

ngx_int_t ngx_stream_mra_binding_find(ngx_stream_mra_relay_t *r, u_char *id,
    ngx_uint_t trunk);


#endif /* _NGX_STREAM_MRA_BINDING_H_INCLUDED_ */
