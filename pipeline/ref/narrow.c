#include "ref/ref.h"

#include "narrow.h"

void ps_ref_narrow(const struct ps_ref_call *call)
{
    enum { X, Y };
    const struct ps_narrow_push *a = call->push;
    for (uint32_t i = 0; i < a->count; i++)
        ps_ref_store(call, Y, i, (double)a->scale * ps_ref_load(call, X, i));
}
