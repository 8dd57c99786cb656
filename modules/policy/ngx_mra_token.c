
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_token.h"

#include <openssl/crypto.h>


#define NGX_MRA_TOKEN_BLOCK     64     /* of SHA-256 */
#define NGX_MRA_TOKEN_NO_DIGIT  64


static ngx_int_t ngx_mra_token_hmac(ngx_mra_token_hash_t *h, u_char *key,
    size_t len, ngx_str_t *parts, ngx_uint_t n, u_char *mac);
static ngx_int_t ngx_mra_token_hash(ngx_mra_token_hash_t *h, u_char *block,
    size_t len, ngx_str_t *parts, ngx_uint_t n, u_char *digest);
static u_char *ngx_mra_token_put32(u_char *p, size_t n);
static ngx_uint_t ngx_mra_token_digit(u_char ch);


ngx_int_t
ngx_mra_token_derive(ngx_mra_token_hash_t *h, ngx_str_t *secret,
    ngx_str_t *label, u_char key[NGX_MRA_TOKEN_KEY_LEN])
{
    u_char  hashed[NGX_MRA_TOKEN_KEY_LEN];

    if (secret->len <= NGX_MRA_TOKEN_BLOCK) {
        return ngx_mra_token_hmac(h, secret->data, secret->len, label, 1,
                                  key);
    }

    if (ngx_mra_token_hash(h, NULL, 0, secret, 1, hashed) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_mra_token_hmac(h, hashed, NGX_MRA_TOKEN_KEY_LEN, label, 1,
                              key);
}


ngx_int_t
ngx_mra_token_digest(ngx_mra_token_hash_t *h,
    u_char key[NGX_MRA_TOKEN_KEY_LEN], ngx_uint_t kind, ngx_str_t *scope,
    ngx_str_t *name, u_char digest[NGX_MRA_TOKEN_KEY_LEN])
{
    u_char     *p, head[NGX_MRA_TOKEN_KEY_LEN + 1 + 4 + 4];
    ngx_str_t   parts[2];

    p = ngx_cpymem(head, key, NGX_MRA_TOKEN_KEY_LEN);
    *p++ = (u_char) kind;
    p = ngx_mra_token_put32(p, scope->len);
    ngx_mra_token_put32(p, name->len);

    parts[0] = *scope;
    parts[1] = *name;

    return ngx_mra_token_hash(h, head, sizeof(head), parts, 2, digest);
}


ngx_int_t
ngx_mra_token_mac(ngx_mra_token_hash_t *h, u_char key[NGX_MRA_TOKEN_KEY_LEN],
    ngx_str_t *scope, ngx_str_t *user, ngx_str_t *password,
    u_char mac[NGX_MRA_TOKEN_KEY_LEN])
{
    u_char     head[4 + 4];
    ngx_str_t  parts[4];

    ngx_mra_token_put32(ngx_mra_token_put32(head, scope->len), user->len);

    parts[0].len = sizeof(head);
    parts[0].data = head;
    parts[1] = *scope;
    parts[2] = *user;
    parts[3] = *password;

    return ngx_mra_token_hmac(h, key, NGX_MRA_TOKEN_KEY_LEN, parts, 4, mac);
}


/* RFC 2104; OpenSSL's own fetches its parts in each call */

static ngx_int_t
ngx_mra_token_hmac(ngx_mra_token_hash_t *h, u_char *key, size_t len,
    ngx_str_t *parts, ngx_uint_t n, u_char *mac)
{
    u_char      inner[NGX_MRA_TOKEN_BLOCK], outer[NGX_MRA_TOKEN_BLOCK];
    ngx_str_t   digest;
    ngx_uint_t  i;

    ngx_memset(inner, 0x36, NGX_MRA_TOKEN_BLOCK);
    ngx_memset(outer, 0x5c, NGX_MRA_TOKEN_BLOCK);

    for (i = 0; i < len; i++) {
        inner[i] ^= key[i];
        outer[i] ^= key[i];
    }

    if (ngx_mra_token_hash(h, inner, NGX_MRA_TOKEN_BLOCK, parts, n, mac)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    digest.len = NGX_MRA_TOKEN_KEY_LEN;
    digest.data = mac;

    return ngx_mra_token_hash(h, outer, NGX_MRA_TOKEN_BLOCK, &digest, 1, mac);
}


static ngx_int_t
ngx_mra_token_hash(ngx_mra_token_hash_t *h, u_char *block, size_t len,
    ngx_str_t *parts, ngx_uint_t n, u_char *digest)
{
    ngx_uint_t  i;

    if (EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1
        || EVP_DigestUpdate(h->ctx, block, len) != 1)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (EVP_DigestUpdate(h->ctx, parts[i].data, parts[i].len) != 1) {
            return NGX_ERROR;
        }
    }

    if (EVP_DigestFinal_ex(h->ctx, digest, NULL) != 1) {
        return NGX_ERROR;
    }

    return NGX_OK;
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


ngx_int_t
ngx_mra_token_parse(u_char token[NGX_MRA_TOKEN_LEN], u_char *p, u_char *last)
{
    uint32_t    acc;
    ngx_uint_t  bits, digit;

    if (last - p != NGX_MRA_TOKEN_TEXT_LEN) {
        return NGX_ERROR;
    }

    acc = 0;
    bits = 0;

    for ( /* void */ ; p < last; p++) {
        digit = ngx_mra_token_digit(*p);

        if (digit == NGX_MRA_TOKEN_NO_DIGIT) {
            return NGX_ERROR;
        }

        acc = acc << 6 | digit;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            *token++ = (u_char) (acc >> bits);
        }
    }

    return (acc & ((1 << bits) - 1)) ? NGX_ERROR : NGX_OK;
}


static ngx_uint_t
ngx_mra_token_digit(u_char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    if (ch == '-') {
        return 62;
    }

    return (ch == '_') ? 63 : NGX_MRA_TOKEN_NO_DIGIT;
}
