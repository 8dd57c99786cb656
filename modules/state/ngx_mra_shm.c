
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_shm.h"
#include "ngx_mra_shm_table.h"
#include "ngx_mra_window.h"


#define NGX_MRA_SHM_BATCH      64      /* entries for one hold of the lock */
#define NGX_MRA_SHM_TURN       16      /* batches for one turn of the loop */
#define NGX_MRA_SHM_INTERVAL   1000    /* of sweeps, ms */
#define NGX_MRA_SHM_SOON       10      /* ... that have left something */

#define ngx_mra_shm_is_window(kind)                                          \
    ((kind) == NGX_MRA_AUTHORIZATION || (kind) == NGX_MRA_FAILURE)

#define ngx_mra_shm_is_credential(kind)                                      \
    ((kind) == NGX_MRA_TOKEN || (kind) == NGX_MRA_CREDENTIAL)


typedef struct {
    ngx_slab_pool_t      *shpool;
    ngx_mra_shm_table_t  *table;
    ngx_mra_shm_conf_t   *conf;
    ngx_log_t            *log;

    unsigned              full:1;       /* to be said without the lock */
    unsigned              room:1;
    unsigned              recovered:1;
} ngx_mra_shm_t;


typedef union {
    ngx_mra_window_t      w;
    u_char                bytes[ngx_mra_window_len(NGX_MRA_WINDOW_MAX, 1)];
} ngx_mra_shm_window_t;


static ngx_int_t ngx_mra_shm_get(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_shm_set(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_shm_del(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_shm_hit(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_shm_scan(ngx_mra_store_t *st, ngx_mra_op_t *op);
static ngx_int_t ngx_mra_shm_count(ngx_mra_store_t *st, ngx_mra_op_t *op);
static void ngx_mra_shm_cancel(ngx_mra_store_t *st, ngx_mra_op_t *op);

static ngx_uint_t ngx_mra_shm_is_as_read(ngx_mra_shm_t *shm,
    ngx_mra_op_t *op, ngx_msec_t now);
static ngx_uint_t ngx_mra_shm_holds(ngx_mra_shm_t *shm,
    ngx_mra_shm_entry_t *e, ngx_str_t *value);
static ngx_uint_t ngx_mra_shm_is_meant(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e);
static void ngx_mra_shm_tidy(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    ngx_msec_t now);
static ngx_mra_shm_t *ngx_mra_shm_lock(ngx_mra_store_t *st);
static void ngx_mra_shm_unlock(ngx_mra_shm_t *shm);
static void ngx_mra_shm_say(ngx_mra_shm_t *shm);
static ngx_mra_shm_entry_t *ngx_mra_shm_live(ngx_mra_shm_t *shm,
    ngx_mra_op_t *op, ngx_msec_t now);
static ngx_msec_t ngx_mra_shm_left(ngx_mra_shm_t *shm,
    ngx_mra_shm_entry_t *e, ngx_msec_t now);
static ngx_mra_shm_entry_t *ngx_mra_shm_new(ngx_mra_shm_t *shm,
    ngx_mra_op_t *op, size_t size, size_t name_len, ngx_msec_t now);
static ngx_int_t ngx_mra_shm_read(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e, ngx_msec_t now);
static ngx_uint_t ngx_mra_shm_peek(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e, ngx_msec_t now);
static ngx_int_t ngx_mra_shm_hit_new(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_window_t *u, ngx_msec_t now);
static ngx_int_t ngx_mra_shm_hit_again(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e, ngx_mra_shm_window_t *u, ngx_msec_t now);
static ngx_int_t ngx_mra_shm_judge(ngx_mra_op_t *op, ngx_mra_window_t *w,
    ngx_msec_t now);
static size_t ngx_mra_shm_record(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e, u_char *p, u_char *last, ngx_msec_t now);
static ngx_uint_t ngx_mra_shm_expire(ngx_mra_store_t *st,
    ngx_uint_t credentials, ngx_msec_t now);


static const ngx_mra_backend_t  ngx_mra_shm_backend = {
    ngx_mra_shm_get,
    ngx_mra_shm_set,
    ngx_mra_shm_del,
    ngx_mra_shm_hit,
    ngx_mra_shm_scan,
    ngx_mra_shm_count,
    ngx_mra_shm_cancel
};


ngx_mra_store_t *
ngx_mra_shm_create(ngx_pool_t *pool, ngx_mra_shm_conf_t *conf, ngx_log_t *log)
{
    ngx_mra_shm_t    *shm;
    ngx_mra_store_t  *st;

    st = ngx_palloc(pool, sizeof(ngx_mra_store_t));
    shm = ngx_pcalloc(pool, sizeof(ngx_mra_shm_t));

    if (st == NULL || shm == NULL) {
        return NULL;
    }

    shm->conf = conf;
    shm->log = log;

    st->backend = &ngx_mra_shm_backend;
    st->data = shm;

    return st;
}


ngx_int_t
ngx_mra_shm_init(ngx_mra_store_t *st, ngx_slab_pool_t *shpool, void **table)
{
    u_char                 *p;
    size_t                  size;
    ngx_msec_t              cleanup;
    ngx_mra_shm_t          *shm;
    ngx_mra_shm_table_t    *t;

    shm = st->data;
    shm->shpool = shpool;

    if (*table == NULL) {
        size = shpool->pfree * ngx_pagesize / 32;
        size = ngx_max(size, 8 * ngx_pagesize);
        size = shpool->pfree * ngx_pagesize
               - ngx_min(size, 256 * ngx_pagesize);

        p = ngx_slab_alloc(shpool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        *table = ngx_mra_shm_table_init(p, size);
        if (*table == NULL) {
            return NGX_ERROR;
        }
    }

    t = *table;
    shm->table = t;

    if (t->life.life != shm->conf->life.life) {
        t->life.life = shm->conf->life.life;
        t->life.since = ngx_current_msec;
    }

    shm->conf->life.since = t->life.since;

    /* a shorter interval than the one before counts from now */

    cleanup = ngx_current_msec + shm->conf->cleanup;

    if (t->cleanup == 0 || (ngx_msec_int_t) (t->cleanup - cleanup) > 0) {
        t->cleanup = cleanup;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_mra_shm_get(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_int_t             rc;
    ngx_msec_t            now;
    ngx_mra_shm_t        *shm;
    ngx_mra_shm_entry_t  *e;

    now = ngx_current_msec;

    shm = ngx_mra_shm_lock(st);

    e = ngx_mra_shm_live(shm, op, now);
    rc = e ? ngx_mra_shm_read(shm, op, e, now) : NGX_DECLINED;

    ngx_mra_shm_unlock(shm);

    return rc;
}


static ngx_int_t
ngx_mra_shm_set(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_int_t             rc;
    ngx_msec_t            now;
    ngx_mra_shm_t        *shm;
    ngx_mra_shm_entry_t  *e, *old;

    if (op->ttl == 0) {
        (void) ngx_mra_shm_del(st, op);
        return NGX_OK;
    }

    if (op->value.len > NGX_MRA_VALUE_MAX || ngx_mra_shm_is_window(op->kind)) {
        return NGX_ERROR;
    }

    now = ngx_current_msec;

    shm = ngx_mra_shm_lock(st);

    if (op->kind == NGX_MRA_BINDING) {
        ngx_mra_shm_tidy(shm->table, op->kind, now);
    }

    if (op->kind == NGX_MRA_BAN && !ngx_mra_shm_is_as_read(shm, op, now)) {
        ngx_mra_shm_unlock(shm);
        return NGX_BUSY;
    }

    rc = NGX_OK;
    old = ngx_mra_shm_table_find(shm->table, op->kind, op->key);

    if (old && ngx_mra_shm_holds(shm, old, &op->value)) {
        ngx_mra_shm_table_move(shm->table, old, now + op->ttl);
        ngx_mra_shm_unlock(shm);
        return rc;
    }

    e = ngx_mra_shm_new(shm, op, op->value.len, 0, now);

    if (e) {
        old = ngx_mra_shm_table_find(shm->table, op->kind, op->key);

        ngx_mra_shm_table_write(shm->table, e, 0, op->value.data,
                                op->value.len);
        ngx_mra_shm_table_insert(shm->table, e, old, now + op->ttl);

    } else {
        rc = NGX_ERROR;
    }

    ngx_mra_shm_unlock(shm);

    return rc;
}


/* a refresh: nothing but the time changes */

static ngx_uint_t
ngx_mra_shm_holds(ngx_mra_shm_t *shm, ngx_mra_shm_entry_t *e,
    ngx_str_t *value)
{
    u_char  buf[NGX_MRA_VALUE_MAX];

    if (e->size != value->len) {
        return 0;
    }

    ngx_mra_shm_table_read(shm->table, e, 0, buf, value->len);

    return ngx_memcmp(buf, value->data, value->len) == 0;
}


/* of bans: nobody has changed it since it was read */

static ngx_uint_t
ngx_mra_shm_is_as_read(ngx_mra_shm_t *shm, ngx_mra_op_t *op, ngx_msec_t now)
{
    u_char                value[NGX_MRA_VALUE_MAX];
    ngx_mra_shm_entry_t  *e;

    if (op->name.data == NULL) {
        return 1;
    }

    e = ngx_mra_shm_live(shm, op, now);

    if (e == NULL) {
        return op->name.len == 0;
    }

    ngx_mra_shm_table_read(shm->table, e, 0, value, e->size);

    return e->size == op->name.len
           && ngx_memcmp(value, op->name.data, e->size) == 0;
}


static ngx_int_t
ngx_mra_shm_del(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_int_t             rc;
    ngx_mra_shm_t        *shm;
    ngx_mra_shm_entry_t  *e;

    rc = NGX_DECLINED;

    shm = ngx_mra_shm_lock(st);

    e = ngx_mra_shm_table_find(shm->table, op->kind, op->key);

    if (e && ngx_mra_shm_is_meant(shm, op, e)) {
        rc = ngx_mra_shm_expired(e, ngx_current_msec) ? NGX_DECLINED : NGX_OK;
        ngx_mra_shm_table_remove(shm->table, e);
    }

    ngx_mra_shm_unlock(shm);

    return rc;
}


static ngx_uint_t
ngx_mra_shm_is_meant(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e)
{
    u_char  head[NGX_MRA_NAME_MAX];

    if (op->kind != NGX_MRA_BINDING || op->name.len == 0) {
        return 1;
    }

    if (op->name.len > e->size || op->name.len > NGX_MRA_NAME_MAX) {
        return 0;
    }

    ngx_mra_shm_table_read(shm->table, e, 0, head, op->name.len);

    return ngx_memcmp(head, op->name.data, op->name.len) == 0;
}


/* what has expired is not to count for the most that there ever were */

static void
ngx_mra_shm_tidy(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind, ngx_msec_t now)
{
    ngx_uint_t            i;
    ngx_mra_shm_entry_t  *e;

    for (i = 0; i < NGX_MRA_SHM_BATCH; i++) {
        e = ngx_mra_shm_table_first(t, kind);

        if (e == NULL || !ngx_mra_shm_expired(e, now)) {
            return;
        }

        ngx_mra_shm_table_remove(t, e);
    }
}


static ngx_int_t
ngx_mra_shm_hit(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_int_t              rc;
    ngx_msec_t             now;
    ngx_mra_shm_t         *shm;
    ngx_mra_shm_entry_t   *e;
    ngx_mra_shm_window_t   u;

    if (!ngx_mra_shm_is_window(op->kind) || op->limit > NGX_MRA_WINDOW_MAX
        || op->period > NGX_MRA_WINDOW_LIFE)
    {
        return NGX_ERROR;
    }

    if (op->limit == 0 || op->period == 0) {
        op->used = 0;
        op->retry = 0;

        return NGX_OK;
    }

    now = ngx_current_msec;

    shm = ngx_mra_shm_lock(st);

    e = ngx_mra_shm_table_find(shm->table, op->kind, op->key);

    if (e == NULL) {
        ngx_mra_window_init(&u.w, op->limit, op->id != 0);
        rc = ngx_mra_shm_hit_new(shm, op, &u, now);

    } else {
        rc = ngx_mra_shm_hit_again(shm, op, e, &u, now);
    }

    ngx_mra_shm_unlock(shm);

    return rc;
}


static ngx_int_t
ngx_mra_shm_hit_again(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e, ngx_mra_shm_window_t *u, ngx_msec_t now)
{
    size_t                 slot;
    ngx_mra_shm_window_t   old;

    ngx_mra_shm_table_read(shm->table, e, 0, u, e->size);

    if (u->w.size < op->limit || (op->id && !u->w.ids)) {
        old = *u;

        ngx_mra_window_init(&u->w, ngx_max(u->w.size, op->limit),
                            op->id || u->w.ids);
        ngx_mra_window_copy(&u->w, &old.w);

        return ngx_mra_shm_hit_new(shm, op, u, now);
    }

    if (ngx_mra_shm_judge(op, &u->w, now) != NGX_OK) {
        return NGX_DECLINED;
    }

    /* the new attempt, and what makes it count */

    slot = ngx_mra_window_len((u->w.head + u->w.n - 1) % u->w.size, 0);

    ngx_mra_shm_table_change(shm->table, e, slot, u->bytes + slot,
                             sizeof(uint32_t));

    if (u->w.ids) {
        slot += u->w.size * sizeof(uint32_t);

        ngx_mra_shm_table_change(shm->table, e, slot, u->bytes + slot,
                                 sizeof(uint32_t));
    }

    ngx_mra_shm_table_change(shm->table, e, 0, u, ngx_mra_window_len(0, 0));
    ngx_mra_shm_table_move(shm->table, e, now + op->period);

    return NGX_OK;
}


/* a window that is new, has grown or has ids now */

static ngx_int_t
ngx_mra_shm_hit_new(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_window_t *u, ngx_msec_t now)
{
    size_t                size, name_len;
    ngx_mra_shm_entry_t  *e, *old;

    if (ngx_mra_shm_judge(op, &u->w, now) != NGX_OK) {
        return NGX_DECLINED;
    }

    size = ngx_mra_window_len(u->w.size, u->w.ids);
    name_len = ngx_min(op->name.len, NGX_MRA_NAME_MAX);

    e = ngx_mra_shm_new(shm, op, size, name_len, now);
    if (e == NULL) {
        return NGX_ERROR;
    }

    old = ngx_mra_shm_table_find(shm->table, op->kind, op->key);

    ngx_mra_shm_table_write(shm->table, e, 0, u, size);
    ngx_mra_shm_table_write(shm->table, e, size, op->name.data, name_len);
    ngx_mra_shm_table_insert(shm->table, e, old, now + op->period);

    return NGX_OK;
}


static ngx_int_t
ngx_mra_shm_judge(ngx_mra_op_t *op, ngx_mra_window_t *w, ngx_msec_t now)
{
    ngx_int_t                  rc;
    ngx_mra_window_verdict_t   v;

    rc = ngx_mra_window_hit(w, op->id, now, op->limit, op->period, &v);

    op->used = v.used;
    op->retry = v.retry;

    return rc;
}


static ngx_int_t
ngx_mra_shm_scan(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    u_char               *p, *last;
    size_t                len;
    ngx_uint_t            n, skip;
    ngx_msec_t            now, from;
    ngx_mra_shm_t        *shm;
    ngx_mra_shm_entry_t  *e, *next;

    now = ngx_current_msec;

    p = op->value.data;
    last = p + op->value.len;

    /* the cursor is a time and how many of that time were seen */

    from = (ngx_msec_t) (op->cursor >> 16);
    skip = (ngx_uint_t) (op->cursor & 0xffff);

    if (op->cursor == 0 || (ngx_msec_int_t) (from - now) <= 0) {
        from = now + 1;
        skip = 0;
    }

    do {
        shm = ngx_mra_shm_lock(st);

        e = ngx_mra_shm_table_from(shm->table, op->kind, from);

        for (n = 0; e && e->expire == from && n < skip; n++) {
            e = ngx_mra_shm_table_next(shm->table, e);
        }

        for (n = 0; e && n < NGX_MRA_SHM_BATCH; n++) {

            next = ngx_mra_shm_table_next(shm->table, e);

            /* what has ended is over, what is off may be on again */

            if (ngx_mra_shm_left(shm, e, now) == 0) {

                if (shm->conf->life.life) {
                    ngx_mra_shm_table_remove(shm->table, e);
                }

                e = next;
                continue;
            }

            len = ngx_mra_shm_record(shm, op, e, p, last, now);
            if (len == 0) {
                break;
            }

            p += len;

            skip = (e->expire == from) ? skip + 1 : 1;
            from = e->expire;

            if (skip > 0xffff) {
                from++;
                skip = 0;
            }

            e = next;
        }

        ngx_mra_shm_unlock(shm);

    } while (e && n == NGX_MRA_SHM_BATCH);

    if (e && p == op->value.data) {
        return NGX_ERROR;
    }

    op->value.len = p - op->value.data;
    op->cursor = e ? ((uint64_t) from << 16) | skip : 0;

    return NGX_OK;
}


/* how long the record is that was written, 0: it does not fit */

static size_t
ngx_mra_shm_record(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e, u_char *p, u_char *last, ngx_msec_t now)
{
    size_t             size, len, offset;
    ngx_mra_record_t  *rec;

    offset = ngx_mra_shm_is_window(e->kind) ? e->size : 0;
    size = offset ? e->name_len : e->size;

    len = ngx_align(sizeof(ngx_mra_record_t) + size, 8);

    if ((size_t) (last - p) < len) {
        return 0;
    }

    rec = (ngx_mra_record_t *) p;

    rec->len = (uint16_t) len;
    rec->used = 0;
    rec->size = (uint32_t) size;
    rec->ttl = ngx_mra_shm_left(shm, e, now);

    ngx_memcpy(rec->key, e->key, NGX_MRA_KEY_LEN);

    if (offset) {
        rec->used = (uint16_t) ngx_mra_shm_peek(shm, op, e, now);
    }

    ngx_mra_shm_table_read(shm->table, e, offset, rec->data, size);

    return len;
}


static ngx_int_t
ngx_mra_shm_count(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    ngx_mra_shm_t       *shm;
    ngx_mra_shm_kind_t  *k;

    shm = ngx_mra_shm_lock(st);

    if (op->kind == NGX_MRA_BINDING) {
        ngx_mra_shm_tidy(shm->table, op->kind, ngx_current_msec);
    }

    k = &shm->table->kinds[op->kind];

    op->used = k->entries;
    op->limit = k->peak;
    op->ttl = ngx_current_msec - k->peak_time;

    ngx_mra_shm_unlock(shm);

    return NGX_OK;
}


static void
ngx_mra_shm_cancel(ngx_mra_store_t *st, ngx_mra_op_t *op)
{
    /* nothing is ever under way */
}


static ngx_mra_shm_t *
ngx_mra_shm_lock(ngx_mra_store_t *st)
{
    ngx_mra_shm_t  *shm;

    shm = st->data;

    ngx_shmtx_lock(&shm->shpool->mutex);

    if (shm->table->nsaved) {
        ngx_mra_shm_table_recover(shm->table);
        shm->recovered = 1;
    }

    return shm;
}


static void
ngx_mra_shm_unlock(ngx_mra_shm_t *shm)
{
    ngx_shmtx_unlock(&shm->shpool->mutex);

    if (shm->full || shm->room || shm->recovered) {
        ngx_mra_shm_say(shm);
    }
}


static void
ngx_mra_shm_say(ngx_mra_shm_t *shm)
{
    if (shm->recovered) {
        shm->recovered = 0;
        ngx_log_error(NGX_LOG_WARN, shm->log, 0,
                      "mra zone was left half changed by a worker that died, "
                      "it is repaired");
    }

    if (shm->full) {
        shm->full = 0;
        ngx_log_error(NGX_LOG_WARN, shm->log, 0,
                      "mra zone is full, what expires first is dropped, "
                      "increase \"zone\"");
    }

    if (shm->room) {
        shm->room = 0;
        ngx_log_error(NGX_LOG_NOTICE, shm->log, 0,
                      "mra zone has room again");
    }
}


/* the entry of op if it has not expired */

static ngx_mra_shm_entry_t *
ngx_mra_shm_live(ngx_mra_shm_t *shm, ngx_mra_op_t *op, ngx_msec_t now)
{
    ngx_msec_t            left;
    ngx_mra_shm_entry_t  *e;

    e = ngx_mra_shm_table_find(shm->table, op->kind, op->key);

    if (e == NULL || ngx_mra_shm_expired(e, now)) {
        return NULL;
    }

    left = ngx_mra_shm_left(shm, e, now);

    if (left == 0) {
        return NULL;
    }

    if (left < e->expire - now) {
        ngx_mra_shm_table_move(shm->table, e, now + left);
    }

    return e;
}


/* of one that has not expired; 0: a shorter life than it was given is over */

static ngx_msec_t
ngx_mra_shm_left(ngx_mra_shm_t *shm, ngx_mra_shm_entry_t *e, ngx_msec_t now)
{
    ngx_msec_t  left;

    left = e->expire - now;

    return ngx_mra_shm_is_credential(e->kind)
           ? ngx_mra_life_left(&shm->conf->life, left, now) : left;
}


static ngx_mra_shm_entry_t *
ngx_mra_shm_new(ngx_mra_shm_t *shm, ngx_mra_op_t *op, size_t size,
    size_t name_len, ngx_msec_t now)
{
    ngx_uint_t            evicted;
    ngx_mra_shm_table_t  *t;
    ngx_mra_shm_entry_t  *e;

    t = shm->table;
    evicted = t->evicted;

    e = ngx_mra_shm_table_alloc(t, op->kind, op->key, size, name_len, now);

    if (t->evicted != evicted && !t->full) {
        t->full = 1;
        shm->full = 1;
    }

    return e;
}


static ngx_int_t
ngx_mra_shm_read(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e, ngx_msec_t now)
{
    size_t  size, offset;

    offset = ngx_mra_shm_is_window(op->kind) ? e->size : 0;
    size = offset ? e->name_len : e->size;

    if (size > op->value.len) {
        return NGX_ERROR;
    }

    ngx_mra_shm_table_read(shm->table, e, offset, op->value.data, size);

    op->value.len = size;
    op->ttl = e->expire - now;

    if (offset) {
        op->used = ngx_mra_shm_peek(shm, op, e, now);
    }

    return NGX_OK;
}


/* attempts in the window now; without op->period, all that it holds */

static ngx_uint_t
ngx_mra_shm_peek(ngx_mra_shm_t *shm, ngx_mra_op_t *op,
    ngx_mra_shm_entry_t *e, ngx_msec_t now)
{
    ngx_msec_t                 period;
    ngx_mra_shm_window_t       u;
    ngx_mra_window_verdict_t   v;

    period = op->period ? op->period : NGX_MRA_WINDOW_LIFE;

    ngx_mra_shm_table_read(shm->table, e, 0, &u, e->size);

    (void) ngx_mra_window_peek(&u.w, now, op->limit ? op->limit : 1, period,
                               &v);
    op->retry = v.retry;

    if (op->attempts) {
        (void) ngx_mra_window_read(&u.w, now, period, op->attempts);
    }

    return v.used;
}


ngx_msec_t
ngx_mra_shm_sweep(ngx_mra_store_t *st)
{
    ngx_uint_t            i, n, credentials;
    ngx_msec_t            now, due;
    ngx_mra_shm_t        *shm;
    ngx_mra_shm_table_t  *t;

    now = ngx_current_msec;

    shm = st->data;
    t = shm->table;

    due = t->sweep;

    if ((ngx_msec_int_t) (due - now) > 0
        && due - now <= NGX_MRA_SHM_INTERVAL)
    {
        return due - now;
    }

    if (!ngx_atomic_cmp_set(&t->sweep, due, now + NGX_MRA_SHM_INTERVAL)) {
        return NGX_MRA_SHM_INTERVAL;
    }

    credentials = ((ngx_msec_int_t) (t->cleanup - now) <= 0);

    for (i = 0; i < NGX_MRA_SHM_TURN; i++) {
        n = ngx_mra_shm_expire(st, credentials, now);

        if (n < NGX_MRA_SHM_BATCH) {

            if (credentials) {
                t->cleanup = now + shm->conf->cleanup;
            }

            return NGX_MRA_SHM_INTERVAL;
        }
    }

    /* more is left, let requests pass */

    t->sweep = now + NGX_MRA_SHM_SOON;

    return NGX_MRA_SHM_SOON;
}


/* removes one batch; the answer is how many there were */

static ngx_uint_t
ngx_mra_shm_expire(ngx_mra_store_t *st, ngx_uint_t credentials,
    ngx_msec_t now)
{
    ngx_uint_t            i, n;
    ngx_mra_shm_t        *shm;
    ngx_mra_shm_table_t  *t;
    ngx_mra_shm_entry_t  *e;

    n = 0;

    shm = ngx_mra_shm_lock(st);
    t = shm->table;

    for (i = 0; i < NGX_MRA_KINDS; i++) {

        if (ngx_mra_shm_is_credential(i) && !credentials) {
            continue;
        }

        while (n < NGX_MRA_SHM_BATCH) {
            e = ngx_mra_shm_table_first(t, i);

            if (e == NULL || !ngx_mra_shm_expired(e, now)) {
                break;
            }

            ngx_mra_shm_table_remove(t, e);
            n++;
        }
    }

    if (t->full && ngx_mra_shm_table_room(t)) {
        t->full = 0;
        shm->room = 1;
    }

    ngx_mra_shm_unlock(shm);

    return n;
}


ngx_uint_t
ngx_mra_shm_none(ngx_mra_store_t *st, ngx_mra_kind_e kind)
{
    ngx_mra_shm_t  *shm;

    shm = st->data;

    return *(volatile uint32_t *) &shm->table->kinds[kind].entries == 0;
}


ngx_uint_t
ngx_mra_shm_changes(ngx_mra_store_t *st, ngx_mra_kind_e kind)
{
    ngx_mra_shm_t  *shm;

    shm = st->data;

    return *(volatile uint32_t *) &shm->table->kinds[kind].changes;
}


void
ngx_mra_shm_stat(ngx_mra_store_t *st, ngx_mra_shm_stat_t *stat)
{
    ngx_uint_t            i;
    ngx_mra_shm_t        *shm;
    ngx_mra_shm_table_t  *t;

    shm = ngx_mra_shm_lock(st);
    t = shm->table;

    stat->size = (size_t) (t->nblocks - 1) * NGX_MRA_SHM_BLOCK;
    stat->used = (size_t) (t->nblocks - 1 - t->nfree) * NGX_MRA_SHM_BLOCK;

    for (i = 0; i < NGX_MRA_KINDS; i++) {
        stat->entries[i] = t->kinds[i].entries;
    }

    stat->evicted = t->evicted;
    stat->recovered = t->recovered;

    ngx_mra_shm_unlock(shm);
}
