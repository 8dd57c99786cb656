
/*
 * Copyright (C) ngx_mra contributors
 *
 * Addresses of ours, as they go into Via, Contact, Path and Record-Route.
 */


#ifndef _NGX_STREAM_MRA_ADDRESS_H_INCLUDED_
#define _NGX_STREAM_MRA_ADDRESS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_module.h"


/*
 * Of an accepted connection: what mra_sip_advertise says, or the address it
 * was accepted on, or, on a unix socket, the name of the node.  The text is
 * in addr->buf, with the link or in the configuration.
 */

void ngx_stream_mra_address_outside(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *conf, ngx_stream_mra_link_t *ln);

/*
 * Where the next hops of a mra_sip_pass server reach us: its mra_sip_accept
 * server, or, when there is none, "ln", the link to the next hop.
 *
 * NGX_OK
 * NGX_DECLINED  there is neither; the node's name is put in its place
 */

ngx_int_t ngx_stream_mra_address_inside(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *conf, ngx_stream_mra_link_t *ln);

/*
 * Finds the listeners of the mra_sip_accept servers, in init_process.
 * NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_stream_mra_address_init(ngx_cycle_t *cycle,
    ngx_stream_mra_main_conf_t *mmcf);


#endif /* _NGX_STREAM_MRA_ADDRESS_H_INCLUDED_ */
