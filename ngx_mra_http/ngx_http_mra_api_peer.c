
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_api.h"
#include "ngx_mra_node.h"


static void ngx_http_mra_api_self(ngx_mra_node_t *node, void *data);
static void ngx_http_mra_api_peer(ngx_mra_node_t *node, void *data);
static void ngx_http_mra_api_count(ngx_http_mra_json_t *j,
    ngx_mra_node_t *node);
static void ngx_http_mra_api_left(ngx_mra_node_t *node, void *data);


ngx_int_t
ngx_http_mra_api_registrations(ngx_http_mra_api_t *api)
{
    ngx_uint_t            i, n, history[NGX_MRA_NODE_HISTORY];
    ngx_mra_node_t        total;
    ngx_http_mra_json_t  *j;

    j = &api->json;

    ngx_mra_node_total(api->mra, &total);
    n = ngx_mra_node_history(api->mra, history);

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_mra_node_walk(api->mra, ngx_http_mra_api_self, api);

    ngx_http_mra_json_open(j, "all", '{');
    ngx_http_mra_api_count(j, &total);
    ngx_http_mra_json_close(j, '}');

    ngx_http_mra_json_open(j, "history", '[');

    for (i = 0; i < n; i++) {
        ngx_http_mra_json_number(j, NULL, history[i]);
    }

    ngx_http_mra_json_close(j, ']');

    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


static void
ngx_http_mra_api_self(ngx_mra_node_t *node, void *data)
{
    ngx_http_mra_api_t *api = data;

    if (node->self) {
        ngx_http_mra_api_count(&api->json, node);
    }
}


static void
ngx_http_mra_api_count(ngx_http_mra_json_t *j, ngx_mra_node_t *node)
{
    ngx_http_mra_json_number(j, "current", node->registrations);
    ngx_http_mra_json_number(j, "peak", node->peak);
    ngx_http_mra_json_time(j, "peak_time", node->peak_time);
}


ngx_int_t
ngx_http_mra_api_peers(ngx_http_mra_api_t *api)
{
    api->json.level = 2;

    ngx_http_mra_json_open(&api->json, NULL, '[');
    ngx_mra_node_walk(api->mra, ngx_http_mra_api_peer, api);
    ngx_http_mra_json_close(&api->json, ']');

    return NGX_HTTP_OK;
}


static void
ngx_http_mra_api_peer(ngx_mra_node_t *node, void *data)
{
    ngx_http_mra_api_t *api = data;

    ngx_http_mra_json_t  *j;

    if (node->self) {
        return;
    }

    j = &api->json;

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_string(j, "name", &node->name);
    ngx_http_mra_json_string(j, "version", &node->version);
    ngx_http_mra_json_text(j, "state", node->stale ? "stale" : "up");
    ngx_http_mra_json_number(j, "age_s", node->age / 1000);
    ngx_http_mra_json_time(j, "started", node->started);
    ngx_http_mra_json_bool(j, "maintenance", node->maintenance != 0);
    ngx_http_mra_json_number(j, "registrations", node->registrations);
    ngx_http_mra_json_number(j, "registrations_peak", node->peak);
    ngx_http_mra_json_time(j, "registrations_peak_time", node->peak_time);
    ngx_http_mra_json_number(j, "dialogs", node->dialogs);
    ngx_http_mra_json_close(j, '}');
}


ngx_int_t
ngx_http_mra_api_maintenance(ngx_http_mra_api_t *api)
{
    time_t                since;
    ngx_uint_t            i;
    ngx_http_mra_json_t  *j;

    static const char * const  services[] = { "http", "sip" };
    static const char * const  states[] = {
        "off", "active", "draining", "inactive"
    };

    j = &api->json;
    since = ngx_mra_maintenance(api->mra);

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_bool(j, "maintenance", since != 0);
    ngx_http_mra_json_time(j, "since", since);

    ngx_http_mra_json_open(j, "services", '{');

    for (i = 0; i < NGX_MRA_SERVICES; i++) {
        ngx_http_mra_json_text(j, (char *) services[i],
                               states[ngx_mra_service_state(api->mra, i)]);
    }

    ngx_http_mra_json_close(j, '}');

    ngx_mra_node_walk(api->mra, ngx_http_mra_api_left, api);

    ngx_http_mra_json_close(j, '}');

    return NGX_HTTP_OK;
}


static void
ngx_http_mra_api_left(ngx_mra_node_t *node, void *data)
{
    ngx_http_mra_api_t *api = data;

    ngx_http_mra_json_t  *j;

    if (!node->self) {
        return;
    }

    j = &api->json;

    ngx_http_mra_json_open(j, "left", '{');
    ngx_http_mra_json_number(j, "registrations", node->registrations);
    ngx_http_mra_json_number(j, "dialogs", node->dialogs);
    ngx_http_mra_json_number(j, "connections", node->connections);
    ngx_http_mra_json_number(j, "requests", node->requests);
    ngx_http_mra_json_close(j, '}');
}


ngx_int_t
ngx_http_mra_api_maintain(ngx_http_mra_api_t *api)
{
    ngx_mra_json_member_t  *m;

    m = ngx_http_mra_api_member(api, "maintenance");

    if (m == NULL || m->type != NGX_MRA_JSON_BOOL || api->nmembers != 1) {
        return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                      "MaintenanceInvalid",
                                      "the body must be "
                                      "{\"maintenance\":true} or false");
    }

    /* it may be so already: what is asked for is what is */

    (void) ngx_mra_set_maintenance((ngx_cycle_t *) ngx_cycle, m->number);

    return ngx_http_mra_api_maintenance(api);
}
