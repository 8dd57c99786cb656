
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
#include "ngx_stream_mra_protect.h"
#include "ngx_stream_mra_register.h"
#include "ngx_stream_mra_binding.h"
#include "ngx_stream_mra_crowd.h"
#include "ngx_stream_mra_path.h"
#include "ngx_stream_mra_follow.h"


/* of a contact for which neither the answer nor the contact tells, seconds */

#define NGX_STREAM_MRA_EXPIRES       3600


static ngx_int_t ngx_stream_mra_edit_path(ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_edit_contact(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_contact_t *contact);
static ngx_int_t ngx_stream_mra_replace_contact(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_addr_t *addr, ngx_str_t *uri);

static ngx_int_t ngx_stream_mra_registered(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p);
static ngx_int_t ngx_stream_mra_registered_contact(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p, ngx_str_t *value, ngx_mra_sip_addr_t *addr);
static ngx_stream_mra_contact_t *ngx_stream_mra_registered_find(
    ngx_stream_mra_relay_t *r, ngx_stream_mra_pending_t *p, ngx_str_t *value,
    ngx_mra_sip_addr_t *addr, ngx_uint_t *hidden);
static ngx_int_t ngx_stream_mra_registered_restore(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_addr_t *addr, ngx_str_t *uri);
static void ngx_stream_mra_registered_learn(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p, ngx_mra_sip_addr_t *addr,
    ngx_stream_mra_contact_t *contact);


ngx_int_t
ngx_stream_mra_edit_registration(ngx_stream_mra_relay_t *r)
{
    ngx_str_t              value;
    ngx_mra_sip_uri_t      to;
    ngx_mra_sip_list_t     list;
    ngx_mra_sip_contact_t  contact;

    if (r->msg.method != NGX_MRA_SIP_REGISTER) {
        return NGX_OK;
    }

    if (ngx_mra_sip_parse_uri(&r->msg.to.uri, &to) != NGX_OK) {
        return 400;
    }

    r->aor.data = ngx_stream_mra_text(r, to.rest.len);
    if (r->aor.data == NULL) {
        return NGX_ERROR;
    }

    r->aor.len = ngx_mra_sip_build_aor(&to, r->aor.data);

    if (r->aor.len == 0) {
        return ngx_stream_mra_refusal(r, 400, "Bad Address-of-Record");
    }

    if (!r->client->trunk) {
        ngx_stream_mra_path_announced(r);
    }

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_CONTACT);

    while (ngx_mra_sip_list_next(&list, &value) == NGX_OK) {

        if (ngx_mra_sip_parse_contact(&value, &contact) != NGX_OK) {
            return ngx_stream_mra_refusal(r, 400, "Bad Contact");
        }

        if (contact.star) {
            r->star = 1;
            continue;
        }

        if (!r->client->trunk) {
            ngx_stream_mra_path_contact(r->client, &contact);
        }

        if (contact.uri.scheme != NGX_MRA_SIP_SIP
            && contact.uri.scheme != NGX_MRA_SIP_SIPS)
        {
            continue;
        }

        if (r->ncontacts == NGX_STREAM_MRA_CONTACTS) {
            return ngx_stream_mra_refusal(r, 513, "Too Many Contacts");
        }

        if (ngx_stream_mra_edit_contact(r, &contact) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return r->worker->mcf->sip_path_headers ? ngx_stream_mra_edit_path(r)
                                            : NGX_OK;
}


/* RFC 3327; ob: RFC 5626, 5.1 */

static ngx_int_t
ngx_stream_mra_edit_path(ngx_stream_mra_relay_t *r)
{
    ngx_str_t  spans[5];

    ngx_str_set(&spans[0], "Path: <sip:");

    spans[1] = ngx_stream_mra_follow_user(r, r->ncontacts
                                             ? r->contacts[0].id : NULL);

    ngx_str_set(&spans[2], "@");

    spans[3] = r->inside.hostport;

    if (r->inside.tls) {
        ngx_str_set(&spans[4], ";transport=tls;lr;ob>" CRLF);

    } else {
        ngx_str_set(&spans[4], ";transport=tcp;lr;ob>" CRLF);
    }

    return ngx_mra_sip_plan_insert(&r->plan, NGX_MRA_SIP_PATH, spans, 5);
}


static ngx_int_t
ngx_stream_mra_edit_contact(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_contact_t *contact)
{
    size_t                     size;
    ngx_str_t                  uri;
    ngx_stream_mra_contact_t  *id;

    id = &r->contacts[r->ncontacts];

    if (ngx_stream_mra_binding_id(r->client, &r->aor, contact, id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r->client->trunk) {
        (void) ngx_stream_mra_follow_name(r, contact, id);
    }

    id->offset = contact->uri.whole.data - r->msg.start;
    id->len = contact->uri.whole.len;
    id->bound = 0;
    r->ncontacts++;

    if (r->worker->mcf->sip_path_headers) {
        return NGX_OK;
    }

    size = 2 * contact->uri.whole.len + r->inside.hostport.len
           + NGX_MRA_RELAY_HIDE_LEN;

    uri.data = ngx_stream_mra_text(r, size);
    if (uri.data == NULL) {
        return NGX_ERROR;
    }

    uri.len = ngx_mra_relay_hide_contact(&contact->uri, id->id,
                                         &r->inside.hostport, r->inside.tls,
                                         uri.data);

    return ngx_stream_mra_replace_contact(r, &contact->addr, &uri);
}


/* without brackets parameters would be those of the header */

static ngx_int_t
ngx_stream_mra_replace_contact(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_addr_t *addr, ngx_str_t *uri)
{
    ngx_str_t  spans[3];

    if (addr->bracketed) {
        return ngx_mra_sip_plan_replace(&r->plan, &addr->uri, uri, 1);
    }

    ngx_str_set(&spans[0], "<");
    spans[1] = *uri;
    ngx_str_set(&spans[2], ">");

    return ngx_mra_sip_plan_replace(&r->plan, &addr->uri, spans, 3);
}


ngx_int_t
ngx_stream_mra_match_registration(ngx_stream_mra_relay_t *r)
{
    ngx_int_t                  rc;
    ngx_stream_mra_pending_t  *p;

    p = ngx_stream_mra_pending_find(r);

    if (p == NULL) {
        return r->msg.cseq.method == NGX_MRA_SIP_REGISTER
               ? ngx_stream_mra_drop(r, "no REGISTER waits for it") : NGX_OK;
    }

    if (r->link != p->link) {
        ngx_stream_mra_hop_answered(p->hop);
    }

    if (p->method == NGX_MRA_SIP_INVITE && r->msg.status < 200) {
        ngx_stream_mra_pending_proceeds(p);
        return NGX_OK;
    }

    if (p->method != NGX_MRA_SIP_REGISTER) {
        ngx_stream_mra_pending_free(p);
        return NGX_OK;
    }

    if (r->msg.status < 200) {
        p->sent = ngx_current_msec;
        return ngx_stream_mra_pending_watch(p);
    }

    ngx_mra_observe(r->worker->mcf, NGX_MRA_TIME_REGISTER,
                    ngx_current_msec - p->sent);

    /* RFC 3263, 4.3: 503 is like no answer at all */

    if (r->msg.status == 503 && ngx_stream_mra_pending_reroute(p) == NGX_OK) {
        return NGX_DONE;
    }

    ngx_stream_mra_judge_registration(r, p);

    rc = ngx_stream_mra_registered(r, p);

    ngx_stream_mra_pending_free(p);

    return rc;
}


static ngx_int_t
ngx_stream_mra_registered(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p)
{
    ngx_str_t           value;
    ngx_uint_t          i;
    ngx_mra_sip_addr_t  addr;
    ngx_mra_sip_list_t  list;

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_CONTACT);

    while (ngx_mra_sip_list_next(&list, &value) == NGX_OK) {

        if (ngx_mra_sip_parse_addr(&value, &addr) == NGX_OK
            && ngx_stream_mra_registered_contact(r, p, &value, &addr)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (r->msg.status > 299) {
        return NGX_OK;
    }

    if (ngx_stream_mra_path_answer(r, p) != NGX_OK
        || ngx_stream_mra_crowd_warn(r, &p->aor) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (p->star) {
        ngx_stream_mra_binding_forget_all(r->client, &p->aor);
    }

    for (i = 0; i < p->ncontacts; i++) {
        if (!p->contacts[i].bound) {
            ngx_stream_mra_binding_forget(r->client, p->contacts[i].id);
        }
    }

    return NGX_OK;
}


/* puts a contact back that we have hidden, and learns it if it is asked for */

static ngx_int_t
ngx_stream_mra_registered_contact(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p, ngx_str_t *value, ngx_mra_sip_addr_t *addr)
{
    ngx_int_t                  rc;
    ngx_str_t                  uri;
    ngx_uint_t                 hidden;
    ngx_stream_mra_contact_t  *contact;

    contact = ngx_stream_mra_registered_find(r, p, value, addr, &hidden);

    if (contact) {
        uri.data = p->message.data + contact->offset;
        uri.len = contact->len;

        if (r->msg.status < 300) {
            ngx_stream_mra_registered_learn(r, p, addr, contact);
        }

    } else if (hidden) {
        rc = ngx_stream_mra_registered_restore(r, addr, &uri);

        if (rc != NGX_OK) {
            return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
        }
    }

    /* very many contacts: those of other clients may stay hidden */

    if (!hidden
        || (contact == NULL && r->plan.nedits + NGX_STREAM_MRA_CONTACTS
                               >= NGX_MRA_SIP_PLAN_EDITS))
    {
        return NGX_OK;
    }

    return ngx_stream_mra_replace_contact(r, addr, &uri);
}


/* the contact of the request, by its id or by what that was made of */

static ngx_stream_mra_contact_t *
ngx_stream_mra_registered_find(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p, ngx_str_t *value, ngx_mra_sip_addr_t *addr,
    ngx_uint_t *hidden)
{
    u_char                 id[NGX_MRA_RELAY_ID_LEN];
    uint64_t               hash;
    ngx_uint_t             i;
    ngx_mra_sip_contact_t  contact;

    *hidden = (ngx_mra_relay_find_id(&addr->uri, id) == NGX_OK);

    if (*hidden) {
        for (i = 0; i < p->ncontacts; i++) {
            if (ngx_memcmp(p->contacts[i].id, id, NGX_MRA_RELAY_ID_LEN) == 0) {
                return &p->contacts[i];
            }
        }

        return NULL;
    }

    if (!r->worker->mcf->sip_path_headers
        || ngx_mra_sip_parse_contact(value, &contact) != NGX_OK
        || contact.star)
    {
        return NULL;
    }

    hash = ngx_stream_mra_binding_hash(&p->aor, &contact);

    for (i = 0; i < p->ncontacts; i++) {
        if (p->contacts[i].hash == hash) {
            return &p->contacts[i];
        }
    }

    return NULL;
}


/* NGX_OK; NGX_DECLINED: it only looked like one of ours; NGX_ERROR */

static ngx_int_t
ngx_stream_mra_registered_restore(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_addr_t *addr, ngx_str_t *uri)
{
    u_char             id[NGX_MRA_RELAY_ID_LEN];
    ngx_mra_sip_uri_t  parsed;

    if (ngx_mra_sip_parse_uri(&addr->uri, &parsed) != NGX_OK) {
        return NGX_DECLINED;
    }

    uri->data = ngx_stream_mra_text(r, addr->uri.len);
    if (uri->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_mra_relay_restore_contact(&parsed, id, uri->data, &uri->len);
}


static void
ngx_stream_mra_registered_learn(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p, ngx_mra_sip_addr_t *addr,
    ngx_stream_mra_contact_t *contact)
{
    uint32_t               expires;
    ngx_mra_sip_param_t    param;
    ngx_mra_sip_header_t  *h;

    expires = NGX_STREAM_MRA_EXPIRES;

    if (ngx_mra_sip_find_param(&addr->params, (u_char *) "expires", 7, &param)
        == NGX_OK)
    {
        (void) ngx_mra_sip_parse_seconds(&param.value, &expires);

    } else {
        h = ngx_mra_sip_first(&r->msg, NGX_MRA_SIP_EXPIRES);

        if (h) {
            (void) ngx_mra_sip_parse_seconds(&h->value, &expires);
        }
    }

    if (expires) {
        contact->bound = 1;
        ngx_stream_mra_binding_learn(r->client, &p->aor, contact, expires);
    }
}
