
/*
 * Copyright (C) ngx_mra contributors
 *
 * A normal form is its own normal form, without controls and capitals.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdlib.h>
#include "ngx_mra_user.h"


static ngx_int_t
fuzz_user_parse(ngx_str_t *user, const u_char *data, size_t len,
    ngx_str_t *domain, u_char *buf)
{
    u_char     *p;
    ngx_int_t   rc;

    p = malloc(len + (len == 0));
    ngx_memcpy(p, data, len);

    rc = ngx_mra_user_parse(user, p, p + len, domain, buf);

    free(p);

    return rc;
}


static void
fuzz_user_check(ngx_str_t *user, ngx_str_t *domain)
{
    size_t      i;
    u_char     *buf, ch;
    ngx_str_t   again;

    if (user->len == 0 || user->len > NGX_MRA_USER_LEN) {
        abort();
    }

    for (i = 0; i < user->len; i++) {
        ch = user->data[i];

        if (ch < 0x20 || ch == 0x7f || (ch >= 'A' && ch <= 'Z')) {
            abort();
        }
    }

    if (domain && memchr(user->data, '@', user->len) == NULL) {
        abort();
    }

    buf = malloc(NGX_MRA_USER_LEN);

    if (fuzz_user_parse(&again, user->data, user->len, domain, buf) != NGX_OK
        || again.len != user->len
        || memcmp(again.data, user->data, user->len) != 0)
    {
        abort();
    }

    free(buf);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    u_char     *buf;
    ngx_str_t   user, domain = ngx_string("Example.COM.");

    buf = malloc(NGX_MRA_USER_LEN);

    if (fuzz_user_parse(&user, data, len, NULL, buf) == NGX_OK) {
        fuzz_user_check(&user, NULL);
    }

    if (fuzz_user_parse(&user, data, len, &domain, buf) == NGX_OK) {
        fuzz_user_check(&user, &domain);
    }

    free(buf);

    return 0;
}
