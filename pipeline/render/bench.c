#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "render/bench_part.h"
#include "render/layout.h"
#include "render/params.h"
#include "run/watch.h"

#define MOST_ROUNDS 100

/* A measurement while it runs. Step 0 warms up (a Vulkan device compiles), steps 1 to `rounds` are timed, and
 * the last step is watched for the table: one more where the device is not waited for after every launch
 * anyway. */
struct job {
    struct ps_bench *bench;
    struct ps_bench_subject subject;
    struct ps_layout_plan layout;
    struct ps_watch watch;
    double seconds[MOST_ROUNDS];
    const struct ps_render_events *events;
    double begun, last_told, step_seconds;
    uint32_t step, steps;
};

static bool tell(struct job *job, uint64_t flops)
{
    job->last_told = ps_seconds();
    if (!job->events || !job->events->progress)
        return true;
    const struct ps_progress progress = {
        .phase = job->subject.name,
        .step = job->step,
        .steps = job->steps,
        .done = job->layout.flops ? (double)flops / (double)job->layout.flops : 0,
        .seconds = job->last_told - job->begun,
        .step_seconds = job->step_seconds,
    };
    return job->events->progress(job->events->user, &progress);
}

static bool on_launch(void *user, const struct ps_run *run)
{
    struct job *job = user;
    return ps_seconds() - job->last_told < 0.2 || tell(job, run->flops);
}

static void keep_time(struct job *job, uint32_t step, double seconds, uint64_t flops)
{
    const uint32_t rounds = job->bench->resolved.rounds;
    job->step = (uint32_t)ps_min_u64(step + 2, job->steps);
    job->step_seconds = seconds;
    job->bench->flops = flops;
    if (step >= 1 && step <= rounds)
        job->seconds[step - 1] = seconds;
    if (step + 1 == job->steps)
        job->bench->table_seconds = seconds;
}

static void body(struct ps_run *run, void *user, uint32_t steps)
{
    struct job *job = user;
    const struct ps_bench_params *params = &job->bench->resolved;
    const bool real = !run->backend->plan_only;
    const struct ps_bench_inputs inputs = ps_bench_inputs(run, &job->subject, params);
    for (uint32_t i = 0; i < steps && ps_run_ok(run); i++) {
        ps_enter(run, "round");
        if (real && i + 1 == steps)
            ps_watch_start(&job->watch, run, params->by);
        const uint64_t flops = run->flops;
        const double begin = ps_seconds();
        ps_bench_forward(run, &job->subject, &inputs);
        if (real && ps_run_ok(run) && run->backend->ops->finish(run->backend, run->error))
            keep_time(job, i, ps_seconds() - begin, run->flops - flops);
        ps_watch_stop(&job->watch);
        ps_leave(run, (struct ps_tensor){0});
    }
}

static bool resolve(struct ps_bench_params *p, enum ps_type *type, const struct ps_context *context,
                    struct ps_error *error)
{
    p->width = p->width ? p->width : 256;
    p->height = p->height ? p->height : 256;
    p->frames = p->frames ? p->frames : 14;
    p->rounds = p->rounds ? p->rounds : 3;
    if (!p->memory_bytes)
        p->memory_bytes = ps_context_free_bytes(context);
    return ps_param_in_range("part", p->part, PS_BENCH_UNET, PS_BENCH_VISION, error) &&
           ps_param_in_range("table", p->by, PS_BENCH_SCOPES, PS_BENCH_SHAPES, error) &&
           ps_param_is_size("width", p->width, error) && ps_param_is_size("height", p->height, error) &&
           ps_param_in_range("frames", p->frames, 1, PS_MAX_FRAMES, error) &&
           ps_param_in_range("weights", p->weights, PS_WEIGHTS_FULL, PS_WEIGHTS_Q8, error) &&
           ps_param_in_range("rounds", p->rounds, 1, MOST_ROUNDS, error) &&
           ps_param_type(&p->dtype, type, context, error);
}

/* Plans within the budget. Random weights cannot be read again: they have to fit whole. */
static enum ps_status plan(struct job *job, const struct ps_phase *phase, const struct ps_context *context,
                           struct ps_error *error)
{
    struct ps_bench *bench = job->bench;
    struct ps_layout_plan whole = {0};
    const double mib = 1024.0 * 1024.0;
    const uint64_t budget = bench->resolved.memory_bytes;
    if (ps_layout_make(&job->layout, phase, context->backend, budget, error))
        return error->status;
    if (job->layout.streamed && job->subject.random &&
        !ps_layout_make(&whole, phase, context->backend, UINT64_MAX, error)) {
        ps_fail(error, PS_ERR_MEMORY, "memory.budget",
                "the %s of SVD-XT with random weights takes %.0f MiB (%.0f of weights, %.0f of scratch, %.0f "
                "of staging); the budget is %.0f MiB",
                phase->name, (double)ps_layout_bytes(&whole) / mib, (double)whole.weights_bytes / mib,
                (double)whole.scratch_bytes / mib, (double)whole.staging_bytes / mib, (double)budget / mib);
        ps_hint(error, "give more with --memory, or measure a checkpoint's weights, which can be streamed, "
                       "with --model");
    }
    ps_layout_free(&whole);
    bench->weights_bytes = job->layout.weights_bytes;
    bench->scratch_bytes = job->layout.scratch_bytes;
    bench->staging_bytes = job->layout.staging_bytes;
    bench->planned_bytes = ps_layout_bytes(&job->layout);
    bench->streamed = job->layout.streamed;
    return error->status;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(struct job *job, const struct ps_ceiling ceilings[2])
{
    struct ps_bench *bench = job->bench;
    const uint32_t rounds = bench->resolved.rounds;
    qsort(job->seconds, rounds, sizeof *job->seconds, compare);
    bench->seconds = (job->seconds[(rounds - 1) / 2] + job->seconds[rounds / 2]) / 2;
    bench->least = job->seconds[0];
    bench->most = job->seconds[rounds - 1];
    for (int i = 0; i < 2; i++) {
        if (ceilings[i].flops > bench->ceiling_flops)
            bench->ceiling_flops = ceilings[i].flops;
        if (ceilings[i].copy_bytes > bench->copy_bytes)
            bench->copy_bytes = ceilings[i].copy_bytes;
    }
    ps_watch_sort(&job->watch);
    bench->row_count = job->watch.count;
    memcpy(bench->rows, job->watch.rows, sizeof bench->rows);
}

static enum ps_status measure(struct job *job, const struct ps_context *context, enum ps_type type,
                              struct ps_error *error)
{
    struct ps_backend *backend = context->backend;
    struct ps_ceiling ceilings[2];
    const struct ps_phase phase = {.name = job->subject.name,
                                   .weights = job->subject.weights,
                                   .store = job->subject.store,
                                   .type = type,
                                   .quantised = job->bench->resolved.weights == PS_WEIGHTS_Q8 &&
                                                job->subject.part == PS_BENCH_UNET,
                                   .steps = job->steps,
                                   .body = body,
                                   .subject = job};
    if (plan(job, &phase, context, error) || !ps_context_ceiling(context, type, &ceilings[0], error))
        return error->status;
    backend->peak_bytes = backend->allocated_bytes;
    ps_watch_begin(&job->watch, backend);
    if (!tell(job, 0))
        return ps_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked");
    if (ps_layout_run(&job->layout, &phase, &job->watch.base, on_launch, job, error))
        return error->status;
    job->bench->peak_bytes = backend->peak_bytes;
    if (ps_context_ceiling(context, type, &ceilings[1], error))
        summarise(job, ceilings);
    return error->status;
}

enum ps_status ps_bench(struct ps_bench *bench, struct ps_context *context, struct ps_model *model,
                        const struct ps_bench_params *params, const struct ps_render_events *events,
                        struct ps_error *error)
{
    struct ps_error local = {0};
    enum ps_type type;
    error = error ? error : &local;
    *bench = (struct ps_bench){.threads = ps_context_threads(context)};
    if (params)
        bench->resolved = *params;
    if (!resolve(&bench->resolved, &type, context, error))
        return error->status;
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    job->bench = bench;
    job->events = events;
    job->begun = ps_seconds();
    job->step = 1;
    job->steps = bench->resolved.rounds + (context->backend->synchronous ? 1 : 2);
    if (!ps_bench_subject_open(&job->subject, bench->resolved.part, model, error))
        measure(job, context, type, error);
    ps_layout_free(&job->layout);
    ps_bench_subject_close(&job->subject);
    free(job);
    return error->status;
}
