/* Nearest-neighbour resize, y[f, oy, ox] = x[f, floor(oy in_h / out_h), floor(ox in_w / out_w)], all c channels.
 * Computed in integers; equals PyTorch's float formula for the factors in use (exactly 2, and targets below 2). */
#ifndef PS_RESIZE_H
#define PS_RESIZE_H
#include "lib/shared.h"

#define PS_RESIZE_SPEC_WIDTH 0 /* elements taken at a time: 4, or 1 */

/* Items: x such units of an output row, y output rows, z frames. Operands: x; y. */
#define PS_GROUP_resize_X 64
#define PS_GROUP_resize_Y 8
#define PS_GROUP_resize_Z 1

struct ps_resize_push {
    ps_uint n, in_h, in_w, out_h, out_w, c;
};
#endif
