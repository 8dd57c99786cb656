
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_USER_H_INCLUDED_
#define _NGX_MRA_USER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_MRA_USER_LEN  255          /* bytes of a normal form, at most */


/*
 * One normal form of a user name, so that no spelling of a name escapes the
 * limits of another.  Not for the UC node, which gets the name as given.
 *
 *     alice                      alice, or alice@domain
 *     Alice@Example.COM.         alice@example.com
 *     EXAMPLE\alice              alice@example
 *
 * ASCII letters are lowered, spaces at the ends dropped and those inside
 * made one; other UTF-8 stays as it is.  "domain" is for names without one;
 * NULL or empty: they stay bare.
 *
 * [p, last) is the name as given, buf has NGX_MRA_USER_LEN bytes, and user
 * points into it.
 *
 * NGX_OK
 * NGX_ERROR  no name: empty or without one of its parts, too long, not
 *            UTF-8, control characters, two backslashes or one beside "@"
 */

ngx_int_t ngx_mra_user_parse(ngx_str_t *user, u_char *p, u_char *last,
    ngx_str_t *domain, u_char *buf);


#endif /* _NGX_MRA_USER_H_INCLUDED_ */
