#include "kernels/bed.h"

#include <math.h>

static struct ps_norm norm_of(struct bed *bed, uint32_t c)
{
    return (struct ps_norm){.layer = {.weight = bed_vector(bed, BED_NORMAL, c, false),
                                      .bias = bed_vector(bed, BED_NORMAL, c, false)},
                            .eps = 1e-5f};
}

static double act(enum ps_act act, double x)
{
    return act == PS_SILU ? x / (1 + exp(-x)) : x;
}

/* Statistics of `frames` norms: means around `offset`, deviations around 1. */
static struct ps_tensor random_stats(struct bed *bed, uint32_t frames, uint32_t groups, double offset)
{
    const struct ps_tensor stats = bed_blank(bed, PS_F32, frames, 1, groups, 2);
    float *values = bed_memory(bed, ps_elements(stats), sizeof *values);
    for (uint64_t i = 0; i < ps_elements(stats); i += 2) {
        values[i] = (float)(offset + bed_normal(bed));
        values[i + 1] = (float)(0.5 + bed_uniform(bed));
    }
    ps_upload_floats(&bed->run, stats, values);
    return stats;
}

static void one_case(struct bed *bed, enum ps_type type, enum bed_fill fill, const uint32_t shape[4],
                     uint32_t groups, bool shared, enum ps_act what)
{
    bed_begin(bed, type);
    const uint32_t c = shape[3];
    const struct ps_tensor x = bed_tensor(bed, type, fill, shape[0], shape[1], shape[2], c);
    const struct ps_tensor stats = random_stats(bed, shared ? 1 : x.n, groups, fill == BED_OFFSET ? 30 : 0);
    const struct ps_norm norm = norm_of(bed, c);
    const struct ps_tensor y = ps_norm_apply(&bed->run, x, stats, norm, what);

    const float *from = bed_floats(bed, x), *moments = bed_floats(bed, stats);
    const float *gain = bed_weight(bed, norm.layer.weight), *bias = bed_weight(bed, norm.layer.bias);
    double *want = bed_memory(bed, ps_elements(y), sizeof *want);
    for (uint64_t i = 0; i < ps_elements(y); i++) {
        const uint64_t frame = shared ? 0 : i / ps_frame_elements(y);
        const uint32_t channel = (uint32_t)(i % c);
        const float *pair = moments + 2 * (frame * groups + channel / (c / groups));
        want[i] = act(what, ((double)from[i] - pair[0]) * pair[1] * gain[channel] + bias[channel]);
    }
    bed_expect(bed, y, want, 4);

    if (x.n > 1) {
        const struct ps_tensor some = shared ? stats : ps_frames(stats, 1, x.n - 1);
        bed_identical(bed, ps_norm_apply(&bed->run, ps_frames(x, 1, x.n - 1), some, norm, what),
                      ps_frames(y, 1, x.n - 1));
    }
    bed_end(bed);
}

static void shapes(void **state)
{
    static const uint32_t cases[][2] = {{1, 1},   {3, 1},   {4, 2},    {4, 1},    {5, 5},    {6, 2},
                                        {32, 32}, {96, 32}, {160, 32}, {320, 32}, {2560, 32}};
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const uint32_t shape[] = {1 + i % 3, 5, 7, cases[i][0]};
            one_case(*state, type, BED_NORMAL, shape, cases[i][1], i % 2, i / 2 % 2 ? PS_SILU : PS_NONE);
        }
}

/* Around the rows that a lane takes. */
static void rows(void **state)
{
    for (uint32_t rows = 1; rows <= 65; rows += rows % 16 == 1 ? 14 : 1)
        for (uint32_t c = 7; c <= 8; c++) {
            const uint32_t shape[] = {5, 1, rows, c};
            one_case(*state, rows % 2 ? PS_F32 : PS_F16, BED_NORMAL, shape, 1, false, PS_SILU);
        }
}

/* Silu far out on both sides neither overflows nor becomes NaN. */
static void fills(void **state)
{
    const uint32_t shape[] = {2, 5, 7, 32};
    for (enum bed_fill fill = 0; fill < BED_FILLS; fill++)
        for (enum ps_type type = PS_F32; type <= PS_F16; type++) {
            one_case(*state, type, fill, shape, 8, true, PS_SILU);
            one_case(*state, type, fill, shape, 8, true, PS_NONE);
        }
}

/* Measure, finish and apply as one op, and over a clip in two chunks: against the textbook. */
static void group_norm(void **state)
{
    struct bed *bed = *state;
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t clip = 0; clip < 2; clip++)
            for (uint32_t c = 6; c <= 64; c += 58) {
                const uint32_t n = 3, rows = 5 * 9, groups = c == 6 ? 3 : 32, size = c / groups;
                bed_begin(bed, type);
                bed->condition = sqrt((double)rows * size); /* of a mean of either sign */
                const struct ps_tensor x = bed_tensor(bed, type, BED_NORMAL, n, 5, 9, c);
                const struct ps_norm norm = norm_of(bed, c);
                struct ps_tensor y;
                if (clip) {
                    const struct ps_tensor partial = ps_norm_partial(&bed->run, n, rows, groups);
                    ps_norm_measure(&bed->run, ps_frames(x, 0, 2), groups, ps_frames(partial, 0, 2));
                    ps_norm_measure(&bed->run, ps_frames(x, 2, 1), groups, ps_frames(partial, 2, 1));
                    const struct ps_tensor stats = ps_norm_stats(&bed->run, partial, n, rows, size, norm.eps);
                    y = ps_norm_apply(&bed->run, x, stats, norm, PS_NONE);
                } else {
                    y = ps_group_norm(&bed->run, x, groups, norm, PS_NONE);
                }
                const float *from = bed_floats(bed, x);
                const float *gain = bed_weight(bed, norm.layer.weight),
                            *bias = bed_weight(bed, norm.layer.bias);
                double *want = bed_memory(bed, ps_elements(y), sizeof *want);
                const uint32_t spans = clip ? 1 : n, span_rows = n * rows / spans;
                for (uint32_t s = 0; s < spans; s++)
                    for (uint32_t g = 0; g < groups; g++) {
                        double mean = 0, variance = 0;
                        const double count = (double)span_rows * size;
                        for (int pass = 0; pass < 3; pass++)
                            for (uint32_t r = 0; r < span_rows; r++)
                                for (uint32_t i = 0; i < size; i++) {
                                    const uint32_t channel = g * size + i;
                                    const uint64_t at = ((uint64_t)s * span_rows + r) * c + channel;
                                    if (pass == 0)
                                        mean += from[at] / count;
                                    else if (pass == 1)
                                        variance += (from[at] - mean) * (from[at] - mean) / count;
                                    else
                                        want[at] =
                                            (from[at] - mean) / sqrt(variance + norm.eps) * gain[channel] +
                                            bias[channel];
                                }
                    }
                bed->condition = 1;
                bed_expect(bed, y, want, span_rows * size);
                bed_end(bed);
            }
}

/* x and what is beside it as one, against the tensor that is made of both; and frame by frame. */
static void one_beside(struct bed *bed, enum ps_type type, uint32_t n, uint32_t c_x, uint32_t c_beside,
                       uint32_t groups)
{
    const uint32_t h = 5, w = 9, c = c_x + c_beside, size = c / groups;
    bed_begin(bed, type);
    bed->condition = sqrt((double)h * w * size); /* of a mean of either sign */
    const struct ps_tensor x = bed_tensor(bed, type, BED_NORMAL, n, h, w, c_x);
    const struct ps_tensor beside = bed_tensor(bed, type, BED_NORMAL, n, h, w, c_beside);
    const struct ps_norm norm = norm_of(bed, c);
    const struct ps_tensor y = ps_group_norm_beside(&bed->run, x, beside, groups, norm, PS_SILU);
    const struct ps_tensor made =
        ps_group_norm(&bed->run, ps_concat(&bed->run, x, beside), groups, norm, PS_SILU);
    /* Sums are in the same order where as many channels are loaded at once. */
    const bool same = size % 4 == 0 ? c_x % 4 == 0 : size % 2 || c_x % 2 == 0;
    if (same) {
        bed_identical(bed, y, made);
    } else {
        double *want = bed_memory(bed, ps_elements(made), sizeof *want);
        const float *values = bed_floats(bed, made);
        for (uint64_t i = 0; i < ps_elements(made); i++)
            want[i] = values[i];
        bed_expect(bed, y, want, h * w * size);
    }
    for (uint32_t f = 0; f < n && n > 1; f++)
        bed_identical(bed, ps_frames(y, f, 1),
                      ps_group_norm_beside(&bed->run, ps_frames(x, f, 1), ps_frames(beside, f, 1), groups,
                                           norm, PS_SILU));
    bed_end(bed);
}

/* Groups that end where x does, groups that begin in x and end beside it, and channels of which neither has a
 * multiple of four. */
static void beside(void **state)
{
    static const uint32_t cases[][3] = {{8, 4, 3},     {4, 8, 2}, {5, 7, 3},      {6, 2, 2},     {1, 2, 1},
                                        {128, 64, 32}, {3, 1, 4}, {640, 320, 32}, {320, 320, 32}};
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++)
            one_beside(*state, type, 1 + i % 3, cases[i][0], cases[i][1], cases[i][2]);
}

static void rejects(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    const struct ps_tensor x = bed_tensor(bed, PS_F32, BED_NORMAL, 3, 3, 3, 6);
    assert_true(
        ps_is_null(ps_norm_apply(&bed->run, x, random_stats(bed, 2, 3, 0), norm_of(bed, 6), PS_NONE)));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    const struct ps_tensor again = bed_tensor(bed, PS_F32, BED_NORMAL, 3, 3, 3, 6);
    assert_true(
        ps_is_null(ps_norm_apply(&bed->run, again, random_stats(bed, 3, 3, 0), norm_of(bed, 5), PS_NONE)));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    assert_true(ps_is_null(ps_group_norm(&bed->run, bed_tensor(bed, PS_F32, BED_NORMAL, 3, 3, 3, 6), 4,
                                         norm_of(bed, 6), PS_NONE)));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    const struct ps_tensor longer = bed_tensor(bed, PS_F32, BED_NORMAL, 3, 3, 3, 6);
    assert_true(ps_is_null(
        ps_group_norm_beside(&bed->run, longer, ps_frames(longer, 0, 2), 4, norm_of(bed, 12), PS_NONE)));
    bed_end_failed(bed, "ops.shape");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes), cmocka_unit_test(rows),
                                       cmocka_unit_test(fills),  cmocka_unit_test(group_norm),
                                       cmocka_unit_test(beside), cmocka_unit_test(rejects)};
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
