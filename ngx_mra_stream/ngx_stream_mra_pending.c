
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_pending.h"


/* most REGISTERs fit, others are allocated one by one; bytes */

#define NGX_STREAM_MRA_PENDING_DATA  2048
#define NGX_STREAM_MRA_PENDING_KEEP  128

/* an INVITE after each sign of life of who is called, ms */

#define NGX_STREAM_MRA_PENDING_PROCEEDS  (200 * 1000)

/* of one client, and of a worker; bytes */

#define NGX_STREAM_MRA_PENDING_MAX   (128 * NGX_STREAM_MRA_PENDING_DATA)
#define NGX_STREAM_MRA_PENDINGS_MAX  (32 * 1024 * 1024)

/* those of trunks are many, and found by transaction; a power of two */

#define NGX_STREAM_MRA_PENDING_BUCKETS  4096

#define ngx_stream_mra_pending_is(p, m, t)                                   \
    ((p)->method == (m)                                                      \
     && ngx_memcmp((p)->transaction, t, NGX_MRA_RELAY_HASH_LEN) == 0)


struct ngx_stream_mra_pendings_s {
    ngx_stream_mra_pending_t  *free;
    ngx_uint_t                 nfree;
    size_t                     size;       /* of those that wait */
    ngx_queue_t               *buckets;    /* NULL: there are no trunks */
};


/* what waits for the answer of one hop; the longest wait is the first */

typedef struct {
    ngx_stream_mra_hop_t      *hop;
    ngx_queue_t                queue;
    ngx_queue_t                proceeding; /* INVITEs with a first answer */
    ngx_event_t                timer;
} ngx_stream_mra_unanswered_t;


static void ngx_stream_mra_pendings_cleanup(void *data);
static ngx_stream_mra_pending_t *ngx_stream_mra_pending_create(
    ngx_stream_mra_relay_t *r);
static ngx_stream_mra_pending_t *ngx_stream_mra_pending_search(
    ngx_stream_mra_client_t *client, ngx_uint_t method, u_char *transaction);
static ngx_queue_t *ngx_stream_mra_pending_bucket(u_char *transaction);
static ngx_stream_mra_unanswered_t *ngx_stream_mra_unanswered(
    ngx_stream_mra_hop_t *hop);
static void ngx_stream_mra_unanswered_handler(ngx_event_t *ev);
static void ngx_stream_mra_pending_again(ngx_stream_mra_pending_t *p);
static void ngx_stream_mra_pending_repeat(ngx_stream_mra_pending_t *p);
static void ngx_stream_mra_pendings_repeat(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *lost);


ngx_stream_mra_pendings_t *
ngx_stream_mra_pendings_create(ngx_cycle_t *cycle)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cycle->pool,
                               sizeof(ngx_stream_mra_pendings_t));
    if (cln == NULL) {
        return NULL;
    }

    ngx_memzero(cln->data, sizeof(ngx_stream_mra_pendings_t));

    cln->handler = ngx_stream_mra_pendings_cleanup;

    return cln->data;
}


static void
ngx_stream_mra_pendings_cleanup(void *data)
{
    ngx_stream_mra_pendings_t *pendings = data;

    ngx_stream_mra_pending_t  *p;

    while (pendings->free) {
        p = pendings->free;
        pendings->free = p->next;

        ngx_free(p);
    }

    if (pendings->buckets) {
        ngx_free(pendings->buckets);
    }
}


ngx_uint_t
ngx_stream_mra_attempt(ngx_stream_mra_relay_t *r)
{
    return r->pending ? r->pending->attempt : 0;
}


ngx_int_t
ngx_stream_mra_pending_add(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_link_t *ln)
{
    ngx_str_t                  branch;
    ngx_mra_relay_branch_t     b;
    ngx_stream_mra_pending_t  *p;

    p = r->pending;

    if (p == NULL) {
        if ((r->client->pending_size >= NGX_STREAM_MRA_PENDING_MAX
             && r->client->trunk == NULL)
            || r->worker->pendings->size >= NGX_STREAM_MRA_PENDINGS_MAX)
        {
            return NGX_BUSY;
        }

        p = ngx_stream_mra_pending_create(r);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    branch.data = r->branch;
    branch.len = NGX_MRA_RELAY_BRANCH_LEN;

    (void) ngx_mra_relay_parse_branch(&branch, &b);

    ngx_memcpy(p->transaction, b.transaction, NGX_MRA_RELAY_HASH_LEN);

    if (p->client->trunk) {
        ngx_queue_remove(&p->bucket);
        ngx_queue_insert_head(ngx_stream_mra_pending_bucket(p->transaction),
                              &p->bucket);
    }

    p->link = ln;
    p->waiting = r->wait;
    p->sent = ngx_current_msec;

    if (ngx_stream_mra_pending_watch(p) != NGX_OK) {
        if (r->pending == NULL) {
            ngx_stream_mra_pending_free(p);
        }

        return NGX_ERROR;
    }

    r->pending = p;

    return NGX_OK;
}


static ngx_stream_mra_pending_t *
ngx_stream_mra_pending_create(ngx_stream_mra_relay_t *r)
{
    u_char                     *last;
    size_t                      size, contacts;
    ngx_stream_mra_pending_t   *p;
    ngx_stream_mra_pendings_t  *pendings;

    pendings = r->worker->pendings;

    if (r->client->trunk && pendings->buckets == NULL) {
        pendings->buckets = ngx_alloc(NGX_STREAM_MRA_PENDING_BUCKETS
                                      * sizeof(ngx_queue_t), r->log);
        if (pendings->buckets == NULL) {
            return NULL;
        }

        for (size = 0; size < NGX_STREAM_MRA_PENDING_BUCKETS; size++) {
            ngx_queue_init(&pendings->buckets[size]);
        }
    }

    contacts = r->ncontacts * sizeof(ngx_stream_mra_contact_t);
    size = contacts + (r->last - r->msg.start) + r->aor.len;

    p = pendings->free;

    if (p && size <= NGX_STREAM_MRA_PENDING_DATA) {
        pendings->free = p->next;
        pendings->nfree--;

    } else {
        size = ngx_max(size, NGX_STREAM_MRA_PENDING_DATA);

        p = ngx_alloc(sizeof(ngx_stream_mra_pending_t) + size, r->log);
        if (p == NULL) {
            return NULL;
        }

        p->size = size;
    }

    p->client = r->client;
    p->hop = r->hop;
    p->tried = 0;
    p->method = r->msg.method;
    p->attempt = 0;
    p->ncontacts = r->ncontacts;
    p->star = r->star;
    p->credentials = r->credentials;
    p->repeated = 0;

    ngx_memcpy(p->contacts, r->contacts, contacts);

    p->message.data = (u_char *) p->contacts + contacts;
    p->message.len = r->last - r->msg.start;
    last = ngx_cpymem(p->message.data, r->msg.start, p->message.len);

    p->aor.data = last;
    p->aor.len = r->aor.len;
    ngx_memcpy(p->aor.data, r->aor.data, r->aor.len);

    ngx_queue_init(&p->queue);

    ngx_queue_init(&p->bucket);

    p->affinity = r->affinity;
    p->next = r->client->pendings;
    p->prev = &r->client->pendings;

    if (p->next) {
        p->next->prev = &p->next;
    }

    r->client->pendings = p;
    r->client->pending_size += p->size;
    pendings->size += p->size;

    return p;
}


ngx_int_t
ngx_stream_mra_pending_watch(ngx_stream_mra_pending_t *p)
{
    ngx_stream_mra_unanswered_t  *u;

    u = ngx_stream_mra_unanswered(p->hop);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_remove(&p->queue);
    ngx_queue_insert_tail(&u->queue, &p->queue);

    if (!u->timer.timer_set) {
        ngx_add_timer(&u->timer, p->client->conf->response_timeout);
    }

    return NGX_OK;
}


/* it waits for the final answer, or for its hop to go down */

void
ngx_stream_mra_pending_proceeds(ngx_stream_mra_pending_t *p)
{
    ngx_queue_t                  *q;
    ngx_stream_mra_pending_t     *first;
    ngx_stream_mra_unanswered_t  *u;

    u = p->hop->data;

    p->sent = ngx_current_msec;

    ngx_queue_remove(&p->queue);
    ngx_queue_insert_tail(&u->proceeding, &p->queue);

    for ( ;; ) {
        q = ngx_queue_head(&u->proceeding);
        first = ngx_queue_data(q, ngx_stream_mra_pending_t, queue);

        if (ngx_current_msec - first->sent < NGX_STREAM_MRA_PENDING_PROCEEDS)
        {
            return;
        }

        ngx_stream_mra_pending_free(first);
    }
}


static ngx_stream_mra_unanswered_t *
ngx_stream_mra_unanswered(ngx_stream_mra_hop_t *hop)
{
    ngx_stream_mra_unanswered_t  *u;

    u = hop->data;

    if (u) {
        return u;
    }

    u = ngx_pcalloc(ngx_cycle->pool, sizeof(ngx_stream_mra_unanswered_t));
    if (u == NULL) {
        return NULL;
    }

    u->hop = hop;
    ngx_queue_init(&u->queue);
    ngx_queue_init(&u->proceeding);

    u->timer.handler = ngx_stream_mra_unanswered_handler;
    u->timer.data = u;
    u->timer.log = ngx_cycle->log;
    u->timer.cancelable = 1;

    hop->data = u;

    return u;
}


static void
ngx_stream_mra_unanswered_handler(ngx_event_t *ev)
{
    ngx_msec_t                    timeout, waited;
    ngx_queue_t                  *q;
    ngx_stream_mra_pending_t     *p;
    ngx_stream_mra_unanswered_t  *u;

    u = ev->data;

    while (!ngx_queue_empty(&u->queue)) {

        q = ngx_queue_head(&u->queue);
        p = ngx_queue_data(q, ngx_stream_mra_pending_t, queue);

        timeout = p->client->conf->response_timeout;
        waited = ngx_current_msec - p->sent;

        if (waited < timeout) {
            ngx_add_timer(ev, timeout - waited);
            return;
        }

        /* the next hop may take its time for others: RFC 3261, 17.1 */

        if (p->method != NGX_MRA_SIP_REGISTER && !p->waiting) {
            ngx_stream_mra_pending_free(p);
            continue;
        }

        ngx_log_error(NGX_LOG_INFO, p->client->link.connection->log,
                      NGX_ETIMEDOUT,
                      "next hop \"%V\" did not answer %s", &u->hop->name,
                      p->method == NGX_MRA_SIP_REGISTER ? "REGISTER"
                                                        : "in time");

        if (!p->waiting) {
            ngx_stream_mra_hop_timed_out(u->hop, p->sent);
        }

        ngx_stream_mra_pending_failed(p);
    }
}


void
ngx_stream_mra_pending_failed(ngx_stream_mra_pending_t *p)
{
    if (p->method == NGX_MRA_SIP_REGISTER
        && ngx_stream_mra_pending_reroute(p) == NGX_OK)
    {
        return;
    }

    p->hop = NULL;

    ngx_stream_mra_pending_again(p);
}


/* NGX_OK: by then it may be answered and gone */

ngx_int_t
ngx_stream_mra_pending_reroute(ngx_stream_mra_pending_t *p)
{
    ngx_stream_mra_hop_t     *hop;
    ngx_stream_mra_client_t  *client;

    client = p->client;

    p->tried |= (uint64_t) 1 << p->hop->index;

    hop = ngx_stream_mra_hop_choose(client->conf->hops, p->tried);
    if (hop == NULL) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_INFO, client->link.connection->log, 0,
                  "REGISTER goes to next hop \"%V\" instead of \"%V\"",
                  &hop->name, &p->hop->name);

    p->hop = hop;
    p->attempt++;
    p->repeated = 0;

    if (client->trunk == NULL) {
        ngx_stream_mra_client_use(client, hop);
    }

    ngx_stream_mra_pending_again(p);

    return NGX_OK;
}


/* the same once more, as if the transport had lost it */

static void
ngx_stream_mra_pending_repeat(ngx_stream_mra_pending_t *p)
{
    if (!p->waiting) {

        if (p->repeated || p->hop->retired
            || !ngx_stream_mra_hop_is_up(p->hop))
        {
            ngx_stream_mra_pending_failed(p);
            return;
        }

        p->repeated = 1;
    }

    ngx_stream_mra_pending_again(p);
}


/* it may be gone then */

static void
ngx_stream_mra_pending_again(ngx_stream_mra_pending_t *p)
{
    ngx_queue_remove(&p->queue);
    ngx_queue_init(&p->queue);

    ngx_stream_mra_relay_again(p, p->message.data,
                               p->message.data + p->message.len);
}


void
ngx_stream_mra_pending_free(ngx_stream_mra_pending_t *p)
{
    ngx_stream_mra_pendings_t  *pendings;

    ngx_queue_remove(&p->queue);
    ngx_queue_remove(&p->bucket);

    *p->prev = p->next;

    if (p->next) {
        p->next->prev = p->prev;
    }

    pendings = ngx_stream_mra_get_worker()->pendings;

    p->client->pending_size -= p->size;
    pendings->size -= p->size;

    if (p->size != NGX_STREAM_MRA_PENDING_DATA
        || pendings->nfree == NGX_STREAM_MRA_PENDING_KEEP)
    {
        ngx_free(p);
        return;
    }

    p->next = pendings->free;
    pendings->free = p;
    pendings->nfree++;
}


void
ngx_stream_mra_pendings_free(ngx_stream_mra_client_t *client)
{
    while (client->pendings) {
        ngx_stream_mra_pending_free(client->pendings);
    }
}


void
ngx_stream_mra_pendings_down(ngx_stream_mra_hop_t *hop)
{
    ngx_queue_t                  *q;
    ngx_stream_mra_unanswered_t  *u;

    u = hop->data;

    /* what is sent again is not sent to a hop that is down */

    while (u && !ngx_queue_empty(&u->queue)) {
        q = ngx_queue_head(&u->queue);

        ngx_stream_mra_pending_failed(
                     ngx_queue_data(q, ngx_stream_mra_pending_t, queue));
    }

    while (u && !ngx_queue_empty(&u->proceeding)) {
        q = ngx_queue_head(&u->proceeding);

        ngx_stream_mra_pending_failed(
                     ngx_queue_data(q, ngx_stream_mra_pending_t, queue));
    }
}


void
ngx_stream_mra_pendings_opened(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln)
{
    ngx_stream_mra_pendings_repeat(hop, NULL);
}


void
ngx_stream_mra_pendings_lost(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln)
{
    ngx_stream_mra_pendings_repeat(hop, ln);
}


/* what went by the link that was lost, and what waits and has one by now */

static void
ngx_stream_mra_pendings_repeat(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *lost)
{
    ngx_queue_t                  *q, *next, *last;
    ngx_stream_mra_pending_t     *p;
    ngx_stream_mra_unanswered_t  *u;

    u = hop->data;

    if (u == NULL || ngx_queue_empty(&u->queue)) {
        return;
    }

    /* what is sent again is put behind the last */

    last = ngx_queue_last(&u->queue);

    for (q = ngx_queue_head(&u->queue); /* void */ ; q = next) {
        next = ngx_queue_next(q);
        p = ngx_queue_data(q, ngx_stream_mra_pending_t, queue);

        if (p->waiting
            ? ngx_stream_mra_hop_link(hop, p->affinity) != NULL
            : p->link == lost)
        {
            ngx_stream_mra_pending_repeat(p);

        } else if (p->waiting && lost) {

            /* it stays behind what the same client has sent before */

            ngx_queue_remove(q);
            ngx_queue_insert_tail(&u->queue, q);
        }

        if (q == last) {
            return;
        }
    }
}


ngx_stream_mra_pending_t *
ngx_stream_mra_pending_find(ngx_stream_mra_relay_t *r)
{
    return ngx_stream_mra_pending_search(r->client, r->msg.cseq.method,
                                         r->answered.transaction);
}


ngx_stream_mra_hop_t *
ngx_stream_mra_pending_cancelled(ngx_stream_mra_relay_t *r)
{
    ngx_str_t                  branch;
    ngx_mra_relay_branch_t     b;
    ngx_stream_mra_pending_t  *p;

    branch.data = r->branch;
    branch.len = NGX_MRA_RELAY_BRANCH_LEN;

    (void) ngx_mra_relay_parse_branch(&branch, &b);

    p = ngx_stream_mra_pending_search(r->client, NGX_MRA_SIP_INVITE,
                                      b.transaction);

    return p ? p->hop : NULL;
}


static ngx_stream_mra_pending_t *
ngx_stream_mra_pending_search(ngx_stream_mra_client_t *client,
    ngx_uint_t method, u_char *transaction)
{
    ngx_queue_t               *q, *bucket;
    ngx_stream_mra_pending_t  *p;

    if (client->trunk == NULL) {

        for (p = client->pendings; p; p = p->next) {
            if (ngx_stream_mra_pending_is(p, method, transaction)) {
                return p;
            }
        }

        return NULL;
    }

    if (client->pendings == NULL) {
        return NULL;
    }

    bucket = ngx_stream_mra_pending_bucket(transaction);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        p = ngx_queue_data(q, ngx_stream_mra_pending_t, bucket);

        if (p->client == client
            && ngx_stream_mra_pending_is(p, method, transaction))
        {
            return p;
        }
    }

    return NULL;
}


/* it is a hash already, in base64 */

static ngx_queue_t *
ngx_stream_mra_pending_bucket(u_char *transaction)
{
    uint32_t  hash;

    hash = ngx_crc32_short(transaction, NGX_MRA_RELAY_HASH_LEN);

    return &ngx_stream_mra_get_worker()->pendings->buckets[
                               hash & (NGX_STREAM_MRA_PENDING_BUCKETS - 1)];
}
