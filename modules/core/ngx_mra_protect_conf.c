
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"
#include "ngx_mra_window.h"


static ngx_uint_t ngx_mra_conf_category(ngx_conf_t *cf, ngx_str_t *value);
static ngx_int_t ngx_mra_conf_protection(ngx_mra_protection_t *pn,
    ngx_str_t *value);
static ngx_int_t ngx_mra_conf_time(ngx_str_t *value, size_t skip,
    ngx_msec_t most, ngx_msec_t *ms);


void
ngx_mra_protect_create_conf(ngx_mra_core_conf_t *mccf)
{
    ngx_uint_t             c;
    ngx_mra_protection_t  *pn;

    mccf->protected = NGX_MRA_CATEGORY_DEFAULT;
    mccf->ipv6_prefix = NGX_CONF_UNSET_UINT;

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {
        pn = &mccf->protection[c];

        pn->on = (NGX_MRA_CATEGORY_DEFAULT & ngx_mra_category_bit(c)) != 0;
        pn->trigger = 5;
        pn->window = 600 * 1000;
        pn->block = 600 * 1000;
        pn->max_block = 24 * 3600 * 1000;
    }
}


char *
ngx_mra_set_protection(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mra_core_conf_t *mccf = conf;

    ngx_str_t             *value;
    ngx_uint_t             c, i;
    ngx_mra_protection_t  *pn;

    value = cf->args->elts;

    c = ngx_mra_conf_category(cf, &value[1]);
    if (c == NGX_MRA_CATEGORIES) {
        return NGX_CONF_ERROR;
    }

    pn = &mccf->protection[c];

    if (pn->set) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate \"%V\" of \"%V\"", &value[0],
                           ngx_mra_category_name(c));
        return NGX_CONF_ERROR;
    }

    pn->set = 1;
    pn->on = 1;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_mra_conf_protection(pn, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "trigger=1..100, window=1s..1d, "
                               "block=0..30d (0: count and log only), "
                               "max_block=1s..30d, or \"off\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    pn->max_block = ngx_max(pn->max_block, pn->block);

    if (!pn->on) {
        mccf->protected &= ~ngx_mra_category_bit(c);
        return NGX_CONF_OK;
    }

    mccf->protected |= ngx_mra_category_bit(c);

    if (NGX_MRA_CATEGORY_UNUSED & ngx_mra_category_bit(c)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" of \"%V\" has no effect: there is nothing "
                           "here that it could protect", &value[0],
                           &value[1]);
    }

    return NGX_CONF_OK;
}


char *
ngx_mra_set_exempt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mra_core_conf_t *mccf = conf;

    ngx_str_t            *value;
    ngx_uint_t            c, i;
    ngx_mra_exemption_t  *e;

    if (mccf->exempt.elts == NULL
        && ngx_array_init(&mccf->exempt, cf->pool, 4,
                          sizeof(ngx_mra_exemption_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    e = ngx_array_push(&mccf->exempt);
    if (e == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (ngx_mra_address_parse(&e->net, &value[1]) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be an address or a "
                           "network, as in \"192.0.2.1\" or "
                           "\"2001:db8::/32\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    e->categories = 0;

    for (i = 2; i < cf->args->nelts; i++) {
        c = ngx_mra_conf_category(cf, &value[i]);
        if (c == NGX_MRA_CATEGORIES) {
            return NGX_CONF_ERROR;
        }

        e->categories |= ngx_mra_category_bit(c);
    }

    if (e->categories == 0) {
        e->categories = NGX_MRA_CATEGORY_ALL;
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_mra_conf_category(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_uint_t  c;

    c = ngx_mra_category_find(value);

    if (c == NGX_MRA_CATEGORIES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown category \"%V\", it must be "
                           "http-ce-auth, http-ce-intrusion, "
                           "http-ce-resource, sip-auth, sip-registration, "
                           "sip-intrusion, xmpp-intrusion, sshpfd-auth or "
                           "sshpfd-intrusion", value);
    }

    return c;
}


static ngx_int_t
ngx_mra_conf_protection(ngx_mra_protection_t *pn, ngx_str_t *value)
{
    ngx_int_t  n;

    if (ngx_strncmp(value->data, "trigger=", 8) == 0) {
        n = ngx_atoi(value->data + 8, value->len - 8);

        if (n < 1 || n > NGX_MRA_WINDOW_MAX) {
            return NGX_ERROR;
        }

        pn->trigger = n;

        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "window=", 7) == 0) {
        return ngx_mra_conf_time(value, 7, NGX_MRA_WINDOW_LIFE, &pn->window);
    }

    if (ngx_strcmp(value->data, "block=0") == 0) {
        pn->block = 0;
        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "block=", 6) == 0) {
        return ngx_mra_conf_time(value, 6, NGX_MRA_BAN_MAX, &pn->block);
    }

    if (ngx_strncmp(value->data, "max_block=", 10) == 0) {
        return ngx_mra_conf_time(value, 10, NGX_MRA_BAN_MAX, &pn->max_block);
    }

    if (ngx_strcmp(value->data, "off") == 0) {
        pn->on = 0;
        return NGX_OK;
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_mra_conf_time(ngx_str_t *value, size_t skip, ngx_msec_t most,
    ngx_msec_t *ms)
{
    ngx_int_t  n;
    ngx_str_t  text;

    text.data = value->data + skip;
    text.len = value->len - skip;

    n = ngx_parse_time(&text, 0);

    if (n == NGX_ERROR || n < 1000 || (ngx_msec_t) n > most) {
        return NGX_ERROR;
    }

    *ms = n;

    return NGX_OK;
}


ngx_int_t
ngx_mra_address_parse(ngx_mra_address_t *a, ngx_str_t *text)
{
    ngx_int_t   rc;
    ngx_cidr_t  cidr;

    rc = ngx_ptocidr(text, &cidr);

    if (rc != NGX_OK && rc != NGX_DONE) {
        return NGX_ERROR;
    }

    switch (cidr.family) {

    case AF_INET:
        ngx_mra_address_mask(a, 4, (u_char *) &cidr.u.in.addr,
                             (u_char *) &cidr.u.in.mask);
        return NGX_OK;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        ngx_mra_address_mask(a, 6, cidr.u.in6.addr.s6_addr,
                             cidr.u.in6.mask.s6_addr);
        return NGX_OK;
#endif

    default:
        return NGX_ERROR;
    }
}


size_t
ngx_mra_address_print(const ngx_mra_address_t *a, u_char *buf)
{
    size_t  len;

    len = ngx_inet_ntop(a->family == 4 ? AF_INET : AF_INET6,
                        (void *) a->bytes, buf, NGX_MRA_ADDRESS_LEN);

    if (a->prefix < ngx_mra_address_bits(a)) {
        len = ngx_sprintf(buf + len, "/%ui", (ngx_uint_t) a->prefix) - buf;
    }

    return len;
}
