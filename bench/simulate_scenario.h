
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _SIMULATE_SCENARIO_H_INCLUDED_
#define _SIMULATE_SCENARIO_H_INCLUDED_


#include "simulate.h"


typedef struct {
    ngx_uint_t   nregs;
    ngx_uint_t   ncores;
    ngx_uint_t   nedges;
    ngx_uint_t   nworkers;
    ngx_uint_t   seed;
    char        *only;         /* one scenario; NULL: all */
    char        *plots;        /* a directory; NULL: none */
} sim_conf_t;


/* prints a line for each scenario; returns how many missed their goals */

ngx_uint_t sim_scenarios(sim_conf_t *conf);


#endif /* _SIMULATE_SCENARIO_H_INCLUDED_ */
