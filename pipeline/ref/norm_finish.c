#include "ref/ref.h"

#include <math.h>

#include "norm_finish.h"

void ps_ref_norm_finish(const struct ps_ref_call *call)
{
    enum { PARTIAL, STATS };
    const struct ps_norm_finish_push *a = call->push;
    for (uint32_t f = 0; f < a->n; f += a->span) {
        for (uint32_t g = 0; g < a->groups; g++) {
            double count = 0, mean = 0, m2 = 0;
            for (uint32_t i = 0; i < a->span * a->splits; i++) {
                const uint32_t s = i % a->splits, begin = s * a->split_rows;
                const uint32_t rows = a->rows - begin < a->split_rows ? a->rows - begin : a->split_rows;
                const uint64_t at = (((uint64_t)f * a->splits + i) * a->groups + g) * 2;
                const double more = (double)rows * a->group_channels;
                const double delta = ps_ref_load(call, PARTIAL, at) - mean;
                m2 += ps_ref_load(call, PARTIAL, at + 1) + delta * delta * count * more / (count + more);
                count += more;
                mean += delta * more / count;
            }
            const uint64_t to = ((uint64_t)f / a->span * a->groups + g) * 2;
            ps_ref_store(call, STATS, to, mean);
            ps_ref_store(call, STATS, to + 1, 1 / sqrt(m2 / count + a->eps));
        }
    }
}
