/* A tile of a matrix product by VK_NV_cooperative_matrix2: a work group has one matrix of sums, and loads its operands by
 * tensor layouts, which pass them through shared memory as the driver sees fit. The rows of a tile are a patch of the output
 * seen as [frames, h, w, n], so that what a position of a convolution's kernel meets is a patch of the input too, and zeros
 * where it leaves the picture. A sum runs over K in order. GEGLU sums its values and its gates in two matrices.
 * For a shader that declares the operands and `push`, and what the tensors of x and y are: see x_tensor and y_tensor. */
#ifndef PS_COOP2_GLSL
#define PS_COOP2_GLSL

#include "lib/epilogue.glsl"
#include "lib/variant.h"
#include "lib/weight.glsl"

layout(local_size_x_id = PS_TILE_LANES) in;
layout(constant_id = PS_TILE_LANES) const uint LANES = 128;
layout(constant_id = PS_TILE_ROWS) const uint ROWS = 64;
layout(constant_id = PS_TILE_COLUMNS) const uint COLUMNS = 64;
layout(constant_id = PS_TILE_DEPTH) const uint DEPTH = 64;
layout(constant_id = PS_TILE_PATCH_FRAMES) const uint PATCH_FRAMES = 1;
layout(constant_id = PS_TILE_PATCH_H) const uint PATCH_H = 1;
layout(constant_id = PS_TILE_PATCH_W) const uint PATCH_W = 64;

#include "lib/tensor.glsl"

/* Columns of the weight for each of a matrix. */
#define STEP (ACT == PS_ACT_GEGLU ? 2 : 1)

/* Where tensors begin in their operands: the first element. */
struct origin {
    uint element;
};

/* Frames, rows and columns of y, of one phase. */
uvec3 picture();

/* x as output pixels meet it at a tap: from pixel (0, 0) of frame 0 on, which may lie outside. */
Tensor x_tensor(uint tap, out origin from);

/* y, or the residual, which have so many channels. */
Tensor y_tensor(uint channels, out origin from);

/* Column of the matrix and frame, row and column of the picture of element (0, 0) of the tile. */
uvec4 tile_corner()
{
    const uvec3 size = picture();
    const uint across = (size.z + PATCH_W - 1) / PATCH_W, down = (size.y + PATCH_H - 1) / PATCH_H;
    return uvec4(GROUP.x * COLUMNS, GROUP.y / across / down * PATCH_FRAMES, GROUP.y / across % down * PATCH_H,
                 GROUP.y % across * PATCH_W);
}

/* The row of the product that a row of the tile is; of those outside, another one. */
uint product_row(uint row, uvec4 corner)
{
    const uvec3 size = picture();
    const uvec3 within = uvec3(row / (PATCH_H * PATCH_W), row / PATCH_W % PATCH_H, row % PATCH_W);
    const uvec3 pixel = min(corner.yzw + within, size - 1);
    return (pixel.x * size.y + pixel.y) * size.z + pixel.z;
}

/* A sum of that column with bias and vector. */
float biased(float sum, uint m, uint column)
{
    const uint inside = min(column, push.n - 1);
    return sum + load_bias(inside) + vector_at(m, inside);
}

float activated(const in uint row, const in uint column, const in float sum, const in uvec4 corner)
{
    return push.scale * activation(ACT, biased(sum, product_row(row, corner), corner.x + column));
}

float gated(const in uint row, const in uint column, const in float value, const in float gate,
            const in uvec4 corner)
{
    const uint m = product_row(row, corner), first = 2 * (corner.x + column);
    return push.scale * biased(value, m, first) * gelu(biased(gate, m, first + 1));
}

float added(const in uint row, const in uint column, const in float sum, const in float residual_element,
            const in uvec4 corner)
{
    return sum + residual_element;
}

/* The columns of the tile that are `parity` of STEP, from a quad on. */
Tensor weight_slice(Tensor all, uint quad, uint column, uint parity)
{
    return sliceTensorLayoutNV(all, int(quad), DEPTH / 4, int(column), COLUMNS, int(parity), 1, 0, 4);
}

Tensor patch_slice(Tensor all, uvec4 corner, uint channel, uint channels)
{
    return sliceTensorLayoutNV(all, int(corner.y), PATCH_FRAMES, int(corner.z), PATCH_H, int(corner.w), PATCH_W,
                               int(channel), channels);
}

void store_tile(Sums sums, Sums gates, uvec4 corner)
{
    const uint channels = push.n / STEP;
    origin from;
    const Tensor all = y_tensor(channels, from);
    if (ACT == PS_ACT_GEGLU) {
        OF_EACH_PAIR(sums, sums, gates, gated, corner);
    } else {
        OF_EACH(sums, sums, activated, corner);
    }
    if (RESIDUAL != 0) {
        Halves halves;
        LOAD(halves, residual, from.element, patch_slice(all, corner, corner.x, COLUMNS));
        OF_EACH_PAIR(sums, sums, WIDENED(halves), added, corner);
    }
    STORE(NARROWED(sums), y, from.element, patch_slice(all, corner, corner.x, COLUMNS));
}

void compute_tile()
{
    const uvec4 corner = tile_corner();
    const uint padded = padded_columns(), quads = (push.k + 3) / 4;
    const Tensor weights = setTensorLayoutDimensionNV(NEW_TENSOR, quads, padded / STEP, STEP, 4);
    const PackedView view = NEW_PACKED_VIEW;
    Sums sums = ZERO_SUMS, gates = ZERO_SUMS;
    for (uint tap = 0; tap < TAPS; tap++) {
        const uint first_weight = (GROUP.z * TAPS + tap) * quads * padded * 4;
        origin from;
        const Tensor all = x_tensor(tap, from);
        for (uint channel = 0; channel < push.k; channel += DEPTH) {
            Left left;
            Right right;
            LOAD(left, x, from.element, patch_slice(all, corner, channel, DEPTH));
            LOAD_PACKED(right, weight, first_weight, weight_slice(weights, channel / 4, corner.x, 0), view);
            sums = coopMatMulAdd(left, right, sums);
            if (ACT == PS_ACT_GEGLU) {
                LOAD_PACKED(right, weight, first_weight, weight_slice(weights, channel / 4, corner.x, 1), view);
                gates = coopMatMulAdd(left, right, gates);
            }
        }
    }
    store_tile(sums, gates, corner);
}

#endif
