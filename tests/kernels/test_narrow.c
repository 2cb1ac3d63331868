#include "kernels/bed.h"

static void one_case(struct bed *bed, enum ps_type type, enum bed_fill fill, uint32_t n, uint32_t h,
                     uint32_t c, float scale)
{
    bed_begin(bed, type);
    const struct ps_tensor x = bed_tensor(bed, PS_F32, fill, n, h, 5, c);
    const struct ps_tensor y = ps_narrow(&bed->run, x, scale);
    assert_int_equal(y.type, bed->run.type);
    const float *from = bed_floats(bed, x);
    double *want = bed_memory(bed, ps_elements(x), sizeof *want);
    for (uint64_t i = 0; i < ps_elements(x); i++)
        want[i] = (double)scale * from[i];
    bed_expect(bed, y, want, 1);
    if (n > 1)
        bed_identical(bed, ps_frames(y, 1, n - 1), ps_narrow(&bed->run, ps_frames(x, 1, n - 1), scale));
    bed_end(bed);
}

static void shapes(void **state)
{
    static const uint32_t channels[] = {1, 3, 4, 5, 32, 96, 320};
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < sizeof channels / sizeof *channels; i++)
            one_case(*state, type, BED_NORMAL, 1 + i % 5, 3, channels[i], 0.18215f);
}

static void fills(void **state)
{
    for (enum bed_fill fill = 0; fill < BED_FILLS; fill++)
        for (enum ps_type type = PS_F32; type <= PS_F16; type++)
            for (uint32_t c = 3; c <= 4; c++)
                one_case(*state, type, fill, 2, 3, c, 1);
}

/* Long enough for several work groups; results in the denormal range of f16. */
static void many_groups(void **state)
{
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t c = 3; c <= 4; c++)
            one_case(*state, type, BED_NORMAL, 2, 307, c, 1e-6f);
}

static void rejects(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F16);
    const struct ps_tensor x = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 4);
    assert_true(ps_is_null(ps_narrow(&bed->run, ps_slab(x, 0, 1), 1)));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F16);
    assert_true(ps_is_null(ps_narrow(&bed->run, bed_tensor(bed, PS_F16, BED_NORMAL, 2, 3, 3, 4), 1)));
    bed_end_failed(bed, "launch.operands");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes), cmocka_unit_test(fills),
                                       cmocka_unit_test(many_groups), cmocka_unit_test(rejects)};
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
