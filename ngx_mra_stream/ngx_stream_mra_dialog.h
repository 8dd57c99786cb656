
/*
 * Copyright (C) ngx_mra contributors
 *
 * The dialogs of a client, counted because draining waits for their end.
 */


#ifndef _NGX_STREAM_MRA_DIALOG_H_INCLUDED_
#define _NGX_STREAM_MRA_DIALOG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_stream_mra_client.h"
#include "ngx_stream_mra_relay.h"


/* step: INVITE sets one up, 2xx to it begins one, BYE ends it */

ngx_int_t ngx_stream_mra_note_dialog(ngx_stream_mra_relay_t *r);

/* is the message in r one of a dialog of its client, or of its set-up? */

ngx_uint_t ngx_stream_mra_dialog_known(ngx_stream_mra_relay_t *r);

/* no call and no set-up of one needs this client */

ngx_uint_t ngx_stream_mra_dialogs_idle(ngx_stream_mra_client_t *client);

/* the request in r gets an answer of ours */

void ngx_stream_mra_dialog_refused(ngx_stream_mra_relay_t *r);

void ngx_stream_mra_dialogs_free(ngx_stream_mra_client_t *client);


#endif /* _NGX_STREAM_MRA_DIALOG_H_INCLUDED_ */
