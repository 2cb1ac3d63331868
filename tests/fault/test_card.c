/* Renders on a device with a queue of its own for uploads: a software device behind the layer of card.c, and above that the
 * validation layer, which takes it for a card. */
#include "base/suite.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "packshot.h"

#define MODEL PACKSHOT_GOLDEN_DIR "/pipelines/mini"

enum { WIDTH = 16, HEIGHT = 16, FRAMES = 2, BYTES = WIDTH * HEIGHT * 3 };
enum { COMPUTE, UPLOAD };

static struct {
    void (*delay)(const char *text);
    unsigned long (*submits)(unsigned int family);
} layer;

static void must(const struct ps_error *error)
{
    if (error->status)
        fail_msg("%s: %s", error->id, error->message);
}

static void take_line(void *user, enum ps_log_level level, const char *line)
{
    (void)user;
    if (level <= PS_LOG_WARNING)
        fail_msg("%s", line);
}

/* The least memory, to a KiB, that the clip can be rendered with. */
static uint64_t least_memory(struct ps_model *model, struct ps_render_params params)
{
    uint64_t too_little = 0, enough = 1 << 30;
    while (enough - too_little > 1024) {
        struct ps_plan plan;
        params.memory_bytes = too_little + (enough - too_little) / 2;
        *(ps_render_plan(&plan, model, &params, NULL) ? &too_little : &enough) = params.memory_bytes;
    }
    return enough;
}

/* Renders with the memory that is asked for, with the least for 0, into `frames`. Returns whether the UNet was streamed. */
static bool render(uint8_t frames[FRAMES][BYTES], uint64_t memory, bool validate)
{
    uint8_t rgb[24 * 20 * 3];
    struct ps_error error = {0};
    struct ps_context *context;
    struct ps_model *model;
    struct ps_photo *photo;
    struct ps_clip *clip;
    struct ps_plan plan;
    struct ps_render_params params = {
        .width = WIDTH, .height = HEIGHT, .frames = FRAMES, .steps = 2, .dtype = PS_DTYPE_F16};
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * i / 7 % 256);
    ps_context_open(
        &context, &(struct ps_context_params){.device = "0", .validate = validate, .log = take_line}, &error);
    must(&error);
    ps_model_open(&model, context, MODEL, NULL, &error);
    must(&error);
    assert_int_equal(ps_photo_from_rgb(&photo, rgb, 24, 20, NULL), PS_OK);
    params.memory_bytes = memory ? memory : least_memory(model, params);
    ps_render_plan(&plan, model, &params, &error);
    must(&error);
    ps_render(&clip, model, photo, &params, NULL, &error);
    must(&error);
    assert_int_equal(ps_clip_peak_bytes(clip), plan.peak_bytes);
    for (uint32_t i = 0; i < FRAMES; i++)
        memcpy(frames[i], ps_clip_frame(clip, i), BYTES);
    ps_clip_free(&clip);
    ps_photo_free(&photo);
    ps_model_close(&model);
    ps_context_close(&context);
    return plan.phases[2].streamed;
}

static bool no_device(void)
{
    struct ps_context *context;
    const bool none =
        ps_context_open(&context, &(struct ps_context_params){.device = "0", .validate = true}, NULL);
    ps_context_close(&context);
    return none;
}

/* Whichever queue is late, with streamed weights and resident ones. */
static void test_same_bits(void **state)
{
    (void)state;
    static const struct {
        const char *late;
        uint64_t memory;
    } rows[] = {{"launches", 0}, {"uploads", 0}, {NULL, 1 << 30}};
    static uint8_t whole[FRAMES][BYTES], frames[FRAMES][BYTES];
    assert_false(render(whole, 1 << 30, false));
    setenv("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation:VK_LAYER_PACKSHOT_card", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const unsigned long launches = layer.submits(COMPUTE), uploads = layer.submits(UPLOAD);
        layer.delay(rows[i].late);
        assert_int_equal(render(frames, rows[i].memory, true), !rows[i].memory);
        print_message("%lu submissions of launches, %lu of uploads\n", layer.submits(COMPUTE) - launches,
                      layer.submits(UPLOAD) - uploads);
        assert_true(layer.submits(UPLOAD) > uploads);
        assert_memory_equal(frames, whole, sizeof whole);
    }
}

static int load_layer(void **state)
{
    (void)state;
    void *library = dlopen(CARD_LAYER, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fail_msg("%s", dlerror());
    /* ISO C has no conversion from dlsym's pointer to a function's. */
    *(void **)&layer.delay = dlsym(library, "card_delay");
    *(void **)&layer.submits = dlsym(library, "card_submits");
    assert_true(layer.delay && layer.submits);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits)};
    if (no_device())
        return 77;
    return cmocka_run_group_tests(tests, load_layer, NULL);
}
