
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_module.h"
#include "ngx_http_mra_output.h"
#include "ngx_mra_node.h"
#include "ngx_mra_sip.h"
#include "ngx_mra_status.h"


/* samples of one name */

typedef struct {
    const char          *name;
    const char          *type;
    const char          *help;
} ngx_http_mra_family_t;


typedef struct {
    ngx_mra_counter_e    counter;
    const char          *family;       /* NULL: that of the one before */
    const char          *label;        /* NULL: none */
    const char          *value;
} ngx_http_mra_sample_t;


typedef struct {
    ngx_mra_conf_t          *mra;
    ngx_http_mra_output_t    out;
    ngx_array_t              servers;  /* ngx_http_mra_server_t */
    ngx_uint_t               peers[3]; /* up, in maintenance, stale */
} ngx_http_mra_metrics_t;


/* a server with several addresses is one: no address is a label */

typedef struct {
    ngx_str_t                upstream;
    ngx_str_t                name;
    ngx_uint_t               clients;
    ngx_uint_t               states[NGX_MRA_PROBE_DRAINING + 1];
    ngx_uint_t               nodes;         /* addresses that told these */
    ngx_uint_t               registrations;
    ngx_uint_t               capacity;
} ngx_http_mra_server_t;


static ngx_int_t ngx_http_mra_metrics_handler(ngx_http_request_t *r);
static void ngx_http_mra_write_node(ngx_http_mra_metrics_t *m);
static void ngx_http_mra_write_self(ngx_mra_node_t *node, void *data);
static void ngx_http_mra_write_peers(ngx_http_mra_metrics_t *m);
static void ngx_http_mra_count_peer(ngx_mra_node_t *node, void *data);
static void ngx_http_mra_write_peer(ngx_mra_node_t *node, void *data);
static void ngx_http_mra_write_counters(ngx_http_mra_metrics_t *m);
static void ngx_http_mra_write_categories(ngx_http_mra_metrics_t *m,
    const char *name, ngx_mra_counter_e first);
static void ngx_http_mra_write_times(ngx_http_mra_metrics_t *m);
static void ngx_http_mra_write_histogram(ngx_http_mra_metrics_t *m,
    const char *name, ngx_mra_time_e t);
static void ngx_http_mra_write_store(ngx_http_mra_metrics_t *m);
static void ngx_http_mra_write_redis(ngx_http_mra_metrics_t *m);
static void ngx_http_mra_write_hops(ngx_http_mra_metrics_t *m);
static void ngx_http_mra_write_told(ngx_http_mra_metrics_t *m,
    const char *name, size_t offset);
static void ngx_http_mra_found_hop(ngx_mra_hop_status_t *hop, void *data);
static void ngx_http_mra_write_server(ngx_http_mra_metrics_t *m,
    const char *name, ngx_http_mra_server_t *server);
static void ngx_http_mra_write_family(ngx_http_mra_metrics_t *m,
    const char *name);
static void ngx_http_mra_write_number(ngx_http_mra_metrics_t *m,
    const char *name, ngx_uint_t value);
static void ngx_http_mra_write_label(ngx_http_mra_metrics_t *m,
    const char *name, ngx_str_t *value);


static const ngx_http_mra_family_t  ngx_http_mra_families[] = {

    { "nginx_mra_info", "gauge",
      "Version and name of the node." },
    { "nginx_mra_workers", "gauge",
      "Worker processes, of all generations." },
    { "nginx_mra_registrations", "gauge",
      "Phones registered through this node." },
    { "nginx_mra_registrations_peak", "gauge",
      "The most phones that ever were since the start." },
    { "nginx_mra_registrations_peak_time_seconds", "gauge",
      "When that was, Unix time." },
    { "nginx_mra_maintenance", "gauge",
      "Whether the node is in maintenance." },
    { "nginx_mra_peers", "gauge",
      "Other nodes by state." },
    { "nginx_mra_peer_registrations", "gauge",
      "Phones registered through another node." },

    { "nginx_mra_http_authorizations_total", "counter",
      "Requests in protected locations by how they ended." },
    { "nginx_mra_http_verifications_total", "counter",
      "Questions to the UC node." },
    { "nginx_mra_http_requests", "gauge",
      "Requests in protected locations that are under way." },
    { "nginx_mra_sip_requests_total", "counter",
      "SIP requests, from phones and to them." },
    { "nginx_mra_sip_responses_total", "counter",
      "SIP responses, from phones and to them." },
    { "nginx_mra_sip_requests_relayed_total", "counter",
      "SIP requests by method." },
    { "nginx_mra_sip_responses_relayed_total", "counter",
      "SIP responses by the first digit of their status." },
    { "nginx_mra_sip_refused_total", "counter",
      "SIP requests that this node has answered with an error." },
    { "nginx_mra_sip_broken_total", "counter",
      "Messages that were no SIP." },
    { "nginx_mra_sip_rerouted_total", "counter",
      "Phones that went to another next hop by reason." },
    { "nginx_mra_sip_dialogs", "gauge",
      "Calls and subscriptions of phones." },
    { "nginx_mra_sip_connections", "gauge",
      "Connections of phones." },
    { "nginx_mra_stun_keepalives_total", "counter",
      "Keepalives of phones that were answered." },
    { "nginx_mra_stun_failures_total", "counter",
      "Keepalives of phones that were answered with an error." },

    { "nginx_mra_failures_total", "counter",
      "Failures of clients by category of protection." },
    { "nginx_mra_bans_total", "counter",
      "Bans that this node has made by category." },
    { "nginx_mra_banned_total", "counter",
      "Connections and requests of banned clients." },

    { "nginx_mra_verification_duration_seconds", "histogram",
      "Time that the UC node took to verify credentials." },
    { "nginx_mra_register_duration_seconds", "histogram",
      "Time that next hops took to answer REGISTER." },
    { "nginx_mra_next_hop_keepalive_duration_seconds", "histogram",
      "Time that next hops took to answer keepalives." },

    { "nginx_mra_store_size_bytes", "gauge",
      "Shared memory for records." },
    { "nginx_mra_store_used_bytes", "gauge",
      "Shared memory that records take." },
    { "nginx_mra_store_records", "gauge",
      "Records by kind." },
    { "nginx_mra_store_evicted_total", "counter",
      "Records that were dropped before their time, memory was full." },
    { "nginx_mra_store_recovered_total", "counter",
      "Workers that died while they changed the store." },
    { "nginx_mra_redis_up", "gauge",
      "Whether Redis is there." },
    { "nginx_mra_next_hops", "gauge",
      "Addresses of servers by state." },
    { "nginx_mra_next_hop_clients", "gauge",
      "Phones whose messages go to the server." },
    { "nginx_mra_next_hop_registrations", "gauge",
      "Registrations that the server tells of." },
    { "nginx_mra_next_hop_capacity", "gauge",
      "Registrations that it can take, 0 if it does not tell." },

    { NULL, NULL, NULL }
};


#define ngx_http_mra_method(name)                                            \
    { NGX_MRA_SIP_BY_METHOD + NGX_MRA_SIP_##name, NULL, "method", #name }

static const ngx_http_mra_sample_t  ngx_http_mra_samples[] = {

    { NGX_MRA_AUTH_TOKEN, "nginx_mra_http_authorizations_total",
      "result", "token" },
    { NGX_MRA_AUTH_CACHED, NULL, "result", "cached" },
    { NGX_MRA_AUTH_VERIFIED, NULL, "result", "verified" },
    { NGX_MRA_AUTH_REJECTED, NULL, "result", "rejected" },
    { NGX_MRA_AUTH_LIMITED, NULL, "result", "limited" },
    { NGX_MRA_AUTH_UNAVAILABLE, NULL, "result", "unavailable" },
    { NGX_MRA_AUTH_MAINTENANCE, NULL, "result", "maintenance" },

    { NGX_MRA_AUTH_VERIFICATIONS, "nginx_mra_http_verifications_total",
      NULL, NULL },
    { NGX_MRA_HTTP_REQUESTS, "nginx_mra_http_requests", NULL, NULL },

    { NGX_MRA_SIP_REQUESTS_IN, "nginx_mra_sip_requests_total",
      "direction", "in" },
    { NGX_MRA_SIP_REQUESTS_OUT, NULL, "direction", "out" },

    { NGX_MRA_SIP_RESPONSES_IN, "nginx_mra_sip_responses_total",
      "direction", "in" },
    { NGX_MRA_SIP_RESPONSES_OUT, NULL, "direction", "out" },

    { NGX_MRA_SIP_BY_METHOD + NGX_MRA_SIP_OTHER_METHOD,
      "nginx_mra_sip_requests_relayed_total", "method", "other" },
    ngx_http_mra_method(ACK),
    ngx_http_mra_method(BYE),
    ngx_http_mra_method(CANCEL),
    ngx_http_mra_method(INFO),
    ngx_http_mra_method(INVITE),
    ngx_http_mra_method(MESSAGE),
    ngx_http_mra_method(NOTIFY),
    ngx_http_mra_method(OPTIONS),
    ngx_http_mra_method(PRACK),
    ngx_http_mra_method(PUBLISH),
    ngx_http_mra_method(REFER),
    ngx_http_mra_method(REGISTER),
    ngx_http_mra_method(SERVICE),
    ngx_http_mra_method(SUBSCRIBE),
    ngx_http_mra_method(UPDATE),

    { NGX_MRA_SIP_BY_STATUS, "nginx_mra_sip_responses_relayed_total",
      "status", "1xx" },
    { NGX_MRA_SIP_BY_STATUS + 1, NULL, "status", "2xx" },
    { NGX_MRA_SIP_BY_STATUS + 2, NULL, "status", "3xx" },
    { NGX_MRA_SIP_BY_STATUS + 3, NULL, "status", "4xx" },
    { NGX_MRA_SIP_BY_STATUS + 4, NULL, "status", "5xx" },
    { NGX_MRA_SIP_BY_STATUS + 5, NULL, "status", "6xx" },

    { NGX_MRA_SIP_REFUSED, "nginx_mra_sip_refused_total", NULL, NULL },
    { NGX_MRA_SIP_BROKEN, "nginx_mra_sip_broken_total", NULL, NULL },
    { NGX_MRA_SIP_REROUTED, "nginx_mra_sip_rerouted_total",
      "reason", "down" },
    { NGX_MRA_SIP_REROUTED_DRAINING, NULL, "reason", "draining" },
    { NGX_MRA_SIP_REROUTED_BALANCE, NULL, "reason", "balance" },
    { NGX_MRA_SIP_DIALOGS, "nginx_mra_sip_dialogs", NULL, NULL },
    { NGX_MRA_SIP_CONNECTIONS, "nginx_mra_sip_connections", NULL, NULL },
    { NGX_MRA_STUN_KEEPALIVES, "nginx_mra_stun_keepalives_total",
      NULL, NULL },
    { NGX_MRA_STUN_FAILURES, "nginx_mra_stun_failures_total", NULL, NULL },
    { NGX_MRA_BANNED, "nginx_mra_banned_total", NULL, NULL },

    { 0, NULL, NULL, NULL }
};


/* by ngx_mra_kind_e */

static const char * const  ngx_http_mra_kinds[] = {
    "token", "credential", "authorization", "failure", "ban", "binding",
    "node", "exemption", "revocation"
};


/* by ngx_mra_probe_state_e */

static const char * const  ngx_http_mra_hop_states[] = {
    "unknown", "up", "down", "draining"
};


static const char * const  ngx_http_mra_peer_states[] = {
    "up", "maintenance", "stale"
};


static ngx_str_t  ngx_http_mra_metrics_type =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");


char *
ngx_http_mra_set_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mra_loc_conf_t *mlcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (mlcf->metrics) {
        return "is duplicate";
    }

    mlcf->metrics = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_mra_metrics_handler;

    ngx_mra_require(cf, "mra_metrics");

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_mra_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_mra_metrics_t     m;
    ngx_http_mra_main_conf_t  *mmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_mra_module);

    m.mra = mmcf->mra;
    ngx_http_mra_output_init(&m.out, r->pool);

    if (ngx_array_init(&m.servers, r->pool, 8, sizeof(ngx_http_mra_server_t))
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_mra_write_node(&m);
    ngx_http_mra_write_peers(&m);
    ngx_http_mra_write_counters(&m);
    ngx_http_mra_write_categories(&m, "nginx_mra_failures_total",
                                  NGX_MRA_FAILURES);
    ngx_http_mra_write_categories(&m, "nginx_mra_bans_total", NGX_MRA_BANS);
    ngx_http_mra_write_times(&m);
    ngx_http_mra_write_store(&m);
    ngx_http_mra_write_redis(&m);
    ngx_http_mra_write_hops(&m);

    return ngx_http_mra_output_send(r, &m.out, NGX_HTTP_OK,
                                    &ngx_http_mra_metrics_type);
}


static void
ngx_http_mra_write_node(ngx_http_mra_metrics_t *m)
{
    ngx_mra_memory_t  mem;

    ngx_http_mra_write_family(m, "nginx_mra_info");
    ngx_http_mra_output_printf(&m->out, "nginx_mra_info{version=\"%s\",",
                               NGX_MRA_VERSION);
    ngx_http_mra_write_label(m, "node", &m->mra->node);
    ngx_http_mra_output_printf(&m->out, "} 1\n");

    ngx_mra_memory(m->mra, &mem);

    ngx_http_mra_write_number(m, "nginx_mra_workers", mem.workers);

    ngx_mra_node_walk(m->mra, ngx_http_mra_write_self, m);

    ngx_http_mra_write_number(m, "nginx_mra_maintenance",
                              ngx_mra_maintenance(m->mra) != 0);
}


static void
ngx_http_mra_write_self(ngx_mra_node_t *node, void *data)
{
    ngx_http_mra_metrics_t *m = data;

    if (node->self) {
        ngx_http_mra_write_number(m, "nginx_mra_registrations",
                                  node->registrations);
        ngx_http_mra_write_number(m, "nginx_mra_registrations_peak",
                                  node->peak);
        ngx_http_mra_write_number(m,
                                  "nginx_mra_registrations_peak_time_seconds",
                                  node->peak_time);
    }
}


static void
ngx_http_mra_write_peers(ngx_http_mra_metrics_t *m)
{
    ngx_uint_t              i;
    ngx_mra_redis_status_t  rs;

    ngx_mra_redis_status(m->mra, &rs);

    if (!rs.configured) {
        return;
    }

    ngx_memzero(m->peers, sizeof(m->peers));
    ngx_mra_node_walk(m->mra, ngx_http_mra_count_peer, m);

    ngx_http_mra_write_family(m, "nginx_mra_peers");

    for (i = 0; i < sizeof(m->peers) / sizeof(m->peers[0]); i++) {
        ngx_http_mra_output_printf(&m->out,
                                   "nginx_mra_peers{state=\"%s\"} %ui\n",
                                   ngx_http_mra_peer_states[i], m->peers[i]);
    }

    ngx_http_mra_write_family(m, "nginx_mra_peer_registrations");
    ngx_mra_node_walk(m->mra, ngx_http_mra_write_peer, m);
}


static void
ngx_http_mra_count_peer(ngx_mra_node_t *node, void *data)
{
    ngx_http_mra_metrics_t *m = data;

    if (!node->self) {
        m->peers[node->stale ? 2 : node->maintenance ? 1 : 0]++;
    }
}


static void
ngx_http_mra_write_peer(ngx_mra_node_t *node, void *data)
{
    ngx_http_mra_metrics_t *m = data;

    if (node->self || node->stale) {
        return;
    }

    ngx_http_mra_output_printf(&m->out, "nginx_mra_peer_registrations{");
    ngx_http_mra_write_label(m, "peer", &node->name);
    ngx_http_mra_output_printf(&m->out, "} %ui\n", node->registrations);
}


static void
ngx_http_mra_write_counters(ngx_http_mra_metrics_t *m)
{
    const char                   *family;
    const ngx_http_mra_sample_t  *s;

    family = "";

    for (s = ngx_http_mra_samples; s->family || s->label; s++) {

        if (s->family) {
            family = s->family;
            ngx_http_mra_write_family(m, family);
        }

        if (s->label) {
            ngx_http_mra_output_printf(&m->out, "%s{%s=\"%s\"} %i\n", family,
                                       s->label, s->value,
                                       ngx_mra_counter(m->mra, s->counter));

        } else {
            ngx_http_mra_output_printf(&m->out, "%s %i\n", family,
                                       ngx_mra_counter(m->mra, s->counter));
        }
    }
}


static void
ngx_http_mra_write_categories(ngx_http_mra_metrics_t *m, const char *name,
    ngx_mra_counter_e first)
{
    ngx_uint_t  c;

    ngx_http_mra_write_family(m, name);

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {
        ngx_http_mra_output_printf(&m->out, "%s{category=\"%V\"} %i\n", name,
                                   ngx_mra_category_name(c),
                                   ngx_mra_counter(m->mra, first + c));
    }
}


static void
ngx_http_mra_write_times(ngx_http_mra_metrics_t *m)
{
    ngx_http_mra_write_histogram(m, "nginx_mra_verification_duration_seconds",
                                 NGX_MRA_TIME_VERIFICATION);
    ngx_http_mra_write_histogram(m, "nginx_mra_register_duration_seconds",
                                 NGX_MRA_TIME_REGISTER);
    ngx_http_mra_write_histogram(m,
                              "nginx_mra_next_hop_keepalive_duration_seconds",
                              NGX_MRA_TIME_KEEPALIVE);
}


static void
ngx_http_mra_write_histogram(ngx_http_mra_metrics_t *m, const char *name,
    ngx_mra_time_e t)
{
    ngx_uint_t           i, n;
    ngx_msec_t           end;
    ngx_mra_histogram_t  h;

    ngx_mra_histogram(m->mra, t, &h);

    ngx_http_mra_write_family(m, name);

    n = 0;

    for (i = 0; i < NGX_MRA_BUCKETS; i++) {
        n += h.count[i];
        end = ngx_mra_bucket(i);

        ngx_http_mra_output_printf(&m->out,
                                   "%s_bucket{le=\"%M.%03M\"} %ui\n",
                                   name, end / 1000, end % 1000, n);
    }

    n += h.count[i];

    ngx_http_mra_output_printf(&m->out, "%s_bucket{le=\"+Inf\"} %ui\n"
                               "%s_sum %uL.%03uL\n"
                               "%s_count %ui\n",
                               name, n, name, (uint64_t) h.sum / 1000,
                               (uint64_t) h.sum % 1000,
                               name, n);
}


static void
ngx_http_mra_write_store(ngx_http_mra_metrics_t *m)
{
    ngx_uint_t        i;
    ngx_mra_memory_t  mem;

    ngx_mra_memory(m->mra, &mem);

    ngx_http_mra_write_number(m, "nginx_mra_store_size_bytes",
                              mem.store.size);
    ngx_http_mra_write_number(m, "nginx_mra_store_used_bytes",
                              mem.store.used);
    ngx_http_mra_write_number(m, "nginx_mra_store_evicted_total",
                              mem.store.evicted);
    ngx_http_mra_write_number(m, "nginx_mra_store_recovered_total",
                              mem.store.recovered);

    ngx_http_mra_write_family(m, "nginx_mra_store_records");

    for (i = 0; i < NGX_MRA_KINDS; i++) {
        ngx_http_mra_output_printf(&m->out,
                                   "nginx_mra_store_records{kind=\"%s\"} "
                                   "%ui\n", ngx_http_mra_kinds[i],
                                   mem.store.entries[i]);
    }
}


static void
ngx_http_mra_write_redis(ngx_http_mra_metrics_t *m)
{
    ngx_mra_redis_status_t  rs;

    ngx_mra_redis_status(m->mra, &rs);

    if (rs.configured) {
        ngx_http_mra_write_number(m, "nginx_mra_redis_up",
                                  rs.near.lost == 0 && !rs.near.refused);
    }
}


static void
ngx_http_mra_write_hops(ngx_http_mra_metrics_t *m)
{
    ngx_uint_t              i, state;
    ngx_http_mra_server_t  *server;

    ngx_mra_hop_walk(m->mra, ngx_http_mra_found_hop, &m->servers);

    if (m->servers.nelts == 0) {
        return;
    }

    server = m->servers.elts;

    ngx_http_mra_write_family(m, "nginx_mra_next_hops");

    for (i = 0; i < m->servers.nelts; i++) {
        for (state = 0; state <= NGX_MRA_PROBE_DRAINING; state++) {
            ngx_http_mra_write_server(m, "nginx_mra_next_hops", &server[i]);
            ngx_http_mra_output_printf(&m->out, ",state=\"%s\"} %ui\n",
                                       ngx_http_mra_hop_states[state],
                                       server[i].states[state]);
        }
    }

    ngx_http_mra_write_family(m, "nginx_mra_next_hop_clients");

    for (i = 0; i < m->servers.nelts; i++) {
        ngx_http_mra_write_server(m, "nginx_mra_next_hop_clients",
                                  &server[i]);
        ngx_http_mra_output_printf(&m->out, "} %ui\n", server[i].clients);
    }

    ngx_http_mra_write_told(m, "nginx_mra_next_hop_registrations",
                            offsetof(ngx_http_mra_server_t, registrations));
    ngx_http_mra_write_told(m, "nginx_mra_next_hop_capacity",
                            offsetof(ngx_http_mra_server_t, capacity));
}


/* of servers that are nodes of ours */

static void
ngx_http_mra_write_told(ngx_http_mra_metrics_t *m, const char *name,
    size_t offset)
{
    ngx_uint_t              i, n;
    ngx_http_mra_server_t  *server;

    n = 0;
    server = m->servers.elts;

    for (i = 0; i < m->servers.nelts; i++) {

        if (server[i].nodes == 0) {
            continue;
        }

        if (n++ == 0) {
            ngx_http_mra_write_family(m, name);
        }

        ngx_http_mra_write_server(m, name, &server[i]);
        ngx_http_mra_output_printf(&m->out, "} %ui\n",
                                   *(ngx_uint_t *) ((u_char *) &server[i]
                                                    + offset));
    }
}


static void
ngx_http_mra_found_hop(ngx_mra_hop_status_t *hop, void *data)
{
    ngx_array_t *servers = data;

    ngx_uint_t              i;
    ngx_http_mra_server_t  *server;

    server = servers->elts;

    for (i = 0; i < servers->nelts; i++, server++) {
        if (server->upstream.len == hop->upstream.len
            && server->name.len == hop->server.len
            && ngx_memcmp(server->upstream.data, hop->upstream.data,
                          hop->upstream.len)
               == 0
            && ngx_memcmp(server->name.data, hop->server.data,
                          hop->server.len)
               == 0)
        {
            goto found;
        }
    }

    server = ngx_array_push(servers);
    if (server == NULL) {
        return;
    }

    ngx_memzero(server, sizeof(ngx_http_mra_server_t));

    server->upstream = hop->upstream;
    server->name = hop->server;

found:

    server->clients += hop->clients;
    server->states[hop->state]++;

    if (hop->report.serial) {
        server->nodes++;
        server->registrations += hop->report.node.registrations;
        server->capacity += hop->report.node.capacity;
    }
}


static void
ngx_http_mra_write_server(ngx_http_mra_metrics_t *m, const char *name,
    ngx_http_mra_server_t *server)
{
    ngx_http_mra_output_printf(&m->out, "%s{", name);
    ngx_http_mra_write_label(m, "upstream", &server->upstream);
    ngx_http_mra_output_write(&m->out, ",", 1);
    ngx_http_mra_write_label(m, "server", &server->name);
}


static void
ngx_http_mra_write_family(ngx_http_mra_metrics_t *m, const char *name)
{
    const ngx_http_mra_family_t  *f;

    for (f = ngx_http_mra_families; f->name; f++) {
        if (ngx_strcmp(f->name, name) == 0) {
            ngx_http_mra_output_printf(&m->out,
                                       "# HELP %s %s\n# TYPE %s %s\n",
                                       name, f->help, name, f->type);
            return;
        }
    }
}


static void
ngx_http_mra_write_number(ngx_http_mra_metrics_t *m, const char *name,
    ngx_uint_t value)
{
    ngx_http_mra_write_family(m, name);
    ngx_http_mra_output_printf(&m->out, "%s %ui\n", name, value);
}


/* what stands between quotes: backslashes, quotes and line feeds escaped */

static void
ngx_http_mra_write_label(ngx_http_mra_metrics_t *m, const char *name,
    ngx_str_t *value)
{
    u_char      ch;
    ngx_uint_t  i;

    ngx_http_mra_output_printf(&m->out, "%s=\"", name);

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (ch == '\\' || ch == '"') {
            ngx_http_mra_output_write(&m->out, "\\", 1);
        }

        if (ch == LF) {
            ngx_http_mra_output_write(&m->out, "\\n", 2);
            continue;
        }

        ngx_http_mra_output_write(&m->out, &ch, 1);
    }

    ngx_http_mra_output_write(&m->out, "\"", 1);
}
