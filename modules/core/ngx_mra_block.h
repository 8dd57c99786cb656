
/*
 * Copyright (C) ngx_mra contributors
 *
 * Blocks: named pieces of the zone with a fixed layout, that all workers see
 * and that outlive reloads.
 */


#ifndef _NGX_MRA_BLOCK_H_INCLUDED_
#define _NGX_MRA_BLOCK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra.h"


/* one that nobody has touched for so long may be given away, ms */

#define NGX_MRA_BLOCK_LIFE  (3600 * 1000)


/*
 * The block of this name and size, zeroed when it is new.  It belongs to the
 * zone.  NULL: no memory.
 */

void *ngx_mra_block_get(ngx_mra_conf_t *mcf, ngx_str_t *name, size_t size);

/* keeps it: to be called more often than it would be given away */

void ngx_mra_block_touch(void *block);

/* ms since somebody did */

ngx_msec_t ngx_mra_block_idle(void *block);

/*
 * The lock of the zone.  Between lock and unlock: no log, no allocation, no
 * callback, a few instructions.
 */

void ngx_mra_block_lock(ngx_mra_conf_t *mcf);
void ngx_mra_block_unlock(ngx_mra_conf_t *mcf);

/*
 * Calls "handler" for each block whose name starts with "prefix", without
 * the lock held; data is what ngx_mra_block_get() returns.
 */

typedef void (*ngx_mra_block_pt)(ngx_str_t *name, void *block, void *data);

void ngx_mra_block_walk(ngx_mra_conf_t *mcf, ngx_str_t *prefix,
    ngx_mra_block_pt handler, void *data);


#endif /* _NGX_MRA_BLOCK_H_INCLUDED_ */
