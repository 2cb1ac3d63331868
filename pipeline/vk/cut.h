/* How a launch is cut into dispatches, so that none keeps a device busy for long. */
#ifndef PS_VK_CUT_H
#define PS_VK_CUT_H

#include <stdint.h>

/* Operations that a card's dispatch does at most: 0.04 seconds of one that reaches 10 TFLOP/s, half a second of the
 * slowest. Desktop drivers reset a device that is busy for some seconds. */
#define PS_VK_CARD_FLOPS 400000000000ull

/* The work groups of one dispatch along each axis, for a launch of `groups` groups that does `flops` operations: at most
 * `most_groups` along each axis and, as far as whole groups allow, dispatch_flops operations. Cut along z first, then y,
 * then x. */
void ps_vk_cut(const uint32_t groups[3], const uint32_t most_groups[3], uint64_t flops,
               uint64_t dispatch_flops, uint32_t step[3]);

#endif
