#include "ref/ref.h"

#include <math.h>

#include "layer_norm.h"

void ps_ref_layer_norm(const struct ps_ref_call *call)
{
    enum { X, GAIN, BIAS, Y };
    const struct ps_layer_norm_push *a = call->push;
    for (uint32_t r = 0; r < a->rows; r++) {
        const uint64_t row = (uint64_t)r * a->c;
        double mean = 0, variance = 0;
        for (uint32_t i = 0; i < a->c; i++)
            mean += ps_ref_load(call, X, row + i);
        mean /= a->c;
        for (uint32_t i = 0; i < a->c; i++) {
            const double deviation = ps_ref_load(call, X, row + i) - mean;
            variance += deviation * deviation;
        }
        variance /= a->c;
        const double rstd = 1 / sqrt(variance + a->eps);
        for (uint32_t i = 0; i < a->c; i++) {
            const double normal = (ps_ref_load(call, X, row + i) - mean) * rstd;
            ps_ref_store(call, Y, row + i, normal * ps_ref_load(call, GAIN, i) + ps_ref_load(call, BIAS, i));
        }
    }
}
