
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"


/* not heard of for so long: stale; and then no longer shown, ms */

#define NGX_MRA_NODE_STALE    (5 * NGX_MRA_NODE_BEAT)
#define NGX_MRA_NODE_KEEP     (24 * 3600 * 1000)

#define NGX_MRA_NODE_PAGE     4096

/* after a restart, one beat is that of the node before it */

#define NGX_MRA_NODE_TWIN     3

/*
 * A heartbeat is text, so that it can be read in Redis: these numbers in
 * this order, then the strings.  What a later version adds is at the end.
 */

#define NGX_MRA_NODE_FORMAT   1
#define NGX_MRA_NODE_NUMBERS  10
#define NGX_MRA_NODE_STRINGS  3


static void ngx_mra_node_twin(ngx_mra_core_conf_t *mccf, ngx_mra_node_t *self,
    const u_char *key);
static ngx_int_t ngx_mra_node_key(ngx_mra_core_conf_t *mccf, u_char *key);
static ngx_int_t ngx_mra_node_parse(ngx_mra_node_t *node, u_char *p,
    u_char *last);
static ngx_int_t ngx_mra_node_word(u_char **p, u_char *last, ngx_str_t *word);


void
ngx_mra_node_beat(ngx_mra_core_conf_t *mccf)
{
    u_char          buf[NGX_MRA_VALUE_MAX];
    ngx_str_t       none;
    ngx_mra_op_t    op;
    ngx_mra_node_t  self;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    if (ngx_mra_node_key(mccf, op.key) != NGX_OK) {
        return;
    }

    ngx_mra_node_self(&mccf->pub, &self);
    ngx_str_set(&none, "-");

    ngx_mra_node_twin(mccf, &self, op.key);

    op.kind = NGX_MRA_NODE;
    op.ttl = NGX_MRA_NODE_KEEP;
    op.value.data = buf;
    op.value.len = ngx_snprintf(buf, NGX_MRA_VALUE_MAX,
                                "%d %T %T %ui %ui %T %ui %ui %ui %ui %V %V %V",
                                NGX_MRA_NODE_FORMAT, self.started,
                                self.maintenance, self.registrations,
                                self.peak, self.peak_time, self.dialogs,
                                self.connections, self.requests,
                                self.services, &self.name, &self.version,
                                self.inside.len ? &self.inside : &none)
                   - buf;

    (void) ngx_mra_store_set(mccf->pub.store, &op);
}


/* what is found is the beat before this one, if nobody else has the name */

static void
ngx_mra_node_twin(ngx_mra_core_conf_t *mccf, ngx_mra_node_t *self,
    const u_char *key)
{
    u_char          buf[NGX_MRA_VALUE_MAX];
    ngx_uint_t     *twin;
    ngx_mra_op_t    op;
    ngx_mra_node_t  node;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));
    ngx_memcpy(op.key, key, NGX_MRA_KEY_LEN);

    op.kind = NGX_MRA_NODE;
    op.value.data = buf;
    op.value.len = NGX_MRA_VALUE_MAX;

    twin = &mccf->zone->node.twin;

    if (*twin == NGX_MRA_NODE_TWIN
        || ngx_mra_store_get(mccf->shm_store, &op) != NGX_OK
        || ngx_mra_node_parse(&node, buf, buf + op.value.len) != NGX_OK)
    {
        return;
    }

    if (node.started == self->started
        && node.inside.len == self->inside.len
        && (node.inside.len == 0
            || ngx_memcmp(node.inside.data, self->inside.data,
                          node.inside.len)
               == 0))
    {
        *twin = 0;
        return;
    }

    if (++*twin == NGX_MRA_NODE_TWIN) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "another node is named \"%V\", too, give each its own "
                      "\"node\"", &self->name);
    }
}


static ngx_int_t
ngx_mra_node_key(ngx_mra_core_conf_t *mccf, u_char *key)
{
    ngx_str_t  scope;

    ngx_str_set(&scope, "node");

    return ngx_mra_key(&mccf->pub, NGX_MRA_NODE, &scope, &mccf->pub.node, key);
}


void
ngx_mra_node_walk(ngx_mra_conf_t *mcf, ngx_mra_node_pt handler, void *data)
{
    u_char                key[NGX_MRA_KEY_LEN], *p, *last;
    uint64_t              page[NGX_MRA_NODE_PAGE / 8];
    ngx_mra_op_t          op;
    ngx_mra_node_t        node;
    ngx_mra_record_t     *rec;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    ngx_mra_node_self(mcf, &node);

    handler(&node, data);

    if (mccf->zone == NULL || ngx_mra_node_key(mccf, key) != NGX_OK) {
        return;
    }

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = NGX_MRA_NODE;

    do {
        op.value.data = (u_char *) page;
        op.value.len = NGX_MRA_NODE_PAGE;

        if (ngx_mra_store_scan(mccf->shm_store, &op) != NGX_OK) {
            return;
        }

        p = op.value.data;
        last = p + op.value.len;

        for ( /* void */ ; p < last; p += rec->len) {
            rec = (ngx_mra_record_t *) p;

            if (ngx_memcmp(rec->key, key, NGX_MRA_KEY_LEN) == 0
                || ngx_mra_node_parse(&node, rec->data,
                                      rec->data + rec->size)
                   != NGX_OK)
            {
                continue;
            }

            node.age = NGX_MRA_NODE_KEEP - ngx_min(rec->ttl,
                                                   NGX_MRA_NODE_KEEP);
            node.stale = (node.age > NGX_MRA_NODE_STALE);

            handler(&node, data);
        }

    } while (op.cursor);
}


static ngx_int_t
ngx_mra_node_parse(ngx_mra_node_t *node, u_char *p, u_char *last)
{
    ngx_int_t   n[NGX_MRA_NODE_NUMBERS];
    ngx_str_t   word, s[NGX_MRA_NODE_STRINGS];
    ngx_uint_t  i;

    for (i = 0; i < NGX_MRA_NODE_NUMBERS; i++) {

        if (ngx_mra_node_word(&p, last, &word) != NGX_OK) {
            return NGX_ERROR;
        }

        n[i] = ngx_atoi(word.data, word.len);

        if (n[i] == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < NGX_MRA_NODE_STRINGS; i++) {
        if (ngx_mra_node_word(&p, last, &s[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (n[0] < NGX_MRA_NODE_FORMAT) {
        return NGX_ERROR;
    }

    ngx_memzero(node, sizeof(ngx_mra_node_t));

    node->started = n[1];
    node->maintenance = n[2];
    node->registrations = n[3];
    node->peak = n[4];
    node->peak_time = n[5];
    node->dialogs = n[6];
    node->connections = n[7];
    node->requests = n[8];
    node->services = n[9];

    node->name = s[0];
    node->version = s[1];

    if (s[2].data[0] != '-') {
        node->inside = s[2];
    }

    return NGX_OK;
}


/* printable characters between spaces */

static ngx_int_t
ngx_mra_node_word(u_char **p, u_char *last, ngx_str_t *word)
{
    u_char  *q;

    q = *p;
    word->data = q;

    while (q < last && *q > ' ' && *q < 0x7f) {
        q++;
    }

    word->len = q - word->data;

    if (word->len == 0 || (q < last && *q != ' ')) {
        return NGX_ERROR;
    }

    *p = (q < last) ? q + 1 : q;

    return NGX_OK;
}
