/* A device that allows only small allocations renders the same clip: whatever is longer than one is split. */
#include "base/suite.h"

#include <stdlib.h>
#include <string.h>

#include "render/model.h"

#define FRAMES 5

static const struct ps_render_params params = {
    .width = 72, .height = 40, .frames = FRAMES, .steps = 2, .dtype = PS_DTYPE_F32, .fit = PS_FIT_STRETCH};

static void must(const struct ps_error *error)
{
    if (error->status)
        fail_msg("%s: %s", error->id, error->message);
}

/* The smallest allocations, in steps of an eighth, that the clip can be rendered with. */
static uint64_t least_limit(struct ps_model *model)
{
    struct ps_backend *backend = model->context->backend;
    struct ps_error error = {.status = PS_ERR_MEMORY};
    struct ps_plan plan;
    for (backend->segment_limit = 64 << 10; error.status;
         backend->segment_limit += backend->segment_limit / 8) {
        error = (struct ps_error){0};
        ps_render_plan(&plan, model, &params, &error);
        if (error.status && error.status != PS_ERR_MEMORY)
            must(&error);
        if (!error.status)
            return backend->segment_limit;
    }
    return 0;
}

static struct ps_clip *render(struct ps_model *model, const struct ps_photo *photo)
{
    struct ps_error error = {0};
    struct ps_clip *clip;
    struct ps_plan plan;
    ps_render_plan(&plan, model, &params, &error);
    ps_render(&clip, model, photo, &params, NULL, &error);
    must(&error);
    assert_int_equal(ps_clip_peak_bytes(clip), plan.peak_bytes);
    return clip;
}

static void check(const char *device)
{
    struct ps_error error = {0};
    struct ps_context *context;
    struct ps_model *model;
    struct ps_photo *photo;
    if (ps_context_open(&context, &(struct ps_context_params){.device = device}, &error)) {
        print_message("%s: %s\n", device, error.message);
        skip();
    }
    ps_model_open(&model, context, PACKSHOT_GOLDEN_DIR "/pipelines/odd", NULL, &error);
    ps_photo_load(&photo, PACKSHOT_SOURCE_DIR "/tests/golden/pipelines/odd/photo.png", NULL, &error);
    must(&error);

    struct ps_clip *whole = render(model, photo);
    const uint64_t limit = least_limit(model);
    struct ps_clip *split = render(model, photo);
    /* The decoder's last level holds the clip in so many channels. */
    const uint64_t longest =
        sizeof(float) * FRAMES * params.height * params.width * model->checkpoint->vae.block_out_channels[0];
    print_message("%s: allocations of %u KiB, the longest tensor %u KiB\n", device, (unsigned)(limit >> 10),
                  (unsigned)(longest >> 10));
    assert_true(2 * limit < longest);
    const size_t bytes = (size_t)3 * params.width * params.height;
    for (uint32_t i = 0; i < FRAMES; i++)
        assert_memory_equal(ps_clip_frame(whole, i), ps_clip_frame(split, i), bytes);
    assert_memory_not_equal(ps_clip_frame(whole, 0), ps_clip_frame(whole, FRAMES - 1), bytes);

    ps_clip_free(&whole);
    ps_clip_free(&split);
    ps_photo_free(&photo);
    ps_model_close(&model);
    ps_context_close(&context);
}

static void on_the_processor(void **state)
{
    (void)state;
    check("cpu");
}

static void on_vulkan(void **state)
{
    (void)state;
    check("0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(on_the_processor), cmocka_unit_test(on_vulkan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
