#include "render/layout.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "run/plan.h"

#define LEAST_CHUNK (64ull << 10)
#define RING_SLACK (64ull << 10)

/* What one trial of a phase needs with chunks of a size. */
struct trial {
    uint64_t segments[PS_MAX_SEGMENTS];
    uint32_t segment_count;
    uint64_t scratch_bytes, staging_bytes, flops;
    bool *asked; /* by weight: some launch of the trials so far reads it */
};

static struct ps_tensor weight_shape(const struct ps_phase *phase, uint32_t i)
{
    const struct ps_weight *weight = &phase->weights->items[i];
    return ps_packed_shape(weight, ps_weight_type(weight, phase->type, phase->quantised));
}

static uint64_t weight_bytes(const struct ps_phase *phase, uint32_t i)
{
    return ps_align_up(ps_span_bytes(weight_shape(phase, i)), PS_ALIGNMENT);
}

/* Of the weights that are `asked` for; of all where that is null. */
static uint64_t largest_weight(const struct ps_phase *phase, const bool *asked, bool matrices_alone)
{
    uint64_t largest = 0;
    for (uint32_t i = 0; i < phase->weights->count; i++)
        if ((!asked || asked[i]) && (!matrices_alone || phase->weights->items[i].pack == PS_PACK_MATRIX))
            largest = ps_max_u64(largest, weight_bytes(phase, i));
    return largest;
}

/* A block's loop over chunks reads a few weights in turn; with room for the two largest they stay in the
 * ring. */
static uint64_t least_ring(const struct ps_phase *phase, const bool *asked)
{
    return 2 * largest_weight(phase, asked, false) + RING_SLACK;
}

static uint64_t all_weights(const struct ps_phase *phase, const bool *asked)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < phase->weights->count; i++)
        bytes += asked[i] ? weight_bytes(phase, i) : 0;
    return bytes;
}

/* What passes through the staging memory at one time: a transfer, or what a launch takes of it. */
static uint64_t staging_bytes(const struct ps_phase *phase, const struct ps_backend *plan,
                              const struct ps_run *run, const bool *asked)
{
    uint64_t bytes = plan->launch_bytes;
    if (plan->staging_needed)
        bytes = ps_max_u64(bytes, run->largest_transfer);
    if (plan->staging_needed || plan->matrices_staged)
        bytes = ps_max_u64(bytes, largest_weight(phase, asked, !plan->staging_needed));
    return bytes;
}

static enum ps_status try_chunk(struct trial *trial, const struct ps_phase *phase,
                                const struct ps_backend *backend, uint64_t chunk_bytes, bool frugal,
                                uint32_t steps, struct ps_error *error)
{
    struct ps_backend plan = ps_plan_backend(backend);
    struct ps_run run;
    ps_run_begin(&run, &plan, phase->type, error);
    run.quantised = phase->quantised;
    run.chunk_bytes = chunk_bytes;
    run.frugal = frugal;
    run.ring_bytes = least_ring(phase, NULL);
    run.asked = trial->asked;
    ps_enter(&run, phase->name);
    phase->body(&run, phase->subject, steps);
    ps_leave(&run, (struct ps_tensor){0});
    trial->segment_count = run.scratch.segments;
    memcpy(trial->segments, run.scratch.peak, sizeof trial->segments);
    trial->scratch_bytes = ps_arena_peak(&run.scratch);
    trial->staging_bytes = staging_bytes(phase, &plan, &run, trial->asked);
    trial->flops = run.flops;
    ps_run_end(&run);
    return error->status;
}

/* Places the ring first, if there is one, then as many of the weights asked for as `room` bytes take, in the order of the set. */
static bool place_weights(struct ps_layout_plan *plan, const struct ps_phase *phase, const bool *asked,
                          uint64_t segment_limit, uint64_t room)
{
    struct ps_arena arena;
    ps_arena_init(&arena, segment_limit);
    plan->resident = calloc(phase->weights->count + 1, sizeof *plan->resident);
    bool placed = plan->resident != NULL;
    if (placed && plan->ring_bytes) {
        plan->ring_offset = ps_arena_take(&arena, plan->ring_bytes);
        placed = plan->ring_offset != PS_NO_OFFSET;
    }
    for (uint32_t i = 0; placed && i < phase->weights->count; i++) {
        if (!asked[i] || arena.used + weight_bytes(phase, i) > room)
            continue;
        struct ps_tensor t = weight_shape(phase, i);
        t.offset = ps_arena_take(&arena, weight_bytes(phase, i));
        placed = t.offset != PS_NO_OFFSET;
        plan->resident[i] = t;
    }
    plan->weight_segment_count = arena.segments;
    memcpy(plan->weight_segments, arena.peak, sizeof plan->weight_segments);
    plan->weights_bytes = ps_arena_peak(&arena);
    ps_arena_free(&arena);
    return placed;
}

static enum ps_status refuse(const struct ps_phase *phase, uint64_t budget, uint64_t weights,
                             uint64_t scratch, uint64_t staging, struct ps_error *error)
{
    const double mib = 1024.0 * 1024.0;
    const double least = (double)(weights + scratch + staging);
    ps_fail(error, PS_ERR_MEMORY, "memory.budget",
            "phase %s needs at least %.1f MiB (%.1f of streamed weights, %.1f of scratch, %.1f of staging); "
            "the budget "
            "is %.1f MiB",
            phase->name, least / mib, (double)weights / mib, (double)scratch / mib, (double)staging / mib,
            (double)budget / mib);
    ps_hint(error, "give --memory %.0fM or more, or render smaller, fewer frames%s", least / mib + 1,
            phase->type == PS_F32 ? ", or with --dtype f16" : "");
    return error->status;
}

/* The largest chunk with which scratch and staging leave as much of the budget free as all weights, or where `streamed` the
 * ring, take, and every tensor that must lie in one allocation does. */
static bool fit_chunk(struct ps_layout_plan *plan, struct trial *trial, const struct ps_phase *phase,
                      const struct ps_backend *backend, uint64_t budget, struct ps_error *error)
{
    bool tried = false;
    struct ps_error too_large = {0};
    for (int frugal = 0; frugal < 2; frugal++)
        for (plan->chunk_bytes = PS_MAX_CHUNK; plan->chunk_bytes >= LEAST_CHUNK; plan->chunk_bytes /= 2) {
            plan->frugal = frugal;
            if (try_chunk(trial, phase, backend, plan->chunk_bytes, frugal, 1, error)) {
                if (strcmp(error->id, PS_TOO_LARGE) != 0)
                    return false;
                too_large = *error;
                *error = (struct ps_error){0};
                continue;
            }
            tried = true;
            const uint64_t weights =
                plan->streamed ? least_ring(phase, trial->asked) : all_weights(phase, trial->asked);
            if (weights + trial->scratch_bytes + trial->staging_bytes <= budget)
                return true;
        }
    if (!tried)
        *error = too_large;
    return false;
}

/* With room for two transfers the next weight is converted while the last one is on its way to the device. */
static void widen_staging(struct trial *trial, const struct ps_backend *backend, uint64_t budget,
                          uint64_t weights)
{
    if (backend->staging_needed && weights + trial->scratch_bytes + 2 * trial->staging_bytes <= budget)
        trial->staging_bytes *= 2;
}

/* ps_layout_make, with a trial that can note which weights are asked for. */
static enum ps_status make(struct ps_layout_plan *plan, struct trial *trial, const struct ps_phase *phase,
                           const struct ps_backend *backend, uint64_t budget, struct ps_error *error)
{
    bool fits = fit_chunk(plan, trial, phase, backend, budget, error);
    if (!fits && !error->status) {
        plan->streamed = true;
        fits = fit_chunk(plan, trial, phase, backend, budget, error);
        plan->ring_bytes = least_ring(phase, trial->asked);
        if (!fits && !error->status)
            return refuse(phase, budget, plan->ring_bytes, trial->scratch_bytes, trial->staging_bytes, error);
    }
    if (error->status)
        return error->status;
    widen_staging(trial, backend, budget,
                  plan->streamed ? plan->ring_bytes : all_weights(phase, trial->asked));
    const uint64_t room = budget - trial->scratch_bytes - trial->staging_bytes;
    if (!place_weights(plan, phase, trial->asked, backend->segment_limit, room)) {
        ps_layout_free(plan);
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    }
    plan->scratch_segment_count = trial->segment_count;
    memcpy(plan->scratch_segments, trial->segments, sizeof plan->scratch_segments);
    plan->scratch_bytes = trial->scratch_bytes;
    plan->staging_bytes = trial->staging_bytes;
    if (try_chunk(trial, phase, backend, plan->chunk_bytes, plan->frugal, phase->steps, error)) {
        ps_layout_free(plan);
        return error->status;
    }
    plan->flops = trial->flops;
    return PS_OK;
}

enum ps_status ps_layout_make(struct ps_layout_plan *plan, const struct ps_phase *phase,
                              const struct ps_backend *backend, uint64_t budget, struct ps_error *error)
{
    struct trial trial = {.asked = calloc(phase->weights->count + 1, sizeof *trial.asked)};
    *plan = (struct ps_layout_plan){0};
    const enum ps_status status = trial.asked ? make(plan, &trial, phase, backend, budget, error)
                                              : ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    free(trial.asked);
    return status;
}

void ps_layout_free(struct ps_layout_plan *plan)
{
    free(plan->resident);
    plan->resident = NULL;
}

uint64_t ps_layout_bytes(const struct ps_layout_plan *plan)
{
    return plan->weights_bytes + plan->scratch_bytes + plan->staging_bytes;
}

static bool reserve_all(const struct ps_layout_plan *plan, struct ps_backend *backend, struct ps_error *error)
{
    const struct ps_backend_ops *ops = backend->ops;
    return (!plan->staging_bytes || ops->reserve_staging(backend, plan->staging_bytes, error)) &&
           ops->reserve(backend, PS_WEIGHTS, plan->weight_segments, plan->weight_segment_count, error) &&
           ops->reserve(backend, PS_SCRATCH, plan->scratch_segments, plan->scratch_segment_count, error);
}

static void release_all(struct ps_backend *backend)
{
    struct ps_error ignored = {0};
    backend->ops->finish(backend, &ignored);
    backend->ops->reserve(backend, PS_SCRATCH, NULL, 0, &ignored);
    backend->ops->reserve(backend, PS_WEIGHTS, NULL, 0, &ignored);
    backend->ops->reserve_staging(backend, 0, &ignored);
}

enum ps_status ps_layout_run(const struct ps_layout_plan *plan, const struct ps_phase *phase,
                             struct ps_backend *backend, bool (*alive)(void *user, const struct ps_run *run),
                             void *user, struct ps_error *error)
{
    struct ps_run run;
    ps_run_begin(&run, backend, phase->type, error);
    run.quantised = phase->quantised;
    run.chunk_bytes = plan->chunk_bytes;
    run.frugal = plan->frugal;
    run.store = phase->store;
    run.resident = plan->resident;
    run.ring_offset = plan->ring_offset;
    run.ring_bytes = plan->ring_bytes;
    run.alive = alive;
    run.user = user;
    if (reserve_all(plan, backend, error)) {
        for (uint32_t i = 0; i < phase->weights->count && ps_run_ok(&run); i++)
            if (!ps_is_null(plan->resident[i]))
                ps_run_load(&run, &phase->weights->items[i], plan->resident[i]);
        ps_enter(&run, phase->name);
        phase->body(&run, phase->subject, phase->steps);
        ps_leave(&run, (struct ps_tensor){0});
        backend->ops->finish(backend, error);
    }
    release_all(backend);
    ps_run_end(&run);
    return error->status;
}
