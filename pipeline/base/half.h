/* IEEE binary16 and bfloat16 as stored bits. */
#ifndef PS_BASE_HALF_H
#define PS_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float ps_float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t ps_bits_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float ps_float_from_bf16(uint16_t bits)
{
    return ps_float_from_bits((uint32_t)bits << 16);
}

/* Rounds to nearest, ties to even; a NaN stays one. */
static inline uint16_t ps_bf16_from_float(float value)
{
    const uint32_t bits = ps_bits_from_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static inline float ps_float_from_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 0x1fu;
    const uint32_t mantissa = half & 0x3ffu;
    if (exponent == 0x1f)
        return ps_float_from_bits(sign | 0x7f800000u | mantissa << 13);
    if (exponent)
        return ps_float_from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    const float subnormal = (float)mantissa * 0x1p-24f;
    return sign ? -subnormal : subnormal;
}

/* Rounds to nearest, ties to even; values above 65504 become infinite as in IEEE 754. */
static inline uint16_t ps_half_from_float(float value)
{
    const uint32_t bits = ps_bits_from_float(value);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u);
    if (magnitude >= 0x477ff000u)
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) {
        /* Adding 0.5 puts the binary16 subnormal's last place at the float's last place, which rounds it. */
        const float shifted = ps_float_from_bits(magnitude) + 0.5f;
        return (uint16_t)(sign | (ps_bits_from_float(shifted) - 0x3f000000u));
    }
    const uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
    return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
}

#endif
