
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_window.h"


typedef union {
    ngx_mra_window_t  w;
    u_char            bytes[ngx_mra_window_len(NGX_MRA_WINDOW_MAX, 1)];
} window_t;


/* attempts on one window of 3 in 1000 ms, in order */

static struct {
    char        *name;
    ngx_msec_t   now;
    ngx_int_t    rc;
    ngx_uint_t   used;
    ngx_msec_t   retry;
} steps[] = {
    { "first",                              10000, NGX_OK, 1, 0 },
    { "second",                             10100, NGX_OK, 2, 0 },
    { "third",                              10200, NGX_OK, 3, 0 },
    { "fourth is refused",                  10200, NGX_DECLINED, 3, 800 },
    { "refused ones do not extend it",      10999, NGX_DECLINED, 3, 1 },
    { "first has left after the period",    11000, NGX_OK, 3, 0 },
    { "second has not",                     11000, NGX_DECLINED, 3, 100 },
    { "second has left",                    11150, NGX_OK, 3, 0 },
    { "a clock that is behind",             11140, NGX_DECLINED, 3, 60 },
    { "all have left",                      20000, NGX_OK, 1, 0 },
    { "a clock behind, admitted",           19990, NGX_OK, 2, 0 },
    { "order is kept",                      20999, NGX_OK, 3, 0 },
    { "both leave together",                21000, NGX_OK, 2, 0 },
};


static void
test_steps(void)
{
    size_t                     i;
    window_t                   u;
    ngx_int_t                  rc, peek;
    ngx_mra_window_verdict_t   v, pv;

    ngx_mra_window_init(&u.w, 3, 0);

    for (i = 0; i < mra_rows(steps); i++) {
        peek = ngx_mra_window_peek(&u.w, steps[i].now, 3, 1000, &pv);
        rc = ngx_mra_window_hit(&u.w, 0, steps[i].now, 3, 1000, &v);

        mra_is(rc, steps[i].rc, "%s: answer", steps[i].name);
        mra_is(v.used, steps[i].used, "%s: used", steps[i].name);
        mra_is(v.retry, steps[i].retry, "%s: retry", steps[i].name);

        mra_ok(peek == rc && pv.retry == v.retry
               && pv.used + (rc == NGX_OK) == v.used,
               "%s: peek agrees", steps[i].name);
    }
}


/*
 * Against a plain list of all that was admitted: random times, sizes,
 * limits and periods, over the wrap of 32-bit milliseconds.
 */

static void
test_model(void)
{
    window_t                   u;
    uint64_t                   now, seed, log[4096];
    ngx_int_t                  rc;
    ngx_uint_t                 round, i, j, n, in, size, limit, wrong;
    ngx_msec_t                 period, next;
    ngx_mra_window_verdict_t   v;

    wrong = 0;
    seed = 88172645463325252ULL;

#define next_random()                                                         \
    (seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17, seed >> 16)

    for (round = 0; round < 300; round++) {
        size = 1 + next_random() % NGX_MRA_WINDOW_MAX;
        limit = 1 + next_random() % size;
        period = 1 + next_random() % 5000;
        now = 0xfffff000;
        n = 0;

        ngx_mra_window_init(&u.w, size, 0);

        for (i = 0; i < 1000; i++) {
            now += next_random() % (2 * period / limit + 2);

            for (in = 0, j = 0; j < n; j++) {
                in += (now - log[j] < period);
            }

            next = (in < limit) ? 0 : log[n - limit] + period - now;

            rc = ngx_mra_window_hit(&u.w, 0, now, limit, period, &v);

            if (in < limit) {
                log[n++] = now;
                in++;
                wrong += (rc != NGX_OK);

            } else {
                wrong += (rc != NGX_DECLINED);
            }

            wrong += (v.used != in || v.retry != next);
        }
    }

    mra_is(wrong, 0, "300000 attempts as a plain log has them");
}


/* a changed limit: the newest attempts go along */

static void
test_copy(void)
{
    size_t                     i;
    window_t                   from, to;
    ngx_mra_window_verdict_t   v;

    ngx_mra_window_init(&from.w, 4, 0);

    for (i = 0; i < 6; i++) {
        (void) ngx_mra_window_hit(&from.w, 0, 1000 * i, 4, 3500, &v);
    }

    mra_is(from.w.n, 4, "a window that has turned over");

    ngx_mra_window_init(&to.w, 8, 0);
    ngx_mra_window_copy(&to.w, &from.w);

    mra_is(to.w.n, 4, "all go to a larger one");
    mra_is(to.w.at[0], 2000, "larger: the oldest");
    mra_is(to.w.at[3], 5000, "larger: the newest");

    mra_is(ngx_mra_window_hit(&to.w, 0, 5000, 5, 3500, &v), NGX_OK,
           "larger: room for one more");
    mra_is(ngx_mra_window_hit(&to.w, 0, 5000, 5, 3500, &v), NGX_DECLINED,
           "larger: and no more");
    mra_is(v.retry, 500, "larger: the oldest is waited for");

    ngx_mra_window_init(&to.w, 2, 0);
    ngx_mra_window_copy(&to.w, &from.w);

    mra_is(to.w.n, 2, "the newest go to a smaller one");
    mra_is(to.w.at[0], 4000, "smaller: the oldest kept");
    mra_is(to.w.at[1], 5000, "smaller: the newest");

    /* a lower limit on a window as it is */

    mra_is(ngx_mra_window_peek(&from.w, 5000, 2, 3500, &v), NGX_DECLINED,
           "lower limit: refused");
    mra_is(v.used, 4, "lower limit: used is what the window holds");
    mra_is(v.retry, 2500, "lower limit: until one is left");

    /* logged by a worker whose clock is behind: not before the last one */

    ngx_mra_window_init(&to.w, 2, 0);
    (void) ngx_mra_window_hit(&to.w, 0, 20000, 2, 1000, &v);
    (void) ngx_mra_window_hit(&to.w, 0, 19990, 2, 1000, &v);
    (void) ngx_mra_window_peek(&to.w, 20500, 1, 1000, &v);

    mra_is(v.retry, 500, "a clock behind does not shorten the wait");

    /* a limit above the size is the size */

    mra_is(ngx_mra_window_hit(&from.w, 0, 5000, 9, 3500, &v), NGX_DECLINED,
           "limit above the size");
}


/* attempts that have ids are logged once */

static void
test_ids(void)
{
    size_t                     i;
    window_t                   u, to;
    ngx_uint_t                 n;
    ngx_mra_attempt_t          log[NGX_MRA_WINDOW_MAX];
    ngx_mra_window_verdict_t   v;

    static struct {
        char        *name;
        uint32_t     id;
        ngx_msec_t   now;
        ngx_int_t    rc;
        ngx_uint_t   used;
    } tries[] = {
        { "the first",                  7, 1000, NGX_OK, 1 },
        { "the same",                   7, 1100, NGX_OK, 1 },
        { "another one",                8, 1200, NGX_OK, 2 },
        { "without id",                 0, 1300, NGX_OK, 3 },
        { "refused without id",         0, 1300, NGX_DECLINED, 3 },
        { "refused with a new one",     9, 1300, NGX_DECLINED, 3 },
        { "known in a full window",     8, 1400, NGX_OK, 3 },
        { "the first has left",         9, 2000, NGX_OK, 3 },
        { "its id is no longer known",  7, 2000, NGX_DECLINED, 3 },
        { "turned over, still known",   9, 2100, NGX_OK, 3 }
    };

    ngx_mra_window_init(&u.w, 3, 1);

    for (i = 0; i < mra_rows(tries); i++) {
        mra_is(ngx_mra_window_hit(&u.w, tries[i].id, tries[i].now, 3, 1000,
                                  &v),
               tries[i].rc, "%s: answer", tries[i].name);
        mra_is(v.used, tries[i].used, "%s: used", tries[i].name);
    }

    /* what is read, and what a copy knows */

    ngx_mra_window_init(&to.w, 5, 1);
    ngx_mra_window_copy(&to.w, &u.w);

    n = ngx_mra_window_read(&to.w, 2250, 1000, log);

    mra_is(n, 2, "those in the window are read");
    mra_ok(log[0].age == 950 && log[0].id == 0 && log[1].age == 250
           && log[1].id == 9, "oldest first, with ages and ids");
    mra_is(ngx_mra_window_hit(&to.w, 9, 2250, 5, 1000, &v), NGX_OK,
           "a copy: admitted");
    mra_is(v.used, 2, "a copy: known");

    ngx_mra_window_init(&to.w, 5, 0);
    ngx_mra_window_copy(&to.w, &u.w);

    n = ngx_mra_window_read(&to.w, 2000, 1000, log);
    mra_ok(n == 3 && log[0].id == 0 && log[2].id == 0,
           "a copy without ids has none");
}


int
main(void)
{
    test_steps();
    test_model();
    test_copy();
    test_ids();

    return mra_done();
}
