
/*
 * Copyright (C) ngx_mra contributors
 *
 * What an edge proxy writes into the messages that it relays, and how it
 * knows its own handwriting again: branches, routes, hidden contacts.
 */


#ifndef _NGX_MRA_RELAY_H_INCLUDED_
#define _NGX_MRA_RELAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_sip.h"


/*
 * The branch of our Via is
 *
 *     z9hG4bKmra <token> . <transaction> <loop>
 *
 * where the token names the flow that the answer goes to, and the two hashes
 * are 8 characters each.
 */

#define NGX_MRA_RELAY_TOKEN_LEN   28
#define NGX_MRA_RELAY_HASH_LEN    8
#define NGX_MRA_RELAY_TOKEN_OFFSET  (sizeof("z9hG4bKmra") - 1)
#define NGX_MRA_RELAY_BRANCH_LEN                                             \
    (NGX_MRA_RELAY_TOKEN_OFFSET + NGX_MRA_RELAY_TOKEN_LEN + 1                \
     + 2 * NGX_MRA_RELAY_HASH_LEN)


typedef struct {
    ngx_str_t                token;
    u_char                  *transaction;   /* NGX_MRA_RELAY_HASH_LEN bytes */
    u_char                  *loop;
} ngx_mra_relay_branch_t;


/*
 * Writes the branch for a request that was received as msg, checked by
 * ngx_mra_sip_check_request().  It is the same for an INVITE, its CANCEL and
 * the ACK to its failure (RFC 3261, 16.11), and another for each "attempt",
 * that is, for each server that is tried.  The loop part (RFC 5393, 4.2.2)
 * is the same whenever the same request comes back.
 */

void ngx_mra_relay_build_branch(u_char *buf, ngx_str_t *token,
    const u_char *key, ngx_mra_sip_msg_t *msg, ngx_uint_t attempt);

/* NGX_OK; NGX_DECLINED: this is none of ours */

ngx_int_t ngx_mra_relay_parse_branch(ngx_str_t *branch,
    ngx_mra_relay_branch_t *b);

/*
 * The first of our branches in the text of a Via header, which need not be
 * parsed for that; *rest is what follows it.  NGX_OK or NGX_DECLINED.
 */

ngx_int_t ngx_mra_relay_find_branch(ngx_str_t *rest,
    ngx_mra_relay_branch_t *b);


/* requests that set up a dialog, RFC 3261, 12.1; RFC 6665; RFC 3515 */

ngx_uint_t ngx_mra_relay_forms_dialog(ngx_mra_sip_msg_t *msg);

/*
 * One name for the dialog that a message belongs to, from either side: of
 * Call-ID and the two tags.
 */

uint64_t ngx_mra_relay_dialog(const u_char *key, ngx_mra_sip_msg_t *msg);


/*
 * A contact behind us gets our host, so that the registrar sends to us.  What
 * it was before is in a parameter of ours:
 *
 *     sip:alice@10.0.0.5:5062;transport=tls;x=1
 *     sip:alice@edge:5060;mra=<id>~10.0.0.5:5062~tls;transport=tcp;x=1
 *
 * id is 16 bytes, in base64url 22 characters, and names the binding.  After
 * it a "~", or, where sips became sip, a "!" or "*" (S).  Without a transport
 * parameter there is no third part.  maddr, which would win over the host
 * (RFC 3261, 19.1.1), becomes mra-maddr; so does whatever begins with mra:
 * what one node has hidden may be hidden once more by the next.
 */

#define NGX_MRA_RELAY_ID_LEN      16
#define NGX_MRA_RELAY_ID_TEXT     22

/* what the hidden form is longer than the sum of its parts, at most */

#define NGX_MRA_RELAY_HIDE_LEN    96

/*
 * Writes the hidden form of a sip or sips URI to buf, which holds the
 * lengths of uri->whole (twice) and host and NGX_MRA_RELAY_HIDE_LEN bytes.
 * Returns its length.
 */

size_t ngx_mra_relay_hide_contact(ngx_mra_sip_uri_t *uri, const u_char *id,
    ngx_str_t *host, ngx_uint_t tls, u_char *buf);

/*
 * The id in the text of a hidden contact, which need not be parsed for that.
 * NGX_OK or NGX_DECLINED.
 */

ngx_int_t ngx_mra_relay_find_id(ngx_str_t *uri, u_char *id);

/*
 * Writes the original of a hidden contact to buf, uri->whole.len bytes at
 * least, and tells its id.
 *
 * NGX_OK; NGX_DECLINED: nothing is hidden here
 */

ngx_int_t ngx_mra_relay_restore_contact(ngx_mra_sip_uri_t *uri, u_char *id,
    u_char *buf, size_t *len);


/*
 * base64url without padding (RFC 4648, 5): returns the end of what was
 * written; NGX_OK, or NGX_ERROR: there is another character.
 */

u_char *ngx_mra_relay_encode(u_char *dst, const u_char *p, size_t len);
ngx_int_t ngx_mra_relay_decode(u_char *dst, const u_char *p, size_t len);


#endif /* _NGX_MRA_RELAY_H_INCLUDED_ */
