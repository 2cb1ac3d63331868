#include "ref/ref.h"

#include "resize.h"

void ps_ref_resize(const struct ps_ref_call *call)
{
    enum { X, Y };
    const struct ps_resize_push *a = call->push;
    for (uint64_t f = 0; f < a->n; f++) {
        for (uint64_t oy = 0; oy < a->out_h; oy++) {
            for (uint64_t ox = 0; ox < a->out_w; ox++) {
                const uint64_t iy = oy * a->in_h / a->out_h, ix = ox * a->in_w / a->out_w;
                const uint64_t from = ((f * a->in_h + iy) * a->in_w + ix) * a->c;
                const uint64_t to = ((f * a->out_h + oy) * a->out_w + ox) * a->c;
                for (uint32_t i = 0; i < a->c; i++)
                    ps_ref_store(call, Y, to + i, ps_ref_load(call, X, from + i));
            }
        }
    }
}
