#include "ref/ref.h"

#include "guide.h"

void ps_ref_guide(const struct ps_ref_call *call)
{
    enum { UNCOND, COND, SCALE, Y };
    const struct ps_guide_push *a = call->push;
    for (uint32_t f = 0; f < a->n; f++) {
        const double scale = ps_ref_load(call, SCALE, f);
        for (uint32_t i = 0; i < a->elements; i++) {
            const uint64_t at = (uint64_t)f * a->elements + i;
            const double uncond = ps_ref_load(call, UNCOND, at);
            ps_ref_store(call, Y, at, uncond + scale * (ps_ref_load(call, COND, at) - uncond));
        }
    }
}
