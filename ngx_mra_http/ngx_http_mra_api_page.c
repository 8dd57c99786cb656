
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_api.h"
#include "ngx_mra_shm.h"


/* records looked at for one page, whether or not they are shown */

#define NGX_HTTP_MRA_API_SEEN   4096

#define NGX_HTTP_MRA_API_PAGE   100       /* records, unless asked */

/* as large as any record of any kind */

#define NGX_HTTP_MRA_API_RECORD                                              \
    (sizeof(ngx_mra_record_t) + NGX_MRA_VALUE_MAX + 8)


/* writes a record; returns 0 if it is none of those that are shown */

typedef ngx_uint_t (*ngx_http_mra_api_record_pt)(ngx_http_mra_api_t *api,
    ngx_mra_record_t *rec);


static ngx_int_t ngx_http_mra_api_page(ngx_http_mra_api_t *api,
    ngx_mra_op_t *op, ngx_http_mra_api_record_pt handler);
static ngx_int_t ngx_http_mra_api_scan(ngx_http_mra_api_t *api,
    ngx_mra_op_t *op, u_char *buf, ngx_uint_t most);
static ngx_uint_t ngx_http_mra_api_write_binding(ngx_http_mra_api_t *api,
    ngx_mra_record_t *rec);
static ngx_uint_t ngx_http_mra_api_write_limited(ngx_http_mra_api_t *api,
    ngx_mra_record_t *rec);
static void ngx_http_mra_api_reset_cleanup(void *data);
static void ngx_http_mra_api_reset_handler(ngx_mra_op_t *op);
static ngx_int_t ngx_http_mra_api_reset_done(ngx_http_mra_api_t *api,
    ngx_int_t rc);


ngx_int_t
ngx_http_mra_api_bindings(ngx_http_mra_api_t *api)
{
    ngx_int_t             rc;
    ngx_mra_op_t          op;
    ngx_http_mra_json_t  *j;

    j = &api->json;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));
    op.kind = NGX_MRA_BINDING;

    ngx_http_mra_json_open(j, NULL, '{');
    rc = ngx_http_mra_api_page(api, &op, ngx_http_mra_api_write_binding);
    ngx_http_mra_json_close(j, '}');

    return rc;
}


static ngx_uint_t
ngx_http_mra_api_write_binding(ngx_http_mra_api_t *api, ngx_mra_record_t *rec)
{
    ngx_str_t             aor;
    ngx_http_mra_json_t  *j;

    j = &api->json;

    if (rec->size < NGX_MRA_BINDING_HEAD) {
        return 0;
    }

    aor.data = rec->data + NGX_MRA_BINDING_HEAD;
    aor.len = rec->size - NGX_MRA_BINDING_HEAD;

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_string(j, "aor", &aor);
    ngx_http_mra_json_number(j, "expires_s", rec->ttl / 1000);
    ngx_http_mra_json_close(j, '}');

    return 1;
}


ngx_int_t
ngx_http_mra_api_rate_control(ngx_http_mra_api_t *api)
{
    ngx_int_t             rc;
    ngx_mra_op_t          op;
    ngx_http_mra_json_t  *j;

    j = &api->json;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));
    op.kind = NGX_MRA_AUTHORIZATION;
    op.period = api->mra->rate_control_period;

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_number(j, "max_authorizations",
                             api->mra->max_authorizations);
    ngx_http_mra_json_number(j, "period_s",
                             api->mra->rate_control_period / 1000);
    rc = ngx_http_mra_api_page(api, &op, ngx_http_mra_api_write_limited);
    ngx_http_mra_json_close(j, '}');

    return rc;
}


static ngx_uint_t
ngx_http_mra_api_write_limited(ngx_http_mra_api_t *api, ngx_mra_record_t *rec)
{
    u_char                name[NGX_MRA_NAME_MAX];
    ngx_str_t             user;
    ngx_mra_op_t          op;
    ngx_http_mra_json_t  *j;

    j = &api->json;

    if (api->mra->max_authorizations == 0
        || rec->used < api->mra->max_authorizations)
    {
        return 0;
    }

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = NGX_MRA_AUTHORIZATION;
    op.limit = api->mra->max_authorizations;
    op.period = api->mra->rate_control_period;
    op.value.data = name;
    op.value.len = sizeof(name);
    ngx_memcpy(op.key, rec->key, NGX_MRA_KEY_LEN);

    if (ngx_mra_store_get(api->mra->store, &op) != NGX_OK || op.retry == 0) {
        return 0;
    }

    user.data = rec->data;
    user.len = rec->size;

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_string(j, "user", &user);
    ngx_http_mra_json_number(j, "used", op.used);
    ngx_http_mra_json_number(j, "retry_s", (op.retry + 999) / 1000);
    ngx_http_mra_json_close(j, '}');

    return 1;
}


ngx_int_t
ngx_http_mra_api_rate_control_reset(ngx_http_mra_api_t *api)
{
    u_char               buf[NGX_MRA_USER_LEN];
    ngx_str_t            user, everywhere;
    ngx_mra_op_t        *op;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(api->request->pool, sizeof(ngx_mra_op_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    op = cln->data;
    ngx_memzero(op, sizeof(ngx_mra_op_t));

    cln->handler = ngx_http_mra_api_reset_cleanup;

    op->kind = NGX_MRA_AUTHORIZATION;
    op->handler = ngx_http_mra_api_reset_handler;
    op->data = api;

    ngx_str_null(&everywhere);

    if (ngx_mra_user_parse(&user, api->arg.data,
                           api->arg.data + api->arg.len, &api->mra->domain,
                           buf)
        != NGX_OK)
    {
        return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                      "UserInvalid", "that is no user name");
    }

    if (ngx_mra_key(api->mra, op->kind, &everywhere, &user, op->key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_mra_api_reset_done(api,
                                   ngx_mra_store_del(api->mra->store, op));
}


static void
ngx_http_mra_api_reset_cleanup(void *data)
{
    ngx_mra_op_t *op = data;

    ngx_http_mra_api_t  *api;

    api = op->data;

    ngx_mra_store_cancel(api->mra->store, op);
}


static void
ngx_http_mra_api_reset_handler(ngx_mra_op_t *op)
{
    ngx_connection_t    *c;
    ngx_http_mra_api_t  *api;

    api = op->data;
    c = api->request->connection;

    ngx_http_mra_api_finish(api, ngx_http_mra_api_reset_done(api, op->rc));
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_mra_api_reset_done(ngx_http_mra_api_t *api, ngx_int_t rc)
{
    if (rc == NGX_AGAIN) {
        return NGX_DONE;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_mra_api_error(api, NGX_HTTP_NOT_FOUND,
                                      "UserNotFound", "there is no window of "
                                      "that user");
    }

    return rc == NGX_OK ? NGX_HTTP_NO_CONTENT : NGX_ERROR;
}


/* "items" and "next" of what is asked for with "limit" and "cursor" */

static ngx_int_t
ngx_http_mra_api_page(ngx_http_mra_api_t *api, ngx_mra_op_t *op,
    ngx_http_mra_api_record_pt handler)
{
    u_char                *buf, *p;
    ngx_uint_t             left, seen;
    ngx_mra_record_t      *rec;
    ngx_http_mra_json_t   *j;

    j = &api->json;
    j->level = 3;

    if (ngx_http_mra_api_page_args(api, &left, &op->cursor) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a record has no less than its head */

    buf = ngx_palloc(api->request->pool, NGX_HTTP_MRA_API_RECORD
                                         + left * sizeof(ngx_mra_record_t));
    if (buf == NULL) {
        return NGX_ERROR;
    }

    ngx_http_mra_json_open(j, "items", '[');

    seen = 0;

    do {
        if (ngx_http_mra_api_scan(api, op, buf, left) != NGX_OK) {
            return NGX_ERROR;
        }

        for (p = buf; p < buf + op->value.len; p += rec->len) {
            rec = (ngx_mra_record_t *) p;
            seen++;

            if (handler(api, rec)) {
                left--;
            }
        }

    } while (op->cursor && left && seen < NGX_HTTP_MRA_API_SEEN);

    ngx_http_mra_json_close(j, ']');

    ngx_http_mra_api_write_next(api, op->cursor);

    return NGX_HTTP_OK;
}


void
ngx_http_mra_api_write_next(ngx_http_mra_api_t *api, uint64_t cursor)
{
    u_char     buf[NGX_INT64_LEN];
    ngx_str_t  next;

    if (cursor == 0) {
        ngx_http_mra_json_null(&api->json, "next");
        return;
    }

    next.data = buf;
    next.len = ngx_sprintf(buf, "%016xL", cursor) - buf;

    ngx_http_mra_json_string(&api->json, "next", &next);
}


ngx_int_t
ngx_http_mra_api_page_args(ngx_http_mra_api_t *api, ngx_uint_t *limit,
    uint64_t *cursor)
{
    ngx_int_t   n;
    ngx_str_t   value;

    *limit = NGX_HTTP_MRA_API_PAGE;
    *cursor = 0;

    if (ngx_http_arg(api->request, (u_char *) "limit", 5, &value) == NGX_OK) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > NGX_HTTP_MRA_API_LIMIT) {
            return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                          "LimitInvalid",
                                          "\"limit\" must be 1 to 1000");
        }

        *limit = n;
    }

    if (ngx_http_arg(api->request, (u_char *) "cursor", 6, &value)
        == NGX_OK)
    {
        if (value.len != 16 || ngx_hextoi(value.data, 16) == NGX_ERROR) {
            return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                          "CursorInvalid", "\"cursor\" must "
                                          "be the \"next\" of a page");
        }

        *cursor = (uint64_t) ngx_hextoi(value.data, 16);
    }

    return NGX_OK;
}


/*
 * No more records than "most": there is room for as many of the smallest
 * kind, and where the first is larger, for that one alone.
 */

static ngx_int_t
ngx_http_mra_api_scan(ngx_http_mra_api_t *api, ngx_mra_op_t *op, u_char *buf,
    ngx_uint_t most)
{
    size_t     size;
    ngx_int_t  rc;

    size = most * sizeof(ngx_mra_record_t);

    do {
        op->value.data = buf;
        op->value.len = size;

        rc = ngx_mra_store_scan(api->mra->store, op);

        size += sizeof(ngx_mra_record_t);

    } while (rc == NGX_ERROR && size <= NGX_HTTP_MRA_API_RECORD);

    return rc;
}
