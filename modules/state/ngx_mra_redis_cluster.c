
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_private.h"


/* the map is asked for, ms */

#define NGX_MRA_REDIS_MAP_RARE  5000
#define NGX_MRA_REDIS_MAP_OFTEN 250
#define NGX_MRA_REDIS_MAP_SOON  10

/* until all servers of a cluster have heard of a change, ms */

#define NGX_MRA_REDIS_GOSSIP    5000

#define NGX_MRA_REDIS_UNUSED    10000   /* a server that has no keys, ms */


static void ngx_mra_redis_cluster_handler(ngx_event_t *ev);
static void ngx_mra_redis_cluster_close_unused(ngx_mra_redis_t *rd);
static void ngx_mra_redis_cluster_ask_one(ngx_mra_redis_t *rd);
static void ngx_mra_redis_cluster_free(ngx_mra_redis_part_t *part);
static void ngx_mra_redis_cluster_seed(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_up_e up);
static void ngx_mra_redis_cluster_state(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_up_e up);
static void ngx_mra_redis_cluster_lost(ngx_mra_redis_part_t *part);
static void ngx_mra_redis_cluster_whole(ngx_mra_redis_t *rd);
static void ngx_mra_redis_cluster_slots(ngx_mra_redis_call_t *call,
    redisReply *reply);
static ngx_int_t ngx_mra_redis_cluster_range(ngx_mra_redis_t *rd,
    ngx_mra_redis_conn_t *conn, redisReply *range,
    ngx_mra_redis_part_t **owners);


#define ngx_mra_redis_cluster_part_of(q)                                     \
    (ngx_queue_data(q, ngx_mra_redis_part_t, queue))


void
ngx_mra_redis_cluster_open(ngx_mra_redis_t *rd)
{
    ngx_queue_init(&rd->parts);

    rd->dumb.fd = (ngx_socket_t) -1;
    rd->dumb.data = rd;

    rd->map.handler = ngx_mra_redis_cluster_handler;
    rd->map.data = &rd->dumb;
    rd->map.log = rd->log;
    rd->map.cancelable = 1;

    ngx_mra_redis_park_open(rd);

    ngx_add_timer(&rd->map, 1);
}


void
ngx_mra_redis_cluster_close(ngx_mra_redis_t *rd)
{
    ngx_uint_t  i;

    ngx_mra_redis_poll_close(rd);
    ngx_mra_redis_park_close(rd);

    if (rd->map.timer_set) {
        ngx_del_timer(&rd->map);
    }

    for (i = 0; i < rd->ntags; i++) {
        rd->tags[i].part = NULL;
    }

    while (!ngx_queue_empty(&rd->parts)) {
        ngx_mra_redis_cluster_free(
            ngx_mra_redis_cluster_part_of(ngx_queue_head(&rd->parts)));
    }
}


static void
ngx_mra_redis_cluster_free(ngx_mra_redis_part_t *part)
{
    ngx_queue_remove(&part->queue);
    ngx_mra_redis_conn_close(&part->conn);
    ngx_free(part);
}


void
ngx_mra_redis_cluster_ask(ngx_mra_redis_t *rd)
{
    if (ngx_exiting) {
        return;
    }

    if (rd->map.timer_set
        && (ngx_msec_int_t) (rd->map.timer.key - ngx_current_msec)
           <= NGX_MRA_REDIS_MAP_OFTEN)
    {
        return;
    }

    ngx_add_timer(&rd->map, NGX_MRA_REDIS_MAP_SOON);
}


static void
ngx_mra_redis_cluster_handler(ngx_event_t *ev)
{
    ngx_uint_t         i;
    ngx_msec_t         next;
    ngx_connection_t  *dumb;
    ngx_mra_redis_t   *rd;

    dumb = ev->data;
    rd = dumb->data;

    /* a reply that is waited for would hold this worker back */

    if (ngx_exiting) {
        return;
    }

    next = NGX_MRA_REDIS_MAP_RARE;

    for (i = 0; i < rd->ntags; i++) {

        if (rd->tags[i].part == NULL || !rd->tags[i].part->conn.up) {
            next = NGX_MRA_REDIS_MAP_OFTEN;

        } else {
            rd->tags[i].part->used = ngx_current_msec;
        }
    }

    ngx_mra_redis_cluster_close_unused(rd);
    ngx_mra_redis_cluster_ask_one(rd);

    ngx_add_timer(ev, next);
}


static void
ngx_mra_redis_cluster_close_unused(ngx_mra_redis_t *rd)
{
    ngx_uint_t             i;
    ngx_queue_t           *q, *next;
    ngx_mra_redis_part_t  *part;

    for (q = ngx_queue_head(&rd->parts);
         q != ngx_queue_sentinel(&rd->parts);
         q = next)
    {
        next = ngx_queue_next(q);
        part = ngx_mra_redis_cluster_part_of(q);

        for (i = 0; i < rd->ntags; i++) {
            if (rd->tags[i].part == part) {
                break;
            }
        }

        if (i == rd->ntags && part->conn.waiting == 0
            && ngx_current_msec - part->used > NGX_MRA_REDIS_UNUSED)
        {
            ngx_mra_redis_cluster_free(part);
        }
    }
}


/* one that is up, each in its turn, or whoever is configured */

static void
ngx_mra_redis_cluster_ask_one(ngx_mra_redis_t *rd)
{
    ngx_str_t              argv[2];
    ngx_uint_t             n;
    ngx_queue_t           *q;
    ngx_mra_redis_part_t  *part;

    n = 0;

    for (q = ngx_queue_head(&rd->parts);
         q != ngx_queue_sentinel(&rd->parts);
         q = ngx_queue_next(q))
    {
        n += ngx_mra_redis_cluster_part_of(q)->conn.up;
    }

    if (n == 0) {

        if (rd->only == NULL) {
            rd->only = ngx_mra_redis_part(rd, ngx_mra_redis_cluster_seed);

            if (rd->only) {
                ngx_mra_redis_conn_open(&rd->only->conn, rd->log);
            }

            return;
        }

        part = rd->only;

    } else {

        if (rd->only && !rd->asking) {
            ngx_mra_redis_conn_close(&rd->only->conn);
            ngx_free(rd->only);
            rd->only = NULL;
        }

        n = rd->turn++ % n;
        part = NULL;

        for (q = ngx_queue_head(&rd->parts);
             q != ngx_queue_sentinel(&rd->parts);
             q = ngx_queue_next(q))
        {
            part = ngx_mra_redis_cluster_part_of(q);

            if (part->conn.up && n-- == 0) {
                break;
            }
        }
    }

    if (rd->asking || !part->conn.up) {
        return;
    }

    ngx_str_set(&argv[0], "CLUSTER");
    ngx_str_set(&argv[1], "SLOTS");

    if (ngx_mra_redis_call(&part->conn, ngx_mra_redis_cluster_slots,
                           rd->conf->timeout, 2, argv))
    {
        rd->asking = 1;
    }
}


static void
ngx_mra_redis_cluster_seed(ngx_mra_redis_conn_t *conn, ngx_mra_redis_up_e up)
{
    ngx_queue_t           *q;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    part = conn->data;
    rd = part->rd;

    if (up == NGX_MRA_REDIS_UP) {
        ngx_add_timer(&rd->map, 1);
        return;
    }

    for (q = ngx_queue_head(&rd->parts);
         q != ngx_queue_sentinel(&rd->parts);
         q = ngx_queue_next(q))
    {
        if (!ngx_mra_redis_cluster_part_of(q)->down) {
            return;
        }
    }

    rd->handler(rd->data, NGX_MRA_REDIS_DOWN, &conn->name, &conn->why);
}


static void
ngx_mra_redis_cluster_state(ngx_mra_redis_conn_t *conn, ngx_mra_redis_up_e up)
{
    ngx_uint_t             i;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    part = conn->data;
    rd = part->rd;

    part->scanning = 0;

    for (i = 0; i < rd->ntags; i++) {
        if (rd->tags[i].part == part) {
            rd->tags[i].check = 1;
            rd->tags[i].asked = 0;
        }
    }

    if (up == NGX_MRA_REDIS_UP) {
        part->down = 0;
        part->told = 0;

        rd->handler(rd->data, NGX_MRA_REDIS_UP, &conn->name, &conn->why);
        ngx_mra_redis_cluster_whole(rd);

        return;
    }

    ngx_mra_redis_cluster_ask(rd);

    if (up == NGX_MRA_REDIS_CUT) {
        return;
    }

    part->down = 1;
    ngx_mra_redis_cluster_lost(part);
}


static void
ngx_mra_redis_cluster_lost(ngx_mra_redis_part_t *part)
{
    ngx_uint_t             i, others, own;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *other;

    rd = part->rd;

    own = 0;
    others = 0;

    for (i = 0; i < rd->ntags; i++) {
        other = rd->tags[i].part;

        own += (other == part);
        others += (other && !other->down);
    }

    if (others == 0) {
        rd->handler(rd->data, NGX_MRA_REDIS_DOWN, &part->conn.name,
                    &part->conn.why);
        return;
    }

    if (own && !part->told) {
        part->told = 1;
        rd->broken = 1;

        rd->handler(rd->data, NGX_MRA_REDIS_PART, &part->conn.name,
                    &part->conn.why);
    }
}


static void
ngx_mra_redis_cluster_whole(ngx_mra_redis_t *rd)
{
    ngx_uint_t             i;
    ngx_mra_redis_part_t  *part;

    for (i = 0; i < rd->ntags; i++) {
        part = rd->tags[i].part;

        if (part == NULL || !part->conn.up) {
            return;
        }
    }

    rd->broken = 0;
    part = rd->tags[0].part;

    rd->handler(rd->data, NGX_MRA_REDIS_WHOLE, &part->conn.name,
                &part->conn.why);
}


/* [[first, last, [host, port, ...], replicas...], ...] */

static void
ngx_mra_redis_cluster_slots(ngx_mra_redis_call_t *call, redisReply *reply)
{
    ngx_uint_t             i, moved;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part, *owners[NGX_MRA_REDIS_TAGS];

    part = call->conn->data;
    rd = part->rd;

    rd->asking = 0;

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_mra_redis_conn_drop(call->conn, "it is in no cluster");
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY) {
        ngx_mra_redis_conn_drop(call->conn, "its reply is none of ours");
        return;
    }

    ngx_memzero(owners, sizeof(owners));

    for (i = 0; i < reply->elements; i++) {
        if (ngx_mra_redis_cluster_range(rd, call->conn, reply->element[i],
                                        owners)
            != NGX_OK)
        {
            ngx_mra_redis_conn_drop(call->conn, "its reply is none of ours");
            return;
        }
    }

    moved = 0;

    for (i = 0; i < rd->ntags; i++) {

        /* who has just got a slot may be the first to know */

        if (rd->tags[i].moved && rd->tags[i].part && rd->tags[i].part->conn.up
            && ngx_current_msec - rd->tags[i].moved < NGX_MRA_REDIS_GOSSIP)
        {
            continue;
        }

        rd->tags[i].moved = 0;

        if (rd->tags[i].part != owners[i]) {
            rd->tags[i].part = owners[i];
            rd->tags[i].check = 1;
            rd->tags[i].asked = 0;
            moved = 1;
        }
    }

    rd->known = 1;

    if (!moved) {
        return;
    }

    /* what waits for somebody who is not to have it may ask now */

    for (i = 0; i < rd->ntags; i++) {
        part = owners[i];

        if (part && part->down) {
            ngx_mra_redis_cluster_lost(part);
            return;
        }
    }

    ngx_mra_redis_cluster_whole(rd);
}


static ngx_int_t
ngx_mra_redis_cluster_range(ngx_mra_redis_t *rd, ngx_mra_redis_conn_t *conn,
    redisReply *range, ngx_mra_redis_part_t **owners)
{
    ngx_uint_t              i, slot;
    redisReply            **e, *host;
    ngx_mra_redis_part_t   *part;

    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3) {
        return NGX_ERROR;
    }

    e = range->element;

    if (e[0]->type != REDIS_REPLY_INTEGER || e[1]->type != REDIS_REPLY_INTEGER
        || e[2]->type != REDIS_REPLY_ARRAY || e[2]->elements < 2
        || e[2]->element[1]->type != REDIS_REPLY_INTEGER)
    {
        return NGX_ERROR;
    }

    host = e[2]->element[0];

    if (host->type != REDIS_REPLY_STRING && host->type != REDIS_REPLY_NIL) {
        return NGX_ERROR;
    }

    part = NULL;

    for (i = 0; i < rd->ntags; i++) {
        slot = ngx_mra_redis_slot(i);

        if (e[0]->integer > (long long) slot
            || e[1]->integer < (long long) slot)
        {
            continue;
        }

        if (part == NULL) {
            part = ngx_mra_redis_cluster_part(rd, conn, (u_char *) host->str,
                                     (host->type == REDIS_REPLY_STRING)
                                     ? (size_t) host->len : 0,
                                     e[2]->element[1]->integer);
            if (part == NULL) {
                return NGX_ERROR;
            }
        }

        owners[i] = part;
    }

    return NGX_OK;
}


ngx_mra_redis_part_t *
ngx_mra_redis_cluster_part(ngx_mra_redis_t *rd, ngx_mra_redis_conn_t *from,
    u_char *host, size_t len, ngx_int_t port)
{
    u_char                 name[NGX_SOCKADDR_STRLEN];
    size_t                 n;
    ngx_addr_t             addr;
    ngx_pool_t            *pool;
    ngx_queue_t           *q;
    ngx_sockaddr_t         sa;
    ngx_mra_redis_part_t  *part;

    if (port <= 0 || port > 65535 || from->connection == NULL) {
        return NULL;
    }

    /* without a host: its own */

    if (len == 0) {
        addr.sockaddr = from->peer.sockaddr;
        addr.socklen = from->peer.socklen;

    } else {
        pool = from->connection->pool;

        if (ngx_parse_addr(pool, &addr, host, len) != NGX_OK) {
            return NULL;
        }
    }

    ngx_memcpy(&sa, addr.sockaddr, addr.socklen);
    ngx_inet_set_port(&sa.sockaddr, (in_port_t) port);

    if (len) {
        ngx_pfree(from->connection->pool, addr.sockaddr);
    }

    n = ngx_sock_ntop(&sa.sockaddr, addr.socklen, name, NGX_SOCKADDR_STRLEN,
                      1);

    for (q = ngx_queue_head(&rd->parts);
         q != ngx_queue_sentinel(&rd->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_mra_redis_cluster_part_of(q);

        if (part->name_len == n && ngx_memcmp(part->name, name, n) == 0) {
            part->used = ngx_current_msec;
            return part;
        }
    }

    part = ngx_mra_redis_part(rd, ngx_mra_redis_cluster_state);
    if (part == NULL) {
        return NULL;
    }

    ngx_memcpy(part->name, name, n);
    part->name_len = n;
    part->used = ngx_current_msec;

    part->conn.fixed = 1;
    part->conn.master = sa;
    part->conn.master_len = addr.socklen;

    ngx_queue_insert_tail(&rd->parts, &part->queue);

    ngx_mra_redis_conn_open(&part->conn, rd->log);

    return part;
}
