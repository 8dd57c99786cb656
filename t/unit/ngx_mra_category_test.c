
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_category.h"


static struct {
    char        *name;
    size_t       len;
    ngx_uint_t   category;
} names[] = {
    { mra_bytes("http-ce-auth"),       NGX_MRA_CATEGORY_HTTP_AUTH },
    { mra_bytes("http-ce-intrusion"),  NGX_MRA_CATEGORY_HTTP_INTRUSION },
    { mra_bytes("http-ce-resource"),   NGX_MRA_CATEGORY_HTTP_RESOURCE },
    { mra_bytes("sip-auth"),           NGX_MRA_CATEGORY_SIP_AUTH },
    { mra_bytes("sip-registration"),   NGX_MRA_CATEGORY_SIP_REGISTRATION },
    { mra_bytes("sip-intrusion"),      NGX_MRA_CATEGORY_SIP_INTRUSION },
    { mra_bytes("xmpp-intrusion"),     NGX_MRA_CATEGORY_XMPP_INTRUSION },
    { mra_bytes("sshpfd-auth"),        NGX_MRA_CATEGORY_SSH_AUTH },
    { mra_bytes("sshpfd-intrusion"),   NGX_MRA_CATEGORY_SSH_INTRUSION },
    { mra_bytes("sshpfwd-auth"),       NGX_MRA_CATEGORY_SSH_AUTH },
    { mra_bytes("sshpfwd-intrusion"),  NGX_MRA_CATEGORY_SSH_INTRUSION },
    { mra_bytes("SIP-Auth"),           NGX_MRA_CATEGORY_SIP_AUTH },
    { mra_bytes("HTTP-CE-AUTH"),       NGX_MRA_CATEGORY_HTTP_AUTH },

    { mra_bytes(""),                   NGX_MRA_CATEGORIES },
    { mra_bytes("all"),                NGX_MRA_CATEGORIES },
    { mra_bytes("sip-auth "),          NGX_MRA_CATEGORIES },
    { mra_bytes("sip-auth\0"),         NGX_MRA_CATEGORIES },
    { mra_bytes("sip\0auth"),          NGX_MRA_CATEGORIES },
    { mra_bytes("sip_auth"),           NGX_MRA_CATEGORIES },
    { mra_bytes("sip\rauth"),          NGX_MRA_CATEGORIES },
    { mra_bytes("sip-auti"),           NGX_MRA_CATEGORIES },
    { mra_bytes("\xff\xff\xff-auth"),  NGX_MRA_CATEGORIES },
};


int
main(void)
{
    size_t             i, n;
    ngx_str_t          s;
    ngx_uint_t         c;
    const ngx_str_t   *name;

    for (i = 0; i < mra_rows(names); i++) {
        s.data = mra_guard(0, names[i].name, names[i].len);
        s.len = names[i].len;

        mra_is(ngx_mra_category_find(&s), names[i].category, "\"%s\"",
               names[i].name);

        if (names[i].category == NGX_MRA_CATEGORIES) {
            continue;
        }

        mra_each_cut(n, names[i].len) {
            s.data = mra_guard(0, names[i].name, n);
            s.len = n;

            if (ngx_mra_category_find(&s) != NGX_MRA_CATEGORIES) {
                break;
            }
        }

        mra_is(n, names[i].len, "\"%s\": cut at every byte", names[i].name);
    }

    for (c = 0; c < NGX_MRA_CATEGORIES; c++) {
        name = ngx_mra_category_name(c);
        mra_is(ngx_mra_category_find(name), c, "%.*s has its number",
               (int) name->len, name->data);
    }

    return mra_done();
}
