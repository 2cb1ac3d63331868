#include "run/run.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/half.h"

void ps_run_begin(struct ps_run *run, struct ps_backend *backend, enum ps_type type, struct ps_error *error)
{
    *run = (struct ps_run){.error = error, .backend = backend, .type = type, .chunk_bytes = PS_MAX_CHUNK};
    ps_arena_init(&run->scratch, backend->segment_limit);
}

void ps_run_end(struct ps_run *run)
{
    ps_arena_free(&run->scratch);
}

void ps_run_fail(struct ps_run *run, enum ps_status status, const char *id, const char *format, ...)
{
    char text[512], path[256] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t used = 0;
    for (uint32_t i = 0; i < run->depth && used < sizeof path; i++)
        used += (size_t)snprintf(path + used, sizeof path - used, "%s%s", i ? "/" : "", run->scopes[i].name);
    ps_fail(run->error, status, id, "%s%s%s", path, run->depth ? ": " : "", text);
}

enum ps_status ps_run_too_large(struct ps_run *run, struct ps_tensor t)
{
    char shape[PS_SHAPE_TEXT];
    ps_run_fail(run, PS_ERR_MEMORY, PS_TOO_LARGE,
                "a tensor %s does not fit: the device allows %llu MiB in one allocation",
                ps_shape_text(t, shape), (unsigned long long)(run->scratch.segment_limit >> 20));
    ps_hint(run->error, "render smaller, or with --device cpu, which has no such limit");
    return run->error->status;
}

/* Takes t's memory from the arena; splits t where it exceeds a segment. The last segment of a room lacks at most one
 * frame, or what lies there far to the end would not fit. */
static bool take(struct ps_arena *arena, struct ps_tensor *t, bool is_room)
{
    uint64_t frame, bytes;
    const bool counted = ps_mul_u64((uint64_t)t->h * t->w, t->c, &t->pitch) &&
                         ps_mul_u64(t->pitch, ps_type_bytes(t->type), &frame) &&
                         ps_mul_u64(frame, t->n, &bytes);
    if (!counted || frame > arena->segment_limit)
        return false;
    if (bytes <= arena->segment_limit) {
        t->offset = ps_arena_take(arena, bytes);
        return t->offset != PS_NO_OFFSET;
    }
    const uint32_t pieces = ps_div_up(t->n, (uint32_t)(arena->segment_limit / frame));
    t->split = ps_div_up(t->n, pieces);
    const uint32_t used = ps_div_up(t->n, t->split), rest = t->n - (used - 1) * t->split;
    const uint64_t last = is_room ? ps_max_u64(rest, t->split - 1) : rest;
    t->offset = ps_arena_take_split(arena, t->split * frame, used, last * frame);
    return t->offset != PS_NO_OFFSET;
}

static struct ps_tensor new_tensor(struct ps_run *run, enum ps_type type, uint32_t n, uint32_t h, uint32_t w,
                                   uint32_t c, bool is_room)
{
    if (!ps_run_ok(run))
        return (struct ps_tensor){0};
    assert(n && h && w && c);
    struct ps_tensor t = {.type = type, .space = PS_SCRATCH, .n = n, .h = h, .w = w, .c = c};
    if (run->live_count == PS_MAX_LIVE || !take(&run->scratch, &t, is_room)) {
        ps_run_too_large(run, t);
        return (struct ps_tensor){0};
    }
    run->live[run->live_count++] = t.offset;
    return t;
}

struct ps_tensor ps_new(struct ps_run *run, enum ps_type type, uint32_t n, uint32_t h, uint32_t w, uint32_t c)
{
    return new_tensor(run, type, n, h, w, c, false);
}

struct ps_tensor ps_new_room(struct ps_run *run, enum ps_type type, uint32_t n, uint32_t h, uint32_t w,
                             uint32_t c)
{
    return new_tensor(run, type, n, h, w, c, true);
}

void ps_drop(struct ps_run *run, struct ps_tensor *t)
{
    if (ps_is_null(*t))
        return;
    for (uint32_t i = run->live_count; i-- > 0;) {
        if (run->live[i] != t->offset)
            continue;
        assert(!run->depth || i >= run->scopes[run->depth - 1].live);
        ps_arena_give(&run->scratch, t->offset);
        memmove(run->live + i, run->live + i + 1, (run->live_count - i - 1) * sizeof *run->live);
        run->live_count--;
        *t = (struct ps_tensor){0};
        return;
    }
    assert(!ps_run_ok(run));
}

void ps_enter(struct ps_run *run, const char *name)
{
    assert(run->depth < PS_MAX_SCOPES);
    run->scopes[run->depth].name = name;
    run->scopes[run->depth].live = run->live_count;
    run->depth++;
}

struct ps_tensor ps_leave(struct ps_run *run, struct ps_tensor result)
{
    assert(run->depth);
    const uint32_t first = run->scopes[--run->depth].live;
    uint32_t kept = first;
    for (uint32_t i = first; i < run->live_count; i++) {
        if (!ps_is_null(result) && result.space == PS_SCRATCH && run->live[i] == result.offset)
            run->live[kept++] = run->live[i];
        else
            ps_arena_give(&run->scratch, run->live[i]);
    }
    run->live_count = kept;
    return ps_run_ok(run) ? result : (struct ps_tensor){0};
}

uint32_t ps_chunk(const struct ps_run *run, uint32_t count, uint64_t bytes_each)
{
    const uint64_t fits = bytes_each ? run->chunk_bytes / bytes_each : count;
    return (uint32_t)ps_max_u64(1, ps_min_u64(fits, count));
}

enum ps_type ps_weight_type(const struct ps_weight *weight, enum ps_type type, bool quantised)
{
    const bool is_large = weight->pack == PS_PACK_MATRIX && weight->rows >= PS_Q8_LEAST &&
                          weight->columns >= PS_Q8_LEAST;
    return quantised && is_large ? PS_Q8 : type;
}

struct ps_tensor ps_packed_shape(const struct ps_weight *weight, enum ps_type type)
{
    struct ps_tensor t = {.type = type, .space = PS_WEIGHTS, .n = 1, .h = 1};
    if (weight->pack == PS_PACK_VECTOR) {
        t.w = weight->rows;
        t.c = weight->columns;
    } else {
        t.n = weight->taps;
        t.h = ps_div_up(weight->rows, 4);
        t.w = (uint32_t)ps_align_up(weight->columns, PS_PACK_COLUMNS);
        t.c = 4;
        t.packed = true;
    }
    t.pitch = ps_frame_elements(t);
    return t;
}

/* Forgets the weights of the ring that [begin, end) overlaps. */
static void ring_evict(struct ps_run *run, uint64_t begin, uint64_t end)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->ring_count; i++)
        if (run->ring[i].end <= begin || run->ring[i].begin >= end)
            run->ring[kept++] = run->ring[i];
    run->ring_count = kept;
}

/* A place in the ring for a weight. Launches still reading what lies there finish first: the interpreter
 * orders an upload behind every earlier access of the same bytes. */
static bool ring_take(struct ps_run *run, uint32_t index, uint64_t bytes, uint64_t *offset)
{
    bytes = ps_align_up(bytes, PS_ALIGNMENT);
    if (bytes > run->ring_bytes) {
        ps_run_fail(run, PS_ERR_INTERNAL, "weights.ring", "a weight of %llu bytes exceeds the ring of %llu",
                    (unsigned long long)bytes, (unsigned long long)run->ring_bytes);
        return false;
    }
    if (run->ring_head + bytes > run->ring_bytes)
        run->ring_head = 0;
    const uint64_t begin = run->ring_head, end = begin + bytes;
    ring_evict(run, begin, end);
    if (run->ring_count == PS_MAX_RING)
        ring_evict(run, run->ring[0].begin, run->ring[0].end);
    run->ring[run->ring_count].index = index;
    run->ring[run->ring_count].begin = begin;
    run->ring[run->ring_count++].end = end;
    run->ring_head = end;
    *offset = run->ring_offset + begin;
    return true;
}

static bool ring_find(const struct ps_run *run, uint32_t index, uint64_t *offset)
{
    for (uint32_t i = 0; i < run->ring_count; i++) {
        if (run->ring[i].index != index)
            continue;
        *offset = run->ring_offset + run->ring[i].begin;
        return true;
    }
    return false;
}

bool ps_run_load(struct ps_run *run, const struct ps_weight *weight, struct ps_tensor t)
{
    if (!ps_run_ok(run))
        return false;
    void *to = run->backend->ops->upload_begin(run->backend, t, run->error);
    if (to && run->store->fill(run->store, weight, t.type, to, run->error))
        run->backend->ops->upload_end(run->backend, run->error);
    return ps_run_ok(run);
}

struct ps_tensor ps_run_weight(struct ps_run *run, const struct ps_weight *weight)
{
    struct ps_tensor none = {0};
    if (!weight || !ps_run_ok(run))
        return none;
    if (run->asked)
        run->asked[weight->index] = true;
    if (run->resident && !ps_is_null(run->resident[weight->index]))
        return run->resident[weight->index];
    struct ps_tensor t = ps_packed_shape(weight, ps_weight_type(weight, run->type, run->quantised));
    if (ring_find(run, weight->index, &t.offset))
        return t;
    if (!ring_take(run, weight->index, ps_span_bytes(t), &t.offset))
        return none;
    run->streamed_bytes += ps_span_bytes(t);
    return ps_run_load(run, weight, t) ? t : none;
}

static bool operand_fits(const struct ps_launch *launch, char letter, struct ps_tensor t)
{
    if (ps_is_null(t))
        return letter == 's';
    if (t.type == PS_Q8)
        return letter == 'W' && !t.split;
    return !t.split && t.type == (letter == 'F' ? PS_F32 : launch->type);
}

static bool operands_fit(const struct ps_launch *launch, const struct ps_kernel_row *row)
{
    uint32_t operand = 0;
    for (const char *letter = row->reads; *letter; letter++)
        if (!operand_fits(launch, *letter, launch->operands[operand++]))
            return false;
    for (const char *letter = row->writes; *letter; letter++)
        if (!operand_fits(launch, *letter, launch->operands[operand++]))
            return false;
    return true;
}

void ps_run_launch(struct ps_run *run, const struct ps_launch *launch)
{
    if (!ps_run_ok(run))
        return;
    const struct ps_kernel_row *row = ps_kernel_row(launch->kernel);
    if (!operands_fit(launch, row)) {
        ps_run_fail(run, PS_ERR_INTERNAL, "launch.operands",
                    "%s was given an operand of the wrong type, or split", row->name);
        return;
    }
    if (run->alive && !run->alive(run->user, run)) {
        ps_run_fail(run, PS_ERR_CANCELLED, "cancelled", "stopped as asked");
        return;
    }
    run->flops += launch->flops;
    run->backend->ops->launch(run->backend, launch, run->error);
}

/* Streamed weights lie elsewhere in the ring each time. */
static bool can_repeat(const struct ps_run *run)
{
    return run->backend->ops->repeat_begin && !run->ring_bytes;
}

void ps_repeat_begin(struct ps_run *run)
{
    if (ps_run_ok(run) && can_repeat(run))
        run->backend->ops->repeat_begin(run->backend, run->error);
}

void ps_repeat_end(struct ps_run *run)
{
    if (can_repeat(run))
        run->backend->ops->repeat_end(run->backend, run->error);
}

static void *begin_upload(struct ps_run *run, struct ps_tensor t)
{
    run->largest_transfer = ps_max_u64(run->largest_transfer, ps_span_bytes(t));
    return run->backend->ops->upload_begin(run->backend, t, run->error);
}

/* Steps through what each segment holds of t: false at its end and after an error. */
static bool next_piece(const struct ps_run *run, struct ps_tensor t, uint32_t *first, struct ps_tensor *piece)
{
    if (!ps_run_ok(run) || *first == t.n)
        return false;
    *piece = ps_frames(t, *first, ps_frames_together(t, *first));
    *first += piece->n;
    return true;
}

void ps_upload(struct ps_run *run, struct ps_tensor t, const void *from)
{
    struct ps_tensor piece;
    for (uint32_t first = 0; next_piece(run, t, &first, &piece);) {
        void *to = begin_upload(run, piece);
        if (!to)
            continue;
        memcpy(to, from, ps_span_bytes(piece));
        from = (const char *)from + ps_span_bytes(piece);
        run->backend->ops->upload_end(run->backend, run->error);
    }
}

void ps_download(struct ps_run *run, struct ps_tensor t, void *to)
{
    struct ps_tensor piece;
    for (uint32_t first = 0; next_piece(run, t, &first, &piece);) {
        run->largest_transfer = ps_max_u64(run->largest_transfer, ps_span_bytes(piece));
        if (run->backend->plan_only)
            continue;
        run->backend->ops->download(run->backend, piece, to, run->error);
        to = (char *)to + ps_span_bytes(piece);
    }
}

void ps_upload_floats(struct ps_run *run, struct ps_tensor t, const float *from)
{
    if (t.type == PS_F32) {
        ps_upload(run, t, from);
        return;
    }
    struct ps_tensor piece;
    for (uint32_t first = 0; next_piece(run, t, &first, &piece);) {
        uint16_t *to = begin_upload(run, piece);
        if (!to)
            continue;
        for (uint64_t i = 0; i < ps_elements(piece); i++)
            to[i] = t.type == PS_F16 ? ps_half_from_float(from[i]) : ps_bf16_from_float(from[i]);
        from += ps_elements(piece);
        run->backend->ops->upload_end(run->backend, run->error);
    }
}

void ps_download_floats(struct ps_run *run, struct ps_tensor t, float *to)
{
    ps_download(run, t, to);
    if (!ps_run_ok(run) || run->backend->plan_only || t.type == PS_F32)
        return;
    /* The halves lie in the first half of `to`; widening from the end never overwrites one still to be read.
     */
    for (uint64_t i = ps_elements(t); i-- > 0;) {
        uint16_t half;
        memcpy(&half, (const char *)to + i * sizeof half, sizeof half);
        to[i] = t.type == PS_F16 ? ps_float_from_half(half) : ps_float_from_bf16(half);
    }
}
