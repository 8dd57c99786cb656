
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_hash.h"


/*
 * Input 00 01 .. of this length, as CPython 3.11 hashes it, whose
 * sys.hash_info.algorithm is siphash13, with PYTHONHASHSEED=1, which makes
 * this key.
 */

static u_char  key[NGX_MRA_HASH_KEY_LEN] = {
    0x29, 0x23, 0xbe, 0x84, 0xe1, 0x6c, 0xd6, 0xae,
    0x52, 0x90, 0x49, 0xf1, 0xf1, 0xbb, 0xe9, 0xeb
};

static struct {
    size_t    len;
    uint64_t  hash;
} vectors[] = {
    { 1,  0xecd3e5afcecda4b9 },
    { 7,  0xfd15e78052a69ddf },
    { 8,  0xc0b5739e7e28dd01 },
    { 15, 0xfa87985f39e97a53 },
    { 40, 0xdb056b8b4f38310b },
};


static void
test_vectors(void)
{
    size_t          i, n;
    u_char         *p, input[40];
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
