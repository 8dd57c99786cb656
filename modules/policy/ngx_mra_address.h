
/*
 * Copyright (C) ngx_mra contributors
 *
 * Addresses and networks in one form, by which clients are told apart.
 */


#ifndef _NGX_MRA_ADDRESS_H_INCLUDED_
#define _NGX_MRA_ADDRESS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* a network; an address is one of all its bits */

typedef struct {
    u_char    family;       /* 4 or 6 */
    u_char    prefix;       /* bits that count, the others are 0 */
    u_char    bytes[16];    /* in network order; of IPv4 the first 4 */
} ngx_mra_address_t;


#define ngx_mra_address_bits(a)  ((a)->family == 4 ? 32 : 128)


/*
 * The address of a socket, IPv4-mapped ones as IPv4.
 *
 * NGX_OK
 * NGX_DECLINED  it has none (unix sockets), or sa is NULL
 */

ngx_int_t ngx_mra_address_of(ngx_mra_address_t *a,
    const struct sockaddr *sa);

/* makes a network of it: cuts it to so many bits, if it has more */

void ngx_mra_address_cut(ngx_mra_address_t *a, ngx_uint_t prefix);

/* the network of an address and its mask, both of family 4 or 6 */

void ngx_mra_address_mask(ngx_mra_address_t *a, ngx_uint_t family,
    const u_char *bytes, const u_char *mask);

/* whether all of a is in the network */

ngx_uint_t ngx_mra_address_in(const ngx_mra_address_t *a,
    const ngx_mra_address_t *net);

ngx_uint_t ngx_mra_address_eq(const ngx_mra_address_t *a,
    const ngx_mra_address_t *b);


#endif /* _NGX_MRA_ADDRESS_H_INCLUDED_ */
