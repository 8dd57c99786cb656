
/*
 * Copyright (C) ngx_mra contributors
 *
 * The table in shared memory: entries of blocks of one size, found by
 * (kind, key) in a hash, and for each kind in the order in which they expire
 * (a skip list).  Its user holds the zone's lock; nothing here locks or logs.
 *
 * A worker may be killed between any two instructions.  So what is changed
 * is saved before, and whoever takes the lock next takes the change back.
 */


#ifndef _NGX_MRA_SHM_TABLE_H_INCLUDED_
#define _NGX_MRA_SHM_TABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_life.h"
#include "ngx_mra_store.h"


#define NGX_MRA_SHM_BLOCK      128
#define NGX_MRA_SHM_LEVELS     7      /* each has an eighth of the one below */

/* bytes of data in the first block of an entry, and in each other */

#define NGX_MRA_SHM_FIRST                                                    \
    (NGX_MRA_SHM_BLOCK - sizeof(ngx_msec_t)                                  \
     - (NGX_MRA_SHM_LEVELS + 4) * sizeof(uint32_t) - NGX_MRA_KEY_LEN)
#define NGX_MRA_SHM_OTHER      (NGX_MRA_SHM_BLOCK - sizeof(uint32_t))

/*
 * what one change may save: each block that it takes and each that it frees,
 * the places in the list of the new and the old entry, and what there is one
 * of
 */

#define NGX_MRA_SHM_SAVED                                                    \
    (2 * (NGX_MRA_VALUE_MAX / NGX_MRA_SHM_OTHER + 2)                         \
     + 3 * NGX_MRA_SHM_LEVELS + 24)


/* blocks are named by their numbers, 0 is none */

typedef struct {
    ngx_msec_t           expire;
    uint32_t             later[NGX_MRA_SHM_LEVELS];
    uint32_t             earlier;   /* on the lowest level; 0: the first */
    uint32_t             next;      /* in the bucket */
    uint32_t             more;      /* its second block */
    uint16_t             size;      /* of the value or window in data */
    u_char               name_len;  /* of the name that follows */
    u_char               kind;
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
    uint32_t             first[NGX_MRA_SHM_LEVELS];
    uint32_t             entries;
    uint32_t             peak;      /* the most that there ever were */
    ngx_msec_t           peak_time;
    uint32_t             blocks;
    uint32_t             changes;
} ngx_mra_shm_kind_t;


typedef struct {
    void                *p;
    size_t               len;
    uint64_t             was;
} ngx_mra_shm_saved_t;


typedef struct {
    ngx_uint_t           nsaved;    /* not 0: a change is under way */
    ngx_mra_shm_saved_t  saved[NGX_MRA_SHM_SAVED];

    ngx_mra_shm_kind_t   kinds[NGX_MRA_KINDS];

    uint32_t            *buckets;
    uint32_t             mask;

    ngx_mra_shm_block_t *blocks;
    uint32_t             nblocks;
    uint32_t             fresh;     /* this one and later were never used */
    uint32_t             free;      /* first of the free list */
    uint32_t             nfree;     /* fresh ones included */

    ngx_uint_t           evicted;   /* before they had expired */
    ngx_uint_t           recovered;
    ngx_uint_t           full;      /* said to be, and not yet over */

    ngx_atomic_t         sweep;     /* when the next one is due, ms */
    ngx_atomic_t         cleanup;   /* ... of tokens and credentials */
    ngx_mra_life_t       life;      /* of those */
} ngx_mra_shm_table_t;


/*
 * Makes a table in "size" bytes at p, aligned to a block.  NULL: too small
 */

ngx_mra_shm_table_t *ngx_mra_shm_table_init(u_char *p, size_t size);

/* after the death of a worker: takes back what it had begun */

void ngx_mra_shm_table_recover(ngx_mra_shm_table_t *t);

/* the entry, expired or not; NULL: there is none */

ngx_mra_shm_entry_t *ngx_mra_shm_table_find(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind, u_char *key);

/*
 * An entry for "size" and "name_len" bytes of data, to be filled and
 * inserted before anything else is done with the table but find.  A quarter
 * is for windows and bans, which anybody can cause: they take no more from
 * what is in use, and tokens and credentials give way to each other and to
 * registrations before that.  A full table gives up what has expired; then,
 * of windows and bans, those of the kind that has most; then the rest: of
 * these what expires first.  So any entry found before may be gone.  NULL:
 * larger than the table.
 */

ngx_mra_shm_entry_t *ngx_mra_shm_table_alloc(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind, u_char *key, size_t size, size_t name_len,
    ngx_msec_t now);

/* whether a sixteenth of the table could be taken without giving up any */

ngx_uint_t ngx_mra_shm_table_room(ngx_mra_shm_table_t *t);

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
 * The entry of a kind that expires first; the first that expires at "expire"
 * or later; the next in this order.  NULL: there is none
 */

ngx_mra_shm_entry_t *ngx_mra_shm_table_first(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind);
ngx_mra_shm_entry_t *ngx_mra_shm_table_from(ngx_mra_shm_table_t *t,
    ngx_mra_kind_e kind, ngx_msec_t expire);
ngx_mra_shm_entry_t *ngx_mra_shm_table_next(ngx_mra_shm_table_t *t,
    ngx_mra_shm_entry_t *e);

/* copies "len" bytes at "offset" of the data of an entry */

void ngx_mra_shm_table_read(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, void *to, size_t len);
void ngx_mra_shm_table_write(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, const void *from, size_t len);

/*
 * The same for up to 8 bytes of an entry that is linked, aligned to 4 and
 * before its 60th byte if to 8; ends with ngx_mra_shm_table_move().
 */

void ngx_mra_shm_table_change(ngx_mra_shm_table_t *t, ngx_mra_shm_entry_t *e,
    size_t offset, const void *from, size_t len);


#define ngx_mra_shm_expired(e, now)                                          \
    ((ngx_msec_int_t) ((e)->expire - (now)) <= 0)


#endif /* _NGX_MRA_SHM_TABLE_H_INCLUDED_ */
