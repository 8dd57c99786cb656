
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"
#include "ngx_stream_mra_remote.h"


typedef struct {
    uint32_t               kind;       /* ngx_stream_mra_remote_e */
    uint32_t               id;
    ngx_stream_mra_flow_t  to;
    ngx_stream_mra_flow_t  back;
} ngx_stream_mra_remote_t;


static void ngx_stream_mra_remote_flow(ngx_stream_mra_flow_t *dst,
    ngx_stream_mra_flow_t *src);
static void ngx_stream_mra_remote_receive(uint32_t from, ngx_str_t *msg);
static void ngx_stream_mra_remote_output(uint32_t from,
    ngx_stream_mra_remote_t *head, u_char *p, u_char *last);


void
ngx_stream_mra_remote_init(ngx_cycle_t *cycle)
{
    ngx_mra_ipc_receive(cycle, NGX_MRA_IPC_STREAM,
                        ngx_stream_mra_remote_receive);
}


ngx_int_t
ngx_stream_mra_remote_send(ngx_stream_mra_remote_e kind, uint32_t id,
    ngx_stream_mra_flow_t *to, ngx_stream_mra_flow_t *back,
    struct iovec *iov, ngx_uint_t niov)
{
    u_char                   *p;
    ngx_int_t                 rc;
    ngx_uint_t                i;
    struct iovec              pieces[2];
    ngx_stream_mra_remote_t   head;

    ngx_memzero(&head, sizeof(ngx_stream_mra_remote_t));

    head.kind = kind;
    head.id = id;

    ngx_stream_mra_remote_flow(&head.to, to);
    ngx_stream_mra_remote_flow(&head.back, back);

    pieces[0].iov_base = &head;
    pieces[0].iov_len = sizeof(ngx_stream_mra_remote_t);

    pieces[1].iov_len = 0;

    for (i = 0; i < niov; i++) {
        pieces[1].iov_len += iov[i].iov_len;
    }

    p = ngx_alloc(pieces[1].iov_len, ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    pieces[1].iov_base = p;

    for (i = 0; i < niov; i++) {
        p = ngx_cpymem(p, iov[i].iov_base, iov[i].iov_len);
    }

    rc = ngx_mra_ipc_send((ngx_cycle_t *) ngx_cycle, to->worker,
                          NGX_MRA_IPC_STREAM, pieces, 2);

    ngx_free(pieces[1].iov_base);

    return rc;
}


/* what pads a flow stays zero */

static void
ngx_stream_mra_remote_flow(ngx_stream_mra_flow_t *dst,
    ngx_stream_mra_flow_t *src)
{
    dst->worker = src->worker;
    dst->slot = src->slot;
    ngx_memcpy(dst->nonce, src->nonce, NGX_STREAM_MRA_NONCE_LEN);
}


static void
ngx_stream_mra_remote_receive(uint32_t from, ngx_str_t *msg)
{
    u_char                   *p, *last;
    ngx_stream_mra_remote_t   head;

    if (msg->len <= sizeof(ngx_stream_mra_remote_t)) {
        return;
    }

    ngx_memcpy(&head, msg->data, sizeof(ngx_stream_mra_remote_t));

    p = msg->data + sizeof(ngx_stream_mra_remote_t);
    last = msg->data + msg->len;

    switch (head.kind) {

    case NGX_STREAM_MRA_REMOTE_REQUEST:
        ngx_stream_mra_relay_request(head.id, &head.to, &head.back, p, last);
        break;

    case NGX_STREAM_MRA_REMOTE_RESPONSE:
        ngx_stream_mra_relay_inside(head.id, NULL, p, last);
        break;

    case NGX_STREAM_MRA_REMOTE_OUTPUT:
        ngx_stream_mra_remote_output(from, &head, p, last);
        break;

    case NGX_STREAM_MRA_REMOTE_RETURNED:
        ngx_stream_mra_relay_returned(head.id, &head.to, p, last);
        break;
    }
}


static void
ngx_stream_mra_remote_output(uint32_t from, ngx_stream_mra_remote_t *head,
    u_char *p, u_char *last)
{
    struct iovec            iov;
    ngx_stream_mra_link_t  *ln;

    iov.iov_base = p;
    iov.iov_len = last - p;

    ln = ngx_stream_mra_link_find(&head->to);

    if (ln == NULL) {
        if (head->back.worker == from) {
            (void) ngx_stream_mra_remote_send(NGX_STREAM_MRA_REMOTE_RETURNED,
                                              head->id, &head->back,
                                              &head->to, &iov, 1);
        }

        return;
    }

    if (ngx_stream_mra_client_of(ln)) {
        return;
    }

    if (ngx_stream_mra_link_send(ln, &iov, 1) == NGX_BUSY) {
        ngx_log_error(NGX_LOG_WARN, ln->connection->log, 0,
                      "next hop does not read, %uD bytes wait", ln->out_size);
    }
}
