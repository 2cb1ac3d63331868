#include "kernels/bed.h"

static void one_case(struct bed *bed, enum ps_type type, enum bed_fill fill, uint32_t n, uint32_t h,
                     uint32_t c_p, uint32_t c_q)
{
    bed_begin(bed, type);
    const struct ps_tensor p = bed_tensor(bed, type, fill, n, h, 5, c_p);
    const struct ps_tensor q = bed_tensor(bed, type, BED_NORMAL, n, h, 5, c_q);
    const struct ps_tensor y = ps_concat(&bed->run, p, q);
    assert_int_equal(y.c, c_p + c_q);
    const float *from_p = bed_floats(bed, p), *from_q = bed_floats(bed, q), *got = bed_floats(bed, y);
    for (uint64_t row = 0; row < ps_rows(y); row++) {
        assert_memory_equal(got + row * y.c, from_p + row * c_p, c_p * sizeof *got);
        assert_memory_equal(got + row * y.c + c_p, from_q + row * c_q, c_q * sizeof *got);
    }
    if (n > 1) {
        const struct ps_tensor last = ps_concat(&bed->run, ps_frames(p, n - 1, 1), ps_frames(q, n - 1, 1));
        bed_identical(bed, ps_frames(y, n - 1, 1), last);
    }
    bed_end(bed);
}

static void shapes(void **state)
{
    static const uint32_t channels[] = {1, 3, 4, 5, 32, 96, 320};
    for (uint32_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (uint32_t j = 0; j < sizeof channels / sizeof *channels; j++)
            one_case(*state, (i + j) % 2 ? PS_F16 : PS_F32, BED_NORMAL, 1 + (i + j) % 5, 3, channels[i],
                     channels[j]);
}

static void fills(void **state)
{
    for (enum bed_fill fill = 0; fill < BED_FILLS; fill++)
        for (enum ps_type type = PS_F32; type <= PS_F16; type++) {
            one_case(*state, type, fill, 2, 3, 8, 12);
            one_case(*state, type, fill, 2, 3, 7, 8);
        }
}

/* Long enough for several work groups. */
static void many_groups(void **state)
{
    for (enum ps_type type = PS_F32; type <= PS_F16; type++) {
        one_case(*state, type, BED_NORMAL, 3, 131, 4, 12);
        one_case(*state, type, BED_NORMAL, 3, 131, 3, 4);
    }
}

static void rejects(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    const struct ps_tensor p = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 4);
    const struct ps_tensor q = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 4, 4);
    assert_true(ps_is_null(ps_concat(&bed->run, p, q)));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    const struct ps_tensor whole = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 4);
    const struct ps_tensor slab = ps_slab(whole, 0, 2);
    assert_true(ps_is_null(ps_concat(&bed->run, slab, slab)));
    bed_end_failed(bed, "ops.shape");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes), cmocka_unit_test(fills),
                                       cmocka_unit_test(many_groups), cmocka_unit_test(rejects)};
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
