
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn_private.h"


#define NGX_MRA_REDIS_REPLY     (1024 * 1024)    /* bytes of one reply */
#define NGX_MRA_REDIS_ELEMENTS  4096             /* of one array */


static ngx_int_t ngx_mra_redis_replies(ngx_mra_redis_conn_t *conn);
static char *ngx_mra_redis_unusable(redisReply *reply);


void
ngx_mra_redis_read_handler(ngx_event_t *rev)
{
    u_char                 buf[NGX_MRA_REDIS_READ];
    ssize_t                n;
    ngx_connection_t      *c;
    ngx_mra_redis_conn_t  *conn;

    c = rev->data;
    conn = c->data;

    if (conn->state == NGX_MRA_REDIS_CONNECTING) {
        ngx_mra_redis_connected(conn);
        return;
    }

    for ( ;; ) {
        n = c->recv(c, buf, NGX_MRA_REDIS_READ);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0) {
            ngx_mra_redis_failed(conn, "it closed the connection", 0);
            return;
        }

        if (n == NGX_ERROR) {
            ngx_mra_redis_failed(conn, "the connection broke", 0);
            return;
        }

        conn->fed += n;

        if (redisReaderFeed(conn->reader, (char *) buf, n) != REDIS_OK) {
            ngx_mra_redis_failed(conn, "no memory", 0);
            return;
        }

        if (ngx_mra_redis_replies(conn) != NGX_OK) {
            ngx_mra_redis_failed(conn, conn->drop, 0);
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_mra_redis_failed(conn, "the connection broke", 0);
    }
}


static ngx_int_t
ngx_mra_redis_replies(ngx_mra_redis_conn_t *conn)
{
    void                  *reply;
    char                  *unusable;
    ngx_queue_t           *q;
    ngx_mra_redis_call_t  *call;

    while (conn->drop == NULL) {

        if (redisReaderGetReply(conn->reader, &reply) != REDIS_OK) {
            conn->drop = "it does not speak the protocol, or too much";
            break;
        }

        if (reply == NULL) {

            if (conn->fed > NGX_MRA_REDIS_REPLY) {
                conn->drop = "its reply is too large";
                break;
            }

            /* the deadline of what was answered holds no worker back */

            if (ngx_queue_empty(&conn->calls)) {
                conn->timer.cancelable = 1;
            }

            return NGX_OK;
        }

        conn->fed = 0;

        if (ngx_queue_empty(&conn->calls)) {
            freeReplyObject(reply);
            conn->drop = "it sent a reply that nobody asked for";
            break;
        }

        unusable = ngx_mra_redis_unusable(reply);

        if (unusable) {
            conn->up = 0;
        }

        q = ngx_queue_head(&conn->calls);
        call = ngx_queue_data(q, ngx_mra_redis_call_t, queue);

        ngx_mra_redis_answer(call, reply);
        freeReplyObject(reply);

        if (unusable && conn->drop == NULL) {
            conn->drop = unusable;
        }
    }

    return NGX_ERROR;
}


void *
ngx_mra_redis_create_array(const redisReadTask *task,
    ngx_mra_redis_elements_t elements)
{
    ngx_mra_redis_conn_t  *conn;

    if (elements > NGX_MRA_REDIS_ELEMENTS) {
        return NULL;
    }

    conn = task->privdata;

    return conn->defaults->createArray(task, elements);
}


/* the server is not what it was, another one or a later try may be */

static char *
ngx_mra_redis_unusable(redisReply *reply)
{
    ngx_uint_t    i;
    static char  *words[] = { "READONLY", "LOADING", "MASTERDOWN", "NOAUTH",
                              "UNBLOCKED", "CLUSTERDOWN", NULL };

    if (reply->type != REDIS_REPLY_ERROR) {
        return NULL;
    }

    for (i = 0; words[i]; i++) {
        if (ngx_strncmp(reply->str, words[i], ngx_strlen(words[i])) == 0) {
            return words[i];
        }
    }

    return NULL;
}


void
ngx_mra_redis_answer(ngx_mra_redis_call_t *call, redisReply *reply)
{
    ngx_mra_redis_conn_t  *conn;

    conn = call->conn;

    ngx_queue_remove(&call->queue);
    conn->waiting--;

    if (call->handler) {
        call->handler(call, reply);
    }

    ngx_queue_insert_head(&conn->free, &call->queue);
}
