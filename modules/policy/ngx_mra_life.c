
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_life.h"


/* a turn of the event loop: so far behind a worker's clock may be, ms */

#define NGX_MRA_LIFE_BEHIND  500


ngx_msec_t
ngx_mra_life_left(ngx_mra_life_t *l, ngx_msec_t left, ngx_msec_t now)
{
    ngx_msec_t  age;

    if (l->life == 0) {
        return 0;
    }

    if (left <= l->life || left - l->life <= NGX_MRA_LIFE_BEHIND) {
        return left;
    }

    age = now - l->since;

    return (age < l->life) ? l->life - age : 0;
}
