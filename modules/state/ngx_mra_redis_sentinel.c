
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_redis_conn_private.h"


/* an address and a port, or nil for a name that it does not know */

void
ngx_mra_redis_master(ngx_mra_redis_conn_t *conn, redisReply *reply)
{
    u_char      *host;
    size_t       len;
    ngx_int_t    port;
    ngx_addr_t   addr;

    conn->drop = "this sentinel knows no master of that name";

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        return;
    }

    host = (u_char *) reply->element[0]->str;
    len = reply->element[0]->len;
    port = ngx_atoi((u_char *) reply->element[1]->str,
                    reply->element[1]->len);

    if (port <= 0 || port > 65535
        || ngx_parse_addr(conn->connection->pool, &addr, host, len) != NGX_OK)
    {
        conn->drop = "the sentinel's master has no address";
        return;
    }

    ngx_memcpy(&conn->master, addr.sockaddr, addr.socklen);
    conn->master_len = addr.socklen;
    ngx_inet_set_port(&conn->master.sockaddr, (in_port_t) port);

    conn->told = 1;
}
