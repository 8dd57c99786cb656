
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _NGX_MRA_SIP_LEX_H_INCLUDED_
#define _NGX_MRA_SIP_LEX_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#if (__SSE2__)
#include <emmintrin.h>
#endif


/*
 * The words of SIP's grammar (RFC 3261, 25.1), for the codecs only.
 *
 * Which byte may stand where is one bit of a table for each kind of place.
 * More is let through than the grammar names where it cannot mislead whoever
 * reads on, and is in use: "_" in hosts, "#" in users, most separators of
 * URIs in values of header parameters.  "%" is checked apart where it
 * escapes.
 */

#define NGX_MRA_SIP_C_TOKEN   0x01
#define NGX_MRA_SIP_C_WORD    0x02
#define NGX_MRA_SIP_C_LWS     0x04
#define NGX_MRA_SIP_C_USER    0x08
#define NGX_MRA_SIP_C_PARAM   0x10    /* of a URI */
#define NGX_MRA_SIP_C_HEADER  0x20    /* of a URI */
#define NGX_MRA_SIP_C_HOST    0x40
#define NGX_MRA_SIP_C_VALUE   0x80    /* of a header parameter */


#define NGX_MRA_SIP_EACH_BYTE  0x0101010101010101ull

#define ngx_mra_sip_is(ch, mask)  (ngx_mra_sip_chars[ch] & (mask))


extern const u_char  ngx_mra_sip_chars[256];


/* these return what is behind it, or NULL; IPv6 needs its brackets */

u_char *ngx_mra_sip_parse_host(u_char *p, u_char *last, ngx_str_t *host);
u_char *ngx_mra_sip_parse_port(u_char *p, u_char *last, in_port_t *port);

/*
 * Checks that s is a list of parameters, each with its ";", by the grammar
 * of header parameters, and nothing else.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_mra_sip_check_params(ngx_str_t *s);


/*
 * Of 16 bytes, those that stand in all places but LWS, a bit for each:
 * letters, digits, "-", "." and "_".  For what words are mostly made of.
 */

#if (__SSE2__)

static ngx_inline uint32_t
ngx_mra_sip_common(u_char *p)
{
    __m128i  v, letter, digit, other;

    v = _mm_loadu_si128((__m128i *) p);

    letter = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)),
                          _mm_set1_epi8('a'));
    letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);

    digit = _mm_sub_epi8(v, _mm_set1_epi8('-'));
    digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8('9' - '-')),
                           digit);

    other = _mm_cmpeq_epi8(v, _mm_set1_epi8('_'));
    digit = _mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('/')), digit);

    return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), other));
}

#endif


/*
 * Behind these bytes; limit is what may be read, and p may stop 16 bytes
 * before it.
 */

static ngx_inline u_char *
ngx_mra_sip_skip_common(u_char *p, u_char *limit)
{
#if (__SSE2__)

    uint32_t  common;

    while (limit - p >= 16) {
        common = ngx_mra_sip_common(p);

        if (common != 0xffff) {
            return p + __builtin_ctz(~common);
        }

        p += 16;
    }

#endif

    return p;
}


/* words are long: many bytes at a time, until one of them may be the end */

static ngx_inline u_char *
ngx_mra_sip_skip(u_char *p, u_char *last, ngx_uint_t mask)
{
#if (__SSE2__)

    uint32_t  common;

    while (last - p >= 16) {
        common = ngx_mra_sip_common(p);

        if (common != 0xffff) {
            p += __builtin_ctz(~common);

            if (!ngx_mra_sip_is(*p, mask)) {
                return p;
            }

            break;
        }

        p += 16;
    }

#endif

    while (last - p >= 4
           && (ngx_mra_sip_chars[p[0]] & ngx_mra_sip_chars[p[1]]
               & ngx_mra_sip_chars[p[2]] & ngx_mra_sip_chars[p[3]] & mask))
    {
        p += 4;
    }

    while (p < last && ngx_mra_sip_is(*p, mask)) {
        p++;
    }

    return p;
}


/* of this there is one byte, or none */

static ngx_inline u_char *
ngx_mra_sip_skip_lws(u_char *p, u_char *last)
{
    while (p < last && ngx_mra_sip_is(*p, NGX_MRA_SIP_C_LWS)) {
        p++;
    }

    return p;
}


static ngx_inline u_char *
ngx_mra_sip_trim(u_char *p, u_char *last)
{
    while (last > p && ngx_mra_sip_is(last[-1], NGX_MRA_SIP_C_LWS)) {
        last--;
    }

    return last;
}


/* p is behind the opening quote; returns the closing one, or NULL */

static ngx_inline u_char *
ngx_mra_sip_skip_quoted(u_char *p, u_char *last)
{
    u_char  *end;

    end = memchr(p, '"', last - p);

    if (end == NULL || memchr(p, '\\', end - p) == NULL) {
        return end;
    }

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            return p;
        }

        if (*p == '\\') {
            p++;
        }
    }

    return NULL;
}


/* the first byte below 0x20, or last */

static ngx_inline u_char *
ngx_mra_sip_find_control(u_char *p, u_char *last)
{
    uint64_t  v;

#if (__SSE2__)

    __m128i   bytes;
    uint32_t  found;

    while (last - p >= 16) {
        bytes = _mm_loadu_si128((__m128i *) p);
        bytes = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)),
                               bytes);
        found = _mm_movemask_epi8(bytes);

        if (found) {
            return p + __builtin_ctz(found);
        }

        p += 16;
    }

#endif

    while (last - p >= 8) {
        ngx_memcpy(&v, p, 8);

        /* the lowest byte of those marked is below 0x20 for sure */

        v = (v - 0x20 * NGX_MRA_SIP_EACH_BYTE) & ~v
            & (0x80 * NGX_MRA_SIP_EACH_BYTE);

        if (v) {
#if (NGX_HAVE_LITTLE_ENDIAN && __GNUC__)
            return p + __builtin_ctzll(v) / 8;
#else
            break;
#endif
        }

        p += 8;
    }

    while (p < last && *p >= 0x20) {
        p++;
    }

    return p;
}


/* the value of a hexadecimal digit, or 16 and more */

static ngx_inline ngx_uint_t
ngx_mra_sip_hex(u_char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    return (ch >= 'a' && ch <= 'f') ? ch - 'a' + 10u : 16u;
}


#endif /* _NGX_MRA_SIP_LEX_H_INCLUDED_ */
