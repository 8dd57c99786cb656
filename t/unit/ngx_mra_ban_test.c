
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_ban.h"


#define MIN   (60 * 1000)
#define DAY   ((ngx_msec_t) 24 * 3600 * 1000)


/* bans of one category, in order; "left" is that of the ban before */

static struct {
    char        *name;
    ngx_msec_t   left;
    ngx_msec_t   block;
    ngx_msec_t   most;
    ngx_int_t    rc;
    ngx_msec_t   for_ms;
    ngx_uint_t   bans;
} steps[] = {
    { "the first",              0,      MIN,  DAY,     NGX_OK, MIN,     1 },
    { "as long",                MIN,    MIN/2, DAY,    NGX_DECLINED, MIN, 1 },
    { "the second is doubled",  0,      MIN,  DAY,     NGX_OK, 2 * MIN, 2 },
    { "the third once more",    0,      MIN,  DAY,     NGX_OK, 4 * MIN, 3 },
    { "up to the limit",        0,      MIN,  5 * MIN, NGX_OK, 5 * MIN, 4 },
    { "never shorter",          6 * MIN, MIN, 5 * MIN, NGX_DECLINED,
      6 * MIN, 4 },
    { "by hand, exactly",       0,      7,    7,       NGX_OK, 7,       5 },
    { "without end",            0,      400 * DAY, 400 * DAY, NGX_OK,
      NGX_MRA_BAN_MAX, 6 },
    { "more than its limit",    0,      MIN,  1,       NGX_OK, 1,       7 },
    { "none",                   0,      0,    DAY,     NGX_DECLINED, 0, 7 },
};


static void
test_steps(void)
{
    size_t              i;
    ngx_int_t           rc;
    ngx_uint_t          c;
    ngx_mra_ban_t       ban;
    ngx_mra_address_t   a;

    c = NGX_MRA_CATEGORY_SIP_AUTH;

    ngx_memzero(&a, sizeof(ngx_mra_address_t));
    ngx_mra_ban_init(&ban, &a);

    for (i = 0; i < mra_rows(steps); i++) {
        ban.left[c] = steps[i].left;

        rc = ngx_mra_ban_add(&ban, c, steps[i].block, steps[i].most);

        mra_is(rc, steps[i].rc, "%s: answer", steps[i].name);
        mra_is(ban.left[c], steps[i].for_ms, "%s: time", steps[i].name);
        mra_is(ban.bans[c], steps[i].bans, "%s: count", steps[i].name);
        mra_is(ngx_mra_ban_categories(&ban),
               ban.left[c] ? ngx_mra_category_bit(c) : 0,
               "%s: no other category", steps[i].name);
    }

    /* who comes back for ever: no overflow, no endless loop */

    ban.left[c] = 0;
    ban.bans[c] = 255;

    mra_is(ngx_mra_ban_add(&ban, c, 1000, NGX_MRA_BAN_MAX), NGX_OK,
           "the 256th");
    mra_is(ban.left[c], NGX_MRA_BAN_MAX, "is for the longest time");
}


static ngx_mra_ban_t
sample(ngx_uint_t categories)
{
    ngx_uint_t      c;
    ngx_mra_ban_t   ban;

    ngx_memzero(&ban, sizeof(ngx_mra_ban_t));

    ban.address.family = 6;
    ban.address.prefix = 64;
    ngx_memcpy(ban.address.bytes, "\x20\x01\x0d\xb8\0\0\0\1", 8);

    for (c = 0; c < categories; c++) {
        ban.left[c] = c * MIN;
        ban.bans[c] = c + 1;
    }

    return ban;
}


/* what is written is read again, later, and at no other length */

static void
test_record(void)
{
    size_t          n, len, whole, wrong;
    u_char         *p, record[NGX_MRA_BAN_LEN];
    ngx_uint_t      c;
    ngx_msec_t      ttl;
    ngx_mra_ban_t   ban, got;

    for (c = 1; c <= NGX_MRA_CATEGORIES; c++) {
        ban = sample(c);

        len = ngx_mra_ban_encode(&ban, record, &ttl);
        mra_is(ttl, (c - 1) * MIN + NGX_MRA_BAN_MEMORY,
               "%u categories: life", (unsigned) c);

        p = mra_guard(0, record, len);

        mra_ok(ngx_mra_ban_decode(&got, p, len, ttl) == NGX_OK
               && ngx_memcmp(&got, &ban, sizeof(ngx_mra_ban_t)) == 0,
               "%u categories: the same", (unsigned) c);

        (void) ngx_mra_ban_decode(&got, p, len, ttl - MIN);
        mra_is(got.left[c - 1], c > 1 ? (c - 2) * MIN : 0,
               "%u categories: a minute later", (unsigned) c);
        mra_is(got.bans[c - 1], c, "%u categories: remembered",
               (unsigned) c);
    }

    whole = len;
    wrong = 0;

    for (n = 0; n < whole; n++) {
        c = ngx_mra_ban_decode(&got, mra_guard(0, record, n), n, ttl)
            == NGX_OK;
        wrong += (c != (n >= 19 && (n - 19) % 6 == 0));
    }

    mra_is(wrong, 0, "cut at every byte: whole entries or an error");

    ban = sample(0);
    mra_is(ngx_mra_ban_encode(&ban, mra_guard(0, NULL, 19), &ttl), 0,
           "nothing to remember");

    ban.left[0] = 1000;
    ban.bans[0] = 256;
    p = mra_guard(0, NULL, 25);
    len = ngx_mra_ban_encode(&ban, p, &ttl);
    (void) ngx_mra_ban_decode(&got, p, len, ttl);
    mra_is(got.bans[0], 255, "so many bans are as many as can be");
}


/* one byte of a good record, changed */

static struct {
    char        *name;
    ngx_uint_t   at;
    u_char       value;
    ngx_int_t    rc;
} garbage[] = {
    { "version 0",              0,   0, NGX_ERROR },
    { "version 2",              0,   2, NGX_ERROR },
    { "family 0",               1,   0, NGX_ERROR },
    { "family 5",               1,   5, NGX_ERROR },
    { "/129",                   2, 129, NGX_ERROR },
    { "/255",                   2, 255, NGX_ERROR },
    { "/128",                   2, 128, NGX_OK },
    { "/0",                     2,   0, NGX_OK },
    { "IPv4 with /64",          1,   4, NGX_ERROR },
    { "a newer category",      19, NGX_MRA_CATEGORIES, NGX_OK },
    { "the newest category",   19, 255, NGX_OK },
};


static void
test_garbage(void)
{
    size_t          i, n, len;
    u_char         *p, record[NGX_MRA_BAN_LEN];
    uint64_t        seed;
    ngx_uint_t      c, wrong;
    ngx_msec_t      ttl;
    ngx_mra_ban_t   ban, got;

    ban = sample(2);
    len = ngx_mra_ban_encode(&ban, record, &ttl);

    for (i = 0; i < mra_rows(garbage); i++) {
        p = mra_guard(0, record, len);
        p[garbage[i].at] = garbage[i].value;

        mra_is(ngx_mra_ban_decode(&got, p, len, ttl), garbage[i].rc,
               "%s", garbage[i].name);
    }

    /* noise: within bounds, and never longer than the record lives */

    seed = 88172645463325252ULL;
    wrong = 0;

    for (i = 0; i < 100000; i++) {
        len = 19 + 6 * (i % 12);
        p = mra_guard(0, NULL, len);

        for (n = 3; n < len; n++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            p[n] = (u_char) (seed >> 16);
        }

        p[0] = 1;
        p[1] = 4;
        p[2] = 32;

        wrong += (ngx_mra_ban_decode(&got, p, len, DAY) != NGX_OK);

        for (c = 0; c < NGX_MRA_CATEGORIES; c++) {
            wrong += (got.left[c] > DAY);
        }
    }

    mra_is(wrong, 0, "noise");
}


int
main(void)
{
    test_steps();
    test_record();
    test_garbage();

    return mra_done();
}
