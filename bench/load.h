/*
 * Copyright (C) ngx_mra contributors
 *
 * What the load generators share: an event loop of client connections
 * (plain or TLS), turns that alternate between several targets, the CPU
 * time and memory of a target's processes, medians, and the table.
 */

#ifndef _LOAD_H_INCLUDED_
#define _LOAD_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <netinet/in.h>
#include <openssl/ssl.h>


#define LOAD_MAX_TARGETS  16
#define LOAD_MAX_PIDS     64
#define LOAD_OPTIONS      "c:k:l:n:N:p:r:R:t:u:"


typedef struct load_s         load_t;
typedef struct load_conn_s    load_conn_t;
typedef struct load_target_s  load_target_t;


typedef struct {
    /* the connection (and TLS) stands; NULL: load_ready() is called */
    void                    (*opened)(load_conn_t *c);

    /* sends a unit of work, which load_done() ends */
    void                    (*kick)(load_conn_t *c);

    /* returns how many bytes it took; the rest comes again, with more */
    size_t                  (*input)(load_conn_t *c, char *p, size_t n);

    /* a TLS session ticket has come; may be NULL */
    void                    (*ticket)(load_conn_t *c);

    /* the other side has closed; NULL: that ends the program */
    void                    (*closed)(load_conn_t *c);
} load_ops_t;


struct load_conn_s {
    int                      fd;
    int                      state;
    SSL                     *ssl;
    load_t                  *load;
    load_target_t           *target;     /* NULL: an accepted connection */
    load_conn_t             *listening;  /* that accepted it */
    load_conn_t             *next_idle;
    load_conn_t             *next_dirty;

    unsigned                 index;      /* names it within its target */
    unsigned                 serial;     /* differs in each run */
    char                     local[24];  /* own address:port */
    unsigned                 ready:1;
    unsigned                 dirty:1;
    unsigned                 ticket:1;

    uint64_t                 started;    /* when the unit was due, ns */

    char                    *in;
    size_t                   in_len;
    size_t                   in_size;
    char                    *out;
    size_t                   out_pos;
    size_t                   out_len;
    size_t                   out_size;

    void                    *data;       /* the program's own */
};


typedef struct {
    pid_t                    pid;
    uint64_t                 cpu;        /* last seen, ns */
} load_process_t;


typedef struct {
    double                   cpu;        /* us for one unit of work */
    double                   rate;       /* units a second */
    double                   p50;        /* ms */
    double                   p99;
} load_result_t;


struct load_target_s {
    const char              *name;
    char                     host[64];
    const char              *path;       /* of the URL, "" without one */
    void                    *data;       /* the program's own */

    struct sockaddr_in       addr;
    int                      tls;
    SSL_SESSION             *session;

    load_process_t           processes[LOAD_MAX_PIDS];
    unsigned                 nprocesses;

    load_conn_t             *conns;
    unsigned                 nconns;
    unsigned                 nready;

    uint64_t                 done;       /* units in this turn */
    uint64_t                 total;
    uint64_t                 handshakes;
    uint64_t                 resumed;
    uint32_t                *latencies;  /* us */
    size_t                   nlatencies;
    size_t                   size;

    load_result_t           *results;    /* one a round */
    long                     memory[2];  /* before and after, KB */
};


struct load_s {
    const load_ops_t        *ops;
    int                      ep;
    SSL_CTX                 *ssl_ctx;
    load_conn_t             *dirty;
    char                    *buf;
    unsigned                 serial;

    load_target_t            targets[LOAD_MAX_TARGETS];
    unsigned                 ntargets;

    unsigned                 conns;      /* for each target */
    unsigned                 first;      /* index of the first one */
    unsigned                 stride;     /* kicks each stride-th one */
    unsigned                 rounds;
    unsigned                 limit;      /* of the whole run, seconds */
    double                   rate;       /* units a second, 0: no pause */
    double                   turn;       /* seconds */
    uint64_t                 units;      /* that end a turn before, or 0 */
    int                      resume;     /* TLS sessions */
    int                      reconnect;  /* a unit is opened() to its end */

    load_conn_t             *idle;       /* queue, with a rate */
    load_conn_t            **idle_last;
    unsigned                 outstanding;
    int                      running;
};


/* sets defaults; ends the program on an error, as all functions here do */
void load_init(load_t *l, const load_ops_t *ops);

/* an event loop of its own, after fork() */
void load_loop(load_t *l);

/* takes one option of LOAD_OPTIONS: 0, or -1 if it is not one of them */
int load_option(load_t *l, int ch, char *value);

/* what LOAD_OPTIONS mean, for a usage text */
extern const char  load_usage[];

/* accepts plain connections on "address:port" */
void load_listen(load_t *l, const char *addr);

/* allows n open files, or as many as the system lets us have */
void load_files(unsigned n);

/* n connections to a target, returns when all are ready */
void load_open(load_t *l, load_target_t *t, unsigned n);

/* opens again what is closed */
void load_connect(load_conn_t *c);

void load_close(load_conn_t *c);

/* what opened() began for a new connection has ended well */
void load_ready(load_conn_t *c);

/* copies; leaves when the event that is being handled is done with */
void load_send(load_conn_t *c, const void *p, size_t n);

/* the unit of work of this connection has ended well */
void load_done(load_conn_t *c);

/* handles events for at most ns nanoseconds, then returns */
void load_poll(load_t *l, uint64_t ns);

/* opens all targets, then all rounds of turns, then the table */
void load_run(load_t *l, const char *unit);

/* one turn: each connection, or l->rate, for l->turn seconds */
load_result_t load_turn(load_t *l, load_target_t *t);

uint64_t load_now(void);                          /* ns */
uint64_t load_cpu(load_target_t *t);              /* ns, user and system */
long load_memory(load_target_t *t, const char *field);     /* smaps, KB */
double load_median(double *v, size_t n);          /* sorts v */

void load_fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));


#endif /* _LOAD_H_INCLUDED_ */
