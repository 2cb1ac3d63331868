#include "ops/product.h"

#include <string.h>

#include "base/checked.h"
#include "conv.h"
#include "linear.h"

_Static_assert(PS_CONV_SPEC_ACT == PS_LINEAR_SPEC_ACT && PS_CONV_SPEC_BIAS == PS_LINEAR_SPEC_BIAS &&
                   PS_CONV_SPEC_VECTOR == PS_LINEAR_SPEC_VECTOR &&
                   PS_CONV_SPEC_RESIDUAL == PS_LINEAR_SPEC_RESIDUAL && PS_CONV_SPEC_Q8 == PS_LINEAR_SPEC_Q8,
               "ps_product_begin sets these for both");

/* Gives one launch of the product to the run, over its x seen as [frames, in_h, in_w, k]. */
static void submit(struct ps_run *run, const struct ps_product *product, struct ps_launch *launch,
                   struct ps_conv_push push, uint32_t kernel_h, uint32_t kernel_w, uint32_t stride)
{
    push.vector_rows = product->vector_rows;
    push.scale = product->scale;
    push.phases = push.phases ? push.phases : 1;
    launch->kernel = PS_KERNEL_conv;
    launch->spec[PS_CONV_SPEC_KERNEL_H] = kernel_h;
    launch->spec[PS_CONV_SPEC_KERNEL_W] = kernel_w;
    launch->spec[PS_CONV_SPEC_STRIDE] = stride;
    launch->spec[PS_CONV_SPEC_ALIGNED] = product->aligned;
    launch->items[0] = push.n;
    launch->items[1] = push.frames * push.out_h * push.out_w;
    launch->items[2] = push.phases;
    memcpy(launch->push, &push, sizeof push);
    ps_run_launch(run, launch);
}

struct ps_tensor ps_conv(struct ps_run *run, struct ps_tensor x, struct ps_layer layer,
                         const struct ps_window *window, const struct ps_epilogue *epilogue)
{
    if (!ps_run_ok(run))
        return (struct ps_tensor){0};
    const uint32_t stride = window->stride ? window->stride : 1;
    const uint32_t wide_h = window->wide_h ? window->wide_h : x.h;
    const uint32_t wide_w = window->wide_w ? window->wide_w : x.w;
    const uint32_t out_h = window->out_h ? window->out_h : ps_div_up(wide_h, stride);
    const uint32_t out_w = window->out_w ? window->out_w : ps_div_up(wide_w, stride);
    /* Kernels multiply a place in the enlarged input by the input's size in 32 bits. */
    const bool fits = (uint64_t)wide_h * x.h <= UINT32_MAX && (uint64_t)wide_w * x.w <= UINT32_MAX;
    if (!window->kernel_h || !window->kernel_w || !fits) {
        ps_run_fail(run, PS_ERR_INTERNAL, "conv.window",
                    "a convolution has a kernel of %u x %u over %u x %u enlarged to %u x %u",
                    window->kernel_h, window->kernel_w, x.h, x.w, wide_h, wide_w);
        return (struct ps_tensor){0};
    }
    const struct ps_product product = ps_product_begin(
        run, "conv", x, layer, window->kernel_h * window->kernel_w, x.n, out_h, out_w, epilogue);
    struct ps_launch launch;
    for (struct ps_piece piece = {0}; ps_product_next(run, &product, &piece, &launch);) {
        const struct ps_conv_push push = {.frames = launch.operands[PS_X].n,
                                          .in_h = x.h,
                                          .in_w = x.w,
                                          .k = x.c,
                                          .wide_h = wide_h,
                                          .wide_w = wide_w,
                                          .out_h = out_h,
                                          .out_w = out_w,
                                          .n = layer.weight->columns,
                                          .pad_y = window->pad_top,
                                          .pad_x = window->pad_left};
        submit(run, &product, &launch, push, window->kernel_h, window->kernel_w, stride);
    }
    return ps_result(run, product.result);
}

struct ps_tensor ps_conv3x3(struct ps_run *run, struct ps_tensor x, struct ps_layer layer,
                            const struct ps_epilogue *epilogue)
{
    const struct ps_window window = {.kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1};
    return ps_conv(run, x, layer, &window, epilogue);
}

struct ps_tensor ps_conv_twice(struct ps_run *run, struct ps_tensor x, struct ps_layer layer,
                               const struct ps_epilogue *epilogue)
{
    if (!ps_run_ok(run))
        return (struct ps_tensor){0};
    struct ps_product product =
        ps_product_begin(run, "conv_twice", x, layer, 16, x.n, 2 * x.h, 2 * x.w, epilogue);
    product.launch.flops /= 4;
    product.vector_rows /= 4;
    struct ps_launch launch;
    for (struct ps_piece piece = {0}; ps_product_next(run, &product, &piece, &launch);) {
        const struct ps_conv_push push = {.frames = launch.operands[PS_X].n,
                                          .in_h = x.h,
                                          .in_w = x.w,
                                          .k = x.c,
                                          .wide_h = x.h,
                                          .wide_w = x.w,
                                          .out_h = x.h,
                                          .out_w = x.w,
                                          .n = layer.weight->columns,
                                          .pad_y = 1,
                                          .pad_x = 1,
                                          .phases = 4};
        submit(run, &product, &launch, push, 2, 2, 1);
    }
    return ps_result(run, product.result);
}

/* Frames are the rows of an image whose columns are pixels: output row j sums input rows j - 1 + before to
 * j + 1 + before of x. */
struct ps_tensor ps_conv_frames(struct ps_run *run, struct ps_tensor x, uint32_t before, uint32_t count,
                                struct ps_layer layer, const struct ps_epilogue *epilogue)
{
    if (!ps_run_ok(run))
        return (struct ps_tensor){0};
    if (before > 1 || !count || x.n < before + count || x.n > before + count + 1) {
        ps_run_fail(run, PS_ERR_INTERNAL, "conv.frames", "%u frames cannot hold %u before and %u convolved",
                    x.n, before, count);
        return (struct ps_tensor){0};
    }
    if (x.split) {
        ps_run_too_large(run, x);
        return (struct ps_tensor){0};
    }
    const struct ps_product product =
        ps_product_begin(run, "conv_frames", x, layer, 3, count, x.h, x.w, epilogue);
    struct ps_launch launch;
    for (struct ps_piece piece = {0}; ps_product_next(run, &product, &piece, &launch);) {
        const uint32_t middle = before + piece.first, first = middle ? middle - 1 : 0;
        const uint32_t last = (uint32_t)ps_min_u64(x.n, middle + piece.count + 1ull);
        const struct ps_conv_push push = {.frames = 1,
                                          .in_h = last - first,
                                          .in_w = x.h * x.w,
                                          .k = x.c,
                                          .wide_h = last - first,
                                          .wide_w = x.h * x.w,
                                          .out_h = piece.count,
                                          .out_w = x.h * x.w,
                                          .n = layer.weight->columns,
                                          .pad_y = first + 1 - middle};
        launch.operands[PS_X] = ps_frames(x, first, last - first);
        submit(run, &product, &launch, push, 3, 1, 1);
    }
    return ps_result(run, product.result);
}
