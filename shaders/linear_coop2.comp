#version 460
#include "lib/kernel.glsl"
#include "linear.h"

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
#include "lib/coop2.glsl"

uvec3 picture()
{
    return uvec3(1, 1, push.m);
}

Tensor x_tensor(uint tap, out origin from)
{
    from.element = 0;
    return setTensorLayoutDimensionNV(NEW_TENSOR, 1, 1, push.m, push.k);
}

Tensor y_tensor(uint channels, out origin from)
{
    from.element = 0;
    return setTensorLayoutDimensionNV(NEW_TENSOR, 1, 1, push.m, channels);
}

void main()
{
    compute_tile();
}
