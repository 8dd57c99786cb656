
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_binding.h"
#include "ngx_stream_mra_peer.h"
#include "ngx_stream_mra_edge.h"
#include "ngx_stream_mra_follow.h"


/* Routes that are looked through: two of each node */

#define NGX_STREAM_MRA_FOLLOW_ROUTES  8


ngx_str_t
ngx_stream_mra_follow_user(ngx_stream_mra_relay_t *r, u_char *id)
{
    u_char                    *p;
    ngx_str_t                  user;
    ngx_stream_mra_binding_t  *b;

    user = ngx_stream_mra_token(r);

    if (r->client->trunk) {
        return user;
    }

    if (id == NULL) {
        for (b = r->client->bindings; b && b->expires <= ngx_time();
             b = b->next)
        {
            /* void */
        }

        if (b == NULL) {
            return user;
        }

        id = b->id;
    }

    if (user.data != r->token) {
        ngx_memcpy(r->token, user.data, NGX_STREAM_MRA_TOKEN_LEN);
        user.data = r->token;
    }

    p = r->token + NGX_STREAM_MRA_TOKEN_LEN;
    *p++ = '.';

    user.len = ngx_mra_relay_encode(p, id, NGX_MRA_RELAY_ID_LEN)
               - user.data;

    return user;
}


ngx_int_t
ngx_stream_mra_follow_id(ngx_str_t *value, u_char *id)
{
    u_char  *p;

    p = value->data + sizeof("<sip:") - 1;

    if (value->len < sizeof("<sip:@") - 1 + NGX_STREAM_MRA_USER_LEN
        || ngx_memcmp(value->data, "<sip:", sizeof("<sip:") - 1) != 0
        || p[NGX_STREAM_MRA_TOKEN_LEN] != '.'
        || p[NGX_STREAM_MRA_USER_LEN] != '@')
    {
        return NGX_DECLINED;
    }

    return ngx_mra_relay_decode(id, p + NGX_STREAM_MRA_TOKEN_LEN + 1,
                                NGX_MRA_RELAY_ID_TEXT)
           == NGX_OK ? NGX_OK : NGX_DECLINED;
}


/* the tag apart, which is the node's, they are the same on all peers */

ngx_uint_t
ngx_stream_mra_follow_is_own(ngx_stream_mra_relay_t *r, u_char *text)
{
    u_char                     id[NGX_MRA_RELAY_ID_LEN];
    ngx_stream_mra_binding_t  *b;

    if (r->client == NULL
        || ngx_mra_relay_decode(id, text, NGX_MRA_RELAY_ID_TEXT) != NGX_OK)
    {
        return 0;
    }

    for (b = r->client->bindings; b; b = b->next) {

        if (ngx_memcmp(b->id + NGX_STREAM_MRA_TAG_LEN,
                       id + NGX_STREAM_MRA_TAG_LEN,
                       NGX_MRA_RELAY_ID_LEN - NGX_STREAM_MRA_TAG_LEN)
            == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_stream_mra_follow_name(ngx_stream_mra_relay_t *r,
    ngx_mra_sip_contact_t *contact, ngx_stream_mra_contact_t *id)
{
    u_char              hidden[NGX_MRA_RELAY_ID_LEN],
                        path[NGX_MRA_RELAY_ID_LEN];
    ngx_str_t           value;
    ngx_uint_t          in_contact, in_path;
    ngx_mra_sip_list_t  list;

    in_contact = (ngx_mra_relay_find_id(&contact->uri.whole, hidden)
                  == NGX_OK);

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_PATH);

    in_path = (ngx_mra_sip_list_next(&list, &value) == NGX_OK
               && ngx_stream_mra_follow_id(&value, path) == NGX_OK);

    /* an edge node writes one of them; who writes the other has a reason */

    if (in_contact == in_path) {
        return NGX_DECLINED;
    }

    ngx_memcpy(id->id + NGX_STREAM_MRA_BINDING_OF_EDGE,
               (in_path ? path : hidden) + NGX_STREAM_MRA_TAG_LEN,
               NGX_MRA_RELAY_ID_LEN - NGX_STREAM_MRA_BINDING_OF_EDGE);

    return NGX_OK;
}


ngx_int_t
ngx_stream_mra_follow_edge(ngx_stream_mra_relay_t *r)
{
    u_char                 id[NGX_MRA_RELAY_ID_LEN];
    ngx_str_t              value;
    ngx_uint_t             n;
    ngx_mra_sip_list_t     list;
    ngx_stream_mra_flow_t  was;

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_ROUTE);

    for (n = 0; n < NGX_STREAM_MRA_FOLLOW_ROUTES; n++) {

        if (ngx_mra_sip_list_next(&list, &value) != NGX_OK) {
            return NGX_DECLINED;
        }

        if (ngx_stream_mra_follow_id(&value, id) == NGX_OK) {
            break;
        }
    }

    if (n == NGX_STREAM_MRA_FOLLOW_ROUTES) {
        return NGX_DECLINED;
    }

    /* under the name that the edge node has given it */

    ngx_memmove(id + NGX_STREAM_MRA_BINDING_OF_EDGE,
                id + NGX_STREAM_MRA_TAG_LEN,
                NGX_MRA_RELAY_ID_LEN - NGX_STREAM_MRA_BINDING_OF_EDGE);

    was = r->to;

    if (ngx_stream_mra_binding_find(r, id, 1) == NGX_OK
        && r->to.worker == 0
        && ngx_stream_mra_edge_known(r->id, r->to.nonce, &r->to))
    {
        return NGX_OK;
    }

    r->to = was;

    return NGX_DECLINED;
}


ngx_int_t
ngx_stream_mra_follow(ngx_stream_mra_relay_t *r)
{
    u_char                 id[NGX_MRA_RELAY_ID_LEN];
    ngx_str_t              value;
    ngx_mra_sip_list_t     list;
    ngx_stream_mra_flow_t  was;

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_ROUTE);

    if (ngx_mra_sip_list_next(&list, &value) != NGX_OK
        || ngx_stream_mra_follow_id(&value, id) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    was = r->to;

    if (ngx_stream_mra_binding_find(r, id, 0) == NGX_OK) {

        if (was.worker == r->to.worker && was.slot == r->to.slot
            && ngx_memcmp(was.nonce, r->to.nonce, NGX_STREAM_MRA_NONCE_LEN)
               == 0)
        {
            return NGX_DECLINED;
        }

        /* it may be in a third worker */

        r->remote = 0;

        return NGX_OK;
    }

    r->to = was;

    return ngx_stream_mra_send_next_peer(r) == NGX_DONE ? NGX_DONE
                                                        : NGX_DECLINED;
}
