/* y = scale x, from the storage type to float32. Operands: x; y, `count` elements each. */
#ifndef PS_WIDEN_H
#define PS_WIDEN_H
#include "lib/shared.h"

#define PS_WIDEN_SPEC_WIDTH 0 /* elements taken at a time: 4, or 1 */

/* Items: x such units of the tensor. */
#define PS_GROUP_widen_X 512
#define PS_GROUP_widen_Y 1
#define PS_GROUP_widen_Z 1

struct ps_widen_push {
    ps_uint count;
    ps_float scale;
};
#endif
