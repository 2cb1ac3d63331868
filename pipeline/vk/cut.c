#include "vk/cut.h"

#include "base/checked.h"

void ps_vk_cut(const uint32_t groups[3], const uint32_t most_groups[3], uint64_t flops,
               uint64_t dispatch_flops, uint32_t step[3])
{
    uint64_t pieces = (flops + dispatch_flops - 1) / dispatch_flops;
    for (int axis = 2; axis >= 0; axis--) {
        const uint32_t parts = (uint32_t)ps_max_u64(1, ps_min_u64(pieces, groups[axis]));
        step[axis] = (uint32_t)ps_min_u64(ps_div_up(groups[axis], parts), most_groups[axis]);
        const uint32_t made = ps_div_up(groups[axis], step[axis]);
        pieces = (pieces + made - 1) / made;
    }
}
