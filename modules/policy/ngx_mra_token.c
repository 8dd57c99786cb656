
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_token.h"

#include <openssl/crypto.h>


#define NGX_MRA_TOKEN_BLOCK  64     /* of SHA-256 */


static ngx_int_t ngx_mra_token_start(SHA256_CTX *state, u_char *secret,
    size_t len, u_char pad);
static ngx_int_t ngx_mra_token_hmac(ngx_mra_token_key_t *key,
    ngx_str_t *parts, ngx_uint_t n, u_char *mac);
static ngx_int_t ngx_mra_token_hash(SHA256_CTX *start, ngx_str_t *parts,
    ngx_uint_t n, u_char *digest);
static u_char *ngx_mra_token_put32(u_char *p, size_t n);


/* RFC 2104 */

ngx_int_t
ngx_mra_token_key(ngx_mra_token_key_t *key, u_char *secret, size_t len)
{
    u_char      hashed[NGX_MRA_TOKEN_KEY_LEN];
    ngx_str_t   whole;
    SHA256_CTX  nothing;

    if (len > NGX_MRA_TOKEN_BLOCK) {
        whole.len = len;
        whole.data = secret;

        if (SHA256_Init(&nothing) != 1
            || ngx_mra_token_hash(&nothing, &whole, 1, hashed) != NGX_OK)
        {
            return NGX_ERROR;
        }

        secret = hashed;
        len = NGX_MRA_TOKEN_KEY_LEN;
    }

    if (ngx_mra_token_start(&key->inner, secret, len, 0x36) != NGX_OK
        || ngx_mra_token_start(&key->outer, secret, len, 0x5c) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_mra_token_start(SHA256_CTX *state, u_char *secret, size_t len, u_char pad)
{
    u_char  block[NGX_MRA_TOKEN_BLOCK];
    size_t  i;

    ngx_memset(block, pad, NGX_MRA_TOKEN_BLOCK);

    for (i = 0; i < len; i++) {
        block[i] ^= secret[i];
    }

    if (SHA256_Init(state) != 1
        || SHA256_Update(state, block, NGX_MRA_TOKEN_BLOCK) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_mra_token_derive(ngx_mra_token_key_t *secret, ngx_str_t *label,
    u_char bytes[NGX_MRA_TOKEN_KEY_LEN])
{
    return ngx_mra_token_hmac(secret, label, 1, bytes);
}


ngx_int_t
ngx_mra_token_digest(ngx_mra_token_key_t *key, ngx_uint_t kind,
    ngx_str_t *scope, ngx_str_t *name, u_char digest[NGX_MRA_TOKEN_KEY_LEN])
{
    u_char     head[1 + 4 + 4];
    ngx_str_t  parts[3];

    head[0] = (u_char) kind;
    ngx_mra_token_put32(ngx_mra_token_put32(head + 1, scope->len), name->len);

    parts[0].len = sizeof(head);
    parts[0].data = head;
    parts[1] = *scope;
    parts[2] = *name;

    return ngx_mra_token_hash(&key->inner, parts, 3, digest);
}


ngx_int_t
ngx_mra_token_mac(ngx_mra_token_key_t *key, ngx_str_t *scope, ngx_str_t *user,
    ngx_str_t *password, u_char mac[NGX_MRA_TOKEN_KEY_LEN])
{
    u_char     head[4 + 4];
    ngx_str_t  parts[4];

    ngx_mra_token_put32(ngx_mra_token_put32(head, scope->len), user->len);

    parts[0].len = sizeof(head);
    parts[0].data = head;
    parts[1] = *scope;
    parts[2] = *user;
    parts[3] = *password;

    return ngx_mra_token_hmac(key, parts, 4, mac);
}


static ngx_int_t
ngx_mra_token_hmac(ngx_mra_token_key_t *key, ngx_str_t *parts, ngx_uint_t n,
    u_char *mac)
{
    ngx_str_t  digest;

    if (ngx_mra_token_hash(&key->inner, parts, n, mac) != NGX_OK) {
        return NGX_ERROR;
    }

    digest.len = NGX_MRA_TOKEN_KEY_LEN;
    digest.data = mac;

    return ngx_mra_token_hash(&key->outer, &digest, 1, mac);
}


static ngx_int_t
ngx_mra_token_hash(SHA256_CTX *start, ngx_str_t *parts, ngx_uint_t n,
    u_char *digest)
{
    SHA256_CTX  state;
    ngx_uint_t  i;

    state = *start;

    for (i = 0; i < n; i++) {
        if (SHA256_Update(&state, parts[i].data, parts[i].len) != 1) {
            return NGX_ERROR;
        }
    }

    return (SHA256_Final(digest, &state) == 1) ? NGX_OK : NGX_ERROR;
}


static u_char *
ngx_mra_token_put32(u_char *p, size_t n)
{
    *p++ = (u_char) (n >> 24);
    *p++ = (u_char) (n >> 16);
    *p++ = (u_char) (n >> 8);
    *p++ = (u_char) n;

    return p;
}


ngx_uint_t
ngx_mra_token_equal(u_char *a, u_char *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


void
ngx_mra_token_build(u_char *text, u_char random[NGX_MRA_TOKEN_LEN])
{
    uint32_t    acc;
    ngx_uint_t  i, bits;

    static const u_char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz0123456789-_";

    acc = 0;
    bits = 0;

    for (i = 0; i < NGX_MRA_TOKEN_LEN; i++) {
        acc = acc << 8 | random[i];
        bits += 8;

        while (bits >= 6) {
            bits -= 6;
            *text++ = digits[acc >> bits & 0x3f];
        }
    }

    *text = digits[acc << (6 - bits) & 0x3f];
}
