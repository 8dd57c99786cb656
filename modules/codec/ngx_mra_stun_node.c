
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_stun_node.h"


#define NGX_MRA_STUN_LOAD_VERSION  1
#define NGX_MRA_STUN_LOAD_LEN      16
#define NGX_MRA_STUN_HOP_LEN       8

#define ngx_mra_stun_node_get32(p)                                            \
    ((uint32_t) (p)[0] << 24 | (p)[1] << 16 | (p)[2] << 8 | (p)[3])


static ngx_int_t ngx_mra_stun_node_name(ngx_mra_stun_node_t *node,
    ngx_str_t *value);
static ngx_int_t ngx_mra_stun_node_load(ngx_mra_stun_node_t *node,
    ngx_str_t *value);
static ngx_int_t ngx_mra_stun_node_hops(ngx_mra_stun_node_t *node,
    ngx_str_t *value);
static ngx_int_t ngx_mra_stun_node_tag(ngx_mra_stun_node_t *node,
    ngx_str_t *value);
static u_char *ngx_mra_stun_node_put32(u_char *p, uint32_t n);


typedef struct {
    ngx_uint_t    type;
    uint32_t      told;
    ngx_int_t   (*decode)(ngx_mra_stun_node_t *node, ngx_str_t *value);
} ngx_mra_stun_node_attr_t;


static const ngx_mra_stun_node_attr_t  ngx_mra_stun_node_attrs[] = {
    { NGX_MRA_STUN_NODE, NGX_MRA_STUN_NODE_TOLD_NAME,
      ngx_mra_stun_node_name },
    { NGX_MRA_STUN_LOAD, NGX_MRA_STUN_NODE_TOLD_LOAD,
      ngx_mra_stun_node_load },
    { NGX_MRA_STUN_HOPS, NGX_MRA_STUN_NODE_TOLD_HOPS,
      ngx_mra_stun_node_hops },
    { NGX_MRA_STUN_TAG, NGX_MRA_STUN_NODE_TOLD_TAG,
      ngx_mra_stun_node_tag }
};

#define NGX_MRA_STUN_NODE_ATTRS                                               \
    (sizeof(ngx_mra_stun_node_attrs) / sizeof(ngx_mra_stun_node_attr_t))


ngx_int_t
ngx_mra_stun_decode_node(ngx_mra_stun_t *m, ngx_mra_stun_node_t *node)
{
    ngx_int_t            rc;
    ngx_uint_t           i, broken;
    ngx_mra_stun_attr_t  attr;

    ngx_memzero(node, sizeof(ngx_mra_stun_node_t));

    broken = 0;

    for (i = 0; i < NGX_MRA_STUN_NODE_ATTRS; i++) {

        if (ngx_mra_stun_find(m, ngx_mra_stun_node_attrs[i].type, &attr)
            != NGX_OK)
        {
            continue;
        }

        rc = ngx_mra_stun_node_attrs[i].decode(node, &attr.value);

        if (rc == NGX_OK) {
            node->told |= ngx_mra_stun_node_attrs[i].told;

        } else if (rc == NGX_ERROR) {
            broken = 1;
        }
    }

    if (broken) {
        return NGX_ERROR;
    }

    return node->told ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_mra_stun_node_name(ngx_mra_stun_node_t *node, ngx_str_t *value)
{
    size_t  i;

    if (value->len == 0 || value->len > NGX_MRA_STUN_NODE_LEN) {
        return NGX_ERROR;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= 0x20 || value->data[i] >= 0x7f) {
            return NGX_ERROR;
        }
    }

    ngx_memcpy(node->name, value->data, value->len);
    node->name_len = value->len;

    return NGX_OK;
}


static ngx_int_t
ngx_mra_stun_node_load(ngx_mra_stun_node_t *node, ngx_str_t *value)
{
    u_char    *p;
    uint32_t   cpu, registrations, capacity, clients;

    p = value->data;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (p[0] != NGX_MRA_STUN_LOAD_VERSION) {
        return NGX_DECLINED;
    }

    if (value->len != NGX_MRA_STUN_LOAD_LEN) {
        return NGX_ERROR;
    }

    cpu = p[2] << 8 | p[3];
    registrations = ngx_mra_stun_node_get32(p + 4);
    capacity = ngx_mra_stun_node_get32(p + 8);
    clients = ngx_mra_stun_node_get32(p + 12);

    if (cpu > 1000
        || registrations > NGX_MRA_STUN_NODE_COUNT_MAX
        || capacity > NGX_MRA_STUN_NODE_COUNT_MAX
        || clients > NGX_MRA_STUN_NODE_COUNT_MAX)
    {
        return NGX_ERROR;
    }

    node->flags = p[1];
    node->cpu = cpu;
    node->registrations = registrations;
    node->capacity = capacity;
    node->clients = clients;

    return NGX_OK;
}


static ngx_int_t
ngx_mra_stun_node_hops(ngx_mra_stun_node_t *node, ngx_str_t *value)
{
    u_char              *p, *last;
    ngx_mra_stun_hop_t  *hop;

    if (value->len % NGX_MRA_STUN_HOP_LEN
        || value->len > NGX_MRA_STUN_NODE_HOPS * NGX_MRA_STUN_HOP_LEN)
    {
        return NGX_ERROR;
    }

    p = value->data;
    last = p + value->len;

    for ( /* void */ ; p < last; p += NGX_MRA_STUN_HOP_LEN) {
        hop = &node->hops[node->nhops++];

        hop->id = ngx_mra_stun_node_get32(p);
        hop->state = (p[4] <= NGX_MRA_STUN_HOP_DRAINING)
                     ? p[4] : NGX_MRA_STUN_HOP_UNKNOWN;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_mra_stun_node_tag(ngx_mra_stun_node_t *node, ngx_str_t *value)
{
    if (value->len != NGX_MRA_STUN_NODE_TAG) {
        return NGX_ERROR;
    }

    ngx_memcpy(node->tag, value->data, NGX_MRA_STUN_NODE_TAG);

    return NGX_OK;
}


void
ngx_mra_stun_add_node(ngx_mra_stun_buf_t *b, ngx_mra_stun_node_t *node)
{
    u_char      *p;
    u_char       buf[NGX_MRA_STUN_NODE_HOPS * NGX_MRA_STUN_HOP_LEN];
    ngx_uint_t   i, n;

    if (node->told & NGX_MRA_STUN_NODE_TOLD_NAME) {
        ngx_mra_stun_add(b, NGX_MRA_STUN_NODE, node->name,
                         ngx_min(node->name_len, NGX_MRA_STUN_NODE_LEN));
    }

    if (node->told & NGX_MRA_STUN_NODE_TOLD_LOAD) {
        n = ngx_min(node->cpu, 1000);

        buf[0] = NGX_MRA_STUN_LOAD_VERSION;
        buf[1] = (u_char) node->flags;
        buf[2] = (u_char) (n >> 8);
        buf[3] = (u_char) n;

        p = ngx_mra_stun_node_put32(buf + 4, node->registrations);
        p = ngx_mra_stun_node_put32(p, node->capacity);
        (void) ngx_mra_stun_node_put32(p, node->clients);

        ngx_mra_stun_add(b, NGX_MRA_STUN_LOAD, buf, NGX_MRA_STUN_LOAD_LEN);
    }

    if (node->told & NGX_MRA_STUN_NODE_TOLD_HOPS) {
        p = buf;
        n = ngx_min(node->nhops, NGX_MRA_STUN_NODE_HOPS);

        for (i = 0; i < n; i++) {
            p = ngx_mra_stun_node_put32(p, node->hops[i].id);
            p = ngx_mra_stun_node_put32(p, node->hops[i].state << 24);
        }

        ngx_mra_stun_add(b, NGX_MRA_STUN_HOPS, buf, p - buf);
    }

    if (node->told & NGX_MRA_STUN_NODE_TOLD_TAG) {
        ngx_mra_stun_add(b, NGX_MRA_STUN_TAG, node->tag,
                         NGX_MRA_STUN_NODE_TAG);
    }
}


static u_char *
ngx_mra_stun_node_put32(u_char *p, uint32_t n)
{
    *p++ = (u_char) (n >> 24);
    *p++ = (u_char) (n >> 16);
    *p++ = (u_char) (n >> 8);
    *p++ = (u_char) n;

    return p;
}
