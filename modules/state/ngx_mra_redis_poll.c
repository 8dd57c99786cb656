
/*
 * Copyright (C) ngx_mra contributors
 *
 * In a cluster each tag has its own stream of changes, as a script writes
 * only where its key is.  To wait for all of them in Redis would take a
 * connection for each: they are asked instead, one write for each server.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_private.h"


#define NGX_MRA_REDIS_POLL  250     /* ms */


static void ngx_mra_redis_poll_handler(ngx_event_t *ev);


ngx_int_t
ngx_mra_redis_poll_open(ngx_mra_redis_t *rd)
{
    ngx_uint_t  i;

    rd->poll.handler = ngx_mra_redis_poll_handler;
    rd->poll.data = &rd->dumb;
    rd->poll.log = rd->log;
    rd->poll.cancelable = 1;

    for (i = 0; i < rd->ntags; i++) {
        rd->tags[i].check = 1;
    }

    ngx_add_timer(&rd->poll, NGX_MRA_REDIS_POLL);

    return NGX_OK;
}


void
ngx_mra_redis_poll_close(ngx_mra_redis_t *rd)
{
    if (rd->poll.timer_set) {
        ngx_del_timer(&rd->poll);
    }
}


static void
ngx_mra_redis_poll_handler(ngx_event_t *ev)
{
    ngx_str_t              cursor;
    ngx_uint_t             i;
    ngx_connection_t      *dumb;
    ngx_mra_redis_t       *rd;
    ngx_mra_redis_tag_t   *tag;
    ngx_mra_redis_part_t  *part;

    dumb = ev->data;
    rd = dumb->data;

    if (ngx_exiting) {
        return;
    }

    for (i = 0; i < rd->ntags; i++) {

        tag = &rd->tags[i];
        part = tag->part;

        if (part == NULL || !part->conn.up || tag->asked) {
            continue;
        }

        tag->asked = 1;

        if (tag->check) {
            tag->check = 0;
            ngx_mra_redis_change_begin(&part->conn, i);

        } else {
            ngx_mra_redis_change_read(&part->conn, i);
        }

        if (part->bans && !part->scanning) {
            part->bans = 0;
            part->scanning = 1;

            ngx_str_set(&cursor, "0");
            ngx_mra_redis_change_scan(&part->conn, i, &cursor);
        }
    }

    ngx_add_timer(ev, NGX_MRA_REDIS_POLL);
}
