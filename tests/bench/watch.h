/* An interpreter that hands every call on and keeps the time of launches by kernel and shape. */
#ifndef TESTS_BENCH_WATCH_H
#define TESTS_BENCH_WATCH_H

#include "run/backend.h"

#define WATCH_ROWS 512

struct watch_row {
    char what[96]; /* "linear 14336 x 320 -> 960" */
    enum ps_kernel kernel;
    uint64_t calls, flops, bytes; /* bytes: operands read and written, once each */
    double seconds;
};

struct watch {
    struct ps_backend base;
    struct ps_backend *inner;
    struct watch_row rows[WATCH_ROWS];
    uint32_t count;
};

/* A watch over `inner`, which it does not own. Its memory limits and accounts are those of the inner one. */
void watch_begin(struct watch *watch, struct ps_backend *inner);
void watch_clear(struct watch *watch);

/* Prints a table by kernel, and of the `most` costliest shapes. `ceiling` in FLOP/s is what fractions are of.
 */
void watch_print(const struct watch *watch, double ceiling, uint32_t most);

/* Seconds since an arbitrary moment. */
double watch_now(void);

#endif
