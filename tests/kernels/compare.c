#include "kernels/compare.h"

#include <math.h>
#include <stdio.h>

#include "base/half.h"

#define MAX_PRINTED 4

/* Derivation. u is the unit roundoff of float, 2^-24.
 *
 * Sums. Every addition of a sum of K terms errs by at most u times the partial sum. The errors are as good as
 * independent and of mean zero, so they add up like a random walk, to u sqrt(K) times the size of the partial
 * sums, which is the size of the result: its root mean square over the tensor. (An element that happens to be
 * near zero has partial sums as large as its neighbours'.) The constant 2 allows for products and sums
 * rounded separately, and for the few operations of an epilogue or an activation after the sum (a few u
 * relative to the result each). By norm that is the bound. For the worst of up to 10^7 elements a normal
 * deviate reaches 5.4 times its deviation: a factor of 6.
 *
 * Storing. Both sides round to the storage type, whose unit roundoff is 2^-11 for f16, 2^-8 for bf16 and 2^-24 for f32;
 * where the exact value lies near the middle of two numbers they may land on different ones, one spacing
 * apart: 2 u_type relative. Below the normal range of f16 (2^-14) the spacing is 2^-24 absolute; f32
 * denormals may be flushed, 2^-126. */
#define SUM_CONSTANT 2.0
#define WORST_FACTOR 6.0

struct bed_tolerance bed_tolerance(enum ps_type type, uint32_t depth, double condition, double inner)
{
    static const double roundoff[PS_TYPES] = {[PS_F32] = 0x1p-24, [PS_F16] = 0x1p-11, [PS_BF16] = 0x1p-8};
    const double u = roundoff[PS_F32], u_type = roundoff[type];
    return (struct bed_tolerance){.sum = SUM_CONSTANT * u * sqrt(depth + 1.0) * condition + inner,
                                  .round = 2 * u_type,
                                  .floor = type == PS_F16 ? 0x1p-24 : 0x1p-126};
}

double bed_element(enum ps_type type, const void *memory, uint64_t index)
{
    if (type == PS_F16)
        return ps_float_from_half(((const uint16_t *)memory)[index]);
    if (type == PS_BF16)
        return ps_float_from_bf16(((const uint16_t *)memory)[index]);
    return ((const float *)memory)[index];
}

/* What is expected: a view in t's type, or doubles in dense order. */
struct expected {
    const void *view;
    const double *values;
};

static double expected_at(struct ps_tensor t, struct expected expected, uint64_t frame, uint64_t i)
{
    if (expected.values)
        return expected.values[frame * ps_frame_elements(t) + i];
    return bed_element(t.type, expected.view, frame * t.pitch + i);
}

static void print_difference(struct ps_tensor t, uint64_t frame, uint64_t i, double got, double want,
                             double limit)
{
    const uint64_t c = i % t.c, w = i / t.c % t.w, h = i / t.c / t.w;
    printf("    [%llu, %llu, %llu, %llu]: %.9g, should be %.9g (off by %.3g, limit %.3g)\n",
           (unsigned long long)frame, (unsigned long long)h, (unsigned long long)w, (unsigned long long)c,
           got, want, fabs(got - want), limit);
}

/* Component `part` of every `parts` channels. */
static bool compare_part(struct ps_tensor t, const void *got, struct expected expected, uint32_t part,
                         uint32_t parts, struct bed_tolerance tolerance, const char *title, bool quiet)
{
    const uint64_t frame_elements = ps_frame_elements(t);
    double squares = 0, count = 0;
    for (uint64_t frame = 0; frame < t.n; frame++)
        for (uint64_t i = part; i < frame_elements; i += parts, count++) {
            const double want = expected_at(t, expected, frame, i);
            squares += want * want;
        }
    const double rms = sqrt(squares / count);

    double error_squares = 0;
    uint32_t bad = 0;
    for (uint64_t frame = 0; frame < t.n; frame++)
        for (uint64_t i = part; i < frame_elements; i += parts) {
            const double want = expected_at(t, expected, frame, i);
            const double value = bed_element(t.type, got, frame * t.pitch + i);
            const double limit = WORST_FACTOR * tolerance.sum * (rms + fabs(want)) +
                                 tolerance.round * fabs(want) + tolerance.floor;
            error_squares += (value - want) * (value - want);
            if (isfinite(value) && isfinite(want) && fabs(value - want) <= limit)
                continue;
            if (!bad && !quiet)
                printf("  %s\n", title);
            if (bad++ < MAX_PRINTED && !quiet)
                print_difference(t, frame, i, value, want, limit);
        }
    const double error = sqrt(error_squares / count),
                 error_limit = (tolerance.sum + tolerance.round) * rms + tolerance.floor;
    if (bad) {
        if (!quiet)
            printf("    %u of %.0f elements differ\n", bad, count);
    } else if (!(error <= error_limit)) {
        bad++;
        if (!quiet)
            printf("  %s\n    root mean square error %.3g of %.3g, limit %.3g\n", title, error, rms,
                   error_limit);
    }
    return !bad;
}

bool bed_compare(struct ps_tensor t, const void *got, const void *want, uint32_t parts,
                 struct bed_tolerance tolerance, const char *title, bool quiet)
{
    bool same = true;
    for (uint32_t part = 0; part < parts; part++)
        same &= compare_part(t, got, (struct expected){.view = want}, part, parts, tolerance, title, quiet);
    return same;
}

bool bed_compare_values(struct ps_tensor t, const void *got, const double *want,
                        struct bed_tolerance tolerance, const char *title)
{
    return compare_part(t, got, (struct expected){.values = want}, 0, 1, tolerance, title, false);
}
