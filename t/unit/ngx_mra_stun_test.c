
/*
 * Copyright (C) ngx_mra contributors
 */


#include <mra_test.h>
#include "ngx_mra_stun.h"


#define COOKIE   "\x21\x12\xa4\x42"
#define ID       "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
#define REQUEST  "\x00\x01"


/* RFC 5769, 2.1 to 2.4 */

static const char  stun_request[] =
    "\x00\x01\x00\x58" COOKIE ID
    "\x80\x22\x00\x10" "STUN test client"
    "\x00\x24\x00\x04\x6e\x00\x01\xff"
    "\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
    "\x00\x06\x00\x09" "evtj:h6vY" "\x20\x20\x20"
    "\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5"
    "\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
    "\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

static const char  stun_response4[] =
    "\x01\x01\x00\x3c" COOKIE ID
    "\x80\x22\x00\x0b" "test vector" "\x20"
    "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
    "\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9"
    "\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7"
    "\x80\x28\x00\x04\xc0\x7d\x4c\x96";

static const char  stun_response6[] =
    "\x01\x01\x00\x48" COOKIE ID
    "\x80\x22\x00\x0b" "test vector" "\x20"
    "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79"
    "\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9"
    "\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c"
    "\x82\x92\xc2\x75\xbf\xe3\xed\x41"
    "\x80\x28\x00\x04\xc8\xfb\x0b\x4c";

static const char  stun_long_term[] =
    "\x00\x01\x00\x60" COOKIE
    "\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e"
    "\x00\x06\x00\x12\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83"
    "\xe3\x82\xaf\xe3\x82\xb9\x00\x00"
    "\x00\x15\x00\x1c" "f//499k954d6OL34oL9FSTvy64sA"
    "\x00\x14\x00\x0b" "example.org" "\x00"
    "\x00\x08\x00\x14\xf6\x70\x24\x65\x6d\xd6\x4a\x3e\x02\xb8\xe0\x71"
    "\x2e\x85\xc9\xa2\x8c\xa8\x96\x66";


typedef struct {
    const char  *name;
    const char  *data;
    size_t       len;
    ngx_uint_t   type;
    ngx_int_t    check;
    ngx_uint_t   unknown;
    const char  *attrs;    /* what stun_attrs() makes of them */
} stun_vector_t;


static stun_vector_t  stun_vectors[] = {

    { "sample request", mra_bytes(stun_request),
      NGX_MRA_STUN_REQUEST, NGX_OK, 1,
      "8022:16 0024:4 8029:8 0006:9 0008:20 8028:4 " },

    { "sample IPv4 response", mra_bytes(stun_response4),
      NGX_MRA_STUN_SUCCESS, NGX_OK, 0,
      "8022:11 0020:8 0008:20 8028:4 " },

    { "sample IPv6 response", mra_bytes(stun_response6),
      NGX_MRA_STUN_SUCCESS, NGX_OK, 0,
      "8022:11 0020:20 0008:20 8028:4 " },

    { "sample request with long-term authentication",
      mra_bytes(stun_long_term),
      NGX_MRA_STUN_REQUEST, NGX_DECLINED, 0,
      "0006:18 0015:28 0014:11 0008:20 " },

    { "no attributes", mra_bytes(REQUEST "\0\0" COOKIE ID),
      NGX_MRA_STUN_REQUEST, NGX_DECLINED, 0, "" },

    { "empty attribute", mra_bytes(REQUEST "\0\4" COOKIE ID "\x80\x22\0\0"),
      NGX_MRA_STUN_REQUEST, NGX_DECLINED, 0, "8022:0 " },

    { "fingerprint is not the last",
      mra_bytes(REQUEST "\0\x0c" COOKIE ID "\x80\x28\0\4" "abcd"
      "\x80\x22\0\0"),
      NGX_MRA_STUN_REQUEST, NGX_ERROR, 0, "8028:4 8022:0 " },

    { "fingerprint too long",
      mra_bytes(REQUEST "\0\x0c" COOKIE ID "\x80\x28\0\x08" "abcdefgh"),
      NGX_MRA_STUN_REQUEST, NGX_ERROR, 0, "8028:8 " },

    { "fingerprint too short",
      mra_bytes(REQUEST "\0\4" COOKIE ID "\x80\x28\0\0"),
      NGX_MRA_STUN_REQUEST, NGX_ERROR, 0, "8028:0 " },

    { "fingerprint with padding",
      mra_bytes(REQUEST "\0\x08" COOKIE ID "\x80\x28\0\3" "\xfd\xf6\xae\x02"),
      NGX_MRA_STUN_REQUEST, NGX_ERROR, 0, "8028:3 " },

    { "every attribute that need not be understood, and some that need",
      mra_bytes(REQUEST "\0\x38" COOKIE ID
      "\0\x01\0\0" "\0\x06\0\0" "\0\x09\0\0" "\0\x0a\0\0" "\0\x14\0\0"
      "\0\x15\0\0" "\0\x1d\0\0" "\0\x1e\0\0" "\0\x20\0\0" "\0\x02\0\0"
      "\x7f\xff\0\0" "\x80\0\0\0" "\xff\xff\0\0" "\0\0\0\0"),
      NGX_MRA_STUN_REQUEST, NGX_DECLINED, 3,
      "0001:0 0006:0 0009:0 000a:0 0014:0 0015:0 001d:0 001e:0 0020:0 "
      "0002:0 7fff:0 8000:0 ffff:0 0000:0 " },

    { "unknown behind MESSAGE-INTEGRITY",
      mra_bytes(REQUEST "\0\x0c" COOKIE ID "\0\2\0\0" "\0\x08\0\0"
      "\0\3\0\0"),
      NGX_MRA_STUN_REQUEST, NGX_DECLINED, 1, "0002:0 0008:0 0003:0 " },

    { "unknown behind MESSAGE-INTEGRITY-SHA256",
      mra_bytes(REQUEST "\0\x08" COOKIE ID "\0\x1c\0\0" "\0\2\0\0"),
      NGX_MRA_STUN_REQUEST, NGX_DECLINED, 0, "001c:0 0002:0 " },
};


typedef struct {
    const char  *name;
    const char  *data;
    size_t       len;
} stun_broken_t;


static stun_broken_t  stun_broken[] = {

    { "first bit set", mra_bytes("\x80\1\0\0" COOKIE ID) },
    { "second bit set", mra_bytes("\x40\1\0\0" COOKIE ID) },
    { "no magic cookie", mra_bytes("\0\1\0\0\x21\x12\xa4\x43" ID) },
    { "cookie of another end", mra_bytes("\0\1\0\0\x42\xa4\x12\x21" ID) },
    { "length not of fours", mra_bytes("\0\1\0\1" COOKIE ID "123") },
    { "attribute beyond the end",
      mra_bytes("\0\1\0\4" COOKIE ID "\x80\x22\0\1") },
    { "long attribute beyond the end",
      mra_bytes("\0\1\0\x08" COOKIE ID "\x80\x22\xff\xff" "1234") },
    { "second attribute beyond the end",
      mra_bytes("\0\1\0\x0c" COOKIE ID "\x80\x22\0\4" "1234" "\x80\x22\0\4") },
};


static const char *
stun_attrs(ngx_mra_stun_t *m)
{
    char                *out;
    u_char              *pos;
    static char          buf[1024];
    ngx_mra_stun_attr_t  attr;

    out = buf;
    pos = NULL;
    *out = '\0';

    while (ngx_mra_stun_next(m, &pos, &attr) == NGX_OK) {
        out += sprintf(out, "%04x:%u ", (unsigned) attr.type,
                       (unsigned) attr.value.len);
    }

    return buf;
}


static void
stun_vector_test(stun_vector_t *t)
{
    size_t          n;
    u_char         *p;
    ngx_int_t       rc;
    const char     *got;
    ngx_mra_stun_t  m;

    p = mra_guard(0, t->data, t->len);

    rc = ngx_mra_stun_decode(&m, p, p + t->len);

    if (!mra_is(rc, NGX_OK, "%s", t->name)) {
        return;
    }

    mra_is(m.type, t->type, "%s: type", t->name);
    mra_is_mem(m.id, NGX_MRA_STUN_ID_LEN, t->data + 8, 12, "%s: id", t->name);
    mra_is(m.last - p, t->len, "%s: length", t->name);
    mra_is(ngx_mra_stun_check(&m), t->check, "%s: fingerprint", t->name);
    mra_is(ngx_mra_stun_unknown(&m), t->unknown, "%s: unknown", t->name);

    got = stun_attrs(&m);
    mra_is_mem(got, strlen(got), t->attrs, strlen(t->attrs),
               "%s: attributes", t->name);

    mra_each_cut(n, t->len) {
        p = mra_guard(0, t->data, n);

        if (ngx_mra_stun_decode(&m, p, p + n) != NGX_AGAIN) {
            break;
        }
    }

    mra_is(n, t->len, "%s: cut at every byte", t->name);
}


/* one bit wrong anywhere is noticed, by structure or by checksum */

static void
stun_fingerprint_test(void)
{
    u_char          *p;
    ngx_int_t        rc;
    ngx_uint_t       i;
    ngx_mra_stun_t   m;

    for (i = 0; i < sizeof(stun_request) - 1; i++) {
        p = mra_guard(0, stun_request, sizeof(stun_request) - 1);
        p[i] ^= 0x08;

        rc = ngx_mra_stun_decode(&m, p, p + sizeof(stun_request) - 1);

        if (rc == NGX_OK && ngx_mra_stun_check(&m) == NGX_OK) {
            break;
        }
    }

    mra_is(i, sizeof(stun_request) - 1, "fingerprint covers every byte");
}


static void
stun_broken_test(stun_broken_t *t)
{
    u_char          *p;
    ngx_mra_stun_t   m;

    p = mra_guard(0, t->data, t->len);

    mra_is(ngx_mra_stun_decode(&m, p, p + t->len), NGX_ERROR, "%s", t->name);
}


static void
stun_more_test(void)
{
    u_char          *p;
    ngx_mra_stun_t   m;

    p = mra_guard(0, "\0\1\0\0" COOKIE ID "more", 24);

    mra_is(ngx_mra_stun_decode(&m, p, p + 24), NGX_OK, "more follows");
    mra_is(m.last - p, 20, "more follows: not taken");
}


/* addresses of RFC 5769, 2.2 and 2.3 */

static void
stun_address_test(void)
{
    u_char               *p;
    socklen_t             len;
    ngx_sockaddr_t        sa;
    ngx_mra_stun_t        m;
    ngx_mra_stun_attr_t   attr;

    const char  plain[] = "\1\1\0\x0c" COOKIE ID
                          "\0\1\0\x08\0\1\x80\x55\xc0\0\2\1";

    p = mra_guard(0, mra_bytes(stun_response4));
    ngx_mra_stun_decode(&m, p, p + sizeof(stun_response4) - 1);

    mra_is(ngx_mra_stun_find(&m, NGX_MRA_STUN_XOR_MAPPED_ADDRESS, &attr),
           NGX_OK, "IPv4 address found");
    mra_is(ngx_mra_stun_decode_address(&m, &attr, &sa, &len), NGX_OK,
           "IPv4 address decoded");
    mra_is(len, sizeof(struct sockaddr_in), "IPv4 address length");
    mra_is(sa.sockaddr.sa_family, AF_INET, "IPv4 family");
    mra_is(ntohs(sa.sockaddr_in.sin_port), 32853, "IPv4 port");
    mra_is_mem(&sa.sockaddr_in.sin_addr, 4, "\xc0\0\2\1", 4,
               "192.0.2.1");

    mra_is(ngx_mra_stun_find(&m, NGX_MRA_STUN_MAPPED_ADDRESS, &attr),
           NGX_DECLINED, "no other address");

    p = mra_guard(0, mra_bytes(stun_response6));
    ngx_mra_stun_decode(&m, p, p + sizeof(stun_response6) - 1);

    mra_is(ngx_mra_stun_find(&m, NGX_MRA_STUN_XOR_MAPPED_ADDRESS, &attr),
           NGX_OK, "IPv6 address found");
    mra_is(ngx_mra_stun_decode_address(&m, &attr, &sa, &len), NGX_OK,
           "IPv6 address decoded");
    mra_is(len, sizeof(struct sockaddr_in6), "IPv6 address length");
    mra_is(sa.sockaddr.sa_family, AF_INET6, "IPv6 family");
    mra_is(ntohs(sa.sockaddr_in6.sin6_port), 32853, "IPv6 port");
    mra_is_mem(&sa.sockaddr_in6.sin6_addr, 16,
               "\x20\x01\x0d\xb8\x12\x34\x56\x78"
               "\x00\x11\x22\x33\x44\x55\x66\x77", 16,
               "2001:db8:1234:5678:11:2233:4455:6677");

    p = mra_guard(0, mra_bytes(plain));
    ngx_mra_stun_decode(&m, p, p + sizeof(plain) - 1);
    ngx_mra_stun_find(&m, NGX_MRA_STUN_MAPPED_ADDRESS, &attr);

    mra_is(ngx_mra_stun_decode_address(&m, &attr, &sa, &len), NGX_OK,
           "plain address decoded");
    mra_is(ntohs(sa.sockaddr_in.sin_port), 32853, "plain port");
    mra_is_mem(&sa.sockaddr_in.sin_addr, 4, "\xc0\0\2\1", 4, "plain address");
}


static void
stun_bad_value_test(void)
{
    size_t               i;
    socklen_t            len;
    ngx_str_t            reason;
    ngx_uint_t           code;
    ngx_sockaddr_t       sa;
    ngx_mra_stun_t       m;
    ngx_mra_stun_attr_t  attr;

    static const struct {
        const char  *data;
        size_t       len;
    } addresses[] = {
        { mra_bytes("") },
        { mra_bytes("\0\1\0") },
        { mra_bytes("\0\1\0\0") },
        { mra_bytes("\0\1\0\0\1\2\3") },
        { mra_bytes("\0\1\0\0\1\2\3\4\5") },
        { mra_bytes("\0\2\0\0\1\2\3\4") },
        { mra_bytes("\0\0\0\0\1\2\3\4") },
        { mra_bytes("\0\3\0\0\1\2\3\4") },
    }, errors[] = {
        { mra_bytes("") },
        { mra_bytes("\0\0\4") },
        { mra_bytes("\0\0\2\0") },
        { mra_bytes("\0\0\7\0") },
        { mra_bytes("\0\0\4\x64") },
    };

    m.start = mra_guard(1, "\1\1\0\0" COOKIE ID, 20);

    for (i = 0; i < mra_rows(addresses); i++) {
        attr.type = NGX_MRA_STUN_XOR_MAPPED_ADDRESS;
        attr.value.len = addresses[i].len;
        attr.value.data = mra_guard(0, addresses[i].data, addresses[i].len);

        mra_is(ngx_mra_stun_decode_address(&m, &attr, &sa, &len), NGX_ERROR,
               "broken address %u", (unsigned) i);
    }

    for (i = 0; i < mra_rows(errors); i++) {
        attr.value.len = errors[i].len;
        attr.value.data = mra_guard(0, errors[i].data, errors[i].len);

        mra_is(ngx_mra_stun_decode_error(&attr, &code, &reason), NGX_ERROR,
               "broken error code %u", (unsigned) i);
    }

    attr.value.len = 6;
    attr.value.data = mra_guard(0, "\0\0\xfb\x63no", 6);

    mra_is(ngx_mra_stun_decode_error(&attr, &code, &reason), NGX_OK,
           "error code with reserved bits");
    mra_is(code, 399, "error code");
    mra_is_str(reason, "no", "reason");

    attr.value.data[2] = 6;
    mra_is(ngx_mra_stun_decode_error(&attr, &code, &reason), NGX_OK,
           "largest error code");
    mra_is(code, 699, "largest error code is 699");

    attr.value.len = 4;
    attr.value.data = mra_guard(0, "\0\0\3\0", 4);

    mra_is(ngx_mra_stun_decode_error(&attr, &code, &reason), NGX_OK,
           "error code without reason");
    mra_is(code, 300, "smallest error code");
    mra_is(reason.len, 0, "no reason");
}


static size_t
stun_build_request(u_char *buf, size_t size)
{
    ngx_mra_stun_buf_t  b;

    ngx_mra_stun_init(&b, buf, buf + size, NGX_MRA_STUN_REQUEST,
                      (u_char *) ID);
    ngx_mra_stun_add(&b, NGX_MRA_STUN_SOFTWARE, (u_char *) "mra", 3);

    return ngx_mra_stun_end(&b, 1);
}


static size_t
stun_build_success(u_char *buf, size_t size)
{
    struct sockaddr_in  sin;
    ngx_mra_stun_buf_t  b;

    ngx_memzero(&sin, sizeof(struct sockaddr_in));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(32853);
    ngx_memcpy(&sin.sin_addr, "\xc0\0\2\1", 4);

    ngx_mra_stun_init(&b, buf, buf + size, NGX_MRA_STUN_SUCCESS,
                      (u_char *) ID);
    ngx_mra_stun_add_address(&b, (struct sockaddr *) &sin);

    return ngx_mra_stun_end(&b, 0);
}


static size_t
stun_build_success6(u_char *buf, size_t size)
{
    ngx_mra_stun_buf_t   b;
    struct sockaddr_in6  sin6;

    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));
    sin6.sin6_family = AF_INET6;
    sin6.sin6_port = htons(32853);
    ngx_memcpy(&sin6.sin6_addr, "\x20\x01\x0d\xb8\x12\x34\x56\x78"
                                "\x00\x11\x22\x33\x44\x55\x66\x77", 16);

    ngx_mra_stun_init(&b, buf, buf + size, NGX_MRA_STUN_SUCCESS,
                      (u_char *) ID);
    ngx_mra_stun_add_address(&b, (struct sockaddr *) &sin6);

    return ngx_mra_stun_end(&b, 0);
}


static size_t
stun_build_mapped(u_char *buf, size_t size)
{
    ngx_mra_stun_buf_t   b;
    struct sockaddr_in6  sin6;

    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));
    sin6.sin6_family = AF_INET6;
    sin6.sin6_port = htons(32853);
    ngx_memcpy(&sin6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);

    ngx_mra_stun_init(&b, buf, buf + size, NGX_MRA_STUN_SUCCESS,
                      (u_char *) ID);
    ngx_mra_stun_add_address(&b, (struct sockaddr *) &sin6);

    return ngx_mra_stun_end(&b, 0);
}


static size_t
stun_build_unix(u_char *buf, size_t size)
{
    struct sockaddr     sa;
    ngx_mra_stun_buf_t  b;

    sa.sa_family = AF_UNIX;

    ngx_mra_stun_init(&b, buf, buf + size, NGX_MRA_STUN_SUCCESS,
                      (u_char *) ID);
    ngx_mra_stun_add_address(&b, &sa);

    return ngx_mra_stun_end(&b, 0);
}


static size_t
stun_build_error(u_char *buf, size_t size)
{
    ngx_str_t           reason = ngx_string("Server Error");
    ngx_mra_stun_buf_t  b;

    ngx_mra_stun_init(&b, buf, buf + size, NGX_MRA_STUN_ERROR,
                      (u_char *) ID);
    ngx_mra_stun_add_error(&b, 502, &reason);

    return ngx_mra_stun_end(&b, 0);
}


static size_t
stun_build_420(u_char *buf, size_t size)
{
    u_char              *p;
    ngx_str_t            reason = ngx_null_string;
    ngx_mra_stun_t       m;
    ngx_mra_stun_buf_t   b;

    const char  request[] = REQUEST "\0\x18" COOKIE ID
                            "\0\x24\0\4" "1234" "\x80\x29\0\0"
                            "\0\2\0\1" "1\0\0\0" "\0\6\0\0";

    p = mra_guard(1, mra_bytes(request));
    ngx_mra_stun_decode(&m, p, p + sizeof(request) - 1);

    ngx_mra_stun_init(&b, buf, buf + size, NGX_MRA_STUN_ERROR, m.id);
    ngx_mra_stun_add_error(&b, 420, &reason);
    ngx_mra_stun_add_unknown(&b, &m);

    return ngx_mra_stun_end(&b, 0);
}


typedef struct {
    const char  *name;
    size_t     (*build)(u_char *buf, size_t size);
    const char  *data;
    size_t       len;
} stun_build_t;


static stun_build_t  stun_builds[] = {

    { "request with fingerprint", stun_build_request,
      mra_bytes("\0\1\0\x10" COOKIE ID "\x80\x22\0\3mra\0"
      "\x80\x28\0\4\x6f\x84\x08\xd4") },

    { "success", stun_build_success,
      mra_bytes("\1\1\0\x0c" COOKIE ID
      "\0\x20\0\x08\0\1\xa1\x47\xe1\x12\xa6\x43") },

    { "success, IPv6", stun_build_success6,
      mra_bytes("\1\1\0\x18" COOKIE ID
      "\0\x20\0\x14\0\2\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79"
      "\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9") },

    { "success, IPv4 mapped to IPv6", stun_build_mapped,
      mra_bytes("\1\1\0\x0c" COOKIE ID
      "\0\x20\0\x08\0\1\xa1\x47\xe1\x12\xa6\x43") },

    { "success, unix socket", stun_build_unix,
      mra_bytes("\1\1\0\0" COOKIE ID) },

    { "error", stun_build_error,
      mra_bytes("\1\x11\0\x14" COOKIE ID
      "\0\x09\0\x10\0\0\5\2" "Server Error") },

    { "unknown attributes", stun_build_420,
      mra_bytes("\1\x11\0\x10" COOKIE ID
      "\0\x09\0\4\0\0\4\x14" "\0\x0a\0\4\0\x24\0\2") },
};


static void
stun_build_test(stun_build_t *t)
{
    size_t          n;
    u_char         *p;
    ngx_mra_stun_t  m;

    p = mra_guard(0, NULL, t->len);
    n = t->build(p, t->len);

    mra_is_mem(p, n, t->data, t->len, "%s", t->name);

    mra_is(ngx_mra_stun_decode(&m, p, p + n), NGX_OK, "%s: decoded", t->name);

    mra_each_cut(n, t->len) {
        p = mra_guard(0, NULL, n);

        if (t->build(p, n) != 0) {
            break;
        }
    }

    mra_is(n, t->len, "%s: no smaller buffer", t->name);
}


/* what is built like a sample is the sample, but for its integrity */

static void
stun_sample_test(void)
{
    u_char              *p;
    size_t               len;
    ngx_mra_stun_t       m;
    ngx_mra_stun_buf_t   b;

    p = mra_guard(0, NULL, 2048);

    ngx_mra_stun_init(&b, p, p + 2048, NGX_MRA_STUN_REQUEST, (u_char *) ID);
    ngx_mra_stun_add(&b, NGX_MRA_STUN_SOFTWARE,
                     (u_char *) "STUN test client", 16);
    ngx_mra_stun_add(&b, 0x0024, (u_char *) "\x6e\x00\x01\xff", 4);
    ngx_mra_stun_add(&b, 0x8029, (u_char *) "\x93\x2f\xf9\xb1\x51\x26\x3b\x36",
                     8);
    ngx_mra_stun_add(&b, NGX_MRA_STUN_USERNAME, (u_char *) "evtj:h6vY", 9);

    ngx_memcpy(b.pos - 3, "\x20\x20\x20", 3);

    ngx_mra_stun_add(&b, NGX_MRA_STUN_INTEGRITY,
                     (u_char *) stun_request + sizeof(stun_request) - 1 - 28,
                     20);
    len = ngx_mra_stun_end(&b, 1);

    mra_is_mem(p, len, stun_request, sizeof(stun_request) - 1,
               "sample request built");

    ngx_mra_stun_init(&b, p, p + 2048, NGX_MRA_STUN_INDICATION,
                      (u_char *) ID);
    ngx_mra_stun_add(&b, NGX_MRA_STUN_SOFTWARE, NULL, 0);
    len = ngx_mra_stun_end(&b, 1);

    mra_is(ngx_mra_stun_decode(&m, p, p + len), NGX_OK, "empty attribute");
    mra_is(ngx_mra_stun_check(&m), NGX_OK, "own fingerprint");
}


static void
stun_large_test(void)
{
    u_char              *p;
    ngx_mra_stun_t       m;
    ngx_mra_stun_buf_t   b;

    p = mra_guard(0, NULL, 200000);

    ngx_mra_stun_init(&b, p, p + 200000, NGX_MRA_STUN_REQUEST, (u_char *) ID);
    ngx_mra_stun_add(&b, NGX_MRA_STUN_SOFTWARE, p + 100000, 0xfffc - 4);
    mra_is(ngx_mra_stun_end(&b, 0), 0xfffc + 20, "largest message");
    mra_is(ngx_mra_stun_decode(&m, p, p + 200000), NGX_OK,
           "largest message decoded");
    mra_is(m.last - p, 0xfffc + 20, "largest message is all of it");

    ngx_mra_stun_add(&b, NGX_MRA_STUN_SOFTWARE, NULL, 0);
    mra_is(ngx_mra_stun_end(&b, 0), 0, "message too large");

    ngx_mra_stun_init(&b, p, p + 200000, NGX_MRA_STUN_REQUEST, (u_char *) ID);
    ngx_mra_stun_add(&b, NGX_MRA_STUN_SOFTWARE, p + 100000, 0x10000);
    mra_is(ngx_mra_stun_end(&b, 0), 0, "attribute too large");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < mra_rows(stun_vectors); i++) {
        stun_vector_test(&stun_vectors[i]);
    }

    for (i = 0; i < mra_rows(stun_broken); i++) {
        stun_broken_test(&stun_broken[i]);
    }

    stun_fingerprint_test();
    stun_more_test();
    stun_address_test();
    stun_bad_value_test();

    for (i = 0; i < mra_rows(stun_builds); i++) {
        stun_build_test(&stun_builds[i]);
    }

    stun_sample_test();
    stun_large_test();

    return mra_done();
}
