#include "ref/ref.h"

#include "blend.h"

void ps_ref_blend(const struct ps_ref_call *call)
{
    enum { P, Q, VECTOR, Y };
    const struct ps_blend_push *a = call->push;
    const uint32_t *spec = call->launch->spec;
    for (uint32_t f = 0; f < a->n; f++) {
        for (uint32_t i = 0; i < a->elements; i++) {
            double sum = 0;
            if (spec[PS_BLEND_SPEC_P])
                sum += (double)a->a * ps_ref_load(call, P, (uint64_t)f * a->p_pitch + i);
            if (spec[PS_BLEND_SPEC_Q])
                sum += (double)a->b * ps_ref_load(call, Q, (uint64_t)f * a->q_pitch + i);
            if (spec[PS_BLEND_SPEC_VECTOR])
                sum += ps_ref_load(call, VECTOR, (uint64_t)f * a->vector_pitch + i % a->c);
            ps_ref_store(call, Y, (uint64_t)f * a->y_pitch + i, ps_ref_act(spec[PS_BLEND_SPEC_ACT], sum));
        }
    }
}
