/* A render that keeps its state, is stopped and goes on: bit for bit the clip of one that was not, and never from a
 * state that is not its own. */
#include "base/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packshot.h"

#define PIPELINES PACKSHOT_GOLDEN_DIR "/pipelines/"

enum { WIDTH = 32, HEIGHT = 16, FRAMES = 3, STEPS = 4, PHOTO_W = 48, PHOTO_H = 40 };

struct bed {
    struct ps_context *context;
    struct ps_model *model;
    struct ps_photo *photo, *other_photo;
    struct ps_clip *whole; /* of a render that was not stopped */
    struct ps_render_params params;
    char folder[64], file[96];
    char log[4096];
};

static void take_line(void *user, enum ps_log_level level, const char *line)
{
    struct bed *bed = user;
    const size_t used = strlen(bed->log);
    if (level <= PS_LOG_INFO)
        snprintf(bed->log + used, sizeof bed->log - used, "%s\n", line);
}

static struct ps_photo *photo_of(unsigned key)
{
    static uint8_t rgb[PHOTO_W * PHOTO_H * 3];
    struct ps_photo *photo;
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * i / key % 256);
    assert_int_equal(ps_photo_from_rgb(&photo, rgb, PHOTO_W, PHOTO_H, NULL), PS_OK);
    return photo;
}

static struct ps_model *model_of(struct ps_context *context, const char *name)
{
    struct ps_error error = {0};
    struct ps_model *model;
    char path[256];
    snprintf(path, sizeof path, PIPELINES "%s", name);
    if (ps_model_open(&model, context, path, NULL, &error) || ps_model_identify(model, NULL, &error))
        fail_msg("%s", error.message);
    return model;
}

static int open_bed(void **state)
{
    static struct bed bed;
    const struct ps_context_params params = {.device = "cpu", .threads = 1, .log = take_line, .user = &bed};
    struct ps_error error = {0};
    if (ps_context_open(&bed.context, &params, &error))
        fail_msg("%s", error.message);
    bed.model = model_of(bed.context, "mini");
    bed.photo = photo_of(7);
    bed.other_photo = photo_of(8);
    bed.params = (struct ps_render_params){.width = WIDTH,
                                           .height = HEIGHT,
                                           .frames = FRAMES,
                                           .steps = STEPS,
                                           .seed = 11,
                                           .dtype = PS_DTYPE_F32,
                                           .memory_bytes = 1 << 28};
    if (ps_render(&bed.whole, bed.model, bed.photo, &bed.params, NULL, &error))
        fail_msg("%s", error.message);
    strcpy(bed.folder, "/tmp/packshot-state-XXXXXX");
    assert_non_null(mkdtemp(bed.folder));
    snprintf(bed.file, sizeof bed.file, "%s/state", bed.folder);
    bed.params.state = bed.file;
    *state = &bed;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *bed = *state;
    rmdir(bed->folder);
    ps_clip_free(&bed->whole);
    ps_photo_free(&bed->photo);
    ps_photo_free(&bed->other_photo);
    ps_model_close(&bed->model);
    ps_context_close(&bed->context);
    return 0;
}

/* ---- renders that are stopped ---- */

/* Where to stop, and what was told until then. */
struct stop {
    const char *phase; /* null: nowhere */
    uint32_t step;
    double
        pause; /* seconds that the first call of that step takes, which is let pass; the next is within it */
    bool paused;
    uint32_t first; /* sampling step that was told of first; 0 for none */
};

static bool listen(void *user, const struct ps_progress *now)
{
    struct stop *stop = user;
    assert_true(now->done >= 0 && now->done <= 1.001 && now->step >= 1 && now->step <= now->steps);
    if (!strcmp(now->phase, "unet") && !stop->first)
        stop->first = now->step;
    if (!stop->phase || strcmp(now->phase, stop->phase) != 0 || now->step != stop->step)
        return true;
    if (stop->pause > 0 && !stop->paused) {
        stop->paused = true;
        usleep((useconds_t)(stop->pause * 1e6));
        return true;
    }
    return false;
}

static enum ps_status render(struct bed *bed, struct ps_clip **clip, struct stop *stop,
                             struct ps_error *error)
{
    const struct ps_render_events events = {.progress = listen, .user = stop};
    *error = (struct ps_error){0};
    bed->log[0] = '\0';
    return ps_render(clip, bed->model, bed->photo, &bed->params, &events, error);
}

static void must_stop(struct bed *bed, struct stop stop)
{
    struct ps_clip *clip;
    struct ps_error error;
    assert_int_equal(render(bed, &clip, &stop, &error), PS_ERR_CANCELLED);
    assert_null(clip);
}

/* Renders to the end; returns the sampling step that was begun with, 0 for none. */
static uint32_t must_render(struct bed *bed, struct ps_clip **clip)
{
    struct ps_error error;
    struct stop stop = {0};
    if (render(bed, clip, &stop, &error))
        fail_msg("%s", error.message);
    return stop.first;
}

static bool same(const struct ps_clip *a, const struct ps_clip *b)
{
    for (uint32_t f = 0; f < FRAMES; f++)
        if (memcmp(ps_clip_frame(a, f), ps_clip_frame(b, f), WIDTH * HEIGHT * 3) != 0)
            return false;
    return true;
}

/* That a render begins with that step, tells so, and ends in the clip of one that was not stopped. */
static void must_go_on(struct bed *bed, uint32_t step, const char *told)
{
    struct ps_clip *clip;
    assert_int_equal(must_render(bed, &clip), step);
    assert_true(same(clip, bed->whole));
    if (!strstr(bed->log, told))
        fail_msg("expected \"%s\", found \"%s\"", told, bed->log);
    ps_clip_free(&clip);
}

static void test_goes_on_after_every_step(void **state)
{
    struct bed *bed = *state;
    for (uint32_t k = 1; k <= STEPS; k++) {
        char told[160];
        must_stop(bed, k < STEPS ? (struct stop){.phase = "unet", .step = k + 1}
                                 : (struct stop){.phase = "decoder", .step = 1});
        snprintf(told, sizeof told, "goes on after step %u of %u, from %s", k, STEPS, bed->file);
        assert_non_null(strstr(bed->log, told));
        snprintf(told, sizeof told, "going on after step %u of %u", k, STEPS);
        must_go_on(bed, k < STEPS ? k + 1 : 0, told);
        unlink(bed->file);
    }
}

static void test_goes_on_again_and_again(void **state)
{
    struct bed *bed = *state;
    for (uint32_t k = 1; k < STEPS; k++)
        must_stop(bed, (struct stop){.phase = "unet", .step = k + 1});
    must_stop(bed, (struct stop){.phase = "decoder", .step = 1});
    must_go_on(bed, 0, "going on after step 4 of 4");
    unlink(bed->file);
}

static void test_nothing_is_kept_before_the_first_step(void **state)
{
    struct bed *bed = *state;
    must_stop(bed, (struct stop){.phase = "unet", .step = 1});
    assert_int_equal(access(bed->file, F_OK), -1);
    assert_string_equal(bed->log, "");
    must_go_on(bed, 1, "");
    assert_string_equal(bed->log, "");
    unlink(bed->file);
}

/* A stop in the middle of a step waits for its end. */
static void test_the_step_at_hand_is_finished(void **state)
{
    struct bed *bed = *state;
    must_stop(bed, (struct stop){.phase = "unet", .step = 2, .pause = 0.25});
    must_go_on(bed, 3, "going on after step 2 of 4");
    unlink(bed->file);
}

/* ---- states of other renders ---- */

/* A state after two steps, and a render that begins anew beside it for this reason. */
static void must_begin_anew(struct bed *bed, const char *reason)
{
    struct ps_clip *clip, *alone;
    struct ps_error error = {0};
    assert_int_equal(must_render(bed, &clip), 1);
    if (!strstr(bed->log, reason) || !strstr(bed->log, "begins at its beginning"))
        fail_msg("expected \"%s\", found \"%s\"", reason, bed->log);
    bed->params.state = NULL;
    if (ps_render(&alone, bed->model, bed->photo, &bed->params, NULL, &error))
        fail_msg("%s", error.message);
    bed->params.state = bed->file;
    assert_int_equal(ps_clip_frames(clip), ps_clip_frames(alone));
    assert_memory_equal(ps_clip_frame(clip, 0), ps_clip_frame(alone, 0),
                        3u * ps_clip_width(clip) * ps_clip_height(clip));
    ps_clip_free(&clip);
    ps_clip_free(&alone);
    unlink(bed->file);
}

static void leave_a_state(struct bed *bed)
{
    unlink(bed->file);
    must_stop(bed, (struct stop){.phase = "unet", .step = 3});
}

static void test_another_render_begins_anew(void **state)
{
    struct bed *bed = *state;
    static const float sigmas[] = {700, 90, 8, 0.5f, 0};
    static const struct {
        const char *reason;
        struct ps_render_params changed; /* where not zero */
    } cases[] = {
        {"its seed is 11, not 12", {.seed = 12}},
        {"its motion is 127, not 20", {.motion = 20}},
        {"its noise-aug is 0.02, not 0.1", {.noise_augmentation = 0.1f}},
        {"its fps is 7, not 8", {.fps = 8}},
        {"its guidance-max is 3, not 2", {.guidance_max = 2}},
        {"its guidance-min is 1, not 2", {.guidance_min = 2}},
        {"its rng is philox, not torch-cpu", {.rng = PS_RNG_TORCH_CPU}},
        {"its dtype is f32, not bf16", {.dtype = PS_DTYPE_BF16}},
        {"its weights is full, not q8", {.weights = PS_WEIGHTS_Q8}},
        {"its sigmas is", {.sigmas = sigmas, .sigma_count = 5}},
        {"its sigmas is", {.schedule = PS_SCHEDULE_AYS}},
        {"its steps is 4, not 5", {.steps = 5}},
        {"its frames is 3, not 2", {.frames = 2}},
        {"its width is 32, not 40", {.width = 40}},
        {"its photo is", {.fit = PS_FIT_STRETCH}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ps_render_params before = bed->params, *changed = &cases[i].changed;
        struct ps_render_params *p = &bed->params;
        leave_a_state(bed);
        p->seed = changed->seed ? changed->seed : p->seed;
        p->motion = changed->motion;
        p->noise_augmentation = changed->noise_augmentation;
        p->fps = changed->fps;
        p->guidance_min = changed->guidance_min;
        p->guidance_max = changed->guidance_max;
        p->rng = changed->rng;
        p->dtype = changed->dtype ? changed->dtype : p->dtype;
        p->weights = changed->weights;
        p->sigmas = changed->sigmas;
        p->sigma_count = changed->sigma_count;
        p->schedule = changed->schedule;
        p->steps = changed->steps ? changed->steps : p->steps;
        p->frames = changed->frames ? changed->frames : p->frames;
        p->width = changed->width ? changed->width : p->width;
        p->fit = changed->fit;
        must_begin_anew(bed, cases[i].reason);
        bed->params = before;
    }
}

static void test_another_photo_model_or_device_begins_anew(void **state)
{
    struct bed *bed = *state;
    struct ps_photo *photo = bed->photo;
    struct ps_model *model = bed->model;
    struct ps_context *ref;
    leave_a_state(bed);
    bed->photo = bed->other_photo;
    must_begin_anew(bed, "its photo is");
    bed->photo = photo;

    leave_a_state(bed);
    bed->model = model_of(bed->context, "odd");
    must_begin_anew(bed, "its checkpoint is");
    ps_model_close(&bed->model);
    bed->model = model;

    leave_a_state(bed);
    const struct ps_context_params params = {.device = "ref", .log = take_line, .user = bed};
    assert_int_equal(ps_context_open(&ref, &params, NULL), PS_OK);
    bed->model = model_of(ref, "mini");
    must_begin_anew(bed, "its device is processor");
    ps_model_close(&bed->model);
    ps_context_close(&ref);
    bed->model = model;
}

/* What decides nothing about the latents may be another. */
static void test_memory_and_decoding_do_not_count(void **state)
{
    struct bed *bed = *state;
    const struct ps_render_params before = bed->params;
    struct ps_clip *clip;
    leave_a_state(bed);
    bed->params.memory_bytes = 1 << 26;
    bed->params.decode_chunk = 1;
    assert_int_equal(must_render(bed, &clip), 3);
    ps_clip_free(&clip);
    bed->params = before;
    unlink(bed->file);
}

/* ---- damage ---- */

struct bytes {
    unsigned char *at;
    size_t size;
};

static struct bytes read_file(const char *path)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &about), 0);
    struct bytes bytes = {malloc((size_t)about.st_size), (size_t)about.st_size};
    assert_int_equal(fread(bytes.at, 1, bytes.size, file), bytes.size);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Either it is no state any more, and stays as it is, or the render begins anew; the clip is never another. */
static void check_damaged(struct bed *bed, const struct bytes *bytes, size_t size)
{
    struct ps_clip *clip;
    struct ps_error error;
    struct stop stop = {0};
    write_file(bed->file, bytes->at, size);
    if (render(bed, &clip, &stop, &error)) {
        assert_string_equal(error.id, "state.foreign");
        struct bytes now = read_file(bed->file);
        assert_int_equal(now.size, size);
        assert_memory_equal(now.at, bytes->at, size);
        free(now.at);
    } else {
        assert_int_equal(stop.first, 1);
        assert_true(!size || strstr(bed->log, "begins at its beginning"));
        assert_true(same(clip, bed->whole));
        ps_clip_free(&clip);
    }
}

static void test_damage_is_noticed(void **state)
{
    struct bed *bed = *state;
    leave_a_state(bed);
    struct bytes bytes = read_file(bed->file);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | bytes.at[i];
    /* Every kind of place: the length, the mark, facts, shapes, the padding, and each tensor. */
    for (size_t at = 0; at < bytes.size; at += at < 8 ? 1 : at < 8 + length ? 89 : 199) {
        /* Padding may be a space or another white space. */
        if (at >= 8 && at < 8 + length && bytes.at[at] == ' ')
            continue;
        bytes.at[at] ^= 1;
        check_damaged(bed, &bytes, bytes.size);
        bytes.at[at] ^= 1;
    }
    for (size_t size = 0; size < bytes.size; size += bytes.size / 13)
        check_damaged(bed, &bytes, size);
    free(bytes.at);
    unlink(bed->file);
}

static void test_other_files_are_not_replaced(void **state)
{
    struct bed *bed = *state;
    static const char text[] = "{\"__metadata__\":{\"packshot\":\"state\"";
    struct ps_clip *clip;
    struct ps_error error;
    struct ps_plan plan;
    struct stop stop = {0};
    write_file(bed->file, text, sizeof text - 1);
    assert_int_equal(render(bed, &clip, &stop, &error), PS_ERR_INPUT);
    assert_string_equal(error.id, "state.foreign");
    struct bytes bytes = read_file(bed->file);
    assert_int_equal(bytes.size, sizeof text - 1);
    free(bytes.at);
    /* Before anything is rendered. */
    error = (struct ps_error){0};
    assert_int_equal(ps_render_plan(&plan, bed->model, &bed->params, &error), PS_ERR_INPUT);
    unlink(bed->file);
    assert_int_equal(symlink("/dev/null", bed->file), 0);
    assert_int_equal(render(bed, &clip, &stop, &error), PS_ERR_OUTPUT);
    unlink(bed->file);
    char nowhere[128];
    snprintf(nowhere, sizeof nowhere, "%s/nowhere/state", bed->folder);
    bed->params.state = nowhere;
    assert_int_equal(render(bed, &clip, &stop, &error), PS_ERR_OUTPUT);
    bed->params.state = bed->file;
}

/* ---- drafts and latents ---- */

static bool take_clip(void *user, uint32_t take, struct ps_clip *clip)
{
    assert_int_equal(take, 0);
    *(struct ps_clip **)user = clip;
    return true;
}

static struct ps_clip *render_take(struct bed *bed, struct ps_takes takes, struct stop *stop)
{
    struct ps_clip *clip = NULL;
    struct ps_error error = {0};
    const struct ps_render_events events = {.progress = listen, .user = stop};
    takes.done = take_clip;
    takes.user = &clip;
    bed->log[0] = '\0';
    ps_render_takes(bed->model, bed->photo, &bed->params, &takes, &events, &error);
    if (error.status != (stop->phase ? PS_ERR_CANCELLED : PS_OK))
        fail_msg("%s", error.message);
    return clip;
}

static void test_a_draft_goes_on(void **state)
{
    struct bed *bed = *state;
    struct ps_takes draft = {.until = 2};
    struct stop none = {0}, in_step = {.phase = "unet", .step = 2}, at_end = {.phase = "decoder", .step = 1};
    struct ps_clip *whole = render_take(bed, draft, &none);
    unlink(bed->file);
    assert_null(render_take(bed, draft, &in_step));
    assert_null(render_take(bed, draft, &at_end));
    none.first = 0;
    struct ps_clip *clip = render_take(bed, draft, &none);
    assert_int_equal(none.first, 0);
    assert_true(same(clip, whole));
    ps_clip_free(&clip);
    ps_clip_free(&whole);
    /* And a whole render from the draft's state. */
    must_go_on(bed, 3, "going on after step 2 of 4");
    /* But a draft not from a state that is beyond it. */
    clip = render_take(bed, draft, &none);
    assert_int_equal(none.first, 1);
    ps_clip_free(&clip);
    unlink(bed->file);
}

/* A render that goes on from kept latents keeps a state of its own, which is not that of the whole render. */
static void test_latents_and_a_state(void **state)
{
    struct bed *bed = *state;
    char latents[96];
    const char *path = latents;
    const struct ps_takes resumed = {.resume = &path};
    struct stop none = {0}, in_step = {.phase = "unet", .step = 4};
    snprintf(latents, sizeof latents, "%s/latents", bed->folder);
    struct ps_clip *clip = render_take(bed, (struct ps_takes){.until = 2, .keep = &path}, &none);
    ps_clip_free(&clip);
    unlink(bed->file);
    assert_null(render_take(bed, resumed, &in_step));
    none.first = 0;
    clip = render_take(bed, resumed, &none);
    assert_int_equal(none.first, 4);
    assert_true(same(clip, bed->whole));
    ps_clip_free(&clip);
    must_begin_anew(bed, "its begun is");
    unlink(latents);
}

static void test_what_does_not_go_together(void **state)
{
    struct bed *bed = *state;
    struct ps_error error = {0};
    struct ps_clip *clip = NULL;
    struct ps_plan plan;
    const struct ps_takes two = {.count = 2};
    struct ps_model *model;
    assert_int_equal(ps_render_takes_plan(&plan, bed->model, &bed->params, &two, &error), PS_ERR_USAGE);
    assert_string_equal(error.id, "usage.conflict");
    error = (struct ps_error){0};
    bed->params.taps = "taps";
    assert_int_equal(ps_render_plan(&plan, bed->model, &bed->params, &error), PS_ERR_USAGE);
    bed->params.taps = NULL;
    error = (struct ps_error){0};
    assert_int_equal(ps_model_open(&model, bed->context, PIPELINES "mini", NULL, &error), PS_OK);
    assert_int_equal(ps_render(&clip, model, bed->photo, &bed->params, NULL, &error), PS_ERR_USAGE);
    assert_string_equal(error.id, "usage.state");
    ps_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on_after_every_step),
        cmocka_unit_test(test_goes_on_again_and_again),
        cmocka_unit_test(test_nothing_is_kept_before_the_first_step),
        cmocka_unit_test(test_the_step_at_hand_is_finished),
        cmocka_unit_test(test_another_render_begins_anew),
        cmocka_unit_test(test_another_photo_model_or_device_begins_anew),
        cmocka_unit_test(test_memory_and_decoding_do_not_count),
        cmocka_unit_test(test_damage_is_noticed),
        cmocka_unit_test(test_other_files_are_not_replaced),
        cmocka_unit_test(test_a_draft_goes_on),
        cmocka_unit_test(test_latents_and_a_state),
        cmocka_unit_test(test_what_does_not_go_together),
    };
    return cmocka_run_group_tests(tests, open_bed, close_bed);
}
