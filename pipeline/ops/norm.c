/* Group norm in three launches (measure, finish, apply), so that its statistics can span a clip that is never
 * in memory at once; and layer norm. */
#include "ops/ops.h"

#include <string.h>

#include "base/checked.h"
#include "ops/check.h"

#include "layer_norm.h"
#include "norm_apply.h"
#include "norm_finish.h"
#include "norm_stats.h"

static const struct ps_tensor none;

/* How the rows of a frame are split for statistics: so many splits that a device's lanes are busy with one
 * frame, but none of fewer than PS_NORM_STATS_MIN_ROWS. By rows and groups alone, so that a result depends on
 * no chunking. */
static uint32_t split_rows(uint32_t rows, uint32_t groups)
{
    const uint32_t most = ps_div_up(PS_NORM_STATS_LANES, groups);
    const uint32_t even = ps_div_up(rows, most);
    return even > PS_NORM_STATS_MIN_ROWS ? even : PS_NORM_STATS_MIN_ROWS;
}

static uint32_t splits_of(uint32_t rows, uint32_t groups)
{
    return ps_div_up(rows, split_rows(rows, groups));
}

struct ps_tensor ps_norm_partial(struct ps_run *run, uint32_t frames, uint32_t rows, uint32_t groups)
{
    return ps_new(run, PS_F32, frames, splits_of(rows, groups), groups, 2);
}

static bool is_partial(struct ps_tensor partial, uint32_t rows, uint32_t groups)
{
    return partial.h == splits_of(rows, groups) && partial.w == groups && partial.c == 2 &&
           ps_is_dense(partial);
}

/* What is normalised: x, or the rows of x and of the tensor beside it as one. */
struct input {
    struct ps_tensor x, beside; /* beside is null where there is none */
};

static uint32_t channels_of(struct input in)
{
    return in.x.c + in.beside.c;
}

static struct input cut_input(struct input in, struct ps_piece piece)
{
    return (struct input){ps_cut(in.x, piece), ps_cut(in.beside, piece)};
}

/* Whether x and what is beside it have the same pixels, dense ones. */
static bool accept_input(struct ps_run *run, const char *op, struct input in, uint32_t width)
{
    const struct ps_tensor x = in.x, beside = in.beside;
    if (!ps_accept_dense(run, op, x, width) || ps_is_null(beside))
        return ps_run_ok(run);
    struct ps_tensor whole = x;
    whole.c = channels_of(in);
    whole.pitch = ps_frame_elements(whole);
    const bool fits = x.n == beside.n && x.h == beside.h && x.w == beside.w;
    return ps_accept_dense(run, op, beside, width) && (fits || ps_reject(run, op, beside)) &&
           ps_accept(run, op, whole, width);
}

/* Channels that the kernel loads at once, which must be of one group and of one tensor. */
static uint32_t measure_width(struct input in, uint32_t groups)
{
    const uint32_t group_channels = groups ? channels_of(in) / groups : 0, both = group_channels | in.x.c;
    return both % 4 ? both % 2 ? 1 : 2 : 4;
}

static void launch_measure(struct ps_run *run, struct input in, uint32_t groups, struct ps_tensor partial)
{
    const struct ps_tensor x = in.x;
    const uint32_t rows = x.h * x.w, c = channels_of(in);
    struct ps_launch launch = {
        .kernel = PS_KERNEL_norm_stats,
        .type = run->type,
        .spec[PS_NORM_STATS_SPEC_WIDTH] = measure_width(in, groups),
        .spec[PS_NORM_STATS_SPEC_BESIDE] = !ps_is_null(in.beside),
        .operands = {x, in.beside, partial},
        .items = {partial.h * groups, 1, x.n},
        .flops = 4 * ps_rows(x) * c,
    };
    const struct ps_norm_stats_push push = {
        .n = x.n,
        .rows = rows,
        .c = c,
        .c_x = x.c,
        .groups = groups,
        .splits = partial.h,
        .split_rows = split_rows(rows, groups),
    };
    memcpy(launch.push, &push, sizeof push);
    ps_run_launch(run, &launch);
}

static void measure(struct ps_run *run, struct input in, uint32_t groups, struct ps_tensor partial)
{
    const struct ps_tensor x = in.x;
    if (!accept_input(run, "norm_stats", in, measure_width(in, groups)))
        return;
    if (!groups || channels_of(in) % groups || partial.n != x.n || !is_partial(partial, x.h * x.w, groups)) {
        ps_reject(run, "norm_stats", partial);
        return;
    }
    for (struct ps_piece piece = {0}; ps_next_piece(run, &piece, x, partial, in.beside, false);)
        launch_measure(run, cut_input(in, piece), groups, ps_cut(partial, piece));
}

void ps_norm_measure(struct ps_run *run, struct ps_tensor x, uint32_t groups, struct ps_tensor partial)
{
    measure(run, (struct input){x, none}, groups, partial);
}

struct ps_tensor ps_norm_stats(struct ps_run *run, struct ps_tensor partial, uint32_t span, uint32_t x_rows,
                               uint32_t group_channels, float eps)
{
    if (!ps_accept_dense(run, "norm_finish", partial, 1))
        return none;
    const uint32_t groups = partial.w;
    if (!span || partial.n % span || !is_partial(partial, x_rows, groups)) {
        ps_reject(run, "norm_finish", partial);
        return none;
    }
    struct ps_tensor stats = ps_new(run, PS_F32, partial.n / span, 1, groups, 2);
    if (ps_is_null(stats))
        return none;
    /* One lane for few partial results; a work group's lanes share many. */
    const uint32_t lanes = span * partial.h > PS_NORM_FINISH_ALONE ? PS_NORM_FINISH_LANES : 1;
    struct ps_launch launch = {
        .kernel = PS_KERNEL_norm_finish,
        .type = run->type,
        .spec[PS_NORM_FINISH_SPEC_LANES] = lanes,
        .operands = {partial, stats},
        .items = {stats.n * groups * lanes, 1, 1},
        .flops = 8 * ps_elements(partial),
    };
    const struct ps_norm_finish_push push = {
        .n = partial.n,
        .splits = partial.h,
        .groups = groups,
        .span = span,
        .rows = x_rows,
        .split_rows = split_rows(x_rows, groups),
        .group_channels = group_channels,
        .eps = eps,
    };
    memcpy(launch.push, &push, sizeof push);
    ps_run_launch(run, &launch);
    return ps_result(run, stats);
}

/* Gain and bias of a norm over c channels. */
static bool read_affine(struct ps_run *run, const char *op, struct ps_norm norm, uint32_t c,
                        struct ps_tensor affine[2])
{
    affine[0] = ps_run_weight(run, norm.layer.weight);
    affine[1] = ps_run_weight(run, norm.layer.bias);
    if (!ps_run_ok(run))
        return false;
    return (ps_elements(affine[0]) == c || ps_reject(run, op, affine[0])) &&
           (ps_elements(affine[1]) == c || ps_reject(run, op, affine[1]));
}

static void launch_apply(struct ps_run *run, struct input in, struct ps_tensor stats,
                         const struct ps_tensor affine[2], enum ps_act act, struct ps_tensor y)
{
    const struct ps_tensor x = in.x;
    const uint32_t rows = x.h * x.w, width = ps_width(x.c | y.c);
    struct ps_launch launch = {
        .kernel = PS_KERNEL_norm_apply,
        .type = run->type,
        .spec[PS_NORM_APPLY_SPEC_ACT] = act == PS_SILU ? PS_ACT_SILU : PS_ACT_NONE,
        .spec[PS_NORM_APPLY_SPEC_WIDTH] = width,
        .spec[PS_NORM_APPLY_SPEC_BESIDE] = !ps_is_null(in.beside),
        .operands = {x, in.beside, stats, affine[0], affine[1], y},
        .items = {y.c / width * ps_div_up(rows, PS_NORM_APPLY_ROWS), 1, x.n},
        .flops = (act == PS_SILU ? 8 : 4) * ps_elements(y),
    };
    const struct ps_norm_apply_push push = {
        .n = x.n,
        .rows = rows,
        .c = y.c,
        .c_x = x.c,
        .groups = stats.w,
        .stats_pitch = stats.n > 1 ? stats.w * 2 : 0,
    };
    memcpy(launch.push, &push, sizeof push);
    ps_run_launch(run, &launch);
}

/* y, or a new tensor where it is null, is what comes of the input. */
static struct ps_tensor apply(struct ps_run *run, struct input in, struct ps_tensor stats,
                              struct ps_norm norm, enum ps_act act, struct ps_tensor y)
{
    const struct ps_tensor x = in.x;
    const uint32_t groups = stats.w, c = channels_of(in);
    if (!ps_run_ok(run))
        return none;
    if (!groups || c % groups || stats.h != 1 || stats.c != 2 || (stats.n != 1 && stats.n != x.n) ||
        !ps_is_dense(stats)) {
        ps_reject(run, "norm_apply", stats);
        return none;
    }
    if (act != PS_NONE && act != PS_SILU) {
        ps_run_fail(run, PS_ERR_INTERNAL, "ops.act", "norm_apply knows no activation %d", (int)act);
        return none;
    }
    if (ps_is_null(y))
        y = ps_new(run, run->type, x.n, x.h, x.w, c);
    struct ps_tensor affine[2];
    if (!read_affine(run, "norm_apply", norm, c, affine))
        return none;
    for (struct ps_piece piece = {0}; ps_next_piece(run, &piece, y, x, in.beside, false);)
        launch_apply(run, cut_input(in, piece), ps_cut(stats, piece), affine, act, ps_cut(y, piece));
    return ps_result(run, y);
}

struct ps_tensor ps_norm_apply_into(struct ps_run *run, struct ps_tensor x, struct ps_tensor stats,
                                    struct ps_norm norm, enum ps_act act, struct ps_tensor into)
{
    if (!ps_accept(run, "norm_apply", ps_is_dense(x) ? x : ps_frames(x, 0, 1), ps_width(x.c)))
        return none;
    if (!ps_is_null(into) && !ps_same_shape(into, x)) {
        ps_reject(run, "norm_apply", into);
        return none;
    }
    return apply(run, (struct input){x, none}, stats, norm, act, into);
}

struct ps_tensor ps_norm_apply(struct ps_run *run, struct ps_tensor x, struct ps_tensor stats,
                               struct ps_norm norm, enum ps_act act)
{
    return ps_norm_apply_into(run, x, stats, norm, act, none);
}

struct ps_tensor ps_group_norm(struct ps_run *run, struct ps_tensor x, uint32_t groups, struct ps_norm norm,
                               enum ps_act act)
{
    return ps_group_norm_beside(run, x, none, groups, norm, act);
}

struct ps_tensor ps_group_norm_beside(struct ps_run *run, struct ps_tensor x, struct ps_tensor beside,
                                      uint32_t groups, struct ps_norm norm, enum ps_act act)
{
    const struct input in = {x, beside};
    const uint32_t rows = x.h * x.w, c = channels_of(in);
    if (!accept_input(run, "group_norm", in, ps_width(x.c | c)))
        return none;
    if (!groups || c % groups) {
        ps_reject(run, "group_norm", x);
        return none;
    }
    ps_enter(run, "norm");
    struct ps_tensor partial = ps_norm_partial(run, x.n, rows, groups);
    measure(run, in, groups, partial);
    const struct ps_tensor stats = ps_norm_stats(run, partial, 1, rows, c / groups, norm.eps);
    ps_drop(run, &partial);
    return ps_leave(run, apply(run, in, stats, norm, act, none));
}

static void launch_layer_norm(struct ps_run *run, struct ps_tensor x, struct ps_tensor vector,
                              const struct ps_tensor affine[2], float eps, uint32_t lanes, struct ps_tensor y)
{
    const uint32_t width = ps_width(x.c), units = x.c / width, rows = (uint32_t)ps_rows(x);
    struct ps_launch launch = {
        .kernel = PS_KERNEL_layer_norm,
        .type = run->type,
        .spec[PS_LAYER_NORM_SPEC_WIDTH] = width,
        .spec[PS_LAYER_NORM_SPEC_LANES] = lanes,
        .spec[PS_LAYER_NORM_SPEC_UNITS] = ps_div_up(units, lanes),
        .spec[PS_LAYER_NORM_SPEC_VECTOR] = !ps_is_null(vector),
        .operands = {x, affine[0], affine[1], vector, y},
        .items = {rows * lanes, 1, 1},
        .flops = (ps_is_null(vector) ? 7 : 8) * ps_elements(x),
    };
    const struct ps_layer_norm_push push = {
        .rows = rows, .c = x.c, .vector_rows = vector.n > 1 ? x.h * x.w : rows, .eps = eps};
    memcpy(launch.push, &push, sizeof push);
    ps_run_launch(run, &launch);
}

struct ps_tensor ps_layer_norm(struct ps_run *run, struct ps_tensor x, struct ps_norm norm)
{
    return ps_layer_norm_sum(run, x, none, norm);
}

struct ps_tensor ps_layer_norm_sum(struct ps_run *run, struct ps_tensor x, struct ps_tensor vector,
                                   struct ps_norm norm)
{
    const uint32_t width = ps_width(x.c);
    if (!ps_accept(run, "layer_norm", ps_is_dense(x) ? x : ps_frames(x, 0, 1), width))
        return none;
    if (!ps_is_null(vector) && (vector.h != 1 || vector.w != 1 || vector.c != x.c || !ps_is_dense(vector) ||
                                (vector.n != 1 && vector.n != x.n))) {
        ps_reject(run, "layer_norm", vector);
        return none;
    }
    /* A few lanes side by side load neighbouring units; more only where a lane would hold too many. */
    const uint32_t units = x.c / width;
    if (units > PS_LAYER_NORM_LANES * PS_LAYER_NORM_MOST) {
        ps_reject(run, "layer_norm", x);
        return none;
    }
    uint32_t lanes = 1;
    while (lanes < PS_LAYER_NORM_LANES &&
           units > lanes * (lanes < PS_LAYER_NORM_ABREAST ? 4 : PS_LAYER_NORM_UNITS))
        lanes *= 2;
    const struct ps_tensor y = ps_new(run, run->type, x.n, x.h, x.w, x.c);
    struct ps_tensor affine[2];
    if (!read_affine(run, "layer_norm", norm, x.c, affine))
        return none;
    for (struct ps_piece piece = {0}; ps_next_piece(run, &piece, y, x, none, false);)
        launch_layer_norm(run, ps_cut(x, piece), ps_cut(vector, piece), affine, norm.eps, lanes,
                          ps_cut(y, piece));
    return ps_result(run, y);
}
