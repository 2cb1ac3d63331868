/* The default generator. rng.h says what it computes; here is how the same bits come out everywhere: no libm
 * but sqrt, which IEEE 754 rounds correctly, and no fused multiply-add (the build turns contraction off for
 * this file). */
#include "base/rng.h"

#include <float.h>
#include <math.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0,
               "the noise is only reproducible where double arithmetic rounds to double");

#define LN_2 0x1.62e42fefa39efp-1
#define TWO_PI 0x1.921fb54442d18p+2
#define SQRT_HALF 0x1.6a09e667f3bcdp-1

void ps_philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xd2511f53u * c0;
        const uint64_t p1 = (uint64_t)0xcd9e8d57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* ln x for normal x > 0. With x = 2^e m, m in [sqrt(1/2), sqrt(2)) and s = (m - 1) / (m + 1):
 * ln x = e ln 2 + 2 (s + s^3/3 + s^5/5 + ...), where |s| < 0.172, so that the term of s^23 is below 1e-17 of
 * the sum. */
static double natural_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1022;
    bits = (bits & 0x000fffffffffffffu) | 0x3fe0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m < SQRT_HALF) {
        m *= 2.0;
        exponent--;
    }
    const double s = (m - 1.0) / (m + 1.0);
    const double s2 = s * s;
    double sum = 0.0;
    for (int k = 21; k >= 3; k -= 2)
        sum = (sum + 1.0 / k) * s2;
    return exponent * LN_2 + 2.0 * (s + s * sum);
}

/* Sine and cosine of 2 pi `turn`, turn in (0, 1). The nearest quarter turn is taken off exactly; what remains
 * is at most pi/4, where the Taylor series end below 1e-17 at the 17th and 16th power. */
static void sine_cosine(double turn, double *sine, double *cosine)
{
    const int quarter = (int)(4.0 * turn + 0.5);
    const double a = (turn - 0.25 * quarter) * TWO_PI;
    const double a2 = a * a;
    double s = 1.0, c = 1.0;
    for (int k = 16; k >= 2; k -= 2) {
        s = 1.0 - s * a2 / (k * (k + 1));
        c = 1.0 - c * a2 / (k * (k - 1));
    }
    s *= a;
    switch (quarter & 3) {
    case 0:
        *sine = s;
        *cosine = c;
        break;
    case 1:
        *sine = c;
        *cosine = -s;
        break;
    case 2:
        *sine = -s;
        *cosine = -c;
        break;
    default:
        *sine = -c;
        *cosine = s;
    }
}

static double uniform(uint32_t word)
{
    return (2.0 * word + 1.0) * 0x1p-33;
}

static void normal_block(uint64_t seed, uint32_t stream, uint64_t block, float out[4])
{
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), stream, 0};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t words[4];
    ps_philox_block(counter, key, words);
    for (int pair = 0; pair < 4; pair += 2) {
        const double radius = sqrt(-2.0 * natural_log(uniform(words[pair])));
        double sine, cosine;
        sine_cosine(uniform(words[pair + 1]), &sine, &cosine);
        out[pair] = (float)(radius * cosine);
        out[pair + 1] = (float)(radius * sine);
    }
}

void ps_philox_normals(uint64_t seed, uint32_t stream, uint64_t first, float *out, size_t count)
{
    for (size_t done = 0; done < count;) {
        const uint64_t at = first + done;
        const size_t lane = at % 4;
        const size_t take = count - done < 4 - lane ? count - done : 4 - lane;
        float block[4];
        normal_block(seed, stream, at / 4, block);
        memcpy(out + done, block + lane, take * sizeof *out);
        done += take;
    }
}
