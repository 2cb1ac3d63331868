/* A Vulkan device that fails under a render: it goes on on a new device or within less memory, to the same clip, or ends
 * with one clear error. Never a crash, never an object left behind. */
#include "base/suite.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packshot.h"

#define MODEL PACKSHOT_GOLDEN_DIR "/pipelines/mini"

enum { WIDTH = 16, HEIGHT = 16, FRAMES = 1, STEPS = 2, BYTES = WIDTH * HEIGHT * 3 };

static bool every; /* call in turn, rather than some */

struct bed {
    void (*arm)(const char *text);
    unsigned long (*calls)(const char *kind);
    unsigned long (*open)(void);
    struct ps_photo *photo;
    uint8_t whole[BYTES];                                 /* of a render that nothing happened to */
    unsigned long submits, waits, allocations, pipelines; /* that it took */
    char log[8192];
    bool validate;
};

static void take_line(void *user, enum ps_log_level level, const char *line)
{
    struct bed *bed = user;
    const size_t used = strlen(bed->log);
    if (level <= PS_LOG_WARNING)
        snprintf(bed->log + used, sizeof bed->log - used, "%s\n", line);
}

static bool take_frame(void *user, uint32_t take, struct ps_clip *clip)
{
    uint8_t(*frames)[BYTES] = user;
    memcpy(frames[take], ps_clip_frame(clip, 0), BYTES);
    ps_clip_free(&clip);
    return true;
}

/* Renders so many takes in a context of their own. */
static enum ps_status render_takes(struct bed *bed, uint8_t (*frames)[BYTES], uint32_t takes,
                                   struct ps_error *error)
{
    const struct ps_context_params context_params = {
        .device = "0", .log = take_line, .user = bed, .validate = bed->validate};
    const struct ps_render_params params = {.width = WIDTH,
                                            .height = HEIGHT,
                                            .frames = FRAMES,
                                            .steps = STEPS,
                                            .dtype = PS_DTYPE_F32,
                                            .memory_bytes = 64 << 20};
    struct ps_context *context = NULL;
    struct ps_model *model = NULL;
    const struct ps_takes several = {.count = takes, .done = take_frame, .user = frames};
    *error = (struct ps_error){0};
    bed->log[0] = '\0';
    if (!ps_context_open(&context, &context_params, error) &&
        !ps_model_open(&model, context, MODEL, NULL, error))
        ps_render_takes(model, bed->photo, &params, &several, NULL, error);
    ps_model_close(&model);
    ps_context_close(&context);
    /* A device that does not get through with its work is given up, a minute later. */
    assert_int_equal(bed->open(), 0);
    return error->status;
}

static enum ps_status render(struct bed *bed, uint8_t frame[BYTES], struct ps_error *error)
{
    return render_takes(bed, (uint8_t(*)[BYTES])frame, 1, error);
}

static void count(struct bed *bed)
{
    struct ps_error error;
    bed->arm(NULL);
    if (render(bed, bed->whole, &error))
        fail_msg("%s", error.message);
    assert_string_equal(bed->log, "");
    bed->submits = bed->calls("submit");
    bed->waits = bed->calls("wait");
    bed->allocations = bed->calls("allocate");
    bed->pipelines = bed->calls("pipeline");
    print_message("%lu submissions, %lu waits, %lu allocations, %lu pipelines\n", bed->submits, bed->waits,
                  bed->allocations, bed->pipelines);
    assert_true(bed->submits && bed->waits && bed->allocations && bed->pipelines);
}

static int open_bed(void **state)
{
    static struct bed bed;
    static uint8_t rgb[24 * 20 * 3];
    void *layer = dlopen(FAULT_LAYER, RTLD_NOW | RTLD_LOCAL);
    if (!layer)
        fail_msg("%s", dlerror());
    /* ISO C has no conversion from dlsym's pointer to a function's. */
    *(void **)&bed.arm = dlsym(layer, "fault_arm");
    *(void **)&bed.calls = dlsym(layer, "fault_calls");
    *(void **)&bed.open = dlsym(layer, "fault_open");
    assert_true(bed.arm && bed.calls && bed.open);
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * i / 7 % 256);
    assert_int_equal(ps_photo_from_rgb(&bed.photo, rgb, 24, 20, NULL), PS_OK);
    *state = &bed;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *bed = *state;
    ps_photo_free(&bed->photo);
    return 0;
}

static bool no_device(void)
{
    struct ps_context *context;
    const bool none = ps_context_open(&context, &(struct ps_context_params){.device = "0"}, NULL);
    ps_context_close(&context);
    return none;
}

/* Steps through the calls from 1 to `calls`: each, or so many of them. */
static unsigned long stride(unsigned long calls, unsigned long some)
{
    return every || calls <= some ? 1 : (calls + some - 1) / some;
}

static void must_render(struct bed *bed, const char *faults, const char *told)
{
    uint8_t frame[BYTES];
    struct ps_error error;
    bed->arm(faults);
    if (render(bed, frame, &error))
        fail_msg("%s: %s", faults, error.message);
    if (!strstr(bed->log, told) || strstr(bed->log, "validation:"))
        fail_msg("%s: expected \"%s\", found \"%s\"", faults, told, bed->log);
    assert_memory_equal(frame, bed->whole, BYTES);
}

static void must_fail(struct bed *bed, const char *faults, enum ps_status status, const char *id,
                      const char *words)
{
    uint8_t frame[BYTES];
    struct ps_error error;
    bed->arm(faults);
    render(bed, frame, &error);
    if (error.status != status || strcmp(error.id, id) != 0 || !strstr(error.message, words))
        fail_msg("%s: expected %s, found %s: %s", faults, id, error.id, error.message);
    if (strstr(bed->log, "validation:"))
        fail_msg("%s: %s", faults, bed->log);
}

static void test_a_lost_device(void **state)
{
    struct bed *bed = *state;
    char faults[64];
    for (unsigned long n = 1; n <= bed->submits; n += stride(bed->submits, 5)) {
        snprintf(faults, sizeof faults, "submit=%lu", n);
        must_render(bed, faults, "trying once more");
        assert_true(bed->calls("submit") > bed->submits);
    }
}

/* Each take is sampled once and handed over once, wherever the device is lost. */
static void test_a_device_lost_between_takes(void **state)
{
    struct bed *bed = *state;
    static uint8_t whole[2][BYTES], frames[2][BYTES];
    struct ps_error error;
    char faults[64];
    bed->arm(NULL);
    assert_int_equal(render_takes(bed, whole, 2, &error), PS_OK);
    const unsigned long submits = bed->calls("submit");
    assert_memory_equal(whole[0], bed->whole, BYTES);
    assert_memory_not_equal(whole[1], bed->whole, BYTES);
    /* From the end, where one take has been decoded. */
    for (unsigned long n = submits; n > 1; n -= n > stride(submits, 4) ? stride(submits, 4) : n - 1) {
        memset(frames, 0, sizeof frames);
        snprintf(faults, sizeof faults, "submit=%lu", n);
        bed->arm(faults);
        if (render_takes(bed, frames, 2, &error))
            fail_msg("%s: %s", faults, error.message);
        assert_memory_equal(frames, whole, sizeof whole);
    }
}

static void test_a_device_lost_twice(void **state)
{
    struct bed *bed = *state;
    char faults[64];
    for (unsigned long n = 1; n <= bed->submits; n += stride(bed->submits, 2)) {
        snprintf(faults, sizeof faults, "submit=%lu,%lu", n, n + 1);
        must_fail(bed, faults, PS_ERR_DEVICE_LOST, "device.lost", "stopped answering");
    }
}

static void test_a_wait_that_runs_out(void **state)
{
    struct bed *bed = *state;
    char faults[64];
    for (unsigned long n = 1; n <= bed->waits; n += stride(bed->waits, 4)) {
        snprintf(faults, sizeof faults, "wait=%lu", n);
        must_render(bed, faults, "trying once more");
    }
}

/* Of one that fails once less memory is enough, or it is said that it is not: the smallest phases have no smaller plan. */
static bool may_render(struct bed *bed, const char *faults)
{
    uint8_t frame[BYTES];
    struct ps_error error;
    bed->arm(faults);
    if (render(bed, frame, &error)) {
        assert_int_equal(error.status, PS_ERR_MEMORY);
        assert_string_equal(error.id, "memory.device");
        return false;
    }
    assert_non_null(strstr(bed->log, "has too little memory"));
    assert_non_null(strstr(bed->log, "; going on within"));
    assert_memory_equal(frame, bed->whole, BYTES);
    return true;
}

static void test_an_allocation_that_fails(void **state)
{
    struct bed *bed = *state;
    unsigned long rendered = 0;
    char faults[64];
    for (unsigned long n = 1; n <= bed->allocations; n += stride(bed->allocations, 4)) {
        snprintf(faults, sizeof faults, "allocate=%lu", n);
        rendered += may_render(bed, faults);
        snprintf(faults, sizeof faults, "allocate=%lu+", n);
        must_fail(bed, faults, PS_ERR_MEMORY, "memory.device", "has too little memory");
    }
    print_message("%lu of %lu allocations can fail\n", rendered, bed->allocations);
    assert_true(rendered > 0);
}

static void test_a_shader_that_cannot_be_made(void **state)
{
    struct bed *bed = *state;
    char faults[64];
    for (unsigned long n = 1; n <= bed->pipelines; n += stride(bed->pipelines, 3)) {
        snprintf(faults, sizeof faults, "pipeline=%lu", n);
        must_fail(bed, faults, PS_ERR_DEVICE, "device.shader", "the shader ");
    }
}

/* Nothing is destroyed while it is in use, and nothing is left. */
static void test_teardown_is_valid(void **state)
{
    struct bed *bed = *state;
    struct ps_error error;
    uint8_t frame[BYTES];
    char faults[64];
    bed->validate = true;
    bed->arm(NULL);
    if (render(bed, frame, &error) && !strcmp(error.id, "device.no-validation")) {
        bed->validate = false;
        skip();
    }
    snprintf(faults, sizeof faults, "submit=%lu", bed->submits / 2);
    must_render(bed, faults, "trying once more");
    snprintf(faults, sizeof faults, "submit=%lu,%lu", bed->submits / 3, bed->submits / 3 + 2);
    must_fail(bed, faults, PS_ERR_DEVICE_LOST, "device.lost", "");
    snprintf(faults, sizeof faults, "wait=%lu", bed->waits / 2);
    must_render(bed, faults, "trying once more");
    snprintf(faults, sizeof faults, "allocate=%lu+", bed->allocations / 2);
    must_fail(bed, faults, PS_ERR_MEMORY, "memory.device", "");
    snprintf(faults, sizeof faults, "pipeline=%lu", bed->pipelines / 2);
    must_fail(bed, faults, PS_ERR_DEVICE, "device.shader", "");
    bed->validate = false;
}

static void test_nothing_fails(void **state)
{
    count(*state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_fails),
        cmocka_unit_test(test_a_lost_device),
        cmocka_unit_test(test_a_device_lost_between_takes),
        cmocka_unit_test(test_a_device_lost_twice),
        cmocka_unit_test(test_a_wait_that_runs_out),
        cmocka_unit_test(test_an_allocation_that_fails),
        cmocka_unit_test(test_a_shader_that_cannot_be_made),
        cmocka_unit_test(test_teardown_is_valid),
    };
    const struct CMUnitTest submissions[] = {
        cmocka_unit_test(test_nothing_fails),
        cmocka_unit_test(test_a_lost_device),
        cmocka_unit_test(test_a_device_lost_twice),
        cmocka_unit_test(test_a_wait_that_runs_out),
    };
    const char *what = argc > 1 ? argv[1] : "";
    every = !strcmp(what, "every");
    if (no_device())
        return 77;
    if (!strcmp(what, "submissions"))
        return cmocka_run_group_tests(submissions, open_bed, close_bed);
    return cmocka_run_group_tests(tests, open_bed, close_bed);
}
