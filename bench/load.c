/*
 * Copyright (C) ngx_mra contributors
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "load.h"


#define LOAD_SECOND        1000000000ULL
#define LOAD_DRAIN         (5 * LOAD_SECOND)
#define LOAD_STUCK         (10 * LOAD_SECOND)  /* load_open() ends */
#define LOAD_BUFFER        65536
#define LOAD_EVENTS        256
#define LOAD_OPENING       128         /* handshakes at once in load_open() */
#define LOAD_PORTS         20000       /* connections from one address */


enum {
    load_closed = 0,
    load_listening,
    load_connecting,
    load_handshaking,
    load_opened
};


static void load_handle(load_conn_t *c, uint32_t events);
static void load_accept(load_conn_t *c);
static void load_connected(load_conn_t *c);
static void load_handshake(load_conn_t *c);
static void load_read(load_conn_t *c);
static ssize_t load_recv(load_conn_t *c, char *p, size_t n);
static size_t load_input(load_conn_t *c, size_t n);
static void load_flush(load_conn_t *c);
static void load_peer_closed(load_conn_t *c);
static void load_start(load_conn_t *c, uint64_t started);
static void load_start_due(load_t *l, uint64_t now, uint64_t *due);
static void load_print(load_t *l, const char *unit);
static void load_print_ratio(double *v, size_t n);

static void load_add_target(load_t *l, const char *name);
static void load_set_url(load_target_t *t, char *url);
static void load_add_processes(load_target_t *t, const char *value);
static int load_new_session(SSL *ssl, SSL_SESSION *session);
static void *load_realloc(void *p, size_t size);
static int load_compare(const void *one, const void *two);
static int load_compare_latency(const void *one, const void *two);


const char  load_usage[] =
    "  -c n      connections to each target (200)\n"
    "  -t s      length of a turn, seconds (0.1)\n"
    "  -N n      units of work that end a turn earlier\n"
    "  -r n      rounds, after one that is not counted (100)\n"
    "  -R n      units of work a second (0: as many as go)\n"
    "  -l s      limit of the whole run, seconds (900)\n"
    "  -n name   a target begins; the first one is the floor\n"
    "  -u url    its scheme://address:port\n"
    "  -p pid    its process or pid file, counted with all children\n";


void
load_init(load_t *l, const load_ops_t *ops)
{
    memset(l, 0, sizeof(load_t));

    l->ops = ops;
    l->conns = 200;
    l->stride = 1;
    l->rounds = 100;
    l->turn = 0.1;
    l->limit = 900;
    l->serial = getpid() << 12;

    l->buf = load_realloc(NULL, LOAD_BUFFER);

    load_loop(l);

    l->ssl_ctx = SSL_CTX_new(TLS_client_method());
    if (l->ssl_ctx == NULL) {
        load_fatal("SSL_CTX_new() failed");
    }

    SSL_CTX_set_mode(l->ssl_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                                 |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                 |SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(l->ssl_ctx, 1);
    SSL_CTX_set_session_cache_mode(l->ssl_ctx,
                                   SSL_SESS_CACHE_CLIENT
                                   |SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(l->ssl_ctx, load_new_session);

    signal(SIGPIPE, SIG_IGN);
}


void
load_loop(load_t *l)
{
    l->ep = epoll_create1(EPOLL_CLOEXEC);

    if (l->ep == -1) {
        load_fatal("epoll_create1(): %s", strerror(errno));
    }
}


int
load_option(load_t *l, int ch, char *value)
{
    load_target_t  *t;

    t = l->ntargets ? &l->targets[l->ntargets - 1] : NULL;

    switch (ch) {

    case 'c':
        l->conns = atoi(value);
        return 0;

    case 'N':
        l->units = atol(value);
        return 0;

    case 'l':
        l->limit = atoi(value);
        return 0;

    case 'n':
        load_add_target(l, value);
        return 0;

    case 'r':
        l->rounds = atoi(value);
        return 0;

    case 'R':
        l->rate = atof(value);
        return 0;

    case 't':
        l->turn = atof(value);
        return 0;

    case 'p':
    case 'u':
        if (t == NULL) {
            load_fatal("-%c before the first -n", ch);
        }

        if (ch == 'u') {
            load_set_url(t, value);

        } else {
            load_add_processes(t, value);
        }

        return 0;
    }

    return -1;
}


static void
load_add_target(load_t *l, const char *name)
{
    load_target_t  *t;

    if (l->ntargets == LOAD_MAX_TARGETS) {
        load_fatal("more than %d targets", LOAD_MAX_TARGETS);
    }

    t = &l->targets[l->ntargets++];
    t->name = name;
    t->path = "";
}


static void
load_set_url(load_target_t *t, char *url)
{
    char  *host, *port, *path;

    host = strstr(url, "://");
    port = host ? strchr(host + 3, ':') : NULL;

    if (port == NULL) {
        load_fatal("no scheme://address:port in \"%s\"", url);
    }

    path = strchr(port, '/');
    if (path) {
        t->path = path;
    }

    snprintf(t->host, sizeof(t->host), "%.*s",
             (int) (port - host - 3), host + 3);

    t->tls = strncmp(url, "https:", 6) == 0 || strncmp(url, "tls:", 4) == 0;
    t->addr.sin_family = AF_INET;
    t->addr.sin_port = htons(atoi(port + 1));

    if (inet_pton(AF_INET, t->host, &t->addr.sin_addr) != 1) {
        load_fatal("no IPv4 address in \"%s\"", url);
    }
}


/* a process and its descendants, which are in /proc in no special order */

static void
load_add_processes(load_target_t *t, const char *value)
{
    int             pid, ppid;
    DIR            *dir;
    FILE           *f;
    char            path[300], comm[64];
    unsigned        i;
    struct dirent  *de;

    pid = atoi(value);

    if (pid == 0) {
        f = fopen(value, "r");
        if (f == NULL || fscanf(f, "%d", &pid) != 1) {
            load_fatal("no process in \"%s\"", value);
        }

        fclose(f);
    }

    t->processes[0].pid = pid;
    t->nprocesses = 1;

again:

    dir = opendir("/proc");

    while (dir && (de = readdir(dir)) != NULL) {

        snprintf(path, sizeof(path), "/proc/%s/stat", de->d_name);

        f = fopen(path, "r");
        if (f == NULL) {
            continue;
        }

        if (fscanf(f, "%d (%63[^)]) %*c %d", &pid, comm, &ppid) != 3) {
            pid = 0;
            ppid = -1;
        }

        fclose(f);

        for (i = 0; i < t->nprocesses && t->processes[i].pid != pid; i++) {
            /* void */
        }

        if (i < t->nprocesses) {
            continue;
        }

        for (i = 0; i < t->nprocesses && t->processes[i].pid != ppid; i++) {
            /* void */
        }

        if (i < t->nprocesses && t->nprocesses < LOAD_MAX_PIDS) {
            t->processes[t->nprocesses++].pid = pid;
            closedir(dir);
            goto again;
        }
    }

    closedir(dir);
}


uint64_t
load_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * LOAD_SECOND + ts.tv_nsec;
}


uint64_t
load_cpu(load_target_t *t)
{
    uint64_t         sum;
    unsigned         i;
    clockid_t        clock;
    load_process_t  *p;
    struct timespec  ts;

    sum = 0;

    for (i = 0; i < t->nprocesses; i++) {
        p = &t->processes[i];

        /* nginx's cache loader, for one, may end: what it took stays */

        if (clock_getcpuclockid(p->pid, &clock) == 0
            && clock_gettime(clock, &ts) == 0)
        {
            p->cpu = ts.tv_sec * LOAD_SECOND + ts.tv_nsec;

        } else if (i == 0) {
            load_fatal("process %d of \"%s\" is gone", p->pid, t->name);
        }

        sum += p->cpu;
    }

    return sum;
}


long
load_memory(load_target_t *t, const char *field)
{
    FILE      *f;
    char       line[128], path[64];
    long       sum;
    size_t     len;
    unsigned   i;

    sum = 0;
    len = strlen(field);

    for (i = 0; i < t->nprocesses; i++) {

        snprintf(path, sizeof(path), "/proc/%d/smaps_rollup",
                 t->processes[i].pid);

        f = fopen(path, "r");

        while (f && fgets(line, sizeof(line), f)) {
            if (strncmp(line, field, len) == 0 && line[len] == ':') {
                sum += atol(line + len + 1);
            }
        }

        if (f) {
            fclose(f);
        }
    }

    return sum;
}


void
load_listen(load_t *l, const char *addr)
{
    int                 on;
    load_conn_t        *c;
    load_target_t       t;
    struct epoll_event  ev;
    char                url[128];

    snprintf(url, sizeof(url), "tcp://%s", addr);
    load_set_url(&t, url);

    c = load_realloc(NULL, sizeof(load_conn_t));
    memset(c, 0, sizeof(load_conn_t));

    c->load = l;
    c->state = load_listening;
    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    on = 1;
    setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (bind(c->fd, (struct sockaddr *) &t.addr, sizeof(t.addr)) == -1
        || listen(c->fd, 4096) == -1)
    {
        load_fatal("listen on %s: %s", addr, strerror(errno));
    }

    ev.events = EPOLLIN;
    ev.data.ptr = c;
    epoll_ctl(l->ep, EPOLL_CTL_ADD, c->fd, &ev);
}


/* as root above the hard limit, otherwise up to it */

void
load_files(unsigned n)
{
    struct rlimit  rlmt;

    rlmt.rlim_cur = n;
    rlmt.rlim_max = n;

    if (setrlimit(RLIMIT_NOFILE, &rlmt) == -1) {
        getrlimit(RLIMIT_NOFILE, &rlmt);
        rlmt.rlim_cur = rlmt.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rlmt);
    }
}


void
load_open(load_t *l, load_target_t *t, unsigned n)
{
    unsigned  i, ready;
    uint64_t  deadline;

    load_files(n * l->ntargets + 100);

    t->conns = load_realloc(NULL, n * sizeof(load_conn_t));
    memset(t->conns, 0, n * sizeof(load_conn_t));
    t->nconns = n;
    t->nready = 0;

    ready = 0;
    deadline = load_now() + LOAD_STUCK;

    for (i = 0; i < n || t->nready < n; /* void */) {

        for ( /* void */ ; i < n && i - t->nready < LOAD_OPENING; i++) {
            t->conns[i].fd = -1;
            t->conns[i].load = l;
            t->conns[i].target = t;
            t->conns[i].index = l->first + i;
            t->conns[i].serial = l->serial++;
            load_connect(&t->conns[i]);
        }

        load_poll(l, LOAD_SECOND / 10);

        if (t->nready > ready) {
            ready = t->nready;
            deadline = load_now() + LOAD_STUCK;
        }

        if (load_now() > deadline) {
            load_fatal("\"%s\": %u of %u connections opened",
                       t->name, t->nready, n);
        }
    }
}


void
load_connect(load_conn_t *c)
{
    int                 on;
    struct sockaddr_in  from;
    struct epoll_event  ev;

    c->state = load_connecting;
    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (c->fd == -1) {
        load_fatal("socket(): %s", strerror(errno));
    }

    on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    /*
     * 127.0.x.y: own to each target, for one port may serve two
     * connections to different targets; another for each range of ports
     */

    memset(&from, 0, sizeof(from));
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~0xffff)
                                 | (c->target - c->load->targets + 1) << 8
                                 | (c->index / LOAD_PORTS + 1));

    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));

    if (bind(c->fd, (struct sockaddr *) &from, sizeof(from)) == -1) {
        load_fatal("bind(): %s", strerror(errno));
    }

    if (connect(c->fd, (struct sockaddr *) &c->target->addr,
                sizeof(c->target->addr))
        == -1 && errno != EINPROGRESS)
    {
        load_fatal("connect() to \"%s\": %s",
                   c->target->name, strerror(errno));
    }

    ev.events = EPOLLIN|EPOLLOUT|EPOLLRDHUP|EPOLLET;
    ev.data.ptr = c;
    epoll_ctl(c->load->ep, EPOLL_CTL_ADD, c->fd, &ev);
}


void
load_close(load_conn_t *c)
{
    if (c->fd == -1) {
        return;
    }

    if (c->ssl) {
        if (c->state == load_opened) {
            SSL_shutdown(c->ssl);
        }

        SSL_free(c->ssl);
        c->ssl = NULL;
    }

    close(c->fd);
    free(c->in);
    free(c->out);

    c->fd = -1;
    c->state = load_closed;
    c->in = NULL;
    c->in_len = 0;
    c->in_size = 0;
    c->out = NULL;
    c->out_pos = 0;
    c->out_len = 0;
    c->out_size = 0;
}


void
load_ready(load_conn_t *c)
{
    if (!c->ready) {
        c->ready = 1;
        c->target->nready++;
    }

    if (c->load->reconnect) {
        load_close(c);
    }
}


void
load_send(load_conn_t *c, const void *p, size_t n)
{
    if (c->out_len + n > c->out_size) {
        c->out_size = 2 * (c->out_len + n);
        c->out = load_realloc(c->out, c->out_size);
    }

    memcpy(c->out + c->out_len, p, n);
    c->out_len += n;

    if (!c->dirty) {
        c->dirty = 1;
        c->next_dirty = c->load->dirty;
        c->load->dirty = c;
    }
}


void
load_done(load_conn_t *c)
{
    load_t         *l;
    uint64_t        now;
    load_target_t  *t;

    l = c->load;
    t = c->target;
    now = load_now();

    if (t->nlatencies == t->size) {
        t->size = t->size ? t->size * 2 : 4096;
        t->latencies = load_realloc(t->latencies,
                                    t->size * sizeof(uint32_t));
    }

    t->latencies[t->nlatencies++] = (now - c->started) / 1000;
    t->done++;
    l->outstanding--;

    if (l->reconnect) {
        load_close(c);
    }

    if (l->rate > 0) {
        c->next_idle = NULL;
        *l->idle_last = c;
        l->idle_last = &c->next_idle;
        return;
    }

    if (l->running) {
        load_start(c, now);
    }
}


static void
load_start(load_conn_t *c, uint64_t started)
{
    c->started = started;
    c->load->outstanding++;

    if (c->load->reconnect) {
        load_connect(c);

    } else {
        c->load->ops->kick(c);
    }
}


/* what finds no idle connection stays due: its latency counts the wait */

static void
load_start_due(load_t *l, uint64_t now, uint64_t *due)
{
    load_conn_t  *c;

    while (*due <= now && l->idle) {
        c = l->idle;
        l->idle = c->next_idle;

        if (l->idle == NULL) {
            l->idle_last = &l->idle;
        }

        load_start(c, *due);

        *due += LOAD_SECOND / l->rate;
    }
}


void
load_poll(load_t *l, uint64_t ns)
{
    int                  i, n;
    load_conn_t         *c;
    struct timespec      ts;
    struct epoll_event   events[LOAD_EVENTS];

    while (l->dirty) {
        c = l->dirty;
        l->dirty = c->next_dirty;
        c->dirty = 0;
        load_flush(c);
    }

    ts.tv_sec = ns / LOAD_SECOND;
    ts.tv_nsec = ns % LOAD_SECOND;

    n = epoll_pwait2(l->ep, events, LOAD_EVENTS, &ts, NULL);

    for (i = 0; i < n; i++) {
        load_handle(events[i].data.ptr, events[i].events);

        while (l->dirty) {
            c = l->dirty;
            l->dirty = c->next_dirty;
            c->dirty = 0;
            load_flush(c);
        }
    }
}


static void
load_handle(load_conn_t *c, uint32_t events)
{
    if (c->state == load_listening) {
        load_accept(c);
        return;
    }

    if (c->state == load_connecting && events & ~EPOLLIN) {
        load_connected(c);
    }

    if (c->state == load_handshaking) {
        load_handshake(c);
    }

    if (c->state == load_opened && c->out_len) {
        load_flush(c);
    }

    if (c->state == load_opened && events & ~EPOLLOUT) {
        load_read(c);
    }
}


static void
load_accept(load_conn_t *ls)
{
    int                 fd, on;
    load_conn_t        *c;
    struct epoll_event  ev;

    for ( ;; ) {
        fd = accept4(ls->fd, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC);

        if (fd == -1) {
            return;
        }

        on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

        c = ls->next_idle;

        if (c) {
            ls->next_idle = c->next_idle;

        } else {
            c = load_realloc(NULL, sizeof(load_conn_t));
        }

        memset(c, 0, sizeof(load_conn_t));

        c->fd = fd;
        c->load = ls->load;
        c->listening = ls;
        c->serial = ls->load->serial++;
        c->state = load_opened;

        ev.events = EPOLLIN|EPOLLOUT|EPOLLRDHUP|EPOLLET;
        ev.data.ptr = c;
        epoll_ctl(c->load->ep, EPOLL_CTL_ADD, fd, &ev);

        c->load->ops->opened(c);
    }
}


static void
load_connected(load_conn_t *c)
{
    int                 err;
    socklen_t           len;
    struct sockaddr_in  addr;

    err = 0;
    len = sizeof(err);
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);

    if (err) {
        load_fatal("connect() to \"%s\": %s", c->target->name, strerror(err));
    }

    len = sizeof(addr);

    if (getsockname(c->fd, (struct sockaddr *) &addr, &len) == 0) {
        snprintf(c->local, sizeof(c->local), "%s:%u",
                 inet_ntoa(addr.sin_addr), ntohs(addr.sin_port));
    }

    if (!c->target->tls) {
        c->state = load_opened;

        if (c->load->ops->opened) {
            c->load->ops->opened(c);

        } else {
            load_ready(c);
        }

        return;
    }

    c->state = load_handshaking;
    c->ssl = SSL_new(c->load->ssl_ctx);

    SSL_set_app_data(c->ssl, c);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);

    if (c->load->resume && c->target->session) {
        SSL_set_session(c->ssl, c->target->session);
    }
}


static void
load_handshake(load_conn_t *c)
{
    int  n, err;

    ERR_clear_error();

    n = SSL_do_handshake(c->ssl);

    if (n != 1) {
        err = SSL_get_error(c->ssl, n);

        if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE) {
            return;
        }

        load_fatal("\"%s\": TLS handshake failed: %s", c->target->name,
                   ERR_reason_error_string(ERR_peek_error()));
    }

    c->state = load_opened;
    c->target->handshakes++;
    c->target->resumed += SSL_session_reused(c->ssl);

    if (c->load->ops->opened) {
        c->load->ops->opened(c);

    } else {
        load_ready(c);
    }
}


static int
load_new_session(SSL *ssl, SSL_SESSION *session)
{
    load_conn_t  *c;

    c = SSL_get_app_data(ssl);
    c->ticket = 1;

    if (!c->load->resume) {
        return 0;
    }

    SSL_SESSION_free(c->target->session);
    c->target->session = session;

    return 1;
}


static void
load_read(load_conn_t *c)
{
    char     *buf;
    size_t    kept, rest;
    ssize_t   n;
    unsigned  serial;

    buf = c->load->buf;
    serial = c->serial;

    for ( ;; ) {
        kept = c->in_len;

        if (kept) {
            memcpy(buf, c->in, kept);
        }

        n = load_recv(c, buf + kept, LOAD_BUFFER - kept);

        if (c->ticket) {
            c->ticket = 0;

            if (c->load->ops->ticket) {
                c->load->ops->ticket(c);

                if (c->serial != serial || c->state != load_opened) {
                    return;
                }
            }
        }

        if (n == -1) {
            return;
        }

        if (n == 0) {
            load_peer_closed(c);
            return;
        }

        c->in_len = 0;
        rest = load_input(c, kept + n);

        if (c->state != load_opened) {
            return;
        }

        if (rest == LOAD_BUFFER) {
            load_fatal("a message is longer than %d bytes", LOAD_BUFFER);
        }

        if (rest > c->in_size) {
            c->in_size = 2 * rest;
            c->in = load_realloc(c->in, c->in_size);
        }

        if (rest) {
            memcpy(c->in, buf + kept + n - rest, rest);
            c->in_len = rest;
        }
    }
}


/* -1: nothing now, 0: closed */

static ssize_t
load_recv(load_conn_t *c, char *p, size_t size)
{
    int      err;
    ssize_t  n;

    if (c->ssl == NULL) {
        n = recv(c->fd, p, size, 0);

        if (n == -1 && errno != EAGAIN) {
            return 0;
        }

        return n;
    }

    ERR_clear_error();

    n = SSL_read(c->ssl, p, size);

    if (n > 0) {
        return n;
    }

    err = SSL_get_error(c->ssl, n);

    return (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE) ? -1
                                                                       : 0;
}


/* returns how many of the n bytes in the buffer were not taken */

static size_t
load_input(load_conn_t *c, size_t n)
{
    char    *p;
    size_t   taken;

    p = c->load->buf;

    while (n) {
        taken = c->load->ops->input(c, p, n);

        if (taken == 0 || c->state != load_opened) {
            break;
        }

        p += taken;
        n -= taken;
    }

    return n;
}


static void
load_flush(load_conn_t *c)
{
    int      err;
    size_t   len;
    ssize_t  n;

    while (c->state == load_opened && c->out_pos < c->out_len) {

        len = c->out_len - c->out_pos;

        if (c->ssl) {
            ERR_clear_error();
            n = SSL_write(c->ssl, c->out + c->out_pos, len);
            err = n > 0 ? 0 : SSL_get_error(c->ssl, n);

            if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE) {
                return;
            }

        } else {
            n = send(c->fd, c->out + c->out_pos, len, MSG_NOSIGNAL);

            if (n == -1 && errno == EAGAIN) {
                return;
            }
        }

        if (n <= 0) {

            /* the read event tells */

            break;
        }

        c->out_pos += n;
    }

    c->out_pos = 0;
    c->out_len = 0;
}


static void
load_peer_closed(load_conn_t *c)
{
    if (c->load->ops->closed == NULL) {
        load_fatal("\"%s\" closed connection %u", c->target->name, c->index);
    }

    load_close(c);
    c->load->ops->closed(c);

    if (c->listening) {
        c->next_idle = c->listening->next_idle;
        c->listening->next_idle = c;
    }
}


load_result_t
load_turn(load_t *l, load_target_t *t)
{
    uint64_t       cpu, start, now, end, due, wait;
    unsigned       i;
    load_result_t  res;

    t->done = 0;
    t->nlatencies = 0;

    l->idle = NULL;
    l->idle_last = &l->idle;
    l->outstanding = 0;
    l->running = 1;

    cpu = load_cpu(t);
    start = load_now();
    end = start + l->turn * LOAD_SECOND;
    due = start;

    for (i = 0; i < t->nconns; i += l->stride) {

        if (l->rate > 0) {
            t->conns[i].next_idle = NULL;
            *l->idle_last = &t->conns[i];
            l->idle_last = &t->conns[i].next_idle;

        } else {
            load_start(&t->conns[i], start);
        }
    }

    for ( ;; ) {
        now = load_now();

        if (now >= end || (l->units && t->done >= l->units)) {

            if (now < end) {
                end = now;
            }

            l->running = 0;

            if (l->outstanding == 0) {
                break;
            }

            if (now > end + LOAD_DRAIN) {
                load_fatal("\"%s\": %u without an answer",
                           t->name, l->outstanding);
            }

            load_poll(l, LOAD_DRAIN);
            continue;
        }

        wait = end - now;

        if (l->rate > 0) {
            load_start_due(l, now, &due);

            if (l->idle && due > now && due - now < wait) {
                wait = due - now;
            }
        }

        load_poll(l, wait);
    }

    cpu = load_cpu(t) - cpu;

    if (t->done == 0) {
        load_fatal("\"%s\": nothing was done", t->name);
    }

    qsort(t->latencies, t->nlatencies, sizeof(uint32_t),
          load_compare_latency);

    res.cpu = cpu / 1000.0 / t->done;
    res.rate = t->done * (double) LOAD_SECOND / (now - start);
    res.p50 = t->latencies[t->nlatencies / 2] / 1000.0;
    res.p99 = t->latencies[t->nlatencies * 99 / 100] / 1000.0;

    t->total += t->done;

    return res;
}


void
load_run(load_t *l, const char *unit)
{
    unsigned        i, r;
    load_result_t   res;
    load_target_t  *t;

    if (l->ntargets == 0 || l->conns == 0 || l->rounds == 0) {
        load_fatal("nothing to do");
    }

    for (i = 0; i < l->ntargets; i++) {
        t = &l->targets[i];

        if (t->addr.sin_port == 0 || t->nprocesses == 0) {
            load_fatal("\"%s\" needs -u and -p", t->name);
        }

        t->results = load_realloc(NULL, l->rounds * sizeof(load_result_t));
        load_open(l, t, l->conns);
    }

    /* each round begins with another target; the first is a warm-up */

    for (r = 0; r <= l->rounds; r++) {

        for (i = 0; i < l->ntargets; i++) {
            t = &l->targets[(i + r) % l->ntargets];
            res = load_turn(l, t);

            if (r) {
                t->results[r - 1] = res;

            } else {
                t->memory[0] = load_memory(t, "Pss");
            }
        }
    }

    for (i = 0; i < l->ntargets; i++) {
        l->targets[i].memory[1] = load_memory(&l->targets[i], "Pss");
    }

    load_print(l, unit);
}


static void
load_print(load_t *l, const char *unit)
{
    double          *v, cpu, rate, p50, p99;
    unsigned         i, r, n;
    load_target_t   *t;
    load_result_t   *res;

    n = l->rounds;
    v = load_realloc(NULL, n * sizeof(double));

    printf("\n%s: %u connections, %u rounds of ", unit, l->conns, n);

    if (l->units) {
        printf("%llu", (unsigned long long) l->units);

    } else {
        printf("%.2f s turns", l->turn);
    }

    if (l->rate > 0) {
        printf(", %.0f/s", l->rate);
    }

    printf("; medians\n\n%-24s %8s %9s %8s %9s %8s %8s %9s %8s %15s\n",
           "edge", "CPU us", "of floor", "+-", "units/s", "p50 ms", "p99 ms",
           "of floor", "+-", "memory MB");

    for (i = 0; i < l->ntargets; i++) {
        t = &l->targets[i];
        res = t->results;

#define load_column(expr)                                                     \
        for (r = 0; r < n; r++) {                                             \
            v[r] = (expr);                                                    \
        }

        load_column(res[r].cpu);
        cpu = load_median(v, n);

        load_column(res[r].rate);
        rate = load_median(v, n);

        load_column(res[r].p50);
        p50 = load_median(v, n);

        load_column(res[r].p99);
        p99 = load_median(v, n);

        printf("%-24s %8.2f ", t->name, cpu);

        load_column(res[r].cpu / l->targets[0].results[r].cpu);
        load_print_ratio(v, n);

        printf(" %9.0f %8.2f %8.2f ", rate, p50, p99);

        load_column(res[r].p99 / l->targets[0].results[r].p99);
        load_print_ratio(v, n);

        printf(" %7.1f %7.1f\n",
               t->memory[0] / 1024.0, t->memory[1] / 1024.0);
    }

    printf("\n+-: of the ratios, 95 %%; memory: after warm-up and "
           "at the end; done:");

    for (i = 0; i < l->ntargets; i++) {
        printf(" %llu", (unsigned long long) l->targets[i].total);
    }

    if (l->resume) {
        printf("; resumed:");

        for (i = 0; i < l->ntargets; i++) {
            t = &l->targets[i];
            printf(" %.0f%%", t->resumed * 100.0 / t->handshakes);
        }
    }

    printf("\n");

    fflush(stdout);
    free(v);
}


/*
 * Against the floor of the same round: slow drift cancels out.  1.82 IQR /
 * sqrt(n) is where a median lies in 95 of 100 runs.
 */

static void
load_print_ratio(double *v, size_t n)
{
    double  ratio;

    ratio = load_median(v, n);

    printf("%9.3f %8.3f", ratio,
           1.82 * (v[n * 3 / 4] - v[n / 4]) / sqrt(n));
}


double
load_median(double *v, size_t n)
{
    qsort(v, n, sizeof(double), load_compare);

    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}


static int
load_compare(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


static int
load_compare_latency(const void *one, const void *two)
{
    uint32_t  a, b;

    a = *(const uint32_t *) one;
    b = *(const uint32_t *) two;

    return (a > b) - (a < b);
}


static void *
load_realloc(void *p, size_t size)
{
    p = realloc(p, size);

    if (p == NULL) {
        load_fatal("no memory");
    }

    return p;
}


void
load_fatal(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fputc('\n', stderr);
    exit(1);
}
