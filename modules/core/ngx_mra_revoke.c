
/*
 * Copyright (C) ngx_mra contributors
 *
 * Who is signed out: a record that lives as long as a token, and a moment
 * more.  A token that lives no longer than it was issued before; so no clock
 * is compared with another.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"


/* by how much what is left of two may differ between nodes, ms */

#define NGX_MRA_REVOKE_MARGIN  1000


static void ngx_mra_revoke_op(ngx_mra_core_conf_t *mccf, ngx_mra_op_t *op,
    ngx_str_t *user);


ngx_int_t
ngx_mra_revoke(ngx_mra_conf_t *mcf, ngx_str_t *user)
{
    ngx_mra_op_t  op;

    /* nothing lives */

    if (mcf->credentials_refresh_interval == 0) {
        return NGX_OK;
    }

    ngx_mra_revoke_op((ngx_mra_core_conf_t *) mcf, &op, user);

    op.value = *user;
    op.ttl = mcf->credentials_refresh_interval + NGX_MRA_REVOKE_MARGIN;

    return ngx_mra_store_set(mcf->store, &op);
}


ngx_uint_t
ngx_mra_revoked(ngx_mra_conf_t *mcf, ngx_str_t *user, ngx_msec_t left)
{
    u_char                value[NGX_MRA_VALUE_MAX];
    ngx_mra_op_t          op;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (ngx_mra_shm_none(mccf->shm_store, NGX_MRA_REVOCATION)) {
        return 0;
    }

    ngx_mra_revoke_op(mccf, &op, user);

    op.value.data = value;
    op.value.len = NGX_MRA_VALUE_MAX;

    return ngx_mra_store_get(mcf->store, &op) == NGX_OK && left <= op.ttl;
}


static void
ngx_mra_revoke_op(ngx_mra_core_conf_t *mccf, ngx_mra_op_t *op,
    ngx_str_t *user)
{
    u_char  kind;

    kind = NGX_MRA_REVOCATION;

    ngx_mra_protect_op(mccf, op, NGX_MRA_REVOCATION, &kind, 1, user->data,
                       user->len);
}
