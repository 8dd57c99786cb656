
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_stream.h>
#include "ngx_stream_mra_module.h"
#include "ngx_stream_mra_output.h"


/* a TLS record holds 16384 bytes, most turns fill less than a small one */

#define NGX_STREAM_MRA_BUF_LARGE  16384
#define NGX_STREAM_MRA_BUF_SMALL  2048
#define NGX_STREAM_MRA_BUF_KEEP   (256 * 1024)     /* bytes in a list */


struct ngx_stream_mra_buf_s {
    ngx_stream_mra_buf_t    *next;
    uint32_t                 pos;
    uint32_t                 last;
    uint32_t                 size;
    u_char                   data[];
};


typedef struct {
    ngx_stream_mra_buf_t    *free;
    ngx_uint_t               nfree;
    size_t                   size;
} ngx_stream_mra_bufs_t;


struct ngx_stream_mra_outputs_s {
    ngx_stream_mra_bufs_t    small;
    ngx_stream_mra_bufs_t    large;
};


static void ngx_stream_mra_outputs_cleanup(void *data);
static ngx_stream_mra_buf_t *ngx_stream_mra_output_buf(
    ngx_stream_mra_link_t *ln, size_t size);
static ngx_stream_mra_buf_t *ngx_stream_mra_buf_get(
    ngx_stream_mra_bufs_t *bufs);
static void ngx_stream_mra_buf_put(ngx_stream_mra_outputs_t *outs,
    ngx_stream_mra_buf_t *b);


#define ngx_stream_mra_outputs()  ngx_stream_mra_get_worker()->outputs


ngx_stream_mra_outputs_t *
ngx_stream_mra_outputs_create(ngx_cycle_t *cycle)
{
    ngx_pool_cleanup_t        *cln;
    ngx_stream_mra_outputs_t  *outs;

    cln = ngx_pool_cleanup_add(cycle->pool, sizeof(ngx_stream_mra_outputs_t));
    if (cln == NULL) {
        return NULL;
    }

    outs = cln->data;
    ngx_memzero(outs, sizeof(ngx_stream_mra_outputs_t));

    outs->small.size = NGX_STREAM_MRA_BUF_SMALL;
    outs->large.size = NGX_STREAM_MRA_BUF_LARGE;

    cln->handler = ngx_stream_mra_outputs_cleanup;

    return outs;
}


static void
ngx_stream_mra_outputs_cleanup(void *data)
{
    ngx_stream_mra_outputs_t *outs = data;

    while (outs->small.nfree) {
        ngx_free(ngx_stream_mra_buf_get(&outs->small));
    }

    while (outs->large.nfree) {
        ngx_free(ngx_stream_mra_buf_get(&outs->large));
    }
}


ngx_int_t
ngx_stream_mra_link_send(ngx_stream_mra_link_t *ln, struct iovec *iov,
    ngx_uint_t niov)
{
    u_char                *p;
    size_t                 n, room, size;
    ngx_uint_t             i;
    ngx_stream_mra_buf_t  *b;

    if (ln->closing) {
        return NGX_ERROR;
    }

    size = 0;

    for (i = 0; i < niov; i++) {
        size += iov[i].iov_len;
    }

    if (ln->out_size + size > ln->out_max) {
        return NGX_BUSY;
    }

    b = ln->out_last;

    if (b == NULL || b->size - b->last < size) {
        b = ngx_stream_mra_output_buf(ln, size);
        if (b == NULL) {
            goto failed;
        }
    }

    ln->out_size += size;

    for (i = 0; i < niov; i++) {
        p = iov[i].iov_base;
        n = iov[i].iov_len;

        while ((room = b->size - b->last) < n) {
            ngx_memcpy(b->data + b->last, p, room);
            b->last += room;

            p += room;
            n -= room;

            b = ngx_stream_mra_output_buf(ln, n);
            if (b == NULL) {
                goto failed;
            }
        }

        ngx_memcpy(b->data + b->last, p, n);
        b->last += n;
    }

    ngx_stream_mra_link_post(ln);

    return NGX_OK;

failed:

    ln->error = 1;
    ngx_stream_mra_link_close(ln, 0);

    return NGX_ERROR;
}


ngx_int_t
ngx_stream_mra_output_write(ngx_stream_mra_link_t *ln)
{
    ssize_t                n;
    ngx_connection_t      *c;
    ngx_stream_mra_buf_t  *b;

    c = ln->connection;

    while (ln->out) {

        if (!c->write->ready) {
            goto again;
        }

        b = ln->out;

        n = c->send(c, b->data + b->pos, b->last - b->pos);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == NGX_AGAIN) {
            ln->blocked = 1;
            goto again;
        }

        ln->blocked = 0;

        b->pos += n;
        ln->out_size -= n;

        if (b->pos == b->last) {
            ln->out = b->next;
            ngx_stream_mra_buf_put(ngx_stream_mra_outputs(), b);
        }
    }

    ln->out_last = NULL;

    return NGX_OK;

again:

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


void
ngx_stream_mra_output_free(ngx_stream_mra_link_t *ln)
{
    ngx_stream_mra_buf_t  *b;

    while (ln->out) {
        b = ln->out;
        ln->out = b->next;

        ngx_stream_mra_buf_put(ngx_stream_mra_outputs(), b);
    }
}


/*
 * A buffer with room for a message of "size" bytes, or a large one for its
 * start.  What waits in a small one, always the first, moves along, so that
 * one write sends it all; but OpenSSL wants to see the same bytes at the same
 * place again after a write that was blocked.
 */

static ngx_stream_mra_buf_t *
ngx_stream_mra_output_buf(ngx_stream_mra_link_t *ln, size_t size)
{
    size_t                   n;
    ngx_stream_mra_buf_t    *b, *last;
    ngx_stream_mra_outputs_t  *outs;

    outs = ngx_stream_mra_outputs();
    last = ln->out_last;

    if (last && last->size == outs->large.size && last->last < last->size) {
        return last;
    }

    b = ngx_stream_mra_buf_get((last || size > outs->small.size)
                               ? &outs->large : &outs->small);
    if (b == NULL) {
        return NULL;
    }

    if (last == NULL) {
        ln->out = b;

    } else if (last->size == outs->small.size && !ln->blocked) {
        n = last->last - last->pos;
        ngx_memcpy(b->data, last->data + last->pos, n);
        b->last = n;

        ngx_stream_mra_buf_put(outs, last);
        ln->out = b;

    } else {
        last->next = b;
    }

    ln->out_last = b;

    return b;
}


static ngx_stream_mra_buf_t *
ngx_stream_mra_buf_get(ngx_stream_mra_bufs_t *bufs)
{
    ngx_stream_mra_buf_t  *b;

    b = bufs->free;

    if (b) {
        bufs->free = b->next;
        bufs->nfree--;

    } else {
        b = ngx_alloc(sizeof(ngx_stream_mra_buf_t) + bufs->size,
                      ngx_cycle->log);
        if (b == NULL) {
            return NULL;
        }

        b->size = bufs->size;
    }

    b->next = NULL;
    b->pos = 0;
    b->last = 0;

    return b;
}


static void
ngx_stream_mra_buf_put(ngx_stream_mra_outputs_t *outs, ngx_stream_mra_buf_t *b)
{
    ngx_stream_mra_bufs_t  *bufs;

    bufs = (b->size == outs->small.size) ? &outs->small : &outs->large;

    if (bufs->nfree * bufs->size >= NGX_STREAM_MRA_BUF_KEEP) {
        ngx_free(b);
        return;
    }

    b->next = bufs->free;
    bufs->free = b;
    bufs->nfree++;
}
