
/*
 * Copyright (C) ngx_mra contributors
 */


#ifndef _MRA_TEST_H_INCLUDED_
#define _MRA_TEST_H_INCLUDED_


/*
 * Table tests without a framework.  TAP goes to stdout, the exit code is 1
 * when a test failed or none ran:
 *
 *     int
 *     main(void)
 *     {
 *         size_t   i;
 *         u_char  *p;
 *
 *         for (i = 0; i < mra_rows(table); i++) {
 *             p = mra_guard(0, table[i].data, table[i].len);
 *
 *             mra_is(parse(p, p + table[i].len), table[i].rc,
 *                    "%s", table[i].name);
 *         }
 *
 *         return mra_done();
 *     }
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <stdio.h>
#include <stdarg.h>
#include <sys/mman.h>


#define MRA_GUARDS      4
#define MRA_GUARD_SIZE  (1024 * 1024)


/* each of these is one TAP line; what follows the values is its name */

#define mra_ok(cond, ...)                                                     \
    mra_test_ok((cond) ? 1 : 0, __LINE__, __VA_ARGS__)

#define mra_is(got, expected, ...)                                            \
    mra_test_is((long long) (got), (long long) (expected), __LINE__,          \
                __VA_ARGS__)

#define mra_is_mem(got, len, expected, elen, ...)                             \
    mra_test_mem((const u_char *) (got), len, (const u_char *) (expected),    \
                 elen, __LINE__, __VA_ARGS__)

#define mra_is_str(s, expected, ...)                                          \
    mra_is_mem((s).data, (s).len, expected, strlen(expected), __VA_ARGS__)

#define mra_rows(table)  (sizeof(table) / sizeof((table)[0]))

/* a row of a table: data and length of a literal that may contain NULs */

#define mra_bytes(literal)  literal, sizeof(literal) - 1

/*
 * A parser sees each row whole and cut at every byte.  One line for all cuts
 * of a row is enough: break out of the loop at the first wrong answer, then
 *
 *     mra_each_cut(n, len) {
 *         p = mra_guard(0, data, n);
 *         if (parse(p, p + n) != NGX_AGAIN) {
 *             break;
 *         }
 *     }
 *
 *     mra_is(n, len, "%s: cut at every byte", name);
 */

#define mra_each_cut(n, len)  for ((n) = 0; (n) < (len); (n)++)


static ngx_uint_t  mra_test_count;
static ngx_uint_t  mra_test_failed;


/* bytes up to the first empty line, or all */

static ngx_inline size_t
mra_head(const void *p, size_t len)
{
    const char  *end;

    end = memmem(p, len, CRLF CRLF, 4);

    return end ? (size_t) (end + 4 - (const char *) p) : len;
}


static ngx_inline ngx_uint_t
mra_test_line(ngx_uint_t ok, int line, const char *fmt, va_list args)
{
    mra_test_count++;

    printf("%sok %u - ", ok ? "" : "not ", (unsigned) mra_test_count);
    vprintf(fmt, args);
    printf("\n");

    if (!ok) {
        mra_test_failed++;
        printf("# failed at line %d\n", line);
    }

    /* a crash in the next test must not take this line with it */

    fflush(stdout);

    return ok;
}


static ngx_inline ngx_uint_t
mra_test_ok(ngx_uint_t ok, int line, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    mra_test_line(ok, line, fmt, args);
    va_end(args);

    return ok;
}


static ngx_inline ngx_uint_t
mra_test_is(long long got, long long expected, int line, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);

    if (!mra_test_line(got == expected, line, fmt, args)) {
        printf("#      got: %lld\n# expected: %lld\n", got, expected);
    }

    va_end(args);

    return got == expected;
}


static ngx_inline void
mra_test_dump(const char *what, const u_char *p, size_t len)
{
    size_t  i;

    printf("# %s: (%u) ", what, (unsigned) len);

    for (i = 0; i < len; i++) {
        printf(p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\' ? "%c" : "\\x%02x",
               p[i]);
    }

    printf("\n");
}


static ngx_inline ngx_uint_t
mra_test_mem(const u_char *got, size_t len, const u_char *expected,
    size_t elen, int line, const char *fmt, ...)
{
    va_list     args;
    ngx_uint_t  ok;

    ok = (len == elen && (len == 0 || ngx_memcmp(got, expected, len) == 0));

    va_start(args, fmt);

    if (!mra_test_line(ok, line, fmt, args)) {
        mra_test_dump("     got", got, len);
        mra_test_dump("expected", expected, elen);
    }

    va_end(args);

    return ok;
}


/*
 * Places a copy of the input so that it ends exactly where memory ends: one
 * byte read too far is a crash, also without a sanitizer.  With data NULL the
 * place is filled with 0xa5, for output buffers of exactly len bytes.  Each
 * of the MRA_GUARDS places is valid until the next call with its number.
 */

static ngx_inline u_char *
mra_guard(ngx_uint_t n, const void *data, size_t len)
{
    long           page;
    u_char        *p;
    static u_char *end[MRA_GUARDS];

    if (n >= MRA_GUARDS || len > MRA_GUARD_SIZE) {
        printf("Bail out! no guarded place %u of %u bytes\n",
               (unsigned) n, (unsigned) len);
        exit(2);
    }

    if (end[n] == NULL) {
        page = sysconf(_SC_PAGESIZE);

        p = mmap(NULL, MRA_GUARD_SIZE + page, PROT_READ|PROT_WRITE,
                 MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED
            || mprotect(p + MRA_GUARD_SIZE, page, PROT_NONE) == -1)
        {
            printf("Bail out! no guarded memory\n");
            exit(2);
        }

        end[n] = p + MRA_GUARD_SIZE;
    }

    p = end[n] - len;

    if (data) {
        ngx_memmove(p, data, len);

    } else {
        memset(p, 0xa5, len);
    }

    return p;
}


static ngx_inline int
mra_done(void)
{
    printf("1..%u\n", (unsigned) mra_test_count);

    return mra_test_count == 0 || mra_test_failed != 0;
}


#endif /* _MRA_TEST_H_INCLUDED_ */
