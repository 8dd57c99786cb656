
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the files of the core share among themselves.
 */


#ifndef _NGX_MRA_CORE_H_INCLUDED_
#define _NGX_MRA_CORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra.h"


typedef struct {
    ngx_mra_conf_t     pub;             /* first: the rest is private */

    ngx_uint_t         enabled;         /* there is mra { } */
    size_t             zone_size;
    ngx_str_t          secret_file;

    u_char            *required_by;     /* a directive that needs mra { } */
    u_char            *required_file;
    ngx_uint_t         required_line;
} ngx_mra_core_conf_t;


#define ngx_mra_core_conf(cycle)                                             \
    ((ngx_mra_core_conf_t *) ngx_get_conf((cycle)->conf_ctx, ngx_mra_module))


extern ngx_module_t  ngx_mra_module;


#endif /* _NGX_MRA_CORE_H_INCLUDED_ */
