
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_register.h"
#include "ngx_stream_mra_binding.h"


/* most REGISTERs fit, others are allocated one by one; bytes */

#define NGX_STREAM_MRA_PENDING_DATA  2048
#define NGX_STREAM_MRA_PENDING_KEEP  512

/* of a contact for which neither the answer nor the contact tells, seconds */

#define NGX_STREAM_MRA_EXPIRES       3600


struct ngx_stream_mra_pendings_s {
    ngx_stream_mra_pending_t  *free;
    ngx_uint_t                 nfree;
};


/* what waits for the answer of one hop; the longest wait is the first */

typedef struct {
    ngx_stream_mra_hop_t      *hop;
    ngx_queue_t                queue;
    ngx_event_t                timer;
} ngx_stream_mra_unanswered_t;


static ngx_int_t ngx_stream_mra_edit_path(ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_edit_contact(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_contact_t *contact);
static ngx_int_t ngx_stream_mra_replace_contact(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_addr_t *addr, ngx_str_t *uri);

static ngx_stream_mra_pending_t *ngx_stream_mra_pending_create(
    ngx_stream_mra_relay_t *r);
static ngx_int_t ngx_stream_mra_pending_watch(ngx_stream_mra_pending_t *p);
static ngx_stream_mra_unanswered_t *ngx_stream_mra_unanswered(
    ngx_stream_mra_hop_t *hop);
static void ngx_stream_mra_unanswered_handler(ngx_event_t *ev);
static ngx_int_t ngx_stream_mra_pending_reroute(ngx_stream_mra_pending_t *p);
static void ngx_stream_mra_pending_repeat(ngx_stream_mra_pending_t *p);
static ngx_stream_mra_pending_t *ngx_stream_mra_pending_find(
    ngx_stream_mra_relay_t *r);

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
    ngx_stream_mra_contact_t *contact, ngx_str_t *uri);


ngx_stream_mra_pendings_t *
ngx_stream_mra_pendings_create(ngx_cycle_t *cycle)
{
    return ngx_pcalloc(cycle->pool, sizeof(ngx_stream_mra_pendings_t));
}


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

    if (r->worker->mcf->sip_path_headers
        && ngx_stream_mra_edit_path(r) != NGX_OK)
    {
        return NGX_ERROR;
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

    return NGX_OK;
}


/* RFC 3327; ob: RFC 5626, 5.1 */

static ngx_int_t
ngx_stream_mra_edit_path(ngx_stream_mra_relay_t *r)
{
    ngx_str_t  spans[5];

    ngx_str_set(&spans[0], "Path: <sip:");

    spans[1].data = r->token;
    spans[1].len = NGX_STREAM_MRA_TOKEN_LEN;

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
        p = ngx_stream_mra_pending_create(r);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    branch.data = r->branch;
    branch.len = NGX_MRA_RELAY_BRANCH_LEN;

    (void) ngx_mra_relay_parse_branch(&branch, &b);

    ngx_memcpy(p->transaction, b.transaction, NGX_MRA_RELAY_HASH_LEN);

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
    p->attempt = 0;
    p->ncontacts = r->ncontacts;
    p->star = r->star;
    p->repeated = 0;

    ngx_memcpy(p->contacts, r->contacts, contacts);

    p->message.data = (u_char *) p->contacts + contacts;
    p->message.len = r->last - r->msg.start;
    last = ngx_cpymem(p->message.data, r->msg.start, p->message.len);

    p->aor.data = last;
    p->aor.len = r->aor.len;
    ngx_memcpy(p->aor.data, r->aor.data, r->aor.len);

    ngx_queue_init(&p->queue);

    p->next = r->client->pendings;
    r->client->pendings = p;

    return p;
}


static ngx_int_t
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

        ngx_log_error(NGX_LOG_INFO, p->client->link.connection->log,
                      NGX_ETIMEDOUT,
                      "next hop \"%V\" did not answer REGISTER",
                      &u->hop->name);

        if (!p->waiting) {
            ngx_stream_mra_hop_timed_out(u->hop, p->sent);
        }

        ngx_stream_mra_pending_failed(p);
    }
}


void
ngx_stream_mra_pending_failed(ngx_stream_mra_pending_t *p)
{
    if (ngx_stream_mra_pending_reroute(p) == NGX_OK) {
        return;
    }

    ngx_queue_remove(&p->queue);
    ngx_queue_init(&p->queue);

    p->hop = NULL;

    ngx_stream_mra_relay_again(p, p->message.data,
                               p->message.data + p->message.len);
}


/* NGX_OK: by then it may be answered and gone */

static ngx_int_t
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

    ngx_queue_remove(&p->queue);
    ngx_queue_init(&p->queue);

    p->hop = hop;
    p->attempt++;
    p->repeated = 0;

    ngx_stream_mra_client_use(client, hop);

    ngx_stream_mra_relay_again(p, p->message.data,
                               p->message.data + p->message.len);
    return NGX_OK;
}


/* the same once more, as if the transport had lost it */

static void
ngx_stream_mra_pending_repeat(ngx_stream_mra_pending_t *p)
{
    if (p->repeated || !ngx_stream_mra_hop_is_up(p->hop)) {
        ngx_stream_mra_pending_failed(p);
        return;
    }

    p->repeated = !p->waiting;

    ngx_stream_mra_relay_again(p, p->message.data,
                               p->message.data + p->message.len);
}


void
ngx_stream_mra_pending_free(ngx_stream_mra_pending_t *p)
{
    ngx_stream_mra_pending_t   **pp;
    ngx_stream_mra_pendings_t   *pendings;

    ngx_queue_remove(&p->queue);

    for (pp = &p->client->pendings; *pp; pp = &(*pp)->next) {
        if (*pp == p) {
            *pp = p->next;
            break;
        }
    }

    pendings = ngx_stream_mra_get_worker()->pendings;

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
}


void
ngx_stream_mra_pendings_opened(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln)
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
            && ngx_stream_mra_hop_link(hop, p->client->link.flow.slot) == ln)
        {
            ngx_stream_mra_pending_repeat(p);
        }

        if (q == last) {
            return;
        }
    }
}


void
ngx_stream_mra_pendings_lost(ngx_stream_mra_hop_t *hop,
    ngx_stream_mra_link_t *ln)
{
    ngx_queue_t                  *q, *next, *last;
    ngx_stream_mra_pending_t     *p;
    ngx_stream_mra_unanswered_t  *u;

    u = hop->data;

    if (u == NULL || ngx_queue_empty(&u->queue)) {
        return;
    }

    last = ngx_queue_last(&u->queue);

    for (q = ngx_queue_head(&u->queue); /* void */ ; q = next) {
        next = ngx_queue_next(q);
        p = ngx_queue_data(q, ngx_stream_mra_pending_t, queue);

        if (p->link == ln) {
            ngx_stream_mra_pending_repeat(p);
        }

        if (q == last) {
            return;
        }
    }
}


ngx_int_t
ngx_stream_mra_match_registration(ngx_stream_mra_relay_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                  why;
    ngx_stream_mra_pending_t  *p;

    if (r->msg.cseq.method != NGX_MRA_SIP_REGISTER) {
        return NGX_OK;
    }

    p = ngx_stream_mra_pending_find(r);

    if (p == NULL) {
        ngx_str_set(&why, "no REGISTER waits for it");
        ngx_stream_mra_log_dropped(r, &why);
        return NGX_DONE;
    }

    if (r->link != p->link) {
        ngx_stream_mra_hop_answered(p->hop);
    }

    if (r->msg.status < 200) {
        p->sent = ngx_current_msec;
        return ngx_stream_mra_pending_watch(p);
    }

    /* RFC 3263, 4.3: 503 is like no answer at all */

    if (r->msg.status == 503 && ngx_stream_mra_pending_reroute(p) == NGX_OK) {
        return NGX_DONE;
    }

    rc = ngx_stream_mra_registered(r, p);

    ngx_stream_mra_pending_free(p);

    return rc;
}


static ngx_stream_mra_pending_t *
ngx_stream_mra_pending_find(ngx_stream_mra_relay_t *r)
{
    ngx_stream_mra_pending_t  *p;

    for (p = r->client->pendings; p; p = p->next) {
        if (ngx_memcmp(p->transaction, r->answered.transaction,
                       NGX_MRA_RELAY_HASH_LEN)
            == 0)
        {
            return p;
        }
    }

    return NULL;
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
            ngx_stream_mra_registered_learn(r, p, addr, contact, &uri);
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
    ngx_stream_mra_contact_t *contact, ngx_str_t *uri)
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
        ngx_stream_mra_binding_learn(r->client, &p->aor, contact, uri,
                                     expires);
    }
}
