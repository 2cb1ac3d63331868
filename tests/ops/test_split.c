/* Every op on tensors that are split over several allocations, and on slabs where it takes them, against the same op
 * on whole ones: not a bit may differ. Every frame has numbers of its own, so that a launch that reads another piece's
 * frames is seen. */
#include "base/suite.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "ops/ops.h"
#include "ref/ref.h"
#include "run/plan.h"

#define FRAMES 7
#define ROWS 3
#define COLUMNS 5
#define CHANNELS 16
#define WHOLE (1ull << 20) /* bytes of an allocation that no tensor exceeds */
#define LONGEST (FRAMES * 4 * ROWS * COLUMNS * CHANNELS * 4) /* elements of a result */

static bool fill(const struct ps_store *store, const struct ps_weight *weight, enum ps_type type, void *to,
                 struct ps_error *error)
{
    (void)store, (void)type, (void)error;
    const uint64_t count = ps_elements(ps_packed_shape(weight, PS_F32));
    for (uint64_t i = 0; i < count; i++)
        ((float *)to)[i] = (float)((i + weight->index) * 37 % 101) * 0.02f - 1;
    return true;
}

enum { SQUARE, GATE, CONV, TEMPORAL, QKV, VECTOR, PHASES, WEIGHTS };
static const struct ps_weight weights[WEIGHTS] = {
    [SQUARE] = {.pack = PS_PACK_MATRIX, .taps = 1, .rows = CHANNELS, .columns = CHANNELS, .index = SQUARE},
    [GATE] = {.pack = PS_PACK_MATRIX,
              .taps = 1,
              .rows = CHANNELS,
              .columns = 2 * CHANNELS,
              .interleave = true,
              .index = GATE},
    [CONV] = {.pack = PS_PACK_MATRIX, .taps = 9, .rows = CHANNELS, .columns = CHANNELS, .index = CONV},
    [TEMPORAL] =
        {.pack = PS_PACK_MATRIX, .taps = 3, .rows = CHANNELS, .columns = CHANNELS, .index = TEMPORAL},
    [QKV] = {.pack = PS_PACK_MATRIX, .taps = 1, .rows = CHANNELS, .columns = 3 * CHANNELS, .index = QKV},
    [PHASES] = {.pack = PS_PACK_MATRIX,
                .taps = 16,
                .rows = CHANNELS,
                .columns = CHANNELS,
                .phases = true,
                .index = PHASES},
    [VECTOR] = {.taps = 1, .rows = 1, .columns = CHANNELS, .index = VECTOR},
};
static const struct ps_layer square = {&weights[SQUARE], &weights[VECTOR]}, gate = {&weights[GATE], NULL},
                             conv = {&weights[CONV], &weights[VECTOR]}, temporal = {&weights[TEMPORAL], NULL},
                             qkv = {&weights[QKV], NULL};
static const struct ps_norm norm = {{&weights[VECTOR], &weights[VECTOR]}, 1e-5f};
static const struct ps_tensor none;

static struct ps_tensor input(struct ps_run *run, uint32_t n, uint32_t h, uint32_t w, uint32_t c,
                              uint32_t salt)
{
    const struct ps_tensor t = ps_new(run, PS_F32, n, h, w, c);
    float *values = malloc(ps_elements(t) * sizeof *values);
    assert_non_null(values);
    for (uint64_t i = 0; i < ps_elements(t); i++)
        values[i] = (float)((i + salt) * 7919 % 1009) * 0.002f - 1;
    ps_upload_floats(run, t, values);
    free(values);
    return t;
}

static struct ps_tensor frames_of(struct ps_run *run, uint32_t salt)
{
    return input(run, FRAMES, ROWS, COLUMNS, CHANNELS, salt);
}

static struct ps_tensor linear(struct ps_run *run)
{
    const struct ps_tensor vector = input(run, FRAMES, 1, 1, CHANNELS, 3), y = frames_of(run, 5);
    ps_linear(
        run, frames_of(run, 1), square,
        &(struct ps_epilogue){.vector = vector, .scale = 0.3f, .residual = frames_of(run, 7), .into = y});
    return y;
}

static struct ps_tensor linear_of_one_vector(struct ps_run *run)
{
    return ps_linear(run, frames_of(run, 1), square,
                     &(struct ps_epilogue){.act = PS_GELU, .vector = input(run, 1, 1, 1, CHANNELS, 3)});
}

static struct ps_tensor linear_geglu(struct ps_run *run)
{
    return ps_linear(run, frames_of(run, 1), gate, &(struct ps_epilogue){.act = PS_GEGLU});
}

/* The result is longer than x, and split where x is not. */
static struct ps_tensor linear_longer(struct ps_run *run)
{
    return ps_linear(run, frames_of(run, 1), qkv, NULL);
}

static struct ps_tensor conv3x3(struct ps_run *run)
{
    return ps_conv3x3(run, frames_of(run, 1), conv,
                      &(struct ps_epilogue){.vector = input(run, FRAMES, 1, 1, CHANNELS, 3), .act = PS_SILU});
}

static struct ps_tensor conv_halving(struct ps_run *run)
{
    return ps_conv(
        run, frames_of(run, 1), conv,
        &(struct ps_window){.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_top = 1, .pad_left = 1}, NULL);
}

/* Whether tensors are whole in this run: then slabs are avoided too. */
static bool is_whole(const struct ps_run *run)
{
    return run->scratch.segment_limit == WHOLE;
}

static void copy(struct ps_run *run, struct ps_tensor from, struct ps_tensor into)
{
    ps_blend(run, &(struct ps_blend){.a = 1, .p = from, .into = into});
}

/* A clip in three chunks; x, which may not be split, is one row of it, and the result a slab that is also added. */
static struct ps_tensor conv_frames_into_slab(struct ps_run *run)
{
    static const uint32_t begin[] = {0, 2, 6, FRAMES};
    const struct ps_tensor y = frames_of(run, 5), vector = input(run, FRAMES, 1, 1, CHANNELS, 3);
    const struct ps_tensor x = input(run, FRAMES, 1, COLUMNS, CHANNELS, 11);
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t before = i ? 1 : 0, after = i < 2 ? 1 : 0, count = begin[i + 1] - begin[i];
        const struct ps_tensor slab = ps_frames(ps_slab(y, 1, 1), begin[i], count);
        const struct ps_tensor dense = ps_new(run, PS_F32, count, 1, COLUMNS, CHANNELS);
        const struct ps_tensor part = is_whole(run) ? dense : slab;
        copy(run, slab, dense);
        ps_conv_frames(run, ps_frames(x, begin[i] - before, before + count + after), before, count, temporal,
                       &(struct ps_epilogue){
                           .vector = ps_frames(vector, begin[i], count), .residual = part, .into = part});
        if (is_whole(run))
            copy(run, dense, slab);
    }
    return y;
}

static struct ps_tensor group_norm(struct ps_run *run)
{
    return ps_group_norm(run, frames_of(run, 1), 4, norm, PS_SILU);
}

/* The wider of two tensors is split where the other is not. */
static struct ps_tensor group_norm_beside(struct ps_run *run)
{
    const struct ps_tensor x = input(run, FRAMES, ROWS, COLUMNS, CHANNELS - 4, 1);
    return ps_group_norm_beside(run, x, input(run, FRAMES, ROWS, COLUMNS, 4, 3), 2, norm, PS_SILU);
}

static struct ps_tensor norm_of_slabs(struct ps_run *run)
{
    const struct ps_tensor x = frames_of(run, 1), y = frames_of(run, 5);
    const struct ps_tensor partial = ps_norm_partial(run, FRAMES, ROWS * COLUMNS, 4);
    ps_norm_measure(run, x, 4, partial);
    const struct ps_tensor each = ps_norm_stats(run, partial, 1, ROWS * COLUMNS, CHANNELS / 4, 1e-5f);
    const struct ps_tensor all = ps_norm_stats(run, partial, FRAMES, ROWS * COLUMNS, CHANNELS / 4, 1e-5f);
    if (is_whole(run)) {
        copy(run, ps_slab(ps_norm_apply(run, x, each, norm, PS_NONE), 0, 2), ps_slab(y, 1, 2));
        copy(run, ps_slab(ps_norm_apply(run, x, all, norm, PS_SILU), 2, 1), ps_slab(y, 0, 1));
        return y;
    }
    ps_norm_apply_into(run, ps_slab(x, 0, 2), each, norm, PS_NONE, ps_slab(y, 1, 2));
    ps_norm_apply_into(run, ps_slab(x, 2, 1), all, norm, PS_SILU, ps_slab(y, 0, 1));
    return y;
}

static struct ps_tensor layer_norm(struct ps_run *run)
{
    return ps_layer_norm(run, frames_of(run, 1), norm);
}

static struct ps_tensor layer_norm_of_slab(struct ps_run *run)
{
    const struct ps_tensor x = frames_of(run, 1), vector = input(run, FRAMES, 1, 1, CHANNELS, 3);
    if (!is_whole(run))
        return ps_layer_norm_sum(run, ps_slab(x, 1, 2), vector, norm);
    const struct ps_tensor y = ps_new(run, PS_F32, FRAMES, 2, COLUMNS, CHANNELS);
    copy(run, ps_slab(ps_layer_norm_sum(run, x, vector, norm), 1, 2), y);
    return y;
}

static struct ps_tensor attention(struct ps_run *run)
{
    return ps_self_attention(run, ps_linear(run, frames_of(run, 1), qkv, NULL), 2, PS_SPACE);
}

static struct ps_tensor blend(struct ps_run *run)
{
    return ps_blend(run, &(struct ps_blend){.a = 0.7f,
                                            .p = frames_of(run, 1),
                                            .b = 0.2f,
                                            .q = frames_of(run, 2),
                                            .vector = input(run, FRAMES, 1, 1, CHANNELS, 3)});
}

static struct ps_tensor blend_of_slabs(struct ps_run *run)
{
    const struct ps_tensor y = frames_of(run, 5);
    ps_blend(run, &(struct ps_blend){.a = 0.7f,
                                     .p = ps_slab(frames_of(run, 1), 0, 2),
                                     .vector = input(run, FRAMES, 1, 1, CHANNELS, 3),
                                     .into = ps_slab(y, 1, 2)});
    return y;
}

static struct ps_tensor concat(struct ps_run *run)
{
    return ps_concat(run, input(run, FRAMES, ROWS, COLUMNS, 4, 3), frames_of(run, 1));
}

static struct ps_tensor conv_enlarging(struct ps_run *run)
{
    const struct ps_window window = {
        .kernel_h = 3, .kernel_w = 3, .wide_h = 2 * ROWS, .wide_w = 2 * COLUMNS, .pad_top = 1, .pad_left = 1};
    return ps_conv(run, frames_of(run, 1), conv, &window, NULL);
}

static struct ps_tensor conv_twice(struct ps_run *run)
{
    const struct ps_layer phases = {&weights[PHASES], &weights[VECTOR]};
    return ps_conv_twice(run, frames_of(run, 1), phases,
                         &(struct ps_epilogue){.vector = input(run, FRAMES, 1, 1, CHANNELS, 3)});
}

static struct ps_tensor narrow_and_widen(struct ps_run *run)
{
    return ps_widen(run, ps_narrow(run, frames_of(run, 1), 0.3f), 0.9f, none);
}

static struct ps_tensor guide(struct ps_run *run)
{
    return ps_guide(run, frames_of(run, 1), frames_of(run, 2), input(run, 1, 1, 1, FRAMES, 3));
}

struct op_case {
    const char *name;
    struct ps_tensor (*run)(struct ps_run *run);
};

static const struct op_case cases[] = {
#define CASE(name)                                                                                           \
    {                                                                                                        \
#name, name                                                                                          \
    }
    CASE(linear),
    CASE(linear_of_one_vector),
    CASE(linear_geglu),
    CASE(linear_longer),
    CASE(conv3x3),
    CASE(conv_halving),
    CASE(conv_frames_into_slab),
    CASE(group_norm),
    CASE(group_norm_beside),
    CASE(norm_of_slabs),
    CASE(layer_norm),
    CASE(layer_norm_of_slab),
    CASE(attention),
    CASE(blend),
    CASE(blend_of_slabs),
    CASE(concat),
    CASE(conv_enlarging),
    CASE(conv_twice),
    CASE(narrow_and_widen),
    CASE(guide),
};

#define RING (1ull << 20)

static struct ps_tensor begin(struct ps_run *run, struct ps_backend *backend, const struct op_case *what,
                              uint64_t limit, struct ps_error *error)
{
    static const struct ps_store store = {.fill = fill};
    ps_run_begin(run, backend, PS_F32, error);
    run->scratch.segment_limit = limit;
    run->store = &store;
    run->ring_bytes = RING;
    const struct ps_tensor y = what->run(run);
    if (error->status)
        fail_msg("%s in %u bytes: %s", what->name, (unsigned)limit, error->message);
    assert_true(ps_elements(y) <= LONGEST);
    return y;
}

/* Runs the op where allocations have at most `limit` bytes; the result in `to`. */
static void execute(const struct op_case *what, uint64_t limit, float *to)
{
    struct ps_error error = {0};
    struct ps_backend *ref = ps_ref_open(&error);
    assert_non_null(ref);
    struct ps_backend plan = ps_plan_backend(ref);
    struct ps_run run;
    begin(&run, &plan, what, limit, &error);
    assert_true(ref->ops->reserve(ref, PS_SCRATCH, run.scratch.peak, run.scratch.segments, &error));
    assert_true(ref->ops->reserve(ref, PS_WEIGHTS, &(uint64_t){RING}, 1, &error));
    ps_run_end(&run);
    ps_download_floats(&run, begin(&run, ref, what, limit, &error), to);
    assert_int_equal(error.status, PS_OK);
    ps_run_end(&run);
    ref->ops->close(ref);
}

static void check(void **state)
{
    const struct op_case *what = *state;
    float *whole = calloc(LONGEST, sizeof *whole), *split = calloc(LONGEST, sizeof *split);
    assert_non_null(whole);
    assert_non_null(split);
    execute(what, WHOLE, whole);
    /* From what holds one frame of the widest result to what holds all of an input's frames but one. */
    for (uint64_t frames = 4; frames < FRAMES; frames++) {
        const uint64_t bytes = frames * ROWS * COLUMNS * CHANNELS * sizeof *whole;
        execute(what, ps_align_up(bytes, PS_ALIGNMENT), split);
        if (memcmp(whole, split, LONGEST * sizeof *whole))
            fail_msg("%s differs in allocations of %u frames", what->name, (unsigned)frames);
    }
    free(whole);
    free(split);
}

int main(void)
{
    struct CMUnitTest tests[sizeof cases / sizeof *cases];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = check, .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
