/*
 * Copyright (C) ngx_mra contributors
 *
 * What a registered connection that says nothing but keepalives costs.
 */

#ifndef _SIP_IDLE_H_INCLUDED_
#define _SIP_IDLE_H_INCLUDED_


#include "load.h"


/*
 * For each target: opens l->conns connections, from several processes if
 * one may not have so many files, sends keepalives (the kicks of l->ops) at
 * their pace for l->turn seconds, and prints the growth of the target.
 */
void sip_idle(load_t *l);


#endif /* _SIP_IDLE_H_INCLUDED_ */
