
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_block.h"
#include "ngx_mra_core.h"


/* so that nobody who has just seen one finds it gone, ms */

#define NGX_MRA_BLOCK_GRACE  (60 * 1000)


/* before the data, which the name follows */

struct ngx_mra_block_s {
    ngx_mra_block_t  *next;
    ngx_msec_t        touched;
    size_t            size;
    size_t            name_len;
};


#define ngx_mra_block_data(b)  ((u_char *) (b) + sizeof(ngx_mra_block_t))
#define ngx_mra_block_name(b)                                                \
    (ngx_mra_block_data(b) + ngx_align((b)->size, NGX_ALIGNMENT))
#define ngx_mra_block_age(b)   (ngx_current_msec - (b)->touched)


static ngx_mra_block_t *ngx_mra_block_find(ngx_mra_zone_t *zone,
    ngx_str_t *name, size_t size);
static ngx_mra_block_t *ngx_mra_block_create(ngx_mra_core_conf_t *mccf,
    ngx_str_t *name, size_t size);
static void ngx_mra_block_reclaim(ngx_mra_core_conf_t *mccf);


void *
ngx_mra_block_get(ngx_mra_conf_t *mcf, ngx_str_t *name, size_t size)
{
    ngx_mra_block_t      *b;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (mccf->zone == NULL) {
        return NULL;
    }

    ngx_mra_block_lock(mcf);

    b = ngx_mra_block_find(mccf->zone, name, size);

    if (b == NULL) {
        b = ngx_mra_block_create(mccf, name, size);
    }

    if (b) {
        b->touched = ngx_current_msec;
    }

    ngx_mra_block_unlock(mcf);

    return b ? ngx_mra_block_data(b) : NULL;
}


static ngx_mra_block_t *
ngx_mra_block_find(ngx_mra_zone_t *zone, ngx_str_t *name, size_t size)
{
    ngx_mra_block_t  *b;

    for (b = zone->blocks; b; b = b->next) {

        if (b->size == size && b->name_len == name->len
            && ngx_memcmp(ngx_mra_block_name(b), name->data, name->len) == 0)
        {
            return b;
        }
    }

    return NULL;
}


static ngx_mra_block_t *
ngx_mra_block_create(ngx_mra_core_conf_t *mccf, ngx_str_t *name, size_t size)
{
    size_t             len;
    ngx_mra_block_t   *b, **last;

    len = sizeof(ngx_mra_block_t) + ngx_align(size, NGX_ALIGNMENT) + name->len;

    b = ngx_slab_calloc_locked(mccf->shpool, len);

    if (b == NULL) {
        ngx_mra_block_reclaim(mccf);

        b = ngx_slab_calloc_locked(mccf->shpool, len);
        if (b == NULL) {
            return NULL;
        }
    }

    b->size = size;
    b->name_len = name->len;
    ngx_memcpy(ngx_mra_block_name(b), name->data, name->len);

    /* last in the list: whoever walks it keeps his place */

    for (last = &mccf->zone->blocks; *last; last = &(*last)->next) {
        /* void */
    }

    ngx_memory_barrier();

    *last = b;

    return b;
}


static void
ngx_mra_block_reclaim(ngx_mra_core_conf_t *mccf)
{
    ngx_mra_block_t  *b, **bp;

    bp = &mccf->zone->blocks;

    while (*bp) {
        b = *bp;

        if (ngx_mra_block_age(b) < NGX_MRA_BLOCK_LIFE + NGX_MRA_BLOCK_GRACE) {
            bp = &b->next;
            continue;
        }

        *bp = b->next;

        ngx_slab_free_locked(mccf->shpool, b);
    }
}


void
ngx_mra_block_touch(void *block)
{
    ngx_mra_block_t  *b;

    b = (ngx_mra_block_t *) ((u_char *) block - sizeof(ngx_mra_block_t));

    b->touched = ngx_current_msec;
}


ngx_msec_t
ngx_mra_block_idle(void *block)
{
    ngx_mra_block_t  *b;
    ngx_msec_int_t    age;

    b = (ngx_mra_block_t *) ((u_char *) block - sizeof(ngx_mra_block_t));

    /* another worker may have looked at the clock later */

    age = (ngx_msec_int_t) ngx_mra_block_age(b);

    return ngx_max(age, 0);
}


void
ngx_mra_block_lock(ngx_mra_conf_t *mcf)
{
    ngx_shmtx_lock(&((ngx_mra_core_conf_t *) mcf)->shpool->mutex);
}


void
ngx_mra_block_unlock(ngx_mra_conf_t *mcf)
{
    ngx_shmtx_unlock(&((ngx_mra_core_conf_t *) mcf)->shpool->mutex);
}


void
ngx_mra_block_walk(ngx_mra_conf_t *mcf, ngx_str_t *prefix,
    ngx_mra_block_pt handler, void *data)
{
    ngx_str_t             name;
    ngx_uint_t            i, n;
    ngx_mra_block_t      *b;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (mccf->zone == NULL) {
        return;
    }

    for (n = 0; /* void */ ; n++) {
        ngx_mra_block_lock(mcf);

        b = mccf->zone->blocks;

        for (i = 0; b && i < n; i++) {
            b = b->next;
        }

        ngx_mra_block_unlock(mcf);

        if (b == NULL) {
            return;
        }

        if (ngx_mra_block_age(b) >= NGX_MRA_BLOCK_LIFE
            || b->name_len < prefix->len
            || ngx_memcmp(ngx_mra_block_name(b), prefix->data, prefix->len)
               != 0)
        {
            continue;
        }

        name.len = b->name_len;
        name.data = ngx_mra_block_name(b);

        handler(&name, ngx_mra_block_data(b), data);
    }
}
