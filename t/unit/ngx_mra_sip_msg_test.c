
/*
 * Copyright (C) ngx_mra contributors
 *
 * SIP heads: start lines, header lines, names, limits.
 */


#include <mra_test.h>
#include <ngx_mra_sip.h>


#define MAX_HEADERS  16


typedef struct {
    const char  *name;
    const char  *data;
    size_t       len;
    ngx_int_t    rc;
    ngx_uint_t   error;
} row_t;


static row_t  rows[] = {

    { "request", mra_bytes("OPTIONS sip:a SIP/2.0\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "response", mra_bytes("SIP/2.0 200 OK\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "response without reason", mra_bytes("SIP/2.0 200 \r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "version in lower case", mra_bytes("OPTIONS sip:a sip/2.0\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "method SIP", mra_bytes("SIP sip:a SIP/2.0\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "bytes behind the head", mra_bytes("A sip:a SIP/2.0\r\n\r\n\0\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },

    { "HTTP", mra_bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "TLS", mra_bytes("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "empty line", mra_bytes("\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "not quite SIP 1", mra_bytes("OPTIONS sip:a TIP/2.0\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "not quite SIP 2", mra_bytes("OPTIONS sip:a SAP/2.0\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "not quite SIP 3", mra_bytes("OPTIONS sip:a SIX/2.0\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "not quite SIP 4", mra_bytes("OPTIONS sip:a SIP-2.0\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "not all of SIP", mra_bytes("OPTIONS sip:a SIP\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "one word", mra_bytes("OPTIONS\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "no version", mra_bytes("OPTIONS sip:a\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "space first", mra_bytes(" OPTIONS sip:a SIP/2.0\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "other protocol's status", mra_bytes("HTTP/1.1 200 OK\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "endless method",
      mra_bytes("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                "AAAAAAAAAAAAAA"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },

    { "no URI", mra_bytes("OPTIONS SIP/2.0\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_START_LINE },
    { "trailing space", mra_bytes("OPTIONS sip:a SIP/2.0 \t\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_START_LINE },
    { "version 7", mra_bytes("OPTIONS sip:a SIP/7.0\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_VERSION },
    { "version 2", mra_bytes("OPTIONS sip:a SIP/2\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_VERSION },
    { "version 20", mra_bytes("SIP/2.00 200 OK\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_VERSION },
    { "status 99", mra_bytes("SIP/2.0 099 OK\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_START_LINE },
    { "status 700", mra_bytes("SIP/2.0 700 OK\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_START_LINE },
    { "status of 4 digits", mra_bytes("SIP/2.0 2000 OK\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_START_LINE },
    { "status of 2 digits", mra_bytes("SIP/2.0 20 OK\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_START_LINE },
    { "status not a number", mra_bytes("SIP/2.0 2x0 OK\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_START_LINE },
    { "status ends the line", mra_bytes("SIP/2.0 200\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_START_LINE },
    { "no status", mra_bytes("SIP/2.0\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_START_LINE },

    { "header without colon", mra_bytes("A sip:a SIP/2.0\r\nVia\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_HEADER },
    { "header without name", mra_bytes("A sip:a SIP/2.0\r\n: b\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_HEADER },
    { "header of two words", mra_bytes("A sip:a SIP/2.0\r\nA b: c\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_HEADER },
    { "fold of the start line", mra_bytes("A sip:a SIP/2.0\r\n b: c\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_HEADER },
    { "fold before the colon",
      mra_bytes("A sip:a SIP/2.0\r\nA\r\n : b\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_HEADER },

    { "NUL in a header", mra_bytes("A sip:a SIP/2.0\r\nA: b\0c\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "NUL in the URI", mra_bytes("A sip:a\0b SIP/2.0\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "bare CR", mra_bytes("A sip:a SIP/2.0\r\nA: b\rc\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "CR CR LF", mra_bytes("A sip:a SIP/2.0\r\nA: b\r\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "bare LF", mra_bytes("A sip:a SIP/2.0\r\nA: b\nB: c\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "line of a CR", mra_bytes("A sip:a SIP/2.0\r\n\rA: b\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "control", mra_bytes("A sip:a SIP/2.0\r\nA: b\x1f\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "tab", mra_bytes("A sip:a SIP/2.0\r\nA:\tb\t\tc\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "UTF-8", mra_bytes("A sip:a SIP/2.0\r\nA: \xd1\x80\xff\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "escaped NUL in quotes",
      mra_bytes("A sip:a SIP/2.0\r\nA: \"\\\0\\\"\\\0\\\x7f\"\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "escaped NUL in quotes of a fold",
      mra_bytes("A sip:a SIP/2.0\r\nA: b\r\n \"\\\0\"\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "escaped NUL behind quotes",
      mra_bytes("A sip:a SIP/2.0\r\nA: \"\"\\\0\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "NUL behind an escaped backslash",
      mra_bytes("A sip:a SIP/2.0\r\nA: \"\\\\\0\"\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "escaped NUL, then one that is not",
      mra_bytes("A sip:a SIP/2.0\r\nA: \"\\\0\0\"\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },
    { "escaped CR in quotes",
      mra_bytes("A sip:a SIP/2.0\r\nA: \"\\\rb\"\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_BAD_BYTE },

    { "length", mra_bytes("A sip:a SIP/2.0\r\nl: 2147483647\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "length of 2^31", mra_bytes("A sip:a SIP/2.0\r\nl: 2147483648\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_LENGTH },
    { "length of 2^64",
      mra_bytes("A sip:a SIP/2.0\r\nl: 18446744073709551616\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_LENGTH },
    { "negative length", mra_bytes("A sip:a SIP/2.0\r\nl: -1\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_LENGTH },
    { "empty length", mra_bytes("A sip:a SIP/2.0\r\nl:\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_LENGTH },
    { "length with junk", mra_bytes("A sip:a SIP/2.0\r\nl: 0x1\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_LENGTH },
    { "two lengths", mra_bytes("A sip:a SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_LENGTH },
    { "one length twice", mra_bytes("A sip:a SIP/2.0\r\nl: 1\r\nl: 1\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "length in a fold", mra_bytes("A sip:a SIP/2.0\r\nl:\r\n 1\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "length over a fold", mra_bytes("A sip:a SIP/2.0\r\nl: 1\r\n 1\r\n\r\n"),
      NGX_ERROR, NGX_MRA_SIP_BAD_LENGTH },

    { "16 headers",
      mra_bytes("A sip:a SIP/2.0\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n"
                "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n"),
      NGX_OK, NGX_MRA_SIP_GOOD },
    { "17 headers",
      mra_bytes("A sip:a SIP/2.0\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n"
                "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n"
                "\r\n"),
      NGX_ERROR, NGX_MRA_SIP_TOO_MANY_HEADERS }
};


static const char  *methods[NGX_MRA_SIP_METHODS] = {
    "invite", "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY",
    "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SERVICE",
    "SUBSCRIBE", "UPDATE"
};


typedef struct {
    ngx_uint_t   id;
    const char  *name;
    char         compact;    /* '-': none */
} name_t;


static name_t  names[] = {
    { NGX_MRA_SIP_ACCEPT, "Accept", '-' },
    { NGX_MRA_SIP_ACCEPT_CONTACT, "Accept-Contact", 'a' },
    { NGX_MRA_SIP_ALLOW, "Allow", '-' },
    { NGX_MRA_SIP_ALLOW_EVENTS, "Allow-Events", 'u' },
    { NGX_MRA_SIP_AUTHORIZATION, "Authorization", '-' },
    { NGX_MRA_SIP_CALL_ID, "Call-ID", 'i' },
    { NGX_MRA_SIP_CONTACT, "Contact", 'm' },
    { NGX_MRA_SIP_CONTENT_DISPOSITION, "Content-Disposition", '-' },
    { NGX_MRA_SIP_CONTENT_ENCODING, "Content-Encoding", 'e' },
    { NGX_MRA_SIP_CONTENT_LENGTH, "Content-Length", 'l' },
    { NGX_MRA_SIP_CONTENT_TYPE, "Content-Type", 'c' },
    { NGX_MRA_SIP_CSEQ, "CSeq", '-' },
    { NGX_MRA_SIP_DATE, "Date", '-' },
    { NGX_MRA_SIP_EVENT, "Event", 'o' },
    { NGX_MRA_SIP_EXPIRES, "Expires", '-' },
    { NGX_MRA_SIP_FLOW_TIMER, "Flow-Timer", '-' },
    { NGX_MRA_SIP_FROM, "From", 'f' },
    { NGX_MRA_SIP_HISTORY_INFO, "History-Info", '-' },
    { NGX_MRA_SIP_IDENTITY, "Identity", 'y' },
    { NGX_MRA_SIP_IDENTITY_INFO, "Identity-Info", 'n' },
    { NGX_MRA_SIP_MAX_FORWARDS_HEADER, "Max-Forwards", '-' },
    { NGX_MRA_SIP_MIN_EXPIRES, "Min-Expires", '-' },
    { NGX_MRA_SIP_MIN_SE, "Min-SE", '-' },
    { NGX_MRA_SIP_P_ASSERTED_IDENTITY, "P-Asserted-Identity", '-' },
    { NGX_MRA_SIP_P_PREFERRED_IDENTITY, "P-Preferred-Identity", '-' },
    { NGX_MRA_SIP_PATH, "Path", '-' },
    { NGX_MRA_SIP_PRIVACY, "Privacy", '-' },
    { NGX_MRA_SIP_PROXY_AUTHENTICATE, "Proxy-Authenticate", '-' },
    { NGX_MRA_SIP_PROXY_AUTHORIZATION, "Proxy-Authorization", '-' },
    { NGX_MRA_SIP_PROXY_REQUIRE, "Proxy-Require", '-' },
    { NGX_MRA_SIP_RACK, "RAck", '-' },
    { NGX_MRA_SIP_REASON, "Reason", '-' },
    { NGX_MRA_SIP_RECORD_ROUTE, "Record-Route", '-' },
    { NGX_MRA_SIP_REFER_TO, "Refer-To", 'r' },
    { NGX_MRA_SIP_REFERRED_BY, "Referred-By", 'b' },
    { NGX_MRA_SIP_REJECT_CONTACT, "Reject-Contact", 'j' },
    { NGX_MRA_SIP_REMOTE_PARTY_ID, "Remote-Party-ID", '-' },
    { NGX_MRA_SIP_REPLACES, "Replaces", '-' },
    { NGX_MRA_SIP_REQUEST_DISPOSITION, "Request-Disposition", 'd' },
    { NGX_MRA_SIP_REQUIRE, "Require", '-' },
    { NGX_MRA_SIP_RETRY_AFTER, "Retry-After", '-' },
    { NGX_MRA_SIP_ROUTE, "Route", '-' },
    { NGX_MRA_SIP_RSEQ, "RSeq", '-' },
    { NGX_MRA_SIP_SERVER, "Server", '-' },
    { NGX_MRA_SIP_SERVICE_ROUTE, "Service-Route", '-' },
    { NGX_MRA_SIP_SESSION_EXPIRES, "Session-Expires", 'x' },
    { NGX_MRA_SIP_SUBJECT, "Subject", 's' },
    { NGX_MRA_SIP_SUBSCRIPTION_STATE, "Subscription-State", '-' },
    { NGX_MRA_SIP_SUPPORTED, "Supported", 'k' },
    { NGX_MRA_SIP_TIMESTAMP, "Timestamp", '-' },
    { NGX_MRA_SIP_TO, "To", 't' },
    { NGX_MRA_SIP_UNSUPPORTED, "Unsupported", '-' },
    { NGX_MRA_SIP_USER_AGENT, "User-Agent", '-' },
    { NGX_MRA_SIP_VIA, "Via", 'v' },
    { NGX_MRA_SIP_WARNING, "Warning", '-' },
    { NGX_MRA_SIP_WWW_AUTHENTICATE, "WWW-Authenticate", '-' }
};


static const char  *unknown[] = {
    "", "g", "h", "p", "q", "w", "z", "-", "[", "1", "{", "Tp", "Vie", "Fron",
    "Routf", "C%6Fntact", "Content-Lengtg", "Content_Length", "Via\x80",
    "P-Preferred-Identitz", "P-Preferred-Identitys", "Proxy-Authenticat"
};


static void
row_test(row_t *row)
{
    u_char                *p;
    size_t                 n, seen;
    ngx_int_t              rc, expected;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_header_t   headers[MAX_HEADERS];

    p = mra_guard(0, row->data, row->len);

    mra_is(ngx_mra_sip_parse(&msg, headers, MAX_HEADERS, p, p + row->len),
           row->rc, "%s", row->name);
    mra_is(msg.error, row->error, "%s: error", row->name);

    seen = mra_head(p, row->len);

    if (row->rc == NGX_OK) {
        mra_is(msg.head, seen, "%s: head", row->name);
    }

    /* what is wrong may be told before all of it is there */

    mra_each_cut(n, row->len) {
        p = mra_guard(0, row->data, n);

        rc = ngx_mra_sip_parse(&msg, headers, MAX_HEADERS, p, p + n);
        expected = (n < seen) ? NGX_AGAIN : row->rc;

        if (rc != expected && !(rc == NGX_ERROR && row->rc == NGX_ERROR)) {
            break;
        }
    }

    mra_is(n, row->len, "%s: cut at every byte", row->name);
}


static void
table_test(void)
{
    static const char  text[] =
        "INVITE sip:b@example.com SIP/2.0\r\n"
        "Via : one\r\n"
        "v:\t two \r\n\tthree \t\r\n"
        "X-Other: four\r\n"
        "VIA:\r\n"
        "Content-Length: 7\r\n"
        "\r\n"
        "1234567";

    u_char                *p;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_header_t   headers[MAX_HEADERS], *h;

    p = mra_guard(0, text, sizeof(text) - 1);

    mra_is(ngx_mra_sip_parse(&msg, headers, MAX_HEADERS, p,
                             p + sizeof(text) - 1),
           NGX_OK, "a message");

    mra_is(msg.method, NGX_MRA_SIP_INVITE, "its method");
    mra_is(msg.status, 0, "no status");
    mra_is_str(msg.method_name, "INVITE", "the method's name");
    mra_is_str(msg.uri, "sip:b@example.com", "its URI");
    mra_is_str(msg.version, "SIP/2.0", "its version");
    mra_is_str(msg.line, "INVITE sip:b@example.com SIP/2.0", "its first line");
    mra_is(msg.length, 7, "its length");
    mra_is(msg.head, sizeof(text) - 1 - 7, "its head");
    mra_is(msg.nheaders, 5, "its headers");

    h = ngx_mra_sip_first(&msg, NGX_MRA_SIP_VIA);
    mra_ok(h == &headers[0], "first Via");
    mra_is_str(h->name, "Via", "its name");
    mra_is_str(h->value, "one", "its value");
    mra_is(h->offset, 34, "where it starts");
    mra_is(h->length, 11, "how long it is");

    h = ngx_mra_sip_next(&msg, h);
    mra_ok(h == &headers[1], "second Via");
    mra_is_str(h->value, "two \r\n\tthree", "its value over a fold");
    mra_is_mem(p + h->offset, h->length, "v:\t two \r\n\tthree \t\r\n", 20,
               "all of its line");

    h = ngx_mra_sip_next(&msg, h);
    mra_ok(h == &headers[3], "third Via");
    mra_ok(h->value.len == 0 && h->value.data == p + h->offset + 4,
           "its value is empty");
    mra_ok(ngx_mra_sip_next(&msg, h) == NULL, "no fourth Via");

    mra_is(headers[2].id, NGX_MRA_SIP_OTHER_HEADER, "some other header");
    mra_ok(ngx_mra_sip_first(&msg, NGX_MRA_SIP_TO) == NULL, "no To");

    mra_is(msg.folded, 1, "a fold was seen");
    ngx_mra_sip_unfold(&msg);
    mra_is_str(headers[1].value, "two   \tthree", "the fold is gone");
    mra_is_mem(p + headers[1].offset, headers[1].length,
               "v:\t two   \tthree \t\r\n", 20, "its line ends as before");
    mra_is(msg.folded, 0, "no folds");

    p = mra_guard(0, "SIP/2.0 486 Busy  Here\r\n\r\n", 26);
    mra_is(ngx_mra_sip_parse(&msg, headers, MAX_HEADERS, p, p + 26), NGX_OK,
           "a response");
    mra_is(msg.status, 486, "its status");
    mra_is(msg.folded, 0, "no folds in it");
    mra_is(msg.length, -1, "no length");
    mra_is(msg.method_name.len, 0, "no method");
    mra_is_str(msg.reason, "Busy  Here", "its reason");
}


static void
names_test(void)
{
    u_char     *p;
    size_t      i, k, len;
    ngx_str_t   s;

    mra_is(mra_rows(names), NGX_MRA_SIP_HEADERS - 1, "all headers");

    for (i = 0; i < mra_rows(names); i++) {
        len = strlen(names[i].name);
        p = mra_guard(0, names[i].name, len);

        mra_is(names[i].id, i + 1, "%s: its number", names[i].name);
        mra_is(ngx_mra_sip_header_id(p, len), names[i].id, "%s",
               names[i].name);

        for (k = 0; k < len; k++) {
            p[k] = ngx_toupper(p[k]);
        }

        mra_is(ngx_mra_sip_header_id(p, len), names[i].id, "%s: upper case",
               names[i].name);

        for (k = 0; k < len; k++) {
            p[k] = ngx_tolower(p[k]);
        }

        mra_is(ngx_mra_sip_header_id(p, len), names[i].id, "%s: lower case",
               names[i].name);

        if (names[i].compact == '-') {
            continue;
        }

        p = mra_guard(0, &names[i].compact, 1);
        mra_is(ngx_mra_sip_header_id(p, 1), names[i].id, "%s: compact",
               names[i].name);

        *p = ngx_toupper(*p);
        mra_is(ngx_mra_sip_header_id(p, 1), names[i].id,
               "%s: compact, upper case", names[i].name);
    }

    for (i = 0; i < mra_rows(unknown); i++) {
        len = strlen(unknown[i]);
        p = mra_guard(0, unknown[i], len);

        mra_is(ngx_mra_sip_header_id(p, len), NGX_MRA_SIP_OTHER_HEADER,
               "unknown: \"%s\"", unknown[i]);
    }

    for (i = 0; i < NGX_MRA_SIP_METHODS; i++) {
        s.len = strlen(methods[i]);
        s.data = mra_guard(0, methods[i], s.len);

        mra_is(ngx_mra_sip_method(&s), i, "%s", methods[i]);

        s.data[s.len - 1]++;
        mra_is(ngx_mra_sip_method(&s), NGX_MRA_SIP_OTHER_METHOD,
               "nearly %s", methods[i]);
    }

    for (i = 100; i < 700; i++) {
        s = ngx_mra_sip_reason(i);

        if (s.len == 0) {
            break;
        }
    }

    mra_is(i, 700, "a reason for every status");

    s = ngx_mra_sip_reason(430);
    mra_is_str(s, "Flow Failed", "reason of 430");
}


/* a line that is one long run of escaped NULs has to be read once only */

static void
long_test(void)
{
    u_char                *p;
    size_t                 n, len;
    ngx_mra_sip_msg_t      msg;
    ngx_mra_sip_header_t   headers[MAX_HEADERS];

    len = 512 * 1024;
    p = mra_guard(0, NULL, len);

    n = sprintf((char *) p, "A sip:a SIP/2.0\r\nA: \"");

    for ( /* void */ ; n < len - 8; n += 2) {
        p[n] = '\\';
        p[n + 1] = '\0';
    }

    ngx_memcpy(p + n, "\"\r\n\r\n", 5);

    mra_is(ngx_mra_sip_parse(&msg, headers, MAX_HEADERS, p, p + n + 5),
           NGX_OK, "half a megabyte of escaped NULs");
    mra_is(msg.error, NGX_MRA_SIP_GOOD, "all of them are allowed");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < mra_rows(rows); i++) {
        row_test(&rows[i]);
    }

    table_test();
    names_test();
    long_test();

    return mra_done();
}
