
/*
 * Copyright (C) ngx_mra contributors
 *
 * Exemptions made at run time are records of the store, one for a network
 * and a category, so that two who make them never undo each other's.  Each
 * worker reads them all when one has changed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"


/* a version, the category, and the network */

#define NGX_MRA_EXEMPT_VERSION  1
#define NGX_MRA_EXEMPT_LEN      20

#define NGX_MRA_EXEMPT_PAGE     4096

/* as good as for ever, ms */

#define NGX_MRA_EXEMPT_LIFE     ((ngx_msec_t) 3650 * 24 * 3600 * 1000)


static ngx_uint_t ngx_mra_exempt_read(ngx_mra_core_conf_t *mccf);
static void ngx_mra_exempt_add(ngx_mra_core_conf_t *mccf, const u_char *p,
    size_t len);
static ngx_mra_exemption_t *ngx_mra_exempt_find(ngx_mra_core_conf_t *mccf,
    const ngx_mra_address_t *net);
static size_t ngx_mra_exempt_encode(u_char *p, const ngx_mra_address_t *net,
    ngx_uint_t category);


ngx_int_t
ngx_mra_exempt(ngx_mra_conf_t *mcf, const ngx_mra_address_t *net,
    ngx_uint_t categories)
{
    u_char                value[NGX_MRA_EXEMPT_LEN];
    ngx_uint_t            c, n;
    ngx_mra_op_t          op;
    ngx_mra_exemption_t  *e;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    n = ngx_mra_exempt_read(mccf);
    e = ngx_mra_exempt_find(mccf, net);

    if (e == NULL && n == NGX_MRA_EXEMPTIONS) {
        return NGX_BUSY;
    }

    if (e) {
        categories &= ~e->categories;
    }

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {

        if (!(categories & ngx_mra_category_bit(c))) {
            continue;
        }

        ngx_mra_ban_op(mccf, &op, NGX_MRA_EXEMPTION, c, net);

        op.value.data = value;
        op.value.len = ngx_mra_exempt_encode(value, net, c);
        op.ttl = NGX_MRA_EXEMPT_LIFE;

        if (ngx_mra_store_set(mcf->store, &op) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return categories ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_mra_unexempt(ngx_mra_conf_t *mcf, const ngx_mra_address_t *net,
    ngx_uint_t categories)
{
    ngx_uint_t            c;
    ngx_mra_op_t          op;
    ngx_mra_exemption_t  *e;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    (void) ngx_mra_exempt_read(mccf);

    e = ngx_mra_exempt_find(mccf, net);
    categories &= e ? e->categories : 0;

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {

        if (categories & ngx_mra_category_bit(c)) {
            ngx_mra_ban_op(mccf, &op, NGX_MRA_EXEMPTION, c, net);

            /* a life of nothing: as del, and nobody waits for Redis */

            (void) ngx_mra_store_set(mcf->store, &op);
        }
    }

    return categories ? NGX_OK : NGX_DECLINED;
}


/* brings the worker's copy up to date; the answer is how many there are */

static ngx_uint_t
ngx_mra_exempt_read(ngx_mra_core_conf_t *mccf)
{
    u_char            *p, page[NGX_MRA_EXEMPT_PAGE];
    ngx_uint_t         changes;
    ngx_mra_op_t       op;
    ngx_mra_record_t  *rec;

    changes = ngx_mra_shm_changes(mccf->shm_store, NGX_MRA_EXEMPTION);

    if (changes == mccf->made_changes) {
        return mccf->nmade;
    }

    mccf->nmade = 0;
    mccf->made_changes = changes;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));
    op.kind = NGX_MRA_EXEMPTION;

    do {
        op.value.data = ngx_align_ptr(page, 8);
        op.value.len = NGX_MRA_EXEMPT_PAGE - 8;

        if (ngx_mra_store_scan(mccf->pub.store, &op) != NGX_OK) {
            break;
        }

        for (p = op.value.data;
             p < op.value.data + op.value.len;
             p += rec->len)
        {
            rec = (ngx_mra_record_t *) p;
            ngx_mra_exempt_add(mccf, rec->data, rec->size);
        }

    } while (op.cursor);

    return mccf->nmade;
}


/* what is empty is no more, what is of a newer node is not known here */

static void
ngx_mra_exempt_add(ngx_mra_core_conf_t *mccf, const u_char *p, size_t len)
{
    ngx_mra_address_t     net;
    ngx_mra_exemption_t  *e;

    if (len != NGX_MRA_EXEMPT_LEN || p[0] != NGX_MRA_EXEMPT_VERSION
        || p[1] >= NGX_MRA_CATEGORIES
        || (p[2] != 4 && p[2] != 6)
        || p[3] > (p[2] == 4 ? 32 : 128))
    {
        return;
    }

    net.family = p[2];
    net.prefix = p[3];
    ngx_memcpy(net.bytes, p + 4, sizeof(net.bytes));

    e = ngx_mra_exempt_find(mccf, &net);

    if (e == NULL) {

        if (mccf->nmade == NGX_MRA_EXEMPTIONS) {
            return;
        }

        e = &mccf->made[mccf->nmade++];
        e->net = net;
        e->categories = 0;
    }

    e->categories |= ngx_mra_category_bit(p[1]);
}


static ngx_mra_exemption_t *
ngx_mra_exempt_find(ngx_mra_core_conf_t *mccf, const ngx_mra_address_t *net)
{
    ngx_uint_t  i;

    for (i = 0; i < mccf->nmade; i++) {
        if (ngx_mra_address_eq(&mccf->made[i].net, net)) {
            return &mccf->made[i];
        }
    }

    return NULL;
}


static size_t
ngx_mra_exempt_encode(u_char *p, const ngx_mra_address_t *net,
    ngx_uint_t category)
{
    *p++ = NGX_MRA_EXEMPT_VERSION;
    *p++ = (u_char) category;
    *p++ = net->family;
    *p++ = net->prefix;

    ngx_memcpy(p, net->bytes, sizeof(net->bytes));

    return NGX_MRA_EXEMPT_LEN;
}


ngx_uint_t
ngx_mra_exempted(ngx_mra_conf_t *mcf, const ngx_mra_address_t *a)
{
    ngx_uint_t            i, n, bits;
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

    n = ngx_mra_exempt_read(mccf);

    for (i = 0; i < n; i++) {
        if (ngx_mra_address_in(a, &mccf->made[i].net)) {
            bits |= mccf->made[i].categories;
        }
    }

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
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;
    n = ngx_mra_exempt_read(mccf);

    ngx_memcpy(copy, mccf->made, n * sizeof(ngx_mra_exemption_t));

    return n;
}
