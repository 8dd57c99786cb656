
/*
 * Copyright (C) ngx_mra contributors
 *
 * A writer of JSON (RFC 8259).
 */


#ifndef _NGX_HTTP_MRA_JSON_H_INCLUDED_
#define _NGX_HTTP_MRA_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_http_mra_output.h"


typedef struct {
    ngx_http_mra_output_t   out;

    ngx_str_t               fields;      /* names separated by commas, of
                                            which alone the members are
                                            written; data NULL: all */
    ngx_uint_t              level;       /* ... at this depth */

    ngx_uint_t              depth;
    ngx_uint_t              skipped;     /* open brackets not written */
    ngx_str_t               key;         /* of the next value, once */
    unsigned                comma:1;
} ngx_http_mra_json_t;


void ngx_http_mra_json_init(ngx_http_mra_json_t *j, ngx_pool_t *pool);

/*
 * Values: "name" is that of a member of an object, NULL in arrays and where
 * ngx_http_mra_json_key() has given the name.
 */

void ngx_http_mra_json_key(ngx_http_mra_json_t *j, ngx_str_t *name);

void ngx_http_mra_json_open(ngx_http_mra_json_t *j, char *name, u_char ch);
void ngx_http_mra_json_close(ngx_http_mra_json_t *j, u_char ch);

/* any bytes: what is no UTF-8 becomes U+FFFD; data NULL: null */

void ngx_http_mra_json_string(ngx_http_mra_json_t *j, char *name,
    ngx_str_t *value);
void ngx_http_mra_json_text(ngx_http_mra_json_t *j, char *name,
    const char *value);
void ngx_http_mra_json_number(ngx_http_mra_json_t *j, char *name,
    int64_t value);
void ngx_http_mra_json_bool(ngx_http_mra_json_t *j, char *name,
    ngx_uint_t value);
void ngx_http_mra_json_null(ngx_http_mra_json_t *j, char *name);

/* ISO 8601 in UTC; 0: null */

void ngx_http_mra_json_time(ngx_http_mra_json_t *j, char *name, time_t value);


#endif /* _NGX_HTTP_MRA_JSON_H_INCLUDED_ */
