
/*
 * Copyright (C) ngx_mra contributors
 */


#include "mra_test.h"
#include "ngx_mra_relay.h"


#define TOKEN  "abcdefghijklmnopqrstuvwxyz01"


static u_char  key[16] = "0123456789abcdef";
static u_char  id[NGX_MRA_RELAY_ID_LEN] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff
};


/* a contact, and what the registrar sees of it when the edge is "edge:5060" */

#define ID  "AAECAwQFBgcICfr7_P3-_w"

static struct {
    char        *name;
    char        *original;
    ngx_uint_t   tls;
    char        *hidden;
} contacts[] = {
    { "host and port",
      "sip:alice@10.0.0.5:5062", 0,
      "sip:alice@edge:5060;transport=tcp;mra=" ID "~10.0.0.5:5062" },
    { "transport gives way and is kept",
      "sip:alice@10.0.0.5;transport=TLS", 0,
      "sip:alice@edge:5060;mra=" ID "~10.0.0.5~TLS;transport=tcp" },
    { "spelling of its name is kept",
      "sip:alice@h;Transport=udp;x=1", 1,
      "sip:alice@edge:5060;mra=" ID "~h~udp;Transport=tls;x=1" },
    { "other parameters and headers are kept",
      "sip:alice:pw@h;a;b=c;ob?Subject=x&y=z", 0,
      "sip:alice:pw@edge:5060;transport=tcp;mra=" ID
      "~h;a;b=c;ob?Subject=x&y=z" },
    { "second transport is somebody else's",
      "sip:h;transport=tls;transport=ws", 0,
      "sip:edge:5060;mra=" ID "~h~tls;transport=tcp;transport=ws" },
    { "IPv6",
      "sip:a@[2001:db8::1]:5061;transport=tcp", 0,
      "sip:a@edge:5060;mra=" ID "~[2001:db8::1]:5061~tcp;transport=tcp" },
    { "sips without TLS inside",
      "sips:a@h", 0,
      "sip:a@edge:5060;transport=tcp;mra=" ID "!h" },
    { "SIPS without TLS inside",
      "SIPS:a@h", 0,
      "SIP:a@edge:5060;transport=tcp;mra=" ID "*h" },
    { "sips with TLS inside",
      "sips:a@h", 1,
      "sips:a@edge:5060;transport=tls;mra=" ID "~h" },
    { "maddr would win over the host",
      "sip:a@h;maddr=10.1.1.1;x", 0,
      "sip:a@edge:5060;transport=tcp;mra=" ID "~h;mra-maddr=10.1.1.1;x" },
    { "transport without a value",
      "sip:a@h;transport;x", 0,
      "sip:a@edge:5060;mra=" ID "~h~;transport=tcp;x" },
    { "a parameter of our name is not ours",
      "sip:a@h;mra=AAAAAAAAAAAAAAAAAAAAAA~evil", 0,
      "sip:a@edge:5060;transport=tcp;mra=" ID
      "~h;mra-mra=AAAAAAAAAAAAAAAAAAAAAA~evil" },
    { "what another node has hidden, and another before it",
      "sip:a@h;mra=AAAAAAAAAAAAAAAAAAAAAA~x;mra-mra=B~y;mra-maddr=1.2.3.4", 0,
      "sip:a@edge:5060;transport=tcp;mra=" ID "~h;mra-mra=AAAAAAAAAAAAAAAAAAA"
      "AAA~x;mra-mra-mra=B~y;mra-mra-maddr=1.2.3.4" },
    { "parameters that only begin as ours",
      "sip:a@h;mrab=1;MRA-x", 0,
      "sip:a@edge:5060;transport=tcp;mra=" ID "~h;mra-mrab=1;mra-MRA-x" },
};


static void
test_contacts(void)
{
    size_t              i, len;
    u_char             *buf, found[NGX_MRA_RELAY_ID_LEN];
    ngx_int_t           rc;
    ngx_str_t           s, host;
    ngx_mra_sip_uri_t   uri;

    ngx_str_set(&host, "edge:5060");

    for (i = 0; i < mra_rows(contacts); i++) {
        s.len = strlen(contacts[i].original);
        s.data = mra_guard(0, contacts[i].original, s.len);

        mra_is(ngx_mra_sip_parse_uri(&s, &uri), NGX_OK, "%s: parsed",
               contacts[i].name);

        buf = mra_guard(1, NULL,
                        2 * s.len + host.len + NGX_MRA_RELAY_HIDE_LEN);
        len = ngx_mra_relay_hide_contact(&uri, id, &host, contacts[i].tls,
                                         buf);

        mra_is_mem(buf, len, contacts[i].hidden, strlen(contacts[i].hidden),
                   "%s: hidden", contacts[i].name);

        s.data = mra_guard(0, buf, len);
        s.len = len;

        mra_is(ngx_mra_sip_parse_uri(&s, &uri), NGX_OK, "%s: parsed again",
               contacts[i].name);

        buf = mra_guard(1, NULL, s.len);
        rc = ngx_mra_relay_restore_contact(&uri, found, buf, &len);

        mra_is(rc, NGX_OK, "%s: is ours", contacts[i].name);
        mra_is_mem(buf, len, contacts[i].original,
                   strlen(contacts[i].original), "%s: as it was",
                   contacts[i].name);
        mra_is_mem(found, sizeof(found), id, sizeof(id), "%s: id",
                   contacts[i].name);
    }
}


/* what registrars and attackers may make of it */

static struct {
    char        *name;
    char        *uri;
    ngx_int_t    rc;
    char        *restored;
} foreign[] = {
    { "parameters in another order",
      "sip:a@edge;x=1;transport=tcp;mra=" ID "~h~udp;y", NGX_OK,
      "sip:a@h;x=1;transport=udp;y" },
    { "transport lost by the registrar",
      "sip:a@edge;mra=" ID "~h~udp", NGX_OK, "sip:a@h" },
    { "no parameter of ours", "sip:a@edge;transport=tcp", NGX_DECLINED, NULL },
    { "another scheme", "tel:+1;mra=" ID "~h", NGX_DECLINED, NULL },
    { "id too short", "sip:a@edge;mra=AAEC~h", NGX_DECLINED, NULL },
    { "id with a bad character",
      "sip:a@edge;mra=AAECAwQFBgcICfr7!P3-_w~h", NGX_DECLINED, NULL },
    { "no mark", "sip:a@edge;mra=" ID "-h", NGX_DECLINED, NULL },
    { "no host", "sip:a@edge;mra=" ID "~~udp", NGX_DECLINED, NULL },
    { "empty", "sip:a@edge;mra=", NGX_DECLINED, NULL },
    { "without a value", "sip:a@edge;mra", NGX_DECLINED, NULL },
};


static void
test_foreign(void)
{
    size_t              i, len;
    u_char             *buf, found[NGX_MRA_RELAY_ID_LEN];
    ngx_str_t           s;
    ngx_mra_sip_uri_t   uri;

    for (i = 0; i < mra_rows(foreign); i++) {
        s.len = strlen(foreign[i].uri);
        s.data = mra_guard(0, foreign[i].uri, s.len);

        if (ngx_mra_sip_parse_uri(&s, &uri) != NGX_OK) {
            mra_is(NGX_DECLINED, foreign[i].rc, "%s: no URI",
                   foreign[i].name);
            continue;
        }

        buf = mra_guard(1, NULL, s.len);

        mra_is(ngx_mra_relay_restore_contact(&uri, found, buf, &len),
               foreign[i].rc, "%s: answer", foreign[i].name);

        if (foreign[i].restored) {
            mra_is_mem(buf, len, foreign[i].restored,
                       strlen(foreign[i].restored), "%s: restored",
                       foreign[i].name);
        }
    }
}


#define REQUEST(method, branch, to)                                           \
    method " sip:bob@example.com SIP/2.0\r\n"                                 \
    "Via: SIP/2.0/TLS 10.0.0.5;branch=" branch "\r\n"                         \
    "Max-Forwards: 70\r\n"                                                    \
    "From: <sip:alice@example.com>;tag=1\r\n"                                 \
    "To: <sip:bob@example.com>" to "\r\n"                                     \
    "Call-ID: c1\r\n"                                                         \
    "CSeq: 7 " method "\r\n"                                                  \
    "Contact: <sip:alice@10.0.0.5>\r\n"                                       \
    "Content-Length: 0\r\n\r\n"


static ngx_mra_sip_header_t  headers[32];
static ngx_mra_sip_msg_t     msg;


static ngx_mra_relay_branch_t
branch_of(char *request, ngx_uint_t attempt, u_char *buf)
{
    ngx_str_t               token, reason, branch;
    ngx_mra_relay_branch_t  b;

    if (ngx_mra_sip_parse(&msg, headers, 32, (u_char *) request,
                          (u_char *) request + strlen(request))
        != NGX_OK
        || ngx_mra_sip_check_request(&msg, &reason) != 0)
    {
        printf("Bail out! bad request\n");
        exit(2);
    }

    ngx_str_set(&token, TOKEN);

    ngx_mra_relay_build_branch(buf, &token, key, &msg, attempt);

    branch.data = buf;
    branch.len = NGX_MRA_RELAY_BRANCH_LEN;

    if (ngx_mra_relay_parse_branch(&branch, &b) != NGX_OK) {
        printf("Bail out! bad branch\n");
        exit(2);
    }

    return b;
}


#define same_transaction(a, b)                                                \
    (memcmp((a).transaction, (b).transaction, NGX_MRA_RELAY_HASH_LEN) == 0)
#define same_loop(a, b)                                                       \
    (memcmp((a).loop, (b).loop, NGX_MRA_RELAY_HASH_LEN) == 0)


static void
test_branches(void)
{
    u_char                  *buf1, *buf2;
    ngx_str_t                s;
    ngx_mra_relay_branch_t   a, b;

    buf1 = mra_guard(0, NULL, NGX_MRA_RELAY_BRANCH_LEN);
    buf2 = mra_guard(1, NULL, NGX_MRA_RELAY_BRANCH_LEN);

    a = branch_of(REQUEST("INVITE", "z9hG4bKone", ""), 0, buf1);

    mra_is_str(a.token, TOKEN, "the token is found");

    b = branch_of(REQUEST("INVITE", "z9hG4bKone", ""), 0, buf2);
    mra_ok(memcmp(buf1, buf2, NGX_MRA_RELAY_BRANCH_LEN) == 0,
           "same request, same branch");

    b = branch_of(REQUEST("CANCEL", "z9hG4bKone", ""), 0, buf2);
    mra_ok(memcmp(buf1, buf2, NGX_MRA_RELAY_BRANCH_LEN) == 0,
           "CANCEL has the branch of its INVITE");

    b = branch_of(REQUEST("ACK", "z9hG4bKone", ";tag=9"), 0, buf2);
    mra_ok(memcmp(buf1, buf2, NGX_MRA_RELAY_BRANCH_LEN) == 0,
           "ACK to a failure has the branch of its INVITE");

    b = branch_of(REQUEST("INVITE", "z9hG4bKtwo", ""), 0, buf2);
    mra_ok(!same_transaction(a, b), "another branch, another transaction");
    mra_ok(same_loop(a, b), "another branch, the same request on its way");

    b = branch_of(REQUEST("INVITE", "z9hG4bKone", ""), 1, buf2);
    mra_ok(!same_transaction(a, b), "another attempt, another transaction");

    b = branch_of(REQUEST("INVITE", "1", ""), 0, buf2);
    a = branch_of(REQUEST("INVITE", "2", ""), 0, buf1);
    mra_ok(!same_transaction(a, b), "branches of old clients count too");

    s.data = buf1;

    mra_each_cut(s.len, NGX_MRA_RELAY_BRANCH_LEN) {
        if (ngx_mra_relay_parse_branch(&s, &a) != NGX_DECLINED) {
            break;
        }
    }

    mra_is(s.len, NGX_MRA_RELAY_BRANCH_LEN, "no part of a branch is one");

    buf1[0] = 'Z';
    mra_is(ngx_mra_relay_parse_branch(&s, &a), NGX_DECLINED,
           "a branch of another kind");
}


static void
test_dialogs(void)
{
    u_char    *buf;
    uint64_t   d;

    buf = mra_guard(0, NULL, NGX_MRA_RELAY_BRANCH_LEN);

    (void) branch_of(REQUEST("INVITE", "z9hG4bKone", ""), 0, buf);
    mra_ok(ngx_mra_relay_forms_dialog(&msg), "INVITE forms a dialog");

    (void) branch_of(REQUEST("INVITE", "z9hG4bKone", ";tag=2"), 0, buf);
    mra_ok(!ngx_mra_relay_forms_dialog(&msg), "INVITE within one does not");

    d = ngx_mra_relay_dialog(key, &msg);

    (void) branch_of(REQUEST("BYE", "z9hG4bKtwo", ";tag=2"), 0, buf);
    mra_ok(ngx_mra_relay_dialog(key, &msg) == d, "BYE is of the same dialog");

    ngx_str_set(&msg.from.tag, "2");
    ngx_str_set(&msg.to.tag, "1");
    mra_ok(ngx_mra_relay_dialog(key, &msg) == d, "from the other side too");

    ngx_str_set(&msg.to.tag, "3");
    mra_ok(ngx_mra_relay_dialog(key, &msg) != d, "another tag, another one");

    (void) branch_of(REQUEST("MESSAGE", "z9hG4bKone", ""), 0, buf);
    mra_ok(!ngx_mra_relay_forms_dialog(&msg), "MESSAGE forms no dialog");
}


int
main(void)
{
    test_contacts();
    test_foreign();
    test_branches();
    test_dialogs();

    return mra_done();
}
