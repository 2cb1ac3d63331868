/* Two-dimensional convolution over [frames, in_h, in_w, k] as an implicit matrix product, with linear.h's epilogue:
 * y[f, oy, ox, n] = epilogue(sum over ty, tx, k of x[f, oy stride + ty - pad_y, ox stride + tx - pad_x, k] weight[n, k, ty, tx])
 * where x is zero outside. Where wide_h and wide_w are not in_h and in_w, x is read as enlarged to that size by nearest
 * neighbour, pixel (y, x) being (floor(y in_h / wide_h), floor(x in_w / wide_w)): in integers, which equals PyTorch's
 * float formula for the factors in use (exactly 2, and targets below 2).
 * With 4 phases it is the kernel 3 x 3 over x enlarged twice, as four of 2 x 2 over x itself: phase z = 2 py + px gives the
 * pixels (2 oy + py, 2 ox + px) of y [frames, 2 out_h, 2 out_w, n] from rows py and columns px further, with taps
 * [4 z, 4 z + 4) of weight. The temporal convolution is this with kernel 3 x 1 over [1, frames, h w, k].
 * Operands: x, weight, bias, vector, residual; y. Output pixel m = (f out_h + oy) out_w + ox. */
#ifndef PS_CONV_H
#define PS_CONV_H
#include "lib/shared.h"

#define PS_CONV_SPEC_ACT 0
#define PS_CONV_SPEC_BIAS 1
#define PS_CONV_SPEC_VECTOR 2
#define PS_CONV_SPEC_RESIDUAL 3
#define PS_CONV_SPEC_KERNEL_H 4
#define PS_CONV_SPEC_KERNEL_W 5
#define PS_CONV_SPEC_STRIDE 6
#define PS_CONV_SPEC_ALIGNED 7 /* 1 where every pixel of x begins at a multiple of four elements */
#define PS_CONV_SPEC_Q8 8      /* 1 where the weight is in whole numbers and scales, lib/weight.glsl */

/* Items are (output channel, output pixel, phase). A work group is 2 x 4 clusters, each with a tile of lib/tile.glsl. */
#define PS_GROUP_conv_X 128
#define PS_GROUP_conv_Y 128
#define PS_GROUP_conv_Z 1

struct ps_conv_push {
    ps_uint frames, in_h, in_w, k;
    ps_uint wide_h, wide_w; /* at least 1 */
    ps_uint out_h, out_w, n;
    ps_uint pad_y, pad_x;
    ps_uint vector_rows; /* output pixels of a phase that share a row of vector */
    ps_uint phases;      /* 1 or 4 */
    ps_float scale;
};
#endif
