
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"


static ngx_mra_exemption_t *ngx_mra_exemption_find(ngx_mra_exempt_t *ex,
    const ngx_mra_address_t *net);


/*
 * A killed worker leaves an exemption that is whole or is not counted: an
 * entry is filled before there is one more, and the last one takes the place
 * of one that goes.
 */

ngx_int_t
ngx_mra_exempt(ngx_mra_conf_t *mcf, const ngx_mra_address_t *net,
    ngx_uint_t categories)
{
    ngx_int_t             rc;
    ngx_mra_exempt_t     *ex;
    ngx_mra_exemption_t  *e;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;
    ex = &mccf->zone->exempt;

    ngx_shmtx_lock(&mccf->shpool->mutex);

    e = ngx_mra_exemption_find(ex, net);

    if (e) {
        rc = (e->categories & categories) == categories ? NGX_DECLINED
                                                        : NGX_OK;
        e->categories |= categories;

    } else if (ex->n < NGX_MRA_EXEMPTIONS) {
        e = &ex->made[ex->n];
        e->net = *net;
        e->categories = categories;

        ngx_memory_barrier();

        ex->n++;
        rc = NGX_OK;

    } else {
        rc = NGX_BUSY;
    }

    ngx_shmtx_unlock(&mccf->shpool->mutex);

    return rc;
}


ngx_int_t
ngx_mra_unexempt(ngx_mra_conf_t *mcf, const ngx_mra_address_t *net,
    ngx_uint_t categories)
{
    ngx_int_t             rc;
    ngx_mra_exempt_t     *ex;
    ngx_mra_exemption_t  *e;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;
    ex = &mccf->zone->exempt;

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&mccf->shpool->mutex);

    e = ngx_mra_exemption_find(ex, net);

    if (e && (e->categories & categories)) {
        e->categories &= ~categories;
        rc = NGX_OK;

        if (e->categories == 0) {
            *e = ex->made[ex->n - 1];
            ngx_memory_barrier();
            ex->n--;
        }
    }

    ngx_shmtx_unlock(&mccf->shpool->mutex);

    return rc;
}


static ngx_mra_exemption_t *
ngx_mra_exemption_find(ngx_mra_exempt_t *ex, const ngx_mra_address_t *net)
{
    ngx_uint_t  i;

    for (i = 0; i < ex->n; i++) {
        if (ngx_mra_address_eq(&ex->made[i].net, net)) {
            return &ex->made[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_mra_exempted(ngx_mra_conf_t *mcf, const ngx_mra_address_t *a)
{
    ngx_uint_t            i, bits;
    ngx_mra_exempt_t     *ex;
    ngx_mra_exemption_t  *e;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    bits = 0;
    e = mccf->exempt.elts;

    for (i = 0; i < mccf->exempt.nelts; i++) {
        if (ngx_mra_address_in(a, &e[i].net)) {
            bits |= e[i].categories;
        }
    }

    ex = &mccf->zone->exempt;

    if (ex->n == 0) {
        return bits;
    }

    ngx_shmtx_lock(&mccf->shpool->mutex);

    for (i = 0; i < ex->n; i++) {
        if (ngx_mra_address_in(a, &ex->made[i].net)) {
            bits |= ex->made[i].categories;
        }
    }

    ngx_shmtx_unlock(&mccf->shpool->mutex);

    return bits;
}


ngx_uint_t
ngx_mra_exemptions(ngx_mra_conf_t *mcf,
    const ngx_mra_exemption_t **configured)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    *configured = mccf->exempt.elts;

    return mccf->exempt.nelts;
}


ngx_uint_t
ngx_mra_exemptions_made(ngx_mra_conf_t *mcf, ngx_mra_exemption_t *copy)
{
    ngx_uint_t            n;
    ngx_mra_exempt_t     *ex;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;
    ex = &mccf->zone->exempt;

    ngx_shmtx_lock(&mccf->shpool->mutex);

    n = ex->n;
    ngx_memcpy(copy, ex->made, n * sizeof(ngx_mra_exemption_t));

    ngx_shmtx_unlock(&mccf->shpool->mutex);

    return n;
}
