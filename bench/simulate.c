
/*
 * Copyright (C) ngx_mra contributors
 *
 * simulate [-n registrations] [-c core nodes] [-e edge nodes] [-w workers]
 *          [-s seed] [-o one scenario] [-p directory of figures]
 *
 * The exit code is 1 when a scenario missed its goals.
 */


#include "simulate_scenario.h"

#include <stdlib.h>
#include <unistd.h>


int
main(int argc, char **argv)
{
    int         c;
    sim_conf_t  conf = { 1000000, 50, 100, 4, 1, NULL, NULL };

    while ((c = getopt(argc, argv, "n:c:e:w:s:o:p:")) != -1) {

        switch (c) {

        case 'n':
            conf.nregs = atoi(optarg);
            break;

        case 'c':
            conf.ncores = atoi(optarg);
            break;

        case 'e':
            conf.nedges = atoi(optarg);
            break;

        case 'w':
            conf.nworkers = atoi(optarg);
            break;

        case 's':
            conf.seed = atoi(optarg);
            break;

        case 'o':
            conf.only = optarg;
            break;

        case 'p':
            conf.plots = optarg;
            break;

        default:
            return 2;
        }
    }

    if (conf.nregs < 100 || conf.ncores < 2 || conf.ncores > SIM_CORES
        || conf.nedges < 2 || conf.nworkers < 1
        || conf.nedges * conf.nworkers > 65535)
    {
        fprintf(stderr, "simulate: numbers out of range\n");
        return 2;
    }

    return sim_scenarios(&conf) ? 1 : 0;
}
