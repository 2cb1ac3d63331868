#version 460
#include "lib/kernel.glsl"
#include "narrow.h"

layout(local_size_x = 64) in;
layout(constant_id = PS_NARROW_SPEC_WIDTH) const uint WIDTH = 1;
layout(push_constant) uniform Arguments {
    ReadF x;
    WriteS y;
    ps_narrow_push push;
    PS_PIECE
};

#include "lib/width.glsl"

void main()
{
    uint i = GROUP.x * PS_GROUP_narrow_X + gl_LocalInvocationID.x;
    const uint end = min((GROUP.x + 1) * PS_GROUP_narrow_X, push.count / WIDTH);
    for (; i < end; i += gl_WorkGroupSize.x)
        put(y, i, push.scale * take_f32(x, i));
}
