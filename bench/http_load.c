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
#include <openssl/evp.h>

#include "load.h"


/* "u0000001:secret": its length in base64 is without a remainder */

#define HTTP_USER      "%c%07u:secret"
#define HTTP_USER_LEN  15


typedef struct {
    char      request[8192];
    size_t    len;
    char     *user;              /* in the request, NULL: one for all */
    char      letter;
    unsigned  users;
    unsigned  next;
} http_target_t;


static void http_kick(load_conn_t *c);
static size_t http_input(load_conn_t *c, char *p, size_t n);
static size_t http_content_length(const char *p, const char *last);
static void http_add_header(load_t *l, char *headers[], const char *value);
static void http_build(load_target_t *t, const char *headers,
    const char *users);
static void http_next_user(http_target_t *ht);


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
    char     *users[LOAD_MAX_TARGETS] = { NULL };
    load_t    l;
    unsigned  i;

    load_init(&l, &http_ops);

    while ((ch = getopt(argc, argv, LOAD_OPTIONS "H:U:")) != -1) {

        if (ch == 'H') {
            http_add_header(&l, headers, optarg);
            continue;
        }

        if (ch == 'U' && l.ntargets) {
            users[l.ntargets - 1] = optarg;
            continue;
        }

        if (load_option(&l, ch, optarg) == -1) {
            load_fatal("usage: http_load [options]\n%s"
                       "  -H line   its request header, may be repeated\n"
                       "  -U xN     users x0 to xN-1 sign in to it in turn",
                       load_usage);
        }
    }

    for (i = 0; i < l.ntargets; i++) {
        http_build(&l.targets[i], headers[i], users[i]);
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
http_build(load_target_t *t, const char *headers, const char *users)
{
    int             n;
    char            basic[80] = "";
    http_target_t  *ht;

    ht = calloc(1, sizeof(http_target_t));
    if (ht == NULL) {
        load_fatal("no memory");
    }

    if (users) {
        ht->letter = users[0];
        ht->users = atoi(users + 1);

        snprintf(basic, sizeof(basic), "Authorization: Basic %0*d\r\n",
                 HTTP_USER_LEN * 4 / 3, 0);
    }

    n = snprintf(ht->request, sizeof(ht->request),
                 "GET %s HTTP/1.1\r\n"
                 "Host: %s\r\n"
                 "User-Agent: http_load\r\n"
                 "Accept: */*\r\n"
                 "%s%s\r\n",
                 *t->path ? t->path : "/", t->host, headers ? headers : "",
                 basic);

    if (n >= (int) sizeof(ht->request)) {
        load_fatal("\"%s\": headers too long", t->name);
    }

    ht->len = n;
    t->data = ht;

    if (ht->users) {
        ht->user = ht->request + n - 4 - HTTP_USER_LEN * 4 / 3;
    }
}


static void
http_next_user(http_target_t *ht)
{
    char           text[HTTP_USER_LEN + 1];
    unsigned char  base64[HTTP_USER_LEN * 4 / 3 + 1];

    snprintf(text, sizeof(text), HTTP_USER, ht->letter,
             ht->next++ % ht->users % 10000000);

    EVP_EncodeBlock(base64, (unsigned char *) text, HTTP_USER_LEN);
    memcpy(ht->user, base64, HTTP_USER_LEN * 4 / 3);
}


static void
http_kick(load_conn_t *c)
{
    http_target_t  *ht;

    ht = c->target->data;

    if (ht->user) {
        http_next_user(ht);
    }

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
