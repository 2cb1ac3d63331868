#include "kernels/bed.h"

static void one_case(struct bed *bed, enum ps_type type, enum bed_fill fill, uint32_t n, uint32_t h,
                     uint32_t c)
{
    bed_begin(bed, type);
    const struct ps_tensor uncond = bed_tensor(bed, PS_F32, fill, n, h, 5, c);
    const struct ps_tensor cond = bed_tensor(bed, PS_F32, BED_NORMAL, n, h, 5, c);
    const struct ps_tensor scale = bed_blank(bed, PS_F32, 1, 1, 1, n);
    float *scales = bed_memory(bed, n, sizeof *scales);
    for (uint32_t f = 0; f < n; f++)
        scales[f] = 1 + 2 * (float)f / (float)n;
    ps_upload_floats(&bed->run, scale, scales);
    const struct ps_tensor y = ps_guide(&bed->run, uncond, cond, scale);

    const float *u = bed_floats(bed, uncond), *v = bed_floats(bed, cond);
    double *want = bed_memory(bed, ps_elements(y), sizeof *want);
    for (uint64_t i = 0; i < ps_elements(y); i++)
        want[i] = u[i] + scales[i / ps_frame_elements(y)] * ((double)v[i] - u[i]);
    bed_expect(bed, y, want, 4);
    if (n > 1) {
        struct ps_tensor last_scale = bed_blank(bed, PS_F32, 1, 1, 1, 1);
        ps_upload_floats(&bed->run, last_scale, scales + n - 1);
        bed_identical(
            bed, ps_frames(y, n - 1, 1),
            ps_guide(&bed->run, ps_frames(uncond, n - 1, 1), ps_frames(cond, n - 1, 1), last_scale));
    }
    bed_end(bed);
}

static void shapes(void **state)
{
    static const uint32_t channels[] = {1, 3, 4, 5, 16, 32, 96};
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < sizeof channels / sizeof *channels; i++)
            one_case(*state, type, BED_NORMAL, 1 + i % 5, 3, channels[i]);
}

static void fills(void **state)
{
    for (enum bed_fill fill = 0; fill < BED_FILLS; fill++)
        for (uint32_t c = 3; c <= 4; c++)
            one_case(*state, PS_F32, fill, 2, 3, c);
}

static void many_groups(void **state)
{
    for (uint32_t c = 3; c <= 4; c++)
        one_case(*state, PS_F32, BED_NORMAL, 3, 307, c);
}

static void rejects(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    const struct ps_tensor x = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 4);
    assert_true(ps_is_null(ps_guide(&bed->run, x, x, bed_tensor(bed, PS_F32, BED_NORMAL, 1, 1, 1, 3))));
    bed_end_failed(bed, "ops.shape");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes), cmocka_unit_test(fills),
                                       cmocka_unit_test(many_groups), cmocka_unit_test(rejects)};
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
