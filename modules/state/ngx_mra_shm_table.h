
/*
 * Copyright (C) ngx_mra contributors
 *
 * The table in shared memory: entries of blocks of one size, found by
 * (kind, key) in a hash, and for each kind in the order in which they
 * expire.  Its user holds the zone's lock; nothing here locks or logs.
 *
 * A worker may be killed between any two instructions.  What the hash leads
 * to is whole at every moment: an entry is linked last and unlinked first,
 * each by one store.  Trees, counts and the free list can be made anew from
 * the hash, which is what happens when "busy" is found set.
 */


#ifndef _NGX_MRA_SHM_TABLE_H_INCLUDED_
#define _NGX_MRA_SHM_TABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_store.h"


#define NGX_MRA_SHM_BLOCK      128

/* bytes of data in the first block of an entry, and in each other */

#define NGX_MRA_SHM_FIRST                                                    \
    (NGX_MRA_SHM_BLOCK - sizeof(ngx_rbtree_node_t) - 12 - NGX_MRA_KEY_LEN)
#define NGX_MRA_SHM_OTHER      (NGX_MRA_SHM_BLOCK - sizeof(uint32_t))


typedef struct {
    ngx_rbtree_node_t    node;      /* key: when it expires, ms;
                                       data: kind */
    uint32_t             more;      /* its second block */
    uint32_t             next;      /* in the bucket */
    uint16_t             size;      /* of the value or window in data */
    uint16_t             name_len;  /* of the name that follows */
    u_char               key[NGX_MRA_KEY_LEN];
    u_char               data[NGX_MRA_SHM_FIRST];
} ngx_mra_shm_entry_t;


typedef struct {
    uint32_t             more;
    u_char               data[NGX_MRA_SHM_OTHER];
} ngx_mra_shm_more_t;


typedef union {
    ngx_mra_shm_entry_t  entry;
    ngx_mra_shm_more_t   more;
} ngx_mra_shm_block_t;


typedef struct {
    ngx_rbtree_t         tree;
    ngx_rbtree_node_t    sentinel;
    ngx_uint_t           entries;
    ngx_uint_t           peak;      /* the most that there ever were */
    ngx_uint_t           blocks;
} ngx_mra_shm_kind_t;


typedef struct {
    ngx_uint_t           busy;      /* trees and counts are being changed */
    uint32_t             moving;    /* the entry that is between two places */
    ngx_msec_t           expire;    /* ... in its tree, and the second */

    ngx_mra_shm_kind_t   kinds[NGX_MRA_KINDS];

    uint32_t            *buckets;
    uint32_t             mask;

    ngx_mra_shm_block_t *blocks;    /* by number; 0 is none */
    uint32_t             nblocks;
    uint32_t             fresh;     /* this one and later were never used */
    uint32_t             free;      /* first of the free list */
    uint32_t             nfree;     /* fresh ones included */
    uint32_t            *marks;     /* a bit for each block, for recovery */

    ngx_uint_t           evicted;   /* before they had expired */
    ngx_uint_t           recovered;
    ngx_uint_t           full;      /* said to be, and not yet over */

    ngx_atomic_t         sweep;     /* when the next one is due, ms */
    ngx_atomic_t         cleanup;   /* ... of tokens and credentials */
} ngx_mra_shm_table_t;


/*
 * Makes a table in "size" bytes at p, aligned to a block.  NULL: too small
 */

ngx_mra_shm_table_t *ngx_mra_shm_table_init(u_char *p, size_t size);

/* after the death of a worker: makes anew what "busy" covers */

void ngx_mra_shm_table_recover(ngx_mra_shm_table_t *t);

/* the entry, expired or not; NULL: there is none */

ngx_mra_shm_entry_t *ngx_mra_shm_table_find(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind, u_char *key);

/*
 * An entry for "size" and "name_len" bytes of data, to be filled and
 * inserted before anything else is done with the table but find.  A full
 * table gives up what has expired; then windows and bans, which anybody can
 * cause, while they fill more than a quarter of it; then tokens and
 * credentials; then windows and bans; then the rest: of these what expires
 * first.  So any entry found before may be gone.  NULL: larger than the
 * table.
 */

ngx_mra_shm_entry_t *ngx_mra_shm_table_alloc(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind, size_t size, size_t name_len, ngx_msec_t now);

/*
 * Links an entry that expires at "expire", in place of "old" of the same
 * kind and key, NULL if there is none.
 */

void ngx_mra_shm_table_insert(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    ngx_mra_shm_entry_t *old, ngx_msec_t expire);

/* unlinks and frees */

void ngx_mra_shm_table_remove(ngx_mra_shm_table_t *t,
    ngx_mra_shm_entry_t *e);

/* changes when an entry expires */

void ngx_mra_shm_table_move(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    ngx_msec_t expire);

/*
 * The entry of a kind that expires first; at "expire" or later, skipping
 * "skip" of those that expire at the same time.  NULL: there is none
 */

ngx_mra_shm_entry_t *ngx_mra_shm_table_first(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind);
ngx_mra_shm_entry_t *ngx_mra_shm_table_from(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind, ngx_msec_t expire, ngx_uint_t skip);

/* the next in this order */

ngx_mra_shm_entry_t *ngx_mra_shm_table_next(ngx_mra_shm_table_t *t,
    ngx_mra_shm_entry_t *e);

/* copies "len" bytes at "offset" of the data of an entry */

void ngx_mra_shm_table_read(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, void *to, size_t len);
void ngx_mra_shm_table_write(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, const void *from, size_t len);


#define ngx_mra_shm_expired(e, now)                                          \
    ((ngx_msec_int_t) ((e)->node.key - (now)) <= 0)


#endif /* _NGX_MRA_SHM_TABLE_H_INCLUDED_ */
