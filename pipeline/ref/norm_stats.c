#include "ref/ref.h"

#include "norm_stats.h"

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Channel i of a row of x and what lies beside it. */
static float channel(const struct ps_ref_call *call, uint64_t row, uint32_t i)
{
    enum { X, BESIDE };
    const struct ps_norm_stats_push *a = call->push;
    return i < a->c_x ? ps_ref_load(call, X, row * a->c_x + i)
                      : ps_ref_load(call, BESIDE, row * (a->c - a->c_x) + i - a->c_x);
}

void ps_ref_norm_stats(const struct ps_ref_call *call)
{
    enum { X, BESIDE, PARTIAL };
    const struct ps_norm_stats_push *a = call->push;
    const uint32_t group_channels = a->c / a->groups;
    for (uint32_t f = 0; f < a->n; f++) {
        for (uint32_t s = 0; s < a->splits; s++) {
            const uint32_t begin = s * a->split_rows, end = min_u32(begin + a->split_rows, a->rows);
            for (uint32_t g = 0; g < a->groups; g++) {
                double mean = 0, m2 = 0;
                for (uint32_t r = begin; r < end; r++)
                    for (uint32_t i = 0; i < group_channels; i++)
                        mean += channel(call, (uint64_t)f * a->rows + r, g * group_channels + i);
                mean /= (double)(end - begin) * group_channels;
                for (uint32_t r = begin; r < end; r++) {
                    for (uint32_t i = 0; i < group_channels; i++) {
                        const double deviation =
                            channel(call, (uint64_t)f * a->rows + r, g * group_channels + i) - mean;
                        m2 += deviation * deviation;
                    }
                }
                const uint64_t to = (((uint64_t)f * a->splits + s) * a->groups + g) * 2;
                ps_ref_store(call, PARTIAL, to, mean);
                ps_ref_store(call, PARTIAL, to + 1, m2);
            }
        }
    }
}
