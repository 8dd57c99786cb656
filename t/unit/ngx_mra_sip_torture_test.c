
/*
 * Copyright (C) ngx_mra contributors
 *
 * RFC 4475: each message whole and cut at every byte.
 */


#include <mra_test.h>
#include <ngx_mra_sip.h>


#define VECTORS  "t/unit/vectors/rfc4475/"


typedef struct {
    const char  *file;
    ngx_int_t    rc;         /* of ngx_mra_sip_parse() */
    ngx_uint_t   answer;     /* to a request, 0: accepted; to a response
                                1: it is dropped */
    const char  *why;        /* what the RFC calls broken and we accept */
} torture_t;


static torture_t  torture[] = {

    /* 3.1.1: valid messages */

    { "wsinv", NGX_OK, 0, NULL },
    { "intmeth", NGX_OK, 0, NULL },
    { "esc01", NGX_OK, 0, NULL },
    { "escnull", NGX_OK, 0, NULL },
    { "esc02", NGX_OK, 0, NULL },
    { "lwsdisp", NGX_OK, 0, NULL },
    { "longreq", NGX_OK, 0, NULL },
    { "dblreq", NGX_OK, 0, NULL },
    { "semiuri", NGX_OK, 0, NULL },
    { "transports", NGX_OK, 0, NULL },
    { "mpart01", NGX_OK, 0, NULL },
    { "unreason", NGX_OK, 0, NULL },
    { "noreason", NGX_OK, 0, NULL },

    /* 3.1.2: invalid messages */

    { "badinv01", NGX_OK, 400, NULL },
    { "clerr", NGX_OK, 0, "on a stream the rest is still to come" },
    { "ncl", NGX_ERROR, 400, NULL },
    { "scalar02", NGX_OK, 400, NULL },
    { "scalarlg", NGX_OK, 1, NULL },
    { "quotbal", NGX_OK, 400, NULL },
    { "ltgtruri", NGX_OK, 400, NULL },
    { "lwsruri", NGX_OK, 400, NULL },
    { "lwsstart", NGX_OK, 400, NULL },
    { "trws", NGX_OK, 400, NULL },
    { "escruri", NGX_OK, 400, NULL },
    { "baddate", NGX_OK, 0, "a proxy does not use Date" },
    { "regbadct", NGX_OK, 400, NULL },
    { "badaspec", NGX_OK, 400, NULL },
    { "baddn", NGX_OK, 400, NULL },
    { "badvers", NGX_OK, 505, NULL },
    { "mismatch01", NGX_OK, 400, NULL },
    { "mismatch02", NGX_OK, 400, NULL },
    { "bigcode", NGX_OK, 1, NULL },

    /* 3.2: transaction layer */

    { "badbranch", NGX_OK, 0, "the branch is no key of a stateless relay" },

    /* 3.3: application layer, all well-formed but the first */

    { "insuf", NGX_OK, 400, NULL },
    { "unkscm", NGX_OK, 416, NULL },
    { "novelsc", NGX_OK, 416, NULL },
    { "unksm2", NGX_OK, 0, "schemes of To and Contact are the registrar's" },
    { "bext01", NGX_OK, 0, "extensions are answered by whoever relays" },
    { "invut", NGX_OK, 0, "bodies are the callee's" },
    { "regaut01", NGX_OK, 0, "credentials are the registrar's" },
    { "multi01", NGX_OK, 400, NULL },
    { "mcl01", NGX_ERROR, 400, NULL },
    { "bcast", NGX_OK, 0, "whose Via it is, is for whoever relays" },
    { "zeromf", NGX_OK, 0, "hops are counted by whoever relays" },
    { "cparam01", NGX_OK, 0, "equality of Contacts is the registrar's" },
    { "cparam02", NGX_OK, 0, "equality of Contacts is the registrar's" },
    { "regescrt", NGX_OK, 0, "headers of a Contact are the registrar's" },
    { "sdp01", NGX_OK, 0, "bodies are the callee's" },

    /* 3.4: backward compatibility */

    { "inv2543", NGX_OK, 0, NULL }
};


static size_t
read_vector(const char *name, u_char *buf, size_t size)
{
    FILE    *f;
    char     path[256];
    size_t   n;

    snprintf(path, sizeof(path), VECTORS "%s.dat", name);

    f = fopen(path, "rb");
    if (f == NULL) {
        return 0;
    }

    n = fread(buf, 1, size, f);
    fclose(f);

    return n;
}


static ngx_uint_t
check(ngx_mra_sip_msg_t *msg)
{
    ngx_str_t  reason;

    if (msg->status) {
        return ngx_mra_sip_check_response(msg, &reason) != NGX_OK;
    }

    return ngx_mra_sip_check_request(msg, &reason);
}


/* an accepted message comes out of an empty plan as it was */

static void
identity_test(torture_t *t, ngx_mra_sip_msg_t *msg)
{
    struct iovec         iov[NGX_MRA_SIP_PLAN_PIECES];
    ngx_mra_sip_plan_t   plan;

    ngx_mra_sip_plan_init(&plan, msg);

    mra_is(ngx_mra_sip_plan_iovec(&plan, 0, iov, NGX_MRA_SIP_PLAN_PIECES), 1,
           "%s: one piece", t->file);
    mra_is_mem(iov[0].iov_base, iov[0].iov_len, msg->start, msg->head,
               "%s: unchanged", t->file);
}


/* an accepted request can be answered, and the answer is acceptable */

static void
answer_test(torture_t *t, ngx_mra_sip_msg_t *msg)
{
    u_char                 *out;
    size_t                  size;
    ngx_str_t               reason;
    ngx_mra_sip_msg_t       response;
    ngx_mra_sip_answer_t    answer;
    ngx_mra_sip_header_t    headers[64];

    ngx_memzero(&answer, sizeof(ngx_mra_sip_answer_t));

    answer.status = 404;
    ngx_str_set(&answer.to_tag, "t0");
    ngx_str_set(&answer.received, "192.0.2.1");
    ngx_str_set(&answer.rport, "5060");

    mra_is(ngx_mra_sip_build_response(msg, &answer, NULL, 0, &size), NGX_ERROR,
           "%s: no room for an answer", t->file);

    out = mra_guard(1, NULL, size);

    mra_is(ngx_mra_sip_build_response(msg, &answer, out, size, &size), NGX_OK,
           "%s: answered", t->file);
    mra_is(ngx_mra_sip_parse(&response, headers, 64, out, out + size), NGX_OK,
           "%s: answer parsed", t->file);
    mra_is(response.head, size, "%s: answer complete", t->file);
    mra_is(ngx_mra_sip_check_response(&response, &reason), NGX_OK,
           "%s: answer accepted", t->file);
    mra_ok(response.to.tag.len, "%s: answer tagged", t->file);
}


static void
cut_test(torture_t *t, u_char *data, size_t len)
{
    u_char                *p;
    size_t                 n, seen;
    ngx_int_t              rc;
    ngx_uint_t             answer;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_header_t   headers[64];

    seen = mra_head(data, len);

    mra_each_cut(n, len) {
        p = mra_guard(2, data, n);
        rc = ngx_mra_sip_parse(&msg, headers, 64, p, p + n);

        if (rc != (n < seen ? NGX_AGAIN : t->rc)) {
            break;
        }

        if (n >= seen) {
            answer = check(&msg);

            if (answer != t->answer) {
                break;
            }
        }
    }

    mra_is(n, len, "%s: cut at every byte", t->file);
}


int
main(void)
{
    u_char                *p;
    size_t                 i, len;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_header_t   headers[64];
    static u_char          buf[8192];

    mra_is(mra_rows(torture), 49, "all messages of the RFC");

    for (i = 0; i < mra_rows(torture); i++) {

        len = read_vector(torture[i].file, buf, sizeof(buf));
        mra_ok(len && len < sizeof(buf), "%s: read", torture[i].file);

        p = mra_guard(0, buf, len);

        mra_is(ngx_mra_sip_parse(&msg, headers, 64, p, p + len),
               torture[i].rc, "%s: parsed", torture[i].file);
        mra_is(check(&msg), torture[i].answer, "%s: %s", torture[i].file,
               torture[i].why ? torture[i].why : "judged as in the RFC");

        if (torture[i].answer == 0) {
            identity_test(&torture[i], &msg);

            if (msg.status == 0) {
                answer_test(&torture[i], &msg);
            }
        }

        cut_test(&torture[i], p, len);
    }

    return mra_done();
}
