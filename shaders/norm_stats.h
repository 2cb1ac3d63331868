/* First pass of a group norm: mean and sum of squared deviations of every group over a split of a frame's rows.
 * Operands: x [n, rows, c_x], beside [n, rows, c - c_x] (may be absent), of which a row is x's channels and then beside's;
 * partial [n, splits, groups, 2] = (mean, m2).
 * Split s covers rows [s split_rows, min(rows, (s + 1) split_rows)), so a result depends on no chunking. */
#ifndef PS_NORM_STATS_H
#define PS_NORM_STATS_H
#include "lib/shared.h"

#define PS_NORM_STATS_SPEC_WIDTH 0 /* elements loaded at a time: 4, 2 or 1, a divisor of c / groups and of c_x */
#define PS_NORM_STATS_SPEC_BESIDE 1 /* 1 where the operand is given */

/* The least rows of a split, and the lanes that a frame is split for where it has enough rows: a lane takes one group
 * in one split. */
#define PS_NORM_STATS_MIN_ROWS 32
#define PS_NORM_STATS_LANES 32768

/* Items: x groups of every split, z frames. */
#define PS_GROUP_norm_stats_X 64
#define PS_GROUP_norm_stats_Y 1
#define PS_GROUP_norm_stats_Z 1

struct ps_norm_stats_push {
    ps_uint n, rows, c, c_x, groups;
    ps_uint splits, split_rows;
};
#endif
