/* Classifier-free guidance with a scale a frame: y = uncond + scale[f] (cond - uncond), all float32.
 * Operands: uncond, cond [n, elements]; scale [n]; y. */
#ifndef PS_GUIDE_H
#define PS_GUIDE_H
#include "lib/shared.h"

#define PS_GUIDE_SPEC_WIDTH 0 /* elements taken at a time: 4, or 1 */

/* Items: x such units of a frame, z frames. */
#define PS_GROUP_guide_X 512
#define PS_GROUP_guide_Y 1
#define PS_GROUP_guide_Z 1

struct ps_guide_push {
    ps_uint n, elements;
};
#endif
