/* What lib/coop2.glsl uses of GL_NV_cooperative_matrix2: matrices of a whole work group, loaded and stored by tensor layouts.
 * Besides the names here these are its functions for layouts and coopMatMulAdd. tests/kernels/emulation has a file of the same
 * name that does all of it by loops and shared memory, for devices without the extension. For a shader that declares ROWS,
 * COLUMNS and DEPTH, the sizes of the matrices. */
#ifndef PS_TENSOR_GLSL
#define PS_TENSOR_GLSL

#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_NV_cooperative_matrix2 : require

#define WorkgroupMatrix(type, rows, columns, use) coopmat<type, gl_ScopeWorkgroup, rows, columns, gl_MatrixUse##use>
#define Left WorkgroupMatrix(float16_t, ROWS, DEPTH, A)
#define Right WorkgroupMatrix(float16_t, DEPTH, COLUMNS, B)
#define Sums WorkgroupMatrix(float, ROWS, COLUMNS, Accumulator)
#define Halves WorkgroupMatrix(float16_t, ROWS, COLUMNS, Accumulator)

#define ZERO_SUMS Sums(0)
#define WIDENED(halves) Sums(halves)
#define NARROWED(sums) Halves(sums)

/* Four dimensions, zeros outside. */
#define Tensor tensorLayoutNV<4, gl_CooperativeMatrixClampModeConstantNV>
#define NEW_TENSOR createTensorLayoutNV(4, gl_CooperativeMatrixClampModeConstantNV)

/* For a tensor of quads, columns, 1 and 4 channels of a quad: channels become rows of the matrix. */
#define PackedView tensorViewNV<4, false, 0, 3, 1, 2>
#define NEW_PACKED_VIEW createTensorViewNV(4, false, 0, 3, 1, 2)

/* Tensors begin at multiples of 16 bytes, as the extension asks. */
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer ReadTensor {
    float16_t at[];
};
layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer WriteTensor {
    float16_t at[];
};

/* `first` is the element of the operand where the tensor begins. */
#define LOAD(matrix, operand, first, tensor) coopMatLoadTensorNV(matrix, ReadTensor(operand).at, first, tensor)
#define LOAD_PACKED(matrix, operand, first, tensor, view) \
    coopMatLoadTensorNV(matrix, ReadTensor(operand).at, first, tensor, view)
#define STORE(matrix, operand, first, tensor) coopMatStoreTensorNV(matrix, WriteTensor(operand).at, first, tensor)

/* function(row, column, element, corner) and function(row, column, element, element of other, corner) of each element. */
#define OF_EACH(result, sums, function, corner) coopMatPerElementNV(result, sums, function, corner)
#define OF_EACH_PAIR(result, sums, other, function, corner) coopMatPerElementNV(result, sums, function, other, corner)

#endif
