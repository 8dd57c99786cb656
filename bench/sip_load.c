/*
 * Copyright (C) ngx_mra contributors
 *
 * SIP through several edges in turns: what a registration, a call, a
 * keepalive, a TLS handshake or an idle connection costs each edge.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "sip_idle.h"
#include "sip_ua.h"


typedef struct {
    const char    *name;
    const char    *unit;
    unsigned       stride;
    int            reconnect;
    int            resume;
    load_ops_t     ops;
} sip_mode_t;


static void sip_handshake(load_conn_t *c);
static size_t sip_no_input(load_conn_t *c, char *p, size_t n);


static const sip_mode_t  sip_modes[] = {

    { "register", "REGISTER refreshes", 1, 0, 0,
      { sip_ua_register, sip_ua_register, sip_ua_input, NULL, NULL } },

    { "call", "calls, INVITE to BYE", 2, 0, 0,
      { sip_ua_register, sip_ua_call, sip_ua_input, NULL, NULL } },

    { "stun", "STUN keepalives", 1, 0, 0,
      { sip_ua_register, sip_ua_bind, sip_ua_input, NULL, NULL } },

    { "crlf", "CRLF keepalives", 1, 0, 0,
      { sip_ua_register, sip_ua_ping, sip_ua_input, NULL, NULL } },

    { "connect", "new connections with their REGISTER", 1, 1, 0,
      { sip_ua_register, NULL, sip_ua_input, NULL, NULL } },

    { "handshake", "full TLS handshakes", 1, 1, 0,
      { sip_handshake, NULL, sip_no_input, sip_ua_done, NULL } },

    { "resume", "resumed TLS handshakes", 1, 1, 1,
      { sip_handshake, NULL, sip_no_input, sip_ua_done, NULL } },

    { NULL, NULL, 0, 0, 0, { NULL, NULL, NULL, NULL, NULL } }
};


int
main(int argc, char *argv[])
{
    int                ch, idle;
    load_t             l;
    const sip_mode_t  *mode;

    idle = 0;
    mode = sip_modes;
    load_init(&l, &mode->ops);

    while ((ch = getopt(argc, argv, LOAD_OPTIONS "im:")) != -1) {

        if (ch == 'i') {
            idle = 1;

        } else if (ch == 'm') {
            for (mode = sip_modes; mode->name; mode++) {
                if (strcmp(mode->name, optarg) == 0) {
                    break;
                }
            }

            if (mode->name == NULL) {
                load_fatal("unknown mode \"%s\"", optarg);
            }

        } else if (load_option(&l, ch, optarg) == -1) {
            load_fatal("usage: sip_load [options]\n%s"
                       "  -m mode   register (default), call, stun, crlf, "
                       "connect,\n"
                       "            handshake, resume\n"
                       "  -i        memory of idle connections, keepalives "
                       "by -m",
                       load_usage);
        }
    }

    l.ops = &mode->ops;
    l.stride = mode->stride;
    l.reconnect = mode->reconnect;
    l.resume = mode->resume;

    if (l.conns % l.stride) {
        load_fatal("an even number of connections is needed");
    }

    alarm(l.limit);

    if (idle) {
        sip_idle(&l);

    } else {
        load_run(&l, mode->unit);
    }

    return 0;
}


/*
 * with TLS 1.3 a client is done before the server is; the server's ticket
 * tells that it is done as well
 */

static void
sip_handshake(load_conn_t *c)
{
    (void) c;
}


static size_t
sip_no_input(load_conn_t *c, char *p, size_t n)
{
    (void) c;
    (void) p;

    return n;
}
