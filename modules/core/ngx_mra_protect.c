
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"
#include "ngx_mra_hash.h"


/* category, a space and an address; kept with a window */

#define NGX_MRA_FAIL_NAME  (32 + NGX_MRA_ADDRESS_LEN)

#define NGX_MRA_BAN_PAGE   4096

/* others that change the record of an address meanwhile */

#define NGX_MRA_BAN_TRIES  1000


/* a failure that is being counted; nobody waits for it */

typedef struct {
    ngx_mra_op_t           op;
    ngx_mra_core_conf_t   *mccf;
    ngx_uint_t             category;
    ngx_mra_address_t      client;
    ngx_mra_address_t      net;      /* that is counted and banned */
    u_char                 name[NGX_MRA_FAIL_NAME];
} ngx_mra_fail_t;


/* what is done to the record of an address */

typedef struct {
    ngx_uint_t             category;
    ngx_uint_t             categories;    /* lifted: in and out, as bits */
    ngx_msec_t             block;
    ngx_msec_t             most;
} ngx_mra_ban_change_t;

typedef ngx_int_t (*ngx_mra_ban_change_pt)(ngx_mra_ban_t *ban,
    ngx_mra_ban_change_t *data);


static void ngx_mra_failed(ngx_mra_op_t *op);
static void ngx_mra_fail_judge(ngx_mra_fail_t *fail);
static void ngx_mra_fail_ban(ngx_mra_fail_t *fail);
static void ngx_mra_fail_forget(ngx_mra_core_conf_t *mccf,
    const ngx_mra_address_t *net, ngx_uint_t categories);
static ngx_int_t ngx_mra_ban_change(ngx_mra_core_conf_t *mccf,
    ngx_mra_ban_t *ban, const ngx_mra_address_t *net,
    ngx_mra_ban_change_pt change, ngx_mra_ban_change_t *data);
static ngx_int_t ngx_mra_ban_failed(ngx_mra_ban_t *ban,
    ngx_mra_ban_change_t *data);
static ngx_int_t ngx_mra_ban_made(ngx_mra_ban_t *ban,
    ngx_mra_ban_change_t *data);
static ngx_int_t ngx_mra_ban_lifted(ngx_mra_ban_t *ban,
    ngx_mra_ban_change_t *data);
static ngx_int_t ngx_mra_ban_read(ngx_mra_core_conf_t *mccf,
    const ngx_mra_address_t *net, ngx_mra_ban_t *ban, ngx_str_t *value);
static void ngx_mra_ban_log(ngx_uint_t category,
    const ngx_mra_address_t *net, ngx_msec_t time);
static void ngx_mra_ban_net(ngx_mra_core_conf_t *mccf,
    ngx_mra_address_t *net, const ngx_mra_address_t *a);


ngx_int_t
ngx_mra_protect_init(ngx_mra_core_conf_t *mccf)
{
    return ngx_mra_derive(&mccf->pub, "protection", mccf->protect_key);
}


const ngx_mra_protection_t *
ngx_mra_protection(ngx_mra_conf_t *mcf, ngx_uint_t c)
{
    return &((ngx_mra_core_conf_t *) mcf)->protection[c];
}


void
ngx_mra_fail(ngx_mra_conf_t *mcf, ngx_uint_t category, struct sockaddr *sa)
{
    u_char                *p;
    ngx_int_t              rc;
    ngx_mra_fail_t        *fail;
    const ngx_str_t       *name;
    ngx_mra_address_t      client;
    ngx_mra_core_conf_t   *mccf;
    ngx_mra_protection_t  *pn;

    mccf = (ngx_mra_core_conf_t *) mcf;
    pn = &mccf->protection[category];

    if (mcf->store == NULL || !pn->on
        || ngx_mra_address_of(&client, sa) != NGX_OK
        || (ngx_mra_exempted(mcf, &client) & ngx_mra_category_bit(category)))
    {
        return;
    }

    ngx_mra_count(mcf, NGX_MRA_FAILURES + category, 1);

    fail = ngx_calloc(sizeof(ngx_mra_fail_t), ngx_cycle->log);
    if (fail == NULL) {
        return;
    }

    fail->mccf = mccf;
    fail->category = category;
    fail->client = client;

    ngx_mra_ban_net(mccf, &fail->net, &client);

    name = ngx_mra_category_name(category);

    p = ngx_cpymem(fail->name, name->data, name->len);
    *p++ = ' ';
    p += ngx_mra_address_print(&fail->net, p);

    ngx_mra_ban_op(mccf, &fail->op, NGX_MRA_FAILURE, category, &fail->net);

    fail->op.name.data = fail->name;
    fail->op.name.len = p - fail->name;
    fail->op.limit = pn->trigger;
    fail->op.period = pn->window;
    fail->op.handler = ngx_mra_failed;
    fail->op.data = fail;

    rc = ngx_mra_store_hit(mcf->store, &fail->op);

    if (rc != NGX_AGAIN) {
        fail->op.rc = rc;
        ngx_mra_fail_judge(fail);
    }
}


static void
ngx_mra_failed(ngx_mra_op_t *op)
{
    ngx_mra_fail_judge(op->data);
}


static void
ngx_mra_fail_judge(ngx_mra_fail_t *fail)
{
    u_char                 buf[NGX_MRA_ADDRESS_LEN];
    ngx_str_t              text;
    ngx_mra_protection_t  *pn;

    pn = &fail->mccf->protection[fail->category];

    text.data = buf;
    text.len = ngx_mra_address_print(&fail->client, buf);

    /* a full window takes no more: it stays at the trigger */

    if (fail->op.rc == NGX_ERROR) {
        fail->op.used = 1;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "%V failure of %V, %ui of %ui in %Ms",
                  ngx_mra_category_name(fail->category), &text,
                  ngx_min(fail->op.used, pn->trigger), pn->trigger,
                  pn->window / 1000);

    if (fail->op.rc != NGX_ERROR && fail->op.used >= pn->trigger
        && pn->block)
    {
        ngx_mra_fail_ban(fail);
    }

    ngx_free(fail);
}


static void
ngx_mra_fail_ban(ngx_mra_fail_t *fail)
{
    ngx_uint_t             c;
    ngx_mra_ban_t          ban;
    ngx_mra_ban_change_t   change;
    ngx_mra_protection_t  *pn;

    c = fail->category;
    pn = &fail->mccf->protection[c];

    change.category = c;
    change.block = pn->block;
    change.most = pn->max_block;

    if (ngx_mra_ban_change(fail->mccf, &ban, &fail->net, ngx_mra_ban_failed,
                           &change)
        != NGX_OK)
    {
        return;
    }

    ngx_mra_fail_forget(fail->mccf, &fail->net, ngx_mra_category_bit(c));

    ngx_mra_count(&fail->mccf->pub, NGX_MRA_BANS + c, 1);
    ngx_mra_ban_log(c, &fail->net, ban.left[c]);
}


/* who comes back begins with none */

static void
ngx_mra_fail_forget(ngx_mra_core_conf_t *mccf, const ngx_mra_address_t *net,
    ngx_uint_t categories)
{
    ngx_uint_t    c;
    ngx_mra_op_t  op;

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {

        if (categories & ngx_mra_category_bit(c)) {
            ngx_mra_ban_op(mccf, &op, NGX_MRA_FAILURE, c, net);

            /* a life of nothing: as del, and nobody waits for Redis */

            (void) ngx_mra_store_set(mccf->pub.store, &op);
        }
    }
}


ngx_uint_t
ngx_mra_banned(ngx_mra_conf_t *mcf, struct sockaddr *sa)
{
    ngx_uint_t            bits;
    ngx_mra_ban_t         ban;
    ngx_mra_address_t     client;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    if (mcf->store == NULL || ngx_mra_shm_none(mccf->shm_store, NGX_MRA_BAN)
        || ngx_mra_address_of(&client, sa) != NGX_OK
        || ngx_mra_ban_find(mcf, &client, &ban) != NGX_OK)
    {
        return 0;
    }

    bits = ngx_mra_ban_categories(&ban) & mccf->protected;

    return bits ? bits & ~ngx_mra_exempted(mcf, &client) : 0;
}


ngx_uint_t
ngx_mra_refuse(ngx_mra_conf_t *mcf, ngx_connection_t *c)
{
    u_char              buf[NGX_MRA_ADDRESS_LEN];
    ngx_str_t           text;
    ngx_uint_t          bits, i;
    ngx_pool_t         *pool;
    ngx_mra_address_t   client;

    bits = ngx_mra_banned(mcf, c->sockaddr);

    if (bits == 0 || ngx_mra_address_of(&client, c->sockaddr) != NGX_OK) {
        return 0;
    }

    for (i = 0; !(bits & ngx_mra_category_bit(i)); i++) {
        /* void */
    }

    text.data = buf;
    text.len = ngx_mra_address_print(&client, buf);

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "client %V is banned for %V, connection closed",
                  &text, ngx_mra_category_name(i));

    ngx_mra_count(mcf, NGX_MRA_BANNED, 1);

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_active, -1);
#endif

    pool = c->pool;

    ngx_close_connection(c);
    ngx_destroy_pool(pool);

    return 1;
}


ngx_int_t
ngx_mra_ban(ngx_mra_conf_t *mcf, const ngx_mra_address_t *a,
    ngx_uint_t category, ngx_msec_t time)
{
    ngx_int_t              rc;
    ngx_uint_t             single;
    ngx_mra_ban_t          ban;
    ngx_mra_address_t      net;
    ngx_mra_core_conf_t   *mccf;
    ngx_mra_ban_change_t   change;
    ngx_mra_protection_t  *pn;

    mccf = (ngx_mra_core_conf_t *) mcf;
    pn = &mccf->protection[category];

    ngx_mra_ban_net(mccf, &net, a);

    single = (net.family == 4) ? 32 : mccf->ipv6_prefix;

    if (!pn->on || net.prefix < single
        || (ngx_mra_exempted(mcf, &net) & ngx_mra_category_bit(category)))
    {
        return NGX_ABORT;
    }

    change.category = category;
    change.block = time ? time : pn->block;
    change.most = time ? time : pn->max_block;

    rc = ngx_mra_ban_change(mccf, &ban, &net, ngx_mra_ban_made, &change);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_mra_count(mcf, NGX_MRA_BANS + category, 1);
    ngx_mra_ban_log(category, &net, ban.left[category]);

    return NGX_OK;
}


ngx_int_t
ngx_mra_unban(ngx_mra_conf_t *mcf, const ngx_mra_address_t *a,
    ngx_uint_t categories)
{
    u_char                 buf[NGX_MRA_ADDRESS_LEN];
    ngx_int_t              rc;
    ngx_str_t              text;
    ngx_uint_t             c;
    ngx_mra_ban_t          ban;
    ngx_mra_address_t      net;
    ngx_mra_core_conf_t   *mccf;
    ngx_mra_ban_change_t   change;

    mccf = (ngx_mra_core_conf_t *) mcf;

    ngx_mra_ban_net(mccf, &net, a);
    ngx_mra_fail_forget(mccf, &net, categories);

    change.categories = categories;

    rc = ngx_mra_ban_change(mccf, &ban, &net, ngx_mra_ban_lifted, &change);

    if (rc != NGX_OK) {
        return rc;
    }

    /* those that were banned; who was remembered only was not */

    if (change.categories == 0) {
        return NGX_DECLINED;
    }

    text.data = buf;
    text.len = ngx_mra_address_print(&net, buf);

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {

        if (change.categories & ngx_mra_category_bit(c)) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "%V ban of %V is lifted",
                          ngx_mra_category_name(c), &text);
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_mra_ban_find(ngx_mra_conf_t *mcf, const ngx_mra_address_t *a,
    ngx_mra_ban_t *ban)
{
    u_char                buf[NGX_MRA_VALUE_MAX];
    ngx_str_t             value;
    ngx_mra_address_t     net;
    ngx_mra_core_conf_t  *mccf;

    mccf = (ngx_mra_core_conf_t *) mcf;

    ngx_mra_ban_net(mccf, &net, a);

    value.data = buf;

    return ngx_mra_ban_read(mccf, &net, ban, &value);
}


/* the near copy has all bans: this never has to wait */

static ngx_int_t
ngx_mra_ban_read(ngx_mra_core_conf_t *mccf, const ngx_mra_address_t *net,
    ngx_mra_ban_t *ban, ngx_str_t *value)
{
    ngx_mra_op_t  op;

    ngx_mra_ban_op(mccf, &op, NGX_MRA_BAN, 0, net);

    op.value.data = value->data;
    op.value.len = NGX_MRA_VALUE_MAX;

    value->len = 0;

    if (ngx_mra_store_get(mccf->pub.store, &op) == NGX_OK) {
        value->len = op.value.len;

        if (ngx_mra_ban_decode(ban, value->data, value->len, op.ttl) == NGX_OK
            && ngx_mra_address_eq(&ban->address, net))
        {
            return NGX_OK;
        }
    }

    ngx_mra_ban_init(ban, net);

    return NGX_DECLINED;
}


ngx_int_t
ngx_mra_ban_walk(ngx_mra_conf_t *mcf, uint64_t *cursor,
    ngx_mra_ban_pt handler, void *data)
{
    u_char            *p, page[NGX_MRA_BAN_PAGE];
    ngx_mra_op_t       op;
    ngx_mra_ban_t      ban;
    ngx_mra_record_t  *rec;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = NGX_MRA_BAN;
    op.cursor = *cursor;
    op.value.data = ngx_align_ptr(page, 8);
    op.value.len = NGX_MRA_BAN_PAGE - 8;

    if (ngx_mra_store_scan(mcf->store, &op) != NGX_OK) {
        return NGX_ERROR;
    }

    for (p = op.value.data; p < op.value.data + op.value.len; p += rec->len) {
        rec = (ngx_mra_record_t *) p;

        if (ngx_mra_ban_decode(&ban, rec->data, rec->size, rec->ttl)
            == NGX_OK)
        {
            handler(&ban, data);
        }
    }

    *cursor = op.cursor;

    return NGX_OK;
}


/*
 * Changes the record of a network, which holds all categories: what another
 * worker has written since it was read is not overwritten but read.
 */

static ngx_int_t
ngx_mra_ban_change(ngx_mra_core_conf_t *mccf, ngx_mra_ban_t *ban,
    const ngx_mra_address_t *net, ngx_mra_ban_change_pt change,
    ngx_mra_ban_change_t *data)
{
    u_char                 value[NGX_MRA_BAN_LEN], was[NGX_MRA_VALUE_MAX];
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_mra_op_t           op;
    ngx_mra_ban_change_t   copy;

    ngx_mra_ban_op(mccf, &op, NGX_MRA_BAN, 0, net);

    op.name.data = was;
    rc = NGX_BUSY;

    for (i = 0; rc == NGX_BUSY && i < NGX_MRA_BAN_TRIES; i++) {
        copy = *data;

        (void) ngx_mra_ban_read(mccf, net, ban, &op.name);

        rc = change(ban, &copy);

        if (rc != NGX_OK) {
            return rc;
        }

        op.value.data = value;
        op.value.len = ngx_mra_ban_encode(ban, value, &op.ttl);

        if (op.value.len == 0) {
            op.ttl = 0;
        }

        rc = ngx_mra_store_set(mccf->pub.store, &op);
    }

    *data = copy;

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* what was under way when the ban began adds nothing to it */

static ngx_int_t
ngx_mra_ban_failed(ngx_mra_ban_t *ban, ngx_mra_ban_change_t *data)
{
    return ban->left[data->category] ? NGX_DECLINED
                                     : ngx_mra_ban_made(ban, data);
}


static ngx_int_t
ngx_mra_ban_made(ngx_mra_ban_t *ban, ngx_mra_ban_change_t *data)
{
    return ngx_mra_ban_add(ban, data->category, data->block, data->most);
}


static ngx_int_t
ngx_mra_ban_lifted(ngx_mra_ban_t *ban, ngx_mra_ban_change_t *data)
{
    ngx_int_t   rc;
    ngx_uint_t  c, bits;

    rc = NGX_DECLINED;
    bits = ngx_mra_ban_categories(ban);

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {

        if ((data->categories & ngx_mra_category_bit(c)) && ban->bans[c]) {
            ban->left[c] = 0;
            ban->bans[c] = 0;
            rc = NGX_OK;
        }
    }

    data->categories &= bits;

    return rc;
}


static void
ngx_mra_ban_log(ngx_uint_t category, const ngx_mra_address_t *net,
    ngx_msec_t time)
{
    u_char     buf[NGX_MRA_ADDRESS_LEN];
    ngx_str_t  text;

    text.data = buf;
    text.len = ngx_mra_address_print(net, buf);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "%V ban of %V for %Ms",
                  ngx_mra_category_name(category), &text, time / 1000);
}


/* keys under the secret, so that nobody chooses where they collide */

void
ngx_mra_ban_op(ngx_mra_core_conf_t *mccf, ngx_mra_op_t *op,
    ngx_mra_kind_e kind, ngx_uint_t category, const ngx_mra_address_t *net)
{
    u_char  what[4];

    what[0] = (u_char) kind;
    what[1] = (u_char) category;
    what[2] = net->family;
    what[3] = net->prefix;

    ngx_mra_protect_op(mccf, op, kind, what, sizeof(what), net->bytes,
                       sizeof(net->bytes));
}


void
ngx_mra_protect_op(ngx_mra_core_conf_t *mccf, ngx_mra_op_t *op,
    ngx_mra_kind_e kind, const u_char *what, size_t what_len,
    const u_char *name, size_t len)
{
    uint64_t        hash;
    ngx_uint_t      i;
    ngx_mra_hash_t  h;

    ngx_memzero(op, sizeof(ngx_mra_op_t));

    op->kind = kind;

    for (i = 0; i < 2; i++) {
        ngx_mra_hash_init(&h, mccf->protect_key + i * NGX_MRA_HASH_KEY_LEN);
        ngx_mra_hash_add(&h, what, what_len);
        ngx_mra_hash_add(&h, name, len);

        hash = ngx_mra_hash_end(&h);
        ngx_memcpy(op->key + i * sizeof(hash), &hash, sizeof(hash));
    }
}


/* what is counted and banned as one */

static void
ngx_mra_ban_net(ngx_mra_core_conf_t *mccf, ngx_mra_address_t *net,
    const ngx_mra_address_t *a)
{
    *net = *a;

    if (net->family == 6) {
        ngx_mra_address_cut(net, mccf->ipv6_prefix);
    }
}
