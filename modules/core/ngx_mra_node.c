
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <sys/resource.h>
#include "ngx_mra_core.h"


#define NGX_MRA_NODE_TICK  1000    /* ms, for the node as for each worker */

#define NGX_MRA_NODE_LATELY  8     /* ticks over which CPU is averaged */


static void ngx_mra_node_tick(ngx_event_t *ev);
static void ngx_mra_node_cpu(ngx_mra_core_conf_t *mccf);
static void ngx_mra_node_remember(ngx_mra_core_conf_t *mccf);
static void ngx_mra_node_bury(ngx_mra_core_conf_t *mccf);
static void ngx_mra_node_services(ngx_mra_core_conf_t *mccf);
static ngx_uint_t ngx_mra_service_sessions(ngx_mra_core_conf_t *mccf,
    ngx_mra_service_e service);
static void ngx_mra_node_add(ngx_mra_node_t *node, void *data);


static char  *ngx_mra_service_names[] = { "HTTP", "SIP" };


void
ngx_mra_node_init(ngx_mra_core_conf_t *mccf)
{
    ngx_mra_node_t        self;
    ngx_mra_core_conf_t  *old;
    ngx_mra_node_zone_t  *node;

    node = &mccf->zone->node;
    old = mccf->old;

    node->started = ngx_time();

    if (old == NULL || old->zone == NULL
        || old->zone->version != NGX_MRA_ZONE_VERSION)
    {
        return;
    }

    /* "zone" has changed, the node has not */

    *node = old->zone->node;

    ngx_mra_node_self(&old->pub, &self);

    node->old_peak = self.peak;
    node->old_peak_time = self.peak_time;
}


void
ngx_mra_node_self(ngx_mra_conf_t *mcf, ngx_mra_node_t *node)
{
    ngx_mra_op_t          op;
    ngx_mra_core_conf_t  *mccf;
    ngx_mra_node_zone_t  *zn;

    mccf = (ngx_mra_core_conf_t *) mcf;

    ngx_memzero(node, sizeof(ngx_mra_node_t));

    node->self = 1;
    node->name = mcf->node;
    node->inside = mcf->inside;
    node->services = mccf->services;
    ngx_str_set(&node->version, NGX_MRA_VERSION);

    if (mccf->zone == NULL) {
        return;
    }

    zn = &mccf->zone->node;

    node->started = zn->started;
    node->maintenance = (time_t) zn->maintenance;

    op.kind = NGX_MRA_BINDING;
    (void) ngx_mra_store_count(mccf->shm_store, &op);

    node->registrations = op.used;

    if (op.limit > zn->old_peak) {
        node->peak = op.limit;
        node->peak_time = ngx_time() - (time_t) (op.ttl / 1000);

    } else {
        node->peak = zn->old_peak;
        node->peak_time = zn->old_peak_time;
    }

    node->dialogs = ngx_mra_counter(mcf, NGX_MRA_SIP_DIALOGS);
    node->connections = ngx_mra_counter(mcf, NGX_MRA_SIP_CONNECTIONS);
    node->requests = ngx_mra_counter(mcf, NGX_MRA_HTTP_REQUESTS);

    node->capacity = mcf->capacity;
    node->cpu = ngx_min(ngx_mra_counter(mcf, NGX_MRA_CPU)
                        / ngx_max(ngx_ncpu, 1), 1000);
}


void
ngx_mra_node_total(ngx_mra_conf_t *mcf, ngx_mra_node_t *total)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    ngx_memzero(total, sizeof(ngx_mra_node_t));

    ngx_mra_node_walk(mcf, ngx_mra_node_add, total);

    if (mccf->zone == NULL) {
        return;
    }

    mccf->zone->node.elsewhere = total->services;

    total->started = mccf->zone->node.started;
    total->peak = mccf->zone->node.all_peak;
    total->peak_time = mccf->zone->node.all_peak_time;

    /* more came since somebody has looked */

    if (total->registrations > total->peak) {
        total->peak = total->registrations;
        total->peak_time = ngx_time();

        mccf->zone->node.all_peak = total->peak;
        mccf->zone->node.all_peak_time = total->peak_time;
    }
}


static void
ngx_mra_node_add(ngx_mra_node_t *node, void *data)
{
    ngx_mra_node_t *total = data;

    if (node->stale) {
        return;
    }

    if (!node->self && !node->maintenance) {
        total->services |= node->services;
    }

    total->registrations += node->registrations;
    total->dialogs += node->dialogs;
    total->connections += node->connections;
    total->requests += node->requests;
}


ngx_int_t
ngx_mra_set_maintenance(ngx_cycle_t *cycle, ngx_uint_t on)
{
    time_t                since;
    ngx_mra_core_conf_t  *mccf;
    ngx_mra_node_zone_t  *node;

    mccf = ngx_mra_core_conf(cycle);

    if (mccf->zone == NULL) {
        return NGX_DECLINED;
    }

    node = &mccf->zone->node;
    since = (time_t) node->maintenance;

    if ((since != 0) == (on != 0)
        || !ngx_atomic_cmp_set(&node->maintenance, since,
                               on ? ngx_time() : 0))
    {
        return NGX_DECLINED;
    }

    if (on) {
        node->inactive = 0;

        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "maintenance mode is on, new requests for service are "
                      "refused");

    } else {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "maintenance mode is off after %Ts",
                      ngx_time() - since);
    }

    ngx_mra_node_beat(mccf);

    return NGX_OK;
}


void
ngx_mra_use_service(ngx_conf_t *cf, ngx_mra_service_e service)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = ngx_mra_core_conf(cf->cycle);

    mccf->services |= 1 << service;
}


ngx_mra_service_state_e
ngx_mra_service_state(ngx_mra_conf_t *mcf, ngx_mra_service_e service)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (!(mccf->services & (1 << service))) {
        return NGX_MRA_SERVICE_OFF;
    }

    if (!ngx_mra_maintenance(mcf)) {
        return NGX_MRA_SERVICE_ACTIVE;
    }

    return ngx_mra_service_sessions(mccf, service) ? NGX_MRA_SERVICE_DRAINING
                                                   : NGX_MRA_SERVICE_INACTIVE;
}


static ngx_uint_t
ngx_mra_service_sessions(ngx_mra_core_conf_t *mccf, ngx_mra_service_e service)
{
    ngx_mra_node_t  self;

    ngx_mra_node_self(&mccf->pub, &self);

    return service == NGX_MRA_SERVICE_HTTP ? self.requests : self.dialogs;
}


ngx_uint_t
ngx_mra_is_elsewhere(ngx_mra_conf_t *mcf, ngx_mra_service_e service)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    return mccf->zone && (mccf->zone->node.elsewhere & (1 << service));
}


void
ngx_mra_on_death(ngx_cycle_t *cycle, ngx_mra_died_pt handler)
{
    ngx_mra_worker_t  *worker;

    worker = ngx_mra_core_conf(cycle)->worker;

    if (worker) {
        worker->died = handler;
    }
}


void
ngx_mra_node_open(ngx_mra_core_conf_t *mccf, ngx_log_t *log)
{
    ngx_mra_worker_t  *worker;

    worker = mccf->worker;

    worker->tick.handler = ngx_mra_node_tick;
    worker->tick.data = &worker->dumb;
    worker->tick.log = log;
    worker->tick.cancelable = 1;

    ngx_add_timer(&worker->tick, NGX_MRA_NODE_TICK);
}


/* what is done once a second for the node, by whichever worker is first */

static void
ngx_mra_node_tick(ngx_event_t *ev)
{
    ngx_msec_t            now, due;
    ngx_mra_node_t        total;
    ngx_mra_core_conf_t  *mccf;
    ngx_mra_node_zone_t  *node;

    mccf = ngx_mra_core_conf(ngx_cycle);
    node = &mccf->zone->node;

    ngx_mra_node_cpu(mccf);

    now = ngx_current_msec;
    due = node->tick;

    if (((ngx_msec_int_t) (due - now) <= 0
         || due - now > 2 * NGX_MRA_NODE_TICK)
        && ngx_atomic_cmp_set(&node->tick, due, now + NGX_MRA_NODE_TICK))
    {
        ngx_mra_node_bury(mccf);
        ngx_mra_node_services(mccf);
        ngx_mra_node_remember(mccf);

        ngx_mra_node_total(&mccf->pub, &total);

        if (++node->ticks % (NGX_MRA_NODE_BEAT / NGX_MRA_NODE_TICK) == 0) {
            ngx_mra_node_beat(mccf);
        }
    }

    ngx_add_timer(ev, NGX_MRA_NODE_TICK);
}


/* what this worker uses, as its part of a gauge */

static void
ngx_mra_node_cpu(ngx_mra_core_conf_t *mccf)
{
    uint64_t           used;
    ngx_int_t          permille, was;
    ngx_msec_t         elapsed;
    struct rusage      ru;
    ngx_mra_worker_t  *worker;

    worker = mccf->worker;

    if (getrusage(RUSAGE_SELF, &ru) == -1) {
        return;
    }

    used = ((uint64_t) ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000
           + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec;

    elapsed = ngx_current_msec - worker->ticked;

    if (worker->ticked && elapsed) {
        permille = (used - worker->cpu) / elapsed;
        was = (ngx_int_t) worker->slot->count[NGX_MRA_CPU];

        ngx_mra_count(&mccf->pub, NGX_MRA_CPU,
                      (permille - was) / NGX_MRA_NODE_LATELY);
    }

    worker->cpu = used;
    worker->ticked = ngx_current_msec;
}


/* a minute without a tick had what there is now */

static void
ngx_mra_node_remember(ngx_mra_core_conf_t *mccf)
{
    ngx_uint_t            i, now;
    ngx_mra_node_t        self;
    ngx_mra_node_zone_t  *node;

    node = &mccf->zone->node;
    now = ngx_current_msec / 60000;

    ngx_mra_node_self(&mccf->pub, &self);

    if (node->minutes == 0 || now - node->minute > NGX_MRA_NODE_HISTORY) {
        node->minutes = 0;
        node->minute = now - 1;
    }

    for (i = node->minute + 1; i <= now; i++) {
        node->history[i % NGX_MRA_NODE_HISTORY] = self.registrations;
        node->minutes = ngx_min(node->minutes + 1, NGX_MRA_NODE_HISTORY);
        node->minute = i;
    }

    i = now % NGX_MRA_NODE_HISTORY;
    node->history[i] = ngx_max(node->history[i], self.registrations);
}


ngx_uint_t
ngx_mra_node_history(ngx_mra_conf_t *mcf, ngx_uint_t *history)
{
    ngx_uint_t            i, n, first;
    ngx_mra_node_t        self;
    ngx_mra_core_conf_t  *mccf;
    ngx_mra_node_zone_t  *node;

    mccf = (ngx_mra_core_conf_t *) mcf;
    node = &mccf->zone->node;

    n = node->minutes;

    if (n == 0) {
        ngx_mra_node_self(mcf, &self);
        history[0] = self.registrations;
        return 1;
    }

    first = node->minute + 1 - n;

    for (i = 0; i < n; i++) {
        history[i] = node->history[(first + i) % NGX_MRA_NODE_HISTORY];
    }

    return n;
}


static void
ngx_mra_node_bury(ngx_mra_core_conf_t *mccf)
{
    uint32_t  number;

    for ( ;; ) {
        number = ngx_mra_slot_bury(mccf);

        if (number == 0) {
            return;
        }

        if (mccf->worker->died) {
            mccf->worker->died(number);
        }
    }
}


static void
ngx_mra_node_services(ngx_mra_core_conf_t *mccf)
{
    ngx_uint_t            i, bit, was;
    ngx_mra_node_zone_t  *node;

    node = &mccf->zone->node;

    if (!node->maintenance) {
        return;
    }

    for (i = 0; i < NGX_MRA_SERVICES; i++) {
        bit = 1 << i;
        was = node->inactive;

        if (ngx_mra_service_state(&mccf->pub, i) != NGX_MRA_SERVICE_INACTIVE) {
            node->inactive = was & ~bit;
            continue;
        }

        if (was & bit) {
            continue;
        }

        node->inactive = was | bit;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%s service is inactive (maintenance mode)",
                      ngx_mra_service_names[i]);
    }
}
