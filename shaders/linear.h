/* y[m, n] = epilogue(sum over k of x[m, k] weight[n, k])
 * epilogue(s) = scale act(s + bias[n] + vector[m / vector_rows, n]) + residual[m, n]
 * Operands: x, weight, bias, vector, residual; y. With GEGLU y and residual have n / 2 columns. */
#ifndef PS_LINEAR_H
#define PS_LINEAR_H
#include "lib/shared.h"

#define PS_LINEAR_SPEC_ACT 0
#define PS_LINEAR_SPEC_BIAS 1     /* 1 where the operand is given */
#define PS_LINEAR_SPEC_VECTOR 2
#define PS_LINEAR_SPEC_RESIDUAL 3
#define PS_LINEAR_SPEC_ALIGNED 4  /* 1 where every row of x begins at a multiple of four elements */
#define PS_LINEAR_SPEC_Q8 8       /* 1 where the weight is in whole numbers and scales, lib/weight.glsl */

/* Items are (column of the weight, row of x). A work group is 2 x 4 clusters, each with a tile of lib/tile.glsl. */
#define PS_GROUP_linear_X 128
#define PS_GROUP_linear_Y 128
#define PS_GROUP_linear_Z 1

struct ps_linear_push {
    ps_uint m, k, n;
    ps_uint vector_rows; /* rows of x that share a row of vector */
    ps_float scale;
};
#endif
