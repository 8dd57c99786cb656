
/*
 * Copyright (C) ngx_mra contributors
 *
 * What waits to be sent on a link: between ngx_stream_mra_link.c, which knows
 * when, and ngx_stream_mra_output.c.
 */


#ifndef _NGX_STREAM_MRA_OUTPUT_H_INCLUDED_
#define _NGX_STREAM_MRA_OUTPUT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_module.h"


/* buffers that are free, for all links of this worker; NULL: no memory */

ngx_stream_mra_outputs_t *ngx_stream_mra_outputs_create(ngx_cycle_t *cycle);

/*
 * Sends what the connection takes.
 *
 * NGX_OK     nothing is left
 * NGX_AGAIN  the write event will tell when to go on
 * NGX_ERROR
 */

ngx_int_t ngx_stream_mra_output_write(ngx_stream_mra_link_t *ln);

void ngx_stream_mra_output_free(ngx_stream_mra_link_t *ln);

/* lets the link be flushed, and closed if it is closing, in this turn */

void ngx_stream_mra_link_post(ngx_stream_mra_link_t *ln);


#endif /* _NGX_STREAM_MRA_OUTPUT_H_INCLUDED_ */
