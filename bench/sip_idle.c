/*
 * Copyright (C) ngx_mra contributors
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"
#include "sip_idle.h"


#define SIP_IDLE_INTERVAL  30       /* seconds between two keepalives */
#define SIP_IDLE_CONNS     15000    /* of one process */
#define SIP_IDLE_JOBS      32
#define SIP_IDLE_SETTLE    2        /* seconds */


typedef struct {
    uint64_t       done;
    load_result_t  res;
} sip_idle_report_t;


static void sip_idle_target(load_t *l, load_target_t *t);
static void sip_idle_job(load_t *l, load_target_t *t, int report, int go,
    int end);
static void sip_idle_read(int fd, void *p, size_t n);
static void sip_idle_write(int fd, void *p, size_t n);


void
sip_idle(load_t *l)
{
    unsigned  i;

    printf("\nregistered idle connections, %u of them, a keepalive each "
           "%d s\n\n%-24s %14s %13s %13s %8s %8s\n",
           l->conns, SIP_IDLE_INTERVAL, "edge", "bytes for each",
           "whole edge MB", "keepalive us", "p50 ms", "p99 ms");

    fflush(stdout);

    for (i = 0; i < l->ntargets; i++) {
        sip_idle_target(l, &l->targets[i]);
        sleep(SIP_IDLE_SETTLE);
    }

    printf("\nbytes: growth of the proportional set size of the edge's "
           "processes, kernel not counted\n");
}


/* jobs report twice: all is open; all keepalives are sent and answered */

static void
sip_idle_target(load_t *l, load_target_t *t)
{
    int                report[2], go[2], end[2];
    char               opened;
    long               before, after;
    pid_t              pids[SIP_IDLE_JOBS];
    double             p50[SIP_IDLE_JOBS], p99[SIP_IDLE_JOBS];
    unsigned           i, jobs, n;
    uint64_t           cpu, done;
    sip_idle_report_t  r;

    jobs = (l->conns + SIP_IDLE_CONNS - 1) / SIP_IDLE_CONNS;
    n = l->conns / jobs;

    if (jobs > SIP_IDLE_JOBS
        || pipe(report) == -1 || pipe(go) == -1 || pipe(end) == -1)
    {
        load_fatal("too many connections");
    }

    before = load_memory(t, "Pss");

    for (i = 0; i < jobs; i++) {
        pids[i] = fork();

        if (pids[i] == 0) {
            close(report[0]);
            close(go[1]);
            close(end[1]);

            alarm(l->limit);
            load_loop(l);

            l->conns = n;
            l->first = i * n;
            l->serial += i * n;
            l->rate = (double) n / SIP_IDLE_INTERVAL;

            sip_idle_job(l, t, report[1], go[0], end[0]);
        }
    }

    close(report[1]);
    close(go[0]);
    close(end[0]);

    for (i = 0; i < jobs; i++) {
        sip_idle_read(report[0], &opened, 1);
    }

    cpu = load_cpu(t);
    done = 0;
    close(go[1]);

    for (i = 0; i < jobs; i++) {
        sip_idle_read(report[0], &r, sizeof(r));
        done += r.done;
        p50[i] = r.res.p50;
        p99[i] = r.res.p99;
    }

    cpu = load_cpu(t) - cpu;
    after = load_memory(t, "Pss");

    close(end[1]);
    close(report[0]);

    for (i = 0; i < jobs; i++) {
        waitpid(pids[i], NULL, 0);
    }

    printf("%-24s %14.0f %13.1f %13.2f %8.2f %8.2f\n", t->name,
           (after - before) * 1024.0 / l->conns, after / 1024.0,
           cpu / 1000.0 / done, load_median(p50, jobs),
           load_median(p99, jobs));

    fflush(stdout);
}


static void
sip_idle_job(load_t *l, load_target_t *t, int report, int go, int end)
{
    char               opened;
    sip_idle_report_t  r;

    opened = 1;
    load_open(l, t, l->conns);
    sip_idle_write(report, &opened, 1);

    /* the others' end of these pipes is closed when it is time */

    if (read(go, &opened, 1) == 0) {
        r.res = load_turn(l, t);
        r.done = t->done;
        sip_idle_write(report, &r, sizeof(r));
    }

    if (read(end, &opened, 1) == 0) {
        _exit(0);
    }

    _exit(1);
}


static void
sip_idle_read(int fd, void *p, size_t n)
{
    if (read(fd, p, n) != (ssize_t) n) {
        load_fatal("a process with connections has failed");
    }
}


static void
sip_idle_write(int fd, void *p, size_t n)
{
    if (write(fd, p, n) != (ssize_t) n) {
        _exit(1);
    }
}
