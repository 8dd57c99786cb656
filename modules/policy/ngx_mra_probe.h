
/*
 * Copyright (C) ngx_mra contributors
 *
 * The verdict on a next hop, from what was seen of it: answers to probes,
 * connections that failed, requests that timed out.
 *
 * A probe is a STUN Binding request (RFC 8489) where the next hop is known
 * to answer those, else a SIP OPTIONS request (RFC 3261, 11), to which any
 * response will do.  A next hop that answers neither is "mute": it is judged
 * by its connections and by what the requests of clients meet.  One that has
 * answered STUN, and is alive without, is "deaf": it is asked by OPTIONS,
 * and now and then by STUN again.
 */


#ifndef _NGX_MRA_PROBE_H_INCLUDED_
#define _NGX_MRA_PROBE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_MRA_PROBE_UNKNOWN = 0,       /* nothing seen yet; is used */
    NGX_MRA_PROBE_UP,
    NGX_MRA_PROBE_DOWN,
    NGX_MRA_PROBE_DRAINING           /* up and in maintenance: what is told
                                        of a next hop, never pr->state */
} ngx_mra_probe_state_e;


typedef enum {
    NGX_MRA_PROBE_UNTRIED = 0,
    NGX_MRA_PROBE_YES,
    NGX_MRA_PROBE_NO
} ngx_mra_probe_speaks_e;


typedef enum {
    NGX_MRA_PROBE_NONE = 0,
    NGX_MRA_PROBE_STUN,
    NGX_MRA_PROBE_OPTIONS
} ngx_mra_probe_kind_e;


typedef enum {
    NGX_MRA_PROBE_GOOD = 0,
    NGX_MRA_PROBE_REFUSED,           /* connect failed */
    NGX_MRA_PROBE_UNREACHABLE,
    NGX_MRA_PROBE_CONNECT_TIMEOUT,
    NGX_MRA_PROBE_TLS,               /* no handshake */
    NGX_MRA_PROBE_VERIFY,            /* certificate: chain or name */
    NGX_MRA_PROBE_RESET,             /* closed instead of answering */
    NGX_MRA_PROBE_KEEPALIVE_TIMEOUT, /* a probe was not answered */
    NGX_MRA_PROBE_RESPONSE_TIMEOUT,  /* a client's request was not answered */
    NGX_MRA_PROBE_PATH,              /* it has no next hop itself */
    NGX_MRA_PROBE_REASONS
} ngx_mra_probe_reason_e;


/* settings; times in ms */

typedef struct {
    ngx_msec_t     interval;         /* between probes of what is up */
    ngx_msec_t     timeout;          /* for the answer to one */
    ngx_msec_t     fail_timeout;     /* failures count together for so long;
                                        the longest pause between retries */
    ngx_uint_t     max_fails;        /* 0: only probes decide */
    ngx_uint_t     stun;             /* 0: never send STUN */
} ngx_mra_probe_conf_t;


/*
 * What is known; all workers share it.  All zero is a next hop of which
 * nothing was seen.  Times are ms of a clock that all of them share.
 */

typedef struct {
    uint32_t       state;            /* ngx_mra_probe_state_e */
    uint32_t       reason;           /* of the last time it went down */
    uint32_t       stun;             /* ngx_mra_probe_speaks_e */
    uint32_t       options;          /* the same */
    uint32_t       rtt;              /* of the last answer, ms */
    uint32_t       fails;            /* since "failed" */
    uint32_t       step;             /* of the back-off */
    uint32_t       owner;            /* whose probe is under way, 0: none */
    uint32_t       kind;             /* of that probe */
    uint32_t       urgent;           /* somebody waits for a verdict */
    uint32_t       flaps;            /* times that it did not stay up */
    ngx_msec_t     since;            /* the state began */
    ngx_msec_t     alive;            /* last sign of life */
    ngx_msec_t     failed;           /* first of the failures counted */
    ngx_msec_t     started;          /* the last probe */
    ngx_msec_t     lease;            /* until then the owner is believed */
    ngx_msec_t     next;             /* the next probe is due */
    ngx_msec_t     asked;            /* the last STUN probe */
    ngx_msec_t     deaf;             /* since then it answers SIP only, and
                                        STUN no more; 0: it is not so */
    uint32_t       spoke;            /* it has answered STUN */
} ngx_mra_probe_t;


/*
 * Those that return ngx_uint_t tell whether the state has changed, so that
 * one caller alone reports it.  "rnd" is any random number, for jitter.
 */

/*
 * Takes the next probe, if it is due and nobody is at it.  "owner" is the
 * number of the worker, not 0; who takes it reports with probe_answered() or
 * probe_failed(), or is forgotten.  "patience" (ms): leave it to others if
 * it became due less than so long ago.
 *
 * Returns what to send; *timeout (ms) is the time it has from now, that for
 * connecting included.
 */

ngx_mra_probe_kind_e ngx_mra_probe_claim(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_msec_t now, ngx_uint_t owner,
    ngx_msec_t patience, ngx_msec_t *timeout);

/* the one under way only learns, and may be given up for one that decides */

ngx_uint_t ngx_mra_probe_is_lesson(ngx_mra_probe_t *pr);

/*
 * A STUN probe that is not answered in half its time is to be accompanied by
 * OPTIONS: the answer, told with probe_seen(), tells "deaf" from "down".
 */

ngx_uint_t ngx_mra_probe_is_doubtful(ngx_mra_probe_t *pr);

/* the probe that "owner" took was answered; with PATH: "I have no path" */

ngx_uint_t ngx_mra_probe_answered(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_msec_t now, ngx_uint_t owner,
    ngx_mra_probe_reason_e reason, ngx_uint_t rnd);

/* it was not */

ngx_uint_t ngx_mra_probe_failed(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_msec_t now, ngx_uint_t owner,
    ngx_mra_probe_reason_e reason, ngx_uint_t rnd);

/*
 * A connection for clients could not be made, or a client's request, begun
 * at "started", got no answer in time.
 */

ngx_uint_t ngx_mra_probe_missed(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_msec_t now, ngx_msec_t started,
    ngx_mra_probe_reason_e reason, ngx_uint_t rnd);

/* something came from it that is not the answer to a probe */

ngx_uint_t ngx_mra_probe_seen(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_msec_t now);

/*
 * It has told, asked or not, whether it has a path: GOOD or PATH.  One that
 * changes its mind all the time is up again later and later.
 */

ngx_uint_t ngx_mra_probe_told(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_msec_t now,
    ngx_mra_probe_reason_e reason, ngx_uint_t rnd);

/* it makes one wait: the next probe is due now, with less time to answer */

void ngx_mra_probe_suspect(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now);

/* seen alive so lately that nobody needs to ask, or not worth asking */

ngx_uint_t ngx_mra_probe_is_fresh(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_msec_t now);

/* a constant in words that fit after "is down: " */

ngx_str_t ngx_mra_probe_reason(ngx_uint_t reason);


/*
 * An urgent probe takes at most this of the timeout (ms), so that whoever
 * waits for its verdict can still answer within it.
 */

#define ngx_mra_probe_patience(timeout)  ((timeout) - (timeout) / 5)

/* silence after which something that was sent makes a next hop suspect */

#define ngx_mra_probe_silence(timeout)   ((timeout) / 8)


#endif /* _NGX_MRA_PROBE_H_INCLUDED_ */
