
/*
 * Copyright (C) ngx_mra contributors
 *
 * How long something may still live that was stored when the setting for it
 * may have been another one.
 */


#ifndef _NGX_MRA_LIFE_H_INCLUDED_
#define _NGX_MRA_LIFE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_msec_t   life;      /* what it is now, ms; 0: nothing lives */
    ngx_msec_t   since;     /* ... and when it became so */
} ngx_mra_life_t;


/*
 * What of "left", ms, is left at "now".  Who has more left than anything
 * that was stored under the setting was stored before: it lives until "life"
 * after "since".  0: not at all
 */

ngx_msec_t ngx_mra_life_left(ngx_mra_life_t *l, ngx_msec_t left,
    ngx_msec_t now);


#endif /* _NGX_MRA_LIFE_H_INCLUDED_ */
