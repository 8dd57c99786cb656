
/*
 * Copyright (C) ngx_mra contributors
 *
 * For tests and measurements only: lets a script call the core's interface
 * in the worker it chooses.  Each worker listens on the abstract socket
 * "<name>.<pid>", takes one command in a line and answers with one line.
 * MRA::Remote builds the module and knows the commands.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <sys/ptrace.h>
#include "ngx_mra_core.h"
#include "ngx_mra_block.h"
#include "ngx_mra_shm_table.h"


#define NGX_MRA_REMOTE_LINE   65536
#define NGX_MRA_REMOTE_ARGS   16


typedef struct {
    ngx_str_t   name;
    size_t      received;       /* messages from other workers, by size */
    size_t      bytes;
    size_t      wrong;
    uint32_t    from;
    uint32_t    number;         /* of the last one from there */
    uint32_t    sent;
} ngx_mra_remote_conf_t;


/* writes the answer at "buf", returns its end */

typedef u_char *(*ngx_mra_remote_pt)(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);

typedef struct {
    char               *name;
    ngx_uint_t          args;    /* at least */
    ngx_mra_remote_pt   handler;
} ngx_mra_remote_command_t;


static char *ngx_mra_remote_abi(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_mra_remote_create_conf(ngx_cycle_t *cycle);
static ngx_int_t ngx_mra_remote_init_process(ngx_cycle_t *cycle);
static void ngx_mra_remote_accept(ngx_event_t *rev);
static void ngx_mra_remote_read(ngx_event_t *rev);
static void ngx_mra_remote_send_line(ngx_connection_t *c, u_char *p);
static void ngx_mra_remote_answered(ngx_mra_op_t *op);
static u_char *ngx_mra_remote_result(ngx_mra_op_t *op, u_char *buf);
static u_char *ngx_mra_remote_line(ngx_cycle_t *cycle, u_char *p,
    u_char *last, u_char *buf);

static u_char *ngx_mra_remote_store(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_scan(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_count_kind(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_stat(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_sweep(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_check(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_clock(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_settings(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_mac(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_counter(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_maintenance(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_nodes(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static void ngx_mra_remote_node_handler(ngx_mra_node_t *node, void *data);
static u_char *ngx_mra_remote_block(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_blocks(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_send(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_received(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_busy(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_die(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_set_pause(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_crash(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_bench(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_protect(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_bans(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_protection(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_exemptions(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_ban_bench(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);
static u_char *ngx_mra_remote_ban_race(ngx_cycle_t *cycle, ngx_str_t *arg,
    ngx_uint_t n, u_char *buf);


static ngx_mra_remote_command_t  ngx_mra_remote_commands[] = {
    { "get", 2, ngx_mra_remote_store },        /* kind name [limit period] */
    { "set", 4, ngx_mra_remote_store },        /* kind name value ttl; of nodes
                                                  "+" is a space */
    { "del", 2, ngx_mra_remote_store },        /* kind name [beginning] */
    { "hit", 4, ngx_mra_remote_store },        /* kind name limit period
                                                  [id] */
    { "scan", 2, ngx_mra_remote_scan },        /* kind size [period] */
    { "count", 1, ngx_mra_remote_count_kind }, /* kind */
    { "stat", 0, ngx_mra_remote_stat },
    { "sweep", 0, ngx_mra_remote_sweep },
    { "check", 0, ngx_mra_remote_check },
    { "clock", 1, ngx_mra_remote_clock },      /* ms that it is ahead */
    { "settings", 0, ngx_mra_remote_settings },
    { "mac", 3, ngx_mra_remote_mac },          /* scope user password */
    { "counter", 1, ngx_mra_remote_counter },  /* number [add] */
    { "maintenance", 0, ngx_mra_remote_maintenance },  /* [on | off] */
    { "nodes", 0, ngx_mra_remote_nodes },
    { "block", 2, ngx_mra_remote_block },      /* name size [value] */
    { "blocks", 1, ngx_mra_remote_blocks },    /* prefix */
    { "send", 3, ngx_mra_remote_send },        /* to size times */
    { "received", 0, ngx_mra_remote_received },
    { "busy", 1, ngx_mra_remote_busy },        /* 1 or 0 */
    { "die", 0, ngx_mra_remote_die },
    { "pause", 1, ngx_mra_remote_set_pause },  /* ms */
    { "crash", 2, ngx_mra_remote_crash },      /* steps command ... */
    { "bench", 4, ngx_mra_remote_bench },      /* get|set|hit names operations
                                                  kind [each name once] */
    { "fail", 2, ngx_mra_remote_protect },     /* address category */
    { "banned", 1, ngx_mra_remote_protect },   /* address */
    { "ban", 3, ngx_mra_remote_protect },      /* address category ms */
    { "unban", 2, ngx_mra_remote_protect },    /* address categories */
    { "exempt", 2, ngx_mra_remote_protect },   /* network categories */
    { "unexempt", 2, ngx_mra_remote_protect }, /* network categories */
    { "left", 2, ngx_mra_remote_protect },     /* address category */
    { "bans", 0, ngx_mra_remote_bans },
    { "protection", 1, ngx_mra_remote_protection },    /* category */
    { "exemptions", 0, ngx_mra_remote_exemptions },
    { "banbench", 2, ngx_mra_remote_ban_bench },   /* addresses look-ups
                                                      [to ban them first] */
    { "banrace", 1, ngx_mra_remote_ban_race }, /* addresses [category] */
    { NULL, 0, NULL }
};


static ngx_command_t  ngx_mra_remote_directives[] = {

    { ngx_string("mra_remote"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_mra_remote_conf_t, name),
      NULL },

    { ngx_string("mra_remote_abi"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_remote_abi,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_core_module_t  ngx_mra_remote_module_ctx = {
    ngx_string("mra_remote"),
    ngx_mra_remote_create_conf,
    NULL
};


ngx_module_t  ngx_mra_remote_module = {
    NGX_MODULE_V1,
    &ngx_mra_remote_module_ctx,            /* module context */
    ngx_mra_remote_directives,             /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_mra_remote_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* what nginx's own build would add */

ngx_module_t  *ngx_modules[] = { &ngx_mra_remote_module, NULL };
char          *ngx_module_names[] = { "ngx_mra_remote_module", NULL };
char          *ngx_module_order[] = { NULL };


static ngx_msec_int_t  ngx_mra_remote_ahead;
static ngx_uint_t      ngx_mra_remote_pause;
static u_char          ngx_mra_remote_in[NGX_MRA_REMOTE_LINE];
static u_char          ngx_mra_remote_out[NGX_MRA_REMOTE_LINE * 2];

/* the operation that is to answer later, and who waits for it */

static ngx_mra_op_t        ngx_mra_remote_op;
static ngx_str_t           ngx_mra_remote_op_name;
static u_char              ngx_mra_remote_op_line[NGX_MRA_REMOTE_LINE];
static ngx_connection_t   *ngx_mra_remote_op_connection;
static ngx_connection_t   *ngx_mra_remote_connection;


#define ngx_mra_remote_conf(cycle)                                           \
    ((ngx_mra_remote_conf_t *)                                               \
         ngx_get_conf((cycle)->conf_ctx, ngx_mra_remote_module))

#define ngx_mra_remote_is(arg, text)                                         \
    ((arg)->len == sizeof(text) - 1                                          \
     && ngx_strncmp((arg)->data, text, sizeof(text) - 1) == 0)

#define ngx_mra_remote_number(arg)  ngx_atoi((arg)->data, (arg)->len)


/* as if the module were built with that number */

static char *
ngx_mra_remote_abi(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_mra_check_abi(cf, ngx_mra_remote_number(&value[1]),
                             "ngx_mra_remote_module")
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static void *
ngx_mra_remote_create_conf(ngx_cycle_t *cycle)
{
    return ngx_pcalloc(cycle->pool, sizeof(ngx_mra_remote_conf_t));
}


static void
ngx_mra_remote_message(uint32_t from, ngx_str_t *msg)
{
    size_t                  i;
    uint32_t                number;
    ngx_mra_remote_conf_t  *rcf;

    rcf = ngx_mra_remote_conf(ngx_cycle);

    i = 0;

    if (msg->len >= sizeof(uint32_t)) {
        ngx_memcpy(&number, msg->data, sizeof(uint32_t));
        i = sizeof(uint32_t);

        if (rcf->from == from && number <= rcf->number) {
            rcf->wrong++;
        }

        rcf->number = number;
    }

    for ( /* void */ ; i < msg->len; i++) {
        if (msg->data[i] != (u_char) (i * 31 + msg->len)) {
            rcf->wrong++;
            break;
        }
    }

    rcf->from = from;
    rcf->received++;
    rcf->bytes += msg->len;
}


static ngx_int_t
ngx_mra_remote_init_process(ngx_cycle_t *cycle)
{
    u_char                 *p;
    ngx_fd_t                fd;
    ngx_connection_t       *c;
    struct sockaddr_un      sun;
    ngx_mra_remote_conf_t  *rcf;

    rcf = ngx_mra_remote_conf(cycle);

    if (rcf->name.len == 0 || ngx_process == NGX_PROCESS_HELPER) {
        return NGX_OK;
    }

    ngx_mra_ipc_receive(cycle, 3, ngx_mra_remote_message);

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;

    p = ngx_sprintf((u_char *) sun.sun_path + 1, "%V.%P", &rcf->name, ngx_pid);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (fd == -1
        || bind(fd, (struct sockaddr *) &sun, p - (u_char *) &sun) == -1
        || listen(fd, 16) == -1)
    {
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->log = cycle->log;
    c->read->log = cycle->log;
    c->write->log = cycle->log;
    c->read->handler = ngx_mra_remote_accept;
    c->read->channel = 1;

    return ngx_handle_read_event(c->read, 0);
}


static void
ngx_mra_remote_accept(ngx_event_t *rev)
{
    ngx_fd_t           fd;
    ngx_connection_t  *c;

    c = rev->data;

    while ((fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC))
           != -1)
    {
        c = ngx_get_connection(fd, rev->log);
        if (c == NULL) {
            (void) close(fd);
            break;
        }

        c->log = rev->log;
        c->read->log = rev->log;
        c->write->log = rev->log;
        c->read->handler = ngx_mra_remote_read;
        c->read->channel = 1;

        (void) ngx_handle_read_event(c->read, 0);

        c = rev->data;
    }

    rev->ready = 0;
}


/* a script sends a line and waits for the answer, so it comes in one piece */

static void
ngx_mra_remote_read(ngx_event_t *rev)
{
    u_char            *p;
    ssize_t            n;
    ngx_connection_t  *c;

    c = rev->data;

    n = recv(c->fd, ngx_mra_remote_in, NGX_MRA_REMOTE_LINE, 0);

    if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
        rev->ready = 0;
        return;
    }

    if (n <= 0 || ngx_mra_remote_in[n - 1] != LF) {
        ngx_close_connection(c);
        return;
    }

    ngx_mra_remote_connection = c;

    p = ngx_mra_remote_line((ngx_cycle_t *) ngx_cycle, ngx_mra_remote_in,
                            ngx_mra_remote_in + n - 1, ngx_mra_remote_out);

    ngx_post_event(rev, &ngx_posted_next_events);

    if (p == ngx_mra_remote_out) {
        return;
    }

    ngx_mra_remote_send_line(c, p);
}


static void
ngx_mra_remote_send_line(ngx_connection_t *c, u_char *p)
{
    *p++ = LF;

    if (send(c->fd, ngx_mra_remote_out, p - ngx_mra_remote_out, MSG_NOSIGNAL)
        == -1)
    {
        ngx_close_connection(c);
    }
}


static u_char *
ngx_mra_remote_line(ngx_cycle_t *cycle, u_char *p, u_char *last, u_char *buf)
{
    u_char                    *next;
    ngx_str_t                  arg[NGX_MRA_REMOTE_ARGS];
    ngx_uint_t                 n;
    ngx_msec_t                 now;
    ngx_mra_remote_command_t  *cmd;

    for (n = 0; p < last && n < NGX_MRA_REMOTE_ARGS; n++) {
        next = ngx_strlchr(p, last, ' ');
        next = next ? next : last;

        arg[n].data = p;
        arg[n].len = next - p;

        p = next + 1;
    }

    for (cmd = ngx_mra_remote_commands; n && cmd->name; cmd++) {

        if (arg[0].len == ngx_strlen(cmd->name)
            && ngx_strncmp(arg[0].data, cmd->name, arg[0].len) == 0
            && n > cmd->args)
        {
            now = ngx_current_msec;
            ngx_current_msec += ngx_mra_remote_ahead;

            p = cmd->handler(cycle, arg, n, buf);

            ngx_current_msec = now;

            return p;
        }
    }

    return ngx_sprintf(buf, "?");
}


static u_char *
ngx_mra_remote_rc(u_char *buf, ngx_int_t rc)
{
    return ngx_sprintf(buf, "%s", rc == NGX_OK ? "OK"
                                  : rc == NGX_DECLINED ? "DECLINED"
                                  : rc == NGX_AGAIN ? "AGAIN"
                                  : rc == NGX_BUSY ? "BUSY" : "ERROR");
}


static ngx_mra_kind_e
ngx_mra_remote_kind(ngx_str_t *arg)
{
    ngx_uint_t    i;
    static char  *kinds[] = { "token", "credential", "authorization",
                              "failure", "ban", "binding", "node",
                              "exemption", "revocation" };

    for (i = 0; i < NGX_MRA_KINDS - 1; i++) {
        if (ngx_strncmp(arg->data, kinds[i], ngx_strlen(kinds[i])) == 0) {
            break;
        }
    }

    return i;
}


static ngx_int_t
ngx_mra_remote_prepare(ngx_mra_conf_t *mcf, ngx_str_t *arg, ngx_uint_t n,
    ngx_mra_op_t *op)
{
    ngx_str_t      scope = ngx_null_string;
    ngx_uint_t     i;
    static u_char  value[NGX_MRA_VALUE_MAX];

    ngx_memzero(op, sizeof(ngx_mra_op_t));

    op->kind = ngx_mra_remote_kind(&arg[1]);
    op->name = arg[2];

    op->value.data = value;
    op->value.len = NGX_MRA_VALUE_MAX;

    if (ngx_mra_remote_is(&arg[0], "set")) {
        op->value = arg[3];
        op->ttl = ngx_mra_remote_number(&arg[4]);
        ngx_str_null(&op->name);

        for (i = 0; op->kind == NGX_MRA_NODE && i < op->value.len; i++) {
            if (op->value.data[i] == '+') {
                op->value.data[i] = ' ';
            }
        }

    } else if (n > 4) {
        op->limit = ngx_mra_remote_number(&arg[3]);
        op->period = ngx_mra_remote_number(&arg[4]);
        op->id = (n > 5) ? ngx_mra_remote_number(&arg[5]) : 0;

    } else if (n > 3) {
        op->value.len = ngx_mra_remote_number(&arg[3]);
    }

    if (ngx_mra_remote_is(&arg[0], "del")) {
        ngx_str_null(&op->name);

        if (n > 3) {
            op->name = arg[3];
        }
    }

    return ngx_mra_key(mcf, op->kind, &scope, &arg[2], op->key);
}


static ngx_int_t
ngx_mra_remote_run(ngx_mra_store_t *st, ngx_str_t *arg, ngx_mra_op_t *op)
{
    return ngx_mra_remote_is(&arg[0], "get") ? ngx_mra_store_get(st, op)
           : ngx_mra_remote_is(&arg[0], "set") ? ngx_mra_store_set(st, op)
           : ngx_mra_remote_is(&arg[0], "hit") ? ngx_mra_store_hit(st, op)
           : ngx_mra_store_del(st, op);
}


/* an operation that answers later does so when it has, in one line too */

static u_char *
ngx_mra_remote_store(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_uint_t       i;
    ngx_mra_op_t    *op;
    ngx_mra_conf_t  *mcf;

    mcf = ngx_mra_get_conf(cycle);
    op = &ngx_mra_remote_op;

    if (op->pending) {
        return ngx_sprintf(buf, "PENDING");
    }

    /* what it points to outlives the line */

    ngx_memcpy(ngx_mra_remote_op_line, ngx_mra_remote_in,
               NGX_MRA_REMOTE_LINE);

    for (i = 0; i < n; i++) {
        arg[i].data = ngx_mra_remote_op_line
                      + (arg[i].data - ngx_mra_remote_in);
    }

    if (ngx_mra_remote_prepare(mcf, arg, n, op) != NGX_OK) {
        return ngx_sprintf(buf, "KEY");
    }

    op->handler = ngx_mra_remote_answered;

    ngx_mra_remote_op_name = arg[0];
    ngx_mra_remote_op_connection = ngx_mra_remote_connection;

    op->rc = ngx_mra_remote_run(mcf->store, arg, op);

    if (op->rc == NGX_AGAIN) {
        return buf;
    }

    return ngx_mra_remote_result(op, buf);
}


static void
ngx_mra_remote_answered(ngx_mra_op_t *op)
{
    ngx_mra_remote_send_line(ngx_mra_remote_op_connection,
                             ngx_mra_remote_result(op, ngx_mra_remote_out));
}


static u_char *
ngx_mra_remote_result(ngx_mra_op_t *op, u_char *buf)
{
    ngx_str_t  *name;

    name = &ngx_mra_remote_op_name;
    buf = ngx_mra_remote_rc(buf, op->rc);

    if (ngx_mra_remote_is(name, "hit")) {
        buf = ngx_sprintf(buf, " %ui %M", op->used, op->retry);

    } else if (ngx_mra_remote_is(name, "get") && op->rc == NGX_OK) {
        buf = ngx_sprintf(buf, " %V %M %ui %M", &op->value, op->ttl, op->used,
                          op->retry);
    }

    return buf;
}


/* all pages of "size" bytes: the number of pages, then name:used */

static u_char *
ngx_mra_remote_scan(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    u_char            *p;
    ngx_int_t          rc;
    ngx_str_t          data;
    ngx_uint_t         pages;
    ngx_mra_op_t       op;
    ngx_mra_conf_t    *mcf;
    ngx_mra_record_t  *rec;
    static u_char      page[8192];

    mcf = ngx_mra_get_conf(cycle);

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = ngx_mra_remote_kind(&arg[1]);
    op.period = (n > 3) ? ngx_mra_remote_number(&arg[3]) : 0;

    pages = 0;

    do {
        op.value.data = page;
        op.value.len = ngx_mra_remote_number(&arg[2]);

        rc = ngx_mra_store_scan(mcf->store, &op);

        if (rc != NGX_OK) {
            return ngx_mra_remote_rc(buf, rc);
        }

        pages++;

        for (p = page; p < page + op.value.len; p += rec->len) {
            rec = (ngx_mra_record_t *) p;

            data.len = rec->size;
            data.data = rec->data;

            buf = ngx_sprintf(buf, "%V:%ud ", &data, rec->used);
        }

    } while (op.cursor);

    return ngx_sprintf(buf, "%ui", pages);
}


static u_char *
ngx_mra_remote_count_kind(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_mra_op_t  op;

    ngx_memzero(&op, sizeof(ngx_mra_op_t));
    op.kind = ngx_mra_remote_kind(&arg[1]);

    (void) ngx_mra_store_count(ngx_mra_get_conf(cycle)->store, &op);

    return ngx_sprintf(buf, "%ui %ui", op.used, op.limit);
}


static u_char *
ngx_mra_remote_stat(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_uint_t          i;
    ngx_mra_shm_stat_t  stat;

    ngx_mra_shm_stat(ngx_mra_core_conf(cycle)->shm_store, &stat);

    buf = ngx_sprintf(buf, "%ui %ui %ui %ui", stat.size, stat.used,
                      stat.evicted, stat.recovered);

    for (i = 0; i < NGX_MRA_KINDS; i++) {
        buf = ngx_sprintf(buf, " %ui", stat.entries[i]);
    }

    return buf;
}


static u_char *
ngx_mra_remote_sweep(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    return ngx_sprintf(buf, "%M",
                       ngx_mra_shm_sweep(ngx_mra_core_conf(cycle)->shm_store));
}


/* whether hash, lists, counts and free list tell the same */

static u_char *
ngx_mra_remote_check(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    u_char                k;
    uint32_t              b, more;
    ngx_uint_t            i, level, used, used_all, entries, listed, hashed;
    ngx_uint_t            nfree;
    ngx_mra_core_conf_t  *mccf;
    ngx_mra_shm_entry_t  *e, *last;
    ngx_mra_shm_table_t  *t;

    /* a first look lets it repair itself */

    (void) ngx_mra_remote_stat(cycle, arg, n, buf);

    mccf = ngx_mra_core_conf(cycle);
    t = mccf->zone->table;

    ngx_shmtx_lock(&mccf->shpool->mutex);

    used_all = 0;
    listed = 0;

    for (k = 0; k < NGX_MRA_KINDS; k++) {
        entries = 0;
        used = 0;

        for (e = ngx_mra_shm_table_first(t, k); e;
             e = ngx_mra_shm_table_next(t, e))
        {
            entries++;
            used++;

            for (more = e->more; more; more = t->blocks[more].more.more) {
                used++;
            }

            if (ngx_mra_shm_table_find(t, k, e->key) != e) {
                buf = ngx_sprintf(buf, "entry of kind %ud not in hash ", k);
            }
        }

        /* each level is in order, and part of the one below */

        for (level = 0; level < NGX_MRA_SHM_LEVELS; level++) {
            last = NULL;

            for (b = t->kinds[k].first[level]; b; b = e->later[level]) {
                e = &t->blocks[b].entry;

                if (last && (last->expire > e->expire
                             || (last->expire == e->expire && last >= e)))
                {
                    buf = ngx_sprintf(buf, "level %ui of kind %ud is not in "
                                      "order ", level, k);
                }

                if (ngx_mra_shm_table_find(t, k, e->key) != e) {
                    buf = ngx_sprintf(buf, "level %ui of kind %ud has what "
                                      "is gone ", level, k);
                }

                if (level == 0
                    && e->earlier != (last ? (uint32_t)
                       ((ngx_mra_shm_block_t *) last - t->blocks) : 0))
                {
                    buf = ngx_sprintf(buf, "kind %ud: wrong way back ", k);
                }

                last = e;
            }
        }

        if (entries != t->kinds[k].entries || used != t->kinds[k].blocks) {
            buf = ngx_sprintf(buf, "kind %ud: %ui entries, %ui blocks "
                              "but %uD, %uD counted ", k, entries, used,
                              t->kinds[k].entries, t->kinds[k].blocks);
        }

        listed += entries;
        used_all += used;
    }

    hashed = 0;

    for (i = 0; i <= t->mask; i++) {
        for (b = t->buckets[i]; b; b = t->blocks[b].entry.next) {
            hashed++;
        }
    }

    if (hashed != listed) {
        buf = ngx_sprintf(buf, "%ui in lists, %ui in hash ", listed, hashed);
    }

    nfree = t->nblocks - t->fresh;

    for (b = t->free; b; b = t->blocks[b].more.more) {
        nfree++;
    }

    if (nfree != t->nfree || nfree + used_all != t->nblocks - 1) {
        buf = ngx_sprintf(buf, "blocks: %ui free, %uD counted, %ui used of "
                          "%uD ", nfree, t->nfree, used_all, t->nblocks - 1);
    }

    ngx_shmtx_unlock(&mccf->shpool->mutex);

    return ngx_sprintf(buf, "checked %ui", hashed);
}


static u_char *
ngx_mra_remote_clock(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_mra_remote_ahead = ngx_mra_remote_number(&arg[1]);

    return ngx_sprintf(buf, "OK");
}


static u_char *
ngx_mra_remote_settings(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_mra_conf_t  *mcf;

    mcf = ngx_mra_get_conf(cycle);

    return ngx_sprintf(buf, "%V %M %M %ui %M %i %M %M %i %V %s", &mcf->node,
                       mcf->credentials_refresh_interval,
                       mcf->credentials_cleanup_interval,
                       mcf->max_authorizations, mcf->rate_control_period,
                       mcf->stun_keepalive, mcf->stun_keepalive_interval,
                       mcf->stun_keepalive_timeout, mcf->sip_path_headers,
                       &mcf->domain, mcf->store ? "store" : "none");
}


static u_char *
ngx_mra_remote_mac(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    u_char  mac[32];

    if (ngx_mra_credential_mac(ngx_mra_get_conf(cycle), &arg[1], &arg[2],
                               &arg[3], mac)
        != NGX_OK)
    {
        return ngx_sprintf(buf, "ERROR");
    }

    return ngx_hex_dump(buf, mac, 32);
}


static u_char *
ngx_mra_remote_counter(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_uint_t       c;
    ngx_mra_conf_t  *mcf;

    mcf = ngx_mra_get_conf(cycle);
    c = ngx_mra_remote_is(&arg[1], "gauge") ? NGX_MRA_SIP_DIALOGS
                                            : NGX_MRA_AUTH_TOKEN;

    if (n > 2) {
        ngx_mra_count(mcf, c, ngx_mra_remote_number(&arg[2]));
    }

    return ngx_sprintf(buf, "%i", ngx_mra_counter(mcf, c));
}


static u_char *
ngx_mra_remote_maintenance(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    if (n > 1) {
        rc = ngx_mra_set_maintenance(cycle,
                                     ngx_mra_remote_is(&arg[1], "on"));
    }

    return ngx_sprintf(buf, "%s %s", rc == NGX_OK ? "OK" : "DECLINED",
                       ngx_mra_maintenance(ngx_mra_get_conf(cycle)) ? "on"
                                                                   : "off");
}


/* of each node, then of all: what it carries; services */

static u_char *
ngx_mra_remote_nodes(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_uint_t       i;
    ngx_mra_conf_t  *mcf;
    ngx_mra_node_t   total;

    mcf = ngx_mra_get_conf(cycle);

    ngx_mra_node_walk(mcf, ngx_mra_remote_node_handler, &buf);
    ngx_mra_node_total(mcf, &total);

    ngx_str_set(&total.name, "all");
    ngx_mra_remote_node_handler(&total, &buf);

    for (i = 0; i < NGX_MRA_SERVICES; i++) {
        buf = ngx_sprintf(buf, "%ui ",
                          (ngx_uint_t) ngx_mra_service_state(mcf, i));
    }

    return buf - 1;
}


static void
ngx_mra_remote_node_handler(ngx_mra_node_t *node, void *data)
{
    u_char  **buf = data;

    *buf = ngx_sprintf(*buf, "%V%s%s%s registrations=%ui/%ui@%T dialogs=%ui "
                       "connections=%ui requests=%ui started=%T inside=%V; ",
                       &node->name, node->self ? " self" : "",
                       node->stale ? " stale" : "",
                       node->maintenance ? " maintenance" : "",
                       node->registrations, node->peak, node->peak_time,
                       node->dialogs, node->connections, node->requests,
                       node->started, &node->inside);
}


/* adds to the number at the start of a block */

static u_char *
ngx_mra_remote_block(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_uint_t  *block;

    block = ngx_mra_block_get(ngx_mra_get_conf(cycle), &arg[1],
                              ngx_mra_remote_number(&arg[2]));

    if (block == NULL) {
        return ngx_sprintf(buf, "none");
    }

    if (n > 3) {
        *block += ngx_mra_remote_number(&arg[3]);
    }

    return ngx_sprintf(buf, "%ui", *block);
}


static void
ngx_mra_remote_block_handler(ngx_str_t *name, void *block, void *data)
{
    u_char  **buf = data;

    *buf = ngx_sprintf(*buf, "%V=%ui ", name, *(ngx_uint_t *) block);
}


static u_char *
ngx_mra_remote_blocks(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_mra_block_walk(ngx_mra_get_conf(cycle), &arg[1],
                       ngx_mra_remote_block_handler, &buf);

    return ngx_sprintf(buf, "end");
}


static u_char *
ngx_mra_remote_send(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    size_t                  i, size;
    ngx_int_t               rc, times;
    struct iovec            iov[2];
    ngx_mra_remote_conf_t  *rcf;
    static u_char           data[NGX_MRA_IPC_MAX + 1];

    rcf = ngx_mra_remote_conf(cycle);

    size = ngx_min((size_t) ngx_mra_remote_number(&arg[2]), sizeof(data));
    times = ngx_mra_remote_number(&arg[3]);

    for (i = 0; i < size; i++) {
        data[i] = (u_char) (i * 31 + size);
    }

    iov[0].iov_base = data;
    iov[0].iov_len = size / 3;
    iov[1].iov_base = data + size / 3;
    iov[1].iov_len = size - size / 3;

    rc = NGX_OK;

    while (times-- && rc == NGX_OK) {

        if (size >= sizeof(uint32_t)) {
            rcf->sent++;
            ngx_memcpy(data, &rcf->sent, sizeof(uint32_t));
        }

        rc = ngx_mra_ipc_send(cycle, ngx_mra_remote_number(&arg[1]), 3, iov,
                              2);
    }

    return ngx_sprintf(ngx_mra_remote_rc(buf, rc), " %i", times + 1);
}


static u_char *
ngx_mra_remote_received(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_mra_remote_conf_t  *rcf;

    rcf = ngx_mra_remote_conf(cycle);

    buf = ngx_sprintf(buf, "%uz %uz %uz %uD %uD ", rcf->received, rcf->bytes,
                      rcf->wrong, rcf->from, ngx_mra_ipc_self(cycle));

    return ngx_hex_dump(buf, ngx_mra_core_conf(cycle)->zone->name, 16);
}


static void
ngx_mra_remote_busy_handler(ngx_event_t *ev)
{
    /* void */
}


/* a worker that is told to go stays while a timer is set */

static u_char *
ngx_mra_remote_busy(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    static ngx_event_t       ev;
    static ngx_connection_t  dumb;

    dumb.fd = (ngx_socket_t) -1;

    ev.handler = ngx_mra_remote_busy_handler;
    ev.data = &dumb;
    ev.log = cycle->log;

    if (ngx_mra_remote_is(&arg[1], "1")) {
        ngx_add_timer(&ev, 60000);

    } else if (ev.timer_set) {
        ngx_del_timer(&ev);
    }

    return ngx_sprintf(buf, "OK");
}


/* with the lock of the zone held */

static u_char *
ngx_mra_remote_die(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_shmtx_lock(&ngx_mra_core_conf(cycle)->shpool->mutex);

    (void) kill(ngx_pid, SIGKILL);

    return buf;
}


/* how long what "crash" kills has the lock, for others to wait */

static u_char *
ngx_mra_remote_set_pause(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_mra_remote_pause = ngx_mra_remote_number(&arg[1]);

    return ngx_sprintf(buf, "OK");
}


/*
 * Does the command in a child that is killed after so many instructions,
 * which is what SIGKILL does to a worker.  Answers "done" if it was over
 * before, else "killed" and whether it held the lock.
 */

static u_char *
ngx_mra_remote_crash(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    int               status;
    pid_t             pid;
    sigset_t          set, old;
    ngx_int_t         steps;
    ngx_uint_t        locked, pause;
    ngx_mra_op_t      op;
    ngx_mra_conf_t   *mcf;
    ngx_slab_pool_t  *shpool;

    steps = ngx_mra_remote_number(&arg[1]);
    pause = ngx_mra_remote_pause;
    shpool = ngx_mra_core_conf(cycle)->shpool;

    mcf = ngx_mra_get_conf(cycle);

    if (ngx_mra_remote_prepare(mcf, arg + 2, n - 2, &op) != NGX_OK) {
        return ngx_sprintf(buf, "KEY");
    }

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);

    pid = fork();

    if (pid == 0) {
        ngx_pid = getpid();

        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1) {
            _exit(2);
        }

        (void) raise(SIGSTOP);
        (void) ngx_mra_remote_run(mcf->store, arg + 2, &op);
        _exit(0);
    }

    (void) waitpid(pid, &status, 0);

    while (WIFSTOPPED(status) && steps-- > 0) {

        if (pause && *shpool->mutex.lock == (ngx_atomic_uint_t) pid) {
            ngx_msleep(pause);
            pause = 0;
        }

        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1) {
            break;
        }

        (void) waitpid(pid, &status, 0);
    }

    if (WIFSTOPPED(status)) {
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, &status, 0);
    }

    locked = ngx_shmtx_force_unlock(&shpool->mutex, pid);

    sigprocmask(SIG_SETMASK, &old, NULL);

    if (WIFSIGNALED(status)) {
        return ngx_sprintf(buf, "killed %s", locked ? "locked" : "free");
    }

    return ngx_sprintf(buf, "%s", WEXITSTATUS(status) ? "cannot" : "done");
}


static uint64_t
ngx_mra_remote_ns(struct timespec *from, struct timespec *to)
{
    return (to->tv_sec - from->tv_sec) * 1000000000ULL
           + to->tv_nsec - from->tv_nsec;
}


/* ns for one operation, how many were OK, ns of CPU for one */

static u_char *
ngx_mra_remote_bench(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    u_char            value[32];
    uint64_t          seed, ns;
    ngx_int_t         i, names, ops, ok;
    ngx_mra_op_t      op;
    ngx_mra_store_t  *st;
    struct timespec   from, to, cpu_from, cpu_to;

    st = ngx_mra_get_conf(cycle)->store;

    names = ngx_mra_remote_number(&arg[2]);
    ops = ngx_mra_remote_number(&arg[3]);

    ngx_memzero(&op, sizeof(ngx_mra_op_t));

    op.kind = ngx_mra_remote_kind(&arg[4]);
    ngx_memset(value, 'a', sizeof(value));
    op.value.data = value;
    op.ttl = 28800000;
    op.limit = 8;
    op.period = 300000;

    ngx_str_set(&op.name, "alice@example.com");

    seed = 88172645463325252ULL * (ngx_pid | 1);
    ok = 0;

    clock_gettime(CLOCK_MONOTONIC, &from);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_from);

    for (i = 0; i < ops; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;

        /* the name's digest: as good as random, without its cost */

        ns = (n > 5) ? (uint64_t) i : (seed >> 11) % names;
        ns *= 0x9e3779b97f4a7c15ULL;
        ngx_memcpy(op.key, &ns, 8);
        ngx_memcpy(op.key + 8, &ns, 8);

        op.value.len = sizeof(value);

        ok += (ngx_mra_remote_run(st, &arg[1], &op) == NGX_OK);

        if (i % 16 == 0) {
            ngx_time_update();
        }
    }

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_to);
    clock_gettime(CLOCK_MONOTONIC, &to);

    return ngx_sprintf(buf, "%uL %i %uL", ngx_mra_remote_ns(&from, &to) / ops,
                       ok, ngx_mra_remote_ns(&cpu_from, &cpu_to) / ops);
}


static u_char *
ngx_mra_remote_answer(ngx_int_t rc, u_char *buf)
{
    return ngx_sprintf(buf, "%s", rc == NGX_OK ? "OK"
                                  : rc == NGX_DECLINED ? "DECLINED"
                                  : rc == NGX_ABORT ? "ABORT"
                                  : rc == NGX_BUSY ? "BUSY" : "ERROR");
}


/* categories are numbers here */

static u_char *
ngx_mra_remote_protect(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_int_t            c;
    ngx_addr_t           addr;
    ngx_mra_ban_t        ban;
    ngx_mra_conf_t      *mcf;
    ngx_mra_address_t    a;

    mcf = ngx_mra_get_conf(cycle);
    c = n > 2 ? ngx_mra_remote_number(&arg[2]) : 0;

    if (ngx_mra_address_parse(&a, &arg[1]) != NGX_OK) {
        return ngx_sprintf(buf, "no address");
    }

    if (ngx_mra_remote_is(&arg[0], "ban")) {
        return ngx_mra_remote_answer(
            ngx_mra_ban(mcf, &a, c, ngx_mra_remote_number(&arg[3])), buf);
    }

    if (ngx_mra_remote_is(&arg[0], "left")) {
        (void) ngx_mra_ban_find(mcf, &a, &ban);
        return ngx_sprintf(buf, "%M", (ban.left[c] + 500) / 1000);
    }

    if (ngx_mra_remote_is(&arg[0], "unban")) {
        return ngx_mra_remote_answer(ngx_mra_unban(mcf, &a, c), buf);
    }

    if (ngx_mra_remote_is(&arg[0], "exempt")) {
        return ngx_mra_remote_answer(ngx_mra_exempt(mcf, &a, c), buf);
    }

    if (ngx_mra_remote_is(&arg[0], "unexempt")) {
        return ngx_mra_remote_answer(ngx_mra_unexempt(mcf, &a, c), buf);
    }

    if (ngx_parse_addr(cycle->pool, &addr, arg[1].data, arg[1].len)
        != NGX_OK)
    {
        return ngx_sprintf(buf, "no address");
    }

    if (ngx_mra_remote_is(&arg[0], "fail")) {
        ngx_mra_fail(mcf, c, addr.sockaddr);
    }

    return ngx_sprintf(buf, "%ui", ngx_mra_banned(mcf, addr.sockaddr));
}


static void
ngx_mra_remote_ban_print(ngx_mra_ban_t *ban, void *data)
{
    u_char    **p = data;

    ngx_uint_t  c;

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {

        if (ban->bans[c]) {
            *p += ngx_mra_address_print(&ban->address, *p);
            *p = ngx_sprintf(*p, " %V %ui %Ms;", ngx_mra_category_name(c),
                             ban->bans[c], (ban->left[c] + 500) / 1000);
        }
    }
}


static u_char *
ngx_mra_remote_bans(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    u_char    *p;
    uint64_t   cursor;

    p = buf;
    cursor = 0;

    do {
        if (ngx_mra_ban_walk(ngx_mra_get_conf(cycle), &cursor,
                             ngx_mra_remote_ban_print, &p)
            != NGX_OK)
        {
            return ngx_sprintf(buf, "ERROR");
        }

    } while (cursor);

    return p > buf ? p : ngx_sprintf(buf, "none");
}


static u_char *
ngx_mra_remote_protection(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    const ngx_mra_protection_t  *pn;

    pn = ngx_mra_protection(ngx_mra_get_conf(cycle),
                            ngx_mra_remote_number(&arg[1]));

    return ngx_sprintf(buf, "%ui %ui %M %M %M", pn->on, pn->trigger,
                       pn->window, pn->block, pn->max_block);
}


static u_char *
ngx_mra_remote_exemptions(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_uint_t                  i, count;
    ngx_mra_conf_t             *mcf;
    ngx_mra_exemption_t         made[NGX_MRA_EXEMPTIONS];
    const ngx_mra_exemption_t  *e;

    mcf = ngx_mra_get_conf(cycle);
    count = ngx_mra_exemptions(mcf, &e);

    for (i = 0; i < count; i++) {
        buf += ngx_mra_address_print(&e[i].net, buf);
        buf = ngx_sprintf(buf, " %ui; ", e[i].categories);
    }

    buf = ngx_sprintf(buf, "made:");
    count = ngx_mra_exemptions_made(mcf, made);

    for (i = 0; i < count; i++) {
        buf = ngx_sprintf(buf, " ");
        buf += ngx_mra_address_print(&made[i].net, buf);
        buf = ngx_sprintf(buf, " %ui;", made[i].categories);
    }

    return buf;
}


static u_char *
ngx_mra_remote_ban_bench(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_int_t             i, names, ops, ok;
    ngx_mra_conf_t       *mcf;
    struct timespec       from, to;
    ngx_mra_address_t     a;
    struct sockaddr_in    sin;

    mcf = ngx_mra_get_conf(cycle);
    names = ngx_mra_remote_number(&arg[1]);
    ops = ngx_mra_remote_number(&arg[2]);
    ok = 0;

    ngx_memzero(&sin, sizeof(struct sockaddr_in));
    sin.sin_family = AF_INET;

    for (i = 0; n > 3 && i < names; i++) {
        sin.sin_addr.s_addr = htonl(0x0a000000 + i);
        (void) ngx_mra_address_of(&a, (struct sockaddr *) &sin);
        ok += (ngx_mra_ban(mcf, &a, 0, 3600000) == NGX_OK);
    }

    if (n > 3) {
        return ngx_sprintf(buf, "%i", ok);
    }

    /* every other address is one that is banned */

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);

    for (i = 0; i < ops; i++) {
        sin.sin_addr.s_addr = htonl((i & 1 ? 0x0a000000 : 0x14000000)
                                    + (i * 7919) % names);
        ok += (ngx_mra_banned(mcf, (struct sockaddr *) &sin) != 0);
    }

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);

    return ngx_sprintf(buf, "%uL %i", ngx_mra_remote_ns(&from, &to) / ops,
                       ok);
}


/*
 * Bans addresses for a category in step with another worker, which bans them
 * for another one.  Without a category: how many are banned for 0 and for 3.
 */

static u_char *
ngx_mra_remote_ban_race(ngx_cycle_t *cycle, ngx_str_t *arg, ngx_uint_t n,
    u_char *buf)
{
    ngx_int_t            i, c, names, first, second, spin;
    ngx_str_t            block;
    ngx_mra_ban_t        ban;
    ngx_mra_conf_t      *mcf;
    ngx_atomic_t        *at;
    ngx_mra_address_t    a;
    struct sockaddr_in   sin;

    mcf = ngx_mra_get_conf(cycle);
    names = ngx_mra_remote_number(&arg[1]);
    c = n > 2 ? ngx_mra_remote_number(&arg[2]) : -1;
    first = 0;
    second = 0;

    ngx_memzero(&sin, sizeof(struct sockaddr_in));
    sin.sin_family = AF_INET;

    ngx_str_set(&block, "race");
    at = ngx_mra_block_get(mcf, &block, 2 * sizeof(ngx_atomic_t));

    for (i = 0; i < names; i++) {
        sin.sin_addr.s_addr = htonl(0x0a000000 + i);
        (void) ngx_mra_address_of(&a, (struct sockaddr *) &sin);

        if (c >= 0) {
            at[c != 0] = i + 1;

            for (spin = 1; at[c == 0] < (ngx_atomic_uint_t) i + 1; spin++) {
                ngx_cpu_pause();

                if (spin % 1000 == 0) {
                    ngx_sched_yield();
                }
            }

            (void) ngx_mra_ban(mcf, &a, c, 3600000);
            continue;
        }

        (void) ngx_mra_ban_find(mcf, &a, &ban);
        first += (ban.left[0] != 0);
        second += (ban.left[3] != 0);
    }

    return ngx_sprintf(buf, "%i %i", first, second);
}
