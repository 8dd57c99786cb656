
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_address.h"


#define socket_of(sa, len)  ((struct sockaddr *) mra_guard(0, sa, len))


/* the address or network that a text means */

static ngx_mra_address_t
net(const char *text)
{
    char                 *slash, buf[NGX_SOCKADDR_STRLEN];
    ngx_uint_t            prefix;
    ngx_mra_address_t     a;
    struct sockaddr_in    sin;
    struct sockaddr_in6   sin6;

    ngx_memzero(&sin, sizeof(struct sockaddr_in));
    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));
    ngx_memzero(&a, sizeof(ngx_mra_address_t));

    strcpy(buf, text);

    slash = strchr(buf, '/');
    prefix = slash ? (ngx_uint_t) atoi(slash + 1) : 128;

    if (slash) {
        *slash = '\0';
    }

    if (inet_pton(AF_INET, buf, &sin.sin_addr) == 1) {
        sin.sin_family = AF_INET;
        (void) ngx_mra_address_of(&a, socket_of(&sin, sizeof(sin)));

    } else if (inet_pton(AF_INET6, buf, &sin6.sin6_addr) == 1) {
        sin6.sin6_family = AF_INET6;
        (void) ngx_mra_address_of(&a, socket_of(&sin6, sizeof(sin6)));

    } else {
        printf("Bail out! %s is no address\n", text);
        exit(2);
    }

    ngx_mra_address_cut(&a, prefix);

    return a;
}


static struct {
    char        *a;
    char        *net;
    ngx_uint_t   in;
} nets[] = {
    { "192.0.2.1",           "192.0.2.1",           1 },
    { "192.0.2.1",           "192.0.2.1/32",        1 },
    { "192.0.2.0",           "192.0.2.1/32",        0 },
    { "192.0.2.2",           "192.0.2.3/31",        1 },
    { "192.0.2.4",           "192.0.2.3/31",        0 },
    { "192.0.2.127",         "192.0.2.128/25",      0 },
    { "192.0.2.128",         "192.0.2.128/25",      1 },
    { "192.0.2.255",         "192.0.2.128/25",      1 },
    { "192.0.3.0",           "192.0.2.128/25",      0 },
    { "127.255.255.255",     "128.0.0.0/1",         0 },
    { "128.0.0.0",           "128.0.0.0/1",         1 },
    { "255.255.255.255",     "0.0.0.0/0",           1 },
    { "0.0.0.0",             "0.0.0.0/0",           1 },
    { "10.1.2.0/24",         "10.0.0.0/8",          1 },
    { "10.0.0.0/8",          "10.0.0.0/8",          1 },
    { "10.0.0.0/7",          "10.0.0.0/8",          0 },
    { "0.0.0.0/0",           "10.0.0.0/8",          0 },

    { "::1",                 "::1/128",             1 },
    { "::",                  "::1/128",             0 },
    { "2001:db8::ffff",      "2001:db8::/64",       1 },
    { "2001:db8:0:1::",      "2001:db8::/64",       0 },
    { "2001:db8::1",         "2001:db8::/127",      1 },
    { "2001:db8::2",         "2001:db8::/127",      0 },
    { "2001:db8:7fff::",     "2001:db8:8000::/33",  0 },
    { "2001:db8:8000::",     "2001:db8:8000::/33",  1 },
    { "ffff::",              "::/0",                1 },

    /* families are apart, but a mapped address is one of IPv4 */

    { "192.0.2.1",           "::/0",                0 },
    { "::",                  "0.0.0.0/0",           0 },
    { "::c000:201",          "192.0.2.1/32",        0 },
    { "::ffff:192.0.2.1",    "192.0.2.1/32",        1 },
    { "::ffff:192.0.2.1",    "192.0.2.0/24",        1 },
    { "::ffff:192.0.2.1",    "::/0",                0 },
    { "::fffe:192.0.2.1",    "192.0.2.1/32",        0 },
    { "0:0:0:0:0:1:c000:201", "192.0.2.1/32",       0 },
};


static void
test_in(void)
{
    size_t              i;
    ngx_mra_address_t   a, n;

    for (i = 0; i < mra_rows(nets); i++) {
        a = net(nets[i].a);
        n = net(nets[i].net);

        mra_is(ngx_mra_address_in(&a, &n), nets[i].in, "%s in %s",
               nets[i].a, nets[i].net);
    }
}


/* cut at every bit: those are kept, the others are 0 */

static void
test_cut(void)
{
    ngx_uint_t          n, i, bit, wrong;
    ngx_mra_address_t   a, whole;

    wrong = 0;
    whole = net("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");

    for (n = 0; n <= 128; n++) {
        a = whole;
        ngx_mra_address_cut(&a, n);

        for (i = 0; i < 128; i++) {
            bit = (a.bytes[i / 8] >> (7 - i % 8)) & 1;
            wrong += (bit != (i < n));
        }

        wrong += (a.prefix != n || !ngx_mra_address_in(&whole, &a));
    }

    mra_is(wrong, 0, "cut at every bit");

    a = net("2001:db8::/32");
    ngx_mra_address_cut(&a, 64);
    mra_is(a.prefix, 32, "a network does not become smaller");

    a = net("192.0.2.1");
    ngx_mra_address_cut(&a, 64);
    mra_is(a.prefix, 32, "nor has IPv4 more than 32 bits");
}


static struct {
    char        *name;
    ngx_uint_t   family;
    char         mask[16];
    char        *net;
} masks[] = {
    { "/0",       4, "\0\0\0\0",         "0.0.0.0/0" },
    { "/1",       4, "\x80\0\0\0",       "128.0.0.0/1" },
    { "/31",      4, "\xff\xff\xff\xfe", "255.255.255.254/31" },
    { "/32",      4, "\xff\xff\xff\xff", "255.255.255.255" },
    { "a hole",   4, "\xff\x0f\xff\xff", "255.0.0.0/8" },
    { "IPv6 /0",  6, "",                 "::/0" },
    { "IPv6 /64", 6, "\xff\xff\xff\xff\xff\xff\xff\xff",
      "ffff:ffff:ffff:ffff::/64" },
    { "IPv6 /128", 6,
      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};


static void
test_mask(void)
{
    size_t              i, len;
    u_char              ones[16];
    ngx_mra_address_t   a, n;

    memset(ones, 0xff, sizeof(ones));

    for (i = 0; i < mra_rows(masks); i++) {
        len = (masks[i].family == 4) ? 4 : 16;
        n = net(masks[i].net);

        ngx_mra_address_mask(&a, masks[i].family, mra_guard(0, ones, len),
                             mra_guard(1, masks[i].mask, len));

        mra_ok(ngx_mra_address_eq(&a, &n), "mask: %s", masks[i].name);
    }
}


static void
test_eq(void)
{
    ngx_mra_address_t  a, b;

    a = net("10.0.0.0/8");
    b = net("10.0.0.0/9");
    mra_is(ngx_mra_address_eq(&a, &b), 0, "prefixes differ");

    b = net("10.255.0.1/8");
    mra_is(ngx_mra_address_eq(&a, &b), 1, "what is cut away does not count");

    a = net("0.0.0.0/0");
    b = net("::/0");
    mra_is(ngx_mra_address_eq(&a, &b), 0, "families differ");
}


static void
test_none(void)
{
    struct sockaddr     sa;
    ngx_mra_address_t   a;

    ngx_memzero(&sa, sizeof(struct sockaddr));
    sa.sa_family = AF_UNIX;

    mra_is(ngx_mra_address_of(&a, socket_of(&sa, sizeof(sa))),
           NGX_DECLINED, "a unix socket has none");
    mra_is(ngx_mra_address_of(&a, NULL), NGX_DECLINED, "nor has nothing");
}


int
main(void)
{
    test_in();
    test_cut();
    test_mask();
    test_eq();
    test_none();

    return mra_done();
}
