
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_category.h"


static ngx_uint_t ngx_mra_category_is(const ngx_str_t *name,
    const ngx_str_t *text);


static const ngx_str_t  ngx_mra_categories[] = {
    ngx_string("http-ce-auth"),
    ngx_string("http-ce-intrusion"),
    ngx_string("http-ce-resource"),
    ngx_string("sip-auth"),
    ngx_string("sip-registration"),
    ngx_string("sip-intrusion"),
    ngx_string("xmpp-intrusion"),
    ngx_string("sshpfd-auth"),
    ngx_string("sshpfd-intrusion"),

    /* the other spelling of the last two */

    ngx_string("sshpfwd-auth"),
    ngx_string("sshpfwd-intrusion")
};


ngx_uint_t
ngx_mra_category_find(const ngx_str_t *name)
{
    ngx_uint_t  i, n;

    n = sizeof(ngx_mra_categories) / sizeof(ngx_str_t);

    for (i = 0; i < n; i++) {

        if (ngx_mra_category_is(name, &ngx_mra_categories[i])) {
            return i < NGX_MRA_CATEGORIES ? i : i - (n - NGX_MRA_CATEGORIES);
        }
    }

    return NGX_MRA_CATEGORIES;
}


static ngx_uint_t
ngx_mra_category_is(const ngx_str_t *name, const ngx_str_t *text)
{
    u_char      ch;
    ngx_uint_t  i;

    if (name->len != text->len) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (ngx_tolower(ch) != text->data[i]) {
            return 0;
        }
    }

    return 1;
}


const ngx_str_t *
ngx_mra_category_name(ngx_uint_t c)
{
    return &ngx_mra_categories[c];
}
