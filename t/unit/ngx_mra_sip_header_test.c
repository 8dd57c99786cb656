
/*
 * Copyright (C) ngx_mra contributors
 *
 * Values of SIP headers.
 */


#include <mra_test.h>
#include <ngx_mra_sip.h>


#define MAX_VALUES  6


typedef struct {
    const char  *headers;
    const char  *values[MAX_VALUES];
    ngx_int_t    rc;         /* what the list ends with */
} list_row_t;


static list_row_t  lists[] = {
    { "Route: <sip:a>\r\n", { "<sip:a>" }, NGX_DONE },
    { "Route: <sip:a>,<sip:b> , <sip:c>\r\n",
      { "<sip:a>", "<sip:b>", "<sip:c>" }, NGX_DONE },
    { "Route: <sip:a>\r\nX: y\r\nroute: <sip:b>,\r\n <sip:c>\r\n",
      { "<sip:a>", "<sip:b>", "<sip:c>" }, NGX_DONE },
    { "Route: \"a, b\" <sip:a,b@c>;x=\"y, \\\", z\", <sip:d>\r\n",
      { "\"a, b\" <sip:a,b@c>;x=\"y, \\\", z\"", "<sip:d>" }, NGX_DONE },
    { "Route: <sip:a> (x, (y\\), z)), <sip:b>\r\n",
      { "<sip:a> (x, (y\\), z))", "<sip:b>" }, NGX_DONE },
    { "Route: sip:a(b@c, sip:d\r\n", { "sip:a(b@c", "sip:d" }, NGX_DONE },
    { "X: y\r\n", { NULL }, NGX_DONE },
    { "Route:\r\n", { NULL }, NGX_ERROR },
    { "Route: ,<sip:a>\r\n", { NULL }, NGX_ERROR },
    { "Route: <sip:a>,\r\n", { "<sip:a>" }, NGX_ERROR },
    { "Route: <sip:a>,,<sip:b>\r\n", { "<sip:a>" }, NGX_ERROR },
    { "Route: \"a, <sip:b>\r\n", { NULL }, NGX_ERROR },
    { "Route: \"a, b\\\"\r\n", { NULL }, NGX_ERROR },
    { "Route: <sip:a, b\r\n", { NULL }, NGX_ERROR },
    { "Route: (a, b\r\n", { NULL }, NGX_ERROR },
    { "Route: (a, b\\)\r\n", { NULL }, NGX_ERROR }
};


typedef struct {
    const char  *value;
    const char  *display;
    const char  *uri;        /* NULL: broken */
    const char  *params;
    const char  *tag;
} addr_row_t;


static addr_row_t  addrs[] = {
    { "<sip:a@b>", "", "sip:a@b", "", "" },
    { "sip:a@b", "", "sip:a@b", "", "" },
    { "sip:a@b;tag=x", "", "sip:a@b", ";tag=x", "x" },
    { "sip:a@b \r\n ; tag = x", "", "sip:a@b", "; tag = x", "x" },
    { "<sip:a@b;c?d=e>;TAG=x;y", "", "sip:a@b;c?d=e", ";TAG=x;y", "x" },
    { "\"A \\\" <B>\" <sip:a@b>;x=\"y;tag=z\"", "\"A \\\" <B>\"", "sip:a@b",
      ";x=\"y;tag=z\"", "" },
    { "A. Bell\t<sip:a@b>", "A. Bell", "sip:a@b", "", "" },
    { "caller<sip:a@b>", "caller", "sip:a@b", "", "" },
    { "\"\"<sip:a@b>", "\"\"", "sip:a@b", "", "" },
    { "tel:+1;tag=x", "", "tel:+1", ";tag=x", "x" },

    { "", NULL, NULL, NULL, NULL },
    { "a", NULL, NULL, NULL, NULL },
    { "<>", NULL, NULL, NULL, NULL },
    { "<sip:a@b", NULL, NULL, NULL, NULL },
    { "sip:a@b>", "", "sip:a@b>", "", "" },    /* the URI tells */
    { "\"A <sip:a@b>", NULL, NULL, NULL, NULL },
    { "\"A\" sip:a@b", NULL, NULL, NULL, NULL },
    { "\"A\" \"B\" <sip:a@b>", NULL, NULL, NULL, NULL },
    { "A, B <sip:a@b>", NULL, NULL, NULL, NULL },
    { "A@B <sip:a@b>", NULL, NULL, NULL, NULL },
    { "foo sip:a@b", NULL, NULL, NULL, NULL },
    { "sip:a@b?c=d", NULL, NULL, NULL, NULL },
    { "sip:a,b@c", NULL, NULL, NULL, NULL },
    { "<sip:a@b> x", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;;x", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;x=", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;=x", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;x=\"y", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;x=\"y\"z", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;x y", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;tag", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;x=y=", NULL, NULL, NULL, NULL },
    { "<sip:a@b>;tag=x;tag=y", NULL, NULL, NULL, NULL }
};


typedef struct {
    const char  *value;
    ngx_uint_t   transport;
    const char  *host;       /* NULL: broken */
    ngx_uint_t   port;
    const char  *branch;
    const char  *received;
    const char  *rport;
} via_row_t;


static via_row_t  vias[] = {
    { "SIP/2.0/TLS a.example:5061;branch=z9hG4bKx", NGX_MRA_SIP_TLS,
      "a.example", 5061, "z9hG4bKx", NULL, NULL },
    { "sip / 2.0 \r\n / udp \t 192.0.2.1 : 5060 ;rport; branch = x",
      NGX_MRA_SIP_UDP, "192.0.2.1", 5060, "x", NULL, "" },
    { "SIP/2.0/TCP [2001:db8::1];received=2001:db8::2;rport=1234",
      NGX_MRA_SIP_TCP, "[2001:db8::1]", 0, NULL, "2001:db8::2", "1234" },
    { "SIP/2.0/WSS a.invalid;alias", NGX_MRA_SIP_WSS, "a.invalid", 0, NULL,
      NULL, NULL },
    { "SIP/2.0/WS a.invalid", NGX_MRA_SIP_WS, "a.invalid", 0, NULL, NULL,
      NULL },
    { "SIP/2.0/SCTP a;maddr=b;ttl=1", NGX_MRA_SIP_SCTP, "a", 0, NULL, NULL,
      NULL },
    { "SIP/2.0/NEW! a;branch=a/b", NGX_MRA_SIP_OTHER_TRANSPORT, "a", 0,
      "a/b", NULL, NULL },

    { "", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP ", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/ a", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/3.0/TCP a", 0, NULL, 0, NULL, NULL, NULL },
    { "HTTP/2.0/TCP a", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a:", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a:0", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a:99999", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a b", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;;b", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;branch", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;branch=", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;branch=x=", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;branch=x;branch=y", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;received=b;received=c", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;rport=x", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;rport=99999", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;rport;rport=1", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP a;b=\"c", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP [::1", 0, NULL, 0, NULL, NULL, NULL },
    { "SIP/2.0/TCP <a>", 0, NULL, 0, NULL, NULL, NULL }
};


typedef struct {
    const char  *value;
    ngx_int_t    rc;
    uint32_t     number;
    ngx_uint_t   method;
} number_row_t;


static number_row_t  cseqs[] = {
    { "1 INVITE", NGX_OK, 1, NGX_MRA_SIP_INVITE },
    { "0009\r\n \t INVITE", NGX_OK, 9, NGX_MRA_SIP_INVITE },
    { "2147483647 REGISTER", NGX_OK, 2147483647, NGX_MRA_SIP_REGISTER },
    { "1 invite", NGX_OK, 1, NGX_MRA_SIP_OTHER_METHOD },
    { "2147483648 REGISTER", NGX_ERROR, 0, 0 },
    { "36893488147419103232 REGISTER", NGX_ERROR, 0, 0 },
    { "", NGX_ERROR, 0, 0 },
    { "1", NGX_ERROR, 0, 0 },
    { "1 ", NGX_ERROR, 0, 0 },
    { "INVITE", NGX_ERROR, 0, 0 },
    { "1INVITE", NGX_ERROR, 0, 0 },
    { "-1 INVITE", NGX_ERROR, 0, 0 },
    { "1 INVITE x", NGX_ERROR, 0, 0 },
    { "1 <INVITE>", NGX_ERROR, 0, 0 }
};


static number_row_t  seconds[] = {
    { "0", NGX_OK, 0, 0 },
    { "3600", NGX_OK, 3600, 0 },
    { "1800;refresher=uac", NGX_OK, 1800, 0 },
    { "18000 (in a \\) meeting (long));duration=3600", NGX_OK, 18000, 0 },
    { "4294967295", NGX_OK, 4294967295u, 0 },
    { "4294967296", NGX_OK, 4294967295u, 0 },
    { "949302838503028349304023988", NGX_OK, 4294967295u, 0 },
    { "", NGX_ERROR, 0, 0 },
    { "-1", NGX_ERROR, 0, 0 },
    { "x", NGX_ERROR, 0, 0 },
    { "1 2", NGX_ERROR, 0, 0 },
    { "1 (x", NGX_ERROR, 0, 0 },
    { "1;", NGX_ERROR, 0, 0 }
};


static ngx_str_t
text(ngx_uint_t place, const char *s)
{
    ngx_str_t  span;

    span.len = strlen(s);
    span.data = mra_guard(place, s, span.len);

    return span;
}


static ngx_int_t
parse(ngx_mra_sip_msg_t *msg, const char *headers)
{
    char                         buf[1024];
    u_char                      *p;
    size_t                       len;
    static ngx_mra_sip_header_t  table[16];

    len = snprintf(buf, sizeof(buf), "OPTIONS sip:a SIP/2.0\r\n%s\r\n",
                   headers);
    p = mra_guard(0, buf, len);

    return ngx_mra_sip_parse(msg, table, 16, p, p + len);
}


static void
list_test(list_row_t *row)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_uint_t           n;
    ngx_mra_sip_msg_t    msg;
    ngx_mra_sip_list_t   list;

    mra_is(parse(&msg, row->headers), NGX_OK, "%s", row->headers);

    ngx_mra_sip_list_init(&list, &msg, NGX_MRA_SIP_ROUTE);

    for (n = 0; /* void */ ; n++) {
        rc = ngx_mra_sip_list_next(&list, &value);

        if (rc != NGX_OK || row->values[n] == NULL) {
            break;
        }

        mra_is_str(value, row->values[n], "value %u of %s", (unsigned) n,
                   row->headers);
        mra_ok(value.data >= list.header->value.data
               && value.data < list.header->value.data
                               + list.header->value.len,
               "value %u in its line", (unsigned) n);
    }

    mra_is(rc, row->rc, "end of %s", row->headers);
    mra_ok(row->values[n] == NULL, "all of %s", row->headers);
}


static void
addr_test(addr_row_t *row)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_mra_sip_addr_t   addr;

    value = text(0, row->value);
    rc = ngx_mra_sip_parse_addr(&value, &addr);

    mra_is(rc, row->uri ? NGX_OK : NGX_ERROR, "address: %s", row->value);

    if (rc == NGX_OK && row->uri) {
        mra_is_str(addr.display, row->display, "display: %s", row->value);
        mra_is_str(addr.uri, row->uri, "uri: %s", row->value);
        mra_is_str(addr.params, row->params, "params: %s", row->value);
        mra_is_str(addr.tag, row->tag, "tag: %s", row->value);
    }
}


static void
via_test(via_row_t *row)
{
    ngx_int_t           rc;
    ngx_str_t           value;
    ngx_mra_sip_via_t   via;

    value = text(0, row->value);
    rc = ngx_mra_sip_parse_via(&value, &via);

    mra_is(rc, row->host ? NGX_OK : NGX_ERROR, "via: %s", row->value);

    if (rc != NGX_OK || row->host == NULL) {
        return;
    }

    mra_is(via.transport, row->transport, "transport: %s", row->value);
    mra_is(via.port, row->port, "port: %s", row->value);
    mra_is_str(via.host, row->host, "host: %s", row->value);
    mra_is(via.branch.data != NULL, row->branch != NULL, "has a branch");
    mra_is(via.received.data != NULL, row->received != NULL, "has received");
    mra_is(via.rport.data != NULL, row->rport != NULL, "has rport");
    mra_is_str(via.branch, row->branch ? row->branch : "", "branch");
    mra_is_str(via.received, row->received ? row->received : "", "received");
    mra_is_str(via.rport, row->rport ? row->rport : "", "rport");
}


static void
contact_test(void)
{
    ngx_str_t               value;
    ngx_mra_sip_contact_t   c;

    value = text(0, "\"A\" <sip:a@192.0.2.1:5061;transport=tls;ob>"
                    ";+sip.instance=\"<urn:uuid:1>\";reg-id=2;q=0.7"
                    ";expires=3600;x-cisco-mra-ha=AR_SK"
                    ";+u.sip!model.ccm.cisco.com=\"503\";video");

    mra_is(ngx_mra_sip_parse_contact(&value, &c), NGX_OK, "a contact");
    mra_is_str(c.addr.uri, "sip:a@192.0.2.1:5061;transport=tls;ob", "its URI");
    mra_is_str(c.uri.host, "192.0.2.1", "its host");
    mra_is_str(c.instance, "<urn:uuid:1>", "its instance");
    mra_is_str(c.ha, "AR_SK", "what it announces");
    mra_is_str(c.q, "0.7", "its q");
    mra_is(c.has_expires, 1, "it expires");
    mra_is(c.expires, 3600, "in an hour");
    mra_is(c.reg_id, 2, "its reg-id");
    mra_is(c.star, 0, "it is not all of them");

    value = text(0, "<sip:a@b>");
    mra_is(ngx_mra_sip_parse_contact(&value, &c), NGX_OK, "a bare contact");
    mra_ok(!c.has_expires && !c.reg_id && !c.q.data
           && !c.instance.data && !c.ha.data, "has nothing else");

    value = text(0, "*");
    mra_is(ngx_mra_sip_parse_contact(&value, &c), NGX_OK, "a star");
    mra_is(c.star, 1, "is all of them");

    value = text(0, "<sip:a@b>;expires=soon");
    mra_is(ngx_mra_sip_parse_contact(&value, &c), NGX_OK, "bad expires");
    mra_is(c.has_expires, 0, "counts as none");

    value = text(0, "<sip:a@b>;expires=99999999999");
    mra_is(ngx_mra_sip_parse_contact(&value, &c), NGX_OK, "large expires");
    mra_is(c.expires, 4294967295u, "is the largest");

    value = text(0, "<sip:a@b>;expires=0");
    mra_is(ngx_mra_sip_parse_contact(&value, &c), NGX_OK, "expires now");
    mra_ok(c.has_expires && c.expires == 0, "is told");

    value = text(0, "<sip:a b@c>");
    mra_is(ngx_mra_sip_parse_contact(&value, &c), NGX_ERROR, "a bad URI");

    value = text(0, "**");
    mra_is(ngx_mra_sip_parse_contact(&value, &c), NGX_ERROR, "two stars");
}


static void
param_test(void)
{
    ngx_str_t             params, rest;
    ngx_mra_sip_param_t   param;

    params = text(0, ";a=1; b ;C = \"x\\\";y\" ;d=");
    rest = params;

    mra_is(ngx_mra_sip_next_param(&rest, &param), NGX_OK, "first parameter");
    mra_is_str(param.name, "a", "its name");
    mra_is_str(param.value, "1", "its value");
    mra_ok(param.valued && !param.quoted, "its kind");

    mra_is(ngx_mra_sip_next_param(&rest, &param), NGX_OK, "second parameter");
    mra_is_str(param.name, "b", "its name");
    mra_ok(!param.valued && param.value.len == 0, "no value");
    mra_ok(param.value.data == param.name.data + 1, "where it would be");

    mra_is(ngx_mra_sip_next_param(&rest, &param), NGX_OK, "third parameter");
    mra_is_str(param.name, "C", "its name");
    mra_is_str(param.value, "x\\\";y", "without quotes");
    mra_ok(param.valued && param.quoted, "its kind");

    mra_is(ngx_mra_sip_next_param(&rest, &param), NGX_OK, "fourth parameter");
    mra_ok(param.valued && param.value.len == 0, "an empty value");

    mra_is(ngx_mra_sip_next_param(&rest, &param), NGX_DONE, "no fifth");

    mra_is(ngx_mra_sip_find_param(&params, (u_char *) "c", 1, &param), NGX_OK,
           "found in the other case");
    mra_is_str(param.value, "x\\\";y", "its value");
    mra_is(ngx_mra_sip_find_param(&params, (u_char *) "e", 1, &param),
           NGX_DECLINED, "not found");

    params = text(0, "a=1;<;b");
    mra_is(ngx_mra_sip_find_param(&params, (u_char *) "a", 1, &param), NGX_OK,
           "found before what is broken");
    mra_is(ngx_mra_sip_find_param(&params, (u_char *) "b", 1, &param),
           NGX_ERROR, "not found behind it");
}


int
main(void)
{
    size_t                i;
    uint32_t              n;
    ngx_str_t             value;
    ngx_mra_sip_cseq_t    cseq;

    for (i = 0; i < mra_rows(lists); i++) {
        list_test(&lists[i]);
    }

    for (i = 0; i < mra_rows(addrs); i++) {
        addr_test(&addrs[i]);
    }

    for (i = 0; i < mra_rows(vias); i++) {
        via_test(&vias[i]);
    }

    for (i = 0; i < mra_rows(cseqs); i++) {
        value = text(0, cseqs[i].value);

        mra_is(ngx_mra_sip_parse_cseq(&value, &cseq), cseqs[i].rc, "CSeq: %s",
               cseqs[i].value);

        if (cseqs[i].rc == NGX_OK) {
            mra_is(cseq.number, cseqs[i].number, "number: %s", cseqs[i].value);
            mra_is(cseq.method, cseqs[i].method, "method: %s", cseqs[i].value);
        }
    }

    for (i = 0; i < mra_rows(seconds); i++) {
        value = text(0, seconds[i].value);

        mra_is(ngx_mra_sip_parse_seconds(&value, &n), seconds[i].rc,
               "seconds: %s", seconds[i].value);

        if (seconds[i].rc == NGX_OK) {
            mra_is(n, seconds[i].number, "number: %s", seconds[i].value);
        }
    }

    contact_test();
    param_test();

    return mra_done();
}
