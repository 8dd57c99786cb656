
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_private.h"


#define NGX_MRA_REDIS_PARK  20      /* until it is asked again, ms */


static ngx_int_t ngx_mra_redis_park(ngx_mra_redis_t *rd,
    ngx_mra_redis_call_t *call, ngx_mra_redis_part_t *part);
static void ngx_mra_redis_park_handler(ngx_event_t *ev);
static void ngx_mra_redis_park_again(ngx_mra_redis_t *rd,
    ngx_mra_redis_call_t *call);
static ngx_int_t ngx_mra_redis_park_ready(ngx_mra_redis_t *rd,
    ngx_mra_redis_call_t *call);
static ngx_mra_redis_part_t *ngx_mra_redis_park_part(ngx_mra_redis_t *rd,
    ngx_mra_redis_conn_t *from, redisReply *reply);


void
ngx_mra_redis_park_open(ngx_mra_redis_t *rd)
{
    ngx_queue_init(&rd->parked);

    rd->park.handler = ngx_mra_redis_park_handler;
    rd->park.data = &rd->dumb;
    rd->park.log = rd->log;
}


void
ngx_mra_redis_park_close(ngx_mra_redis_t *rd)
{
    ngx_queue_t           *q;
    ngx_mra_redis_call_t  *call;

    if (rd->park.timer_set) {
        ngx_del_timer(&rd->park);
    }

    while (!ngx_queue_empty(&rd->parked)) {
        q = ngx_queue_head(&rd->parked);
        ngx_queue_remove(q);
        call = ngx_queue_data(q, ngx_mra_redis_call_t, queue);

        if (call->handler) {
            call->handler(call, NULL);
        }

        ngx_free(call);
    }
}


ngx_int_t
ngx_mra_redis_park_error(ngx_mra_redis_t *rd, ngx_mra_redis_call_t *call,
    redisReply *reply)
{
    ngx_uint_t             tag;
    ngx_mra_op_t          *op;
    ngx_mra_redis_part_t  *part;

    op = call->data;

    if (!rd->conf->cluster) {
        return NGX_DECLINED;
    }

    if (ngx_strncmp(reply->str, "CLUSTERDOWN", 11) == 0) {
        ngx_mra_redis_cluster_ask(rd);
        return NGX_DECLINED;
    }

    if (ngx_current_msec - call->begun > rd->conf->timeout) {
        return NGX_DECLINED;
    }

    if (ngx_strncmp(reply->str, "MOVED ", 6) == 0) {

        ngx_mra_redis_cluster_ask(rd);

        part = ngx_mra_redis_park_part(rd, call->conn, reply);
        if (part == NULL) {
            return NGX_DECLINED;
        }

        tag = op->key[0] >> 2;

        rd->tags[tag].moved = ngx_current_msec ? ngx_current_msec : 1;

        if (rd->tags[tag].part != part) {
            rd->tags[tag].part = part;
            rd->tags[tag].check = 1;
        }

        return ngx_mra_redis_park(rd, call, NULL);
    }

    if (ngx_strncmp(reply->str, "ASK ", 4) == 0) {

        part = ngx_mra_redis_park_part(rd, call->conn, reply);

        return part ? ngx_mra_redis_park(rd, call, part) : NGX_DECLINED;
    }

    if (ngx_strncmp(reply->str, "TRYAGAIN", 8) == 0) {

        /* one key is where it is, two may be on both sides */

        op->also = NULL;

        return ngx_mra_redis_park(rd, call, NULL);
    }

    return NGX_DECLINED;
}


/* "MOVED slot host:port", "ASK slot host:port" */

static ngx_mra_redis_part_t *
ngx_mra_redis_park_part(ngx_mra_redis_t *rd, ngx_mra_redis_conn_t *from,
    redisReply *reply)
{
    u_char  *host, *colon, *last;

    last = (u_char *) reply->str + reply->len;

    host = ngx_strlchr((u_char *) reply->str, last, ' ');
    host = host ? ngx_strlchr(host + 1, last, ' ') : NULL;

    if (host == NULL) {
        return NULL;
    }

    host++;

    for (colon = last; colon > host && *colon != ':'; colon--) {
        /* void */
    }

    if (*colon != ':') {
        return NULL;
    }

    return ngx_mra_redis_cluster_part(rd, from, host, colon - host,
                                      ngx_atoi(colon + 1, last - colon - 1));
}


/* "part": asks there, where the key is on the way to */

static ngx_int_t
ngx_mra_redis_park(ngx_mra_redis_t *rd, ngx_mra_redis_call_t *call,
    ngx_mra_redis_part_t *part)
{
    ngx_mra_op_t          *op;
    ngx_mra_redis_call_t  *parked;

    op = call->data;

    parked = ngx_alloc(sizeof(ngx_mra_redis_call_t), rd->log);
    if (parked == NULL) {
        return NGX_DECLINED;
    }

    *parked = *call;
    parked->conn = part ? &part->conn : NULL;

    op->pending = parked;

    /* at once if that can be, but a key that is moved is let alone a while */

    if (ngx_mra_redis_park_ready(rd, parked) == NGX_OK
        && (part || call->conn != &rd->tags[op->key[0] >> 2].part->conn))
    {
        if (ngx_mra_redis_send(rd, op, parked->tag, 0, part, parked->begun)
            == NGX_AGAIN)
        {
            ngx_free(parked);
            return NGX_AGAIN;
        }

        op->pending = parked;
    }

    ngx_queue_insert_tail(&rd->parked, &parked->queue);

    if (!rd->park.timer_set) {
        ngx_add_timer(&rd->park, NGX_MRA_REDIS_PARK);
    }

    return NGX_AGAIN;
}


static void
ngx_mra_redis_park_handler(ngx_event_t *ev)
{
    ngx_queue_t           *q, *last;
    ngx_connection_t      *dumb;
    ngx_mra_redis_t       *rd;

    dumb = ev->data;
    rd = dumb->data;

    if (ngx_queue_empty(&rd->parked)) {
        return;
    }

    /* those that are put back are for the next time */

    last = ngx_queue_last(&rd->parked);

    do {
        q = ngx_queue_head(&rd->parked);
        ngx_queue_remove(q);

        ngx_mra_redis_park_again(rd, ngx_queue_data(q, ngx_mra_redis_call_t,
                                                    queue));
    } while (q != last);

    if (!ngx_queue_empty(&rd->parked) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_MRA_REDIS_PARK);
    }
}


static void
ngx_mra_redis_park_again(ngx_mra_redis_t *rd, ngx_mra_redis_call_t *call)
{
    ngx_int_t              rc;
    ngx_mra_op_t          *op;
    ngx_mra_redis_part_t  *part;

    op = call->data;

    if (call->handler == NULL) {
        ngx_free(call);
        return;
    }

    part = call->conn ? call->conn->data : NULL;
    rc = ngx_mra_redis_park_ready(rd, call);

    if (rc == NGX_AGAIN
        && ngx_current_msec - call->begun <= rd->conf->timeout)
    {
        ngx_queue_insert_tail(&rd->parked, &call->queue);
        return;
    }

    if (rc != NGX_OK
        || ngx_mra_redis_send(rd, op, call->tag, 0, part, call->begun)
           != NGX_AGAIN)
    {
        call->handler(call, NULL);
    }

    ngx_free(call);
}


static ngx_int_t
ngx_mra_redis_park_ready(ngx_mra_redis_t *rd, ngx_mra_redis_call_t *call)
{
    ngx_mra_op_t          *op;
    ngx_mra_redis_part_t  *part;

    op = call->data;
    part = call->conn ? call->conn->data : rd->tags[op->key[0] >> 2].part;

    if (part == NULL || part->down) {
        return NGX_ERROR;
    }

    part->used = ngx_current_msec;

    return part->conn.up ? NGX_OK : NGX_AGAIN;
}
