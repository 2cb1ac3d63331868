/* The rows of a convolution's input, for lib/gather.glsl: an output pixel's channels at each position of the kernel. */
#include "lib/window.glsl"

#define TAPS (KERNEL_H * KERNEL_W)

uint row_start(place row, uint tap)
{
    const int y = row.y + int(tap / KERNEL_W), x = row.x + int(tap % KERNEL_W);
    const bool inside = y >= 0 && y < int(push.wide_h) && x >= 0 && x < int(push.wide_w);
    return inside ? pixel_of(row, uint(y), uint(x)) * push.k : 0xffffffffu;
}
