
/*
 * Copyright (C) ngx_mra contributors
 *
 * A keyed hash of 64 bits (SipHash-1-3, of the family by Aumasson and
 * Bernstein, 2012): short names for what comes from the wire, so that nobody
 * without the key can make two of them collide.  Not for what has to
 * withstand 2^32 guesses.
 */


#ifndef _NGX_MRA_HASH_H_INCLUDED_
#define _NGX_MRA_HASH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_MRA_HASH_KEY_LEN  16


typedef struct {
    uint64_t  v[4];
    uint64_t  tail;        /* up to 7 bytes that wait for more */
    uint64_t  len;         /* bytes hashed so far */
} ngx_mra_hash_t;


/* key is NGX_MRA_HASH_KEY_LEN bytes */

void ngx_mra_hash_init(ngx_mra_hash_t *h, const u_char *key);

void ngx_mra_hash_add(ngx_mra_hash_t *h, const u_char *p, size_t len);

/*
 * The length too, so that ("ab", "c") and ("a", "bc") are different; what was
 * added before and this are filled up with zeros to whole words.
 */

void ngx_mra_hash_add_span(ngx_mra_hash_t *h, const ngx_str_t *s);

uint64_t ngx_mra_hash_end(ngx_mra_hash_t *h);


#endif /* _NGX_MRA_HASH_H_INCLUDED_ */
