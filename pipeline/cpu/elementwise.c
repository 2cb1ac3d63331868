/* Kernels that combine elements one by one. Tasks are pieces of a frame. */
#include "base/checked.h"
#include "cpu/kernels.h"
#include "cpu/vec_math.h"

#include "blend.h"
#include "guide.h"
#include "narrow.h"
#include "widen.h"

#define PIECE 16384 /* elements of a task */

/* Frames of `elements`, cut into pieces of `piece`. */
struct split {
    const struct ps_cpu_call *call;
    uint64_t elements;
    uint32_t piece, pieces;
};

static struct split cut(const struct ps_cpu_call *call, uint64_t elements, uint32_t multiple)
{
    struct split split = {.call = call, .elements = elements};
    split.piece = ps_div_up(PIECE, multiple) * multiple;
    split.pieces = (uint32_t)((elements + split.piece - 1) / split.piece);
    return split;
}

struct span {
    uint32_t frame;
    uint64_t begin, end; /* elements of the frame */
};

static struct span span_of(const struct split *split, uint32_t index)
{
    const uint64_t begin = (uint64_t)(index % split->pieces) * split->piece;
    return (struct span){.frame = index / split->pieces,
                         .begin = begin,
                         .end = ps_min_u64(begin + split->piece, split->elements)};
}

PS_INLINE v16 fetch(enum ps_type type, const void *from, uint64_t i, uint32_t count)
{
    return count == V_LANES ? v_load(type, from, i) : v_load_some(type, from, i, count);
}

PS_INLINE void put(enum ps_type type, void *to, uint64_t i, v16 x, uint32_t count)
{
    if (count == V_LANES)
        v_store(type, to, i, x);
    else
        v_store_some(type, to, i, x, count);
}

enum { P, Q, VECTOR, BLEND_Y };

/* Elements [begin, end) of a frame: one row of channels if there is a vector. */
PS_INLINE void blend_line(enum ps_type type, const struct ps_cpu_call *call, struct span span)
{
    const struct ps_blend_push *push = call->push;
    const uint32_t *spec = call->launch->spec;
    const uint64_t p = (uint64_t)span.frame * push->p_pitch, q = (uint64_t)span.frame * push->q_pitch,
                   y = (uint64_t)span.frame * push->y_pitch,
                   vector = (uint64_t)span.frame * push->vector_pitch - span.begin;
    const v16 a = v_set(push->a), b = v_set(push->b);
    for (uint64_t i = span.begin; i < span.end; i += V_LANES) {
        const uint32_t count = v_lanes(span.end - i);
        v16 sum = v_set(0);
        if (spec[PS_BLEND_SPEC_P])
            sum = v_mul(a, fetch(type, call->operands[P], p + i, count));
        if (spec[PS_BLEND_SPEC_Q])
            sum = v_fma(b, fetch(type, call->operands[Q], q + i, count), sum);
        if (spec[PS_BLEND_SPEC_VECTOR])
            sum = v_add(sum, fetch(type, call->operands[VECTOR], vector + i, count));
        put(type, call->operands[BLEND_Y], y + i, v_act(spec[PS_BLEND_SPEC_ACT], sum), count);
    }
}

PS_INLINE void blend_span(enum ps_type type, const struct ps_cpu_call *call, struct span span)
{
    const struct ps_blend_push *push = call->push;
    if (!call->launch->spec[PS_BLEND_SPEC_VECTOR]) {
        blend_line(type, call, span);
        return;
    }
    for (uint64_t i = span.begin; i < span.end; i += push->c)
        blend_line(type, call, (struct span){span.frame, i, i + push->c});
}

static void blend_task(void *user, uint32_t index, void *scratch)
{
    (void)scratch;
    const struct split *split = user;
    V_TYPED(split->call->launch->type, blend_span, split->call, span_of(split, index));
}

bool PS_NAME(blend)(const struct ps_cpu_call *call)
{
    const struct ps_blend_push *push = call->push;
    struct split split = cut(call, push->elements, push->c);
    ps_pool_run(call->pool, blend_task, &split, split.pieces * push->n);
    return true;
}

/* y = scale x between two types. */
PS_INLINE void convert(enum ps_type from, enum ps_type to, const struct ps_cpu_call *call, struct span span,
                       float scale)
{
    for (uint64_t i = span.begin; i < span.end; i += V_LANES) {
        const uint32_t count = v_lanes(span.end - i);
        put(to, call->operands[1], i, v_mul(v_set(scale), fetch(from, call->operands[0], i, count)), count);
    }
}

PS_INLINE void narrow_span(enum ps_type type, const struct ps_cpu_call *call, struct span span)
{
    convert(PS_F32, type, call, span, ((const struct ps_narrow_push *)call->push)->scale);
}

PS_INLINE void widen_span(enum ps_type type, const struct ps_cpu_call *call, struct span span)
{
    convert(type, PS_F32, call, span, ((const struct ps_widen_push *)call->push)->scale);
}

static void narrow_task(void *user, uint32_t index, void *scratch)
{
    (void)scratch;
    const struct split *split = user;
    V_TYPED(split->call->launch->type, narrow_span, split->call, span_of(split, index));
}

static void widen_task(void *user, uint32_t index, void *scratch)
{
    (void)scratch;
    const struct split *split = user;
    V_TYPED(split->call->launch->type, widen_span, split->call, span_of(split, index));
}

bool PS_NAME(narrow)(const struct ps_cpu_call *call)
{
    struct split split = cut(call, ((const struct ps_narrow_push *)call->push)->count, 1);
    ps_pool_run(call->pool, narrow_task, &split, split.pieces);
    return true;
}

bool PS_NAME(widen)(const struct ps_cpu_call *call)
{
    struct split split = cut(call, ((const struct ps_widen_push *)call->push)->count, 1);
    ps_pool_run(call->pool, widen_task, &split, split.pieces);
    return true;
}

static void guide_task(void *user, uint32_t index, void *scratch)
{
    enum { UNCOND, COND, SCALE, Y };
    (void)scratch;
    const struct split *split = user;
    const struct ps_cpu_call *call = split->call;
    const struct span span = span_of(split, index);
    const uint64_t frame = span.frame * split->elements;
    const v16 scale = v_set(((const float *)call->operands[SCALE])[span.frame]);
    for (uint64_t i = span.begin; i < span.end; i += V_LANES) {
        const uint32_t count = v_lanes(span.end - i);
        const v16 uncond = fetch(PS_F32, call->operands[UNCOND], frame + i, count),
                  cond = fetch(PS_F32, call->operands[COND], frame + i, count);
        put(PS_F32, call->operands[Y], frame + i, v_fma(scale, v_sub(cond, uncond), uncond), count);
    }
}

bool PS_NAME(guide)(const struct ps_cpu_call *call)
{
    const struct ps_guide_push *push = call->push;
    struct split split = cut(call, push->elements, 1);
    ps_pool_run(call->pool, guide_task, &split, split.pieces * push->n);
    return true;
}
