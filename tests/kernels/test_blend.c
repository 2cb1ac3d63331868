#include "kernels/bed.h"

#include <math.h>

static const uint32_t channels[] = {1, 3, 4, 5, 32, 96, 320};
#define CHANNELS (sizeof channels / sizeof *channels)

static double act(enum ps_act act, double x)
{
    return act == PS_SILU ? x / (1 + exp(-x)) : x;
}

/* Asserts that the dense y is what `blend` says, its terms being dense too. */
static void expect(struct bed *bed, const struct ps_blend *blend, struct ps_tensor y)
{
    const float *p = ps_is_null(blend->p) ? NULL : bed_floats(bed, blend->p);
    const float *q = ps_is_null(blend->q) ? NULL : bed_floats(bed, blend->q);
    const float *vector = ps_is_null(blend->vector) ? NULL : bed_floats(bed, blend->vector);
    double *want = bed_memory(bed, ps_elements(y), sizeof *want);
    for (uint64_t i = 0; i < ps_elements(y); i++) {
        if (p)
            want[i] += (double)blend->a * p[i];
        if (q)
            want[i] += (double)blend->b * q[i];
        if (vector)
            want[i] += vector[(blend->vector.n > 1 ? i / ps_frame_elements(y) * y.c : 0) + i % y.c];
        want[i] = act(blend->act, want[i]);
    }
    bed_expect(bed, y, want, 4);
}

/* The terms of one case: 1 is p, 2 is q, 4 a vector for all, 8 a vector a frame. */
static void one_case(struct bed *bed, enum ps_type type, enum bed_fill fill, uint32_t n, uint32_t c,
                     uint32_t terms, enum ps_act what)
{
    bed_begin(bed, type);
    struct ps_blend blend = {.a = 0.75f, .b = -1.5f, .act = what};
    if (terms & 1)
        blend.p = bed_tensor(bed, type, fill, n, 3, 5, c);
    if (terms & 2)
        blend.q = bed_tensor(bed, type, BED_NORMAL, n, 3, 5, c);
    if (terms & 12)
        blend.vector = bed_tensor(bed, type, BED_NORMAL, terms & 4 ? 1 : n, 1, 1, c);
    if (!(terms & 3))
        blend.into = bed_blank(bed, type, n, 3, 5, c);
    expect(bed, &blend, ps_blend(&bed->run, &blend));
    bed_end(bed);
}

static void shapes(void **state)
{
    for (uint32_t i = 0; i < CHANNELS; i++)
        for (uint32_t n = 1; n <= 5; n += n == 1 ? 1 : 3)
            for (enum ps_type type = PS_F32; type <= PS_F16; type++)
                one_case(*state, type, BED_NORMAL, n, channels[i], 7, PS_NONE);
}

static void terms(void **state)
{
    for (uint32_t set = 1; set < 12; set++)
        for (enum ps_type type = PS_F32; type <= PS_F16; type++) {
            one_case(*state, type, BED_NORMAL, 2, 12, set, PS_NONE);
            one_case(*state, type, BED_NORMAL, 2, 5, set, PS_SILU);
        }
}

static void fills(void **state)
{
    for (enum bed_fill fill = 0; fill < BED_FILLS; fill++)
        for (enum ps_type type = PS_F32; type <= PS_F16; type++) {
            one_case(*state, type, fill, 2, 32, 1, PS_SILU);
            one_case(*state, type, fill, 2, 7, 3, PS_NONE);
        }
}

/* Long enough for several work groups in a frame. */
static void many_groups(void **state)
{
    struct bed *bed = *state;
    for (uint32_t c = 7; c <= 8; c++) {
        bed_begin(bed, PS_F32);
        const struct ps_blend blend = {.a = 2,
                                       .p = bed_tensor(bed, PS_F32, BED_NORMAL, 3, 37, 41, c),
                                       .vector = bed_tensor(bed, PS_F32, BED_NORMAL, 3, 1, 1, c)};
        expect(bed, &blend, ps_blend(&bed->run, &blend));
        bed_end(bed);
    }
}

/* y = a y + b q, written over itself. */
static void in_place(void **state)
{
    struct bed *bed = *state;
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t c = 3; c <= 4; c++) {
            bed_begin(bed, type);
            struct ps_tensor p = bed_tensor(bed, type, BED_NORMAL, 3, 5, 7, c);
            struct ps_blend blend = {.a = 0.3f, .b = 0.7f, .p = p};
            blend.q = bed_tensor(bed, type, BED_NORMAL, 3, 5, 7, c);
            const struct ps_tensor apart = ps_blend(&bed->run, &blend);
            blend.into = p;
            assert_int_equal(ps_blend(&bed->run, &blend).offset, p.offset);
            bed_identical(bed, p, apart);
            blend.into = blend.p = (struct ps_tensor){0};
            expect(bed, &blend, ps_blend(&bed->run, &blend));
            bed_end(bed);
        }
}

/* Slabs of rows and chunks of frames give the bits of the whole. */
static void pieces(void **state)
{
    struct bed *bed = *state;
    for (enum ps_type type = PS_F32; type <= PS_F16; type++)
        for (uint32_t i = 0; i < CHANNELS; i++) {
            bed_begin(bed, type);
            struct ps_blend blend = {.a = 0.3f, .b = -0.7f, .act = PS_SILU};
            const struct ps_tensor p = blend.p = bed_tensor(bed, type, BED_NORMAL, 4, 5, 3, channels[i]);
            const struct ps_tensor q = blend.q = bed_tensor(bed, type, BED_NORMAL, 4, 5, 3, channels[i]);
            const struct ps_tensor vector = blend.vector =
                bed_tensor(bed, type, BED_NORMAL, 4, 1, 1, channels[i]);
            const struct ps_tensor whole = ps_blend(&bed->run, &blend);

            const struct ps_tensor slabs = bed_blank(bed, type, 4, 5, 3, channels[i]);
            for (uint32_t row = 0; row < 5; row += 2) {
                const uint32_t rows = row < 4 ? 2 : 1;
                blend.p = ps_slab(p, row, rows), blend.q = ps_slab(q, row, rows);
                blend.into = ps_slab(slabs, row, rows);
                ps_blend(&bed->run, &blend);
            }
            bed_identical(bed, slabs, whole);

            const struct ps_tensor chunks = bed_blank(bed, type, 4, 5, 3, channels[i]);
            for (uint32_t first = 0; first < 4; first += 3) {
                const uint32_t count = first ? 1 : 3;
                blend.p = ps_frames(p, first, count), blend.q = ps_frames(q, first, count);
                blend.vector = ps_frames(vector, first, count);
                blend.into = ps_frames(chunks, first, count);
                ps_blend(&bed->run, &blend);
            }
            bed_identical(bed, chunks, whole);
            bed_end(bed);
        }
}

static void rejects(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    struct ps_blend blend = {.a = 1, .b = 1};
    blend.p = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 3, 4);
    blend.q = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 3, 4, 3);
    assert_true(ps_is_null(ps_blend(&bed->run, &blend)));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    blend.p = bed_tensor(bed, PS_F32, BED_NORMAL, 3, 3, 3, 4);
    blend.q = (struct ps_tensor){0};
    blend.vector = bed_tensor(bed, PS_F32, BED_NORMAL, 2, 1, 1, 4);
    assert_true(ps_is_null(ps_blend(&bed->run, &blend)));
    bed_end_failed(bed, "ops.shape");
    bed_begin(bed, PS_F32);
    blend.p = bed_tensor(bed, PS_F32, BED_NORMAL, 3, 3, 3, 4);
    blend.vector = (struct ps_tensor){0};
    blend.act = PS_GELU;
    assert_true(ps_is_null(ps_blend(&bed->run, &blend)));
    bed_end_failed(bed, "ops.act");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes),   cmocka_unit_test(terms),
                                       cmocka_unit_test(fills),    cmocka_unit_test(many_groups),
                                       cmocka_unit_test(in_place), cmocka_unit_test(pieces),
                                       cmocka_unit_test(rejects)};
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
