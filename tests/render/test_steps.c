/* The host and the device within a sampling step: the host asks for the latents at its end, and else only hands over. */
#include "base/suite.h"

#include <string.h>

#include "base/clock.h"
#include "render/model.h"
#include "vk/vk.h"

static void must(const struct ps_error *error)
{
    if (error->status)
        fail_msg("%s: %s", error->id, error->message);
}

static struct ps_vk_counts counts_of(struct ps_model *model, const struct ps_photo *photo, uint32_t steps)
{
    struct ps_error error = {0};
    struct ps_clip *clip;
    const struct ps_render_params params = {
        .width = 72, .height = 40, .frames = 3, .steps = steps, .guidance_max = 3, .dtype = PS_DTYPE_F32};
    const struct ps_vk_counts before = ps_vk_counts(model->context->backend);
    ps_render(&clip, model, photo, &params, NULL, &error);
    must(&error);
    ps_clip_free(&clip);
    struct ps_vk_counts counts = ps_vk_counts(model->context->backend);
    counts.dispatches -= before.dispatches;
    counts.submissions -= before.submissions;
    counts.round_trips -= before.round_trips;
    counts.replays -= before.replays;
    return counts;
}

static void one_round_trip_a_step(void **state)
{
    (void)state;
    const double begun = ps_seconds();
    struct ps_error error = {0};
    struct ps_context *context;
    struct ps_model *model;
    struct ps_photo *photo;
    if (ps_context_open(&context, &(struct ps_context_params){.device = "0"}, &error)) {
        print_message("%s\n", error.message);
        skip();
    }
    ps_model_open(&model, context, PACKSHOT_GOLDEN_DIR "/pipelines/odd", NULL, &error);
    ps_photo_load(&photo, PACKSHOT_SOURCE_DIR "/tests/golden/pipelines/odd/photo.png", NULL, &error);
    must(&error);
    const struct ps_vk_counts two = counts_of(model, photo, 2), five = counts_of(model, photo, 5);
    print_message("a step: %.1f dispatches, %.1f submissions, %.1f of them replays, %.1f round trips\n",
                  (double)(five.dispatches - two.dispatches) / 3,
                  (double)(five.submissions - two.submissions) / 3,
                  (double)(five.replays - two.replays) / 3, (double)(five.round_trips - two.round_trips) / 3);
    assert_true(five.dispatches - two.dispatches > 3 * 2 * 64);
    assert_int_equal(five.round_trips - two.round_trips, 3);
    /* Each is filled, but for the last of those that are replayed, the one before them and the one after, which have the
     * numbers of the step. */
    const uint64_t dispatches = (five.dispatches - two.dispatches) / 3;
    assert_true(five.submissions - two.submissions <= 3 * (dispatches / 64 + 3));
    assert_int_equal(five.replays - two.replays, five.submissions - two.submissions - 3 * 2);
    /* The clock of the device has gone on; of its submissions four at most were under way at one time. */
    const struct ps_backend *backend = context->backend;
    const double busy = backend->ops->busy_seconds(backend);
    assert_true(busy < 0 || (busy > 0 && busy < 4 * (ps_seconds() - begun)));
    ps_photo_free(&photo);
    ps_model_close(&model);
    ps_context_close(&context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_round_trip_a_step)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
