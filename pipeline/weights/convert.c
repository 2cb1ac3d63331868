/* The loops have no branches and no calls, so that the compiler turns each into vector code. */
#include "weights/convert.h"

#include "base/half.h"

#include <string.h>

#define HALF_EXPONENT 0x7c00u
#define BFLOAT_EXPONENT 0x7f80u
#define FLOAT_EXPONENT 0x7f800000u

/* The least float that rounds to a float16 of infinite value. */
#define HALF_OVERFLOW 0x477ff000u

/* The same of bfloat16. */
#define BFLOAT_OVERFLOW 0x7f7f8000u

static uint32_t select(uint32_t condition, uint32_t yes, uint32_t no)
{
    return condition ? yes : no;
}

/* ps_half_from_float for finite values below 65520, without branches. */
static uint16_t narrow(uint32_t bits)
{
    const uint32_t sign = bits >> 16 & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;
    const uint32_t normal = (magnitude + 0xfffu + (magnitude >> 13 & 1u) - 0x38000000u) >> 13;
    /* Adding 0.5 puts the subnormal's last place at the float's last place, which rounds it. */
    const uint32_t small = ps_bits_from_float(ps_float_from_bits(magnitude) + 0.5f) - 0x3f000000u;
    return (uint16_t)(sign | select(magnitude < 0x38800000u, small, normal));
}

static uint32_t widen(uint32_t half)
{
    const uint32_t sign = (half & 0x8000u) << 16;
    const uint32_t magnitude = half & 0x7fffu;
    const uint32_t normal = (magnitude << 13) + (112u << 23);
    /* float16 subnormals are integers of 2^-24. */
    const uint32_t small = ps_bits_from_float((float)(int32_t)magnitude * 0x1p-24f);
    return sign | select(magnitude < 0x400u, small, normal);
}

static struct ps_convert_faults half_to_float(const uint16_t *restrict from, uint32_t *restrict to,
                                              size_t count)
{
    uint32_t special = 0;
    for (size_t i = 0; i < count; i++) {
        special |= (from[i] & HALF_EXPONENT) == HALF_EXPONENT;
        to[i] = widen(from[i]);
    }
    return (struct ps_convert_faults){.not_finite = special};
}

static struct ps_convert_faults bfloat_to_float(const uint16_t *restrict from, uint32_t *restrict to,
                                                size_t count)
{
    uint32_t special = 0;
    for (size_t i = 0; i < count; i++) {
        special |= (from[i] & BFLOAT_EXPONENT) == BFLOAT_EXPONENT;
        to[i] = (uint32_t)from[i] << 16;
    }
    return (struct ps_convert_faults){.not_finite = special};
}

static struct ps_convert_faults float_to_half(const uint32_t *restrict from, uint16_t *restrict to,
                                              size_t count)
{
    uint32_t special = 0, large = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t magnitude = from[i] & 0x7fffffffu;
        special |= magnitude >= FLOAT_EXPONENT;
        large |= magnitude >= HALF_OVERFLOW;
        to[i] = narrow(from[i]);
    }
    return (struct ps_convert_faults){.not_finite = special, .too_large = large && !special};
}

/* Bits of the nearest bfloat16, for finite values; those above its largest become infinite. */
static uint16_t shorten(uint32_t bits)
{
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static struct ps_convert_faults float_to_bfloat(const uint32_t *restrict from, uint16_t *restrict to,
                                                size_t count)
{
    uint32_t special = 0, large = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t magnitude = from[i] & 0x7fffffffu;
        special |= magnitude >= FLOAT_EXPONENT;
        large |= magnitude >= BFLOAT_OVERFLOW;
        to[i] = shorten(from[i]);
    }
    return (struct ps_convert_faults){.not_finite = special, .too_large = large && !special};
}

static struct ps_convert_faults half_to_bfloat(const uint16_t *restrict from, uint16_t *restrict to,
                                               size_t count)
{
    uint32_t special = 0;
    for (size_t i = 0; i < count; i++) {
        special |= (from[i] & HALF_EXPONENT) == HALF_EXPONENT;
        to[i] = shorten(widen(from[i]));
    }
    return (struct ps_convert_faults){.not_finite = special};
}

static struct ps_convert_faults bfloat_to_half(const uint16_t *restrict from, uint16_t *restrict to,
                                               size_t count)
{
    uint32_t special = 0, large = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = (uint32_t)from[i] << 16;
        special |= (from[i] & BFLOAT_EXPONENT) == BFLOAT_EXPONENT;
        large |= (bits & 0x7fffffffu) >= HALF_OVERFLOW;
        to[i] = narrow(bits);
    }
    return (struct ps_convert_faults){.not_finite = special, .too_large = large && !special};
}

struct ps_convert_faults ps_convert_check(enum ps_stored type, const void *from, size_t count)
{
    uint32_t special = 0;
    if (type == PS_STORED_F32) {
        const uint32_t *bits = from;
        for (size_t i = 0; i < count; i++)
            special |= (bits[i] & FLOAT_EXPONENT) == FLOAT_EXPONENT;
    } else {
        const uint16_t *bits = from;
        const uint16_t exponent = type == PS_STORED_F16 ? HALF_EXPONENT : BFLOAT_EXPONENT;
        for (size_t i = 0; i < count; i++)
            special |= (bits[i] & exponent) == exponent;
    }
    return (struct ps_convert_faults){.not_finite = special};
}

struct ps_convert_faults ps_convert(enum ps_stored from_type, const void *from, enum ps_type to_type,
                                    void *to, size_t count)
{
    if (ps_convert_is_copy(from_type, to_type)) {
        memcpy(to, from, count * ps_type_bytes(to_type));
        return ps_convert_check(from_type, from, count);
    }
    if (from_type == PS_STORED_F32)
        return (to_type == PS_F16 ? float_to_half : float_to_bfloat)(from, to, count);
    if (from_type == PS_STORED_F16)
        return to_type == PS_F32 ? half_to_float(from, to, count) : half_to_bfloat(from, to, count);
    return to_type == PS_F16 ? bfloat_to_half(from, to, count) : bfloat_to_float(from, to, count);
}

double ps_stored_value(enum ps_stored type, const void *from, size_t index)
{
    if (type == PS_STORED_F32)
        return (double)((const float *)from)[index];
    const uint16_t bits = ((const uint16_t *)from)[index];
    return (double)(type == PS_STORED_F16 ? ps_float_from_half(bits) : ps_float_from_bf16(bits));
}
