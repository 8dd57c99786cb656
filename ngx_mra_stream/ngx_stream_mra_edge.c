
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_mra_block.h"
#include "ngx_mra_compat.h"
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_remote.h"
#include "ngx_stream_mra_edge.h"


/* of one edge node, in one worker: the rest does without requests to it */

#define NGX_STREAM_MRA_EDGE_TRUNKS   64

/* edge nodes times workers, of this node */

#define NGX_STREAM_MRA_EDGE_ROWS     512

#define NGX_STREAM_MRA_EDGE_SIGN                                             \
    (NGX_STREAM_MRA_NONCE_LEN - NGX_STREAM_MRA_EDGE_PREFIX)

#define NGX_STREAM_MRA_EDGE_TOUCH    (600 * 1000)     /* ms */


/* an argument of the directive */

typedef struct {
    ngx_str_t                     text;
    ngx_cidr_t                    cidr;      /* family 0: it is a name */
} ngx_stream_mra_edge_arg_t;


/* in all workers: who has trunks of an edge node */

typedef struct {
    uint32_t                      worker;    /* 0: never used */
    uint32_t                      id;        /* of the upstream */
    uint32_t                      trunks;
    ngx_msec_t                    seen;      /* the last one was */
    u_char                        nonce[NGX_STREAM_MRA_NONCE_LEN];
} ngx_stream_mra_edge_row_t;

typedef struct {
    ngx_msec_t                    created;
    ngx_uint_t                    n;
    ngx_stream_mra_edge_row_t     row[NGX_STREAM_MRA_EDGE_ROWS];
} ngx_stream_mra_edge_table_t;


struct ngx_stream_mra_edge_s {
    ngx_queue_t                   queue;
    uint32_t                      id;        /* of the upstream */
    u_char                        nonce[NGX_STREAM_MRA_NONCE_LEN];
    ngx_uint_t                    refs;
    ngx_uint_t                    n;         /* in trunk[] */
    ngx_stream_mra_client_t      *trunk[NGX_STREAM_MRA_EDGE_TRUNKS];
};


struct ngx_stream_mra_edges_s {
    ngx_queue_t                   queue;
    ngx_queue_t                   trunks;
    ngx_stream_mra_edge_table_t  *table;     /* NULL: there are none */
    ngx_event_t                   timer;
};


static ngx_int_t ngx_stream_mra_edge_match(ngx_connection_t *c,
    ngx_stream_mra_edge_arg_t *arg);
static void ngx_stream_mra_edges_timer(ngx_event_t *ev);
static ngx_int_t ngx_stream_mra_edge_nonce(ngx_stream_mra_client_t *client,
    u_char *tag, u_char *nonce);
static void ngx_stream_mra_edge_sign(uint32_t id, u_char *nonce,
    u_char *sign);
static void ngx_stream_mra_edge_join(ngx_stream_mra_trunk_t *t, u_char *tag);
static ngx_stream_mra_edge_t *ngx_stream_mra_edge_get(uint32_t id,
    u_char *nonce);
static void ngx_stream_mra_edge_count(ngx_stream_mra_edge_t *edge,
    ngx_int_t n);
static void ngx_stream_mra_edge_lost(uint32_t worker);
static uint32_t ngx_stream_mra_edge_elsewhere(ngx_stream_mra_relay_t *r,
    ngx_uint_t affinity);
static ngx_uint_t ngx_stream_mra_edge_lately(ngx_stream_mra_relay_t *r);


#define ngx_stream_mra_edges()  ngx_stream_mra_get_worker()->edges

#define ngx_stream_mra_edge_is(e, upstream, p)                               \
    ((e)->id == (upstream)                                                   \
     && ngx_memcmp((e)->nonce, p, NGX_STREAM_MRA_EDGE_PREFIX) == 0)

/* so long a node that went away may be on its way back */

#define ngx_stream_mra_edge_patience(mcf)                                    \
    (2 * (mcf)->stun_keepalive_interval)


char *
ngx_stream_mra_edge(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_mra_srv_conf_t *mscf = conf;

    ngx_int_t                   rc;
    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_stream_mra_edge_arg_t  *arg;

    if (mscf->edges == NULL) {
        mscf->edges = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_stream_mra_edge_arg_t));
        if (mscf->edges == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0) {
            return "has an empty name";
        }

        arg = ngx_array_push(mscf->edges);
        if (arg == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(arg, sizeof(ngx_stream_mra_edge_arg_t));

        arg->text = value[i];

        rc = ngx_ptocidr(&value[i], &arg->cidr);

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &value[i]);

        } else if (rc == NGX_ERROR) {
            arg->cidr.family = 0;

            if (ngx_strlchr(value[i].data, value[i].data + value[i].len, '/'))
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid network \"%V\" in \"%V\"",
                                   &value[i], &value[0]);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_stream_mra_edge_check(ngx_conf_t *cf, ngx_stream_mra_srv_conf_t *mscf)
{
    ngx_uint_t                  i;
    ngx_stream_mra_edge_arg_t  *arg;

    if (mscf->upstream == NULL || mscf->accept) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mra_sip_edge\" needs \"mra_sip_pass\" in the "
                           "same server");
        return NGX_CONF_ERROR;
    }

#if (NGX_STREAM_SSL)
    {
    ngx_mra_stream_ssl_conf_t  *scf;

    scf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_ssl_module);

    if (scf->verify == 1 && scf->client_certificate.len) {
        return NGX_CONF_OK;
    }
    }
#endif

    arg = mscf->edges->elts;

    for (i = 0; i < mscf->edges->nelts; i++) {
        if (arg[i].cidr.family == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "name \"%V\" in \"mra_sip_edge\" needs "
                               "\"ssl_verify_client on\" and "
                               "\"ssl_client_certificate\"", &arg[i].text);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_stream_mra_edges_t *
ngx_stream_mra_edges_create(ngx_cycle_t *cycle,
    ngx_stream_mra_main_conf_t *mmcf)
{
    ngx_str_t                    name;
    ngx_uint_t                   i;
    ngx_stream_mra_edges_t      *edges;
    ngx_stream_mra_srv_conf_t  **mscfp;

    edges = ngx_pcalloc(cycle->pool, sizeof(ngx_stream_mra_edges_t));
    if (edges == NULL) {
        return NULL;
    }

    ngx_queue_init(&edges->queue);
    ngx_queue_init(&edges->trunks);

    mscfp = mmcf->servers.elts;

    for (i = 0; i < mmcf->servers.nelts && mscfp[i]->edges == NULL; i++) {
        /* void */
    }

    if (i == mmcf->servers.nelts) {
        return edges;
    }

    ngx_str_set(&name, "edges");

    edges->table = ngx_mra_block_get(ngx_mra_get_conf(cycle), &name,
                                     sizeof(ngx_stream_mra_edge_table_t));
    if (edges->table == NULL) {
        return NULL;
    }

    if (edges->table->created == 0) {
        edges->table->created = ngx_current_msec;
    }

    edges->timer.handler = ngx_stream_mra_edges_timer;
    edges->timer.data = edges;
    edges->timer.log = cycle->log;
    edges->timer.cancelable = 1;

    ngx_add_timer(&edges->timer, NGX_STREAM_MRA_EDGE_TOUCH);

    return edges;
}


static void
ngx_stream_mra_edges_timer(ngx_event_t *ev)
{
    ngx_stream_mra_edges_t  *edges;

    edges = ev->data;

    ngx_mra_block_touch(edges->table);
    ngx_add_timer(ev, NGX_STREAM_MRA_EDGE_TOUCH);
}


ngx_int_t
ngx_stream_mra_edge_admit(ngx_stream_mra_client_t *client,
    ngx_connection_t *c)
{
    ngx_uint_t                  i;
    ngx_stream_mra_trunk_t     *t;
    ngx_stream_mra_edge_arg_t  *arg;

    arg = client->conf->edges->elts;

    for (i = 0; i < client->conf->edges->nelts; i++) {

        if (ngx_stream_mra_edge_match(c, &arg[i]) == NGX_OK) {
            t = ngx_calloc(sizeof(ngx_stream_mra_trunk_t), c->log);
            if (t == NULL) {
                return NGX_ERROR;
            }

            t->client = client;
            t->admitted = i;
            client->trunk = t;

            ngx_queue_insert_tail(&ngx_stream_mra_edges()->trunks, &t->queue);

            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_ERR, c->log, 0,
                  "connection is refused, neither certificate nor address "
                  "is of an edge node");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_stream_mra_edge_match(ngx_connection_t *c, ngx_stream_mra_edge_arg_t *arg)
{
#if (NGX_STREAM_SSL)
    int          ok;
    X509        *cert;
#endif
    ngx_array_t  cidrs;

    if (arg->cidr.family) {
        ngx_memzero(&cidrs, sizeof(ngx_array_t));

        cidrs.elts = &arg->cidr;
        cidrs.nelts = 1;

        return ngx_cidr_match(c->sockaddr, &cidrs);
    }

#if (NGX_STREAM_SSL)

    if (c->ssl == NULL) {
        return NGX_DECLINED;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return NGX_DECLINED;
    }

    /* that it is valid was seen in the handshake */

    ok = X509_check_host(cert, (char *) arg->text.data, arg->text.len,
                         X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL);
    X509_free(cert);

    if (ok == 1) {
        return NGX_OK;
    }

#endif

    return NGX_DECLINED;
}


/* a Via of ours begins with a token, and that with the tag of its node */

ngx_int_t
ngx_stream_mra_edge_meet(ngx_stream_mra_relay_t *r)
{
    u_char                 *p, raw[NGX_STREAM_MRA_FLOW_LEN];
    ngx_str_t               via;
    ngx_mra_sip_header_t   *h;
    ngx_mra_relay_branch_t  branch;
    ngx_stream_mra_trunk_t  *t;

    t = r->client->trunk;

    if (t == NULL || t->edge) {
        return NGX_OK;
    }

    h = ngx_mra_sip_first(&r->msg, NGX_MRA_SIP_VIA);

    if (h == NULL) {
        return NGX_OK;
    }

    via = h->value;
    p = memchr(via.data, ',', via.len);

    if (p) {
        via.len = p - via.data;
    }

    if (ngx_mra_relay_find_branch(&via, &branch) == NGX_OK
        && ngx_mra_relay_decode(raw, branch.token.data, branch.token.len)
           == NGX_OK)
    {
        ngx_stream_mra_edge_join(t, raw);

    } else if (r->msg.method == NGX_MRA_SIP_OPTIONS) {

        /* a probe comes on a connection that is for nothing else */

        return ngx_stream_mra_options(r);

    } else {
        ngx_stream_mra_edge_join(t, NULL);
    }

    r->back = r->client->link.flow;

    return t->edge ? NGX_OK : NGX_ERROR;
}


/* keyed, so that nobody guesses what leads to whom; the same on all peers */

static ngx_int_t
ngx_stream_mra_edge_nonce(ngx_stream_mra_client_t *client, u_char *tag,
    u_char *nonce)
{
    u_char                     *p, key[NGX_MRA_KEY_LEN];
    ngx_int_t                   rc;
    ngx_str_t                   scope, name;
    ngx_stream_mra_edge_arg_t  *arg;

    arg = client->conf->edges->elts;
    arg += client->trunk->admitted;

    p = ngx_alloc(sizeof("edge 01234567 ") + arg->text.len,
                  client->link.connection->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    scope.data = p;
    scope.len = ngx_sprintf(p, "edge %08xD %V", client->conf->id, &arg->text)
                - p;

    name.data = tag;
    name.len = tag ? NGX_STREAM_MRA_TAG_LEN : 0;

    rc = ngx_mra_key(ngx_stream_mra_get_worker()->mcf, NGX_MRA_NODE, &scope,
                     &name, key);

    ngx_memcpy(nonce, key, NGX_STREAM_MRA_EDGE_PREFIX);
    ngx_stream_mra_edge_sign(client->conf->id, nonce,
                             nonce + NGX_STREAM_MRA_EDGE_PREFIX);
    ngx_free(p);

    return rc;
}


/* NGX_STREAM_MRA_EDGE_SIGN bytes, that whoever has the secret can check */

static void
ngx_stream_mra_edge_sign(uint32_t id, u_char *nonce, u_char *sign)
{
    uint64_t        hash;
    ngx_mra_hash_t  h;

    ngx_mra_hash_init(&h, ngx_stream_mra_get_worker()->key);
    ngx_mra_hash_add(&h, (u_char *) &id, sizeof(uint32_t));
    ngx_mra_hash_add(&h, nonce, NGX_STREAM_MRA_EDGE_PREFIX);

    hash = ngx_mra_hash_end(&h);

    ngx_memcpy(sign, &hash, NGX_STREAM_MRA_EDGE_SIGN);
}


ngx_uint_t
ngx_stream_mra_edge_is_signed(uint32_t id, ngx_stream_mra_flow_t *flow)
{
    u_char  sign[NGX_STREAM_MRA_EDGE_SIGN];

    if (flow->worker || flow->slot
        || ngx_stream_mra_edges()->table == NULL)
    {
        return 0;
    }

    ngx_stream_mra_edge_sign(id, flow->nonce, sign);

    return ngx_memcmp(sign, flow->nonce + NGX_STREAM_MRA_EDGE_PREFIX,
                      NGX_STREAM_MRA_EDGE_SIGN)
           == 0;
}


static void
ngx_stream_mra_edge_join(ngx_stream_mra_trunk_t *t, u_char *tag)
{
    u_char                    nonce[NGX_STREAM_MRA_NONCE_LEN];
    ngx_stream_mra_edge_t    *edge;
    ngx_stream_mra_client_t  *client;

    client = t->client;

    if (ngx_stream_mra_edge_nonce(client, tag, nonce) != NGX_OK) {
        return;
    }

    edge = ngx_stream_mra_edge_get(client->conf->id, nonce);
    if (edge == NULL) {
        return;
    }

    edge->refs++;
    t->edge = edge;

    /* whoever has a token of this link can tell where else to go */

    ngx_memcpy(client->link.flow.nonce, nonce, NGX_STREAM_MRA_EDGE_PREFIX);

    if (t->left) {
        return;
    }

    if (edge->n < NGX_STREAM_MRA_EDGE_TRUNKS) {
        edge->trunk[edge->n++] = client;
    }

    ngx_stream_mra_edge_count(edge, 1);
}


void
ngx_stream_mra_edge_named(ngx_stream_mra_client_t *client, u_char *tag)
{
    if (client->trunk->edge == NULL) {
        ngx_stream_mra_edge_join(client->trunk, tag);
    }
}


ngx_queue_t *
ngx_stream_mra_edge_trunks(void)
{
    return &ngx_stream_mra_edges()->trunks;
}


static ngx_stream_mra_edge_t *
ngx_stream_mra_edge_get(uint32_t id, u_char *nonce)
{
    ngx_queue_t             *q;
    ngx_stream_mra_edge_t   *edge;
    ngx_stream_mra_edges_t  *edges;

    edges = ngx_stream_mra_edges();

    for (q = ngx_queue_head(&edges->queue);
         q != ngx_queue_sentinel(&edges->queue);
         q = ngx_queue_next(q))
    {
        edge = ngx_queue_data(q, ngx_stream_mra_edge_t, queue);

        if (ngx_stream_mra_edge_is(edge, id, nonce)) {
            return edge;
        }
    }

    edge = ngx_calloc(sizeof(ngx_stream_mra_edge_t), ngx_cycle->log);
    if (edge == NULL) {
        return NULL;
    }

    edge->id = id;
    ngx_memcpy(edge->nonce, nonce, NGX_STREAM_MRA_NONCE_LEN);

    ngx_queue_insert_tail(&edges->queue, &edge->queue);

    return edge;
}


void
ngx_stream_mra_edge_leave(ngx_stream_mra_client_t *client)
{
    ngx_uint_t               i;
    ngx_stream_mra_edge_t   *edge;
    ngx_stream_mra_trunk_t  *t;

    t = client->trunk;

    if (t == NULL || t->left) {
        return;
    }

    t->left = 1;
    edge = t->edge;

    if (edge == NULL) {
        return;
    }

    for (i = 0; i < edge->n; i++) {
        if (edge->trunk[i] == client) {
            edge->trunk[i] = edge->trunk[--edge->n];
            break;
        }
    }

    ngx_stream_mra_edge_count(edge, -1);
}


void
ngx_stream_mra_edge_free(ngx_stream_mra_client_t *client)
{
    ngx_stream_mra_edge_t   *edge;
    ngx_stream_mra_trunk_t  *t;

    t = client->trunk;

    if (t == NULL) {
        return;
    }

    ngx_stream_mra_edge_leave(client);

    edge = t->edge;

    if (edge && --edge->refs == 0) {
        ngx_queue_remove(&edge->queue);
        ngx_free(edge);
    }

    ngx_queue_remove(&t->queue);
    ngx_free(t);

    client->trunk = NULL;
}


/* the row of this worker; without a free one others do not hear of it */

static void
ngx_stream_mra_edge_count(ngx_stream_mra_edge_t *edge, ngx_int_t n)
{
    uint32_t                      self;
    ngx_uint_t                    i;
    ngx_msec_t                    patience;
    ngx_mra_conf_t               *mcf;
    ngx_stream_mra_edge_row_t    *row, *found;
    ngx_stream_mra_edge_table_t  *table;

    mcf = ngx_stream_mra_get_worker()->mcf;
    self = ngx_stream_mra_get_worker()->self;
    table = ngx_stream_mra_edges()->table;
    patience = ngx_stream_mra_edge_patience(mcf);

    found = NULL;

    ngx_mra_block_lock(mcf);

    for (i = 0; i < table->n; i++) {
        row = &table->row[i];

        if (row->worker == self
            && ngx_stream_mra_edge_is(row, edge->id, edge->nonce))
        {
            found = row;
            break;
        }

        if (row->trunks == 0 && ngx_current_msec - row->seen > patience) {
            found = row;
        }
    }

    if (found == NULL && table->n < NGX_STREAM_MRA_EDGE_ROWS) {
        found = &table->row[table->n];
    }

    if (found && i == table->n) {

        if (n > 0) {
            found->worker = self;
            found->id = edge->id;
            found->trunks = 0;
            ngx_memcpy(found->nonce, edge->nonce, NGX_STREAM_MRA_NONCE_LEN);

            if (found == &table->row[table->n]) {
                table->n++;
            }

        } else {
            found = NULL;
        }
    }

    if (found) {
        found->trunks += n;
        found->seen = ngx_current_msec;
    }

    ngx_mra_block_unlock(mcf);
}


/* it has died with its trunks */

static void
ngx_stream_mra_edge_lost(uint32_t worker)
{
    ngx_uint_t                    i;
    ngx_mra_conf_t               *mcf;
    ngx_stream_mra_edge_row_t    *row;
    ngx_stream_mra_edge_table_t  *table;

    mcf = ngx_stream_mra_get_worker()->mcf;
    table = ngx_stream_mra_edges()->table;

    ngx_mra_block_lock(mcf);

    for (i = 0; i < table->n; i++) {
        row = &table->row[i];

        if (row->worker == worker && row->trunks) {
            row->trunks = 0;
            row->seen = ngx_current_msec;
        }
    }

    ngx_mra_block_unlock(mcf);
}


void
ngx_stream_mra_edge_flow(ngx_stream_mra_edge_t *edge,
    ngx_stream_mra_flow_t *flow)
{
    flow->worker = 0;
    flow->slot = 0;
    ngx_memcpy(flow->nonce, edge->nonce, NGX_STREAM_MRA_NONCE_LEN);
}


ngx_uint_t
ngx_stream_mra_edge_known(uint32_t id, u_char *nonce,
    ngx_stream_mra_flow_t *flow)
{
    ngx_uint_t                    i;
    ngx_stream_mra_edge_row_t    *row;
    ngx_stream_mra_edge_table_t  *table;

    table = ngx_stream_mra_edges()->table;

    if (table == NULL) {
        return 0;
    }

    for (i = 0; i < table->n; i++) {
        row = &table->row[i];

        if (ngx_stream_mra_edge_is(row, id, nonce)) {
            flow->worker = 0;
            flow->slot = 0;
            ngx_memcpy(flow->nonce, row->nonce, NGX_STREAM_MRA_NONCE_LEN);

            return 1;
        }
    }

    return 0;
}


/* messages of one dialog keep to one trunk, as long as there are the same */

ngx_int_t
ngx_stream_mra_edge_reach(ngx_stream_mra_relay_t *r)
{
    uint32_t                 worker;
    ngx_int_t                rc;
    ngx_uint_t               affinity;
    ngx_queue_t             *q;
    struct iovec             iov;
    ngx_stream_mra_flow_t    to;
    ngx_stream_mra_edge_t   *edge;
    ngx_stream_mra_edges_t  *edges;

    edges = ngx_stream_mra_edges();

    if (edges->table == NULL) {
        return NGX_DECLINED;
    }

    affinity = ngx_crc32_short(r->msg.call_id.data, r->msg.call_id.len);

    for (q = ngx_queue_head(&edges->queue);
         q != ngx_queue_sentinel(&edges->queue);
         q = ngx_queue_next(q))
    {
        edge = ngx_queue_data(q, ngx_stream_mra_edge_t, queue);

        if (edge->n && ngx_stream_mra_edge_is(edge, r->id, r->to.nonce)) {
            r->client = edge->trunk[affinity % edge->n];
            return NGX_OK;
        }
    }

    if (r->remote) {
        return NGX_DECLINED;
    }

    to = r->to;
    to.slot = (uint32_t) -1;

    iov.iov_base = r->msg.start;
    iov.iov_len = r->last - r->msg.start;

    while ((worker = ngx_stream_mra_edge_elsewhere(r, affinity)) != 0) {

        to.worker = worker;

        rc = ngx_stream_mra_remote_send(r->msg.status
                                        ? NGX_STREAM_MRA_REMOTE_RESPONSE
                                        : NGX_STREAM_MRA_REMOTE_REQUEST,
                                        r->id, &to, &r->back, &iov, 1);
        if (rc == NGX_OK) {
            return NGX_DONE;
        }

        if (rc != NGX_DECLINED) {
            return NGX_DECLINED;
        }

        ngx_stream_mra_edge_lost(worker);
    }

    return (r->msg.status == 0 && ngx_stream_mra_edge_lately(r))
           ? 480 : NGX_DECLINED;
}


static uint32_t
ngx_stream_mra_edge_elsewhere(ngx_stream_mra_relay_t *r, ngx_uint_t affinity)
{
    ngx_uint_t                    i, n;
    ngx_stream_mra_edge_row_t    *row;
    ngx_stream_mra_edge_table_t  *table;

    table = ngx_stream_mra_edges()->table;
    n = table->n;

    for (i = 0; i < n; i++) {
        row = &table->row[(affinity + i) % n];

        if (row->trunks && row->worker != r->worker->self
            && ngx_stream_mra_edge_is(row, r->id, r->to.nonce))
        {
            return row->worker;
        }
    }

    return 0;
}


/* 430 would have the registrar forget its clients: RFC 5626, 5.3 */

static ngx_uint_t
ngx_stream_mra_edge_lately(ngx_stream_mra_relay_t *r)
{
    ngx_uint_t                    i;
    ngx_msec_t                    patience;
    ngx_stream_mra_edge_row_t    *row;
    ngx_stream_mra_edge_table_t  *table;

    table = ngx_stream_mra_edges()->table;
    patience = ngx_stream_mra_edge_patience(r->worker->mcf);

    for (i = 0; i < table->n; i++) {
        row = &table->row[i];

        if (ngx_stream_mra_edge_is(row, r->id, r->to.nonce)) {
            if (row->trunks || ngx_current_msec - row->seen <= patience) {
                return 1;
            }
        }
    }

    /* this node was restarted, and edge nodes come back one by one */

    return r->to.worker == 0
           && ngx_current_msec - table->created <= patience;
}
