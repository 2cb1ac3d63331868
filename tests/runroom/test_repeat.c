/* What is kept of launches that come again, where that fails half way or is cut short: calls of the driver fail here one after
 * the other, under the validation layer where there is one. Afterwards the device works and keeps as before, or is closed with
 * nothing left. */
#include "runroom/suite.h"

#include <math.h>

#include "blend.h"
#include "ref/ref.h"
#include "vk/state.h"

/* Eight launches fill a submission, so that there are more of those than places in the ring. */
enum { CELLS = 32, FLOATS = 64, LAUNCHES = 60, WORK = 50000 };

enum call { ALLOCATE, FENCE, CLOCK, BEGIN, END, SUBMIT, WAIT, CALLS };

/* The call that fails, counted from 1, and how. The driver's functions have no argument to carry it. */
static struct {
    struct ps_vk_functions real;
    enum call call;
    uint32_t left; /* 0: none fails */
    VkResult result;
    bool struck;
    VkCommandBuffer spoilt; /* its end failed: to be begun again before it is handed over */
    unsigned messages;      /* of the validation layer */
} faulty;

static struct {
    struct ps_backend *subject, *reference;
    struct ps_launch launches[LAUNCHES];
    uint64_t seed;
} bed;

static void arm(enum call call, uint32_t number, VkResult result)
{
    faulty.call = call;
    faulty.left = number;
    faulty.result = result;
    faulty.struck = false;
}

static bool strikes(enum call call)
{
    if (call != faulty.call || !faulty.left || --faulty.left)
        return false;
    faulty.struck = true;
    return true;
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkCommandBufferAllocateInfo *info,
                                               VkCommandBuffer *commands)
{
    return strikes(ALLOCATE) ? faulty.result : faulty.real.AllocateCommandBuffers(device, info, commands);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_fence(VkDevice device, const VkFenceCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator, VkFence *fence)
{
    return strikes(FENCE) ? faulty.result : faulty.real.CreateFence(device, info, allocator, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_clock(VkDevice device, const VkQueryPoolCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator, VkQueryPool *pool)
{
    return strikes(CLOCK) ? faulty.result : faulty.real.CreateQueryPool(device, info, allocator, pool);
}

static VKAPI_ATTR VkResult VKAPI_CALL begin_commands(VkCommandBuffer commands,
                                                     const VkCommandBufferBeginInfo *info)
{
    if (faulty.spoilt == commands)
        faulty.spoilt = VK_NULL_HANDLE;
    return strikes(BEGIN) ? faulty.result : faulty.real.BeginCommandBuffer(commands, info);
}

/* Fails once the driver is through with it: commands that were not ended could not be begun again. */
static VKAPI_ATTR VkResult VKAPI_CALL end_commands(VkCommandBuffer commands)
{
    const VkResult result = faulty.real.EndCommandBuffer(commands);
    if (!strikes(END))
        return result;
    faulty.spoilt = commands;
    return faulty.result;
}

static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t count, const VkSubmitInfo *submits,
                                             VkFence fence)
{
    assert_ptr_not_equal(*submits->pCommandBuffers, faulty.spoilt);
    return strikes(SUBMIT) ? faulty.result : faulty.real.QueueSubmit(queue, count, submits, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice device, uint32_t count, const VkFence *fences,
                                                      VkBool32 all, uint64_t timeout)
{
    return strikes(WAIT) ? faulty.result : faulty.real.WaitForFences(device, count, fences, all, timeout);
}

static struct ps_tensor cells(uint32_t first, uint32_t count)
{
    return (struct ps_tensor){.type = PS_F32,
                              .space = PS_SCRATCH,
                              .n = 1,
                              .h = 1,
                              .w = 1,
                              .c = count * FLOATS,
                              .pitch = count * FLOATS,
                              .offset = first * FLOATS * sizeof(float)};
}

/* y = 0.6 p - 0.8 q, of cells apart: numbers stay as large as they were, and as different. */
static struct ps_launch random_blend(void)
{
    const uint32_t p = suite_below(&bed.seed, CELLS), q = (p + 1 + suite_below(&bed.seed, 9)) % CELLS;
    const uint32_t y = (p + 10 + suite_below(&bed.seed, 20)) % CELLS;
    struct ps_launch launch = {.kernel = PS_KERNEL_blend,
                               .type = PS_F32,
                               .operands = {cells(p, 1), cells(q, 1), {0}, cells(y, 1)},
                               .items = {FLOATS, 1, 1},
                               .flops = FLOATS * 3};
    launch.spec[PS_BLEND_SPEC_P] = launch.spec[PS_BLEND_SPEC_Q] = launch.spec[PS_BLEND_SPEC_WIDTH] = 1;
    const struct ps_blend_push push = {.n = 1, .elements = FLOATS, .c = FLOATS, .a = 0.6f, .b = -0.8f};
    memcpy(launch.push, &push, sizeof push);
    return launch;
}

static void fill(struct ps_backend *backend, uint64_t seed)
{
    struct ps_error error = {0};
    float *values = backend->ops->upload_begin(backend, cells(0, CELLS), &error);
    assert_no_error(error);
    for (uint32_t i = 0; i < CELLS * FLOATS; i++)
        values[i] = (float)suite_below(&seed, 2001) / 1000 - 1;
    assert_true(backend->ops->upload_end(backend, &error));
}

static void fill_both(void)
{
    const uint64_t seed = 1 + suite_random(&bed.seed);
    fill(bed.subject, seed);
    fill(bed.reference, seed);
}

/* Makes memory anew, with which nothing is kept. */
static void reserve_both(void)
{
    struct ps_error error = {0};
    const uint64_t bytes = CELLS * FLOATS * sizeof(float);
    assert_true(bed.subject->ops->reserve(bed.subject, PS_SCRATCH, &bytes, 1, &error));
    assert_true(bed.reference->ops->reserve(bed.reference, PS_SCRATCH, &bytes, 1, &error));
    fill_both();
}

static void hear(void *user, enum ps_log_level level, const char *line)
{
    (void)user, (void)level;
    if (strstr(line, "validation:")) {
        faulty.messages++;
        print_message("%s\n", line);
    }
}

static void open_both(void)
{
    struct ps_error error = {0};
    struct ps_vk_params params = {.dispatch_flops = WORK, .validate = true, .log = {hear, NULL}};
    memset(&faulty, 0, sizeof faulty);
    bed.seed = 1;
    bed.subject = ps_vk_open(&params, &error);
    if (!bed.subject && !strcmp(error.id, "device.no-validation")) {
        error = (struct ps_error){0};
        params.validate = false;
        bed.subject = ps_vk_open(&params, &error);
    }
    bed.reference = ps_ref_open(&error);
    assert_no_error(error);
    struct ps_vk_functions *fn = &((struct ps_vk *)bed.subject)->fn;
    faulty.real = *fn;
    fn->AllocateCommandBuffers = allocate;
    fn->CreateFence = create_fence;
    fn->CreateQueryPool = create_clock;
    fn->BeginCommandBuffer = begin_commands;
    fn->EndCommandBuffer = end_commands;
    fn->QueueSubmit = submit;
    fn->WaitForFences = wait_for_fences;
    for (uint32_t i = 0; i < LAUNCHES; i++)
        bed.launches[i] = random_blend();
    reserve_both();
}

static void close_both(void)
{
    bed.subject->ops->close(bed.subject);
    bed.reference->ops->close(bed.reference);
    assert_int_equal(faulty.messages, 0);
}

/* The first `count` launches of those that come again; as of a run, nothing is launched after an error, and the end is told. */
static bool pass(uint32_t count, struct ps_error *error)
{
    const struct ps_backend_ops *ops = bed.subject->ops;
    bool done = ops->repeat_begin(bed.subject, error);
    for (uint32_t i = 0; i < count && done; i++)
        done = ops->launch(bed.subject, &bed.launches[i], error);
    if (done && count < LAUNCHES)
        ps_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked");
    return ops->repeat_end(bed.subject, error) && done;
}

static void compare(void)
{
    static float found[CELLS * FLOATS], expected[CELLS * FLOATS];
    struct ps_error error = {0};
    assert_true(bed.subject->ops->download(bed.subject, cells(0, CELLS), found, &error));
    assert_true(bed.reference->ops->download(bed.reference, cells(0, CELLS), expected, &error));
    for (uint32_t i = 0; i < CELLS * FLOATS; i++)
        if (!(fabsf(found[i] - expected[i]) <= 1e-4f))
            fail_msg("element %u is %.9g, not %.9g", (unsigned)i, (double)found[i], (double)expected[i]);
}

/* A pass that is right. Returns how many submissions it took, and of them replays. */
static uint64_t pass_both(uint64_t *replays)
{
    struct ps_error error = {0};
    const struct ps_vk_counts before = ps_vk_counts(bed.subject);
    assert_true(pass(LAUNCHES, &error));
    const struct ps_vk_counts after = ps_vk_counts(bed.subject);
    for (uint32_t i = 0; i < LAUNCHES; i++)
        assert_true(bed.reference->ops->launch(bed.reference, &bed.launches[i], &error));
    compare();
    *replays = after.replays - before.replays;
    return after.submissions - before.submissions;
}

/* Two passes that are right, the second by what is kept of the first. */
static void work_as_before(void)
{
    uint64_t replays;
    fill_both();
    pass_both(&replays);
    const uint64_t submissions = pass_both(&replays);
    assert_true(submissions > PS_VK_SLOTS);
    assert_int_equal(replays, submissions);
}

/* Whether the call was made that often. What comes after it goes on or is closed. */
static bool fail_at(enum call call, uint32_t number, VkResult result)
{
    struct ps_error error = {0};
    arm(call, number, result);
    const bool done = pass(LAUNCHES, &error) && bed.subject->ops->finish(bed.subject, &error);
    assert_int_equal(done, !faulty.struck);
    assert_int_equal(error.status != PS_OK, faulty.struck);
    faulty.left = 0;
    return faulty.struck;
}

static void calls_that_fail(void **state)
{
    (void)state;
    uint32_t failed[2] = {0};
    open_both();
    for (int is_kept = 0; is_kept < 2; is_kept++)
        for (enum call call = 0; call < CALLS; call++)
            for (uint32_t number = 1;; number++) {
                reserve_both();
                if (is_kept)
                    work_as_before();
                if (!fail_at(call, number, VK_ERROR_OUT_OF_HOST_MEMORY))
                    break;
                failed[is_kept]++;
                work_as_before();
            }
    print_message("%u calls failed as launches were kept, %u as they were handed over again\n",
                  (unsigned)failed[0], (unsigned)failed[1]);
    assert_true(failed[0] > 6 * PS_VK_SLOTS && failed[1] > 2 * PS_VK_SLOTS);
    close_both();
}

static void a_pass_that_is_cut_short(void **state)
{
    (void)state;
    open_both();
    for (uint32_t count = 0; count < LAUNCHES; count += 5)
        for (int is_kept = 0; is_kept < 2; is_kept++) {
            struct ps_error error = {0};
            reserve_both();
            if (is_kept)
                work_as_before();
            assert_false(pass(count, &error));
            assert_int_equal(error.status, PS_ERR_CANCELLED);
            /* Also where what was cut short is under way still. */
            error = (struct ps_error){0};
            assert_true(pass(LAUNCHES, &error));
            work_as_before();
        }
    close_both();
}

static void memory_made_anew(void **state)
{
    (void)state;
    uint64_t replays;
    open_both();
    work_as_before();
    reserve_both();
    pass_both(&replays);
    assert_int_equal(replays, 0);
    close_both();
}

/* The device is closed as it is: with what was handed over under way, and what failed in the ring. */
static void closed_after_a_failure(void **state)
{
    (void)state;
    for (enum call call = 0; call < CALLS; call++)
        for (int is_kept = 0; is_kept < 2; is_kept++) {
            open_both();
            if (is_kept)
                work_as_before();
            fail_at(call, 3, call < SUBMIT ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_ERROR_DEVICE_LOST);
            close_both();
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_fail),
        cmocka_unit_test(a_pass_that_is_cut_short),
        cmocka_unit_test(memory_made_anew),
        cmocka_unit_test(closed_after_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
