
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_api.h"
#include "ngx_mra_node.h"
#include "ngx_mra_status.h"


/* of the zone, from which on it is said to be full, percent */

#define NGX_HTTP_MRA_API_FULL  90


typedef struct {
    ngx_http_mra_api_t  *api;
    ngx_uint_t           hops;
    ngx_uint_t           down;
} ngx_http_mra_api_faults_t;


/* a row, by ngx_mra_service_state_e */

typedef struct {
    const char          *name;
    const char          *status[NGX_MRA_SERVICE_INACTIVE + 1];
} ngx_http_mra_api_service_t;


static void ngx_http_mra_api_row(ngx_http_mra_json_t *j, const char *name,
    const char *state, const char *status);
static void ngx_http_mra_api_service_row(ngx_http_mra_api_t *api,
    ngx_uint_t service, ngx_http_mra_api_faults_t *faults);
static void ngx_http_mra_api_tokens_rows(ngx_http_mra_api_t *api);
static void ngx_http_mra_api_count_hop(ngx_mra_hop_status_t *hop, void *data);
static void ngx_http_mra_api_hop_fault(ngx_mra_hop_status_t *hop, void *data);
static void ngx_http_mra_api_behind_fault(ngx_http_mra_api_t *api,
    ngx_mra_hop_status_t *hop);
static void ngx_http_mra_api_peer_fault(ngx_mra_node_t *node, void *data);
static void ngx_http_mra_api_redis_fault(ngx_http_mra_api_t *api);
static void ngx_http_mra_api_store_fault(ngx_http_mra_api_t *api);
static void ngx_http_mra_api_fault(ngx_http_mra_json_t *j,
    const char *advice, const char *fmt, ...);


static const char * const  ngx_http_mra_api_service_states[] = {
    "off", "active", "maintenance", "maintenance"
};


/* by ngx_mra_service_e */

static const ngx_http_mra_api_service_t  ngx_http_mra_api_rows[] = {

    { "HTTP proxy service",
      { "Not configured (mra_auth)", "Active",
        "Active (Maintenance mode), requests are left",
        "Inactive (Maintenance mode)" } },

    { "Unified CM registrations",
      { "Not configured (mra_sip_pass)", "Configured",
        "Active (Maintenance mode), sessions are left",
        "Inactive (Maintenance mode)" } }
};


/* what to do about it, by ngx_mra_probe_reason_e */

static const char * const  ngx_http_mra_api_advice[NGX_MRA_PROBE_REASONS] = {
    "Nothing: it is coming back.",
    "Start the server, or correct its port in \"upstream\".",
    "Look at routes and firewalls between this node and the server.",
    "A firewall may drop what is sent; look whether the server is overloaded.",
    "Look whether the port speaks TLS, and at protocols and ciphers on both "
        "sides.",
    "Its certificate is not trusted or is for another name: see "
        "mra_sip_ssl_trusted_certificate and mra_sip_ssl_name.",
    "The server closes connections: look at its log, it may not know this "
        "node.",
    "The server accepts connections and does not answer: look at its log and "
        "its load.",
    "The server does not answer REGISTER: look at its log, and at what it "
        "asks itself.",
    "The server is up and has no next hop itself: look at its status."
};


ngx_int_t
ngx_http_mra_api_services(ngx_http_mra_api_t *api)
{
    ngx_http_mra_json_t        *j;
    ngx_http_mra_api_faults_t   faults;

    j = &api->json;

    faults.api = api;
    faults.hops = 0;
    faults.down = 0;

    ngx_mra_hop_walk(api->mra, ngx_http_mra_api_count_hop, &faults);

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_open(j, "services", '[');

    if (ngx_mra_maintenance(api->mra)) {
        ngx_http_mra_api_row(j, "Unified Communications status",
                             "maintenance", "Enabled (Maintenance mode)");

    } else {
        ngx_http_mra_api_row(j, "Unified Communications status", "active",
                             "Enabled");
    }

    ngx_http_mra_api_service_row(api, NGX_MRA_SERVICE_SIP, &faults);
    ngx_http_mra_api_service_row(api, NGX_MRA_SERVICE_HTTP, &faults);
    ngx_http_mra_api_row(j, "Port forwarding mesh", "off", "Not configured");
    ngx_http_mra_api_row(j, "Provisioning server", "off", "Not configured");
    ngx_http_mra_api_row(j, "IM and Presence Service", "off",
                         "Not configured");
    ngx_http_mra_api_row(j, "XMPP router", "off", "Not configured");
    ngx_http_mra_api_row(j, "XMPP Federation", "off", "Not configured");
    ngx_http_mra_api_tokens_rows(api);

    ngx_http_mra_json_close(j, ']');

    ngx_http_mra_json_open(j, "faults", '[');

    ngx_mra_hop_walk(api->mra, ngx_http_mra_api_hop_fault, &faults);
    ngx_mra_node_walk(api->mra, ngx_http_mra_api_peer_fault, api);
    ngx_http_mra_api_redis_fault(api);
    ngx_http_mra_api_store_fault(api);

    ngx_http_mra_json_close(j, ']');
    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


static void
ngx_http_mra_api_row(ngx_http_mra_json_t *j, const char *name,
    const char *state, const char *status)
{
    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_text(j, "name", name);
    ngx_http_mra_json_text(j, "state", state);
    ngx_http_mra_json_text(j, "status", status);
    ngx_http_mra_json_close(j, '}');
}


/* of what maintenance ends, in its state; active: with what is wrong */

static void
ngx_http_mra_api_service_row(ngx_http_mra_api_t *api, ngx_uint_t service,
    ngx_http_mra_api_faults_t *faults)
{
    ngx_uint_t                         state;
    const ngx_http_mra_api_service_t  *sv;

    sv = &ngx_http_mra_api_rows[service];
    state = ngx_mra_service_state(api->mra, service);

    if (state == NGX_MRA_SERVICE_ACTIVE
        && service == NGX_MRA_SERVICE_SIP && faults->down)
    {
        ngx_http_mra_api_row(&api->json, sv->name, "error",
                             faults->down == faults->hops
                             ? "Configured but with errors, no next hop is up"
                             : "Configured but with errors");
        return;
    }

    ngx_http_mra_api_row(&api->json, sv->name,
                         ngx_http_mra_api_service_states[state],
                         sv->status[state]);
}


static void
ngx_http_mra_api_tokens_rows(ngx_http_mra_api_t *api)
{
    /* bearer tokens are passed on, the UC node says whether they are good */

    if (ngx_mra_service_state(api->mra, NGX_MRA_SERVICE_HTTP)
        != NGX_MRA_SERVICE_OFF)
    {
        ngx_http_mra_api_row(&api->json, "Single Sign-On support", "active",
                             "Configured");
        ngx_http_mra_api_row(&api->json, "OAuth token with refresh", "active",
                             "Configured");

    } else {
        ngx_http_mra_api_row(&api->json, "Single Sign-On support", "off",
                             "Not configured (mra_auth)");
        ngx_http_mra_api_row(&api->json, "OAuth token with refresh", "off",
                             "Not configured (mra_auth)");
    }

    if (api->mra->credentials_refresh_interval) {
        ngx_http_mra_api_row(&api->json, "Authorization tokens", "active",
                             "Configured");

    } else {
        ngx_http_mra_api_row(&api->json, "Authorization tokens", "off",
                             "Not configured (credentials_refresh_interval)");
    }
}


static void
ngx_http_mra_api_count_hop(ngx_mra_hop_status_t *hop, void *data)
{
    ngx_http_mra_api_faults_t *faults = data;

    faults->hops++;

    if (hop->probe.state == NGX_MRA_PROBE_DOWN) {
        faults->down++;
    }
}


static void
ngx_http_mra_api_hop_fault(ngx_mra_hop_status_t *hop, void *data)
{
    ngx_http_mra_api_faults_t *faults = data;

    ngx_str_t         reason;
    ngx_mra_probe_t  *pr;

    pr = &hop->probe;

    if (hop->state == NGX_MRA_PROBE_DRAINING) {
        ngx_http_mra_api_fault(&faults->api->json,
                               "Nothing: new registrations go to others. It "
                               "ends with the maintenance of that node.",
                               "Next hop %V in upstream \"%V\" is in "
                               "maintenance mode",
                               &hop->address, &hop->upstream);
    }

    ngx_http_mra_api_behind_fault(faults->api, hop);

    if (pr->deaf && pr->state == NGX_MRA_PROBE_UP) {
        ngx_http_mra_api_fault(&faults->api->json,
                               "SIP goes on. Usually it cannot resolve the "
                               "host name of this node: look at its DNS and "
                               "at its list of edge nodes.",
                               "Next hop %V in upstream \"%V\" answers "
                               "SIP, but STUN no more",
                               &hop->address, &hop->upstream);
    }

    if (pr->state != NGX_MRA_PROBE_DOWN
        || pr->reason >= NGX_MRA_PROBE_REASONS)
    {
        return;
    }

    reason = ngx_mra_probe_reason(pr->reason);

    ngx_http_mra_api_fault(&faults->api->json,
                           ngx_http_mra_api_advice[pr->reason],
                           "Next hop %V in upstream \"%V\" is down: %V",
                           &hop->address, &hop->upstream, &reason);
}


/* it is up, but not all that is behind it; if nothing is, it is down */

static void
ngx_http_mra_api_behind_fault(ngx_http_mra_api_t *api,
    ngx_mra_hop_status_t *hop)
{
    ngx_str_t             name;
    ngx_uint_t            i, down;
    ngx_mra_stun_node_t  *node;

    node = &hop->report.node;
    down = 0;

    for (i = 0; i < node->nhops; i++) {
        down += (node->hops[i].state == NGX_MRA_STUN_HOP_DOWN);
    }

    if (down == 0 || hop->state == NGX_MRA_PROBE_DOWN) {
        return;
    }

    name.len = node->name_len;
    name.data = node->name;

    ngx_http_mra_api_fault(&api->json,
                           "Its status says which and why. Phones that "
                           "register there are told with their keepalives.",
                           "Next hop %V in upstream \"%V\", node \"%V\": %ui "
                           "of its %uD next hops are down",
                           &hop->address, &hop->upstream, &name, down,
                           node->nhops);
}


static void
ngx_http_mra_api_peer_fault(ngx_mra_node_t *node, void *data)
{
    ngx_http_mra_api_t *api = data;

    if (node->stale) {
        ngx_http_mra_api_fault(&api->json, "Look whether nginx runs there and "
                               "reaches Redis.",
                               "Peer \"%V\" was not heard of for %Ms",
                               &node->name, node->age / 1000);
    }
}


static void
ngx_http_mra_api_redis_fault(ngx_http_mra_api_t *api)
{
    ngx_mra_redis_status_t  rs;

    ngx_mra_redis_status(api->mra, &rs);

    if (rs.configured && rs.near.lost) {
        ngx_http_mra_api_fault(&api->json, "Start Redis, or look at the "
                               "network between. Nodes decide by themselves "
                               "as \"redis_lost\" says.",
                               "Redis is away for %Ms",
                               (ngx_current_msec - rs.near.lost) / 1000);

    } else if (rs.configured && rs.near.refused) {
        ngx_http_mra_api_fault(&api->json, "The error log has its reply: it "
                               "may be out of memory, or the user may lack "
                               "rights.", "Redis refuses commands");
    }
}


static void
ngx_http_mra_api_store_fault(ngx_http_mra_api_t *api)
{
    ngx_uint_t        percent;
    ngx_mra_memory_t  mem;

    ngx_mra_memory(api->mra, &mem);

    percent = mem.store.size ? mem.store.used * 100 / mem.store.size : 0;

    if (percent >= NGX_HTTP_MRA_API_FULL) {
        ngx_http_mra_api_fault(&api->json, "Increase \"zone\" and restart; a "
                               "full zone drops what expires first.",
                               "The zone is full to %ui percent", percent);
    }
}


static void
ngx_http_mra_api_fault(ngx_http_mra_json_t *j, const char *advice,
    const char *fmt, ...)
{
    u_char     buf[NGX_HTTP_MRA_OUTPUT_LINE];
    va_list    args;
    ngx_str_t  what;

    va_start(args, fmt);
    what.data = buf;
    what.len = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args) - buf;
    va_end(args);

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_string(j, "what", &what);
    ngx_http_mra_json_text(j, "advice", advice);
    ngx_http_mra_json_close(j, '}');
}
