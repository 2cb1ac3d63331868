#version 460
#include "lib/kernel.glsl"
#include "concat.h"

layout(local_size_x = 64) in;
layout(constant_id = PS_CONCAT_SPEC_WIDTH) const uint WIDTH = 1;
layout(push_constant) uniform Arguments {
    ReadS p;
    ReadS q;
    WriteS y;
    ps_concat_push push;
    PS_PIECE
};

#include "lib/width.glsl"

void main()
{
    const uint p_units = push.c_p / WIDTH, q_units = push.c_q / WIDTH, units = p_units + q_units;
    uint i = GROUP.x * PS_GROUP_concat_X + gl_LocalInvocationID.x;
    const uint end = min((GROUP.x + 1) * PS_GROUP_concat_X, push.rows * units);
    /* Found by a division once, then stepped. */
    uint row = i / units, column = i % units;
    const uint rows_on = gl_WorkGroupSize.x / units, columns_on = gl_WorkGroupSize.x % units;
    for (; i < end; i += gl_WorkGroupSize.x) {
        if (column < p_units)
            put(y, i, take(p, row * p_units + column));
        else
            put(y, i, take(q, row * q_units + column - p_units));
        row += rows_on;
        column += columns_on;
        if (column >= units) {
            column -= units;
            row++;
        }
    }
}
