#version 460
#include "lib/kernel.glsl"
#include "widen.h"

layout(local_size_x = 64) in;
layout(constant_id = PS_WIDEN_SPEC_WIDTH) const uint WIDTH = 1;
layout(push_constant) uniform Arguments {
    ReadS x;
    WriteF y;
    ps_widen_push push;
    PS_PIECE
};

#include "lib/width.glsl"

void main()
{
    uint i = GROUP.x * PS_GROUP_widen_X + gl_LocalInvocationID.x;
    const uint end = min((GROUP.x + 1) * PS_GROUP_widen_X, push.count / WIDTH);
    for (; i < end; i += gl_WorkGroupSize.x)
        put_f32(y, i, push.scale * take(x, i));
}
