
/*
 * Copyright (C) ngx_mra contributors
 *
 * Protection: what phones do wrong is counted, who is banned is turned away.
 */


#ifndef _NGX_STREAM_MRA_PROTECT_H_INCLUDED_
#define _NGX_STREAM_MRA_PROTECT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_category.h"
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_pending.h"
#include "ngx_stream_mra_relay.h"


/* in postconfiguration; NGX_OK / NGX_ERROR */

ngx_int_t ngx_stream_mra_protect_init(ngx_conf_t *cf);

/* in a worker, when the listeners of our servers are known */

void ngx_stream_mra_protect_listeners(ngx_cycle_t *cycle);

/*
 * One failure of the client; its connection ends when it is banned, after
 * the answer that is being sent.
 */

void ngx_stream_mra_fail(ngx_stream_mra_client_t *client,
    ngx_uint_t category);

/*
 * Steps: who was banned while he was connected gets no further, but calls of
 * who is registered go on; requests with credentials are remembered, and
 * their answers judged.
 */

ngx_int_t ngx_stream_mra_check_banned(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_note_credentials(ngx_stream_mra_relay_t *r);
ngx_int_t ngx_stream_mra_judge_answer(ngx_stream_mra_relay_t *r);

/* the final answer to a REGISTER */

void ngx_stream_mra_judge_registration(ngx_stream_mra_relay_t *r,
    ngx_stream_mra_pending_t *p);


#endif /* _NGX_STREAM_MRA_PROTECT_H_INCLUDED_ */
