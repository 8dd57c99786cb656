
/*
 * Copyright (C) ngx_mra contributors
 */


#include "simulate.h"

#include <math.h>
#include <stdlib.h>


#define SIM_NONE       ((ngx_uint_t) -1)
#define SIM_KEEPALIVE  30         /* of clients, seconds */
#define SIM_RECONNECT  10         /* ... whose edge node is gone, at most */


static void sim_place(sim_t *sim);
static void sim_due(sim_t *sim, uint32_t r, ngx_uint_t seconds);
static void *sim_grow(void *p, size_t size);
static void sim_hurry(sim_t *sim, ngx_uint_t core, ngx_uint_t edge,
    ngx_uint_t within);
static void sim_second(sim_t *sim);
static void sim_expire(sim_t *sim);
static void sim_report(sim_t *sim, ngx_uint_t d, ngx_uint_t core);
static void sim_decide(sim_t *sim, ngx_uint_t d);
static void sim_register(sim_t *sim, sim_reg_t *r, ngx_uint_t d);
static void sim_rehome(sim_t *sim, sim_reg_t *r);
static void sim_sample(sim_t *sim);


void
sim_init(sim_t *sim)
{
    ngx_uint_t      d, i;
    sim_decider_t  *decider;

    sim->ndeciders = sim->nedges * sim->nworkers;
    sim->now = SIM_START;

    sim->regs = sim_grow(NULL, sim->nregs * sizeof(sim_reg_t));
    sim->edges = sim_grow(NULL, sim->nedges * sizeof(sim_edge_t));
    sim->deciders = sim_grow(NULL, sim->ndeciders * sizeof(sim_decider_t));

    ngx_memzero(sim->regs, sim->nregs * sizeof(sim_reg_t));
    ngx_memzero(sim->edges, sim->nedges * sizeof(sim_edge_t));
    ngx_memzero(sim->deciders, sim->ndeciders * sizeof(sim_decider_t));

    for (i = 0; i < sim->ncores; i++) {
        sim->cores[i].up = 1;
    }

    for (i = 0; i < sim->nedges; i++) {
        sim->edges[i].up = 1;
    }

    for (d = 0; d < sim->ndeciders; d++) {
        decider = &sim->deciders[d];

        ngx_mra_balance_init(&decider->policy, 10, SIM_REST,
                             sim_random(sim, 1 << 30));
        decider->policy.n = sim->ncores;

        for (i = 0; i < sim->ncores; i++) {
            decider->phase[i] = sim_random(sim, SIM_REPORT);
        }

        sim_decide(sim, d);
    }

    sim->plot.cores = sim->ncores;
    sim->plot.edges = sim->nedges;

    sim_place(sim);

    for (i = 0; i < sim->ncores; i++) {
        for (d = 0; d < 8; d++) {
            sim->cores[i].said[d] = sim->cores[i].count;
        }
    }
}


static void
sim_place(sim_t *sim)
{
    ngx_uint_t   i, d;
    sim_reg_t   *r;

    for (i = 0; i < sim->nregs; i++) {
        r = &sim->regs[i];

        d = sim_random(sim, sim->ndeciders);

        r->decider = d;
        r->core = ngx_mra_balance_choose(&sim->deciders[d].policy,
                                         NGX_MRA_BALANCE_MAX, 0,
                                         sim->ticket++);
        r->bound = 1;
        r->heard = sim->now;

        sim->deciders[d].policy.hop[r->core].own++;
        sim->edges[d / sim->nworkers].count++;
        sim->cores[r->core].count++;
        sim->cores[r->core].live++;

        sim_due(sim, i, 1 + sim_random(sim, SIM_REFRESH));
    }
}


void
sim_free(sim_t *sim)
{
    ngx_uint_t  i;

    for (i = 0; i < SIM_RING; i++) {
        free(sim->due[i].reg);
    }

    free(sim->regs);
    free(sim->edges);
    free(sim->deciders);
    free(sim->plot.core);
    free(sim->plot.edge);
    free(sim->plot.rate);
}


/* xorshift64* */

uint32_t
sim_random(sim_t *sim, uint32_t n)
{
    sim->seed ^= sim->seed >> 12;
    sim->seed ^= sim->seed << 25;
    sim->seed ^= sim->seed >> 27;

    return ((sim->seed * 2685821657736338717ULL) >> 33) % n;
}


static void
sim_due(sim_t *sim, uint32_t r, ngx_uint_t seconds)
{
    sim_list_t  *list;

    list = &sim->due[(sim->now + seconds) % SIM_RING];

    if (list->n == list->nalloc) {
        list->nalloc = list->nalloc ? 2 * list->nalloc : 64;
        list->reg = sim_grow(list->reg, list->nalloc * sizeof(uint32_t));
    }

    list->reg[list->n++] = r;
}


static void *
sim_grow(void *p, size_t size)
{
    p = realloc(p, size);

    if (p == NULL) {
        fprintf(stderr, "simulate: no memory\n");
        exit(2);
    }

    return p;
}


/* clients of a core node or an edge node send REGISTER earlier */

static void
sim_hurry(sim_t *sim, ngx_uint_t core, ngx_uint_t edge, ngx_uint_t within)
{
    uint32_t     r;
    sim_reg_t   *reg;
    sim_list_t  *list, hurry;
    ngx_uint_t   i, j, n;

    ngx_memzero(&hurry, sizeof(sim_list_t));

    hurry.reg = sim_grow(NULL, sim->nregs * sizeof(uint32_t));

    for (i = 0; i < SIM_RING; i++) {
        list = &sim->due[i];

        for (j = 0, n = 0; j < list->n; j++) {
            r = list->reg[j];
            reg = &sim->regs[r];

            if (reg->core == core || reg->decider / sim->nworkers == edge) {
                hurry.reg[hurry.n++] = r;

            } else {
                list->reg[n++] = r;
            }
        }

        list->n = n;
    }

    for (i = 0; i < hurry.n; i++) {
        sim_due(sim, hurry.reg[i], 1 + sim_random(sim, within));
    }

    free(hurry.reg);
}


void
sim_run(sim_t *sim, ngx_uint_t seconds)
{
    while (seconds--) {
        sim_second(sim);
    }
}


static void
sim_second(sim_t *sim)
{
    uint32_t     r;
    sim_reg_t   *reg;
    ngx_uint_t   d, i;
    sim_edge_t  *edge;
    sim_list_t  *list;

    sim->now++;

    sim_expire(sim);

    for (d = 0; d < sim->ndeciders; d++) {

        for (i = 0; i < sim->ncores; i++) {
            if ((sim->now + sim->deciders[d].phase[i]) % SIM_REPORT == 0) {
                sim_report(sim, d, i);
            }
        }

        if ((sim->now + d) % 2 == 0) {
            sim_decide(sim, d);
        }
    }

    for (i = 0, d = 0; i < sim->nedges; i++) {
        d += sim->edges[i].up;
    }

    for (i = 0; i < sim->nedges && sim->warning && !sim->off; i++) {
        edge = &sim->edges[i];

        if (edge->up && (sim->now + i) % 2 == 0) {
            ngx_mra_balance_edge_update(&edge->policy, edge->count,
                                        sim->nregs, d, 10,
                                        sim_random(sim, 1 << 30), sim->now);
        }
    }

    list = &sim->due[sim->now % SIM_RING];

    for (i = 0; i < list->n; i++) {
        r = list->reg[i];
        reg = &sim->regs[r];

        if (i + 8 < list->n) {
            __builtin_prefetch(&sim->regs[list->reg[i + 8]]);
        }

        sim_register(sim, reg, reg->decider);

        sim_due(sim, r, SIM_REFRESH - SIM_JITTER
                        + sim_random(sim, 2 * SIM_JITTER + 1));
    }

    list->n = 0;

    sim->peak = ngx_max(sim->peak, sim->registers);

    sim_sample(sim);
}


static void
sim_expire(sim_t *sim)
{
    uint32_t    *expire;
    ngx_uint_t   i;
    sim_core_t  *core;

    for (i = 0; i < sim->ncores; i++) {
        core = &sim->cores[i];

        expire = &core->expire[sim->now % SIM_RING];
        core->count -= *expire;
        *expire = 0;

        core->said[sim->now % 8] = core->lies ? core->lie : core->count;
    }
}


static void
sim_report(sim_t *sim, ngx_uint_t d, ngx_uint_t i)
{
    uint32_t                delay;
    sim_core_t             *core;
    ngx_mra_balance_hop_t  *hop;

    core = &sim->cores[i];
    hop = &sim->deciders[d].policy.hop[i];

    if (!core->up || sim_random(sim, 100) < sim->loss) {
        return;
    }

    delay = sim_random(sim, sim->delay + 1);

    hop->registrations = core->said[(sim->now - delay) % 8];
    hop->capacity = core->capacity;

    sim->deciders[d].told[i] = sim->now;
}


static void
sim_decide(sim_t *sim, ngx_uint_t d)
{
    ngx_uint_t              i;
    sim_decider_t          *decider;
    ngx_mra_balance_hop_t  *hop;

    decider = &sim->deciders[d];

    for (i = 0; i < sim->ncores; i++) {
        hop = &decider->policy.hop[i];

        hop->weight = 1;
        hop->up = sim->cores[i].up;
        hop->draining = sim->cores[i].draining;
        hop->ups = sim->cores[i].ups;
        hop->known = !sim->off && decider->told[i]
                     && sim->now - decider->told[i] <= SIM_KNOWN;
    }

    ngx_mra_balance_update(&decider->policy, sim->now);
}


static void
sim_register(sim_t *sim, sim_reg_t *r, ngx_uint_t d)
{
    uint32_t            random;
    ngx_int_t           to;
    ngx_uint_t          from, down;
    sim_edge_t         *edge;
    sim_core_t         *core;
    ngx_mra_balance_t  *policy;

    edge = &sim->edges[d / sim->nworkers];

    if (!edge->up) {
        sim_rehome(sim, r);
        d = r->decider;
    }

    sim->registers++;

    policy = &sim->deciders[d].policy;
    core = &sim->cores[r->core];
    from = r->core;
    to = from;

    down = !core->up || core->draining;

    if (ngx_mra_balance_leaves(policy, from, r->moved, sim->now) == NGX_OK) {

        random = down ? sim->ticket++ : sim_random(sim, 1 << 30);
        to = ngx_mra_balance_choose(policy, from, 0, random);

        if (to == NGX_DECLINED) {
            to = from;
        }
    }

    if ((ngx_uint_t) to != from) {

        if (r->bound) {
            core->live--;
            core->expire[(r->heard + SIM_LIFE) % SIM_RING]++;
        }

        ngx_mra_balance_moved(policy, from, to,
                              (time_t) r->heard + SIM_LIFE - sim->now,
                              sim->now);

        r->core = to;
        r->bound = 0;
        r->moves++;
        r->moved = down ? r->moved : sim->now;

        core = &sim->cores[to];
    }

    if (!core->up) {
        return;
    }

    if (!r->bound) {
        r->bound = 1;
        core->count++;
        core->live++;
    }

    r->heard = sim->now;

    edge = &sim->edges[d / sim->nworkers];

    if (sim->warning && !sim->off && sim->now - r->came >= SIM_REST
        && ngx_mra_balance_edge_asks(&edge->policy, r - sim->regs))
    {
        sim_rehome(sim, r);
        sim->registers++;
    }
}


/* the client takes any other edge node, and keeps its path behind that */

static void
sim_rehome(sim_t *sim, sim_reg_t *r)
{
    ngx_uint_t  edge, from, n;

    from = r->decider / sim->nworkers;

    for (n = 0; n < 100; n++) {
        edge = sim_random(sim, sim->nedges);

        if (edge != from && sim->edges[edge].up) {
            break;
        }
    }

    sim->edges[from].count--;
    sim->edges[edge].count++;
    sim->deciders[r->decider].policy.hop[r->core].own--;

    r->decider = edge * sim->nworkers + sim_random(sim, sim->nworkers);
    r->came = sim->now;
    r->hops++;

    sim->deciders[r->decider].policy.hop[r->core].own++;
}


void
sim_core_down(sim_t *sim, ngx_uint_t i)
{
    ngx_uint_t   j;
    sim_core_t  *core;

    core = &sim->cores[i];

    core->up = 0;
    core->count = 0;
    core->live = 0;
    ngx_memzero(core->expire, sizeof(core->expire));

    for (j = 0; j < sim->nregs; j++) {
        if (sim->regs[j].core == i) {
            sim->regs[j].bound = 0;
        }
    }

    for (j = 0; j < sim->ndeciders; j++) {
        sim_decide(sim, j);
    }

    /* their next keepalive is answered with an error */

    sim_hurry(sim, i, SIM_NONE, SIM_KEEPALIVE);
}


/* it tells all edge nodes at once */

void
sim_core_up(sim_t *sim, ngx_uint_t i)
{
    ngx_uint_t  d;

    sim->cores[i].up = 1;
    sim->cores[i].ups++;

    ngx_memzero(sim->cores[i].said, sizeof(sim->cores[i].said));

    for (d = 0; d < sim->ndeciders; d++) {
        sim_report(sim, d, i);
        sim_decide(sim, d);
    }
}


void
sim_core_drain(sim_t *sim, ngx_uint_t i, ngx_uint_t on)
{
    ngx_uint_t  d;

    sim->cores[i].draining = on;

    for (d = 0; d < sim->ndeciders; d++) {
        sim_decide(sim, d);
    }

    if (on) {
        sim_hurry(sim, i, SIM_NONE, SIM_KEEPALIVE);
    }
}


void
sim_edge_down(sim_t *sim, ngx_uint_t edge)
{
    sim->edges[edge].up = 0;
    ngx_memzero(&sim->edges[edge].policy, sizeof(ngx_mra_balance_edge_t));

    sim_hurry(sim, SIM_NONE, edge, SIM_RECONNECT);
}


void
sim_edge_up(sim_t *sim, ngx_uint_t edge)
{
    sim->edges[edge].up = 1;
}


void
sim_count_anew(sim_t *sim)
{
    ngx_uint_t  i;

    for (i = 0; i < sim->nregs; i++) {
        sim->regs[i].moves = 0;
        sim->regs[i].hops = 0;
    }

    sim->peak = 0;
}


double
sim_core_spread(sim_t *sim)
{
    double       mean, diff, worst, room;
    ngx_uint_t   i, n, full;
    sim_core_t  *core;

    mean = sim->nregs;
    n = 0;

    for (i = 0; i < sim->ncores; i++) {
        core = &sim->cores[i];

        if (core->up && !core->draining && !core->lies) {
            n++;

        } else {
            mean -= core->live;
        }
    }

    if (n == 0) {
        return 0;
    }

    mean /= n;

    /* what one has no room for the others get, one turn is enough here */

    room = 0;
    full = 0;

    for (i = 0; i < sim->ncores; i++) {
        core = &sim->cores[i];

        if (core->capacity && core->capacity < mean) {
            room += mean - core->capacity;
            full++;
        }
    }

    mean += (n > full) ? room / (n - full) : 0;
    worst = 0;

    for (i = 0; i < sim->ncores; i++) {
        core = &sim->cores[i];

        if (!core->up || core->draining || core->lies) {
            continue;
        }

        room = (core->capacity && core->capacity < mean) ? core->capacity
                                                         : mean;
        diff = (core->live - room) / room * 100;
        diff = fabs(diff);
        worst = ngx_max(worst, diff);
    }

    return worst;
}


/* only above: nobody tells clients which edge node is the empty one */

double
sim_edge_spread(sim_t *sim)
{
    double      mean, worst;
    ngx_uint_t  i, n;

    for (i = 0, n = 0; i < sim->nedges; i++) {
        n += sim->edges[i].up;
    }

    mean = (double) sim->nregs / n;
    worst = mean;

    for (i = 0; i < sim->nedges; i++) {
        worst = ngx_max(worst, sim->edges[i].count);
    }

    return (worst / mean - 1) * 100;
}


static void
sim_sample(sim_t *sim)
{
    ngx_uint_t   i;
    sim_plot_t  *plot;

    plot = &sim->plot;

    if (sim->now % SIM_SAMPLE) {
        plot->sum += sim->registers;
        sim->registers = 0;
        return;
    }

    if (plot->n == plot->nalloc) {
        plot->nalloc = plot->nalloc ? 2 * plot->nalloc : 256;

        plot->core = sim_grow(plot->core, plot->nalloc * plot->cores
                                          * sizeof(float));
        plot->edge = sim_grow(plot->edge, plot->nalloc * plot->edges
                                          * sizeof(float));
        plot->rate = sim_grow(plot->rate, plot->nalloc * sizeof(float));
    }

    for (i = 0; i < plot->cores; i++) {
        plot->core[plot->n * plot->cores + i] = sim->cores[i].live;
    }

    for (i = 0; i < plot->edges; i++) {
        plot->edge[plot->n * plot->edges + i] = sim->edges[i].count;
    }

    plot->rate[plot->n++] = (float) (plot->sum + sim->registers) / SIM_SAMPLE;
    plot->sum = 0;
    sim->registers = 0;
}
