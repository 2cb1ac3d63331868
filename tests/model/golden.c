#include "model/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/checked.h"
#include "base/half.h"
#include "cpu/cpu.h"
#include "ref/ref.h"
#include "run/plan.h"
#include "vk/vk.h"

static void must(const struct ps_error *error)
{
    if (error->status)
        fail_msg("%s: %s", error->id, error->message);
}

struct golden golden_open(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/%s.safetensors", PACKSHOT_SOURCE_DIR, name);
    return golden_open_path(path);
}

struct golden golden_open_path(const char *path)
{
    struct golden golden = {0};
    struct ps_error error = {0};
    ps_safetensors_open(&golden.file, path, &error);
    must(&error);
    ps_part_init(&golden.part, "golden");
    for (uint32_t i = 0; i < golden.file->count; i++)
        ps_part_add(&golden.part, golden.file->tensors[i].name, golden.file, &golden.file->tensors[i],
                    &error);
    ps_part_seal(&golden.part, &error);
    must(&error);
    return golden;
}

void golden_close(struct golden *golden)
{
    ps_part_clear(&golden->part);
    ps_safetensors_close(&golden->file);
}

float *golden_floats(const struct golden *golden, const char *name, uint32_t shape[4])
{
    struct ps_error error = {0};
    const struct ps_file_tensor *tensor = ps_safetensors_find(golden->file, name);
    memset(shape, 0, 4 * sizeof *shape);
    if (!tensor)
        return NULL;
    const uint32_t skip = tensor->rank > 4 ? tensor->rank - 4 : 0;
    for (uint32_t i = 0; i < 4; i++)
        shape[i] = 1;
    for (uint32_t i = skip; i < tensor->rank; i++)
        shape[4 - tensor->rank + i] = (uint32_t)tensor->shape[i];
    void *stored = malloc(tensor->bytes);
    float *values = malloc(tensor->elements * sizeof *values);
    assert_non_null(stored);
    assert_non_null(values);
    ps_safetensors_read(golden->file, tensor->offset, tensor->bytes, stored, &error);
    must(&error);
    for (uint64_t i = 0; i < tensor->elements; i++)
        values[i] = tensor->type == PS_STORED_F16 ? ps_float_from_half(((uint16_t *)stored)[i])
                                                  : ((float *)stored)[i];
    free(stored);
    return values;
}

float *golden_channels_last(const struct golden *golden, const char *name, uint32_t shape[4])
{
    float *first = golden_floats(golden, name, shape);
    if (!first)
        return NULL;
    const uint64_t n = shape[0], c = shape[1], pixels = (uint64_t)shape[2] * shape[3];
    float *last = malloc(n * c * pixels * sizeof *last);
    assert_non_null(last);
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < c; k++)
            for (uint64_t p = 0; p < pixels; p++)
                last[(i * pixels + p) * c + k] = first[(i * c + k) * pixels + p];
    free(first);
    const uint32_t h = shape[2], w = shape[3];
    shape[3] = shape[1];
    shape[1] = h;
    shape[2] = w;
    return last;
}

/* Gives every weight of the set a place. */
static void place(const struct golden_run *run, struct ps_arena *arena, struct ps_tensor *resident)
{
    for (uint32_t i = 0; i < run->weights->count; i++) {
        const struct ps_weight *weight = &run->weights->items[i];
        resident[i] = ps_packed_shape(weight, ps_weight_type(weight, run->type, run->quantised));
        resident[i].offset = ps_arena_take(arena, ps_span_bytes(resident[i]));
    }
}

static uint64_t ring_bytes(const struct golden_run *what)
{
    return what->stream ? 8u << 20 : 512u << 20; /* the second is only planned with */
}

static void begin(struct ps_run *run, struct ps_backend *backend, const struct golden_run *what,
                  struct ps_error *error)
{
    ps_run_begin(run, backend, what->type, error);
    run->chunk_bytes = what->chunk_bytes ? what->chunk_bytes : PS_MAX_CHUNK;
    run->frugal = what->frugal;
    run->quantised = what->quantised;
    run->ring_bytes = ring_bytes(what);
    if (what->segment_limit)
        run->scratch.segment_limit = what->segment_limit;
}

uint64_t golden_least_segment(const struct ps_backend *backend, const struct golden_run *what)
{
    struct golden_run limited = *what;
    struct ps_error error = {.status = PS_ERR_MEMORY};
    for (uint64_t limit = 256; error.status; limit += ps_align_up(limit / 4, PS_ALIGNMENT)) {
        struct ps_backend plan = ps_plan_backend(backend);
        struct ps_run dry;
        limited.segment_limit = limit;
        error = (struct ps_error){0};
        begin(&dry, &plan, &limited, &error);
        what->body(&dry, what->user);
        ps_run_end(&dry);
        if (error.status && strcmp(error.id, PS_TOO_LARGE) != 0)
            must(&error);
    }
    return limited.segment_limit;
}

void golden_execute(struct ps_backend *backend, const struct golden_run *what)
{
    struct ps_error error = {0};
    struct ps_backend plan = ps_plan_backend(backend);
    struct ps_run dry, run;
    begin(&dry, &plan, what, &error);
    what->body(&dry, what->user);
    must(&error);

    struct ps_arena arena;
    ps_arena_init(&arena, backend->segment_limit);
    struct ps_tensor *resident = calloc(what->weights->count + 1, sizeof *resident);
    assert_non_null(resident);
    if (what->stream)
        ps_arena_take(&arena, ring_bytes(what));
    else
        place(what, &arena, resident);
    backend->ops->reserve_staging(backend, 128u << 20, &error);
    backend->ops->reserve(backend, PS_WEIGHTS, arena.peak, arena.segments, &error);
    backend->ops->reserve(backend, PS_SCRATCH, dry.scratch.peak, dry.scratch.segments, &error);
    must(&error);

    begin(&run, backend, what, &error);
    run.store = what->store;
    if (!what->stream)
        run.resident = resident;
    for (uint32_t i = 0; !what->stream && i < what->weights->count; i++)
        ps_run_load(&run, &what->weights->items[i], resident[i]);
    what->body(&run, what->user);
    backend->ops->finish(backend, &error);
    must(&error);
    assert_int_equal(ps_arena_peak(&run.scratch), ps_arena_peak(&dry.scratch));
    ps_run_end(&run);
    ps_run_end(&dry);
    ps_arena_free(&arena);
    free(resident);
}

static void open_processor(struct golden_backends *backends)
{
    struct ps_error error = {0}, none = {0};
    backends->items[backends->count] = ps_ref_open(&error);
    must(&error);
    backends->count++;
    backends->cpu = ps_cpu_open(&(struct ps_cpu_params){0}, &none);
    if (backends->cpu)
        backends->items[backends->count++] = backends->cpu;
    else
        print_message("without the cpu interpreter: %s\n", none.message);
}

struct golden_backends golden_backends_open(const char *variant)
{
    struct golden_backends backends = {0};
    struct ps_error none = {0};
    if (!variant)
        open_processor(&backends);
    backends.vk = ps_vk_open(&(struct ps_vk_params){.validate = true, .variant = variant}, &none);
    if (backends.vk)
        backends.items[backends.count++] = backends.vk;
    else
        print_message("without Vulkan: %s\n", none.message);
    return backends;
}

int golden_backends_close(struct golden_backends *backends)
{
    const uint64_t messages = backends->vk ? ps_vk_messages(backends->vk) : 0;
    if (messages)
        print_error("%llu messages from the validation layer\n", (unsigned long long)messages);
    for (uint32_t i = 0; i < backends->count; i++)
        backends->items[i]->ops->close(backends->items[i]);
    backends->count = 0;
    return messages ? -1 : 0;
}

double golden_distance(const float *a, const float *b, uint64_t count)
{
    double difference = 0, norm = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!isfinite(a[i]))
            return INFINITY;
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(difference / norm);
}

void golden_expect(const char *what, const float *a, const float *b, uint64_t count, double tolerance)
{
    const double distance = golden_distance(a, b, count);
    if (!(distance <= tolerance))
        fail_msg("%s: relative distance %.3g exceeds %.3g", what, distance, tolerance);
}
