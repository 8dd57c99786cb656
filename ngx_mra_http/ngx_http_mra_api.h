
/*
 * Copyright (C) ngx_mra contributors
 *
 * The JSON API: what its endpoints share.
 */


#ifndef _NGX_HTTP_MRA_API_H_INCLUDED_
#define _NGX_HTTP_MRA_API_H_INCLUDED_


#include "ngx_http_mra_module.h"
#include "ngx_http_mra_json.h"
#include "ngx_mra_json.h"


#define NGX_HTTP_MRA_API_VERSION  1

#define NGX_HTTP_MRA_API_BODY     4096     /* bytes of a request's body */
#define NGX_HTTP_MRA_API_MEMBERS  8        /* ... and what it may have */
#define NGX_HTTP_MRA_API_LIMIT    1000     /* records of one page */


typedef struct ngx_http_mra_api_endpoint_s  ngx_http_mra_api_endpoint_t;


typedef struct {
    ngx_http_request_t            *request;
    ngx_mra_conf_t                *mra;
    ngx_uint_t                     write;     /* is allowed here */

    ngx_str_t                      path;      /* below the version */
    ngx_str_t                      arg;       /* what "*" stands for */

    ngx_uint_t                     nmembers;  /* of the body */
    ngx_mra_json_member_t          members[NGX_HTTP_MRA_API_MEMBERS];

    ngx_uint_t                     error;     /* a status, 0: none */
    const char                    *text;
    const char                    *code;

    ngx_http_mra_json_t            json;
} ngx_http_mra_api_t;


/*
 * Writes the answer's body into api->json.
 *
 * 200, 201, 202  the body is sent with this status
 * 204            no body
 * NGX_DONE       ngx_http_mra_api_finish() is called later
 * NGX_ERROR      api_error() was called, or 500
 */

typedef ngx_int_t (*ngx_http_mra_api_pt)(ngx_http_mra_api_t *api);

struct ngx_http_mra_api_endpoint_s {
    ngx_str_t                      path;      /* "*" at the end: the rest */
    ngx_uint_t                     method;
    ngx_http_mra_api_pt            handler;
};


/* ngx_http_mra_api.c */

char *ngx_http_mra_set_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* makes the error the answer; NGX_ERROR */

ngx_int_t ngx_http_mra_api_error(ngx_http_mra_api_t *api, ngx_uint_t status,
    const char *code, const char *text);

/* sends the answer of a handler that has returned NGX_DONE */

void ngx_http_mra_api_finish(ngx_http_mra_api_t *api, ngx_int_t rc);

/* a member of the body; NULL: there is none */

ngx_mra_json_member_t *ngx_http_mra_api_member(ngx_http_mra_api_t *api,
    const char *name);


/* ngx_http_mra_api_node.c */

ngx_int_t ngx_http_mra_api_node(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_store(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_redis(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_next_hops(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_next_hop(ngx_http_mra_api_t *api);


/* ngx_http_mra_api_peer.c */

ngx_int_t ngx_http_mra_api_registrations(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_peers(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_maintenance(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_maintain(ngx_http_mra_api_t *api);


/* ngx_http_mra_api_service.c */

ngx_int_t ngx_http_mra_api_services(ngx_http_mra_api_t *api);


/* ngx_http_mra_api_protect.c */

ngx_int_t ngx_http_mra_api_protection(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_bans(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_ban(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_unban(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_exemptions(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_exempt(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_unexempt(ngx_http_mra_api_t *api);


/* ngx_http_mra_api_page.c */

/* "limit" and "cursor" of the request; NGX_OK / NGX_ERROR (api_error()) */

ngx_int_t ngx_http_mra_api_page_args(ngx_http_mra_api_t *api,
    ngx_uint_t *limit, uint64_t *cursor);

/* "next", null when the cursor is 0 */

void ngx_http_mra_api_write_next(ngx_http_mra_api_t *api, uint64_t cursor);

ngx_int_t ngx_http_mra_api_bindings(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_rate_control(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_rate_control_reset(ngx_http_mra_api_t *api);


/* ngx_http_mra_api_token.c */

ngx_int_t ngx_http_mra_api_tokens(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_tokens_of(ngx_http_mra_api_t *api);
ngx_int_t ngx_http_mra_api_revoke(ngx_http_mra_api_t *api);


#endif /* _NGX_HTTP_MRA_API_H_INCLUDED_ */
