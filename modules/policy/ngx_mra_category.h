
/*
 * Copyright (C) ngx_mra contributors
 *
 * Categories of misbehaviour, by which addresses are banned.
 */


#ifndef _NGX_MRA_CATEGORY_H_INCLUDED_
#define _NGX_MRA_CATEGORY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* their numbers are kept in bans: new ones come last */

typedef enum {
    NGX_MRA_CATEGORY_HTTP_AUTH = 0,      /* http-ce-auth */
    NGX_MRA_CATEGORY_HTTP_INTRUSION,
    NGX_MRA_CATEGORY_HTTP_RESOURCE,
    NGX_MRA_CATEGORY_SIP_AUTH,
    NGX_MRA_CATEGORY_SIP_REGISTRATION,
    NGX_MRA_CATEGORY_SIP_INTRUSION,
    NGX_MRA_CATEGORY_XMPP_INTRUSION,
    NGX_MRA_CATEGORY_SSH_AUTH,           /* sshpfd-auth */
    NGX_MRA_CATEGORY_SSH_INTRUSION,
    NGX_MRA_CATEGORIES
} ngx_mra_category_e;


#define ngx_mra_category_bit(c)  ((ngx_uint_t) 1 << (c))
#define NGX_MRA_CATEGORY_ALL     (ngx_mra_category_bit(NGX_MRA_CATEGORIES) - 1)

/* those that are on unless the configuration says otherwise */

#define NGX_MRA_CATEGORY_DEFAULT                                             \
    (ngx_mra_category_bit(NGX_MRA_CATEGORY_HTTP_AUTH)                        \
     | ngx_mra_category_bit(NGX_MRA_CATEGORY_HTTP_INTRUSION)                 \
     | ngx_mra_category_bit(NGX_MRA_CATEGORY_XMPP_INTRUSION)                 \
     | ngx_mra_category_bit(NGX_MRA_CATEGORY_SSH_AUTH)                       \
     | ngx_mra_category_bit(NGX_MRA_CATEGORY_SSH_INTRUSION))

/* those for which there is nothing here that could be misused */

#define NGX_MRA_CATEGORY_UNUSED                                              \
    (ngx_mra_category_bit(NGX_MRA_CATEGORY_XMPP_INTRUSION)                   \
     | ngx_mra_category_bit(NGX_MRA_CATEGORY_SSH_AUTH)                       \
     | ngx_mra_category_bit(NGX_MRA_CATEGORY_SSH_INTRUSION))


/*
 * The category of a name, letters of either case, in either spelling of
 * "sshpfd"; NGX_MRA_CATEGORIES: there is none.
 */

ngx_uint_t ngx_mra_category_find(const ngx_str_t *name);

/* its name, for c below NGX_MRA_CATEGORIES */

const ngx_str_t *ngx_mra_category_name(ngx_uint_t c);


#endif /* _NGX_MRA_CATEGORY_H_INCLUDED_ */
