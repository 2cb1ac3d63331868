/* Size arithmetic that cannot wrap. */
#ifndef PS_BASE_CHECKED_H
#define PS_BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

/* *out = a * b or a + b; false, and *out unspecified, where that needs more than 64 bits. */
static inline bool ps_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool ps_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/* The least multiple of `step` (a power of two) that is not below `value`. */
static inline uint64_t ps_align_up(uint64_t value, uint64_t step)
{
    return (value + step - 1) & ~(step - 1);
}

static inline uint64_t ps_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t ps_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint32_t ps_div_up(uint32_t value, uint32_t step)
{
    return value / step + (value % step != 0);
}

#endif
