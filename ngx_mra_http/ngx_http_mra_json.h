
/*
 * Copyright (C) ngx_mra contributors
 *
 * JSON (RFC 8259): a writer, and a reader of flat objects.
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


typedef enum {
    NGX_HTTP_MRA_JSON_NULL = 0,
    NGX_HTTP_MRA_JSON_BOOL,
    NGX_HTTP_MRA_JSON_NUMBER,       /* an integer >= 0 */
    NGX_HTTP_MRA_JSON_STRING
} ngx_http_mra_json_type_e;


typedef struct {
    ngx_str_t                 name;
    ngx_http_mra_json_type_e  type;
    ngx_uint_t                number;    /* bool: 0 or 1 */
    ngx_str_t                 string;
} ngx_http_mra_json_member_t;


/*
 * Reads one object without objects and arrays in it, into at most *n
 * members; strings lie in the text, which is changed.  *n: how many there
 * are.
 *
 * NGX_OK
 * NGX_ERROR  something else, a name given twice, more members, U+0000
 */

ngx_int_t ngx_http_mra_json_read(ngx_str_t *text,
    ngx_http_mra_json_member_t *members, ngx_uint_t *n);


#endif /* _NGX_HTTP_MRA_JSON_H_INCLUDED_ */
