
/*
 * Copyright (C) ngx_mra contributors
 *
 * A reader of flat objects in JSON (RFC 8259).
 */


#ifndef _NGX_MRA_JSON_H_INCLUDED_
#define _NGX_MRA_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_MRA_JSON_NULL = 0,
    NGX_MRA_JSON_BOOL,
    NGX_MRA_JSON_NUMBER,        /* an integer >= 0 */
    NGX_MRA_JSON_STRING
} ngx_mra_json_type_e;


typedef struct {
    ngx_str_t            name;
    ngx_mra_json_type_e  type;
    ngx_uint_t           number;    /* bool: 0 or 1 */
    ngx_str_t            string;
} ngx_mra_json_member_t;


/*
 * Reads one object without objects and arrays in it, into at most *n
 * members; strings lie in the text, which is changed.  *n: how many there
 * are.
 *
 * NGX_OK
 * NGX_ERROR  something else, a name given twice, more members, U+0000
 */

ngx_int_t ngx_mra_json_read(ngx_str_t *text, ngx_mra_json_member_t *members,
    ngx_uint_t *n);


#endif /* _NGX_MRA_JSON_H_INCLUDED_ */
