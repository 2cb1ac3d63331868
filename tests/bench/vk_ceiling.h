/* The rate of multiply-adds on registers that a device reaches. */
#ifndef TESTS_BENCH_VK_CEILING_H
#define TESTS_BENCH_VK_CEILING_H

#include "run/backend.h"

struct bench_vk_ceiling;

/* Prepares to measure the device of an open Vulkan interpreter. Null, with the reason in `error`, on failure.
 */
struct bench_vk_ceiling *bench_vk_ceiling_open(struct ps_backend *backend, struct ps_error *error);
void bench_vk_ceiling_close(struct bench_vk_ceiling *ceiling);

/* Runs the loop once, for a tenth of a second or less on two cores, and returns floating-point operations a
 * second; 0 on failure. Nothing else may be in flight. */
double bench_vk_ceiling_measure(struct bench_vk_ceiling *ceiling, struct ps_error *error);

/* The floating-point operations of one measurement. */
double bench_vk_ceiling_flops(void);

#endif
