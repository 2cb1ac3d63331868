/* Ops that move or combine elements one by one. */
#include "ops/ops.h"

#include <string.h>

#include "ops/check.h"

#include "blend.h"
#include "concat.h"
#include "guide.h"
#include "narrow.h"
#include "widen.h"

static const struct ps_tensor none;

/* An operand of a blend: absent, or shaped like the result. */
static bool accept_term(struct ps_run *run, struct ps_tensor t, struct ps_tensor y, uint32_t width)
{
    return ps_is_null(t) ||
           (ps_accept(run, "blend", t, width) && (ps_same_shape(t, y) || ps_reject(run, "blend", t)));
}

static void launch_blend(struct ps_run *run, const struct ps_blend *blend, struct ps_tensor y)
{
    const struct ps_tensor p = blend->p, q = blend->q, vector = blend->vector;
    const uint32_t elements = (uint32_t)ps_frame_elements(y), width = ps_width(y.c);
    const bool has_p = !ps_is_null(p), has_q = !ps_is_null(q), has_vector = !ps_is_null(vector);
    struct ps_launch launch = {
        .kernel = PS_KERNEL_blend,
        .type = y.type,
        .spec[PS_BLEND_SPEC_ACT] = blend->act == PS_SILU ? PS_ACT_SILU : PS_ACT_NONE,
        .spec[PS_BLEND_SPEC_P] = has_p,
        .spec[PS_BLEND_SPEC_Q] = has_q,
        .spec[PS_BLEND_SPEC_VECTOR] = has_vector,
        .spec[PS_BLEND_SPEC_WIDTH] = width,
        .operands = {p, q, vector, y},
        .items = {elements / width, 1, y.n},
        .flops =
            ((has_p ? 2u : 0) + (has_q ? 2u : 0) + (has_vector ? 1u : 0) + (blend->act == PS_SILU ? 4u : 0)) *
            ps_elements(y),
    };
    const struct ps_blend_push push = {
        .n = y.n,
        .elements = elements,
        .c = y.c,
        .p_pitch = (uint32_t)p.pitch,
        .q_pitch = (uint32_t)q.pitch,
        .y_pitch = (uint32_t)y.pitch,
        .vector_pitch = vector.n > 1 ? y.c : 0,
        .a = blend->a,
        .b = blend->b,
    };
    memcpy(launch.push, &push, sizeof push);
    ps_run_launch(run, &launch);
}

struct ps_tensor ps_blend(struct ps_run *run, const struct ps_blend *blend)
{
    const struct ps_tensor p = blend->p, q = blend->q, vector = blend->vector;
    const struct ps_tensor like = ps_is_null(blend->into) ? ps_is_null(p) ? q : p : blend->into;
    const uint32_t width = ps_width(like.c);
    if (!ps_accept(run, "blend", like, width) || !accept_term(run, p, like, width) ||
        !accept_term(run, q, like, width))
        return none;
    if (!ps_is_null(vector) && (vector.h != 1 || vector.w != 1 || vector.c != like.c ||
                                !ps_is_dense(vector) || (vector.n != 1 && vector.n != like.n))) {
        ps_reject(run, "blend", vector);
        return none;
    }
    if (blend->act != PS_NONE && blend->act != PS_SILU) {
        ps_run_fail(run, PS_ERR_INTERNAL, "ops.act", "blend knows no activation %d", (int)blend->act);
        return none;
    }
    const struct ps_tensor y =
        ps_is_null(blend->into) ? ps_new(run, like.type, like.n, like.h, like.w, like.c) : blend->into;
    for (struct ps_piece piece = {0}; ps_next_piece(run, &piece, y, p, q, true);) {
        struct ps_blend part = *blend;
        part.p = ps_cut(p, piece);
        part.q = ps_cut(q, piece);
        part.vector = ps_cut(vector, piece);
        launch_blend(run, &part, ps_cut(y, piece));
    }
    return ps_result(run, y);
}

static void launch_concat(struct ps_run *run, struct ps_tensor p, struct ps_tensor q, struct ps_tensor y,
                          uint32_t width)
{
    struct ps_launch launch = {
        .kernel = PS_KERNEL_concat,
        .type = run->type,
        .spec[PS_CONCAT_SPEC_WIDTH] = width,
        .operands = {p, q, y},
        .items = {(uint32_t)(ps_elements(y) / width), 1, 1},
    };
    const struct ps_concat_push push = {.rows = (uint32_t)ps_rows(y), .c_p = p.c, .c_q = q.c};
    memcpy(launch.push, &push, sizeof push);
    ps_run_launch(run, &launch);
}

struct ps_tensor ps_concat(struct ps_run *run, struct ps_tensor p, struct ps_tensor q)
{
    const uint32_t width = ps_width(p.c) == 4 && ps_width(q.c) == 4 ? 4 : 1;
    if (!ps_accept_dense(run, "concat", p, width) || !ps_accept_dense(run, "concat", q, width))
        return none;
    if (p.n != q.n || p.h != q.h || p.w != q.w) {
        ps_reject(run, "concat", q);
        return none;
    }
    const struct ps_tensor y = ps_new(run, run->type, p.n, p.h, p.w, p.c + q.c);
    if (!ps_run_ok(run) || !ps_accept(run, "concat", y, width))
        return none;
    for (struct ps_piece piece = {0}; ps_next_piece(run, &piece, y, p, q, false);)
        launch_concat(run, ps_cut(p, piece), ps_cut(q, piece), ps_cut(y, piece), width);
    return ps_result(run, y);
}

struct ps_tensor ps_narrow(struct ps_run *run, struct ps_tensor x, float scale)
{
    const uint32_t width = ps_width(x.c);
    if (!ps_accept_dense(run, "narrow", x, 1))
        return none;
    const struct ps_tensor y = ps_new(run, run->type, x.n, x.h, x.w, x.c);
    for (struct ps_piece piece = {0}; ps_next_piece(run, &piece, y, x, none, false);) {
        const struct ps_tensor from = ps_cut(x, piece);
        const uint32_t count = (uint32_t)ps_elements(from);
        struct ps_launch launch = {
            .kernel = PS_KERNEL_narrow,
            .type = run->type,
            .spec[PS_NARROW_SPEC_WIDTH] = width,
            .operands = {from, ps_cut(y, piece)},
            .items = {count / width, 1, 1},
            .flops = count,
        };
        const struct ps_narrow_push push = {.count = count, .scale = scale};
        memcpy(launch.push, &push, sizeof push);
        ps_run_launch(run, &launch);
    }
    return ps_result(run, y);
}

struct ps_tensor ps_widen(struct ps_run *run, struct ps_tensor x, float scale, struct ps_tensor into)
{
    const uint32_t width = ps_width(x.c);
    if (!ps_accept_dense(run, "widen", x, 1))
        return none;
    if (!ps_is_null(into) && (!ps_same_shape(into, x) || !ps_is_dense(into))) {
        ps_reject(run, "widen", into);
        return none;
    }
    const struct ps_tensor y = ps_is_null(into) ? ps_new(run, PS_F32, x.n, x.h, x.w, x.c) : into;
    for (struct ps_piece piece = {0}; ps_next_piece(run, &piece, y, x, none, false);) {
        const struct ps_tensor from = ps_cut(x, piece);
        const uint32_t count = (uint32_t)ps_elements(from);
        struct ps_launch launch = {
            .kernel = PS_KERNEL_widen,
            .type = run->type,
            .spec[PS_WIDEN_SPEC_WIDTH] = width,
            .operands = {from, ps_cut(y, piece)},
            .items = {count / width, 1, 1},
            .flops = count,
        };
        const struct ps_widen_push push = {.count = count, .scale = scale};
        memcpy(launch.push, &push, sizeof push);
        ps_run_launch(run, &launch);
    }
    return ps_result(run, y);
}

static void launch_guide(struct ps_run *run, struct ps_tensor uncond, struct ps_tensor cond,
                         struct ps_tensor scale, struct ps_tensor y)
{
    const uint32_t elements = (uint32_t)ps_frame_elements(y), width = ps_width(y.c);
    struct ps_launch launch = {
        .kernel = PS_KERNEL_guide,
        .type = run->type,
        .spec[PS_GUIDE_SPEC_WIDTH] = width,
        .operands = {uncond, cond, scale, y},
        .items = {elements / width, 1, y.n},
        .flops = 3 * ps_elements(y),
    };
    const struct ps_guide_push push = {.n = y.n, .elements = elements};
    memcpy(launch.push, &push, sizeof push);
    ps_run_launch(run, &launch);
}

struct ps_tensor ps_guide(struct ps_run *run, struct ps_tensor uncond, struct ps_tensor cond,
                          struct ps_tensor scale)
{
    const uint32_t width = ps_width(uncond.c);
    if (!ps_accept_dense(run, "guide", uncond, width) || !ps_accept_dense(run, "guide", cond, width))
        return none;
    if (!ps_same_shape(uncond, cond)) {
        ps_reject(run, "guide", cond);
        return none;
    }
    if (ps_elements(scale) != uncond.n || scale.c != uncond.n) {
        ps_reject(run, "guide", scale);
        return none;
    }
    const struct ps_tensor y = ps_new(run, PS_F32, uncond.n, uncond.h, uncond.w, uncond.c);
    const struct ps_tensor scales = ps_reshape(scale, uncond.n, 1, 1, 1);
    for (struct ps_piece piece = {0}; ps_next_piece(run, &piece, y, uncond, cond, false);)
        launch_guide(run, ps_cut(uncond, piece), ps_cut(cond, piece), ps_cut(scales, piece),
                     ps_cut(y, piece));
    return ps_result(run, y);
}
