/*
 * Copyright (C) ngx_mra contributors
 *
 * A phone on each connection of a load generator: registers, calls its
 * neighbour, answers. Connection 2n calls connection 2n + 1.
 */

#ifndef _SIP_UA_H_INCLUDED_
#define _SIP_UA_H_INCLUDED_


#include "load.h"


/* load_ready() if the connection was not, else load_done(); ends all below */
void sip_ua_done(load_conn_t *c);

void sip_ua_register(load_conn_t *c);
void sip_ua_call(load_conn_t *c);
void sip_ua_hang_up(load_conn_t *c);        /* the caller */
void sip_ua_ping(load_conn_t *c);           /* CRLF CRLF, RFC 5626, 4.4.1 */
void sip_ua_bind(load_conn_t *c);           /* STUN Binding request */

/* a call is done when it is up, sip_ua_hang_up() is another unit of work */
extern int  sip_ua_hold;

/* gets final answers that are no success; NULL: they end the program */
extern void  (*sip_ua_failed)(load_conn_t *c, int status);

size_t sip_ua_input(load_conn_t *c, char *p, size_t n);


#endif /* _SIP_UA_H_INCLUDED_ */
