
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_address.h"
#include "ngx_stream_mra_hop_private.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_peer.h"


#define NGX_STREAM_MRA_PEERS       64      /* of all upstreams */
#define NGX_STREAM_MRA_PEER_TEXT   400     /* what a node says, bytes */


/* one of an upstream */

typedef struct {
    ngx_stream_mra_srv_conf_t  *conf;
    ngx_stream_mra_server_t     server;    /* its name is the node's */
    ngx_stream_mra_hop_t       *hop;       /* NULL: not heard of lately */
    u_char                      tag[NGX_STREAM_MRA_TAG_LEN];
    ngx_uint_t                  heard;
} ngx_stream_mra_peer_t;


struct ngx_stream_mra_peers_s {
    ngx_event_t                 timer;
    ngx_stream_mra_main_conf_t *mmcf;
    ngx_uint_t                  n;
    ngx_stream_mra_peer_t      *peer[NGX_STREAM_MRA_PEERS];
    u_char                      text[NGX_STREAM_MRA_PEER_TEXT];
};


static ngx_int_t ngx_stream_mra_peers_hops(ngx_cycle_t *cycle,
    ngx_stream_mra_srv_conf_t *mscf);
static void ngx_stream_mra_peers_tick(ngx_event_t *ev);
static void ngx_stream_mra_peers_tell(ngx_stream_mra_peers_t *peers);
static ngx_int_t ngx_stream_mra_peers_address(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *mscf);
static void ngx_stream_mra_peers_hear(ngx_mra_node_t *node, void *data);
static ngx_int_t ngx_stream_mra_peer_parse(ngx_addr_t *addr,
    ngx_str_t *text);
static void ngx_stream_mra_peer_hear(ngx_stream_mra_peers_t *peers,
    ngx_mra_node_t *node, ngx_str_t *item);
static ngx_stream_mra_peer_t *ngx_stream_mra_peer_get(
    ngx_stream_mra_peers_t *peers, ngx_stream_mra_srv_conf_t *mscf,
    ngx_str_t *name);
static void ngx_stream_mra_peer_use(ngx_stream_mra_peer_t *peer,
    ngx_addr_t *addr);


ngx_stream_mra_peers_t *
ngx_stream_mra_peers_create(ngx_cycle_t *cycle,
    ngx_stream_mra_main_conf_t *mmcf)
{
    ngx_uint_t                   i;
    ngx_stream_mra_peers_t      *peers;
    ngx_stream_mra_srv_conf_t  **mscfp;

    peers = ngx_pcalloc(cycle->pool, sizeof(ngx_stream_mra_peers_t));
    if (peers == NULL) {
        return NULL;
    }

    peers->mmcf = mmcf;

    mscfp = mmcf->servers.elts;

    for (i = 0; i < mmcf->servers.nelts; i++) {

        if (mscfp[i]->inside
            && ngx_stream_mra_peers_hops(cycle, mscfp[i]) != NGX_OK)
        {
            return NULL;
        }
    }

    peers->timer.handler = ngx_stream_mra_peers_tick;
    peers->timer.data = peers;
    peers->timer.log = cycle->log;
    peers->timer.cancelable = 1;

    ngx_add_timer(&peers->timer, 1);

    return peers;
}


/* next hops of their own, with the settings of those of the upstream */

static ngx_int_t
ngx_stream_mra_peers_hops(ngx_cycle_t *cycle, ngx_stream_mra_srv_conf_t *mscf)
{
    u_char                 *p;
    ngx_stream_mra_hops_t  *hops;

    hops = ngx_pcalloc(cycle->pool, sizeof(ngx_stream_mra_hops_t));
    if (hops == NULL) {
        return NGX_ERROR;
    }

    hops->conf = ngx_palloc(cycle->pool, sizeof(ngx_stream_mra_hop_conf_t));
    p = ngx_pnalloc(cycle->pool, mscf->hops->name.len + sizeof(" peers"));

    if (hops->conf == NULL || p == NULL) {
        return NGX_ERROR;
    }

    *hops->conf = mscf->hop;
    hops->conf->connections = 1;

    hops->log = mscf->hops->log;
    hops->name.data = p;
    hops->name.len = ngx_sprintf(p, "%V peers", &mscf->hops->name) - p;

    mscf->peers = hops;

    return ngx_stream_mra_hops_init(cycle, hops, &ngx_stream_mra_hop_handlers,
                                    mscf->max_message_size, mscf);
}


static void
ngx_stream_mra_peers_tick(ngx_event_t *ev)
{
    ngx_uint_t               i;
    ngx_stream_mra_peer_t   *peer;
    ngx_stream_mra_peers_t  *peers;

    peers = ev->data;

    ngx_stream_mra_peers_tell(peers);

    for (i = 0; i < peers->n; i++) {
        peers->peer[i]->heard = 0;
    }

    ngx_mra_node_walk(ngx_stream_mra_get_worker()->mcf,
                      ngx_stream_mra_peers_hear, peers);

    for (i = 0; i < peers->n; i++) {
        peer = peers->peer[i];

        if (!peer->heard && peer->hop) {
            peer->hop->retired = 1;
            peer->hop = NULL;
        }
    }

    ngx_add_timer(ev, NGX_MRA_NODE_BEAT / 2);
}


/* for each upstream: <id>@<address>[/tls],... */

static void
ngx_stream_mra_peers_tell(ngx_stream_mra_peers_t *peers)
{
    u_char                      *p, *last;
    ngx_uint_t                   i;
    ngx_mra_conf_t              *mcf;
    ngx_stream_mra_address_t     addr;
    ngx_stream_mra_srv_conf_t  **mscfp;

    p = peers->text;
    last = p + NGX_STREAM_MRA_PEER_TEXT;

    mscfp = peers->mmcf->servers.elts;

    for (i = 0; i < peers->mmcf->servers.nelts; i++) {

        if (mscfp[i]->inside == NULL
            || ngx_stream_mra_peers_address(&addr, mscfp[i]) != NGX_OK
            || (size_t) (last - p) < addr.hostport.len
                                     + sizeof("01234567@/tls,"))
        {
            continue;
        }

        p = ngx_sprintf(p, "%s%08xD@%V%s", p > peers->text ? "," : "",
                        mscfp[i]->id, &addr.hostport, addr.tls ? "/tls" : "");
    }

    mcf = ngx_stream_mra_get_worker()->mcf;

    mcf->inside.data = peers->text;
    mcf->inside.len = p - peers->text;
}


/* an advertised name may be that of all nodes, the listener is ours */

static ngx_int_t
ngx_stream_mra_peers_address(ngx_stream_mra_address_t *addr,
    ngx_stream_mra_srv_conf_t *mscf)
{
    ngx_addr_t              sa;
    ngx_uint_t              i;
    ngx_sockaddr_t          buf;
    ngx_stream_mra_link_t  *ln;

    ln = NULL;

    for (i = 0; i < mscf->hops->n && ln == NULL; i++) {
        ln = ngx_stream_mra_hop_link(mscf->hops->hop[i], 0);
    }

    if (ngx_stream_mra_address_inside(addr, mscf, ln) != NGX_OK
        || addr->hostport.len == 0)
    {
        return NGX_DECLINED;
    }

    sa.sockaddr = &buf.sockaddr;

    if (ngx_stream_mra_peer_parse(&sa, &addr->hostport) == NGX_OK) {
        return NGX_OK;
    }

    if (mscf->inside->listen.len) {
        addr->hostport = mscf->inside->listen;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static void
ngx_stream_mra_peers_hear(ngx_mra_node_t *node, void *data)
{
    u_char     *p, *last;
    ngx_str_t   item;

    if (node->self || node->stale) {
        return;
    }

    p = node->inside.data;
    last = p + node->inside.len;

    while (p < last) {
        item.data = p;

        p = ngx_strlchr(p, last, ',');
        p = p ? p : last;

        item.len = p++ - item.data;

        ngx_stream_mra_peer_hear(data, node, &item);
    }
}


static void
ngx_stream_mra_peer_hear(ngx_stream_mra_peers_t *peers, ngx_mra_node_t *node,
    ngx_str_t *item)
{
    ngx_int_t                    id;
    ngx_uint_t                   i, tls;
    ngx_addr_t                   addr;
    ngx_sockaddr_t               buf;
    ngx_stream_mra_peer_t       *peer;
    ngx_stream_mra_srv_conf_t  **mscfp;

    if (item->len < sizeof("01234567@") || item->data[8] != '@') {
        return;
    }

    id = ngx_hextoi(item->data, 8);

    item->data += 9;
    item->len -= 9;

    tls = item->len > 4
          && ngx_strncmp(item->data + item->len - 4, "/tls", 4) == 0;

    item->len -= tls ? 4 : 0;

    mscfp = peers->mmcf->servers.elts;

    for (i = 0; i < peers->mmcf->servers.nelts; i++) {

        if (mscfp[i]->peers && (ngx_int_t) mscfp[i]->id == id
            && (ngx_uint_t) mscfp[i]->hop.tls.enable == tls)
        {
            break;
        }
    }

    if (i == peers->mmcf->servers.nelts) {
        return;
    }

    addr.sockaddr = &buf.sockaddr;

    if (ngx_stream_mra_peer_parse(&addr, item) != NGX_OK) {
        return;
    }

    peer = ngx_stream_mra_peer_get(peers, mscfp[i], &node->name);

    if (peer) {
        peer->heard = 1;
        ngx_stream_mra_peer_use(peer, &addr);
    }
}


/* an address with a port; addr->sockaddr is the caller's */

static ngx_int_t
ngx_stream_mra_peer_parse(ngx_addr_t *addr, ngx_str_t *text)
{
    ngx_int_t    rc;
    ngx_addr_t   parsed;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_parse_addr_port(pool, &parsed, text->data, text->len);

    if (rc == NGX_OK && ngx_inet_get_port(parsed.sockaddr)) {
        ngx_memcpy(addr->sockaddr, parsed.sockaddr, parsed.socklen);
        addr->socklen = parsed.socklen;

    } else {
        rc = NGX_DECLINED;
    }

    ngx_destroy_pool(pool);

    return rc;
}


static ngx_stream_mra_peer_t *
ngx_stream_mra_peer_get(ngx_stream_mra_peers_t *peers,
    ngx_stream_mra_srv_conf_t *mscf, ngx_str_t *name)
{
    u_char                  key[NGX_MRA_KEY_LEN];
    ngx_str_t               scope;
    ngx_uint_t              i;
    ngx_stream_mra_peer_t  *peer;

    for (i = 0; i < peers->n; i++) {
        peer = peers->peer[i];

        if (peer->conf == mscf && peer->server.conf.name.len == name->len
            && ngx_memcmp(peer->server.conf.name.data, name->data, name->len)
               == 0)
        {
            return peer;
        }
    }

    ngx_str_set(&scope, "flow");

    if (peers->n == NGX_STREAM_MRA_PEERS
        || ngx_mra_key(ngx_stream_mra_get_worker()->mcf, NGX_MRA_NODE, &scope,
                       name, key)
           != NGX_OK)
    {
        return NULL;
    }

    peer = ngx_pcalloc(ngx_cycle->pool, sizeof(ngx_stream_mra_peer_t));
    if (peer == NULL) {
        return NULL;
    }

    peer->server.conf.name.len = name->len;
    peer->server.conf.name.data = ngx_pstrdup(ngx_cycle->pool, name);
    if (peer->server.conf.name.data == NULL) {
        return NULL;
    }

    peer->conf = mscf;
    ngx_memcpy(peer->tag, key, NGX_STREAM_MRA_TAG_LEN);

    peer->server.hops = mscf->peers;
    peer->server.host = peer->server.conf.name;
    peer->server.conf.weight = 1;
    peer->server.conf.max_fails = 1;
    peer->server.conf.fail_timeout = 10;

    peers->peer[peers->n++] = peer;

    return peer;
}


static void
ngx_stream_mra_peer_use(ngx_stream_mra_peer_t *peer, ngx_addr_t *addr)
{
    ngx_uint_t              i;
    ngx_stream_mra_hop_t   *hop;
    ngx_stream_mra_hops_t  *hops;

    if (peer->hop) {
        if (ngx_cmp_sockaddr(&peer->hop->sockaddr.sockaddr,
                             peer->hop->socklen, addr->sockaddr,
                             addr->socklen, 1)
            == NGX_OK)
        {
            return;
        }

        peer->hop->retired = 1;
        peer->hop = NULL;
    }

    hops = peer->conf->peers;

    for (i = 0; i < hops->n; i++) {
        hop = hops->hop[i];

        if (hop->conf_server == &peer->server
            && ngx_cmp_sockaddr(&hop->sockaddr.sockaddr, hop->socklen,
                                addr->sockaddr, addr->socklen, 1)
               == NGX_OK)
        {
            hop->retired = 0;
            hop->state = NGX_MRA_PROBE_DOWN;
            peer->hop = hop;

            return;
        }
    }

    peer->hop = ngx_stream_mra_hop_add(hops, &peer->server, addr->sockaddr,
                                       addr->socklen);
}


ngx_int_t
ngx_stream_mra_send_peer(ngx_stream_mra_relay_t *r, u_char *tag)
{
    ngx_int_t                rc;
    ngx_str_t                spans[5];
    ngx_uint_t               i;
    ngx_stream_mra_peer_t   *peer;
    ngx_stream_mra_peers_t  *peers;

    peer = NULL;
    peers = r->worker->peers;

    for (i = 0; i < peers->n; i++) {
        peer = peers->peer[i];

        if (peer->hop && peer->conf->id == r->id
            && ngx_memcmp(peer->tag, tag, NGX_STREAM_MRA_TAG_LEN) == 0)
        {
            break;
        }
    }

    if (i == peers->n) {
        return 430;
    }

    ngx_str_set(&spans[0], "Via: SIP/2.0/TCP ");
    spans[1] = r->worker->mcf->node;
    ngx_str_set(&spans[2], ";branch=");
    spans[3].data = r->branch;
    spans[3].len = NGX_MRA_RELAY_BRANCH_LEN;
    ngx_str_set(&spans[4], CRLF);

    if (ngx_stream_mra_edit_forwards(r) != NGX_OK
        || ngx_mra_sip_plan_insert(&r->plan, 0, spans, 5) != NGX_OK)
    {
        return 500;
    }

    rc = ngx_mra_sip_plan_iovec(&r->plan,
                                r->last - r->msg.start - r->msg.head,
                                r->iov, NGX_MRA_SIP_PLAN_PIECES);
    if (rc == NGX_ERROR) {
        return ngx_stream_mra_refusal(r, 513, "Message Too Complex");
    }

    rc = ngx_stream_mra_hop_send(peer->hop, r->back.slot, r->iov, rc);

    if (rc == NGX_OK) {
        return NGX_DONE;
    }

    /* 430 has the registrar forget the phone: RFC 5626, 5.3 */

    if (rc == NGX_BUSY || ngx_stream_mra_hop_is_up(peer->hop)) {
        return ngx_stream_mra_no_path(r, "peer is busy");
    }

    return 430;
}


ngx_int_t
ngx_stream_mra_send_next_peer(ngx_stream_mra_relay_t *r)
{
    ngx_uint_t               i;
    ngx_stream_mra_peer_t   *peer;
    ngx_stream_mra_peers_t  *peers;

    peers = r->worker->peers;

    for (i = 0; i < peers->n; i++) {
        peer = peers->peer[i];

        if (peer->hop && peer->conf->id == r->id
            && ngx_stream_mra_hop_is_up(peer->hop)
            && !ngx_stream_mra_passed(r, peer->tag))
        {
            return ngx_stream_mra_send_peer(r, peer->tag);
        }
    }

    return 430;
}


/* its Via tells */

ngx_uint_t
ngx_stream_mra_passed(ngx_stream_mra_relay_t *r, u_char *tag)
{
    u_char                   raw[NGX_STREAM_MRA_FLOW_LEN];
    ngx_str_t                via;
    ngx_mra_sip_header_t    *h;
    ngx_mra_relay_branch_t   b;

    h = ngx_mra_sip_first(&r->msg, NGX_MRA_SIP_VIA);

    for ( /* void */ ; h; h = ngx_mra_sip_next(&r->msg, h)) {
        via = h->value;

        while (ngx_mra_relay_find_branch(&via, &b) == NGX_OK) {

            if (ngx_mra_relay_decode(raw, b.token.data, b.token.len) == NGX_OK
                && ngx_memcmp(raw, tag, NGX_STREAM_MRA_TAG_LEN) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}
