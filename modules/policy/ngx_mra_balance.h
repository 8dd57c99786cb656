
/*
 * Copyright (C) ngx_mra contributors
 *
 * Balance: which registrations leave a node that carries more than its
 * share, and where they go.  Many decide at once, each of them for its own
 * registrations only, upon reports that come late, get lost or lie:
 *
 *   - all together they move no more than the excess, because each moves
 *     its own part of it and remembers what it has moved until nobody
 *     counts that any more;
 *   - nothing moves while the load is within the threshold, and once it was
 *     not, until it is within half of it;
 *   - no registration moves twice within NGX_MRA_BALANCE_REST;
 *   - a report decides about a bounded part of the registrations, whatever
 *     it says: of those of one decider a hop that has the share s of the
 *     weights never gets more than s (2 - s), and while it is believed to be
 *     crowded it keeps a quarter of s;
 *   - a hop that comes and goes gets nothing until it stays.
 */


#ifndef _NGX_MRA_BALANCE_H_INCLUDED_
#define _NGX_MRA_BALANCE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_route.h"


#define NGX_MRA_BALANCE_MAX    NGX_MRA_ROUTE_MAX

/* minutes that a registration is remembered which has left */

#define NGX_MRA_BALANCE_SLOTS  64

/* a registration that was moved stays for so long, seconds */

#define NGX_MRA_BALANCE_REST   600


typedef struct {

    /* what the caller knows, set before each update */

    uint32_t      weight;            /* 0: never chosen */
    uint32_t      registrations;     /* of all, as reported */
    uint32_t      capacity;          /* as reported; 0: not told */
    uint32_t      own;               /* registrations of this decider */
    uint32_t      ups;               /* how often it came up */
    unsigned      up:1;
    unsigned      draining:1;
    unsigned      known:1;           /* what is reported is not too old */
    unsigned      backup:1;

    /* the rest is private */

    unsigned      usable:1;          /* up, not draining, not held */
    unsigned      believed:1;
    uint64_t      target;            /* registrations that it should have */
    uint64_t      load;              /* that it has for all we know */
    uint64_t      room;              /* up to the target */
    uint32_t      least, most;       /* of ours that it may have */

    uint32_t      quota;             /* of ours that are to leave */
    time_t        granted;           /* when that was decided */

    uint32_t      unrest;            /* grows with each coming up, decays */
    uint32_t      seen;              /* "ups" as of the last update */
    time_t        decayed;

    uint32_t      gone;              /* sum of left[] */
    uint32_t      left[NGX_MRA_BALANCE_SLOTS];    /* by minute of the end */
    time_t        minute;            /* up to which left[] is empty */
} ngx_mra_balance_hop_t;


typedef struct {
    ngx_uint_t              n;             /* in hop[] */
    ngx_mra_balance_hop_t   hop[NGX_MRA_BALANCE_MAX];

    /* the rest is private */

    ngx_uint_t              threshold;     /* percent */
    uint32_t                random;        /* of this decider */
    unsigned                active:1;      /* until the load is even */
    unsigned                started:1;
} ngx_mra_balance_t;


/*
 * "threshold" is in percent of what a hop should have; "random" differs
 * from one decider to the next: it says who moves the odd registration.
 */

void ngx_mra_balance_init(ngx_mra_balance_t *b, ngx_uint_t threshold,
    uint32_t random);

/*
 * Decides upon what the caller has set in b->hop[]; "now" is in seconds, of
 * any clock that never goes back.  To be called after each report or change
 * of a hop, or every second or so.  When another hop takes the place of one,
 * the caller zeroes it before.
 */

void ngx_mra_balance_update(ngx_mra_balance_t *b, time_t now);

/*
 * Whether a registration with "hop" that is free to move leaves it with this
 * REGISTER.  "moved" is when it was last moved, 0: never.
 *
 * NGX_OK        it does: ngx_mra_balance_choose() tells where to
 * NGX_DECLINED  it stays
 */

ngx_int_t ngx_mra_balance_leaves(ngx_mra_balance_t *b, ngx_uint_t hop,
    time_t moved, time_t now);

/*
 * The hop for a registration that leaves "hop", where there is room; or
 * with "hop" NGX_MRA_BALANCE_MAX for a new one, or for one whose hop is
 * down: by weight, and less where there is more.  Those in the bit mask
 * "tried" are left out.  "ticket" is as in ngx_mra_route.h for new ones and
 * any random number for those that leave.
 *
 * Returns an index or NGX_DECLINED: there is none.
 */

ngx_int_t ngx_mra_balance_choose(ngx_mra_balance_t *b, ngx_uint_t hop,
    uint64_t tried, ngx_uint_t ticket);

/*
 * A registration went from one hop to another, for whatever reason; "life"
 * is for how many seconds the one that it left may still count it.
 */

void ngx_mra_balance_moved(ngx_mra_balance_t *b, ngx_uint_t from,
    ngx_uint_t to, time_t life, time_t now);


/*
 * Edge nodes: there clients choose, and the crowded node can but ask some
 * of its clients to choose again.
 */

typedef struct {
    uint32_t      share;             /* of the clients, of 65536 */
    uint32_t      salt;              /* who they are */
    time_t        begun;
    unsigned      active:1;
} ngx_mra_balance_edge_t;


/*
 * "own" registrations of this node and "total" of all "nodes" that are
 * active, this one included.  "edge" is zeroed before the first call.  It
 * takes to itself whoever is to be asked until the node has no more than
 * half the threshold above the mean, others after some minutes.
 */

void ngx_mra_balance_edge_update(ngx_mra_balance_edge_t *edge, uint64_t own,
    uint64_t total, ngx_uint_t nodes, ngx_uint_t threshold, uint32_t random,
    time_t now);

/* whether the client is to be asked to leave; "hash" is of its name */

ngx_uint_t ngx_mra_balance_edge_asks(ngx_mra_balance_edge_t *edge,
    uint32_t hash);


#endif /* _NGX_MRA_BALANCE_H_INCLUDED_ */
