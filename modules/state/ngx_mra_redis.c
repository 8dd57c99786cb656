
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_sha1.h>
#include "ngx_mra_redis_conn.h"
#include "ngx_mra_redis_private.h"
#include "ngx_mra_window.h"


#define NGX_MRA_REDIS_SHA_LEN  40

/* arguments after the script, its digest and the number of keys */

#define NGX_MRA_REDIS_FIRST    3


#define ngx_mra_redis_is_window(kind)                                        \
    ((kind) == NGX_MRA_AUTHORIZATION || (kind) == NGX_MRA_FAILURE)


/* what all nodes hear of, though they do not ask for it */

#define ngx_mra_redis_is_told(kind)                                          \
    ((kind) == NGX_MRA_BAN || (kind) == NGX_MRA_EXEMPTION                    \
     || (kind) == NGX_MRA_REVOCATION)


#define ngx_mra_redis_tag_of(rd, key)                                        \
    ((rd)->conf->cluster ? (ngx_uint_t) (key)[0] >> 2 : 0)


/* the tag of a call, and the number of its script */

typedef enum {
    NGX_MRA_REDIS_GET = 0,
    NGX_MRA_REDIS_SET,
    NGX_MRA_REDIS_DEL,
    NGX_MRA_REDIS_HIT,
    NGX_MRA_REDIS_MERGE,
    NGX_MRA_REDIS_NODE,
    NGX_MRA_REDIS_SCRIPTS,
    NGX_MRA_REDIS_RESTORE           /* by the script of set */
} ngx_mra_redis_tag_e;


static ngx_int_t ngx_mra_redis_get(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_redis_set(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_redis_del(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_redis_hit(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_redis_cannot(ngx_mra_store_t *st, ngx_mra_op_t *op);
static void ngx_mra_redis_cancel(ngx_mra_store_t *st, ngx_mra_op_t *op);

static void ngx_mra_redis_state(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_up_e up);
static ngx_int_t ngx_mra_redis_ask(ngx_mra_redis_t *rd, ngx_mra_op_t *op,
    ngx_mra_redis_tag_e script);
static void ngx_mra_redis_key(ngx_mra_redis_t *rd, ngx_mra_op_t *op,
    ngx_str_t *arg, u_char *buf);
static u_char *ngx_mra_redis_name(ngx_mra_redis_t *rd, ngx_uint_t tag,
    u_char *buf);
static void ngx_mra_redis_number(ngx_str_t *arg, u_char **p,
    uint64_t n);
static u_char *ngx_mra_redis_32(u_char *p, uint32_t n);
static void ngx_mra_redis_replied(ngx_mra_redis_call_t *call,
    redisReply *reply);
static ngx_int_t ngx_mra_redis_read(ngx_mra_op_t *op, ngx_uint_t tag,
    redisReply *reply);
static ngx_int_t ngx_mra_redis_read_value(ngx_mra_op_t *op,
    redisReply *value, redisReply *ttl);
static ngx_int_t ngx_mra_redis_read_nodes(ngx_mra_op_t *op,
    redisReply *reply);
static ngx_int_t ngx_mra_redis_read_hit(ngx_mra_op_t *op, redisReply *reply);


static const ngx_mra_backend_t  ngx_mra_redis_backend = {
    ngx_mra_redis_get,
    ngx_mra_redis_set,
    ngx_mra_redis_del,
    ngx_mra_redis_hit,
    ngx_mra_redis_cannot,
    ngx_mra_redis_cannot,
    ngx_mra_redis_cancel
};


/*
 * A window is a string of its attempts, oldest first: when, 5 bytes,
 * milliseconds of Redis' clock that wrap after 34 years, and the id, 4 bytes.
 */

#define NGX_MRA_REDIS_LUA_WINDOW                                             \
    "local t = redis.call('TIME')\n"                                         \
    "local now = (t[1] * 1000 + math.floor(t[2] / 1000)) % 1099511627776\n"  \
    "local period = tonumber(ARGV[1])\n"                                     \
    "local w = redis.call('GET', KEYS[1]) or ''\n"                           \
    "local n, gone = math.floor(#w / 9), 0\n"                                \
    "local function age(i)\n"                                                \
    "  local a = (now - struct.unpack('>I5', w, i * 9 + 1)) "                \
    "% 1099511627776\n"                                                      \
    "  return a > 549755813888 and 0 or a\n"                                 \
    "end\n"                                                                  \
    "while gone < n and age(gone) >= period do gone = gone + 1 end\n"        \
    "local known = {}\n"                                                     \
    "for i = gone, n - 1 do known[w:sub(i * 9 + 6, i * 9 + 9)] = 1 end\n"

#define NGX_MRA_REDIS_LUA_CHANGE                                             \
    "  redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000, '*', "              \
    "'k', ARGV[1], 'n', ARGV[2])\n"


static ngx_str_t  ngx_mra_redis_scripts[] = {

    /* get: value and life */

    ngx_string(
        "local v = redis.call('GET', KEYS[1])\n"
        "return v and {v, redis.call('PTTL', KEYS[1])}\n"
    ),

    /*
     * set: whether it took the place of another value; others hear of this,
     * and of what they do not ask for.  What is merged is stored unless
     * there is something newer, which lives longer: 2
     */

    ngx_string(
        "local v = redis.call('GET', KEYS[1])\n"
        "if ARGV[6] and v and v ~= ARGV[3] and "
        "redis.call('PTTL', KEYS[1]) > tonumber(ARGV[4]) then\n"
        "  return 2\n"
        "end\n"
        "redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])\n"
        "if ARGV[5] == 'b' and not ARGV[6] or (v or ARGV[5] == 'b') "
        "and v ~= ARGV[3] then\n"
        NGX_MRA_REDIS_LUA_CHANGE
        "  return 1\n"
        "end\n"
        "return 0\n"
    ),

    /* del: whether it was there; others may have it anyway */

    ngx_string(
        "local n = redis.call('DEL', KEYS[1])\n"
        NGX_MRA_REDIS_LUA_CHANGE
        "return n\n"
    ),

    /* hit: admitted, used, retry; then value and life of what was asked */

    ngx_string(
        NGX_MRA_REDIS_LUA_WINDOW
        "local limit, used = tonumber(ARGV[2]), n - gone\n"
        "if not known[ARGV[3]] then\n"
        "  if used >= limit then\n"
        "    return {0, used, period - age(n - limit)}\n"
        "  end\n"
        "  used = used + 1\n"
        "  redis.call('SET', KEYS[1], w:sub(gone * 9 + 1)"
        " .. struct.pack('>I5', now) .. ARGV[3], 'PX', period)\n"
        "end\n"
        "if not KEYS[2] then return {1, used, 0} end\n"
        "local v = redis.call('GET', KEYS[2])\n"
        "return {1, used, 0, v, v and redis.call('PTTL', KEYS[2]) or 0}\n"
    ),

    /* merge: the newest ones of those it has and those that are given */

    ngx_string(
        NGX_MRA_REDIS_LUA_WINDOW
        "local all = {}\n"
        "for i = gone, n - 1 do\n"
        "  all[#all + 1] = {age(i), w:sub(i * 9 + 6, i * 9 + 9)}\n"
        "end\n"
        "for i = 1, #ARGV[2], 8 do\n"
        "  local a, id = struct.unpack('>I4c4', ARGV[2], i)\n"
        "  if a < period and not known[id] then all[#all + 1] = {a, id} end\n"
        "end\n"
        "if #all == 0 then return 0 end\n"
        "table.sort(all, function(a, b) return a[1] < b[1] end)\n"
        "w = ''\n"
        "for i = 1, math.min(#all, 100) do\n"
        "  w = struct.pack('>I5', (now - all[i][1]) % 1099511627776) "
        ".. all[i][2] .. w\n"
        "end\n"
        "redis.call('SET', KEYS[1], w, 'PX', period - all[1][1])\n"
        "return #all\n"
    ),

    /*
     * node: hears of all, tells of one: field, value and age; its own is
     * what it said before, unless another one has its name
     */

    ngx_string(
        "local t = redis.call('TIME')\n"
        "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
        "local keep = tonumber(ARGV[3])\n"
        "local all, heard = redis.call('HGETALL', KEYS[1]), {}\n"
        "for i = 1, #all, 2 do\n"
        "  local age = math.max(0, now - struct.unpack('>I6', all[i + 1]))\n"
        "  if age >= keep then\n"
        "    redis.call('HDEL', KEYS[1], all[i])\n"
        "  else\n"
        "    heard[#heard + 1] = all[i]\n"
        "    heard[#heard + 1] = all[i + 1]:sub(7)\n"
        "    heard[#heard + 1] = age\n"
        "  end\n"
        "end\n"
        "redis.call('HSET', KEYS[1], ARGV[1], "
        "struct.pack('>I6', now) .. ARGV[2])\n"
        "redis.call('PEXPIRE', KEYS[1], keep)\n"
        "return heard\n"
    )
};


ngx_mra_store_t *
ngx_mra_redis_create(ngx_pool_t *pool, ngx_mra_redis_conf_t *conf)
{
    u_char            digest[20];
    ngx_uint_t        i;
    ngx_sha1_t        sha1;
    ngx_mra_redis_t  *rd;
    ngx_mra_store_t  *st;

    st = ngx_palloc(pool, sizeof(ngx_mra_store_t));
    rd = ngx_pcalloc(pool, sizeof(ngx_mra_redis_t));

    if (st == NULL || rd == NULL) {
        return NULL;
    }

    rd->conf = conf;
    rd->ntags = conf->cluster ? NGX_MRA_REDIS_TAGS : 1;

    rd->tags = ngx_pcalloc(pool, rd->ntags * sizeof(ngx_mra_redis_tag_t));
    if (rd->tags == NULL) {
        return NULL;
    }

    rd->digests = ngx_palloc(pool,
                             NGX_MRA_REDIS_SCRIPTS * NGX_MRA_REDIS_SHA_LEN);
    if (rd->digests == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_MRA_REDIS_SCRIPTS; i++) {
        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, ngx_mra_redis_scripts[i].data,
                        ngx_mra_redis_scripts[i].len);
        ngx_sha1_final(digest, &sha1);

        (void) ngx_hex_dump(rd->digests + i * NGX_MRA_REDIS_SHA_LEN, digest,
                            20);
    }

    st->backend = &ngx_mra_redis_backend;
    st->data = rd;

    return st;
}


ngx_int_t
ngx_mra_redis_open(ngx_mra_store_t *st, ngx_str_t *id,
    ngx_mra_redis_state_pt handler, void *data, ngx_log_t *log)
{
    ngx_mra_redis_t  *rd;

    rd = st->data;

    rd->id = *id;
    rd->handler = handler;
    rd->data = data;
    rd->log = log;

    if (rd->conf->cluster) {
        ngx_mra_redis_cluster_open(rd);

    } else {
        rd->only = ngx_mra_redis_part(rd, ngx_mra_redis_state);
        if (rd->only == NULL) {
            return NGX_ERROR;
        }

        rd->tags[0].part = rd->only;

        ngx_mra_redis_conn_open(&rd->only->conn, log);
    }

    rd->open = 1;

    return NGX_OK;
}


ngx_mra_redis_part_t *
ngx_mra_redis_part(ngx_mra_redis_t *rd, ngx_mra_redis_conn_pt handler)
{
    ngx_mra_redis_part_t  *part;

    part = ngx_calloc(sizeof(ngx_mra_redis_part_t), rd->log);
    if (part == NULL) {
        return NULL;
    }

    part->rd = rd;
    part->conn.conf = rd->conf;
    part->conn.handler = handler;
    part->conn.data = part;
    part->conn.scripts = ngx_mra_redis_scripts;
    part->conn.nscripts = NGX_MRA_REDIS_SCRIPTS;

    return part;
}


void
ngx_mra_redis_close(ngx_mra_store_t *st)
{
    ngx_mra_redis_t  *rd;

    rd = st->data;

    if (!rd->open) {
        return;
    }

    ngx_mra_redis_unlisten(st);

    rd->open = 0;

    if (rd->conf->cluster) {
        ngx_mra_redis_cluster_close(rd);
    }

    if (rd->only) {
        ngx_mra_redis_conn_close(&rd->only->conn);
        ngx_free(rd->only);
        rd->only = NULL;
    }

    rd->tags[0].part = NULL;
}


ngx_uint_t
ngx_mra_redis_up(ngx_mra_store_t *st)
{
    ngx_uint_t        i;
    ngx_mra_redis_t  *rd;

    rd = st->data;

    for (i = 0; i < rd->ntags; i++) {
        if (rd->tags[i].part && rd->tags[i].part->conn.up) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_mra_redis_tags(ngx_mra_store_t *st)
{
    ngx_mra_redis_t  *rd;

    rd = st->data;

    return rd->ntags;
}


ngx_uint_t
ngx_mra_redis_tag(ngx_mra_store_t *st, u_char *key)
{
    ngx_mra_redis_t  *rd;

    rd = st->data;

    return ngx_mra_redis_tag_of(rd, key);
}


ngx_int_t
ngx_mra_redis_ready(ngx_mra_store_t *st, ngx_uint_t tag)
{
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    rd = st->data;
    part = rd->tags[tag].part;

    if (part == NULL) {
        return (rd->open && !rd->known && !ngx_exiting) ? NGX_AGAIN
                                                        : NGX_ERROR;
    }

    if (part->conn.up) {
        return NGX_OK;
    }

    return part->down ? NGX_ERROR : NGX_AGAIN;
}


void
ngx_mra_redis_hurry(ngx_mra_store_t *st)
{
    ngx_uint_t        i;
    ngx_mra_redis_t  *rd;

    rd = st->data;

    for (i = 0; i < rd->ntags; i++) {
        if (rd->tags[i].part && !rd->tags[i].part->down) {
            ngx_mra_redis_conn_hurry(&rd->tags[i].part->conn);
        }
    }
}


void
ngx_mra_redis_ping(ngx_mra_store_t *st)
{
    ngx_str_t              arg;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    rd = st->data;
    part = rd->only;

    /* of a cluster all are asked for changes anyway */

    if (part && part->conn.waiting == 0) {
        ngx_str_set(&arg, "PING");
        (void) ngx_mra_redis_call(&part->conn, NULL, rd->conf->timeout, 1,
                                  &arg);
    }
}


ngx_str_t *
ngx_mra_redis_refusal(ngx_mra_store_t *st)
{
    ngx_mra_redis_t  *rd;

    rd = st->data;

    return &rd->refusal;
}


static void
ngx_mra_redis_state(ngx_mra_redis_conn_t *conn,
    ngx_mra_redis_up_e up)
{
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    part = conn->data;
    rd = part->rd;

    if (up == NGX_MRA_REDIS_UP && rd->changes) {
        ngx_mra_redis_conn_hurry(&rd->changes->conn);
    }

    rd->handler(rd->data, up, &conn->name, &conn->why);
}


static ngx_int_t
ngx_mra_redis_get(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    if (ngx_mra_redis_is_window(op->kind)) {
        return NGX_ERROR;
    }

    return ngx_mra_redis_ask(st->data, op, NGX_MRA_REDIS_GET);
}


static ngx_int_t
ngx_mra_redis_set(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_int_t         rc;
    ngx_mra_redis_t  *rd;

    rd = st->data;

    if (op->value.len > NGX_MRA_VALUE_MAX || ngx_mra_redis_is_window(op->kind))
    {
        return NGX_ERROR;
    }

    if (op->ttl == 0) {
        return ngx_mra_redis_del(st, op);
    }

    if (op->kind == NGX_MRA_NODE) {
        return ngx_mra_redis_ask(rd, op, NGX_MRA_REDIS_NODE);
    }

    rc = ngx_mra_redis_ask(rd, op, NGX_MRA_REDIS_SET);

    /* a client is about to get it and to show it to another node */

    if (rc == NGX_AGAIN && op->kind == NGX_MRA_TOKEN) {
        ngx_mra_redis_conn_flush(
                     &rd->tags[ngx_mra_redis_tag_of(rd, op->key)].part->conn);
    }

    return rc;
}


static ngx_int_t
ngx_mra_redis_del(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    return ngx_mra_redis_ask(st->data, op, NGX_MRA_REDIS_DEL);
}


static ngx_int_t
ngx_mra_redis_hit(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    if (!ngx_mra_redis_is_window(op->kind) || op->limit > NGX_MRA_WINDOW_MAX
        || op->period > NGX_MRA_WINDOW_LIFE)
    {
        return NGX_ERROR;
    }

    if (op->limit == 0 || op->period == 0) {
        op->used = 0;
        op->retry = 0;

        return NGX_OK;
    }

    return ngx_mra_redis_ask(st->data, op, NGX_MRA_REDIS_HIT);
}


ngx_int_t
ngx_mra_redis_restore(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    return ngx_mra_redis_ask(st->data, op, NGX_MRA_REDIS_RESTORE);
}


ngx_int_t
ngx_mra_redis_merge(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    if (op->value.len > NGX_MRA_WINDOW_MAX * sizeof(ngx_mra_attempt_t)) {
        return NGX_ERROR;
    }

    return ngx_mra_redis_ask(st->data, op, NGX_MRA_REDIS_MERGE);
}


static ngx_int_t
ngx_mra_redis_cannot(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    return NGX_ERROR;
}


static void
ngx_mra_redis_cancel(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_mra_redis_call_t  *call;

    call = op->pending;
    op->pending = NULL;

    call->handler = NULL;
}


static void
ngx_mra_redis_key(ngx_mra_redis_t *rd, ngx_mra_op_t *op, ngx_str_t *arg,
    u_char *buf)
{
    u_char     *p;
    ngx_str_t   digest, text;

    digest.data = op->key;
    digest.len = NGX_MRA_KEY_LEN;

    p = ngx_mra_redis_name(rd, ngx_mra_redis_tag_of(rd, op->key), buf);
    *p++ = NGX_MRA_REDIS_LETTERS[op->kind];

    text.data = p;
    ngx_encode_base64url(&text, &digest);

    arg->data = buf;
    arg->len = text.data + text.len - buf;
}


static u_char *
ngx_mra_redis_name(ngx_mra_redis_t *rd, ngx_uint_t tag, u_char *buf)
{
    u_char  *p;

    p = ngx_cpymem(buf, rd->conf->prefix.data, rd->conf->prefix.len);

    return rd->conf->cluster ? ngx_mra_redis_slot_tag(p, tag) : p;
}


void
ngx_mra_redis_text(ngx_mra_redis_t *rd, ngx_uint_t tag, char *text,
    ngx_str_t *arg, u_char *buf)
{
    u_char  *p;

    p = ngx_mra_redis_name(rd, tag, buf);

    arg->data = buf;
    arg->len = ngx_cpymem(p, text, ngx_strlen(text)) - buf;
}


static ngx_int_t
ngx_mra_redis_ask(ngx_mra_redis_t *rd, ngx_mra_op_t *op,
    ngx_mra_redis_tag_e script)
{
    return ngx_mra_redis_send(rd, op, script, 0, NULL, ngx_current_msec);
}


ngx_int_t
ngx_mra_redis_send(ngx_mra_redis_t *rd, ngx_mra_op_t *op, ngx_uint_t script,
    ngx_uint_t whole, ngx_mra_redis_part_t *part, ngx_msec_t begun)
{
    u_char                *p, first[NGX_MRA_REDIS_KEY_LEN],
                           second[NGX_MRA_REDIS_KEY_LEN],
                           third[NGX_MRA_REDIS_KEY_LEN],
                           numbers[2 * NGX_INT64_LEN
                                   + NGX_MRA_WINDOW_MAX
                                     * sizeof(ngx_mra_attempt_t)];
    ngx_str_t              arg[NGX_MRA_REDIS_ARGS];
    ngx_uint_t             i, n, tag, asked, number;
    ngx_mra_attempt_t     *attempts;
    ngx_mra_redis_call_t  *call;

    tag = ngx_mra_redis_tag_of(rd, op->key);
    asked = (part != NULL);
    rd->refusal.len = 0;

    if (asked) {
        ngx_str_set(&arg[0], "ASKING");

        if (ngx_mra_redis_call(&part->conn, NULL, rd->conf->timeout, 1, arg)
            == NULL)
        {
            return NGX_ERROR;
        }

    } else {
        part = rd->tags[tag].part;
    }

    if (part == NULL) {
        return NGX_ERROR;
    }

    number = (script == NGX_MRA_REDIS_RESTORE) ? NGX_MRA_REDIS_SET : script;

    if (whole) {
        ngx_str_set(&arg[0], "EVAL");
        arg[1] = ngx_mra_redis_scripts[number];

    } else {
        ngx_str_set(&arg[0], "EVALSHA");
        arg[1].data = rd->digests + number * NGX_MRA_REDIS_SHA_LEN;
        arg[1].len = NGX_MRA_REDIS_SHA_LEN;
    }

    ngx_str_set(&arg[2], "1");

    n = NGX_MRA_REDIS_FIRST;
    p = numbers;

    ngx_mra_redis_key(rd, op, &arg[n++], first);

    switch (script) {

    case NGX_MRA_REDIS_SET:
    case NGX_MRA_REDIS_RESTORE:
    case NGX_MRA_REDIS_DEL:
        ngx_str_set(&arg[2], "2");
        ngx_mra_redis_text(rd, tag, "changes", &arg[n++], second);

        /* the key without prefix and tag, and who changes it */

        i = ngx_mra_redis_name(rd, tag, third) - third;

        arg[n].data = first + i;
        arg[n].len = arg[NGX_MRA_REDIS_FIRST].len - i;
        n++;

        arg[n++] = rd->id;

        if (script != NGX_MRA_REDIS_DEL) {
            arg[n++] = op->value;
            ngx_mra_redis_number(&arg[n++], &p, op->ttl);

            if (ngx_mra_redis_is_told(op->kind)) {
                ngx_str_set(&arg[n], "b");

            } else {
                ngx_str_set(&arg[n], "-");
            }

            n++;
        }

        if (script == NGX_MRA_REDIS_RESTORE) {
            ngx_str_set(&arg[n], "m");
            n++;
        }

        break;

    case NGX_MRA_REDIS_HIT:

        if (op->also && ngx_mra_redis_tag_of(rd, op->also->key) == tag) {
            ngx_str_set(&arg[2], "2");
            ngx_mra_redis_key(rd, op->also, &arg[n++], second);
        }

        ngx_mra_redis_number(&arg[n++], &p, op->period);
        ngx_mra_redis_number(&arg[n++], &p, op->limit);

        arg[n].data = p;
        arg[n].len = 4;
        n++;

        (void) ngx_mra_redis_32(p, op->id);
        break;

    case NGX_MRA_REDIS_MERGE:
        ngx_mra_redis_number(&arg[n++], &p, op->period);

        arg[n].data = p;
        arg[n].len = op->value.len;
        n++;

        attempts = (ngx_mra_attempt_t *) op->value.data;

        for (i = 0; i < op->value.len / sizeof(ngx_mra_attempt_t); i++) {
            p = ngx_mra_redis_32(p, attempts[i].age);
            p = ngx_mra_redis_32(p, attempts[i].id);
        }

        break;

    case NGX_MRA_REDIS_NODE:
        arg[n++] = op->name;
        arg[n++] = op->value;
        ngx_mra_redis_number(&arg[n++], &p, op->ttl);
        break;

    default:
        break;
    }

    call = ngx_mra_redis_call(&part->conn, ngx_mra_redis_replied,
                              rd->conf->timeout, n, arg);
    if (call == NULL) {
        return NGX_ERROR;
    }

    call->data = op;
    call->tag = script;
    call->again = whole;
    call->begun = begun;
    call->owner = rd;
    call->asked = asked;

    op->pending = call;

    return NGX_AGAIN;
}


static void
ngx_mra_redis_number(ngx_str_t *arg, u_char **p, uint64_t n)
{
    arg->data = *p;
    *p = ngx_sprintf(*p, "%uL", n);
    arg->len = *p - arg->data;
}


static u_char *
ngx_mra_redis_32(u_char *p, uint32_t n)
{
    *p++ = (u_char) (n >> 24);
    *p++ = (u_char) (n >> 16);
    *p++ = (u_char) (n >> 8);
    *p++ = (u_char) n;

    return p;
}


static void
ngx_mra_redis_replied(ngx_mra_redis_call_t *call, redisReply *reply)
{
    size_t                 len;
    ngx_mra_op_t          *op;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_part_t  *part;

    op = call->data;
    rd = call->owner;

    op->pending = NULL;
    op->rc = NGX_ERROR;

    if (reply == NULL) {
        rd->refusal.len = 0;
        op->handler(op);
        return;
    }

    part = call->conn->data;

    if (reply->type == REDIS_REPLY_ERROR) {

        if (!call->again
            && ngx_strncmp(reply->str, "NOSCRIPT", 8) == 0
            && ngx_mra_redis_send(rd, op, call->tag, 1,
                                  call->asked ? part : NULL, call->begun)
               == NGX_AGAIN)
        {
            return;
        }

        if (ngx_mra_redis_park_error(rd, call, reply) == NGX_AGAIN) {
            return;
        }

        len = ngx_min((size_t) reply->len, sizeof(rd->refusal_buf));

        rd->refusal.data = rd->refusal_buf;
        rd->refusal.len = len;
        ngx_memcpy(rd->refusal_buf, reply->str, len);

        op->handler(op);
        return;
    }

    op->rc = ngx_mra_redis_read(op, call->tag, reply);

    if (op->rc == NGX_ABORT) {
        op->rc = NGX_ERROR;
        ngx_mra_redis_conn_drop(call->conn, "its reply is none of ours");
    }

    op->handler(op);
}


/* NGX_ABORT: a reply that no script of ours gives */

static ngx_int_t
ngx_mra_redis_read(ngx_mra_op_t *op, ngx_uint_t tag, redisReply *reply)
{
    if (tag == NGX_MRA_REDIS_HIT) {
        return ngx_mra_redis_read_hit(op, reply);
    }

    if (tag == NGX_MRA_REDIS_GET) {

        if (reply->type == REDIS_REPLY_NIL) {
            return NGX_DECLINED;
        }

        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
            return NGX_ABORT;
        }

        return ngx_mra_redis_read_value(op, reply->element[0],
                                        reply->element[1]);
    }

    if (tag == NGX_MRA_REDIS_NODE) {
        return ngx_mra_redis_read_nodes(op, reply);
    }

    if (reply->type != REDIS_REPLY_INTEGER) {
        return NGX_ABORT;
    }

    op->used = reply->integer;

    if (tag == NGX_MRA_REDIS_DEL) {
        return reply->integer ? NGX_OK : NGX_DECLINED;
    }

    return NGX_OK;
}


/* as many as there is room for */

static ngx_int_t
ngx_mra_redis_read_nodes(ngx_mra_op_t *op, redisReply *reply)
{
    u_char             *p, *last;
    size_t              len;
    ngx_uint_t          i;
    redisReply        **e;
    ngx_mra_record_t   *rec;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 3) {
        return NGX_ABORT;
    }

    p = op->value.data;
    last = p + op->limit;

    for (i = 0; i < reply->elements; i += 3) {
        e = &reply->element[i];

        if (e[0]->type != REDIS_REPLY_STRING || e[0]->len != NGX_MRA_KEY_LEN
            || e[1]->type != REDIS_REPLY_STRING
            || e[2]->type != REDIS_REPLY_INTEGER || e[2]->integer < 0)
        {
            return NGX_ABORT;
        }

        len = ngx_align(sizeof(ngx_mra_record_t) + e[1]->len, 8);

        if (e[1]->len > NGX_MRA_VALUE_MAX || (size_t) (last - p) < len
            || (ngx_msec_t) e[2]->integer >= op->ttl)
        {
            continue;
        }

        rec = (ngx_mra_record_t *) p;

        rec->len = (uint16_t) len;
        rec->used = 0;
        rec->size = (uint32_t) e[1]->len;
        rec->ttl = op->ttl - (ngx_msec_t) e[2]->integer;

        ngx_memcpy(rec->key, e[0]->str, NGX_MRA_KEY_LEN);
        ngx_memcpy(rec->data, e[1]->str, e[1]->len);

        p += len;
    }

    op->value.len = p - op->value.data;

    return NGX_OK;
}


static ngx_int_t
ngx_mra_redis_read_value(ngx_mra_op_t *op, redisReply *value, redisReply *ttl)
{
    if (value->type == REDIS_REPLY_NIL) {
        return NGX_DECLINED;
    }

    if (value->type != REDIS_REPLY_STRING || ttl->type != REDIS_REPLY_INTEGER)
    {
        return NGX_ABORT;
    }

    /* without a life it is not of ours */

    if (ttl->integer <= 0) {
        return NGX_DECLINED;
    }

    if ((size_t) value->len > op->value.len) {
        return NGX_ERROR;
    }

    ngx_memcpy(op->value.data, value->str, value->len);

    op->value.len = value->len;
    op->ttl = (ngx_msec_t) ttl->integer;

    return NGX_OK;
}


static ngx_int_t
ngx_mra_redis_read_hit(ngx_mra_op_t *op, redisReply *reply)
{
    ngx_int_t     rc;
    ngx_uint_t    i;
    redisReply  **e;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3) {
        return NGX_ABORT;
    }

    e = reply->element;

    for (i = 0; i < 3; i++) {
        if (e[i]->type != REDIS_REPLY_INTEGER || e[i]->integer < 0) {
            return NGX_ABORT;
        }
    }

    op->used = e[1]->integer;
    op->retry = e[2]->integer;

    if (e[0]->integer == 0) {
        return NGX_DECLINED;
    }

    if (op->also && reply->elements == 5) {
        rc = ngx_mra_redis_read_value(op->also, e[3], e[4]);

        if (rc == NGX_ABORT) {
            return NGX_ABORT;
        }

        op->also->rc = rc;
    }

    return NGX_OK;
}
