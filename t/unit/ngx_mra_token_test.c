
/*
 * Copyright (C) ngx_mra contributors
 */


#include <mra_test.h>
#include "ngx_mra_token.h"

#include <openssl/crypto.h>


#define AA10  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
#define DD10  "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
#define S10   "ssssssssss"
#define S100  S10 S10 S10 S10 S10 S10 S10 S10 S10 S10


static u_char  token_key_bytes[] =
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
    "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f";


typedef struct {
    const char  *name;
    const char  *secret;
    size_t       secret_len;
    const char  *label;
    size_t       label_len;
    const char  *expected;
} token_derive_t;


static token_derive_t  token_derives[] = {

    { "RFC 4231, 4.2",
      mra_bytes("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
      "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"),
      mra_bytes("Hi There"),
      "\xb0\x34\x4c\x61\xd8\xdb\x38\x53\x5c\xa8\xaf\xce\xaf\x0b\xf1\x2b"
      "\x88\x1d\xc2\x00\xc9\x83\x3d\xa7\x26\xe9\x37\x6c\x2e\x32\xcf\xf7" },

    { "RFC 4231, 4.3",
      mra_bytes("Jefe"),
      mra_bytes("what do ya want for nothing?"),
      "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7"
      "\x5a\x00\x3f\x08\x9d\x27\x39\x83\x9d\xec\x58\xb9\x64\xec\x38\x43" },

    { "RFC 4231, 4.4",
      mra_bytes(AA10 AA10),
      mra_bytes(DD10 DD10 DD10 DD10 DD10),
      "\x77\x3e\xa9\x1e\x36\x80\x0e\x46\x85\x4d\xb8\xeb\xd0\x91\x81\xa7"
      "\x29\x59\x09\x8b\x3e\xf8\xc1\x22\xd9\x63\x55\x14\xce\xd5\x65\xfe" },

    { "RFC 4231, 4.7",
      mra_bytes(AA10 AA10 AA10 AA10 AA10 AA10 AA10
      AA10 AA10 AA10 AA10 AA10 AA10 "\xaa"),
      mra_bytes("Test Using Larger Than Block-Size Key - Hash Key First"),
      "\x60\xe4\x31\x59\x1e\xe0\xb6\x7f\x0d\x8a\x26\xaa\xcb\xf5\xb7\x7f"
      "\x8e\x0b\xc6\x21\x37\x28\xc5\x14\x05\x46\x04\x0f\x0e\xe3\x7f\x54" },

    { "RFC 4231, 4.8",
      mra_bytes(AA10 AA10 AA10 AA10 AA10 AA10 AA10
      AA10 AA10 AA10 AA10 AA10 AA10 "\xaa"),
      mra_bytes("This is a test using a larger than block-size key and a "
      "larger than block-size data. The key needs to be hashed before being "
      "used by the HMAC algorithm."),
      "\x9b\x09\xff\xa7\x1b\x94\x2f\xcb\x27\x63\x5f\xbc\xd5\xb0\xe9\x44"
      "\xbf\xdc\x63\x64\x4f\x07\x13\x93\x8a\x7f\x51\x53\x5c\x3a\x35\xe2" },

    { "key of one block",
      mra_bytes(AA10 AA10 AA10 AA10 AA10 AA10 "\xaa\xaa\xaa\xaa"),
      mra_bytes("x"),
      "\xce\x3c\x63\x9d\xcb\x9d\x8b\xaa\xe5\xd4\x4c\x3b\x8b\x5e\x23\x3f"
      "\xaa\xb4\xd1\x86\x0e\x07\x48\x9a\xf5\xc8\x4f\x21\x39\x98\xbd\x79" },

    { "key of one block and a byte",
      mra_bytes(AA10 AA10 AA10 AA10 AA10 AA10 "\xaa\xaa\xaa\xaa\xaa"),
      mra_bytes("x"),
      "\xc2\xb9\xa0\xa0\x13\xdf\x02\x9c\x7d\x81\x2c\x5a\xc1\x83\x88\xfe"
      "\xef\x01\x94\xee\x64\xfc\xc5\xf3\x21\xd1\x49\xc0\x61\x37\xca\xa3" },

    { "no data",
      mra_bytes("Jefe"),
      mra_bytes(""),
      "\x92\x35\x98\xca\x6d\x64\xaf\x2a\x5d\xba\x79\xdc\xd0\x21\xa8\xa0"
      "\xfe\x5c\x5f\x55\x75\x19\xad\xaa\xf0\xad\x53\x2d\x45\x06\xdd\x30" },
};


/* the expected values were computed with Python's hashlib and hmac */

typedef struct {
    const char  *name;
    ngx_uint_t   kind;
    const char  *scope;
    size_t       scope_len;
    const char  *value;
    size_t       value_len;
    const char  *expected;
} token_digest_t;


static token_digest_t  token_digests[] = {

    { "digest", 3,
      mra_bytes("edge"), mra_bytes("alice"),
      "\x42\x54\x2c\x64\x4c\xce\xd9\xce\xa5\x6e\xe3\x34\xc5\xee\xeb\x0a"
      "\x16\x7c\x64\x85\x0e\x81\x70\x71\x70\x47\x7f\x8e\x59\x4b\x11\xae" },

    { "digest of nothing", 0,
      mra_bytes(""), mra_bytes(""),
      "\x46\x45\x10\xf9\x67\x49\x18\xe2\x83\x22\x2b\x77\x6d\x37\xb1\xad"
      "\x76\xf6\xb3\xa4\x43\x65\x2f\x54\x56\xd6\x5b\xe8\x7e\xb7\xd3\x27" },

    { "digest of much", 255,
      mra_bytes(S100 S100 S100), mra_bytes(S100 S100 S100),
      "\x39\xde\xa6\x5a\xfd\x69\xd7\xbf\x35\xa9\x94\x8a\xa6\xac\xde\x51"
      "\x13\xda\xb2\xf3\x78\x1c\xf1\x1c\x55\x8f\x9b\x41\x57\x82\xa7\x4b" },

    { "digest of one block", 0,
      mra_bytes("MRA"), mra_bytes(S10 S10 S10 S10 "sss"),
      "\xa3\xaf\x00\x2d\x52\x5e\x47\xdf\x31\x03\x10\x52\xaa\x1d\xac\x37"
      "\xb8\x8f\x0a\xaa\xfb\x73\x8a\xdb\xd2\xf8\x17\x72\xfb\x63\xa4\xf6" },

    { "digest of one block and a byte", 0,
      mra_bytes("MRA"), mra_bytes(S10 S10 S10 S10 "ssss"),
      "\x1d\x9a\x60\x29\x38\xfd\x39\x38\x82\x7d\x82\x93\x52\x75\xb2\xd1"
      "\xa3\x63\x76\x5f\x75\xcd\xb7\xa5\x00\x5a\x13\x86\x78\xc8\xbc\xb9" },

    { "digest of NULs", 1,
      mra_bytes("\0"), mra_bytes("a\0b\0"),
      "\x36\xb1\x58\xeb\xb4\xea\x9c\xfa\x3a\x72\xe9\x21\x34\xbe\x58\x20"
      "\x39\xee\xb4\xe2\xb3\xc8\x8a\x26\x70\x47\x1e\x2e\x6f\xd0\x43\x87" },
};


typedef struct {
    const char  *name;
    const char  *scope;
    size_t       scope_len;
    const char  *user;
    size_t       user_len;
    const char  *password;
    size_t       password_len;
    const char  *expected;
} token_mac_t;


static token_mac_t  token_macs[] = {

    { "mac",
      mra_bytes("edge"), mra_bytes("Alice"),
      mra_bytes("secret"),
      "\xac\xe5\xcd\xdf\xed\x39\x9d\x1a\xac\x4b\xe6\xc8\xc9\xe7\x6b\xa0"
      "\xb4\x4b\x0b\x57\x2f\x65\xca\x3d\x27\xcb\x7d\xfd\x0f\xaa\x69\x91" },

    { "mac of nothing",
      mra_bytes(""), mra_bytes(""),
      mra_bytes(""),
      "\x9f\x0c\xd9\xb9\x40\x97\xfe\x49\x29\x91\x8d\x2b\x89\x42\xb3\x44"
      "\x39\x57\x42\x61\xa3\x5d\xc5\x01\x63\xf0\x6c\x67\xd4\xe4\x88\x99" },

    { "mac of NULs",
      mra_bytes("e\0"), mra_bytes("a\0b"),
      mra_bytes("\0"),
      "\x1b\x96\xe9\xa4\x84\x1b\xab\x3b\xdb\x17\xc1\x93\x03\x11\x5f\x35"
      "\x29\x7a\xd0\xc8\x0d\x31\xaa\x44\xc1\x1a\xd3\x89\x77\xba\x1b\xa3" },

    { "mac of much",
      mra_bytes(S100 S100 S100), mra_bytes(S100 S100 S100),
      mra_bytes(S100 S100 S100),
      "\x15\x73\x46\x35\xc0\x78\xbd\x3b\x73\xac\x01\x81\x15\x14\x14\xa8"
      "\x17\x1b\x3c\xc9\x4d\x92\x05\xac\x61\x7d\xec\x49\x77\xa4\x0e\xe1" },
};


typedef struct {
    const char  *text;
    const char  *bytes;
} token_text_t;


static token_text_t  token_texts[] = {

    { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" },

    { "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
      "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
      "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f" },

    { "-yBFao-02f4jSG2St9wBJktwlbrfBClOc5i94gcsUXY",
      "\xfb\x20\x45\x6a\x8f\xb4\xd9\xfe\x23\x48\x6d\x92\xb7\xdc\x01\x26"
      "\x4b\x70\x95\xba\xdf\x04\x29\x4e\x73\x98\xbd\xe2\x07\x2c\x51\x76" },

    { "__________________________________________8",
      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
};


static ngx_mra_token_key_t  token_key;
static ngx_uint_t           token_allocations;


static ngx_str_t
token_str(ngx_uint_t n, const char *data, size_t len)
{
    ngx_str_t  s;

    s.len = len;
    s.data = mra_guard(n, data, len);

    return s;
}


static void
token_derive_test(token_derive_t *t)
{
    u_char               *key;
    ngx_str_t             secret, label;
    ngx_mra_token_key_t   k;

    secret = token_str(0, t->secret, t->secret_len);
    label = token_str(1, t->label, t->label_len);
    key = mra_guard(2, NULL, NGX_MRA_TOKEN_KEY_LEN);

    mra_is(ngx_mra_token_key(&k, secret.data, secret.len), NGX_OK, "%s",
           t->name);
    mra_is(ngx_mra_token_derive(&k, &label, key), NGX_OK, "%s", t->name);
    mra_is_mem(key, 32, t->expected, 32, "%s: key", t->name);
}


static void
token_digest_test(token_digest_t *t)
{
    u_char     *digest;
    ngx_str_t   scope, name;

    scope = token_str(0, t->scope, t->scope_len);
    name = token_str(1, t->value, t->value_len);
    digest = mra_guard(2, NULL, NGX_MRA_TOKEN_KEY_LEN);

    mra_is(ngx_mra_token_digest(&token_key, t->kind, &scope, &name,
                                digest),
           NGX_OK, "%s", t->name);
    mra_is_mem(digest, 32, t->expected, 32, "%s: value", t->name);
}


static void
token_mac_test(token_mac_t *t)
{
    u_char     *mac;
    ngx_str_t   scope, user, password;

    scope = token_str(0, t->scope, t->scope_len);
    user = token_str(1, t->user, t->user_len);
    password = token_str(2, t->password, t->password_len);
    mac = mra_guard(3, NULL, NGX_MRA_TOKEN_KEY_LEN);

    mra_is(ngx_mra_token_mac(&token_key, &scope, &user, &password, mac),
           NGX_OK, "%s", t->name);
    mra_is_mem(mac, 32, t->expected, 32, "%s: value", t->name);
}


static ngx_uint_t
token_same_digest(ngx_uint_t kind1, const char *scope1, const char *name1,
    ngx_uint_t kind2, const char *scope2, const char *name2)
{
    u_char     a[NGX_MRA_TOKEN_KEY_LEN], b[NGX_MRA_TOKEN_KEY_LEN];
    ngx_str_t  scope, name;

    scope = token_str(0, scope1, strlen(scope1));
    name = token_str(1, name1, strlen(name1));
    ngx_mra_token_digest(&token_key, kind1, &scope, &name, a);

    scope = token_str(0, scope2, strlen(scope2));
    name = token_str(1, name2, strlen(name2));
    ngx_mra_token_digest(&token_key, kind2, &scope, &name, b);

    return ngx_mra_token_equal(a, b, NGX_MRA_TOKEN_KEY_LEN);
}


static void
token_separation_test(void)
{
    u_char     a[NGX_MRA_TOKEN_KEY_LEN], b[NGX_MRA_TOKEN_KEY_LEN];
    ngx_str_t  scope, user, password;

    mra_is(token_same_digest(1, "ab", "c", 1, "ab", "c"), 1, "same digest");
    mra_is(token_same_digest(1, "ab", "c", 2, "ab", "c"), 0, "other kind");
    mra_is(token_same_digest(1, "ab", "c", 1, "a", "bc"), 0, "other scope");
    mra_is(token_same_digest(1, "", "abc", 1, "abc", ""), 0, "no scope");

    scope = token_str(0, "s", 1);
    user = token_str(1, "us", 2);
    password = token_str(2, "er", 2);
    ngx_mra_token_mac(&token_key, &scope, &user, &password, a);

    user = token_str(1, "u", 1);
    password = token_str(2, "ser", 3);
    ngx_mra_token_mac(&token_key, &scope, &user, &password, b);

    mra_is(ngx_mra_token_equal(a, b, 32), 0, "other user and password");
}


static void
token_equal_test(void)
{
    u_char  *a, *b;

    a = mra_guard(0, "0123456789abcdef", 16);
    b = mra_guard(1, "0123456789abcdef", 16);

    mra_is(ngx_mra_token_equal(a, b, 16), 1, "equal");

    b[15] ^= 0x80;
    mra_is(ngx_mra_token_equal(a, b, 16), 0, "last byte differs");
    mra_is(ngx_mra_token_equal(a, b, 15), 1, "all but the last are equal");

    b[15] ^= 0x80;
    b[0] ^= 1;
    mra_is(ngx_mra_token_equal(a, b, 16), 0, "first byte differs");
}


static void
token_text_test(token_text_t *t)
{
    u_char  *text, *bytes;

    bytes = mra_guard(0, t->bytes, NGX_MRA_TOKEN_LEN);
    text = mra_guard(1, NULL, NGX_MRA_TOKEN_TEXT_LEN);

    ngx_mra_token_build(text, bytes);

    mra_is_mem(text, NGX_MRA_TOKEN_TEXT_LEN, t->text, strlen(t->text),
               "text \"%s\"", t->text);
}


static void *
token_malloc(size_t size, const char *file, int line)
{
    token_allocations++;

    return malloc(size);
}


static void *
token_realloc(void *p, size_t size, const char *file, int line)
{
    token_allocations++;

    return realloc(p, size);
}


static void
token_free(void *p, const char *file, int line)
{
    free(p);
}


static void
token_allocation_test(void)
{
    u_char      out[NGX_MRA_TOKEN_KEY_LEN];
    ngx_str_t   s;
    ngx_uint_t  n;

    s = token_str(0, "abc", 3);
    n = token_allocations;

    ngx_mra_token_digest(&token_key, 1, &s, &s, out);
    ngx_mra_token_mac(&token_key, &s, &s, &s, out);
    ngx_mra_token_derive(&token_key, &s, out);

    mra_is(token_allocations, n, "nothing is allocated");

    OPENSSL_free(OPENSSL_malloc(1));

    mra_is(token_allocations, n + 1, "allocations are counted");
}


int
main(void)
{
    size_t  i;

    if (!CRYPTO_set_mem_functions(token_malloc, token_realloc, token_free)) {
        printf("Bail out! allocations cannot be counted\n");
        return 2;
    }

    mra_is(ngx_mra_token_key(&token_key, token_key_bytes,
                             NGX_MRA_TOKEN_KEY_LEN),
           NGX_OK, "key");

    for (i = 0; i < mra_rows(token_derives); i++) {
        token_derive_test(&token_derives[i]);
    }

    for (i = 0; i < mra_rows(token_digests); i++) {
        token_digest_test(&token_digests[i]);
    }

    for (i = 0; i < mra_rows(token_macs); i++) {
        token_mac_test(&token_macs[i]);
    }

    for (i = 0; i < mra_rows(token_texts); i++) {
        token_text_test(&token_texts[i]);
    }

    token_separation_test();
    token_equal_test();
    token_allocation_test();

    return mra_done();
}
