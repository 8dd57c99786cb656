
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

#define NGX_MRA_REDIS_READ_MOST   "256"     /* changes at once */
#define NGX_MRA_REDIS_MOST        256


static void ngx_mra_redis_change_state(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_up_e up);
static void ngx_mra_redis_change_ask(ngx_mra_redis_conn_t *conn,
    ngx_uint_t tag, ngx_mra_redis_call_pt handler, ngx_msec_t timeout,
    ngx_uint_t argc, ngx_str_t *argv);
static void ngx_mra_redis_change_unread(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_server(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_older(ngx_mra_redis_t *rd, ngx_uint_t tag);
static void ngx_mra_redis_change_epoch(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_range(ngx_mra_redis_conn_t *conn,
    ngx_uint_t tag, ngx_uint_t newest, ngx_mra_redis_call_pt handler);
static void ngx_mra_redis_change_newest(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_oldest(ngx_mra_redis_call_t *call,
    redisReply *reply);
static u_char *ngx_mra_redis_change_first(redisReply *reply);
static void ngx_mra_redis_change_marked(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_mark(ngx_mra_redis_conn_t *conn,
    ngx_uint_t tag);
static void ngx_mra_redis_change_anew(ngx_mra_redis_call_t *call,
    u_char *newest);
static void ngx_mra_redis_change_scanned(ngx_mra_redis_call_t *call,
    redisReply *reply);
static void ngx_mra_redis_change_key(ngx_mra_redis_t *rd, ngx_uint_t tag,
    u_char *name, size_t len);
static void ngx_mra_redis_changed(ngx_mra_redis_call_t *call,
    redisReply *reply);
static ngx_int_t ngx_mra_redis_change_apply(ngx_mra_redis_t *rd,
    ngx_uint_t tag, redisReply *entry);
static ngx_int_t ngx_mra_redis_change_cmp(u_char *a, u_char *b);


ngx_int_t
ngx_mra_redis_listen(ngx_mra_store_t *st, ngx_mra_redis_place_t *place,
    ngx_mra_redis_change_pt handler)
{
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    rd = st->data;

    rd->place = place;
    rd->change = handler;

    if (rd->conf->cluster) {
        return ngx_mra_redis_poll_open(rd);
    }

    if (rd->changes) {
        return NGX_OK;
    }

    part = ngx_mra_redis_part(rd, ngx_mra_redis_change_state);
    if (part == NULL) {
        return NGX_ERROR;
    }

    part->conn.idle = 1;
    part->conn.nscripts = 0;

    rd->changes = part;

    ngx_mra_redis_conn_open(&part->conn, rd->log);

    return NGX_OK;
}


void
ngx_mra_redis_unlisten(ngx_mra_store_t *st)
{
    ngx_mra_redis_t  *rd;

    rd = st->data;

    if (rd->conf->cluster) {
        ngx_mra_redis_poll_close(rd);
        return;
    }

    if (rd->changes) {
        ngx_mra_redis_conn_close(&rd->changes->conn);
        ngx_free(rd->changes);
        rd->changes = NULL;
    }
}


static void
ngx_mra_redis_change_state(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_up_e up)
{
    if (up == NGX_MRA_REDIS_UP) {
        ngx_mra_redis_change_begin(conn, 0);
    }
}


/* whoever finds no name for what Redis holds gives it one */

void
ngx_mra_redis_change_begin(ngx_mra_redis_conn_t *conn, ngx_uint_t tag)
{
    u_char                 key[NGX_MRA_REDIS_KEY_LEN],
                           name[NGX_MRA_REDIS_EPOCH_LEN];
    ngx_str_t              arg[3], info[2];
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    part = conn->data;
    rd = part->rd;

    ngx_str_set(&arg[0], "SETNX");
    ngx_mra_redis_text(rd, tag, "epoch", &arg[1], key);

    arg[2].data = name;
    arg[2].len = ngx_snprintf(name, NGX_MRA_REDIS_EPOCH_LEN, "%M-%xL-%V",
                              ngx_current_msec, (int64_t) ngx_random(),
                              &rd->id)
                 - name;

    (void) ngx_mra_redis_call(conn, NULL, rd->conf->timeout, 3, arg);

    ngx_str_set(&info[0], "INFO");
    ngx_str_set(&info[1], "server");

    ngx_mra_redis_change_ask(conn, tag, ngx_mra_redis_change_server,
                             rd->conf->timeout, 2, info);

    ngx_str_set(&arg[0], "GET");

    ngx_mra_redis_change_ask(conn, tag, ngx_mra_redis_change_epoch,
                             rd->conf->timeout, 2, arg);
}


static void
ngx_mra_redis_change_ask(ngx_mra_redis_conn_t *conn, ngx_uint_t tag,
    ngx_mra_redis_call_pt handler, ngx_msec_t timeout, ngx_uint_t argc,
    ngx_str_t *argv)
{
    ngx_mra_redis_call_t  *call;
    ngx_mra_redis_part_t  *part;

    part = conn->data;

    call = ngx_mra_redis_call(conn, handler, timeout, argc, argv);

    if (call) {
        call->tag = tag;

    } else {
        part->rd->tags[tag].asked = 0;
        part->rd->tags[tag].check = 1;
    }
}


/* of a cluster, another one may have it by now */

static void
ngx_mra_redis_change_unread(ngx_mra_redis_call_t *call, redisReply *reply)
{
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    part = call->conn->data;
    rd = part->rd;

    if (rd->conf->cluster) {

        if (rd->tags[call->tag].part == part) {
            rd->tags[call->tag].asked = 0;
            rd->tags[call->tag].check = 1;
        }

        if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
            ngx_mra_redis_cluster_ask(rd);
            return;
        }
    }

    if (reply) {
        ngx_mra_redis_conn_drop(call->conn, "the changes cannot be read");
    }
}


/* one that was started again has what it had saved, who knows when */

static void
ngx_mra_redis_change_server(ngx_mra_redis_call_t *call, redisReply *reply)
{
    char                   *p;
    ngx_mra_redis_part_t   *part;
    ngx_mra_redis_place_t  *place;

    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        return;
    }

    part = call->conn->data;
    place = &part->rd->place[call->tag];

    p = strstr(reply->str, "run_id:");

    if (p == NULL || ngx_strlen(p) < 7 + NGX_MRA_REDIS_RUN_LEN) {
        return;
    }

    p += 7;

    if (place->run_len && ngx_memcmp(p, place->run, place->run_len) != 0) {
        place->restarted = 1;
    }

    ngx_memcpy(place->run, p, NGX_MRA_REDIS_RUN_LEN);
    place->run_len = NGX_MRA_REDIS_RUN_LEN;
}


/* when all is read that it knows: what others took away is not told again */

static void
ngx_mra_redis_change_older(ngx_mra_redis_t *rd, ngx_uint_t tag)
{
    if (rd->place[tag].restarted) {
        rd->place[tag].restarted = 0;
        rd->change(rd->data, tag, NGX_MRA_REDIS_OLDER, 0, NULL);
    }
}


/* the newest is where to begin, the oldest tells whether some were missed */

static void
ngx_mra_redis_change_epoch(ngx_mra_redis_call_t *call, redisReply *reply)
{
    ngx_mra_redis_t        *rd;
    ngx_mra_redis_part_t   *part;
    ngx_mra_redis_place_t  *place;

    if (reply == NULL || reply->type != REDIS_REPLY_STRING || reply->len == 0
        || (size_t) reply->len > NGX_MRA_REDIS_EPOCH_LEN)
    {
        ngx_mra_redis_change_unread(call, reply);
        return;
    }

    part = call->conn->data;
    rd = part->rd;
    place = &rd->place[call->tag];

    if ((size_t) reply->len != place->epoch_len
        || ngx_memcmp(reply->str, place->epoch, reply->len) != 0)
    {
        place->len = 0;
        place->restarted = 0;

        if (place->epoch_len) {
            rd->change(rd->data, call->tag, NGX_MRA_REDIS_EMPTIED, 0, NULL);
        }

        ngx_memcpy(place->epoch, reply->str, reply->len);
        place->epoch_len = reply->len;
    }

    ngx_mra_redis_change_range(call->conn, call->tag, 1,
                               ngx_mra_redis_change_newest);
}


static void
ngx_mra_redis_change_range(ngx_mra_redis_conn_t *conn, ngx_uint_t tag,
    ngx_uint_t newest, ngx_mra_redis_call_pt handler)
{
    u_char                 key[NGX_MRA_REDIS_KEY_LEN];
    ngx_str_t              arg[6];
    ngx_mra_redis_part_t  *part;

    part = conn->data;

    ngx_str_set(&arg[0], "XRANGE");
    ngx_mra_redis_text(part->rd, tag, "changes", &arg[1], key);
    ngx_str_set(&arg[2], "-");
    ngx_str_set(&arg[3], "+");
    ngx_str_set(&arg[4], "COUNT");
    ngx_str_set(&arg[5], "1");

    if (newest) {
        ngx_str_set(&arg[0], "XREVRANGE");
        ngx_str_set(&arg[2], "+");
        ngx_str_set(&arg[3], "-");
    }

    ngx_mra_redis_change_ask(conn, tag, handler, conn->conf->timeout, 6, arg);
}


/* one that is older than what was read: a replica that knew less took over */

static void
ngx_mra_redis_change_newest(ngx_mra_redis_call_t *call, redisReply *reply)
{
    u_char                 *newest;
    ngx_int_t               rc;
    ngx_mra_redis_t        *rd;
    ngx_mra_redis_part_t   *part;
    ngx_mra_redis_place_t  *place;

    newest = ngx_mra_redis_change_first(reply);

    if (newest == NULL) {
        ngx_mra_redis_change_unread(call, reply);
        return;
    }

    part = call->conn->data;
    rd = part->rd;
    place = &rd->place[call->tag];

    /* from where there is nothing it cannot be told what was missed */

    if (newest[0] == '0') {
        ngx_mra_redis_change_mark(call->conn, call->tag);
        return;
    }

    rc = place->len ? ngx_mra_redis_change_cmp(newest, place->last) : -1;

    if (rc < 0) {
        ngx_mra_redis_change_anew(call, newest);
        return;
    }

    if (rc == 0) {
        ngx_mra_redis_change_older(rd, call->tag);
    }

    ngx_mra_redis_change_range(call->conn, call->tag, 0,
                               ngx_mra_redis_change_oldest);
}


static void
ngx_mra_redis_change_oldest(ngx_mra_redis_call_t *call, redisReply *reply)
{
    u_char                 *oldest;
    ngx_mra_redis_t        *rd;
    ngx_mra_redis_part_t   *part;
    ngx_mra_redis_place_t  *place;

    oldest = ngx_mra_redis_change_first(reply);

    if (oldest == NULL) {
        ngx_mra_redis_change_unread(call, reply);
        return;
    }

    part = call->conn->data;
    rd = part->rd;
    place = &rd->place[call->tag];

    if (ngx_mra_redis_change_cmp(oldest, place->last) > 0) {

        /* "newest" is asked again: there may be more by now */

        place->len = 0;
        place->restarted = 0;
        rd->change(rd->data, call->tag, NGX_MRA_REDIS_MISSED, 0, NULL);

        ngx_mra_redis_change_range(call->conn, call->tag, 1,
                                   ngx_mra_redis_change_newest);
        return;
    }

    ngx_mra_redis_change_read(call->conn, call->tag);
}


/* [[id, fields]], or none; NULL: anything else */

static u_char *
ngx_mra_redis_change_first(redisReply *reply)
{
    redisReply  *entry;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        return NULL;
    }

    if (reply->elements == 0) {
        return (u_char *) "0-0";
    }

    entry = reply->element[0];

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements < 1
        || entry->element[0]->type != REDIS_REPLY_STRING
        || entry->element[0]->len == 0
        || entry->element[0]->len >= NGX_MRA_REDIS_ID_LEN)
    {
        return NULL;
    }

    return (u_char *) entry->element[0]->str;
}


static void
ngx_mra_redis_change_mark(ngx_mra_redis_conn_t *conn, ngx_uint_t tag)
{
    u_char                 key[NGX_MRA_REDIS_KEY_LEN];
    ngx_str_t              arg[7];
    ngx_mra_redis_part_t  *part;

    part = conn->data;

    ngx_str_set(&arg[0], "XADD");
    ngx_mra_redis_text(part->rd, tag, "changes", &arg[1], key);
    ngx_str_set(&arg[2], "*");
    ngx_str_set(&arg[3], "k");
    ngx_str_set(&arg[4], "-");
    ngx_str_set(&arg[5], "n");
    arg[6] = part->rd->id;

    ngx_mra_redis_change_ask(conn, tag, ngx_mra_redis_change_marked,
                             conn->conf->timeout, 7, arg);
}


static void
ngx_mra_redis_change_marked(ngx_mra_redis_call_t *call, redisReply *reply)
{
    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        ngx_mra_redis_change_unread(call, reply);
        return;
    }

    ngx_mra_redis_change_range(call->conn, call->tag, 1,
                               ngx_mra_redis_change_newest);
}


static void
ngx_mra_redis_change_anew(ngx_mra_redis_call_t *call, u_char *newest)
{
    ngx_str_t               cursor;
    ngx_mra_redis_t        *rd;
    ngx_mra_redis_part_t   *part;
    ngx_mra_redis_place_t  *place;

    part = call->conn->data;
    rd = part->rd;
    place = &rd->place[call->tag];

    rd->change(rd->data, call->tag,
               place->len ? NGX_MRA_REDIS_OLDER : NGX_MRA_REDIS_BEGUN, 0,
               NULL);

    place->restarted = 0;
    place->len = ngx_strlen(newest);
    ngx_memcpy(place->last, newest, place->len + 1);

    if (rd->conf->cluster) {
        part->bans = 1;
        rd->tags[call->tag].asked = 0;
        return;
    }

    ngx_str_set(&cursor, "0");
    ngx_mra_redis_change_scan(call->conn, call->tag, &cursor);
}


/* what nobody asks for and was set before */

void
ngx_mra_redis_change_scan(ngx_mra_redis_conn_t *conn, ngx_uint_t tag,
    ngx_str_t *cursor)
{
    u_char                 pattern[NGX_MRA_REDIS_PREFIX_LEN * 2 + 24], *p;
    ngx_str_t              arg[6];
    ngx_uint_t             i;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    part = conn->data;
    rd = part->rd;

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

    if (rd->conf->cluster) {
        p = ngx_cpymem(p, "{??}", NGX_MRA_REDIS_TAG_LEN);
    }

    *p++ = '[';
    *p++ = NGX_MRA_REDIS_LETTERS[NGX_MRA_BAN];
    *p++ = NGX_MRA_REDIS_LETTERS[NGX_MRA_EXEMPTION];
    *p++ = NGX_MRA_REDIS_LETTERS[NGX_MRA_REVOCATION];
    p = ngx_cpymem(p, "]*", 2);

    arg[3].data = pattern;
    arg[3].len = p - pattern;

    ngx_mra_redis_change_ask(conn, tag, ngx_mra_redis_change_scanned,
                             rd->conf->timeout, 6, arg);
}


static void
ngx_mra_redis_change_scanned(ngx_mra_redis_call_t *call, redisReply *reply)
{
    size_t                 i, len;
    ngx_str_t              cursor;
    redisReply            *keys;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    part = call->conn->data;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_ARRAY)
    {
        part->bans = 1;
        part->scanning = 0;

        ngx_mra_redis_change_unread(call, reply);
        return;
    }

    rd = part->rd;

    keys = reply->element[1];
    len = rd->conf->prefix.len
          + (rd->conf->cluster ? NGX_MRA_REDIS_TAG_LEN : 0);

    for (i = 0; i < keys->elements; i++) {

        if (keys->element[i]->type == REDIS_REPLY_STRING
            && (size_t) keys->element[i]->len > len)
        {
            ngx_mra_redis_change_key(rd, call->tag,
                                     (u_char *) keys->element[i]->str + len,
                                     keys->element[i]->len - len);
        }
    }

    cursor.data = (u_char *) reply->element[0]->str;
    cursor.len = reply->element[0]->len;

    if (cursor.len != 1 || cursor.data[0] != '0') {
        ngx_mra_redis_change_scan(call->conn, call->tag, &cursor);
        return;
    }

    if (rd->conf->cluster) {
        part->scanning = 0;
        return;
    }

    ngx_mra_redis_change_read(call->conn, call->tag);
}


/* of a cluster it is asked again and again, else Redis holds it back */

void
ngx_mra_redis_change_read(ngx_mra_redis_conn_t *conn, ngx_uint_t tag)
{
    u_char                  key[NGX_MRA_REDIS_KEY_LEN];
    ngx_str_t               arg[8];
    ngx_uint_t              n;
    ngx_msec_t              timeout;
    ngx_mra_redis_t        *rd;
    ngx_mra_redis_part_t   *part;
    ngx_mra_redis_place_t  *place;

    part = conn->data;
    rd = part->rd;
    place = &rd->place[tag];

    timeout = rd->conf->timeout;

    ngx_str_set(&arg[0], "XREAD");
    ngx_str_set(&arg[1], "COUNT");
    ngx_str_set(&arg[2], NGX_MRA_REDIS_READ_MOST);

    n = 3;

    if (!rd->conf->cluster) {
        ngx_str_set(&arg[3], "BLOCK");
        ngx_str_set(&arg[4], NGX_MRA_REDIS_BLOCK);

        n = 5;
        timeout += NGX_MRA_REDIS_BLOCK_TIME;
    }

    ngx_str_set(&arg[n], "STREAMS");
    ngx_mra_redis_text(rd, tag, "changes", &arg[n + 1], key);
    arg[n + 2].data = place->last;
    arg[n + 2].len = place->len;

    ngx_mra_redis_change_ask(conn, tag, ngx_mra_redis_changed, timeout, n + 3,
                             arg);
}


/* nil, or [[stream, [[id, [name, value, ...]], ...]]] */

static void
ngx_mra_redis_changed(ngx_mra_redis_call_t *call, redisReply *reply)
{
    size_t                 i, n;
    redisReply            *entries;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    part = call->conn->data;
    rd = part->rd;
    n = 0;

    if (reply == NULL) {
        ngx_mra_redis_change_unread(call, reply);
        return;
    }

    if (reply->type != REDIS_REPLY_NIL) {

        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1
            || reply->element[0]->type != REDIS_REPLY_ARRAY
            || reply->element[0]->elements != 2
            || reply->element[0]->element[1]->type != REDIS_REPLY_ARRAY)
        {
            ngx_mra_redis_change_unread(call, reply);
            return;
        }

        entries = reply->element[0]->element[1];
        n = entries->elements;

        for (i = 0; i < n; i++) {

            if (ngx_mra_redis_change_apply(rd, call->tag, entries->element[i])
                != NGX_OK)
            {
                ngx_mra_redis_change_unread(call, reply);
                return;
            }
        }
    }

    if (n < NGX_MRA_REDIS_MOST) {
        ngx_mra_redis_change_older(rd, call->tag);
    }

    if (rd->conf->cluster) {
        rd->tags[call->tag].asked = 0;
        return;
    }

    ngx_mra_redis_change_read(call->conn, call->tag);
}


/* what is no change of ours is passed over */

static ngx_int_t
ngx_mra_redis_change_apply(ngx_mra_redis_t *rd, ngx_uint_t tag,
    redisReply *entry)
{
    redisReply             *id, *fields, *k, *n;
    ngx_mra_redis_place_t  *place;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2) {
        return NGX_ERROR;
    }

    id = entry->element[0];
    place = &rd->place[tag];

    if (id->type != REDIS_REPLY_STRING || id->len == 0
        || id->len >= NGX_MRA_REDIS_ID_LEN)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(place->last, id->str, id->len + 1);
    place->len = id->len;

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
        ngx_mra_redis_change_key(rd, tag, (u_char *) k->str, k->len);
    }

    return NGX_OK;
}


/* a key without the prefix */

static void
ngx_mra_redis_change_key(ngx_mra_redis_t *rd, ngx_uint_t tag, u_char *name,
    size_t len)
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
        rd->change(rd->data, tag, NGX_MRA_REDIS_CHANGED,
                   p - (u_char *) NGX_MRA_REDIS_LETTERS, key);
    }
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
