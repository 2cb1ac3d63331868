#version 460
#include "lib/kernel.glsl"
#include "conv.h"

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
#include "lib/coop2.glsl"

uvec3 picture()
{
    return uvec3(push.frames, push.out_h, push.out_w);
}

/* With a stride, one in STRIDE of the rows and columns: those that leave the same remainder as what the tap meets first. */
Tensor x_tensor(uint tap, out origin from)
{
    const uint turns = 64; /* keeps what is divided from being negative: padding is less than so many strides */
    const uvec2 meets = uvec2(tap / KERNEL_W, tap % KERNEL_W) + uvec2(GROUP.z / 2, GROUP.z % 2) + turns * STRIDE -
                        uvec2(push.pad_y, push.pad_x);
    const uvec2 first = meets % STRIDE, size = (uvec2(push.in_h, push.in_w) - first + STRIDE - 1) / STRIDE;
    const ivec2 shift = ivec2(meets / STRIDE) - int(turns);
    const uint row = push.in_w * push.k;
    from.element = first.x * row + first.y * push.k;
    Tensor all = setTensorLayoutDimensionNV(NEW_TENSOR, push.frames, size.x, size.y, push.k);
    all = setTensorLayoutStrideNV(all, push.in_h * row, STRIDE * row, STRIDE * push.k, 1);
    return sliceTensorLayoutNV(all, 0, push.frames, shift.x, size.x, shift.y, size.y, 0, push.k);
}

/* Of four phases each has one in two of the rows and columns. */
Tensor y_tensor(uint channels, out origin from)
{
    const uint apart = push.phases == 1 ? 1 : 2, row = apart * push.out_w * channels;
    from.element = GROUP.z / 2 * row + GROUP.z % 2 * channels;
    Tensor all = setTensorLayoutDimensionNV(NEW_TENSOR, push.frames, push.out_h, push.out_w, channels);
    return setTensorLayoutStrideNV(all, apart * push.out_h * row, apart * row, apart * channels, 1);
}

void main()
{
    compute_tile();
}
