
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_TOKEN_H_INCLUDED_
#define _NGX_MRA_TOKEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/evp.h>


/*
 * Tokens, and what is computed under the secret.  Random bytes, secret and
 * hash are arguments; nothing is fetched in a call, and nothing allocated but
 * the few bytes that OpenSSL 3.0 itself takes to begin a hash.  Strings are
 * shorter than 2^32 bytes.
 */

#define NGX_MRA_TOKEN_LEN       32     /* bytes: 256 random bits */
#define NGX_MRA_TOKEN_TEXT_LEN  43     /* base64url without padding */

#define NGX_MRA_TOKEN_KEY_LEN   32     /* of a key, a digest, a mac */


/*
 * The caller's, one for each worker: ctx from EVP_MD_CTX_new(), md is SHA-256,
 * EVP_sha256() with OpenSSL 1.1.1, from EVP_MD_fetch() with 3.x, where the
 * former would be fetched again for each call.
 */

typedef struct {
    EVP_MD_CTX               *ctx;
    const EVP_MD             *md;
} ngx_mra_token_hash_t;


/*
 * A key of its own for each use, from the bytes of the secret:
 * HMAC-SHA-256(secret, label).  Labels in use: "key", "credential", "flow".
 *
 * NGX_OK / NGX_ERROR (OpenSSL failed)
 */

ngx_int_t ngx_mra_token_derive(ngx_mra_token_hash_t *h, ngx_str_t *secret,
    ngx_str_t *label, u_char key[NGX_MRA_TOKEN_KEY_LEN]);

/*
 * The digest of (kind, scope, name) under a derived key: what the store
 * finds things by.  kind is 0..255; who does not know the key can neither
 * tell nor collide digests.  For a token, name is its NGX_MRA_TOKEN_LEN
 * bytes.  One pass of SHA-256, since each request with a token pays for it:
 * the lengths come before what they tell, so that no digest can be extended.
 *
 * NGX_OK / NGX_ERROR (OpenSSL failed)
 */

ngx_int_t ngx_mra_token_digest(ngx_mra_token_hash_t *h,
    u_char key[NGX_MRA_TOKEN_KEY_LEN], ngx_uint_t kind, ngx_str_t *scope,
    ngx_str_t *name, u_char digest[NGX_MRA_TOKEN_KEY_LEN]);

/*
 * HMAC-SHA-256 under a derived key over scope, the user as given, and the
 * password: what is kept of a credential.  No bytes are special in them.
 *
 * NGX_OK / NGX_ERROR (OpenSSL failed)
 */

ngx_int_t ngx_mra_token_mac(ngx_mra_token_hash_t *h,
    u_char key[NGX_MRA_TOKEN_KEY_LEN], ngx_str_t *scope, ngx_str_t *user,
    ngx_str_t *password, u_char mac[NGX_MRA_TOKEN_KEY_LEN]);

/* 1 if equal; takes the same time whether they are or not */

ngx_uint_t ngx_mra_token_equal(u_char *a, u_char *b, size_t len);


/* the text of a token, NGX_MRA_TOKEN_TEXT_LEN bytes, from random ones */

void ngx_mra_token_build(u_char *text, u_char random[NGX_MRA_TOKEN_LEN]);

/*
 * Only what ngx_mra_token_build() makes is taken: length, alphabet and the
 * unused bits of the last character.  NGX_OK / NGX_ERROR
 */

ngx_int_t ngx_mra_token_parse(u_char token[NGX_MRA_TOKEN_LEN], u_char *p,
    u_char *last);


#endif /* _NGX_MRA_TOKEN_H_INCLUDED_ */
