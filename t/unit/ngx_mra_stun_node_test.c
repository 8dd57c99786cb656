
/*
 * Copyright (C) ngx_mra contributors
 */


#include <mra_test.h>
#include "ngx_mra_stun_node.h"


#define HEAD     "\x21\x12\xa4\x42" "transaction1"
#define NODE     "\xc7\xa0"
#define LOAD     "\xc7\xa1"
#define HOPS     "\xc7\xa2"
#define TAG      "\xc7\xa3"

#define NAME     NODE "\0\5" "core1" "\0\0\0"
#define NUMBERS  LOAD "\0\x10" "\1\1\0\x4d" "\0\0\x13\x88" "\0\0\x27\x10"    \
                 "\0\0\0\x2a"
#define STATES   HOPS "\0\x10" "\xca\xfe\xba\xbe\1\0\0\0"                    \
                 "\0\0\0\1\2\0\0\0"

#define PREFIX   TAG "\0\3" "\xe1\0\xff" "\0"

#define TEN      "0123456789"
#define ZERO     "\0\0\0\0"


/* what is told by all of them together */

static const char  node_all[] =
    "\1\1\0\x3c" HEAD NAME NUMBERS STATES PREFIX;


typedef struct {
    const char  *name;
    const char  *data;
    size_t       len;
    ngx_int_t    rc;
    ngx_uint_t   told;
} node_row_t;


static node_row_t  node_rows[] = {

    { "all", mra_bytes(node_all), NGX_OK, 15 },
    { "none", mra_bytes("\0\1\0\0" HEAD), NGX_DECLINED, 0 },
    { "others", mra_bytes("\0\1\0\x08" HEAD "\x80\x22\0\4" "mra1"),
      NGX_DECLINED, 0 },
    { "name", mra_bytes("\0\1\0\x0c" HEAD NAME), NGX_OK, 1 },
    { "load", mra_bytes("\0\1\0\x14" HEAD NUMBERS), NGX_OK, 2 },
    { "hops", mra_bytes("\0\1\0\x14" HEAD STATES), NGX_OK, 4 },
    { "tag", mra_bytes("\0\1\0\x08" HEAD PREFIX), NGX_OK, 8 },
    { "tag of 2", mra_bytes("\0\1\0\x08" HEAD TAG "\0\2" "ab\0\0"),
      NGX_ERROR, 0 },
    { "tag of 4", mra_bytes("\0\1\0\x08" HEAD TAG "\0\4" "abcd"),
      NGX_ERROR, 0 },
    { "no hops", mra_bytes("\0\1\0\4" HEAD HOPS "\0\0"), NGX_OK, 4 },

    { "no name", mra_bytes("\0\1\0\4" HEAD NODE "\0\0"), NGX_ERROR, 0 },
    { "name of 64",
      mra_bytes("\0\1\0\x44" HEAD NODE "\0\x40" TEN TEN TEN TEN TEN TEN
      "0123"), NGX_OK, 1 },
    { "name of 65",
      mra_bytes("\0\1\0\x48" HEAD NODE "\0\x41" TEN TEN TEN TEN TEN TEN
      "01234\0\0\0"), NGX_ERROR, 0 },
    { "name with LF", mra_bytes("\0\1\0\x08" HEAD NODE "\0\4" "a\nb1"),
      NGX_ERROR, 0 },
    { "name with NUL", mra_bytes("\0\1\0\x08" HEAD NODE "\0\4" "a\0b1"),
      NGX_ERROR, 0 },
    { "name with a space", mra_bytes("\0\1\0\x08" HEAD NODE "\0\4" "a b1"),
      NGX_ERROR, 0 },
    { "name with DEL", mra_bytes("\0\1\0\x08" HEAD NODE "\0\4" "a\x7f" "b1"),
      NGX_ERROR, 0 },
    { "name in UTF-8",
      mra_bytes("\0\1\0\x08" HEAD NODE "\0\4" "\xc3\xa4" "b1"),
      NGX_ERROR, 0 },

    { "load without version", mra_bytes("\0\1\0\4" HEAD LOAD "\0\0"),
      NGX_ERROR, 0 },
    { "load cut", mra_bytes("\0\1\0\x10" HEAD LOAD "\0\x0c"
      "\1\0\0\0" ZERO ZERO), NGX_ERROR, 0 },
    { "load with more", mra_bytes("\0\1\0\x18" HEAD LOAD "\0\x11"
      "\1\0\0\0" ZERO ZERO ZERO ZERO), NGX_ERROR, 0 },
    { "load of a later version", mra_bytes("\0\1\0\x18" HEAD LOAD "\0\x14"
      "\2\0\0\0" ZERO ZERO ZERO ZERO), NGX_DECLINED, 0 },
    { "4 billion registrations", mra_bytes("\0\1\0\x14" HEAD LOAD "\0\x10"
      "\1\0\0\0" "\xff\xff\xff\xff" ZERO ZERO), NGX_ERROR, 0 },
    { "100,000,000 registrations", mra_bytes("\0\1\0\x14" HEAD LOAD "\0\x10"
      "\1\0\0\0" "\5\xf5\xe1\0" ZERO ZERO), NGX_OK, 2 },
    { "one more", mra_bytes("\0\1\0\x14" HEAD LOAD "\0\x10"
      "\1\0\0\0" "\5\xf5\xe1\1" ZERO ZERO), NGX_ERROR, 0 },
    { "capacity too large", mra_bytes("\0\1\0\x14" HEAD LOAD "\0\x10"
      "\1\0\0\0" ZERO "\x80\0\0\0" ZERO), NGX_ERROR, 0 },
    { "clients too many", mra_bytes("\0\1\0\x14" HEAD LOAD "\0\x10"
      "\1\0\0\0" ZERO ZERO "\x80\0\0\0"), NGX_ERROR, 0 },
    { "all of the CPU", mra_bytes("\0\1\0\x14" HEAD LOAD "\0\x10"
      "\1\0\3\xe8" ZERO ZERO ZERO), NGX_OK, 2 },
    { "more than all of it", mra_bytes("\0\1\0\x14" HEAD LOAD "\0\x10"
      "\1\0\3\xe9" ZERO ZERO ZERO), NGX_ERROR, 0 },

    { "half a hop", mra_bytes("\0\1\0\x08" HEAD HOPS "\0\4" ZERO),
      NGX_ERROR, 0 },
    { "a hop and a byte", mra_bytes("\0\1\0\x10" HEAD HOPS "\0\x09"
      ZERO ZERO ZERO), NGX_ERROR, 0 },

    { "a bad one among good ones",
      mra_bytes("\0\1\0\x28" HEAD NODE "\0\4" "a\nb1" NUMBERS
      HOPS "\0\x08" ZERO ZERO), NGX_ERROR, 6 },
    { "the first one counts",
      mra_bytes("\0\1\0\x14" HEAD NAME NODE "\0\4" "a\nb1"), NGX_OK, 1 },
};


static void
node_row_test(node_row_t *t)
{
    size_t               n;
    u_char              *p;
    ngx_mra_stun_t       m;
    ngx_mra_stun_node_t  node;

    p = mra_guard(0, t->data, t->len);

    if (!mra_is(ngx_mra_stun_decode(&m, p, p + t->len), NGX_OK,
                "%s: is STUN", t->name))
    {
        return;
    }

    mra_is(ngx_mra_stun_decode_node(&m, &node), t->rc, "%s", t->name);
    mra_is(node.told, t->told, "%s: told", t->name);

    mra_each_cut(n, t->len) {
        p = mra_guard(0, t->data, n);

        if (ngx_mra_stun_decode(&m, p, p + n) != NGX_AGAIN) {
            break;
        }
    }

    mra_is(n, t->len, "%s: cut at every byte", t->name);
}


static void
node_values_test(void)
{
    size_t               len;
    u_char              *p, *out;
    ngx_mra_stun_t       m;
    ngx_mra_stun_buf_t   b;
    ngx_mra_stun_node_t  node;

    len = sizeof(node_all) - 1;
    p = mra_guard(0, node_all, len);

    ngx_mra_stun_decode(&m, p, p + len);
    ngx_mra_stun_decode_node(&m, &node);

    mra_is_mem(node.name, node.name_len, "core1", 5, "value of the name");
    mra_is(node.flags, NGX_MRA_STUN_NODE_MAINTENANCE, "flags");
    mra_is(node.cpu, 77, "CPU");
    mra_is(node.registrations, 5000, "registrations");
    mra_is(node.capacity, 10000, "capacity");
    mra_is(node.clients, 42, "clients");
    mra_is_mem(node.tag, 3, "\xe1\0\xff", 3, "tag");
    mra_is(node.nhops, 2, "number of hops");
    mra_is(node.hops[0].id, 0xcafebabe, "id of a hop");
    mra_is(node.hops[0].state, NGX_MRA_STUN_HOP_UP, "state of a hop");
    mra_is(node.hops[1].state, NGX_MRA_STUN_HOP_DOWN, "state of another");

    out = mra_guard(1, NULL, len);
    ngx_mra_stun_init(&b, out, out + len, NGX_MRA_STUN_SUCCESS, m.id);
    ngx_mra_stun_add_node(&b, &node);

    mra_is(ngx_mra_stun_end(&b, 0), len, "written again: length");
    mra_is_mem(out, len, node_all, len, "written again");

    out = mra_guard(1, NULL, len - 1);
    ngx_mra_stun_init(&b, out, out + len - 1, NGX_MRA_STUN_SUCCESS, m.id);
    ngx_mra_stun_add_node(&b, &node);

    mra_is(ngx_mra_stun_end(&b, 0), 0, "one byte too small");
}


/* lengths that are not true, in each of the attributes */

static void
node_length_test(void)
{
    size_t               len;
    u_char              *p;
    ngx_uint_t           i, n, at;
    ngx_mra_stun_t       m;
    ngx_mra_stun_node_t  node;

    static const ngx_uint_t  lengths[] = { 22, 34, 54, 74 };

    len = sizeof(node_all) - 1;

    for (i = 0; i < mra_rows(lengths); i++) {
        at = lengths[i];

        for (n = 0; n < 65536; n++) {
            p = mra_guard(0, node_all, len);
            p[at] = (u_char) (n >> 8);
            p[at + 1] = (u_char) n;

            if (ngx_mra_stun_decode(&m, p, p + len) == NGX_OK) {
                (void) ngx_mra_stun_decode_node(&m, &node);
            }
        }
    }

    mra_ok(1, "no length is believed");
}


static void
node_hops_test(void)
{
    size_t               len;
    u_char              *p, *out;
    ngx_uint_t           i;
    ngx_mra_stun_t       m;
    ngx_mra_stun_buf_t   b;
    ngx_mra_stun_node_t  node;

    static u_char  hundred[800];

    len = 20 + NGX_MRA_STUN_NODE_SIZE;

    ngx_memzero(&node, sizeof(ngx_mra_stun_node_t));

    node.told = 15;
    node.name_len = NGX_MRA_STUN_NODE_LEN;
    memset(node.name, 'n', NGX_MRA_STUN_NODE_LEN);
    node.nhops = NGX_MRA_STUN_NODE_HOPS;

    for (i = 0; i < NGX_MRA_STUN_NODE_HOPS; i++) {
        node.hops[i].id = i + 1;
        node.hops[i].state = i % 4;
    }

    out = mra_guard(1, NULL, len);
    ngx_mra_stun_init(&b, out, out + len, NGX_MRA_STUN_SUCCESS,
                      (u_char *) "transaction1");
    ngx_mra_stun_add_node(&b, &node);

    mra_is(ngx_mra_stun_end(&b, 0), len, "the largest one");

    ngx_mra_stun_decode(&m, out, out + len);
    mra_is(ngx_mra_stun_decode_node(&m, &node), NGX_OK, "64 hops");
    mra_is(node.hops[63].id, 64, "the last of them");
    mra_is(node.hops[63].state, NGX_MRA_STUN_HOP_DRAINING, "its state");

    /* the state of the first one is of a later release */

    out[20 + 68 + 20 + 4 + 4] = 4;

    mra_is(ngx_mra_stun_decode_node(&m, &node), NGX_OK, "unknown state");
    mra_is(node.hops[0].state, NGX_MRA_STUN_HOP_UNKNOWN,
           "a state of a later release");

    p = mra_guard(2, NULL, 20 + 4 + sizeof(hundred));
    ngx_mra_stun_init(&b, p, p + 20 + 4 + sizeof(hundred),
                      NGX_MRA_STUN_SUCCESS, (u_char *) "transaction1");
    ngx_mra_stun_add(&b, NGX_MRA_STUN_HOPS, hundred, sizeof(hundred));

    len = ngx_mra_stun_end(&b, 0);
    ngx_mra_stun_decode(&m, p, p + len);

    mra_is(ngx_mra_stun_decode_node(&m, &node), NGX_ERROR, "100 hops");
    mra_is(node.nhops, 0, "none of them");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < mra_rows(node_rows); i++) {
        node_row_test(&node_rows[i]);
    }

    node_values_test();
    node_length_test();
    node_hops_test();

    return mra_done();
}
