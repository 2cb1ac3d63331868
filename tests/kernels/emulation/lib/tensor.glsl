/* shaders/lib/tensor.glsl for devices without GL_NV_cooperative_matrix2: its matrices, layouts and views by loops and shared
 * memory, so that what is written with them runs in tests. Addresses are computed as the extension's specification does,
 * step by step: https://github.com/KhronosGroup/GLSL, extensions/nv/GLSL_NV_cooperative_matrix2.txt. */
#ifndef PS_TENSOR_GLSL
#define PS_TENSOR_GLSL

#extension GL_EXT_control_flow_attributes : require

struct Tensor {
    uvec4 dimension, stride, span;
    ivec4 offset;
};
#define NEW_TENSOR Tensor(uvec4(0), uvec4(0), uvec4(0), ivec4(0))

Tensor setTensorLayoutDimensionNV(Tensor t, uint a, uint b, uint c, uint d)
{
    t.dimension = t.span = uvec4(a, b, c, d);
    t.offset = ivec4(0);
    t.stride = uvec4(b * c * d, c * d, d, 1);
    return t;
}

Tensor setTensorLayoutStrideNV(Tensor t, uint a, uint b, uint c, uint d)
{
    t.stride = uvec4(a, b, c, d);
    return t;
}

Tensor sliceTensorLayoutNV(Tensor t, int first_a, uint a, int first_b, uint b, int first_c, uint c, int first_d,
                           uint d)
{
    t.offset += ivec4(first_a, first_b, first_c, first_d);
    t.span = uvec4(a, b, c, d);
    return t;
}

struct PackedView {
    uvec4 permutation;
};
#define NEW_PACKED_VIEW PackedView(uvec4(0, 3, 1, 2))
const PackedView AS_IT_IS = PackedView(uvec4(0, 1, 2, 3));

#define OUTSIDE 0xffffffffu

/* Where element (row, column) of a matrix of so many columns lies, from the tensor's first element on. */
uint tensor_element(Tensor t, PackedView view, uint row, uint column, uint columns)
{
    uint index = row * columns + column, in_span = 0, element = 0;
    uvec4 at;
    for (int i = 3; i >= 0; i--) {
        const uint dimension = view.permutation[i];
        at[dimension] = index % t.span[dimension];
        index /= t.span[dimension];
    }
    for (int i = 0; i < 4; i++)
        in_span = in_span * t.span[i] + at[i];
    for (int i = 3; i >= 0; i--) {
        const int place = int(in_span % t.span[i]) + t.offset[i];
        in_span /= t.span[i];
        if (place < 0 || place >= int(t.dimension[i]))
            return OUTSIDE;
        element += uint(place) * t.stride[i];
    }
    return element;
}

/* The matrices that are multiplied stay in memory until then. */
struct Left {
    ReadS from;
    uint first;
    Tensor tensor;
};
struct Right {
    ReadS from;
    uint first;
    Tensor tensor;
    PackedView view;
};

float element_of(Left m, uint row, uint column)
{
    const uint at = tensor_element(m.tensor, AS_IT_IS, row, column, DEPTH);
    return at == OUTSIDE ? 0 : load(m.from, m.first + at);
}

float element_of(Right m, uint row, uint column)
{
    const uint at = tensor_element(m.tensor, m.view, row, column, COLUMNS);
    return at == OUTSIDE ? 0 : load(m.from, m.first + at);
}

/* A lane has a block of the sums. Registers cannot be indexed by a loop's counter, so loops over them turn them round: each
 * element comes to the front once. */
#define BLOCK_ROWS 8
#define BLOCK_COLUMNS (ROWS * COLUMNS / LANES / BLOCK_ROWS)
#define BLOCK (BLOCK_ROWS * BLOCK_COLUMNS)
#define BIGGEST_BLOCK 128 /* as a number, lest Debian 12's glslc refuse to copy it */
struct Sums {
    float at[BIGGEST_BLOCK];
};
#define Halves Sums
#define WIDENED(halves) halves
#define NARROWED(sums) sums

Sums filled(float value)
{
    Sums sums;
    [[unroll]] for (uint i = 0; i < BLOCK; i++)
        sums.at[i] = value;
    return sums;
}
#define ZERO_SUMS filled(0)

/* Row and column of element i of the lane's block. */
uvec2 block_place(uint i)
{
    const uint across = COLUMNS / BLOCK_COLUMNS, block = gl_LocalInvocationIndex;
    return uvec2(block / across * BLOCK_ROWS + i / BLOCK_COLUMNS, block % across * BLOCK_COLUMNS + i % BLOCK_COLUMNS);
}

void turn(inout Sums sums, float last)
{
    [[unroll]] for (uint i = 1; i < BLOCK; i++)
        sums.at[i - 1] = sums.at[i];
    sums.at[BLOCK - 1] = last;
}

/* Rows of the right matrix that are in shared memory at a time. */
#define SLICE 16
shared float left_slice[SLICE * ROWS];
shared float right_slice[SLICE * COLUMNS];

Sums coopMatMulAdd(Left left, Right right, Sums sums)
{
    const uvec2 corner = block_place(0);
    for (uint k = 0; k < DEPTH; k += SLICE) {
        barrier();
        for (uint i = gl_LocalInvocationIndex; i < SLICE * ROWS; i += LANES)
            left_slice[i] = element_of(left, i % ROWS, k + i / ROWS);
        for (uint i = gl_LocalInvocationIndex; i < SLICE * COLUMNS; i += LANES)
            right_slice[i] = element_of(right, k + i / COLUMNS, i % COLUMNS);
        barrier();
        for (uint step = 0; step < SLICE; step++) {
            float a[BLOCK_ROWS], b[BLOCK_COLUMNS];
            [[unroll]] for (uint i = 0; i < BLOCK_ROWS; i++)
                a[i] = left_slice[step * ROWS + corner.x + i];
            [[unroll]] for (uint j = 0; j < BLOCK_COLUMNS; j++)
                b[j] = right_slice[step * COLUMNS + corner.y + j];
            [[unroll]] for (uint i = 0; i < BLOCK_ROWS; i++)
                [[unroll]] for (uint j = 0; j < BLOCK_COLUMNS; j++)
                    sums.at[i * BLOCK_COLUMNS + j] += a[i] * b[j];
        }
    }
    return sums;
}

void load_sums(inout Sums sums, ReadS from, uint first, Tensor tensor)
{
    for (uint i = 0; i < BLOCK; i++) {
        const uvec2 place = block_place(i);
        const uint at = tensor_element(tensor, AS_IT_IS, place.x, place.y, COLUMNS);
        turn(sums, at == OUTSIDE ? 0 : load(from, first + at));
    }
}

void store_sums(Sums sums, WriteS to, uint first, Tensor tensor)
{
    for (uint i = 0; i < BLOCK; i++) {
        const uvec2 place = block_place(i);
        const uint at = tensor_element(tensor, AS_IT_IS, place.x, place.y, COLUMNS);
        if (at != OUTSIDE)
            store(to, first + at, sums.at[0]);
        turn(sums, 0);
    }
}

void load_matrix(inout Left m, ReadS from, uint first, Tensor tensor)
{
    m = Left(from, first, tensor);
}

void load_matrix(inout Sums m, ReadS from, uint first, Tensor tensor)
{
    load_sums(m, from, first, tensor);
}

#define LOAD(matrix, operand, first, tensor) load_matrix(matrix, operand, first, tensor)
#define LOAD_PACKED(matrix, operand, first, tensor, view) matrix = Right(operand, first, tensor, view)
#define STORE(matrix, operand, first, tensor) store_sums(matrix, operand, first, tensor)

#define OF_EACH(result, sums, function, corner)                                                            \
    for (uint i = 0; i < BLOCK; i++) {                                                                     \
        const uvec2 place = block_place(i);                                                                \
        turn(sums, function(place.x, place.y, sums.at[0], corner));                                        \
    }
/* `pair` has turned as far as the sums have. */
#define OF_EACH_PAIR(result, sums, other, function, corner)                                                \
    {                                                                                                      \
        Sums pair = other;                                                                                 \
        for (uint i = 0; i < BLOCK; i++) {                                                                 \
            const uvec2 place = block_place(i);                                                            \
            turn(sums, function(place.x, place.y, sums.at[0], pair.at[0], corner));                        \
            turn(pair, 0);                                                                                 \
        }                                                                                                  \
    }

#endif
