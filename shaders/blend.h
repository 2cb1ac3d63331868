/* y = act(a p + b q + vector) over n frames of `elements` elements, channels fastest; frames of p, q, y lie their pitch
 * apart. vector [n or 1, c] is added to every row, vector_pitch elements from one frame's row to the next's: 0 where
 * all share it. Operands: p, q, vector (each may be absent); y. */
#ifndef PS_BLEND_H
#define PS_BLEND_H
#include "lib/shared.h"

#define PS_BLEND_SPEC_ACT 0    /* PS_ACT_NONE or PS_ACT_SILU */
#define PS_BLEND_SPEC_P 1      /* 1 where the operand is given */
#define PS_BLEND_SPEC_Q 2
#define PS_BLEND_SPEC_VECTOR 3
#define PS_BLEND_SPEC_WIDTH 4 /* elements taken at a time: 4, or 1 */

/* Items: x such units of a frame, z frames. */
#define PS_GROUP_blend_X 512
#define PS_GROUP_blend_Y 1
#define PS_GROUP_blend_Z 1

struct ps_blend_push {
    ps_uint n, elements, c;
    ps_uint p_pitch, q_pitch, y_pitch, vector_pitch;
    ps_float a, b;
};
#endif
