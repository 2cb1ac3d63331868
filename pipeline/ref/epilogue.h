/* The epilogue of linear and conv: y[m, n] = scale act(s[n] + bias[n] + vector[m / vector_rows, n]) +
 * residual[m, n]. */
#ifndef PS_REF_EPILOGUE_H
#define PS_REF_EPILOGUE_H

#include "ref/ref.h"

#include "run/weight.h"

#include "linear.h"

/* Operands of both kernels, as in kernels.def. */
enum { PS_REF_X, PS_REF_WEIGHT, PS_REF_BIAS, PS_REF_VECTOR, PS_REF_RESIDUAL, PS_REF_Y };

/* The weight of input channel `row` of output channel `column` at `tap`. */
static inline double ps_ref_weight(const struct ps_ref_call *call, uint32_t tap, uint32_t row,
                                   uint32_t column)
{
    const struct ps_tensor weight = call->launch->operands[PS_REF_WEIGHT];
    const uint64_t index = ps_packed_index(weight.h, weight.w, tap, row, column);
    if (weight.type != PS_Q8)
        return (double)ps_ref_load(call, PS_REF_WEIGHT, index);
    const float *scales = call->operands[PS_REF_WEIGHT];
    return (double)scales[column] * ((const int8_t *)(scales + weight.w))[index];
}

struct ps_ref_epilogue {
    uint32_t n, vector_rows;
    float scale;
};

/* How many columns the result has. */
static inline uint32_t ps_ref_width(const struct ps_ref_call *call, uint32_t n)
{
    return call->launch->spec[PS_LINEAR_SPEC_ACT] == PS_ACT_GEGLU ? n / 2 : n;
}

/* Row m of the result from product(call, m, column), the sum for a column of the weight. */
static inline void
ps_ref_store_row(const struct ps_ref_call *call, struct ps_ref_epilogue epilogue, uint64_t m,
                 double (*product)(const struct ps_ref_call *call, uint64_t m, uint32_t column))
{
    const uint32_t act = call->launch->spec[PS_LINEAR_SPEC_ACT], width = ps_ref_width(call, epilogue.n);
    for (uint32_t i = 0; i < width; i++) {
        double sums[2] = {0, 0};
        for (uint32_t gate = 0; gate < epilogue.n / width; gate++) {
            const uint32_t column = act == PS_ACT_GEGLU ? 2 * i + gate : i;
            sums[gate] = product(call, m, column);
            if (call->operands[PS_REF_BIAS])
                sums[gate] += (double)ps_ref_load(call, PS_REF_BIAS, column);
            if (call->operands[PS_REF_VECTOR])
                sums[gate] +=
                    (double)ps_ref_load(call, PS_REF_VECTOR, m / epilogue.vector_rows * epilogue.n + column);
        }
        double value =
            act == PS_ACT_GEGLU ? sums[0] * ps_ref_act(PS_ACT_GELU, sums[1]) : ps_ref_act(act, sums[0]);
        value *= (double)epilogue.scale;
        if (call->operands[PS_REF_RESIDUAL])
            value += (double)ps_ref_load(call, PS_REF_RESIDUAL, m * width + i);
        ps_ref_store(call, PS_REF_Y, m * width + i, value);
    }
}

#endif
