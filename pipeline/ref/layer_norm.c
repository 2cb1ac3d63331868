#include "ref/ref.h"

#include <math.h>

#include "layer_norm.h"

enum { X, GAIN, BIAS, VECTOR, Y };

/* Channel i of row r of x + vector. */
static double value(const struct ps_ref_call *call, uint32_t r, uint32_t i)
{
    const struct ps_layer_norm_push *a = call->push;
    const double x = ps_ref_load(call, X, (uint64_t)r * a->c + i);
    return call->operands[VECTOR]
               ? x + (double)ps_ref_load(call, VECTOR, (uint64_t)(r / a->vector_rows) * a->c + i)
               : x;
}

void ps_ref_layer_norm(const struct ps_ref_call *call)
{
    const struct ps_layer_norm_push *a = call->push;
    for (uint32_t r = 0; r < a->rows; r++) {
        const uint64_t row = (uint64_t)r * a->c;
        double mean = 0, variance = 0;
        for (uint32_t i = 0; i < a->c; i++)
            mean += value(call, r, i);
        mean /= a->c;
        for (uint32_t i = 0; i < a->c; i++) {
            const double deviation = value(call, r, i) - mean;
            variance += deviation * deviation;
        }
        variance /= a->c;
        const double rstd = 1 / sqrt(variance + a->eps);
        for (uint32_t i = 0; i < a->c; i++) {
            const double normal = (value(call, r, i) - mean) * rstd;
            ps_ref_store(call, Y, row + i, normal * ps_ref_load(call, GAIN, i) + ps_ref_load(call, BIAS, i));
        }
    }
}
