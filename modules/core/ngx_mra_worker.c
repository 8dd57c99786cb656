
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_mra_core.h"


static ngx_int_t ngx_mra_worker_connect(ngx_mra_core_conf_t *mccf,
    ngx_log_t *log);
static void ngx_mra_worker_disconnect(ngx_mra_core_conf_t *mccf);
static void ngx_mra_worker_sweep(ngx_event_t *ev);


ngx_int_t
ngx_mra_worker_open(ngx_cycle_t *cycle)
{
    ngx_mra_worker_t     *worker;
    ngx_mra_core_conf_t  *mccf;

    mccf = ngx_mra_core_conf(cycle);

    if (!mccf->enabled) {
        return NGX_OK;
    }

    worker = ngx_calloc(sizeof(ngx_mra_worker_t), cycle->log);
    if (worker == NULL) {
        return NGX_ERROR;
    }

    mccf->worker = worker;

    worker->slot = ngx_mra_slot_open(mccf);
    worker->ipc = ngx_mra_ipc_open(cycle, mccf);
    worker->store = mccf->shm_store;

    if (worker->ipc && worker->slot->pid == ngx_pid) {
        worker->slot->number = ngx_mra_ipc_self(cycle);
    }

    worker->dumb.fd = (ngx_socket_t) -1;
    worker->dumb.data = worker;

    worker->sweep.handler = ngx_mra_worker_sweep;
    worker->sweep.data = &worker->dumb;
    worker->sweep.log = cycle->log;
    worker->sweep.cancelable = 1;

    ngx_add_timer(&worker->sweep, 1000);

    ngx_mra_node_open(mccf, cycle->log);

    return ngx_mra_worker_connect(mccf, cycle->log);
}


void
ngx_mra_worker_close(ngx_cycle_t *cycle)
{
    ngx_mra_worker_t     *worker;
    ngx_mra_core_conf_t  *mccf;

    mccf = ngx_mra_core_conf(cycle);
    worker = mccf->worker;

    if (worker == NULL) {
        return;
    }

    mccf->worker = NULL;

    ngx_mra_worker_disconnect(mccf);

    if (worker->sweep.timer_set) {
        ngx_del_timer(&worker->sweep);
    }

    if (worker->tick.timer_set) {
        ngx_del_timer(&worker->tick);
    }

    if (worker->ipc) {
        ngx_mra_ipc_close(worker->ipc);
    }

    ngx_mra_slot_close(worker->slot);

    ngx_free(worker);
}


ngx_int_t
ngx_mra_worker_move(ngx_cycle_t *cycle)
{
    ngx_mra_worker_t     *worker;
    ngx_mra_core_conf_t  *mccf, *old;

    if (ngx_is_init_cycle(cycle->old_cycle)) {
        return NGX_OK;
    }

    mccf = ngx_mra_core_conf(cycle);
    old = ngx_mra_core_conf(cycle->old_cycle);

    if (old == NULL || old->worker == NULL) {
        return NGX_OK;
    }

    if (mccf->zone != old->zone) {
        ngx_mra_worker_close(cycle->old_cycle);
        return ngx_mra_worker_open(cycle);
    }

    worker = old->worker;

    worker->store = mccf->shm_store;
    worker->sweep.log = cycle->log;
    worker->tick.log = cycle->log;

    if (worker->ipc) {
        ngx_mra_ipc_move(worker->ipc, cycle->log);
    }

    mccf->worker = worker;

    /* what requests of the old cycle still ask is answered near */

    ngx_mra_worker_disconnect(old);

    return ngx_mra_worker_connect(mccf, cycle->log);
}


static ngx_int_t
ngx_mra_worker_connect(ngx_mra_core_conf_t *mccf, ngx_log_t *log)
{
#if (NGX_MRA_HIREDIS)

    if (mccf->redis) {
        return ngx_mra_near_open(mccf->pub.store, log);
    }

#endif

    return NGX_OK;
}


static void
ngx_mra_worker_disconnect(ngx_mra_core_conf_t *mccf)
{
#if (NGX_MRA_HIREDIS)

    if (mccf->redis) {
        ngx_mra_near_close(mccf->pub.store);
    }

#endif
}


static void
ngx_mra_worker_sweep(ngx_event_t *ev)
{
    ngx_connection_t  *dumb;
    ngx_mra_worker_t  *worker;

    dumb = ev->data;
    worker = dumb->data;

    ngx_add_timer(ev, ngx_mra_shm_sweep(worker->store));
}
