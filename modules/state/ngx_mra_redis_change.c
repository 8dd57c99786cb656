
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn.h"
#include "ngx_mra_redis_private.h"


/* how long Redis holds an answer back when nothing changes, ms */

#define NGX_MRA_REDIS_BLOCK       "5000"
#define NGX_MRA_REDIS_BLOCK_TIME  5000


static void ngx_mra_redis_change_state(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_up_e up);
static void ngx_mra_redis_change_epoch(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_range(ngx_mra_redis_conn_t *conn,
    ngx_uint_t newest, ngx_mra_redis_call_pt handler);
static void ngx_mra_redis_change_newest(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_oldest(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_scan(ngx_mra_redis_t *rd,
    ngx_str_t *cursor);
static void ngx_mra_redis_change_scanned(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_key(ngx_mra_redis_t *rd, u_char *name,
    size_t len);
static void ngx_mra_redis_change_read(ngx_mra_redis_t *rd);
static void ngx_mra_redis_changed(ngx_mra_redis_call_t *call,
    redisReply *reply);
static ngx_int_t ngx_mra_redis_change_apply(ngx_mra_redis_t *rd,
    redisReply *entry);
static ngx_int_t ngx_mra_redis_change_place(ngx_mra_redis_t *rd,
    redisReply *entry);
static ngx_int_t ngx_mra_redis_change_cmp(u_char *a, u_char *b);


ngx_int_t
ngx_mra_redis_listen(ngx_mra_store_t *st, ngx_mra_redis_place_t *place,
    ngx_mra_redis_change_pt handler)
{
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_conn_t  *conn;

    rd = st->data;

    if (rd->changes) {
        return NGX_OK;
    }

    conn = ngx_calloc(sizeof(ngx_mra_redis_conn_t), rd->log);
    if (conn == NULL) {
        return NGX_ERROR;
    }

    conn->conf = rd->conf;
    conn->handler = ngx_mra_redis_change_state;
    conn->data = rd;
    conn->idle = 1;

    rd->changes = conn;
    rd->place = place;
    rd->change = handler;

    ngx_mra_redis_conn_open(conn, rd->log);

    return NGX_OK;
}


void
ngx_mra_redis_unlisten(ngx_mra_store_t *st)
{
    ngx_mra_redis_t  *rd;

    rd = st->data;

    if (rd->changes) {
        ngx_mra_redis_conn_close(rd->changes);
        ngx_free(rd->changes);
        rd->changes = NULL;
    }
}


/* whoever finds no name for what Redis holds gives it one */

static void
ngx_mra_redis_change_state(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_up_e up)
{
    u_char                key[NGX_MRA_REDIS_KEY_LEN],
                          name[NGX_MRA_REDIS_EPOCH_LEN];
    ngx_str_t             arg[3];
    ngx_mra_redis_t      *rd;
    ngx_mra_redis_conf_t *conf;

    if (up != NGX_MRA_REDIS_UP) {
        return;
    }

    rd = conn->data;
    conf = conn->conf;

    ngx_str_set(&arg[0], "SETNX");

    arg[1].data = key;
    arg[1].len = ngx_sprintf(key, "%Vepoch", &conf->prefix) - key;

    arg[2].data = name;
    arg[2].len = ngx_snprintf(name, NGX_MRA_REDIS_EPOCH_LEN, "%M-%xL-%V",
                              ngx_current_msec, (int64_t) ngx_random(),
                              &rd->id)
                 - name;

    (void) ngx_mra_redis_call(conn, NULL, conf->timeout, 3, arg);

    ngx_str_set(&arg[0], "GET");

    (void) ngx_mra_redis_call(conn, ngx_mra_redis_change_epoch, conf->timeout,
                              2, arg);
}


/* the newest is where to begin, the oldest tells whether some were missed */

static void
ngx_mra_redis_change_epoch(ngx_mra_redis_call_t *call, redisReply *reply)
{
    ngx_mra_redis_t        *rd;
    ngx_mra_redis_place_t  *place;

    if (reply == NULL) {
        return;
    }

    rd = call->conn->data;
    place = rd->place;

    if (reply->type != REDIS_REPLY_STRING || reply->len == 0
        || (size_t) reply->len > NGX_MRA_REDIS_EPOCH_LEN)
    {
        ngx_mra_redis_conn_drop(call->conn, "the changes cannot be read");
        return;
    }

    if ((size_t) reply->len != place->epoch_len
        || ngx_memcmp(reply->str, place->epoch, reply->len) != 0)
    {
        place->len = 0;

        if (place->epoch_len) {
            rd->change(rd->data, 0, NULL, 1);
        }

        ngx_memcpy(place->epoch, reply->str, reply->len);
        place->epoch_len = reply->len;
    }

    if (place->len == 0) {
        ngx_mra_redis_change_range(call->conn, 1, ngx_mra_redis_change_newest);

    } else {
        ngx_mra_redis_change_range(call->conn, 0, ngx_mra_redis_change_oldest);
    }
}


static void
ngx_mra_redis_change_range(ngx_mra_redis_conn_t *conn, ngx_uint_t newest,
    ngx_mra_redis_call_pt handler)
{
    u_char      key[NGX_MRA_REDIS_KEY_LEN];
    ngx_str_t   arg[6];

    ngx_str_set(&arg[0], "XRANGE");
    ngx_mra_redis_stream(conn->data, &arg[1], key);
    ngx_str_set(&arg[2], "-");
    ngx_str_set(&arg[3], "+");
    ngx_str_set(&arg[4], "COUNT");
    ngx_str_set(&arg[5], "1");

    if (newest) {
        ngx_str_set(&arg[0], "XREVRANGE");
        ngx_str_set(&arg[2], "+");
        ngx_str_set(&arg[3], "-");
    }

    (void) ngx_mra_redis_call(conn, handler, conn->conf->timeout, 6, arg);
}


static void
ngx_mra_redis_change_newest(ngx_mra_redis_call_t *call, redisReply *reply)
{
    ngx_str_t         cursor;
    ngx_mra_redis_t  *rd;

    rd = call->conn->data;

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY) {
        ngx_mra_redis_conn_drop(call->conn, "the changes cannot be read");
        return;
    }

    if (reply->elements == 0) {
        ngx_memcpy(rd->place->last, "0-0", sizeof("0-0"));
        rd->place->len = sizeof("0-0") - 1;

    } else if (ngx_mra_redis_change_place(rd, reply->element[0]) != NGX_OK) {
        ngx_mra_redis_conn_drop(call->conn, "the changes cannot be read");
        return;
    }

    ngx_str_set(&cursor, "0");
    ngx_mra_redis_change_scan(rd, &cursor);
}


/* bans that were set before: they are the only ones nobody asks for */

static void
ngx_mra_redis_change_scan(ngx_mra_redis_t *rd, ngx_str_t *cursor)
{
    u_char      pattern[NGX_MRA_REDIS_PREFIX_LEN * 2 + 24], *p;
    ngx_str_t   arg[6];
    ngx_uint_t  i;

    ngx_str_set(&arg[0], "SCAN");
    arg[1] = *cursor;
    ngx_str_set(&arg[2], "MATCH");
    ngx_str_set(&arg[4], "COUNT");
    ngx_str_set(&arg[5], "1000");

    p = pattern;

    for (i = 0; i < rd->conf->prefix.len; i++) {
        *p++ = '\\';
        *p++ = rd->conf->prefix.data[i];
    }

    *p++ = NGX_MRA_REDIS_LETTERS[NGX_MRA_BAN];
    *p++ = '*';

    arg[3].data = pattern;
    arg[3].len = p - pattern;

    (void) ngx_mra_redis_call(rd->changes, ngx_mra_redis_change_scanned,
                              rd->conf->timeout, 6, arg);
}


static void
ngx_mra_redis_change_scanned(ngx_mra_redis_call_t *call, redisReply *reply)
{
    size_t            i, len;
    ngx_str_t         cursor;
    redisReply       *keys;
    ngx_mra_redis_t  *rd;

    rd = call->conn->data;

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_ARRAY)
    {
        ngx_mra_redis_conn_drop(call->conn, "the changes cannot be read");
        return;
    }

    keys = reply->element[1];
    len = rd->conf->prefix.len;

    for (i = 0; i < keys->elements; i++) {

        if (keys->element[i]->type == REDIS_REPLY_STRING
            && (size_t) keys->element[i]->len > len)
        {
            ngx_mra_redis_change_key(rd,
                                     (u_char *) keys->element[i]->str + len,
                                     keys->element[i]->len - len);
        }
    }

    cursor.data = (u_char *) reply->element[0]->str;
    cursor.len = reply->element[0]->len;

    if (cursor.len == 1 && cursor.data[0] == '0') {
        ngx_mra_redis_change_read(rd);
        return;
    }

    ngx_mra_redis_change_scan(rd, &cursor);
}


static void
ngx_mra_redis_change_oldest(ngx_mra_redis_call_t *call, redisReply *reply)
{
    u_char           *last;
    redisReply       *entry;
    ngx_mra_redis_t  *rd;

    rd = call->conn->data;

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY) {
        ngx_mra_redis_conn_drop(call->conn, "the changes cannot be read");
        return;
    }

    last = rd->place->last;

    if (reply->elements) {
        entry = reply->element[0];

        if (entry->type != REDIS_REPLY_ARRAY || entry->elements < 1
            || entry->element[0]->type != REDIS_REPLY_STRING)
        {
            ngx_mra_redis_conn_drop(call->conn, "the changes cannot be read");
            return;
        }

        if (ngx_mra_redis_change_cmp((u_char *) entry->element[0]->str, last)
            > 0)
        {
            rd->place->len = 0;
            rd->change(rd->data, 0, NULL, 0);
            ngx_mra_redis_change_range(call->conn, 1,
                                       ngx_mra_redis_change_newest);
            return;
        }
    }

    ngx_mra_redis_change_read(rd);
}


static void
ngx_mra_redis_change_read(ngx_mra_redis_t *rd)
{
    u_char      key[NGX_MRA_REDIS_KEY_LEN];
    ngx_str_t   arg[8];

    ngx_str_set(&arg[0], "XREAD");
    ngx_str_set(&arg[1], "COUNT");
    ngx_str_set(&arg[2], "256");
    ngx_str_set(&arg[3], "BLOCK");
    ngx_str_set(&arg[4], NGX_MRA_REDIS_BLOCK);
    ngx_str_set(&arg[5], "STREAMS");
    ngx_mra_redis_stream(rd, &arg[6], key);
    arg[7].data = rd->place->last;
    arg[7].len = rd->place->len;

    (void) ngx_mra_redis_call(rd->changes, ngx_mra_redis_changed,
                              NGX_MRA_REDIS_BLOCK_TIME + rd->conf->timeout, 8,
                              arg);
}


/* nil, or [[stream, [[id, [name, value, ...]], ...]]] */

static void
ngx_mra_redis_changed(ngx_mra_redis_call_t *call, redisReply *reply)
{
    size_t            i;
    redisReply       *entries;
    ngx_mra_redis_t  *rd;

    rd = call->conn->data;

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_NIL) {

        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1
            || reply->element[0]->type != REDIS_REPLY_ARRAY
            || reply->element[0]->elements != 2
            || reply->element[0]->element[1]->type != REDIS_REPLY_ARRAY)
        {
            ngx_mra_redis_conn_drop(call->conn, "the changes cannot be read");
            return;
        }

        entries = reply->element[0]->element[1];

        for (i = 0; i < entries->elements; i++) {
            if (ngx_mra_redis_change_apply(rd, entries->element[i]) != NGX_OK)
            {
                ngx_mra_redis_conn_drop(call->conn,
                                        "the changes cannot be read");
                return;
            }
        }
    }

    ngx_mra_redis_change_read(rd);
}


/* what is no change of ours is passed over */

static ngx_int_t
ngx_mra_redis_change_apply(ngx_mra_redis_t *rd, redisReply *entry)
{
    redisReply  *fields, *k, *n;

    if (ngx_mra_redis_change_place(rd, entry) != NGX_OK) {
        return NGX_ERROR;
    }

    fields = entry->element[1];

    if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 4) {
        return NGX_OK;
    }

    k = fields->element[1];
    n = fields->element[3];

    if (k->type == REDIS_REPLY_STRING && n->type == REDIS_REPLY_STRING
        && ((size_t) n->len != rd->id.len
            || ngx_memcmp(n->str, rd->id.data, n->len) != 0))
    {
        ngx_mra_redis_change_key(rd, (u_char *) k->str, k->len);
    }

    return NGX_OK;
}


/* a key without the prefix */

static void
ngx_mra_redis_change_key(ngx_mra_redis_t *rd, u_char *name, size_t len)
{
    u_char      key[NGX_MRA_KEY_LEN + 2], *p;
    ngx_str_t   digest, text;

    if (len != 1 + ngx_base64_encoded_length(NGX_MRA_KEY_LEN) - 2) {
        return;
    }

    p = ngx_strlchr((u_char *) NGX_MRA_REDIS_LETTERS,
                    (u_char *) NGX_MRA_REDIS_LETTERS + NGX_MRA_KINDS,
                    name[0]);

    text.data = name + 1;
    text.len = len - 1;
    digest.data = key;

    if (p && ngx_decode_base64url(&digest, &text) == NGX_OK) {
        rd->change(rd->data, p - (u_char *) NGX_MRA_REDIS_LETTERS, key, 0);
    }
}


static ngx_int_t
ngx_mra_redis_change_place(ngx_mra_redis_t *rd, redisReply *entry)
{
    redisReply  *id;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2) {
        return NGX_ERROR;
    }

    id = entry->element[0];

    if (id->type != REDIS_REPLY_STRING || id->len == 0
        || (size_t) id->len >= sizeof(rd->place->last))
    {
        return NGX_ERROR;
    }

    ngx_memcpy(rd->place->last, id->str, id->len + 1);
    rd->place->len = id->len;

    return NGX_OK;
}


/* two ids: ms, "-" and a number */

static ngx_int_t
ngx_mra_redis_change_cmp(u_char *a, u_char *b)
{
    uint64_t  x, y;
    char     *p, *q;

    x = strtoull((char *) a, &p, 10);
    y = strtoull((char *) b, &q, 10);

    if (x == y) {
        x = (*p == '-') ? strtoull(p + 1, NULL, 10) : 0;
        y = (*q == '-') ? strtoull(q + 1, NULL, 10) : 0;
    }

    return (x > y) ? 1 : (x < y) ? -1 : 0;
}
