#include "kernels/bed.h"

#include <math.h>

#include "norm_stats.h"

/* Asserts that partial statistics are those of x, by a formula of two passes. */
static void expect(struct bed *bed, struct ps_tensor x, struct ps_tensor partial)
{
    if (!ps_run_ok(&bed->run))
        return;
    const uint32_t rows = x.h * x.w, groups = partial.w, splits = partial.h, size = x.c / groups;
    const uint32_t split_rows = (rows + splits - 1) / splits;
    const float *from = bed_floats(bed, x), *got = bed_floats(bed, partial);
    /* All splits but the last have as many rows, at least PS_NORM_STATS_MIN_ROWS. */
    const uint32_t each = split_rows > PS_NORM_STATS_MIN_ROWS ? split_rows : PS_NORM_STATS_MIN_ROWS;
    assert_int_equal((rows + each - 1) / each, splits);
    for (uint32_t f = 0; f < x.n; f++)
        for (uint32_t s = 0; s < splits; s++)
            for (uint32_t g = 0; g < groups; g++) {
                const uint32_t end = (s + 1) * each < rows ? (s + 1) * each : rows;
                const double count = (double)(end - s * each) * size;
                double mean = 0, m2 = 0, largest = 0;
                for (int pass = 0; pass < 2; pass++)
                    for (uint32_t r = s * each; r < end; r++)
                        for (uint32_t i = 0; i < size; i++) {
                            const double value = from[((uint64_t)f * rows + r) * x.c + g * size + i];
                            if (pass == 0)
                                mean += value / count;
                            else
                                m2 += (value - mean) * (value - mean);
                            largest = fmax(largest, fabs(value));
                        }
                /* Both are sums of `count` terms; the mean is stored to half a unit in its last place.
                 * Squares are of deviations from a first row, which may be sqrt(rows) of the split's
                 * deviations off its mean. */
                const double u = 0x1p-24, deviation = sqrt(m2 / count);
                const float *pair = got + (((uint64_t)f * splits + s) * groups + g) * 2;
                const double mean_limit = 12 * u * sqrt(count) * deviation + 4 * u * largest;
                const double m2_limit =
                    (12 * u * sqrt(count) + 4 * u * (double)each) * m2 + 4 * count * pow(u * largest, 2);
                if (!(fabs(pair[0] - mean) <= mean_limit) || !(fabs(pair[1] - m2) <= m2_limit))
                    fail_msg("frame %u split %u group %u: %.9g, %.9g should be %.9g, %.9g", f, s, g, pair[0],
                             pair[1], mean, m2);
            }
}

static struct ps_tensor measured(struct bed *bed, struct ps_tensor x, uint32_t groups)
{
    struct ps_tensor partial = ps_norm_partial(&bed->run, x.n, x.h * x.w, groups);
    ps_norm_measure(&bed->run, x, groups, partial);
    return partial;
}

static void one_case(struct bed *bed, enum ps_type type, enum bed_fill fill, uint32_t n, uint32_t h,
                     uint32_t w, uint32_t c, uint32_t groups)
{
    bed_begin(bed, type);
    /* The mean of numbers of either sign is small beside them: so is the sum's condition number, where there
     * are enough means that their root mean square is what is to be expected. */
    if (fill != BED_OFFSET)
        bed->condition = sqrt((double)PS_NORM_STATS_MIN_ROWS * c / groups);
    const struct ps_tensor x = bed_tensor(bed, type, fill, n, h, w, c);
    const struct ps_tensor partial = measured(bed, x, groups);
    expect(bed, x, partial);

    /* Chunks of frames, into views of one tensor and into one of their own. */
    const struct ps_tensor pieces = ps_norm_partial(&bed->run, n, h * w, groups);
    for (uint32_t f = 0; f < n; f++)
        ps_norm_measure(&bed->run, ps_frames(x, f, 1), groups, ps_frames(pieces, f, 1));
    bed_identical(bed, pieces, partial);
    if (n > 2)
        bed_identical(bed, measured(bed, ps_frames(x, 1, n - 1), groups), ps_frames(partial, 1, n - 1));
    bed_end(bed);
}

static void shapes(void **state)
{
    static const uint32_t cases[][2] = {{1, 1},    {3, 1},    {4, 2},    {4, 1},    {5, 5},
                                        {32, 32},  {64, 32},  {96, 32},  {96, 4},   {160, 32},
                                        {320, 32}, {640, 32}, {960, 32}, {2560, 32}};
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++)
            one_case(*state, type, BED_OFFSET, 1 + i % 3, 5, 7, cases[i][0], cases[i][1]);
    one_case(*state, PS_F32, BED_OFFSET, 5, 3, 3, 32, 32);
}

/* Rows around the least of a split, and several splits with and without a shorter last one. */
static void splits(void **state)
{
    static const uint32_t rows[] = {1, 2, 31, 32, 33, 63, 64, 65, 96, 1000, 1024};
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint32_t c = 5; c <= 8; c++)
            one_case(*state, i % 2 ? PS_F16 : PS_F32, BED_OFFSET, 2, 1, rows[i], c, c == 8 ? 2 : 1);
}

/* More rows than the least a split, because the lanes are used up: rows and groups decide, not frames. */
static void long_splits(void **state)
{
    struct bed *bed = *state;
    const uint32_t groups = PS_NORM_STATS_LANES / 4;
    one_case(bed, PS_F32, BED_OFFSET, 1, 3, 47, groups, groups);
    bed_begin(bed, PS_F32);
    assert_int_equal(ps_norm_partial(&bed->run, 1, 9, 32).h, 1);
    assert_int_equal(ps_norm_partial(&bed->run, 1, 9216, 32).h, 288);
    assert_int_equal(ps_norm_partial(&bed->run, 1, 589824, 32).h, 1024);
    bed_end(bed);
}

static void fills(void **state)
{
    for (enum bed_fill fill = 0; fill < BED_FILLS; fill++)
        for (enum ps_type type = PS_F32; type <= PS_F16; type++)
            for (uint32_t c = 64; c <= 320; c += 256)
                one_case(*state, type, fill, 2, 5, 13, c, 32);
}

/* Means far larger than deviations, and a first row far from the others. */
static void ill_conditioned(void **state)
{
    struct bed *bed = *state;
    for (int outlier = 0; outlier < 2; outlier++)
        for (uint32_t c = 6; c <= 8; c++) {
            bed_begin(bed, PS_F32);
            bed->condition = 1e4;
            const struct ps_tensor x = bed_blank(bed, PS_F32, 2, 4, 32, c);
            float *values = bed_memory(bed, ps_elements(x), sizeof *values);
            for (uint64_t i = 0; i < ps_elements(x); i++)
                values[i] = (float)(outlier ? i % 32 / c ? 0 : 1e4 : 1e4) + (float)bed_normal(bed);
            ps_upload_floats(&bed->run, x, values);
            expect(bed, x, measured(bed, x, c == 7 ? 1 : 2));
            bed_end(bed);
        }
}

static void rejects(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    const struct ps_tensor x = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 6);
    ps_norm_measure(&bed->run, x, 4, ps_norm_partial(&bed->run, 2, 9, 4));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    const struct ps_tensor again = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 6);
    ps_norm_measure(&bed->run, again, 3, ps_norm_partial(&bed->run, 3, 9, 3));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    const struct ps_tensor more = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 12, 6);
    ps_norm_measure(&bed->run, more, 3, ps_norm_partial(&bed->run, 2, 9, 3));
    bed_end_failed(bed, "ops.shape");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes),          cmocka_unit_test(splits),
                                       cmocka_unit_test(long_splits),     cmocka_unit_test(fills),
                                       cmocka_unit_test(ill_conditioned), cmocka_unit_test(rejects)};
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
