
/*
 * Copyright (C) ngx_mra contributors
 *
 * Intrusion protection: failures of a category by an address are counted,
 * too many of them ban it, here and on all peers.
 */


#ifndef _NGX_MRA_PROTECT_H_INCLUDED_
#define _NGX_MRA_PROTECT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra.h"
#include "ngx_mra_address.h"
#include "ngx_mra_ban.h"
#include "ngx_mra_category.h"


/* networks exempt at run time, at most */

#define NGX_MRA_EXEMPTIONS   256

/* of an address or network as text */

#define NGX_MRA_ADDRESS_LEN  (NGX_INET6_ADDRSTRLEN + sizeof("/128"))


/* the settings of a category */

typedef struct {
    ngx_uint_t          on;
    ngx_uint_t          trigger;       /* so many failures */
    ngx_msec_t          window;        /* ... in so many ms */
    ngx_msec_t          block;         /* ban for so long; 0: do not */
    ngx_msec_t          max_block;     /* ... and this for who comes back */
    ngx_uint_t          set;           /* by the configuration */
} ngx_mra_protection_t;


typedef struct {
    ngx_mra_address_t   net;
    ngx_uint_t          categories;    /* as bits */
} ngx_mra_exemption_t;


/* the settings of category c; they live as long as mcf */

const ngx_mra_protection_t *ngx_mra_protection(ngx_mra_conf_t *mcf,
    ngx_uint_t c);


/*
 * One failure of the client at "sa", the peer of its connection, never an
 * address that it has sent as text.  Counts, logs and, when there are too
 * many, bans; nothing is to be waited for, freed or cancelled.  Nothing
 * happens for a category that is off, an address that is exempt, or sa NULL
 * or of another family than IPv4 and IPv6.
 */

void ngx_mra_fail(ngx_mra_conf_t *mcf, ngx_uint_t category,
    struct sockaddr *sa);

/*
 * The categories that the client at "sa" is banned for, as bits; 0: none.
 * Asks shared memory only, one look-up, none while nobody is banned.
 */

ngx_uint_t ngx_mra_banned(ngx_mra_conf_t *mcf, struct sockaddr *sa);

/*
 * For the handler of a listener, when a connection was accepted and nothing
 * was done with it.  1: the client is banned and the connection was closed,
 * it is not to be touched; 0: go on.
 */

ngx_uint_t ngx_mra_refuse(ngx_mra_conf_t *mcf, ngx_connection_t *c);


/*
 * Bans an address by hand, for "time" ms, 0: as long as too many failures
 * would.  IPv6 is cut to the prefix that is set.
 *
 * NGX_OK
 * NGX_DECLINED  it is banned for longer already
 * NGX_ABORT     the category is off, the address is exempt from it, or the
 *               network is larger than what is banned at once
 * NGX_ERROR     could not be stored
 */

ngx_int_t ngx_mra_ban(ngx_mra_conf_t *mcf, const ngx_mra_address_t *a,
    ngx_uint_t category, ngx_msec_t time);

/*
 * Lifts the bans of these categories and forgets them and the failures: who
 * was banned starts anew.  On the peers too.
 *
 * NGX_OK / NGX_DECLINED (was not banned) / NGX_ERROR
 */

ngx_int_t ngx_mra_unban(ngx_mra_conf_t *mcf, const ngx_mra_address_t *a,
    ngx_uint_t categories);

/*
 * Whether it is banned, and for how long: NGX_OK, or NGX_DECLINED, then *ban
 * has neither.  Exemptions are not looked at.
 */

ngx_int_t ngx_mra_ban_find(ngx_mra_conf_t *mcf, const ngx_mra_address_t *a,
    ngx_mra_ban_t *ban);

/*
 * Calls "handler" for a page of what is banned or remembered, some tens;
 * ban->left tells which.  *cursor is 0 to begin and 0 when all was seen.
 * NGX_OK / NGX_ERROR
 */

typedef void (*ngx_mra_ban_pt)(ngx_mra_ban_t *ban, void *data);

ngx_int_t ngx_mra_ban_walk(ngx_mra_conf_t *mcf, uint64_t *cursor,
    ngx_mra_ban_pt handler, void *data);


/*
 * Exempts a network from categories, until that is taken back or nginx is
 * restarted: reloads keep it.  With Redis on all nodes, restarted ones too.
 *
 * NGX_OK
 * NGX_DECLINED  it was exempt
 * NGX_BUSY      there are as many as can be
 * NGX_ERROR     could not be stored
 */

ngx_int_t ngx_mra_exempt(ngx_mra_conf_t *mcf, const ngx_mra_address_t *net,
    ngx_uint_t categories);

/* NGX_OK / NGX_DECLINED: was not, or not at run time */

ngx_int_t ngx_mra_unexempt(ngx_mra_conf_t *mcf, const ngx_mra_address_t *net,
    ngx_uint_t categories);

/*
 * The exemptions of the configuration, which live as long as mcf, and a copy
 * of up to NGX_MRA_EXEMPTIONS made at run time.  The answer is how many.
 */

ngx_uint_t ngx_mra_exemptions(ngx_mra_conf_t *mcf,
    const ngx_mra_exemption_t **configured);
ngx_uint_t ngx_mra_exemptions_made(ngx_mra_conf_t *mcf,
    ngx_mra_exemption_t *copy);

/* the categories that all of a network is exempt from, as bits */

ngx_uint_t ngx_mra_exempted(ngx_mra_conf_t *mcf, const ngx_mra_address_t *a);


/*
 * The text of an address or a network: "192.0.2.1", "2001:db8::/64".
 *
 * parse: NGX_OK, NGX_ERROR (is none); bits after the prefix are dropped
 * print: writes up to NGX_MRA_ADDRESS_LEN bytes, returns the length
 */

ngx_int_t ngx_mra_address_parse(ngx_mra_address_t *a, ngx_str_t *text);
size_t ngx_mra_address_print(const ngx_mra_address_t *a, u_char *buf);


#endif /* _NGX_MRA_PROTECT_H_INCLUDED_ */
