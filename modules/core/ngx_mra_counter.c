
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"


/* ends of buckets, ms */

static const ngx_msec_t  ngx_mra_bucket_ends[NGX_MRA_BUCKETS] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000
};


static ngx_inline void ngx_mra_slot_add(ngx_mra_slot_t *slot,
    ngx_atomic_t *counter, ngx_int_t n);
static ngx_uint_t ngx_mra_slot_is_free(ngx_mra_slot_t *slot);
static void ngx_mra_slot_forget(ngx_mra_slot_t *slot);


void
ngx_mra_count(ngx_mra_conf_t *mcf, ngx_mra_counter_e c, ngx_int_t n)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (mccf->worker) {
        ngx_mra_slot_add(mccf->worker->slot, &mccf->worker->slot->count[c], n);
    }
}


/* for others who only read a store is as good, and costs a tenth */

static ngx_inline void
ngx_mra_slot_add(ngx_mra_slot_t *slot, ngx_atomic_t *counter, ngx_int_t n)
{
    if (slot->shared) {
        (void) ngx_atomic_fetch_add(counter, n);
        return;
    }

    *counter += n;
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


void
ngx_mra_observe(ngx_mra_conf_t *mcf, ngx_mra_time_e t, ngx_msec_t ms)
{
    ngx_uint_t            i;
    ngx_mra_slot_t       *slot;
    ngx_mra_core_conf_t  *mccf;
    ngx_mra_histogram_t  *h;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (mccf->worker == NULL) {
        return;
    }

    slot = mccf->worker->slot;
    h = &slot->times[t];

    for (i = 0; i < NGX_MRA_BUCKETS; i++) {
        if (ms <= ngx_mra_bucket_ends[i]) {
            break;
        }
    }

    ngx_mra_slot_add(slot, (ngx_atomic_t *) &h->count[i], 1);
    ngx_mra_slot_add(slot, (ngx_atomic_t *) &h->sum, ms);
}


void
ngx_mra_histogram(ngx_mra_conf_t *mcf, ngx_mra_time_e t,
    ngx_mra_histogram_t *h)
{
    ngx_uint_t            i, n;
    ngx_mra_core_conf_t  *mccf;
    ngx_mra_histogram_t  *slot;

    mccf = (ngx_mra_core_conf_t *) mcf;

    ngx_memzero(h, sizeof(ngx_mra_histogram_t));

    for (i = 0; mccf->zone && i < NGX_MRA_SLOTS; i++) {
        slot = &mccf->zone->slots[i].times[t];

        h->sum += slot->sum;

        for (n = 0; n <= NGX_MRA_BUCKETS; n++) {
            h->count[n] += slot->count[n];
        }
    }
}


ngx_msec_t
ngx_mra_bucket(ngx_uint_t n)
{
    return ngx_mra_bucket_ends[n];
}


ngx_mra_slot_t *
ngx_mra_slot_open(ngx_mra_core_conf_t *mccf)
{
    ngx_uint_t       i;
    ngx_mra_slot_t  *slot, *dead;

    dead = NULL;

    ngx_shmtx_lock(&mccf->shpool->mutex);

    /* one that was never taken or given back, then one of the dead */

    for (i = 0; i < NGX_MRA_SLOTS; i++) {
        slot = &mccf->zone->slots[i];

        if (slot->pid == 0) {
            goto found;
        }

        if (dead == NULL && ngx_mra_slot_is_free(slot)) {
            dead = slot;
        }
    }

    if (dead) {
        slot = dead;
        goto found;
    }

    /* more workers than slots, of all generations: one is shared */

    slot = &mccf->zone->slots[ngx_pid % NGX_MRA_SLOTS];
    slot->shared = 1;

    goto done;

found:

    ngx_mra_slot_forget(slot);
    slot->number = 0;
    slot->pid = ngx_pid;

done:

    ngx_shmtx_unlock(&mccf->shpool->mutex);

    return slot;
}


uint32_t
ngx_mra_slot_bury(ngx_mra_core_conf_t *mccf)
{
    uint32_t         number;
    ngx_uint_t       i;
    ngx_mra_slot_t  *slot;

    for (i = 0; i < NGX_MRA_SLOTS; i++) {
        slot = &mccf->zone->slots[i];

        if (slot->pid == 0 || !ngx_mra_slot_is_free(slot)) {
            continue;
        }

        ngx_shmtx_lock(&mccf->shpool->mutex);

        number = 0;

        if (slot->pid && ngx_mra_slot_is_free(slot)) {
            number = slot->number;
            ngx_mra_slot_forget(slot);
            slot->number = 0;
            slot->pid = 0;
        }

        ngx_shmtx_unlock(&mccf->shpool->mutex);

        if (number) {
            return number;
        }
    }

    return 0;
}


void
ngx_mra_slot_close(ngx_mra_slot_t *slot)
{
    if (slot->pid == ngx_pid) {
        ngx_mra_slot_forget(slot);
        slot->number = 0;
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
