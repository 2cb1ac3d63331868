#version 460
#include "lib/kernel.glsl"
#include "norm_stats.h"

/* A lane takes one group in one split alone: lanes side by side take groups side by side. */
layout(local_size_x = 64) in;
layout(constant_id = PS_NORM_STATS_SPEC_WIDTH) const uint WIDTH = 1;
layout(constant_id = PS_NORM_STATS_SPEC_BESIDE) const uint BESIDE = 0;
layout(push_constant) uniform Arguments {
    ReadS x;
    ReadS beside;
    WriteF partial;
    ps_norm_stats_push push;
    PS_PIECE
};

/* Unit i less shift, zero beyond the unit's width. */
vec4 deviation_at(ReadS from, uint i, float shift)
{
    if (WIDTH == 4)
        return load4(from, i) - shift;
    if (WIDTH == 2)
        return vec4(load2(from, i) - shift, 0, 0);
    return vec4(load(from, i) - shift, 0, 0, 0);
}

/* The same of unit `unit` of a row, which is of x or of what lies beside it. */
vec4 deviation(uint row, uint unit, float shift)
{
    const uint own = push.c_x / WIDTH;
    if (BESIDE != 0 && unit >= own)
        return deviation_at(beside, row * ((push.c - push.c_x) / WIDTH) + unit - own, shift);
    return deviation_at(x, row * own + unit, shift);
}

float across(vec4 v)
{
    return (v.x + v.y) + (v.z + v.w);
}

void main()
{
    if (ITEM.x >= push.splits * push.groups)
        return;
    const uint split = ITEM.x / push.groups, group = ITEM.x % push.groups;
    const uint group_channels = push.c / push.groups;
    const uint units = group_channels / WIDTH, unit = group * units;
    const uint begin = split * push.split_rows;
    const uint rows = min(push.split_rows, push.rows - begin);
    uint at = ITEM.z * push.rows + begin;

    /* Deviations are summed from the first row's mean. Squares then lose nothing where the mean is large: that row is
     * within sqrt(rows) deviations of the split's mean. */
    vec4 first = vec4(0);
    for (uint u = 0; u < units; u++)
        first += deviation(at, unit + u, 0);
    const float shift = across(first) / float(group_channels);

    vec4 sum = vec4(0), square = vec4(0);
    uint row = 0;
    for (; row + 4 <= rows; row += 4) {
        vec4 row_sum = vec4(0), row_square = vec4(0);
        for (uint u = 0; u < units; u++) {
            const vec4 a = deviation(at, unit + u, shift), b = deviation(at + 1, unit + u, shift);
            const vec4 c = deviation(at + 2, unit + u, shift), d = deviation(at + 3, unit + u, shift);
            row_sum += (a + b) + (c + d);
            row_square += (a * a + b * b) + (c * c + d * d);
        }
        sum += row_sum;
        square += row_square;
        at += 4;
    }
    for (; row < rows; row++) {
        for (uint u = 0; u < units; u++) {
            const vec4 a = deviation(at, unit + u, shift);
            sum += a;
            square += a * a;
        }
        at++;
    }

    const float total = across(sum), mean = total / float(rows * group_channels);
    const uint to = 2 * (ITEM.z * push.splits * push.groups + ITEM.x);
    store_f32(partial, to, shift + mean);
    store_f32(partial, to + 1, max(across(square) - total * mean, 0));
}
