/* Conversion and packing against a naive formula, element by element, guard bands around every result. */
#include "weights/support.h"

#include "base/half.h"
#include "run/weight.h"
#include "weights/bind.h"
#include "weights/convert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 64

static uint64_t random_state;

static uint32_t next_random(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

/* ---- conversion
 * -------------------------------------------------------------------------------------------------- */

static bool is_finite_half(uint16_t bits)
{
    return (bits & 0x7c00) != 0x7c00;
}

static void test_convert_halves(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const uint16_t half = (uint16_t)bits;
        uint32_t wide = 0;
        struct ps_convert_faults faults = ps_convert(PS_STORED_F16, &half, PS_F32, &wide, 1);
        assert_int_equal(faults.not_finite, !is_finite_half(half));
        assert_int_equal(ps_convert_check(PS_STORED_F16, &half, 1).not_finite, !is_finite_half(half));
        if (is_finite_half(half))
            assert_int_equal(wide, ps_bits_from_float(ps_float_from_half(half)));

        const float value = ps_float_from_bf16(half);
        uint16_t narrow = 0;
        faults = ps_convert(PS_STORED_BF16, &half, PS_F32, &wide, 1);
        assert_int_equal(faults.not_finite, !isfinite(value));
        assert_int_equal(ps_convert_check(PS_STORED_BF16, &half, 1).not_finite, !isfinite(value));
        assert_int_equal(wide, bits << 16);
        faults = ps_convert(PS_STORED_BF16, &half, PS_F16, &narrow, 1);
        assert_int_equal(faults.not_finite, !isfinite(value));
        assert_int_equal(faults.too_large, isfinite(value) && fabsf(value) >= 65520.0f);
        if (isfinite(value) && !faults.too_large)
            assert_int_equal(narrow, ps_half_from_float(value));
    }
}

static void test_convert_floats(void **state)
{
    (void)state;
    static const uint32_t lows[] = {0, 1, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x3000, 0x7fff, 0xffff};
    for (uint32_t high = 0; high < 65536; high++) {
        for (size_t i = 0; i < sizeof lows / sizeof *lows; i++) {
            const uint32_t bits = high << 16 | lows[i];
            const float value = ps_float_from_bits(bits);
            uint16_t narrow = 0;
            const struct ps_convert_faults faults = ps_convert(PS_STORED_F32, &bits, PS_F16, &narrow, 1);
            assert_int_equal(faults.not_finite, !isfinite(value));
            assert_int_equal(faults.too_large, isfinite(value) && fabsf(value) >= 65520.0f);
            if (isfinite(value) && !faults.too_large)
                assert_int_equal(narrow, ps_half_from_float(value));
        }
    }
}

/* ---- arrays
 * ------------------------------------------------------------------------------------------------------ */

static const enum ps_stored stored_types[] = {PS_STORED_F32, PS_STORED_F16, PS_STORED_BF16};

/* A value that is one in all three types, or exercises rounding: small, subnormal as float16, exact. */
static float random_value(void)
{
    const uint32_t r = next_random();
    switch (r % 8) {
    case 0:
        return 0.0f;
    case 1:
        return ldexpf((float)(int32_t)next_random(), -50);
    case 2:
        return r & 8 ? 65504.0f : -65504.0f;
    default:
        return ldexpf((float)(int32_t)next_random(), -30 - (int)(r >> 8 & 7));
    }
}

static void *random_array(enum ps_stored type, size_t count)
{
    uint8_t *bytes = malloc(count * 4);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        const float value = random_value();
        const uint16_t half =
            type == PS_STORED_F16 ? ps_half_from_float(value) : (uint16_t)(ps_bits_from_float(value) >> 16);
        if (type == PS_STORED_F32)
            memcpy(bytes + 4 * i, &value, 4);
        else
            memcpy(bytes + 2 * i, &half, 2);
    }
    return bytes;
}

/* The nearer of the two bfloat16 around a finite value, the even one of two as near. */
static uint32_t naive_bf16(float value)
{
    const uint16_t below = (uint16_t)(ps_bits_from_float(value) >> 16), above = (uint16_t)(below + 1);
    const double down = fabs((double)value - (double)ps_float_from_bf16(below));
    const double up = fabs((double)value - (double)ps_float_from_bf16(above));
    return down < up || (down == up && below % 2 == 0) ? below : above;
}

static uint32_t expected_bits(enum ps_stored stored, const void *data, uint64_t index, enum ps_type type)
{
    const float value = (float)ps_stored_value(stored, data, index);
    if (type == PS_BF16)
        return naive_bf16(value);
    return type == PS_F16 ? ps_half_from_float(value) : ps_bits_from_float(value);
}

static uint32_t bits_at(const uint8_t *packed, uint64_t index, enum ps_type type)
{
    uint32_t bits = 0;
    memcpy(&bits, packed + index * ps_type_bytes(type), ps_type_bytes(type));
    return bits;
}

/* Fills the weight between guard bands; to be freed. */
static uint8_t *fill_guarded(const struct ps_part *part, const struct ps_weight *weight, enum ps_type type,
                             uint64_t *bytes)
{
    *bytes = ps_span_bytes(ps_packed_shape(weight, type));
    uint8_t *memory = malloc(*bytes + 2 * GUARD);
    assert_non_null(memory);
    memset(memory, 0xa5, *bytes + 2 * GUARD);
    struct ps_error error = {0};
    if (!part->store.fill(&part->store, weight, type, memory + GUARD, &error))
        fail_msg("%s: %s", error.id, error.message);
    for (size_t i = 0; i < GUARD; i++)
        assert_true(memory[i] == 0xa5 && memory[GUARD + *bytes + i] == 0xa5);
    return memory;
}

/* ---- matrices
 * ---------------------------------------------------------------------------------------------------- */

/* What a matrix is made of: `sources` tensors of [columns, rows, taps], of which `taken` columns each are
 * used, and of these the rows [first, first + used), all where `used` is 0. */
struct matrix {
    uint32_t columns, rows, taps, sources, taken;
    bool interleave, transposed;
    uint32_t first, used;
};

/* The file's index of one element of the packed matrix, in *source. */
static uint64_t naive_index(const struct matrix *m, uint32_t tap, uint32_t row, uint32_t column,
                            uint32_t *source)
{
    *source = column / m->taken;
    column %= m->taken;
    row += m->first;
    if (m->interleave)
        column = column / 2 + column % 2 * (m->columns / 2);
    if (m->transposed)
        return (uint64_t)row * m->columns + column;
    return ((uint64_t)column * m->rows + row) * m->taps + tap;
}

/* A matrix, its sources filled with random numbers, and what it is packed to. */
struct packed {
    struct ps_part part;
    void *data[3];
    struct ps_weight weight;
    uint32_t quads, padded;
    uint8_t *memory;
    const uint8_t *elements; /* behind the scales of PS_Q8 */
};

static void pack(struct packed *packed, const struct matrix *m, enum ps_stored stored, enum ps_type type)
{
    struct ps_error error = {0};
    const uint64_t shape[3] = {m->columns, m->rows, m->taps};
    uint64_t bytes;
    *packed = (struct packed){0};
    ps_part_init(&packed->part, "test");
    for (uint32_t i = 0; i < m->sources; i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        packed->data[i] = random_array(stored, (size_t)m->columns * m->rows * m->taps);
        struct ps_entry *entry = ps_part_add_array(&packed->part, name, stored, m->transposed ? 2 : 3, shape,
                                                   packed->data[i], &error);
        assert_non_null(entry);
        entry->transposed = m->transposed;
    }
    assert_int_equal(ps_part_seal(&packed->part, &error), PS_OK);
    packed->weight = (struct ps_weight){.pack = PS_PACK_MATRIX,
                                        .taps = m->taps,
                                        .rows = m->used ? m->used : m->rows,
                                        .first_row = m->first,
                                        .source_rows = m->used ? m->rows : 0,
                                        .columns = m->taken * m->sources,
                                        .interleave = m->interleave,
                                        .source_count = m->sources,
                                        .sources = {0, 1, 2}};
    packed->quads = (packed->weight.rows + 3) / 4;
    packed->padded = (packed->weight.columns + 7) / 8 * 8;
    packed->memory = fill_guarded(&packed->part, &packed->weight, type, &bytes);
    const uint64_t scales = type == PS_Q8 ? packed->padded * 4 : 0;
    assert_int_equal(bytes,
                     (uint64_t)m->taps * packed->quads * packed->padded * 4 * ps_type_bytes(type) + scales);
    packed->elements = packed->memory + GUARD + scales;
}

static void discard(struct packed *packed)
{
    free(packed->memory);
    ps_part_clear(&packed->part);
    for (uint32_t i = 0; i < packed->weight.source_count; i++)
        free(packed->data[i]);
}

static void check_matrix(const struct matrix *m, enum ps_stored stored, enum ps_type type)
{
    struct packed packed;
    pack(&packed, m, stored, type);
    for (uint32_t tap = 0; tap < m->taps; tap++) {
        for (uint32_t row = 0; row < packed.quads * 4; row++) {
            for (uint32_t column = 0; column < packed.padded; column++) {
                const uint64_t at = ps_packed_index(packed.quads, packed.padded, tap, row, column);
                const uint32_t found = bits_at(packed.elements, at, type);
                uint32_t expected = 0, source;
                if (row < packed.weight.rows && column < packed.weight.columns) {
                    const uint64_t index = naive_index(m, tap, row, column, &source);
                    expected = expected_bits(stored, packed.data[source], index, type);
                }
                if (found != expected)
                    fail_msg("[%u, %u, %u] %s -> %d: tap %u row %u column %u: %08x, expected %08x",
                             m->columns, m->rows, m->taps, ps_stored_name(stored), type, tap, row, column,
                             found, expected);
            }
        }
    }
    discard(&packed);
}

/* The same in whole numbers: each is the nearest to 127 times the value by the largest of its column, whose 127th is the
 * scale; padding is zero. Random values reach 65504, so that a column is not of zeros by rounding alone. */
static void check_whole(const struct matrix *m, enum ps_stored stored)
{
    struct packed packed;
    pack(&packed, m, stored, PS_Q8);
    const int8_t *whole = (const int8_t *)packed.elements;
    for (uint32_t column = 0; column < packed.padded; column++) {
        double most = 0;
        float scale;
        memcpy(&scale, packed.memory + GUARD + column * 4, 4);
        uint32_t source;
        for (int pass = 0; pass < 2; pass++)
            for (uint32_t tap = 0; tap < m->taps; tap++)
                for (uint32_t row = 0; row < packed.quads * 4; row++) {
                    const bool is_there = row < packed.weight.rows && column < packed.weight.columns;
                    const uint64_t index = is_there ? naive_index(m, tap, row, column, &source) : 0;
                    const double value = is_there ? ps_stored_value(stored, packed.data[source], index) : 0;
                    const int element = whole[ps_packed_index(packed.quads, packed.padded, tap, row, column)];
                    most = fmax(most, fabs(value));
                    if (pass == 0)
                        continue;
                    assert_true(fabs((double)scale - most / 127) <= most * 0x1p-30);
                    assert_true(most > 0 ? fabs(127 * value / most - element) <= 0.5001 : !element);
                    assert_true(fabs((double)scale * element - value) <= (double)scale * 0.5001);
                }
    }
    discard(&packed);
}

static void test_matrices(void **state)
{
    (void)state;
    static const struct matrix matrices[] = {
        {1, 1, 1, 1, 1, false, false, 0, 0},
        {8, 4, 1, 1, 8, false, false, 0, 0},
        {5, 7, 1, 1, 5, false, false, 0, 0},
        {130, 301, 1, 1, 130, false, false, 0, 0},
        {9, 3, 9, 1, 9, false, false, 0, 0},
        {70, 13, 9, 1, 70, false, false, 0, 0},
        {64, 32, 9, 1, 64, false, false, 0, 0},
        {3, 5, 3, 1, 3, false, false, 0, 0},
        {16, 3, 196, 1, 16, false, false, 0, 0},
        /* GEGLU */
        {10, 7, 1, 1, 10, true, false, 0, 0},
        {160, 40, 1, 1, 160, true, false, 0, 0},
        {2, 1, 1, 1, 2, true, false, 0, 0},
        /* query, key, value */
        {12, 20, 1, 3, 12, false, false, 0, 0},
        {64, 64, 1, 3, 64, false, false, 0, 0},
        {5, 6, 1, 3, 5, false, false, 0, 0},
        /* the first output channels */
        {8, 8, 1, 1, 4, false, false, 0, 0},
        {10, 3, 1, 1, 5, false, false, 0, 0},
        /* stored the other way round */
        {13, 22, 1, 1, 13, false, true, 0, 0},
        {48, 160, 1, 1, 48, false, true, 0, 0},
        {140000, 2, 1, 1, 140000, false, true, 0, 0},
        /* rows that a piece holds few of, one of, and none of */
        {4, 60000, 1, 1, 4, false, false, 0, 0},
        {2, 200000, 1, 1, 2, true, false, 0, 0},
        {1, 300001, 1, 1, 1, false, false, 0, 0},
        {2, 265001, 1, 1, 2, true, false, 0, 0},
        {1, 40001, 9, 1, 1, false, false, 0, 0},
        /* some of the input channels */
        {130, 301, 1, 1, 130, false, false, 0, 200},
        {130, 301, 1, 1, 130, false, false, 200, 101},
        {5, 7, 1, 1, 5, false, false, 2, 5},
        {6, 12, 9, 1, 6, false, false, 4, 7},
        {48, 160, 1, 1, 48, false, true, 96, 64},
        {1, 600001, 1, 1, 1, false, false, 100003, 400001},
    };
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        for (size_t k = 0; k < 3; k++) {
            check_matrix(&matrices[i], stored_types[k], PS_F32);
            check_matrix(&matrices[i], stored_types[k], PS_F16);
            check_matrix(&matrices[i], stored_types[k], PS_BF16);
            check_whole(&matrices[i], stored_types[k]);
        }
    }
}

/* The four taps of a phase, sums of the nine taps at `first`. */
static void sums_of_phase(enum ps_stored stored, const void *values, size_t first, uint32_t phase,
                          float sums[4])
{
    memset(sums, 0, 4 * sizeof *sums);
    for (uint32_t tap = 0; tap < 9; tap++) {
        /* The enlarged picture's pixel under the tap, from the phase's own, and its source's place. */
        const int32_t y = (int32_t)(phase / 2 + tap / 3) - 1, x = (int32_t)(phase % 2 + tap % 3) - 1;
        const int32_t from_y = (y + 2) / 2 - (int32_t)(phase / 2),
                      from_x = (x + 2) / 2 - (int32_t)(phase % 2);
        sums[from_y * 2 + from_x] += (float)ps_stored_value(stored, values, first + tap);
    }
}

/* The phases of a 3x3 kernel: what each of the 2x2 kernels gives for an enlarged picture is what the kernel gives. In whole
 * numbers a sum is within half of the column's scale, a 127th of its largest sum. */
static void check_phases(uint32_t columns, uint32_t rows, enum ps_stored stored, enum ps_type type)
{
    struct ps_part part;
    ps_part_init(&part, "test");
    struct ps_error error = {0};
    float *values = malloc((size_t)columns * rows * 9 * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < (size_t)columns * rows * 9; i++)
        values[i] = (float)(next_random() % 1024) / 512.0f - 1; /* exact in all types */
    uint16_t *halves = (uint16_t *)(void *)values;
    for (size_t i = 0; i < (size_t)columns * rows * 9 && stored == PS_STORED_F16; i++)
        halves[i] = ps_half_from_float(values[i]);
    assert_non_null(
        ps_part_add_array(&part, "a", stored, 4, (const uint64_t[]){columns, rows, 3, 3}, values, &error));
    assert_int_equal(ps_part_seal(&part, &error), PS_OK);
    const struct ps_weight weight = {.pack = PS_PACK_MATRIX,
                                     .taps = 16,
                                     .rows = rows,
                                     .columns = columns,
                                     .phases = true,
                                     .source_count = 1};
    uint64_t bytes;
    uint8_t *memory = fill_guarded(&part, &weight, type, &bytes);
    const uint32_t quads = (rows + 3) / 4, padded = (columns + 7) / 8 * 8;
    const int8_t *whole = (const int8_t *)memory + GUARD + padded * 4;
    for (uint32_t column = 0; column < columns; column++) {
        double most = 0;
        float sums[4], scale = 0;
        if (type == PS_Q8)
            memcpy(&scale, memory + GUARD + column * 4, 4);
        for (uint32_t i = 0; i < rows * 4; i++) {
            sums_of_phase(stored, values, ((size_t)column * rows + i / 4) * 9, i % 4, sums);
            for (uint32_t tap = 0; tap < 4; tap++) {
                const uint64_t at = ps_packed_index(quads, padded, 4 * (i % 4) + tap, i / 4, column);
                most = fmax(most, (double)fabsf(sums[tap]));
                if (type == PS_Q8)
                    assert_true(fabsf(scale * (float)whole[at] - sums[tap]) <= 0.5001f * scale);
                else
                    assert_int_equal(bits_at(memory + GUARD, at, type),
                                     expected_bits(PS_STORED_F32, &sums[tap], 0, type));
            }
        }
        assert_true(type != PS_Q8 || fabs((double)scale - most / 127) <= most * 0x1p-20);
    }
    free(memory);
    free(values);
    ps_part_clear(&part);
}

static void test_phases(void **state)
{
    (void)state;
    for (int type = PS_F32; type <= PS_Q8; type++) {
        check_phases(3, 5, PS_STORED_F32, (enum ps_type)type);
        check_phases(9, 12, PS_STORED_F16, (enum ps_type)type);
        check_phases(1, 4099, PS_STORED_F32, (enum ps_type)type);
        check_phases(33, 40, PS_STORED_F32, (enum ps_type)type);
    }
}

/* ---- vectors
 * ----------------------------------------------------------------------------------------------------- */

static void check_vector(uint32_t rows, uint32_t columns, uint32_t sources, uint32_t taken, bool interleave,
                         enum ps_stored stored, enum ps_type type)
{
    struct ps_part part;
    ps_part_init(&part, "test");
    struct ps_error error = {0};
    void *data[3] = {NULL};
    for (uint32_t i = 0; i < sources; i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        data[i] = random_array(stored, (size_t)rows * columns);
        assert_non_null(
            ps_part_add_array(&part, name, stored, 2, (const uint64_t[]){rows, columns}, data[i], &error));
    }
    assert_int_equal(ps_part_seal(&part, &error), PS_OK);
    const struct ps_weight weight = {.pack = PS_PACK_VECTOR,
                                     .taps = 1,
                                     .rows = rows,
                                     .columns = taken * sources,
                                     .interleave = interleave,
                                     .source_count = sources,
                                     .sources = {0, 1, 2}};
    uint64_t bytes;
    uint8_t *memory = fill_guarded(&part, &weight, type, &bytes);
    const uint64_t each = (uint64_t)rows * taken;
    assert_int_equal(bytes, each * sources * ps_type_bytes(type));
    for (uint64_t i = 0; i < each * sources; i++) {
        const uint64_t within = i % each;
        const uint64_t from = interleave ? within / 2 + within % 2 * (each / 2) : within;
        assert_int_equal(bits_at(memory + GUARD, i, type), expected_bits(stored, data[i / each], from, type));
    }
    free(memory);
    ps_part_clear(&part);
    for (uint32_t i = 0; i < sources; i++)
        free(data[i]);
}

static void test_vectors(void **state)
{
    (void)state;
    static const enum ps_type types[] = {PS_F32, PS_F16, PS_BF16};
    for (size_t k = 0; k < 9; k++) {
        const enum ps_stored stored = stored_types[k % 3];
        const enum ps_type type = types[k / 3];
        check_vector(1, 1, 1, 1, false, stored, type);
        check_vector(1, 321, 1, 321, false, stored, type);
        check_vector(257, 33, 1, 33, false, stored, type);
        check_vector(1, 30, 3, 30, false, stored, type);
        check_vector(1, 8, 1, 4, false, stored, type);
        check_vector(1, 22, 1, 22, true, stored, type);
        check_vector(1, 530000, 1, 530000, false, stored, type);
        check_vector(1, 530000, 1, 530000, true, stored, type);
    }
}

/* ---- what is refused
 * --------------------------------------------------------------------------------------------- */

static void expect_refusal(const void *data, enum ps_stored stored, enum ps_type type, const char *id,
                           const char *text)
{
    struct ps_part part;
    ps_part_init(&part, "unet");
    struct ps_error error = {0};
    assert_non_null(
        ps_part_add_array(&part, "conv_in.weight", stored, 2, (const uint64_t[]){5, 7}, data, &error));
    assert_int_equal(ps_part_seal(&part, &error), PS_OK);
    struct ps_weight weight = {
        .pack = PS_PACK_MATRIX, .taps = 1, .rows = 7, .columns = 5, .source_count = 1, .sources = {0}};
    uint8_t to[4096];
    for (int pack = 0; pack < 2; pack++) {
        error = (struct ps_error){0};
        weight.pack = pack ? PS_PACK_MATRIX : PS_PACK_VECTOR;
        assert_false(part.store.fill(&part.store, &weight, type, to, &error));
        assert_checkpoint_fault(&error, id, text);
        assert_non_null(strstr(error.message, "conv_in.weight"));
        assert_true(error.hint[0]);
    }
    ps_part_clear(&part);
}

/* C12, and values that float16 does not have. */
static void test_bad_values(void **state)
{
    (void)state;
    float values[35] = {0};
    values[34] = NAN;
    expect_refusal(values, PS_STORED_F32, PS_F32, "checkpoint.not-finite", "nan");
    expect_refusal(values, PS_STORED_F32, PS_F16, "checkpoint.not-finite", "nan");
    values[34] = 0.0f;
    values[17] = -INFINITY;
    expect_refusal(values, PS_STORED_F32, PS_F16, "checkpoint.not-finite", "-inf");
    values[17] = 70000.0f;
    expect_refusal(values, PS_STORED_F32, PS_F16, "checkpoint.f16-range",
                   "holds 70000, float16 ends at 65504");
    uint16_t halves[35] = {0};
    halves[20] = 0x7c00;
    expect_refusal(halves, PS_STORED_F16, PS_F16, "checkpoint.not-finite", "inf");
    expect_refusal(halves, PS_STORED_F16, PS_F32, "checkpoint.not-finite", "inf");
    halves[20] = 0x7fc0;
    expect_refusal(halves, PS_STORED_BF16, PS_F32, "checkpoint.not-finite", "nan");
    halves[20] = 0x4790;
    expect_refusal(halves, PS_STORED_BF16, PS_F16, "checkpoint.f16-range", "holds 73728");
    values[17] = 3.4e38f;
    expect_refusal(values, PS_STORED_F32, PS_BF16, "checkpoint.bf16-range", "holds 3.4e+38");
}

/* A weight that does not come from a binder is checked against its tensors before anything is read. */
static void test_bad_weights(void **state)
{
    (void)state;
    float values[35] = {0};
    struct ps_part part;
    ps_part_init(&part, "unet");
    struct ps_error error = {0};
    assert_non_null(
        ps_part_add_array(&part, "a", PS_STORED_F32, 2, (const uint64_t[]){5, 7}, values, &error));
    const struct ps_weight good = {
        .pack = PS_PACK_MATRIX, .taps = 1, .rows = 7, .columns = 5, .source_count = 1, .sources = {0}};
    struct ps_weight bad[6] = {good, good, good, good, good, good};
    bad[0].sources[0] = 1;
    bad[1].columns = 6;
    bad[2].taps = 2;
    bad[3].source_count = 0;
    bad[4].source_count = 2;
    bad[5].rows = 4, bad[5].first_row = 4, bad[5].source_rows = 7;
    float to[512];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error = (struct ps_error){0};
        assert_false(part.store.fill(&part.store, &bad[i], PS_F32, to, &error));
        assert_int_equal(error.status, PS_ERR_INTERNAL);
    }
    error = (struct ps_error){0};
    assert_true(part.store.fill(&part.store, &good, PS_F32, to, &error));
    ps_part_clear(&part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convert_halves), cmocka_unit_test(test_convert_floats),
        cmocka_unit_test(test_matrices),       cmocka_unit_test(test_phases),
        cmocka_unit_test(test_vectors),        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_bad_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
