/* Where an output pixel of a convolution lies in its input. For a shader that declares `push` as conv.h has it. */
#ifndef PS_WINDOW_GLSL
#define PS_WINDOW_GLSL

#include "conv.h"

layout(constant_id = PS_CONV_SPEC_KERNEL_H) const uint KERNEL_H = 1;
layout(constant_id = PS_CONV_SPEC_KERNEL_W) const uint KERNEL_W = 1;
layout(constant_id = PS_CONV_SPEC_STRIDE) const uint STRIDE = 1;

/* An output pixel's place in the input: its frame's first input row, and the input row and column under the
 * kernel's top left corner, which padding may put outside. */
struct place {
    uint frame_row;
    int y, x;
};

place place_of(uint m)
{
    const uint row = m / push.out_w;
    return place(row / push.out_h * push.in_h, int(row % push.out_h * STRIDE + GROUP.z / 2) - int(push.pad_y),
                 int(m % push.out_w * STRIDE + GROUP.z % 2) - int(push.pad_x));
}

/* The row of y that output pixel m of this phase is. */
uint out_row(uint m)
{
    if (push.phases == 1)
        return m;
    return (2 * (m / push.out_w) + GROUP.z / 2) * 2 * push.out_w + 2 * (m % push.out_w) + GROUP.z % 2;
}

/* The input's pixel, counted over all frames, that is at (y, x) of the place's frame as conv.h enlarges it. */
uint pixel_of(place p, uint y, uint x)
{
    if (push.wide_h != push.in_h)
        y = y * push.in_h / push.wide_h;
    if (push.wide_w != push.in_w)
        x = x * push.in_w / push.wide_w;
    return (p.frame_row + y) * push.in_w + x;
}

#endif
