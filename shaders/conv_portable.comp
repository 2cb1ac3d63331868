#version 460
#include "lib/kernel.glsl"
#include "conv.h"

layout(constant_id = PS_CONV_SPEC_ALIGNED) const uint ALIGNED = 0;
layout(push_constant) uniform Arguments {
    ReadS x;
    ReadS weight;
    ReadS bias;
    ReadS vector;
    ReadS residual;
    WriteS y;
    ps_conv_push push;
    PS_PIECE
};

#include "lib/row_conv.glsl"
#include "lib/portable.glsl"

void main()
{
    compute_tile(push.frames * push.out_h * push.out_w);
}
