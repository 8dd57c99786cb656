
/*
 * Copyright (C) ngx_mra contributors
 *
 * One connection to Redis on nginx's event loop.  Commands are written once
 * a turn of the loop, replies come in the order of the commands.  It is made
 * again, later and later, for as long as it is open.
 */


#ifndef _NGX_MRA_REDIS_CONN_H_INCLUDED_
#define _NGX_MRA_REDIS_CONN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include <hiredis/hiredis.h>
#include "ngx_mra_redis.h"


#define NGX_MRA_REDIS_ARGS  16      /* of one command */


typedef struct ngx_mra_redis_conn_s  ngx_mra_redis_conn_t;
typedef struct ngx_mra_redis_call_s  ngx_mra_redis_call_t;

/* reply NULL: the connection was lost; the reply is freed after the call */

typedef void (*ngx_mra_redis_call_pt)(ngx_mra_redis_call_t *call,
    redisReply *reply);

/* conn->why tells why it is not up; down is told at each try */

typedef void (*ngx_mra_redis_conn_pt)(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_up_e up);


struct ngx_mra_redis_call_s {
    ngx_queue_t              queue;
    ngx_msec_t               deadline;
    ngx_mra_redis_call_pt    handler;
    ngx_mra_redis_conn_t    *conn;
    void                    *data;      /* the caller's, as the rest */
    void                    *owner;
    ngx_uint_t               tag;
    ngx_msec_t               begun;
    unsigned                 again:1;
    unsigned                 asked:1;
};


struct ngx_mra_redis_conn_s {
    ngx_mra_redis_conf_t    *conf;
    ngx_mra_redis_conn_pt    handler;
    void                    *data;
    ngx_str_t               *scripts;   /* loaded at connect */
    ngx_uint_t               nscripts;

    ngx_sockaddr_t           master;    /* told by a sentinel, or fixed */
    socklen_t                master_len;

    ngx_str_t                name;      /* of the server, for the log */
    ngx_str_t                why;
    unsigned                 up:1;
    unsigned                 late:1;    /* a reply did not come in time */
    unsigned                 idle:1;    /* holds no worker back */
    unsigned                 fixed:1;   /* only to "master" */

    /* the rest is private */

    ngx_uint_t               state;
    ngx_uint_t               turn;      /* which address is next */
    ngx_uint_t               tried;     /* of them, since it was up */
    ngx_msec_t               trying;    /* ... or since when, ms */
    ngx_msec_t               delay;
    ngx_msec_t               since;     /* it is up, ms */

    unsigned                 asking:1;  /* a sentinel for the master */
    unsigned                 told:1;    /* what it said is in "master" */

    ngx_peer_connection_t    peer;
    ngx_sockaddr_t           sockaddr;
    ngx_connection_t        *connection;
    ngx_resolver_ctx_t      *resolve;
    redisReader             *reader;
    redisReplyObjectFunctions   functions;
    redisReplyObjectFunctions  *defaults;
    size_t                   fed;       /* since the last whole reply */
    char                    *drop;      /* the reason to */

    ngx_queue_t              calls;
    ngx_queue_t              free;
    ngx_uint_t               waiting;
    ngx_uint_t               greetings;

    u_char                  *out;
    size_t                   out_size;
    size_t                   out_pos;
    size_t                   out_last;

    ngx_event_t              timer;
    ngx_event_t              flush;
    ngx_connection_t         dumb;      /* for the debug lines of both */
    ngx_log_t                quiet;
    u_char                   name_buf[NGX_SOCKADDR_STRLEN];
    u_char                   why_buf[192];
};


/* prepares *conn, zeroed but for its first members, and begins to connect */

void ngx_mra_redis_conn_open(ngx_mra_redis_conn_t *conn, ngx_log_t *log);

/* all calls are answered with NULL; it can be opened again */

void ngx_mra_redis_conn_close(ngx_mra_redis_conn_t *conn);

/* the server is known to be there: no longer waits to try again */

void ngx_mra_redis_conn_hurry(ngx_mra_redis_conn_t *conn);

/*
 * Queues a command; "timeout" in ms.  call->handler is called once; with
 * call->handler = NULL nobody is.  NULL: not up, too much waits, or no
 * memory; nothing was queued.
 */

ngx_mra_redis_call_t *ngx_mra_redis_call(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_call_pt handler, ngx_msec_t timeout, ngx_uint_t argc,
    ngx_str_t *argv);

/* writes now what waits for the end of this turn of the loop */

void ngx_mra_redis_conn_flush(ngx_mra_redis_conn_t *conn);

/* for call handlers: the connection is of no use any more */

#define ngx_mra_redis_conn_drop(conn, text)  (conn)->drop = text


#endif /* _NGX_MRA_REDIS_CONN_H_INCLUDED_ */
