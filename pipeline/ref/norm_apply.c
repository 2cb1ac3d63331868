#include "ref/ref.h"

#include "norm_apply.h"

void ps_ref_norm_apply(const struct ps_ref_call *call)
{
    enum { X, BESIDE, STATS, GAIN, BIAS, Y };
    const struct ps_norm_apply_push *a = call->push;
    const uint32_t act = call->launch->spec[PS_NORM_APPLY_SPEC_ACT], group_channels = a->c / a->groups;
    for (uint32_t f = 0; f < a->n; f++) {
        for (uint32_t r = 0; r < a->rows; r++) {
            for (uint32_t i = 0; i < a->c; i++) {
                const uint64_t row = (uint64_t)f * a->rows + r;
                const float x = i < a->c_x ? ps_ref_load(call, X, row * a->c_x + i)
                                           : ps_ref_load(call, BESIDE, row * (a->c - a->c_x) + i - a->c_x);
                const uint64_t stats = (uint64_t)f * a->stats_pitch + i / group_channels * 2;
                const double mean = ps_ref_load(call, STATS, stats),
                             rstd = ps_ref_load(call, STATS, stats + 1);
                const double normal = (x - mean) * rstd;
                ps_ref_store(
                    call, Y, row * a->c + i,
                    ps_ref_act(act, normal * ps_ref_load(call, GAIN, i) + ps_ref_load(call, BIAS, i)));
            }
        }
    }
}
