
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_balance.h"


/* after a hop came or went its reports are waited for so long, seconds */

#define NGX_MRA_BALANCE_PATIENCE   240

/* reports are up to so many seconds behind */

#define NGX_MRA_BALANCE_DELAY      90

/* others are asked to leave an edge node after so many seconds */

#define NGX_MRA_BALANCE_TURN       120

/* hops that come and go: what one coming up counts, and how long, seconds */

#define NGX_MRA_BALANCE_UNREST     1024
#define NGX_MRA_BALANCE_HALF_LIFE  120

/* so many registrations of ours tell something about a hop that is crowded */

#define NGX_MRA_BALANCE_TELLING    2

/* ... and of ours to all */

#define NGX_MRA_BALANCE_ENOUGH     64

/* the odds of a hop that has what it should have, in choices for new ones */

#define NGX_MRA_BALANCE_ODDS       16


static void ngx_mra_balance_settle(ngx_mra_balance_t *b,
    ngx_mra_balance_hop_t *hop, time_t now);
static void ngx_mra_balance_usable(ngx_mra_balance_t *b);
static void ngx_mra_balance_scale(ngx_mra_balance_t *b);
static void ngx_mra_balance_targets(ngx_mra_balance_t *b);
static ngx_uint_t ngx_mra_balance_fill(ngx_mra_balance_t *b, uint64_t *left,
    uint64_t *weights);
static void ngx_mra_balance_bounds(ngx_mra_balance_t *b);
static ngx_uint_t ngx_mra_balance_doubt(ngx_mra_balance_t *b);
static ngx_uint_t ngx_mra_balance_uneven(ngx_mra_balance_t *b);
static ngx_uint_t ngx_mra_balance_grant(ngx_mra_balance_t *b,
    ngx_uint_t steering);
static uint32_t ngx_mra_balance_part(ngx_mra_balance_t *b, ngx_uint_t i,
    ngx_uint_t steering);
static void ngx_mra_balance_revoke(ngx_mra_balance_t *b, ngx_uint_t all);
static uint32_t ngx_mra_balance_round(ngx_mra_balance_t *b, ngx_uint_t i,
    uint64_t n);
static ngx_uint_t ngx_mra_balance_odds(ngx_mra_balance_hop_t *hop);
static uint32_t ngx_mra_balance_mix(uint32_t h);


void
ngx_mra_balance_init(ngx_mra_balance_t *b, ngx_uint_t threshold,
    time_t rest, uint32_t random)
{
    ngx_memzero(b, sizeof(ngx_mra_balance_t));

    b->threshold = threshold;
    b->rest = rest;
    b->random = random;
}


void
ngx_mra_balance_update(ngx_mra_balance_t *b, time_t now)
{
    ngx_uint_t  i;

    for (i = 0; i < b->n; i++) {
        ngx_mra_balance_settle(b, &b->hop[i], now);
    }

    b->started = 1;

    ngx_mra_balance_usable(b);

    if (now >= b->quiet) {
        ngx_mra_balance_scale(b);
    }

    do {
        ngx_mra_balance_targets(b);
        ngx_mra_balance_bounds(b);
    } while (ngx_mra_balance_doubt(b));

    b->active = ngx_mra_balance_uneven(b);

    if (!b->active) {
        b->steering = 0;
        ngx_mra_balance_revoke(b, 1);
        return;
    }

    if (b->steering && now < b->quiet) {
        ngx_mra_balance_revoke(b, 0);
        return;
    }

    b->steering = 0;

    if (!ngx_mra_balance_grant(b, 0) && now >= b->quiet) {
        b->steering = ngx_mra_balance_grant(b, 1);
    }
}


static void
ngx_mra_balance_settle(ngx_mra_balance_t *b, ngx_mra_balance_hop_t *hop,
    time_t now)
{
    if (!b->started || hop->decayed == 0) {
        hop->seen = hop->ups;
        hop->decayed = now;
        b->quiet = now + NGX_MRA_BALANCE_PATIENCE;
    }

    while (hop->unrest && now - hop->decayed >= NGX_MRA_BALANCE_HALF_LIFE) {
        hop->unrest /= 2;
        hop->decayed += NGX_MRA_BALANCE_HALF_LIFE;
    }

    if (hop->unrest == 0) {
        hop->decayed = now;
    }

    if (hop->ups != hop->seen) {
        hop->seen = hop->ups;
        hop->unrest = ngx_min(hop->unrest + NGX_MRA_BALANCE_UNREST,
                              16 * NGX_MRA_BALANCE_UNREST);
        hop->seen_up = 0;
    }

    if (hop->seen_up != (hop->up && !hop->draining)) {
        hop->seen_up = !hop->seen_up;
        b->steering = 0;
        b->quiet = ngx_max(b->quiet, now + NGX_MRA_BALANCE_PATIENCE);
    }
}


/* backups are of use when there is nothing else */

static void
ngx_mra_balance_usable(ngx_mra_balance_t *b)
{
    ngx_uint_t              i, backup, found;
    ngx_mra_balance_hop_t  *hop;

    for (backup = 0, found = 0; backup < 2; backup++) {

        for (i = 0; i < b->n; i++) {
            hop = &b->hop[i];

            if (hop->backup != backup) {
                continue;
            }

            hop->usable = hop->up && !hop->draining && hop->weight
                          && hop->unrest <= 2 * NGX_MRA_BALANCE_UNREST
                          && !(backup && found);

            hop->believed = hop->usable && hop->known;

            /* what is ours we know better */

            hop->load = ngx_max(hop->registrations, hop->own);
        }

        for (i = 0; i < b->n; i++) {
            found |= b->hop[i].usable;
        }
    }
}


/* later, registrations that move are reported twice for a while */

static void
ngx_mra_balance_scale(ngx_mra_balance_t *b)
{
    uint64_t                own, load;
    ngx_uint_t              i;
    ngx_mra_balance_hop_t  *hop;

    own = 0;
    load = 0;

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        if (hop->believed) {
            own += hop->own;
            load += hop->load;
        }
    }

    b->scale = 0;

    if (own >= NGX_MRA_BALANCE_ENOUGH) {
        b->scale = ngx_min((load << 16) / own, (uint64_t) 1 << 40);
    }
}


/* by weight, but none above its capacity while others are below theirs */

static void
ngx_mra_balance_targets(ngx_mra_balance_t *b)
{
    uint64_t                own, left, weights, capacities;
    ngx_uint_t              i;
    ngx_mra_balance_hop_t  *hop;

    own = 0;
    left = 0;
    weights = 0;
    capacities = 0;

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        hop->target = 0;

        if (hop->believed) {
            own += hop->own;
            left += hop->load;
            weights += hop->weight;
            capacities += hop->capacity;
        }
    }

    if (b->scale) {
        own = (own * b->scale) >> 16;
        left = ngx_min(left, own);
    }

    while (weights && ngx_mra_balance_fill(b, &left, &weights)) {
        /* void */
    }

    if (left == 0) {
        return;
    }

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        if (!hop->believed) {
            continue;
        }

        if (weights == 0) {
            hop->target += (left * (((uint64_t) hop->capacity << 16)
                                    / capacities)) >> 16;

        } else if (hop->target == 0) {
            hop->target = left * hop->weight / weights;
        }
    }
}


/* fills those that their share is too much for; 0: there is none */

static ngx_uint_t
ngx_mra_balance_fill(ngx_mra_balance_t *b, uint64_t *left, uint64_t *weights)
{
    uint64_t                all, sum;
    ngx_uint_t              i, full;
    ngx_mra_balance_hop_t  *hop;

    all = *left;
    sum = *weights;

    for (i = 0, full = 0; i < b->n; i++) {
        hop = &b->hop[i];

        if (!hop->believed || hop->target || hop->capacity == 0
            || all * hop->weight / sum <= hop->capacity)
        {
            continue;
        }

        hop->target = hop->capacity;
        *left -= hop->capacity;
        *weights -= hop->weight;
        full = 1;
    }

    return full;
}


/*
 * Neither capacities nor registrations that somebody tells make the share of
 * another one smaller here than its weight, or its own larger.
 */

static void
ngx_mra_balance_bounds(ngx_mra_balance_t *b)
{
    uint64_t                own, believed, weights, load, share, told;
    ngx_uint_t              i;
    ngx_mra_balance_hop_t  *hop;

    own = 0;
    believed = 0;
    load = 0;
    weights = 0;

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        own += hop->own;
        believed += hop->believed ? hop->own : 0;
        load += hop->target;
        weights += hop->usable ? hop->weight : 0;
    }

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        hop->least = 0;
        hop->most = 0;
        hop->fair = 0;

        if (!hop->usable) {
            continue;
        }

        /* of 65536 */

        share = ((uint64_t) hop->weight << 16) / weights;

        hop->least = (own * share) >> 18;

        if (hop->believed && load) {
            told = (hop->target << 16) / load;

            hop->fair = believed * told;
            hop->least = ngx_min(hop->least, (own * told) >> 18);
            share = ngx_max(share, told);
        }

        hop->most = 2 + ((own * ((share * (131072 - share)) >> 16)) >> 16);

        if (hop->least < NGX_MRA_BALANCE_TELLING) {
            hop->least = 0;
        }
    }
}


/*
 * A report that asks for more than the bounds allow counts no more.  Too
 * much first: beside it all others seem to have too little.
 */

static ngx_uint_t
ngx_mra_balance_doubt(ngx_mra_balance_t *b)
{
    ngx_uint_t              i, found;
    ngx_mra_balance_hop_t  *hop;

    for (i = 0, found = 0; i < b->n; i++) {
        hop = &b->hop[i];

        if (hop->believed && hop->load > hop->target && hop->least
            && hop->own <= hop->least)
        {
            hop->believed = 0;
            found = 1;
        }
    }

    for (i = 0; i < b->n && !found; i++) {
        hop = &b->hop[i];

        if (hop->believed && hop->load < hop->target && hop->own > hop->most) {
            hop->believed = 0;
            found = 1;
        }
    }

    return found;
}


static ngx_uint_t
ngx_mra_balance_uneven(ngx_mra_balance_t *b)
{
    uint64_t                diff, most;
    ngx_uint_t              i;
    ngx_mra_balance_hop_t  *hop;

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        if (!hop->believed) {
            continue;
        }

        diff = (hop->load > hop->target) ? hop->load - hop->target
                                         : hop->target - hop->load;

        most = hop->target * b->threshold / (b->active ? 200 : 100);

        /* less than two cannot be divided */

        if (diff > ngx_max(most, 1)) {
            return 1;
        }
    }

    return 0;
}


/*
 * Steering is what goes beyond our fair share of each: what has left is
 * still reported for a while, so it is decided once, and then reports must
 * have become true again.
 *
 * Returns 0: none is to leave, or there is nowhere to go.
 */

static ngx_uint_t
ngx_mra_balance_grant(ngx_mra_balance_t *b, ngx_uint_t steering)
{
    ngx_uint_t              i, leave, room;
    ngx_mra_balance_hop_t  *hop;

    leave = 0;
    room = 0;

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        hop->quota = 0;
        hop->room = 0;
        hop->limit = 0;

        if (!hop->believed || hop->load == hop->target) {
            continue;
        }

        if (hop->load > hop->target) {
            hop->quota = ngx_mra_balance_part(b, i, steering);
            leave |= hop->quota;
            continue;
        }

        hop->limit = steering ? hop->most
                              : ngx_mra_balance_round(b, i, hop->fair);

        if (hop->own < hop->limit) {
            hop->room = hop->target - hop->load;
            room = 1;
        }
    }

    return leave && room;
}


/* our part of the excess, no more than we have too many, or may do without */

static uint32_t
ngx_mra_balance_part(ngx_mra_balance_t *b, ngx_uint_t i, ngx_uint_t steering)
{
    uint64_t                part, most, own;
    ngx_mra_balance_hop_t  *hop;

    hop = &b->hop[i];

    own = (uint64_t) hop->own << 16;
    most = steering ? (uint64_t) hop->least << 16 : hop->fair;

    if (own <= most) {
        return 0;
    }

    most = own - most;
    part = (((hop->load - hop->target) << 16) / hop->load) * hop->own;

    return ngx_mra_balance_round(b, i, ngx_min(part, most));
}


/* what was granted lasts only while the reports tell so */

static void
ngx_mra_balance_revoke(ngx_mra_balance_t *b, ngx_uint_t all)
{
    ngx_uint_t              i;
    ngx_mra_balance_hop_t  *hop;

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        if (all || !hop->believed || hop->load <= hop->target) {
            hop->quota = 0;
        }

        if (all || !hop->believed || hop->load >= hop->target) {
            hop->room = 0;
        }
    }
}


/*
 * From 1/65536: the same decider rounds up each time, because others would
 * add one more with each report.
 */

static uint32_t
ngx_mra_balance_round(ngx_mra_balance_t *b, ngx_uint_t i, uint64_t n)
{
    return (n + (ngx_mra_balance_mix(b->random + i) & 0xffff)) >> 16;
}


ngx_int_t
ngx_mra_balance_leaves(ngx_mra_balance_t *b, ngx_uint_t i, time_t moved,
    time_t now)
{
    ngx_mra_balance_hop_t  *hop;

    hop = &b->hop[i];

    if (!hop->up || hop->draining) {
        return NGX_OK;
    }

    if (moved && now - moved < b->rest) {
        return NGX_DECLINED;
    }

    if (hop->backup && !hop->usable) {
        return NGX_OK;
    }

    return hop->quota ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_mra_balance_choose(ngx_mra_balance_t *b, ngx_uint_t from, uint64_t tried,
    ngx_uint_t ticket)
{
    uint64_t                most, odds[NGX_MRA_BALANCE_MAX];
    ngx_int_t               n;
    ngx_uint_t              i, leaves, strict;
    ngx_mra_route_t         r[NGX_MRA_BALANCE_MAX];
    ngx_mra_balance_hop_t  *hop;

    leaves = (from < b->n && b->hop[from].quota);

    most = 0;

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        odds[i] = leaves ? hop->room
                         : (uint64_t) hop->weight * ngx_mra_balance_odds(hop);

        most = ngx_max(most, odds[i]);
    }

    for (i = 0; i < b->n; i++) {
        hop = &b->hop[i];

        r[i].weight = 0;
        r[i].backup = hop->backup;

        if (i != from && odds[i]) {
            r[i].weight = (most > 65535) ? ngx_max(odds[i] * 65535 / most, 1)
                                         : odds[i];
        }
    }

    if (leaves) {

        for (i = 0; i < b->n; i++) {
            r[i].up = (b->hop[i].own < b->hop[i].limit);
        }

        return ngx_mra_route_choose(r, b->n, tried, ticket);
    }

    for (strict = 4; strict > 0; strict--) {

        for (i = 0; i < b->n; i++) {
            hop = &b->hop[i];

            r[i].up = hop->up
                      && (strict < 2 || !hop->draining)
                      && (strict < 3 || hop->usable || hop->backup)
                      && (strict < 4 || hop->own < hop->most);
        }

        n = ngx_mra_route_choose(r, b->n, tried, ticket);

        if (n != NGX_DECLINED) {
            return n;
        }
    }

    return NGX_DECLINED;
}


/* for new ones: none gets more than double or less than a quarter */

static ngx_uint_t
ngx_mra_balance_odds(ngx_mra_balance_hop_t *hop)
{
    uint64_t  headroom;

    if (!hop->believed || hop->target == 0) {
        return NGX_MRA_BALANCE_ODDS;
    }

    /* ours are not behind: what is told says less while many come at once */

    if ((hop->load < hop->target) != (((uint64_t) hop->own << 16) < hop->fair))
    {
        return NGX_MRA_BALANCE_ODDS;
    }

    if (hop->load >= 2 * hop->target) {
        return NGX_MRA_BALANCE_ODDS / 4;
    }

    headroom = 2 * hop->target - hop->load;

    return ngx_max(headroom * NGX_MRA_BALANCE_ODDS / hop->target,
                   NGX_MRA_BALANCE_ODDS / 4);
}


void
ngx_mra_balance_moved(ngx_mra_balance_t *b, ngx_uint_t from, ngx_uint_t to,
    time_t life, time_t now)
{
    ngx_mra_balance_hop_t  *hop;

    if (from == to) {
        return;
    }

    hop = &b->hop[from];

    now += NGX_MRA_BALANCE_DELAY + ngx_max(life, 0);
    b->quiet = ngx_max(b->quiet, now);

    if (hop->quota) {
        hop->quota--;
    }

    if (hop->own) {
        hop->own--;
    }

    b->hop[to].own++;
}


void
ngx_mra_balance_edge_update(ngx_mra_balance_edge_t *edge, uint64_t own,
    uint64_t total, ngx_uint_t nodes, ngx_uint_t threshold, uint32_t random,
    time_t now)
{
    uint64_t    excess;
    ngx_uint_t  most;
    uint32_t    share;

    most = 100 + (edge->active ? threshold / 2 : threshold);

    /* less than two cannot be divided */

    if (nodes < 2 || own * nodes * 100 <= total * most
        || own * nodes < total + 2 * nodes)
    {
        edge->active = 0;
        return;
    }

    excess = own - total / nodes;
    share = (excess << 16) / own;

    if (!edge->active || now - edge->begun > NGX_MRA_BALANCE_TURN) {
        edge->active = 1;
        edge->begun = now;
        edge->salt = random;
        edge->share = share;
    }

    /* as they leave the share of those who are to leave stays */

    edge->share = ngx_max(edge->share, share);
}


ngx_uint_t
ngx_mra_balance_edge_asks(ngx_mra_balance_edge_t *edge, uint32_t hash)
{
    return edge->active
           && (ngx_mra_balance_mix(hash ^ edge->salt) & 0xffff) < edge->share;
}


static uint32_t
ngx_mra_balance_mix(uint32_t h)
{
    h ^= h >> 16;
    h *= 0x7feb352d;
    h ^= h >> 15;
    h *= 0x846ca68b;
    h ^= h >> 16;

    return h;
}
