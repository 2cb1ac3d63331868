/* What the linear layer and the convolution share: a matrix product with an epilogue, y = scale act(s + bias
 * + vector) + residual. Their launches have the same operands and the same first specialisation constants. */
#ifndef PS_OPS_PRODUCT_H
#define PS_OPS_PRODUCT_H

#include "ops/check.h"
#include "ops/ops.h"

/* Operands of the launch, as kernels.def has them for both. */
enum ps_product_operand { PS_X, PS_MATRIX, PS_BIAS, PS_VECTOR, PS_RESIDUAL, PS_Y };

struct ps_product {
    struct ps_tensor result; /* null after an error */
    struct ps_launch launch; /* of the whole; kernel, items and push constants are left to the caller */
    uint32_t vector_rows;    /* rows of the result that share a row of the vector */
    float scale;
    bool aligned; /* every row of x begins at a multiple of four elements */
};

/* Checks x, the layer of `taps` kernel positions and the epilogue (may be null) for a result of [n, h, w]
 * rows, and allocates it. `op` names the op in messages. */
struct ps_product ps_product_begin(struct ps_run *run, const char *op, struct ps_tensor x,
                                   struct ps_layer layer, uint32_t taps, uint32_t n, uint32_t h, uint32_t w,
                                   const struct ps_epilogue *epilogue);

/* Steps to the launch of the next piece of the result's frames: false behind the last one and after an error. */
bool ps_product_next(const struct ps_run *run, const struct ps_product *product, struct ps_piece *piece,
                     struct ps_launch *launch);

#endif
