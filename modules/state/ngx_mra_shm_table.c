
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_shm_table.h"


#define ngx_mra_shm_bit(kind)    ((ngx_uint_t) 1 << (kind))

/* what clients cause that nobody has authorized */

#define NGX_MRA_SHM_FLOOD                                                    \
    (ngx_mra_shm_bit(NGX_MRA_AUTHORIZATION)                                  \
     | ngx_mra_shm_bit(NGX_MRA_FAILURE) | ngx_mra_shm_bit(NGX_MRA_BAN))

#define NGX_MRA_SHM_CREDENTIALS                                              \
    (ngx_mra_shm_bit(NGX_MRA_TOKEN) | ngx_mra_shm_bit(NGX_MRA_CREDENTIAL))

#define NGX_MRA_SHM_ALL          (ngx_mra_shm_bit(NGX_MRA_KINDS) - 1)


#define ngx_mra_shm_number(t, e)                                             \
    ((uint32_t) ((ngx_mra_shm_block_t *) (e) - (t)->blocks))

/* whose link on the lowest level this is */

#define ngx_mra_shm_owner(link)                                              \
    ((u_char *) (link) - offsetof(ngx_mra_shm_entry_t, later))

#define ngx_mra_shm_entry(t, number)                                         \
    ((number) ? &(t)->blocks[number].entry : NULL)


static void ngx_mra_shm_save(ngx_mra_shm_table_t *t, void *p, size_t len);
static void ngx_mra_shm_put(ngx_mra_shm_table_t *t, uint32_t *p,
    uint32_t value);
static void ngx_mra_shm_done(ngx_mra_shm_table_t *t);

static uint32_t *ngx_mra_shm_bucket(ngx_mra_shm_table_t *t, u_char *key);
static ngx_uint_t ngx_mra_shm_need(size_t len);
static uint32_t ngx_mra_shm_take(ngx_mra_shm_table_t *t);
static void ngx_mra_shm_unlink(ngx_mra_shm_table_t *t,
    ngx_mra_shm_entry_t *e);

static ngx_uint_t ngx_mra_shm_over(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind, ngx_uint_t n);
static ngx_uint_t ngx_mra_shm_rest(ngx_mra_shm_table_t *t);
static ngx_mra_shm_entry_t *ngx_mra_shm_victim(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind, ngx_uint_t n, ngx_msec_t now);
static ngx_mra_shm_entry_t *ngx_mra_shm_flooding(ngx_mra_shm_table_t *t);
static ngx_mra_shm_entry_t *ngx_mra_shm_soonest(ngx_mra_shm_table_t *t,
    ngx_uint_t kinds);

static void ngx_mra_shm_path(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    ngx_msec_t expire, uint32_t number, uint32_t **path);
static ngx_uint_t ngx_mra_shm_height(ngx_mra_shm_entry_t *e);
static void ngx_mra_shm_list_insert(ngx_mra_shm_table_t *t,
    ngx_mra_shm_entry_t *e);
static void ngx_mra_shm_list_remove(ngx_mra_shm_table_t *t,
    ngx_mra_shm_entry_t *e);

static u_char *ngx_mra_shm_piece(ngx_mra_shm_table_t *t,
    ngx_mra_shm_entry_t *e, size_t offset, size_t *len);


ngx_mra_shm_table_t *
ngx_mra_shm_table_init(u_char *p, size_t size)
{
    size_t                n, buckets, head;
    ngx_mra_shm_table_t  *t;

    head = ngx_align(sizeof(ngx_mra_shm_table_t), NGX_MRA_SHM_BLOCK);

    if (size < head + 64 * NGX_MRA_SHM_BLOCK) {
        return NULL;
    }

    /* a block, at most one bucket for it, and what alignment may take */

    n = (size - head - NGX_MRA_SHM_BLOCK)
        / (NGX_MRA_SHM_BLOCK + sizeof(uint32_t));

    n = ngx_min(n, NGX_MAX_UINT32_VALUE);

    for (buckets = 1; buckets <= n / 2; buckets *= 2) { /* void */ }

    t = (ngx_mra_shm_table_t *) p;
    ngx_memzero(t, sizeof(ngx_mra_shm_table_t));

    t->buckets = (uint32_t *) (p + head);
    t->mask = (uint32_t) (buckets - 1);
    ngx_memzero(t->buckets, buckets * sizeof(uint32_t));

    p = (u_char *) (t->buckets + buckets);

    t->blocks = (ngx_mra_shm_block_t *) ngx_align_ptr(p, NGX_MRA_SHM_BLOCK);
    t->nblocks = (uint32_t) n;
    t->fresh = 1;
    t->nfree = (uint32_t) n - 1;

    return t;
}


void
ngx_mra_shm_table_recover(ngx_mra_shm_table_t *t)
{
    ngx_mra_shm_saved_t  *saved;

    while (t->nsaved) {
        saved = &t->saved[t->nsaved - 1];

        ngx_memcpy(saved->p, &saved->was, saved->len);
        ngx_memory_barrier();

        t->nsaved--;
    }

    t->recovered++;
}


/*
 * A killed worker has done all its stores up to some point of the program;
 * that they are done in this order is what the barriers tell the compiler.
 */

static void
ngx_mra_shm_save(ngx_mra_shm_table_t *t, void *p, size_t len)
{
    ngx_mra_shm_saved_t  *saved;

    saved = &t->saved[t->nsaved];

    saved->p = p;
    saved->len = len;
    ngx_memcpy(&saved->was, p, len);

    ngx_memory_barrier();
    t->nsaved++;
    ngx_memory_barrier();
}


static void
ngx_mra_shm_put(ngx_mra_shm_table_t *t, uint32_t *p, uint32_t value)
{
    ngx_mra_shm_save(t, p, sizeof(uint32_t));

    *p = value;
}


static void
ngx_mra_shm_done(ngx_mra_shm_table_t *t)
{
    ngx_memory_barrier();

    t->nsaved = 0;
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_find(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    u_char *key)
{
    uint32_t              n;
    ngx_mra_shm_entry_t  *e;

    for (n = *ngx_mra_shm_bucket(t, key); n; n = e->next) {
        e = &t->blocks[n].entry;

        if (e->kind == kind && ngx_memcmp(e->key, key, NGX_MRA_KEY_LEN) == 0)
        {
            return e;
        }
    }

    return NULL;
}


/* keys are digests, but those of bindings begin with the tag of a node */

static uint32_t *
ngx_mra_shm_bucket(ngx_mra_shm_table_t *t, u_char *key)
{
    uint32_t  hash;

    ngx_memcpy(&hash, key + NGX_MRA_KEY_LEN - sizeof(uint32_t),
               sizeof(uint32_t));

    return &t->buckets[hash & t->mask];
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_alloc(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    u_char *key, size_t size, size_t name_len, ngx_msec_t now)
{
    uint32_t              b, *more;
    ngx_uint_t            i, n;
    ngx_mra_shm_entry_t  *e, *victim;

    n = ngx_mra_shm_need(size + name_len);

    while (t->nfree < n || ngx_mra_shm_over(t, kind, n)) {
        victim = ngx_mra_shm_victim(t, kind, n, now);

        if (victim == NULL) {
            return NULL;
        }

        if (!ngx_mra_shm_expired(victim, now)) {
            t->evicted++;
        }

        ngx_mra_shm_table_remove(t, victim);
    }

    ngx_mra_shm_put(t, &t->nfree, t->nfree - (uint32_t) n);

    ngx_mra_shm_save(t, &t->free, sizeof(uint32_t));
    ngx_mra_shm_save(t, &t->fresh, sizeof(uint32_t));

    b = ngx_mra_shm_take(t);
    e = &t->blocks[b].entry;

    e->kind = (u_char) kind;
    e->size = (uint16_t) size;
    e->name_len = (u_char) name_len;
    ngx_memcpy(e->key, key, NGX_MRA_KEY_LEN);

    more = &e->more;

    for (i = 1; i < n; i++) {
        b = ngx_mra_shm_take(t);
        *more = b;
        more = &t->blocks[b].more.more;
    }

    *more = 0;

    return e;
}


static ngx_uint_t
ngx_mra_shm_need(size_t len)
{
    if (len <= NGX_MRA_SHM_FIRST) {
        return 1;
    }

    len -= NGX_MRA_SHM_FIRST;

    return 1 + (len + NGX_MRA_SHM_OTHER - 1) / NGX_MRA_SHM_OTHER;
}


static uint32_t
ngx_mra_shm_take(ngx_mra_shm_table_t *t)
{
    uint32_t  b, *more;

    if (t->free == 0) {
        return t->fresh++;
    }

    b = t->free;
    more = &t->blocks[b].more.more;

    ngx_mra_shm_save(t, more, sizeof(uint32_t));

    t->free = *more;

    return b;
}


void
ngx_mra_shm_table_insert(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    ngx_mra_shm_entry_t *old, ngx_msec_t expire)
{
    uint32_t            *bucket;
    ngx_mra_shm_kind_t  *k;

    if (old) {
        ngx_mra_shm_unlink(t, old);
    }

    k = &t->kinds[e->kind];
    k->changes++;

    ngx_mra_shm_put(t, &k->entries, k->entries + 1);
    ngx_mra_shm_put(t, &k->blocks, k->blocks + (uint32_t)
                    ngx_mra_shm_need(e->size + e->name_len));

    if (k->entries > k->peak) {
        k->peak = k->entries;
        k->peak_time = ngx_current_msec;
    }

    e->expire = expire;
    ngx_mra_shm_list_insert(t, e);

    bucket = ngx_mra_shm_bucket(t, e->key);
    e->next = *bucket;
    ngx_mra_shm_put(t, bucket, ngx_mra_shm_number(t, e));

    ngx_mra_shm_done(t);
}


void
ngx_mra_shm_table_remove(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e)
{
    ngx_mra_shm_unlink(t, e);
    ngx_mra_shm_done(t);
}


static void
ngx_mra_shm_unlink(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e)
{
    uint32_t             b, *np, more;
    ngx_uint_t           i, n;
    ngx_mra_shm_kind_t  *k;

    b = ngx_mra_shm_number(t, e);

    for (np = ngx_mra_shm_bucket(t, e->key);
         *np != b;
         np = &t->blocks[*np].entry.next)
    { /* void */ }

    ngx_mra_shm_put(t, np, e->next);

    ngx_mra_shm_list_remove(t, e);

    n = ngx_mra_shm_need(e->size + e->name_len);
    k = &t->kinds[e->kind];
    k->changes++;

    ngx_mra_shm_put(t, &k->entries, k->entries - 1);
    ngx_mra_shm_put(t, &k->blocks, k->blocks - (uint32_t) n);
    ngx_mra_shm_put(t, &t->nfree, t->nfree + (uint32_t) n);

    ngx_mra_shm_save(t, &t->free, sizeof(uint32_t));

    more = e->more;

    for (i = 0; i < n; i++) {
        ngx_mra_shm_put(t, &t->blocks[b].more.more, t->free);
        t->free = b;

        b = more;
        more = t->blocks[b].more.more;
    }
}


void
ngx_mra_shm_table_move(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    ngx_msec_t expire)
{
    ngx_mra_shm_list_remove(t, e);

    ngx_mra_shm_save(t, &e->expire, sizeof(ngx_msec_t));
    e->expire = expire;

    ngx_mra_shm_list_insert(t, e);

    ngx_mra_shm_done(t);
}


/*
 * A quarter is left to what clients cause, so that it never costs tokens and
 * registrations: of these, tokens and credentials make room for the others
 */

static ngx_uint_t
ngx_mra_shm_over(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind, ngx_uint_t n)
{
    return !(NGX_MRA_SHM_FLOOD & ngx_mra_shm_bit(kind))
           && ngx_mra_shm_rest(t) + n > t->nblocks - t->nblocks / 4
           && ngx_mra_shm_soonest(t, NGX_MRA_SHM_CREDENTIALS) != NULL;
}


/* blocks of what is kept for those who have been authorized */

static ngx_uint_t
ngx_mra_shm_rest(ngx_mra_shm_table_t *t)
{
    return t->nblocks - t->nfree - t->kinds[NGX_MRA_AUTHORIZATION].blocks
           - t->kinds[NGX_MRA_FAILURE].blocks - t->kinds[NGX_MRA_BAN].blocks;
}


ngx_uint_t
ngx_mra_shm_table_room(ngx_mra_shm_table_t *t)
{
    ngx_uint_t  some;

    some = t->nblocks / 16;

    return t->nfree > some
           && !ngx_mra_shm_over(t, NGX_MRA_TOKEN, some);
}


static ngx_mra_shm_entry_t *
ngx_mra_shm_victim(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    ngx_uint_t n, ngx_msec_t now)
{
    ngx_mra_shm_entry_t  *e;

    e = ngx_mra_shm_soonest(t, NGX_MRA_SHM_ALL);

    if (e == NULL || ngx_mra_shm_expired(e, now)) {
        return e;
    }

    if (ngx_mra_shm_over(t, kind, n)) {
        return ngx_mra_shm_soonest(t, NGX_MRA_SHM_CREDENTIALS);
    }

    e = ngx_mra_shm_flooding(t);

    return e ? e : ngx_mra_shm_soonest(t, NGX_MRA_SHM_ALL);
}


/* of the kind that has most: many bans do not end the counting of failures */

static ngx_mra_shm_entry_t *
ngx_mra_shm_flooding(ngx_mra_shm_table_t *t)
{
    ngx_uint_t  i, most;

    most = NGX_MRA_AUTHORIZATION;

    for (i = 0; i < NGX_MRA_KINDS; i++) {

        if ((NGX_MRA_SHM_FLOOD & ngx_mra_shm_bit(i))
            && t->kinds[i].blocks > t->kinds[most].blocks)
        {
            most = i;
        }
    }

    return ngx_mra_shm_table_first(t, most);
}


static ngx_mra_shm_entry_t *
ngx_mra_shm_soonest(ngx_mra_shm_table_t *t, ngx_uint_t kinds)
{
    ngx_uint_t            i;
    ngx_mra_shm_entry_t  *e, *soonest;

    soonest = NULL;

    for (i = 0; i < NGX_MRA_KINDS; i++) {

        if (!(kinds & ngx_mra_shm_bit(i))) {
            continue;
        }

        e = ngx_mra_shm_table_first(t, i);

        if (e && (soonest == NULL
                  || (ngx_msec_int_t) (e->expire - soonest->expire) < 0))
        {
            soonest = e;
        }
    }

    return soonest;
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_first(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind)
{
    uint32_t  n;

    n = t->kinds[kind].first[0];

    return ngx_mra_shm_entry(t, n);
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_from(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    ngx_msec_t expire)
{
    uint32_t  *path[NGX_MRA_SHM_LEVELS];

    ngx_mra_shm_path(t, kind, expire, 0, path);

    return ngx_mra_shm_entry(t, *path[0]);
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_next(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e)
{
    return ngx_mra_shm_entry(t, e->later[0]);
}


/*
 * The links at all levels that lead over "expire"; among those that expire
 * at the same time the numbers are in order.
 */

static void
ngx_mra_shm_path(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    ngx_msec_t expire, uint32_t number, uint32_t **path)
{
    uint32_t              n, *links;
    ngx_uint_t            level;
    ngx_msec_int_t        diff;
    ngx_mra_shm_entry_t  *e;

    links = t->kinds[kind].first;

    for (level = NGX_MRA_SHM_LEVELS; level--; /* void */ ) {

        while ((n = links[level])) {
            e = &t->blocks[n].entry;
            diff = (ngx_msec_int_t) (e->expire - expire);

            if (diff > 0 || (diff == 0 && n >= number)) {
                break;
            }

            links = e->later;
        }

        path[level] = &links[level];
    }
}


/* how many levels an entry is on: digests are as good as dice */

static ngx_uint_t
ngx_mra_shm_height(ngx_mra_shm_entry_t *e)
{
    uint32_t    bits;
    ngx_uint_t  n;

    ngx_memcpy(&bits, e->key + sizeof(uint32_t), sizeof(uint32_t));

    for (n = 1; n < NGX_MRA_SHM_LEVELS && (bits & 7) == 0; n++) {
        bits >>= 3;
    }

    return n;
}


static void
ngx_mra_shm_list_insert(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e)
{
    uint32_t     n, earlier, *path[NGX_MRA_SHM_LEVELS];
    ngx_uint_t   level;

    n = ngx_mra_shm_number(t, e);

    ngx_mra_shm_path(t, e->kind, e->expire, n, path);

    earlier = (path[0] == t->kinds[e->kind].first)
                  ? 0 : ngx_mra_shm_number(t, ngx_mra_shm_owner(path[0]));

    ngx_mra_shm_put(t, &e->earlier, earlier);

    if (*path[0]) {
        ngx_mra_shm_put(t, &t->blocks[*path[0]].entry.earlier, n);
    }

    for (level = ngx_mra_shm_height(e); level--; /* void */ ) {
        ngx_mra_shm_put(t, &e->later[level], *path[level]);
        ngx_mra_shm_put(t, path[level], n);
    }
}


static void
ngx_mra_shm_list_remove(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e)
{
    uint32_t    *path[NGX_MRA_SHM_LEVELS];
    ngx_uint_t   level;

    level = ngx_mra_shm_height(e);

    /* most are on the lowest level only and need no search */

    if (level == 1) {
        path[0] = e->earlier ? t->blocks[e->earlier].entry.later
                             : t->kinds[e->kind].first;

    } else {
        ngx_mra_shm_path(t, e->kind, e->expire, ngx_mra_shm_number(t, e),
                         path);
    }

    if (e->later[0]) {
        ngx_mra_shm_put(t, &t->blocks[e->later[0]].entry.earlier, e->earlier);
    }

    while (level--) {
        ngx_mra_shm_put(t, path[level], e->later[level]);
    }
}


void
ngx_mra_shm_table_read(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, void *to, size_t len)
{
    u_char  *p, *dst;
    size_t   n;

    dst = to;

    while (len) {
        n = len;
        p = ngx_mra_shm_piece(t, e, offset, &n);

        dst = ngx_cpymem(dst, p, n);
        offset += n;
        len -= n;
    }
}


void
ngx_mra_shm_table_write(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, const void *from, size_t len)
{
    u_char        *p;
    size_t         n;
    const u_char  *src;

    src = from;

    while (len) {
        n = len;
        p = ngx_mra_shm_piece(t, e, offset, &n);

        ngx_memcpy(p, src, n);
        src += n;
        offset += n;
        len -= n;
    }
}


void
ngx_mra_shm_table_change(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, const void *from, size_t len)
{
    u_char  *p;

    p = ngx_mra_shm_piece(t, e, offset, &len);

    ngx_mra_shm_save(t, p, len);
    ngx_memcpy(p, from, len);
}


/* what of "len" bytes at "offset" lies in one block, and how long it is */

static u_char *
ngx_mra_shm_piece(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, size_t *len)
{
    u_char    *p;
    size_t     size;
    uint32_t   more;

    p = e->data;
    size = NGX_MRA_SHM_FIRST;
    more = e->more;

    while (offset >= size) {
        offset -= size;

        p = t->blocks[more].more.data;
        size = NGX_MRA_SHM_OTHER;
        more = t->blocks[more].more.more;
    }

    *len = ngx_min(*len, size - offset);

    return p + offset;
}
