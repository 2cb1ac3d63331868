/* What a clip of SVD-XT's own size, 1024x576 and 25 frames in float16, is promised: memory, and dispatches that no
 * watchdog ends. Planned, not run: no weights, no device. */
#include "base/suite.h"

#include <string.h>

#include "render/bench_part.h"
#include "render/layout.h"

#define GIB (1ull << 30)

static const struct ps_bench_params params = {.width = 1024, .height = 576, .frames = 25};

/* A device's allocations, and whether the host sees its memory: Mesa's software device and most cards. */
static const struct device {
    const char *name;
    uint64_t segment_limit;
    bool staging_needed;
} devices[] = {{"2 GiB allocations", 2 * GIB, false}, {"4 GiB allocations, staging", 4 * GIB, true}};

static void body(struct ps_run *run, void *user, uint32_t steps)
{
    const struct ps_bench_subject *subject = user;
    const struct ps_bench_inputs inputs = ps_bench_inputs(run, subject, &params);
    for (uint32_t i = 0; i < steps && ps_run_ok(run); i++) {
        ps_enter(run, "step");
        ps_bench_forward(run, subject, &inputs);
        ps_leave(run, (struct ps_tensor){0});
    }
}

static struct ps_phase phase_of(struct ps_bench_subject *subject, enum ps_bench_part part)
{
    struct ps_error error = {0};
    if (ps_bench_subject_open(subject, part, NULL, &error))
        fail_msg("%s", error.message);
    /* The encoder computes in float32, whatever is asked for. */
    return (struct ps_phase){.name = subject->name,
                             .weights = subject->weights,
                             .store = subject->store,
                             .type = part == PS_BENCH_ENCODER ? PS_F32 : PS_F16,
                             .steps = 1,
                             .body = body,
                             .subject = subject};
}

/* Plans every part for the budget; the decoder's work, in operations. */
static uint64_t plan_all(const struct device *device, uint64_t budget, bool *streamed)
{
    const struct ps_backend_ops ops = {.name = device->name};
    const struct ps_backend like = {
        .ops = &ops, .segment_limit = device->segment_limit, .staging_needed = device->staging_needed};
    uint64_t flops = 0;
    for (enum ps_bench_part part = PS_BENCH_UNET; part <= PS_BENCH_VISION; part++) {
        struct ps_bench_subject subject;
        const struct ps_phase phase = phase_of(&subject, part);
        struct ps_layout_plan plan;
        struct ps_error error = {0};
        if (ps_layout_make(&plan, &phase, &like, budget, &error))
            fail_msg("%s: %s", device->name, error.message);
        print_message("%s, %.1f GiB: %s %.2f GiB, %.2f of them weights%s\n", device->name,
                      (double)budget / (double)GIB, phase.name, (double)ps_layout_bytes(&plan) / (double)GIB,
                      (double)plan.weights_bytes / (double)GIB, plan.streamed ? ", streamed" : "");
        assert_true(ps_layout_bytes(&plan) <= budget);
        streamed[part] = plan.streamed;
        if (part == PS_BENCH_DECODER)
            flops = plan.flops;
        ps_layout_free(&plan);
        ps_bench_subject_close(&subject);
    }
    return flops;
}

static void fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        bool streamed[4];
        const uint64_t whole = plan_all(&devices[i], 64 * GIB, streamed);
        /* In 8 GiB nothing is computed twice but some frames at the edges of chunks, or read again. */
        assert_true(plan_all(&devices[i], 8 * GIB, streamed) < whole / 100 * 101);
        assert_false(streamed[PS_BENCH_UNET] || streamed[PS_BENCH_DECODER]);
        /* In 6 GiB the decoder computes its temporal halves twice. */
        assert_true(plan_all(&devices[i], 6 * GIB, streamed) > whole / 10 * 11);
        assert_false(streamed[PS_BENCH_UNET]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
