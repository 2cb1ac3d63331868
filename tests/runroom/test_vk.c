/* Opening and closing devices, memory, transfers, and what goes wrong with them. */
#include "runroom/suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blend.h"
#include "vk/state.h"

static struct ps_backend *open_device(const struct ps_vk_params *params)
{
    struct ps_error error = {0};
    struct ps_backend *backend = ps_vk_open(params, &error);
    assert_no_error(error);
    assert_non_null(backend);
    return backend;
}

static void no_device_fails(const struct ps_vk_params *params, const char *id)
{
    struct ps_error error = {0};
    assert_null(ps_vk_open(params, &error));
    assert_error(error, PS_ERR_DEVICE, id);
    assert_true(error.hint[0]);
}

static void open_and_close(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct ps_backend *a = open_device(&(struct ps_vk_params){0});
        struct ps_backend *b = open_device(&(struct ps_vk_params){.selector = "auto"});
        assert_true(a->segment_limit >= 1 << 27);
        assert_int_equal(a->segment_limit % PS_ALIGNMENT, 0);
        assert_int_equal(a->allocated_bytes, 0);
        assert_false(a->plan_only);
        a->ops->close(a);
        b->ops->close(b);
    }
}

static void selectors(void **state)
{
    (void)state;
    struct ps_device devices[8];
    char note[256] = "x";
    const size_t count = ps_vk_devices(devices, 8, note, sizeof note);
    assert_true(count >= 1 && count <= 8);
    assert_string_equal(note, "");
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strtoul(devices[i].selector, NULL, 10), i);
        assert_true(devices[i].name[0] && devices[i].driver[0] && devices[i].memory_bytes);
        assert_int_equal(devices[i].usable, !devices[i].reason[0]);
        if (!devices[i].usable)
            continue;
        char part[5] = {0};
        memcpy(part, devices[i].name, 4);
        part[0] ^= 0x20 * (part[0] >= 'a');
        const char *by[] = {devices[i].selector, devices[i].name, part};
        for (int j = 0; j < 3; j++) {
            struct ps_backend *backend = open_device(&(struct ps_vk_params){.selector = by[j]});
            if (j < 2)
                assert_string_equal(ps_vk_device(backend)->name, devices[i].name);
            backend->ops->close(backend);
        }
    }
    no_device_fails(&(struct ps_vk_params){.selector = "99"}, "device.unknown");
    no_device_fails(&(struct ps_vk_params){.selector = "Voodoo 2"}, "device.unknown");
    no_device_fails(&(struct ps_vk_params){.selector = ""}, "device.unknown");
}

/* Runs this program again with other surroundings; it exits with the number of the case where that behaves.
 */
static void run_again(const char *mode, const char *const variables[][2], size_t count)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        for (size_t i = 0; i < count; i++)
            setenv(variables[i][0], variables[i][1], 1);
        execl("/proc/self/exe", "test_vk", mode, (char *)NULL);
        _exit(126);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void no_driver(void **state)
{
    (void)state;
    const char *const variables[][2] = {{"VK_ICD_FILENAMES", "/nonexistent.json"},
                                        {"VK_DRIVER_FILES", "/nonexistent.json"}};
    run_again("no-driver", variables, 2);
}

static void no_loader(void **state)
{
    (void)state;
    char folder[] = "/tmp/packshot-no-loader-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    const char *const names[] = {"libvulkan.so.1", "libvulkan.so"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
    }
    const char *const variables[][2] = {{"LD_LIBRARY_PATH", folder}};
    run_again("no-loader", variables, 1);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void no_layer(void **state)
{
    (void)state;
    const char *const variables[][2] = {{"VK_LAYER_PATH", "/nonexistent"}};
    run_again("no-layer", variables, 1);
}

/* The other side of run_again. */
static int run_mode(const char *mode)
{
    struct ps_error error = {0};
    char note[512] = "";
    const bool layer = !strcmp(mode, "no-layer");
    const struct ps_vk_params params = {.validate = layer};
    const char *id = layer                        ? "device.no-validation"
                     : !strcmp(mode, "no-loader") ? "device.no-loader"
                                                  : "device.no-driver";
    if (ps_vk_open(&params, &error) || error.status != PS_ERR_DEVICE)
        return 1;
    if (strcmp(error.id, id) && !(!strcmp(mode, "no-driver") && !strcmp(error.id, "device.none")))
        return 2;
    if (!strstr(error.hint, layer ? "vulkan-validationlayers" : "mesa-vulkan-drivers"))
        return 3;
    if (!layer && (ps_vk_devices(NULL, 0, note, sizeof note) || !strstr(note, "mesa-vulkan-drivers")))
        return 4;
    return 0;
}

static struct ps_tensor place(enum ps_space space, uint32_t segment, uint64_t at, uint32_t floats)
{
    return (struct ps_tensor){.type = PS_F32,
                              .space = space,
                              .n = 1,
                              .h = 1,
                              .w = 1,
                              .c = floats,
                              .pitch = floats,
                              .offset = (uint64_t)segment << PS_SEGMENT_SHIFT | at};
}

static void put(struct ps_backend *backend, struct ps_tensor t, float base)
{
    struct ps_error error = {0};
    float *values = backend->ops->upload_begin(backend, t, &error);
    assert_no_error(error);
    for (uint32_t i = 0; i < t.c; i++)
        values[i] = base + (float)i;
    assert_true(backend->ops->upload_end(backend, &error));
}

static void expect(struct ps_backend *backend, struct ps_tensor t, float base)
{
    struct ps_error error = {0};
    float *values = malloc(ps_span_bytes(t));
    assert_non_null(values);
    assert_true(backend->ops->download(backend, t, values, &error));
    for (uint32_t i = 0; i < t.c; i++)
        if (values[i] != base + (float)i)
            fail_msg("element %u is %g, not %g", i, (double)values[i], (double)(base + (float)i));
    free(values);
}

/* More than one segment in both spaces, filled to the last byte, with staging memory smaller than a tensor's
 * download. */
static void round_trip(bool stage)
{
    struct ps_error error = {0};
    struct ps_backend *backend = open_device(&(struct ps_vk_params){.validate = true, .stage = stage});
    const uint32_t floats = 1 << 18;
    const uint64_t mib = 1 << 20, bytes[] = {mib, 3 * mib, mib / 2};
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, bytes, 3, &error));
    assert_true(backend->ops->reserve(backend, PS_WEIGHTS, bytes, 2, &error));
    assert_true(backend->ops->reserve_staging(backend, mib, &error));
    const struct ps_tensor tensors[] = {
        place(PS_SCRATCH, 0, 0, floats),       place(PS_SCRATCH, 1, 0, floats),
        place(PS_SCRATCH, 1, mib, floats),     place(PS_SCRATCH, 1, 2 * mib, floats),
        place(PS_SCRATCH, 2, 0, floats / 2),   place(PS_WEIGHTS, 0, 0, floats),
        place(PS_WEIGHTS, 1, 0, floats - 64),  place(PS_WEIGHTS, 1, 3 * mib - 256, 64),
        place(PS_WEIGHTS, 1, mib, floats - 1),
    };
    const uint32_t count = sizeof tensors / sizeof *tensors;
    for (uint32_t i = 0; i < count; i++)
        put(backend, tensors[i], (float)(i * 1000));
    for (uint32_t i = 0; i < count; i++)
        expect(backend, tensors[i], (float)(i * 1000));
    struct ps_tensor all = place(PS_SCRATCH, 1, 0, 3 * floats);
    float *values = malloc(ps_span_bytes(all));
    assert_non_null(values);
    assert_true(backend->ops->download(backend, all, values, &error));
    assert_true(values[0] == 1000 && values[floats] == 2000 && values[3 * floats - 1] == 3000 + floats - 1);
    free(values);

    const uint64_t staged = backend->staging_needed ? mib : 0;
    assert_int_equal(backend->allocated_bytes, (1 + 3 + 1 + 3) * mib + mib / 2 + staged);
    assert_int_equal(backend->peak_bytes, backend->allocated_bytes);
    const uint64_t peak = backend->peak_bytes;
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, NULL, 0, &error));
    assert_true(backend->ops->reserve(backend, PS_WEIGHTS, bytes, 1, &error));
    assert_int_equal(backend->allocated_bytes, mib + staged);
    assert_int_equal(backend->peak_bytes, peak);
    assert_int_equal(ps_vk_messages(backend), 0);
    backend->ops->close(backend);
}

static void round_trips(void **state)
{
    (void)state;
    round_trip(false);
    round_trip(true);
}

/* A segment as large as the device allows, used at both ends: addresses beyond 2 GiB are not cut. */
static void largest_segment(void **state)
{
    (void)state;
    struct ps_error error = {0};
    struct ps_backend *backend = open_device(&(struct ps_vk_params){.validate = true});
    const uint64_t bytes = backend->segment_limit;
    if (ps_vk_free_bytes(backend) < bytes + (1 << 28)) {
        backend->ops->close(backend);
        skip();
    }
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, &bytes, 1, &error));
    assert_true(backend->ops->reserve_staging(backend, 1 << 20, &error));
    assert_int_equal(backend->allocated_bytes, bytes + (backend->staging_needed ? 1 << 20 : 0));
    const struct ps_tensor first = place(PS_SCRATCH, 0, 0, 64), last = place(PS_SCRATCH, 0, bytes - 256, 64);
    put(backend, first, 10);
    put(backend, last, 500);
    struct ps_launch launch = {
        .kernel = PS_KERNEL_blend, .type = PS_F32, .operands = {first, last, {0}, last}, .items = {64, 1, 1}};
    launch.spec[PS_BLEND_SPEC_P] = launch.spec[PS_BLEND_SPEC_Q] = launch.spec[PS_BLEND_SPEC_WIDTH] = 1;
    const struct ps_blend_push push = {.n = 1, .elements = 64, .c = 64, .a = 2, .b = -1};
    memcpy(launch.push, &push, sizeof push);
    assert_true(backend->ops->launch(backend, &launch, &error));
    expect(backend, last, 20 - 500);
    expect(backend, first, 10);
    assert_int_equal(ps_vk_messages(backend), 0);
    backend->ops->close(backend);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct ps_error error = {0};
    struct ps_backend *backend = open_device(&(struct ps_vk_params){0});
    /* More than there is, in segments that are each allowed. */
    uint64_t bytes[PS_MAX_SEGMENTS];
    for (int i = 0; i < PS_MAX_SEGMENTS; i++)
        bytes[i] = backend->segment_limit;
    if (ps_vk_free_bytes(backend) >= PS_MAX_SEGMENTS * backend->segment_limit) {
        backend->ops->close(backend);
        skip();
    }
    assert_false(backend->ops->reserve(backend, PS_SCRATCH, bytes, PS_MAX_SEGMENTS, &error));
    assert_error(error, PS_ERR_MEMORY, "memory.device");
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%llu MiB asked for", (unsigned long long)(backend->segment_limit >> 20));
    assert_non_null(strstr(error.message, wanted));
    error = (struct ps_error){0};
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, NULL, 0, &error));
    assert_int_equal(backend->allocated_bytes, 0);
    error = (struct ps_error){0};
    bytes[0] = 4096;
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, bytes, 1, &error));
    backend->ops->close(backend);
}

static void out_of_bounds(void **state)
{
    (void)state;
    struct ps_backend *backend = open_device(&(struct ps_vk_params){0});
    struct ps_error error = {0};
    const uint64_t bytes = 4096;
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, &bytes, 1, &error));
    const struct ps_tensor outside[] = {
        place(PS_SCRATCH, 0, 4096 - 252, 64), place(PS_SCRATCH, 1, 0, 1),    place(PS_WEIGHTS, 0, 0, 1),
        place(PS_SCRATCH, 0, 8192, 1),        place(PS_SCRATCH, 0, 0, 1025),
    };
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        error = (struct ps_error){0};
        assert_null(backend->ops->upload_begin(backend, outside[i], &error));
        assert_error(error, PS_ERR_INTERNAL, "launch.bounds");
        error = (struct ps_error){0};
        const struct ps_launch launch = {
            .kernel = PS_KERNEL_blend, .operands = {outside[i], {0}, {0}, outside[i]}, .items = {1, 1, 1}};
        assert_false(backend->ops->launch(backend, &launch, &error));
        assert_error(error, PS_ERR_INTERNAL, "launch.bounds");
    }
    backend->ops->close(backend);
}

static struct ps_launch double_in_place(struct ps_tensor t)
{
    struct ps_launch launch = {
        .kernel = PS_KERNEL_blend, .type = PS_F32, .operands = {t, {0}, {0}, t}, .items = {t.c, 1, 1}};
    launch.spec[PS_BLEND_SPEC_P] = launch.spec[PS_BLEND_SPEC_WIDTH] = 1;
    const struct ps_blend_push push = {.n = 1, .elements = t.c, .c = t.c, .a = 2};
    memcpy(launch.push, &push, sizeof push);
    return launch;
}

/* A wait that runs out is a lost device, and closing still ends. */
static void bounded_wait(void **state)
{
    (void)state;
    struct ps_error error = {0};
    struct ps_backend *backend = open_device(&(struct ps_vk_params){.timeout_ns = 1});
    const uint32_t floats = 1 << 24;
    const uint64_t bytes = floats * sizeof(float);
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, &bytes, 1, &error));
    const struct ps_tensor t = place(PS_SCRATCH, 0, 0, floats);
    const struct ps_launch launch = double_in_place(t);
    for (int i = 0; i < 8; i++)
        assert_true(backend->ops->launch(backend, &launch, &error));
    assert_false(backend->ops->finish(backend, &error));
    assert_error(error, PS_ERR_DEVICE_LOST, "device.timeout");
    assert_true(error.hint[0]);
    backend->ops->close(backend);
}

static void codes(void **state)
{
    (void)state;
    const struct {
        VkResult result;
        enum ps_status status;
    } cases[] = {
        {VK_SUCCESS, PS_OK},
        {VK_ERROR_DEVICE_LOST, PS_ERR_DEVICE_LOST},
        {VK_ERROR_OUT_OF_DEVICE_MEMORY, PS_ERR_MEMORY},
        {VK_ERROR_OUT_OF_HOST_MEMORY, PS_ERR_MEMORY},
        {VK_ERROR_INITIALIZATION_FAILED, PS_ERR_DEVICE},
        {VK_ERROR_TOO_MANY_OBJECTS, PS_ERR_INTERNAL},
        {(VkResult)-12345, PS_ERR_INTERNAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_error error = {0};
        assert_int_equal(ps_vk_check(cases[i].result, "vkTest", &error), cases[i].result == VK_SUCCESS);
        assert_int_equal(error.status, cases[i].status);
        if (error.status)
            assert_non_null(strstr(error.message, "vkTest"));
    }
}

/* Doubles numbers on a context of its own; returns null where all went well. */
static void *double_numbers(void *unused)
{
    static char opening[] = "opening", running[] = "running";
    struct ps_error error = {0};
    bool right = true;
    struct ps_backend *backend = ps_vk_open(&(struct ps_vk_params){0}, &error);
    if (!backend)
        return opening;
    const uint64_t bytes = 4096;
    const struct ps_tensor t = place(PS_SCRATCH, 0, 0, 1024);
    const struct ps_launch launch = double_in_place(t);
    backend->ops->reserve(backend, PS_SCRATCH, &bytes, 1, &error);
    backend->ops->reserve_staging(backend, bytes, &error);
    for (int round = 0; right && round < 50; round++) {
        float values[1024];
        float *to = backend->ops->upload_begin(backend, t, &error);
        for (int i = 0; to && i < 1024; i++)
            to[i] = (float)(i + round);
        right = to && backend->ops->upload_end(backend, &error) &&
                backend->ops->launch(backend, &launch, &error) &&
                backend->ops->download(backend, t, values, &error);
        for (int i = 0; right && i < 1024; i++)
            right = values[i] == 2 * (float)(i + round);
    }
    backend->ops->close(backend);
    return right ? unused : running;
}

/* Contexts share nothing: two threads, each with its own, several times. */
static void two_threads(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        pthread_t threads[2];
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, double_numbers, NULL), 0);
        for (int i = 0; i < 2; i++) {
            void *failed = NULL;
            assert_int_equal(pthread_join(threads[i], &failed), 0);
            assert_null(failed);
        }
    }
}

static void count_lines(void *user, enum ps_log_level level, const char *line)
{
    *(int *)user += level == PS_LOG_ERROR && !strncmp(line, "validation: ", 12);
}

/* The layer is there and checks synchronisation: two copies to the same bytes with no barrier between. */
static void validation_is_on(void **state)
{
    (void)state;
    struct ps_error error = {0};
    int lines = 0;
    const struct ps_vk_params params = {.validate = true, .log = {count_lines, &lines}};
    struct ps_backend *backend = open_device(&params);
    struct ps_vk *vk = (struct ps_vk *)backend;
    const uint64_t bytes = 4096;
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, &bytes, 1, &error));
    const struct ps_range none = {0};
    const VkBuffer buffer = vk->spaces[PS_SCRATCH].segments[0].buffer;
    struct ps_vk_slot *slot = ps_vk_record(vk, &vk->queues[PS_VK_COMPUTE], &none, 1, &error);
    assert_non_null(slot);
    const VkBufferCopy region = {.srcOffset = 0, .dstOffset = 1024, .size = 512};
    vk->fn.CmdCopyBuffer(slot->commands, buffer, buffer, 1, &region);
    assert_int_equal(ps_vk_messages(backend), 0);
    vk->fn.CmdCopyBuffer(slot->commands, buffer, buffer, 1, &region);
    assert_int_equal(ps_vk_messages(backend), 1);
    assert_int_equal(lines, 1);
    assert_true(backend->ops->finish(backend, &error));
    backend->ops->close(backend);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return run_mode(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_and_close),  cmocka_unit_test(selectors),
        cmocka_unit_test(no_driver),       cmocka_unit_test(no_loader),
        cmocka_unit_test(no_layer),        cmocka_unit_test(round_trips),
        cmocka_unit_test(largest_segment), cmocka_unit_test(out_of_memory),
        cmocka_unit_test(out_of_bounds),   cmocka_unit_test(bounded_wait),
        cmocka_unit_test(codes),           cmocka_unit_test(validation_is_on),
        cmocka_unit_test(two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
