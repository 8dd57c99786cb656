
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

#define ngx_mra_shm_kind(t, e)   (&(t)->kinds[(e)->node.data])

#define ngx_mra_shm_marked(t, n)                                             \
    ((t)->marks[(n) / 32] & ((uint32_t) 1 << ((n) % 32)))

static void ngx_mra_shm_begin(ngx_mra_shm_table_t *t);
static void ngx_mra_shm_end(ngx_mra_shm_table_t *t);
static void ngx_mra_shm_clear(ngx_mra_shm_table_t *t);
static void ngx_mra_shm_keep(ngx_mra_shm_table_t *t, uint32_t bucket);
static ngx_uint_t ngx_mra_shm_mark(ngx_mra_shm_table_t *t,
    ngx_mra_shm_entry_t *e);
static void ngx_mra_shm_free_unmarked(ngx_mra_shm_table_t *t);
static uint32_t *ngx_mra_shm_bucket(ngx_mra_shm_table_t *t, u_char *key);
static uint32_t ngx_mra_shm_take(ngx_mra_shm_table_t *t);
static ngx_uint_t ngx_mra_shm_need(size_t len);
static ngx_mra_shm_entry_t *ngx_mra_shm_victim(ngx_mra_shm_table_t *t,
    ngx_msec_t now);
static ngx_mra_shm_entry_t *ngx_mra_shm_soonest(ngx_mra_shm_table_t *t,
    ngx_uint_t kinds);
static void ngx_mra_shm_unlink(ngx_mra_shm_table_t *t,
    ngx_mra_shm_entry_t *e);
static void ngx_mra_shm_copy(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, u_char *buf, size_t len, ngx_uint_t write);


ngx_mra_shm_table_t *
ngx_mra_shm_table_init(u_char *p, size_t size)
{
    size_t                n, buckets, head;
    ngx_mra_shm_table_t  *t;

    head = ngx_align(sizeof(ngx_mra_shm_table_t), NGX_MRA_SHM_BLOCK);

    if (size < head + 64 * NGX_MRA_SHM_BLOCK) {
        return NULL;
    }

    /* a block, at most one bucket, a bit, and what alignment may take */

    n = (size - head - 3 * NGX_MRA_SHM_BLOCK)
        / (NGX_MRA_SHM_BLOCK + sizeof(uint32_t) + 1);

    n = ngx_min(n, NGX_MAX_UINT32_VALUE - 1);

    for (buckets = 1; buckets <= n / 2; buckets *= 2) { /* void */ }

    t = (ngx_mra_shm_table_t *) p;
    ngx_memzero(t, sizeof(ngx_mra_shm_table_t));

    t->buckets = (uint32_t *) (p + head);
    t->mask = (uint32_t) (buckets - 1);
    ngx_memzero(t->buckets, buckets * sizeof(uint32_t));

    t->marks = t->buckets + buckets;

    p = (u_char *) (t->marks + n / 32 + 1);

    t->blocks = (ngx_mra_shm_block_t *) ngx_align_ptr(p, NGX_MRA_SHM_BLOCK);
    t->nblocks = (uint32_t) n;

    /* block 0 is none */

    t->fresh = 1;

    ngx_mra_shm_clear(t);

    return t;
}


/*
 * A killed worker has done all its stores up to some point in the program;
 * that they are done in this order is what the barriers tell the compiler.
 */

static void
ngx_mra_shm_begin(ngx_mra_shm_table_t *t)
{
    t->busy = 1;
    ngx_memory_barrier();
}


static void
ngx_mra_shm_end(ngx_mra_shm_table_t *t)
{
    ngx_memory_barrier();
    t->busy = 0;
}


static void
ngx_mra_shm_clear(ngx_mra_shm_table_t *t)
{
    ngx_uint_t           i;
    ngx_mra_shm_kind_t  *k;

    for (i = 0; i < NGX_MRA_KINDS; i++) {
        k = &t->kinds[i];

        ngx_rbtree_init(&k->tree, &k->sentinel, ngx_rbtree_insert_timer_value);
        k->entries = 0;
        k->blocks = 0;
    }

    t->free = 0;
    t->nfree = t->nblocks - t->fresh;
}


void
ngx_mra_shm_table_recover(ngx_mra_shm_table_t *t)
{
    uint32_t  i;

    if (t->moving) {
        t->blocks[t->moving].entry.node.key = t->expire;
        t->moving = 0;
    }

    ngx_mra_shm_clear(t);
    ngx_memzero(t->marks, (t->nblocks / 32 + 1) * sizeof(uint32_t));

    for (i = 0; i <= t->mask; i++) {
        ngx_mra_shm_keep(t, i);
    }

    ngx_mra_shm_free_unmarked(t);

    t->recovered++;

    ngx_mra_shm_end(t);
}


static void
ngx_mra_shm_keep(ngx_mra_shm_table_t *t, uint32_t bucket)
{
    uint32_t             *np;
    ngx_uint_t            n;
    ngx_mra_shm_kind_t   *k;
    ngx_mra_shm_entry_t  *e;

    np = &t->buckets[bucket];

    while (*np) {
        e = &t->blocks[*np].entry;

        /*
         * an entry that was being replaced: its successor, which comes
         * first, stays
         */

        if (ngx_mra_shm_table_find(t, e->node.data, e->key) != e) {
            *np = e->next;
            continue;
        }

        n = ngx_mra_shm_mark(t, e);

        k = ngx_mra_shm_kind(t, e);
        k->entries++;
        k->blocks += n;

        ngx_rbtree_insert(&k->tree, &e->node);

        np = &e->next;
    }
}


static ngx_uint_t
ngx_mra_shm_mark(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e)
{
    uint32_t    b;
    ngx_uint_t  i, n;

    b = ngx_mra_shm_number(t, e);
    n = ngx_mra_shm_need(e->size + e->name_len);

    for (i = 0; i < n; i++) {
        t->marks[b / 32] |= (uint32_t) 1 << (b % 32);
        b = i ? t->blocks[b].more.more : e->more;
    }

    return n;
}


static void
ngx_mra_shm_free_unmarked(ngx_mra_shm_table_t *t)
{
    uint32_t  b;

    for (b = 1; b < t->fresh; b++) {

        if (!ngx_mra_shm_marked(t, b)) {
            t->blocks[b].more.more = t->free;
            t->free = b;
            t->nfree++;
        }
    }
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_find(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    u_char *key)
{
    uint32_t              n;
    ngx_mra_shm_entry_t  *e;

    for (n = *ngx_mra_shm_bucket(t, key); n; n = e->next) {
        e = &t->blocks[n].entry;

        if (e->node.data == kind
            && ngx_memcmp(e->key, key, NGX_MRA_KEY_LEN) == 0)
        {
            return e;
        }
    }

    return NULL;
}


/* keys are digests: any bits of them will do */

static uint32_t *
ngx_mra_shm_bucket(ngx_mra_shm_table_t *t, u_char *key)
{
    uint32_t  hash;

    ngx_memcpy(&hash, key, sizeof(uint32_t));

    return &t->buckets[hash & t->mask];
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_alloc(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    size_t size, size_t name_len, ngx_msec_t now)
{
    uint32_t              b, *more;
    ngx_uint_t            i, n;
    ngx_mra_shm_entry_t  *e, *victim;

    n = ngx_mra_shm_need(size + name_len);

    while (t->nfree < n) {
        victim = ngx_mra_shm_victim(t, now);

        if (victim == NULL) {
            return NULL;
        }

        if (!ngx_mra_shm_expired(victim, now)) {
            t->evicted++;
        }

        ngx_mra_shm_table_remove(t, victim);
    }

    ngx_mra_shm_begin(t);

    b = ngx_mra_shm_take(t);
    e = &t->blocks[b].entry;

    e->node.data = kind;
    e->size = (uint16_t) size;
    e->name_len = (uint16_t) name_len;

    more = &e->more;

    for (i = 1; i < n; i++) {
        b = ngx_mra_shm_take(t);
        *more = b;
        more = &t->blocks[b].more.more;
    }

    *more = 0;

    /* busy until it is inserted: it would be lost otherwise */

    return e;
}


static uint32_t
ngx_mra_shm_take(ngx_mra_shm_table_t *t)
{
    uint32_t  b;

    t->nfree--;

    if (t->free == 0) {
        return t->fresh++;
    }

    b = t->free;
    t->free = t->blocks[b].more.more;

    return b;
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


static ngx_mra_shm_entry_t *
ngx_mra_shm_victim(ngx_mra_shm_table_t *t, ngx_msec_t now)
{
    ngx_uint_t            flood;
    ngx_mra_shm_entry_t  *e;

    e = ngx_mra_shm_soonest(t, NGX_MRA_SHM_ALL);

    if (e == NULL || ngx_mra_shm_expired(e, now)) {
        return e;
    }

    flood = t->kinds[NGX_MRA_AUTHORIZATION].blocks
            + t->kinds[NGX_MRA_FAILURE].blocks
            + t->kinds[NGX_MRA_BAN].blocks;

    if (flood <= t->nblocks / 4) {
        e = ngx_mra_shm_soonest(t, NGX_MRA_SHM_CREDENTIALS);

        if (e) {
            return e;
        }
    }

    if (flood) {
        return ngx_mra_shm_soonest(t, NGX_MRA_SHM_FLOOD);
    }

    return ngx_mra_shm_soonest(t, NGX_MRA_SHM_ALL);
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
                  || (ngx_msec_int_t) (e->node.key - soonest->node.key) < 0))
        {
            soonest = e;
        }
    }

    return soonest;
}


void
ngx_mra_shm_table_insert(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    ngx_mra_shm_entry_t *old, ngx_msec_t expire)
{
    uint32_t            *bucket;
    ngx_mra_shm_kind_t  *k;

    k = ngx_mra_shm_kind(t, e);
    k->entries++;
    k->blocks += ngx_mra_shm_need(e->size + e->name_len);

    e->node.key = expire;
    ngx_rbtree_insert(&k->tree, &e->node);

    bucket = ngx_mra_shm_bucket(t, e->key);
    e->next = *bucket;

    ngx_memory_barrier();

    *bucket = ngx_mra_shm_number(t, e);

    if (old) {
        ngx_mra_shm_unlink(t, old);
    }

    k->peak = ngx_max(k->peak, k->entries);

    ngx_mra_shm_end(t);
}


void
ngx_mra_shm_table_remove(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e)
{
    ngx_mra_shm_begin(t);
    ngx_mra_shm_unlink(t, e);
    ngx_mra_shm_end(t);
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

    *np = e->next;

    ngx_memory_barrier();

    n = ngx_mra_shm_need(e->size + e->name_len);

    k = ngx_mra_shm_kind(t, e);
    k->entries--;
    k->blocks -= n;

    ngx_rbtree_delete(&k->tree, &e->node);

    more = e->more;

    for (i = 0; i < n; i++) {
        t->blocks[b].more.more = t->free;
        t->free = b;
        t->nfree++;

        b = more;
        more = t->blocks[b].more.more;
    }
}


void
ngx_mra_shm_table_move(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    ngx_msec_t expire)
{
    ngx_rbtree_t  *tree;

    ngx_mra_shm_begin(t);

    tree = &ngx_mra_shm_kind(t, e)->tree;

    /* for deleting a node clears its key */

    t->expire = expire;
    ngx_memory_barrier();
    t->moving = ngx_mra_shm_number(t, e);
    ngx_memory_barrier();

    ngx_rbtree_delete(tree, &e->node);
    e->node.key = expire;
    ngx_rbtree_insert(tree, &e->node);

    ngx_memory_barrier();
    t->moving = 0;

    ngx_mra_shm_end(t);
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_first(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind)
{
    ngx_rbtree_t  *tree;

    tree = &t->kinds[kind].tree;

    if (tree->root == tree->sentinel) {
        return NULL;
    }

    return (ngx_mra_shm_entry_t *) ngx_rbtree_min(tree->root, tree->sentinel);
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_from(ngx_mra_shm_table_t *t, ngx_mra_kind_e kind,
    ngx_msec_t expire, ngx_uint_t skip)
{
    ngx_rbtree_t       *tree;
    ngx_rbtree_node_t  *node, *found;

    tree = &t->kinds[kind].tree;
    found = NULL;

    for (node = tree->root; node != tree->sentinel; /* void */ ) {

        if ((ngx_msec_int_t) (node->key - expire) < 0) {
            node = node->right;
            continue;
        }

        found = node;
        node = node->left;
    }

    while (found && skip && found->key == expire) {
        found = ngx_rbtree_next(tree, found);
        skip--;
    }

    return (ngx_mra_shm_entry_t *) found;
}


ngx_mra_shm_entry_t *
ngx_mra_shm_table_next(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e)
{
    return (ngx_mra_shm_entry_t *)
               ngx_rbtree_next(&ngx_mra_shm_kind(t, e)->tree, &e->node);
}


void
ngx_mra_shm_table_read(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, void *to, size_t len)
{
    ngx_mra_shm_copy(t, e, offset, to, len, 0);
}


void
ngx_mra_shm_table_write(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, const void *from, size_t len)
{
    ngx_mra_shm_copy(t, e, offset, (u_char *) from, len, 1);
}


static void
ngx_mra_shm_copy(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, u_char *buf, size_t len, ngx_uint_t write)
{
    u_char    *p;
    size_t     n, size;
    uint32_t   more;

    p = e->data;
    size = NGX_MRA_SHM_FIRST;
    more = e->more;

    while (len) {

        if (offset < size) {
            n = ngx_min(len, size - offset);

            if (write) {
                ngx_memcpy(p + offset, buf, n);

            } else {
                ngx_memcpy(buf, p + offset, n);
            }

            buf += n;
            len -= n;
            offset += n;
        }

        offset -= size;
        p = t->blocks[more].more.data;
        size = NGX_MRA_SHM_OTHER;
        more = t->blocks[more].more.more;
    }
}
