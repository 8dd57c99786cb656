/*
 * Copyright (C) ngx_mra contributors
 *
 * A registrar and proxy in memory that is too quick to be what limits a
 * measurement: REGISTER is always granted, requests go to where their
 * user has registered, answers where their request came from. No
 * authentication, no timers, one contact a user; CRLF and STUN keepalives
 * are answered.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "sip_msg.h"


#define REGISTRAR_BUCKETS  131072
#define REGISTRAR_CONNS    200000
#define REGISTRAR_SECONDS  3600

#define STUN_COOKIE        0x2112a442


typedef struct registrar_entry_s  registrar_entry_t;

struct registrar_entry_s {
    registrar_entry_t   *next;
    char                *key;        /* a user, or host:port of an URI */
    size_t               len;
    char                *contact;    /* URI, NULL for host:port */
    char                *path;       /* values for a Route header */
    int                  fd;
    unsigned             serial;     /* of the connection */
};


typedef struct {
    struct sockaddr_in   peer;
    int                  crlf;
} registrar_peer_t;


typedef struct {
    load_conn_t         *conns[REGISTRAR_CONNS];
    registrar_entry_t   *buckets[REGISTRAR_BUCKETS];
    char               **addrs;
    unsigned             naddrs;
    unsigned long        branch;
    sip_out_t            out;
} registrar_t;


static void registrar_opened(load_conn_t *c);
static void registrar_closed(load_conn_t *c);
static size_t registrar_input(load_conn_t *c, char *p, size_t n);
static void registrar_stun(load_conn_t *c, const char *p, size_t n);
static void registrar_register(load_conn_t *c, sip_msg_t *m);
static void registrar_request(load_conn_t *c, sip_msg_t *m);
static void registrar_response(sip_msg_t *m);
static void registrar_reply(load_conn_t *c, sip_msg_t *m, const char *status);
static int registrar_is_me(sip_str_t uri);
static void registrar_learn(load_conn_t *c, sip_msg_t *m, sip_header_e id);
static registrar_entry_t *registrar_find(sip_str_t key, int create);
static load_conn_t *registrar_conn(int fd, unsigned serial);
static void registrar_set(char **p, sip_str_t s);


static const load_ops_t  registrar_ops = {
    registrar_opened,
    NULL,
    registrar_input,
    NULL,
    registrar_closed
};


static registrar_t  registrar;


int
main(int argc, char *argv[])
{
    int     i;
    load_t  l;

    if (argc < 2) {
        load_fatal("usage: sip_registrar address:port...");
    }

    load_init(&l, &registrar_ops);
    alarm(REGISTRAR_SECONDS);

    registrar.addrs = argv + 1;
    registrar.naddrs = argc - 1;

    for (i = 1; i < argc; i++) {
        load_listen(&l, argv[i]);
    }

    load_files(REGISTRAR_CONNS);

    for ( ;; ) {
        load_poll(&l, 1000000000);
    }
}


static void
registrar_opened(load_conn_t *c)
{
    socklen_t          len;
    registrar_peer_t  *peer;

    peer = calloc(1, sizeof(registrar_peer_t));

    if (peer == NULL || c->fd >= REGISTRAR_CONNS) {
        load_fatal("too many connections");
    }

    len = sizeof(peer->peer);
    getpeername(c->fd, (struct sockaddr *) &peer->peer, &len);

    c->data = peer;
    c->index = c->fd;
    registrar.conns[c->fd] = c;
}


static void
registrar_closed(load_conn_t *c)
{
    registrar.conns[c->index] = NULL;
    free(c->data);
}


static size_t
registrar_input(load_conn_t *c, char *p, size_t n)
{
    size_t             len;
    sip_msg_t          m;
    sip_kind_e         kind;
    registrar_peer_t  *peer;

    peer = c->data;
    kind = sip_frame(p, n, &len);

    switch (kind) {

    case sip_more:
        return 0;

    case sip_crlf:
        peer->crlf = !peer->crlf;

        if (!peer->crlf) {
            load_send(c, "\r\n", 2);
        }

        return len;

    case sip_stun:
        registrar_stun(c, p, len);
        return len;

    case sip_message:
        break;
    }

    peer->crlf = 0;
    sip_parse(&m, p, len);

    if (m.status) {
        registrar_response(&m);

    } else if (sip_is(m.method, "REGISTER")) {
        registrar_register(c, &m);

    } else {
        registrar_request(c, &m);
    }

    return len;
}


/* a Binding success response with XOR-MAPPED-ADDRESS, RFC 8489, 14.2 */

static void
registrar_stun(load_conn_t *c, const char *p, size_t n)
{
    char               out[32];
    uint16_t           port;
    uint32_t           addr;
    registrar_peer_t  *peer;

    if (p[0] != 0 || p[1] != 1 || n < 20) {
        return;
    }

    peer = c->data;
    port = peer->peer.sin_port ^ htons(STUN_COOKIE >> 16);
    addr = peer->peer.sin_addr.s_addr ^ htonl(STUN_COOKIE);

    memcpy(out, "\x01\x01\x00\x0c", 4);
    memcpy(out + 4, p + 4, 16);
    memcpy(out + 20, "\x00\x20\x00\x08\x00\x01", 6);
    memcpy(out + 26, &port, 2);
    memcpy(out + 28, &addr, 4);

    load_send(c, out, sizeof(out));
}


static void
registrar_register(load_conn_t *c, sip_msg_t *m)
{
    unsigned            i;
    sip_out_t          *out;
    sip_str_t           contact, path;
    registrar_entry_t  *e;

    contact = sip_value(m, sip_contact);
    e = registrar_find(sip_uri_user(sip_addr_uri(sip_value(m, sip_to))), 1);

    registrar_set(&e->contact, sip_addr_uri(contact));
    e->fd = c->fd;
    e->serial = c->serial;

    registrar_learn(c, m, sip_contact);
    registrar_learn(c, m, sip_path);

    out = &registrar.out;
    out->n = 0;

    for (i = 0; i < m->nheaders; i++) {
        if (m->headers[i].id == sip_path) {
            sip_putf(out, out->n ? ", " : "");
            sip_put(out, m->headers[i].value);
        }
    }

    path.p = out->p;
    path.n = out->n;
    registrar_set(&e->path, path);

    out->n = 0;
    sip_putf(out, "SIP/2.0 200 OK\r\n");
    sip_put_headers(out, m, sip_via);
    sip_put_headers(out, m, sip_from);
    sip_putf(out, "To: ");
    sip_put(out, sip_value(m, sip_to));
    sip_putf(out, ";tag=registrar\r\n");
    sip_put_headers(out, m, sip_call_id);
    sip_put_headers(out, m, sip_cseq);
    sip_put_headers(out, m, sip_path);
    sip_putf(out, "Contact: ");
    sip_put(out, contact);
    sip_putf(out, ";expires=3600\r\nContent-Length: 0\r\n\r\n");

    load_send(c, out->p, out->n);
}


static void
registrar_request(load_conn_t *c, sip_msg_t *m)
{
    int                 invite;
    unsigned            i;
    sip_out_t          *out;
    sip_str_t           uri, hop, list, route;
    load_conn_t        *pc;
    sip_header_t       *h;
    registrar_entry_t  *e;
    static sip_out_t    routes;

    invite = sip_is(m->method, "INVITE");

    if (invite) {
        registrar_reply(c, m, "100 Trying");
    }

    registrar_learn(c, m, sip_record_route);

    /* the next route after ourselves, else who has registered, else the URI */

    routes.n = 0;
    hop.n = 0;
    uri = m->uri;

    for (i = 0; i < m->nheaders; i++) {

        if (m->headers[i].id != sip_route) {
            continue;
        }

        for (list = m->headers[i].value; list.n; /* void */) {
            route = sip_next_value(&list);

            if (hop.n == 0 && registrar_is_me(sip_addr_uri(route))) {
                continue;
            }

            if (hop.n == 0) {
                hop = sip_addr_uri(route);
            }

            sip_putf(&routes, routes.n ? ", " : "");
            sip_put(&routes, route);
        }
    }

    e = registrar_find(sip_uri_host(hop.n ? hop : uri), 0);

    if (e == NULL && hop.n == 0) {
        e = registrar_find(sip_uri_user(uri), 0);

        if (e && e->contact) {
            uri.p = e->contact;
            uri.n = strlen(e->contact);
            sip_putf(&routes, "%s", e->path);
        }
    }

    pc = e ? registrar_conn(e->fd, e->serial) : NULL;

    if (pc == NULL) {
        if (!sip_is(m->method, "ACK")) {
            registrar_reply(c, m, e ? "480 Gone" : "404 Not Found");
        }

        return;
    }

    out = &registrar.out;
    out->n = 0;

    sip_put(out, m->method);
    sip_putf(out, " ");
    sip_put(out, uri);
    sip_putf(out, " SIP/2.0\r\n"
             "Via: SIP/2.0/TCP %s;branch=z9hG4bKr%d.%u.%lu\r\n",
             registrar.addrs[0], c->fd, c->serial, registrar.branch++);

    if (invite) {
        sip_putf(out, "Record-Route: <sip:%s;transport=tcp;lr>\r\n",
                 registrar.addrs[0]);
    }

    if (routes.n) {
        sip_putf(out, "Route: %.*s\r\n", (int) routes.n, routes.p);
    }

    for (i = 0; i < m->nheaders; i++) {
        h = &m->headers[i];

        if (h->id == sip_max_forwards) {
            sip_putf(out, "Max-Forwards: %d\r\n", atoi(h->value.p) - 1);

        } else if (h->id != sip_route) {
            sip_put(out, h->line);
        }
    }

    sip_putf(out, "\r\n");
    sip_put(out, m->body);

    load_send(pc, out->p, out->n);
}


static void
registrar_response(sip_msg_t *m)
{
    int            fd;
    char          *branch;
    unsigned       i, serial;
    sip_out_t     *out;
    load_conn_t   *pc;
    sip_header_t  *via;

    via = sip_find(m, sip_via);
    branch = via ? memmem(via->value.p, via->value.n, "=z9hG4bKr", 9) : NULL;

    if (branch == NULL || sscanf(branch + 9, "%d.%u", &fd, &serial) != 2) {
        load_fatal("not our Via:\n%.*s", (int) (m->body.p - m->start.p),
                   m->start.p);
    }

    pc = registrar_conn(fd, serial);

    if (pc == NULL) {
        return;
    }

    out = &registrar.out;
    out->n = 0;

    sip_put(out, m->start);

    for (i = 0; i < m->nheaders; i++) {
        if (&m->headers[i] != via) {
            sip_put(out, m->headers[i].line);
        }
    }

    sip_putf(out, "\r\n");
    sip_put(out, m->body);

    load_send(pc, out->p, out->n);
}


static void
registrar_reply(load_conn_t *c, sip_msg_t *m, const char *status)
{
    sip_out_t  *out;

    out = &registrar.out;
    out->n = 0;

    sip_putf(out, "SIP/2.0 %s\r\n", status);
    sip_put_headers(out, m, sip_via);
    sip_put_headers(out, m, sip_from);
    sip_put_headers(out, m, sip_to);
    sip_put_headers(out, m, sip_call_id);
    sip_put_headers(out, m, sip_cseq);
    sip_putf(out, "Content-Length: 0\r\n\r\n");

    load_send(c, out->p, out->n);
}


static int
registrar_is_me(sip_str_t uri)
{
    unsigned   i;
    sip_str_t  host;

    host = sip_uri_host(uri);

    for (i = 0; i < registrar.naddrs; i++) {
        if (sip_is(host, registrar.addrs[i])) {
            return 1;
        }
    }

    return 0;
}


/* who names himself in this header is reached through this connection */

static void
registrar_learn(load_conn_t *c, sip_msg_t *m, sip_header_e id)
{
    sip_str_t           list;
    sip_header_t       *h;
    registrar_entry_t  *e;

    h = sip_find(m, id);

    if (h == NULL) {
        return;
    }

    list = h->value;
    e = registrar_find(sip_uri_host(sip_addr_uri(sip_next_value(&list))), 1);
    e->fd = c->fd;
    e->serial = c->serial;
}


static registrar_entry_t *
registrar_find(sip_str_t key, int create)
{
    size_t               i;
    uint32_t             hash;
    registrar_entry_t   *e, **bucket;

    hash = 2166136261U;

    for (i = 0; i < key.n; i++) {
        hash = (hash ^ (unsigned char) key.p[i]) * 16777619U;
    }

    bucket = &registrar.buckets[hash % REGISTRAR_BUCKETS];

    for (e = *bucket; e; e = e->next) {
        if (e->len == key.n && memcmp(e->key, key.p, key.n) == 0) {
            return e;
        }
    }

    if (!create) {
        return NULL;
    }

    e = calloc(1, sizeof(registrar_entry_t));

    if (e == NULL) {
        load_fatal("no memory");
    }

    registrar_set(&e->key, key);
    e->len = key.n;
    e->fd = -1;
    e->next = *bucket;
    *bucket = e;

    return e;
}


static load_conn_t *
registrar_conn(int fd, unsigned serial)
{
    load_conn_t  *c;

    if (fd < 0 || fd >= REGISTRAR_CONNS) {
        return NULL;
    }

    c = registrar.conns[fd];

    return c && c->serial == serial ? c : NULL;
}


static void
registrar_set(char **p, sip_str_t s)
{
    if (*p && strlen(*p) == s.n && memcmp(*p, s.p, s.n) == 0) {
        return;
    }

    free(*p);
    *p = strndup(s.p, s.n);

    if (*p == NULL) {
        load_fatal("no memory");
    }
}
