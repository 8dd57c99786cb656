
/*
 * Copyright (C) ngx_mra contributors
 *
 * What is kept about an address that was banned: for which categories, how
 * long still, and how often before.  One record for an address, so that one
 * look-up tells all.
 */


#ifndef _NGX_MRA_BAN_H_INCLUDED_
#define _NGX_MRA_BAN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_address.h"
#include "ngx_mra_category.h"


/* a ban is remembered for so long after its end, ms */

#define NGX_MRA_BAN_MEMORY  (24 * 3600 * 1000)

#define NGX_MRA_BAN_MAX     ((ngx_msec_t) 30 * 24 * 3600 * 1000)

/* of a record in bytes: up to six categories fit into a block of the store */

#define NGX_MRA_BAN_LEN     (19 + 6 * NGX_MRA_CATEGORIES)


typedef struct {
    ngx_mra_address_t   address;
    ngx_msec_t          left[NGX_MRA_CATEGORIES];   /* ms; 0: not banned */
    ngx_uint_t          bans[NGX_MRA_CATEGORIES];   /* remembered, this one
                                                       included */
} ngx_mra_ban_t;


/* a record without bans */

void ngx_mra_ban_init(ngx_mra_ban_t *ban, const ngx_mra_address_t *a);

/*
 * Reads what is stored and lives for "ttl" ms more; times are kept relative
 * to that, so that no clock is compared with another.
 *
 * NGX_OK / NGX_ERROR (of another version, or broken)
 */

ngx_int_t ngx_mra_ban_decode(ngx_mra_ban_t *ban, const u_char *p, size_t len,
    ngx_msec_t ttl);

/*
 * Writes up to NGX_MRA_BAN_LEN bytes to p and sets the life of the record.
 * The answer is its length, 0: there is nothing to remember.
 */

size_t ngx_mra_ban_encode(const ngx_mra_ban_t *ban, u_char *p,
    ngx_msec_t *ttl);

/*
 * Bans for "block" ms, twice as long as the time before for who comes back,
 * "most" at the longest; a ban is never made shorter.
 *
 * NGX_OK        banned, ban->left tells for how long
 * NGX_DECLINED  it is banned longer than that already
 */

ngx_int_t ngx_mra_ban_add(ngx_mra_ban_t *ban, ngx_uint_t category,
    ngx_msec_t block, ngx_msec_t most);

/* the categories for which it is banned, as bits */

ngx_uint_t ngx_mra_ban_categories(const ngx_mra_ban_t *ban);


#endif /* _NGX_MRA_BAN_H_INCLUDED_ */
