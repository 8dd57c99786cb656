
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_binding.h"
#include "ngx_stream_mra_maintenance.h"
#include "ngx_stream_mra_path.h"


static ngx_uint_t ngx_stream_mra_goes_on(ngx_stream_mra_relay_t *r);
static ngx_uint_t ngx_stream_mra_register_goes_on(ngx_stream_mra_relay_t *r);
static ngx_uint_t ngx_stream_mra_unregisters(ngx_stream_mra_relay_t *r);


ngx_int_t
ngx_stream_mra_check_maintenance(ngx_stream_mra_relay_t *r)
{
    u_char     *p;
    ngx_str_t  *node;

    if (!ngx_mra_maintenance(r->worker->mcf) || ngx_stream_mra_goes_on(r)) {
        return NGX_OK;
    }

    node = &r->worker->mcf->node;

    p = ngx_stream_mra_text(r, sizeof("Retry-After: " CRLF "Warning: 382  "
                                      "\"System in Maintenance Mode\"" CRLF)
                               + NGX_INT_T_LEN + node->len);
    if (p == NULL) {
        return 503;
    }

    r->lines.data = p;

    /*
     * Whoever gets Retry-After asks for nothing more until then, RFC 3261,
     * 21.5.4: a registrar goes on with the calls that there are.
     */

    if (r->outbound) {
        p = ngx_sprintf(p, "Retry-After: %ui" CRLF,
                        ngx_mra_maintenance_retry());
    }

    p = ngx_sprintf(p, "Warning: 382 %V \"System in Maintenance Mode\"" CRLF,
                    node);

    r->lines.len = p - r->lines.data;

    return 503;
}


/* what belongs to something that there is already */

static ngx_uint_t
ngx_stream_mra_goes_on(ngx_stream_mra_relay_t *r)
{
    /* who is still registered by this node is to be reached by it */

    if (!r->outbound && r->client->trunk) {
        return 1;
    }

    switch (r->msg.method) {

    case NGX_MRA_SIP_ACK:
    case NGX_MRA_SIP_CANCEL:
        return 1;

    case NGX_MRA_SIP_REGISTER:
        return ngx_stream_mra_register_goes_on(r);

    default:
        return r->msg.to.tag.len != 0;
    }
}


static ngx_uint_t
ngx_stream_mra_register_goes_on(ngx_stream_mra_relay_t *r)
{
    if (!r->outbound) {
        return 0;
    }

    /* the edge node knows where it was registered */

    if (r->client->trunk) {
        ngx_stream_mra_path_read(r);
        return r->wish != 0;
    }

    if (ngx_stream_mra_bindings_live(r->client) == 0) {
        return 0;
    }

    return !ngx_stream_mra_is_to_leave(r->client)
           || ngx_stream_mra_unregisters(r);
}


ngx_uint_t
ngx_stream_mra_is_to_leave(ngx_stream_mra_client_t *client)
{
    ngx_mra_conf_t  *mcf;

    mcf = ngx_stream_mra_get_worker()->mcf;

    return ngx_mra_maintenance(mcf)
           && ngx_mra_is_elsewhere(mcf, NGX_MRA_SERVICE_SIP)
           && client->dialogs.nelts == 0;
}


/* who leaves by himself is welcome to: RFC 3261, 10.2.2 */

static ngx_uint_t
ngx_stream_mra_unregisters(ngx_stream_mra_relay_t *r)
{
    uint32_t               expires;
    ngx_str_t              value;
    ngx_mra_sip_list_t     list;
    ngx_mra_sip_header_t  *h;
    ngx_mra_sip_contact_t  contact;

    expires = 1;
    h = ngx_mra_sip_first(&r->msg, NGX_MRA_SIP_EXPIRES);

    if (h) {
        (void) ngx_mra_sip_parse_seconds(&h->value, &expires);
    }

    ngx_mra_sip_list_init(&list, &r->msg, NGX_MRA_SIP_CONTACT);

    while (ngx_mra_sip_list_next(&list, &value) == NGX_OK) {

        if (ngx_mra_sip_parse_contact(&value, &contact) != NGX_OK
            || (contact.has_expires ? contact.expires : expires) != 0)
        {
            return 0;
        }
    }

    return 1;
}
