
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_STUN_H_INCLUDED_
#define _NGX_MRA_STUN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * STUN messages (RFC 8489), as far as a keepalive needs them.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---+---------------------------+-------------------------------+
 *     |0 0|    class and method       |      length of attributes     |
 *     +---+---------------------------+-------------------------------+
 *     |                    magic cookie 0x2112a442                    |
 *     +---------------------------------------------------------------+
 *     |                   transaction id, 12 bytes                    |
 *     +-------------------------------+-------------------------------+
 *     |        attribute type         |   length without padding      |
 *     +-------------------------------+-------------------------------+
 *     |                 value, padded to 4 bytes ...                  |
 */

#define NGX_MRA_STUN_HEADER_LEN           20
#define NGX_MRA_STUN_ID_LEN               12
#define NGX_MRA_STUN_COOKIE               0x2112a442

/* messages: class and method in one */

#define NGX_MRA_STUN_REQUEST              0x0001
#define NGX_MRA_STUN_INDICATION           0x0011
#define NGX_MRA_STUN_SUCCESS              0x0101
#define NGX_MRA_STUN_ERROR                0x0111

/* attributes: above 0x7fff whoever does not know them ignores them */

#define NGX_MRA_STUN_MAPPED_ADDRESS       0x0001
#define NGX_MRA_STUN_USERNAME             0x0006
#define NGX_MRA_STUN_INTEGRITY            0x0008
#define NGX_MRA_STUN_ERROR_CODE           0x0009
#define NGX_MRA_STUN_UNKNOWN_ATTRIBUTES   0x000a
#define NGX_MRA_STUN_REALM                0x0014
#define NGX_MRA_STUN_NONCE                0x0015
#define NGX_MRA_STUN_INTEGRITY_SHA256     0x001c
#define NGX_MRA_STUN_PASSWORD_ALGORITHM   0x001d
#define NGX_MRA_STUN_USERHASH             0x001e
#define NGX_MRA_STUN_XOR_MAPPED_ADDRESS   0x0020
#define NGX_MRA_STUN_SOFTWARE             0x8022
#define NGX_MRA_STUN_FINGERPRINT          0x8028


/* everything points into the caller's bytes */

typedef struct {
    ngx_uint_t                type;
    u_char                   *id;      /* NGX_MRA_STUN_ID_LEN bytes */
    u_char                   *start;   /* of the message */
    u_char                   *last;    /* its end */
} ngx_mra_stun_t;


typedef struct {
    ngx_uint_t                type;
    ngx_str_t                 value;   /* without padding */
} ngx_mra_stun_attr_t;


/*
 * Decodes the message that starts at p; what follows it is not looked at.
 * After NGX_OK its attributes are known to fill it exactly.
 *
 * NGX_OK / NGX_AGAIN (more bytes are needed) / NGX_ERROR (this is no STUN)
 */

ngx_int_t ngx_mra_stun_decode(ngx_mra_stun_t *m, u_char *p, u_char *last);

/*
 * The attribute at *pos, NULL for the first; moves *pos to the next one.
 *
 * NGX_OK / NGX_DONE (there are no more)
 */

ngx_int_t ngx_mra_stun_next(ngx_mra_stun_t *m, u_char **pos,
    ngx_mra_stun_attr_t *attr);

/* the first attribute of a type: NGX_OK / NGX_DECLINED (there is none) */

ngx_int_t ngx_mra_stun_find(ngx_mra_stun_t *m, ngx_uint_t type,
    ngx_mra_stun_attr_t *attr);

/*
 * FINGERPRINT (RFC 8489, 14.7).
 *
 * NGX_OK        it is right
 * NGX_DECLINED  there is none
 * NGX_ERROR     it is wrong or not the last attribute: ignore the message
 */

ngx_int_t ngx_mra_stun_check(ngx_mra_stun_t *m);

/*
 * How many attributes would have to be understood and are not (RFC 8489,
 * 6.3.1).  Not 0 in a request: the answer is 420 with add_unknown().
 */

ngx_uint_t ngx_mra_stun_unknown(ngx_mra_stun_t *m);

/*
 * Value of MAPPED-ADDRESS or XOR-MAPPED-ADDRESS (RFC 8489, 14.1, 14.2) as
 * sockaddr; *len is its length.  NGX_OK / NGX_ERROR
 */

ngx_int_t ngx_mra_stun_decode_address(ngx_mra_stun_t *m,
    ngx_mra_stun_attr_t *attr, ngx_sockaddr_t *sa, socklen_t *len);

/*
 * Value of ERROR-CODE (RFC 8489, 14.8): *code is 300..699, *reason points
 * into the message.  NGX_OK / NGX_ERROR
 */

ngx_int_t ngx_mra_stun_decode_error(ngx_mra_stun_attr_t *attr,
    ngx_uint_t *code, ngx_str_t *reason);


/*
 * Writing, into the caller's buffer: init, any number of add, end.  What does
 * not fit is noticed by end, so nothing is to be checked in between.
 */

typedef struct {
    u_char                   *start;
    u_char                   *pos;     /* NULL: it did not fit */
    u_char                   *end;
} ngx_mra_stun_buf_t;


/* id is that of the request, or 12 random bytes for a request of ours */

void ngx_mra_stun_init(ngx_mra_stun_buf_t *b, u_char *start, u_char *end,
    ngx_uint_t type, u_char *id);

void ngx_mra_stun_add(ngx_mra_stun_buf_t *b, ngx_uint_t type, u_char *data,
    size_t len);

/*
 * XOR-MAPPED-ADDRESS; an IPv4 address mapped to IPv6 goes out as IPv4.  Of
 * other families, such as unix sockets, nothing is added.
 */

void ngx_mra_stun_add_address(ngx_mra_stun_buf_t *b, struct sockaddr *sa);

/* ERROR-CODE; code 300..699 */

void ngx_mra_stun_add_error(ngx_mra_stun_buf_t *b, ngx_uint_t code,
    ngx_str_t *reason);

/* UNKNOWN-ATTRIBUTES: the types that ngx_mra_stun_unknown() counted in m */

void ngx_mra_stun_add_unknown(ngx_mra_stun_buf_t *b, ngx_mra_stun_t *m);

/*
 * Completes the message, with FINGERPRINT if asked: an answer carries one
 * when its request did (RFC 8489, 7.3).  Returns its length, 0 if the buffer
 * is too small.
 */

size_t ngx_mra_stun_end(ngx_mra_stun_buf_t *b, ngx_uint_t fingerprint);


#endif /* _NGX_MRA_STUN_H_INCLUDED_ */
