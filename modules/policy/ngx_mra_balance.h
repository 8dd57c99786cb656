
/*
 * Copyright (C) ngx_mra contributors
 *
 * Balance: which registrations leave a node that carries more than its
 * share, and where they go.  Many decide at once, each of them for its own
 * registrations only, upon reports that come late, get lost, count what has
 * left already, or lie:
 *
 *   - a registration leaves a hop only if that has too many both by the
 *     reports and among those of the decider, for one that has too few by
 *     both: however late the reports are, all together do not overshoot;
 *   - if the reports stay uneven when our own are even (others have clients
 *     that cannot move), more leave, once in some minutes;
 *   - nothing moves while the load is within the threshold, and once it was
 *     not, until it is within half of it;
 *   - no registration moves twice within "rest" seconds;
 *   - whatever is reported, of the registrations of one decider a hop that
 *     has the share s of the weights gets no more than s (2 - s), and one
 *     that claims to be crowded keeps a quarter of s;
 *   - a hop that comes and goes gets nothing until it stays.
 */


#ifndef _NGX_MRA_BALANCE_H_INCLUDED_
#define _NGX_MRA_BALANCE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_route.h"


#define NGX_MRA_BALANCE_MAX    NGX_MRA_ROUTE_MAX


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
    unsigned      seen_up:1;
    uint64_t      target;            /* registrations that it should have */
    uint64_t      load;              /* that it has for all we know */
    uint64_t      room;              /* up to the target */
    uint64_t      fair;              /* of ours, in 1/65536 */
    uint32_t      least, most;       /* of ours that it may have at all */
    uint32_t      limit;             /* ... may have now by those who leave
                                        another one */
    uint32_t      quota;             /* of ours that are to leave */

    uint32_t      unrest;            /* grows with each coming up, decays */
    uint32_t      seen;              /* "ups" as of the last update */
    time_t        decayed;
} ngx_mra_balance_hop_t;


typedef struct {
    ngx_uint_t              n;             /* in hop[] */
    ngx_mra_balance_hop_t   hop[NGX_MRA_BALANCE_MAX];

    /* the rest is private */

    ngx_uint_t              threshold;     /* percent */
    time_t                  rest;          /* seconds */
    uint32_t                random;        /* of this decider */
    time_t                  quiet;         /* from then on reports tell what
                                              has come of all moves */
    uint64_t                scale;         /* registrations of all to ours,
                                              in 1/65536; 0: not known */
    unsigned                active:1;      /* until the load is even */
    unsigned                steering:1;    /* beyond what is fair of ours */
    unsigned                started:1;
} ngx_mra_balance_t;


/*
 * "threshold" is in percent of what a hop should have; a registration that
 * was moved stays for "rest" seconds; "random" differs from one decider to
 * the next: it says who moves the odd registration.
 */

void ngx_mra_balance_init(ngx_mra_balance_t *b, ngx_uint_t threshold,
    time_t rest, uint32_t random);

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
 * active, this one included; "edge" is zeroed before the first call.  Above
 * the threshold some are asked, always the same ones for two minutes,
 * until the node has no more than half the threshold above the mean.
 */

void ngx_mra_balance_edge_update(ngx_mra_balance_edge_t *edge, uint64_t own,
    uint64_t total, ngx_uint_t nodes, ngx_uint_t threshold, uint32_t random,
    time_t now);

/*
 * Whether the client is to be asked to leave; "hash" is of its name.  The
 * caller spares those who came lately.
 */

ngx_uint_t ngx_mra_balance_edge_asks(ngx_mra_balance_edge_t *edge,
    uint32_t hash);


#endif /* _NGX_MRA_BALANCE_H_INCLUDED_ */
