
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_binding.h"
#include "ngx_stream_mra_edge.h"


/*
 * A binding in the store:
 *
 *     1 version  21 flow token  address-of-record
 *
 * Most fit into one block of shared memory; a very long address is cut.
 */

#define NGX_STREAM_MRA_BINDING_VERSION  1
#define NGX_STREAM_MRA_BINDING_HEAD     (1 + NGX_STREAM_MRA_FLOW_LEN)

#if (NGX_STREAM_MRA_BINDING_HEAD != NGX_MRA_BINDING_HEAD)
#error "ngx_mra.h tells another place of the address-of-record"
#endif

#define NGX_STREAM_MRA_BINDING_AOR      255
#define NGX_STREAM_MRA_BINDING_LEN                                           \
    (NGX_STREAM_MRA_BINDING_HEAD + NGX_STREAM_MRA_BINDING_AOR)


/* one operation of the store that may take its time */

typedef struct ngx_stream_mra_lookup_s  ngx_stream_mra_lookup_t;

struct ngx_stream_mra_lookup_s {
    ngx_stream_mra_lookup_t   *next;
    ngx_mra_op_t               op;
    u_char                     value[NGX_STREAM_MRA_BINDING_LEN];

    /* of a request from inside */

    uint32_t                   id;
    ngx_stream_mra_flow_t      back;
    ngx_str_t                  message;
};


/* the bindings of a worker that has died are removed page by page */

#define NGX_STREAM_MRA_WAKE_PAGE   16384
#define NGX_STREAM_MRA_WAKE_PAUSE  5        /* ms */

typedef struct {
    ngx_event_t                event;
    uint32_t                   worker;
    uint64_t                   cursor;
    uint64_t                   page[NGX_STREAM_MRA_WAKE_PAGE / 8];
} ngx_stream_mra_wake_t;


struct ngx_stream_mra_bindings_s {
    ngx_stream_mra_lookup_t   *free;
};


static void ngx_stream_mra_bindings_cleanup(void *data);
static ngx_stream_mra_binding_t *ngx_stream_mra_binding_get(
    ngx_stream_mra_client_t *client, u_char *id);
static void ngx_stream_mra_bindings_sweep(ngx_stream_mra_client_t *client);
static void ngx_stream_mra_binding_remove(ngx_stream_mra_client_t *client,
    ngx_stream_mra_binding_t **bp);
static void ngx_stream_mra_binding_drop(ngx_stream_mra_binding_t **bp);
static void ngx_stream_mra_binding_delete(u_char *id, u_char *head,
    ngx_uint_t trunk);
static void ngx_stream_mra_bindings_wake(ngx_event_t *ev);
static size_t ngx_stream_mra_binding_build(u_char *buf,
    ngx_stream_mra_client_t *client, ngx_str_t *aor);
static ngx_int_t ngx_stream_mra_binding_parse(ngx_stream_mra_flow_t *flow,
    ngx_str_t *value);

static ngx_stream_mra_lookup_t *ngx_stream_mra_lookup_get(u_char *id,
    ngx_uint_t trunk);
static void ngx_stream_mra_lookup_put(ngx_stream_mra_lookup_t *l);
static void ngx_stream_mra_lookup_written(ngx_mra_op_t *op);
static void ngx_stream_mra_lookup_found(ngx_mra_op_t *op);


ngx_stream_mra_bindings_t *
ngx_stream_mra_bindings_create(ngx_cycle_t *cycle)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cycle->pool,
                               sizeof(ngx_stream_mra_bindings_t));
    if (cln == NULL) {
        return NULL;
    }

    ngx_memzero(cln->data, sizeof(ngx_stream_mra_bindings_t));

    cln->handler = ngx_stream_mra_bindings_cleanup;

    return cln->data;
}


static void
ngx_stream_mra_bindings_cleanup(void *data)
{
    ngx_stream_mra_bindings_t *bindings = data;

    if (bindings->free) {
        ngx_free(bindings->free);
    }
}


ngx_int_t
ngx_stream_mra_binding_id(ngx_stream_mra_client_t *client, ngx_str_t *aor,
    ngx_mra_sip_contact_t *contact, ngx_stream_mra_contact_t *id)
{
    u_char                     buf[NGX_INT_T_LEN + 1];
    u_char                    *p;
    size_t                     len;
    ngx_int_t                  rc;
    ngx_str_t                  name;
    ngx_stream_mra_flow_t      flow;
    ngx_stream_mra_worker_t   *w;
    ngx_stream_mra_binding_t  *b;

    id->hash = ngx_stream_mra_binding_hash(aor, contact);

    for (b = client->bindings; b; b = b->next) {
        if (b->hash == id->hash) {
            ngx_memcpy(id->id, b->id, NGX_MRA_RELAY_ID_LEN);
            return NGX_OK;
        }
    }

    w = ngx_stream_mra_get_worker();

    if (contact->instance.data == NULL) {
        rc = ngx_mra_key(w->mcf, NGX_MRA_BINDING, aor, &contact->uri.whole,
                         id->id);
        goto done;
    }

    len = ngx_sprintf(buf, "%uD;", contact->reg_id) - buf;

    name.len = len + contact->instance.len;
    name.data = ngx_alloc(name.len, client->link.connection->log);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name.data, buf, len);
    ngx_memcpy(p, contact->instance.data, contact->instance.len);

    rc = ngx_mra_key(w->mcf, NGX_MRA_BINDING, aor, &name, id->id);

    ngx_free(name.data);

done:

    /* whoever gets it knows whose it is, also when the store is empty */

    ngx_memcpy(id->id, w->tag, NGX_STREAM_MRA_TAG_LEN);

    if (client->trunk) {
        ngx_stream_mra_edge_flow(client->trunk->edge, &flow);
        ngx_memcpy(id->id + NGX_STREAM_MRA_TAG_LEN, flow.nonce,
                   NGX_STREAM_MRA_EDGE_PREFIX);
    }

    return rc;
}


uint64_t
ngx_stream_mra_binding_hash(ngx_str_t *aor, ngx_mra_sip_contact_t *contact)
{
    ngx_mra_hash_t  h;

    ngx_mra_hash_init(&h, ngx_stream_mra_get_worker()->key);
    ngx_mra_hash_add_span(&h, aor);

    if (contact->instance.data) {
        ngx_mra_hash_add_span(&h, &contact->instance);
        ngx_mra_hash_add(&h, (u_char *) &contact->reg_id, sizeof(uint32_t));

    } else {
        ngx_mra_hash_add_span(&h, &contact->uri.whole);
    }

    return ngx_mra_hash_end(&h);
}


void
ngx_stream_mra_binding_learn(ngx_stream_mra_client_t *client, ngx_str_t *aor,
    ngx_stream_mra_contact_t *id, uint32_t expires)
{
    ngx_int_t                  rc;
    ngx_stream_mra_lookup_t   *l;
    ngx_stream_mra_binding_t  *b;

    /* those of a trunk are the edge node's, and not kept one by one */

    if (client->trunk) {
        goto store;
    }

    b = ngx_stream_mra_binding_get(client, id->id);

    if (b == NULL) {
        ngx_stream_mra_bindings_sweep(client);

        b = ngx_alloc(sizeof(ngx_stream_mra_binding_t) + aor->len,
                      client->link.connection->log);
        if (b == NULL) {
            return;
        }

        ngx_memcpy(b->id, id->id, NGX_MRA_RELAY_ID_LEN);
        b->hash = id->hash;

        b->aor_len = aor->len;
        ngx_memcpy(b->aor, aor->data, aor->len);

        b->next = client->bindings;
        client->bindings = b;
    }

    b->expires = ngx_time() + expires;

store:

    l = ngx_stream_mra_lookup_get(id->id, client->trunk != NULL);
    if (l == NULL) {
        return;
    }

    l->op.handler = ngx_stream_mra_lookup_written;
    l->op.ttl = (ngx_msec_t) expires * 1000;
    l->op.value.data = l->value;
    l->op.value.len = ngx_stream_mra_binding_build(l->value, client, aor);

    rc = ngx_mra_store_set(ngx_stream_mra_get_worker()->mcf->store, &l->op);

    if (rc != NGX_AGAIN) {
        l->op.rc = rc;
        ngx_stream_mra_lookup_written(&l->op);
    }
}


void
ngx_stream_mra_binding_forget(ngx_stream_mra_client_t *client, u_char *id)
{
    ngx_stream_mra_binding_t  **bp;

    if (client->trunk) {
        ngx_stream_mra_binding_delete(id, NULL, 1);
        return;
    }

    for (bp = &client->bindings; *bp; bp = &(*bp)->next) {
        if (ngx_memcmp((*bp)->id, id, NGX_MRA_RELAY_ID_LEN) == 0) {
            ngx_stream_mra_binding_remove(client, bp);
            return;
        }
    }
}


void
ngx_stream_mra_binding_forget_all(ngx_stream_mra_client_t *client,
    ngx_str_t *aor)
{
    ngx_stream_mra_binding_t  *b, **bp;

    bp = &client->bindings;

    while (*bp) {
        b = *bp;

        if (b->aor_len == aor->len
            && ngx_memcmp(b->aor, aor->data, aor->len) == 0)
        {
            ngx_stream_mra_binding_remove(client, bp);
        }

        if (*bp == b) {
            bp = &b->next;
        }
    }
}


static ngx_stream_mra_binding_t *
ngx_stream_mra_binding_get(ngx_stream_mra_client_t *client, u_char *id)
{
    ngx_stream_mra_binding_t  *b;

    for (b = client->bindings; b; b = b->next) {
        if (ngx_memcmp(b->id, id, NGX_MRA_RELAY_ID_LEN) == 0) {
            return b;
        }
    }

    return NULL;
}


/* there are phones that invent a new contact each time */

static void
ngx_stream_mra_bindings_sweep(ngx_stream_mra_client_t *client)
{
    ngx_stream_mra_binding_t  *b, **bp;

    for (bp = &client->bindings; *bp; /* void */ ) {
        b = *bp;

        if (b->expires <= ngx_time()) {
            ngx_stream_mra_binding_drop(bp);
        }

        if (*bp == b) {
            bp = &b->next;
        }
    }
}


static void
ngx_stream_mra_binding_remove(ngx_stream_mra_client_t *client,
    ngx_stream_mra_binding_t **bp)
{
    ngx_stream_mra_binding_delete((*bp)->id, NULL, 0);

    ngx_stream_mra_binding_drop(bp);
}


/* head: only if the binding is still one of this flow */

static void
ngx_stream_mra_binding_delete(u_char *id, u_char *head, ngx_uint_t trunk)
{
    ngx_int_t                 rc;
    ngx_stream_mra_lookup_t  *l;

    l = ngx_stream_mra_lookup_get(id, trunk);
    if (l == NULL) {
        return;
    }

    l->op.handler = ngx_stream_mra_lookup_written;

    if (head) {
        ngx_memcpy(l->value, head, NGX_STREAM_MRA_BINDING_HEAD);

        l->op.name.data = l->value;
        l->op.name.len = NGX_STREAM_MRA_BINDING_HEAD;
    }

    rc = ngx_mra_store_del(ngx_stream_mra_get_worker()->mcf->store, &l->op);

    if (rc != NGX_AGAIN) {
        l->op.rc = rc;
        ngx_stream_mra_lookup_written(&l->op);
    }
}


/* the first stays, expired: the access log wants to know who that was */

static void
ngx_stream_mra_binding_drop(ngx_stream_mra_binding_t **bp)
{
    ngx_stream_mra_binding_t  *b;

    b = *bp;

    if (b->next == NULL) {
        b->expires = 0;
        return;
    }

    *bp = b->next;
    ngx_free(b);
}


ngx_uint_t
ngx_stream_mra_bindings_live(ngx_stream_mra_client_t *client)
{
    time_t                     now;
    ngx_uint_t                 n;
    ngx_stream_mra_binding_t  *b;

    now = ngx_time();
    n = 0;

    for (b = client->bindings; b; b = b->next) {
        if (b->expires > now) {
            n++;
        }
    }

    return n;
}


time_t
ngx_stream_mra_bindings_expire(ngx_stream_mra_client_t *client)
{
    time_t                     last;
    ngx_stream_mra_binding_t  *b;

    last = 0;

    for (b = client->bindings; b; b = b->next) {
        last = ngx_max(last, b->expires);
    }

    return last > ngx_time() ? last : 0;
}


ngx_int_t
ngx_stream_mra_binding_user(ngx_stream_mra_client_t *client, ngx_str_t *user)
{
    ngx_stream_mra_binding_t  *b;

    b = client->bindings;

    if (b == NULL) {
        return NGX_DECLINED;
    }

    while (b->next) {
        b = b->next;
    }

    user->data = b->aor;
    user->len = b->aor_len;

    return NGX_OK;
}


void
ngx_stream_mra_bindings_free(ngx_stream_mra_client_t *client)
{
    u_char                     head[NGX_STREAM_MRA_BINDING_HEAD];
    ngx_stream_mra_binding_t  *b;

    head[0] = NGX_STREAM_MRA_BINDING_VERSION;
    ngx_stream_mra_flow_encode(head + 1, &client->link.flow);

    while (client->bindings) {
        b = client->bindings;
        client->bindings = b->next;

        ngx_stream_mra_binding_delete(b->id, head, 0);
        ngx_free(b);
    }
}


void
ngx_stream_mra_bindings_died(uint32_t worker)
{
    ngx_stream_mra_wake_t  *wake;

    wake = ngx_calloc(sizeof(ngx_stream_mra_wake_t), ngx_cycle->log);
    if (wake == NULL) {
        return;
    }

    wake->worker = worker;

    wake->event.handler = ngx_stream_mra_bindings_wake;
    wake->event.data = wake;
    wake->event.log = ngx_cycle->log;
    wake->event.cancelable = 1;

    ngx_stream_mra_bindings_wake(&wake->event);
}


static void
ngx_stream_mra_bindings_wake(ngx_event_t *ev)
{
    u_char                 *p, *last;
    ngx_str_t               value;
    ngx_uint_t              n;
    ngx_mra_op_t            op;
    ngx_mra_record_t       *rec;
    ngx_stream_mra_wake_t  *wake;
    ngx_stream_mra_flow_t   flow;

    wake = ev->data;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = NGX_MRA_BINDING;
    op.cursor = wake->cursor;
    op.value.data = (u_char *) wake->page;
    op.value.len = NGX_STREAM_MRA_WAKE_PAGE;

    if (ngx_mra_store_scan(ngx_stream_mra_get_worker()->mcf->store, &op)
        != NGX_OK)
    {
        ngx_free(wake);
        return;
    }

    n = 0;
    p = op.value.data;
    last = p + op.value.len;

    for ( /* void */ ; p < last; p += rec->len) {
        rec = (ngx_mra_record_t *) p;

        value.data = rec->data;
        value.len = rec->size;

        if (ngx_stream_mra_binding_parse(&flow, &value) == NGX_OK
            && flow.worker == wake->worker)
        {
            ngx_stream_mra_binding_delete(rec->key, rec->data, 0);
            n++;
        }
    }

    if (op.cursor == 0) {
        ngx_free(wake);
        return;
    }

    /* what was removed is not to be skipped: the low half counts that */

    wake->cursor = n ? op.cursor & ~(uint64_t) 0xffff : op.cursor;

    ngx_add_timer(ev, NGX_STREAM_MRA_WAKE_PAUSE);
}


ngx_int_t
ngx_stream_mra_binding_find(ngx_stream_mra_relay_t *r, u_char *id,
    ngx_uint_t trunk)
{
    ngx_int_t                 rc;
    ngx_stream_mra_lookup_t  *l;

    l = ngx_stream_mra_lookup_get(id, trunk);
    if (l == NULL) {
        return NGX_ERROR;
    }

    l->op.handler = ngx_stream_mra_lookup_found;
    l->op.value.data = l->value;
    l->op.value.len = NGX_STREAM_MRA_BINDING_LEN;

    rc = ngx_mra_store_get(r->worker->mcf->store, &l->op);

    if (rc == NGX_OK) {
        rc = ngx_stream_mra_binding_parse(&r->to, &l->op.value);
    }

    if (rc != NGX_AGAIN) {
        ngx_stream_mra_lookup_put(l);
        return rc;
    }

    l->message.len = r->last - r->msg.start;
    l->message.data = ngx_alloc(l->message.len, r->log);

    if (l->message.data == NULL) {
        ngx_mra_store_cancel(r->worker->mcf->store, &l->op);
        ngx_stream_mra_lookup_put(l);
        return NGX_ERROR;
    }

    ngx_memcpy(l->message.data, r->msg.start, l->message.len);

    l->id = r->id;
    l->back = r->back;

    return NGX_AGAIN;
}


static void
ngx_stream_mra_lookup_found(ngx_mra_op_t *op)
{
    ngx_uint_t                status;
    ngx_stream_mra_flow_t     to;
    ngx_stream_mra_lookup_t  *l;

    l = op->data;

    if (op->rc == NGX_OK) {
        op->rc = ngx_stream_mra_binding_parse(&to, &op->value);
    }

    switch (op->rc) {

    case NGX_OK:
        status = 0;
        break;

    case NGX_DECLINED:
        status = 430;
        break;

    default:
        status = 500;
    }

    ngx_stream_mra_relay_found(l->id, &to, &l->back, status, l->message.data,
                               l->message.data + l->message.len);

    ngx_free(l->message.data);
    ngx_stream_mra_lookup_put(l);
}


static void
ngx_stream_mra_lookup_written(ngx_mra_op_t *op)
{
    if (op->rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "binding could not be stored");
    }

    ngx_stream_mra_lookup_put(op->data);
}


static ngx_stream_mra_lookup_t *
ngx_stream_mra_lookup_get(u_char *id, ngx_uint_t trunk)
{
    size_t                      n;
    ngx_stream_mra_lookup_t    *l;
    ngx_stream_mra_bindings_t  *bindings;

    bindings = ngx_stream_mra_get_worker()->bindings;

    l = bindings->free;

    if (l) {
        bindings->free = l->next;

    } else {
        l = ngx_alloc(sizeof(ngx_stream_mra_lookup_t), ngx_cycle->log);
        if (l == NULL) {
            return NULL;
        }
    }

    ngx_memzero(&l->op, sizeof(ngx_mra_op_t));

    l->op.kind = NGX_MRA_BINDING;
    l->op.data = l;
    n = trunk ? NGX_STREAM_MRA_BINDING_OF_EDGE : NGX_STREAM_MRA_TAG_LEN;

    ngx_memcpy(l->op.key + n, id + n, NGX_MRA_KEY_LEN - n);

    return l;
}


/* one is kept: with shared memory there never is a second */

static void
ngx_stream_mra_lookup_put(ngx_stream_mra_lookup_t *l)
{
    ngx_stream_mra_bindings_t  *bindings;

    bindings = ngx_stream_mra_get_worker()->bindings;

    if (bindings->free) {
        ngx_free(l);
        return;
    }

    l->next = NULL;
    bindings->free = l;
}


static size_t
ngx_stream_mra_binding_build(u_char *buf, ngx_stream_mra_client_t *client,
    ngx_str_t *aor)
{
    u_char                 *p;
    ngx_stream_mra_flow_t   flow;

    flow = client->link.flow;

    if (client->trunk) {
        ngx_stream_mra_edge_flow(client->trunk->edge, &flow);
    }

    buf[0] = NGX_STREAM_MRA_BINDING_VERSION;

    ngx_stream_mra_flow_encode(buf + 1, &flow);

    p = ngx_cpymem(buf + NGX_STREAM_MRA_BINDING_HEAD, aor->data,
                   ngx_min(aor->len, NGX_STREAM_MRA_BINDING_AOR));

    return p - buf;
}


static ngx_int_t
ngx_stream_mra_binding_parse(ngx_stream_mra_flow_t *flow, ngx_str_t *value)
{
    if (value->len < NGX_STREAM_MRA_BINDING_HEAD
        || value->data[0] != NGX_STREAM_MRA_BINDING_VERSION)
    {
        return NGX_ERROR;
    }

    return ngx_stream_mra_flow_decode(flow, value->data + 1);
}
