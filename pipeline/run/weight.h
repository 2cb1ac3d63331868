/* A weight as a model part declares it: which tensors of the checkpoint, and how they are packed for the
 * kernels. */
#ifndef PS_RUN_WEIGHT_H
#define PS_RUN_WEIGHT_H

#include "base/error.h"
#include "tensor/tensor.h"

#define PS_WEIGHT_SOURCES 3

/* The packed forms.
 *  vector: the elements in file order, as [1, 1, rows, columns].
 *  matrix: file [columns, rows, taps...] (a linear layer's [out, in], a convolution's [out, in, kh, kw] or
 *          [out, in, kt, 1, 1]) as [taps, ceil(rows / 4), columns rounded up to 8, 4]: four input channels of
 * one output channel are one vec4, output channels lie side by side. Padding is zero. Of the type PS_Q8 each element is
 *          a whole number from -127 to 127, and weights are it times the float32 scale of its output channel; the scales
 *          lie before the elements. */
enum ps_pack { PS_PACK_VECTOR, PS_PACK_MATRIX };

#define PS_PACK_COLUMNS 8

struct ps_weight {
    enum ps_pack pack;
    uint32_t taps;    /* kernel positions, row by row; 1 for linear layers and vectors */
    uint32_t rows;    /* input channels */
    /* Where the weight takes some of its sources' input channels alone: the first of them, and how many the
     * sources have; else both 0. */
    uint32_t first_row, source_rows;
    /* Of a 3x3 kernel over a picture that is enlarged twice by nearest neighbour: the four 2x2 kernels over the
     * picture itself, sums of the file's taps, as 16 taps. Kernel 2 py + px gives the pixels of rows 2 i + py and
     * columns 2 j + px. */
    bool phases;
    uint32_t columns; /* output channels, of all sources together */
    /* GEGLU: the file holds all values, then all gates; packed, value j and gate j are columns 2j and 2j + 1.
     */
    bool interleave;
    uint32_t source_count;
    uint32_t
        sources[PS_WEIGHT_SOURCES]; /* tensors of the store, concatenated along columns (query, key, value) */
    uint32_t index;                 /* of this weight in its set */
};

/* A weight and its bias: of a linear layer or a convolution, or gain and bias of a norm. */
struct ps_layer {
    const struct ps_weight *weight;
    const struct ps_weight *bias; /* null where there is none */
};

/* The weights of one phase. */
struct ps_weight_set {
    struct ps_weight *items;
    uint32_t count;
};

/* Where weights come from: a checkpoint, or arrays in a test. */
struct ps_store {
    /* Writes the packed weight to `to` in `type`. */
    bool (*fill)(const struct ps_store *store, const struct ps_weight *weight, enum ps_type type, void *to,
                 struct ps_error *error);
};

/* How a weight is stored in a phase of storage type `type`: with `quantised` large matrices are PS_Q8. Vectors stay, norms'
 * gains and biases, which are few; and matrices with fewer than PS_Q8_LEAST inputs or outputs, at the model's edges, which
 * are few as well and whose error would go straight into latents or pixels. Kernels in phases are whole numbers of their sums. */
#define PS_Q8_LEAST 32
enum ps_type ps_weight_type(const struct ps_weight *weight, enum ps_type type, bool quantised);

/* The shape that a packed weight has in that type, with offset 0 in PS_WEIGHTS. */
struct ps_tensor ps_packed_shape(const struct ps_weight *weight, enum ps_type type);

/* Index, in elements, of input channel `row` of output channel `column` at `tap` in a packed matrix. */
static inline uint64_t ps_packed_index(uint32_t row_quads, uint32_t columns_padded, uint32_t tap,
                                       uint32_t row, uint32_t column)
{
    return (((uint64_t)tap * row_quads + row / 4) * columns_padded + column) * 4 + row % 4;
}

#endif
