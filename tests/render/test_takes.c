/* Several takes, drafts, and going on from kept latents: always bit for bit the clip of a render in one go. */
#include "base/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packshot.h"
#include "weights/tensor_file.h"

#define MODEL PACKSHOT_GOLDEN_DIR "/pipelines/mini"

enum { WIDTH = 32, HEIGHT = 16, FRAMES = 3, STEPS = 4, TAKES = 3 };

struct bed {
    struct ps_context *context;
    struct ps_model *model;
    struct ps_photo *photo;
    struct ps_render_params params;
    char folder[64];
    char paths[TAKES][128];
    const char *files[TAKES];
};

static int open_bed(void **state)
{
    static struct bed bed;
    static uint8_t rgb[48 * 40 * 3];
    const struct ps_context_params params = {.device = "cpu", .threads = 1};
    struct ps_error error = {0};
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * i / 7 % 256);
    if (ps_context_open(&bed.context, &params, &error) ||
        ps_model_open(&bed.model, bed.context, MODEL, NULL, &error) ||
        ps_photo_from_rgb(&bed.photo, rgb, 48, 40, &error))
        fail_msg("%s", error.message);
    bed.params = (struct ps_render_params){.width = WIDTH,
                                           .height = HEIGHT,
                                           .frames = FRAMES,
                                           .steps = STEPS,
                                           .seed = 11,
                                           .dtype = PS_DTYPE_F32,
                                           .memory_bytes = 1 << 28};
    strcpy(bed.folder, "/tmp/packshot-takes-XXXXXX");
    assert_non_null(mkdtemp(bed.folder));
    for (int i = 0; i < TAKES; i++) {
        snprintf(bed.paths[i], sizeof bed.paths[i], "%s/%d.safetensors", bed.folder, i);
        bed.files[i] = bed.paths[i];
    }
    *state = &bed;
    return 0;
}

static void drop_files(const struct bed *bed)
{
    for (int i = 0; i < TAKES; i++)
        unlink(bed->paths[i]);
}

static int close_bed(void **state)
{
    struct bed *bed = *state;
    drop_files(bed);
    rmdir(bed->folder);
    ps_photo_free(&bed->photo);
    ps_model_close(&bed->model);
    ps_context_close(&bed->context);
    return 0;
}

/* The clip of a seed, rendered in one go. */
static struct ps_clip *render(struct bed *bed, const struct ps_render_params *params, uint64_t seed)
{
    struct ps_render_params own = *params;
    struct ps_clip *clip = NULL;
    struct ps_error error = {0};
    own.seed = seed;
    if (ps_render(&clip, bed->model, bed->photo, &own, NULL, &error))
        fail_msg("%s", error.message);
    return clip;
}

/* Clips handed over, in order. */
struct taken {
    uint32_t count;
    struct ps_clip *clips[TAKES];
    uint32_t stop_after;
};

static bool take(void *user, uint32_t at, struct ps_clip *clip)
{
    struct taken *taken = user;
    assert_int_equal(at, taken->count);
    taken->clips[taken->count++] = clip;
    return taken->count != taken->stop_after;
}

static void drop(struct taken *taken)
{
    for (uint32_t i = 0; i < taken->count; i++)
        ps_clip_free(&taken->clips[i]);
    *taken = (struct taken){0};
}

static enum ps_status render_takes(struct bed *bed, struct taken *taken, struct ps_takes takes,
                                   struct ps_error *error)
{
    takes.done = take;
    takes.user = taken;
    *error = (struct ps_error){0};
    return ps_render_takes(bed->model, bed->photo, &bed->params, &takes, NULL, error);
}

static void must_render(struct bed *bed, struct taken *taken, struct ps_takes takes)
{
    struct ps_error error;
    if (render_takes(bed, taken, takes, &error))
        fail_msg("%s", error.message);
}

static void must_fail(struct bed *bed, struct ps_takes takes, enum ps_status status, const char *id)
{
    struct ps_error error;
    struct taken taken = {0};
    render_takes(bed, &taken, takes, &error);
    if (error.status != status || strcmp(error.id, id) != 0)
        fail_msg("expected %s, found %s: %s", id, error.id, error.message);
    drop(&taken);
}

static bool same(const struct ps_clip *a, const struct ps_clip *b)
{
    const size_t frame = WIDTH * HEIGHT * 3;
    for (uint32_t f = 0; f < FRAMES; f++)
        if (memcmp(ps_clip_frame(a, f), ps_clip_frame(b, f), frame) != 0)
            return false;
    return ps_clip_frames(a) == FRAMES && ps_clip_frames(b) == FRAMES;
}

static void assert_renders_of(struct bed *bed, const struct ps_render_params *params, struct taken *taken)
{
    for (uint32_t i = 0; i < taken->count; i++) {
        struct ps_clip *alone = render(bed, params, bed->params.seed + i);
        assert_true(same(taken->clips[i], alone));
        ps_clip_free(&alone);
    }
}

static void test_takes_are_renders_of_their_seeds(void **state)
{
    struct bed *bed = *state;
    struct taken taken = {0};
    must_render(bed, &taken, (struct ps_takes){.count = TAKES});
    assert_int_equal(taken.count, TAKES);
    assert_renders_of(bed, &bed->params, &taken);
    assert_false(same(taken.clips[0], taken.clips[1]));
    drop(&taken);
}

/* The preview after k steps is what a render of the first k noise levels and 0 ends in. */
static void test_a_draft_is_a_shorter_render(void **state)
{
    struct bed *bed = *state;
    struct taken taken = {0};
    struct ps_render_params listed = bed->params, shorter = bed->params;
    const float levels[] = {700, 90, 8, 0.5f, 0}, draft[] = {700, 90, 0};
    listed.sigmas = levels;
    listed.sigma_count = 5;
    shorter.sigmas = draft;
    shorter.sigma_count = 3;
    const struct ps_render_params before = bed->params;
    bed->params = listed;
    must_render(bed, &taken, (struct ps_takes){.count = 2, .until = 2});
    assert_renders_of(bed, &shorter, &taken);
    bed->params = before;
    drop(&taken);
}

static void test_a_draft_goes_on(void **state)
{
    struct bed *bed = *state;
    struct taken taken = {0};
    must_render(bed, &taken, (struct ps_takes){.count = TAKES, .until = 1, .keep = bed->files});
    drop(&taken);
    /* Only the second, in two goes. */
    const char *second[] = {NULL, bed->files[1], NULL};
    bed->params.overwrite = true;
    must_render(bed, &taken, (struct ps_takes){.count = 2, .until = 3, .resume = second, .keep = second});
    bed->params.overwrite = false;
    drop(&taken);
    must_render(bed, &taken, (struct ps_takes){.count = 2, .resume = second});
    assert_renders_of(bed, &bed->params, &taken);
    drop(&taken);
    drop_files(bed);
}

/* Latents of a whole way are only decoded. */
static void test_a_finished_take_is_only_decoded(void **state)
{
    struct bed *bed = *state;
    struct taken taken = {0};
    struct ps_plan plan;
    struct ps_error error = {0};
    const struct ps_takes resumed = {.count = 2, .resume = bed->files};
    must_render(bed, &taken, (struct ps_takes){.count = 2, .keep = bed->files});
    drop(&taken);
    assert_int_equal(ps_render_takes_plan(&plan, bed->model, &bed->params, &resumed, &error), PS_OK);
    assert_int_equal(plan.phase_count, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(plan.phases[i].flops == 0, strcmp(plan.phases[i].name, "decoder") != 0);
    must_render(bed, &taken, resumed);
    assert_renders_of(bed, &bed->params, &taken);
    drop(&taken);
    drop_files(bed);
}

/* A draft that is taken up at the step where it stopped shows its preview again. */
static void test_a_draft_is_shown_again(void **state)
{
    struct bed *bed = *state;
    struct taken first = {0}, again = {0};
    must_render(bed, &first, (struct ps_takes){.until = 2, .keep = bed->files});
    must_render(bed, &again, (struct ps_takes){.until = 2, .resume = bed->files});
    assert_true(same(first.clips[0], again.clips[0]));
    drop(&first);
    drop(&again);
    drop_files(bed);
}

static void test_the_work_is_counted(void **state)
{
    struct bed *bed = *state;
    struct ps_plan one, three, draft;
    struct ps_error error = {0};
    const struct ps_takes takes = {.count = TAKES}, drafts = {.count = TAKES, .until = 1};
    assert_int_equal(ps_render_plan(&one, bed->model, &bed->params, &error), PS_OK);
    assert_int_equal(ps_render_takes_plan(&three, bed->model, &bed->params, &takes, &error), PS_OK);
    assert_int_equal(ps_render_takes_plan(&draft, bed->model, &bed->params, &drafts, &error), PS_OK);
    assert_int_equal(three.peak_bytes, one.peak_bytes);
    assert_int_equal(three.phases[0].flops, one.phases[0].flops);
    for (int i = 1; i < 4; i++)
        assert_int_equal(three.phases[i].flops, TAKES * one.phases[i].flops);
    assert_true(draft.phases[2].flops < three.phases[2].flops / 2);
    struct taken taken = {0};
    must_render(bed, &taken, drafts);
    for (int i = 0; i < TAKES; i++)
        assert_int_equal(ps_clip_peak_bytes(taken.clips[i]), draft.peak_bytes);
    drop(&taken);
}

struct heard {
    double done;
    uint32_t last_take, takes, steps;
};

static bool listen(void *user, const struct ps_progress *now)
{
    struct heard *heard = user;
    assert_true(now->done >= heard->done && now->done <= 1.001);
    assert_true(now->take >= 1 && now->take <= now->takes && now->step >= 1 && now->step <= now->steps);
    heard->done = now->done;
    heard->takes = now->takes;
    if (!strcmp(now->phase, "unet")) {
        heard->last_take = now->take;
        heard->steps = now->steps;
    }
    return true;
}

static void test_progress_goes_forward(void **state)
{
    struct bed *bed = *state;
    struct heard heard = {0};
    struct taken taken = {0};
    struct ps_error error = {0};
    const struct ps_takes takes = {.count = TAKES, .done = take, .user = &taken};
    const struct ps_render_events events = {.progress = listen, .user = &heard};
    assert_int_equal(ps_render_takes(bed->model, bed->photo, &bed->params, &takes, &events, &error), PS_OK);
    assert_true(heard.done > 0.999);
    assert_int_equal(heard.takes, TAKES);
    assert_int_equal(heard.last_take, TAKES);
    assert_int_equal(heard.steps, STEPS);
    drop(&taken);
}

static void test_the_caller_can_stop(void **state)
{
    struct bed *bed = *state;
    struct taken taken = {.stop_after = 1};
    struct ps_error error;
    assert_int_equal(render_takes(bed, &taken, (struct ps_takes){.count = TAKES}, &error), PS_ERR_CANCELLED);
    assert_int_equal(taken.count, 1);
    drop(&taken);
}

/* Rewrites a kept file with its tensors changed. */
static void rewrite(const char *path, uint64_t frames, float steps, float sigma, bool preview)
{
    const uint64_t one = 1, levels = STEPS + 1, shape[] = {1, frames, 4, HEIGHT / 8, WIDTH / 8};
    struct ps_safetensors *file = NULL;
    struct ps_tensor_writer *writer = NULL;
    struct ps_error error = {0};
    float sigmas[STEPS + 1], *latents = calloc(frames * 4 * (HEIGHT / 8) * (WIDTH / 8), sizeof *latents);
    if (ps_tensor_file_open(&file, path, &error) ||
        ps_tensor_file_read(file, ps_safetensors_find(file, "sigmas"), sigmas, &error))
        fail_msg("%s", error.message);
    ps_safetensors_close(&file);
    sigmas[1] *= sigma;
    if (ps_tensor_writer_open(&writer, path, true, 4, &error) ||
        ps_tensor_writer_add(writer, "steps", 1, &one, &steps, &error) ||
        ps_tensor_writer_add(writer, "sigmas", 1, &levels, sigmas, &error) ||
        ps_tensor_writer_add(writer, preview ? "preview" : "latents", 5, shape, latents, &error) ||
        ps_tensor_writer_finish(writer, &error))
        fail_msg("%s", error.message);
    ps_tensor_writer_close(&writer);
    free(latents);
}

static void test_files_that_do_not_fit_are_refused(void **state)
{
    struct bed *bed = *state;
    struct taken taken = {0};
    struct stat about;
    const struct ps_takes resumed = {.resume = bed->files};
    must_fail(bed, resumed, PS_ERR_INPUT, "tensors.not-found");
    must_render(bed, &taken, (struct ps_takes){.until = 2, .keep = bed->files});
    drop(&taken);
    must_fail(bed, (struct ps_takes){.until = 1, .resume = bed->files}, PS_ERR_INPUT, "latents.steps");
    bed->params.steps = STEPS + 1;
    must_fail(bed, resumed, PS_ERR_INPUT, "latents.shape");
    bed->params.steps = STEPS;
    rewrite(bed->files[0], FRAMES, 2, 1.001f, false);
    must_fail(bed, resumed, PS_ERR_INPUT, "latents.sigmas");
    drop_files(bed);
    must_render(bed, &taken, (struct ps_takes){.until = 2, .keep = bed->files});
    drop(&taken);
    rewrite(bed->files[0], FRAMES + 1, 2, 1, false);
    must_fail(bed, resumed, PS_ERR_INPUT, "latents.shape");
    rewrite(bed->files[0], FRAMES, 2.5f, 1, false);
    must_fail(bed, resumed, PS_ERR_INPUT, "latents.steps");
    rewrite(bed->files[0], FRAMES, 0, 1, false);
    must_fail(bed, resumed, PS_ERR_INPUT, "latents.steps");
    rewrite(bed->files[0], FRAMES, 2, 1, true);
    must_fail(bed, resumed, PS_ERR_INPUT, "latents.missing");
    assert_int_equal(stat(bed->files[0], &about), 0);
    assert_int_equal(truncate(bed->files[0], about.st_size - 1), 0);
    must_fail(bed, resumed, PS_ERR_INPUT, "tensors.truncated");
    drop_files(bed);
}

static void test_what_cannot_be_asked_for(void **state)
{
    struct bed *bed = *state;
    must_fail(bed, (struct ps_takes){.count = PS_MAX_TAKES + 1}, PS_ERR_USAGE, "usage.range");
    must_fail(bed, (struct ps_takes){.until = STEPS + 1}, PS_ERR_USAGE, "usage.range");
    bed->params.taps = bed->files[0];
    must_fail(bed, (struct ps_takes){.count = 2}, PS_ERR_USAGE, "usage.conflict");
    bed->params.taps = NULL;
}

/* A file that is there stays, unless it may be replaced; the render stops when it comes to light. */
static void test_a_kept_file_is_not_replaced(void **state)
{
    struct bed *bed = *state;
    struct taken taken = {0};
    must_render(bed, &taken, (struct ps_takes){.until = 1, .keep = bed->files});
    drop(&taken);
    must_fail(bed, (struct ps_takes){.until = 1, .keep = bed->files}, PS_ERR_OUTPUT, "output.exists");
    drop_files(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_are_renders_of_their_seeds),
        cmocka_unit_test(test_a_draft_is_a_shorter_render),
        cmocka_unit_test(test_a_draft_goes_on),
        cmocka_unit_test(test_a_finished_take_is_only_decoded),
        cmocka_unit_test(test_a_draft_is_shown_again),
        cmocka_unit_test(test_the_work_is_counted),
        cmocka_unit_test(test_progress_goes_forward),
        cmocka_unit_test(test_the_caller_can_stop),
        cmocka_unit_test(test_files_that_do_not_fit_are_refused),
        cmocka_unit_test(test_what_cannot_be_asked_for),
        cmocka_unit_test(test_a_kept_file_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, open_bed, close_bed);
}
