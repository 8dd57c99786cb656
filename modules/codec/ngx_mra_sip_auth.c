
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_sip_auth.h"


static u_char *ngx_mra_sip_auth_skip(u_char *p, u_char *last);
static u_char *ngx_mra_sip_auth_token(u_char *p, u_char *last);
static ngx_uint_t ngx_mra_sip_auth_is(u_char *p, u_char *last,
    const char *name);


ngx_int_t
ngx_mra_sip_auth_param(const ngx_str_t *value, const char *name,
    ngx_str_t *param)
{
    u_char      *p, *last, *start, *end;
    ngx_uint_t   found;

    p = value->data;
    last = p + value->len;

    /* the scheme */

    p = ngx_mra_sip_auth_token(p, last);

    while (p < last) {

        while (p < last && (*p == ',' || *p <= ' ')) {
            p++;
        }

        start = p;
        p = ngx_mra_sip_auth_token(p, last);
        found = ngx_mra_sip_auth_is(start, p, name);

        if (p == start) {
            return NGX_DECLINED;
        }

        p = ngx_mra_sip_auth_skip(p, last);

        if (p == last || *p++ != '=') {
            return NGX_DECLINED;
        }

        p = ngx_mra_sip_auth_skip(p, last);
        start = p;

        if (p < last && *p == '"') {

            for (start = ++p; p < last && *p != '"'; p++) {
                if (*p == '\\' && p + 1 < last) {
                    p++;
                }
            }

            if (p == last) {
                return NGX_DECLINED;
            }

            end = p++;

        } else {
            p = ngx_mra_sip_auth_token(p, last);
            end = p;
        }

        if (found) {
            param->data = start;
            param->len = end - start;
            return NGX_OK;
        }

        p = ngx_mra_sip_auth_skip(p, last);

        if (p < last && *p != ',') {
            return NGX_DECLINED;
        }
    }

    return NGX_DECLINED;
}


static u_char *
ngx_mra_sip_auth_skip(u_char *p, u_char *last)
{
    while (p < last && *p <= ' ') {
        p++;
    }

    return p;
}


static u_char *
ngx_mra_sip_auth_token(u_char *p, u_char *last)
{
    while (p < last && *p > ' ' && *p != ',' && *p != '=' && *p != '"') {
        p++;
    }

    return p;
}


static ngx_uint_t
ngx_mra_sip_auth_is(u_char *p, u_char *last, const char *name)
{
    for ( /* void */ ; p < last && *name; p++, name++) {
        if (ngx_tolower(*p) != (u_char) *name) {
            return 0;
        }
    }

    return p == last && *name == '\0';
}
