
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_life.h"


/* the setting has been 1000 ms since 50000 */

static struct {
    char        *name;
    ngx_msec_t   left;
    ngx_msec_t   now;
    ngx_msec_t   rc;
} cases[] = {
    { "stored under it",                    1000, 90000, 1000 },
    { "by a worker whose clock is ahead",   1020, 90000, 1020 },
    { "about to end",                          1, 50000,    1 },
    { "stored before, at once",            60000, 50000, 1000 },
    { "stored before, later",              60000, 50400,  600 },
    { "stored before, the last ms",        60000, 50999,    1 },
    { "stored before, over",               60000, 51000,    0 },
    { "stored before, long over",          60000, 90000,    0 },
};


int
main(void)
{
    size_t           i;
    ngx_mra_life_t   l;

    for (i = 0; i < mra_rows(cases); i++) {
        l.life = 1000;
        l.since = 50000;

        mra_is(ngx_mra_life_left(&l, cases[i].left, cases[i].now),
               cases[i].rc, "%s", cases[i].name);

        l.life = 0;

        mra_is(ngx_mra_life_left(&l, cases[i].left, cases[i].now), 0,
               "%s, off", cases[i].name);
    }

    return mra_done();
}
