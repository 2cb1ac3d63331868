#include "ref/epilogue.h"

static double product(const struct ps_ref_call *call, uint64_t m, uint32_t column)
{
    const struct ps_linear_push *push = call->push;
    double sum = 0;
    for (uint32_t k = 0; k < push->k; k++)
        sum += (double)ps_ref_load(call, PS_REF_X, m * push->k + k) * ps_ref_weight(call, 0, k, column);
    return sum;
}

void ps_ref_linear(const struct ps_ref_call *call)
{
    const struct ps_linear_push *push = call->push;
    const struct ps_ref_epilogue epilogue = {push->n, push->vector_rows, push->scale};
    for (uint64_t m = 0; m < push->m; m++)
        ps_ref_store_row(call, epilogue, m, product);
}
