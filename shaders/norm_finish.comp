#version 460
#include "lib/kernel.glsl"
#include "norm_finish.h"

layout(local_size_x = PS_GROUP_norm_finish_X) in;
layout(constant_id = PS_NORM_FINISH_SPEC_LANES) const uint LANES = 1;
layout(push_constant) uniform Arguments {
    ReadF partial;
    WriteF stats;
    ps_norm_finish_push push;
    PS_PIECE
};

/* Of `count` values: their mean, and the sum of their squared deviations from it. */
struct Moments {
    float count, mean, m2;
};

shared Moments of_lane[PS_NORM_FINISH_LANES];

Moments merge(Moments a, Moments b)
{
    const float count = a.count + b.count, share = b.count / count, delta = b.mean - a.mean;
    return Moments(count, a.mean + delta * share, a.m2 + b.m2 + delta * delta * a.count * share);
}

void main()
{
    const uint item = ITEM.x / LANES, lane = ITEM.x % LANES;
    if (item >= push.n / push.span * push.groups)
        return;
    const uint parts = push.span * push.splits, group = item % push.groups;
    const uint first = item / push.groups * parts;

    /* Means are taken relative to the first part's, so that a large common mean costs no precision. */
    const float origin = load_f32(partial, 2 * (first * push.groups + group));
    Moments sum = Moments(0, 0, 0);
    for (uint i = lane; i < parts; i += LANES) {
        const uint at = 2 * ((first + i) * push.groups + group);
        const uint begin = i % push.splits * push.split_rows;
        const float count = float(min(push.split_rows, push.rows - begin) * push.group_channels);
        sum = merge(sum, Moments(count, load_f32(partial, at) - origin, load_f32(partial, at + 1)));
    }
    if (LANES > 1) {
        of_lane[lane] = sum;
        barrier();
        if (lane > 0)
            return;
        for (uint i = 1; i < min(LANES, parts); i++)
            sum = merge(sum, of_lane[i]);
    }
    store_f32(stats, 2 * item, origin + sum.mean);
    store_f32(stats, 2 * item + 1, 1 / sqrt(sum.m2 / sum.count + push.eps));
}
