
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_FRAME_H_INCLUDED_
#define _NGX_MRA_FRAME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Cuts the byte stream of one connection into frames.  The first byte tells
 * what comes:
 *
 *     0x00, 0x01    STUN with magic cookie (RFC 8489, 5)
 *     CR            keepalive (RFC 5626, 3.5.1), or an empty line before a
 *                   message (RFC 3261, 7.5)
 *     a token char  SIP, up to the end of the body that Content-Length
 *                   tells (RFC 3261, 18.3)
 */

typedef enum {
    NGX_MRA_FRAME_SIP = 1,
    NGX_MRA_FRAME_STUN,
    NGX_MRA_FRAME_PONG,            /* CRLF: answers a ping of ours, or is
                                      half of a ping, or means nothing */
    NGX_MRA_FRAME_PING             /* the CRLF right after: wants a CRLF */
} ngx_mra_frame_type_e;


typedef enum {
    NGX_MRA_FRAME_BAD_START = 1,   /* no frame starts with this */
    NGX_MRA_FRAME_BAD_STUN,        /* no magic cookie, length not of 4s */
    NGX_MRA_FRAME_BAD_LINE,        /* a bare CR or LF in the SIP head */
    NGX_MRA_FRAME_HEAD_TOO_LARGE,  /* SIP head or STUN message */

    /* with these the SIP head is complete, so that it can be answered */

    NGX_MRA_FRAME_NO_LENGTH,       /* 400: a stream needs Content-Length */
    NGX_MRA_FRAME_BAD_LENGTH,      /* 400: no number, or two that differ */
    NGX_MRA_FRAME_TOO_LARGE        /* 513: head and body above the limit */
} ngx_mra_frame_reason_e;


/* 16 bytes for each connection, zeroed before the first call */

typedef struct {
    uint32_t                 head;       /* bytes of the SIP head seen */
    uint32_t                 field;      /* private */
    uint32_t                 length;     /* of the whole frame, bytes */
    unsigned                 type:4;     /* ngx_mra_frame_type_e */
    unsigned                 reason:4;   /* ngx_mra_frame_reason_e */
    unsigned                 complete:1; /* length is known, and for SIP all
                                            of the head is seen */
    unsigned                 counted:1;  /* private, as are these */
    unsigned                 broken:1;
    unsigned                 crlf:1;
    unsigned                 done:1;
} ngx_mra_frame_t;


/* a frame begins, and nothing of it was seen */

#define ngx_mra_frame_is_new(f)                                               \
    ((f)->done || ((f)->head == 0 && (f)->reason == 0))


/*
 * Looks at [p, last), where p is always the start of the frame: after
 * NGX_AGAIN the caller comes again with the same bytes and more behind them
 * (at another address, if it likes), and what was seen is not read again.
 *
 * max_head is the limit of a SIP head with its empty line, and of a STUN
 * message, max_message that of head and body; bytes, below 2^31.
 *
 * NGX_OK     f->type, f->length and, for SIP, f->head are those of the
 *            frame at p.  The next call is for what follows it.
 * NGX_AGAIN  more bytes are needed: up to f->length in all, if f->complete.
 * NGX_ERROR  framing is lost, f->reason tells why.  If f->complete, f->head
 *            bytes at p are a SIP head that may be answered; f->length is
 *            right with TOO_LARGE only (and 2^31 or more stands for any such
 *            number).  Whoever wants to go on after that skips f->length
 *            bytes and zeroes f.
 *
 * Two CRLF in a row are a PONG and a PING, so a server answers each PING and
 * ignores PONGs, a client takes either for a sign of life, and nobody has to
 * wait for the byte after a CRLF.
 */

ngx_int_t ngx_mra_frame_next(ngx_mra_frame_t *f, size_t max_head,
    size_t max_message, u_char *p, u_char *last);


#endif /* _NGX_MRA_FRAME_H_INCLUDED_ */
