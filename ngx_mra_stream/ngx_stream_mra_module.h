
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the files of the stream module share among themselves.
 */


#ifndef _NGX_STREAM_MRA_MODULE_H_INCLUDED_
#define _NGX_STREAM_MRA_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>
#include "ngx_mra.h"
#include "ngx_mra_balance.h"
#include "ngx_mra_hash.h"
#include "ngx_mra_node.h"
#include "ngx_stream_mra_link.h"
#include "ngx_stream_mra_hop.h"


typedef struct ngx_stream_mra_clients_s   ngx_stream_mra_clients_t;
typedef struct ngx_stream_mra_relay_s     ngx_stream_mra_relay_t;
typedef struct ngx_stream_mra_pendings_s  ngx_stream_mra_pendings_t;
typedef struct ngx_stream_mra_bindings_s  ngx_stream_mra_bindings_t;
typedef struct ngx_stream_mra_peers_s     ngx_stream_mra_peers_t;
typedef struct ngx_stream_mra_edges_s     ngx_stream_mra_edges_t;


/* of this process; each part is private to the file that has its name */

typedef struct {
    ngx_mra_conf_t                *mcf;
    uint32_t                       self;       /* its number */
    u_char                         key[NGX_MRA_HASH_KEY_LEN];
    u_char                         tag[NGX_STREAM_MRA_TAG_LEN];

    ngx_stream_mra_links_t        *links;
    ngx_stream_mra_outputs_t      *outputs;
    ngx_stream_mra_clients_t      *clients;
    ngx_stream_mra_relay_t        *relay;
    ngx_stream_mra_pendings_t     *pendings;
    ngx_stream_mra_bindings_t     *bindings;
    ngx_stream_mra_peers_t        *peers;
    ngx_stream_mra_edges_t        *edges;

    ngx_mra_balance_edge_t         crowd;
    ngx_msec_t                     counted;
} ngx_stream_mra_worker_t;


/* how the other side reaches us */

#define NGX_STREAM_MRA_HOST_LEN    255

typedef struct {
    ngx_str_t                      hostport;
    ngx_uint_t                     tls;
    u_char                         buf[NGX_STREAM_MRA_HOST_LEN
                                       + sizeof(":65535")];
} ngx_stream_mra_address_t;


typedef struct {
    ngx_array_t                    servers;    /* ngx_stream_mra_srv_conf_t *,
                                                  of pass and of accept */
    ngx_stream_mra_worker_t       *worker;
} ngx_stream_mra_main_conf_t;


typedef struct ngx_stream_mra_srv_conf_s  ngx_stream_mra_srv_conf_t;

struct ngx_stream_mra_srv_conf_s {
    ngx_stream_upstream_srv_conf_t  *upstream;  /* NULL: not one of ours */
    ngx_uint_t                       accept;    /* it is mra_sip_accept's */

    ngx_str_t                        advertise; /* host or host:port */
    ngx_uint_t                       advertise_port;    /* 0: the listener's */
    ngx_array_t                     *domains;   /* ngx_str_t, lower case */
    ngx_array_t                     *edges;     /* NULL: phones connect; else
                                                   private to its file */
    size_t                           max_message_size;
    ngx_msec_t                       response_timeout;
    ngx_msec_t                       register_timeout;
    ngx_msec_t                       drain;

    ngx_stream_mra_hop_conf_t        hop;       /* how to reach them */
    ngx_stream_mra_hops_t           *hops;      /* of mra_sip_pass */

    /* set when a worker starts */

    uint32_t                         id;        /* of the upstream, the same
                                                   in all workers */
    ngx_stream_mra_srv_conf_t       *inside;    /* its mra_sip_accept */
    ngx_stream_mra_hops_t           *peers;     /* other nodes, if it has */
    struct sockaddr                 *sockaddr;  /* mra_sip_accept: its */
    ngx_uint_t                       tls;       /* listener, and that as */
    ngx_str_t                        listen;    /* text; len 0: a wildcard */
};


extern ngx_module_t  ngx_stream_mra_module;


static ngx_inline ngx_stream_mra_worker_t *
ngx_stream_mra_get_worker(void)
{
    ngx_stream_mra_main_conf_t  *mmcf;

    mmcf = ngx_stream_cycle_get_module_main_conf(ngx_cycle,
                                                 ngx_stream_mra_module);

    return mmcf->worker;
}


#endif /* _NGX_STREAM_MRA_MODULE_H_INCLUDED_ */
