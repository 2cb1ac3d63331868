#include "ref/epilogue.h"

#include "conv.h"

/* What one kernel position contributes to an output channel: input pixel `pixel` times tap `tap`. */
static double tap_product(const struct ps_ref_call *call, uint64_t pixel, uint32_t tap, uint32_t column)
{
    const struct ps_conv_push *push = call->push;
    double sum = 0;
    for (uint32_t k = 0; k < push->k; k++)
        sum += (double)ps_ref_load(call, PS_REF_X, pixel * push->k + k) * ps_ref_weight(call, tap, k, column);
    return sum;
}

/* A pixel of the result: of its phase, which is 0 where there is one alone. */
struct place {
    uint32_t phase;
    uint64_t frame, y, x;
};

static struct place place_of(const struct ps_conv_push *push, uint64_t m)
{
    const uint32_t times = push->phases == 4 ? 2 : 1;
    const uint64_t line = m / (push->out_w * times), x = m % (push->out_w * times);
    const uint64_t y = line % (push->out_h * times);
    return (struct place){.phase = (uint32_t)(y % times * 2 + x % times),
                          .frame = line / (push->out_h * times),
                          .y = y / times,
                          .x = x / times};
}

static double product(const struct ps_ref_call *call, uint64_t m, uint32_t column)
{
    const struct ps_conv_push *push = call->push;
    const uint32_t *spec = call->launch->spec, stride = spec[PS_CONV_SPEC_STRIDE];
    const uint32_t kernel_h = spec[PS_CONV_SPEC_KERNEL_H], kernel_w = spec[PS_CONV_SPEC_KERNEL_W];
    const struct place at = place_of(push, m);
    const int64_t top = (int64_t)at.y * stride + at.phase / 2 - push->pad_y;
    const int64_t left = (int64_t)at.x * stride + at.phase % 2 - push->pad_x;
    double sum = 0;
    for (uint32_t ty = 0; ty < kernel_h; ty++)
        for (uint32_t tx = 0; tx < kernel_w; tx++) {
            const int64_t y = top + ty, x = left + tx;
            if (y < 0 || y >= push->wide_h || x < 0 || x >= push->wide_w)
                continue;
            const uint64_t from_y = (uint64_t)y * push->in_h / push->wide_h,
                           from_x = (uint64_t)x * push->in_w / push->wide_w;
            const uint64_t pixel = (at.frame * push->in_h + from_y) * push->in_w + from_x;
            sum += tap_product(call, pixel, (at.phase * kernel_h + ty) * kernel_w + tx, column);
        }
    return sum;
}

void ps_ref_conv(const struct ps_ref_call *call)
{
    const struct ps_conv_push *push = call->push;
    const struct ps_ref_epilogue epilogue = {push->n, push->vector_rows * push->phases, push->scale};
    const uint64_t pixels = (uint64_t)push->frames * push->out_h * push->out_w * push->phases;
    for (uint64_t m = 0; m < pixels; m++)
        ps_ref_store_row(call, epilogue, m, product);
}
