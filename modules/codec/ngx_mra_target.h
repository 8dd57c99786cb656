
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_TARGET_H_INCLUDED_
#define _NGX_MRA_TARGET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * The first path segment of a client's request: base64 of "domain", for what
 * the edge itself serves, or of "domain/protocol/host/port", for what is
 * behind it.
 */

#define NGX_MRA_TARGET_LEN  520        /* bytes of the caller's buffer */


/* in one normal form, lower case; all spans point into the buffer */

typedef struct {
    ngx_str_t                 domain;
    ngx_str_t                 protocol;  /* http or https; len 0: the target
                                            is a domain, the rest is unset */
    ngx_str_t                 host;      /* IPv6: without brackets, as in
                                            RFC 5952, 4 */
    ngx_str_t                 origin;    /* protocol://host:port, with them */
    in_port_t                 port;      /* 1..65535, host byte order */
} ngx_mra_target_t;


/*
 * Decodes the segment [p, last), without its slashes, percent-decoded; buf
 * has NGX_MRA_TARGET_LEN bytes.
 *
 * Both alphabets are good, padding is optional.  Names are labels of letters,
 * digits and hyphens, the trailing dot is dropped; a host whose last label is
 * a number is an IPv4 address in four decimal parts, or wrong.
 *
 * NGX_OK        a target
 * NGX_DECLINED  not base64 at all: some other resource
 * NGX_ERROR     base64, but of nothing that is a target
 */

ngx_int_t ngx_mra_target_parse(ngx_mra_target_t *t, u_char *p, u_char *last,
    u_char *buf);


#endif /* _NGX_MRA_TARGET_H_INCLUDED_ */
