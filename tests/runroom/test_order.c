/* What the Vulkan interpreter really records, against every pair of accesses; see spy.h. */
#include "runroom/suite.h"

#include <math.h>
#include <stdlib.h>

#include "blend.h"
#include "ref/ref.h"
#include "runroom/spy.h"

#define SEGMENT_FLOATS 16384

static struct ps_tensor place(enum ps_space space, uint32_t segment, uint32_t first, uint32_t floats)
{
    return (struct ps_tensor){.type = PS_F32,
                              .space = space,
                              .n = 1,
                              .h = 1,
                              .w = 1,
                              .c = floats,
                              .pitch = floats,
                              .offset = (uint64_t)segment << PS_SEGMENT_SHIFT | first * sizeof(float)};
}

static struct ps_tensor random_place(uint64_t *seed, uint32_t floats)
{
    const enum ps_space space = suite_below(seed, 4) ? PS_SCRATCH : PS_WEIGHTS;
    return place(space, space == PS_SCRATCH ? suite_below(seed, 2) : 0,
                 suite_below(seed, SEGMENT_FLOATS - floats), floats);
}

static bool overlap(struct ps_tensor a, struct ps_tensor b)
{
    return a.space == b.space && a.offset < b.offset + ps_span_bytes(b) &&
           b.offset < a.offset + ps_span_bytes(a);
}

/* y = (p + q) / 2; y is apart from both, or is p itself. */
static struct ps_launch random_blend(uint64_t *seed)
{
    const uint32_t floats = 1 + suite_below(seed, 1500);
    const struct ps_tensor p = random_place(seed, floats), q = random_place(seed, floats);
    struct ps_tensor y = p;
    if (suite_below(seed, 4) || overlap(p, q))
        do
            y = random_place(seed, floats);
        while (overlap(y, p) || overlap(y, q));
    struct ps_launch launch = {.kernel = PS_KERNEL_blend,
                               .type = PS_F32,
                               .operands = {p, q, {0}, y},
                               .items = {floats, 1, 1},
                               .flops = floats * 3};
    launch.spec[PS_BLEND_SPEC_P] = 1;
    launch.spec[PS_BLEND_SPEC_Q] = 1;
    launch.spec[PS_BLEND_SPEC_WIDTH] = 1;
    const struct ps_blend_push push = {.n = 1, .elements = floats, .c = floats, .a = 0.5f, .b = 0.5f};
    memcpy(launch.push, &push, sizeof push);
    return launch;
}

static void reserve(struct ps_backend *backend)
{
    struct ps_error error = {0};
    const uint64_t bytes[] = {SEGMENT_FLOATS * sizeof(float), SEGMENT_FLOATS * sizeof(float)};
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, bytes, 2, &error));
    assert_true(backend->ops->reserve(backend, PS_WEIGHTS, bytes, 1, &error));
    assert_true(backend->ops->reserve_staging(backend, 3000 * sizeof(float), &error));
}

static void upload(struct ps_backend *backend, struct ps_tensor to, uint64_t seed)
{
    struct ps_error error = {0};
    float *values = backend->ops->upload_begin(backend, to, &error);
    assert_no_error(error);
    if (backend->ops != spy.vk->base.ops)
        assert_non_null(values);
    else
        spy_check_host_access(spy_host_range(values, ps_span_bytes(to), true));
    for (uint64_t i = 0; i < ps_elements(to); i++)
        values[i] = (float)suite_below(&seed, 2001) / 1000 - 1;
    assert_true(backend->ops->upload_end(backend, &error));
}

static void compare(struct ps_backend *backend, struct ps_backend *reference, struct ps_tensor t)
{
    static float found[SEGMENT_FLOATS], expected[SEGMENT_FLOATS];
    struct ps_error error = {0};
    assert_true(backend->ops->download(backend, t, found, &error));
    assert_true(reference->ops->download(reference, t, expected, &error));
    for (uint64_t i = 0; i < ps_elements(t); i++)
        if (!(fabsf(found[i] - expected[i]) <= 1e-5f))
            fail_msg("element %u is %.9g, not %.9g", (unsigned)i, (double)found[i], (double)expected[i]);
}

static void upload_both(struct ps_backend *backend, struct ps_backend *reference, uint64_t *seed)
{
    const struct ps_tensor t = random_place(seed, 1 + suite_below(seed, 3000));
    upload(backend, t, *seed);
    upload(reference, t, *seed);
}

static void compare_both(struct ps_backend *backend, struct ps_backend *reference, uint64_t *seed)
{
    const struct ps_tensor t = random_place(seed, 1 + suite_below(seed, 5000));
    compare(backend, reference, t);
    if (!backend->staging_needed) {
        struct ps_error error = {0};
        struct ps_range range;
        assert_true(ps_vk_locate(spy.vk, t, &range, NULL, &error));
        spy_check_host_access(range);
    }
}

static void launch_both(struct ps_backend *backend, struct ps_backend *reference,
                        const struct ps_launch *launch)
{
    struct ps_error error = {0};
    assert_true(backend->ops->launch(backend, launch, &error));
    assert_true(reference->ops->launch(reference, launch, &error));
}

/* Launches that come time after time, mostly; `odd` times in a hundred something is different somewhere: a launch, their
 * number, or the host comes between. */
#define PASSAGE 150

static void play_passage(struct ps_backend *backend, struct ps_backend *reference,
                         const struct ps_launch passage[PASSAGE], uint32_t odd, uint64_t *seed)
{
    struct ps_error error = {0};
    const uint32_t at = suite_below(seed, PASSAGE),
                   what = suite_below(seed, 100) < odd ? suite_below(seed, 5) : 5;
    assert_true(backend->ops->repeat_begin(backend, &error));
    for (uint32_t i = 0; i < (what == 0 ? at : PASSAGE); i++) {
        const struct ps_launch other = random_blend(seed);
        if (i == at && what == 1)
            upload_both(backend, reference, seed);
        if (i == at && what == 2)
            compare_both(backend, reference, seed);
        if (i == at && what == 3)
            launch_both(backend, reference, &other);
        launch_both(backend, reference, i == at && what == 4 ? &other : &passage[i]);
    }
    assert_true(backend->ops->repeat_end(backend, &error));
}

/* Plays passages, with something between them. Returns how many there were. */
static uint32_t play_passages(struct ps_backend *backend, struct ps_backend *reference, uint32_t odd,
                              uint64_t *seed)
{
    static struct ps_launch passage[PASSAGE];
    for (uint32_t i = 0; i < PASSAGE; i++)
        passage[i] = random_blend(seed);
    const uint32_t count = 30;
    for (uint32_t i = 0; i < count; i++) {
        play_passage(backend, reference, passage, odd, seed);
        if (suite_below(seed, 2)) {
            const struct ps_launch launch = random_blend(seed);
            launch_both(backend, reference, &launch);
        }
        if (suite_below(seed, 3) == 0)
            upload_both(backend, reference, seed);
        if (suite_below(seed, 3) == 0)
            compare_both(backend, reference, seed);
    }
    return count;
}

/* What is played: `uploads` and `downloads` in a thousand of the steps, the others are launches; then passages, where one is
 * `odd` in a hundred. */
struct play {
    bool stage;
    uint64_t seed;
    uint32_t steps, uploads, downloads;
    uint64_t dispatch_flops;
    bool repeats;
    uint32_t odd;
};

/* Uploads, launches and downloads at random places. */
static void play(struct play play)
{
    struct ps_error error = {0};
    uint64_t seed = play.seed;
    const struct ps_vk_params params = {.stage = play.stage, .dispatch_flops = play.dispatch_flops};
    struct ps_backend *backend = ps_vk_open(&params, &error);
    struct ps_backend *reference = ps_ref_open(&error);
    assert_no_error(error);
    assert_true(!play.stage || backend->staging_needed);
    spy_install(backend);
    reserve(backend);
    reserve(reference);
    for (uint32_t segment = 0; segment < 3; segment++)
        for (uint32_t first = 0; first < SEGMENT_FLOATS; first += SEGMENT_FLOATS / 8) {
            const struct ps_tensor t =
                place(segment < 2 ? PS_SCRATCH : PS_WEIGHTS, segment % 2, first, SEGMENT_FLOATS / 8);
            upload(backend, t, seed + segment + first);
            upload(reference, t, seed + segment + first);
        }
    for (uint32_t step = 0; step < play.steps; step++) {
        const uint32_t what = suite_below(&seed, 1000);
        const struct ps_launch launch = random_blend(&seed);
        if (what < play.uploads)
            upload_both(backend, reference, &seed);
        else if (what < play.uploads + play.downloads)
            compare_both(backend, reference, &seed);
        else
            launch_both(backend, reference, &launch);
    }
    const uint32_t passages = play.repeats ? play_passages(backend, reference, play.odd, &seed) : 0;
    assert_true(backend->ops->finish(backend, &error));
    for (uint32_t i = 0; i < spy.submission_count; i++)
        assert_true(spy.submissions[i].waited);
    for (uint32_t segment = 0; segment < 3; segment++)
        compare(backend, reference,
                place(segment < 2 ? PS_SCRATCH : PS_WEIGHTS, segment % 2, 0, SEGMENT_FLOATS));
    /* One before and one behind, and one where the launches of a replay differ. */
    const uint32_t barriers = spy_check_commands(3 * passages);
    const struct ps_vk_counts counts = ps_vk_counts(backend);
    assert_int_equal(counts.barriers, barriers);
    assert_int_equal(counts.submissions, spy.submission_count);
    printf(
        "%u commands, %u barriers, %u submissions, %u of them replays, %u copies on a queue of their own\n",
        spy.command_count, barriers, spy.submission_count, (unsigned)counts.replays,
        (unsigned)counts.uploads);
    assert_int_equal(counts.uploads > 0, spy.vk->queue_count > 1);
    assert_int_equal(counts.replays > 0, play.repeats);
    backend->ops->close(backend);
    reference->ops->close(reference);
}

static void launches_only(void **state)
{
    (void)state;
    play((struct play){.seed = 1, .steps = 3000});
}

static void with_transfers(void **state)
{
    (void)state;
    play((struct play){.seed = 2, .steps = 3000, .uploads = 100, .downloads = 20});
}

static void with_staged_transfers(void **state)
{
    (void)state;
    play((struct play){.stage = true, .seed = 3, .steps = 3000, .uploads = 100, .downloads = 20});
}

static void mostly_uploads(void **state)
{
    (void)state;
    play((struct play){.stage = true, .seed = 4, .steps = 1500, .uploads = 800, .downloads = 5});
    play((struct play){.seed = 5, .steps = 1500, .uploads = 800, .downloads = 5});
}

/* With a bound of 700 operations a dispatch, a submission holds little and a launch is cut where it can be.
 */
static void short_submissions(void **state)
{
    (void)state;
    struct play short_ones = {
        .seed = 6, .steps = 1500, .uploads = 50, .downloads = 10, .dispatch_flops = 700};
    play(short_ones);
    short_ones.stage = true;
    play(short_ones);
}

/* Submissions that are handed over again, of launches whole and in pieces. */
static void repeats(void **state)
{
    (void)state;
    play((struct play){.seed = 8, .repeats = true});
    play((struct play){.seed = 9, .repeats = true, .odd = 40});
    play((struct play){.seed = 10, .repeats = true, .odd = 40, .dispatch_flops = 700});
}

static void staged_repeats(void **state)
{
    (void)state;
    play((struct play){.stage = true, .seed = 11, .repeats = true, .odd = 40});
    play((struct play){.stage = true, .seed = 12, .repeats = true, .odd = 40, .dispatch_flops = 3000});
}

/* A long launch in pieces has every work group once, and the result of the launch in one. */
static void pieces(void **state)
{
    (void)state;
    const uint64_t bounds[] = {UINT64_MAX / 4, 10000, 100, 1};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        struct ps_error error = {0};
        const struct ps_vk_params params = {.dispatch_flops = bounds[i]};
        struct ps_backend *backend = ps_vk_open(&params, &error);
        struct ps_backend *reference = ps_ref_open(&error);
        assert_no_error(error);
        spy_install(backend);
        reserve(backend);
        reserve(reference);
        const uint32_t frames = 7, floats = 1025;
        struct ps_tensor x = place(PS_SCRATCH, 0, 0, floats), y = place(PS_SCRATCH, 1, 64, floats);
        x.n = y.n = frames;
        upload(backend, x, 5);
        upload(reference, x, 5);
        struct ps_launch launch = {.kernel = PS_KERNEL_blend,
                                   .type = PS_F32,
                                   .operands = {x, {0}, {0}, y},
                                   .items = {floats, 1, frames},
                                   .flops = 30000};
        launch.spec[PS_BLEND_SPEC_P] = 1;
        launch.spec[PS_BLEND_SPEC_WIDTH] = 1;
        const struct ps_blend_push push = {
            .n = frames, .elements = floats, .c = floats, .p_pitch = floats, .y_pitch = floats, .a = 2};
        memcpy(launch.push, &push, sizeof push);
        const uint64_t groups_before = spy.groups;
        assert_true(backend->ops->launch(backend, &launch, &error));
        assert_true(reference->ops->launch(reference, &launch, &error));
        assert_int_equal(spy.groups - groups_before,
                         ((floats + PS_GROUP_blend_X - 1) / PS_GROUP_blend_X) * frames);
        const uint64_t wanted[] = {1, 3, 21, 21};
        assert_int_equal(ps_vk_counts(backend).dispatches, wanted[i]);
        compare(backend, reference, y);
        backend->ops->close(backend);
        reference->ops->close(reference);
    }
}

/* With an argument transfers alone. */
int main(int argc, char **argv)
{
    (void)argv;
    const struct CMUnitTest transfers[] = {
        cmocka_unit_test(with_staged_transfers),
        cmocka_unit_test(mostly_uploads),
        cmocka_unit_test(staged_repeats),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(launches_only),
        cmocka_unit_test(with_transfers),
        cmocka_unit_test(short_submissions),
        cmocka_unit_test(repeats),
        cmocka_unit_test(pieces),
    };
    const int failed = cmocka_run_group_tests(transfers, NULL, NULL);
    return argc > 1 ? failed : failed + cmocka_run_group_tests(tests, NULL, NULL);
}
