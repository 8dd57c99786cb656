
/*
 * Copyright (C) ngx_mra contributors
 *
 * What the files of the http module share among themselves.
 */


#ifndef _NGX_HTTP_MRA_MODULE_H_INCLUDED_
#define _NGX_HTTP_MRA_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_mra.h"
#include "ngx_mra_compat.h"
#include "ngx_mra_node.h"
#include "ngx_mra_target.h"
#include "ngx_mra_token.h"
#include "ngx_mra_user.h"


#define NGX_HTTP_MRA_MAC_LEN  32       /* of ngx_mra_credential_mac() */


typedef struct {
    ngx_mra_conf_t            *mra;
    ngx_rbtree_t               verifying;    /* this worker's leaders */
    ngx_rbtree_node_t          sentinel;
    ngx_array_t                realms;       /* ngx_str_t, of mra_auth */
    ngx_array_t                guarded;      /* ngx_http_core_srv_conf_t * */
    ngx_array_t                ports;        /* in_port_t, of those */
} ngx_http_mra_main_conf_t;


/* mra_failure_header */

#define NGX_HTTP_MRA_FAILURE_OFF     0x0002
#define NGX_HTTP_MRA_FAILURE_SEND    0x0004
#define NGX_HTTP_MRA_FAILURE_ACCEPT  0x0008


typedef struct {
    ngx_str_t                  name;
    ngx_str_t                  domain;    /* data NULL: the host asked for,
                                             len 0: none */
    unsigned                   expires:1;
    unsigned                   secure:1;
    unsigned                   httponly:1;
    unsigned                   forward:1;    /* the next hop sees it */
} ngx_http_mra_cookie_t;


typedef struct {
    ngx_str_t                  uri;       /* mra_auth; len 0: off */

    ngx_str_t                  realm;     /* the scope of all that is kept */
    ngx_str_t                  basic;     /* challenges with it */
    ngx_str_t                  bearer;

    ngx_http_mra_cookie_t     *cookie;

    ngx_uint_t                 limit_status;
    ngx_uint_t                 limit_log_level;
    ngx_flag_t                 limit_dry_run;

    ngx_uint_t                 failure_header;
    ngx_flag_t                 proxy_target;
    ngx_array_t               *allow;     /* of ngx_http_mra_allow_t */

    unsigned                   api:1;
    unsigned                   api_write:1;
    unsigned                   metrics:1;

    ngx_str_t                  page_head;      /* of mra_status_page */
    ngx_str_t                  page_policy;
} ngx_http_mra_loc_conf_t;


typedef enum {
    NGX_HTTP_MRA_ASKED_NOTHING = 0,      /* no credentials */
    NGX_HTTP_MRA_TOKEN,
    NGX_HTTP_MRA_CACHED,
    NGX_HTTP_MRA_VERIFIED,
    NGX_HTTP_MRA_LIMITED,
    NGX_HTTP_MRA_LIMITED_DRY_RUN,
    NGX_HTTP_MRA_REJECTED,
    NGX_HTTP_MRA_UNAVAILABLE,
    NGX_HTTP_MRA_MAINTENANCE,
    NGX_HTTP_MRA_BANNED
} ngx_http_mra_status_e;


typedef enum {
    NGX_HTTP_MRA_ALONE = 0,    /* nobody waits for it or may */
    NGX_HTTP_MRA_LEADING,      /* in the tree, asks or is about to */
    NGX_HTTP_MRA_WAITING,      /* in the queue of a leader */
    NGX_HTTP_MRA_SETTLED
} ngx_http_mra_verify_e;


typedef struct ngx_http_mra_ctx_s  ngx_http_mra_ctx_t;


/* what a client says it is, until that is verified */

typedef struct {
    ngx_str_node_t             node;      /* first; by mac */
    uint32_t                   hash;
    ngx_queue_t                queue;     /* leading: of those who wait */
    ngx_http_mra_verify_e      state;

    ngx_http_mra_ctx_t        *ctx;
    ngx_http_request_t        *sr;
    ngx_event_t                late;      /* when the answer's end is */
    ngx_msec_t                 sent;      /* when sr was */
    ngx_uint_t                 error;     /* the first that nginx made */
    ngx_uint_t                 code;      /* settled: 200, 401, 502, 504 */

    ngx_str_t                  user;      /* as the client sent it */
    ngx_str_t                  password;
    u_char                     mac[NGX_HTTP_MRA_MAC_LEN];
    u_char                     cached[NGX_HTTP_MRA_MAC_LEN];

    ngx_mra_op_t               also;      /* for it, with the limit's */

    unsigned                   bearer:1;
    unsigned                   whole:1;   /* the answer has come to its end */
} ngx_http_mra_credential_t;


/* what the target is for one uri in one location */

typedef struct {
    ngx_http_mra_loc_conf_t   *mlcf;
    u_char                    *uri_data;

    ngx_int_t                  rc;        /* NGX_OK, 400, 403 */
    ngx_str_t                  origin;    /* protocol://host:port, or none */
    ngx_str_t                  uri;       /* escaped, with arguments */
} ngx_http_mra_route_t;


/* of a main request, found again after internal redirects */

struct ngx_http_mra_ctx_s {
    ngx_http_request_t        *request;
    ngx_http_mra_main_conf_t  *mmcf;
    ngx_http_mra_loc_conf_t   *mlcf;      /* what step and rc belong to */

    ngx_uint_t                 step;
    ngx_int_t                  rc;        /* NGX_DECLINED: not decided */
    ngx_http_mra_status_e      status;

    ngx_http_mra_credential_t *credential;
    ngx_http_mra_route_t      *route;
    ngx_event_t               *wake;      /* NULL: has never waited */

    ngx_str_t                  user;      /* normal form */
    ngx_uint_t                 left;      /* authorizations */
    ngx_uint_t                 tokens;    /* tried */
    ngx_str_t                  set_cookie;

    ngx_mra_op_t               op;

    unsigned                   asked:1;   /* op is under way or answered */
    unsigned                   counted:1;
    unsigned                   limited:1;    /* would be, without dry run */
    unsigned                   in_flight:1;  /* it is counted as one */

    /* not cleared */

    u_char                     user_buf[NGX_MRA_USER_LEN];
};


/*
 * A step of the access phase, and what is called from one.
 *
 * NGX_DECLINED   next step
 * NGX_OK         allowed
 * NGX_AGAIN      call again when woken
 * NGX_HTTP_...   answer
 */

typedef ngx_int_t (*ngx_http_mra_step_pt)(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);


/* ngx_http_mra_access.c */

ngx_int_t ngx_http_mra_access_handler(ngx_http_request_t *r);

/* of the main request of r; NULL: there is none, get: out of memory */

ngx_http_mra_ctx_t *ngx_http_mra_find_ctx(ngx_http_request_t *r);
ngx_http_mra_ctx_t *ngx_http_mra_get_ctx(ngx_http_request_t *r);

/*
 * ctx->op for "name" in "scope", to be handed to the store at once; it has
 * answered when op->rc is no longer NGX_AGAIN, then ctx->asked is cleared.
 *
 * NGX_OK / NGX_ERROR (OpenSSL failed)
 */

ngx_int_t ngx_http_mra_prepare(ngx_http_mra_ctx_t *ctx, ngx_mra_kind_e kind,
    ngx_str_t *scope, ngx_str_t *name);

/* NGX_AGAIN, with an eye on the client, or 500 */

ngx_int_t ngx_http_mra_wait(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx);

/* runs the steps of who waits again, in a later turn of the event loop */

void ngx_http_mra_wake(ngx_http_mra_ctx_t *ctx);

/* pushes a response header; NULL: out of memory */

ngx_table_elt_t *ngx_http_mra_add_header(ngx_http_request_t *r, char *name,
    ngx_str_t *value);

/* NGX_OK / NGX_ERROR (out of memory) */

ngx_int_t ngx_http_mra_retry_after(ngx_http_request_t *r, ngx_uint_t seconds);


/* ngx_http_mra_maintenance.c */

ngx_int_t ngx_http_mra_maintenance_handler(ngx_http_request_t *r);


/* ngx_http_mra_token.c */

ngx_int_t ngx_http_mra_check_token(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);
ngx_int_t ngx_http_mra_issue_token(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);

/* whether the user was signed out since the request came */

ngx_uint_t ngx_http_mra_is_revoked(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);


/* ngx_http_mra_credential.c */

ngx_int_t ngx_http_mra_read_credential(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);

/* takes Basic credentials out of the request; NGX_OK / NGX_ERROR */

ngx_int_t ngx_http_mra_cut_basic(ngx_http_request_t *r);

/* lets the limit ask for the credential on the same way */

ngx_int_t ngx_http_mra_ask_credential(ngx_http_mra_ctx_t *ctx);

ngx_int_t ngx_http_mra_check_credential(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);
ngx_int_t ngx_http_mra_keep_credential(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);

/* 401, after the line that Fail2ban reads */

ngx_int_t ngx_http_mra_reject(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx);

/*
 * The user for logs, headers and paths: all but unreserved characters
 * (RFC 3986, 2.3) and "@" percent-encoded; "-" if there is none.
 *
 * NGX_OK / NGX_ERROR (out of memory, the text is "-")
 */

ngx_int_t ngx_http_mra_user_text(ngx_http_request_t *r,
    ngx_http_mra_ctx_t *ctx, ngx_str_t *text);


/* ngx_http_mra_limit.c */

ngx_int_t ngx_http_mra_limit(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx);


/* ngx_http_mra_verify.c */

ngx_int_t ngx_http_mra_verify(ngx_http_request_t *r, ngx_http_mra_ctx_t *ctx);

/* gives the lead to somebody else, or leaves the queue */

void ngx_http_mra_verify_leave(ngx_http_mra_ctx_t *ctx);

/*
 * The headers of a request, but those for which "withheld" is true, as a
 * new list: "to" is initialized.
 *
 * NGX_OK / NGX_ERROR (out of memory)
 */

typedef ngx_uint_t (*ngx_http_mra_withhold_pt)(ngx_table_elt_t *h);

ngx_int_t ngx_http_mra_copy_headers(ngx_http_request_t *r, ngx_list_t *to,
    ngx_http_mra_withhold_pt withheld);

/* filters that swallow the answers of the UC node */

void ngx_http_mra_verify_filter_init(void);


/* ngx_http_mra_target.c */

ngx_int_t ngx_http_mra_target_handler(ngx_http_request_t *r);

/*
 * Where the request goes, checked against the allow list of the location.
 * NULL: out of memory
 */

ngx_http_mra_route_t *ngx_http_mra_get_route(ngx_http_request_t *r);

/*
 * Decodes the escaped path [p, last) into buf, which has last - p bytes.
 *
 * NGX_OK
 * NGX_ERROR  two servers might read it in two ways: dot segments, encoded
 *            slashes, backslashes, controls, what decodes a second time,
 *            fragments, parameters after dots, other than UTF-8
 */

ngx_int_t ngx_http_mra_decode_path(ngx_str_t *path, u_char *p, u_char *last,
    u_char *buf);


/* ngx_http_mra_allow.c */

char *ngx_http_mra_set_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* is "method" allowed on origin + decoded path, without arguments? */

ngx_uint_t ngx_http_mra_allowed(ngx_http_request_t *r, ngx_array_t *rules,
    ngx_str_t *url);


/* ngx_http_mra_protect.c */

/*
 * A location of this server is protected: banned clients are turned away at
 * all ports of the server.  NGX_OK / NGX_ERROR (out of memory)
 */

ngx_int_t ngx_http_mra_guard(ngx_conf_t *cf);

/* when all is merged; when all listeners are open */

ngx_int_t ngx_http_mra_protect_init(ngx_conf_t *cf);
ngx_int_t ngx_http_mra_init_module(ngx_cycle_t *cycle);

ngx_int_t ngx_http_mra_banned_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_mra_log_handler(ngx_http_request_t *r);

/* one failure of the client, told to who asks for it */

void ngx_http_mra_fail(ngx_http_request_t *r, ngx_uint_t category);


/* ngx_http_mra_status_page.c */

char *ngx_http_mra_set_status_page(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_mra_metrics.c */

char *ngx_http_mra_set_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_mra_variable.c */

ngx_int_t ngx_http_mra_add_variables(ngx_conf_t *cf);


extern ngx_module_t  ngx_http_mra_module;


#endif /* _NGX_HTTP_MRA_MODULE_H_INCLUDED_ */
