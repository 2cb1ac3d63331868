#include "ref/epilogue.h"

#include "run/weight.h"

static double product(const struct ps_ref_call *call, uint64_t m, uint32_t column)
{
    const struct ps_linear_push *push = call->push;
    const struct ps_tensor weight = call->launch->operands[PS_REF_WEIGHT];
    double sum = 0;
    for (uint32_t k = 0; k < push->k; k++)
        sum += (double)ps_ref_load(call, PS_REF_X, m * push->k + k) *
               (double)ps_ref_load(call, PS_REF_WEIGHT, ps_packed_index(weight.h, weight.w, 0, k, column));
    return sum;
}

void ps_ref_linear(const struct ps_ref_call *call)
{
    const struct ps_linear_push *push = call->push;
    const struct ps_ref_epilogue epilogue = {push->n, push->vector_rows, push->scale};
    for (uint64_t m = 0; m < push->m; m++)
        ps_ref_store_row(call, epilogue, m, product);
}
