
/*
 * Copyright (C) ngx_mra contributors
 */


#include "simulate_scenario.h"

#include <string.h>


/* what counts as even, percent; clients do not know which edge is empty */

#define SIM_EVEN        5
#define SIM_EVEN_EDGES  10

#define SIM_NEVER       100000


typedef struct {
    ngx_uint_t   time;         /* until it was even, seconds */
    double       after;        /* the worst spread from then on */
} sim_result_t;


typedef struct {
    char        *name;
    char        *title;        /* of its figure; NULL: none */
    ngx_uint_t   edges;        /* the figure is of edge nodes */
    void       (*run)(sim_t *sim, sim_result_t *res);

    /* the goals */

    ngx_uint_t   time;         /* seconds */
    ngx_uint_t   most;         /* moves of one registration; 0: any */
    double       mean;         /* moves of all; 0: two of each core node */
    double       after;        /* worst spread then, percent; 0: even */

    ngx_uint_t   cores;        /* and edge nodes, 0: as many as there are */
    ngx_uint_t   loss;
    ngx_uint_t   warning;
    ngx_uint_t   off;
} sim_scenario_t;


static void sim_watch(sim_t *sim, sim_result_t *res, ngx_uint_t seconds,
    ngx_uint_t edges);
static void sim_recovers(sim_t *sim, sim_result_t *res);
static void sim_capacity(sim_t *sim, sim_result_t *res);
static void sim_rolling(sim_t *sim, sim_result_t *res);
static void sim_edge_recovers(sim_t *sim, sim_result_t *res);
static void sim_flaps(sim_t *sim, sim_result_t *res);
static void sim_flutters(sim_t *sim, sim_result_t *res);
static void sim_lies_none(sim_t *sim, sim_result_t *res);
static void sim_lies_many(sim_t *sim, sim_result_t *res);
static void sim_flap(sim_t *sim, sim_result_t *res, ngx_uint_t seconds);
static void sim_lies(sim_t *sim, sim_result_t *res, uint32_t lie);
static ngx_uint_t sim_judge(sim_t *sim, sim_scenario_t *s, sim_result_t *res);


static sim_scenario_t  scenarios[] = {

    { "four", "One of four core nodes fails and comes back",
      0, sim_recovers, 120, 2, 0.55, 0, 4, 0, 0, 0 },

    { "four-off", "The same without balance",
      0, sim_recovers, SIM_NEVER, 1, 0.55, 101, 4, 0, 0, 1 },

    { "two", NULL, 0, sim_recovers, 120, 2, 1.1, 0, 2, 0, 0, 0 },

    { "capacity", NULL,
      0, sim_capacity, 120, 2, 1.4, 0, 2, 0, 0, 0 },

    { "many", NULL, 0, sim_recovers, 120, 2, 0, 0, 0, 0, 0, 0 },

    { "lossy-10", NULL, 0, sim_recovers, 120, 2, 0.55, 0, 4, 10, 0, 0 },

    { "lossy-30", NULL, 0, sim_recovers, 120, 2, 0.55, 0, 4, 30, 0, 0 },

    { "rolling", "Maintenance of all core nodes, one after another",
      0, sim_rolling, 120, 0, 2.5, 0, 0, 0, 0, 0 },

    { "flaps", "One of four core nodes comes and goes for ten minutes",
      0, sim_flaps, 900, 0, 1.5, 0, 4, 0, 0, 0 },

    { "flutters", NULL, 0, sim_flutters, 900, 0, 1.5, 0, 4, 0, 0, 0 },

    { "lies-none", NULL,
      0, sim_lies_none, SIM_NEVER, 3, 0.7, 22, 4, 0, 0, 0 },

    { "lies-many", NULL, 0, sim_lies_many, 900, 3, 1.0, 0, 4, 0, 0, 0 },

    { "edge", "One of four edge nodes fails and comes back",
      1, sim_edge_recovers, 1200, 4, 1.2, 14, 4, 0, 1, 0 },
};


ngx_uint_t
sim_scenarios(sim_conf_t *conf)
{
    char             file[1024];
    sim_t           *sim;
    ngx_uint_t       i, failed, found;
    sim_result_t     res;
    sim_scenario_t  *s;
    static sim_t     memory;

    sim = &memory;
    failed = 0;
    found = 0;

    printf("%-10s %9s %8s %8s %6s %10s\n", "", "balanced", "spread",
           "moves", "at", "REGISTER/s");
    printf("%-10s %9s %8s %8s %6s %10s\n", "scenario", "after, s",
           "then, %", "mean", "most", "at most");

    for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        s = &scenarios[i];

        if (conf->only && strcmp(conf->only, s->name) != 0) {
            continue;
        }

        found++;

        memset(sim, 0, sizeof(sim_t));
        memset(&res, 0, sizeof(sim_result_t));

        sim->nregs = conf->nregs;
        sim->ncores = s->cores ? s->cores : conf->ncores;
        sim->nedges = s->edges ? s->cores : conf->nedges;
        sim->nworkers = conf->nworkers;
        sim->seed = 88172645463325252ULL + conf->seed;
        sim->loss = s->loss;
        sim->delay = 2;
        sim->warning = s->warning;
        sim->off = s->off;

        sim_init(sim);
        sim_run(sim, 300);

        s->run(sim, &res);

        failed += sim_judge(sim, s, &res);

        if (conf->plots && s->title) {
            snprintf(file, sizeof(file), "%s/%s.svg", conf->plots, s->name);
            sim_plot(sim, file, s->title, s->edges);
        }

        sim_free(sim);
    }

    return found ? failed : 1;
}


/* from now on: when it becomes even, and whether it stays so */

static void
sim_watch(sim_t *sim, sim_result_t *res, ngx_uint_t seconds, ngx_uint_t edges)
{
    double      spread, even;
    ngx_uint_t  n, time;

    /* four times what chance makes of these few */

    n = sim->nregs / (edges ? sim->nedges : sim->ncores);

    for (even = 1; even * even < n; even++) { /* void */ }

    even = 400 / even;
    even = edges ? ngx_max(even, SIM_EVEN_EDGES) : ngx_max(even, SIM_EVEN);

    time = SIM_NEVER;

    for (n = 0; n < seconds; n += 5) {
        spread = edges ? sim_edge_spread(sim) : sim_core_spread(sim);

        if (spread <= even && time == SIM_NEVER) {
            time = n;
        }

        if (time != SIM_NEVER && spread > even) {
            res->after = ngx_max(res->after, spread);
        }

        sim_run(sim, 5);
    }

    if (time == SIM_NEVER) {
        res->after = edges ? sim_edge_spread(sim) : sim_core_spread(sim);
    }

    res->time = ngx_max(res->time, time);
}


static void
sim_recovers(sim_t *sim, sim_result_t *res)
{
    sim_core_down(sim, 0);
    sim_run(sim, 240);

    sim_core_up(sim, 0);
    sim_watch(sim, res, 600, 0);
}


/* it has more than it can carry, then the other one fails */

static void
sim_capacity(sim_t *sim, sim_result_t *res)
{
    sim->cores[0].capacity = sim->nregs * 2 / 5;
    sim->cores[1].capacity = sim->nregs * 4 / 5;

    sim_watch(sim, res, 300, 0);

    sim_core_down(sim, 1);
    sim_run(sim, 240);
    sim_count_anew(sim);

    sim_core_up(sim, 1);
    sim_watch(sim, res, 600, 0);
}


static void
sim_rolling(sim_t *sim, sim_result_t *res)
{
    ngx_uint_t  i;

    for (i = 0; i < sim->ncores; i++) {
        sim_core_drain(sim, i, 1);
        sim_run(sim, 40);

        if (sim->cores[i].live) {
            res->after = 100;
        }

        sim_core_down(sim, i);
        sim_run(sim, 20);

        sim->cores[i].draining = 0;
        sim_core_up(sim, i);
        sim_watch(sim, res, 120, 0);
    }

    sim_watch(sim, res, 480, 0);
}


static void
sim_flap(sim_t *sim, sim_result_t *res, ngx_uint_t seconds)
{
    ngx_uint_t  n;

    for (n = 0; n < 600; n += 2 * seconds) {
        sim_core_down(sim, 0);
        sim_run(sim, seconds);

        sim_core_up(sim, 0);
        sim_run(sim, seconds);
    }

    sim_watch(sim, res, 1500, 0);
}


static void
sim_flaps(sim_t *sim, sim_result_t *res)
{
    sim_flap(sim, res, 20);
}


static void
sim_flutters(sim_t *sim, sim_result_t *res)
{
    sim_flap(sim, res, 1);
}


static void
sim_lies_none(sim_t *sim, sim_result_t *res)
{
    sim_lies(sim, res, 0);
}


static void
sim_lies_many(sim_t *sim, sim_result_t *res)
{
    sim_lies(sim, res, (uint32_t) -1);
}


/* another one fails and comes back meanwhile; the honest ones are even */

static void
sim_lies(sim_t *sim, sim_result_t *res, uint32_t lie)
{
    double  share, limit;

    sim->cores[0].lies = 1;
    sim->cores[0].lie = lie;

    sim_run(sim, 600);

    share = (double) sim->cores[0].live / sim->nregs;
    limit = 2.0 / sim->ncores - 1.0 / (sim->ncores * sim->ncores) + 0.02;

    if (share > limit) {
        res->after = share * 100;
    }

    sim_core_down(sim, 1);
    sim_run(sim, 240);

    sim_core_up(sim, 1);
    sim_watch(sim, res, 1200, 0);
}


static void
sim_edge_recovers(sim_t *sim, sim_result_t *res)
{
    sim_edge_down(sim, 0);
    sim_run(sim, 240);

    sim_edge_up(sim, 0);
    sim_watch(sim, res, 1500, 1);
}


static ngx_uint_t
sim_judge(sim_t *sim, sim_scenario_t *s, sim_result_t *res)
{
    char        *verdict;
    double       mean;
    ngx_uint_t   i, n, most;

    mean = 0;
    most = 0;

    for (i = 0; i < sim->nregs; i++) {
        n = s->edges ? sim->regs[i].hops : sim->regs[i].moves;
        most = ngx_max(most, n);
        mean += n;
    }

    mean /= sim->nregs;

    verdict = "";

    if (res->time > s->time) {
        verdict = "  FAILED: not balanced in time";

    } else if (res->after > s->after) {
        verdict = "  FAILED: did not stay balanced";

    } else if (s->most && most > s->most) {
        verdict = "  FAILED: one registration moves too often";

    } else if (mean > (s->mean ? s->mean : 2.2 / sim->ncores)) {
        verdict = "  FAILED: too many moves";
    }

    printf("%-10s ", s->name);

    if (res->time == SIM_NEVER) {
        printf("%9s ", "never");

    } else {
        printf("%9u ", (unsigned) res->time);
    }

    printf("%8.1f %8.3f %6u %10u%s\n",
           s->edges ? sim_edge_spread(sim) : sim_core_spread(sim), mean,
           (unsigned) most, (unsigned) sim->peak, verdict);

    return verdict[0] != '\0';
}
