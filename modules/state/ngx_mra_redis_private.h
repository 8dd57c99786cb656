
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the files of the Redis back end share among themselves.
 */


#ifndef _NGX_MRA_REDIS_PRIVATE_H_INCLUDED_
#define _NGX_MRA_REDIS_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn.h"


#define NGX_MRA_REDIS_LETTERS   "tcafbrnev"  /* by kind */
#define NGX_MRA_REDIS_TAG_LEN   4            /* "{AA}" */
#define NGX_MRA_REDIS_KEY_LEN   (NGX_MRA_REDIS_PREFIX_LEN + 36)


typedef struct ngx_mra_redis_s  ngx_mra_redis_t;


/* a server: the only one, or one of a cluster */

typedef struct {
    ngx_mra_redis_conn_t      conn;
    ngx_mra_redis_t          *rd;
    ngx_queue_t               queue;
    ngx_msec_t                used;       /* for the last time */
    u_char                    name[NGX_SOCKADDR_STRLEN];
    size_t                    name_len;

    unsigned                  down:1;     /* since it was up */
    unsigned                  told:1;     /* ... and others were not */
    unsigned                  bans:1;     /* to be looked for */
    unsigned                  scanning:1;
} ngx_mra_redis_part_t;


/* where the keys of a tag are, without a cluster of the only one */

typedef struct {
    ngx_mra_redis_part_t     *part;       /* NULL: nobody has them */
    ngx_msec_t                moved;      /* when somebody said so, 0: never */
    unsigned                  check:1;    /* what its changes are */
    unsigned                  asked:1;    /* for changes */
} ngx_mra_redis_tag_t;


struct ngx_mra_redis_s {
    ngx_mra_redis_conf_t     *conf;
    ngx_mra_redis_part_t     *only;       /* no cluster, or to ask for it */
    ngx_mra_redis_tag_t      *tags;
    ngx_uint_t                ntags;
    u_char                   *digests;    /* of the scripts */
    ngx_str_t                 id;
    ngx_mra_redis_state_pt    handler;
    void                     *data;
    ngx_log_t                *log;

    ngx_mra_redis_part_t     *changes;    /* listens to them */
    ngx_mra_redis_place_t    *place;      /* by tag */
    ngx_mra_redis_change_pt   change;

    ngx_queue_t               parts;      /* of a cluster */
    ngx_queue_t               parked;     /* operations, to be asked again */
    ngx_event_t               map;        /* timers */
    ngx_event_t               park;
    ngx_event_t               poll;
    ngx_connection_t          dumb;
    ngx_uint_t                turn;
    unsigned                  open:1;
    unsigned                  asking:1;   /* for the map */
    unsigned                  known:1;    /* it is */
    unsigned                  broken:1;   /* told */

    ngx_str_t                 refusal;
    u_char                    refusal_buf[128];
};


/* ngx_mra_redis.c */

/*
 * Sends a command for op, to "part" if it is to be told that the key is on
 * the way there; "begun": when that was first tried, ms.  NGX_AGAIN / ERROR.
 */

ngx_int_t ngx_mra_redis_send(ngx_mra_redis_t *rd, ngx_mra_op_t *op,
    ngx_uint_t script, ngx_uint_t whole, ngx_mra_redis_part_t *part,
    ngx_msec_t begun);

ngx_mra_redis_part_t *ngx_mra_redis_part(ngx_mra_redis_t *rd,
    ngx_mra_redis_conn_pt handler);

/* "<prefix>{tag}<text>" into NGX_MRA_REDIS_KEY_LEN bytes */

void ngx_mra_redis_text(ngx_mra_redis_t *rd, ngx_uint_t tag, char *text,
    ngx_str_t *arg, u_char *buf);


/* ngx_mra_redis_slot.c: of a cluster; tag: 0 to NGX_MRA_REDIS_TAGS - 1 */

u_char *ngx_mra_redis_slot_tag(u_char *p, ngx_uint_t tag);
ngx_uint_t ngx_mra_redis_slot(ngx_uint_t tag);


/* ngx_mra_redis_cluster.c: which part has which keys */

void ngx_mra_redis_cluster_open(ngx_mra_redis_t *rd);
void ngx_mra_redis_cluster_close(ngx_mra_redis_t *rd);

/* the map may not be right any more */

void ngx_mra_redis_cluster_ask(ngx_mra_redis_t *rd);

/* the part at an address that "from" told; NULL: there is none */

ngx_mra_redis_part_t *ngx_mra_redis_cluster_part(ngx_mra_redis_t *rd,
    ngx_mra_redis_conn_t *from, u_char *host, size_t len, ngx_int_t port);


/* ngx_mra_redis_park.c: operations on keys that are on the way */

void ngx_mra_redis_park_open(ngx_mra_redis_t *rd);
void ngx_mra_redis_park_close(ngx_mra_redis_t *rd);

/* NGX_AGAIN: it is asked again; NGX_DECLINED: an error as any other */

ngx_int_t ngx_mra_redis_park_error(ngx_mra_redis_t *rd,
    ngx_mra_redis_call_t *call, redisReply *reply);


/* ngx_mra_redis_poll.c: changes of a cluster */

ngx_int_t ngx_mra_redis_poll_open(ngx_mra_redis_t *rd);
void ngx_mra_redis_poll_close(ngx_mra_redis_t *rd);


/* ngx_mra_redis_change.c */

/* begins to read on "conn": where this is, and what was missed */

void ngx_mra_redis_change_begin(ngx_mra_redis_conn_t *conn, ngx_uint_t tag);
void ngx_mra_redis_change_read(ngx_mra_redis_conn_t *conn, ngx_uint_t tag);

/* the bans of a server, page after page */

void ngx_mra_redis_change_scan(ngx_mra_redis_conn_t *conn, ngx_uint_t tag,
    ngx_str_t *cursor);


#endif /* _NGX_MRA_REDIS_PRIVATE_H_INCLUDED_ */
