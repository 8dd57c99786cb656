
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the files of one connection to Redis share among themselves: how it
 * is made (connect), what is asked first (greet, sentinel), what is asked
 * and how it fails (conn), what comes back (reply).
 */


#ifndef _NGX_MRA_REDIS_CONN_PRIVATE_H_INCLUDED_
#define _NGX_MRA_REDIS_CONN_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn.h"


#define NGX_MRA_REDIS_READ      16384


typedef enum {
    NGX_MRA_REDIS_CLOSED = 0,
    NGX_MRA_REDIS_WAITING,      /* to try again */
    NGX_MRA_REDIS_RESOLVING,
    NGX_MRA_REDIS_CONNECTING,
    NGX_MRA_REDIS_GREETING,
    NGX_MRA_REDIS_READY
} ngx_mra_redis_state_e;


#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_mra_redis_elements_t;
#else
typedef int     ngx_mra_redis_elements_t;
#endif


/* ngx_mra_redis_connect.c */

void ngx_mra_redis_connect(ngx_mra_redis_conn_t *conn);
void ngx_mra_redis_connected(ngx_mra_redis_conn_t *conn);


/* ngx_mra_redis_greet.c */

void ngx_mra_redis_greet(ngx_mra_redis_conn_t *conn);


/* ngx_mra_redis_sentinel.c: the answer is in conn->master, or conn->drop */

void ngx_mra_redis_master(ngx_mra_redis_conn_t *conn, redisReply *reply);


/* ngx_mra_redis_conn.c */

/* as ngx_mra_redis_call(), also before it is up */

ngx_mra_redis_call_t *ngx_mra_redis_queue(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_call_pt handler, ngx_msec_t timeout, ngx_uint_t argc,
    ngx_str_t *argv);

void ngx_mra_redis_write_handler(ngx_event_t *wev);

/* closes it, to be made again; "": conn->why tells why already */

void ngx_mra_redis_failed(ngx_mra_redis_conn_t *conn, char *what,
    ngx_err_t err);


/* ngx_mra_redis_reply.c */

void ngx_mra_redis_read_handler(ngx_event_t *rev);
void ngx_mra_redis_answer(ngx_mra_redis_call_t *call, redisReply *reply);

/* before memory is taken for what a length promises */

void *ngx_mra_redis_create_array(const redisReadTask *task,
    ngx_mra_redis_elements_t elements);


#endif /* _NGX_MRA_REDIS_CONN_PRIVATE_H_INCLUDED_ */
