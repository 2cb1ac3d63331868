/* y = scale x, from float32 to the storage type. Operands: x; y, `count` elements each. */
#ifndef PS_NARROW_H
#define PS_NARROW_H
#include "lib/shared.h"

#define PS_NARROW_SPEC_WIDTH 0 /* elements taken at a time: 4, or 1 */

/* Items: x such units of the tensor. */
#define PS_GROUP_narrow_X 512
#define PS_GROUP_narrow_Y 1
#define PS_GROUP_narrow_Z 1

struct ps_narrow_push {
    ps_uint count;
    ps_float scale;
};
#endif
