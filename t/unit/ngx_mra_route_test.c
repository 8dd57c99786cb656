
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_route.h"


#define ROUTES  4


static struct {
    char             *name;
    ngx_mra_route_t   r[ROUTES];
    uint64_t          tried;
    ngx_uint_t        share[ROUTES];    /* of as many choices as their sum */
} rows[] = {
    { "equal weights",
      { { 1, 1, 0 }, { 1, 1, 0 }, { 1, 1, 0 }, { 1, 1, 0 } }, 0,
      { 1, 1, 1, 1 } },

    { "different weights",
      { { 5, 1, 0 }, { 1, 1, 0 }, { 3, 1, 0 }, { 100, 1, 0 } }, 0,
      { 5, 1, 3, 100 } },

    { "the largest weights",
      { { 65535, 1, 0 }, { 65535, 1, 0 }, { 1, 1, 0 }, { 0, 1, 0 } }, 0,
      { 65535, 65535, 1, 0 } },

    { "one is down",
      { { 5, 1, 0 }, { 4, 0, 0 }, { 3, 1, 0 }, { 0, 0, 0 } }, 0,
      { 5, 0, 3, 0 } },

    { "one was tried",
      { { 5, 1, 0 }, { 4, 1, 0 }, { 3, 1, 0 }, { 0, 0, 0 } }, 0x1,
      { 0, 4, 3, 0 } },

    { "no weight is no choice",
      { { 0, 1, 0 }, { 1, 1, 0 }, { 0, 1, 0 }, { 0, 1, 1 } }, 0,
      { 0, 1, 0, 0 } },

    { "backup is left alone",
      { { 1, 1, 0 }, { 9, 1, 1 }, { 1, 1, 0 }, { 9, 1, 1 } }, 0,
      { 1, 0, 1, 0 } },

    { "backups by weight, when all others are down or tried",
      { { 1, 0, 0 }, { 2, 1, 1 }, { 1, 1, 0 }, { 1, 1, 1 } }, 0x4,
      { 0, 2, 0, 1 } },

    { "the last backup",
      { { 1, 0, 0 }, { 2, 0, 1 }, { 1, 0, 0 }, { 1, 1, 1 } }, 0,
      { 0, 0, 0, 1 } },
};


static void
test_shares(void)
{
    size_t      i;
    ngx_int_t   n;
    ngx_uint_t  j, t, total, first, wrong, got[ROUTES];

    for (i = 0; i < mra_rows(rows); i++) {

        for (j = 0, total = 0; j < ROUTES; j++) {
            total += rows[i].share[j];
        }

        /* wherever the count of choices stands */

        for (first = 0, wrong = 0; first < 3; first++) {
            ngx_memzero(got, sizeof(got));

            for (t = 0; t < total; t++) {
                n = ngx_mra_route_choose(rows[i].r, ROUTES, rows[i].tried,
                                         first * 1000003 + t);
                if (n < 0) {
                    wrong++;
                    break;
                }

                got[n]++;
            }

            wrong += (ngx_memcmp(got, rows[i].share, sizeof(got)) != 0);
        }

        mra_is(wrong, 0, "shares: %s", rows[i].name);
    }
}


/* no choice comes much later than its weight promises */

static void
test_evenness(void)
{
    ngx_uint_t       t, run, longest;
    ngx_mra_route_t  r[] = { { 90, 1, 0 }, { 10, 1, 0 } };

    for (t = 0, run = 0, longest = 0; t < 1000; t++) {

        if (ngx_mra_route_choose(r, 2, 0, t) == 1) {
            run = 0;
            continue;
        }

        longest = ngx_max(longest, ++run);
    }

    mra_ok(longest <= 30, "evenness: one of ten after %u at most",
           (unsigned) longest);

    for (t = 0, run = 0; t < 1000; t++) {
        r[0].weight = 1;
        r[1].weight = 1;
        run += (ngx_mra_route_choose(r, 2, 0, t)
                == ngx_mra_route_choose(r, 2, 0, t + 1));
    }

    mra_is(run, 0, "evenness: two equal ones take turns");
}


static void
test_none(void)
{
    ngx_uint_t       i, wrong;
    ngx_mra_route_t  r[NGX_MRA_ROUTE_MAX];

    ngx_memzero(r, sizeof(r));

    mra_is(ngx_mra_route_choose(r, 0, 0, 7), NGX_DECLINED, "none: empty");

    for (i = 0; i < NGX_MRA_ROUTE_MAX; i++) {
        r[i].weight = 1;
    }

    mra_is(ngx_mra_route_choose(r, NGX_MRA_ROUTE_MAX, 0, 7), NGX_DECLINED,
           "none: all down");

    for (i = 0; i < NGX_MRA_ROUTE_MAX; i++) {
        r[i].up = 1;
        r[i].backup = i & 1;
    }

    mra_is(ngx_mra_route_choose(r, NGX_MRA_ROUTE_MAX, (uint64_t) -1, 7),
           NGX_DECLINED, "none: all tried");

    for (i = 0, wrong = 0; i < NGX_MRA_ROUTE_MAX; i++) {
        wrong += (ngx_mra_route_choose(r, NGX_MRA_ROUTE_MAX,
                                       ~((uint64_t) 1 << i), 99)
                  != (ngx_int_t) i);
    }

    mra_is(wrong, 0, "none: any one that is left is found");
}


/* keys keep their place while others come and go */

static void
test_keep(void)
{
    uint64_t         key;
    uint32_t         ids[] = { 0x7f000001, 0x7f000002, 9 }, other[] = { 9 };
    ngx_int_t        n, m;
    ngx_uint_t       got[3], moved;
    ngx_mra_route_t  r[] = { { 1, 1, 0 }, { 3, 1, 0 }, { 1, 1, 1 } };

    ngx_memzero(got, sizeof(got));

    for (key = 0; key < 4000; key++) {
        got[ngx_mra_route_keep(r, 3, ids, key)]++;
    }

    mra_ok(got[0] > 900 && got[0] < 1100, "keep: a quarter, %u of 4000",
           (unsigned) got[0]);
    mra_is(got[2], 0, "keep: no backup");

    r[2].backup = 0;

    for (key = 0, moved = 0; key < 4000; key++) {
        r[2].up = 0;
        n = ngx_mra_route_keep(r, 3, ids, key);
        r[2].up = 1;
        m = ngx_mra_route_keep(r, 3, ids, key);

        moved += (n != m && m != 2);
    }

    mra_is(moved, 0, "keep: a new one takes, and nothing else moves");

    r[0].up = r[1].up = 0;
    mra_is(ngx_mra_route_keep(r, 3, ids, 5), 2, "keep: the last one");

    r[2].backup = 1;
    mra_is(ngx_mra_route_keep(r, 3, ids, 5), 2, "keep: a backup, if need be");

    mra_is(ngx_mra_route_keep(&r[2], 1, other, 5), 0, "keep: by its id");

    r[2].weight = 0;
    mra_is(ngx_mra_route_keep(r, 3, ids, 5), NGX_DECLINED,
           "keep: none without weight");
    mra_is(ngx_mra_route_keep(r, 0, ids, 5), NGX_DECLINED, "keep: none");
}


int
main(void)
{
    test_shares();
    test_keep();
    test_evenness();
    test_none();

    return mra_done();
}
