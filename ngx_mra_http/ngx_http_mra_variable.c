
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"


static ngx_int_t ngx_http_mra_user_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_mra_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_mra_left_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_mra_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_mra_set_value(ngx_http_variable_value_t *v,
    ngx_str_t *text);


static ngx_http_variable_t  ngx_http_mra_variables[] = {

    { ngx_string("mra_user"), NULL, ngx_http_mra_user_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mra_auth_status"), NULL, ngx_http_mra_status_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mra_authorizations_left"), NULL, ngx_http_mra_left_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mra_target"), NULL, ngx_http_mra_route_variable,
      offsetof(ngx_http_mra_route_t, origin), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mra_target_uri"), NULL, ngx_http_mra_route_variable,
      offsetof(ngx_http_mra_route_t, uri), NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* by ngx_http_mra_status_e */

static ngx_str_t  ngx_http_mra_statuses[] = {
    ngx_null_string,
    ngx_string("TOKEN"),
    ngx_string("CACHED"),
    ngx_string("VERIFIED"),
    ngx_string("LIMITED"),
    ngx_string("LIMITED_DRY_RUN"),
    ngx_string("REJECTED"),
    ngx_string("UNAVAILABLE"),
    ngx_string("MAINTENANCE"),
    ngx_string("BANNED")
};


ngx_int_t
ngx_http_mra_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_mra_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/* whom the client says it is: for the UC node's location too */

static ngx_int_t
ngx_http_mra_user_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t            text;
    ngx_http_mra_ctx_t  *ctx;

    ctx = ngx_http_mra_find_ctx(r);

    if (ctx == NULL || ctx->user.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_mra_user_text(r, ctx, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_mra_set_value(v, &text);

    return NGX_OK;
}


static ngx_int_t
ngx_http_mra_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_mra_ctx_t  *ctx;

    ctx = ngx_http_mra_find_ctx(r);

    if (ctx == NULL || ctx->status == NGX_HTTP_MRA_ASKED_NOTHING) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_mra_set_value(v, &ngx_http_mra_statuses[ctx->status]);

    return NGX_OK;
}


static ngx_int_t
ngx_http_mra_left_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char              *p;
    ngx_str_t            text;
    ngx_http_mra_ctx_t  *ctx;

    ctx = ngx_http_mra_find_ctx(r);

    if (ctx == NULL || !ctx->counted) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    text.len = ngx_sprintf(p, "%ui", ctx->left) - p;

    ngx_http_mra_set_value(v, &text);

    return NGX_OK;
}


/*
 * Empty unless the allow list lets the request through.  A location without
 * a target of its own, as one that verifies, has the last one.
 */

static ngx_int_t
ngx_http_mra_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_mra_ctx_t       *ctx;
    ngx_http_mra_route_t     *route;
    ngx_http_mra_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mra_module);

    if (mlcf->proxy_target) {
        route = ngx_http_mra_get_route(r);
        if (route == NULL) {
            return NGX_ERROR;
        }

    } else {
        ctx = ngx_http_mra_find_ctx(r);
        route = ctx ? ctx->route : NULL;
    }

    if (route == NULL || route->rc != NGX_OK) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_mra_set_value(v, (ngx_str_t *) ((u_char *) route + data));

    return NGX_OK;
}


static void
ngx_http_mra_set_value(ngx_http_variable_value_t *v, ngx_str_t *text)
{
    v->len = text->len;
    v->data = text->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}
