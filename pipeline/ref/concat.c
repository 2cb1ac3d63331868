#include "ref/ref.h"

#include "concat.h"

void ps_ref_concat(const struct ps_ref_call *call)
{
    enum { P, Q, Y };
    const struct ps_concat_push *a = call->push;
    for (uint64_t r = 0; r < a->rows; r++) {
        const uint64_t to = r * (a->c_p + a->c_q);
        for (uint32_t i = 0; i < a->c_p; i++)
            ps_ref_store(call, Y, to + i, ps_ref_load(call, P, r * a->c_p + i));
        for (uint32_t i = 0; i < a->c_q; i++)
            ps_ref_store(call, Y, to + a->c_p + i, ps_ref_load(call, Q, r * a->c_q + i));
    }
}
