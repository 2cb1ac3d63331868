/* y = act((x - mean) rstd gain + bias) with the group's statistics. A row of c channels is x's [n, rows, c_x] and then
 * beside's [n, rows, c - c_x], which may be absent; y [n, rows, c]; all dense; gain, bias [c];
 * stats [n or 1, 1, groups, 2], stats_pitch elements from one frame's to the next's: 0 where all frames share them.
 * Operands: x, beside, stats, gain, bias; y. */
#ifndef PS_NORM_APPLY_H
#define PS_NORM_APPLY_H
#include "lib/shared.h"

#define PS_NORM_APPLY_SPEC_ACT 0   /* PS_ACT_NONE or PS_ACT_SILU */
#define PS_NORM_APPLY_SPEC_WIDTH 1 /* elements taken at a time: 4, or 1; a divisor of c and of c_x */
#define PS_NORM_APPLY_SPEC_BESIDE 2 /* 1 where the operand is given */

/* Rows that a lane takes of its channels. */
#define PS_NORM_APPLY_ROWS 16

/* Items: x lanes of a frame, channels of one block of rows, then the next block; z frames. */
#define PS_GROUP_norm_apply_X 64
#define PS_GROUP_norm_apply_Y 1
#define PS_GROUP_norm_apply_Z 1

struct ps_norm_apply_push {
    ps_uint n, rows, c, c_x, groups;
    ps_uint stats_pitch;
};
#endif
