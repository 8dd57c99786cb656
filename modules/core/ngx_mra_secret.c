
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"


static ngx_int_t ngx_mra_secret_key(ngx_mra_core_conf_t *mccf, char *label,
    ngx_mra_token_key_t *key);


char *
ngx_mra_secret_open(ngx_conf_t *cf, ngx_mra_core_conf_t *mccf)
{
    char             *rv;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_str_t        *name;
    ngx_file_info_t   fi;

    name = &mccf->secret_file;

    if (name->data == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    mccf->secret.data = ngx_pnalloc(cf->pool, NGX_MRA_SECRET_MAX + 1);
    if (mccf->secret.data == NULL) {
        return NGX_CONF_ERROR;
    }

    /* nonblocking, because it may turn out to be a pipe */

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the \"secret\" file cannot be read: "
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        goto done;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the \"secret\" \"%V\" must be a file", name);
        goto done;
    }

    n = ngx_read_fd(fd, mccf->secret.data, NGX_MRA_SECRET_MAX + 1);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", name);
        goto done;
    }

    if (n < NGX_MRA_SECRET_MIN || n > NGX_MRA_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the \"secret\" file \"%V\" must hold %d to %d "
                           "random bytes, it holds %O", name,
                           NGX_MRA_SECRET_MIN, NGX_MRA_SECRET_MAX,
                           ngx_file_size(&fi));
        goto done;
    }

    if (ngx_file_access(&fi) & (S_IROTH|S_IWOTH)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the \"secret\" file \"%V\" is open to all users, "
                           "it should be to its owner only", name);
    }

    mccf->secret.len = n;

    rv = NGX_CONF_OK;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    return rv;
}


ngx_int_t
ngx_mra_secret_init(ngx_mra_core_conf_t *mccf, ngx_log_t *log)
{
    if (mccf->secret.len == 0) {
        mccf->secret.data = mccf->zone->random;
        mccf->secret.len = sizeof(mccf->zone->random);
    }

    if (ngx_mra_token_key(&mccf->secret_key, mccf->secret.data,
                          mccf->secret.len)
        != NGX_OK
        || ngx_mra_secret_key(mccf, "key", &mccf->key_key) != NGX_OK
        || ngx_mra_secret_key(mccf, "credential", &mccf->credential_key)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "SHA-256 of the OpenSSL library failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_mra_secret_key(ngx_mra_core_conf_t *mccf, char *label,
    ngx_mra_token_key_t *key)
{
    u_char  bytes[NGX_MRA_TOKEN_KEY_LEN];

    if (ngx_mra_derive(&mccf->pub, label, bytes) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_mra_token_key(key, bytes, NGX_MRA_TOKEN_KEY_LEN);
}


ngx_int_t
ngx_mra_derive(ngx_mra_conf_t *mcf, char *label, u_char *key)
{
    ngx_str_t             name;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    name.data = (u_char *) label;
    name.len = ngx_strlen(label);

    return ngx_mra_token_derive(&mccf->secret_key, &name, key);
}


ngx_int_t
ngx_mra_key(ngx_mra_conf_t *mcf, ngx_mra_kind_e kind, ngx_str_t *scope,
    ngx_str_t *name, u_char *key)
{
#if (NGX_MRA_HIREDIS)
    ngx_str_t             none;
#endif
    u_char                digest[NGX_MRA_TOKEN_KEY_LEN];
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (ngx_mra_token_digest(&mccf->key_key, kind, scope, name, digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(key, digest, NGX_MRA_KEY_LEN);

#if (NGX_MRA_HIREDIS)

    /* what is asked for together is in one part of a cluster */

    if (mccf->redis && mccf->redis->cluster
        && (kind == NGX_MRA_CREDENTIAL || kind == NGX_MRA_AUTHORIZATION))
    {
        ngx_str_null(&none);

        if (ngx_mra_token_digest(&mccf->key_key, NGX_MRA_KINDS, &none, name,
                                 digest)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        key[0] = digest[0];
    }

#endif

    return NGX_OK;
}


ngx_int_t
ngx_mra_credential_mac(ngx_mra_conf_t *mcf, ngx_str_t *scope, ngx_str_t *user,
    ngx_str_t *password, u_char *mac)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    return ngx_mra_token_mac(&mccf->credential_key, scope, user, password,
                             mac);
}
