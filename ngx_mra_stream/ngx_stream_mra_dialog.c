
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_dialog.h"


/* of one client; then the oldest is taken for one whose BYE got lost */

#define NGX_STREAM_MRA_DIALOGS  256

/*
 * A call may be set up so long after each sign of life, seconds: more than
 * timer C of the proxies inside, RFC 3261, 16.6
 */

#define NGX_STREAM_MRA_SETUP    200
#define NGX_STREAM_MRA_SETUPS   64         /* of one client */


/* an INVITE without its final answer, from or to a client */

struct ngx_stream_mra_setup_s {
    ngx_stream_mra_setup_t  *next;
    uint64_t                 name;
    time_t                   expires;
};


static void ngx_stream_mra_setup_note(ngx_stream_mra_relay_t *r,
    uint64_t name);
static void ngx_stream_mra_setup_end(ngx_stream_mra_client_t *client,
    uint64_t name);
static ngx_stream_mra_setup_t **ngx_stream_mra_setup_find(
    ngx_stream_mra_client_t *client, uint64_t name);
static uint64_t ngx_stream_mra_setup_name(ngx_stream_mra_relay_t *r);

static uint64_t *ngx_stream_mra_dialog_find(ngx_stream_mra_dialogs_t *ds,
    uint64_t name);
static void ngx_stream_mra_dialog_add(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_dialogs_t *ds, uint64_t name);
static void ngx_stream_mra_dialog_remove(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_dialogs_t *ds, uint64_t *elt);


ngx_int_t
ngx_stream_mra_note_dialog(ngx_stream_mra_relay_t *r)
{
    uint64_t                   *elt, name;
    ngx_stream_mra_client_t    *client;

    client = r->client;

    if (client == NULL || client->trunk) {
        return NGX_OK;
    }

    if (r->msg.status) {
        if (r->msg.cseq.method != NGX_MRA_SIP_INVITE) {
            return NGX_OK;
        }

        if (client->setups) {
            name = ngx_stream_mra_setup_name(r);

            if (r->msg.status > 199) {
                ngx_stream_mra_setup_end(client, name);

            } else if (ngx_stream_mra_setup_find(client, name)) {
                ngx_stream_mra_setup_note(r, name);
            }
        }

        if (r->msg.status < 200 || r->msg.status > 299) {
            return NGX_OK;
        }

        name = ngx_mra_relay_dialog(r->worker->key, &r->msg);

        if (ngx_stream_mra_dialog_find(&client->dialogs, name) == NULL) {
            ngx_stream_mra_dialog_add(r, &client->dialogs, name);
        }

        return NGX_OK;
    }

    if (r->msg.method == NGX_MRA_SIP_INVITE && r->msg.to.tag.len == 0) {
        ngx_stream_mra_setup_note(r, ngx_stream_mra_setup_name(r));
        return NGX_OK;
    }

    if (r->msg.method != NGX_MRA_SIP_BYE || client->dialogs.nelts == 0) {
        return NGX_OK;
    }

    name = ngx_mra_relay_dialog(r->worker->key, &r->msg);
    elt = ngx_stream_mra_dialog_find(&client->dialogs, name);

    if (elt) {
        ngx_stream_mra_dialog_remove(r, &client->dialogs, elt);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_stream_mra_dialog_known(ngx_stream_mra_relay_t *r)
{
    uint64_t                  name;
    ngx_stream_mra_setup_t  **sp;

    if (r->client->setups && r->msg.method != NGX_MRA_SIP_INVITE) {
        sp = ngx_stream_mra_setup_find(r->client,
                                       ngx_stream_mra_setup_name(r));

        if (sp && (*sp)->expires > ngx_time()) {
            return 1;
        }
    }

    if (r->client->dialogs.nelts == 0 || r->msg.to.tag.len == 0) {
        return 0;
    }

    name = ngx_mra_relay_dialog(r->worker->key, &r->msg);

    return ngx_stream_mra_dialog_find(&r->client->dialogs, name) != NULL;
}


ngx_uint_t
ngx_stream_mra_dialogs_idle(ngx_stream_mra_client_t *client)
{
    ngx_stream_mra_setup_t  *s;

    for (s = client->setups; s; s = s->next) {
        if (s->expires > ngx_time()) {
            return 0;
        }
    }

    return client->dialogs.nelts == 0;
}


void
ngx_stream_mra_dialog_refused(ngx_stream_mra_relay_t *r)
{
    if (r->client && r->client->setups
        && r->msg.method == NGX_MRA_SIP_INVITE)
    {
        ngx_stream_mra_setup_end(r->client, ngx_stream_mra_setup_name(r));
    }
}


/* the newest is the first; those that never got an answer make room */

static void
ngx_stream_mra_setup_note(ngx_stream_mra_relay_t *r, uint64_t name)
{
    ngx_uint_t                n;
    ngx_stream_mra_setup_t   *s, **sp;

    n = 1;

    for (sp = &r->client->setups; *sp; /* void */ ) {
        s = *sp;

        if (s->name == name || s->expires <= ngx_time()
            || n == NGX_STREAM_MRA_SETUPS)
        {
            *sp = s->next;
            ngx_free(s);
            continue;
        }

        n++;
        sp = &s->next;
    }

    s = ngx_alloc(sizeof(ngx_stream_mra_setup_t), r->log);
    if (s == NULL) {
        return;
    }

    s->name = name;
    s->expires = ngx_time() + NGX_STREAM_MRA_SETUP;

    s->next = r->client->setups;
    r->client->setups = s;
}


static void
ngx_stream_mra_setup_end(ngx_stream_mra_client_t *client, uint64_t name)
{
    ngx_stream_mra_setup_t  *s, **sp;

    sp = ngx_stream_mra_setup_find(client, name);

    if (sp) {
        s = *sp;
        *sp = s->next;
        ngx_free(s);
    }
}


static ngx_stream_mra_setup_t **
ngx_stream_mra_setup_find(ngx_stream_mra_client_t *client, uint64_t name)
{
    ngx_stream_mra_setup_t  **sp;

    for (sp = &client->setups; *sp; sp = &(*sp)->next) {
        if ((*sp)->name == name) {
            return sp;
        }
    }

    return NULL;
}


/* the tag of the other side is not known yet, and may be several */

static uint64_t
ngx_stream_mra_setup_name(ngx_stream_mra_relay_t *r)
{
    ngx_mra_hash_t  h;

    ngx_mra_hash_init(&h, r->worker->key);
    ngx_mra_hash_add_span(&h, &r->msg.call_id);

    return ngx_mra_hash_end(&h);
}


static uint64_t *
ngx_stream_mra_dialog_find(ngx_stream_mra_dialogs_t *ds, uint64_t name)
{
    ngx_uint_t  i;

    for (i = 0; i < ds->nelts; i++) {
        if (ds->elts[i] == name) {
            return &ds->elts[i];
        }
    }

    return NULL;
}


static void
ngx_stream_mra_dialog_add(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_dialogs_t *ds, uint64_t name)
{
    uint64_t    *elts;
    ngx_uint_t   n;

    if (ds->nelts == NGX_STREAM_MRA_DIALOGS) {
        ngx_stream_mra_dialog_remove(r, ds, ds->elts);
    }

    if (ds->nelts == ds->nalloc) {
        n = ds->nalloc ? 2 * ds->nalloc : 2;

        elts = ngx_alloc(n * sizeof(uint64_t), r->log);
        if (elts == NULL) {
            return;
        }

        if (ds->elts) {
            ngx_memcpy(elts, ds->elts, ds->nelts * sizeof(uint64_t));
            ngx_free(ds->elts);
        }

        ds->elts = elts;
        ds->nalloc = n;
    }

    ds->elts[ds->nelts++] = name;

    ngx_mra_count(r->worker->mcf, NGX_MRA_SIP_DIALOGS, 1);
}


static void
ngx_stream_mra_dialog_remove(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_dialogs_t *ds, uint64_t *elt)
{
    ds->nelts--;

    ngx_memmove(elt, elt + 1,
                (ds->elts + ds->nelts - elt) * sizeof(uint64_t));

    ngx_mra_count(r->worker->mcf, NGX_MRA_SIP_DIALOGS, -1);

    if (ds->nelts == 0) {
        ngx_free(ds->elts);
        ds->elts = NULL;
        ds->nalloc = 0;
    }
}


void
ngx_stream_mra_dialogs_free(ngx_stream_mra_client_t *client)
{
    ngx_mra_conf_t            *mcf;
    ngx_stream_mra_setup_t    *s;
    ngx_stream_mra_dialogs_t  *ds;

    while (client->setups) {
        s = client->setups;
        client->setups = s->next;

        ngx_free(s);
    }

    ds = &client->dialogs;

    if (ds->elts == NULL) {
        return;
    }

    mcf = ngx_stream_mra_get_worker()->mcf;

    ngx_mra_count(mcf, NGX_MRA_SIP_DIALOGS, - (ngx_int_t) ds->nelts);

    ngx_free(ds->elts);

    ds->elts = NULL;
    ds->nelts = 0;
    ds->nalloc = 0;
}
