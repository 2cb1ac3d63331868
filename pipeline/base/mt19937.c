/* PyTorch's CPU generator: MT19937 (Matsumoto and Nishimura 1998) and ATen's normal_fill for float.
 *
 * ATen transforms eight pairs at a time with vector functions derived from Cephes' logf and sinf. Their
 * polynomials stand here with the operations in ATen's order, fused (fmaf) where ATen's compiler fuses them,
 * which is what makes the bits agree; the build turns contraction off for this file so that no others are
 * fused. */
#include "base/rng.h"

#include <float.h>
#include <math.h>

#include "base/half.h"

_Static_assert(FLT_EVAL_METHOD == 0, "the noise is only PyTorch's where float arithmetic rounds to float");

#define WORDS 624
#define SHIFT 397
#define TWO_PI 0x1.921fb54442d18p+2

void ps_torch_seed(struct ps_torch_rng *rng, uint64_t seed)
{
    rng->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < WORDS; i++) {
        const uint32_t last = rng->state[i - 1];
        rng->state[i] = 1812433253u * (last ^ last >> 30) + i;
    }
    rng->used = WORDS;
    rng->has_spare = false;
    rng->spare = 0.0;
}

static uint32_t next_word(struct ps_torch_rng *rng)
{
    uint32_t *const state = rng->state;
    if (rng->used == WORDS) {
        for (uint32_t i = 0; i < WORDS; i++) {
            const uint32_t mixed = (state[i] & 0x80000000u) | (state[(i + 1) % WORDS] & 0x7fffffffu);
            state[i] = state[(i + SHIFT) % WORDS] ^ mixed >> 1 ^ (mixed & 1 ? 0x9908b0dfu : 0);
        }
        rng->used = 0;
    }
    uint32_t word = state[rng->used++];
    word ^= word >> 11;
    word ^= word << 7 & 0x9d2c5680u;
    word ^= word << 15 & 0xefc60000u;
    return word ^ word >> 18;
}

/* Multiples of 2^-24 in [0, 1). */
static float uniform_float(struct ps_torch_rng *rng)
{
    return (float)(next_word(rng) & 0xffffffu) * 0x1p-24f;
}

/* Multiples of 2^-53 in [0, 1); the high word is drawn first. */
static double uniform_double(struct ps_torch_rng *rng)
{
    const uint64_t high = next_word(rng);
    const uint64_t word = high << 32 | next_word(rng);
    return (double)(word & 0x1fffffffffffffu) * 0x1p-53;
}

/* ln x for normal x > 0. */
static float cephes_log(float x)
{
    static const float p[] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                              -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                              2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
    const uint32_t bits = ps_bits_from_float(x);
    float exponent = (float)((int)(bits >> 23) - 126);
    x = ps_float_from_bits((bits & 0x007fffffu) | 0x3f000000u);
    if (x < 0.707106781186547524f) {
        exponent -= 1.0f;
        x = x - 1.0f + x;
    } else {
        x -= 1.0f;
    }
    const float z = x * x;
    float y = p[0];
    for (int i = 1; i < 9; i++)
        y = fmaf(y, x, p[i]);
    y *= x;
    y = fmaf(y, z, exponent * -2.12194440e-4f) - z * 0.5f;
    return fmaf(exponent, 0.693359375f, x + y);
}

/* Sine and cosine of x in [0, 2 pi]. */
static void cephes_sincos(float x, float *sine, float *cosine)
{
    const uint32_t octant = ((uint32_t)(x * 1.27323954473516f) + 1) & ~1u;
    const float y = (float)octant;
    x = fmaf(y, -0.78515625f, x);
    x = fmaf(y, -2.4187564849853515625e-4f, x);
    x = fmaf(y, -3.77489497744594108e-8f, x);
    const float z = x * x;
    float c = fmaf(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = fmaf(c, z, 4.166664568298827e-2f) * z;
    c = fmaf(c, z, z * -0.5f) + 1.0f;
    float s = fmaf(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = fmaf(s, z, -1.6666654611e-1f) * z;
    s = fmaf(s, x, x);
    const bool swap = octant & 2;
    const float sine_of = swap ? c : s;
    const float cosine_of = swap ? s : c;
    *sine = octant & 4 ? -sine_of : sine_of;
    *cosine = (octant + 2) & 4 ? -cosine_of : cosine_of;
}

/* Turns 16 uniforms into normals, value j paired with j + 8. */
static void transform_16(float *values)
{
    for (int j = 0; j < 8; j++) {
        const float radius = sqrtf(-2.0f * cephes_log(1.0f - values[j]));
        float sine, cosine;
        cephes_sincos((float)TWO_PI * values[j + 8], &sine, &cosine);
        /* ATen adds the mean, which turns -0 into 0. */
        values[j] = radius * cosine + 0.0f;
        values[j + 8] = radius * sine + 0.0f;
    }
}

static float scalar_normal(struct ps_torch_rng *rng)
{
    if (rng->has_spare) {
        rng->has_spare = false;
        return (float)rng->spare;
    }
    const double turn = uniform_double(rng);
    const double radius = sqrt(-2.0 * log1p(-uniform_double(rng)));
    rng->spare = radius * sin(TWO_PI * turn);
    rng->has_spare = true;
    return (float)(radius * cos(TWO_PI * turn));
}

void ps_torch_normals(struct ps_torch_rng *rng, float *out, size_t count)
{
    if (count < 16) {
        for (size_t i = 0; i < count; i++)
            out[i] = scalar_normal(rng);
        return;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = uniform_float(rng);
    for (size_t i = 0; i + 16 <= count; i += 16)
        transform_16(out + i);
    if (count % 16) {
        /* The last 16 values are drawn anew, over those that already stand there. */
        float *const tail = out + count - 16;
        for (size_t i = 0; i < 16; i++)
            tail[i] = uniform_float(rng);
        transform_16(tail);
    }
}
