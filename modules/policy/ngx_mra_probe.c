
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_probe.h"


#define NGX_MRA_PROBE_RETRY  1000    /* first pause of the back-off, ms */
#define NGX_MRA_PROBE_DEAF   10      /* intervals between STUN to the deaf */


static ngx_mra_probe_kind_e ngx_mra_probe_kind(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf);
static ngx_int_t ngx_mra_probe_learn(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf);
static void ngx_mra_probe_deaf(ngx_mra_probe_t *pr, ngx_msec_t now);
static ngx_uint_t ngx_mra_probe_is_mute(ngx_mra_probe_t *pr);
static ngx_uint_t ngx_mra_probe_is_alive(ngx_mra_probe_t *pr,
    ngx_msec_t moment);
static ngx_uint_t ngx_mra_probe_is_connect(ngx_mra_probe_reason_e reason);
static void ngx_mra_probe_done(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_msec_t now, ngx_uint_t rnd);
static ngx_uint_t ngx_mra_probe_up(ngx_mra_probe_t *pr, ngx_msec_t now);
static ngx_uint_t ngx_mra_probe_down(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_msec_t now,
    ngx_mra_probe_reason_e reason, ngx_uint_t rnd);
static ngx_msec_t ngx_mra_probe_pause(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf, ngx_uint_t rnd);
static ngx_msec_t ngx_mra_probe_calm(ngx_mra_probe_t *pr,
    ngx_mra_probe_conf_t *conf);
static ngx_msec_t ngx_mra_probe_jitter(ngx_msec_t t, ngx_uint_t rnd);


/* workers' clocks differ by a loop of events: "later" has to be signed */

#define ngx_mra_probe_before(a, b)  ((ngx_msec_int_t) ((a) - (b)) < 0)


static const ngx_str_t  ngx_mra_probe_reasons[NGX_MRA_PROBE_REASONS] = {
    ngx_string("nothing failed"),
    ngx_string("connection refused"),
    ngx_string("host unreachable"),
    ngx_string("connection timed out"),
    ngx_string("TLS handshake failed"),
    ngx_string("certificate not accepted"),
    ngx_string("connection closed"),
    ngx_string("keepalive timed out"),
    ngx_string("requests timed out"),
    ngx_string("it has no next hop")
};


ngx_mra_probe_kind_e
ngx_mra_probe_claim(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now, ngx_uint_t owner, ngx_msec_t patience,
    ngx_msec_t *timeout)
{
    if (pr->owner
        && ngx_mra_probe_before(now, pr->lease)
        && !ngx_mra_probe_is_lesson(pr))
    {
        return NGX_MRA_PROBE_NONE;
    }

    if (pr->started && ngx_mra_probe_before(now, pr->next + patience)) {
        return NGX_MRA_PROBE_NONE;
    }

    if (pr->deaf && !pr->urgent
        && pr->stun == NGX_MRA_PROBE_NO
        && ngx_mra_probe_before(pr->asked
                                + NGX_MRA_PROBE_DEAF * conf->interval, now))
    {
        pr->stun = NGX_MRA_PROBE_UNTRIED;
    }

    *timeout = pr->urgent ? ngx_mra_probe_patience(conf->timeout)
                          : conf->timeout;

    pr->kind = ngx_mra_probe_kind(pr, conf);
    pr->owner = owner;
    pr->started = now;
    pr->lease = now + 2 * *timeout;
    pr->urgent = 0;

    if (pr->kind == NGX_MRA_PROBE_STUN) {
        pr->asked = now;
    }

    return pr->kind;
}


ngx_uint_t
ngx_mra_probe_is_lesson(ngx_mra_probe_t *pr)
{
    return pr->urgent
           && pr->kind == NGX_MRA_PROBE_STUN
           && pr->stun == NGX_MRA_PROBE_UNTRIED
           && pr->options == NGX_MRA_PROBE_YES;
}


ngx_uint_t
ngx_mra_probe_is_doubtful(ngx_mra_probe_t *pr)
{
    return pr->kind == NGX_MRA_PROBE_STUN
           && pr->stun == NGX_MRA_PROBE_YES
           && pr->options == NGX_MRA_PROBE_YES;
}


/*
 * Nearly all answer OPTIONS at once; those who do not speak STUN let one
 * wait, so that is tried while nobody does.
 */

static ngx_mra_probe_kind_e
ngx_mra_probe_kind(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf)
{
    if (!conf->stun
        || pr->stun == NGX_MRA_PROBE_NO
        || pr->options == NGX_MRA_PROBE_UNTRIED)
    {
        return NGX_MRA_PROBE_OPTIONS;
    }

    if (pr->stun == NGX_MRA_PROBE_UNTRIED) {
        return (pr->options == NGX_MRA_PROBE_YES
                && (pr->urgent || pr->state == NGX_MRA_PROBE_DOWN))
               ? NGX_MRA_PROBE_OPTIONS : NGX_MRA_PROBE_STUN;
    }

    /*
     * One that is down may come back as another server: both ways are tried
     * in turn.  One without path does answer, but only STUN tells of that.
     */

    return (pr->state == NGX_MRA_PROBE_DOWN
            && pr->reason != NGX_MRA_PROBE_PATH
            && (pr->step & 1))
           ? NGX_MRA_PROBE_OPTIONS : NGX_MRA_PROBE_STUN;
}


ngx_uint_t
ngx_mra_probe_answered(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now, ngx_uint_t owner, ngx_mra_probe_reason_e reason,
    ngx_uint_t rnd)
{
    ngx_uint_t  changed;

    if (pr->owner != owner) {
        return 0;
    }

    if (pr->kind == NGX_MRA_PROBE_STUN) {
        pr->stun = NGX_MRA_PROBE_YES;
        pr->spoke = 1;
        pr->deaf = 0;

    } else {
        pr->options = NGX_MRA_PROBE_YES;
    }

    pr->rtt = now - pr->started;
    pr->alive = now;

    ngx_mra_probe_done(pr, conf, now, rnd);

    if (reason != NGX_MRA_PROBE_GOOD) {
        return ngx_mra_probe_down(pr, conf, now, reason, rnd);
    }

    changed = ngx_mra_probe_up(pr, now);

    if (conf->stun && pr->stun == NGX_MRA_PROBE_UNTRIED) {
        pr->next = now;
    }

    return changed;
}


ngx_uint_t
ngx_mra_probe_failed(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now, ngx_uint_t owner, ngx_mra_probe_reason_e reason,
    ngx_uint_t rnd)
{
    ngx_uint_t  connected;

    if (pr->owner != owner) {
        return 0;
    }

    ngx_mra_probe_done(pr, conf, now, rnd);

    connected = !ngx_mra_probe_is_connect(reason);

    if (connected && ngx_mra_probe_learn(pr, conf) == NGX_AGAIN) {
        pr->next = now;
        return 0;
    }

    /* what clients get answers from is alive, whatever a probe met */

    if (ngx_mra_probe_is_alive(pr, pr->started)) {

        if (connected && pr->kind == NGX_MRA_PROBE_STUN) {
            pr->stun = NGX_MRA_PROBE_UNTRIED;
            ngx_mra_probe_deaf(pr, now);
        }

        return 0;
    }

    if (connected && ngx_mra_probe_is_mute(pr)) {

        /* if it was down: another try, which the requests of clients decide */

        return (pr->state == NGX_MRA_PROBE_DOWN) ? ngx_mra_probe_up(pr, now)
                                                 : 0;
    }

    return ngx_mra_probe_down(pr, conf, now, reason, rnd);
}


/* NGX_AGAIN: the other way is to be tried before anything is said */

static ngx_int_t
ngx_mra_probe_learn(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf)
{
    if (pr->kind == NGX_MRA_PROBE_OPTIONS) {

        if (pr->options != NGX_MRA_PROBE_UNTRIED) {
            return NGX_OK;
        }

        pr->options = NGX_MRA_PROBE_NO;

        return (conf->stun && pr->stun == NGX_MRA_PROBE_UNTRIED) ? NGX_AGAIN
                                                                 : NGX_OK;
    }

    if (pr->stun != NGX_MRA_PROBE_UNTRIED) {
        return NGX_OK;
    }

    pr->stun = NGX_MRA_PROBE_NO;

    if (pr->options == NGX_MRA_PROBE_YES) {
        ngx_mra_probe_deaf(pr, pr->asked);
    }

    return (pr->options == NGX_MRA_PROBE_YES) ? NGX_AGAIN : NGX_OK;
}


static void
ngx_mra_probe_deaf(ngx_mra_probe_t *pr, ngx_msec_t now)
{
    if (pr->spoke && pr->deaf == 0) {
        pr->deaf = now;
    }
}


ngx_uint_t
ngx_mra_probe_missed(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now, ngx_msec_t started, ngx_mra_probe_reason_e reason,
    ngx_uint_t rnd)
{
    if (pr->state == NGX_MRA_PROBE_DOWN) {
        return 0;
    }

    ngx_mra_probe_suspect(pr, conf, now);

    if (ngx_mra_probe_is_alive(pr, started)) {
        return 0;
    }

    /* a request may take long for many reasons: a probe tells them apart */

    if (conf->max_fails == 0
        || (reason == NGX_MRA_PROBE_RESPONSE_TIMEOUT
            && !ngx_mra_probe_is_mute(pr)))
    {
        return 0;
    }

    if (pr->fails == 0
        || ngx_mra_probe_before(pr->failed + conf->fail_timeout, now))
    {
        pr->failed = now;
        pr->fails = 0;
    }

    if (++pr->fails < conf->max_fails) {
        return 0;
    }

    return ngx_mra_probe_down(pr, conf, now, reason, rnd);
}


ngx_uint_t
ngx_mra_probe_seen(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now)
{
    pr->alive = now;

    /* the last words of one that has just gone down prove nothing */

    if (pr->state == NGX_MRA_PROBE_DOWN) {
        ngx_mra_probe_suspect(pr, conf, now);
        return 0;
    }

    return ngx_mra_probe_up(pr, now);
}


ngx_uint_t
ngx_mra_probe_told(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now, ngx_mra_probe_reason_e reason, ngx_uint_t rnd)
{
    pr->alive = now;

    pr->stun = NGX_MRA_PROBE_YES;
    pr->spoke = 1;
    pr->deaf = 0;

    if (reason != NGX_MRA_PROBE_GOOD) {
        return ngx_mra_probe_down(pr, conf, now, reason, rnd);
    }

    if (pr->state != NGX_MRA_PROBE_DOWN
        || pr->reason != NGX_MRA_PROBE_PATH
        || ngx_mra_probe_before(now, pr->since
                                     + ngx_mra_probe_calm(pr, conf)))
    {
        return 0;
    }

    pr->kind = NGX_MRA_PROBE_STUN;

    return ngx_mra_probe_up(pr, now);
}


void
ngx_mra_probe_suspect(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now)
{
    if (pr->state == NGX_MRA_PROBE_DOWN
        && (ngx_mra_probe_before(now, pr->started + NGX_MRA_PROBE_RETRY)
            || ngx_mra_probe_before(now, pr->since
                                         + ngx_mra_probe_calm(pr, conf))))
    {
        return;
    }

    if (ngx_mra_probe_is_mute(pr)
        && ngx_mra_probe_before(now, pr->started + conf->interval))
    {
        return;
    }

    pr->urgent = 1;

    if (ngx_mra_probe_before(now, pr->next)) {
        pr->next = now;
    }
}


ngx_uint_t
ngx_mra_probe_is_fresh(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now)
{
    if (pr->state == NGX_MRA_PROBE_DOWN) {
        return 0;
    }

    return ngx_mra_probe_is_mute(pr)
           || ngx_mra_probe_is_alive(pr, now - conf->timeout / 3);
}


ngx_str_t
ngx_mra_probe_reason(ngx_uint_t reason)
{
    return ngx_mra_probe_reasons[reason];
}


/* tried in all ways, never answered */

static ngx_uint_t
ngx_mra_probe_is_mute(ngx_mra_probe_t *pr)
{
    return pr->stun != NGX_MRA_PROBE_YES && pr->options == NGX_MRA_PROBE_NO;
}


/* it gave a sign of life after that moment */

static ngx_uint_t
ngx_mra_probe_is_alive(ngx_mra_probe_t *pr, ngx_msec_t moment)
{
    return pr->alive && ngx_mra_probe_before(moment, pr->alive);
}


static ngx_uint_t
ngx_mra_probe_is_connect(ngx_mra_probe_reason_e reason)
{
    return reason >= NGX_MRA_PROBE_REFUSED && reason <= NGX_MRA_PROBE_VERIFY;
}


static void
ngx_mra_probe_done(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now, ngx_uint_t rnd)
{
    pr->owner = 0;
    pr->urgent = 0;

    if (pr->state == NGX_MRA_PROBE_DOWN) {
        pr->step++;
        pr->next = now + ngx_mra_probe_pause(pr, conf, rnd);

    } else {
        pr->next = now + ngx_mra_probe_jitter(conf->interval, rnd);
    }
}


static ngx_uint_t
ngx_mra_probe_up(ngx_mra_probe_t *pr, ngx_msec_t now)
{
    pr->fails = 0;

    if (pr->state == NGX_MRA_PROBE_UP) {
        return 0;
    }

    /* another server may have come back */

    if (pr->state == NGX_MRA_PROBE_DOWN
        && pr->kind == NGX_MRA_PROBE_OPTIONS)
    {
        pr->stun = NGX_MRA_PROBE_UNTRIED;
    }

    pr->state = NGX_MRA_PROBE_UP;
    pr->since = now;

    return 1;
}


static ngx_uint_t
ngx_mra_probe_down(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_msec_t now, ngx_mra_probe_reason_e reason, ngx_uint_t rnd)
{
    pr->reason = reason;

    if (pr->state == NGX_MRA_PROBE_DOWN) {
        return 0;
    }

    /* one that does not stay up is not retried ever faster */

    if (pr->state == NGX_MRA_PROBE_UNKNOWN
        || ngx_mra_probe_before(pr->since + conf->fail_timeout, now))
    {
        pr->step = 0;
        pr->flaps = 0;

    } else {
        pr->flaps++;
    }

    pr->state = NGX_MRA_PROBE_DOWN;
    pr->since = now;
    pr->fails = 0;
    pr->urgent = 0;
    pr->next = now + ngx_mra_probe_pause(pr, conf, rnd);

    return 1;
}


static ngx_msec_t
ngx_mra_probe_pause(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf,
    ngx_uint_t rnd)
{
    ngx_msec_t  pause, longest;

    longest = ngx_max(conf->fail_timeout, NGX_MRA_PROBE_RETRY);

    pause = NGX_MRA_PROBE_RETRY << ngx_min(pr->step, 16);

    return ngx_mra_probe_jitter(ngx_min(pause, longest), rnd);
}


/* what it says is no reason to try one that has just gone down, ms */

static ngx_msec_t
ngx_mra_probe_calm(ngx_mra_probe_t *pr, ngx_mra_probe_conf_t *conf)
{
    ngx_msec_t  calm;

    if (pr->flaps < 2) {
        return 0;
    }

    calm = NGX_MRA_PROBE_RETRY << ngx_min(pr->flaps, 16);

    return ngx_min(calm, conf->fail_timeout);
}


/* up to a tenth less, so that many nodes do not ask in step */

static ngx_msec_t
ngx_mra_probe_jitter(ngx_msec_t t, ngx_uint_t rnd)
{
    return t - rnd % (t / 10 + 1);
}
