
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"


static ngx_uint_t ngx_mra_slot_is_free(ngx_mra_slot_t *slot);
static void ngx_mra_slot_forget(ngx_mra_slot_t *slot);


void
ngx_mra_count(ngx_mra_conf_t *mcf, ngx_mra_counter_e c, ngx_int_t n)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (mccf->worker) {
        (void) ngx_atomic_fetch_add(&mccf->worker->slot->count[c], n);
    }
}


ngx_int_t
ngx_mra_counter(ngx_mra_conf_t *mcf, ngx_mra_counter_e c)
{
    ngx_int_t             sum;
    ngx_uint_t            i;
    ngx_mra_slot_t       *slot;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (mccf->zone == NULL) {
        return 0;
    }

    sum = 0;

    for (i = 0; i < NGX_MRA_SLOTS; i++) {
        slot = &mccf->zone->slots[i];

        if (slot->count[c] == 0) {
            continue;
        }

        /* a worker that was killed could not take back what it had added */

        if (ngx_mra_is_gauge(c) && ngx_mra_slot_is_free(slot)) {
            continue;
        }

        sum += (ngx_int_t) slot->count[c];
    }

    return sum;
}


ngx_mra_slot_t *
ngx_mra_slot_open(ngx_mra_core_conf_t *mccf)
{
    ngx_uint_t       i;
    ngx_mra_slot_t  *slot;

    ngx_shmtx_lock(&mccf->shpool->mutex);

    for (i = 0; i < NGX_MRA_SLOTS; i++) {
        slot = &mccf->zone->slots[i];

        if (ngx_mra_slot_is_free(slot)) {
            ngx_mra_slot_forget(slot);
            slot->pid = ngx_pid;

            goto done;
        }
    }

    /* more workers than slots, of all generations: one is shared */

    slot = &mccf->zone->slots[ngx_pid % NGX_MRA_SLOTS];

done:

    ngx_shmtx_unlock(&mccf->shpool->mutex);

    return slot;
}


void
ngx_mra_slot_close(ngx_mra_slot_t *slot)
{
    if (slot->pid == ngx_pid) {
        ngx_mra_slot_forget(slot);
        slot->pid = 0;
    }
}


static ngx_uint_t
ngx_mra_slot_is_free(ngx_mra_slot_t *slot)
{
    if (slot->pid == 0) {
        return 1;
    }

    return kill(slot->pid, 0) == -1 && ngx_errno == ESRCH;
}


static void
ngx_mra_slot_forget(ngx_mra_slot_t *slot)
{
    ngx_uint_t  c;

    for (c = 0; c < NGX_MRA_COUNTERS; c++) {

        if (ngx_mra_is_gauge(c)) {
            slot->count[c] = 0;
        }
    }
}
