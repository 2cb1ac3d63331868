#include "kernels/bed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/half.h"
#include "kernels/compare.h"
#include "kernels/pair.h"
#include "kernels/subject.h"
#include "ref/ref.h"

#define SPACE_BYTES (48u << 20)
#define MAX_WEIGHTS 16
#define MAX_MEMORY 256
#define SKIPPED 77

struct bed_parts {
    struct ps_error error;
    struct bed_pair pair;
    uint64_t seed, random;
    bool bf16;
    char seed_text[40];
    struct ps_store store;
    struct ps_weight weights[MAX_WEIGHTS];
    float *values[MAX_WEIGHTS]; /* as bed_weight hands them out */
    struct ps_tensor resident[MAX_WEIGHTS];
    uint32_t weight_count;
    uint64_t weights_end; /* bytes of the weights' space in use */
    void *memory[MAX_MEMORY];
    uint32_t memory_count;
};

/* ---- random numbers ---- */

/* splitmix64, Steele, Lea and Flood 2014. */
static uint64_t random_bits(struct bed *bed)
{
    uint64_t z = bed->parts->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double bed_uniform(struct bed *bed)
{
    return (double)(random_bits(bed) >> 11) * 0x1p-53;
}

double bed_normal(struct bed *bed)
{
    const double radius = sqrt(-2 * log(1 - bed_uniform(bed)));
    return radius * cos(6.283185307179586 * bed_uniform(bed));
}

static float rounded(enum ps_type type, double value)
{
    switch (type) {
    case PS_F16:
        return ps_float_from_half(ps_half_from_float((float)value));
    case PS_BF16:
        return ps_float_from_bf16(ps_bf16_from_float((float)value));
    default:
        return (float)value;
    }
}

/* `count` values scaled by `scale`, except the one of a one-hot fill. */
static void fill_values(struct bed *bed, enum ps_type type, enum bed_fill fill, double scale, float *to,
                        uint64_t count)
{
    const uint64_t hot = fill == BED_ONE_HOT ? random_bits(bed) % count : 0;
    for (uint64_t i = 0; i < count; i++) {
        double value = 0;
        switch (fill) {
        case BED_NORMAL:
            value = scale * bed_normal(bed);
            break;
        case BED_HUGE:
            value = scale * 1e4 * (2 * bed_uniform(bed) - 1);
            break;
        case BED_ONE_HOT:
            value = i == hot;
            break;
        case BED_CONSTANT:
            value = scale * 0.7;
            break;
        case BED_OFFSET:
            value = scale * (30 + bed_normal(bed));
            break;
        case BED_ZERO:
        case BED_FILLS:
            break;
        }
        to[i] = rounded(type, value);
    }
}

/* ---- cases ---- */

static void forget(struct bed_parts *parts)
{
    for (uint32_t i = 0; i < parts->memory_count; i++)
        free(parts->memory[i]);
    parts->memory_count = 0;
    parts->weight_count = 0;
    parts->weights_end = 0;
}

/* The type that a case asking for `type` runs in. */
static enum ps_type actual(const struct bed *bed, enum ps_type type)
{
    return bed->parts->bf16 && type == PS_F16 ? PS_BF16 : type;
}

void bed_begin(struct bed *bed, enum ps_type type)
{
    struct bed_parts *parts = bed->parts;
    type = actual(bed, type);
    const uint64_t scratch_bytes = ps_arena_peak(&bed->run.scratch), weight_bytes = parts->weights_end;
    ps_run_end(&bed->run);
    forget(parts);
    parts->error = (struct ps_error){0};
    ps_run_begin(&bed->run, &parts->pair.base, type, &parts->error);
    bed->run.store = &parts->store;
    bed->run.resident = parts->resident;
    bed->type = type;
    bed->condition = 1;
    bed->inner = 0;
    bed->fault = BED_SOUND;
    bed->mismatches = 0;
    snprintf(parts->seed_text, sizeof parts->seed_text, "seed %llu", (unsigned long long)parts->seed);
    parts->pair.seed_text = parts->seed_text;
    if (!bed_pair_poison(&parts->pair, PS_SCRATCH, scratch_bytes, &parts->error) ||
        !bed_pair_poison(&parts->pair, PS_WEIGHTS, weight_bytes, &parts->error))
        fail_msg("%s", parts->error.message);
}

void bed_end(struct bed *bed)
{
    if (!ps_run_ok(&bed->run))
        fail_msg("%s: %s", bed->parts->error.id, bed->parts->error.message);
    if (bed->mismatches)
        fail_msg("%u mismatches (%s)", bed->mismatches, bed->parts->seed_text);
}

void bed_end_failed(struct bed *bed, const char *id)
{
    assert_string_equal(bed->parts->error.id, id);
    assert_int_equal(bed->mismatches, 0);
    bed->parts->error = (struct ps_error){0};
}

void *bed_memory(struct bed *bed, size_t count, size_t size)
{
    struct bed_parts *parts = bed->parts;
    assert_true(parts->memory_count < MAX_MEMORY);
    void *memory = calloc(count, size);
    assert_non_null(memory);
    parts->memory[parts->memory_count++] = memory;
    return memory;
}

/* ---- tensors ---- */

struct ps_tensor bed_blank(struct bed *bed, enum ps_type type, uint32_t n, uint32_t h, uint32_t w, uint32_t c)
{
    return ps_new(&bed->run, actual(bed, type), n, h, w, c);
}

struct ps_tensor bed_tensor(struct bed *bed, enum ps_type type, enum bed_fill fill, uint32_t n, uint32_t h,
                            uint32_t w, uint32_t c)
{
    struct ps_tensor t = bed_blank(bed, type, n, h, w, c);
    if (ps_is_null(t))
        return t;
    float *values = malloc(ps_elements(t) * sizeof *values);
    assert_non_null(values);
    fill_values(bed, t.type, fill, 1, values, ps_elements(t));
    ps_upload_floats(&bed->run, t, values);
    free(values);
    return t;
}

const float *bed_floats(struct bed *bed, struct ps_tensor t)
{
    float *values = bed_memory(bed, ps_elements(t), sizeof *values);
    ps_download_floats(&bed->run, t, values);
    return values;
}

void bed_expect(struct bed *bed, struct ps_tensor t, const double *want, uint32_t depth)
{
    if (!ps_run_ok(&bed->run))
        return;
    char title[96], shape[PS_SHAPE_TEXT];
    snprintf(title, sizeof title, "%s against the formula (%s)", ps_shape_text(t, shape),
             bed->parts->seed_text);
    const struct bed_tolerance tolerance = bed_tolerance(t.type, depth, bed->condition, bed->inner);
    if (!bed_compare_values(t, bed_pair_at(&bed->parts->pair, t), want, tolerance, title))
        bed->mismatches++;
}

void bed_identical(struct bed *bed, struct ps_tensor a, struct ps_tensor b)
{
    if (!ps_run_ok(&bed->run))
        return;
    assert_int_equal(a.type, b.type);
    assert_int_equal(ps_elements(a), ps_elements(b));
    assert_memory_equal(bed_pair_at(&bed->parts->pair, a), bed_pair_at(&bed->parts->pair, b),
                        ps_span_bytes(a));
}

/* ---- weights ---- */

/* The checkpoint's place of packed column `column`: with interleave, value j and gate j are columns 2j and 2j
 * + 1. */
static uint32_t file_column(const struct ps_weight *weight, uint32_t column)
{
    return weight->interleave ? column / 2 + column % 2 * (weight->columns / 2) : column;
}

static void write_element(enum ps_type type, void *to, uint64_t index, float value)
{
    if (type == PS_F16)
        ((uint16_t *)to)[index] = ps_half_from_float(value);
    else if (type == PS_BF16)
        ((uint16_t *)to)[index] = ps_bf16_from_float(value);
    else
        ((float *)to)[index] = value;
}

/* Turns each column of the checkpoint's order into multiples of a 127th of its largest number. */
static void round_to_whole(const struct ps_weight *weight, float *values)
{
    const uint64_t count = (uint64_t)weight->taps * weight->rows;
    for (uint32_t column = 0; column < weight->columns; column++, values += count) {
        float most = 0;
        for (uint64_t i = 0; i < count; i++)
            most = fmaxf(most, fabsf(values[i]));
        for (uint64_t i = 0; i < count && most > 0; i++)
            values[i] = most / 127 * rintf(values[i] / most * 127);
    }
}

/* A column of such numbers as PS_Q8 stores it. */
static void write_whole(const struct ps_weight *weight, const float *values, uint32_t column, void *to)
{
    const struct ps_tensor packed = ps_packed_shape(weight, PS_Q8);
    const uint64_t count = (uint64_t)weight->taps * weight->rows;
    float *scales = to, most = 0;
    values += file_column(weight, column) * count;
    for (uint64_t i = 0; i < count; i++)
        most = fmaxf(most, fabsf(values[i]));
    scales[column] = most / 127;
    for (uint32_t tap = 0; tap < weight->taps; tap++)
        for (uint32_t row = 0; row < weight->rows && most > 0; row++)
            ((int8_t *)(scales + packed.w))[ps_packed_index(packed.h, packed.w, tap, row, column)] =
                (int8_t)rintf(values[row * weight->taps + tap] / most * 127);
}

static bool fill_weight(const struct ps_store *store, const struct ps_weight *weight, enum ps_type type,
                        void *to, struct ps_error *error)
{
    (void)error;
    const struct bed_parts *parts =
        (const struct bed_parts *)((const char *)store - offsetof(struct bed_parts, store));
    const float *values = parts->values[weight->index];
    const struct ps_tensor packed = ps_packed_shape(weight, type);
    if (weight->pack == PS_PACK_VECTOR) {
        for (uint32_t i = 0; i < weight->columns; i++)
            write_element(type, to, i, values[file_column(weight, i)]);
        return true;
    }
    memset(to, 0, ps_span_bytes(packed));
    for (uint32_t column = 0; column < weight->columns && type == PS_Q8; column++)
        write_whole(weight, values, column, to);
    if (type == PS_Q8)
        return true;
    for (uint32_t tap = 0; tap < weight->taps; tap++)
        for (uint32_t row = 0; row < weight->rows; row++)
            for (uint32_t column = 0; column < weight->columns; column++) {
                const uint64_t from =
                    ((uint64_t)file_column(weight, column) * weight->rows + row) * weight->taps + tap;
                write_element(type, to, ps_packed_index(packed.h, packed.w, tap, row, column), values[from]);
            }
    return true;
}

static const struct ps_weight *add_weight(struct bed *bed, struct ps_weight weight, enum bed_fill fill,
                                          double scale)
{
    struct bed_parts *parts = bed->parts;
    assert_true(parts->weight_count < MAX_WEIGHTS);
    weight.index = parts->weight_count++;
    weight.source_count = 1;
    struct ps_weight *kept = &parts->weights[weight.index];
    *kept = weight;
    const uint64_t count = (uint64_t)weight.taps * weight.rows * weight.columns;
    parts->values[weight.index] = bed_memory(bed, count, sizeof(float));
    fill_values(bed, bed->type, fill, scale, parts->values[weight.index], count);
    const enum ps_type type = ps_weight_type(kept, bed->type, bed->run.quantised);
    if (type == PS_Q8)
        round_to_whole(kept, parts->values[weight.index]);

    struct ps_tensor *place = &parts->resident[weight.index];
    *place = ps_packed_shape(kept, type);
    place->offset = parts->weights_end;
    parts->weights_end += ps_align_up(ps_span_bytes(*place), PS_ALIGNMENT);
    assert_true(parts->weights_end <= SPACE_BYTES);
    void *to = parts->pair.base.ops->upload_begin(&parts->pair.base, *place, &parts->error);
    if (!fill_weight(&parts->store, kept, type, to, &parts->error) ||
        !parts->pair.base.ops->upload_end(&parts->pair.base, &parts->error))
        fail_msg("%s", parts->error.message);
    return kept;
}

const struct ps_weight *bed_vector(struct bed *bed, enum bed_fill fill, uint32_t columns, bool interleave)
{
    const struct ps_weight weight = {
        .pack = PS_PACK_VECTOR, .taps = 1, .rows = 1, .columns = columns, .interleave = interleave};
    return add_weight(bed, weight, fill, 1);
}

const struct ps_weight *bed_matrix(struct bed *bed, enum bed_fill fill, uint32_t taps, uint32_t rows,
                                   uint32_t columns, bool interleave)
{
    const struct ps_weight weight = {
        .pack = PS_PACK_MATRIX, .taps = taps, .rows = rows, .columns = columns, .interleave = interleave};
    return add_weight(bed, weight, fill, 1 / sqrt((double)taps * rows));
}

const float *bed_weight(struct bed *bed, const struct ps_weight *weight)
{
    return bed->parts->values[weight->index];
}

/* ---- the program ---- */

struct options {
    uint64_t seed;
    struct bed_subject_params subject;
};

static bool parse(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--validate"))
            options->subject.validate = true;
        else if (!strcmp(argv[i], "--emulate"))
            options->subject.emulate = true;
        else if (!strcmp(argv[i], "--bf16"))
            options->subject.bf16 = true;
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            options->seed = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--device") && i + 1 < argc)
            options->subject.device = argv[++i];
        else if (!strcmp(argv[i], "--variant") && i + 1 < argc)
            options->subject.variant = argv[++i];
        else if (!strcmp(argv[i], "--tile") && i + 1 < argc)
            options->subject.tile = (uint32_t)strtoul(argv[++i], NULL, 10);
        else
            return false;
    }
    return true;
}

static int run_all(struct bed *bed, const struct CMUnitTest *tests, size_t count)
{
    struct CMUnitTest *with_bed = calloc(count, sizeof *with_bed);
    if (!with_bed)
        return 1;
    for (size_t i = 0; i < count; i++) {
        with_bed[i] = tests[i];
        with_bed[i].initial_state = bed;
    }
    const int failed = _cmocka_run_group_tests("kernel", with_bed, count, NULL, NULL);
    free(with_bed);
    return failed != 0;
}

int bed_main(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
    struct options options = {.seed = 1};
    if (!parse(argc, argv, &options)) {
        fprintf(stderr,
                "usage: %s [--validate] [--emulate] [--bf16] [--seed N] [--device NAME] [--variant NAME] "
                "[--tile N]\n",
                argv[0]);
        return 2;
    }
    struct bed_parts *parts = calloc(1, sizeof *parts);
    if (!parts)
        return 1;
    struct bed bed = {.parts = parts};
    parts->seed = parts->random = options.seed;
    parts->bf16 = options.subject.bf16;
    parts->store.fill = fill_weight;
    parts->pair.ref = ps_ref_open(&parts->error);
    parts->pair.subject = bed_subject_open(&options.subject, &parts->error);
    bed.has_subject = parts->pair.subject != NULL;
    if (!bed.has_subject)
        printf("no device, the reference runs alone: %s\n", parts->error.message);
    const bool misnamed = parts->error.status == PS_ERR_USAGE;
    parts->error = (struct ps_error){0};

    int result = 1;
    if (options.subject.variant && !bed.has_subject)
        result = misnamed;
    else if (parts->pair.ref && bed_pair_open(&parts->pair, &bed, SPACE_BYTES, &parts->error))
        result = run_all(&bed, tests, count);
    else
        printf("%s\n", parts->error.message);
    ps_run_end(&bed.run);
    forget(parts);
    bed_pair_close(&parts->pair);
    if (parts->pair.ref)
        parts->pair.ref->ops->close(parts->pair.ref);
    if (bed.has_subject && options.subject.variant && !bed_subject_by_variant(parts->pair.subject)) {
        printf("no launch was by the variant %s\n", options.subject.variant);
        result = result || parts->pair.offered ? 1 : SKIPPED;
    }
    if (bed_subject_close(parts->pair.subject))
        result = 1;
    free(parts);
    return result ? result : bed.has_subject ? 0 : SKIPPED;
}
