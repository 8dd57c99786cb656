
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the files of the Redis back end share among themselves.
 */


#ifndef _NGX_MRA_REDIS_PRIVATE_H_INCLUDED_
#define _NGX_MRA_REDIS_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn.h"


#define NGX_MRA_REDIS_LETTERS   "tcafbrn"    /* by kind */
#define NGX_MRA_REDIS_KEY_LEN   (NGX_MRA_REDIS_PREFIX_LEN + 32)


typedef struct {
    ngx_mra_redis_conf_t     *conf;
    ngx_mra_redis_conn_t     *conn;
    u_char                   *digests;    /* of the scripts */
    ngx_str_t                 id;
    ngx_mra_redis_state_pt    handler;
    void                     *data;
    ngx_log_t                *log;

    ngx_mra_redis_conn_t     *changes;    /* listens to them */
    ngx_mra_redis_place_t    *place;
    ngx_mra_redis_change_pt   change;

    ngx_str_t                 refusal;
    u_char                    refusal_buf[128];
} ngx_mra_redis_t;


/* the name of the stream of changes, into NGX_MRA_REDIS_KEY_LEN bytes */

void ngx_mra_redis_stream(ngx_mra_redis_t *rd, ngx_str_t *arg, u_char *buf);


#endif /* _NGX_MRA_REDIS_PRIVATE_H_INCLUDED_ */
