/* The run: sticky errors, scopes, planning, the ring that weights stream through, conversion. */
#include "runroom/suite.h"

#include <stdlib.h>

#include "narrow.h"
#include "ref/ref.h"
#include "run/plan.h"
#include "run/run.h"

struct fixture {
    struct ps_error error;
    struct ps_backend *ref;
    struct ps_backend plan;
    struct ps_run run;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ref = ps_ref_open(&f->error);
    f->plan = ps_plan_backend(f->ref);
    ps_run_begin(&f->run, &f->plan, PS_F32, &f->error);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ps_run_end(&f->run);
    f->ref->ops->close(f->ref);
    free(f);
    return 0;
}

/* The run again, on the reference interpreter, with memory of the size that was planned. */
static void execute(struct fixture *f, uint64_t weight_bytes)
{
    uint64_t bytes[PS_MAX_SEGMENTS];
    const uint32_t segments = f->run.scratch.segments;
    memcpy(bytes, f->run.scratch.peak, sizeof bytes);
    assert_true(f->ref->ops->reserve(f->ref, PS_SCRATCH, bytes, segments, &f->error));
    if (weight_bytes)
        assert_true(f->ref->ops->reserve(f->ref, PS_WEIGHTS, &weight_bytes, 1, &f->error));
    ps_run_end(&f->run);
    ps_run_begin(&f->run, f->ref, PS_F32, &f->error);
}

static void scopes_free_all_but_the_result(void **state)
{
    struct fixture *f = *state;
    struct ps_run *run = &f->run;
    const struct ps_tensor outer = ps_new(run, PS_F32, 1, 1, 1, 64);
    ps_enter(run, "block");
    struct ps_tensor a = ps_new(run, PS_F32, 1, 1, 1, 64);
    struct ps_tensor b = ps_new(run, PS_F16, 2, 3, 4, 64);
    const struct ps_tensor c = ps_new(run, PS_F32, 1, 1, 1, 64);
    ps_drop(run, &a);
    assert_true(ps_is_null(a));
    ps_drop(run, &a);
    ps_enter(run, "inner");
    const struct ps_tensor d = ps_new(run, PS_F32, 1, 1, 1, 64);
    assert_int_equal(d.offset, 256);
    assert_int_equal(run->scratch.live_count, 4);
    const struct ps_tensor kept = ps_leave(run, d);
    assert_int_equal(kept.offset, d.offset);
    assert_int_equal(run->scratch.live_count, 4);
    /* A view of a tensor's beginning keeps it. */
    const struct ps_tensor view = ps_leave(run, ps_frames(b, 0, 1));
    assert_int_equal(view.offset, b.offset);
    assert_int_equal(run->scratch.live_count, 2);
    assert_int_equal(run->live[0], outer.offset);
    assert_int_equal(run->live[1], b.offset);
    assert_int_equal(c.offset, 256 + 256 + 3072);
    assert_int_equal(ps_arena_peak(&run->scratch), 256 + 256 + 3072 + 256);
    assert_no_error(f->error);
}

static void the_first_error_wins(void **state)
{
    struct fixture *f = *state;
    struct ps_run *run = &f->run;
    ps_enter(run, "unet");
    ps_enter(run, "down.0");
    struct ps_tensor a = ps_new(run, PS_F32, 1, 1, 1, 8);
    ps_run_fail(run, PS_ERR_INTERNAL, "test.first", "%d is not %d", 1, 2);
    ps_run_fail(run, PS_ERR_MEMORY, "test.second", "no");
    assert_error(f->error, PS_ERR_INTERNAL, "test.first");
    assert_string_equal(f->error.message, "unet/down.0: 1 is not 2");
    assert_false(ps_run_ok(run));
    assert_true(ps_is_null(ps_new(run, PS_F32, 1, 1, 1, 8)));
    float values[8] = {0};
    ps_upload(run, a, values);
    ps_download(run, a, values);
    ps_run_launch(run, &(struct ps_launch){.flops = 5});
    assert_int_equal(run->flops, 0);
    assert_true(ps_is_null(ps_leave(run, a)));
    assert_true(ps_is_null(ps_leave(run, (struct ps_tensor){0})));
    assert_int_equal(run->scratch.live_count, 0);
}

static void too_large(void **state)
{
    struct fixture *f = *state;
    f->run.scratch.segment_limit = 1 << 20;
    assert_false(ps_is_null(ps_new(&f->run, PS_F32, 1, 1, 1, 1 << 18)));
    assert_no_error(f->error);
    assert_true(ps_is_null(ps_new(&f->run, PS_F32, 1, 1, 1, (1 << 18) + 1)));
    assert_error(f->error, PS_ERR_MEMORY, PS_TOO_LARGE);
    assert_non_null(strstr(f->error.message, "[1, 1, 1, 262145] f32"));
}

/* Seven frames of 1 KiB where a segment holds four: four lie in the first, three at the same place in the next. */
static void split(void **state)
{
    struct fixture *f = *state;
    struct ps_run *run = &f->run;
    const uint64_t next = 1ull << PS_SEGMENT_SHIFT;
    run->scratch.segment_limit = 4 << 10;
    struct ps_tensor before = ps_new(run, PS_F32, 1, 1, 1, 256);
    struct ps_tensor t = ps_new(run, PS_F16, 7, 2, 16, 16);
    assert_int_equal(t.split, 4);
    assert_int_equal(t.offset, next);
    assert_true(ps_is_dense(t));
    assert_int_equal(ps_arena_peak(&run->scratch), (1 + 4 + 3) << 10);
    for (uint32_t first = 0; first < 7; first++)
        for (uint32_t count = 1; first + count <= 7; count++) {
            const struct ps_tensor view = ps_frames(t, first, count);
            assert_int_equal(view.split, first < 4 && first + count > 4 ? 4 : 0);
            assert_int_equal(view.offset, (first < 4 ? next : 2 * next) + first % 4 * 1024);
            assert_int_equal(ps_frames_together(t, first), first < 4 ? 4 - first : 7 - first);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(ps_frames(view, i, 1).offset, ps_frames(t, first + i, 1).offset);
                const uint32_t held = ps_frames_together(t, first + i);
                assert_int_equal(ps_frames_together(view, i), held < count - i ? held : count - i);
            }
        }
    const struct ps_tensor slab = ps_slab(ps_frames(t, 2, 4), 1, 1);
    assert_int_equal(ps_frames(slab, 0, 1).offset, next + 2 * 1024 + 512);
    assert_int_equal(ps_frames(slab, 2, 2).offset, 2 * next + 512);
    ps_drop(run, &t);
    assert_int_equal(run->scratch.live_count, 1);
    ps_drop(run, &before);
    t = ps_new(run, PS_F32, 5, 1, 1, 256);
    assert_int_equal(t.offset, 0);
    assert_int_equal(t.split, 3);
    assert_no_error(f->error);
    const struct ps_launch launch = {.kernel = PS_KERNEL_narrow, .type = PS_F32, .operands = {t, t}};
    ps_run_launch(run, &launch);
    assert_error(f->error, PS_ERR_INTERNAL, "launch.operands");
}

/* A clip of n frames that grows in a room from 1 KiB a frame to 2 to 8, in one segment and split over several: frame f may
 * be written once frames up to f of the smaller one have been read, and everything lies in what the room took. */
static void room(void **state)
{
    struct fixture *f = *state;
    struct ps_run *run = &f->run;
    for (uint32_t held = 1; held <= 9; held++)
        for (uint32_t n = 1; n <= 9; n++) {
            run->scratch.segment_limit = (uint64_t)held * 8 << 10;
            struct ps_tensor space = ps_new_room(run, PS_F32, n, 2, 4, 256);
            struct ps_tensor small = ps_in_room(space, 1, 1, 256), large = ps_in_room(space, 1, 2, 256);
            while (large.pitch <= space.pitch) {
                for (uint32_t i = 0; i < n; i++) {
                    const struct ps_tensor written = ps_frames(large, i, 1);
                    const uint64_t segment = written.offset >> PS_SEGMENT_SHIFT,
                                   end = written.offset + ps_span_bytes(written);
                    assert_int_equal(segment, ps_frames(space, i, 1).offset >> PS_SEGMENT_SHIFT);
                    assert_true((end - 1) >> PS_SEGMENT_SHIFT == segment);
                    assert_true((end - (segment << PS_SEGMENT_SHIFT)) <= run->scratch.peak[segment]);
                    for (uint32_t j = i + 1; j < n; j++) {
                        const struct ps_tensor unread = ps_frames(small, j, 1);
                        assert_true(unread.offset >= end || unread.offset >> PS_SEGMENT_SHIFT > segment);
                    }
                }
                small = large;
                large = ps_in_room(space, 1, small.w == 4 ? 8 : small.w + 1, 256);
                if (small.w == 8)
                    break;
            }
            assert_int_equal(small.offset, space.offset);
            assert_int_equal(small.pitch, space.pitch);
            ps_drop(run, &space);
            memset(run->scratch.peak, 0, sizeof run->scratch.peak);
        }
    assert_true(ps_is_null(ps_in_room((struct ps_tensor){0}, 1, 1, 1)));
    assert_no_error(f->error);
}

static void too_many_segments(void **state)
{
    struct fixture *f = *state;
    f->run.scratch.segment_limit = 1 << 10;
    struct ps_tensor t = ps_new(&f->run, PS_F32, PS_MAX_SEGMENTS, 1, 1, 256);
    assert_int_equal(t.split, 1);
    ps_drop(&f->run, &t);
    assert_true(ps_is_null(ps_new(&f->run, PS_F32, PS_MAX_SEGMENTS + 1, 1, 1, 256)));
    assert_error(f->error, PS_ERR_MEMORY, PS_TOO_LARGE);
}

/* What is uploaded to a split tensor comes back, frame by frame and whole. */
static void split_transfers(void **state)
{
    struct fixture *f = *state;
    float values[7 * 256], back[7 * 256];
    for (int i = 0; i < 7 * 256; i++)
        values[i] = (float)i;
    for (int type = PS_F32; type <= PS_F16; type++) {
        f->run.scratch.segment_limit = 2 << 10;
        ps_new(&f->run, (enum ps_type)type, 7, 1, 1, 256);
        execute(f, 0);
        f->run.scratch.segment_limit = 2 << 10;
        const struct ps_tensor t = ps_new(&f->run, (enum ps_type)type, 7, 1, 1, 256);
        assert_true(t.split > 0);
        ps_upload_floats(&f->run, t, values);
        memset(back, 0, sizeof back);
        ps_download_floats(&f->run, t, back);
        assert_memory_equal(values, back, sizeof back);
        for (uint32_t i = 0; i < 7; i++) {
            ps_download_floats(&f->run, ps_frames(t, i, 1), back);
            assert_memory_equal(values + i * 256, back, sizeof back / 7);
        }
        assert_int_equal(f->run.largest_transfer, t.split * ps_type_bytes(t.type) * 256);
        assert_no_error(f->error);
        execute(f, 0);
    }
}

static void sizes_do_not_wrap(void **state)
{
    struct fixture *f = *state;
    assert_true(ps_is_null(ps_new(&f->run, PS_F32, 1u << 31, 1u << 31, 1u << 31, 4)));
    assert_error(f->error, PS_ERR_MEMORY, PS_TOO_LARGE);
}

static struct ps_launch narrow(struct ps_tensor from, struct ps_tensor to, float scale)
{
    struct ps_launch launch = {.kernel = PS_KERNEL_narrow,
                               .type = to.type,
                               .operands = {from, to},
                               .items = {(uint32_t)ps_elements(to), 1, 1},
                               .flops = ps_elements(to)};
    launch.spec[PS_NARROW_SPEC_WIDTH] = 1;
    const struct ps_narrow_push push = {.count = (uint32_t)ps_elements(to), .scale = scale};
    memcpy(launch.push, &push, sizeof push);
    return launch;
}

static void wrong_operands(void **state)
{
    struct fixture *f = *state;
    const struct ps_tensor from = ps_new(&f->run, PS_F16, 1, 1, 1, 8),
                           to = ps_new(&f->run, PS_F32, 1, 1, 1, 8);
    const struct ps_launch launch = narrow(from, to, 1);
    ps_run_launch(&f->run, &launch);
    assert_error(f->error, PS_ERR_INTERNAL, "launch.operands");
}

static bool three_times(void *user, const struct ps_run *run)
{
    (void)run;
    return --*(int *)user >= 0;
}

static void cancelled(void **state)
{
    struct fixture *f = *state;
    int left = 3;
    f->run.alive = three_times;
    f->run.user = &left;
    const struct ps_tensor from = ps_new(&f->run, PS_F32, 1, 1, 1, 8),
                           to = ps_new(&f->run, PS_F32, 1, 1, 1, 8);
    const struct ps_launch launch = narrow(from, to, 1);
    for (int i = 0; i < 5; i++)
        ps_run_launch(&f->run, &launch);
    assert_error(f->error, PS_ERR_CANCELLED, "cancelled");
    assert_int_equal(f->run.flops, 3 * 8);
}

static void chunks(void **state)
{
    struct fixture *f = *state;
    f->run.chunk_bytes = 1000;
    assert_int_equal(ps_chunk(&f->run, 14, 100), 10);
    assert_int_equal(ps_chunk(&f->run, 7, 100), 7);
    assert_int_equal(ps_chunk(&f->run, 7, 1001), 1);
    assert_int_equal(ps_chunk(&f->run, 7, 0), 7);
    assert_int_equal(ps_chunk(&f->run, 7, UINT64_MAX), 1);
}

/* A little model whose memory is planned, reserved and used: the run takes what the plan said. */
static struct ps_tensor model(struct ps_run *run, const float *input)
{
    ps_enter(run, "model");
    const struct ps_tensor x = ps_new(run, PS_F32, 1, 2, 3, 50);
    ps_upload_floats(run, x, input);
    struct ps_tensor y = ps_new(run, PS_F32, 1, 2, 3, 50);
    for (int i = 0; i < 3; i++) {
        ps_enter(run, "layer");
        struct ps_tensor z = ps_new(run, PS_F32, 1, 2, 3, 50);
        struct ps_launch launch = narrow(i ? y : x, z, 2);
        ps_run_launch(run, &launch);
        struct ps_tensor spare = ps_new(run, PS_F16, 1, 2, 3, 50);
        ps_drop(run, &spare);
        z = ps_leave(run, z);
        ps_drop(run, &y);
        y = z;
    }
    return ps_leave(run, y);
}

static void plan_and_run_agree(void **state)
{
    struct fixture *f = *state;
    float input[300], output[300];
    for (int i = 0; i < 300; i++)
        input[i] = (float)i;
    const struct ps_tensor planned = model(&f->run, input);
    const uint64_t peak = ps_arena_peak(&f->run.scratch), flops = f->run.flops;
    assert_int_equal(f->plan.peak_bytes, 0);
    execute(f, 0);
    const struct ps_tensor t = model(&f->run, input);
    ps_download_floats(&f->run, t, output);
    assert_no_error(f->error);
    assert_int_equal(t.offset, planned.offset);
    assert_int_equal(ps_arena_peak(&f->run.scratch), peak);
    assert_int_equal(f->run.flops, flops);
    assert_int_equal(f->ref->allocated_bytes, peak);
    assert_int_equal(f->ref->peak_bytes, peak);
    for (int i = 0; i < 300; i++)
        assert_true(output[i] == 8 * input[i]);
    assert_true(f->ref->ops->reserve(f->ref, PS_SCRATCH, NULL, 0, &f->error));
    assert_int_equal(f->ref->allocated_bytes, 0);
    assert_int_equal(f->ref->peak_bytes, peak);
}

static void floats_and_halves(void **state)
{
    struct fixture *f = *state;
    const float values[] = {0, 1, -2.5f, 65504, 1e-7f, 3.14159274f, -0.0f};
    const float stored[] = {0, 1, -2.5f, 65504, 0x1.ap-24f, 3.140625f, -0.0f};
    float found[7];
    ps_new(&f->run, PS_F16, 1, 1, 1, 7);
    execute(f, 0);
    const struct ps_tensor t = ps_new(&f->run, PS_F16, 1, 1, 1, 7);
    ps_upload_floats(&f->run, t, values);
    ps_download_floats(&f->run, t, found);
    assert_no_error(f->error);
    for (int i = 0; i < 7; i++)
        if (i != 4)
            assert_memory_equal(&found[i], &stored[i], sizeof(float));
    assert_true(found[4] == 0x1p-23f);
    assert_int_equal(f->run.largest_transfer, 14);
}

/* Weights whose elements all hold their index; counts how often one was filled. */
struct counting_store {
    struct ps_store base;
    uint32_t fills[16];
};

static bool fill_with_index(const struct ps_store *store, const struct ps_weight *weight, enum ps_type type,
                            void *to, struct ps_error *error)
{
    (void)error;
    ((struct counting_store *)(uintptr_t)store)->fills[weight->index]++;
    assert_int_equal(type, PS_F32);
    for (uint32_t i = 0; i < weight->rows * weight->columns; i++)
        ((float *)to)[i] = (float)weight->index;
    return true;
}

static struct ps_weight vector(uint32_t index, uint32_t floats)
{
    return (struct ps_weight){
        .pack = PS_PACK_VECTOR, .taps = 1, .rows = 1, .columns = floats, .index = index};
}

static void resident_and_streamed(void **state)
{
    struct fixture *f = *state;
    struct counting_store store = {.base = {.fill = fill_with_index}};
    struct ps_tensor resident[8] = {{0}};
    execute(f, 4096);
    struct ps_run *run = &f->run;
    run->store = &store.base;
    run->resident = resident;
    run->ring_offset = 1024;
    run->ring_bytes = 3072;

    struct ps_weight weights[8];
    for (uint32_t i = 0; i < 8; i++)
        weights[i] = vector(i, 256);
    resident[0] = ps_packed_shape(&weights[0], PS_F32);
    assert_true(ps_run_load(run, &weights[0], resident[0]));
    assert_true(ps_is_null(ps_run_weight(run, NULL)));

    /* Three fit the ring: the fourth takes the place of the first, and so on. */
    const uint32_t order[] = {0, 1, 2, 1, 3, 2, 4, 1, 3, 0};
    const uint64_t at[] = {0, 1024, 2048, 1024, 3072, 2048, 1024, 2048, 3072, 0};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const struct ps_tensor t = ps_run_weight(run, &weights[order[i]]);
        assert_no_error(f->error);
        assert_int_equal(t.offset, at[i]);
        float values[256];
        ps_download(run, t, values);
        for (int j = 0; j < 256; j++)
            assert_true(values[j] == (float)order[i]);
    }
    const uint32_t fills[] = {1, 2, 1, 1, 1};
    for (int i = 0; i < 5; i++)
        assert_int_equal(store.fills[i], fills[i]);
    assert_int_equal(run->streamed_bytes, 5 * 1024);

    const struct ps_weight huge = vector(7, 769);
    assert_true(ps_is_null(ps_run_weight(run, &huge)));
    assert_error(f->error, PS_ERR_INTERNAL, "weights.ring");
}

static void packed_shapes(void **state)
{
    (void)state;
    const struct ps_weight conv = {.pack = PS_PACK_MATRIX, .taps = 9, .rows = 10, .columns = 13};
    struct ps_tensor t = ps_packed_shape(&conv, PS_F16);
    assert_int_equal(t.n, 9);
    assert_int_equal(t.h, 3);
    assert_int_equal(t.w, 16);
    assert_int_equal(t.c, 4);
    assert_int_equal(ps_span_bytes(t), 9 * 3 * 16 * 4 * 2);
    assert_int_equal(ps_packed_index(3, 16, 0, 0, 0), 0);
    assert_int_equal(ps_packed_index(3, 16, 0, 3, 0), 3);
    assert_int_equal(ps_packed_index(3, 16, 0, 3, 1), 7);
    assert_int_equal(ps_packed_index(3, 16, 8, 9, 12), ((8 * 3 + 2) * 16 + 12) * 4 + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(scopes_free_all_but_the_result),
        TEST(the_first_error_wins),
        TEST(too_large),
        TEST(split),
        TEST(room),
        TEST(too_many_segments),
        TEST(split_transfers),
        TEST(sizes_do_not_wrap),
        TEST(wrong_operands),
        TEST(cancelled),
        TEST(chunks),
        TEST(plan_and_run_agree),
        TEST(floats_and_halves),
        TEST(resident_and_streamed),
        cmocka_unit_test(packed_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
