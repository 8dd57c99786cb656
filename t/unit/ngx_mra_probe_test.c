
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_probe.h"


/*
 * Stories of one next hop.  Times are in ms; random numbers are 0, so that
 * there is no jitter, unless a test is about it.
 */

enum {
    sw_end = 0,
    sw_claim,          /* arg: what is to be sent */
    sw_answer,         /* the probe was answered, arg: reason */
    sw_fail,           /* it was not, arg: reason */
    sw_miss,           /* a connection or a request failed, arg: reason */
    sw_seen,           /* a message came */
    sw_suspect,
    sw_fresh,          /* arg: is it */
    sw_told,           /* it tells of its path, arg: reason */
    sw_doubt,          /* arg: is OPTIONS to be sent, too */
    sw_deaf,           /* arg: since when */
    sw_stun            /* arg: does it speak STUN */
};


typedef struct {
    ngx_msec_t   now;
    ngx_uint_t   event;
    ngx_uint_t   arg;
    ngx_uint_t   state;       /* after it */
    ngx_uint_t   changed;
} step_t;


#define none     NGX_MRA_PROBE_NONE
#define STUN     NGX_MRA_PROBE_STUN
#define OPTIONS  NGX_MRA_PROBE_OPTIONS
#define unknown  NGX_MRA_PROBE_UNKNOWN
#define up       NGX_MRA_PROBE_UP
#define down     NGX_MRA_PROBE_DOWN
#define refused  NGX_MRA_PROBE_REFUSED
#define lost     NGX_MRA_PROBE_KEEPALIVE_TIMEOUT
#define silent   NGX_MRA_PROBE_RESPONSE_TIMEOUT
#define no_path  NGX_MRA_PROBE_PATH
#define reset    NGX_MRA_PROBE_RESET
#define yes      NGX_MRA_PROBE_YES
#define no       NGX_MRA_PROBE_NO
#define untried  NGX_MRA_PROBE_UNTRIED


static struct {
    char        *name;
    ngx_uint_t   max_fails;
    step_t       steps[25];
} stories[] = {

    { "speaks STUN, is frozen, thaws", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1010, sw_claim, none, unknown, 0 },
        { 1010, sw_answer, 0, up, 1 },
        { 1010, sw_claim, STUN, up, 0 },
        { 1020, sw_answer, 0, up, 0 },
        { 1020, sw_stun, yes, up, 0 },
        { 2000, sw_fresh, 1, up, 0 },
        { 2020, sw_fresh, 0, up, 0 },
        { 31019, sw_claim, none, up, 0 },
        { 31020, sw_claim, STUN, up, 0 },
        { 34020, sw_fail, lost, down, 1 },
        { 34020, sw_fresh, 0, down, 0 },
        { 35019, sw_claim, none, down, 0 },
        { 35020, sw_claim, STUN, down, 0 },
        { 38020, sw_fail, lost, down, 0 },
        { 40019, sw_claim, none, down, 0 },
        { 40020, sw_claim, OPTIONS, down, 0 },
        { 43020, sw_fail, lost, down, 0 },
        { 47020, sw_claim, STUN, down, 0 },
        { 47030, sw_answer, 0, up, 1 },
        { 47030, sw_stun, yes, up, 0 },
        { 77030, sw_claim, STUN, up, 0 } } },

    { "speaks SIP only", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1001, sw_answer, 0, up, 1 },
        { 1001, sw_claim, STUN, up, 0 },
        { 4001, sw_fail, lost, up, 0 },
        { 4001, sw_stun, no, up, 0 },
        { 4001, sw_claim, OPTIONS, up, 0 },
        { 4005, sw_answer, 0, up, 0 },
        { 34005, sw_claim, OPTIONS, up, 0 },
        { 37005, sw_fail, lost, down, 1 },
        { 38005, sw_claim, OPTIONS, down, 0 },
        { 38010, sw_answer, 0, up, 1 },
        { 38010, sw_stun, untried, up, 0 },
        { 68010, sw_claim, STUN, up, 0 },
        { 68020, sw_fail, reset, up, 0 },
        { 68020, sw_claim, OPTIONS, up, 0 } } },

    { "is killed, comes back", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 1001, sw_answer, 0, up, 0 },
        { 5000, sw_miss, refused, down, 1 },
        { 5000, sw_miss, refused, down, 0 },
        { 6000, sw_claim, STUN, down, 0 },
        { 6000, sw_fail, refused, down, 0 },
        { 8000, sw_claim, OPTIONS, down, 0 },
        { 8000, sw_fail, refused, down, 0 },
        { 12000, sw_claim, STUN, down, 0 },
        { 12000, sw_fail, refused, down, 0 },
        { 20000, sw_claim, OPTIONS, down, 0 },
        { 20000, sw_fail, refused, down, 0 },
        { 29999, sw_claim, none, down, 0 },
        { 30000, sw_claim, STUN, down, 0 },
        { 30001, sw_answer, 0, up, 1 },
        { 30002, sw_miss, refused, down, 1 },
        { 40001, sw_claim, none, down, 0 },
        { 40002, sw_claim, OPTIONS, down, 0 } } },

    { "comes back as a server without STUN", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 1001, sw_answer, 0, up, 0 },
        { 5000, sw_miss, refused, down, 1 },
        { 6000, sw_claim, STUN, down, 0 },
        { 9000, sw_fail, lost, down, 0 },
        { 11000, sw_claim, OPTIONS, down, 0 },
        { 11001, sw_answer, 0, up, 1 },
        { 11001, sw_stun, untried, up, 0 },
        { 41001, sw_claim, STUN, up, 0 },
        { 44001, sw_fail, lost, up, 0 },
        { 44001, sw_stun, no, up, 0 } } },

    { "speaks STUN only", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 4000, sw_fail, lost, unknown, 0 },
        { 4000, sw_claim, STUN, unknown, 0 },
        { 4001, sw_answer, 0, up, 1 },
        { 34001, sw_claim, STUN, up, 0 },
        { 37001, sw_fail, lost, down, 1 } } },

    { "is frozen while it is tried whether it speaks STUN", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1001, sw_answer, 0, up, 1 },
        { 1001, sw_claim, STUN, up, 0 },
        { 2000, sw_claim, none, up, 0 },
        { 2000, sw_suspect, 0, up, 0 },
        { 2000, sw_claim, OPTIONS, up, 0 },
        { 4400, sw_fail, lost, down, 1 },
        { 5400, sw_claim, OPTIONS, down, 0 },
        { 5401, sw_answer, 0, up, 1 },
        { 5401, sw_stun, untried, up, 0 } } },

    { "is never there", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_fail, refused, down, 1 },
        { 2000, sw_claim, OPTIONS, down, 0 } } },

    { "answers no probe, but requests", 2, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 4000, sw_fail, lost, unknown, 0 },
        { 4000, sw_claim, STUN, unknown, 0 },
        { 7000, sw_fail, lost, unknown, 0 },
        { 7000, sw_fresh, 1, unknown, 0 },
        { 8000, sw_seen, 0, up, 1 },
        { 9000, sw_suspect, 0, up, 0 },
        { 9000, sw_claim, none, up, 0 },
        { 37000, sw_claim, OPTIONS, up, 0 },
        { 40000, sw_fail, lost, up, 0 },
        { 41000, sw_miss, silent, up, 0 },
        { 52000, sw_miss, silent, up, 0 },
        { 53000, sw_miss, silent, down, 1 },
        { 54000, sw_claim, OPTIONS, down, 0 },
        { 57000, sw_fail, lost, up, 1 } } },

    { "a request times out, the probe tells why", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 1001, sw_answer, 0, up, 0 },
        { 9000, sw_miss, silent, up, 0 },
        { 9000, sw_claim, STUN, up, 0 },
        { 9001, sw_answer, 0, up, 0 },
        { 15000, sw_miss, silent, up, 0 },
        { 15000, sw_claim, STUN, up, 0 },
        { 17400, sw_fail, lost, down, 1 } } },

    { "traffic is stronger than a probe", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 1001, sw_answer, 0, up, 0 },
        { 31001, sw_claim, STUN, up, 0 },
        { 32000, sw_seen, 0, up, 0 },
        { 34001, sw_fail, lost, up, 0 },
        { 34001, sw_stun, untried, up, 0 } } },

    { "loses its path, and then itself", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 1001, sw_answer, no_path, down, 1 },
        { 2001, sw_claim, STUN, down, 0 },
        { 2002, sw_answer, no_path, down, 0 },
        { 4002, sw_claim, STUN, down, 0 },
        { 7002, sw_fail, lost, down, 0 },
        { 11002, sw_claim, STUN, down, 0 },
        { 11003, sw_fail, refused, down, 0 },
        { 19003, sw_claim, OPTIONS, down, 0 },
        { 19004, sw_answer, 0, up, 1 } } },

    { "last words prove nothing", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 1001, sw_answer, 0, up, 0 },
        { 1002, sw_miss, refused, down, 1 },
        { 1003, sw_seen, 0, down, 0 },
        { 1500, sw_claim, none, down, 0 },
        { 2002, sw_claim, STUN, down, 0 } } },

    { "failures count together only for a while", 3, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 1001, sw_answer, 0, up, 0 },
        { 5000, sw_miss, refused, up, 0 },
        { 6000, sw_miss, refused, up, 0 },
        { 15001, sw_miss, refused, up, 0 },
        { 16000, sw_miss, refused, up, 0 },
        { 16001, sw_miss, refused, down, 1 } } },

    { "failures of clients' connections do not count", 0, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 1001, sw_answer, 0, up, 0 },
        { 5000, sw_miss, refused, up, 0 },
        { 5000, sw_claim, STUN, up, 0 },
        { 5000, sw_fail, refused, down, 1 } } },

    { "has a doubt raised while nobody knows what it speaks", 1, {
        { 1000, sw_suspect, 0, unknown, 0 },
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1001, sw_answer, 0, up, 1 },
        { 1001, sw_claim, STUN, up, 0 },
        { 1002, sw_answer, 0, up, 0 },
        { 1002, sw_stun, yes, up, 0 } } },

    { "loses STUN, SIP goes on, STUN comes back", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_doubt, 0, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 1000, sw_doubt, 0, up, 0 },
        { 1001, sw_answer, 0, up, 0 },
        { 31001, sw_claim, STUN, up, 0 },
        { 32501, sw_doubt, 1, up, 0 },
        { 32502, sw_seen, 0, up, 0 },
        { 34001, sw_fail, lost, up, 0 },
        { 34001, sw_deaf, 34001, up, 0 },
        { 64001, sw_claim, STUN, up, 0 },
        { 67001, sw_fail, lost, up, 0 },
        { 67001, sw_stun, no, up, 0 },
        { 67001, sw_claim, OPTIONS, up, 0 },
        { 67002, sw_answer, 0, up, 0 },
        { 97002, sw_claim, OPTIONS, up, 0 },
        { 97003, sw_answer, 0, up, 0 },
        { 364001, sw_claim, OPTIONS, up, 0 },
        { 364001, sw_answer, 0, up, 0 },
        { 394001, sw_claim, STUN, up, 0 },
        { 394001, sw_deaf, 34001, up, 0 },
        { 394002, sw_answer, 0, up, 0 },
        { 394002, sw_deaf, 0, up, 0 } } },

    { "never spoke STUN", 1, {
        { 1000, sw_claim, OPTIONS, unknown, 0 },
        { 1000, sw_answer, 0, up, 1 },
        { 1000, sw_claim, STUN, up, 0 },
        { 4000, sw_fail, lost, up, 0 },
        { 4000, sw_claim, OPTIONS, up, 0 },
        { 4000, sw_answer, 0, up, 0 },
        { 4000, sw_deaf, 0, up, 0 },
        { 900000, sw_claim, OPTIONS, up, 0 } } },

    { "tells of its path, and changes its mind", 1, {
        { 1000, sw_told, 0, unknown, 0 },
        { 1000, sw_stun, yes, unknown, 0 },
        { 1001, sw_seen, 0, up, 1 },
        { 20000, sw_told, no_path, down, 1 },
        { 20001, sw_told, no_path, down, 0 },
        { 20100, sw_told, 0, up, 1 },
        { 20200, sw_told, no_path, down, 1 },
        { 20300, sw_told, 0, up, 1 },
        { 20400, sw_told, no_path, down, 1 },
        { 20500, sw_told, 0, down, 0 },
        { 24399, sw_told, 0, down, 0 },
        { 24400, sw_told, 0, up, 1 },
        { 24500, sw_told, no_path, down, 1 },
        { 32499, sw_suspect, 0, down, 0 },
        { 32499, sw_told, 0, down, 0 },
        { 32500, sw_told, 0, up, 1 },
        { 50000, sw_told, no_path, down, 1 },
        { 50001, sw_told, 0, up, 1 },
        { 70000, sw_miss, refused, down, 1 },
        { 70001, sw_told, 0, down, 0 } } },
};


static ngx_mra_probe_conf_t  conf = { 30000, 3000, 10000, 1, 1 };


static ngx_uint_t
play(ngx_mra_probe_t *pr, step_t *st, ngx_uint_t *got)
{
    ngx_msec_t  timeout;

    *got = st->arg;

    switch (st->event) {

    case sw_claim:
        *got = ngx_mra_probe_claim(pr, &conf, st->now, 7, 0, &timeout);
        return 0;

    case sw_answer:
        return ngx_mra_probe_answered(pr, &conf, st->now, 7, st->arg, 0);

    case sw_fail:
        return ngx_mra_probe_failed(pr, &conf, st->now, 7, st->arg, 0);

    case sw_miss:
        return ngx_mra_probe_missed(pr, &conf, st->now, st->now, st->arg, 0);

    case sw_seen:
        return ngx_mra_probe_seen(pr, &conf, st->now);

    case sw_suspect:
        ngx_mra_probe_suspect(pr, &conf, st->now);
        return 0;

    case sw_fresh:
        *got = ngx_mra_probe_is_fresh(pr, &conf, st->now);
        return 0;

    case sw_told:
        return ngx_mra_probe_told(pr, &conf, st->now, st->arg, 0);

    case sw_doubt:
        *got = ngx_mra_probe_is_doubtful(pr);
        return 0;

    case sw_deaf:
        *got = pr->deaf;
        return 0;

    default: /* sw_stun */
        *got = pr->stun;
        return 0;
    }
}


static void
test_stories(void)
{
    size_t            i;
    step_t           *st;
    ngx_uint_t        got, changed;
    ngx_mra_probe_t   pr;

    for (i = 0; i < mra_rows(stories); i++) {

        ngx_memzero(&pr, sizeof(pr));
        conf.max_fails = stories[i].max_fails;

        for (st = stories[i].steps; st->event; st++) {
            changed = play(&pr, st, &got);

            mra_ok(got == st->arg && pr.state == st->state
                   && changed == st->changed,
                   "%s: %u: got %u, state %u, changed %u", stories[i].name,
                   (unsigned) st->now, (unsigned) got, (unsigned) pr.state,
                   (unsigned) changed);
        }
    }

    conf.max_fails = 1;
}


static void
test_owner(void)
{
    ngx_msec_t       timeout;
    ngx_mra_probe_t  pr;

    ngx_memzero(&pr, sizeof(pr));

    pr.options = yes;

    mra_is(ngx_mra_probe_claim(&pr, &conf, 1000, 1, 0, &timeout), STUN,
           "owner: the first takes it");
    mra_is(timeout, 3000, "owner: it has the whole timeout");

    mra_is(ngx_mra_probe_answered(&pr, &conf, 1500, 2, 0, 0), 0,
           "owner: another's answer is none");
    mra_is(pr.state, unknown, "owner: nothing has changed");

    mra_is(ngx_mra_probe_claim(&pr, &conf, 6999, 2, 0, &timeout), none,
           "owner: the lease holds");
    mra_is(ngx_mra_probe_claim(&pr, &conf, 7000, 2, 0, &timeout), STUN,
           "owner: a dead one is succeeded");
    mra_is(ngx_mra_probe_failed(&pr, &conf, 7001, 1, lost, 0), 0,
           "owner: the dead one's failure is none");
    mra_is(ngx_mra_probe_answered(&pr, &conf, 7010, 2, 0, 0), 1,
           "owner: the successor's answer is one");
    mra_is(pr.rtt, 10, "owner: round trip time");

    mra_is(ngx_mra_probe_claim(&pr, &conf, 38000, 1, 2000, &timeout), none,
           "owner: the patient one leaves it to others");
    mra_is(ngx_mra_probe_claim(&pr, &conf, 39010, 1, 2000, &timeout), STUN,
           "owner: not for ever");
    mra_is(ngx_mra_probe_answered(&pr, &conf, 39011, 1,
                                  NGX_MRA_PROBE_PATH, 0), 1,
           "owner: an answer that tells of no path");
    mra_is(pr.state, down, "owner: is as good as down");
    mra_is_str(ngx_mra_probe_reason(pr.reason), "it has no next hop",
               "owner: and says why");

    ngx_memzero(&pr, sizeof(pr));
    pr.state = up;
    pr.started = 1;
    pr.next = 90000;
    pr.stun = yes;
    pr.options = yes;

    ngx_mra_probe_suspect(&pr, &conf, 5000);
    mra_is(ngx_mra_probe_claim(&pr, &conf, 5000, 1, 0, &timeout), STUN,
           "owner: a doubt makes it due");
    mra_is(timeout, 2400, "owner: with less time, as somebody waits");
}


/* the result does not hang on what is told about the past */

static void
test_clocks(void)
{
    ngx_msec_t       timeout, base;
    ngx_uint_t       i, wrong;
    ngx_mra_probe_t  pr;

    /* a worker's clock is a little behind; the clock itself wraps */

    for (i = 0, wrong = 0; i < 2; i++) {
        base = i ? (ngx_msec_t) -2000 : 100000;

        ngx_memzero(&pr, sizeof(pr));
        pr.options = yes;

        ngx_mra_probe_claim(&pr, &conf, base, 1, 0, &timeout);
        ngx_mra_probe_answered(&pr, &conf, base + 5, 1, 0, 0);

        wrong += ngx_mra_probe_claim(&pr, &conf, base + 3, 2, 0, &timeout)
                 != none;
        wrong += !ngx_mra_probe_is_fresh(&pr, &conf, base + 3);
        wrong += ngx_mra_probe_missed(&pr, &conf, base + 6, base + 4,
                                      refused, 0) != 0;
        wrong += ngx_mra_probe_missed(&pr, &conf, base + 4000, base + 4000,
                                      refused, 0) != 1;
        wrong += ngx_mra_probe_claim(&pr, &conf, base + 4999, 2, 0, &timeout)
                 != none;
        wrong += ngx_mra_probe_claim(&pr, &conf, base + 5000, 2, 0, &timeout)
                 != STUN;
    }

    mra_is(wrong, 0, "clocks: behind and wrapping");
}


static void
test_jitter(void)
{
    ngx_uint_t       i, low, high;
    ngx_msec_t       timeout, wait, least, most;
    ngx_mra_probe_t  pr;

    for (i = 0, least = 60000, most = 0; i < 5000; i += 7) {
        ngx_memzero(&pr, sizeof(pr));
        pr.options = yes;

        ngx_mra_probe_claim(&pr, &conf, 1000, 1, 0, &timeout);
        ngx_mra_probe_answered(&pr, &conf, 1000, 1, 0, i);

        wait = pr.next - 1000;
        least = ngx_min(least, wait);
        most = ngx_max(most, wait);
    }

    low = least >= 27000 && least < 27100;
    high = most <= 30000 && most > 29900;

    mra_ok(low && high, "jitter: between nine tenths and the interval");
}


static void
test_off(void)
{
    ngx_msec_t            timeout;
    ngx_mra_probe_t       pr;
    ngx_mra_probe_conf_t  off;

    ngx_memzero(&pr, sizeof(pr));

    off = conf;
    off.stun = 0;
    pr.stun = yes;

    mra_is(ngx_mra_probe_claim(&pr, &off, 1000, 1, 0, &timeout), OPTIONS,
           "off: no STUN is sent");
    mra_is(ngx_mra_probe_failed(&pr, &off, 4000, 1, lost, 0), 1,
           "off: its absence is no excuse");
}


int
main(void)
{
    test_stories();
    test_owner();
    test_clocks();
    test_jitter();
    test_off();

    return mra_done();
}
