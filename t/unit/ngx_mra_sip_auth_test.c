
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_sip_auth.h"


static struct {
    char    *value;
    size_t   len;
    char    *stale;     /* NULL: there is none */
} table[] = {
    { mra_bytes("Digest stale=true"), "true" },
    { mra_bytes("Digest stale=TRUE, nonce=\"a\""), "TRUE" },
    { mra_bytes("Digest realm=\"a\", STALE = true ,nonce=\"b\""), "true" },
    { mra_bytes("Digest realm=\"a\",\r\n stale=false"), "false" },
    { mra_bytes("Digest realm=\"a\", stale=\"true\""), "true" },
    { mra_bytes("Digest ,, stale=true"), "true" },
    { mra_bytes("Digest stale="), "" },

    /* not where it only looks like one */

    { mra_bytes("Digest realm=\"x, stale=true\", nonce=\"a\""), NULL },
    { mra_bytes("Digest realm=\"x\\\", stale=true\", nonce=\"a\""), NULL },
    { mra_bytes("Digest xstale=true"), NULL },
    { mra_bytes("Digest stalex=true"), NULL },
    { mra_bytes("Digest nonce=stale"), NULL },
    { mra_bytes("stale=true"), NULL },

    /* broken */

    { mra_bytes(""), NULL },
    { mra_bytes("Digest"), NULL },
    { mra_bytes("Digest stale"), NULL },
    { mra_bytes("Digest realm=\"x, stale=true"), NULL },
    { mra_bytes("Digest realm=\"x\" stale=true"), NULL },
    { mra_bytes("Digest =true, stale=true"), NULL },
    { mra_bytes("Digest stale=\"true"), NULL },
};


int
main(void)
{
    size_t     i, n;
    ngx_int_t  rc;
    ngx_str_t  value, param;

    for (i = 0; i < mra_rows(table); i++) {
        value.data = mra_guard(0, table[i].value, table[i].len);
        value.len = table[i].len;

        ngx_str_null(&param);

        rc = ngx_mra_sip_auth_param(&value, "stale", &param);

        mra_is(rc, table[i].stale ? NGX_OK : NGX_DECLINED, "%s",
               table[i].value);

        if (table[i].stale) {
            mra_is_str(param, table[i].stale, "its value");
        }

        /* cut anywhere nothing is read behind the end */

        mra_each_cut(n, table[i].len) {
            value.data = mra_guard(0, table[i].value, n);
            value.len = n;

            (void) ngx_mra_sip_auth_param(&value, "stale", &param);
        }
    }

    return mra_done();
}
