#include "kernels/bed.h"

#include <math.h>

/* One head's row by the formula. Rows of q, k, v begin q_row elements apart and so on; the head at the
 * pointers. */
static void attend(const float *q, const float *k, const float *v, uint32_t keys, size_t kv_row, uint32_t d,
                   double *y)
{
    double highest = -INFINITY, total = 0;
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t key = 0; key < keys; key++) {
            double score = 0;
            for (uint32_t i = 0; i < d; i++)
                score += (double)q[i] * (double)k[key * kv_row + i];
            score /= sqrt(d);
            if (!pass) {
                highest = fmax(highest, score);
                continue;
            }
            const double weight = exp(score - highest);
            total += weight;
            for (uint32_t i = 0; i < d; i++)
                y[i] += weight * (double)v[key * kv_row + i];
        }
    for (uint32_t i = 0; i < d; i++)
        y[i] /= total;
}

/* q [n, 1, queries, heads d] and k, v [n, 1, keys, heads d], or parts of a fused tensor with longer rows. */
static double *formula(struct bed *bed, const float *q, const float *k, const float *v, uint32_t n,
                       uint32_t queries, uint32_t keys, uint32_t heads, uint32_t d, size_t row)
{
    const size_t c = (size_t)heads * d;
    double *y = bed_memory(bed, n * queries * c, sizeof *y);
    for (uint32_t b = 0; b < n; b++)
        for (uint32_t query = 0; query < queries; query++)
            for (uint32_t head = 0; head < heads; head++)
                attend(q + (b * (size_t)queries + query) * row + head * d,
                       k + b * (size_t)keys * row + head * d, v + b * (size_t)keys * row + head * d, keys,
                       row, d, y + (b * (size_t)queries + query) * c + head * d);
    return y;
}

/* A score errs by u |score|, and its weight by as much relatively: scores of size s multiply the error by 1 +
 * s. */
static double condition_of(enum bed_fill q_fill, uint32_t d)
{
    return q_fill == BED_OFFSET ? 1 + 30 * sqrt(d) : 1 + 5;
}

static void check_general(struct bed *bed, enum ps_type type, uint32_t n, uint32_t queries, uint32_t keys,
                          uint32_t heads, uint32_t d, enum bed_fill q_fill, enum bed_fill v_fill)
{
    bed_begin(bed, type);
    bed->condition = condition_of(q_fill, d);
    const struct ps_tensor q = bed_tensor(bed, type, q_fill, n, 1, queries, heads * d);
    const struct ps_tensor k = bed_tensor(bed, type, BED_NORMAL, n, 1, keys, heads * d);
    const struct ps_tensor v = bed_tensor(bed, type, v_fill, n, 1, keys, heads * d);
    const struct ps_tensor y = ps_attention(&bed->run, q, k, v, heads);
    bed_expect(bed, y,
               formula(bed, bed_floats(bed, q), bed_floats(bed, k), bed_floats(bed, v), n, queries, keys,
                       heads, d, (size_t)heads * d),
               d + keys);
    if (bed->mismatches)
        print_message("n %u, %u queries, %u keys, %u heads of %u\n", n, queries, keys, heads, d);
    bed_end(bed);
}

static void head_sizes(void **state)
{
    const uint32_t sizes[] = {1, 2, 3, 4, 8, 10, 16, 40, 63, 64, 65, 80, 128, 200, 257, 512};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_general(*state, PS_F32, 1, 19, 45, 2, sizes[i], BED_NORMAL, BED_NORMAL);
        check_general(*state, PS_F16, 2, 9, 33, 1, sizes[i], BED_NORMAL, BED_NORMAL);
    }
}

static void token_counts(void **state)
{
    const uint32_t counts[][2] = {{1, 1},   {1, 2},   {7, 1},  {8, 8},     {9, 31},
                                  {64, 32}, {65, 33}, {3, 64}, {130, 100}, {2, 700}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        check_general(*state, PS_F32, 2, counts[i][0], counts[i][1], 2, 16, BED_NORMAL, BED_NORMAL);
        check_general(*state, PS_F16, 1, counts[i][0], counts[i][1], 3, 10, BED_NORMAL, BED_NORMAL);
        check_general(*state, PS_F16, 2, counts[i][0], counts[i][1], 3, 16, BED_NORMAL, BED_NORMAL);
    }
}

/* As many tokens as a frame of 576 x 1024 pixels has. */
static void many_keys(void **state)
{
    check_general(*state, PS_F32, 1, 5, 9216, 1, 8, BED_NORMAL, BED_NORMAL);
    check_general(*state, PS_F16, 1, 5, 9216, 1, 8, BED_NORMAL, BED_NORMAL);
}

static void adversarial_inputs(void **state)
{
    const enum bed_fill fills[] = {BED_ZERO, BED_ONE_HOT, BED_CONSTANT, BED_OFFSET};
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++)
        for (int type = PS_F32; type <= PS_F16; type++) {
            check_general(*state, (enum ps_type)type, 1, 20, 70, 2, 16, fills[i], BED_NORMAL);
            check_general(*state, (enum ps_type)type, 1, 20, 70, 2, 16, BED_NORMAL, fills[i]);
        }
    check_general(*state, PS_F32, 1, 20, 70, 2, 16, BED_NORMAL, BED_HUGE);
    check_general(*state, PS_F16, 1, 20, 70, 2, 16, BED_NORMAL, BED_HUGE);
}

/* Scores far apart: one key of a query stands out by more than exp can express, in the first and in the last
 * block. */
static void scores_far_apart(void **state)
{
    struct bed *bed = *state;
    for (uint32_t hot = 0; hot < 100; hot += 99) {
        bed_begin(bed, PS_F32);
        bed->condition = 1e3;
        float *keys = bed_memory(bed, 100 * 8, sizeof *keys);
        for (uint32_t i = 0; i < 8; i++)
            keys[hot * 8 + i] = 200;
        const struct ps_tensor q = bed_tensor(bed, PS_F32, BED_CONSTANT, 1, 1, 9, 8);
        const struct ps_tensor k = bed_blank(bed, PS_F32, 1, 1, 100, 8);
        ps_upload_floats(&bed->run, k, keys);
        const struct ps_tensor v = bed_tensor(bed, PS_F32, BED_NORMAL, 1, 1, 100, 8);
        const struct ps_tensor y = ps_attention(&bed->run, q, k, v, 1);
        const float *values = bed_floats(bed, v);
        double *want = bed_memory(bed, 9 * 8, sizeof *want);
        for (uint32_t i = 0; i < 9 * 8; i++)
            want[i] = (double)values[hot * 8 + i % 8];
        bed_expect(bed, y, want, 100);
        bed_end(bed);
    }
}

/* Self-attention over the fused tensor, along both axes, against the general form and the formula. */
static void self_attention(void **state)
{
    struct bed *bed = *state;
    const uint32_t shapes[][5] = {{2, 4, 5, 2, 16}, {3, 1, 1, 1, 8},  {25, 2, 3, 2, 8},
                                  {5, 3, 3, 3, 10}, {4, 2, 9, 1, 64}, {25, 1, 5, 3, 64}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int type = PS_F32; type <= PS_F16; type++) {
            const uint32_t n = shapes[i][0], h = shapes[i][1], w = shapes[i][2], heads = shapes[i][3],
                           d = shapes[i][4];
            const uint32_t c = heads * d, pixels = h * w;
            bed_begin(bed, (enum ps_type)type);
            bed->condition = condition_of(BED_NORMAL, d);
            const struct ps_tensor qkv = bed_tensor(bed, bed->type, BED_NORMAL, n, h, w, 3 * c);
            const float *x = bed_floats(bed, qkv);
            const struct ps_tensor space = ps_self_attention(&bed->run, qkv, heads, PS_SPACE);
            bed_expect(bed, space,
                       formula(bed, x, x + c, x + 2 * c, n, pixels, pixels, heads, d, 3 * (size_t)c),
                       pixels + d);

            /* Along time: the same with frames and pixels exchanged. */
            float *turned = bed_memory(bed, ps_elements(qkv), sizeof *turned);
            for (uint32_t f = 0; f < n; f++)
                for (uint32_t p = 0; p < pixels; p++)
                    for (uint32_t e = 0; e < 3 * c; e++)
                        turned[((size_t)p * n + f) * 3 * c + e] = x[((size_t)f * pixels + p) * 3 * c + e];
            const double *by_pixel =
                formula(bed, turned, turned + c, turned + 2 * c, pixels, n, n, heads, d, 3 * (size_t)c);
            double *want = bed_memory(bed, (size_t)n * pixels * c, sizeof *want);
            for (uint32_t f = 0; f < n; f++)
                for (uint32_t p = 0; p < pixels; p++)
                    for (uint32_t e = 0; e < c; e++)
                        want[((size_t)f * pixels + p) * c + e] = by_pixel[((size_t)p * n + f) * c + e];
            bed_expect(bed, ps_self_attention(&bed->run, qkv, heads, PS_TIME), want, n + d);
            bed_end(bed);
        }
}

/* Frames of spatial attention one by one, and a query alone among few and among many. */
static void chunks_change_nothing(void **state)
{
    struct bed *bed = *state;
    for (int type = PS_F32; type <= PS_F16; type++) {
        bed_begin(bed, (enum ps_type)type);
        const struct ps_tensor qkv = bed_tensor(bed, bed->type, BED_NORMAL, 3, 5, 7, 3 * 24);
        const struct ps_tensor whole = ps_self_attention(&bed->run, qkv, 3, PS_SPACE);
        for (uint32_t frame = 0; frame < 3; frame++)
            bed_identical(bed, ps_frames(whole, frame, 1),
                          ps_self_attention(&bed->run, ps_frames(qkv, frame, 1), 3, PS_SPACE));
        const struct ps_tensor q = bed_tensor(bed, bed->type, BED_NORMAL, 1, 1, 21, 80);
        const struct ps_tensor k = bed_tensor(bed, bed->type, BED_NORMAL, 1, 1, 50, 80);
        const struct ps_tensor v = bed_tensor(bed, bed->type, BED_NORMAL, 1, 1, 50, 80);
        const struct ps_tensor all = ps_attention(&bed->run, q, k, v, 1);
        const struct ps_tensor last = ps_reshape(q, 21, 1, 1, 80);
        bed_identical(bed, ps_frames(ps_reshape(all, 21, 1, 1, 80), 20, 1),
                      ps_attention(&bed->run, ps_frames(last, 20, 1), k, v, 1));
        bed_end(bed);
    }
}

/* Variants pass scores between the lanes of a subgroup and between subgroups: whoever comes first, the bits are the same. */
static void again_the_same(void **state)
{
    struct bed *bed = *state;
    for (uint32_t d = 64; d <= 512; d *= 8) {
        bed_begin(bed, PS_F16);
        bed->condition = condition_of(BED_NORMAL, d);
        const struct ps_tensor qkv = bed_tensor(bed, bed->type, BED_NORMAL, 2, 7, 11, 3 * d);
        const struct ps_tensor once = ps_self_attention(&bed->run, qkv, 1, PS_SPACE);
        for (int i = 0; i < 3; i++)
            bed_identical(bed, once, ps_self_attention(&bed->run, qkv, 1, PS_SPACE));
        bed_end(bed);
    }
}

static void misuse_is_refused(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    const struct ps_tensor qkv = bed_tensor(bed, PS_F32, BED_NORMAL, 1, 2, 2, 24);
    assert_true(ps_is_null(ps_self_attention(&bed->run, qkv, 3, PS_SPACE)));
    bed_end_failed(bed, "attention.heads");
    bed_begin(bed, PS_F32);
    const struct ps_tensor q = bed_tensor(bed, PS_F32, BED_NORMAL, 1, 1, 4, 8);
    const struct ps_tensor k = bed_tensor(bed, PS_F32, BED_NORMAL, 1, 1, 5, 16);
    assert_true(ps_is_null(ps_attention(&bed->run, q, k, k, 1)));
    bed_end_failed(bed, "attention.input");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_sizes),
        cmocka_unit_test(token_counts),
        cmocka_unit_test(many_keys),
        cmocka_unit_test(adversarial_inputs),
        cmocka_unit_test(scores_far_apart),
        cmocka_unit_test(self_attention),
        cmocka_unit_test(chunks_change_nothing),
        cmocka_unit_test(again_the_same),
        cmocka_unit_test(misuse_is_refused),
    };
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
