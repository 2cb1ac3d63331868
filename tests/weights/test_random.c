/* Parts that have whatever is asked for, and the random numbers in them. */
#include "weights/support.h"

#include "base/half.h"
#include "weights/bind.h"
#include "weights/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 6 rows and 20 columns at 9 positions are padded to 8 and 24. */
enum { ROWS = 6, COLUMNS = 20, PADDED_ROWS = 8, PADDED_COLUMNS = 24, TAPS = 9 };
enum { ELEMENTS = TAPS * PADDED_ROWS * PADDED_COLUMNS };

static void has_all_that_is_asked_for(void **state)
{
    (void)state;
    struct ps_part part;
    struct ps_binder binder;
    struct ps_weight_set set;
    struct ps_error error = {0};
    static const char *const names[3] = {"q", "k", "v"};
    ps_part_init_random(&part, "random");
    assert_int_equal(ps_binder_begin(&binder, &part, &error), PS_OK);
    ps_bind_enter(&binder, "block");
    const struct ps_layer conv = ps_bind_conv(&binder, 8, 4, 3, 3, true, "conv");
    const struct ps_layer qkv = ps_bind_qkv(&binder, 8, 8, false, names, "attention");
    const struct ps_layer gate = ps_bind_geglu(&binder, 4, 8, "gate");
    assert_true(ps_bind_scalar(&binder, "mix") == 0);
    ps_bind_unused(&binder, "rest");
    ps_bind_leave(&binder);
    assert_int_equal(ps_binder_finish(&binder, &set, &error), PS_OK);
    assert_int_equal(set.count, 5);
    assert_ptr_equal(conv.weight, &set.items[0]);
    assert_int_equal(conv.weight->taps, 9);
    assert_int_equal(conv.bias->columns, 8);
    assert_int_equal(qkv.weight->columns, 24);
    assert_null(qkv.bias);
    assert_true(gate.weight->interleave && gate.bias->interleave);
    assert_int_equal(ps_part_check_surplus(&part, &error), PS_OK);
    ps_weight_set_free(&set);
}

/* The packed weight as floats. */
static void fill(const struct ps_weight *weight, enum ps_type type, float *to)
{
    struct ps_part part;
    struct ps_error error = {0};
    static uint16_t halves[ELEMENTS];
    const uint64_t count = ps_elements(ps_packed_shape(weight, type));
    ps_part_init_random(&part, "random");
    assert_true(part.store.fill(&part.store, weight, type, type == PS_F32 ? (void *)to : halves, &error));
    for (uint64_t i = 0; i < count && type != PS_F32; i++)
        to[i] = type == PS_F16 ? ps_float_from_half(halves[i]) : ps_float_from_bf16(halves[i]);
}

static void numbers_keep_the_variance(void **state)
{
    (void)state;
    const struct ps_weight weight = {.pack = PS_PACK_MATRIX,
                                     .taps = TAPS,
                                     .rows = ROWS,
                                     .columns = COLUMNS,
                                     .source_count = 1,
                                     .index = 7};
    const struct ps_weight other = {.pack = PS_PACK_MATRIX,
                                    .taps = TAPS,
                                    .rows = ROWS,
                                    .columns = COLUMNS,
                                    .source_count = 1,
                                    .index = 8};
    static float values[ELEMENTS], again[ELEMENTS];
    double sum = 0, squares = 0;
    fill(&weight, PS_F32, values);
    for (uint32_t tap = 0; tap < TAPS; tap++)
        for (uint32_t row = 0; row < PADDED_ROWS; row++)
            for (uint32_t column = 0; column < PADDED_COLUMNS; column++) {
                const float value =
                    values[ps_packed_index(PADDED_ROWS / 4, PADDED_COLUMNS, tap, row, column)];
                if (row >= ROWS || column >= COLUMNS)
                    assert_true(value == 0);
                sum += value;
                squares += value * value;
            }
    const double count = TAPS * ROWS * COLUMNS;
    assert_true(fabs(sum / count) < 0.02);
    assert_true(fabs(squares / count * ROWS * TAPS - 1) < 0.1);
    fill(&weight, PS_F32, again);
    assert_memory_equal(values, again, sizeof values);
    fill(&other, PS_F32, again);
    assert_memory_not_equal(values, again, sizeof values);
    static struct {
        float scales[PADDED_COLUMNS];
        int8_t whole[ELEMENTS];
    } q8;
    struct ps_part part;
    struct ps_error error = {0};
    ps_part_init_random(&part, "random");
    assert_int_equal(ps_span_bytes(ps_packed_shape(&weight, PS_Q8)), sizeof q8);
    assert_true(part.store.fill(&part.store, &weight, PS_Q8, &q8, &error));
    for (uint32_t i = 0; i < ELEMENTS; i++)
        assert_true(fabsf(q8.scales[i / 4 % PADDED_COLUMNS] * q8.whole[i] - values[i]) <= q8.scales[0]);
    for (int type = PS_F16; type <= PS_BF16; type++) {
        fill(&weight, (enum ps_type)type, again);
        for (uint32_t i = 0; i < ELEMENTS; i++)
            assert_true(fabsf(again[i] - values[i]) <= fabsf(values[i]) * 0x1p-8f + 0x1p-24f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(has_all_that_is_asked_for),
                                       cmocka_unit_test(numbers_keep_the_variance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
