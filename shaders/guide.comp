#version 460
#include "lib/kernel.glsl"
#include "guide.h"

layout(local_size_x = 64) in;
layout(constant_id = PS_GUIDE_SPEC_WIDTH) const uint WIDTH = 1;
layout(push_constant) uniform Arguments {
    ReadF uncond;
    ReadF cond;
    ReadF scale;
    WriteF y;
    ps_guide_push push;
    PS_PIECE
};

#include "lib/width.glsl"

void main()
{
    const uint units = push.elements / WIDTH, frame = ITEM.z * units;
    const float strength = load_f32(scale, ITEM.z);
    uint i = GROUP.x * PS_GROUP_guide_X + gl_LocalInvocationID.x;
    const uint end = min((GROUP.x + 1) * PS_GROUP_guide_X, units);
    for (; i < end; i += gl_WorkGroupSize.x) {
        const vec4 base = take_f32(uncond, frame + i);
        put_f32(y, frame + i, base + strength * (take_f32(cond, frame + i) - base));
    }
}
