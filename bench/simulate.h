
/*
 * Copyright (C) ngx_mra contributors
 *
 * A cluster in one program: registrations, edge nodes with workers, core
 * nodes, and the reports between them.  The decisions are those of
 * ngx_mra_balance.o, the same object that nginx loads.
 */


#ifndef _SIMULATE_H_INCLUDED_
#define _SIMULATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_balance.h"

#include <stdio.h>


#define SIM_CORES      NGX_MRA_BALANCE_MAX
#define SIM_LIFE       150       /* of a registration, seconds */
#define SIM_REFRESH    120       /* mean time between two REGISTERs */
#define SIM_JITTER     12        /* this much earlier or later */
#define SIM_REPORT     30        /* between two reports of a core node */
#define SIM_KNOWN      90        /* a report is of use for so long */
#define SIM_RING       256       /* seconds ahead that anything is due */
#define SIM_REST       600       /* between two moves of a registration */
#define SIM_SAMPLE     5         /* seconds between two points of a plot */
#define SIM_START      100000    /* the clock never begins at 0 */


typedef struct {
    uint32_t             heard;        /* time of the last REGISTER */
    uint32_t             came;         /* ... of the last edge node */
    uint32_t             moved;        /* ... of the last move by choice */
    uint16_t             decider;
    uint8_t              core;
    unsigned             bound:1;      /* its core node knows it */
    unsigned             moves:7;      /* to another core node */
    uint8_t              hops;         /* to another edge node */
} sim_reg_t;


typedef struct {
    uint32_t            *reg;
    uint32_t             n;
    uint32_t             nalloc;
} sim_list_t;


typedef struct {
    ngx_uint_t           up;
    ngx_uint_t           draining;
    uint32_t             ups;
    int64_t              count;        /* registrations that it has */
    int64_t              live;         /* ... that are not elsewhere now */
    ngx_uint_t           lies;
    uint32_t             lie;          /* what it reports then */
    uint32_t             capacity;
    uint32_t             said[8];      /* of the last seconds */
    uint32_t             expire[SIM_RING];
} sim_core_t;


typedef struct {
    ngx_uint_t               up;
    int64_t                  count;
    ngx_mra_balance_edge_t   policy;
} sim_edge_t;


typedef struct {
    ngx_mra_balance_t    policy;
    uint32_t             told[SIM_CORES];    /* when; 0: never */
    uint32_t             phase[SIM_CORES];   /* of the reports */
} sim_decider_t;


typedef struct {
    ngx_uint_t           n;            /* points */
    ngx_uint_t           nalloc;
    ngx_uint_t           cores;
    ngx_uint_t           edges;
    float               *core;         /* cores of each point */
    float               *edge;
    float               *rate;         /* REGISTER/s */
    ngx_uint_t           sum;          /* ... up to the next point */
} sim_plot_t;


typedef struct {
    ngx_uint_t           nregs;
    ngx_uint_t           ncores;
    ngx_uint_t           nedges;
    ngx_uint_t           nworkers;     /* of an edge node */
    ngx_uint_t           loss;         /* of reports, percent */
    ngx_uint_t           delay;        /* of reports, at most, seconds */
    ngx_uint_t           warning;      /* clients listen to Warning */
    ngx_uint_t           off;          /* without balance */

    sim_reg_t           *regs;
    sim_core_t           cores[SIM_CORES];
    sim_edge_t          *edges;
    sim_decider_t       *deciders;
    ngx_uint_t           ndeciders;

    sim_list_t           due[SIM_RING];
    uint32_t             now;
    uint64_t             seed;
    ngx_uint_t           ticket;

    ngx_uint_t           registers;    /* in this second */
    ngx_uint_t           peak;
    sim_plot_t           plot;
} sim_t;


/* memory is of the caller's sim_free() */

void sim_init(sim_t *sim);
void sim_free(sim_t *sim);

void sim_run(sim_t *sim, ngx_uint_t seconds);

/* the process ends and its connections close; it comes back empty */

void sim_core_down(sim_t *sim, ngx_uint_t core);
void sim_core_up(sim_t *sim, ngx_uint_t core);
void sim_core_drain(sim_t *sim, ngx_uint_t core, ngx_uint_t on);

void sim_edge_down(sim_t *sim, ngx_uint_t edge);
void sim_edge_up(sim_t *sim, ngx_uint_t edge);

/* forgets who was moved how often, and the peak */

void sim_count_anew(sim_t *sim);

/* the largest distance from what a node should have, percent of that */

double sim_core_spread(sim_t *sim);
double sim_edge_spread(sim_t *sim);

uint32_t sim_random(sim_t *sim, uint32_t n);

/* lines over time into FILE, as SVG */

void sim_plot(sim_t *sim, char *file, char *title, ngx_uint_t edges);


#endif /* _SIMULATE_H_INCLUDED_ */
