/*
 * Copyright (C) ngx_mra contributors
 *
 * Many phones at one edge that do what they are told, line by line on
 * standard input. Each line is answered by one:
 *
 *   register        all connect and register
 *   call n          n calls, which stay up
 *   refresh         a REGISTER of each phone
 *   hangup          ends the calls
 *   reconnect       after all connections were lost, register again
 *
 *   seconds, answered with success, with something else
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "sip_ua.h"


#define TIERS_WINDOW   256             /* requests on the way */
#define TIERS_OPENING  2000            /* connections, handshakes */
#define TIERS_TICK     10000000ULL     /* ns */
#define TIERS_RETRY    500000000ULL
#define TIERS_STUCK    60000000000ULL


typedef struct {
    load_conn_t   *refused;            /* REGISTER, tried again */
    unsigned       lost;
    unsigned       failed;
    unsigned       calls;
} tiers_t;


static void tiers_command(load_t *l, load_target_t *t, char *line);
static void tiers_units(load_t *l, load_target_t *t, unsigned n,
    unsigned stride, void (*kick)(load_conn_t *c));
static void tiers_reconnect(load_t *l, load_target_t *t);
static void tiers_retry(void);
static void tiers_poll(load_t *l, uint64_t deadline);
static void tiers_failed(load_conn_t *c, int status);
static void tiers_closed(load_conn_t *c);


static const load_ops_t  tiers_ops = {
    sip_ua_register,
    NULL,
    sip_ua_input,
    NULL,
    tiers_closed
};


static tiers_t  tiers;


int
main(int argc, char *argv[])
{
    int     ch;
    char    line[64];
    load_t  l;

    load_init(&l, &tiers_ops);

    while ((ch = getopt(argc, argv, LOAD_OPTIONS)) != -1) {
        if (load_option(&l, ch, optarg) == -1) {
            load_fatal("usage: sip_tiers [options]\n%s", load_usage);
        }
    }

    if (l.ntargets != 1) {
        load_fatal("one target is needed");
    }

    alarm(l.limit);
    sip_ua_hold = 1;
    sip_ua_failed = tiers_failed;

    while (fgets(line, sizeof(line), stdin)) {
        tiers_command(&l, &l.targets[0], line);
    }

    return 0;
}


static void
tiers_command(load_t *l, load_target_t *t, char *line)
{
    unsigned  n;
    uint64_t  start;

    t->done = 0;
    tiers.failed = 0;
    start = load_now();

    if (strcmp(line, "register\n") == 0) {
        load_open(l, t, l->conns);
        t->done = t->nready;

    } else if (sscanf(line, "call %u", &n) == 1 && n <= t->nconns / 2) {
        tiers.calls = n;
        tiers_units(l, t, n * 2, 2, sip_ua_call);

    } else if (strcmp(line, "refresh\n") == 0) {
        tiers_units(l, t, t->nconns, 1, sip_ua_register);

    } else if (strcmp(line, "hangup\n") == 0) {
        tiers_units(l, t, tiers.calls * 2, 2, sip_ua_hang_up);

    } else if (strcmp(line, "reconnect\n") == 0) {
        tiers_reconnect(l, t);
        t->done = t->nready;

    } else {
        load_fatal("unknown command: %s", line);
    }

    printf("%.2f %lu %u\n", (load_now() - start) / 1e9,
           (unsigned long) t->done, tiers.failed);

    fflush(stdout);
}


static void
tiers_units(load_t *l, load_target_t *t, unsigned n, unsigned stride,
    void (*kick)(load_conn_t *c))
{
    unsigned      i;
    uint64_t      deadline;
    load_conn_t  *c;

    deadline = load_now() + TIERS_STUCK;

    for (i = 0; i < n || l->outstanding; /* void */) {

        for ( /* void */ ; i < n && l->outstanding < TIERS_WINDOW;
             i += stride)
        {
            c = &t->conns[i];
            c->started = load_now();
            l->outstanding++;
            kick(c);
        }

        tiers_poll(l, deadline);
    }

    if (tiers.lost) {
        load_fatal("%u connections lost", tiers.lost);
    }

    /* load_done() counted them all */

    t->done -= tiers.failed;
}


static void
tiers_reconnect(load_t *l, load_target_t *t)
{
    unsigned      i;
    uint64_t      deadline;
    load_conn_t  *c;

    deadline = load_now() + TIERS_STUCK;

    while (tiers.lost < t->nconns) {
        tiers_poll(l, deadline);
    }

    t->nready = 0;
    tiers.lost = 0;

    for (i = 0; t->nready < t->nconns; /* void */) {

        for ( /* void */ ; i < t->nconns && i - t->nready < TIERS_OPENING;
             i++)
        {
            c = &t->conns[i];
            c->ready = 0;
            load_connect(c);
        }

        tiers_poll(l, deadline);
        tiers_retry();

        if (tiers.lost) {
            load_fatal("%u connections lost again", tiers.lost);
        }
    }
}


static void
tiers_retry(void)
{
    uint64_t      now;
    load_conn_t  *c, *next;

    now = load_now();
    next = tiers.refused;
    tiers.refused = NULL;

    while (next) {
        c = next;
        next = c->next_idle;

        if (now - c->started >= TIERS_RETRY) {
            sip_ua_register(c);

        } else {
            c->next_idle = tiers.refused;
            tiers.refused = c;
        }
    }
}


static void
tiers_poll(load_t *l, uint64_t deadline)
{
    if (load_now() > deadline) {
        load_fatal("no end: %u on the way, %u lost, %u of %u registered",
                   l->outstanding, tiers.lost, l->targets[0].nready,
                   l->targets[0].nconns);
    }

    load_poll(l, TIERS_TICK);
}


static void
tiers_failed(load_conn_t *c, int status)
{
    if (tiers.failed++ == 0) {
        fprintf(stderr, "an answer %d\n", status);
    }

    if (c->ready) {
        load_done(c);
        return;
    }

    c->started = load_now();
    c->next_idle = tiers.refused;
    tiers.refused = c;
}


static void
tiers_closed(load_conn_t *c)
{
    (void) c;

    tiers.lost++;
}
