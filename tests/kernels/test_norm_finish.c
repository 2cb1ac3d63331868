#include "kernels/bed.h"

#include <math.h>

#include "norm_finish.h"

/* Partial statistics of frames of `rows` rows, each from numbers of its own: means of some size and squared
 * deviations as `count` values of deviation 1 have them. */
static struct ps_tensor random_partial(struct bed *bed, uint32_t frames, uint32_t rows, uint32_t groups,
                                       uint32_t group_channels, double offset)
{
    const struct ps_tensor partial = ps_norm_partial(&bed->run, frames, rows, groups);
    float *values = bed_memory(bed, ps_elements(partial), sizeof *values);
    for (uint64_t i = 0; i < ps_elements(partial); i += 2) {
        values[i] = (float)(offset + bed_normal(bed));
        values[i + 1] = (float)(rows / partial.h * group_channels * (0.5 + bed_uniform(bed)));
    }
    ps_upload_floats(&bed->run, partial, values);
    return partial;
}

/* Rows of split s: the first ones are full. */
static uint32_t rows_of(uint32_t rows, uint32_t splits, uint32_t s)
{
    const uint32_t even = (rows + splits - 1) / splits, each = even > 32 ? even : 32;
    return (s + 1) * each < rows ? each : rows - s * each;
}

/* The moments of the union, from the sums of the values and of their squares, which in double lose nothing
 * here. */
static void expect(struct bed *bed, struct ps_tensor partial, struct ps_tensor stats, uint32_t rows,
                   uint32_t group_channels, float eps)
{
    const uint32_t span = partial.n / stats.n, splits = partial.h, groups = partial.w;
    const float *from = bed_floats(bed, partial), *got = bed_floats(bed, stats);
    for (uint32_t f = 0; f < stats.n; f++)
        for (uint32_t g = 0; g < groups; g++) {
            double count = 0, sum = 0, squares = 0;
            for (uint32_t i = 0; i < span * splits; i++) {
                const float *part = from + ((uint64_t)(f * span * splits + i) * groups + g) * 2;
                const double values = (double)rows_of(rows, splits, i % splits) * group_channels;
                count += values;
                sum += values * part[0];
                squares += part[1] + values * part[0] * part[0];
            }
            const double mean = sum / count, variance = squares / count - mean * mean;
            const double rstd = 1 / sqrt(variance + eps);
            const double u = 0x1p-24, limit = 12 * u * sqrt(span * splits);
            const float *pair = got + ((uint64_t)f * groups + g) * 2;
            if (!(fabs(pair[0] - mean) <= limit / rstd + 2 * u * fabs(mean)) ||
                !(fabs(pair[1] - rstd) <= limit * rstd))
                fail_msg("span %u group %u: %.9g, %.9g should be %.9g, %.9g", f, g, pair[0], pair[1], mean,
                         rstd);
        }
}

static void one_case(struct bed *bed, uint32_t frames, uint32_t rows, uint32_t groups,
                     uint32_t group_channels, double offset)
{
    bed_begin(bed, PS_F32);
    const struct ps_tensor partial = random_partial(bed, frames, rows, groups, group_channels, offset);
    const struct ps_tensor each = ps_norm_stats(&bed->run, partial, 1, rows, group_channels, 1e-5f);
    expect(bed, partial, each, rows, group_channels, 1e-5f);
    const struct ps_tensor all = ps_norm_stats(&bed->run, partial, frames, rows, group_channels, 1e-6f);
    expect(bed, partial, all, rows, group_channels, 1e-6f);
    if (frames > 1) {
        const struct ps_tensor last = ps_frames(partial, frames - 1, 1);
        bed_identical(bed, ps_norm_stats(&bed->run, last, 1, rows, group_channels, 1e-5f),
                      ps_frames(each, frames - 1, 1));
    }
    bed_end(bed);
}

/* One split and many, on both sides of the number that a lane takes alone, with and without a shorter last
 * one. */
static void shapes(void **state)
{
    static const uint32_t rows[] = {1,
                                    32,
                                    33,
                                    144,
                                    577,
                                    32 * PS_NORM_FINISH_ALONE,
                                    32 * PS_NORM_FINISH_ALONE + 1,
                                    32 * PS_NORM_FINISH_LANES - 1,
                                    32 * PS_NORM_FINISH_LANES + 5,
                                    9216};
    static const uint32_t groups[] = {1, 3, 32, 64, 65};
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint32_t j = 0; j < sizeof groups / sizeof *groups; j++)
            one_case(*state, 1 + (i + j) % 5, rows[i], groups[j], 1 + j, 8);
}

static void large_means(void **state)
{
    for (uint32_t frames = 1; frames <= 14; frames += 13) {
        one_case(*state, frames, 577, 32, 10, 1e4);
        one_case(*state, frames, 9216, 32, 10, -1e4);
    }
}

/* Nothing varies: the deviation is what eps leaves. */
static void constant(void **state)
{
    struct bed *bed = *state;
    for (uint32_t rows = 9; rows < 9216; rows *= 60) {
        bed_begin(bed, PS_F32);
        const struct ps_tensor partial = ps_norm_partial(&bed->run, 3, rows, 32);
        float *values = bed_memory(bed, ps_elements(partial), sizeof *values);
        for (uint64_t i = 0; i < ps_elements(partial); i += 2)
            values[i] = 0.7f;
        ps_upload_floats(&bed->run, partial, values);
        const float *stats = bed_floats(bed, ps_norm_stats(&bed->run, partial, 3, rows, 10, 1e-6f));
        for (uint32_t g = 0; g < 32; g++) {
            assert_true(stats[2 * g] == 0.7f);
            assert_true(fabsf(stats[2 * g + 1] - 1000) < 1e-3f);
        }
        bed_end(bed);
    }
}

static void rejects(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    const struct ps_tensor partial = random_partial(bed, 3, 9, 4, 1, 0);
    assert_true(ps_is_null(ps_norm_stats(&bed->run, partial, 2, 9, 1, 1e-5f)));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    assert_true(ps_is_null(ps_norm_stats(&bed->run, random_partial(bed, 3, 9, 4, 1, 0), 3, 900, 1, 1e-5f)));
    bed_end_failed(bed, "ops.shape");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes), cmocka_unit_test(large_means),
                                       cmocka_unit_test(constant), cmocka_unit_test(rejects)};
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
