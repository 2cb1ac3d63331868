#version 460
#include "lib/kernel.glsl"
#include "linear.h"

layout(constant_id = PS_LINEAR_SPEC_ALIGNED) const uint ALIGNED = 0;
layout(push_constant) uniform Arguments {
    ReadS x;
    ReadS weight;
    ReadS bias;
    ReadS vector;
    ReadS residual;
    WriteS y;
    ps_linear_push push;
    PS_PIECE
};

#include "lib/row_linear.glsl"
#include "lib/portable.glsl"

void main()
{
    compute_tile(push.m);
}
