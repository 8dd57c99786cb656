
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_TOKEN_H_INCLUDED_
#define _NGX_MRA_TOKEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

/* nginx defines it too, when it is built with SSL */

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif

#include <openssl/sha.h>


/*
 * Tokens, and what is computed under the secret.  Random bytes and secret
 * are arguments.  SHA-256 is used without EVP, which allocates for each hash
 * and costs as much as the hash itself.  Strings are shorter than 2^32 bytes.
 *
 * All that return ngx_int_t: NGX_OK / NGX_ERROR (OpenSSL failed)
 */

#define NGX_MRA_TOKEN_LEN       32     /* bytes: 256 random bits */
#define NGX_MRA_TOKEN_TEXT_LEN  43     /* base64url without padding */

#define NGX_MRA_TOKEN_KEY_LEN   32     /* of a key, a digest, a mac */


/* a key of HMAC, after its blocks were hashed; as secret as its bytes */

typedef struct {
    SHA256_CTX                inner;
    SHA256_CTX                outer;
} ngx_mra_token_key_t;


/* the key that these bytes make, any number of them */

ngx_int_t ngx_mra_token_key(ngx_mra_token_key_t *key, u_char *secret,
    size_t len);

/*
 * The bytes of a key of its own for each use: HMAC-SHA-256(secret, label).
 * Labels in use: "key", "credential", "sip hash".
 */

ngx_int_t ngx_mra_token_derive(ngx_mra_token_key_t *secret, ngx_str_t *label,
    u_char bytes[NGX_MRA_TOKEN_KEY_LEN]);

/*
 * The digest of (kind, scope, name) under a key for this use only: what the
 * store finds things by.  kind is 0..255; who does not know the key can
 * neither tell nor collide digests.  It is HMAC's inner hash: each request
 * with a token pays for it, and since the lengths come before what they tell,
 * no digest can be extended.  One block of SHA-256, while scope and name have
 * 46 bytes or fewer.
 */

ngx_int_t ngx_mra_token_digest(ngx_mra_token_key_t *key, ngx_uint_t kind,
    ngx_str_t *scope, ngx_str_t *name, u_char digest[NGX_MRA_TOKEN_KEY_LEN]);

/*
 * HMAC-SHA-256 over scope, the user as given, and the password: what is kept
 * of a credential.  No bytes are special in them.
 */

ngx_int_t ngx_mra_token_mac(ngx_mra_token_key_t *key, ngx_str_t *scope,
    ngx_str_t *user, ngx_str_t *password, u_char mac[NGX_MRA_TOKEN_KEY_LEN]);

/* 1 if equal; takes the same time whether they are or not */

ngx_uint_t ngx_mra_token_equal(u_char *a, u_char *b, size_t len);


/* the text of a token, NGX_MRA_TOKEN_TEXT_LEN bytes, from random ones */

void ngx_mra_token_build(u_char *text, u_char random[NGX_MRA_TOKEN_LEN]);


#endif /* _NGX_MRA_TOKEN_H_INCLUDED_ */
