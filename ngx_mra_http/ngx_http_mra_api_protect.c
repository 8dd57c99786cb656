
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_api.h"
#include "ngx_mra_protect.h"


typedef struct {
    ngx_http_mra_api_t  *api;
    ngx_uint_t           items;
} ngx_http_mra_api_bans_t;


static void ngx_http_mra_api_write_ban(ngx_mra_ban_t *ban, void *data);
static void ngx_http_mra_api_write_exemptions(ngx_http_mra_json_t *j,
    const ngx_mra_exemption_t *e, ngx_uint_t n, ngx_uint_t configured);
static void ngx_http_mra_api_write_address(ngx_http_mra_json_t *j,
    const ngx_mra_address_t *a);
static void ngx_http_mra_api_write_categories(ngx_http_mra_json_t *j,
    ngx_uint_t categories);
static ngx_int_t ngx_http_mra_api_read_address(ngx_http_mra_api_t *api,
    ngx_str_t *text, ngx_mra_address_t *a);
static ngx_int_t ngx_http_mra_api_read_categories(ngx_http_mra_api_t *api,
    ngx_str_t *text, ngx_uint_t *categories);
static ngx_int_t ngx_http_mra_api_target(ngx_http_mra_api_t *api,
    ngx_mra_address_t *a, ngx_uint_t *categories, ngx_msec_t *block);
static ngx_int_t ngx_http_mra_api_undone(ngx_http_mra_api_t *api,
    ngx_int_t rc, const char *code, const char *text);
static ngx_int_t ngx_http_mra_api_path_target(ngx_http_mra_api_t *api,
    ngx_mra_address_t *a, ngx_uint_t *categories);


ngx_int_t
ngx_http_mra_api_protection(ngx_http_mra_api_t *api)
{
    ngx_uint_t                   c;
    ngx_http_mra_json_t         *j;
    const ngx_mra_protection_t  *p;

    j = &api->json;

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_number(j, "refused",
                             ngx_mra_counter(api->mra, NGX_MRA_BANNED));
    ngx_http_mra_json_open(j, "categories", '{');

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {
        p = ngx_mra_protection(api->mra, c);

        ngx_http_mra_json_key(j, (ngx_str_t *) ngx_mra_category_name(c));
        ngx_http_mra_json_open(j, NULL, '{');
        ngx_http_mra_json_bool(j, "on", p->on);
        ngx_http_mra_json_number(j, "trigger", p->trigger);
        ngx_http_mra_json_number(j, "window_s", p->window / 1000);
        ngx_http_mra_json_number(j, "block_s", p->block / 1000);
        ngx_http_mra_json_number(j, "failures",
                                 ngx_mra_counter(api->mra,
                                                 NGX_MRA_FAILURES + c));
        ngx_http_mra_json_number(j, "bans",
                                 ngx_mra_counter(api->mra, NGX_MRA_BANS + c));
        ngx_http_mra_json_close(j, '}');
    }

    ngx_http_mra_json_close(j, '}');
    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


ngx_int_t
ngx_http_mra_api_bans(ngx_http_mra_api_t *api)
{
    uint64_t                  cursor;
    ngx_uint_t                limit, turns;
    ngx_http_mra_json_t      *j;
    ngx_http_mra_api_bans_t   bans;

    j = &api->json;
    j->level = 3;

    if (ngx_http_mra_api_page_args(api, &limit, &cursor) != NGX_OK) {
        return NGX_ERROR;
    }

    bans.api = api;
    bans.items = 0;
    turns = 0;

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_open(j, "items", '[');

    do {
        if (ngx_mra_ban_walk(api->mra, &cursor, ngx_http_mra_api_write_ban,
                             &bans)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } while (cursor && bans.items < limit && turns++ < limit);

    ngx_http_mra_json_close(j, ']');
    ngx_http_mra_api_write_next(api, cursor);
    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


static void
ngx_http_mra_api_write_ban(ngx_mra_ban_t *ban, void *data)
{
    ngx_http_mra_api_bans_t *bans = data;

    ngx_uint_t            c;
    ngx_http_mra_json_t  *j;

    j = &bans->api->json;

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {

        if (ban->left[c] == 0) {
            continue;
        }

        bans->items++;

        ngx_http_mra_json_open(j, NULL, '{');
        ngx_http_mra_api_write_address(j, &ban->address);
        ngx_http_mra_json_string(j, "category",
                                 (ngx_str_t *) ngx_mra_category_name(c));
        ngx_http_mra_json_number(j, "left_s", (ban->left[c] + 999) / 1000);
        ngx_http_mra_json_number(j, "times", ban->bans[c]);
        ngx_http_mra_json_close(j, '}');
    }
}


ngx_int_t
ngx_http_mra_api_ban(ngx_http_mra_api_t *api)
{
    ngx_int_t          rc;
    ngx_uint_t         c, categories, done;
    ngx_msec_t         block;
    ngx_mra_address_t  a;

    if (ngx_http_mra_api_target(api, &a, &categories, &block) != NGX_OK) {
        return NGX_ERROR;
    }

    done = 0;

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {

        if (!(categories & ngx_mra_category_bit(c))) {
            continue;
        }

        rc = ngx_mra_ban(api->mra, &a, c, block);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_ABORT) {
            done = 1;
        }
    }

    if (!done) {
        return ngx_http_mra_api_error(api, NGX_HTTP_CONFLICT, "BanRefused",
                                      "the category is off, the address is "
                                      "exempt, or the network is too large");
    }

    return NGX_HTTP_NO_CONTENT;
}


ngx_int_t
ngx_http_mra_api_unban(ngx_http_mra_api_t *api)
{
    ngx_uint_t         categories;
    ngx_mra_address_t  a;

    if (ngx_http_mra_api_path_target(api, &a, &categories) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_mra_api_undone(api,
                                   ngx_mra_unban(api->mra, &a, categories),
                                   "BanNotFound",
                                   "that address is not banned");
}


ngx_int_t
ngx_http_mra_api_exemptions(ngx_http_mra_api_t *api)
{
    ngx_uint_t                  n;
    ngx_http_mra_json_t        *j;
    ngx_mra_exemption_t        *made;
    const ngx_mra_exemption_t  *configured;

    j = &api->json;
    j->level = 2;

    made = ngx_palloc(api->request->pool,
                      NGX_MRA_EXEMPTIONS * sizeof(ngx_mra_exemption_t));
    if (made == NULL) {
        return NGX_ERROR;
    }

    ngx_http_mra_json_open(j, NULL, '[');

    n = ngx_mra_exemptions(api->mra, &configured);
    ngx_http_mra_api_write_exemptions(j, configured, n, 1);

    n = ngx_mra_exemptions_made(api->mra, made);
    ngx_http_mra_api_write_exemptions(j, made, n, 0);

    ngx_http_mra_json_close(j, ']');

    return NGX_HTTP_OK;
}


static void
ngx_http_mra_api_write_exemptions(ngx_http_mra_json_t *j,
    const ngx_mra_exemption_t *e, ngx_uint_t n, ngx_uint_t configured)
{
    while (n--) {
        ngx_http_mra_json_open(j, NULL, '{');
        ngx_http_mra_api_write_address(j, &e->net);
        ngx_http_mra_api_write_categories(j, e->categories);
        ngx_http_mra_json_bool(j, "configured", configured);
        ngx_http_mra_json_close(j, '}');

        e++;
    }
}


ngx_int_t
ngx_http_mra_api_exempt(ngx_http_mra_api_t *api)
{
    ngx_uint_t         categories;
    ngx_mra_address_t  net;

    if (ngx_http_mra_api_target(api, &net, &categories, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    switch (ngx_mra_exempt(api->mra, &net, categories)) {

    case NGX_BUSY:
        return ngx_http_mra_api_error(api, NGX_HTTP_CONFLICT,
                                      "ExemptionsFull",
                                      "there are as many as can be");

    case NGX_ERROR:
        return NGX_ERROR;

    default:
        return NGX_HTTP_NO_CONTENT;
    }
}


ngx_int_t
ngx_http_mra_api_unexempt(ngx_http_mra_api_t *api)
{
    ngx_uint_t         categories;
    ngx_mra_address_t  net;

    if (ngx_http_mra_api_path_target(api, &net, &categories) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_mra_api_undone(api, ngx_mra_unexempt(api->mra, &net,
                                                         categories),
                                   "ExemptionNotFound",
                                   "there is none, or it is one of the "
                                   "configuration");
}


static ngx_int_t
ngx_http_mra_api_undone(ngx_http_mra_api_t *api, ngx_int_t rc,
    const char *code, const char *text)
{
    if (rc == NGX_DECLINED) {
        return ngx_http_mra_api_error(api, NGX_HTTP_NOT_FOUND, code, text);
    }

    return rc == NGX_OK ? NGX_HTTP_NO_CONTENT : NGX_ERROR;
}


static void
ngx_http_mra_api_write_address(ngx_http_mra_json_t *j,
    const ngx_mra_address_t *a)
{
    u_char     buf[NGX_MRA_ADDRESS_LEN];
    ngx_str_t  text;

    text.data = buf;
    text.len = ngx_mra_address_print(a, buf);

    ngx_http_mra_json_string(j, "address", &text);
}


static void
ngx_http_mra_api_write_categories(ngx_http_mra_json_t *j,
    ngx_uint_t categories)
{
    ngx_uint_t  c;

    ngx_http_mra_json_open(j, "categories", '[');

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {
        if (categories & ngx_mra_category_bit(c)) {
            ngx_http_mra_json_string(j, NULL,
                                     (ngx_str_t *) ngx_mra_category_name(c));
        }
    }

    ngx_http_mra_json_close(j, ']');
}


/* the body: "address", "category", and "block_s", unless block is NULL */

static ngx_int_t
ngx_http_mra_api_target(ngx_http_mra_api_t *api, ngx_mra_address_t *a,
    ngx_uint_t *categories, ngx_msec_t *block)
{
    ngx_mra_json_member_t  *address, *category, *time;

    address = ngx_http_mra_api_member(api, "address");
    category = ngx_http_mra_api_member(api, "category");
    time = block ? ngx_http_mra_api_member(api, "block_s") : NULL;

    if (address == NULL || address->type != NGX_MRA_JSON_STRING
        || category == NULL || category->type != NGX_MRA_JSON_STRING)
    {
        return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                      "BodyInvalid", "the body must have an "
                                      "\"address\" and a \"category\"");
    }

    if (ngx_http_mra_api_read_categories(api, &category->string, categories)
        != NGX_OK
        || ngx_http_mra_api_read_address(api, &address->string, a) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (block) {
        *block = 0;
    }

    if (time) {
        if (time->type != NGX_MRA_JSON_NUMBER || time->number == 0
            || time->number > NGX_MRA_BAN_MAX / 1000)
        {
            return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                          "BlockInvalid",
                                          "\"block_s\" must be 1 to 2592000");
        }

        *block = (ngx_msec_t) time->number * 1000;
    }

    if (api->nmembers != (ngx_uint_t) (time ? 3 : 2)) {
        return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                      "BodyInvalid",
                                      "there are members that nobody knows");
    }

    return NGX_OK;
}


/* category/address of the path */

static ngx_int_t
ngx_http_mra_api_path_target(ngx_http_mra_api_t *api, ngx_mra_address_t *a,
    ngx_uint_t *categories)
{
    u_char     *p, *last;
    ngx_str_t   category, address;

    last = api->arg.data + api->arg.len;

    p = ngx_strlchr(api->arg.data, last, '/');
    if (p == NULL) {
        p = last;
    }

    category.data = api->arg.data;
    category.len = p - api->arg.data;

    address.data = ngx_min(p + 1, last);
    address.len = last - address.data;

    if (ngx_http_mra_api_read_categories(api, &category, categories)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_mra_api_read_address(api, &address, a);
}


static ngx_int_t
ngx_http_mra_api_read_address(ngx_http_mra_api_t *api, ngx_str_t *text,
    ngx_mra_address_t *a)
{
    if (ngx_mra_address_parse(a, text) == NGX_OK) {
        return NGX_OK;
    }

    return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                  "AddressInvalid", "that is no address");
}


static ngx_int_t
ngx_http_mra_api_read_categories(ngx_http_mra_api_t *api, ngx_str_t *text,
    ngx_uint_t *categories)
{
    ngx_uint_t  c;

    if (text->len == 3 && ngx_strncmp(text->data, "all", 3) == 0) {
        *categories = NGX_MRA_CATEGORY_ALL;
        return NGX_OK;
    }

    c = ngx_mra_category_find(text);

    if (c == NGX_MRA_CATEGORIES) {
        return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                      "CategoryInvalid",
                                      "there is no such category");
    }

    *categories = ngx_mra_category_bit(c);

    return NGX_OK;
}
