
/*
 * Copyright (C) ngx_mra contributors
 *
 * The simulated cluster of bench/simulate.c in small: every scenario has
 * goals.
 */


#include "mra_test.h"
#include "simulate_scenario.h"


int
main(void)
{
    ngx_uint_t  seed, failed;
    sim_conf_t  conf = { 10000, 8, 10, 2, 0, NULL, NULL };

    for (seed = 1, failed = 0; seed <= 3; seed++) {
        conf.seed = seed;
        failed += sim_scenarios(&conf);
    }

    mra_is(failed, 0, "simulation: all goals are reached");

    return mra_done();
}
