/* y = (v - mean) / sqrt(variance + eps) gain + bias over the c channels of every row v = x + vector[row / vector_rows].
 * x, y [rows, c]; gain, bias [c]; vector [rows / vector_rows, c] may be absent. Operands: x, gain, bias, vector; y. */
#ifndef PS_LAYER_NORM_H
#define PS_LAYER_NORM_H
#include "lib/shared.h"

#define PS_LAYER_NORM_SPEC_WIDTH 0 /* elements loaded at a time: 4, or 1 */
#define PS_LAYER_NORM_SPEC_LANES 1 /* that share a row: a power of two, up to PS_LAYER_NORM_LANES */
#define PS_LAYER_NORM_SPEC_UNITS 2 /* loads of one lane: ceil(c / width / lanes) */
#define PS_LAYER_NORM_SPEC_VECTOR 3 /* 1 where the operand is given */

#define PS_LAYER_NORM_LANES 64
#define PS_LAYER_NORM_ABREAST 8 /* lanes that share a row of any length worth sharing */
#define PS_LAYER_NORM_UNITS 20  /* what a lane may hold in registers before still more lanes share the row */
#define PS_LAYER_NORM_MOST 64   /* and at most: rows of 16384 channels, of 4096 where 4 does not divide them */

/* Items: lanes of every row. */
#define PS_GROUP_layer_norm_X 64
#define PS_GROUP_layer_norm_Y 1
#define PS_GROUP_layer_norm_Z 1

struct ps_layer_norm_push {
    ps_uint rows, c;
    ps_uint vector_rows; /* rows of x that share a row of vector */
    ps_float eps;
};
#endif
