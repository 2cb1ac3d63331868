#version 460
#include "lib/kernel.glsl"
#include "norm_apply.h"

/* A lane takes WIDTH channels of a block of rows: what belongs to the channels is loaded once. */
layout(local_size_x = PS_GROUP_norm_apply_X) in;
layout(constant_id = PS_NORM_APPLY_SPEC_ACT) const uint ACT = 0;
layout(constant_id = PS_NORM_APPLY_SPEC_WIDTH) const uint WIDTH = 1;
layout(constant_id = PS_NORM_APPLY_SPEC_BESIDE) const uint BESIDE = 0;
layout(push_constant) uniform Arguments {
    ReadS x;
    ReadS beside;
    ReadF stats;
    ReadS gain;
    ReadS bias;
    WriteS y;
    ps_norm_apply_push push;
    PS_PIECE
};

#include "lib/width.glsl"

void main()
{
    const uint units = push.c / WIDTH;
    const uint unit = ITEM.x % units, begin = ITEM.x / units * PS_NORM_APPLY_ROWS;
    if (begin >= push.rows)
        return;
    const uint group_channels = push.c / push.groups;
    vec4 mean, rstd;
    for (uint i = 0; i < WIDTH; i++) {
        const uint at = ITEM.z * push.stats_pitch + 2 * ((unit * WIDTH + i) / group_channels);
        mean[i] = load_f32(stats, at);
        rstd[i] = load_f32(stats, at + 1);
    }
    const vec4 scale = rstd * take(gain, unit), shift = take(bias, unit);
    const uint end = min(begin + PS_NORM_APPLY_ROWS, push.rows);
    /* The unit is of x or of what lies beside it. */
    const uint own = push.c_x / WIDTH;
    const bool apart = BESIDE != 0 && unit >= own;
    const uint step = apart ? units - own : own, first = ITEM.z * push.rows + begin;
    uint from = first * step + (apart ? unit - own : unit), at = first * units + unit;
    for (uint row = begin; row < end; row++) {
        vec4 value;
        if (apart)
            value = take(beside, from);
        else
            value = take(x, from);
        value = (value - mean) * scale + shift;
        if (ACT == PS_ACT_SILU)
            value /= 1 + exp(-value);
        put(y, at, value);
        from += step;
        at += units;
    }
}
