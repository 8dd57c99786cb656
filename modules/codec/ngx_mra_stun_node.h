
/*
 * Copyright (C) ngx_mra contributors
 *
 * What nodes of ours tell each other of themselves in their keepalives:
 * four attributes that whoever does not know them ignores (RFC 8489, 14).
 *
 *     MRA-NODE   name of the node, visible ASCII
 *
 *     MRA-LOAD    0                   1                   2
 *                 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 ...
 *                +---------------+---------------+------------------
 *                |  version 1    |    flags      |  CPU, permille
 *                +---------------+---------------+------------------
 *                |  registrations
 *                +--------------------------------------------------
 *                |  capacity: registrations, 0: not told
 *                +--------------------------------------------------
 *                |  clients connected
 *
 *     MRA-HOPS   for each next hop of the node:
 *                +--------------------------------------------------
 *                |  its id
 *                +---------------+----------------------------------
 *                |  state        |  0
 *
 *     MRA-TAG    3 bytes that its flow tokens begin with
 */


#ifndef _NGX_MRA_STUN_NODE_H_INCLUDED_
#define _NGX_MRA_STUN_NODE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_stun.h"


#define NGX_MRA_STUN_NODE               0xc7a0
#define NGX_MRA_STUN_LOAD               0xc7a1
#define NGX_MRA_STUN_HOPS               0xc7a2
#define NGX_MRA_STUN_TAG                0xc7a3

#define NGX_MRA_STUN_NODE_LEN           64      /* of a name */
#define NGX_MRA_STUN_NODE_HOPS          64
#define NGX_MRA_STUN_NODE_TAG           3
#define NGX_MRA_STUN_NODE_COUNT_MAX     100000000
                                                /* no node has more of
                                                   anything that it counts */

/* what all four of them take at most, in bytes */

#define NGX_MRA_STUN_NODE_SIZE                                                \
    (4 + NGX_MRA_STUN_NODE_LEN + 4 + 16 + 4 + 8 * NGX_MRA_STUN_NODE_HOPS      \
     + 4 + 4)

/* flags of MRA-LOAD */

#define NGX_MRA_STUN_NODE_MAINTENANCE   0x01
#define NGX_MRA_STUN_NODE_NO_PATH       0x02    /* no next hop is up */

/* node->told */

#define NGX_MRA_STUN_NODE_TOLD_NAME     0x01
#define NGX_MRA_STUN_NODE_TOLD_LOAD     0x02
#define NGX_MRA_STUN_NODE_TOLD_HOPS     0x04
#define NGX_MRA_STUN_NODE_TOLD_TAG      0x08


/* the numbers of ngx_mra_probe_state_e */

typedef enum {
    NGX_MRA_STUN_HOP_UNKNOWN = 0,
    NGX_MRA_STUN_HOP_UP,
    NGX_MRA_STUN_HOP_DOWN,
    NGX_MRA_STUN_HOP_DRAINING
} ngx_mra_stun_hop_state_e;


typedef struct {
    uint32_t                  id;
    uint32_t                  state;   /* ngx_mra_stun_hop_state_e */
} ngx_mra_stun_hop_t;


/* it may be kept: nothing in it points anywhere */

typedef struct {
    uint32_t                  told;    /* which attributes there are */
    uint32_t                  flags;
    uint32_t                  cpu;     /* permille of all its CPUs */
    uint32_t                  registrations;
    uint32_t                  capacity;
    uint32_t                  clients;
    uint32_t                  nhops;
    uint32_t                  name_len;
    u_char                    name[NGX_MRA_STUN_NODE_LEN];
    u_char                    tag[NGX_MRA_STUN_NODE_TAG + 1];
    ngx_mra_stun_hop_t        hops[NGX_MRA_STUN_NODE_HOPS];
} ngx_mra_stun_node_t;


/*
 * Decodes those attributes of a decoded message; what it does not have is
 * zero, a state of a later release is UNKNOWN.
 *
 * NGX_OK        node->told is not 0
 * NGX_DECLINED  there are none, or only some of a later release
 * NGX_ERROR     one is malformed: it counts as not told
 */

ngx_int_t ngx_mra_stun_decode_node(ngx_mra_stun_t *m,
    ngx_mra_stun_node_t *node);

/* adds those that node->told names */

void ngx_mra_stun_add_node(ngx_mra_stun_buf_t *b, ngx_mra_stun_node_t *node);


#endif /* _NGX_MRA_STUN_NODE_H_INCLUDED_ */
