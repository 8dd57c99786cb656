
/*
 * Copyright (C) ngx_mra contributors
 *
 * A stream gives the same frames in one piece, byte by byte, and cut at a
 * place that the first byte tells; the second one tells the limits.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdlib.h>
#include "ngx_mra_frame.h"


#define FRAMES  64


typedef struct {
    ngx_uint_t       n;
    ngx_mra_frame_t  frames[FRAMES];
} fuzz_frames_t;


static void
fuzz_frame_run(fuzz_frames_t *out, const uint8_t *data, size_t len,
    size_t max, size_t have, size_t step)
{
    size_t            start, n;
    u_char           *p;
    ngx_int_t         rc;
    ngx_mra_frame_t   f;

    ngx_memzero(out, sizeof(fuzz_frames_t));
    ngx_memzero(&f, sizeof(ngx_mra_frame_t));

    start = 0;

    while (out->n < FRAMES) {
        n = have - start;

        p = malloc(n + (n == 0));
        ngx_memcpy(p, data + start, n);

        rc = ngx_mra_frame_next(&f, max, max * 2, p, p + n);

        free(p);

        if (rc == NGX_AGAIN) {

            if (f.complete && start + f.length <= have) {
                abort();
            }

            if (have == len) {
                return;
            }

            have = ngx_min(have + step, len);
            continue;
        }

        if (!f.complete) {
            f.head = 0;
            f.length = 0;
        }

        f.field = 0;
        f.crlf = 0;
        out->frames[out->n++] = f;

        if (rc == NGX_ERROR) {

            if (f.reason == 0 || (f.complete && f.head > n)) {
                abort();
            }

            return;
        }

        if (f.length == 0 || f.length > n || f.head > f.length) {
            abort();
        }

        start += f.length;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t         cut, max;
    fuzz_frames_t  whole, other;

    if (len < 2) {
        return 0;
    }

    max = data[1] * 8;
    data += 2;
    len -= 2;

    cut = ngx_min((size_t) data[-2], len);

    fuzz_frame_run(&whole, data, len, max, len, 0);

    fuzz_frame_run(&other, data, len, max, 0, 1);

    if (memcmp(&whole, &other, sizeof(fuzz_frames_t)) != 0) {
        abort();
    }

    fuzz_frame_run(&other, data, len, max, cut, len);

    if (memcmp(&whole, &other, sizeof(fuzz_frames_t)) != 0) {
        abort();
    }

    return 0;
}
