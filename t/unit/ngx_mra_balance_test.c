
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_balance.h"


#define HOPS      4
#define DECIDERS  40
#define REST      600
#define START     100000          /* seconds */
#define NEW       NGX_MRA_BALANCE_MAX


static ngx_mra_balance_t  all[DECIDERS];
static uint32_t           seed = 1;


static uint32_t
chance(void)
{
    seed = seed * 1664525 + 1013904223;

    return seed >> 8;
}


/* deciders with the same number of registrations each */

static void
prepare(ngx_uint_t hops, uint32_t *loads)
{
    ngx_uint_t              d, i;
    ngx_mra_balance_hop_t  *hop;

    for (d = 0; d < DECIDERS; d++) {
        ngx_mra_balance_init(&all[d], 10, REST, chance());

        all[d].n = hops;

        for (i = 0; i < hops; i++) {
            hop = &all[d].hop[i];

            hop->weight = 1;
            hop->registrations = loads[i];
            hop->own = loads[i] / DECIDERS;
            hop->up = 1;
            hop->known = 1;
        }
    }
}


/*
 * One of "part" registrations of a decider sends REGISTER; returns how many
 * of them moved, by hop in "moves".
 */

static ngx_uint_t
drain(ngx_mra_balance_t *b, ngx_uint_t part, int64_t *moves, time_t now)
{
    ngx_int_t   to;
    ngx_uint_t  i, n, own;

    for (i = 0, n = 0; i < b->n; i++) {

        own = (b->hop[i].own + part - 1) / part;

        for ( /* void */ ; own; own--) {

            if (ngx_mra_balance_leaves(b, i, 0, now) != NGX_OK) {
                break;
            }

            to = ngx_mra_balance_choose(b, i, 0, chance());

            if (to == NGX_DECLINED) {
                break;
            }

            ngx_mra_balance_moved(b, i, to, 150, now);

            if (moves) {
                moves[i]--;
                moves[to]++;
            }

            n++;
        }
    }

    return n;
}


static struct {
    char        *name;
    ngx_uint_t   hops;
    uint32_t     loads[HOPS];
} events[] = {
    { "one of four is back", 4, { 4000, 4000, 4000, 0 } },
    { "one of two is back", 2, { 8000, 0 } },
    { "one is crowded", 4, { 7000, 4000, 4000, 4000 } },
    { "two are, two are not", 4, { 6000, 5200, 3600, 2000 } },
    { "fewer than deciders", 4, { 40, 40, 40, 0 } },
};


/*
 * Whatever deciders see of what the others have moved, and how often they
 * are told: all together never move more than there is too much.
 */

static void
test_overshoot(void)
{
    enum { blind = 0, ghosts, exact, mixed, views };

    static char  *view[] = { "nothing", "arrivals only", "all", "some" };

    time_t       now;
    size_t       e;
    int64_t      moves[HOPS], load;
    uint32_t     total, target, gone;
    ngx_int_t    excess, most;
    ngx_uint_t   d, i, v, round, over, under, how;

    for (e = 0; e < mra_rows(events); e++) {

        for (v = blind; v < views; v++) {
            prepare(events[e].hops, events[e].loads);
            ngx_memzero(moves, sizeof(moves));

            for (i = 0, total = 0; i < events[e].hops; i++) {
                total += events[e].loads[i];
            }

            target = total / events[e].hops;

            for (round = 0; round < 15; round++) {
                now = START + 10 * round;

                for (d = 0; d < DECIDERS; d++) {
                    how = (v == mixed) ? chance() % mixed : v;

                    (void) drain(&all[d], 12, moves, now);

                    if (round && (round + d) % 3) {
                        continue;
                    }

                    for (i = 0; i < events[e].hops; i++) {
                        load = events[e].loads[i];
                        gone = moves[i] < 0 ? -moves[i] : 0;

                        load += (how == blind) ? 0 : moves[i];
                        load += (how == ghosts) ? gone : 0;

                        all[d].hop[i].registrations = load;
                    }

                    ngx_mra_balance_update(&all[d], now);
                }
            }

            over = 0;
            under = 0;

            for (i = 0; i < events[e].hops; i++) {
                excess = (ngx_int_t) events[e].loads[i] - target;
                most = excess + moves[i];

                if (excess <= 0) {
                    continue;
                }

                /* each decider rounds: a half of each at the very most */

                over += (most < -(excess / 100 + 10));
                under += (most > excess / 20 + 9);
            }

            mra_is(over, 0, "%s, %s is seen: never too many leave",
                   events[e].name, view[v]);
            mra_is(under, 0, "%s, %s is seen: enough of them leave",
                   events[e].name, view[v]);
        }
    }
}


static void
test_hysteresis(void)
{
    uint32_t            loads[] = { 4000, 4000, 4000, 4000 };
    ngx_mra_balance_t  *b;

    prepare(4, loads);
    b = &all[0];

    b->hop[0].registrations = 4300;
    ngx_mra_balance_update(b, START);
    mra_is(drain(b, 1, NULL, START), 0, "hysteresis: within the threshold");

    b->hop[0].registrations = 4700;
    b->hop[0].own = 130;
    ngx_mra_balance_update(b, START + 30);
    mra_ok(drain(b, 1, NULL, START + 30) > 0, "hysteresis: above it");

    b->hop[0].registrations = 4300;
    ngx_mra_balance_update(b, START + 60);
    mra_is(b->active, 1, "hysteresis: above half of it goes on");

    b->hop[0].registrations = 4200;
    ngx_mra_balance_update(b, START + 90);
    mra_is(b->active, 0, "hysteresis: ends below half of it");
    mra_is(b->hop[0].quota, 0, "hysteresis: what was left of it stays");

    b->hop[0].registrations = 4300;
    ngx_mra_balance_update(b, START + 120);
    mra_is(b->active, 0, "hysteresis: does not begin again there");

    /* one too many cannot be divided */

    loads[0] = 2;
    loads[1] = 1;
    prepare(2, loads);
    b->hop[0].own = 2;
    ngx_mra_balance_update(b, START);
    mra_is(drain(b, 1, NULL, START), 0, "hysteresis: the odd one stays");
}


static struct {
    char        *name;
    uint32_t     weight[HOPS];
    uint32_t     capacity[HOPS];
    uint32_t     load[HOPS];
    uint32_t     target[HOPS];
} targets[] = {
    { "equal weights",
      { 1, 1, 1, 1 }, { 0, 0, 0, 0 }, { 4000, 0, 0, 0 },
      { 1000, 1000, 1000, 1000 } },

    { "by weight",
      { 5, 2, 1, 2 }, { 0, 0, 0, 0 }, { 4000, 2000, 0, 4000 },
      { 5000, 2000, 1000, 2000 } },

    { "the largest weights",
      { 65535, 65535, 65535, 65535 }, { 0, 0, 0, 0 },
      { 4294967295U, 4294967295U, 4294967295U, 4294967295U },
      { 4294967295U, 4294967295U, 4294967295U, 4294967295U } },

    { "what one cannot carry the others get",
      { 1, 1, 1, 1 }, { 100, 0, 0, 0 }, { 1000, 1000, 1000, 1000 },
      { 100, 1300, 1300, 1300 } },

    { "... but no more than they can carry",
      { 1, 1, 1, 1 }, { 100, 1200, 5000, 5000 }, { 1000, 1000, 1000, 1000 },
      { 100, 1200, 1350, 1350 } },

    { "too many for all: by capacity",
      { 1, 1, 1, 1 }, { 1000, 1000, 2000, 4000 }, { 4000, 4000, 4000, 4000 },
      { 2000, 2000, 4000, 8000 } },

    { "capacities that are large or equal do not matter",
      { 1, 1, 1, 1 }, { 4294967295U, 5000, 1000, 1000 },
      { 0, 2000, 1000, 1000 }, { 1000, 1000, 1000, 1000 } },
};


static void
test_targets(void)
{
    size_t              i;
    int64_t             diff;
    ngx_uint_t          j, wrong;
    ngx_mra_balance_t  *b;

    b = &all[0];

    for (i = 0; i < mra_rows(targets); i++) {
        prepare(HOPS, targets[i].load);

        for (j = 0; j < HOPS; j++) {
            b->hop[j].weight = targets[i].weight[j];
            b->hop[j].capacity = targets[i].capacity[j];
            b->hop[j].own = 0;
        }

        ngx_mra_balance_update(b, START);

        for (j = 0, wrong = 0; j < HOPS; j++) {
            diff = (int64_t) b->hop[j].target - targets[i].target[j];
            wrong += (diff < -1 || diff > 1);
        }

        mra_is(wrong, 0, "targets: %s", targets[i].name);
    }
}


/*
 * A hop says the same whatever happens.  "few" and "many" are how much of
 * the registrations of one decider it may end with, in percent of its share.
 */

static struct {
    char        *name;
    ngx_uint_t   hops;
    uint32_t     load;
    uint32_t     capacity, others;
    ngx_uint_t   few, many;
} liars[] = {
    { "two, one says it has none", 2, 0, 0, 0, 100, 152 },
    { "four, one says it has none", 4, 0, 0, 0, 100, 177 },
    { "four, one says it has 4 billion", 4, 4294967295U, 0, 0, 20, 40 },
    { "four, 4 billion, capacities", 4, 4294967295U, 0, 5500, 20, 100 },
    { "four, capacity 4 billion", 4, 0, 4294967295U, 5500, 100, 177 },
    { "four, capacity 1", 4, 4000, 1, 5500, 0, 100 },
    { "four, none and capacity 1", 4, 0, 1, 5500, 0, 100 },
    { "four, 4 billion and capacity 4 billion", 4, 4294967295U, 4294967295U,
      5500, 20, 100 },
};


static void
test_liars(void)
{
    size_t              l;
    time_t              now;
    int64_t             sum[HOPS];
    uint32_t            loads[] = { 4000, 4000, 4000, 4000 };
    ngx_int_t           n;
    ngx_uint_t          i, r, d, most, share, worst, got;
    ngx_mra_balance_t  *b;

    for (l = 0; l < mra_rows(liars); l++) {
        prepare(liars[l].hops, loads);

        most = 0;

        for (r = 0; r < 40; r++) {
            now = START + 300 * r;

            ngx_memzero(sum, sizeof(sum));

            for (d = 0; d < DECIDERS; d++) {
                for (i = 0; i < liars[l].hops; i++) {
                    sum[i] += all[d].hop[i].own;
                }
            }

            for (d = 0; d < DECIDERS; d++) {
                b = &all[d];

                for (i = 1; i < liars[l].hops; i++) {
                    b->hop[i].registrations = sum[i];
                    b->hop[i].capacity = liars[l].others;
                }

                b->hop[0].registrations = liars[l].load;
                b->hop[0].capacity = liars[l].capacity;

                ngx_mra_balance_update(b, now);
                got = drain(b, 1, NULL, now);

                most = ngx_max(most, got);
            }
        }

        share = loads[0] * 100;

        mra_ok((ngx_uint_t) sum[0] * 10000 >= share * liars[l].few
               && (ngx_uint_t) sum[0] * 10000
                  <= share * (liars[l].many + 1),
               "lies: %s: %u %% of its share", liars[l].name,
               (unsigned) (sum[0] * 10000 / share));

        mra_ok(most <= 100,
               "lies: %s: %u of %u move with one report", liars[l].name,
               (unsigned) most, (unsigned) (100 * liars[l].hops));

        for (i = 2, worst = 0; i < liars[l].hops; i++) {
            n = sum[i] - sum[1];
            worst = ngx_max(worst, (ngx_uint_t) (n < 0 ? -n : n));
        }

        mra_ok(worst <= 400, "lies: %s: the others are even (%u)",
               liars[l].name, (unsigned) worst);
    }
}


/* the rest of the cluster is balanced around one that lies */

static void
test_liar_aside(void)
{
    int64_t             moves[HOPS];
    uint32_t            loads[] = { 200, 6000, 6000, 0 };
    ngx_uint_t          d;

    prepare(HOPS, loads);
    ngx_memzero(moves, sizeof(moves));

    for (d = 0; d < DECIDERS; d++) {
        all[d].hop[0].registrations = 4294967295U;

        ngx_mra_balance_update(&all[d], START);
        (void) drain(&all[d], 1, moves, START);
    }

    mra_ok(moves[3] > 3800 && moves[3] < 4200,
           "lies: one that is back gets its share: %u", (unsigned) moves[3]);
}


static void
test_stays(void)
{
    uint32_t            loads[] = { 4000, 0 };
    ngx_uint_t          i;
    ngx_mra_balance_t  *b;

    prepare(2, loads);
    b = &all[0];
    ngx_mra_balance_update(b, START);

    mra_is(ngx_mra_balance_leaves(b, 0, 0, START), NGX_OK,
           "stays: never moved, leaves");
    mra_is(ngx_mra_balance_leaves(b, 0, START - REST + 1,
                                  START), NGX_DECLINED,
           "stays: moved lately, stays");
    mra_is(ngx_mra_balance_leaves(b, 0, START - REST, START),
           NGX_OK, "stays: moved long ago, leaves");
    mra_is(ngx_mra_balance_leaves(b, 1, 0, START), NGX_DECLINED,
           "stays: where there is room");
    mra_is(ngx_mra_balance_choose(b, 0, 0x2, 7), NGX_DECLINED,
           "stays: the only other one was tried");

    b->hop[1].known = 0;
    ngx_mra_balance_update(b, START + 1);
    mra_is(drain(b, 1, NULL, START + 1), 0, "stays: no report is no reason");

    b->hop[1].known = 1;
    b->hop[1].up = 0;
    ngx_mra_balance_update(b, START + 2);
    mra_is(drain(b, 1, NULL, START + 2), 0, "stays: the other one is down");

    b->hop[1].up = 1;
    b->hop[1].draining = 1;
    ngx_mra_balance_update(b, START + 3);
    mra_is(drain(b, 1, NULL, START + 3), 0, "stays: the other drains");
    mra_is(ngx_mra_balance_choose(b, NEW, 0, 7), 0,
           "stays: new ones avoid it");
    mra_is(ngx_mra_balance_choose(b, NEW, 0x1, 7), 1,
           "... until there is no other");

    b->hop[1].draining = 0;
    b->hop[0].draining = 1;
    ngx_mra_balance_update(b, START + 4);
    mra_is(ngx_mra_balance_leaves(b, 0, START, START + 4), NGX_OK,
           "leaves: its hop is draining, however lately it was moved");
    mra_is(ngx_mra_balance_choose(b, 0, 0, 7), 1, "... for the other one");

    b->hop[0].draining = 0;
    b->hop[0].up = 0;
    ngx_mra_balance_update(b, START + 5);
    mra_is(ngx_mra_balance_leaves(b, 0, START, START + 5), NGX_OK,
           "leaves: its hop is down");

    for (i = 0; i < 2; i++) {
        b->hop[i].up = 0;
    }

    ngx_mra_balance_update(b, START + 6);
    mra_is(ngx_mra_balance_choose(b, 0, 0, 7), NGX_DECLINED, "none is up");
}


static void
test_backup(void)
{
    uint32_t            loads[] = { 0, 0, 4000 };
    ngx_mra_balance_t  *b;

    prepare(3, loads);
    b = &all[0];
    b->hop[2].backup = 1;

    ngx_mra_balance_update(b, START);

    mra_is(drain(b, 1, NULL, START), 100, "backup: all leave it");

    b->hop[0].up = 0;
    b->hop[1].up = 0;
    ngx_mra_balance_update(b, START + 1);

    mra_is(ngx_mra_balance_choose(b, NEW, 0, 7), 2,
           "backup: when there is nothing else");
    mra_is(ngx_mra_balance_leaves(b, 2, 0, START + 1), NGX_DECLINED,
           "backup: ... they stay");
}


static void
test_flapping(void)
{
    time_t              now;
    uint32_t            loads[] = { 4000, 4000, 0 };
    ngx_int_t           n;
    ngx_uint_t          i, got, moved;
    ngx_mra_balance_t  *b;

    prepare(3, loads);
    b = &all[0];
    ngx_mra_balance_update(b, START);

    for (i = 0, moved = 0; i < 30; i++) {
        now = START + 300 + 10 * i;

        b->hop[2].up = i & 1;
        b->hop[2].ups += i & 1;
        b->hop[2].own = 0;

        ngx_mra_balance_update(b, now);

        if (i > 3) {
            moved += drain(b, 1, NULL, now);
        }
    }

    mra_is(moved, 0, "flapping: nothing is moved to it after the second time");

    for (i = 0, got = 0; i < 100; i++) {
        n = ngx_mra_balance_choose(b, NEW, 0, i);
        got += (n == 2);
    }

    mra_is(got, 0, "flapping: it gets no new ones");
    mra_is(ngx_mra_balance_choose(b, NEW, 0x3, 0), 2,
           "flapping: better than nothing");

    for (i = 0; i < 20 && b->hop[2].quota == 0; i++) {
        now += 60;
        ngx_mra_balance_update(b, now);
        got = drain(b, 1, NULL, now);

        if (got) {
            break;
        }
    }

    mra_ok(got > 0 && i >= 3 && i <= 10,
           "flapping: trusted again after %u minutes", (unsigned) i);
}


static void
test_new(void)
{
    uint32_t            loads[] = { 4000, 4000, 4000, 0 };
    ngx_uint_t          i, got[HOPS];
    ngx_mra_balance_t  *b;

    prepare(HOPS, loads);
    b = &all[0];
    ngx_mra_balance_update(b, START);
    ngx_memzero(got, sizeof(got));

    for (i = 0; i < 1000; i++) {
        got[ngx_mra_balance_choose(b, NEW, 0, i)]++;
    }

    mra_ok(got[3] > 380 && got[3] < 520,
           "new: more where there is room, %u of 1000", (unsigned) got[3]);
    mra_ok(got[0] > 150 && got[0] < 210 && got[1] > 150 && got[2] > 150,
           "new: none gets nothing");

    /* told too late: ours have gone there meanwhile */

    b->hop[3].own = 110;
    ngx_mra_balance_update(b, START);
    ngx_memzero(got, sizeof(got));

    for (i = 0; i < 1000; i++) {
        got[ngx_mra_balance_choose(b, NEW, 0, i)]++;
    }

    mra_ok(got[3] >= 240 && got[3] <= 260,
           "new: not where ours are many, %u of 1000", (unsigned) got[3]);

    for (i = 0; i < HOPS; i++) {
        b->hop[i].known = 0;
        b->hop[i].weight = i + 1;
    }

    ngx_mra_balance_update(b, START + 1);
    ngx_memzero(got, sizeof(got));

    for (i = 0; i < 1000; i++) {
        got[ngx_mra_balance_choose(b, NEW, 0x1, i)]++;
    }

    mra_ok(got[0] == 0 && got[1] > 200 && got[1] < 240
           && got[3] > 420 && got[3] < 460,
           "new: by weight when nothing is known");
}


/* others have clients that cannot move: ours go beyond what is fair */

static void
test_steering(void)
{
    uint32_t            loads[] = { 4000, 4000 };
    ngx_uint_t          n;
    ngx_mra_balance_t  *b;

    prepare(2, loads);
    b = &all[0];
    b->hop[0].registrations = 6000;
    b->hop[1].registrations = 2000;

    ngx_mra_balance_update(b, START);
    mra_is(drain(b, 1, NULL, START), 0, "steering: ours are even, and stay");

    ngx_mra_balance_update(b, START + 239);
    mra_is(drain(b, 1, NULL, START + 239), 0, "steering: not at once");

    ngx_mra_balance_update(b, START + 240);
    n = drain(b, 3, NULL, START + 240);
    mra_ok(n > 25 && n < 38, "steering: after a while our part: %u",
           (unsigned) n);

    ngx_mra_balance_update(b, START + 270);
    ngx_mra_balance_update(b, START + 240 + 150 + 89);
    mra_is(drain(b, 1, NULL, START + 240 + 150 + 89), 0,
           "steering: not again while they may be counted twice");

    ngx_mra_balance_update(b, START + 240 + 150 + 90);
    n = drain(b, 1, NULL, START + 240 + 150 + 90);
    mra_ok(n > 10 && n < 35, "steering: what is left of it then: %u",
           (unsigned) n);

    for (n = 3; n < 20; n++) {
        ngx_mra_balance_update(b, START + 300 * n);
        (void) drain(b, 1, NULL, START + 300 * n);
    }

    mra_ok(b->hop[0].own >= 25 && b->hop[0].own <= 50,
           "steering: but not all of ours: %u", (unsigned) b->hop[0].own);

    /* back to what is fair as soon as that helps */

    b->hop[0].registrations = 2000;
    b->hop[1].registrations = 6000;

    ngx_mra_balance_update(b, START + 6000);
    n = drain(b, 1, NULL, START + 6000);
    mra_ok(n > 40 && b->hop[0].own <= 101, "steering: back: %u", (unsigned) n);
}


/* what has left and is still counted does not make capacities smaller */

static void
test_counted_twice(void)
{
    time_t              now;
    uint32_t            loads[] = { 4000, 4000 };
    ngx_mra_balance_t  *b;

    prepare(2, loads);
    b = &all[0];

    ngx_mra_balance_update(b, START);
    ngx_mra_balance_update(b, START + 300);

    b->hop[0].capacity = 3000;

    for (now = START + 310; now < START + 460; now += 10) {
        b->hop[1].registrations = 40 * b->hop[1].own;
        ngx_mra_balance_update(b, now);
        (void) drain(b, 10, NULL, now);
    }

    mra_ok(b->hop[0].own >= 74 && b->hop[0].own <= 76,
           "counted twice: no more leave than have to: %u stay",
           (unsigned) b->hop[0].own);
}


static void
test_edge(void)
{
    ngx_uint_t              i, round, left, asked, changed, oscillated;
    u_char                  gone[1000];
    ngx_mra_balance_edge_t  edge;

    ngx_memzero(&edge, sizeof(edge));

    ngx_mra_balance_edge_update(&edge, 1000, 1000, 1, 10, 1, START);
    mra_is(edge.active, 0, "edge: alone");

    ngx_mra_balance_edge_update(&edge, 1090, 2000, 2, 10, 1, START);
    mra_is(edge.active, 0, "edge: within the threshold");

    ngx_mra_balance_edge_update(&edge, 2, 2, 2, 10, 1, START);
    mra_is(edge.active, 0, "edge: one too many cannot be divided");

    /* of 1000 clients 500 are too many; who is asked leaves with a REGISTER */

    ngx_memzero(gone, sizeof(gone));
    left = 1000;
    oscillated = 0;

    for (round = 0; round < 10; round++) {

        for (i = 0; i < 100; i++) {

            ngx_mra_balance_edge_update(&edge, left, 1000, 2, 10, 7 + round,
                                        START + round * 12);

            asked = i * 10 + round;

            if (!gone[asked] && ngx_mra_balance_edge_asks(&edge, asked)) {
                gone[asked] = 1;
                left--;
            }
        }

        oscillated += (left < 470);
    }

    mra_ok(left >= 480 && left <= 525, "edge: half of them leave: %u",
           (unsigned) left);
    mra_is(oscillated, 0, "edge: never too many");
    mra_is(edge.active, 0, "edge: it stops");

    /* who does not listen is asked again, others later */

    ngx_memzero(&edge, sizeof(edge));
    ngx_mra_balance_edge_update(&edge, 1000, 1000, 2, 10, 1, START);

    for (i = 0, asked = 0; i < 1000; i++) {
        gone[i] = ngx_mra_balance_edge_asks(&edge, i);
        asked += gone[i];
    }

    mra_ok(asked > 440 && asked < 560, "edge: share: %u", (unsigned) asked);

    ngx_mra_balance_edge_update(&edge, 1000, 1000, 2, 10, 2, START + 110);

    for (i = 0, changed = 0; i < 1000; i++) {
        changed += (gone[i] != ngx_mra_balance_edge_asks(&edge, i));
    }

    mra_is(changed, 0, "edge: the same ones");

    ngx_mra_balance_edge_update(&edge, 1000, 1000, 2, 10, 3, START + 400);

    for (i = 0, changed = 0; i < 1000; i++) {
        changed += (gone[i] != ngx_mra_balance_edge_asks(&edge, i));
    }

    mra_ok(changed > 300, "edge: others after some minutes");
}


int
main(void)
{
    test_overshoot();
    test_hysteresis();
    test_targets();
    test_liars();
    test_liar_aside();
    test_stays();
    test_backup();
    test_flapping();
    test_new();
    test_steering();
    test_counted_twice();
    test_edge();

    return mra_done();
}
