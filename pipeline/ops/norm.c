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

void ps_norm_measure(struct ps_run *run, struct ps_tensor x, uint32_t groups, struct ps_tensor partial)
{
    const uint32_t group_channels = groups ? x.c / groups : 0;
    const uint32_t width = group_channels % 4 ? group_channels % 2 ? 1 : 2 : 4;
    if (!ps_accept_dense(run, "norm_stats", x, width))
        return;
    const uint32_t rows = x.h * x.w;
    if (!groups || x.c % groups || partial.n != x.n || !is_partial(partial, rows, groups)) {
        ps_reject(run, "norm_stats", partial);
        return;
    }
    struct ps_launch launch = {
        .kernel = PS_KERNEL_norm_stats,
        .type = run->type,
        .spec[PS_NORM_STATS_SPEC_WIDTH] = width,
        .operands = {x, partial},
        .items = {partial.h * groups, 1, x.n},
        .flops = 4 * ps_elements(x),
    };
    const struct ps_norm_stats_push push = {
        .n = x.n,
        .rows = rows,
        .c = x.c,
        .groups = groups,
        .splits = partial.h,
        .split_rows = split_rows(rows, groups),
    };
    memcpy(launch.push, &push, sizeof push);
    ps_run_launch(run, &launch);
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
    return ps_launched(run, &launch, stats);
}

/* Gain and bias of a norm over c channels. */
static bool weights(struct ps_run *run, const char *op, struct ps_norm norm, uint32_t c,
                    struct ps_tensor *gain, struct ps_tensor *bias)
{
    *gain = ps_run_weight(run, norm.layer.weight);
    *bias = ps_run_weight(run, norm.layer.bias);
    if (!ps_run_ok(run))
        return false;
    return (ps_elements(*gain) == c || ps_reject(run, op, *gain)) &&
           (ps_elements(*bias) == c || ps_reject(run, op, *bias));
}

struct ps_tensor ps_norm_apply_into(struct ps_run *run, struct ps_tensor x, struct ps_tensor stats,
                                    struct ps_norm norm, enum ps_act act, struct ps_tensor into)
{
    const uint32_t width = ps_width(x.c);
    if (!ps_accept_dense(run, "norm_apply", x, width))
        return none;
    const uint32_t groups = stats.w;
    if (!groups || x.c % groups || stats.h != 1 || stats.c != 2 || (stats.n != 1 && stats.n != x.n) ||
        !ps_is_dense(stats)) {
        ps_reject(run, "norm_apply", stats);
        return none;
    }
    if (act != PS_NONE && act != PS_SILU) {
        ps_run_fail(run, PS_ERR_INTERNAL, "ops.act", "norm_apply knows no activation %d", (int)act);
        return none;
    }
    if (!ps_is_null(into) && (!ps_same_shape(into, x) || !ps_is_dense(into))) {
        ps_reject(run, "norm_apply", into);
        return none;
    }
    const struct ps_tensor y = ps_is_null(into) ? ps_new(run, run->type, x.n, x.h, x.w, x.c) : into;
    struct ps_tensor gain, bias;
    if (!weights(run, "norm_apply", norm, x.c, &gain, &bias))
        return none;
    const uint32_t rows = x.h * x.w;
    struct ps_launch launch = {
        .kernel = PS_KERNEL_norm_apply,
        .type = run->type,
        .spec[PS_NORM_APPLY_SPEC_ACT] = act == PS_SILU ? PS_ACT_SILU : PS_ACT_NONE,
        .spec[PS_NORM_APPLY_SPEC_WIDTH] = width,
        .operands = {x, stats, gain, bias, y},
        .items = {x.c / width * ps_div_up(rows, PS_NORM_APPLY_ROWS), 1, x.n},
        .flops = (act == PS_SILU ? 8 : 4) * ps_elements(x),
    };
    const struct ps_norm_apply_push push = {
        .n = x.n,
        .rows = rows,
        .c = x.c,
        .groups = groups,
        .stats_pitch = stats.n > 1 ? groups * 2 : 0,
    };
    memcpy(launch.push, &push, sizeof push);
    return ps_launched(run, &launch, y);
}

struct ps_tensor ps_norm_apply(struct ps_run *run, struct ps_tensor x, struct ps_tensor stats, struct ps_norm norm,
                               enum ps_act act)
{
    return ps_norm_apply_into(run, x, stats, norm, act, none);
}

struct ps_tensor ps_group_norm(struct ps_run *run, struct ps_tensor x, uint32_t groups, struct ps_norm norm,
                               enum ps_act act)
{
    if (!ps_accept_dense(run, "group_norm", x, ps_width(x.c)))
        return none;
    if (!groups || x.c % groups) {
        ps_reject(run, "group_norm", x);
        return none;
    }
    const uint32_t rows = x.h * x.w;
    ps_enter(run, "norm");
    struct ps_tensor partial = ps_norm_partial(run, x.n, rows, groups);
    ps_norm_measure(run, x, groups, partial);
    const struct ps_tensor stats = ps_norm_stats(run, partial, 1, rows, x.c / groups, norm.eps);
    ps_drop(run, &partial);
    return ps_leave(run, ps_norm_apply(run, x, stats, norm, act));
}

struct ps_tensor ps_layer_norm(struct ps_run *run, struct ps_tensor x, struct ps_norm norm)
{
    const uint32_t width = ps_width(x.c);
    if (!ps_accept_dense(run, "layer_norm", x, width))
        return none;
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
    struct ps_tensor y = ps_new(run, run->type, x.n, x.h, x.w, x.c);
    struct ps_tensor gain, bias;
    if (!weights(run, "layer_norm", norm, x.c, &gain, &bias))
        return none;
    struct ps_launch launch = {
        .kernel = PS_KERNEL_layer_norm,
        .type = run->type,
        .spec[PS_LAYER_NORM_SPEC_WIDTH] = width,
        .spec[PS_LAYER_NORM_SPEC_LANES] = lanes,
        .spec[PS_LAYER_NORM_SPEC_UNITS] = ps_div_up(units, lanes),
        .operands = {x, gain, bias, y},
        .items = {(uint32_t)ps_rows(x) * lanes, 1, 1},
        .flops = 7 * ps_elements(x),
    };
    const struct ps_layer_norm_push push = {.rows = (uint32_t)ps_rows(x), .c = x.c, .eps = norm.eps};
    memcpy(launch.push, &push, sizeof push);
    return ps_launched(run, &launch, y);
}
