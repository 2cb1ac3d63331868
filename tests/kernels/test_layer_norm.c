#include "kernels/bed.h"

#include <math.h>

static struct ps_norm norm_of(struct bed *bed, uint32_t c)
{
    return (struct ps_norm){.layer = {.weight = bed_vector(bed, BED_NORMAL, c, false),
                                      .bias = bed_vector(bed, BED_NORMAL, c, false)},
                            .eps = 1e-5f};
}

static void expect(struct bed *bed, struct ps_tensor x, struct ps_norm norm, struct ps_tensor y)
{
    if (!ps_run_ok(&bed->run))
        return;
    const float *gain = bed_weight(bed, norm.layer.weight), *bias = bed_weight(bed, norm.layer.bias);
    const float *from = bed_floats(bed, x);
    double *want = bed_memory(bed, ps_elements(y), sizeof *want);
    for (uint64_t row = 0; row < ps_rows(x); row++) {
        const float *in = from + row * x.c;
        double mean = 0, variance = 0;
        for (uint32_t i = 0; i < x.c; i++)
            mean += in[i] / (double)x.c;
        for (uint32_t i = 0; i < x.c; i++)
            variance += (in[i] - mean) * (in[i] - mean) / x.c;
        for (uint32_t i = 0; i < x.c; i++)
            want[row * x.c + i] = (in[i] - mean) / sqrt(variance + norm.eps) * gain[i] + bias[i];
    }
    bed_expect(bed, y, want, x.c);
}

static void one_case(struct bed *bed, enum ps_type type, enum bed_fill fill, uint32_t n, uint32_t w,
                     uint32_t c)
{
    bed_begin(bed, type);
    const struct ps_tensor x = bed_tensor(bed, type, fill, n, 3, w, c);
    const struct ps_norm norm = norm_of(bed, c);
    const struct ps_tensor y = ps_layer_norm(&bed->run, x, norm);
    expect(bed, x, norm, y);
    if (n > 1)
        bed_identical(bed, ps_layer_norm(&bed->run, ps_frames(x, 1, n - 1), norm), ps_frames(y, 1, n - 1));
    bed_end(bed);
}

static void shapes(void **state)
{
    static const uint32_t channels[] = {2,  3,  4,   5,   32,  64,   79,   80,  81,
                                        84, 96, 320, 323, 640, 1280, 1281, 1664};
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < sizeof channels / sizeof *channels; i++)
            one_case(*state, type, BED_NORMAL, 1 + i % 5, 7, channels[i]);
    one_case(*state, PS_F16, BED_NORMAL, 2, 3, 640);
    one_case(*state, PS_F32, BED_NORMAL, 2, 3, 1280);
    one_case(*state, PS_F16, BED_NORMAL, 2, 1, 1281);
}

/* Rows around what a work group takes, when two or eight lanes share a row. */
static void rows(void **state)
{
    static const uint32_t channels[] = {20, 96};
    for (uint32_t w = 1; w <= 43; w += 21)
        for (uint32_t c = 0; c < 2; c++)
            one_case(*state, w % 2 ? PS_F16 : PS_F32, BED_NORMAL, 1, w, channels[c]);
}

/* More channels than the registers of a work group are meant for. */
static void wide(void **state)
{
    one_case(*state, PS_F32, BED_NORMAL, 2, 1, 5632);
}

static void fills(void **state)
{
    for (enum bed_fill fill = 0; fill < BED_FILLS; fill++)
        for (enum ps_type type = PS_F32; type <= PS_F16; type++)
            for (uint32_t c = 35; c <= 320; c += 285)
                one_case(*state, type, fill, 2, 3, c);
}

/* One channel is its own mean: the result is the bias. */
static void one_channel(void **state)
{
    struct bed *bed = *state;
    for (enum ps_type type = PS_F32; type <= PS_F16; type++) {
        bed_begin(bed, type);
        const struct ps_norm norm = norm_of(bed, 1);
        const struct ps_tensor y =
            ps_layer_norm(&bed->run, bed_tensor(bed, type, BED_HUGE, 2, 3, 5, 1), norm);
        const float *got = bed_floats(bed, y), bias = *bed_weight(bed, norm.layer.bias);
        for (uint64_t i = 0; i < ps_elements(y); i++)
            assert_true(got[i] == bias);
        bed_end(bed);
    }
}

/* Means far larger than deviations, and a first element far from the others. */
static void ill_conditioned(void **state)
{
    struct bed *bed = *state;
    for (int outlier = 0; outlier < 2; outlier++)
        for (uint32_t c = 35; c <= 320; c += 285) {
            bed_begin(bed, PS_F32);
            const struct ps_tensor x = bed_blank(bed, PS_F32, 1, 5, 7, c);
            float *values = bed_memory(bed, ps_elements(x), sizeof *values);
            for (uint64_t i = 0; i < ps_elements(x); i++)
                values[i] = (float)(outlier ? i % c ? 0 : 1e4 : 1e4) + (float)bed_normal(bed);
            ps_upload_floats(&bed->run, x, values);
            const struct ps_norm norm = norm_of(bed, c);
            expect(bed, x, norm, ps_layer_norm(&bed->run, x, norm));
            bed_end(bed);
        }
}

/* Of x and a vector for all frames or one a frame, against the formula; frame by frame, and of a slab. */
static void one_sum(struct bed *bed, enum ps_type type, uint32_t frames, uint32_t vectors, uint32_t c)
{
    const uint32_t h = 4, w = 3;
    bed_begin(bed, type);
    const struct ps_tensor x = bed_tensor(bed, type, BED_NORMAL, frames, h, w, c);
    const struct ps_tensor vector = bed_tensor(bed, type, BED_OFFSET, vectors, 1, 1, c);
    const struct ps_norm norm = norm_of(bed, c);
    const struct ps_tensor y = ps_layer_norm_sum(&bed->run, x, vector, norm);
    const float *from = bed_floats(bed, x), *added = bed_floats(bed, vector);
    const float *gain = bed_weight(bed, norm.layer.weight), *bias = bed_weight(bed, norm.layer.bias);
    double *want = bed_memory(bed, ps_elements(y), sizeof *want), *sum = bed_memory(bed, c, sizeof *sum);
    for (uint64_t row = 0; row < ps_rows(x); row++) {
        const float *of_frame = added + (vectors > 1 ? row / (h * w) * c : 0);
        double mean = 0, variance = 0;
        for (uint32_t i = 0; i < c; i++) {
            sum[i] = (double)from[row * c + i] + (double)of_frame[i];
            mean += sum[i] / c;
        }
        for (uint32_t i = 0; i < c; i++)
            variance += (sum[i] - mean) * (sum[i] - mean) / c;
        for (uint32_t i = 0; i < c; i++)
            want[row * c + i] = (sum[i] - mean) / sqrt(variance + norm.eps) * gain[i] + bias[i];
    }
    bed_expect(bed, y, want, c);
    for (uint32_t f = 0; f < frames && frames > 1; f++)
        bed_identical(bed, ps_frames(y, f, 1),
                      ps_layer_norm_sum(&bed->run, ps_frames(x, f, 1),
                                        vectors > 1 ? ps_frames(vector, f, 1) : vector, norm));
    const struct ps_tensor slab = ps_layer_norm_sum(&bed->run, ps_slab(x, 1, 2), vector, norm);
    for (uint32_t f = 0; f < frames; f++)
        bed_identical(bed, ps_frames(slab, f, 1), ps_slab(ps_frames(y, f, 1), 1, 2));
    bed_end(bed);
}

static void sums(void **state)
{
    static const uint32_t channels[] = {4, 5, 64, 81, 320, 1280};
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < sizeof channels / sizeof *channels; i++)
            one_sum(*state, type, 1 + i % 3, i % 2 ? 1 + i % 3 : 1, channels[i]);
}

static void rejects(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    const struct ps_tensor x = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 6);
    assert_true(ps_is_null(ps_layer_norm(&bed->run, x, norm_of(bed, 5))));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    const struct ps_tensor three = bed_tensor(bed, PS_F32, BED_NORMAL, 3, 3, 3, 6);
    const struct ps_tensor two = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 1, 1, 6);
    assert_true(ps_is_null(ps_layer_norm_sum(&bed->run, three, two, norm_of(bed, 6))));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    const struct ps_tensor wide = bed_tensor(bed, PS_F32, BED_NORMAL, 1, 1, 1, 16388);
    assert_true(ps_is_null(ps_layer_norm(&bed->run, wide, norm_of(bed, 16388))));
    bed_end_failed(bed, "ops.shape");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes),      cmocka_unit_test(rows),
                                       cmocka_unit_test(wide),        cmocka_unit_test(fills),
                                       cmocka_unit_test(one_channel), cmocka_unit_test(ill_conditioned),
                                       cmocka_unit_test(sums),        cmocka_unit_test(rejects)};
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
