/* Binding: what is claimed, what is collected, and both layouts of one model giving the same bytes. */
#include "weights/support.h"

#include "weights/bind.h"
#include "weights/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A part in memory; all tensors share the zeros. */
static float zeros[4096];

static void add(struct ps_part *part, const char *name, enum ps_stored type, uint32_t rank, uint64_t a,
                uint64_t b, uint64_t c, uint64_t d)
{
    struct ps_error error = {0};
    assert_non_null(
        ps_part_add_array(part, name, type, rank, (const uint64_t[]){a, b, c, d, 1}, zeros, &error));
}

static void make_part(struct ps_part *part)
{
    ps_part_init(part, "unet");
    add(part, "conv_in.weight", PS_STORED_F32, 4, 6, 4, 3, 3);
    add(part, "conv_in.bias", PS_STORED_F32, 1, 6, 1, 1, 1);
    add(part, "block.0.norm.weight", PS_STORED_F16, 1, 6, 1, 1, 1);
    add(part, "block.0.norm.bias", PS_STORED_F16, 1, 6, 1, 1, 1);
    add(part, "block.0.to_q.weight", PS_STORED_F16, 2, 6, 6, 1, 1);
    add(part, "block.0.to_k.weight", PS_STORED_F16, 2, 6, 6, 1, 1);
    add(part, "block.0.to_v.weight", PS_STORED_F16, 2, 6, 6, 1, 1);
    add(part, "block.0.ff.weight", PS_STORED_BF16, 2, 8, 6, 1, 1);
    add(part, "block.0.ff.bias", PS_STORED_BF16, 1, 8, 1, 1, 1);
    add(part, "block.0.time.weight", PS_STORED_F32, 5, 6, 6, 3, 1);
    add(part, "block.0.time.bias", PS_STORED_F32, 1, 6, 1, 1, 1);
    add(part, "block.0.mix_factor", PS_STORED_F32, 1, 1, 1, 1, 1);
    add(part, "quant_conv.weight", PS_STORED_F32, 4, 8, 8, 1, 1);
    add(part, "quant_conv.bias", PS_STORED_F32, 1, 8, 1, 1, 1);
    add(part, "class_embedding", PS_STORED_F32, 1, 6, 1, 1, 1);
    add(part, "positions", PS_STORED_F32, 2, 5, 6, 1, 1);
    add(part, "dead.weight", PS_STORED_I64, 1, 2, 1, 1, 1);
    add(part, "dead.more.bias", PS_STORED_F8_E4M3, 1, 2, 1, 1, 1);
    struct ps_error error = {0};
    assert_int_equal(ps_part_seal(part, &error), PS_OK);
}

static const char *const qkv[3] = {"to_q", "to_k", "to_v"};

static void test_all(void **state)
{
    (void)state;
    struct ps_part part;
    make_part(&part);
    struct ps_binder binder;
    struct ps_weight_set set;
    struct ps_error error = {0};
    assert_int_equal(ps_binder_begin(&binder, &part, &error), PS_OK);
    const struct ps_layer conv = ps_bind_conv(&binder, 6, 4, 3, 3, true, "conv_in");
    ps_bind_enter(&binder, "block.%u", 0);
    const struct ps_layer norm = ps_bind_norm(&binder, 6, "norm");
    ps_bind_leave(&binder);
    const struct ps_layer joined = ps_bind_qkv(&binder, 6, 6, false, qkv, "block.0");
    ps_bind_enter(&binder, "block");
    ps_bind_enter(&binder, "0");
    const struct ps_layer ff = ps_bind_geglu(&binder, 4, 6, "ff");
    const struct ps_layer time = ps_bind_conv_frames(&binder, 6, 6, 3, "time");
    zeros[0] = 0.75f;
    assert_true(ps_bind_scalar(&binder, "mix_%s", "factor") == 0.75f);
    zeros[0] = 0.0f;
    ps_bind_leave(&binder);
    ps_bind_leave(&binder);
    const struct ps_layer quant = ps_bind_rows(&binder, 4, 8, 8, "quant_conv");
    const struct ps_weight *class = ps_bind_vector(&binder, 1, 6, "class_embedding");
    const struct ps_weight *positions = ps_bind_vector(&binder, 5, 6, "positions");
    const char *names[4];
    assert_int_equal(ps_part_surplus(&part, names, 4), 2);
    assert_string_equal(names[0], "dead.more.bias");
    assert_int_equal(ps_part_check_surplus(&part, &error), PS_ERR_CHECKPOINT);
    assert_checkpoint_fault(&error, "checkpoint.surplus",
                            "2 tensors that the architecture does not have: dead.more.bias, dead.weight");
    error = (struct ps_error){0};
    ps_bind_unused(&binder, "dead");
    ps_bind_unused(&binder, "not.there");
    assert_int_equal(ps_part_check_surplus(&part, &error), PS_OK);
    assert_int_equal(ps_binder_finish(&binder, &set, &error), PS_OK);

    assert_int_equal(set.count, 13);
    for (uint32_t i = 0; i < set.count; i++)
        assert_int_equal(set.items[i].index, i);
    assert_ptr_equal(conv.weight, &set.items[0]);
    assert_true(conv.weight->taps == 9 && conv.weight->rows == 4 && conv.weight->columns == 6);
    assert_true(conv.bias->pack == PS_PACK_VECTOR && conv.bias->columns == 6);
    assert_true(norm.weight->pack == PS_PACK_VECTOR && norm.bias);
    assert_true(joined.weight->columns == 18 && joined.weight->source_count == 3 && !joined.bias);
    assert_true(ff.weight->interleave && ff.bias->interleave && ff.weight->columns == 8);
    assert_true(time.weight->taps == 3 && time.bias);
    assert_true(quant.weight->columns == 4 && quant.weight->rows == 8 && quant.bias->columns == 4);
    assert_true(class->rows == 1 && positions->rows == 5 && positions->columns == 6);
    for (uint32_t i = 0; i < set.count; i++) {
        float to[2048];
        assert_true(part.store.fill(&part.store, &set.items[i], PS_F32, to, &error));
    }
    ps_weight_set_free(&set);
    ps_part_clear(&part);
}

/* C11: all differences at once, the first five in the message. */
static void test_differences(void **state)
{
    (void)state;
    struct ps_part part;
    make_part(&part);
    struct ps_binder binder;
    struct ps_weight_set set;
    struct ps_error error = {0};
    assert_int_equal(ps_binder_begin(&binder, &part, &error), PS_OK);
    assert_null(ps_bind_conv(&binder, 6, 8, 3, 3, true, "conv_in").weight);
    assert_null(ps_bind_linear(&binder, 6, 4, true, "conv_in").weight);
    assert_null(ps_bind_vector(&binder, 1, 2, "dead.more.bias"));
    assert_true(ps_bind_scalar(&binder, "block.0.norm.weight") == 0.0f);
    const struct ps_layer absent = ps_bind_linear(&binder, 6, 4, true, "absent");
    assert_true(!absent.weight && !absent.bias);
    for (int i = 0; i < 30; i++)
        ps_bind_norm(&binder, 4, "many.%d", i);
    assert_int_equal(binder.missing, 62);
    assert_int_equal(binder.misshapen, 4);
    assert_int_equal(binder.problem_count, PS_BIND_PROBLEMS);
    assert_int_equal(ps_binder_finish(&binder, &set, &error), PS_ERR_CHECKPOINT);
    assert_checkpoint_fault(
        &error, "checkpoint.tensors",
        "unet: the weights do not fit the architecture: 62 missing, 4 of another shape\n"
        "unet: tensor conv_in.weight: shape [6, 4, 3, 3], expected [6, 8, 3, 3]\n"
        "unet: tensor conv_in.weight: shape [6, 4, 3, 3], expected [6, 4]\n"
        "unet: tensor dead.more.bias: stored as F8_E4M3; packshot reads F32, F16 and BF16\n"
        "unet: tensor block.0.norm.weight: shape [6], expected [1]\n"
        "unet: tensor absent.weight: missing\n...");
    assert_null(set.items);
    ps_part_clear(&part);
}

/* One tensor as two weights, of some of its input channels each. */
static void test_halves(void **state)
{
    (void)state;
    struct ps_part part;
    make_part(&part);
    struct ps_binder binder;
    struct ps_weight_set set;
    struct ps_error error = {0};
    struct ps_layer halves[2];
    assert_int_equal(ps_binder_begin(&binder, &part, &error), PS_OK);
    ps_bind_conv_halves(&binder, 8, (const uint32_t[]){3, 5}, halves, "quant_conv");
    assert_int_equal(ps_binder_finish(&binder, &set, &error), PS_OK);
    assert_int_equal(set.count, 3);
    for (uint32_t i = 0; i < 2; i++) {
        const struct ps_weight *weight = halves[i].weight;
        assert_true(weight->pack == PS_PACK_MATRIX && weight->taps == 1 && weight->columns == 8);
        assert_true(weight->rows == (i ? 5 : 3) && weight->first_row == (i ? 3 : 0) &&
                    weight->source_rows == 8);
    }
    assert_true(halves[0].bias && halves[0].bias->columns == 8 && !halves[1].bias);
    ps_weight_set_free(&set);

    assert_int_equal(ps_binder_begin(&binder, &part, &error), PS_OK);
    ps_bind_conv_halves(&binder, 8, (const uint32_t[]){3, 4}, halves, "quant_conv");
    assert_int_equal(binder.misshapen, 1);
    assert_true(!halves[0].weight && !halves[1].weight);
    ps_binder_drop(&binder);
    ps_part_clear(&part);
}

static void test_misuse(void **state)
{
    (void)state;
    struct ps_part part;
    make_part(&part);
    struct ps_binder binder;
    struct ps_weight_set set;
    struct ps_error error = {0};
    assert_int_equal(ps_binder_begin(&binder, &part, &error), PS_OK);
    for (int i = 0; i < 40; i++)
        ps_bind_vector(&binder, 1, 6, "class_embedding");
    assert_int_equal(ps_binder_finish(&binder, &set, &error), PS_ERR_INTERNAL);
    assert_string_equal(error.id, "bind.twice");
    error = (struct ps_error){0};
    assert_int_equal(ps_binder_begin(&binder, &part, &error), PS_OK);
    for (int i = 0; i < 40; i++)
        ps_bind_enter(&binder, "a.long.name.of.a.scope.%d", i);
    ps_bind_vector(&binder, 1, 6, "class_embedding");
    for (int i = 0; i < 40; i++)
        ps_bind_leave(&binder);
    assert_string_equal(binder.scope, "");
    assert_int_equal(ps_binder_finish(&binder, &set, &error), PS_ERR_INTERNAL);
    ps_binder_drop(&binder);
    zeros[0] = -1.0f / 0.0f;
    error = (struct ps_error){0};
    assert_int_equal(ps_binder_begin(&binder, &part, &error), PS_OK);
    ps_bind_scalar(&binder, "block.0.mix_factor");
    zeros[0] = 0.0f;
    assert_int_equal(ps_binder_finish(&binder, &set, &error), PS_ERR_CHECKPOINT);
    assert_checkpoint_fault(&error, "checkpoint.not-finite", "block.0.mix_factor is -inf");
    ps_part_clear(&part);
}

/* ---- both layouts of one model
 * ----------------------------------------------------------------------------------- */

/* The entry packed as a matrix [out, rest], or as a vector. */
static float *pack_entry(const struct ps_part *part, uint32_t index, size_t *bytes)
{
    const struct ps_entry *entry = &part->entries[index];
    struct ps_weight weight = {
        .pack = PS_PACK_VECTOR, .taps = 1, .rows = 1, .source_count = 1, .sources = {index}};
    weight.columns = entry->rank ? (uint32_t)entry->shape[0] : 1;
    if (entry->rank > 1) {
        weight.pack = PS_PACK_MATRIX;
        weight.rows = (uint32_t)entry->shape[1];
        for (uint32_t i = 2; i < entry->rank; i++)
            weight.taps *= (uint32_t)entry->shape[i];
    }
    *bytes = ps_span_bytes(ps_packed_shape(&weight, PS_F32));
    float *packed = malloc(*bytes);
    assert_non_null(packed);
    struct ps_error error = {0};
    if (!part->store.fill(&part->store, &weight, PS_F32, packed, &error))
        fail_msg("%s", error.message);
    return packed;
}

/* The expanded golden checkpoints hold one toy model as a folder and as a single file. */
static void test_layouts(void **state)
{
    (void)state;
    struct ps_checkpoint *tree = NULL, *single = NULL;
    struct ps_error error = {0};
    if (ps_checkpoint_open(&tree, PACKSHOT_GOLDEN_DIR "/pipelines/sgm", &error) ||
        ps_checkpoint_open(&single, PACKSHOT_GOLDEN_DIR "/pipelines/sgm/single.safetensors", &error) ||
        ps_checkpoint_ready(tree, &error) || ps_checkpoint_ready(single, &error))
        fail_msg("%s: %s", error.id, error.message);
    for (int kind = PS_PART_UNET; kind <= PS_PART_VISION; kind++) {
        const struct ps_part *a = &tree->parts[kind], *b = &single->parts[kind];
        assert_int_equal(a->count, b->count);
        for (uint32_t i = 0; i < a->count; i++) {
            size_t a_bytes, b_bytes;
            assert_string_equal(a->entries[i].name, b->entries[i].name);
            float *from_a = pack_entry(a, i, &a_bytes), *from_b = pack_entry(b, i, &b_bytes);
            if (a_bytes != b_bytes || memcmp(from_a, from_b, a_bytes))
                fail_msg("%s differs", a->entries[i].name);
            free(from_a);
            free(from_b);
        }
    }
    ps_checkpoint_close(&tree);
    ps_checkpoint_close(&single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),    cmocka_unit_test(test_differences), cmocka_unit_test(test_halves),
        cmocka_unit_test(test_misuse), cmocka_unit_test(test_layouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
