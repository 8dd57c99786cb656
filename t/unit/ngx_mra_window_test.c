
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_window.h"


typedef union {
    ngx_mra_window_t  w;
    u_char            bytes[ngx_mra_window_len(NGX_MRA_WINDOW_MAX)];
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

    ngx_mra_window_init(&u.w, 3);

    for (i = 0; i < mra_rows(steps); i++) {
        peek = ngx_mra_window_peek(&u.w, steps[i].now, 3, 1000, &pv);
        rc = ngx_mra_window_hit(&u.w, steps[i].now, 3, 1000, &v);

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

        ngx_mra_window_init(&u.w, size);

        for (i = 0; i < 1000; i++) {
            now += next_random() % (2 * period / limit + 2);

            for (in = 0, j = 0; j < n; j++) {
                in += (now - log[j] < period);
            }

            next = (in < limit) ? 0 : log[n - limit] + period - now;

            rc = ngx_mra_window_hit(&u.w, now, limit, period, &v);

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

    ngx_mra_window_init(&from.w, 4);

    for (i = 0; i < 6; i++) {
        (void) ngx_mra_window_hit(&from.w, 1000 * i, 4, 3500, &v);
    }

    mra_is(from.w.n, 4, "a window that has turned over");

    ngx_mra_window_init(&to.w, 8);
    ngx_mra_window_copy(&to.w, &from.w);

    mra_is(to.w.n, 4, "all go to a larger one");
    mra_is(to.w.at[0], 2000, "larger: the oldest");
    mra_is(to.w.at[3], 5000, "larger: the newest");

    mra_is(ngx_mra_window_hit(&to.w, 5000, 5, 3500, &v), NGX_OK,
           "larger: room for one more");
    mra_is(ngx_mra_window_hit(&to.w, 5000, 5, 3500, &v), NGX_DECLINED,
           "larger: and no more");
    mra_is(v.retry, 500, "larger: the oldest is waited for");

    ngx_mra_window_init(&to.w, 2);
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

    ngx_mra_window_init(&to.w, 2);
    (void) ngx_mra_window_hit(&to.w, 20000, 2, 1000, &v);
    (void) ngx_mra_window_hit(&to.w, 19990, 2, 1000, &v);
    (void) ngx_mra_window_peek(&to.w, 20500, 1, 1000, &v);

    mra_is(v.retry, 500, "a clock behind does not shorten the wait");

    /* a limit above the size is the size */

    mra_is(ngx_mra_window_hit(&from.w, 5000, 9, 3500, &v), NGX_DECLINED,
           "limit above the size");
}


int
main(void)
{
    test_steps();
    test_model();
    test_copy();

    return mra_done();
}
