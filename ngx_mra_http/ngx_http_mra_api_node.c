
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_api.h"
#include "ngx_mra_status.h"

#include <nginx.h>


static ngx_int_t ngx_http_mra_api_find_hops(ngx_http_mra_api_t *api,
    ngx_array_t *hops);
static void ngx_http_mra_api_found_hop(ngx_mra_hop_status_t *hop, void *data);
static ngx_uint_t ngx_http_mra_api_write_hops(ngx_http_mra_api_t *api,
    ngx_array_t *hops, ngx_str_t upstream);
static void ngx_http_mra_api_write_hop(ngx_http_mra_json_t *j,
    ngx_mra_hop_status_t *hop);
static void ngx_http_mra_api_write_report(ngx_http_mra_json_t *j,
    ngx_mra_report_t *report);
static void ngx_http_mra_api_write_id(ngx_http_mra_json_t *j, uint32_t id);


/* by ngx_mra_kind_e */

static const char * const  ngx_http_mra_api_kinds[] = {
    "tokens",
    "credentials",
    "authorizations",
    "failures",
    "bans",
    "bindings",
    "nodes",
    "exemptions",
    "revocations"
};


static const char * const  ngx_http_mra_api_policies[] = {
    "local", "deny", "allow"
};


static const char * const  ngx_http_mra_api_states[] = {
    "unknown", "up", "down", "draining"
};


ngx_int_t
ngx_http_mra_api_node(ngx_http_mra_api_t *api)
{
    ngx_mra_memory_t      mem;
    ngx_http_mra_json_t  *j;

    j = &api->json;

    ngx_mra_memory(api->mra, &mem);

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_string(j, "name", &api->mra->node);
    ngx_http_mra_json_text(j, "version", NGX_MRA_VERSION);
    ngx_http_mra_json_text(j, "nginx", NGINX_VERSION);
    ngx_http_mra_json_time(j, "time", ngx_time());
    ngx_http_mra_json_number(j, "workers", mem.workers);
    ngx_http_mra_json_bool(j, "write", api->write);
    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


ngx_int_t
ngx_http_mra_api_store(ngx_http_mra_api_t *api)
{
    ngx_uint_t            i;
    ngx_mra_memory_t      mem;
    ngx_http_mra_json_t  *j;

    j = &api->json;

    ngx_mra_memory(api->mra, &mem);

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_number(j, "zone_bytes", mem.zone_size);
    ngx_http_mra_json_number(j, "size_bytes", mem.store.size);
    ngx_http_mra_json_number(j, "used_bytes", mem.store.used);
    ngx_http_mra_json_number(j, "evicted", mem.store.evicted);
    ngx_http_mra_json_number(j, "recovered", mem.store.recovered);

    ngx_http_mra_json_open(j, "records", '{');

    for (i = 0; i < NGX_MRA_KINDS; i++) {
        ngx_http_mra_json_number(j, (char *) ngx_http_mra_api_kinds[i],
                                 mem.store.entries[i]);
    }

    ngx_http_mra_json_close(j, '}');
    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


ngx_int_t
ngx_http_mra_api_redis(ngx_http_mra_api_t *api)
{
    ngx_uint_t               i;
    ngx_http_mra_json_t     *j;
    ngx_mra_redis_addr_t    *addr;
    ngx_mra_redis_status_t   rs;

    j = &api->json;

    ngx_mra_redis_status(api->mra, &rs);

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_bool(j, "configured", rs.configured);
    ngx_http_mra_json_open(j, "servers", '[');

    for (i = 0; rs.configured && i < rs.servers->nelts; i++) {
        addr = rs.servers->elts;
        ngx_http_mra_json_string(j, NULL, &addr[i].text);
    }

    ngx_http_mra_json_close(j, ']');

    ngx_http_mra_json_text(j, "state", !rs.configured ? "off"
                                       : rs.near.lost ? "lost"
                                       : rs.near.refused ? "refusing" : "up");
    ngx_http_mra_json_time(j, "lost_since", rs.near.lost
                                  ? ngx_mra_wall_time(rs.near.lost) : 0);
    ngx_http_mra_json_text(j, "redis_lost",
                           ngx_http_mra_api_policies[rs.near.policy]);
    ngx_http_mra_json_bool(j, "merging", rs.near.dirty != 0);
    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


ngx_int_t
ngx_http_mra_api_next_hops(ngx_http_mra_api_t *api)
{
    ngx_uint_t             i;
    ngx_array_t            hops;
    ngx_http_mra_json_t   *j;
    ngx_mra_hop_status_t  *hop;

    j = &api->json;
    j->level = 3;

    if (ngx_http_mra_api_find_hops(api, &hops) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_mra_json_open(j, NULL, '{');

    hop = hops.elts;

    for (i = 0; i < hops.nelts; i++) {

        /* the first of an upstream brings the others */

        if (hop[i].upstream.data) {
            ngx_http_mra_json_key(j, &hop[i].upstream);
            ngx_http_mra_api_write_hops(api, &hops, hop[i].upstream);
        }
    }

    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


ngx_int_t
ngx_http_mra_api_next_hop(ngx_http_mra_api_t *api)
{
    ngx_array_t  hops;

    api->json.level = 2;

    if (ngx_http_mra_api_find_hops(api, &hops) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_mra_api_write_hops(api, &hops, api->arg) == 0) {
        return ngx_http_mra_api_error(api, NGX_HTTP_NOT_FOUND,
                                      "UpstreamNotFound",
                                      "there is no such upstream");
    }

    return NGX_HTTP_OK;
}


static ngx_int_t
ngx_http_mra_api_find_hops(ngx_http_mra_api_t *api, ngx_array_t *hops)
{
    if (ngx_array_init(hops, api->request->pool, 8,
                       sizeof(ngx_mra_hop_status_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_mra_hop_walk(api->mra, ngx_http_mra_api_found_hop, hops);

    return NGX_OK;
}


static void
ngx_http_mra_api_found_hop(ngx_mra_hop_status_t *hop, void *data)
{
    ngx_mra_hop_status_t  *found;

    found = ngx_array_push(data);

    if (found) {
        *found = *hop;
    }
}


/* those of an upstream, which are taken; returns how many */

static ngx_uint_t
ngx_http_mra_api_write_hops(ngx_http_mra_api_t *api, ngx_array_t *hops,
    ngx_str_t upstream)
{
    ngx_uint_t             i, n;
    ngx_mra_hop_status_t  *hop;

    n = 0;
    hop = hops->elts;

    ngx_http_mra_json_open(&api->json, NULL, '[');

    for (i = 0; i < hops->nelts; i++) {

        if (hop[i].upstream.data
            && hop[i].upstream.len == upstream.len
            && ngx_memcmp(hop[i].upstream.data, upstream.data, upstream.len)
               == 0)
        {
            ngx_http_mra_api_write_hop(&api->json, &hop[i]);
            hop[i].upstream.data = NULL;
            n++;
        }
    }

    ngx_http_mra_json_close(&api->json, ']');

    return n;
}


static void
ngx_http_mra_api_write_hop(ngx_http_mra_json_t *j, ngx_mra_hop_status_t *hop)
{
    ngx_str_t         reason;
    ngx_mra_probe_t  *pr;

    pr = &hop->probe;
    ngx_str_null(&reason);

    if (pr->state == NGX_MRA_PROBE_DOWN) {
        reason = ngx_mra_probe_reason(pr->reason);
    }

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_api_write_id(j, ngx_crc32_long(hop->address.data,
                                                hop->address.len));
    ngx_http_mra_json_string(j, "address", &hop->address);
    ngx_http_mra_json_string(j, "server", &hop->server);
    ngx_http_mra_json_text(j, "state", ngx_http_mra_api_states[hop->state]);
    ngx_http_mra_json_string(j, "reason", &reason);
    ngx_http_mra_json_time(j, "since",
                           pr->since ? ngx_mra_wall_time(pr->since) : 0);
    ngx_http_mra_json_text(j, "keepalive",
                           pr->stun == NGX_MRA_PROBE_YES ? "stun"
                           : pr->options == NGX_MRA_PROBE_YES ? "options"
                           : "none");
    ngx_http_mra_json_time(j, "stun_lost",
                           pr->deaf ? ngx_mra_wall_time(pr->deaf) : 0);

    if (pr->alive) {
        ngx_http_mra_json_number(j, "latency_ms", pr->rtt);

    } else {
        ngx_http_mra_json_null(j, "latency_ms");
    }

    ngx_http_mra_json_number(j, "clients", hop->clients);
    ngx_http_mra_json_open(j, "clients_left", '{');
    ngx_http_mra_json_number(j, "down", hop->left[NGX_MRA_HOP_LEFT_DOWN]);
    ngx_http_mra_json_number(j, "draining",
                             hop->left[NGX_MRA_HOP_LEFT_DRAINING]);
    ngx_http_mra_json_number(j, "balance",
                             hop->left[NGX_MRA_HOP_LEFT_BALANCE]);
    ngx_http_mra_json_close(j, '}');
    ngx_http_mra_api_write_report(j, &hop->report);
    ngx_http_mra_json_close(j, '}');
}


/* what it told of itself, if it is a node of ours */

static void
ngx_http_mra_api_write_report(ngx_http_mra_json_t *j,
    ngx_mra_report_t *report)
{
    ngx_str_t             name;
    ngx_uint_t            i;
    ngx_mra_stun_node_t  *node;

    node = &report->node;

    if (report->serial == 0) {
        ngx_http_mra_json_null(j, "node");
        return;
    }

    name.len = node->name_len;
    name.data = name.len ? node->name : NULL;

    ngx_http_mra_json_open(j, "node", '{');
    ngx_http_mra_json_string(j, "name", &name);
    ngx_http_mra_json_time(j, "told", ngx_mra_wall_time(report->time));
    ngx_http_mra_json_bool(j, "maintenance",
                           (node->flags & NGX_MRA_STUN_NODE_MAINTENANCE) != 0);
    ngx_http_mra_json_number(j, "registrations", node->registrations);
    ngx_http_mra_json_number(j, "capacity", node->capacity);
    ngx_http_mra_json_number(j, "cpu_permille", node->cpu);
    ngx_http_mra_json_number(j, "clients", node->clients);
    ngx_http_mra_json_open(j, "next_hops", '[');

    for (i = 0; i < node->nhops; i++) {
        ngx_http_mra_json_open(j, NULL, '{');
        ngx_http_mra_api_write_id(j, node->hops[i].id);
        ngx_http_mra_json_text(j, "state",
                               ngx_http_mra_api_states[node->hops[i].state]);
        ngx_http_mra_json_close(j, '}');
    }

    ngx_http_mra_json_close(j, ']');
    ngx_http_mra_json_close(j, '}');
}


/* as in paths: the same for the same address on all nodes */

static void
ngx_http_mra_api_write_id(ngx_http_mra_json_t *j, uint32_t id)
{
    u_char     buf[8];
    ngx_str_t  text;

    text.data = buf;
    text.len = ngx_sprintf(buf, "%08xD", id) - buf;

    ngx_http_mra_json_string(j, "id", &text);
}
