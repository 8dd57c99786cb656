
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"


#if (NGX_MRA_HIREDIS)

#define NGX_MRA_REDIS_PORT      6379
#define NGX_MRA_SENTINEL_PORT   26379
#define NGX_MRA_PASSWORD_MAX    512


/* what is given by name=value */

typedef struct {
    ngx_str_t   user;
    ngx_str_t   password_file;
    ngx_str_t   db;
    ngx_str_t   prefix;
    ngx_str_t   tls;
    ngx_str_t   tls_name;
    ngx_str_t   tls_trusted;
    ngx_str_t   tls_certificate;
    ngx_str_t   tls_key;
    ngx_str_t   sentinel;
    ngx_str_t   cluster;
    ngx_str_t   timeout;
} ngx_mra_redis_args_t;


typedef struct {
    ngx_str_t   name;
    size_t      offset;
} ngx_mra_redis_param_t;


static ngx_mra_redis_param_t  ngx_mra_redis_params[] = {
    { ngx_string("user="), offsetof(ngx_mra_redis_args_t, user) },
    { ngx_string("password_file="),
      offsetof(ngx_mra_redis_args_t, password_file) },
    { ngx_string("db="), offsetof(ngx_mra_redis_args_t, db) },
    { ngx_string("prefix="), offsetof(ngx_mra_redis_args_t, prefix) },
    { ngx_string("tls="), offsetof(ngx_mra_redis_args_t, tls) },
    { ngx_string("tls_name="), offsetof(ngx_mra_redis_args_t, tls_name) },
    { ngx_string("tls_trusted="),
      offsetof(ngx_mra_redis_args_t, tls_trusted) },
    { ngx_string("tls_certificate="),
      offsetof(ngx_mra_redis_args_t, tls_certificate) },
    { ngx_string("tls_key="), offsetof(ngx_mra_redis_args_t, tls_key) },
    { ngx_string("sentinel="), offsetof(ngx_mra_redis_args_t, sentinel) },
    { ngx_string("cluster="), offsetof(ngx_mra_redis_args_t, cluster) },
    { ngx_string("timeout="), offsetof(ngx_mra_redis_args_t, timeout) },
    { ngx_null_string, 0 }
};


static char *ngx_mra_redis_many(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_mra_redis_args_t *args);
static char *ngx_mra_redis_param(ngx_conf_t *cf, ngx_mra_redis_args_t *args,
    ngx_str_t *value);
static char *ngx_mra_redis_address(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_str_t *value, in_port_t port);
static ngx_int_t ngx_mra_redis_add(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_url_t *u, ngx_str_t *text);
static char *ngx_mra_redis_settings(ngx_conf_t *cf,
    ngx_mra_redis_conf_t *rcf, ngx_mra_redis_args_t *args);
static char *ngx_mra_redis_password(ngx_conf_t *cf,
    ngx_mra_redis_conf_t *rcf, ngx_str_t *name);
static char *ngx_mra_redis_tls(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_mra_redis_args_t *args);
static char *ngx_mra_redis_resolve_all(ngx_conf_t *cf,
    ngx_mra_redis_conf_t *rcf, ngx_array_t *addrs);


char *
ngx_mra_set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mra_core_conf_t *mccf = conf;

    in_port_t              port;
    ngx_str_t             *value;
    ngx_uint_t             i;
    ngx_mra_redis_conf_t  *rcf;
    ngx_mra_redis_args_t   args;

    if (mccf->redis) {
        return "is duplicate";
    }

    rcf = ngx_pcalloc(cf->pool, sizeof(ngx_mra_redis_conf_t));
    if (rcf == NULL
        || ngx_array_init(&rcf->addrs, cf->pool, 1,
                          sizeof(ngx_mra_redis_addr_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    mccf->redis = rcf;

    ngx_memzero(&args, sizeof(ngx_mra_redis_args_t));
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_strlchr(value[i].data, value[i].data + value[i].len, '=')
            && ngx_mra_redis_param(cf, &args, &value[i]) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    port = args.sentinel.data ? NGX_MRA_SENTINEL_PORT : NGX_MRA_REDIS_PORT;

    for (i = 1; i < cf->args->nelts; i++) {
        if (!ngx_strlchr(value[i].data, value[i].data + value[i].len, '=')
            && ngx_mra_redis_address(cf, rcf, &value[i], port)
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (rcf->addrs.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"redis\" needs the address of a server, as in "
                           "\"redis 127.0.0.1:6379\"");
        return NGX_CONF_ERROR;
    }

    if (ngx_mra_redis_many(cf, rcf, &args) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_mra_redis_settings(cf, rcf, &args);
}


/* several servers: sentinels or a cluster */

static char *
ngx_mra_redis_many(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_mra_redis_args_t *args)
{
    if (args->cluster.data) {

        if (args->cluster.len == 2
            && ngx_strncmp(args->cluster.data, "on", 2) == 0)
        {
            rcf->cluster = 1;

        } else if (args->cluster.len != 3
                   || ngx_strncmp(args->cluster.data, "off", 3) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"cluster=\" of \"redis\" must be \"on\" or "
                               "\"off\"");
            return NGX_CONF_ERROR;
        }
    }

    if (rcf->cluster && (args->sentinel.data || args->db.data)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"cluster=on\" of \"redis\" goes neither with "
                           "\"sentinel=\" nor with \"db=\"");
        return NGX_CONF_ERROR;
    }

    if (rcf->addrs.nelts > 1 && !rcf->cluster && args->sentinel.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"redis\" takes several addresses only of "
                           "sentinels, with \"sentinel=\" and the name of "
                           "the master, or of a cluster, with "
                           "\"cluster=on\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_mra_redis_param(ngx_conf_t *cf, ngx_mra_redis_args_t *args,
    ngx_str_t *value)
{
    ngx_str_t              *to;
    ngx_mra_redis_param_t  *param;

    for (param = ngx_mra_redis_params; param->name.len; param++) {

        if (value->len < param->name.len
            || ngx_strncmp(value->data, param->name.data, param->name.len)
               != 0)
        {
            continue;
        }

        to = (ngx_str_t *) ((char *) args + param->offset);

        if (to->data) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"%V\" in \"redis\"", &param->name);
            return NGX_CONF_ERROR;
        }

        to->data = value->data + param->name.len;
        to->len = value->len - param->name.len;

        if (to->len) {
            return NGX_CONF_OK;
        }

        break;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"redis\", see the "
                       "README for those there are", value);

    return NGX_CONF_ERROR;
}


static char *
ngx_mra_redis_address(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_str_t *value, in_port_t port)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *value;
    u.default_port = port;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in address \"%V\" of \"redis\", it must be "
                           "\"host:port\" or \"unix:path\"",
                           u.err ? u.err : "error", value);
        return NGX_CONF_ERROR;
    }

    if (ngx_mra_redis_add(cf, rcf, &u, value) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_mra_redis_add(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf, ngx_url_t *u,
    ngx_str_t *text)
{
    ngx_mra_redis_addr_t  *addr;

    addr = ngx_array_push(&rcf->addrs);
    if (addr == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(addr, sizeof(ngx_mra_redis_addr_t));

    addr->text = *text;
    addr->port = u->port;

    if (u->naddrs) {
        addr->sockaddr = u->addrs[0].sockaddr;
        addr->socklen = u->addrs[0].socklen;

    } else {
        addr->host = u->host;
    }

    return NGX_OK;
}


static char *
ngx_mra_redis_settings(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_mra_redis_args_t *args)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    if (args->user.data && args->password_file.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"user=\" of \"redis\" needs \"password_file=\"");
        return NGX_CONF_ERROR;
    }

    rcf->user = args->user;
    rcf->sentinel = args->sentinel;
    rcf->timeout = 1000;

    if (args->prefix.data) {
        rcf->prefix = args->prefix;

    } else {
        ngx_str_set(&rcf->prefix, "mra:");
    }

    for (i = 0; i < rcf->prefix.len; i++) {
        if (rcf->prefix.data[i] <= 0x20 || rcf->prefix.data[i] >= 0x7f) {
            break;
        }
    }

    if (rcf->cluster
        && ngx_strlchr(rcf->prefix.data, rcf->prefix.data + rcf->prefix.len,
                       '{'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"prefix=\" of \"redis\" with \"cluster=on\" must "
                           "be without \"{\"");
        return NGX_CONF_ERROR;
    }

    if (i != rcf->prefix.len || i > NGX_MRA_REDIS_PREFIX_LEN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"prefix=\" of \"redis\" must be 1 to %d "
                           "printable characters without blanks",
                           NGX_MRA_REDIS_PREFIX_LEN);
        return NGX_CONF_ERROR;
    }

    if (args->db.data) {
        n = ngx_atoi(args->db.data, args->db.len);

        if (n == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"db=\" of \"redis\" must be a number");
            return NGX_CONF_ERROR;
        }

        rcf->db = n;
    }

    if (args->timeout.data) {
        n = ngx_parse_time(&args->timeout, 0);

        if (n == NGX_ERROR || n < 10 || n > 60000) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"timeout=\" of \"redis\" must be a time "
                               "between 10ms and 60s, as in \"1s\"");
            return NGX_CONF_ERROR;
        }

        rcf->timeout = n;
    }

    if (args->password_file.data
        && ngx_mra_redis_password(cf, rcf, &args->password_file)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_mra_redis_tls(cf, rcf, args);
}


/* its first line */

static char *
ngx_mra_redis_password(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_str_t *name)
{
    u_char    *end;
    ssize_t    n;
    ngx_fd_t   fd;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rcf->password.data = ngx_pnalloc(cf->pool, NGX_MRA_PASSWORD_MAX);
    if (rcf->password.data == NULL) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    n = (fd == NGX_INVALID_FILE) ? -1
        : ngx_read_fd(fd, rcf->password.data, NGX_MRA_PASSWORD_MAX);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"password_file\" of \"redis\" \"%V\" cannot be "
                           "read", name);
    }

    if (fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);
    }

    if (n == -1) {
        return NGX_CONF_ERROR;
    }

    end = ngx_strlchr(rcf->password.data, rcf->password.data + n, LF);
    rcf->password.len = end ? (size_t) (end - rcf->password.data) : (size_t) n;

    if (rcf->password.len == 0 || rcf->password.len == NGX_MRA_PASSWORD_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"password_file\" of \"redis\" \"%V\" must begin "
                           "with a line of 1 to %d characters, the password",
                           name, NGX_MRA_PASSWORD_MAX - 1);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_mra_redis_tls(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_mra_redis_args_t *args)
{
    ngx_ssl_t             *ssl;
    ngx_pool_cleanup_t    *cln;
    ngx_mra_redis_addr_t  *addr;

    if (args->tls.data == NULL
        || (args->tls.len == 3 && ngx_strncmp(args->tls.data, "off", 3) == 0))
    {
        if (args->tls_name.data || args->tls_trusted.data
            || args->tls_certificate.data || args->tls_key.data)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"tls_...\" of \"redis\" needs \"tls=on\"");
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (args->tls.len != 2 || ngx_strncmp(args->tls.data, "on", 2) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tls=\" of \"redis\" must be \"on\" or \"off\"");
        return NGX_CONF_ERROR;
    }

    if (!args->tls_certificate.data != !args->tls_key.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tls_certificate=\" and \"tls_key=\" of "
                           "\"redis\" need each other");
        return NGX_CONF_ERROR;
    }

    addr = rcf->addrs.elts;

    rcf->tls_name = args->tls_name.data ? args->tls_name : addr->host;

    if (rcf->tls_name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"redis\" with \"tls=on\" and an address that is "
                           "no name needs \"tls_name=\", the name in its "
                           "certificate");
        return NGX_CONF_ERROR;
    }

    /* OpenSSL wants it to end with a zero */

    rcf->tls_name.data = ngx_pnalloc(cf->pool, rcf->tls_name.len + 1);
    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));

    if (rcf->tls_name.data == NULL || ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(rcf->tls_name.data,
                       args->tls_name.data ? args->tls_name.data
                                           : addr->host.data,
                       rcf->tls_name.len + 1);

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    /* what waits to be written may be moved */

    SSL_CTX_set_mode(ssl->ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                               |SSL_MODE_ENABLE_PARTIAL_WRITE);

    if (args->tls_trusted.data == NULL) {
        (void) SSL_CTX_set_default_verify_paths(ssl->ctx);

    } else if (ngx_ssl_trusted_certificate(cf, ssl, &args->tls_trusted, 5)
               != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (args->tls_certificate.data
        && ngx_ssl_certificate(cf, ssl, &args->tls_certificate,
                               &args->tls_key, NULL)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rcf->ssl = ssl;

    return NGX_CONF_OK;
}


char *
ngx_mra_redis_end(ngx_conf_t *cf, ngx_mra_core_conf_t *mccf)
{
    ngx_array_t            addrs;
    ngx_mra_redis_conf_t  *rcf;

    rcf = mccf->redis;

    if (rcf == NULL) {
        return NGX_CONF_OK;
    }

    if (mccf->secret_file.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"redis\" needs \"secret\", a file that is the "
                           "same on all nodes");
        return NGX_CONF_ERROR;
    }

    rcf->resolver = mccf->resolver;
    ngx_conf_init_msec_value(mccf->resolver_timeout, 30000);
    rcf->resolver_timeout = mccf->resolver_timeout;

    if (rcf->resolver) {
        return NGX_CONF_OK;
    }

    addrs = rcf->addrs;

    if (ngx_array_init(&rcf->addrs, cf->pool, addrs.nelts,
                       sizeof(ngx_mra_redis_addr_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_mra_redis_resolve_all(cf, rcf, &addrs);
}


/* a name may have several addresses, of which not all have to answer */

static char *
ngx_mra_redis_resolve_all(ngx_conf_t *cf, ngx_mra_redis_conf_t *rcf,
    ngx_array_t *addrs)
{
    ngx_url_t              u;
    ngx_uint_t             i, k;
    ngx_mra_redis_addr_t  *addr, *to;

    addr = addrs->elts;

    for (i = 0; i < addrs->nelts; i++) {

        ngx_memzero(&u, sizeof(ngx_url_t));

        u.url = addr[i].text;
        u.default_port = addr[i].port;

        if (addr[i].host.len
            && (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "%s in address \"%V\" of \"redis\"",
                               u.err ? u.err : "host not found",
                               &addr[i].text);
            return NGX_CONF_ERROR;
        }

        k = 0;

        do {
            to = ngx_array_push(&rcf->addrs);
            if (to == NULL) {
                return NGX_CONF_ERROR;
            }

            *to = addr[i];

            if (u.naddrs) {
                to->sockaddr = u.addrs[k].sockaddr;
                to->socklen = u.addrs[k].socklen;
            }

        } while (++k < u.naddrs);
    }

    return NGX_CONF_OK;
}


char *
ngx_mra_set_resolver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mra_core_conf_t *mccf = conf;

    ngx_str_t  *value;

    if (mccf->resolver) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mccf->resolver = ngx_resolver_create(cf, &value[1], cf->args->nelts - 1);

    return mccf->resolver ? NGX_CONF_OK : NGX_CONF_ERROR;
}

#else

char *
ngx_mra_set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" needs hiredis: install libhiredis-dev and "
                       "build ngx_mra again", &cmd->name);

    return NGX_CONF_ERROR;
}


char *
ngx_mra_set_resolver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_mra_set_redis(cf, cmd, conf);
}

#endif
