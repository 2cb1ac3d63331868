#version 460
#include "lib/kernel.glsl"
#include "blend.h"

layout(local_size_x = 64) in;
layout(constant_id = PS_BLEND_SPEC_ACT) const uint ACT = 0;
layout(constant_id = PS_BLEND_SPEC_P) const uint P = 0;
layout(constant_id = PS_BLEND_SPEC_Q) const uint Q = 0;
layout(constant_id = PS_BLEND_SPEC_VECTOR) const uint VECTOR = 0;
layout(constant_id = PS_BLEND_SPEC_WIDTH) const uint WIDTH = 1;
layout(push_constant) uniform Arguments {
    ReadS p;
    ReadS q;
    ReadS vector;
    WriteS y;
    ps_blend_push push;
    PS_PIECE
};

#include "lib/width.glsl"

void main()
{
    const uint units = push.elements / WIDTH, channels = push.c / WIDTH, frame = ITEM.z;
    uint i = GROUP.x * PS_GROUP_blend_X + gl_LocalInvocationID.x;
    const uint end = min((GROUP.x + 1) * PS_GROUP_blend_X, units);
    for (; i < end; i += gl_WorkGroupSize.x) {
        vec4 value = vec4(0);
        if (P == 1)
            value = push.a * take(p, frame * (push.p_pitch / WIDTH) + i);
        if (Q == 1)
            value += push.b * take(q, frame * (push.q_pitch / WIDTH) + i);
        if (VECTOR == 1)
            value += take(vector, frame * (push.vector_pitch / WIDTH) + i % channels);
        if (ACT == PS_ACT_SILU)
            value /= 1 + exp(-value);
        put(y, frame * (push.y_pitch / WIDTH) + i, value);
    }
}
