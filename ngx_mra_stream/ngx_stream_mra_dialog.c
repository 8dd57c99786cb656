
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

    if (client == NULL) {
        return NGX_OK;
    }

    if (r->msg.status) {
        if (r->msg.cseq.method != NGX_MRA_SIP_INVITE
            || r->msg.status < 200 || r->msg.status > 299)
        {
            return NGX_OK;
        }

        name = ngx_mra_relay_dialog(r->worker->key, &r->msg);

        if (ngx_stream_mra_dialog_find(&client->dialogs, name) == NULL) {
            ngx_stream_mra_dialog_add(r, &client->dialogs, name);
        }

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
    uint64_t  name;

    if (r->client->dialogs.nelts == 0 || r->msg.to.tag.len == 0) {
        return 0;
    }

    name = ngx_mra_relay_dialog(r->worker->key, &r->msg);

    return ngx_stream_mra_dialog_find(&r->client->dialogs, name) != NULL;
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
    ngx_stream_mra_dialogs_t  *ds;

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
