/*
 * Copyright (C) ngx_mra contributors
 *
 * HTTP requests on keepalive connections to several servers in turns:
 * what a request costs each server's processes.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "load.h"


typedef struct {
    char     request[8192];
    size_t   len;
} http_target_t;


static void http_kick(load_conn_t *c);
static size_t http_input(load_conn_t *c, char *p, size_t n);
static size_t http_content_length(const char *p, const char *last);
static void http_add_header(load_t *l, char *headers[], const char *value);
static void http_build(load_target_t *t, const char *headers);


static const load_ops_t  http_ops = {
    NULL,
    http_kick,
    http_input,
    NULL,
    NULL
};


int
main(int argc, char *argv[])
{
    int       ch;
    char     *headers[LOAD_MAX_TARGETS] = { NULL };
    load_t    l;
    unsigned  i;

    load_init(&l, &http_ops);

    while ((ch = getopt(argc, argv, LOAD_OPTIONS "H:")) != -1) {

        if (ch == 'H') {
            http_add_header(&l, headers, optarg);
            continue;
        }

        if (load_option(&l, ch, optarg) == -1) {
            load_fatal("usage: http_load [options]\n%s"
                       "  -H line   its request header, may be repeated",
                       load_usage);
        }
    }

    for (i = 0; i < l.ntargets; i++) {
        http_build(&l.targets[i], headers[i]);
    }

    alarm(l.limit);

    load_run(&l, "HTTP requests");

    return 0;
}


static void
http_add_header(load_t *l, char *headers[], const char *value)
{
    char  *old, **h;

    if (l->ntargets == 0) {
        load_fatal("-H before the first -n");
    }

    h = &headers[l->ntargets - 1];
    old = *h;

    if (asprintf(h, "%s%s\r\n", old ? old : "", value) == -1) {
        load_fatal("no memory");
    }

    free(old);
}


static void
http_build(load_target_t *t, const char *headers)
{
    int             n;
    http_target_t  *ht;

    ht = calloc(1, sizeof(http_target_t));
    if (ht == NULL) {
        load_fatal("no memory");
    }

    n = snprintf(ht->request, sizeof(ht->request),
                 "GET %s HTTP/1.1\r\n"
                 "Host: %s\r\n"
                 "User-Agent: http_load\r\n"
                 "Accept: */*\r\n"
                 "%s\r\n",
                 *t->path ? t->path : "/", t->host, headers ? headers : "");

    if (n >= (int) sizeof(ht->request)) {
        load_fatal("\"%s\": headers too long", t->name);
    }

    ht->len = n;
    t->data = ht;
}


static void
http_kick(load_conn_t *c)
{
    http_target_t  *ht;

    ht = c->target->data;

    load_send(c, ht->request, ht->len);
}


static size_t
http_input(load_conn_t *c, char *p, size_t n)
{
    char    *end;
    size_t   len;

    end = memmem(p, n, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }

    end += 4;

    if (strncmp(p, "HTTP/1.1 200 ", 13) != 0) {
        load_fatal("\"%s\" answered:\n%.*s", c->target->name,
                   (int) (end - p), p);
    }

    len = end - p + http_content_length(p, end);

    if (n < len) {
        return 0;
    }

    load_done(c);

    return len;
}


static size_t
http_content_length(const char *p, const char *last)
{
    static const char  name[] = "\r\nContent-Length:";

    while ((p = memchr(p, '\r', last - p)) != NULL) {

        if ((size_t) (last - p) > sizeof(name)
            && strncasecmp(p, name, sizeof(name) - 1) == 0)
        {
            return strtoul(p + sizeof(name) - 1, NULL, 10);
        }

        p++;
    }

    load_fatal("an answer has no Content-Length");
}
