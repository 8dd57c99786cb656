
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_api.h"


/* bytes of records looked at in one turn of the event loop */

#define NGX_HTTP_MRA_API_TURN   16384

/* passes over all tokens: deleting moves what a page begins with */

#define NGX_HTTP_MRA_API_PASSES 8


/* a walk over all tokens for those of one user */

typedef struct {
    ngx_http_mra_api_t  *api;
    ngx_event_t          event;
    ngx_connection_t     dumb;        /* for the event's debug lines */
    ngx_mra_op_t         op;
    ngx_str_t            user;
    ngx_uint_t           found;
    ngx_uint_t           pass;
    ngx_uint_t           deleted;     /* in this pass */
    ngx_uint_t           revoke;      /* delete what is found */
    u_char               name[NGX_MRA_USER_LEN];
    u_char               page[NGX_HTTP_MRA_API_TURN];
} ngx_http_mra_api_walk_t;


static ngx_int_t ngx_http_mra_api_walk(ngx_http_mra_api_t *api,
    ngx_uint_t revoke);
static void ngx_http_mra_api_walk_cleanup(void *data);
static void ngx_http_mra_api_walk_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_mra_api_walk_turn(ngx_http_mra_api_walk_t *walk);
static void ngx_http_mra_api_walk_record(ngx_http_mra_api_walk_t *walk,
    ngx_mra_record_t *rec);
static ngx_int_t ngx_http_mra_api_forget_credentials(
    ngx_http_mra_api_walk_t *walk);


ngx_int_t
ngx_http_mra_api_tokens(ngx_http_mra_api_t *api)
{
    ngx_mra_op_t          op;
    ngx_http_mra_json_t  *j;

    j = &api->json;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));
    op.kind = NGX_MRA_TOKEN;

    (void) ngx_mra_store_count(api->mra->store, &op);

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_number(j, "count", op.used);
    ngx_http_mra_json_number(j, "peak", op.limit);
    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


ngx_int_t
ngx_http_mra_api_tokens_of(ngx_http_mra_api_t *api)
{
    return ngx_http_mra_api_walk(api, 0);
}


ngx_int_t
ngx_http_mra_api_revoke(ngx_http_mra_api_t *api)
{
    return ngx_http_mra_api_walk(api, 1);
}


static ngx_int_t
ngx_http_mra_api_walk(ngx_http_mra_api_t *api, ngx_uint_t revoke)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_mra_api_walk_t  *walk;

    cln = ngx_pool_cleanup_add(api->request->pool,
                               sizeof(ngx_http_mra_api_walk_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    walk = cln->data;
    ngx_memzero(walk, offsetof(ngx_http_mra_api_walk_t, name));

    cln->handler = ngx_http_mra_api_walk_cleanup;

    if (ngx_mra_user_parse(&walk->user, api->arg.data,
                           api->arg.data + api->arg.len, &api->mra->domain,
                           walk->name)
        != NGX_OK)
    {
        return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                      "UserInvalid", "that is no user name");
    }

    walk->api = api;
    walk->revoke = revoke;
    walk->op.kind = NGX_MRA_TOKEN;

    walk->dumb.fd = (ngx_socket_t) -1;
    walk->dumb.data = walk;

    walk->event.handler = ngx_http_mra_api_walk_handler;
    walk->event.data = &walk->dumb;
    walk->event.log = api->request->connection->log;

    /* what is not found here ends with this, here and elsewhere */

    if (revoke
        && (ngx_mra_revoke(api->mra, &walk->user) != NGX_OK
            || ngx_http_mra_api_forget_credentials(walk) != NGX_OK))
    {
        return NGX_ERROR;
    }

    ngx_post_event(&walk->event, &ngx_posted_events);

    return NGX_DONE;
}


static void
ngx_http_mra_api_walk_cleanup(void *data)
{
    ngx_http_mra_api_walk_t *walk = data;

    if (walk->event.posted) {
        ngx_delete_posted_event(&walk->event);
    }
}


static void
ngx_http_mra_api_walk_handler(ngx_event_t *ev)
{
    ngx_int_t                 rc;
    ngx_connection_t         *c, *dumb;
    ngx_http_mra_json_t      *j;
    ngx_http_mra_api_walk_t  *walk;

    dumb = ev->data;
    walk = dumb->data;

    c = walk->api->request->connection;
    j = &walk->api->json;

    rc = ngx_http_mra_api_walk_turn(walk);

    if (rc == NGX_AGAIN) {
        ngx_post_event(ev, &ngx_posted_next_events);
        return;
    }

    if (rc == NGX_OK) {
        ngx_http_mra_json_open(j, NULL, '{');
        ngx_http_mra_json_string(j, "user", &walk->user);
        ngx_http_mra_json_number(j, walk->revoke ? "revoked" : "tokens",
                                 walk->found);
        ngx_http_mra_json_close(j, '}');

        rc = NGX_HTTP_OK;
    }

    ngx_http_mra_api_finish(walk->api, rc);
    ngx_http_run_posted_requests(c);
}


/* NGX_AGAIN: there is more */

static ngx_int_t
ngx_http_mra_api_walk_turn(ngx_http_mra_api_walk_t *walk)
{
    u_char            *p;
    ngx_int_t          rc;
    ngx_mra_op_t      *op;
    ngx_mra_record_t  *rec;

    op = &walk->op;

    op->value.data = (u_char *) ngx_align_ptr(walk->page, 8);
    op->value.len = NGX_HTTP_MRA_API_TURN - 8;

    rc = ngx_mra_store_scan(walk->api->mra->store, op);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    for (p = op->value.data;
         p < op->value.data + op->value.len;
         p += rec->len)
    {
        rec = (ngx_mra_record_t *) p;
        ngx_http_mra_api_walk_record(walk, rec);
    }

    if (op->cursor) {
        return NGX_AGAIN;
    }

    if (walk->deleted && ++walk->pass < NGX_HTTP_MRA_API_PASSES) {
        walk->deleted = 0;
        return NGX_AGAIN;
    }

    return NGX_OK;
}


static void
ngx_http_mra_api_walk_record(ngx_http_mra_api_walk_t *walk,
    ngx_mra_record_t *rec)
{
    ngx_mra_op_t  op;

    if (rec->size != walk->user.len
        || ngx_memcmp(rec->data, walk->user.data, rec->size) != 0)
    {
        return;
    }

    walk->found++;

    if (walk->revoke) {

        /* a life of nothing: as del, and nobody waits for Redis */

        ngx_memzero(&op, sizeof(ngx_mra_op_t));
        op.kind = NGX_MRA_TOKEN;
        ngx_memcpy(op.key, rec->key, NGX_MRA_KEY_LEN);

        (void) ngx_mra_store_set(walk->api->mra->store, &op);

        walk->deleted++;
    }
}


static ngx_int_t
ngx_http_mra_api_forget_credentials(ngx_http_mra_api_walk_t *walk)
{
    ngx_str_t                 *realm;
    ngx_uint_t                 i;
    ngx_mra_op_t               op;
    ngx_http_mra_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(walk->api->request,
                                         ngx_http_mra_module);
    realm = mmcf->realms.elts;

    for (i = 0; i < mmcf->realms.nelts; i++) {
        ngx_memzero(&op, sizeof(ngx_mra_op_t));
        op.kind = NGX_MRA_CREDENTIAL;

        if (ngx_mra_key(walk->api->mra, op.kind, &realm[i], &walk->user,
                        op.key)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        (void) ngx_mra_store_set(walk->api->mra->store, &op);
    }

    return NGX_OK;
}
