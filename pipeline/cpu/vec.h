/* Sixteen floats at a time, in the registers of the instruction set that a source is compiled for. `type`
 * arguments are constants where these are inlined. */
#ifndef PS_CPU_VEC_H
#define PS_CPU_VEC_H

#include <immintrin.h>
#include <string.h>

#include "base/half.h"
#include "tensor/tensor.h"

#define PS_INLINE static inline __attribute__((always_inline))

#define V_LANES 16

/* As many as `count` says of a vector's lanes, at most all. */
PS_INLINE uint32_t v_lanes(uint64_t count)
{
    return count < V_LANES ? (uint32_t)count : V_LANES;
}

#ifdef __AVX512F__

typedef __m512 v16;

#define V_BOTH(name, intrinsic)                                                                              \
    PS_INLINE v16 name(v16 a, v16 b)                                                                         \
    {                                                                                                        \
        return _mm512_##intrinsic(a, b);                                                                     \
    }

PS_INLINE v16 v_set(float x)
{
    return _mm512_set1_ps(x);
}

/* a b + c */
PS_INLINE v16 v_fma(v16 a, v16 b, v16 c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* x rounded to an integer, and x 2^n for such an n. */
PS_INLINE v16 v_round(v16 x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

PS_INLINE v16 v_scale(v16 x, v16 n)
{
    return _mm512_scalef_ps(x, n);
}

PS_INLINE float v_sum(v16 x)
{
    return _mm512_reduce_add_ps(x);
}

PS_INLINE float v_highest(v16 x)
{
    return _mm512_reduce_max_ps(x);
}

PS_INLINE float v_first(v16 x)
{
    return _mm512_cvtss_f32(x);
}

PS_INLINE v16 v_load_f32(const float *from)
{
    return _mm512_loadu_ps(from);
}

PS_INLINE void v_store_f32(float *to, v16 x)
{
    _mm512_storeu_ps(to, x);
}

/* The bits of sixteen bfloat16 numbers nearest to x. */
PS_INLINE __m256i v_bf16(v16 x)
{
#ifdef __AVX512BF16__
    return (__m256i)_mm512_cvtneps_pbh(x);
#else
    const __m512i bits = _mm512_castps_si512(x), one = _mm512_set1_epi32(1);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
    const __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    const __m512i rounded = _mm512_mask_or_epi32(up, nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
#endif
}

PS_INLINE v16 v_from_bf16(__m256i bits)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

/* Elements [i, i + 16) of an array in `type`. */
PS_INLINE v16 v_load(enum ps_type type, const void *from, uint64_t i)
{
    if (type == PS_F32)
        return _mm512_loadu_ps((const float *)from + i);
    const __m256i bits = _mm256_loadu_si256((const __m256i_u *)((const uint16_t *)from + i));
    return type == PS_F16 ? _mm512_cvtph_ps(bits) : v_from_bf16(bits);
}

PS_INLINE void v_store(enum ps_type type, void *to, uint64_t i, v16 x)
{
    if (type == PS_F32)
        _mm512_storeu_ps((float *)to + i, x);
    else
        _mm256_storeu_si256((__m256i_u *)((uint16_t *)to + i),
                            type == PS_F16 ? _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT) : v_bf16(x));
}

/* The same for the first `count` lanes; the others are zero, and touched in no memory. */
PS_INLINE v16 v_load_some(enum ps_type type, const void *from, uint64_t i, uint32_t count)
{
    const __mmask16 mask = (__mmask16)((1u << count) - 1);
    if (type == PS_F32)
        return _mm512_maskz_loadu_ps(mask, (const float *)from + i);
    const __m256i bits = _mm256_maskz_loadu_epi16(mask, (const uint16_t *)from + i);
    return type == PS_F16 ? _mm512_cvtph_ps(bits) : v_from_bf16(bits);
}

PS_INLINE void v_store_some(enum ps_type type, void *to, uint64_t i, v16 x, uint32_t count)
{
    const __mmask16 mask = (__mmask16)((1u << count) - 1);
    if (type == PS_F32)
        _mm512_mask_storeu_ps((float *)to + i, mask, x);
    else
        _mm256_mask_storeu_epi16((uint16_t *)to + i, mask,
                                 type == PS_F16 ? _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT) : v_bf16(x));
}

/* x with zeros in all lanes but the first `count`. */
PS_INLINE v16 v_keep(v16 x, uint32_t count)
{
    return _mm512_maskz_mov_ps((__mmask16)((1u << count) - 1), x);
}

/* Even and odd elements of the thirty-two in a, b. */
PS_INLINE v16 v_even(v16 a, v16 b)
{
    const __m512i pick = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(a, pick, b);
}

PS_INLINE v16 v_odd(v16 a, v16 b)
{
    const __m512i pick = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_ps(a, pick, b);
}

V_BOTH(v_add, add_ps)
V_BOTH(v_sub, sub_ps)
V_BOTH(v_mul, mul_ps)
V_BOTH(v_div, div_ps)
V_BOTH(v_min, min_ps)
V_BOTH(v_max, max_ps)

#else /* AVX2 */

typedef struct {
    __m256 low, high;
} v16;

#define V_BOTH(name, intrinsic)                                                                              \
    PS_INLINE v16 name(v16 a, v16 b)                                                                         \
    {                                                                                                        \
        return (v16){_mm256_##intrinsic(a.low, b.low), _mm256_##intrinsic(a.high, b.high)};                  \
    }

PS_INLINE v16 v_set(float x)
{
    return (v16){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

PS_INLINE v16 v_fma(v16 a, v16 b, v16 c)
{
    return (v16){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

PS_INLINE v16 v_round(v16 x)
{
    enum { how = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };
    return (v16){_mm256_round_ps(x.low, how), _mm256_round_ps(x.high, how)};
}

/* 2^n is made of exponent bits in two steps, so that results below the normal range are right too. */
PS_INLINE __m256 v_scale_half(__m256 x, __m256 n)
{
    const __m256 clamped = _mm256_max_ps(_mm256_min_ps(n, _mm256_set1_ps(252)), _mm256_set1_ps(-252));
    const __m256i whole = _mm256_cvtps_epi32(clamped), first = _mm256_srai_epi32(whole, 1),
                  second = _mm256_sub_epi32(whole, first), bias = _mm256_set1_epi32(127);
    const __m256i a = _mm256_slli_epi32(_mm256_add_epi32(first, bias), 23),
                  b = _mm256_slli_epi32(_mm256_add_epi32(second, bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(x, _mm256_castsi256_ps(a)), _mm256_castsi256_ps(b));
}

PS_INLINE v16 v_scale(v16 x, v16 n)
{
    return (v16){v_scale_half(x.low, n.low), v_scale_half(x.high, n.high)};
}

PS_INLINE float v_sum(v16 x)
{
    const __m256 eight = _mm256_add_ps(x.low, x.high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

PS_INLINE float v_highest(v16 x)
{
    const __m256 eight = _mm256_max_ps(x.low, x.high);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

PS_INLINE float v_first(v16 x)
{
    return _mm256_cvtss_f32(x.low);
}

PS_INLINE v16 v_load_f32(const float *from)
{
    return (v16){_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
}

PS_INLINE void v_store_f32(float *to, v16 x)
{
    _mm256_storeu_ps(to, x.low);
    _mm256_storeu_ps(to + 8, x.high);
}

PS_INLINE __m256i v_bf16_bits(__m256 x)
{
    const __m256i bits = _mm256_castps_si256(x), one = _mm256_set1_epi32(1);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
    const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    const __m256 rounded = _mm256_blendv_ps(_mm256_castsi256_ps(up), _mm256_castsi256_ps(quiet), nan);
    return _mm256_srli_epi32(_mm256_castps_si256(rounded), 16);
}

PS_INLINE __m256i v_bf16(v16 x)
{
    const __m256i packed = _mm256_packus_epi32(v_bf16_bits(x.low), v_bf16_bits(x.high));
    return _mm256_permute4x64_epi64(packed, 0xd8);
}

PS_INLINE v16 v_from_bf16(__m256i bits)
{
    const __m256i low = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(bits)),
                  high = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(bits, 1));
    return (v16){_mm256_castsi256_ps(_mm256_slli_epi32(low, 16)),
                 _mm256_castsi256_ps(_mm256_slli_epi32(high, 16))};
}

PS_INLINE v16 v_load(enum ps_type type, const void *from, uint64_t i)
{
    if (type == PS_F32)
        return v_load_f32((const float *)from + i);
    const __m256i bits = _mm256_loadu_si256((const __m256i_u *)((const uint16_t *)from + i));
    if (type == PS_BF16)
        return v_from_bf16(bits);
    return (v16){_mm256_cvtph_ps(_mm256_castsi256_si128(bits)),
                 _mm256_cvtph_ps(_mm256_extracti128_si256(bits, 1))};
}

PS_INLINE void v_store(enum ps_type type, void *to, uint64_t i, v16 x)
{
    if (type == PS_F32) {
        v_store_f32((float *)to + i, x);
        return;
    }
    const __m256i bits = type == PS_BF16
                             ? v_bf16(x)
                             : _mm256_set_m128i(_mm256_cvtps_ph(x.high, _MM_FROUND_TO_NEAREST_INT),
                                                _mm256_cvtps_ph(x.low, _MM_FROUND_TO_NEAREST_INT));
    _mm256_storeu_si256((__m256i_u *)((uint16_t *)to + i), bits);
}

PS_INLINE v16 v_load_some(enum ps_type type, const void *from, uint64_t i, uint32_t count)
{
    float whole[V_LANES] = {0};
    memcpy(whole, (const char *)from + i * ps_type_bytes(type), count * ps_type_bytes(type));
    return v_load(type, whole, 0);
}

PS_INLINE void v_store_some(enum ps_type type, void *to, uint64_t i, v16 x, uint32_t count)
{
    float whole[V_LANES];
    v_store(type, whole, 0, x);
    memcpy((char *)to + i * ps_type_bytes(type), whole, count * ps_type_bytes(type));
}

PS_INLINE v16 v_keep(v16 x, uint32_t count)
{
    float lanes[V_LANES];
    v_store_f32(lanes, x);
    return count < V_LANES ? v_load_some(PS_F32, lanes, 0, count) : x;
}

PS_INLINE __m256 v_in_order(__m256 x)
{
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
}

PS_INLINE v16 v_even(v16 a, v16 b)
{
    return (v16){v_in_order(_mm256_shuffle_ps(a.low, a.high, 0x88)),
                 v_in_order(_mm256_shuffle_ps(b.low, b.high, 0x88))};
}

PS_INLINE v16 v_odd(v16 a, v16 b)
{
    return (v16){v_in_order(_mm256_shuffle_ps(a.low, a.high, 0xdd)),
                 v_in_order(_mm256_shuffle_ps(b.low, b.high, 0xdd))};
}

V_BOTH(v_add, add_ps)
V_BOTH(v_sub, sub_ps)
V_BOTH(v_mul, mul_ps)
V_BOTH(v_div, div_ps)
V_BOTH(v_min, min_ps)
V_BOTH(v_max, max_ps)

#endif

/* Calls f(TYPE, arguments...) with the constant that `type` is. */
#define V_TYPED(type, f, ...)                                                                                \
    do {                                                                                                     \
        if ((type) == PS_F32)                                                                                \
            f(PS_F32, __VA_ARGS__);                                                                          \
        else if ((type) == PS_BF16)                                                                          \
            f(PS_BF16, __VA_ARGS__);                                                                         \
        else                                                                                                 \
            f(PS_F16, __VA_ARGS__);                                                                          \
    } while (0)

#endif
