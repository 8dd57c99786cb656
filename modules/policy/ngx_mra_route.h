
/*
 * Copyright (C) ngx_mra contributors
 *
 * The choice among next hops: by weight, backups last.
 */


#ifndef _NGX_MRA_ROUTE_H_INCLUDED_
#define _NGX_MRA_ROUTE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_MRA_ROUTE_MAX  64        /* bits of "tried" */


typedef struct {
    uint16_t      weight;            /* 0: never chosen */
    unsigned      up:1;
    unsigned      backup:1;
} ngx_mra_route_t;


/*
 * Chooses one of "n" (at most NGX_MRA_ROUTE_MAX) that are up and whose bit
 * is not in "tried"; backups only if no other is left.  "ticket" is a number
 * that grows by one with each choice, whoever makes it: in as many choices
 * as the sum of weights each is chosen as often as its weight tells, and
 * evenly in between.
 *
 * Returns an index or NGX_DECLINED: there is none.
 */

ngx_int_t ngx_mra_route_choose(ngx_mra_route_t *r, ngx_uint_t n,
    uint64_t tried, ngx_uint_t ticket);

/*
 * Chooses the same one for the same "key" each time, whoever asks: keys are
 * shared out by weight, and when one of them goes down only its own keys go
 * elsewhere (rendezvous hashing).  "ids" name them, wherever they stand.
 *
 * Returns an index or NGX_DECLINED: there is none.
 */

ngx_int_t ngx_mra_route_keep(ngx_mra_route_t *r, ngx_uint_t n,
    const uint32_t *ids, uint64_t key);


#endif /* _NGX_MRA_ROUTE_H_INCLUDED_ */
