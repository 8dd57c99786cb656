
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_hash.h"


/*
 * The vectors of SipHash-2-4: key 00 01 .. 0f, input 00 01 .. of this length
 * (Aumasson and Bernstein, "SipHash: a fast short-input PRF", appendix A, and
 * the authors' table).
 */

static struct {
    size_t    len;
    uint64_t  hash;
} vectors[] = {
    { 0,  0x726fdb47dd0e0e31 },
    { 1,  0x74f839c593dc67fd },
    { 7,  0xab0200f58b01d137 },
    { 8,  0x93f5f5799a932462 },
    { 15, 0xa129ca6149be45e5 },
};


static u_char  key[NGX_MRA_HASH_KEY_LEN] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};


static void
test_vectors(void)
{
    size_t          i, n;
    u_char         *p, input[16];
    uint64_t        hash;
    ngx_mra_hash_t  h;

    for (i = 0; i < sizeof(input); i++) {
        input[i] = (u_char) i;
    }

    for (i = 0; i < mra_rows(vectors); i++) {
        p = mra_guard(0, input, vectors[i].len);

        ngx_mra_hash_init(&h, key);
        ngx_mra_hash_add(&h, p, vectors[i].len);

        mra_ok(ngx_mra_hash_end(&h) == vectors[i].hash, "%u bytes",
               (unsigned) vectors[i].len);

        mra_each_cut(n, vectors[i].len) {
            ngx_mra_hash_init(&h, key);
            ngx_mra_hash_add(&h, p, n);
            ngx_mra_hash_add(&h, p + n, vectors[i].len - n);

            hash = ngx_mra_hash_end(&h);

            if (hash != vectors[i].hash) {
                break;
            }
        }

        mra_is(n, vectors[i].len, "%u bytes: cut at every byte",
               (unsigned) vectors[i].len);
    }
}


static uint64_t
pair(char *a, char *b)
{
    ngx_str_t       s;
    ngx_mra_hash_t  h;

    ngx_mra_hash_init(&h, key);

    s.data = (u_char *) a;
    s.len = strlen(a);
    ngx_mra_hash_add_span(&h, &s);

    s.data = (u_char *) b;
    s.len = strlen(b);
    ngx_mra_hash_add_span(&h, &s);

    return ngx_mra_hash_end(&h);
}


int
main(void)
{
    test_vectors();

    mra_ok(pair("ab", "c") != pair("a", "bc"), "spans have their borders");
    mra_ok(pair("", "a") != pair("a", ""), "empty spans count");

    return mra_done();
}
