
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn_private.h"


/* what is asked first, the tag of a call */

typedef enum {
    NGX_MRA_REDIS_AUTH = 0,
    NGX_MRA_REDIS_SELECT,
    NGX_MRA_REDIS_ROLE,
    NGX_MRA_REDIS_INFO,
    NGX_MRA_REDIS_LOAD,
    NGX_MRA_REDIS_MASTER
} ngx_mra_redis_greeting_e;


static void ngx_mra_redis_greet_with(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_greeting_e tag, ngx_uint_t argc, ngx_str_t *argv);
static void ngx_mra_redis_greeted(ngx_mra_redis_call_t *call, redisReply
    *reply);
static ngx_uint_t ngx_mra_redis_is_master(redisReply *reply);


void
ngx_mra_redis_greet(ngx_mra_redis_conn_t *conn)
{
    u_char                 db[NGX_INT_T_LEN];
    ngx_str_t              argv[3];
    ngx_uint_t             i, n;
    ngx_mra_redis_conf_t  *conf;

    conf = conn->conf;

    conn->state = NGX_MRA_REDIS_GREETING;
    conn->greetings = 0;
    conn->fed = 0;

    conn->reader = redisReaderCreate();
    if (conn->reader == NULL) {
        ngx_mra_redis_failed(conn, "no memory", 0);
        return;
    }

    conn->defaults = conn->reader->fn;
    conn->functions = *conn->reader->fn;
    conn->functions.createArray = ngx_mra_redis_create_array;
    conn->reader->fn = &conn->functions;
    conn->reader->privdata = conn;

    if (conn->asking) {
        ngx_str_set(&argv[0], "SENTINEL");
        ngx_str_set(&argv[1], "get-master-addr-by-name");
        argv[2] = conf->sentinel;

        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_MASTER, 3, argv);
        return;
    }

    if (conf->password.len) {
        ngx_str_set(&argv[0], "AUTH");
        n = 1;

        if (conf->user.len) {
            argv[n++] = conf->user;
        }

        argv[n++] = conf->password;

        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_AUTH, n, argv);
    }

    if (conf->db) {
        ngx_str_set(&argv[0], "SELECT");
        argv[1].data = db;
        argv[1].len = ngx_sprintf(db, "%ui", conf->db) - db;

        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_SELECT, 2, argv);
    }

    /* one of a cluster tells by itself which keys are not its own */

    if (conf->cluster) {
        ngx_str_set(&argv[0], "CLUSTER");
        ngx_str_set(&argv[1], "INFO");
        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_INFO, 2, argv);

    } else {
        ngx_str_set(&argv[0], "ROLE");
        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_ROLE, 1, argv);
    }

    ngx_str_set(&argv[0], "SCRIPT");
    ngx_str_set(&argv[1], "LOAD");

    for (i = 0; i < conn->nscripts; i++) {
        argv[2] = conn->scripts[i];
        ngx_mra_redis_greet_with(conn, NGX_MRA_REDIS_LOAD, 3, argv);
    }
}


static void
ngx_mra_redis_greet_with(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_greeting_e tag, ngx_uint_t argc, ngx_str_t *argv)
{
    ngx_mra_redis_call_t  *call;

    call = ngx_mra_redis_queue(conn, ngx_mra_redis_greeted,
                               conn->conf->timeout, argc, argv);
    if (call) {
        call->tag = tag;
        conn->greetings++;
    }
}


static void
ngx_mra_redis_greeted(ngx_mra_redis_call_t *call, redisReply *reply)
{
    size_t                 len;
    u_char                *p;
    ngx_mra_redis_conn_t  *conn;

    conn = call->conn;

    if (reply == NULL || conn->drop) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {

        /* of the answer to AUTH the first word: others may repeat it */

        len = reply->len;
        p = ngx_strlchr((u_char *) reply->str,
                        (u_char *) reply->str + len, ' ');

        if (call->tag == NGX_MRA_REDIS_AUTH && p) {
            len = p - (u_char *) reply->str;
        }

        conn->why.data = conn->why_buf;
        conn->why.len = ngx_snprintf(conn->why_buf, sizeof(conn->why_buf),
                                     "it answered \"%*s\"",
                                     ngx_min(len, 128), reply->str)
                        - conn->why_buf;

        conn->drop = "";
        return;
    }

    if (call->tag == NGX_MRA_REDIS_MASTER) {
        ngx_mra_redis_master(conn, reply);
        return;
    }

    if (call->tag == NGX_MRA_REDIS_INFO
        && (reply->type != REDIS_REPLY_STRING
            || ngx_strstr(reply->str, "cluster_state:ok") == NULL))
    {
        conn->drop = "its cluster is down";
        return;
    }

    if (call->tag == NGX_MRA_REDIS_ROLE && !ngx_mra_redis_is_master(reply)) {
        conn->drop = "it is a replica";
        return;
    }

    if (--conn->greetings) {
        return;
    }

    conn->state = NGX_MRA_REDIS_READY;
    conn->delay = 0;
    conn->tried = 0;
    conn->up = 1;
    conn->late = 0;
    conn->since = ngx_current_msec;

    ngx_del_timer(&conn->timer);

    conn->handler(conn, NGX_MRA_REDIS_UP);
}


static ngx_uint_t
ngx_mra_redis_is_master(redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
           && reply->element[0]->type == REDIS_REPLY_STRING
           && ngx_strcmp(reply->element[0]->str, "master") == 0;
}
