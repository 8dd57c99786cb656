
/*
 * Copyright (C) ngx_mra contributors
 *
 * Challenges and credentials of SIP: RFC 3261, 25.1 (challenge,
 * credentials).
 */


#ifndef _NGX_MRA_SIP_AUTH_H_INCLUDED_
#define _NGX_MRA_SIP_AUTH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Finds a parameter of the value of WWW-Authenticate, Proxy-Authenticate,
 * Authorization or Proxy-Authorization.  Letters of its name match in either
 * case.  *param points into the value and is without quotes, escapes stay.
 *
 * NGX_OK
 * NGX_DECLINED  there is none before the end, or before what is broken
 */

ngx_int_t ngx_mra_sip_auth_param(const ngx_str_t *value, const char *name,
    ngx_str_t *param);


#endif /* _NGX_MRA_SIP_AUTH_H_INCLUDED_ */
