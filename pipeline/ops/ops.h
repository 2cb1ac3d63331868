/* The vocabulary of model code. Every op checks its arguments, allocates its result in the run's scope (or writes into
 * the view it is given), and launches. After an error in the run all of them do nothing and return the null tensor.
 * Tensors are [n, h, w, c], see tensor.h; results have the run's type unless said otherwise. Split tensors are taken
 * everywhere unless said otherwise, with a launch a piece. */
#ifndef PS_OPS_OPS_H
#define PS_OPS_OPS_H

#include "run/run.h"

enum ps_act { PS_NONE, PS_SILU, PS_GELU, PS_QUICK_GELU, PS_GEGLU };

/* Gain (weight) and bias of a norm, and the eps that it was trained with. */
struct ps_norm {
    struct ps_layer layer;
    float eps;
};

/* What is done to a product before it is stored: y = scale act(s + bias + vector) + residual. */
struct ps_epilogue {
    enum ps_act act;
    struct ps_tensor vector;   /* [1, 1, 1, n]: the same for all; [frames, 1, 1, n]: one row a frame; or null */
    float scale;               /* 0 means 1 */
    struct ps_tensor residual; /* shaped like the result, may be a slab, may be `into` itself; or null */
    struct ps_tensor into;     /* dense view or slab to write to instead of a new tensor; or null */
};

/* x [n, h, w, k] -> [n, h, w, columns], columns / 2 with GEGLU. `epilogue` may be null. */
struct ps_tensor ps_linear(struct ps_run *run, struct ps_tensor x, struct ps_layer layer,
                           const struct ps_epilogue *epilogue);

/* Geometry of a two-dimensional convolution; zero padding. */
struct ps_window {
    uint32_t kernel_h, kernel_w;
    uint32_t wide_h, wide_w;     /* the size that the input is enlarged to first, by nearest neighbour; 0: its own */
    uint32_t stride;             /* 0 means 1 */
    uint32_t pad_top, pad_left;
    uint32_t out_h, out_w;       /* 0 means the (enlarged) input's size divided by stride, rounded up */
};

/* x [n, h, w, k] -> [n, out_h, out_w, columns]. */
struct ps_tensor ps_conv(struct ps_run *run, struct ps_tensor x, struct ps_layer layer, const struct ps_window *window,
                         const struct ps_epilogue *epilogue);

/* 3x3, stride 1, padding 1: keeps the size. */
struct ps_tensor ps_conv3x3(struct ps_run *run, struct ps_tensor x, struct ps_layer layer,
                            const struct ps_epilogue *epilogue);

/* The same of x enlarged twice by nearest neighbour, with a layer that has the 2x2 kernels of the four phases (`phases` of
 * run/weight.h): 4/9 of the work. Result [n, 2 h, 2 w, columns]. */
struct ps_tensor ps_conv_twice(struct ps_run *run, struct ps_tensor x, struct ps_layer layer,
                               const struct ps_epilogue *epilogue);

/* 3x1x1 over frames with zero padding at the clip's ends. `x` holds the frames [first - before, ...) of the clip that
 * the result's `count` frames touch: before is 1 unless the result begins at the clip's first frame, and x ends one
 * frame after the result's last unless the clip does; it may not be split. Result [count, h, w, columns]. */
struct ps_tensor ps_conv_frames(struct ps_run *run, struct ps_tensor x, uint32_t before, uint32_t count,
                                struct ps_layer layer, const struct ps_epilogue *epilogue);

/* Partial statistics of every frame of x (may be a chunk of the clip) for a group norm, into partial, a view of the
 * tensor from ps_norm_partial that holds these frames. */
struct ps_tensor ps_norm_partial(struct ps_run *run, uint32_t frames, uint32_t rows, uint32_t groups);
void ps_norm_measure(struct ps_run *run, struct ps_tensor x, uint32_t groups, struct ps_tensor partial);

/* Statistics from partial ones: span 1 a frame, or all frames of `partial` together. x_rows rows a frame and
 * group_channels channels a group were measured. Result [n / span, 1, groups, 2] float32. */
struct ps_tensor ps_norm_stats(struct ps_run *run, struct ps_tensor partial, uint32_t span, uint32_t x_rows,
                               uint32_t group_channels, float eps);

/* act(group norm) with statistics from ps_norm_stats: one row of them a frame, or one row for all. act: NONE or SILU.
 * The result is a new tensor, or `into`. x and into may be slabs. */
struct ps_tensor ps_norm_apply(struct ps_run *run, struct ps_tensor x, struct ps_tensor stats, struct ps_norm norm,
                               enum ps_act act);

struct ps_tensor ps_norm_apply_into(struct ps_run *run, struct ps_tensor x, struct ps_tensor stats, struct ps_norm norm,
                                    enum ps_act act, struct ps_tensor into);

/* Group norm whose statistics span one frame: measure, finish and apply. */
struct ps_tensor ps_group_norm(struct ps_run *run, struct ps_tensor x, uint32_t groups, struct ps_norm norm,
                               enum ps_act act);

/* The same of the tensor whose rows are x's channels and then beside's, which is not made: beside has x's pixels. */
struct ps_tensor ps_group_norm_beside(struct ps_run *run, struct ps_tensor x, struct ps_tensor beside, uint32_t groups,
                                      struct ps_norm norm, enum ps_act act);

/* Layer norm over the channels of every row of x, which may be a slab. */
struct ps_tensor ps_layer_norm(struct ps_run *run, struct ps_tensor x, struct ps_norm norm);

/* The same of x + vector, which is not made; vector as in ps_epilogue. */
struct ps_tensor ps_layer_norm_sum(struct ps_run *run, struct ps_tensor x, struct ps_tensor vector, struct ps_norm norm);

/* Self-attention over a fused projection qkv [n, h, w, 3 c] -> [n, h, w, c] with `heads` heads; scale 1 / sqrt(c / heads).
 * SPACE: the h w tokens of each frame. TIME: the n frames of each pixel, which may not be split. */
enum ps_axis { PS_SPACE, PS_TIME };
struct ps_tensor ps_self_attention(struct ps_run *run, struct ps_tensor qkv, uint32_t heads, enum ps_axis axis);

/* General attention: q [n, 1, queries, c], k and v [n, 1, keys, c] -> [n, 1, queries, c]. */
struct ps_tensor ps_attention(struct ps_run *run, struct ps_tensor q, struct ps_tensor k, struct ps_tensor v,
                              uint32_t heads);

/* act(a p + b q + vector). p and q may be null or slabs; vector as in ps_epilogue; into may be a slab, p or q itself,
 * or null for a new tensor. act: NONE or SILU. All of one type, which need not be the run's. */
struct ps_blend {
    float a, b;
    struct ps_tensor p, q, vector;
    enum ps_act act;
    struct ps_tensor into;
};
struct ps_tensor ps_blend(struct ps_run *run, const struct ps_blend *blend);

/* [n, h, w, p.c + q.c]: p's channels, then q's. */
struct ps_tensor ps_concat(struct ps_run *run, struct ps_tensor p, struct ps_tensor q);

/* scale x, float32 -> the run's type; and the run's type -> float32, into a new tensor or the dense view `into`. */
struct ps_tensor ps_narrow(struct ps_run *run, struct ps_tensor x, float scale);
struct ps_tensor ps_widen(struct ps_run *run, struct ps_tensor x, float scale, struct ps_tensor into);

/* uncond + scale[f] (cond - uncond): float32 [n, h, w, c], scale float32 [1, 1, 1, n]. */
struct ps_tensor ps_guide(struct ps_run *run, struct ps_tensor uncond, struct ps_tensor cond, struct ps_tensor scale);

#endif
