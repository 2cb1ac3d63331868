/* The rate of multiply-adds on registers that a device reaches. */
#ifndef TESTS_BENCH_CEILING_H
#define TESTS_BENCH_CEILING_H

#include "run/backend.h"

struct bench_ceiling;

/* Prepares to measure the device of an open Vulkan interpreter. Null, with the reason in `error`, on failure.
 */
struct bench_ceiling *bench_ceiling_open(struct ps_backend *backend, struct ps_error *error);
void bench_ceiling_close(struct bench_ceiling *ceiling);

/* Runs the loop once, for a tenth of a second or less on two cores, and returns floating-point operations a
 * second; 0 on failure. Nothing else may be in flight. */
double bench_ceiling_measure(struct bench_ceiling *ceiling, struct ps_error *error);

/* The floating-point operations of one measurement. */
double bench_ceiling_flops(void);

#endif
