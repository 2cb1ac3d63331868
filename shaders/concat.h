/* y[row] = p[row] then q[row], along channels. Operands: p [rows, c_p], q [rows, c_q]; y [rows, c_p + c_q]. */
#ifndef PS_CONCAT_H
#define PS_CONCAT_H
#include "lib/shared.h"

#define PS_CONCAT_SPEC_WIDTH 0 /* elements taken at a time: 4, or 1 */

/* Items: x such units of the tensor. */
#define PS_GROUP_concat_X 512
#define PS_GROUP_concat_Y 1
#define PS_GROUP_concat_Z 1

struct ps_concat_push {
    ps_uint rows, c_p, c_q;
};
#endif
