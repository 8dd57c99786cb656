
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_address.h"


static void ngx_mra_address_set(ngx_mra_address_t *a, ngx_uint_t family,
    const void *bytes);


ngx_int_t
ngx_mra_address_of(ngx_mra_address_t *a, const struct sockaddr *sa)
{
#if (NGX_HAVE_INET6)
    const u_char  *p;

    static const u_char  mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        0xff, 0xff };
#endif

    if (sa == NULL) {
        return NGX_DECLINED;
    }

    switch (sa->sa_family) {

    case AF_INET:
        ngx_mra_address_set(a, 4,
                            &((const struct sockaddr_in *) sa)->sin_addr);
        return NGX_OK;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        p = ((const struct sockaddr_in6 *) sa)->sin6_addr.s6_addr;

        if (ngx_memcmp(p, mapped, sizeof(mapped)) == 0) {
            ngx_mra_address_set(a, 4, p + sizeof(mapped));

        } else {
            ngx_mra_address_set(a, 6, p);
        }

        return NGX_OK;
#endif

    default:
        return NGX_DECLINED;
    }
}


static void
ngx_mra_address_set(ngx_mra_address_t *a, ngx_uint_t family,
    const void *bytes)
{
    ngx_memzero(a, sizeof(ngx_mra_address_t));

    a->family = (u_char) family;
    a->prefix = (u_char) ngx_mra_address_bits(a);

    ngx_memcpy(a->bytes, bytes, a->prefix / 8);
}


void
ngx_mra_address_cut(ngx_mra_address_t *a, ngx_uint_t prefix)
{
    ngx_uint_t  n;

    if (prefix >= a->prefix) {
        return;
    }

    a->prefix = (u_char) prefix;

    n = prefix / 8;

    if (prefix % 8) {
        a->bytes[n] &= (u_char) (0xff << (8 - prefix % 8));
        n++;
    }

    ngx_memzero(a->bytes + n, sizeof(a->bytes) - n);
}


void
ngx_mra_address_mask(ngx_mra_address_t *a, ngx_uint_t family,
    const u_char *bytes, const u_char *mask)
{
    ngx_uint_t  n;

    ngx_mra_address_set(a, family, bytes);

    for (n = 0; n < a->prefix; n++) {
        if (!(mask[n / 8] & (0x80 >> n % 8))) {
            break;
        }
    }

    ngx_mra_address_cut(a, n);
}


ngx_uint_t
ngx_mra_address_in(const ngx_mra_address_t *a, const ngx_mra_address_t *net)
{
    ngx_mra_address_t  cut;

    if (a->family != net->family || a->prefix < net->prefix) {
        return 0;
    }

    cut = *a;
    ngx_mra_address_cut(&cut, net->prefix);

    return ngx_mra_address_eq(&cut, net);
}


ngx_uint_t
ngx_mra_address_eq(const ngx_mra_address_t *a, const ngx_mra_address_t *b)
{
    return a->family == b->family && a->prefix == b->prefix
           && ngx_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
