#include "kernels/bed.h"

#include <math.h>

static void one_case(struct bed *bed, enum ps_type type, uint32_t n, uint32_t in_h, uint32_t in_w,
                     uint32_t out_h, uint32_t out_w, uint32_t c)
{
    bed_begin(bed, type);
    const struct ps_tensor x = bed_tensor(bed, type, BED_NORMAL, n, in_h, in_w, c);
    const struct ps_tensor y = ps_resize(&bed->run, x, out_h, out_w);
    const float *from = bed_floats(bed, x), *got = bed_floats(bed, y);
    for (uint32_t f = 0; f < n; f++)
        for (uint32_t oy = 0; oy < out_h; oy++)
            for (uint32_t ox = 0; ox < out_w; ox++) {
                /* PyTorch's formula, in float as it has it. */
                const float step_y = (float)in_h / (float)out_h, step_x = (float)in_w / (float)out_w;
                const uint32_t iy = (uint32_t)floorf((float)oy * step_y),
                               ix = (uint32_t)floorf((float)ox * step_x);
                assert_memory_equal(got + ((size_t)(f * out_h + oy) * out_w + ox) * c,
                                    from + ((size_t)(f * in_h + iy) * in_w + ix) * c, c * sizeof *got);
            }
    if (n > 1)
        bed_identical(bed, ps_frames(y, 1, n - 1),
                      ps_resize(&bed->run, ps_frames(x, 1, n - 1), out_h, out_w));
    bed_end(bed);
}

static void shapes(void **state)
{
    static const uint32_t channels[] = {1, 3, 4, 5, 32, 96, 320};
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < sizeof channels / sizeof *channels; i++)
            one_case(*state, type, 1 + i % 3, 3, 5, 6, 10, channels[i]);
}

/* Targets that are not twice their source (levels of odd sizes), the size itself, and smaller ones; more rows
 * than a work group takes. The factors are those for which PyTorch's float formula is exact or far from a
 * whole number. */
static void sizes(void **state)
{
    static const uint32_t cases[][4] = {{9, 16, 18, 32}, {5, 9, 9, 17}, {2, 3, 3, 5}, {7, 5, 7, 5},
                                        {1, 1, 3, 2},    {8, 6, 4, 3},  {5, 7, 1, 1}, {19, 33, 37, 65}};
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++)
            for (uint32_t c = 4; c <= 5; c++)
                one_case(*state, type, 2, cases[i][0], cases[i][1], cases[i][2], cases[i][3], c);
}

static void fills(void **state)
{
    struct bed *bed = *state;
    for (enum bed_fill fill = 0; fill < BED_FILLS; fill++) {
        bed_begin(bed, PS_F16);
        const struct ps_tensor x = bed_tensor(bed, PS_F16, fill, 1, 3, 3, 8);
        bed_identical(bed, ps_resize(&bed->run, x, 3, 3), x);
        ps_resize(&bed->run, x, 5, 6);
        bed_end(bed);
    }
}

static void rejects(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    const struct ps_tensor x = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 4);
    assert_true(ps_is_null(ps_resize(&bed->run, x, 0, 6)));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    const struct ps_tensor whole = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 4);
    assert_true(ps_is_null(ps_resize(&bed->run, ps_slab(whole, 0, 2), 4, 6)));
    bed_end_failed(bed, "ops.shape");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes), cmocka_unit_test(sizes),
                                       cmocka_unit_test(fills), cmocka_unit_test(rejects)};
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
