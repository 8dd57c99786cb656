
/*
 * Copyright (C) ngx_mra contributors
 *
 * One verification in a worker for all requests that wait for the same
 * credentials: the first leads, the others wait.
 */


#include "ngx_http_mra_module.h"


static void ngx_http_mra_join(ngx_http_mra_credential_t *cred);
static void ngx_http_mra_lead(ngx_http_mra_credential_t *cred);
static void ngx_http_mra_settle(ngx_http_mra_credential_t *cred,
    ngx_uint_t code);
static ngx_int_t ngx_http_mra_conclude(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);
static ngx_int_t ngx_http_mra_ask_uc(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);
static ngx_int_t ngx_http_mra_set_headers(ngx_http_request_t *r,
    ngx_http_request_t *sr, ngx_http_mra_ctx_t *ctx);
static ngx_uint_t ngx_http_mra_withheld(ngx_table_elt_t *h);
static ngx_int_t ngx_http_mra_set_authorization(ngx_http_request_t *sr,
    ngx_http_mra_ctx_t *ctx);
static ngx_int_t ngx_http_mra_uc_answered(ngx_http_request_t *sr, void *data,
    ngx_int_t rc);
static ngx_uint_t ngx_http_mra_judge(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);
static ngx_http_mra_credential_t *ngx_http_mra_verifying(
    ngx_http_request_t *r);
static void ngx_http_mra_late_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_mra_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_mra_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_mra_verify(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_http_mra_credential_t  *cred;

    if (ctx->status == NGX_HTTP_MRA_CACHED) {
        return NGX_DECLINED;
    }

    cred = ctx->credential;

    if (cred->state == NGX_HTTP_MRA_ALONE && !cred->bearer) {
        ngx_http_mra_join(cred);
    }

    if (cred->state == NGX_HTTP_MRA_WAITING) {
        return ngx_http_mra_wait(r, ctx);
    }

    if (cred->state != NGX_HTTP_MRA_SETTLED) {

        if (cred->sr == NULL) {
            return ngx_http_mra_ask_uc(r, ctx);
        }

        if (!cred->sr->done) {
            return NGX_AGAIN;
        }

        ngx_http_mra_settle(cred, ngx_http_mra_judge(r, ctx));
    }

    return ngx_http_mra_conclude(r, ctx);
}


static void
ngx_http_mra_join(ngx_http_mra_credential_t *cred)
{
    ngx_str_node_t             *node;
    ngx_http_mra_credential_t  *leader;

    ngx_memcpy(&cred->hash, cred->mac, sizeof(uint32_t));

    cred->node.str.data = cred->mac;
    cred->node.str.len = NGX_HTTP_MRA_MAC_LEN;

    node = ngx_str_rbtree_lookup(&cred->ctx->mmcf->verifying,
                                 &cred->node.str, cred->hash);
    if (node == NULL) {
        ngx_queue_init(&cred->queue);
        ngx_http_mra_lead(cred);
        return;
    }

    leader = (ngx_http_mra_credential_t *) node;

    ngx_queue_insert_tail(&leader->queue, &cred->queue);
    cred->state = NGX_HTTP_MRA_WAITING;
}


static void
ngx_http_mra_lead(ngx_http_mra_credential_t *cred)
{
    cred->node.node.key = cred->hash;
    cred->state = NGX_HTTP_MRA_LEADING;

    ngx_rbtree_insert(&cred->ctx->mmcf->verifying, &cred->node.node);
}


void
ngx_http_mra_verify_leave(ngx_http_mra_ctx_t *ctx)
{
    ngx_queue_t                *q;
    ngx_http_mra_credential_t  *cred, *next;

    cred = ctx->credential;

    if (cred == NULL) {
        return;
    }

    if (cred->late.timer_set) {
        ngx_del_timer(&cred->late);
    }

    if (cred->state == NGX_HTTP_MRA_WAITING) {
        ngx_queue_remove(&cred->queue);
    }

    if (cred->state == NGX_HTTP_MRA_LEADING) {
        ngx_rbtree_delete(&ctx->mmcf->verifying, &cred->node.node);

        if (!ngx_queue_empty(&cred->queue)) {
            q = ngx_queue_head(&cred->queue);
            ngx_queue_remove(q);
            ngx_queue_init(q);

            if (!ngx_queue_empty(&cred->queue)) {
                ngx_queue_add(q, &cred->queue);
            }

            next = ngx_queue_data(q, ngx_http_mra_credential_t, queue);

            ngx_http_mra_lead(next);
            ngx_http_mra_wake(next->ctx);
        }
    }

    cred->state = NGX_HTTP_MRA_ALONE;
}


static void
ngx_http_mra_settle(ngx_http_mra_credential_t *cred, ngx_uint_t code)
{
    ngx_queue_t                *q;
    ngx_http_mra_credential_t  *next;

    if (cred->state == NGX_HTTP_MRA_LEADING) {
        ngx_rbtree_delete(&cred->ctx->mmcf->verifying, &cred->node.node);

        while (!ngx_queue_empty(&cred->queue)) {
            q = ngx_queue_head(&cred->queue);
            ngx_queue_remove(q);

            next = ngx_queue_data(q, ngx_http_mra_credential_t, queue);
            next->code = code;
            next->state = NGX_HTTP_MRA_SETTLED;

            ngx_http_mra_wake(next->ctx);
        }
    }

    cred->code = code;
    cred->state = NGX_HTTP_MRA_SETTLED;
}


static ngx_int_t
ngx_http_mra_conclude(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    switch (ctx->credential->code) {

    case NGX_HTTP_OK:
        ctx->status = NGX_HTTP_MRA_VERIFIED;
        return NGX_DECLINED;

    case NGX_HTTP_UNAUTHORIZED:

        /*
         * one guess for all who waited for the same; tokens of single
         * sign-on end in the middle of the day
         */

        if (ctx->credential->sr && !ctx->credential->bearer) {
            ngx_http_mra_fail(r, NGX_MRA_CATEGORY_HTTP_AUTH);
        }

        return ngx_http_mra_reject(r, ctx);

    default:
        ctx->status = NGX_HTTP_MRA_UNAVAILABLE;
        return ctx->credential->code;
    }
}


static ngx_int_t
ngx_http_mra_ask_uc(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_http_request_t          *sr;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ps->handler = ngx_http_mra_uc_answered;
    ps->data = ctx->credential;

    if (ngx_http_subrequest(r, &ctx->mlcf->uri, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_WAITED)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->credential->sr = sr;
    ctx->credential->sent = ngx_current_msec;

    /* the body of the client's request is not for this one */

    sr->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));

    if (sr->request_body == NULL
        || ngx_http_mra_set_headers(r, sr, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_mra_count(ctx->mmcf->mra, NGX_MRA_AUTH_VERIFICATIONS, 1);

    return NGX_AGAIN;
}


/* a list of its own, in place of the one that is shared with the client's */

static ngx_int_t
ngx_http_mra_set_headers(ngx_http_request_t *r, ngx_http_request_t *sr,
    ngx_http_mra_ctx_t *ctx)
{
    if (ngx_http_mra_copy_headers(r, &sr->headers_in.headers,
                                  ngx_http_mra_withheld)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sr->headers_in.content_length = NULL;
    sr->headers_in.content_length_n = -1;
    sr->headers_in.chunked = 0;

    return ngx_http_mra_set_authorization(sr, ctx);
}


ngx_int_t
ngx_http_mra_copy_headers(ngx_http_request_t *r, ngx_list_t *to,
    ngx_http_mra_withhold_pt withheld)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *copy;

    if (ngx_list_init(to, r->pool, 8, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (withheld(&h[i])) {
                continue;
            }

            copy = ngx_list_push(to);
            if (copy == NULL) {
                return NGX_ERROR;
            }

            *copy = h[i];
        }
    }

    return NGX_OK;
}


/* what would turn "is the password good?" into another question */

static ngx_uint_t
ngx_http_mra_withheld(ngx_table_elt_t *h)
{
    ngx_uint_t         i;

    static ngx_str_t   names[] = {
        ngx_string("authorization"),
        ngx_string("cookie"),
        ngx_string("content-"),
        ngx_string("if-"),
        ngx_string("range"),
        ngx_null_string
    };

    for (i = 0; names[i].len; i++) {
        if (h->key.len >= names[i].len
            && ngx_strncmp(h->lowcase_key, names[i].data, names[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* encoded anew, so that the UC node decodes what we have decoded */

static ngx_int_t
ngx_http_mra_set_authorization(ngx_http_request_t *sr,
    ngx_http_mra_ctx_t *ctx)
{
    u_char                     *p;
    size_t                      len;
    ngx_str_t                   text, encoded;
    ngx_table_elt_t            *h;
    ngx_http_mra_credential_t  *cred;

    cred = ctx->credential;

    h = ngx_list_push(&sr->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = *sr->headers_in.authorization;
    sr->headers_in.authorization = h;

    if (cred->bearer) {
        return NGX_OK;
    }

    /* the two are one piece, as they were decoded */

    text.data = cred->user.data;
    text.len = cred->user.len + 1 + cred->password.len;

    len = sizeof("Basic ") - 1 + ngx_base64_encoded_length(text.len);

    p = ngx_pnalloc(sr->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h->value.data = p;

    encoded.data = ngx_cpymem(p, "Basic ", sizeof("Basic ") - 1);
    ngx_encode_base64(&encoded, &text);

    h->value.len = sizeof("Basic ") - 1 + encoded.len;
    h->value.data[h->value.len] = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_mra_uc_answered(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_mra_credential_t *cred = data;

    if (cred->late.timer_set) {
        ngx_del_timer(&cred->late);
    }

    /* called again when nginx has made an answer, then with another code */

    if (cred->error == 0) {

        if (rc == NGX_ERROR) {
            cred->error = NGX_HTTP_BAD_GATEWAY;

        } else if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            cred->error = rc;
        }
    }

    /* an answer that breaks off does not end the client's request */

    if (rc == NGX_ERROR && !sr->connection->error) {
        return NGX_OK;
    }

    return rc;
}


static ngx_uint_t
ngx_http_mra_judge(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx)
{
    ngx_str_t                   user;
    ngx_uint_t                  status;
    ngx_http_request_t         *sr;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_mra_credential_t  *cred;

    cred = ctx->credential;
    sr = cred->sr;

    ngx_mra_observe(ctx->mmcf->mra, NGX_MRA_TIME_VERIFICATION,
                    ngx_current_msec - cred->sent);

    if (sr->upstream) {
        status = sr->upstream->headers_in.status_n;

        /*
         * good is only an answer that was passed on, to its end: neither one
         * that breaks off nor an error page in its place; one without a
         * status line, which nginx takes for HTTP/0.9, has no status here
         */

        if (status < NGX_HTTP_SPECIAL_RESPONSE
            && !(sr->upstream->header_sent && cred->whole)
#if (NGX_HTTP_CACHE)
            && !sr->cached
#endif
            )
        {
            status = 0;
        }

    } else {
        status = cred->error ? cred->error : sr->headers_out.status;
    }

    if (status == NGX_HTTP_UNAUTHORIZED || status == NGX_HTTP_FORBIDDEN) {
        return NGX_HTTP_UNAUTHORIZED;
    }

    if (status >= NGX_HTTP_OK && status < NGX_HTTP_SPECIAL_RESPONSE) {
        clcf = ngx_http_get_module_loc_conf(sr, ngx_http_core_module);

        if (clcf->internal || clcf->named) {
            return NGX_HTTP_OK;
        }

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "location \"%V\" of \"mra_auth\" is open to clients, "
                      "it must be \"internal\"", &ctx->mlcf->uri);

        return NGX_HTTP_BAD_GATEWAY;
    }

    (void) ngx_http_mra_user_text(r, ctx, &user);

    if (status) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "UC node answered %ui to the verification of "
                      "user \"%V\"", status, &user);

    } else {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "UC node gave no valid answer to the verification of "
                      "user \"%V\"", &user);
    }

    return (status == NGX_HTTP_GATEWAY_TIME_OUT
            || cred->error == NGX_HTTP_GATEWAY_TIME_OUT)
           ? NGX_HTTP_GATEWAY_TIME_OUT : NGX_HTTP_BAD_GATEWAY;
}


static ngx_http_mra_credential_t *
ngx_http_mra_verifying(ngx_http_request_t *r)
{
    for ( /* void */ ; r != r->main; r = r->parent) {

        if (r->post_subrequest
            && r->post_subrequest->handler == ngx_http_mra_uc_answered)
        {
            return r->post_subrequest->data;
        }
    }

    return NULL;
}


/*
 * The answer is read to its end, which keeps the connection to the UC node,
 * and goes nowhere.  The body has as much time as the header had: each byte
 * of it would prolong nginx's own timeout.
 */

static ngx_int_t
ngx_http_mra_header_filter(ngx_http_request_t *r)
{
    ngx_http_mra_credential_t  *cred;

    cred = ngx_http_mra_verifying(r);

    if (cred == NULL) {
        return ngx_http_next_header_filter(r);
    }

    r->header_sent = 1;

    if (r == cred->sr && r->upstream && !cred->late.timer_set) {
        cred->late.handler = ngx_http_mra_late_handler;
        cred->late.data = cred;
        cred->late.log = r->connection->log;

        ngx_add_timer(&cred->late, r->upstream->conf->read_timeout);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_mra_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_mra_credential_t  *cred;

    cred = ngx_http_mra_verifying(r);

    if (cred == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;

        if (r == cred->sr && in->buf->last_in_chain) {
            cred->whole = 1;
        }
    }

    return NGX_OK;
}


/* as when nothing is read for as long */

static void
ngx_http_mra_late_handler(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_http_mra_credential_t  *cred;

    cred = ev->data;
    c = cred->sr->upstream->peer.connection;

    if (c) {
        cred->error = NGX_HTTP_GATEWAY_TIME_OUT;

        c->read->delayed = 0;
        c->read->timedout = 1;
        c->read->handler(c->read);
    }
}


void
ngx_http_mra_verify_filter_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_mra_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_mra_body_filter;
}
