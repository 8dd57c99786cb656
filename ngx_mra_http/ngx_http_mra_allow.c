
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"


typedef enum {
    NGX_HTTP_MRA_ALLOW_EXACT = 0,
    NGX_HTTP_MRA_ALLOW_PREFIX,
    NGX_HTTP_MRA_ALLOW_REGEX
} ngx_http_mra_match_e;


typedef struct {
    ngx_http_mra_match_e   match;
    ngx_uint_t             methods;
    ngx_str_t              url;       /* origin and decoded path */
#if (NGX_PCRE)
    ngx_regex_t           *regex;
#endif
} ngx_http_mra_allow_t;


typedef struct {
    ngx_str_t              name;
    ngx_uint_t             method;
} ngx_http_mra_method_t;


static char *ngx_http_mra_allow_methods(ngx_conf_t *cf,
    ngx_http_mra_allow_t *rule, ngx_str_t *value);
static char *ngx_http_mra_allow_url(ngx_conf_t *cf,
    ngx_http_mra_allow_t *rule, ngx_str_t *value);
static ngx_int_t ngx_http_mra_allow_origin(ngx_conf_t *cf,
    ngx_mra_target_t *target, ngx_str_t *url, ngx_str_t *path);
static char *ngx_http_mra_allow_regex(ngx_conf_t *cf,
    ngx_http_mra_allow_t *rule, ngx_str_t *value);


static ngx_http_mra_method_t  ngx_http_mra_methods[] = {
    { ngx_string("GET"), NGX_HTTP_GET },
    { ngx_string("HEAD"), NGX_HTTP_HEAD },
    { ngx_string("POST"), NGX_HTTP_POST },
    { ngx_string("PUT"), NGX_HTTP_PUT },
    { ngx_string("DELETE"), NGX_HTTP_DELETE },
    { ngx_string("OPTIONS"), NGX_HTTP_OPTIONS },
    { ngx_string("PATCH"), NGX_HTTP_PATCH },
    { ngx_null_string, 0 }
};

#define NGX_HTTP_MRA_METHODS                                                 \
    (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST|NGX_HTTP_PUT|NGX_HTTP_DELETE   \
     |NGX_HTTP_OPTIONS)


char *
ngx_http_mra_set_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mra_loc_conf_t  *mlcf = conf;

    char                  *rv;
    ngx_str_t             *value;
    ngx_uint_t             i;
    ngx_http_mra_allow_t  *rule;

    if (mlcf->allow == NGX_CONF_UNSET_PTR) {
        mlcf->allow = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_mra_allow_t));
        if (mlcf->allow == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rule = ngx_array_push(mlcf->allow);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(ngx_http_mra_allow_t));

    value = cf->args->elts;
    i = 2;

    if (cf->args->nelts > 2) {

        if (ngx_strcmp(value[2].data, "exact") == 0) {
            i++;

        } else if (ngx_strcmp(value[2].data, "prefix") == 0) {
            rule->match = NGX_HTTP_MRA_ALLOW_PREFIX;
            i++;

        } else if (ngx_strcmp(value[2].data, "regex") == 0) {
            rule->match = NGX_HTTP_MRA_ALLOW_REGEX;
            i++;
        }
    }

    for ( /* void */ ; i < cf->args->nelts; i++) {

        rv = ngx_http_mra_allow_methods(cf, rule, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (rule->methods == 0) {
        rule->methods = NGX_HTTP_MRA_METHODS;
    }

    return (rule->match == NGX_HTTP_MRA_ALLOW_REGEX)
           ? ngx_http_mra_allow_regex(cf, rule, &value[1])
           : ngx_http_mra_allow_url(cf, rule, &value[1]);
}


/* "GET,HEAD" */

static char *
ngx_http_mra_allow_methods(ngx_conf_t *cf, ngx_http_mra_allow_t *rule,
    ngx_str_t *value)
{
    u_char                 *p, *end, *last;
    ngx_http_mra_method_t  *method;

    last = value->data + value->len;

    for (p = value->data; p <= last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        for (method = ngx_http_mra_methods; method->method; method++) {

            if (method->name.len == (size_t) (end - p)
                && ngx_strncmp(method->name.data, p, end - p) == 0)
            {
                break;
            }
        }

        if (method->method == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "\"exact\", \"prefix\", \"regex\", or methods "
                               "of GET, HEAD, POST, PUT, DELETE, OPTIONS, "
                               "PATCH with commas between", value);
            return NGX_CONF_ERROR;
        }

        rule->methods |= method->method;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_mra_allow_url(ngx_conf_t *cf, ngx_http_mra_allow_t *rule,
    ngx_str_t *value)
{
    u_char            *p;
    ngx_str_t          path, decoded;
    ngx_mra_target_t   target;

    if (ngx_http_mra_allow_origin(cf, &target, value, &path) != NGX_OK) {
        goto invalid;
    }

    p = ngx_pnalloc(cf->pool, target.origin.len + path.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->url.data = p;

    p = ngx_cpymem(p, target.origin.data, target.origin.len);

    if (ngx_http_mra_decode_path(&decoded, path.data, path.data + path.len, p)
        != NGX_OK)
    {
        goto invalid;
    }

    rule->url.len = target.origin.len + decoded.len;

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid url \"%V\", it must be http://host/path or "
                       "https://host:port/path, without \"?\", \"#\" and "
                       "dot segments", value);
    return NGX_CONF_ERROR;
}


/* the origin in the very form that a client's target gets */

static ngx_int_t
ngx_http_mra_allow_origin(ngx_conf_t *cf, ngx_mra_target_t *target,
    ngx_str_t *url, ngx_str_t *path)
{
    u_char     *p, *last, *host, *end, *buf;
    ngx_str_t   protocol, port, text, segment;

    p = url->data;
    last = p + url->len;

    if (ngx_strlchr(p, last, '?') || ngx_strlchr(p, last, '#')) {
        return NGX_ERROR;
    }

    if (url->len > 8 && ngx_strncasecmp(p, (u_char *) "https://", 8) == 0) {
        ngx_str_set(&protocol, "https");
        ngx_str_set(&port, "443");
        host = p + 8;

    } else if (url->len > 7
               && ngx_strncasecmp(p, (u_char *) "http://", 7) == 0)
    {
        ngx_str_set(&protocol, "http");
        ngx_str_set(&port, "80");
        host = p + 7;

    } else {
        return NGX_ERROR;
    }

    p = ngx_strlchr(host, last, '/');

    if (p) {
        path->data = p;
        path->len = last - p;
        last = p;

    } else {
        ngx_str_set(path, "/");
    }

    end = last;

    if (host < last && *host == '[') {
        host++;

        end = ngx_strlchr(host, last, ']');
        if (end == NULL) {
            return NGX_ERROR;
        }

        p = end + 1;

    } else {
        p = ngx_strlchr(host, last, ':');

        if (p) {
            end = p;

        } else {
            p = last;
        }
    }

    if (p < last) {
        if (*p != ':') {
            return NGX_ERROR;
        }

        port.data = p + 1;
        port.len = last - port.data;
    }

    if (end - host > 255 || port.len > 5) {
        return NGX_ERROR;
    }

    text.len = sizeof("mra//") - 1 + protocol.len + (end - host)
               + sizeof("/") - 1 + port.len;

    text.data = ngx_pnalloc(cf->temp_pool, text.len
                            + ngx_base64_encoded_length(text.len));
    buf = ngx_pnalloc(cf->temp_pool, NGX_MRA_TARGET_LEN);

    if (text.data == NULL || buf == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(text.data, "mra/%V/", &protocol);
    p = ngx_cpymem(p, host, end - host);
    p = ngx_sprintf(p, "/%V", &port);

    segment.data = p;
    ngx_encode_base64url(&segment, &text);

    return ngx_mra_target_parse(target, segment.data,
                                segment.data + segment.len, buf);
}


static char *
ngx_http_mra_allow_regex(ngx_conf_t *cf, ngx_http_mra_allow_t *rule,
    ngx_str_t *value)
{
#if (NGX_PCRE)

    u_char               *p;
    u_char                errstr[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t   rc;

    /* part of a url must not be enough, whatever else is in it */

    p = ngx_pnalloc(cf->pool, value->len + sizeof("\\A(?:)\\z"));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern.data = p;
    rc.pattern.len = ngx_sprintf(p, "\\A(?:%V)\\z%Z", value) - p - 1;
    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V", &rc.err);
        return NGX_CONF_ERROR;
    }

    rule->regex = rc.regex;

    return NGX_CONF_OK;

#else

    return "needs nginx with PCRE for \"regex\"";

#endif
}


ngx_uint_t
ngx_http_mra_allowed(ngx_http_request_t *r, ngx_array_t *rules,
    ngx_str_t *url)
{
    ngx_uint_t             i;
    ngx_http_mra_allow_t  *rule;

    if (rules == NULL) {
        return 0;
    }

    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {

        if (!(rule[i].methods & r->method)) {
            continue;
        }

        switch (rule[i].match) {

        case NGX_HTTP_MRA_ALLOW_EXACT:
            if (rule[i].url.len == url->len
                && ngx_memcmp(rule[i].url.data, url->data, url->len) == 0)
            {
                return 1;
            }

            break;

        case NGX_HTTP_MRA_ALLOW_PREFIX:
            if (rule[i].url.len <= url->len
                && ngx_memcmp(rule[i].url.data, url->data, rule[i].url.len)
                   == 0)
            {
                return 1;
            }

            break;

        case NGX_HTTP_MRA_ALLOW_REGEX:
#if (NGX_PCRE)
            if (ngx_regex_exec(rule[i].regex, url, NULL, 0) >= 0) {
                return 1;
            }
#endif
            break;
        }
    }

    return 0;
}
